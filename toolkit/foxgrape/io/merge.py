"""Merge the tables of several files into one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from foxgrape import schemas
from foxgrape.errors import TableError
from foxgrape.io.read_report import Note, ReadReport, merge_notes

if TYPE_CHECKING:
    from collections.abc import Sequence

    #: Name, rows and read report of each file.
    Files = Sequence[tuple[str, pd.DataFrame, ReadReport]]

__all__ = ["join_files", "merge_files"]


def join_files(table: str, files: Files) -> tuple[pd.DataFrame, ReadReport]:
    """Return the rows and the report of a single file as they are, and merge several files."""
    return files[0][1:] if len(files) == 1 else merge_files(table, files)


def merge_files(table: str, files: Files) -> tuple[pd.DataFrame, ReadReport]:
    """Return the distinct rows of all files, with the column ``source_file``, and one report.

    If two files have versions of a row with different times of the edit, the latest one is
    returned.

    Raises
    ------
    TableError
        If two files have different rows with the same key, without an edit that explains it.
    """
    keys, clock = schemas.KEYS[table]
    frames = [frame.assign(source_file=name) for name, frame, _ in files]
    rows = pd.concat(frames, ignore_index=True)
    is_repeat = rows[schemas.columns(table)].duplicated().to_numpy()
    rows = rows[~is_repeat].reset_index(drop=True)
    notes = merge_notes(note for *_, report in files for note in report.notes)
    edited = schemas.version_times(table, rows)
    if edited is not None:
        latest = _latest_versions(rows, keys, edited[0])
        if len(latest) < len(rows):
            what = f"older versions of {table} left out"
            notes.append(Note(what, len(rows) - len(latest), warn=False))
        rows = latest
    is_conflict = rows.duplicated(keys).to_numpy()
    if is_conflict.any():
        conflict = rows[is_conflict].iloc[0]
        raise TableError(
            f"the files have different rows for one {keys[0]}",
            file=conflict["source_file"],
            column=keys[0],
            got=conflict[keys[0]],
            hint="leave one of the files out",
        )
    reports = [report for *_, report in files]
    report = ReadReport(
        ", ".join(dict.fromkeys(report.format for report in reports)),
        sum(report.records_read for report in reports),
        sum(report.skipped for report in reports),
        sum(report.repeated for report in reports) + int(is_repeat.sum()),
        [{"file": name, **bad} for name, _, report in files for bad in report.quarantine],
        {ours: theirs for report in reports for ours, theirs in report.mapping.items()},
        [place for report in reports for place in report.unresolved],
        notes,
    )
    return rows.sort_values([clock, *keys], ignore_index=True), report


def _latest_versions(rows: pd.DataFrame, keys: list[str], edited: pd.Series) -> pd.DataFrame:
    """Return the rows without earlier versions of the same key; no time is the earliest."""
    times = edited.fillna(pd.Timestamp.min.tz_localize("UTC").as_unit("us"))
    latest = times.groupby([rows[key] for key in keys], dropna=False).transform("max")
    return rows[times == latest].reset_index(drop=True)
