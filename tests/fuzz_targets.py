"""What must hold for any bytes whatever, as functions that a fuzzer can call.

Each takes bytes and a scratch folder, and ends in silence or in an error that foxgrape raises on
purpose, of one line. Anything else is a finding: another error, a warning, a line too many, an
answer that breaks what it promises.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import emoji

from foxgrape import Codebook, FoxgrapeError, find, lookup, open_study, read_events, read_posts
from foxgrape._util.resources import study_folder
from foxgrape.detection.emoji.scan import scan_emoji
from foxgrape.detection.mentions import find_mentions
from foxgrape.io.events.read import FORMATS as EVENTS
from foxgrape.io.posts.read import FORMATS as POSTS
from foxgrape.places import Gazetteer
from foxgrape.reports.schedule.config import find_problems, read_schedule
from foxgrape.reports.templates.discovery import find_template, templates
from foxgrape.reports.templates.parameters import parse_parameters, validate_parameters

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TARGETS", "seeds"]

FIXTURES = Path(__file__).parent / "fixtures"
STUDY = study_folder("izium-2022")
NOW = datetime(2023, 1, 1, tzinfo=UTC)
PLACES = """id,name,names,country,lat,lon,population
mine:1,Izium,uk:Ізюм|ru:Изюм,UA,49.2,37.3,45884
mine:2,Hrakove,,UA,49.6,36.9,
"""
VALUES = '{"horizon": "60D", "place": "Izium", "since": "2022-03-01", "end": "-7d", "places": []}'
TEXTS = [
    "Наші в Ізюмі та під Лисичанськом, м. Куп’янськ і Kherson's port; Новини.",
    "Освобождены Гракове, Балаклея и Изюм: 🍇👍🏻👩‍🚀🇺🇦🏴󠁧󠁢󠁥󠁮󠁧󠁿❤️1️⃣©",
    "2022-09-10",
]


def _on_purpose(call: Callable[..., object], *arguments: object, **options: object) -> object:
    """Call; what is raised on purpose is no finding, if it is one line."""
    try:
        return call(*arguments, **options)
    except FoxgrapeError as error:
        text = str(error)
        assert text.strip(), "an error without a word"
        assert len(text.splitlines()) == 1, f"an error of several lines: {text!r}"
        return None


def _export(
    read: Callable[..., object], told: dict[str, str], name: str | None, data: bytes, folder: Path
) -> None:
    """Try a file in a format, or in whichever it is: whole, and with what is bad put aside."""
    file = folder / "export"
    file.write_bytes(data)
    told = {"format": name, "timezone": "Europe/Kyiv"} | told
    whole = _on_purpose(read, file, **told)
    kept = _on_purpose(read, file, **told, on_error="quarantine")
    if whole is not None:
        # What can be read whole has nothing to be put aside.
        assert kept is not None
        assert kept.equals(whole)


def codebook(data: bytes, folder: Path) -> None:
    """Try a codebook, and codes looked up in it."""
    file = folder / "codes.csv"
    file.write_bytes(data)
    book = _on_purpose(Codebook.from_csv, file)
    for code in book.codes[:3] if isinstance(book, Codebook) else ():
        assert any(match.code == code for match in book.lookup(code.code))


def gazetteer(data: bytes, folder: Path) -> None:
    """Try a gazetteer, and its first place found in it."""
    file = folder / "places.csv"
    file.write_bytes(data)
    held = _on_purpose(Gazetteer.from_csv, file)
    if isinstance(held, Gazetteer):
        for place in held.inhabited()[:1]:
            held.find(place.name)


def names(data: bytes, folder: Path) -> None:  # noqa: ARG001 - all take a folder
    """Try whatever somebody types, or posts."""
    text = data.decode("utf-8", "replace")
    _on_purpose(find, text[:200])
    _on_purpose(lookup, text[:200])
    for mention in find_mentions(text, Gazetteer.default()):
        assert text[mention.start : mention.end].strip()
        assert mention.places
    spans = scan_emoji([text])
    ends = zip(spans.start.tolist(), spans.end.tolist(), spans.emoji.tolist(), strict=True)
    for start, end, sign in ends:
        assert emoji.is_emoji(sign)
        assert text[start:end] == sign


def parameters(data: bytes, folder: Path) -> None:
    """Try the sidecar of a template, and values for it as a shell and as JSON give them."""
    sidecar, _, given = data.partition(b"\0")
    (folder / "mine.ipynb").write_text("{}", encoding="utf-8")
    (folder / "mine.yaml").write_bytes(sidecar)
    own = _on_purpose(find_template, folder / "mine.ipynb")
    for template in filter(None, (own, find_template("lead_times"))):
        try:
            told = json.loads(given or b"{}")
        except (ValueError, RecursionError):
            told = {"horizon": given.decode("utf-8", "replace")}
        told = told if isinstance(told, dict) else {"horizon": told}
        _on_purpose(validate_parameters, template, told, now=NOW, environ={})
        shell = {name: value for name, value in told.items() if isinstance(value, str)}
        typed = _on_purpose(parse_parameters, template, shell)
        if isinstance(typed, dict):
            _on_purpose(validate_parameters, template, typed, now=NOW, environ={})


def schedule(data: bytes, folder: Path) -> None:
    """Try a schedule, and what is due by it."""
    file = folder / "schedule.toml"
    file.write_bytes(data)
    read = _on_purpose(read_schedule, file)
    wrong = find_problems(file)
    assert (read is None) == bool(wrong)
    assert all(len(str(error).splitlines()) == 1 for error in wrong)
    for entry in read.entries[:2] if read is not None else ():
        entry.periods(NOW, 3, NOW)


def study(data: bytes, folder: Path) -> None:
    """Try the descriptor of a study beside tables that are right."""
    for file in STUDY.iterdir():
        beside = folder / file.name
        if file.is_file() and not beside.exists():
            beside.symlink_to(file)
    descriptor = folder / "datapackage.json"
    descriptor.unlink(missing_ok=True)
    descriptor.write_bytes(data)
    _on_purpose(open_study, folder)


_posts = partial(_export, read_posts, {"account": "me"})
_events = partial(_export, read_events, {})
#: By name: what is tried, and what a fuzzer begins with.
TARGETS: dict[str, Callable[[bytes, Path], None]] = {
    "codebook": codebook,
    "gazetteer": gazetteer,
    "names": names,
    "parameters": parameters,
    "schedule": schedule,
    "study": study,
    "posts": partial(_posts, None),
    "events": partial(_events, None),
    **{f"posts-{name}": partial(_posts, name) for name in POSTS},
    **{f"events-{name}": partial(_events, name) for name in EVENTS},
}


def seeds(name: str) -> list[bytes]:
    """Return inputs that are right, and those that once were a finding, for a target."""
    kind, _, form = name.partition("-")
    found = sorted((FIXTURES / "found" / name).glob("*"))
    return [*_right(kind, form), *(file.read_bytes() for file in found)]


def _right(kind: str, form: str) -> list[bytes]:
    if kind in {"posts", "events"}:
        own = [file for file in sorted((FIXTURES / kind).iterdir()) if file.name.startswith(form)]
        rows = (STUDY / f"{kind}.csv").read_bytes().splitlines(keepends=True)[:6]
        return [*(file.read_bytes() for file in own), b"".join(rows)]
    guide = (Path(__file__).parents[1] / "docs" / "how-to" / "schedule-reports.md").read_text(
        encoding="utf-8"
    )
    sidecars = [template.notebook.with_suffix(".yaml") for template in templates().values()]
    return {
        "codebook": [(STUDY / "codebook.csv").read_bytes()],
        "gazetteer": [PLACES.encode()],
        "names": [text.encode() for text in TEXTS],
        "parameters": [file.read_bytes() + b"\0" + VALUES.encode() for file in sidecars],
        "schedule": [block.partition("```")[0].encode() for block in guide.split("```toml\n")[1:]],
        "study": [(STUDY / "datapackage.json").read_bytes()],
    }[kind]
