"""Compare rows with those of a stored Delta Lake table: which are new, changed, or older."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape import schemas, times

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable

    from foxgrape._util.typing import IntArray

__all__ = ["MONTH", "STATUSES", "Comparison", "column_names", "compare_rows", "scan"]

#: The partition column.
MONTH = "month"
#: What `Store.upsert` does with a row; see `UpsertResult`.
STATUSES = ("new", "changed", "unchanged", "older")
#: Number of stored rows per batch in a comparison.
_BATCH = 500_000


@dataclass(frozen=True, slots=True)
class Comparison:
    """How rows compare with those that are stored.

    Attributes
    ----------
    status
        One of `STATUSES` for each row.
    replaced
        The stored posts that edited versions replace.
    other_accounts
        For each new post that is stored with equal id, time and text under another account, the
        name of that account.
    """

    status: pd.Series
    replaced: pd.DataFrame
    other_accounts: pd.Series


def compare_rows(
    rows: pd.DataFrame, stored: DeltaTable | None, keys: list[str], table: str
) -> Comparison:
    """Compare rows with the stored rows that have the same keys."""
    status = pd.Series("new", index=rows.index, dtype="str")
    replaced, other_accounts = rows.iloc[:0], pd.Series(dtype="str")
    if rows.empty or stored is None:
        return Comparison(status, replaced, other_accounts)
    shared = [name for name in column_names(stored) if name in rows.columns]
    months = ", ".join(f"'{month}'" for month in sorted(rows[MONTH].unique()))
    same_months = _rows_with_keys(stored, shared, f"{MONTH} IN ({months})", rows[keys[0]])
    position = _positions(rows, same_months, keys)
    matched = position >= 0
    if matched.any():
        ours, theirs = rows[matched], same_months.take(position[matched])
        added = rows.columns.difference(shared)
        changed = ours[added].notna().any(axis="columns")
        for name in set(shared).difference(keys):
            changed |= _differs(ours[name], theirs[name])
        status[matched] = np.where(changed, "changed", "unchanged")
        replaced = _order_edits(status, ours, theirs, table)
    # A row whose key is stored in another month has changed, because its time has.
    rest = rows[~matched]
    if len(rest):
        where = f"{MONTH} NOT IN ({months})"
        other_months = _rows_with_keys(stored, keys, where, rest[keys[0]])
        moved = rest[_positions(rest, other_months, keys) >= 0]
        status[moved.index] = "changed"
        if len(moved) and schemas.version_times(table, moved) is not None:
            theirs = _rows_with_keys(stored, shared, where, moved[keys[0]])
            theirs = theirs.take(_positions(moved, theirs, keys))
            replaced = pd.concat([replaced, _order_edits(status, moved, theirs, table)])
    if table == "posts":
        other_accounts = _other_accounts(rows[status == "new"], same_months)
    return Comparison(status, replaced, other_accounts)


def _other_accounts(new: pd.DataFrame, stored: pd.DataFrame) -> pd.Series:
    """Return the accounts under which new posts are stored with equal id, time and text."""
    same = [name for name in ("post_id", "platform", "posted_at", "text") if name in stored]
    stored = stored[[*same, "account"]].drop_duplicates(same)
    stored = stored.astype(new[list(stored)].dtypes.to_dict())
    matches = new[same].reset_index().merge(stored, on=same)
    return matches.set_index("index")["account"]


def _positions(rows: pd.DataFrame, stored: pd.DataFrame, keys: list[str]) -> IntArray:
    """Return the position of each row's key among the stored rows, or -1."""
    stored = stored[keys].astype(rows[keys].dtypes.to_dict())
    index: Any = schemas.key_index(stored, keys)
    positions: IntArray = index.get_indexer(schemas.key_index(rows, keys))
    return positions


def _order_edits(
    status: pd.Series, ours: pd.DataFrame, theirs: pd.DataFrame, table: str
) -> pd.DataFrame:
    """Mark rows whose stored version is later; return the stored posts edited before ours."""
    columns = schemas.version_times(table, ours, theirs)
    if columns is None:
        return ours.iloc[:0]
    ours_at, theirs_at = map(times.microseconds, columns)
    # A missing edit time is the least integer, so that it comes before any other.
    is_older = ours_at < theirs_at
    if table != "posts":
        status[ours.index[is_older & columns[0].notna().to_numpy()]] = "older"
        return ours.iloc[:0]
    status[ours.index[is_older]] = "older"
    return theirs[ours_at > theirs_at]


def _differs(ours: pd.Series, theirs: pd.Series) -> Any:
    """Compare two columns cell by cell; two missing values are equal."""
    theirs = pd.Series(theirs.array, index=ours.index)
    try:
        theirs = theirs.astype(ours.dtype)
    except (ValueError, TypeError):  # values of different types differ
        return ours.notna() | theirs.notna()
    return ~((ours == theirs).fillna(False).astype("bool") | (ours.isna() & theirs.isna()))  # noqa: FBT003


def _rows_with_keys(
    stored: DeltaTable, columns: list[str], where: str, first_keys: pd.Series
) -> pd.DataFrame:
    """Return the stored rows whose first key column has one of these values."""
    import pyarrow as pa
    import pyarrow.compute as pc

    stream = scan(stored, columns, where)
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


def scan(stored: DeltaTable, columns: list[str], where: str | None) -> pa.RecordBatchReader:
    """Stream the rows of a table for which an SQL condition holds."""
    import pyarrow as pa

    stream = pa.RecordBatchReader.from_stream(stored.scan(columns=columns, predicate=where))
    # Deltalake returns text as string_view, for which most Arrow kernels are missing.
    fields = [
        field.with_type(pa.string()) if field.type == pa.string_view() else field
        for field in stream.schema
    ]
    return stream.cast(pa.schema(fields))


def column_names(stored: DeltaTable) -> list[str]:
    """Return the names of a table's columns, with the partition column."""
    return [field.name for field in stored.schema().fields]
