"""Fuzz targets: functions that check what must hold for any bytes.

Each takes bytes and a scratch folder, and returns or raises a one-line `FoxgrapeError`. Anything
else is a finding: another error, a warning, an error of several lines, or a wrong result.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import emoji

from foxgrape import Codebook, FoxgrapeError, find, lookup, open_study, read_events, read_posts
from foxgrape._util.files import study_folder
from foxgrape.detection.emoji.scan import scan_emoji
from foxgrape.io.events.read import FORMATS as EVENTS
from foxgrape.io.posts.read import FORMATS as POSTS
from foxgrape.places import Gazetteer
from foxgrape.places.mentions import find_mentions
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


def _call(call: Callable[..., object], *arguments: object, **options: object) -> object:
    """Return the result of a call; None if it raises a one-line `FoxgrapeError`."""
    try:
        return call(*arguments, **options)
    except FoxgrapeError as error:
        text = str(error)
        assert text.strip(), "an error without a message"
        assert len(text.splitlines()) == 1, f"an error of several lines: {text!r}"
        return None


def _export(
    read: Callable[..., object],
    options: dict[str, str],
    name: str | None,
    data: bytes,
    folder: Path,
) -> None:
    """Read a file in a format, or detect it, with and without a quarantine."""
    file = folder / "export"
    file.write_bytes(data)
    options = {"format": name, "timezone": "Europe/Kyiv"} | options
    strict = _call(read, file, **options, with_report=True)
    tolerant = _call(read, file, **options, on_error="quarantine", with_report=True)
    if isinstance(strict, tuple):
        # A file without bad records has an empty quarantine.
        assert tolerant is not None
        frame, report = tolerant
        assert frame.equals(strict[0])
        assert report.quarantine == []


def codebook(data: bytes, folder: Path) -> None:
    """Read a codebook, and look up its codes."""
    file = folder / "codes.csv"
    file.write_bytes(data)
    book = _call(Codebook.from_csv, file)
    for code in book.codes[:3] if isinstance(book, Codebook) else ():
        assert any(match.code == code for match in book.lookup(code.code))


def gazetteer(data: bytes, folder: Path) -> None:
    """Read a gazetteer, and find its first place."""
    file = folder / "places.csv"
    file.write_bytes(data)
    places = _call(Gazetteer.from_csv, file)
    if isinstance(places, Gazetteer):
        for place in places.populated_places()[:1]:
            places.find(place.name)


def names(data: bytes, folder: Path) -> None:  # noqa: ARG001 - all take a folder
    """Look up, find and scan any text."""
    text = data.decode("utf-8", "replace")
    _call(find, text[:200])
    _call(lookup, text[:200])
    for mention in find_mentions(text, Gazetteer.default()):
        assert text[mention.start : mention.end].strip()
        assert mention.places
    spans = scan_emoji([text])
    ends = zip(spans.start.tolist(), spans.end.tolist(), spans.emoji.tolist(), strict=True)
    for start, end, sign in ends:
        assert emoji.is_emoji(sign)
        assert text[start:end] == sign


def parameters(data: bytes, folder: Path) -> None:
    """Read the sidecar of a template, and validate values from the shell and from JSON."""
    sidecar, _, given = data.partition(b"\0")
    (folder / "mine.ipynb").write_text("{}", encoding="utf-8")
    (folder / "mine.yaml").write_bytes(sidecar)
    own = _call(find_template, folder / "mine.ipynb")
    for template in filter(None, (own, find_template("lead_times"))):
        try:
            values = json.loads(given or b"{}")
        except (ValueError, RecursionError):
            values = {"horizon": given.decode("utf-8", "replace")}
        values = values if isinstance(values, dict) else {"horizon": values}
        _call(validate_parameters, template, values, now=NOW, environ={})
        shell = {name: value for name, value in values.items() if isinstance(value, str)}
        typed = _call(parse_parameters, template, shell)
        if isinstance(typed, dict):
            _call(validate_parameters, template, typed, now=NOW, environ={})


def schedule(data: bytes, folder: Path) -> None:
    """Read a schedule, and list its periods."""
    file = folder / "schedule.toml"
    file.write_bytes(data)
    read = _call(read_schedule, file)
    wrong = find_problems(file)
    assert (read is None) == bool(wrong)
    assert all(len(str(error).splitlines()) == 1 for error in wrong)
    for entry in read.entries[:2] if read is not None else ():
        entry.periods(NOW, 3, NOW)


def study(data: bytes, folder: Path) -> None:
    """Open a study with valid tables and any descriptor."""
    for file in STUDY.iterdir():
        link = folder / file.name
        if file.is_file() and not link.exists():
            link.symlink_to(file)
    descriptor = folder / "datapackage.json"
    descriptor.unlink(missing_ok=True)
    descriptor.write_bytes(data)
    _call(open_study, folder)


_posts = partial(_export, read_posts, {"account": "me"})
_events = partial(_export, read_events, {})
#: Targets by name.
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
    """Return valid inputs for a target, and inputs that were findings once."""
    kind, _, form = name.partition("-")
    findings = sorted((FIXTURES / "found" / name).glob("*"))
    return [*_valid_inputs(kind, form), *(file.read_bytes() for file in findings)]


def _valid_inputs(kind: str, form: str) -> list[bytes]:
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
