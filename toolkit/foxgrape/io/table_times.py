"""Read the time columns of a table: some cells can be understood only from the entire column.

A column in which every time is midnight is a column of days, and a date such as ``10/09/2022`` can
be read if another one in the file is ``13/09/2022``. For such cells, the columns are read once in
advance.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from foxgrape import times
from foxgrape.errors import TableError
from foxgrape.io.convert import parse_iso
from foxgrape.io.stream import BadRecordError, CorruptFileError
from foxgrape.io.tabular import records
from foxgrape.io.written_times import DateOrder, day_and_month, decide_order, parse_unix, to_iso

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from foxgrape.io.base import ReadContext

__all__ = ["TableTimes", "has_too_many_midnights", "table_times"]

#: If more than this share of a column's times are at midnight, some are probably days. By chance,
#: one in 1,440 times to the minute is, and one in 24 whole hours.
_MAX_MIDNIGHTS = 0.02
_MAX_OF_WHOLE_HOURS = 2 / 24

_EXACT = re.compile(r"\d{4}-\d\d-\d\d.(?!24)\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")
_NANOSECONDS = re.compile(r"(?<=\.\d{6})\d+")
_MIDNIGHT = re.compile(r"(?P<day>\d{4}-\d\d-\d\d)T00:00(:00(\.0+)?)?(?P<offset>[+-]\d\d:\d\d)?")
_WHOLE_HOUR = re.compile(r"T\d\d(:00(:00(\.0+)?)?)?([+-]\d\d:\d\d)?$")
_MIDNIGHT_AFTER_DAY = re.compile(r"(?<=\d)[T ]00:00(:00(\.0+)?)?$")
_DAY, _TICK = timedelta(days=1), timedelta(microseconds=1)

_Interval = tuple[datetime, datetime]


@dataclass(slots=True)
class _Column:
    """What the cells of a time column have in common."""

    times: int = 0
    midnights: int = 0
    whole_hours: int = 0
    with_offset: int = 0
    first_midnight: str = ""

    @property
    def has_days_only(self) -> bool:
        return self.midnights == self.times


@dataclass(slots=True)
class _Profile:
    columns: dict[str, _Column]
    #: The largest first and second number of dates such as 10/09/2022.
    largest: list[int] = field(default_factory=lambda: [0, 0])


def has_too_many_midnights(times: int, midnights: int, whole_hours: int) -> bool:
    """Return whether a column has more times at midnight than exact times would by chance.

    Examples
    --------
    >>> has_too_many_midnights(10_000, 7, 170), has_too_many_midnights(10, 1, 1)
    (False, True)
    """
    return midnights > max(_MAX_MIDNIGHTS * times, _MAX_OF_WHOLE_HOURS * whole_hours)


class TableTimes:
    """Reads the cells of a file's time columns."""

    def __init__(self, context: ReadContext) -> None:
        self._context = context
        self._cached: _Profile | None = None

    def interval(self, cells: Mapping[str, Any], name: str) -> _Interval:
        """Return the interval from a row's ``name_at`` to its ``name_until``, if it has one.

        A day in ``name_at`` is joined with a time of day in ``name_clock``.
        """
        first, last = self.read(_with_clock(cells, name), f"{name}_at")
        if cells.get(f"{name}_until") is not None:
            last = self.read(cells[f"{name}_until"], f"{name}_until")[1]
            if last < first:
                raise BadRecordError(f"{name}_until is before {name}_at", f"{name}_until")
        return first, last

    def read(self, cell: Any, column: str) -> _Interval:
        """Return the earliest and latest instant that a cell can mean.

        Raises
        ------
        BadRecordError
            If the cell is not a time.
        TableError
            If only the caller can tell what the column means.
        """
        if cell is None:
            raise BadRecordError("expected a time; got nothing", column)
        try:
            iso = self._iso(cell, column)
            midnight = self._as_midnight(iso)
        except (ValueError, OverflowError) as error:
            raise BadRecordError(f"invalid time: {error}", column) from None
        if midnight is not None and self._is_day(column, iso):
            self._context.note("midnight without other times read as a day", cell)
            return midnight
        return parse_iso(iso, self._context.timezone, column)

    def _iso(self, cell: Any, column: str | None = None) -> str:
        """Return a cell as ISO 8601; note what its notation implies if a column is given."""
        if isinstance(cell, date):  # or a datetime, which is a date too
            return _NANOSECONDS.sub("", cell.isoformat())
        if isinstance(cell, bool):
            raise ValueError(f"not a time: {cell}")  # noqa: TRY004 - a cell, not an argument
        text = str(int(cell) if isinstance(cell, float) and cell.is_integer() else cell).strip()
        if _EXACT.fullmatch(text):  # by far the most frequent notation
            offset = "+00:00" if text[-1] == "Z" else f"{text[-6:-3]}:{text[-2:]}"
            return f"{text[:10]}T{text[11:].rstrip('Z').removesuffix(offset)}{offset}"
        if (unix := parse_unix(text)) is not None:
            if column is not None:
                self._context.note(f"Unix times read as {unix[1]}", text, warn=False)
            return unix[0].isoformat()
        numbers = day_and_month(text)
        return to_iso(text, self._order(numbers, text) if numbers and column else None)

    def _as_midnight(self, iso: str) -> _Interval | None:
        """Return the day of which a time is the first instant; None for other times.

        The midnight is one of the stated offset, or of the data's time zone.
        """
        zone = self._context.timezone
        if match := _MIDNIGHT.fullmatch(iso):
            if zone is None and match["offset"] is None:
                return None  # the parser will ask for the time zone
            if zone is not None:
                return times.parse_stated_time(match["day"], zone)
            first = datetime.fromisoformat(iso).astimezone(UTC)
            return first, first + _DAY - _TICK
        if zone is None or not iso.endswith("+00:00") or "T" not in iso:
            return None
        local = datetime.fromisoformat(iso).astimezone(times.get_zone(zone))
        if local.time() != datetime.min.time():
            return None
        return times.parse_stated_time(local.date().isoformat(), zone)

    def _is_day(self, column: str, iso: str) -> bool:
        """Return whether midnight in a column stands for the day."""
        choice = self._context.midnight
        if choice is not None:
            return choice == "day"
        profile = self._profile
        cells = profile.columns[column]
        until = profile.columns.get(column.replace("_at", "_until"), cells)
        if (
            until is not cells
            and until.times
            and not (until.has_days_only and not until.with_offset)
        ):
            return False  # both ends of the interval are stated as instants
        if cells.has_days_only:
            return True
        if has_too_many_midnights(cells.times, cells.midnights, cells.whole_hours):
            raise TableError(
                f"{cells.midnights:,} of {cells.times:,} times are at midnight, which may stand "
                "for the day",
                file=self._context.path,
                column=column,
                got=cells.first_midnight or iso,
                hint='pass midnight="day" or midnight="exact"',
            )
        self._context.note("times at midnight, among others, read as exact", iso)
        return False

    def _order(self, numbers: tuple[int, int], text: str) -> DateOrder:
        """Return the order of numeric dates: the caller's, or the one that fits all dates."""
        order = self._context.dates
        if order is None:
            first, second = self._profile.largest
            if max(numbers) > max(first, second):  # not in the profile: an unusual cell
                first, second = max(numbers[0], first), max(numbers[1], second)
            order = decide_order(first, second)
            if order is None:
                raise TableError(
                    "the day may be the first or the second number of the dates",
                    file=self._context.path,
                    got=text,
                    hint='pass dates="dmy" or dates="mdy"',
                )
            self._context.note(f"dates such as 13/09/2022 read in the order {order}", text)
        return order

    @property
    def _profile(self) -> _Profile:
        if self._cached is None:
            self._cached = self._read_columns()
        return self._cached

    def _read_columns(self) -> _Profile:
        """Read the time columns of the entire file."""
        context = self._context
        named = {
            ours: theirs
            for ours, theirs in context.mapping.items()
            if ours.endswith(("_at", "_until"))
        }
        profile = _Profile({ours: _Column() for ours in named})
        assert context.file is not None  # noqa: S101 - set by every caller that reads a table
        # What cannot be read is reported when the rows are read.
        with suppress(CorruptFileError):
            for record in records(context.file, lambda names: _require_columns(named, names)):
                if record.error is not None:
                    continue
                for ours, theirs in named.items():
                    cell = record.value.get(theirs)
                    if cell is not None and cell != "":
                        self._add(profile, ours, cell)
        return profile

    def _add(self, profile: _Profile, column: str, cell: Any) -> None:
        if isinstance(cell, str) and (numbers := day_and_month(cell)) is not None:
            profile.largest = list(map(max, profile.largest, numbers))
            # Any order will do, to see whether the cell has a time of day.
            cell = _or_none(cell, decide_order(*numbers) or "dmy")
        try:
            iso = self._iso(cell)
            midnight = self._as_midnight(iso)
        except (ValueError, OverflowError):
            return  # not a time: its record will be rejected
        if "T" not in iso:
            return
        counts = profile.columns[column]
        counts.times += 1
        counts.with_offset += iso[-6] in "+-"
        counts.whole_hours += _WHOLE_HOUR.search(iso) is not None
        if midnight is not None or _MIDNIGHT.fullmatch(iso):
            counts.midnights += 1
            counts.first_midnight = counts.first_midnight or iso


def _require_columns(named: Mapping[str, str], names: Collection[str]) -> None:
    """Raise `TableError` for a worksheet that is not the one with the columns."""
    if missing := set(named.values()).difference(names):
        raise TableError.missing_column(min(missing), names, table="given")


def _with_clock(cells: Mapping[str, Any], name: str) -> Any:
    """Return a row's ``name_at``, joined with its ``name_clock`` if the former is a day."""
    cell, clock = cells.get(f"{name}_at"), cells.get(f"{name}_clock")
    if cell is None or clock is None or clock == "":
        return cell
    day = cell.isoformat() if isinstance(cell, date) else str(cell).strip()
    day = _MIDNIGHT_AFTER_DAY.sub("", day)
    if ":" in day or (day.isdecimal() and len(day) > len("20220910")):
        return cell  # a time by itself
    return f"{day} {clock.isoformat() if isinstance(clock, time) else str(clock).strip()}"


def _or_none(cell: str, order: DateOrder) -> str | None:
    try:
        return to_iso(cell, order)
    except ValueError:
        return None


def table_times(context: ReadContext) -> TableTimes:
    """Return the reader of a file's time columns; the same one for all of its records."""
    if "times" not in context.state:
        context.state["times"] = TableTimes(context)
    reader: TableTimes = context.state["times"]
    return reader
