"""Versioned storage of posts, events, confirmations and signals as Delta Lake tables.

Each table is one Delta table under the store's folder, partitioned by month. `Store.upsert` is one
transaction, and the rows that it replaces remain readable in earlier versions.

Of an edited post, the table ``posts`` has the version that was edited last, in whatever order the
versions arrive. The table ``earlier_posts`` has the others, which `Store.upsert` writes first: if
it is interrupted in between, ``earlier_posts`` has a version too many, which does no harm.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape import schemas, times
from foxgrape._util.regular_files import require_regular_files
from foxgrape._util.unicode import require_utf8
from foxgrape.errors import StoreError, did_you_mean
from foxgrape.io.store_diff import MONTH, STATUSES, column_names, compare_rows, scan

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
#: Condition for a signal's id as it was before ids named the account.
_OLD_SIGNAL_ID = "signal_id = post_id || ':' || code || ':' || place_id"


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
    older
        Rows that were not stored, because the stored version is later. Posts edited earlier are
        kept in ``earlier_posts``.
    other_accounts
        Number of new posts that are also stored under another account, with equal id, time and
        text, by the name of that account.
    """

    table: str
    version: int
    new: int
    changed: int
    unchanged: int
    older: int = 0
    other_accounts: Mapping[Any, int] = field(default_factory=dict)


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
        require_utf8(path, StoreError)
        self.path = str(path)
        self._options = dict(storage_options or {})

    def __repr__(self) -> str:
        return f"Store({self.path!r})"

    def upsert(self, table: str, frame: pd.DataFrame) -> UpsertResult:
        """Insert rows with a new key and update rows that changed, in one transaction.

        Unchanged rows are not written, and a frame with only unchanged rows creates no version.
        Columns that the table lacks are added once they have a value; columns that the frame lacks
        keep their values.

        A post whose stored version was edited later is not replaced, whichever version is added
        last; no edit time counts as never edited. The version with the earlier edit is kept in the
        table ``earlier_posts``, where it can show that a text had a code before its last edit. An
        event whose stored version has a later ``updated_at`` is not replaced either.

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
                _require_current_ids(self.path, table, stored)
                comparison = compare_rows(rows, stored, keys, table)
            status = comparison.status
            result = UpsertResult(
                table,
                stored.version(),
                **{name: int((status == name).sum()) for name in STATUSES},
                other_accounts=comparison.other_accounts.value_counts().to_dict(),
            )
            earlier = pd.concat([rows[status == "older"], comparison.replaced])
            if table == "posts" and len(earlier):
                self.upsert("earlier_posts", earlier[schemas.columns("earlier_posts")])
            if result.new + result.changed == 0:
                return result
            try:
                _commit(stored, rows[status.isin(["new", "changed"])], keys, result)
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
            ``new``, ``changed``, ``unchanged`` or ``older`` for each row of the frame.

        Raises
        ------
        TableError, StoreError
            As in `upsert`.
        """
        rows, keys = _prepare(table, frame)
        with self._read_errors(table):
            return compare_rows(rows, self._open(table), keys, table).status

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
                    f"{MONTH} {operator[0]}= '{instant:%Y-%m}'",
                    f"{clock} {operator} TIMESTAMP '{instant.isoformat()}'",
                ]
        columns = [name for name in column_names(stored) if name != MONTH]
        with self._read_errors(table):
            stream = scan(stored, columns, " AND ".join(conditions) or None)
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
        from deltalake.exceptions import TableNotFoundError

        _keys(table)  # raises an error for an unknown table
        with self._read_errors(table, version):
            require_regular_files((Path(self._uri(table)) / "_delta_log").glob("*"))
            try:
                stored = DeltaTable(
                    self._uri(table), version=version, storage_options=self._options
                )
            except TableNotFoundError:
                return None
            if "://" not in self.path:
                require_regular_files(map(Path, stored.file_uris()))
        # A power cut can leave empty or shortened log files, which deltalake reads as they are.
        latest = stored.version()
        for number in range(max(latest - _CHECKPOINT, 0), latest + 1):
            log = Path(self._uri(table)) / "_delta_log" / f"{number:020}.json"
            if log.is_file() and not _is_whole(log.read_bytes()):
                raise StoreError.unreadable(self.path, table, version, f"{log.name} is cut off")
        return stored

    def _open_existing(self, table: str, version: int | None = None) -> DeltaTable:
        stored = self._open(table, version)
        if stored is None:
            raise StoreError.empty(self.path, table)
        return stored

    @contextmanager
    def _read_errors(self, table: str, version: int | None = None) -> Iterator[None]:
        """Convert read errors in the ``with`` block to `StoreError`."""
        import pyarrow as pa
        from deltalake.exceptions import DeltaError

        try:
            yield
        except (pa.ArrowException, DeltaError, OSError) as error:
            raise StoreError.unreadable(self.path, table, version, error) from None
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # of Rust; not an Exception
                raise
            reason = f"deltalake crashed: {error}"
            raise StoreError.unreadable(self.path, table, version, reason) from None

    def _create(self, table: str, rows: pd.DataFrame) -> bool:
        """Write the first version; return False if another process has just created the table."""
        from deltalake import CommitProperties, write_deltalake

        try:
            write_deltalake(
                self._uri(table),
                _to_arrow(rows),
                mode="error",
                partition_by=[MONTH],
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


def _is_whole(log: bytes) -> bool:
    """Return whether a log file names as many files as its first line says were written."""
    first = log.partition(b"\n")[0]
    try:
        metrics = json.loads(first)["commitInfo"]["operationMetrics"]
    except (ValueError, KeyError, TypeError):
        return bool(first)  # deltalake reports a damaged line
    counts = {"add": ("num_added_files", "num_target_files_added")}
    counts |= {"remove": ("num_removed_files", "num_target_files_removed")}
    # A merge that adds columns counts the new schema as an added file.
    n_schemas = log.count(b'\n{"metaData":') if "num_target_files_added" in metrics else 0
    for action, names in counts.items():
        written = [metrics[name] for name in names if name in metrics]
        n_files = log.count(b'\n{"%s":' % action.encode())
        if written and written[0] != n_files + (n_schemas if action == "add" else 0):
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
    # The partition column has the name of `MONTH`, and Delta Lake ignores the case of names.
    empty = [name for name in extra if rows[name].isna().all() or name.lower() == MONTH]
    rows = rows.drop(columns=empty)
    schemas.validate_storable(rows[extra.difference(empty)])
    month = times.microseconds(rows[clock]).view("datetime64[us]").astype("datetime64[M]")
    names, position = np.unique(month, return_inverse=True)
    rows[MONTH] = pd.Series(names.astype(str)[position], index=rows.index, dtype="str")
    return rows, keys


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
        predicate=" AND ".join(f"({_equality(rows, key)})" for key in keys),
        source_alias="source",
        target_alias="target",
        merge_schema=True,
        commit_properties=properties,
    ).when_matched_update_all().when_not_matched_insert_all().execute()


def _equality(rows: pd.DataFrame, key: str) -> str:
    """Return the SQL condition for equal keys; in SQL, NULL = NULL is not true."""
    operator = "IS NOT DISTINCT FROM" if rows[key].isna().any() else "="
    return f"target.{key} {operator} source.{key}"


def _require_current_ids(path: str, table: str, stored: DeltaTable) -> None:
    """Raise an error if signals were stored by a version whose ids did not name the account."""
    if table != "signals":
        return
    old = scan(stored, ["signal_id"], _OLD_SIGNAL_ID).read_all().num_rows
    if old:
        raise StoreError(
            "the stored signals have the ids of an earlier version of foxgrape, without the "
            "account, so that new signals would be stored beside them",
            file=path,
            got=f"{old:,} such ids",
            hint="delete the folder signals in the store, and add the signals of all posts again",
        )


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
