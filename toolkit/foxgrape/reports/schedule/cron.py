"""When a schedule is due: cron expressions in a time zone, across changes of the clock.

What names hours goes by the clock on the wall: a time that is shown twice counts once, the first
time; one that is skipped counts at the first minute after it. What runs in every hour (``*`` for
the hour) goes by real time, as cron itself does: each hour is another one, whatever it is called.
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

__all__ = ["EXPECTED", "Cron"]

EXPECTED = "five fields: minute, hour, day of month, month, day of week"
_FIELDS = 5
_DAY = timedelta(days=1)
_EVERY_HOUR = {"*", "*/1"}


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression and the zone whose clock it means.

    Attributes
    ----------
    expression
        Five fields, as for cron: ``0 7 * * MON-FRI``.
    zone
        IANA name of the zone.

    Examples
    --------
    >>> mornings = Cron("30 3 * * *", "Europe/Kyiv")  # a time that one day in spring lacks
    >>> for due in mornings.after(datetime(2022, 3, 26, tzinfo=UTC), 2):
    ...     print(due.astimezone(ZoneInfo("Europe/Kyiv")))
    2022-03-26 03:30:00+02:00
    2022-03-27 04:00:00+03:00
    """

    expression: str
    zone: str

    def __post_init__(self) -> None:
        """Refuse what is never due."""
        from cronsim import CronSimError

        get_zone(self.zone)
        if len(self.expression.split()) != _FIELDS:
            raise ValueError(f"it has {len(self.expression.split())} fields")
        try:
            found = self.after(datetime(2000, 1, 1, tzinfo=UTC), 1)
        except (CronSimError, ValueError) as error:
            raise ValueError(str(error)) from None
        if not found:
            raise ValueError("no calendar has such a day")

    def after(self, instant: datetime, count: int) -> list[datetime]:
        """Return the next so many instants after one, in UTC."""
        return list(islice(self._walk(instant), count))

    def until(self, instant: datetime, count: int, since: datetime) -> list[datetime]:
        """Return the last so many instants up to one, this included, none before `since`."""
        reach = _DAY
        while True:
            start = instant - min(reach, instant - since) - timedelta(microseconds=1)
            found: deque[datetime] = deque(maxlen=count)
            for due in self._walk(start):
                if due > instant:
                    break
                found.append(due)
            if len(found) == count or start < since:
                return list(found)
            reach *= 4

    def _walk(self, instant: datetime) -> Iterator[datetime]:
        """Go through all instants after one.

        A walk begins a day earlier: from within an hour that is shown twice, cronsim would
        take up the wrong one. Two times that were skipped together are one instant.
        """
        from cronsim import CronSim

        start = (instant - _DAY).astimezone(ZoneInfo(self.zone))
        last = instant
        for shown in CronSim(_by_the_wall(self.expression), start):
            due = shown.astimezone(UTC)
            if due > last:
                last = due
                yield due


def _by_the_wall(expression: str) -> str:
    """Spell out stars where hours are named: cronsim goes by real time where it sees one."""
    minute, hour, *rest = expression.split()
    if hour in _EVERY_HOUR:
        return expression
    if minute.startswith("*"):
        minute = f"0-59{minute[1:]}"
    if hour.startswith("*"):
        hour = f"0-23{hour[1:]}"
    return " ".join((minute, hour, *rest))
