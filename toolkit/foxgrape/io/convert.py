"""Convert cells of other tools' files to our types, and map their columns to ours."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from foxgrape import schemas, times
from foxgrape.errors import TableError, did_you_mean
from foxgrape.io.stream import BadRecordError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from foxgrape.io.base import ReadContext

__all__ = [
    "MONTHS",
    "READ_COLUMNS",
    "as_int",
    "expect",
    "extra_cells",
    "get_nested",
    "get_or_none",
    "get_text",
    "none_if_blank",
    "normalize_name",
    "optional_text",
    "parse_bool",
    "parse_clock_cell",
    "parse_exact_id",
    "parse_interval",
    "parse_time_interval",
    "parse_timestamp",
    "parse_unix_time",
    "record_mapping",
    "reject_invalid_unicode",
    "require_dict",
    "require_id",
    "require_text",
]

#: English month names; strptime would expect those of the machine's locale.
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

#: Columns that readers use although the table does not have them; `columns` may name them.
READ_COLUMNS = {"events": ("admin1", "coordinates")}

#: Unix times are accepted from 2000 to 2100 only, so that their unit (s, ms or µs) is unambiguous.
_MIN_UNIX, _MAX_UNIX = 946_684_800, 4_102_444_800
_TICKS_PER_SECOND = (1, 1_000, 1_000_000)
_UNIX = re.compile(r"[0-9]{9,17}")
_UNIX_SECONDS = re.compile(r"-?[0-9]{1,12}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: A time to the second or finer, with an offset, which is an exact instant.
_EXACT = re.compile(r".{10}.\d\d:\d\d:\d\d(\.\d+)? ?(Z|[+-]\d\d:?\d\d)")
#: Spreadsheets round integers above this, since they store numbers as 64-bit floats.
_MAX_EXACT_FLOAT = 2**53
_MAX_INT = 2**63
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
#: Unpaired surrogates, which UTF-8 cannot encode, and U+FFFF, which `repair_escapes` writes
#: instead of them.
_INVALID = re.compile("[\ud800-\udfff\uffff]")


def reject_invalid_unicode(row: Mapping[str, Any]) -> None:
    """Raise `BadRecordError` if a text in the row is not valid Unicode."""
    for name, cell in row.items():
        if isinstance(cell, str) and _INVALID.search(cell):
            raise BadRecordError(
                "invalid text: an unpaired surrogate, U+FFFF, or bytes that are not UTF-8", name
            )


def expect(value: Any, kind: type | tuple[type, ...], column: str, expected: str) -> Any:
    """Return the value if it is an instance of `kind`; else raise `BadRecordError`."""
    if not isinstance(value, kind) or isinstance(value, bool):
        raise BadRecordError(f"expected {expected}; got {value!r:.80}", column)
    return value


def require_text(value: Any, column: str = "text") -> str:
    """Return the value if it is text, even if empty; else raise `BadRecordError`."""
    return str(expect(value, str, column, "text"))


def require_dict(value: Any, column: str | None = None) -> dict[str, Any]:
    """Return the value if it is a JSON object; else raise `BadRecordError`."""
    return dict(expect(value, dict, column or "record", "an object"))


def get_or_none(mapping: Mapping[Any, Any], key: Any) -> Any:
    """Return the value under a key; None if the key is missing or not a string."""
    return mapping.get(key) if isinstance(key, str) else None


def get_nested(value: Any, *keys: str) -> Any:
    """Return the value under nested keys; None if any of them is missing."""
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def as_int(value: Any) -> int | None:
    """Return the value if it is a 64-bit integer; else None."""
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= _MAX_INT:
        return None
    return value


def require_id(value: Any, column: str = "post_id") -> str:
    """Return an id as text; raise `BadRecordError` unless it is an integer or non-blank text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise BadRecordError(f"expected an id; got {value!r:.80}", column)
    return value


def parse_exact_id(cell: Any, column: str) -> str:
    """Return an id as text; reject a float so large that a spreadsheet has rounded it."""
    if isinstance(cell, float):
        cell = int(cell) if cell.is_integer() and abs(cell) < _MAX_EXACT_FLOAT else None
    return require_id(cell, column)


def get_text(cell: Any, column: str) -> str | None:
    """Return text or an integer as text, and None for None; else raise `BadRecordError`."""
    if isinstance(cell, int) and not isinstance(cell, bool):
        return str(cell)
    return optional_text(cell, column)


def optional_text(cell: Any, column: str) -> str | None:
    """Return text, even if empty, or None; else raise `BadRecordError`."""
    return None if cell is None else require_text(cell, column)


def parse_bool(cell: Any, column: str) -> bool | None:
    """Parse ``true``, ``false``, ``1`` or ``0``, in upper or lower case; None for None."""
    if cell is None:
        return None
    value = _BOOLEANS.get(str(cell).strip().lower())
    if value is None:
        raise BadRecordError(f"expected true or false; got {cell!r:.80}", column)
    return value


def parse_unix_time(value: Any, column: str = "posted_at") -> datetime:
    """Convert Unix seconds, given as a number or as text, to an instant."""
    if isinstance(value, bool) or not _UNIX_SECONDS.fullmatch(str(value)):
        raise BadRecordError(f"expected Unix seconds; got {value!r:.80}", column)
    try:
        return _EPOCH + timedelta(seconds=int(value))
    except OverflowError:
        raise BadRecordError(f"date out of range: {value!r:.80}", column) from None


def parse_timestamp(value: Any, column: str = "posted_at") -> datetime:
    """Parse an ISO 8601 timestamp with an offset."""
    try:
        return times.parse_instant(value)
    except (ValueError, TypeError, AttributeError):
        raise BadRecordError(
            f"expected a time with an offset, such as 2022-09-10T12:16:00Z; got {value!r:.80}",
            column,
        ) from None


def parse_clock_cell(
    value: Any, zone: str | None, column: str = "posted_at"
) -> tuple[datetime, datetime]:
    """Return a local time's earliest and latest instant; see `foxgrape.times.parse_clock_time`."""
    try:
        return times.parse_clock_time(value, zone)
    except (ValueError, TypeError, AttributeError) as error:
        raise BadRecordError(f"invalid time: {error}", column) from None


def parse_time_interval(cell: Any, zone: str | None, column: str) -> tuple[datetime, datetime]:
    """Return the earliest and latest instant of an instant, a Unix time, or a local time."""
    if cell is None:
        raise BadRecordError("expected a time; got nothing", column)
    if isinstance(cell, datetime):
        if cell.tzinfo is not None:
            instant = cell.astimezone(UTC)
            return instant, instant
        cell = cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = str(cell).strip()
    if _UNIX.fullmatch(text):
        return _parse_unix_of_any_unit(int(text), column)
    if _EXACT.fullmatch(text):
        instant = parse_timestamp(text, column)
        return instant, instant
    try:
        return parse_clock_cell(text, zone, column)
    except BadRecordError:
        if zone is not None:
            raise
    parse_clock_cell(text, "UTC", column)  # raises if the time is invalid in any zone
    raise BadRecordError(f"the time {text!r:.80} has no offset; pass timezone=", column)


def _parse_unix_of_any_unit(number: int, column: str) -> tuple[datetime, datetime]:
    for ticks in _TICKS_PER_SECOND:
        if _MIN_UNIX <= number / ticks < _MAX_UNIX:
            instant = _EPOCH + timedelta(microseconds=number * (1_000_000 // ticks))
            return instant, instant
    raise BadRecordError(
        "expected a Unix time between 2000 and 2100, in seconds, milliseconds or microseconds; "
        f"got {number}",
        column,
    )


def parse_interval(
    cells: Mapping[str, Any], name: str, zone: str | None
) -> tuple[datetime, datetime]:
    """Return the interval from a row's ``name_at`` to its ``name_until``, if the latter exists."""
    first, last = parse_time_interval(cells.get(f"{name}_at"), zone, f"{name}_at")
    if cells.get(f"{name}_until") is not None:
        last = parse_time_interval(cells[f"{name}_until"], zone, f"{name}_until")[1]
        if last < first:
            raise BadRecordError(f"{name}_until is before {name}_at", f"{name}_until")
    return first, last


def record_mapping(
    names: Iterable[str],
    context: ReadContext,
    *,
    table: str,
    aliases: Mapping[str, Collection[str]],
    required: Collection[str],
) -> None:
    """Map the columns of a table to columns of the file, and store the mapping in the context.

    The caller's choice comes first, then a column with our own name, then a column with an alias: a
    name that other tools use, as `normalize_name` returns it. When later records add columns, this
    is called again with all columns so far as `names`.

    Raises
    ------
    TableError
        If a column that the caller named is missing, several columns of the file match one of ours,
        a required column has no match, or a column of a later record matches better than the one in
        use.
    """
    names = list(names)
    mapping = _given_columns(names, context, table)
    free = [name for name in names if name not in mapping.values()]
    for ours in (*schemas.columns(table), *READ_COLUMNS.get(table, ())):
        if ours in mapping:
            continue
        known = {ours, *aliases.get(ours, ())}
        matching = (
            [ours] if ours in free else [name for name in free if normalize_name(name) in known]
        )
        if len(matching) > 1:
            raise _ambiguous(ours, matching, context)
        if matching:
            mapping[ours] = matching[0]
        elif ours in required:
            raise TableError(
                f"no column has a usual name for {ours}",
                file=context.path,
                got=", ".join(names),
                hint=f"pass columns={{{ours!r}: '…'}}",
            )
    for ours, theirs in context.mapping.items():
        if mapping.get(ours, theirs) != theirs:
            raise _ambiguous(ours, [theirs, mapping[ours]], context)
    context.mapping = mapping
    used = {*mapping.values(), *schemas.columns(table)}
    context.extra_columns = {name: "str" for name in names if name not in used}


def _given_columns(names: list[str], context: ReadContext, table: str) -> dict[str, str]:
    """Return the caller's mapping; raise `TableError` if one of its columns does not exist."""
    given = dict(context.columns or {})
    known = (*schemas.columns(table), *READ_COLUMNS.get(table, ()))
    for ours, theirs in given.items():
        if ours not in known:
            raise TableError(
                f"the {table} table has no such column", got=ours, hint=did_you_mean(ours, known)
            )
        if theirs not in names:
            raise TableError.missing_column(theirs, names, table="given", file=context.path)
    return given


def _ambiguous(ours: str, matching: list[str], context: ReadContext) -> TableError:
    return TableError(
        f"several columns may be {ours}",
        file=context.path,
        got=", ".join(matching),
        hint=f"pass columns={{{ours!r}: {matching[0]!r}}} or the other one",
    )


def extra_cells(value: Mapping[str, Any], context: ReadContext) -> dict[str, str | None]:
    """Return the cells of a row's extra columns, as text."""
    cells = {name: _cell_text(value.get(name)) for name in context.extra_columns}
    reject_invalid_unicode(cells)
    return cells


def _cell_text(cell: Any) -> str | None:
    """Return a cell as text (objects, arrays and booleans as JSON); None if it is empty."""
    write: Callable[..., str] = json.dumps if isinstance(cell, (dict, list, bool)) else str
    return None if cell is None or cell == "" else write(cell)


def normalize_name(name: str) -> str:
    """Return a column's name in lower case, with underscores for spaces and punctuation.

    Examples
    --------
    >>> normalize_name("Created At")
    'created_at'
    """
    return re.sub(r"\W+", "_", name.strip().lower()).strip("_")


def none_if_blank(cell: Any) -> Any:
    """Return a cell; None if it is empty or white space."""
    return None if cell is None or (isinstance(cell, str) and not cell.strip()) else cell
