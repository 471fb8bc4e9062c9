"""Days as sources write them, and the intervals that they stand for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from foxgrape import times
from foxgrape.io.convert import MONTHS, parse_time_interval
from foxgrape.io.stream import BadRecordError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from foxgrape.io.base import ReadContext

__all__ = [
    "DayOrder",
    "enclosing_month",
    "local_day_interval",
    "parse_compact_day",
    "parse_source_day",
]

#: A midnight after a day states no time: tools add it when they convert a day.
_MIDNIGHT = r"(?:[T ]00:00(?::00(?:\.0+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
_ISO_DAY = re.compile(rf"(\d{{4}})([-/.])(\d\d)\2(\d\d){_MIDNIGHT}")
_COMPACT_DAY = re.compile(r"(\d{4})(\d\d)(\d\d)")
_NAMED_MONTH = re.compile(
    r"(?P<day>\d{1,2})[ -](?P<month>[A-Za-z]{3})[a-z]*[ -](?P<year>\d{4}|\d\d)"
)
_MONTH_FIRST = re.compile(r"(?P<month>[A-Za-z]{3})[a-z]* (?P<day>\d{1,2}), (?P<year>\d{4})")
_NUMBERS = re.compile(
    r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d\d)"
    r"(?: (?:12:00(?::00)? ?AM|0?0:00(?::00)?))?",
    re.IGNORECASE,
)
_UNIX = re.compile(r"\d{9,17}")
#: Years of two digits up to this one are read as 20…, as spreadsheets do.
_LAST_SHORT_YEAR = 29
_MAX_MONTH = 12
#: The same month names, capitalized or not.
_MONTH_NUMBERS = {name.casefold(): number for number, name in enumerate(MONTHS, start=1)}


@dataclass(slots=True)
class DayOrder:
    """Whether days such as 9/10/2022 in a file are day-first, decided by all days of the file.

    A 13th or later day in any row decides. Without one, `usual` is used: the order in which the
    source always writes days, or None if it has none or a spreadsheet may have changed it.

    Examples
    --------
    >>> DayOrder(lambda: ["9/10/2022", "9/13/2022"]).is_day_first(), DayOrder(list).is_day_first()
    (False, None)
    """

    days: Callable[[], Iterable[Any]]
    #: ``day-first`` or ``month-first``.
    usual: str | None = None
    _decided: bool | None = None
    _is_known: bool = False

    def is_day_first(self) -> bool | None:
        """Return whether the file's days are day-first; None if no day decides."""
        if not self._is_known:
            self._decided, self._is_known = self._decide(), True
        return self._decided

    def _decide(self) -> bool | None:
        orders = set()
        for day in self.days():
            match = _NUMBERS.fullmatch(str(day).strip())
            if match and match[2] != ".":
                first, second = int(match[1]), int(match[3])
                if max(first, second) > _MAX_MONTH:
                    orders.add(first > second)
        if len(orders) > 1:
            return None
        return (
            orders.pop()
            if orders
            else {"day-first": True, "month-first": False}.get(self.usual or "")
        )


def parse_source_day(
    value: Any, column: str, context: ReadContext | None = None, order: DayOrder | None = None
) -> date:
    """Return a day written as ``2022-09-10``, ``10 September 2022``, ``10-Sep-22`` or in numbers.

    Numbers with dots are day-first. For those with slashes, `order` decides.

    Examples
    --------
    >>> parse_source_day("10 September 2022", "event_date")
    datetime.date(2022, 9, 10)
    """
    text = str(value).strip()
    if context is not None and (day := _unix_day(text, column, context)):
        return day
    iso, numbers = _ISO_DAY.fullmatch(text), _NUMBERS.fullmatch(text)
    named = _NAMED_MONTH.fullmatch(text) or _MONTH_FIRST.fullmatch(text)
    try:
        if iso:
            return date(int(iso[1]), int(iso[3]), int(iso[4]))
        if named and (month := _MONTH_NUMBERS.get(named["month"].casefold())):
            return date(_full_year(named["year"], text, context), month, int(named["day"]))
        if numbers:
            number, month = _in_order(numbers, column, context, order)
            return date(_full_year(numbers[4], text, context), month, number)
    except ValueError as error:
        if isinstance(error, BadRecordError):
            raise
        # not in the calendar, such as 30 February
    raise BadRecordError(f"expected a day such as 2022-09-10; got {text!r:.80}", column)


def _in_order(
    numbers: re.Match[str], column: str, context: ReadContext | None, order: DayOrder | None
) -> tuple[int, int]:
    """Return the day and the month of a day in numbers."""
    first, second = int(numbers[1]), int(numbers[3])
    if numbers[2] == ".":
        is_day_first: bool | None = True
    elif first == second:
        return first, second
    else:
        is_day_first = order.is_day_first() if order is not None else None
    if is_day_first is None:
        raise BadRecordError(
            f"cannot tell the day from the month in {numbers[0]!r}, and the other rows do not "
            "decide it; expected a day such as 2022-09-10",
            column,
        )
    if context is not None:
        parts = "day, month, year" if is_day_first else "month, day, year"
        context.note(f"a day in numbers is read as {parts}", numbers[0])
    return (first, second) if is_day_first else (second, first)


def _full_year(year: str, text: str, context: ReadContext | None) -> int:
    if len(year) == len("2022"):
        return int(year)
    if context is not None:
        context.note("a year of two digits is read as 1930 to 2029", text)
    return int(year) + (2000 if int(year) <= _LAST_SHORT_YEAR else 1900)


def _unix_day(text: str, column: str, context: ReadContext) -> date | None:
    """Return the day of a Unix time that is midnight in UTC, as pandas writes days; else None."""
    if not _UNIX.fullmatch(text):
        return None
    instant = parse_time_interval(text, None, column)[0]
    if instant != datetime(*instant.timetuple()[:3], tzinfo=UTC):
        return None
    context.note("a Unix time of midnight is read as the day", text)
    return instant.date()


def parse_compact_day(value: Any, column: str) -> date:
    """Return a day written as ``20220910``, or in a format that `parse_source_day` accepts.

    Examples
    --------
    >>> parse_compact_day("20220910", "date")
    datetime.date(2022, 9, 10)
    """
    match = _COMPACT_DAY.fullmatch(str(value).strip())
    return parse_source_day("-".join(match.groups()) if match else value, column)


def local_day_interval(first: date, last: date, zone: str) -> tuple[datetime, datetime]:
    """Return the interval from the start of one day to the end of another in a time zone."""
    if last < first:
        raise BadRecordError(f"the last day {last} is before the first day {first}")
    try:
        return (
            times.parse_stated_time(first.isoformat(), zone)[0],
            times.parse_stated_time(last.isoformat(), zone)[1],
        )
    except ValueError:
        raise BadRecordError(f"date out of range: {first} to {last}") from None


def enclosing_month(day: date, margin: int) -> tuple[date, date]:
    """Return the first and last day of a day's month, at least `margin` days from the day."""
    first = day.replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    reach = timedelta(days=margin)
    return min(first, day - reach), max(last, day + reach)
