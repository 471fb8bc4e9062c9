"""Memory: Delta Lake tables under one folder, in which nothing is lost or counted twice.

Each of the four tables that come from outside or from `detect` is one Delta table, partitioned by
month. A frame is put in by key in one transaction; what it replaces stays readable as an earlier
version. Any tool that reads Delta Lake opens the same folder.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from foxgrape import schemas, times
from foxgrape.errors import StoreError, did_you_mean
from foxgrape.io.store_diff import (
    MONTH,
    changed_rows,
    fingerprint,
    months,
    scan,
    validate_extra_columns,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    import pyarrow as pa
    from deltalake import DeltaTable

__all__ = ["Store", "Upsert"]

# Writers who meet try again on what the other one wrote; each round lets at least one through.
_ROUNDS = 100
#: Versions after which deltalake sums them up, and reads no log from before.
_CHECKPOINT = 100


@dataclass(frozen=True, slots=True)
class Upsert:
    """What putting a frame into a table did.

    Attributes
    ----------
    table
        Which table.
    version
        The version that holds the frame; the one before it if nothing was to be done.
    new, changed, unchanged
        Rows put in, rows put in place of an earlier version of theirs, and rows already there.
    """

    table: str
    version: int
    new: int
    changed: int
    unchanged: int


class Store:
    """Posts, events, confirmations and signals, kept as versioned Delta Lake tables.

    Readers are never blocked, and two writers at once lose nothing. Deltalake does not survive a
    fork: start processes that use a store by *spawn* or *forkserver*.

    Parameters
    ----------
    path
        A folder, made when the first table is written, or the URL of an object store.
    storage_options
        What the object store asks for, as deltalake takes it.

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

    def upsert(self, table: str, frame: pd.DataFrame) -> Upsert:
        """Put a frame into a table by key: all of it or, if this fails, nothing.

        A row whose key is new is added; one that differs from the row of its key replaces it; one
        that does not differ is left alone, and a frame of such rows makes no new version. Columns
        that the table does not have yet are added to it with their first value; columns that the
        frame lacks are kept.

        Parameters
        ----------
        table
            ``posts``, ``events``, ``confirmations`` or ``signals``.
        frame
            In the table's schema; each key once.

        Returns
        -------
        Upsert

        Raises
        ------
        TableError
            If the frame breaks the table's schema, holds a key twice, or has a column of its own
            of a type that the table cannot keep, such as times without an offset.
        StoreError
            If there is no such table, or other writers leave no room for a hundred rounds.
        """
        from deltalake.exceptions import CommitFailedError

        ready, keys = self._ready(table, frame)
        for _ in range(_ROUNDS):
            there = self._open(table)
            if there is None:
                if self._create(table, ready):
                    return Upsert(table, 0, len(ready), 0, 0)
                continue
            with self._reading(table):
                news = changed_rows(ready, there, keys)
            told = Upsert(
                table,
                there.version(),
                new=int((news == "new").sum()),
                changed=int((news == "changed").sum()),
                unchanged=int((news == "unchanged").sum()),
            )
            if told.new + told.changed == 0:
                return told
            try:
                self._write(there, ready[news != "unchanged"], keys, told)
            except CommitFailedError:
                continue  # somebody else wrote meanwhile: look again at what is there
            except Exception as error:
                if _is_deltas(error):
                    raise StoreError.unwritable(self.path, table, error) from None
                raise
            return replace(told, version=there.version())
        raise StoreError.conflict(self.path, table, _ROUNDS)

    def compare(self, table: str, frame: pd.DataFrame) -> pd.Series:
        """Tell what `upsert` would do with each row, and do nothing.

        Parameters
        ----------
        table, frame
            As in `upsert`; columns that the frame lacks are not compared.

        Returns
        -------
        Series
            ``new``, ``changed`` or ``unchanged`` for each row, in the order of the frame.

        Raises
        ------
        TableError, StoreError
            As `upsert` does.
        """
        ready, keys = self._ready(table, frame)
        there = self._open(table)
        if there is None:
            return pd.Series("new", index=ready.index, dtype="str")
        with self._reading(table):
            return changed_rows(ready, there, keys)

    def read(
        self,
        table: str,
        version: int | None = None,
        since: str | datetime | None = None,
        until: str | datetime | None = None,
    ) -> pd.DataFrame:
        """Read a table, as it is or as it was.

        Parameters
        ----------
        table
            ``posts``, ``events``, ``confirmations`` or ``signals``.
        version
            As in `versions`; the newest by default.
        since, until
            Only rows whose time (posted, occurred or confirmed, earliest instant) lies in
            [`since`, `until`); instants with their offset.

        Returns
        -------
        DataFrame
            In the table's schema, in the order of time and key.

        Raises
        ------
        StoreError
            If there is no such table or version.
        """
        keys, clock = _key(table)
        there = self._written(table, version)
        bounds = []
        for bound, sign in ((since, ">="), (until, "<")):
            if bound is not None:
                instant = _instant(bound)
                # The month is told too, so that other months' files are not opened.
                bounds += [
                    f"{MONTH} {sign[0]}= '{instant:%Y-%m}'",
                    f"{clock} {sign} TIMESTAMP '{instant.isoformat()}'",
                ]
        names = [field.name for field in there.schema().fields if field.name != MONTH]
        with self._reading(table):
            found = scan(there, names, " AND ".join(bounds) or None)
            frame = found.read_all().to_pandas()
        return schemas.validate(frame.sort_values([clock, *keys]), table)

    def versions(self, table: str) -> pd.DataFrame:
        """List the versions of a table, newest first: version, at, new, changed.

        Raises
        ------
        StoreError
            If there is no such table.
        """
        there = self._written(table)
        rows = [
            {
                "version": entry["version"],
                "at": pd.Timestamp(entry["timestamp"], unit="ms", tz="UTC"),
                "new": int(entry.get("new", 0)),
                "changed": int(entry.get("changed", 0)),
            }
            for entry in there.history()
        ]
        return pd.DataFrame(rows).astype({"at": times.DTYPE})

    def files(self, table: str) -> list[str]:
        """Return the files of Parquet that hold the rows of a table as it is.

        Raises
        ------
        StoreError
            If there is no such table.
        """
        return self._written(table).file_uris()

    def newest(self) -> dict[str, int]:
        """Return the newest version of each table that has been written.

        Raises
        ------
        StoreError
            If a table cannot be opened.

        Examples
        --------
        >>> from tempfile import mkdtemp
        >>> Store(mkdtemp()).newest()
        {}
        """
        there = {name: self._open(name) for name in schemas.KEYS}
        return {name: int(one.version()) for name, one in there.items() if one is not None}

    def fingerprints(self, versions: Mapping[str, int]) -> dict[str, str]:
        """Return what identifies the content of each table at a version of it.

        The number alone does not: a store that is created again at the same path, or restored
        from a backup and written to, counts the same versions of other content.

        Raises
        ------
        StoreError
            If there is no such table or version.

        Examples
        --------
        >>> from tempfile import mkdtemp
        >>> Store(mkdtemp()).fingerprints({})
        {}
        """
        return {name: fingerprint(self._written(name, at)) for name, at in versions.items()}

    def _ready(self, table: str, frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
        """Return the checked frame as it is stored, and its keys."""
        keys, clock = _key(table)
        ready = schemas.validate(frame, table, fill=True)
        schemas.validate_keys(ready, keys)
        # A column of its own that is empty throughout has no type to store it in.
        own = ready.columns.difference(schemas.columns(table))
        untyped = [name for name in own if ready[name].isna().all()]
        ready = ready.drop(columns=untyped)
        validate_extra_columns(ready[own.difference(untyped)])
        ready[MONTH] = months(ready[clock])
        return ready, keys

    def _where(self, table: str) -> str:
        _key(table)
        return f"{self.path.rstrip('/')}/{table}"

    def _open(self, table: str, version: int | None = None) -> DeltaTable | None:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError

        try:
            there = DeltaTable(self._where(table), version=version, storage_options=self._options)
        except TableNotFoundError:
            return None
        except DeltaError as error:
            raise StoreError.unreadable(self.path, table, version, error) from None
        # A disk that lost power leaves files without content, which to deltalake say nothing.
        newest = there.version()
        for number in range(max(newest - _CHECKPOINT, 0), newest + 1):
            log = Path(self._where(table)) / "_delta_log" / f"{number:020}.json"
            if log.is_file() and log.stat().st_size == 0:
                raise StoreError.unreadable(self.path, table, version, f"{log.name} is empty")
        return there

    @contextmanager
    def _reading(self, table: str) -> Iterator[None]:
        """Say in one line what cannot be read while the block runs."""
        import pyarrow as pa
        from deltalake.exceptions import DeltaError

        try:
            yield
        except (pa.ArrowException, DeltaError, OSError) as error:
            raise StoreError.unreadable(self.path, table, None, error) from None

    def _written(self, table: str, version: int | None = None) -> DeltaTable:
        """Open a table that somebody has written, or say that nobody has."""
        there = self._open(table, version)
        if there is None:
            raise StoreError.empty(self.path, table)
        return there

    def _write(self, there: DeltaTable, fresh: pd.DataFrame, keys: list[str], told: Upsert) -> None:
        """Write rows in the version after the one that was looked at, or fail if it is taken."""
        from deltalake import CommitProperties, write_deltalake

        commit = CommitProperties(
            custom_metadata={"new": str(told.new), "changed": str(told.changed)},
            # By itself deltalake would put an append behind whatever somebody else appended.
            max_commit_retries=0,
        )
        if not told.changed:
            write_deltalake(
                there, _arrow(fresh), mode="append", schema_mode="merge", commit_properties=commit
            )
            return
        there.merge(
            _arrow(fresh),
            predicate=" AND ".join(f"kept.{key} = put.{key}" for key in keys),
            source_alias="put",
            target_alias="kept",
            merge_schema=True,
            commit_properties=commit,
        ).when_matched_update_all().when_not_matched_insert_all().execute()

    def _create(self, table: str, ready: pd.DataFrame) -> bool:
        """Write the first version; False if somebody else just did."""
        from deltalake import CommitProperties, write_deltalake

        try:
            write_deltalake(
                self._where(table),
                _arrow(ready),
                mode="error",
                partition_by=[MONTH],
                storage_options=self._options,
                commit_properties=CommitProperties(custom_metadata={"new": str(len(ready))}),
            )
        except Exception as error:
            if not _is_deltas(error):
                raise
            if self._open(table) is None:
                raise StoreError.unwritable(self.path, table, error) from None
            return False
        return True


def _is_deltas(error: Exception) -> bool:
    """Tell whether deltalake raised it, which of schemas that it refuses says so in no own type."""
    from deltalake.exceptions import DeltaError

    return isinstance(error, DeltaError) or type(error) is Exception


def _key(table: str) -> tuple[list[str], str]:
    if table not in schemas.KEYS:
        raise StoreError(
            "a store has no such table", got=table, hint=did_you_mean(table, schemas.KEYS)
        )
    return schemas.KEYS[table]


def _arrow(frame: pd.DataFrame) -> pa.Table:
    import pyarrow as pa

    # attrs would be written into the schema's metadata, and are no part of the data.
    bare = frame.copy()
    bare.attrs = {}
    return pa.Table.from_pandas(bare, preserve_index=False).replace_schema_metadata(None)


def _instant(bound: str | datetime) -> pd.Timestamp:
    text = bound if isinstance(bound, str) else bound.isoformat()
    try:
        return pd.Timestamp(times.parse_instant(text))
    except ValueError:
        raise StoreError(
            "bad bound", expected="an instant with its offset: 2022-09-10T00:00:00Z", got=text
        ) from None
