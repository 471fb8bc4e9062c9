"""A process that stays and builds what is due, for machines with neither systemd nor cron."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from foxgrape.errors import FoxgrapeError
from foxgrape.reports.prune import prune
from foxgrape.reports.schedule.config import read_schedule
from foxgrape.reports.schedule.due import run_due

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from foxgrape.reports.schedule.results import DueResult

__all__ = ["make_scheduler"]


def make_scheduler(
    path: str | Path,
    *,
    out: str | Path = "reports",
    workers: int = 1,
    every: int = 60,
    tell: Callable[[DueResult | FoxgrapeError], object],
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    run: Callable[..., Any] | None = None,
) -> Any:
    """Return a scheduler of APScheduler that builds what is due; its ``start()`` goes on for good.

    The schedule is read again each time, so that a changed one holds at once. While reports are
    built, no second call begins.

    Parameters
    ----------
    path
        The schedule file.
    out, workers, run
        As for `run_due`.
    every
        Seconds from one look to the next.
    tell
        Called with what a look built, or with what is wrong with the schedule.
    clock
        Tells what now is.
    """
    from apscheduler.schedulers.blocking import BlockingScheduler
    from apscheduler.triggers.interval import IntervalTrigger

    def look() -> None:
        try:
            schedule = read_schedule(path)
            now = clock()
            tell(run_due(schedule, now=now, out=out, workers=workers, run=run, prune=prune))
        except FoxgrapeError as error:
            tell(error)  # somebody is writing at the schedule: the next look finds it mended

    scheduler = BlockingScheduler(timezone="UTC")
    scheduler.add_job(
        look,
        IntervalTrigger(seconds=every, timezone="UTC"),
        next_run_time=datetime.now(UTC),
        max_instances=1,
        coalesce=True,
        misfire_grace_time=None,
    )
    return scheduler
