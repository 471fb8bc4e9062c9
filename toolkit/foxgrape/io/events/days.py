"""Days as sources write them, and the intervals that they stand for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from foxgrape import times
from foxgrape.io.stream import BadRecordError
from foxgrape.io.written_times import DateOrder, day_and_month, decide_order, parse_unix, to_iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from foxgrape.io.base import ReadContext

__all__ = ["DayOrder", "enclosing_month", "local_day_interval", "parse_source_day"]

#: A day, and midnight after it, which states no time: tools add it when they convert a day.
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(?:T00:00(?::00(?:\.0+)?)?(?:[+-]\d\d:\d\d)?)?")
_MAX_MONTH = 12


@dataclass(slots=True)
class DayOrder:
    """The order of days such as 9/10/2022 in a file, decided by all days of the file.

    A 13th or later day in any row decides. Without one, `usual` is used: the order in which the
    source always writes days, or None if it has none or a spreadsheet may have changed it.

    Examples
    --------
    >>> DayOrder(lambda: ["9/10/2022", "9/13/2022"]).decide(), DayOrder(list).decide()
    ('mdy', None)
    """

    days: Callable[[], Iterable[Any]]
    usual: DateOrder | None = None
    _decided: DateOrder | None = None
    _is_known: bool = False

    def decide(self) -> DateOrder | None:
        """Return the order of the file's days; None if no day decides."""
        if not self._is_known:
            numbers = [pair for day in self.days() if (pair := day_and_month(str(day)))]
            first, second = (max((pair[at] for pair in numbers), default=0) for at in (0, 1))
            is_open = max(first, second) <= _MAX_MONTH
            self._decided = self.usual if is_open else decide_order(first, second)
            self._is_known = True
        return self._decided


def parse_source_day(
    value: Any, column: str, context: ReadContext | None = None, order: DayOrder | None = None
) -> date:
    """Return a day in any notation of `foxgrape.io.written_times.to_iso`.

    For days in numbers such as 9/10/2022, `order` decides.

    Examples
    --------
    >>> parse_source_day("10 September 2022", "event_date")
    datetime.date(2022, 9, 10)
    """
    text = str(value).strip()
    if context is not None and (day := _unix_day(text, column, context)):
        return day
    numbers = day_and_month(text)
    which: DateOrder | None = "dmy" if numbers and numbers[0] == numbers[1] else None
    if numbers and which is None:
        which = order.decide() if order is not None else None
        if which is None:
            raise BadRecordError(
                f"cannot tell the day from the month in {text!r:.80}, and the other rows do not "
                "decide it; pass dates=",
                column,
            )
        if context is not None:
            context.note(f"days in numbers read in the order {which}", text)
    try:
        match = _DAY.fullmatch(to_iso(text, which))
        if match:
            return date.fromisoformat(match[1])
    except ValueError:
        pass  # not in the calendar, such as 30 February
    raise BadRecordError(f"expected a day such as 2022-09-10; got {text!r:.80}", column)


def _unix_day(text: str, column: str, context: ReadContext) -> date | None:
    """Return the day of a Unix time that is midnight in UTC, as pandas writes days; else None."""
    try:
        unix = parse_unix(text)
    except ValueError as error:
        raise BadRecordError(str(error), column) from None
    if unix is None or unix[0] != datetime(*unix[0].timetuple()[:3], tzinfo=UTC):
        return None
    context.note("a Unix time of midnight is read as the day", text)
    return unix[0].date()


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
