"""How a file was read: counts, bad records, and notes on what was left out or reinterpreted."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from foxgrape._util.formatting import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "REST_UNREAD",
    "Note",
    "QuarantineWarning",
    "ReadReport",
    "ReadWarning",
    "merge_notes",
    "most_frequent_reason",
    "warn_about",
]

#: Note of a file that is damaged or cut off.
REST_UNREAD = "the rest of the file could not be read"
_QUARANTINE = {"record": "int64", "column": "str", "reason": "str", "raw": "str"}
_UNRESOLVED = {
    **dict.fromkeys(("place_id", "place", "admin1"), "str"),
    **dict.fromkeys(("lat", "lon"), "float64"),
    "rows": "int64",
    "reason": "str",
}


class ReadWarning(UserWarning):
    """A reader had to assume something about a file, and the caller did not ask for a report."""


class QuarantineWarning(ReadWarning):
    """Bad records were left out of a table, and the caller did not ask for a report of them."""


@dataclass(slots=True)
class Note:
    """What a reader left out, repaired or reinterpreted: how often, and the first example.

    Attributes
    ----------
    what
        What was done, in a few words, such as ``the text is cut off``.
    count
        How many records it concerns; 0 if it concerns all of them as a whole.
    record, example
        Number of the first such record, and the value there.
    warn
        Whether the reader may be wrong about it.
    """

    what: str
    count: int = 0
    record: int | None = None
    example: str = ""
    warn: bool = True

    def __str__(self) -> str:
        example = f"; first: {self.example}" if self.example else ""
        where = f" in record {self.record}" if self.record and example else ""
        number = f"{self.count:,} × " if self.count else ""
        return f"{number}{self.what}{example}{where}"


@dataclass(frozen=True, slots=True)
class ReadReport:
    """How the records of a file, or of one batch of it, were read.

    Attributes
    ----------
    format
        Name of the format.
    records_read
        Number of records, good and bad.
    skipped
        Records that are not posts or events, such as service messages.
    repeated
        Rows left out because an earlier record has the same key and content.
    quarantine
        The bad records, as dictionaries with the keys ``record`` (the record's number; in a file of
        lines, the line number), ``column``, ``reason`` and ``raw`` (the record's first 2,000
        characters).
    mapping
        For tables of other tools: a dictionary from foxgrape's column names to the file's.
    unresolved
        For events: places that could not be matched to the gazetteer, the most frequent first, as
        dictionaries with the keys ``place_id`` (the source's id, or an id made from its name for
        the place), ``place``, ``admin1``, ``lat``, ``lon``, ``rows`` (the number of events there)
        and ``reason``.
    notes
        What was left out, repaired or reinterpreted, one `Note` per kind.

    Examples
    --------
    >>> from foxgrape import read_posts
    >>> from foxgrape._util.files import study_folder
    >>> file = study_folder("izium-2022") / "posts.csv"
    >>> posts, report = read_posts(file, with_report=True)
    >>> report.records_read, len(report.quarantine_frame())
    (61, 0)
    """

    format: str
    records_read: int = 0
    skipped: int = 0
    repeated: int = 0
    quarantine: list[dict[str, Any]] = field(default_factory=list)
    mapping: dict[str, str] = field(default_factory=dict)
    unresolved: list[dict[str, Any]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def quarantine_frame(self) -> pd.DataFrame:
        """Return the bad records as a table with fixed columns."""
        columns = pd.Index(_QUARANTINE)
        return pd.DataFrame(self.quarantine, columns=columns).astype(_QUARANTINE)

    def unresolved_frame(self) -> pd.DataFrame:
        """Return the unresolved places as a table with fixed columns."""
        columns = pd.Index(_UNRESOLVED)
        return pd.DataFrame(self.unresolved, columns=columns).astype(_UNRESOLVED)


def most_frequent_reason(quarantine: Iterable[Mapping[str, Any]]) -> str:
    """Return the most frequent reason of bad records, with its column and the first such value.

    Examples
    --------
    >>> bad = {"record": 2, "column": "lat", "reason": "expected -90 to 90; got '91'"}
    >>> most_frequent_reason([bad, bad | {"reason": "expected -90 to 90; got '92'"}])
    "column lat: expected -90 to 90; got '91'"
    """
    first: dict[tuple[str, str], str] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for bad in quarantine:
        kind = (bad["column"] or "", bad["reason"].partition("got ")[0])
        first.setdefault(kind, bad["reason"])
        counts[kind] += 1
    kind = counts.most_common(1)[0][0]
    return f"column {kind[0]}: {first[kind]}" if kind[0] else first[kind]


def merge_notes(notes: Iterable[Note]) -> list[Note]:
    """Return one note per kind, with the sum of the counts and the first example."""
    merged: dict[str, Note] = {}
    for note in notes:
        if note.what in merged:
            merged[note.what].count += note.count
        else:
            merged[note.what] = replace(note)
    return list(merged.values())


def warn_about(
    path: object, notes: Iterable[Note], quarantined: int, first: Mapping[str, Any] | None
) -> None:
    """Warn of bad records that were left out, and of what the reader had to assume.

    The warnings point to the caller of the function that calls this one.
    """
    hint = "Pass with_report=True to get"
    assumed = [str(note) for note in notes if note.warn]
    if assumed:
        text = f"{path}: {'; '.join(assumed)}. {hint} all notes."
        warnings.warn(text, ReadWarning, stacklevel=3)
    if first is not None:
        column = f", column {first['column']}" if first["column"] else ""
        warnings.warn(
            f"{path}: {counted(quarantined, 'bad record')} left out; the first is record "
            f"{first['record']}{column}: {first['reason']}. {hint} them.",
            QuarantineWarning,
            stacklevel=3,
        )
