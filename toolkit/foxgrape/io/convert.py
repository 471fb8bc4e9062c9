"""Convert cells of other tools' files to our types, and map their columns to ours."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from foxgrape import schemas, times
from foxgrape.errors import TableError, did_you_mean
from foxgrape.io.stream import BadRecordError
from foxgrape.io.written_times import to_iso

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from foxgrape.io.base import ReadContext

__all__ = [
    "BLANKS",
    "CHANGED_ID_PATTERN",
    "MISSING_WORDS",
    "as_int",
    "expect",
    "extra_cells",
    "get_nested",
    "get_or_none",
    "get_text",
    "mappable_columns",
    "none_if_blank",
    "normalize_name",
    "optional_cell",
    "optional_text",
    "parse_bool",
    "parse_clock_cell",
    "parse_exact_id",
    "parse_iso",
    "parse_timestamp",
    "parse_unix_time",
    "parse_written",
    "record_mapping",
    "reject_invalid_unicode",
    "require_dict",
    "require_id",
    "require_text",
]

#: Columns that readers use although the table does not have them; `columns` may name them.
_READ_COLUMNS = {
    "posts": ("posted_clock",),
    "events": ("admin1", "coordinates", "occurred_clock"),
}
#: Names of columns with the time of day, beside one with the day.
_CLOCK_NAMES = {"time", "clock", "time_of_day", "час", "время"}
_UNIX_SECONDS = re.compile(r"-?[0-9]{1,12}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Spreadsheets round integers above this, since they store numbers as 64-bit floats.
_MAX_EXACT_FLOAT = 2**53
_MAX_INT = 2**63
#: An integer written as a float, which spreadsheets and pandas do when a column has empty cells.
_FLOAT_ID = re.compile(r"(?P<whole>[0-9]+)\.0*")
_SCIENTIFIC = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?[eE][+-]?[0-9]+")
_BOOLEANS = {
    **dict.fromkeys(("true", "1", "1.0", "yes"), True),
    **dict.fromkeys(("false", "0", "0.0", "no"), False),
}
#: Words that programs write for a missing value: Python, pandas, NumPy, R, SQL and spreadsheets.
MISSING_WORDS = {"None", "NaN", "NaT", "NA", "<NA>", "nan", "null", "NULL", "N/A", "#N/A"}
#: White space that Arrow's regular expressions know as such.
BLANKS = " \t\n\f\r"
#: Pattern of ids that `parse_exact_id` changes or rejects, for tables read column by column; words
#: for missing values aside.
CHANGED_ID_PATTERN = rf"^\s|\s$|^{_FLOAT_ID.pattern}$|^{_SCIENTIFIC.pattern}$"
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
    """Return an id of a table as text; reject a number that a spreadsheet or a float has rounded.

    Examples
    --------
    >>> parse_exact_id(2.0, "post_id"), parse_exact_id(" 7", "post_id")
    ('2', '7')
    """
    if isinstance(cell, str):
        cell = cell.strip(BLANKS)
        if match := _FLOAT_ID.fullmatch(cell):
            cell = float(cell) if float(cell) >= _MAX_EXACT_FLOAT else match["whole"]
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _MAX_EXACT_FLOAT:
        cell = int(cell)
    if isinstance(cell, float) or (isinstance(cell, str) and _SCIENTIFIC.fullmatch(cell)):
        raise BadRecordError(
            f"the id {cell!r} is a rounded number: its last digits are lost; export ids as text",
            column,
        )
    return require_id(None if isinstance(cell, str) and cell in MISSING_WORDS else cell, column)


def get_text(cell: Any, column: str) -> str | None:
    """Return a text or number of a table as text, and None for None; else raise `BadRecordError`.

    Spreadsheets store a text of digits as a number.
    """
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        return str(int(cell) if isinstance(cell, float) and cell.is_integer() else cell)
    return optional_text(cell, column)


def optional_text(cell: Any, column: str) -> str | None:
    """Return text, even if empty, or None; else raise `BadRecordError`."""
    return None if cell is None else require_text(cell, column)


def parse_bool(cell: Any, column: str) -> bool | None:
    """Parse ``true``, ``1``, ``yes`` and their opposites, in upper or lower case; None for None."""
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
    if not isinstance(value, str):
        raise BadRecordError(f"expected a time; got {value!r:.80}", column)
    try:
        return times.parse_clock_time(value, zone)
    except ValueError as error:
        raise BadRecordError(f"invalid time: {error}", column) from None


def parse_written(
    text: str | None, zone: str | None, column: str = "posted_at"
) -> tuple[datetime, datetime]:
    """Return the earliest and latest instant of a written time with an offset, or in a time zone.

    The notations are those of `foxgrape.io.written_times.to_iso`.

    Examples
    --------
    >>> [time.isoformat() for time in parse_written("10 Sep 2022 12:16 GMT", None)]
    ['2022-09-10T12:16:00+00:00', '2022-09-10T12:16:59.999999+00:00']
    """
    if text is None:
        raise BadRecordError("expected a time; got nothing", column)
    try:
        return parse_iso(to_iso(text), zone, column)
    except (ValueError, OverflowError) as error:
        if isinstance(error, BadRecordError):
            raise
        raise BadRecordError(f"invalid time: {error}", column) from None


def parse_iso(iso: str, zone: str | None, column: str) -> tuple[datetime, datetime]:
    """Return the earliest and latest instant of a time in ISO 8601."""
    try:
        return times.parse_clock_time(iso, zone)
    except ValueError as error:
        if zone is not None:
            raise BadRecordError(f"invalid time: {error}", column) from None
    try:
        times.parse_clock_time(iso, "UTC")
    except ValueError as error:
        raise BadRecordError(f"invalid time: {error}", column) from None
    raise BadRecordError(f"the time {iso!r} has no offset; pass timezone=", column)


def record_mapping(
    names: Iterable[str],
    context: ReadContext,
    *,
    table: str,
    aliases: Mapping[str, Collection[str]],
    required: Collection[str],
    substitutes: Mapping[str, str] | None = None,
) -> None:
    """Map the columns of a table to columns of the file, and store the mapping in the context.

    The caller's choice comes first, then a column with our own name, then a column with an alias: a
    name that other tools use, as `normalize_name` returns it. A required column without a match is
    read from its substitute, another one of our columns. When later records add columns, this is
    called again with all columns so far as `names`.

    Raises
    ------
    TableError
        If a column that the caller named is missing, several columns of the file match one of ours,
        a required column has no match, or a column of a later record matches better than the one in
        use.
    """
    names = list(names)
    mapping, unmapped = _given_columns(names, context, table)
    if lost := unmapped.intersection(required):
        raise TableError("the table needs this column", file=context.path, column=min(lost))
    free = [name for name in names if name not in mapping.values()]
    for ours in mappable_columns(table):
        if ours in mapping or ours in unmapped:
            continue
        matching = _matching(ours, free, aliases.get(ours, ()))
        if len(matching) > 1:
            raise _ambiguous(ours, matching, context)
        if matching:
            mapping[ours] = matching[0]
            others = _matching(ours, [name for name in free if name != ours], aliases.get(ours, ()))
            if matching == [ours] and others:
                what = f"the column {ours} is used, and others could be"
                context.note(what, ", ".join(others), warn=False)
        elif ours in required and ours not in (substitutes or {}):
            raise _no_column(ours, names, context)
    _add_substitutes(mapping, names, substitutes or {}, context)
    for ours, theirs in context.mapping.items():
        if mapping.get(ours, theirs) != theirs:
            raise _ambiguous(ours, [theirs, mapping[ours]], context)
    context.mapping = mapping
    used = {*mapping.values(), *schemas.columns(table)} - unmapped
    context.extra_columns = {name: "str" for name in names if name not in used}


def mappable_columns(table: str) -> list[str]:
    """Return the columns that `columns` may name: those of the table, and others that readers use.

    Examples
    --------
    >>> "admin1" in mappable_columns("events")
    True
    """
    return [*schemas.columns(table), *_READ_COLUMNS.get(table, ())]


def _given_columns(
    names: list[str], context: ReadContext, table: str
) -> tuple[dict[str, str], set[str]]:
    """Return the caller's mapping, and the columns that the caller maps to nothing.

    Raises
    ------
    TableError
        If one of the columns does not exist.
    """
    given = dict(context.columns or {})
    known = mappable_columns(table)
    for ours, theirs in given.items():
        if ours not in known:
            raise TableError(
                f"the {table} table has no such column", got=ours, hint=did_you_mean(ours, known)
            )
        if theirs and theirs not in names:
            raise TableError.missing_column(theirs, names, table="given", file=context.path)
    mapping = {ours: theirs for ours, theirs in given.items() if theirs}
    return mapping, set(given).difference(mapping)


def _matching(ours: str, free: list[str], aliases: Collection[str]) -> list[str]:
    """Return the columns of a file that may be one of ours; only the one with our name, if any."""
    known = {ours, *aliases} | (_CLOCK_NAMES if ours.endswith("_clock") else set())
    matching = [ours] if ours in free else [name for name in free if normalize_name(name) in known]
    if ours.endswith("_at") and len(matching) > 1:
        return [name for name in matching if normalize_name(name) not in _CLOCK_NAMES]
    return matching


def _add_substitutes(
    mapping: dict[str, str],
    names: list[str],
    substitutes: Mapping[str, str],
    context: ReadContext,
) -> None:
    """Map each column that has no match to the match of its substitute."""
    for ours, other in substitutes.items():
        if ours in mapping:
            continue
        if other not in mapping:
            raise _no_column(ours, names, context)
        context.note(f"no column for {ours}; {other} used in its place", mapping[other])
        mapping[ours] = mapping[other]


def _no_column(ours: str, names: list[str], context: ReadContext) -> TableError:
    return TableError(
        f"no column has a usual name for {ours}",
        file=context.path,
        got=", ".join(names),
        hint=f"pass columns={{{ours!r}: '…'}}",
    )


def _ambiguous(ours: str, matching: list[str], context: ReadContext) -> TableError:
    return TableError(
        f"several columns may be {ours}",
        file=context.path,
        got=", ".join(matching),
        hint=f"pass columns={{{ours!r}: {matching[0]!r}}} or the other one",
    )


def extra_cells(value: Mapping[str, Any], context: ReadContext) -> dict[str, str | None]:
    """Return the cells of a row's extra columns that are not empty, as text."""
    # The row's cells are fewer than the columns where each row has other keys.
    known = context.extra_columns
    cells = {name: _cell_text(cell) for name, cell in value.items() if name in known}
    reject_invalid_unicode(cells)
    return cells


def _cell_text(cell: Any) -> str | None:
    """Return a cell as text (objects, arrays and booleans as JSON); None if it is empty."""
    if cell is None or cell == "":
        return None
    return json.dumps(cell, default=float) if isinstance(cell, (dict, list, bool)) else str(cell)


@lru_cache(maxsize=2**14)  # all names are asked for again whenever a row has new ones
def normalize_name(name: str) -> str:
    """Return a column's name in lower case, with underscores for spaces and punctuation.

    Examples
    --------
    >>> normalize_name("Created At")
    'created_at'
    """
    return re.sub(r"\W+", "_", name.strip().lower()).strip("_")


def none_if_blank(cell: Any) -> Any:
    """Return a cell; None if it is empty, white space or not a number."""
    if isinstance(cell, float):
        return None if math.isnan(cell) else cell
    return None if isinstance(cell, str) and not cell.strip() else cell


def optional_cell(cell: Any, column: str, context: ReadContext) -> Any:
    """Return a cell of an optional column; None if it is blank or a word for a missing value."""
    if isinstance(cell, str) and (word := cell.strip(BLANKS)) in MISSING_WORDS:
        context.note(f"{word} in {column} read as missing", cell, warn=False)
        return None
    return none_if_blank(cell)
