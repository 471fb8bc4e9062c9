"""Merge the tables of several files into one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from foxgrape import schemas
from foxgrape.errors import TableError
from foxgrape.io.base import ReadReport, merge_notes

if TYPE_CHECKING:
    from collections.abc import Sequence

    #: Name, rows and read report of each file.
    Files = Sequence[tuple[str, pd.DataFrame, ReadReport]]

__all__ = ["merge_files"]


def merge_files(table: str, files: Files) -> tuple[pd.DataFrame, ReadReport]:
    """Return the distinct rows of all files, with the column ``source_file``, and one report.

    Raises
    ------
    TableError
        If two files have different rows with the same key.
    """
    key, clock = schemas.KEYS[table][0][0], schemas.KEYS[table][1]
    rows = pd.concat(
        [frame.assign(source_file=name) for name, frame, _ in files], ignore_index=True
    )
    is_repeat = rows[schemas.columns(table)].duplicated().to_numpy()
    rows = rows[~is_repeat].reset_index(drop=True)
    is_conflict = rows[key].duplicated().to_numpy()
    if is_conflict.any():
        conflict = rows[is_conflict].iloc[0]
        raise TableError(
            f"the files have different rows for one {key}",
            file=conflict["source_file"],
            column=key,
            got=conflict[key],
            hint="leave one of the files out",
        )
    reports = [report for *_, report in files]
    merged = ReadReport(
        ", ".join(dict.fromkeys(report.format for report in reports)),
        sum(report.records_read for report in reports),
        sum(report.skipped for report in reports),
        sum(report.repeated for report in reports) + int(is_repeat.sum()),
        [{"file": name, **record} for name, _, report in files for record in report.quarantine],
        {ours: theirs for report in reports for ours, theirs in report.mapping.items()},
        [place for report in reports for place in report.unresolved],
        merge_notes(note for report in reports for note in report.notes),
    )
    return rows.sort_values([clock, key], ignore_index=True), merged
