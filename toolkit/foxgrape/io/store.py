"""Versioned storage of posts, events, confirmations and signals as Delta Lake tables.

Each table is one Delta table under the store's folder, partitioned by month. `Store.upsert` is one
transaction, and the rows that it replaces remain readable in earlier versions.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape import schemas, times
from foxgrape.errors import StoreError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    import pyarrow as pa
    from deltalake import DeltaTable

__all__ = ["Store", "UpsertResult"]

#: Maximum number of commit attempts while other processes write; each failure means that another
#: process succeeded.
_MAX_ATTEMPTS = 100
#: Deltalake writes a checkpoint after this many versions, and reads no log files older than it.
_CHECKPOINT = 100
#: The partition column.
_MONTH = "month"
#: Number of stored rows per batch in a comparison.
_BATCH = 500_000


@dataclass(frozen=True, slots=True)
class UpsertResult:
    """Result of `Store.upsert`.

    Attributes
    ----------
    table
        Name of the table.
    version
        Version that contains the frame's rows; the latest version if nothing had to be written.
    new, changed, unchanged
        Number of rows inserted, updated, and already stored.
    """

    table: str
    version: int
    new: int
    changed: int
    unchanged: int


class Store:
    """Posts, events, confirmations and signals in versioned Delta Lake tables.

    Reads never block, and concurrent writes lose nothing. Deltalake does not work in a forked
    process: start processes that use a store with *spawn* or *forkserver*.

    Parameters
    ----------
    path
        A folder, created when the first table is written, or the URL of an object store.
    storage_options
        Options for the object store, as in ``deltalake.DeltaTable``.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from foxgrape import open_study
    >>> store = Store(mkdtemp())
    >>> store.upsert("events", open_study().events).new == len(open_study().events)
    True
    >>> store.upsert("events", open_study().events).changed
    0
    """

    def __init__(
        self, path: str | Path, *, storage_options: Mapping[str, str] | None = None
    ) -> None:
        self.path = str(path)
        self._options = dict(storage_options or {})

    def __repr__(self) -> str:
        return f"Store({self.path!r})"

    def upsert(self, table: str, frame: pd.DataFrame) -> UpsertResult:
        """Insert rows with a new key and update rows that changed, in one transaction.

        Unchanged rows are not written, and a frame with only unchanged rows creates no version.
        Columns that the table lacks are added once they have a value; columns that the frame lacks
        keep their values.

        Parameters
        ----------
        table
            ``posts``, ``events``, ``confirmations`` or ``signals``.
        frame
            Rows in the table's schema, with unique keys.

        Returns
        -------
        UpsertResult

        Raises
        ------
        TableError
            If the frame violates the table's schema, has a duplicate key, or has an extra column of
            a type that cannot be stored, such as times without an offset.
        StoreError
            If the table name is unknown, or the table cannot be written.
        """
        from deltalake.exceptions import CommitFailedError

        rows, keys = _prepare(table, frame)
        for _ in range(_MAX_ATTEMPTS):
            stored = self._open(table)
            if stored is None:
                if self._create(table, rows):
                    return UpsertResult(table, 0, len(rows), 0, 0)
                continue
            with self._read_errors(table):
                status = _compare(rows, stored, keys)
            counts = {name: int((status == name).sum()) for name in ("new", "changed", "unchanged")}
            result = UpsertResult(table, stored.version(), **counts)
            if result.new + result.changed == 0:
                return result
            try:
                _commit(stored, rows[status != "unchanged"], keys, result)
            except CommitFailedError:
                continue  # another process committed first: compare again
            except Exception as error:
                if _is_delta_error(error):
                    raise StoreError.unwritable(self.path, table, error) from None
                raise
            return replace(result, version=stored.version())
        raise StoreError.conflict(self.path, table, _MAX_ATTEMPTS)

    def compare(self, table: str, frame: pd.DataFrame) -> pd.Series:
        """Return what `upsert` would do with each row, without writing.

        Parameters
        ----------
        table, frame
            As in `upsert`; columns that the frame lacks are not compared.

        Returns
        -------
        Series
            ``new``, ``changed`` or ``unchanged`` for each row of the frame.

        Raises
        ------
        TableError, StoreError
            As in `upsert`.
        """
        rows, keys = _prepare(table, frame)
        with self._read_errors(table):
            return _compare(rows, self._open(table), keys)

    def read(
        self,
        table: str,
        version: int | None = None,
        since: str | datetime | None = None,
        until: str | datetime | None = None,
    ) -> pd.DataFrame:
        """Return the rows of a table, in its latest or an earlier version.

        Parameters
        ----------
        table
            ``posts``, ``events``, ``confirmations`` or ``signals``.
        version
            As in `versions`; default the latest.
        since, until
            Only rows whose time (earliest posted, occurred or confirmed) is in [`since`, `until`);
            times with an offset.

        Returns
        -------
        DataFrame
            In the table's schema, sorted by time and key.

        Raises
        ------
        StoreError
            If there is no such table or version.
        """
        keys, clock = _keys(table)
        stored = self._open_existing(table, version)
        conditions = []
        for bound, operator in ((since, ">="), (until, "<")):
            if bound is not None:
                instant = _parse_bound(bound)
                # The condition on the partition column skips the files of other months.
                conditions += [
                    f"{_MONTH} {operator[0]}= '{instant:%Y-%m}'",
                    f"{clock} {operator} TIMESTAMP '{instant.isoformat()}'",
                ]
        columns = [name for name in _column_names(stored) if name != _MONTH]
        with self._read_errors(table):
            stream = _scan(stored, columns, " AND ".join(conditions) or None)
            frame = stream.read_all().to_pandas()
        return schemas.validate(frame.sort_values([clock, *keys]), table)

    def versions(self, table: str) -> pd.DataFrame:
        """Return the versions of a table, latest first: version, at, new, changed.

        Raises
        ------
        StoreError
            If there is no such table.
        """
        history = pd.DataFrame(self._open_existing(table).history())
        counts = history.reindex(columns=["new", "changed"]).astype("float64").fillna(0)
        at = pd.to_datetime(history["timestamp"], unit="ms", utc=True)
        versions = pd.DataFrame({"version": history["version"], "at": at, **counts})
        return versions.astype({"at": times.DTYPE, "new": "int64", "changed": "int64"})

    def files(self, table: str) -> list[str]:
        """Return the URIs of the Parquet files of the latest version.

        Raises
        ------
        StoreError
            If there is no such table.
        """
        return self._open_existing(table).file_uris()

    def latest_versions(self) -> dict[str, int]:
        """Return the latest version of each table that exists.

        Raises
        ------
        StoreError
            If a table cannot be opened.

        Examples
        --------
        >>> from tempfile import mkdtemp
        >>> Store(mkdtemp()).latest_versions()
        {}
        """
        tables = ((name, self._open(name)) for name in schemas.KEYS)
        return {name: int(stored.version()) for name, stored in tables if stored is not None}

    def fingerprints(self, versions: Mapping[str, int]) -> dict[str, str]:
        """Return a hash that identifies the content of each table at a version.

        The version number alone does not: a store that is created again at the same path, or
        restored from a backup, can reach the same version number with other content.

        Raises
        ------
        StoreError
            If a table or version does not exist.

        Examples
        --------
        >>> from tempfile import mkdtemp
        >>> Store(mkdtemp()).fingerprints({})
        {}
        """
        return {
            name: _fingerprint(self._open_existing(name, version))
            for name, version in versions.items()
        }

    def _uri(self, table: str) -> str:
        return f"{self.path.rstrip('/')}/{table}"

    def _open(self, table: str, version: int | None = None) -> DeltaTable | None:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError

        _keys(table)  # raises an error for an unknown table
        try:
            stored = DeltaTable(self._uri(table), version=version, storage_options=self._options)
        except TableNotFoundError:
            return None
        except DeltaError as error:
            raise StoreError.unreadable(self.path, table, version, error) from None
        # A power cut can leave empty log files, which deltalake would ignore without an error.
        latest = stored.version()
        for number in range(max(latest - _CHECKPOINT, 0), latest + 1):
            log = Path(self._uri(table)) / "_delta_log" / f"{number:020}.json"
            if log.is_file() and log.stat().st_size == 0:
                raise StoreError.unreadable(self.path, table, version, f"{log.name} is empty")
        return stored

    def _open_existing(self, table: str, version: int | None = None) -> DeltaTable:
        stored = self._open(table, version)
        if stored is None:
            raise StoreError.empty(self.path, table)
        return stored

    @contextmanager
    def _read_errors(self, table: str) -> Iterator[None]:
        """Convert read errors in the ``with`` block to `StoreError`."""
        import pyarrow as pa
        from deltalake.exceptions import DeltaError

        try:
            yield
        except (pa.ArrowException, DeltaError, OSError) as error:
            raise StoreError.unreadable(self.path, table, None, error) from None

    def _create(self, table: str, rows: pd.DataFrame) -> bool:
        """Write the first version; return False if another process has just created the table."""
        from deltalake import CommitProperties, write_deltalake

        try:
            write_deltalake(
                self._uri(table),
                _to_arrow(rows),
                mode="error",
                partition_by=[_MONTH],
                storage_options=self._options,
                commit_properties=CommitProperties(custom_metadata={"new": str(len(rows))}),
            )
        except Exception as error:
            if not _is_delta_error(error):
                raise
            if self._open(table) is None:
                raise StoreError.unwritable(self.path, table, error) from None
            return False
        return True


def _fingerprint(table: DeltaTable) -> str:
    """Return a hash of a table's id and the names of its data files, all of which are unique."""
    names = sorted(uri.replace("\\", "/").rpartition("/")[2] for uri in table.file_uris())
    content = "\n".join([str(table.metadata().id), *names])
    return hashlib.sha256(content.encode()).hexdigest()


def _keys(table: str) -> tuple[list[str], str]:
    """Return a table's key columns and its time column."""
    if table not in schemas.KEYS:
        raise StoreError("unknown table", got=table, hint=did_you_mean(table, schemas.KEYS))
    return schemas.KEYS[table]


def _parse_bound(bound: str | datetime) -> pd.Timestamp:
    text = bound if isinstance(bound, str) else bound.isoformat()
    try:
        return pd.Timestamp(times.parse_instant(text))
    except ValueError:
        raise StoreError(
            "since and until need an offset", expected="such as 2022-09-10T00:00:00Z", got=text
        ) from None


def _prepare(table: str, frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the validated rows with the partition column added, and the key columns."""
    keys, clock = _keys(table)
    rows = schemas.validate(frame, table, fill=True)
    schemas.validate_keys(rows, keys)
    # An extra column without values has no type, so it cannot be stored yet.
    extra = rows.columns.difference(schemas.columns(table))
    empty = [name for name in extra if rows[name].isna().all()]
    rows = rows.drop(columns=empty)
    schemas.validate_storable(rows[extra.difference(empty)])
    month = times.microseconds(rows[clock]).view("datetime64[us]").astype("datetime64[M]")
    names, position = np.unique(month, return_inverse=True)
    rows[_MONTH] = pd.Series(names.astype(str)[position], index=rows.index, dtype="str")
    return rows, keys


def _compare(rows: pd.DataFrame, stored: DeltaTable | None, keys: list[str]) -> pd.Series:
    """Return ``new``, ``changed`` or ``unchanged`` for each row."""
    status = pd.Series("new", index=rows.index, dtype="str")
    if rows.empty or stored is None:
        return status
    shared = [name for name in _column_names(stored) if name in rows.columns]
    months = ", ".join(f"'{month}'" for month in sorted(rows[_MONTH].unique()))
    same_months = _rows_with_keys(stored, shared, f"{_MONTH} IN ({months})", rows[keys[0]])
    position = _index(same_months, keys).get_indexer(_index(rows, keys))
    matched = position >= 0
    if matched.any():
        ours, theirs = rows[matched], same_months.take(position[matched])
        added = rows.columns.difference(shared)
        changed = ours[added].notna().any(axis="columns")
        for name in set(shared).difference(keys):
            changed |= _differs(ours[name], theirs[name])
        status[matched] = np.where(changed, "changed", "unchanged")
    # A row whose key is stored in another month has changed, because its time has.
    rest = rows[~matched]
    if len(rest):
        other_months = _rows_with_keys(stored, keys, f"{_MONTH} NOT IN ({months})", rest[keys[0]])
        moved = _index(rest, keys).isin(_index(other_months, keys))
        status[rest.index[moved]] = "changed"
    return status


def _differs(ours: pd.Series, theirs: pd.Series) -> Any:
    """Compare two columns cell by cell; two missing values are equal."""
    theirs = pd.Series(theirs.array, index=ours.index)
    try:
        theirs = theirs.astype(ours.dtype)
    except (ValueError, TypeError):  # values of different types differ
        return ours.notna() | theirs.notna()
    return ~((ours == theirs).fillna(False).astype("bool") | (ours.isna() & theirs.isna()))  # noqa: FBT003


def _index(rows: pd.DataFrame, keys: list[str]) -> pd.Index:
    return pd.Index(rows[keys[0]]) if len(keys) == 1 else pd.MultiIndex.from_frame(rows[keys])


def _rows_with_keys(
    stored: DeltaTable, columns: list[str], where: str, first_keys: pd.Series
) -> pd.DataFrame:
    """Return the stored rows whose first key column has one of these values."""
    import pyarrow as pa
    import pyarrow.compute as pc

    stream = _scan(stored, columns, where)
    values, name = pa.array(first_keys, pa.string()), str(first_keys.name)
    matches, pending = [], []
    # Combine batches, because `is_in` hashes all key values on each call.
    for batch in chain(stream, [None]):
        if batch is not None:
            pending.append(batch)
        if batch is None or sum(part.num_rows for part in pending) >= _BATCH:
            rows = pa.Table.from_batches(pending, stream.schema)
            matches.append(rows.filter(pc.is_in(rows[name], values)))
            pending = []
    frame: pd.DataFrame = pa.concat_tables(matches).to_pandas()
    return frame


def _scan(stored: DeltaTable, columns: list[str], where: str | None) -> pa.RecordBatchReader:
    """Stream the rows of a table for which an SQL condition holds."""
    import pyarrow as pa

    stream = pa.RecordBatchReader.from_stream(stored.scan(columns=columns, predicate=where))
    # Deltalake returns text as string_view, for which most Arrow kernels are missing.
    fields = [
        field.with_type(pa.string()) if field.type == pa.string_view() else field
        for field in stream.schema
    ]
    return stream.cast(pa.schema(fields))


def _column_names(stored: DeltaTable) -> list[str]:
    return [field.name for field in stored.schema().fields]


def _commit(stored: DeltaTable, rows: pd.DataFrame, keys: list[str], result: UpsertResult) -> None:
    """Write rows as the next version; raise an error if another process has committed first."""
    from deltalake import CommitProperties, write_deltalake

    properties = CommitProperties(
        custom_metadata={"new": str(result.new), "changed": str(result.changed)},
        # By default, deltalake would retry after another commit, without comparing the rows again.
        max_commit_retries=0,
    )
    data = _to_arrow(rows)
    if not result.changed:
        write_deltalake(
            stored, data, mode="append", schema_mode="merge", commit_properties=properties
        )
        return
    stored.merge(
        data,
        predicate=" AND ".join(f"target.{key} = source.{key}" for key in keys),
        source_alias="source",
        target_alias="target",
        merge_schema=True,
        commit_properties=properties,
    ).when_matched_update_all().when_not_matched_insert_all().execute()


def _to_arrow(frame: pd.DataFrame) -> pa.Table:
    import pyarrow as pa

    # Remove attrs, which Arrow would write into the schema's metadata.
    bare = frame.copy()
    bare.attrs = {}
    return pa.Table.from_pandas(bare, preserve_index=False).replace_schema_metadata(None)


def _is_delta_error(error: Exception) -> bool:
    """Return whether deltalake raised the error; for some schemas it raises a bare Exception."""
    from deltalake.exceptions import DeltaError

    return isinstance(error, DeltaError) or type(error) is Exception
