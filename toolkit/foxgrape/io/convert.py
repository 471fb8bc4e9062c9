"""Cells: what formats share in turning a value from outside into one of ours, or refusing it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from foxgrape import times
from foxgrape.io.stream import BadRecordError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "MONTHS",
    "as_int",
    "expect",
    "get_nested",
    "get_or_none",
    "parse_clock_cell",
    "parse_timestamp",
    "parse_unix_time",
    "reject_invalid_unicode",
    "require_dict",
    "require_id",
    "require_text",
]

#: Not strptime's: its names of months are those of the machine's language.
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

#: Numbers are Unix times where posts can be from: 2000 to 2100, so that seconds, milliseconds and
#: microseconds never overlap.
_FROM, _TO = 946_684_800, 4_102_444_800
_UNITS = (1, 1_000, 1_000_000)
_NUMBER = re.compile(r"[0-9]{9,17}")
#: To the second or finer, with an offset.
_EXACT = re.compile(r".{10}.\d\d:\d\d:\d\d(\.\d+)? ?(Z|[+-]\d\d:?\d\d)")
#: Whole numbers beyond this are rounded in a spreadsheet.
_SAFE = 2**53
_TRUTH = {"true": True, "1": True, "false": False, "0": False}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS = re.compile(r"-?[0-9]{1,12}")
#: Halves of surrogate pairs, which no text column holds, and the sign that stands for one.
_NO_TEXT = re.compile("[\ud800-\udfff\uffff]")
_LARGEST = 2**63


def reject_invalid_unicode(row: Mapping[str, Any]) -> None:
    """Refuse a row in which a text cannot be kept."""
    for name, cell in row.items():
        if isinstance(cell, str) and _NO_TEXT.search(cell):
            raise BadRecordError(
                "not text: half of a surrogate pair, a non-character or bytes that are not UTF-8",
                name,
            )


def expect(value: Any, kind: type | tuple[type, ...], column: str, what: str) -> Any:
    """Return the value if it is of its kind, and say what was expected if not."""
    if not isinstance(value, kind) or isinstance(value, bool):
        raise BadRecordError(f"expected {what}; got {value!r:.80}", column)
    return value


def require_text(value: Any, column: str = "text") -> str:
    """Return a text, which may be empty."""
    return str(expect(value, str, column, "text"))


def require_dict(value: Any, column: str | None = None) -> dict[str, Any]:
    """Return an object of JSON."""
    return dict(expect(value, dict, column or "record", "an object"))


def get_or_none(known: Mapping[Any, Any], key: Any) -> Any:
    """Return what stands under a key that may be anything; None where there is nothing."""
    return known.get(key) if isinstance(key, str) else None


def get_nested(value: Any, *keys: str) -> Any:
    """Return what stands under keys within keys, None where any of them is missing."""
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def as_int(value: Any) -> int | None:
    """Return a count; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= _LARGEST:
        return None
    return value


def require_id(value: Any, column: str = "post_id") -> str:
    """Return an id, which is text that is not empty, or a whole number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise BadRecordError(f"expected an id; got {value!r:.80}", column)
    return value


def parse_unix_time(value: Any, column: str = "posted_at") -> datetime:
    """Return the instant of Unix seconds, as a number or as text."""
    if isinstance(value, bool) or not _SECONDS.fullmatch(str(value)):
        raise BadRecordError(f"expected Unix seconds; got {value!r:.80}", column)
    try:
        return _EPOCH + timedelta(seconds=int(value))
    except OverflowError:
        raise BadRecordError(f"beyond the calendar: {value!r:.80}", column) from None


def parse_timestamp(value: Any, column: str = "posted_at") -> datetime:
    """Return the instant of a server's ISO 8601 stamp with its offset."""
    try:
        return times.parse_instant(value)
    except (ValueError, TypeError, AttributeError):
        raise BadRecordError(
            f"expected an instant with its offset, such as 2022-09-10T12:16:00Z; got {value!r:.80}",
            column,
        ) from None


def parse_clock_cell(
    value: Any, zone: str | None, column: str = "posted_at"
) -> tuple[datetime, datetime]:
    """Return the interval of a local time; see `times.shown`."""
    try:
        return times.parse_clock_time(value, zone)
    except (ValueError, TypeError, AttributeError) as error:
        raise BadRecordError(f"no time: {error}", column) from None


def parse_interval(
    cells: Mapping[str, Any], name: str, zone: str | None
) -> tuple[datetime, datetime]:
    """Return the interval of a row's ``name_at`` and, where there is one, ``name_until``."""
    first, last = parse_time_interval(cells.get(f"{name}_at"), zone, f"{name}_at")
    if cells.get(f"{name}_until") is not None:
        last = parse_time_interval(cells[f"{name}_until"], zone, f"{name}_until")[1]
        if last < first:
            raise BadRecordError(f"{name}_until is before {name}_at", f"{name}_until")
    return first, last


def parse_time_interval(cell: Any, zone: str | None, column: str) -> tuple[datetime, datetime]:
    """Return the interval of a time: an instant, a Unix time, or what a clock showed."""
    if cell is None:
        raise BadRecordError("expected a time; got nothing", column)
    if isinstance(cell, datetime):
        if cell.tzinfo is not None:
            instant = cell.astimezone(UTC)
            return instant, instant
        cell = cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    told = str(cell).strip()
    if _NUMBER.fullmatch(told):
        return _unix_of_any_unit(int(told), column)
    try:
        if _EXACT.fullmatch(told):
            instant = parse_timestamp(told, column)
            return instant, instant
        return parse_clock_cell(told, zone, column)
    except BadRecordError as bad:
        if "neither an offset" in bad.reason:
            raise BadRecordError(f"{bad.reason}; timezone= names the zone", column) from None
        raise


def _unix_of_any_unit(number: int, column: str) -> tuple[datetime, datetime]:
    for unit in _UNITS:
        if _FROM <= number / unit < _TO:
            instant = _EPOCH + timedelta(microseconds=number * (1_000_000 // unit))
            return instant, instant
    raise BadRecordError(
        f"no Unix time between 2000 and 2100, in seconds, milli- or microseconds: {number}", column
    )


def parse_exact_id(cell: Any, column: str) -> str:
    """Return an id; a number that a spreadsheet has rounded is none."""
    if isinstance(cell, float):
        cell = int(cell) if cell.is_integer() and abs(cell) < _SAFE else None
    return require_id(cell, column)


def get_text(cell: Any, column: str) -> str | None:
    """Return a word or a whole number as text."""
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, int) and not isinstance(cell, bool):
        return str(cell)
    raise BadRecordError(f"expected text; got {cell!r:.80}", column)


def optional_text(cell: Any, column: str) -> str | None:
    """Return a text, which may be empty or missing."""
    if cell is None or isinstance(cell, str):
        return cell
    raise BadRecordError(f"expected text; got {cell!r:.80}", column)


def parse_bool(cell: Any, column: str) -> bool | None:
    """Return true or false."""
    if cell is None:
        return None
    known = _TRUTH.get(str(cell).strip().lower())
    if known is None:
        raise BadRecordError(f"expected true or false; got {cell!r:.80}", column)
    return known
