"""Rows that a Delta table keeps: streamed, and held against those that are to be put in."""

from __future__ import annotations

import hashlib
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape import times
from foxgrape.errors import TableError

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable

__all__ = ["MONTH", "changed_rows", "fingerprint", "months", "scan", "validate_extra_columns"]

#: The column by whose values a table is partitioned.
MONTH = "month"
#: How many kept rows are looked through at once.
_LOOK = 500_000


def months(instants: pd.Series) -> pd.Series:
    """Return the month of each instant, such as 2022-09."""
    month = times.microseconds(instants).view("datetime64[us]").astype("datetime64[M]")
    names, position = np.unique(month, return_inverse=True)
    return pd.Series(names.astype(str)[position], index=instants.index, dtype="str")


def validate_extra_columns(own: pd.DataFrame) -> None:
    """Refuse columns of a type that Delta Lake cannot keep, or compare.

    A merge that adds times without an offset to a table leaves one that nobody can open.
    """
    import pyarrow as pa

    for name, column in own.items():
        kind: Any = column.dtype
        try:
            kind = pa.array(column).type
            odd = pa.types.is_list(kind) or pa.types.is_binary(kind)
            if pa.types.is_temporal(kind) and not pa.types.is_date(kind):
                odd = getattr(kind, "tz", None) is None
        except (pa.ArrowException, OverflowError):  # cells of several types, or of no known one
            odd = True
        if odd:
            raise TableError(
                "a store cannot keep this column",
                column=str(name),
                expected="text, numbers, truth values, days or instants with their offset",
                got=kind,
            )


def fingerprint(table: DeltaTable) -> str:
    """Return a hash of a table's id and the names of its data files, each of which is unique."""
    names = sorted(uri.replace("\\", "/").rpartition("/")[2] for uri in table.file_uris())
    content = "\n".join([str(table.metadata().id), *names])
    return hashlib.sha256(content.encode()).hexdigest()


def scan(there: DeltaTable, columns: list[str], where: str | None) -> pa.RecordBatchReader:
    """Stream the rows of a table for which the SQL condition holds."""
    import pyarrow as pa

    stream = pa.RecordBatchReader.from_stream(there.scan(columns=columns, predicate=where))
    # deltalake hands text out as string_view, for which Arrow lacks most kernels.
    plain = [
        field.with_type(pa.string()) if field.type == pa.string_view() else field
        for field in stream.schema
    ]
    return stream.cast(pa.schema(plain))


def changed_rows(ready: pd.DataFrame, there: DeltaTable, keys: list[str]) -> pd.Series:
    """Tell for each row whether its key is new, and if not whether the row has changed."""
    told = pd.Series("new", index=ready.index, dtype="str")
    if ready.empty:
        return told
    fields = {field.name for field in there.schema().fields}
    known = [name for name in ready.columns if name in fields]
    those = ", ".join(f"'{month}'" for month in sorted(ready[MONTH].unique()))
    kept = _alike(there, known, f"{MONTH} IN ({those})", ready[keys[0]])
    position = _index(kept, keys).get_indexer(_index(ready, keys))
    found = position >= 0
    if found.any():
        put, there_now = ready[found], kept.take(position[found])
        added = [name for name in ready.columns if name not in known]
        differs = put[added].notna().any(axis="columns")
        for name in known:
            if name not in keys:
                differs |= _differs(put[name], there_now[name])
        told[found] = np.where(differs, "changed", "unchanged")
    # A row whose month has changed is kept in another one: of those its key is enough.
    rest = ready[~found]
    if len(rest):
        moved = _alike(there, keys, f"{MONTH} NOT IN ({those})", rest[keys[0]])
        there_too = _index(rest, keys).isin(_index(moved, keys))
        told[rest.index[there_too]] = "changed"
    return told


def _index(rows: pd.DataFrame, keys: list[str]) -> pd.Index:
    return pd.Index(rows[keys[0]]) if len(keys) == 1 else pd.MultiIndex.from_frame(rows[keys])


def _alike(
    there: DeltaTable, columns: list[str], where: str, first_keys: pd.Series
) -> pd.DataFrame:
    """Return the kept rows under any of the first keys."""
    import pyarrow as pa
    import pyarrow.compute as pc

    stream = scan(there, columns, where)
    asked, name = pa.array(first_keys, pa.string()), str(first_keys.name)
    kept, waiting = [], []
    # Together: what is asked for is hashed anew for each look.
    for batch in chain(stream, [None]):
        if batch is not None:
            waiting.append(batch)
        if batch is None or sum(part.num_rows for part in waiting) >= _LOOK:
            some = pa.Table.from_batches(waiting, stream.schema)
            kept.append(some.filter(pc.is_in(some[name], asked)))
            waiting = []
    rows: pd.DataFrame = pa.concat_tables(kept).to_pandas()
    return rows


def _differs(ours: pd.Series, theirs: pd.Series) -> Any:
    """Compare two columns cell by cell; two empty cells are equal."""
    theirs = pd.Series(theirs.array, index=ours.index)
    try:
        theirs = theirs.astype(ours.dtype)
    except (ValueError, TypeError):  # of another type, and so another cell
        return ours.notna() | theirs.notna()
    return ~((ours == theirs).fillna(False).astype("bool") | (ours.isna() & theirs.isna()))  # noqa: FBT003
