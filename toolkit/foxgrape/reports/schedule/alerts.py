"""Who is told, and when: once when a report begins to fail, once when it works again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from foxgrape.errors import ScheduleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from foxgrape._util.directories import Directory
    from foxgrape.reports.schedule.channels import Channel
    from foxgrape.reports.schedule.ledger import Ledger
    from foxgrape.reports.schedule.results import PeriodRun
    from foxgrape.reports.schedule.runner import PeriodTask

__all__ = ["deliver", "health_transition", "record_outcome"]

#: Where messages wait that are not sent yet; no entry can have such a name.
_WAITING = ".waiting"
#: A message that could not be sent for so long is news no more.
_STALE = timedelta(days=7)
#: Seconds to wait for somebody who notes the same report.
_PATIENCE = 10.0


def health_transition(
    failing_since: str | None, key: str, state: str
) -> tuple[str | None, str | None]:
    """Return what is to be told about a report, if anything, and since which period it fails.

    Parameters
    ----------
    failing_since
        The last period that was given up; None if the report works.
    key
        The period that has come to an end.
    state
        ``done``, ``failed`` or ``given up``.

    Examples
    --------
    >>> health_transition(None, "20220910T040000Z", "given up")
    ('failed', '20220910T040000Z')
    >>> health_transition("20220910T040000Z", "20220911T040000Z", "done")
    ('recovered', None)
    >>> health_transition("20220910T040000Z", "20220909T040000Z", "done")  # an older one says nothing of now
    (None, '20220910T040000Z')
    """
    if state == "given up":
        return None if failing_since else "failed", max(failing_since or key, key)
    if state == "done" and failing_since and key > failing_since:
        return "recovered", None
    return None, failing_since


def record_outcome(ledger: Ledger, task: PeriodTask, made: PeriodRun) -> None:
    """Keep whether a report works, and write down what is to be told."""
    health = f"{task.job.name}/health"
    if made.state == "failed" or (made.state == "done" and not ledger.told(health)):
        return
    with ledger.locked(health, wait=_PATIENCE):
        before = ledger.told(health).get("failing_since")
        kind, since = health_transition(before, task.period.key, made.state)
        if kind is not None:
            for channel in task.notify:
                name = f"{_WAITING}/{task.period.key}-{task.job.name}-{kind}-{channel}"
                written = task.now.astimezone(UTC).isoformat()
                message = _message(kind, made, task)
                ledger.tell(name, {"channel": channel, "written": written, "message": message})
        if since != before:
            ledger.tell(health, {"failing_since": since})


def deliver(
    channels: Mapping[str, Channel], ledger: Ledger, now: datetime, environ: Mapping[str, str]
) -> list[str]:
    """Send what waits; return why what could not be sent was not."""
    if not (ledger.folder / _WAITING).is_dir():
        return []
    sending = f"{_WAITING}/sending"
    with ledger.place(sending) as (folder, _):
        if not _messages(folder):
            return []
        with ledger.locked(sending) as mine:
            return _send(channels, folder, now, environ) if mine else []


def _messages(folder: Directory) -> list[str]:
    return [name for name in folder.names() if name.endswith(".json") and name[0] != "."]


def _send(
    channels: Mapping[str, Channel], folder: Directory, now: datetime, environ: Mapping[str, str]
) -> list[str]:
    """Send the messages of a folder; return why what could not be sent was not."""
    untold = []
    for name in _messages(folder):
        told = folder.read_json(name)
        channel = channels.get(told.get("channel", ""))
        if channel is not None and now < datetime.fromisoformat(told["written"]) + _STALE:
            try:
                channel.send(told["message"], environ)
            except ScheduleError as error:
                untold.append(str(error))
                continue
        folder.unlink(name)
    return untold


def _message(kind: str, made: PeriodRun, task: PeriodTask) -> dict[str, Any]:
    what = "failed" if kind == "failed" else "works again"
    span = f"{made.start:%Y-%m-%d %H:%M} to {made.end:%Y-%m-%d %H:%M} UTC"
    text = f"foxgrape: the report {made.entry} {what}, period {span}"
    return {
        "text": f"{text}: {made.error}" if made.error else text,
        "kind": kind,
        "entry": made.entry,
        "template": task.job.template,
        "period_start": made.start.isoformat(),
        "period_end": made.end.isoformat(),
        "tries": made.tries,
        "run_id": made.run_id,
        "error": made.error,
    }
