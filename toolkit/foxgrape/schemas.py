"""Schemas of the tables, and validation that reports the first problem in one line.

Tables are plain pandas frames. They are validated on entry: in readers, `detect` and `link`.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from foxgrape import times
from foxgrape._util.csv import read_rows, require_unique_names
from foxgrape.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from foxgrape._util.typing import BoolArray

__all__ = [
    "CURIE",
    "KEYS",
    "columns",
    "dtypes",
    "has_repeated_keys",
    "key_index",
    "read_csv",
    "validate",
    "validate_keys",
    "validate_storable",
    "version_times",
]

#: Key columns of each table, the most selective one first, and the time column by which its rows
#: are ordered. Message numbers are unique within an account only. Two missing platforms are equal,
#: and differ from any given one.
KEYS = {
    "posts": (["post_id", "platform", "account"], "posted_at"),
    "earlier_posts": (["post_id", "platform", "account", "edited_at"], "posted_at"),
    "events": (["event_id"], "occurred_at"),
    "confirmations": (["event_id", "confirmed_by"], "confirmed_at"),
    "signals": (["signal_id"], "posted_at"),
    "observation": (["source"], "observed_until"),
}
_VERSION_TIMES = {"posts": "edited_at", "events": "updated_at"}

_LEAD = "timedelta64[us]"
#: Pattern of a place id: scheme, colon, identifier.
CURIE = r"[a-z][a-z0-9]*:\S+"


def validate(
    frame: pd.DataFrame, table: str, *, file: object = None, fill: bool = False
) -> pd.DataFrame:
    """Convert a frame's columns to the types of a table's schema, and check their values.

    Parameters
    ----------
    frame
        The data. Columns that the table does not have are kept after its own.
    table
        ``"posts"``, ``"earlier_posts"``, ``"events"``, ``"confirmations"``, ``"signals"``,
        ``"observation"`` or ``"links"``.
    file
        File name for error messages, which then number rows as in a spreadsheet: the header is
        row 1. Without `file`, messages give the position in the frame, from 0.
    fill
        Add missing optional columns: ``x_until`` as a copy of ``x_at`` (an exact time), others
        empty. Otherwise every column is required.

    Raises
    ------
    TableError
        If the frame does not match the schema; the message gives the file, row and column of the
        first bad cell.

    Examples
    --------
    >>> posts = pd.DataFrame({"post_id": ["a"], "account": ["me"], "text": ["🍇"],
    ...                       "posted_at": [pd.Timestamp("2022-09-10T12:00Z")]})
    >>> validate(posts, "posts", fill=True)["posted_until"].item()
    Timestamp('2022-09-10 12:00:00+0000', tz='UTC')
    """
    if not isinstance(frame, pd.DataFrame):
        raise TableError(f"{table} must be a DataFrame", file=file, got=type(frame).__name__)
    schema = _SCHEMAS[table]
    require_unique_names(list(map(str, frame.columns)), file)
    first_row = 0 if file is None else 2
    ready = _with_columns(frame.reset_index(drop=True), schema, table, file=file, fill=fill)
    for name, column in schema.items():
        ready[name] = _convert(ready[name], column.dtype, name, file, first_row)
    given = {name: column for name, column in schema.items() if name in frame}
    _check_values(ready, given, file, first_row)
    _check_intervals(ready, file, first_row)
    if table == "posts":
        validate_keys(ready, KEYS[table][0], column="post_id", file=file, first_row=first_row)
    others = [name for name in ready.columns if name not in schema]
    return ready[[*schema, *others]]


def version_times(table: str, *frames: pd.DataFrame) -> list[pd.Series] | None:
    """Return the times of the rows' versions in each frame; None if a frame does not have them.

    Tables of other tools have the times as text in ISO 8601; without an offset, they are in UTC.
    A missing time of a post means never edited.

    Examples
    --------
    >>> posts = pd.DataFrame({"edited_at": ["2022-09-10T12:00Z", None]})
    >>> version_times("posts", posts)[0].dt.hour.tolist()
    [12.0, nan]
    >>> version_times("posts", posts.assign(edited_at="yes")) is None
    True
    """
    name = _VERSION_TIMES.get(table)
    columns = []
    for frame in frames:
        if name not in frame:
            return None
        column = frame[name]
        if not isinstance(column.dtype, pd.DatetimeTZDtype):
            text = column.astype("str")
            column = pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce")
            if (column.isna() & text.notna()).any():
                return None
        columns.append(column.dt.as_unit("us"))
    return columns


def has_repeated_keys(frame: pd.DataFrame, keys: list[str]) -> bool:
    """Return whether two rows have the same key; missing values are equal.

    Examples
    --------
    >>> posts = pd.DataFrame({"post_id": ["1", "1"], "account": ["a", "b"]})
    >>> has_repeated_keys(posts, ["post_id", "account"])
    False
    """
    # Usually the first column alone is unique, and the others need not be hashed.
    return not frame[keys[0]].is_unique and bool(frame.duplicated(keys).any())


def key_index(frame: pd.DataFrame, keys: list[str]) -> pd.Index:
    """Return an index of the rows' keys, in which missing values are equal.

    Examples
    --------
    >>> posts, keys = pd.DataFrame({"post_id": ["1", "1"], "platform": [None, "x"]}), KEYS["posts"]
    >>> key_index(posts, keys[0][:2]).isin(key_index(posts[:1], keys[0][:2]))
    array([ True, False])
    """
    return pd.Index(frame[keys[0]]) if len(keys) == 1 else pd.MultiIndex.from_frame(frame[keys])


def validate_keys(
    frame: pd.DataFrame,
    keys: list[str],
    *,
    column: str | None = None,
    file: object = None,
    first_row: int = 0,
) -> None:
    """Raise TableError if a key is repeated, for the first row that repeats one.

    The message names `column`, by default all key columns.

    Examples
    --------
    >>> confirmations = pd.DataFrame({"event_id": ["a", "a"], "confirmed_by": ["UA", "RU"]})
    >>> validate_keys(confirmations, ["event_id", "confirmed_by"])
    """
    if has_repeated_keys(frame, keys):
        second = int(frame.duplicated(keys).to_numpy().argmax())
        key = frame[keys].iloc[[second]]
        first = int(key_index(frame, keys).isin(key_index(key, keys)).argmax())
        raise TableError.duplicate_key(
            ", ".join(map(str, key.iloc[0].dropna())),
            column=column or ", ".join(keys),
            row=second + first_row,
            first_row=first + first_row,
            file=file,
        )


def validate_storable(extra: pd.DataFrame) -> None:
    """Raise an error for column types that Delta Lake cannot store or compare.

    A merge that adds times without an offset makes the table unreadable.
    """
    for name, column in extra.items():
        kind: Any = column.dtype
        try:
            kind = pa.array(column).type
            unsupported = pa.types.is_list(kind) or pa.types.is_binary(kind)
            if pa.types.is_temporal(kind) and not pa.types.is_date(kind):
                unsupported = getattr(kind, "tz", None) is None
        except (pa.ArrowException, OverflowError):  # mixed or unknown types
            unsupported = True
        if unsupported:
            raise TableError(
                "this type of column cannot be stored",
                column=str(name),
                expected="text, numbers, booleans, dates, or times with an offset",
                got=kind,
            )


def columns(table: str) -> list[str]:
    """Return the names of a table's columns, in order.

    Examples
    --------
    >>> columns("links")[:3]
    ['signal_id', 'event_id', 'place_id']
    """
    return list(_SCHEMAS[table])


def dtypes(table: str) -> dict[str, str]:
    """Return the type of each of a table's columns.

    Examples
    --------
    >>> dtypes("posts")["posted_at"]
    'datetime64[us, UTC]'
    """
    return {name: column.dtype for name, column in _SCHEMAS[table].items()}


def read_csv(path: str | Path, table: str) -> pd.DataFrame:
    """Read one of the five tables from a CSV file, and validate it."""
    path = Path(path)
    header, rows = read_rows(path)
    frame = pd.DataFrame(rows, columns=pd.Index(header), dtype="str")
    return validate(frame.mask(frame == ""), table, file=path)


class _Column(NamedTuple):
    """The type of a column, and what its values must be.

    `check` returns which values are right, and `expected` tells what it expects; missing values
    are not checked.
    """

    dtype: str = "str"
    nullable: bool = False
    unique: bool = False
    check: Callable[[pd.Series], Any] | None = None
    expected: str = ""

    def failures(self, values: pd.Series) -> Iterator[tuple[BoolArray, str]]:
        """Yield which values are wrong, and what was expected."""
        if not self.nullable:
            yield values.isna().to_numpy(), "a value"
        if self.unique and not values.is_unique:
            yield values.duplicated(keep=False).to_numpy(), _UNIQUE
        if self.check is not None:
            yield ~(self.check(values) | values.isna()).to_numpy(np.bool_), self.expected


_UNIQUE = "each value once"
_Schema = dict[str, _Column]
_TEXT, _ANY_TEXT = _Column(), _Column(nullable=True)
_ID = _Column(unique=True)
_TIME, _ANY_TIME = _Column(times.DTYPE), _Column(times.DTYPE, nullable=True)


def _are_curies(ids: pd.Series) -> Any:
    """Return which of the ids are valid; each distinct id is matched once."""
    number, distinct = pd.factorize(ids)
    # A missing id has the number -1, and is not valid.
    matches = pd.Series(distinct, dtype="str").str.match(f"^{CURIE}$").to_numpy(np.bool_)
    return np.append(matches, [False])[number]


def _between(least: float, most: float, expected: str) -> _Column:
    return _Column(
        "float64",
        nullable=True,
        check=lambda values: values.between(least, most),
        expected=expected,
    )


def _one_of(*names: str, nullable: bool = False) -> _Column:
    expected = f"one of {', '.join(names)}"
    return _Column(nullable=nullable, check=lambda values: values.isin(names), expected=expected)


_PLACE_ID = _Column(check=_are_curies, expected="an id such as geonames:707292")
_POSTS: _Schema = {
    "post_id": _TEXT,
    "platform": _ANY_TEXT,
    "account": _TEXT,
    "posted_at": _TIME,
    "posted_until": _TIME,
    "text": _ANY_TEXT,
    "lang": _ANY_TEXT,
    "url": _ANY_TEXT,
    "repost": _Column("boolean", nullable=True),
    "edited_at": _ANY_TIME,
}
_SCHEMAS: dict[str, _Schema] = {
    "posts": _POSTS,
    "earlier_posts": _POSTS,
    "events": {
        "event_id": _ID,
        "place_id": _PLACE_ID,
        "place": _ANY_TEXT,
        "lat": _between(-90, 90, "-90 to 90"),
        "lon": _between(-180, 180, "-180 to 180"),
        "kind": _ANY_TEXT,
        "by_side": _ANY_TEXT,
        "occurred_at": _TIME,
        "occurred_until": _TIME,
        "confirmed_at": _ANY_TIME,
        "confirmed_until": _ANY_TIME,
        "confirmed_by": _ANY_TEXT,
        "precision": _ANY_TEXT,
        "source": _ANY_TEXT,
        "url": _ANY_TEXT,
    },
    "confirmations": {
        "event_id": _TEXT,
        "confirmed_by": _TEXT,
        "confirmed_at": _TIME,
        "confirmed_until": _TIME,
        "source": _ANY_TEXT,
        "url": _ANY_TEXT,
    },
    "signals": {
        "signal_id": _ID,
        "post_id": _ANY_TEXT,
        "account": _ANY_TEXT,
        "platform": _ANY_TEXT,
        "posted_at": _TIME,
        "posted_until": _TIME,
        "code": _ANY_TEXT,
        "kind": _one_of("emoji", "word", "hashtag", "mention", nullable=True),
        "place_id": _PLACE_ID._replace(nullable=True),
        "place": _ANY_TEXT,
        "confidence": _one_of("A", "B", "C", nullable=True),
        "decoded_at": _ANY_TIME,
        "surprisal": _between(0, np.inf, "bits, 0 or more"),
    },
    "observation": {
        "source": _ID,
        "observed_from": _ANY_TIME,
        "observed_until": _TIME,
        "gaps": _ANY_TEXT,
        "kinds": _ANY_TEXT,
        "places": _ANY_TEXT,
        "guessed": _Column("bool"),
    },
    "links": {
        "signal_id": _ID,
        "event_id": _ANY_TEXT,
        "place_id": _TEXT,
        "clock": _one_of(*times.CLOCKS),
        "lead_min": _Column(_LEAD),
        "lead_max": _Column(_LEAD, nullable=True),
        "observed": _Column("bool"),
        "relation": _one_of(*times.RELATIONS),
        "hindsight": _Column("bool"),
    },
}


def _with_columns(
    frame: pd.DataFrame, schema: _Schema, table: str, *, file: object, fill: bool
) -> pd.DataFrame:
    ready = frame.copy()
    for name, column in schema.items():
        if name in ready:
            continue
        start = name.replace("_until", "_at")
        if fill and name != start and start in ready:
            ready[name] = ready[start]
        elif fill and column.nullable:
            # Create the column with its final type: converting 10⁶ empty cells takes a second.
            empty: Any = pa.nulls(len(ready), pa.large_string()) if column.dtype == "str" else None
            ready[name] = pd.Series(empty, ready.index, column.dtype)
        else:
            raise TableError.missing_column(name, frame.columns, table=table, file=file)
    return ready


def _convert(values: pd.Series, dtype: str, name: str, file: object, first_row: int) -> pd.Series:
    """Convert a column to its type, or raise TableError for the first cell that cannot be."""
    if str(values.dtype) == dtype:
        return values
    column: Any = values
    if dtype == times.DTYPE and isinstance(values.dtype, pd.DatetimeTZDtype):
        return pd.Series(column.dt.tz_convert("UTC").dt.as_unit("us"))
    if values.dtype.kind in _CONVERTIBLE.get(dtype, ""):
        return pd.Series(column.astype(dtype))
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


def _boolean(cell: Any) -> bool:
    if str(cell).lower() not in {"true", "false"}:
        raise ValueError(cell)
    return str(cell).lower() == "true"


def _string(cell: Any) -> str:
    if not isinstance(cell, str):
        raise TypeError
    return cell


# By type: kinds of NumPy columns that pandas converts as a whole; other columns are converted cell
# by cell.
_CONVERTIBLE = {"float64": "if", "boolean": "b", _LEAD: "m"}
_CELLS: dict[str, tuple[Callable[[Any], Any], str]] = {
    times.DTYPE: (_instant, "an instant with an offset, such as 2022-09-10T12:16:00Z"),
    "float64": (float, "a number"),
    "bool": (_boolean, "true or false"),
    "boolean": (_boolean, "true or false"),
    _LEAD: (pd.Timedelta, "a duration"),
    "str": (_string, "text"),
}


def _check_values(frame: pd.DataFrame, schema: _Schema, file: object, first_row: int) -> None:
    """Raise TableError for the first row, and in it the first column, with a wrong value."""
    failures = [
        (int(wrong.argmax()), name, expected)
        for name, column in schema.items()
        for wrong, expected in column.failures(frame[name])
        if wrong.any()
    ]
    if not failures:
        return
    position, name, expected = min(failures, key=lambda failure: failure[0])
    cell = frame[name].iloc[position]
    if expected is _UNIQUE:
        first, second = (frame[name] == cell).to_numpy().nonzero()[0][:2] + first_row
        raise TableError.duplicate_key(
            cell, column=name, row=int(second), first_row=int(first), file=file
        )
    got = "" if pd.isna(cell) else cell
    raise TableError.bad_value(
        got, expected=expected, file=file, row=position + first_row, column=name
    )


def _check_intervals(frame: pd.DataFrame, file: object, first_row: int) -> None:
    """Raise if an interval lacks an end or is backward, or a confirmation precedes its event."""
    # Select by type, since a user's own column may be named x_until and hold text.
    instants = [str(name) for name in frame.select_dtypes("datetimetz")]
    pairs = [(name.replace("_until", "_at"), name) for name in instants if name.endswith("_until")]
    if "occurred_at" in instants and "confirmed_until" in instants:
        pairs.append(("occurred_at", "confirmed_until"))
    for first, column in pairs:
        if first not in instants:
            continue
        earliest, latest = frame[first], frame[column]
        half = (earliest.isna() != latest.isna()).to_numpy()
        if first.split("_")[0] == column.split("_")[0] and half.any():
            at = int(half.argmax())
            empty = first if pd.isna(earliest.iloc[at]) else column
            expected = "both ends of the interval or neither"
            raise TableError.bad_value(
                "", expected=expected, file=file, row=at + first_row, column=empty
            )
        backward = (latest < earliest).to_numpy()
        if backward.any():
            at = int(backward.argmax())
            raise TableError.backward_interval(
                earliest.iloc[at],
                latest.iloc[at],
                first=first,
                file=file,
                row=at + first_row,
                column=column,
            )
