"""What changed between two runs: signals, headline, key figures, data and software."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, replace
from io import StringIO
from typing import TYPE_CHECKING, Any

from foxgrape._util.directories import directory_at
from foxgrape._util.wording import join_items
from foxgrape.display.html import table
from foxgrape.display.what_changed import NOT_COMPARED, changes_block
from foxgrape.errors import ReportError
from foxgrape.reports.key_points import KeyPoints, describe_changes, read_key_points, to_line
from foxgrape.reports.late_events import late_events
from foxgrape.reports.run_folder import MANIFEST, NOTEBOOK, PAGE
from foxgrape.reports.run_tables import KINDS, compare_tables, read_tables, signal_name
from foxgrape.reports.series import date_parameters, series_key

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from foxgrape.reports.run_tables import RunTables

__all__ = [
    "RunDiff",
    "compare_points",
    "diff_runs",
    "fill_page",
    "previous_run",
]

#: Number of signals of each kind that a sentence names, and that a page lists.
_NAMED, _LISTED = 3, 500
#: Maximum length of a list of signals in a sentence: the catalogue shows it uncut.
_MAX_NAMES = 260
#: Kinds of changes in words, where they differ.
_WORDS = {"removed": "removed from the data", "linked": "linked to a first event"}
#: File beside the page with all signals that differ, if the page does not list all.
_CSV = "changes.csv"
_BLOCK = re.compile(re.escape(changes_block(NOT_COMPARED)))


@dataclass(frozen=True, slots=True, eq=False)
class RunDiff:
    """The differences between two runs.

    Attributes
    ----------
    before, after
        Ids of the runs.
    signals
        One row per signal that differs, as `foxgrape.reports.run_tables.compare_tables` returns
        them; None if a run has no tables.
    changes
        Short sentences. The first counts the signals of each kind of change, if both runs have
        tables.
    texts
        One row of text per signal that differs.
    """

    before: str
    after: str
    signals: pd.DataFrame | None
    changes: tuple[str, ...]
    texts: tuple[dict[str, str], ...] = ()

    def sentence(self) -> str:
        """Return the first of the changes."""
        return self.changes[0] if self.changes else "Nothing changed."

    def rows(self) -> list[dict[str, str]]:
        """Return one row per signal that differs, as text."""
        return [dict(row) for row in self.texts]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        from foxgrape._util.formatting import to_json_records

        signals = None if self.signals is None else to_json_records(self.signals)
        return {
            "before": self.before,
            "after": self.after,
            "changes": list(self.changes),
            "signals": signals,
        }

    def markup(self) -> str:
        """Return the changes as HTML: sentences, and the signals of which there may be many."""
        items = "".join(f"<li>{html.escape(change)}</li>" for change in self.changes)
        text = f"<p>Compared with the run {html.escape(self.before)}.</p><ul>{items}</ul>"
        rows = self.rows()
        if not rows:
            return text
        cells = [list(row.values()) for row in rows[:_LISTED]]
        note = f"n = {len(rows):,}."
        if len(rows) > _LISTED:
            note = f"The first {_LISTED} of {note}"
            text += f'<p>All rows: <a href="{_CSV}" download>{_CSV}</a></p>'
        return f'{text}<div class="scroll">{table(_HEADS, cells, note).markup}</div>'


_HEADS = ("Change", "Signal", "Posted", "Account", "Before", "After")
_UTC = "UTC"


def diff_runs(out: Path, before: str, after: str) -> RunDiff:
    """Compare two runs in a folder.

    Raises
    ------
    ReportError
        If a run has no manifest.

    Examples
    --------
    >>> from pathlib import Path
    >>> diff_runs(Path("reports"), "none", "none")
    Traceback (most recent call last):
    foxgrape.errors.ReportError: reports/none: no run found
    """
    points = {run_id: read_key_points(out, run_id) for run_id in (before, after)}
    for run_id in (before, after):
        if not points[run_id].manifest:
            raise ReportError("no run found", file=out / run_id)
    return compare_points(out, before, after, points[before], points[after])


def compare_points(out: Path, before: str, after: str, old: KeyPoints, new: KeyPoints) -> RunDiff:
    """Compare two runs whose main points were read already."""
    if before == after:
        return RunDiff(before, after, None, tuple(describe_changes(old, new)))
    tables = [read_tables(out, run_id) for run_id in (before, after)]
    signals, sentences = None, []
    rows: tuple[dict[str, str], ...] = ()
    if tables[0] is not None and tables[1] is not None:
        signals = compare_tables(tables[0], tables[1])
        rows = _Describer.of(tables[0], tables[1]).rows(signals)
        zone = tables[1].timezone or tables[0].timezone or _UTC
        sentences = [*_describe_signals(rows, zone), *late_events(old, new, tables[1])]
    elif tables != [None, None]:
        missing = before if tables[0] is None else after
        sentences = [f"Signals cannot be compared: the run {missing} has no tables."]
    return RunDiff(before, after, signals, (*sentences, *describe_changes(old, new)), rows)


def _describe_signals(rows: Sequence[Mapping[str, str]], zone: str) -> list[str]:
    """Return a sentence that counts the changes of each kind, and one per kind with examples."""
    from foxgrape._util.formatting import counted

    named = {kind: [row for row in rows if row["change"] == kind] for kind in KINDS}
    if not rows:
        return ["Signals: none added, removed or linked to another event."]
    counts = [f"{len(items):,} {_WORDS.get(kind, kind)}" for kind, items in named.items() if items]
    sentences = [f"Signals: {', '.join(counts)}. Times in {zone}."]
    for kind, items in named.items():
        if items:
            names = join_items(list(map(_describe, items)), _MAX_NAMES, _NAMED)
            title = f"{counted(len(items), 'signal')} {_WORDS.get(kind, kind)}"
            sentences.append(f"{title}: {names}.")
    return sentences


def _describe(row: Mapping[str, str]) -> str:
    text = f"{row['signal']} by {row['account']}, {row['posted']}"
    if row["before"] and row["after"]:
        return f"{text} (then {row['before']}; now {row['after']})"
    return f"{text} ({row['after'] or row['before']})"


@dataclass(frozen=True, slots=True)
class _Describer:
    """Describes signals that differ between two runs: times in a zone, events by name."""

    zone: str
    events: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(cls, before: RunTables, after: RunTables) -> _Describer:
        zone = after.timezone or before.timezone or _UTC
        sides = {"before": before, "after": after}
        return cls(zone, {side: tables.event_names(zone) for side, tables in sides.items()})

    def rows(self, signals: pd.DataFrame) -> tuple[dict[str, str], ...]:
        return tuple(map(self._row, signals.itertuples()))

    def _row(self, row: Any) -> dict[str, str]:
        before, after = self._link(row, "before"), self._link(row, "after")
        if before and before == after and row.event_id_before != row.event_id_after:
            after += " (another event)"
        return {
            "change": row.change,
            "signal": signal_name(row),
            "posted": self.posted(row),
            "account": to_line(row.account),
            "before": before,
            "after": after,
        }

    def posted(self, row: Any) -> str:
        """Return when a signal was posted, no more precisely than it is known."""
        from foxgrape._util.formatting import describe_time

        last = getattr(row, "posted_until", row.posted_at)
        return describe_time(row.posted_at, last, self.zone)

    def _link(self, row: Any, side: str) -> str:
        """Return a signal's relation, event and lead in a run; empty if it was not there."""
        import pandas as pd

        from foxgrape._util.formatting import duration_in_words

        relation, event = getattr(row, f"relation_{side}"), getattr(row, f"event_id_{side}")
        if pd.isna(relation):
            return ""
        if pd.isna(event):
            return "no event"
        # A run of an earlier version has no events.
        name = self.events[side].get(str(event), "an event")
        low, high = getattr(row, f"lead_min_{side}"), getattr(row, f"lead_max_{side}")
        lead = " to ".join(dict.fromkeys(map(duration_in_words, (low, high))))
        hindsight = ", hindsight" if getattr(row, f"hindsight_{side}") else ""
        return f"{relation} {name}, lead {lead}{hindsight}"


def _place_in_series(manifest: Mapping[str, Any], dates: Collection[str]) -> tuple[str, ...]:
    parameters = manifest.get("parameters")
    values = parameters if isinstance(parameters, dict) else {}
    days = (str(values.get(name) or "") for name in sorted(dates))
    return (*days, str(manifest.get("built_at")))


def previous_run(
    out: Path, run_id: str, manifest: Mapping[str, Any], rules: Mapping[str, Any]
) -> str | None:
    """Return the id of the run before: the latest of the same series with no later dates.

    Parameters
    ----------
    out
        Folder of the runs.
    run_id, manifest
        The run; it need not be in the folder yet.
    rules
        Schema of each parameter of the template.
    """
    dates = date_parameters(rules)
    key, place = series_key(manifest, dates), _place_in_series(manifest, dates)
    earlier: list[tuple[tuple[str, ...], str]] = []
    with directory_at(out) as directory:
        names = [name for name in directory.names() if not name.startswith(".")]
    for name in names:
        other = _read_manifest(out, name)
        if name == run_id or other.get("run_id") != name or other.get("status") != "done":
            continue
        if series_key(other, dates) == key and _place_in_series(other, dates) <= place:
            earlier.append((_place_in_series(other, dates), name))
    return max(earlier)[1] if earlier else None


def _read_manifest(out: Path, name: str) -> dict[str, Any]:
    try:
        with directory_at(out, name) as folder:
            return folder.read_json(MANIFEST)
    except OSError:
        return {}


def fill_page(
    folder: Path, out: Path, manifest: dict[str, Any], rules: Mapping[str, Any]
) -> tuple[str | None, list[str]]:
    """Compare a finished run with the run before, and write the section of its page.

    Parameters
    ----------
    folder
        The folder of the run, which is not yet in `out`.
    out
        Folder of the earlier runs.
    manifest, rules
        The run's manifest, and the schema of each parameter of its template.

    Returns
    -------
    tuple
        Id of the run before, or None; and the changes as sentences.
    """
    before = previous_run(out, str(manifest["run_id"]), manifest, rules)
    if before is None:
        _replace_block(folder, "<p>There is no earlier run of this report to compare with.</p>")
        return None, []
    with directory_at(folder) as directory:
        notebook = directory.read_json(NOTEBOOK)
    new = KeyPoints.of(manifest, notebook)
    # Both runs are subfolders of `out`: the new one has a temporary name.
    unnamed = compare_points(out, before, folder.name, read_key_points(out, before), new)
    diff = replace(unnamed, after=str(manifest["run_id"]))
    if len(diff.rows()) > _LISTED:
        _write_rows(folder, diff.rows())
    _replace_block(folder, diff.markup())
    return before, list(diff.changes)


def _write_rows(folder: Path, rows: list[dict[str, str]]) -> None:
    import pandas as pd

    from foxgrape.display.report_tables import write_csv

    text = StringIO()
    write_csv(pd.DataFrame(rows), text)
    with directory_at(folder) as directory:
        directory.write(_CSV, text.getvalue().encode())


def _replace_block(folder: Path, markup: str) -> None:
    with directory_at(folder) as directory:
        page = directory.read(PAGE).decode("utf-8")
        filled = _BLOCK.sub(lambda _: changes_block(markup), page, count=1)
        if filled != page:
            directory.write(PAGE, filled.encode())
