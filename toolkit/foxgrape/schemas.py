"""The five tables, and the check that every frame passes at a door.

Inside, they are plain pandas frames. At the doors (files, `detect`, `link`) `check` makes sure
that a frame has its columns, in their types, with intervals the right way round, and says in one
line which cell is wrong.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from foxgrape import times
from foxgrape._util.csv import read_rows, require_unique_names
from foxgrape.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    import pandera.pandas as pa

__all__ = ["CURIE", "KEYS", "columns", "dtypes", "read_csv", "validate", "validate_keys"]

#: What tells the rows of a table apart, and the time by which they are ordered.
KEYS = {
    "posts": (["post_id"], "posted_at"),
    "events": (["event_id"], "occurred_at"),
    "confirmations": (["event_id", "confirmed_by"], "confirmed_at"),
    "signals": (["signal_id"], "posted_at"),
}

_LEAD = "timedelta64[us]"
#: The id of a place: a scheme, and what stands in it.
CURIE = r"[a-z][a-z0-9]*:\S+"


def validate(
    frame: pd.DataFrame, table: str, *, file: object = None, fill: bool = False
) -> pd.DataFrame:
    """Return the frame with its table's columns in their types, or say which cell is wrong.

    Parameters
    ----------
    frame
        Not changed. Columns that the table does not have are kept, after its own.
    table
        ``"posts"``, ``"events"``, ``"confirmations"``, ``"signals"`` or ``"links"``.
    file
        Named in errors; rows are then counted as a spreadsheet shows them, the header being row 1.
        Without it, a row is a position in the frame, from 0.
    fill
        Add optional columns that are missing: empty ones, and a missing ``x_until`` as ``x_at``
        (an exact time). Files must have every column.

    Raises
    ------
    TableError
        With file, row, column, expected, got and a hint.

    Examples
    --------
    >>> posts = pd.DataFrame({"post_id": ["a"], "account": ["me"], "text": ["🍇"],
    ...                       "posted_at": [pd.Timestamp("2022-09-10T12:00Z")]})
    >>> check(posts, "posts", fill=True)["posted_until"].item()
    Timestamp('2022-09-10 12:00:00+0000', tz='UTC')
    """
    import pandera.errors

    schema = _schema(table)
    require_unique_names(list(map(str, frame.columns)), file)
    first_row = 0 if file is None else 2
    ready = _with_columns(frame.reset_index(drop=True), schema, table, file=file, fill=fill)
    for name, column in schema.columns.items():
        ready[name] = _typed(ready[name], column.metadata["dtype"], name, file, first_row)
    try:
        schema.validate(ready, lazy=True)
    except pandera.errors.SchemaErrors as failed:
        raise _first_failure(failed, ready, file, first_row) from None
    _check_intervals(ready, file, first_row)
    rest = [name for name in ready.columns if name not in schema.columns]
    return ready[[*schema.columns, *rest]]


def validate_keys(frame: pd.DataFrame, keys: list[str]) -> None:
    """Make sure that each key stands in one row only.

    Raises
    ------
    TableError
        Names the first row whose key stood in an earlier one.

    Examples
    --------
    >>> check_keys(pd.DataFrame({"event_id": ["a", "a"], "confirmed_by": ["UA", "RU"]}),
    ...            ["event_id", "confirmed_by"])
    """
    again = frame.duplicated(keys).to_numpy()
    if again.any():
        second = int(again.nonzero()[0][0])
        key = frame[keys].iloc[second]
        first = int((frame[keys] == key).all(axis="columns").to_numpy().nonzero()[0][0])
        raise TableError.duplicate_key(
            ", ".join(map(str, key)), column=", ".join(keys), row=second, first_row=first
        )


def columns(table: str) -> list[str]:
    """Return the names of a table's columns, in order.

    Examples
    --------
    >>> columns("links")[:3]
    ['signal_id', 'event_id', 'place_id']
    """
    return list(_schema(table).columns)


def dtypes(table: str) -> dict[str, str]:
    """Return the type of each of a table's columns.

    Examples
    --------
    >>> dtypes("posts")["posted_at"]
    'datetime64[us, UTC]'
    """
    described = _schema(table).columns.items()
    return {name: column.metadata["dtype"] for name, column in described}


def read_csv(path: str | Path, table: str) -> pd.DataFrame:
    """Read a CSV file of one of the tables; every cell is text until `check` has typed it.

    Raises
    ------
    TableError
        If the file is not UTF-8, not rectangular, or breaks the table's schema.
    """
    path = Path(path)
    header, rows = read_rows(path)
    frame = pd.DataFrame(rows, columns=pd.Index(header), dtype="str")
    return validate(frame.mask(frame == ""), table, file=path)


@cache
def _schema(table: str) -> pa.DataFrameSchema:
    import pandera.pandas as pa

    return pa.DataFrameSchema(_COLUMNS[table](pa), strict=False)


def _column(dtype: str, *rules: Any, **options: Any) -> Any:
    """Describe a column; its type is ours to make, pandera checks what the values may be."""
    import pandera.pandas as pa

    return pa.Column(checks=list(rules), metadata={"dtype": dtype}, **options)


def _text(*rules: Any, **options: Any) -> Any:
    return _column("str", *rules, **options)


def _instants(name: str, **options: Any) -> dict[str, Any]:
    return {f"{name}_{end}": _column(times.DTYPE, **options) for end in ("at", "until")}


def _place(pa: ModuleType) -> dict[str, Any]:
    curie = pa.Check.str_matches(f"^{CURIE}$", error="an id such as geonames:707292")
    return {"place_id": _text(curie), "place": _text(nullable=True)}


def _one_of(pa: ModuleType, *names: str, **options: Any) -> Any:
    return _text(pa.Check.isin(names, error=f"one of {', '.join(names)}"), **options)


def _posts(_: ModuleType) -> dict[str, Any]:
    return {
        "post_id": _text(unique=True),
        "platform": _text(nullable=True),
        "account": _text(),
        **_instants("posted"),
        "text": _text(nullable=True),
        "lang": _text(nullable=True),
        "url": _text(nullable=True),
        "repost": _column("boolean", nullable=True),
        "edited_at": _column(times.DTYPE, nullable=True),
    }


def _events(pa: ModuleType) -> dict[str, Any]:
    return {
        "event_id": _text(unique=True),
        **_place(pa),
        "lat": _column("float64", pa.Check.in_range(-90, 90, error="-90 to 90"), nullable=True),
        "lon": _column("float64", pa.Check.in_range(-180, 180, error="-180 to 180"), nullable=True),
        "kind": _text(nullable=True),
        "by_side": _text(nullable=True),
        **_instants("occurred"),
        **_instants("confirmed", nullable=True),
        "confirmed_by": _text(nullable=True),
        "precision": _text(nullable=True),
        "source": _text(nullable=True),
        "url": _text(nullable=True),
    }


def _confirmations(_: ModuleType) -> dict[str, Any]:
    return {
        "event_id": _text(),
        "confirmed_by": _text(),
        **_instants("confirmed"),
        "source": _text(nullable=True),
        "url": _text(nullable=True),
    }


def _signals(pa: ModuleType) -> dict[str, Any]:
    return {
        "signal_id": _text(unique=True),
        "post_id": _text(nullable=True),
        "account": _text(nullable=True),
        "platform": _text(nullable=True),
        **_instants("posted"),
        "code": _text(nullable=True),
        "kind": _one_of(pa, "emoji", "word", "hashtag", "mention", nullable=True),
        **_place(pa),
        "confidence": _one_of(pa, "A", "B", "C", nullable=True),
        "decoded_at": _column(times.DTYPE, nullable=True),
        "surprisal": _column("float64", pa.Check.ge(0, error="bits, 0 or more"), nullable=True),
    }


def _links(pa: ModuleType) -> dict[str, Any]:
    return {
        "signal_id": _text(unique=True),
        "event_id": _text(nullable=True),
        "place_id": _text(),
        "clock": _one_of(pa, *times.CLOCKS),
        "lead_min": _column(_LEAD),
        "lead_max": _column(_LEAD, nullable=True),
        "observed": _column("bool"),
        "relation": _one_of(pa, *times.RELATIONS),
        "hindsight": _column("bool"),
    }


_COLUMNS: dict[str, Callable[[ModuleType], dict[str, Any]]] = {
    "posts": _posts,
    "events": _events,
    "confirmations": _confirmations,
    "signals": _signals,
    "links": _links,
}


def _with_columns(
    frame: pd.DataFrame, schema: pa.DataFrameSchema, table: str, *, file: object, fill: bool
) -> pd.DataFrame:
    ready = frame.copy()
    for name, column in schema.columns.items():
        if name in ready:
            continue
        start = name.replace("_until", "_at")
        if fill and name != start and start in ready:
            ready[name] = ready[start]
        elif fill and column.nullable:
            # In its type at once: to look at each of a million empty cells takes a second.
            ready[name] = pd.Series(index=ready.index, dtype=column.metadata["dtype"])
        else:
            raise TableError.missing_column(name, frame.columns, table=table, file=file)
    return ready


def _typed(values: pd.Series, dtype: str, name: str, file: object, first_row: int) -> pd.Series:
    """Turn a column into its type, or name its first cell that is not of it."""
    if str(values.dtype) == dtype:
        return values
    whole: Any = values
    if dtype == times.DTYPE and isinstance(values.dtype, pd.DatetimeTZDtype):
        whole = whole.dt.tz_convert("UTC").dt.as_unit("us")
    elif dtype in _WHOLE and values.dtype.kind in _WHOLE[dtype]:
        whole = whole.astype(dtype)
    if whole is not values:
        return pd.Series(whole)
    convert, expected = _CELLS[dtype]
    cells = []
    for position, cell in enumerate(values):
        try:
            cells.append(None if pd.isna(cell) else convert(cell))
        except (ValueError, TypeError):
            raise TableError.bad_value(
                cell, expected=expected, file=file, row=position + first_row, column=name
            ) from None
    return pd.Series(cells, dtype=dtype, name=name)


def _instant(cell: Any) -> pd.Timestamp:
    if isinstance(cell, str):
        return pd.Timestamp(times.parse_instant(cell))
    if not isinstance(cell, datetime) or cell.tzinfo is None:
        raise TypeError
    return pd.Timestamp(cell)


def _truth(cell: Any) -> bool:
    if str(cell).lower() not in {"true", "false"}:
        raise ValueError(cell)
    return str(cell).lower() == "true"


def _string(cell: Any) -> str:
    if not isinstance(cell, str):
        raise TypeError
    return cell


# Kinds of column that become another type as a whole; all others are looked at cell by cell.
_WHOLE = {"float64": "if", "boolean": "b", _LEAD: "m"}
_CELLS: dict[str, tuple[Callable[[Any], Any], str]] = {
    times.DTYPE: (_instant, "an instant with its offset, such as 2022-09-10T12:16:00Z"),
    "float64": (float, "a number"),
    "bool": (_truth, "true or false"),
    "boolean": (_truth, "true or false"),
    _LEAD: (pd.Timedelta, "a duration"),
    "str": (_string, "text"),
}


def _first_failure(failed: Any, frame: pd.DataFrame, file: object, first_row: int) -> TableError:
    """Word the first broken rule as one line."""
    cases = failed.failure_cases.sort_values("index", kind="stable", na_position="first")
    case = cases.iloc[0]
    column, position = str(case["column"]), int(case["index"])
    row = position + first_row
    if case["check"] == "field_uniqueness":
        key = frame[column].iloc[position]
        first, second = (frame[column] == key).to_numpy().nonzero()[0][:2]
        return TableError.duplicate_key(
            key,
            column=column,
            row=int(second) + first_row,
            first_row=int(first) + first_row,
            file=file,
        )
    expected = "a value" if case["check"] == "not_nullable" else str(case["check"])
    got = "" if case["check"] == "not_nullable" else case["failure_case"]
    return TableError.bad_value(got, expected=expected, file=file, row=row, column=column)


def _check_intervals(frame: pd.DataFrame, file: object, first_row: int) -> None:
    """Make sure that no latest instant lies before its earliest, and none before its cause."""
    # Columns that are not ours may be called alike, and be text.
    instants = [str(name) for name in frame.select_dtypes("datetimetz")]
    pairs = [(name.replace("_until", "_at"), name) for name in instants if name.endswith("_until")]
    if "occurred_at" in instants and "confirmed_until" in instants:
        pairs.append(("occurred_at", "confirmed_until"))
    for first, column in pairs:
        if first not in instants:
            continue
        half = frame[first].isna() != frame[column].isna()
        if first.split("_")[0] == column.split("_")[0] and half.any():
            position = int(half.to_numpy().nonzero()[0][0])
            empty = first if pd.isna(frame[first].iloc[position]) else column
            raise TableError.bad_value(
                "",
                expected="both ends of the interval or neither",
                file=file,
                row=position + first_row,
                column=empty,
            )
        backward = (frame[column] < frame[first]).to_numpy()
        if backward.any():
            position = int(backward.nonzero()[0][0])
            raise TableError.backward_interval(
                frame[first].iloc[position],
                frame[column].iloc[position],
                column=column,
                first=first,
                row=position + first_row,
                file=file,
            )
