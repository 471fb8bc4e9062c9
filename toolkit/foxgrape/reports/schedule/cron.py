"""Cron expressions in a time zone, with defined behaviour at clock changes.

An expression with specific hours follows local time. A local time that occurs twice when clocks go
back is due once, at its first occurrence. A local time that is skipped when clocks go forward is
due at the first minute after the gap. An expression for every hour (``*``) follows elapsed time,
as cron does.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from foxgrape.times import get_zone

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CRON_FIELDS", "Cron"]

CRON_FIELDS = "five fields: minute, hour, day of month, month, day of week"
_FIELD_COUNT = 5
_DAY = timedelta(days=1)
_EVERY_HOUR = {"*", "*/1"}


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression in a time zone.

    Attributes
    ----------
    expression
        Five fields, as for cron: ``0 7 * * MON-FRI``.
    zone
        IANA name of the time zone.

    Raises
    ------
    ValueError
        If the expression is invalid or never due, or the time zone is unknown.

    Examples
    --------
    >>> mornings = Cron("30 3 * * *", "Europe/Kyiv")  # 03:30 did not exist on 27 March 2022
    >>> for due in mornings.next_times(datetime(2022, 3, 26, tzinfo=UTC), 2):
    ...     print(due.astimezone(ZoneInfo("Europe/Kyiv")))
    2022-03-26 03:30:00+02:00
    2022-03-27 04:00:00+03:00
    """

    expression: str
    zone: str

    def __post_init__(self) -> None:
        """Validate the expression and the time zone."""
        from cronsim import CronSimError

        get_zone(self.zone)
        count = len(self.expression.split())
        if count != _FIELD_COUNT:
            raise ValueError(f"the expression has {count} fields")
        try:
            due = self.next_times(datetime(2000, 1, 1, tzinfo=UTC), 1)
        except (CronSimError, ValueError) as error:
            raise ValueError(str(error)) from None
        if not due:
            raise ValueError("this day does not exist in any year")

    def next_times(self, instant: datetime, count: int) -> list[datetime]:
        """Return the first `count` due times after `instant`, in UTC."""
        return list(islice(self._due_times(instant), count))

    def last_times(self, instant: datetime, count: int, since: datetime) -> list[datetime]:
        """Return the last `count` due times from `since` to `instant`, both inclusive."""
        reach = _DAY
        while True:
            start = instant - min(reach, instant - since) - timedelta(microseconds=1)
            due_times: deque[datetime] = deque(maxlen=count)
            for due in self._due_times(start):
                if due > instant:
                    break
                due_times.append(due)
            if len(due_times) == count or start < since:
                return list(due_times)
            reach *= 4

    def _due_times(self, instant: datetime) -> Iterator[datetime]:
        """Yield all due times after `instant`.

        Iteration starts a day earlier, because cronsim picks the wrong occurrence when it starts
        within a repeated hour. If several skipped times move to the same minute, it is yielded
        once.
        """
        from cronsim import CronSim

        start = (instant - _DAY).astimezone(ZoneInfo(self.zone))
        last = instant
        for local in CronSim(_without_stars(self.expression), start):
            due = local.astimezone(UTC)
            if due > last:
                last = due
                yield due


def _without_stars(expression: str) -> str:
    """Replace stars with ranges, unless the expression is for every hour.

    cronsim follows elapsed time if the minute or hour field starts with a star.
    """
    minute, hour, *rest = expression.split()
    if hour in _EVERY_HOUR:
        return expression
    if minute.startswith("*"):
        minute = f"0-59{minute[1:]}"
    if hour.startswith("*"):
        hour = f"0-23{hour[1:]}"
    return " ".join((minute, hour, *rest))
