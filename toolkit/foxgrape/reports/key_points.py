"""The main points of a run, for messages and feeds: headline, claims, key figures and a figure."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from foxgrape._util.directories import directory_at
from foxgrape._util.unicode import replace_surrogates
from foxgrape._util.wording import shorten
from foxgrape.display.html import HEADLINE
from foxgrape.display.key_figures import KEY_FIGURES
from foxgrape.errors import CONTROLS
from foxgrape.reports.earlier_periods import missing_reports, revised_figures
from foxgrape.reports.run_folder import MANIFEST, NOTEBOOK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = [
    "CAPTION",
    "CLAIM_FIGURE",
    "FIGURE",
    "NOTHING_CHANGED",
    "KeyPoints",
    "describe_changes",
    "read_key_points",
    "read_picture",
    "to_line",
]

#: Files of a run with a figure for messages and its description, if the run has pictures.
FIGURE, CAPTION = "figure.png", "figure.txt"
#: The key figure with the test against chance.
CLAIM_FIGURE = "More than chance?"
#: The change between a run and itself.
NOTHING_CHANGED = "Nothing changed: data, parameters and software are the same."

_TEST = "Test against chance"
_MAX_POINTS, _MAX_ROWS, _MAX_TEXT = 12, 20, 500


@dataclass(frozen=True, slots=True)
class KeyPoints:
    """The main points of a run.

    Attributes
    ----------
    manifest
        The run's manifest; empty if it cannot be read.
    headline
        The main finding in one sentence; empty if the report has none.
    points
        Sentences below the headline.
    figures
        Key figures as ``heads`` and ``rows``; empty if the report has none.
    claim
        The test against chance in words; empty if the headline has none.
    """

    manifest: Mapping[str, Any]
    headline: str
    points: tuple[str, ...]
    figures: dict[str, list[Any]]
    claim: str = ""

    @classmethod
    def of(cls, manifest: Mapping[str, Any], notebook: Mapping[str, Any]) -> KeyPoints:
        """Return the main points of a run from its manifest and its executed notebook."""
        points: tuple[str, ...] = ()
        figures: dict[str, list[Any]] = {}
        claim = ""
        for data in _outputs(notebook):
            if HEADLINE in data and not points:
                points, claim = _sentences(_joined(data.get("text/html")))
            if not figures:
                figures = _figures(data.get(KEY_FIGURES))
        return cls(manifest, to_line(manifest.get("headline")), points, figures, claim)

    @property
    def title(self) -> str:
        """The run's title; empty if its manifest cannot be read."""
        return to_line(self.manifest.get("title"))

    @property
    def days(self) -> str:
        """Days of the report's period, in the words of its page; empty if it has none."""
        about = self.manifest.get("about")
        return to_line(about.get("days") if isinstance(about, dict) else None)

    @property
    def changes(self) -> tuple[str, ...]:
        """Changes since the previous run, as listed on the page; empty if none are listed."""
        return tuple(map(to_line, _list(self.manifest.get("changes"))))

    def figure_lines(self) -> list[str]:
        """Return the key figures as text, one line per row.

        Examples
        --------
        >>> figures = {"heads": ["", "This week", "Week before"], "rows": [["posts", "6", "4"]]}
        >>> KeyPoints({}, "", (), figures).figure_lines()
        ['posts: 6 (Week before: 4)']
        """
        lines = []
        for name, *values in self.figures.get("rows", ()):
            pairs = zip(self.figures["heads"][2:], values[1:], strict=False)
            more = ", ".join(f"{head}: {value}" for head, value in pairs if value)
            text = f"{name}: {values[0]}" if values else name
            lines.append(f"{text} ({more})" if more else text)
        return lines


def read_key_points(out: Path, run_id: str) -> KeyPoints:
    """Read the main points of a run from its manifest and its executed notebook.

    Parameters
    ----------
    out
        Folder of the runs.
    run_id
        The run; if it does not exist, the result is empty.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from pathlib import Path
    >>> read_key_points(Path(mkdtemp()), "none").headline
    ''
    """
    manifest: dict[str, Any] = {}
    notebook: dict[str, Any] = {}
    with suppress(OSError), directory_at(out, run_id) as folder:
        manifest, notebook = folder.read_json(MANIFEST), folder.read_json(NOTEBOOK)
    return KeyPoints.of(manifest, notebook)


def _outputs(notebook: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the data of each output; a notebook edited by another program may have any shape."""
    for cell in _list(notebook.get("cells")):
        for output in _list(cell.get("outputs")) if isinstance(cell, dict) else ():
            data = output.get("data") if isinstance(output, dict) else None
            if isinstance(data, dict):
                yield data


def _sentences(markup: str) -> tuple[tuple[str, ...], str]:
    """Return the claim and the list items below a headline as text, and the claim alone."""
    from bs4 import BeautifulSoup

    parts = BeautifulSoup(markup, "html.parser").select(".claim, li")
    lines = [
        (to_line(part.get_text()), "claim" in part.get_attribute_list("class")) for part in parts
    ]
    claim = " ".join(line for line, is_claim in lines if line and is_claim)
    texts = [line for line, _ in lines if line]
    if len(texts) > _MAX_POINTS:
        texts[_MAX_POINTS - 1 :] = [f"The page has {len(texts) - _MAX_POINTS + 1} more sentences."]
    return tuple(texts), claim


def _figures(value: Any) -> dict[str, list[Any]]:
    if not isinstance(value, dict):
        return {}
    rows = [[to_line(cell) for cell in _list(row)] for row in _list(value.get("rows"))]
    heads = [to_line(head) for head in _list(value.get("heads"))]
    rows = [row for row in rows if row]
    return {"heads": heads, "rows": rows[:_MAX_ROWS]} if rows else {}


def read_picture(out: Path, run_id: str) -> tuple[bytes, str] | None:
    """Return the figure of a run for messages, and its description; None without pictures."""
    try:
        with directory_at(out, run_id) as folder:
            return folder.read(FIGURE), to_line(folder.read(CAPTION).decode("utf-8", "replace"))
    except OSError:
        return None


def describe_changes(before: KeyPoints, after: KeyPoints) -> list[str]:
    """Return what changed between two runs: headline, key figures, data and software.

    Examples
    --------
    >>> one = KeyPoints({"run_id": "a"}, "1 signal", (), {"heads": [], "rows": [["posts", "1"]]})
    >>> two = KeyPoints({"run_id": "b"}, "2 signals", (), {"heads": [], "rows": [["posts", "4"]]})
    >>> describe_changes(one, two)
    ['Headline then: 1 signal', 'posts: 4 (then 1)']
    >>> describe_changes(one, one)
    ['Nothing changed: data, parameters and software are the same.']
    """
    if not before.manifest:
        return []
    if before.manifest.get("run_id") == after.manifest.get("run_id"):
        return [NOTHING_CHANGED]
    changes = missing_reports(before, after)
    if before.headline and before.headline != after.headline:
        changes.append(f"Headline then: {before.headline}")
    if before.claim and before.claim != after.claim:
        # The sentence begins with the name of the test.
        claim = before.claim.removeprefix(_TEST).lstrip(",: ")
        changes.append(f"{_TEST} then: {claim}")
    earlier = {row[0]: row[1] for row in before.figures.get("rows", ()) if len(row) > 1}
    revised = revised_figures(before, after)
    if revised is not None:
        # The other values are side by side in the figures.
        changes += revised
    else:
        changes += [
            f"{row[0]}: {row[1]} (then {earlier[row[0]]})"
            for row in after.figures.get("rows", ())
            if len(row) > 1 and earlier.get(row[0], row[1]) not in row[1:]
        ]
    changes += _data_changes(before.manifest, after.manifest)
    software = _changed(before.manifest.get("versions"), after.manifest.get("versions"))
    if software:
        changes.append(f"Software: {', '.join(software)}")
    return changes


def _data_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the tables of a store, or the files of a study, that differ."""
    if isinstance(before.get("store"), dict) and isinstance(after.get("store"), dict):
        tables = _changed(before["store"].get("versions"), after["store"].get("versions"))
        unchanged = "Data: no table of the store has changed."
        return [f"Data, by version: {', '.join(tables)}" if tables else unchanged]
    if isinstance(before.get("study"), dict) and isinstance(after.get("study"), dict):
        old, new = before["study"].get("sha256"), after["study"].get("sha256")
        if isinstance(old, dict) and isinstance(new, dict):
            names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
            files = f"Files of the study that changed: {', '.join(map(to_line, names))}"
            return [files] if names else ["Data: no file of the study has changed."]
    return []


def _changed(before: Any, after: Any) -> list[str]:
    """Return the names whose numbers differ, as ``name old to new``."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return []
    return [
        f"{to_line(name)} {to_line(before.get(name, 'none'))} to {to_line(after.get(name, 'none'))}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def _joined(value: Any) -> str:
    """Return a text that a notebook file has as one string or as a list of lines."""
    return "".join(map(str, value)) if isinstance(value, list) else str(value or "")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def to_line(value: Any) -> str:
    """Return a value as one line without control characters or surrogates, of limited length."""
    text = replace_surrogates(str("" if value is None else value)).translate(CONTROLS)
    text = " ".join(text.split())
    return shorten(text, _MAX_TEXT)
