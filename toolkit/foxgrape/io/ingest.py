"""Add a file of any size to a store, in batches; adding the same file again changes nothing.

If several rows of a file have the same key, the first is kept. A later row with other content is a
bad record, even if it is in another batch, so every run results in the same table.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import pandas as pd

from foxgrape import schemas
from foxgrape.errors import StoreError, TableError, did_you_mean
from foxgrape.io.events import read_events
from foxgrape.io.gazetteers import kept_gazetteer
from foxgrape.io.posts import iter_posts
from foxgrape.io.quarantine import QuarantineWriter, quarantine_path
from foxgrape.io.read_report import Note, merge_notes, most_frequent_reason
from foxgrape.io.sources import as_list, source_name, source_path
from foxgrape.io.store import Store
from foxgrape.io.store_observation import record_coverage
from foxgrape.observation import Coverage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from foxgrape.io.base import OnError
    from foxgrape.io.read_report import ReadReport
    from foxgrape.io.sources import Source, Sources

__all__ = ["IngestResult", "ingest"]

T = TypeVar("T")

#: If more than this share of the records is bad, the result says why.
_MANY = 0.1
_MAX_NAMED = 3
_TABLES = ("posts", "events")
_COUNTS = (
    *("records_read", "skipped", "new", "changed", "unchanged"),
    *("older", "repeated", "quarantined"),
)
#: Rows per transaction: limits memory to a few hundred MB, whatever the size of the file.
BATCH = 100_000


@dataclass(slots=True)
class IngestResult:
    """Result of adding a file to a store: counts of its records and rows.

    Attributes
    ----------
    file, table, store
        Path of the file, name of the table, and path of the store.
    format
        Name of the file's format.
    records_read
        Records in the file, good and bad. The counts below include all of them; a record may give
        several rows.
    skipped
        Records that are not posts or events, such as service messages.
    new, changed, unchanged
        Rows added, rows that replaced an earlier version, and rows that were there already.
    repeated
        Rows that the file contains more than once, with the same content.
    older
        Rows whose stored version is later. Posts are kept in the table ``earlier_posts``.
    quarantined
        Bad records.
    unresolved, unresolved_places
        Events at places that could not be matched to the gazetteer, in all and by the source's
        name for the place. They are kept, with its ``place_id`` or one made from its name.
    reason
        The most frequent reason for which records are bad, with an example.
    quarantine
        Path of the file with bad records, or paths separated by commas; None without any.
    version
        Version of the table after the file was added; None for a file without rows.
    mapping
        For tables of other tools: a dictionary from foxgrape's column names to the file's.
    notes
        What the reader left out, repaired or reinterpreted.
    observation
        For events: from when to when they were recorded, as stated or guessed; see `ingest`.
    """

    file: str
    table: str
    store: str
    format: str = ""
    records_read: int = 0
    skipped: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    repeated: int = 0
    older: int = 0
    quarantined: int = 0
    unresolved: int = 0
    unresolved_places: dict[str, int] = field(default_factory=dict)
    reason: str = ""
    quarantine: str | None = None
    version: int | None = None
    mapping: dict[str, str] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    observation: str = ""

    @property
    def rows_read(self) -> int:
        """Number of good rows of the file, whether or not the store had them already."""
        return self.new + self.changed + self.unchanged + self.older + self.repeated

    def sentence(self) -> str:
        """Return the result as a sentence.

        Examples
        --------
        >>> result = IngestResult("a.json", "posts", "store", "telethon", records_read=3, new=2)
        >>> result.sentence()
        'a.json (telethon): 3 records read; posts: 2 new, 0 changed, 0 unchanged.'
        """
        text = f"{self.file} ({self.format}): {self.records_read:,} records read; {self.table}: "
        text += f"{self.new:,} new, {self.changed:,} changed, {self.unchanged:,} unchanged"
        kept = "kept in earlier_posts" if self.table == "posts" else "left out"
        for count, what in (
            (self.older, f"older than the stored version, {kept}"),
            (self.repeated, "repeated in the file"),
            (self.skipped, f"skipped (not {self.table})"),
            (self.unresolved, f"at unknown places ({self._unresolved_in_words()})"),
            (self.quarantined, "quarantined"),
        ):
            text += f"; {count:,} {what}" if count else ""
        if not self.quarantined:
            return f"{text}."
        if self.quarantined > _MANY * self.records_read:
            share = self.quarantined / max(self.records_read, self.quarantined)
            text += f" ({share:.0%} of the records), most often: {self.reason}"
        return f"{text}, see {self.quarantine}."

    def _unresolved_in_words(self) -> str:
        most = sorted(self.unresolved_places.items(), key=lambda place: -place[1])
        names = [f"{name}: {rows:,}" for name, rows in most]
        return ", ".join(names[:_MAX_NAMED]) + (", …" if len(names) > _MAX_NAMED else "")

    def add_unresolved(self, places: Iterable[tuple[str, int]]) -> None:
        """Add numbers of events at places that could not be matched, by name."""
        for name, rows in places:
            self.unresolved += rows
            self.unresolved_places[name] = self.unresolved_places.get(name, 0) + rows

    def add(self, other: IngestResult) -> None:
        """Add the counts of another file."""
        self.add_unresolved(other.unresolved_places.items())
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("file", "format", "quarantine", "observation"):
            texts = dict.fromkeys(filter(None, (getattr(self, name), getattr(other, name))))
            setattr(self, name, ", ".join(texts) or None)
        self.observation = self.observation or ""
        self.reason = self.reason or other.reason
        self.version = other.version if other.version is not None else self.version
        self.mapping |= other.mapping
        self.notes = merge_notes([*self.notes, *other.notes])


def ingest(
    table: Literal["posts", "events"],
    file: Sources,
    store: Store | str | Path,
    *,
    on_error: OnError = "quarantine",
    quarantine: str | Path | None = None,
    progress: Callable[[float, IngestResult], None] | None = None,
    batch: int = BATCH,
    observation: Mapping[str, Any] | None = None,
    **options: Any,
) -> IngestResult:
    """Add files of posts or events to a store, batch by batch.

    Parameters
    ----------
    table
        ``posts`` or ``events``.
    file
        One or several files or frames that `read_posts` or `read_events` reads.
    store
        The store to add to, or its folder or URL.
    on_error
        ``"quarantine"`` writes bad records to a file of JSON lines; ``"raise"`` stops at the first
        one. Earlier batches remain in the store, and a second run does not change them.
    quarantine
        File for bad records; by default, one per input file in the store's folder ``quarantine``.
        It is moved into place when all input has been read, and removed when a later run of the
        same input has no bad records.
    progress
        Called after each batch with the fraction of the file that has been read, and the result
        so far.
    batch
        Approximate number of posts per batch; a batch is one transaction.
    observation
        For events, when the source recorded them: ``observed_from``, ``observed_until`` (instants
        with an offset), ``gaps`` (texts ``START/END``), ``places`` (ids; default all), ``kinds``
        (default those of the events), and ``source`` (default the name of the file). The store
        remembers it for each source. By default, events were recorded until the last one.
    **options
        Options of `read_posts` or `read_events`, such as ``format``, ``timezone`` and ``columns``.
        By default, places are looked up in the gazetteer that the store keeps, if it keeps one.

    Returns
    -------
    IngestResult

    Raises
    ------
    TableError
        As `read_posts` and `read_events` do.
    StoreError
        If the store cannot be written, or the store is remote and `quarantine` is not given.
    FoxgrapeError
        If `observation` is invalid, or given for posts.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from foxgrape import Store
    >>> from foxgrape._util.files import study_folder
    >>> file, store = study_folder("izium-2022") / "posts.csv", Store(mkdtemp())
    >>> ingest("posts", file, store).new
    61
    >>> ingest("posts", file, store).unchanged
    61
    """
    if table not in _TABLES:
        raise StoreError("unknown table to ingest", got=table, hint=did_you_mean(table, _TABLES))
    if observation is not None and table != "events":
        raise StoreError("observation is that of events; posts have none", got=table)
    stated = None if observation is None else Coverage.parse(observation)
    store = store if isinstance(store, Store) else Store(store)
    if table == "events" and options.get("gazetteer") is None:
        options["gazetteer"] = kept_gazetteer(store)
    sources = as_list(file)
    if quarantine is not None and len(sources) > 1:
        raise StoreError("quarantine names a single file, and several files are to be read")
    total: IngestResult | None = None
    for source in sources:
        result = _ingest_source(
            table, source, store, on_error, quarantine, progress, batch, options, stated
        )
        if total is None:
            total = result
        else:
            total.add(result)
    assert total is not None  # noqa: S101 - there is a source
    return total


def _ingest_source(
    table: Literal["posts", "events"],
    source: Source,
    store: Store,
    on_error: OnError,
    quarantine: str | Path | None,
    progress: Callable[[float, IngestResult], None] | None,
    batch: int,
    options: dict[str, Any],
    stated: Coverage | None,
) -> IngestResult:
    result = IngestResult(source_path(source), table, store.path)
    repeats = _RepeatFilter()
    writer = QuarantineWriter(*quarantine_path(source, store, quarantine))
    with writer:
        for frame, report, fraction in _read_ahead(
            _batches(table, source, on_error, batch, options)
        ):
            result.format, result.mapping = report.format, report.mapping
            result.records_read += report.records_read
            result.skipped += report.skipped
            result.repeated += report.repeated
            result.notes = merge_notes([*result.notes, *report.notes])
            result.add_unresolved((row["place"], row["rows"]) for row in report.unresolved)
            writer.add(report.quarantine)
            is_repeat, conflicts = repeats.split(table, frame, store)
            if conflicts and on_error == "raise":
                raise TableError(
                    conflicts[0]["reason"], file=source_path(source), got=conflicts[0]["raw"]
                )
            result.repeated += int(is_repeat.sum()) - len(conflicts)
            writer.add(conflicts)
            _upsert(result, store, frame[~is_repeat])
            if table == "events" and len(frame):
                coverage = record_coverage(store, source_name(source), frame, stated)
                result.observation = coverage.describe("UTC")
            if progress is not None:
                progress(fraction, result)
    result.quarantined = writer.count
    if writer.count:
        result.reason = most_frequent_reason(writer.sample)
    result.quarantine = str(writer.path) if writer.count else None
    return result


def _batches(
    table: str, file: Source, on_error: OnError, batch: int, options: dict[str, Any]
) -> Iterator[tuple[pd.DataFrame, ReadReport, float]]:
    """Yield batches of the file, their reports, and the fraction of the file read so far."""
    if table == "events":
        yield *read_events(file, on_error=on_error, with_report=True, **options), 1.0
        return
    fractions = [0.0]
    for frame, report in iter_posts(
        file,
        on_error=on_error,
        batch=batch,
        progress=fractions.append,
        with_report=True,
        **options,
    ):
        yield frame, report, fractions[-1]


def _read_ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield items while a thread fetches the next item."""
    with ThreadPoolExecutor(1) as thread:
        future = thread.submit(next, items, None)
        while (item := future.result()) is not None:
            future = thread.submit(next, items, None)
            yield item


def _upsert(result: IngestResult, store: Store, rows: pd.DataFrame) -> None:
    if rows.empty:
        return
    try:
        upsert = store.upsert(result.table, rows)
    except StoreError as error:
        raise error.after(result.new + result.changed) from None
    result.version = upsert.version
    result.new += upsert.new
    result.changed += upsert.changed
    result.unchanged += upsert.unchanged
    result.older += upsert.older
    copies = [
        Note(f"also stored under the account {account!r}; state one name with account=", count)
        for account, count in upsert.other_accounts.items()
    ]
    result.notes = merge_notes([*result.notes, *copies])


class _RepeatFilter:
    """Finds rows whose key is in an earlier batch; stores hashes only, to save memory."""

    def __init__(self) -> None:
        self._runs: list[npt.NDArray[np.int64]] = []

    def split(
        self, table: str, frame: pd.DataFrame, store: Store
    ) -> tuple[npt.NDArray[np.bool_], list[dict[str, Any]]]:
        """Return which rows repeat an earlier batch's key, and as bad records those that differ.

        Rows are compared with the store, which contains the earlier batches. Only the table's own
        columns are compared, since others, such as view counts, may change.
        """
        keys = schemas.KEYS[table][0]
        is_repeat = self._may_repeat(frame[keys])
        if not is_repeat.any():
            return is_repeat, []
        candidates = frame.loc[is_repeat, schemas.columns(table)]
        status = store.compare(table, candidates)
        is_older = status == "older"
        if is_older.any():
            status[is_older] = store.compare("earlier_posts", candidates[is_older])
        is_repeat[is_repeat] = status != "new"
        is_different = (status[status != "new"] == "changed").to_numpy()
        reason = f"an earlier record of the file has the same {keys[0]} with other content"
        return is_repeat, [
            {
                "record": None,
                "column": keys[0],
                "reason": reason,
                "raw": row.to_json(date_format="iso"),
            }
            for _, row in frame[is_repeat][is_different].iterrows()
        ]

    def _may_repeat(self, keys: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Return which keys may be in an earlier batch, by hash, and store the hashes of all."""
        hashes = pd.util.hash_pandas_object(keys, index=False).to_numpy().view(np.int64)
        may_repeat = np.zeros(len(hashes), dtype="bool")
        for run in self._runs:
            may_repeat |= run[np.searchsorted(run, hashes).clip(max=len(run) - 1)] == hashes
        # Merge short runs, so that the number of sorted runs to search stays small.
        while self._runs and len(self._runs[-1]) <= 2 * len(hashes):
            hashes = np.append(self._runs.pop(), hashes)
        if len(hashes):
            self._runs.append(np.sort(hashes))
        return may_repeat
