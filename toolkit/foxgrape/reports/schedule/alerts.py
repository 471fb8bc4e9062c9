"""Alerts when a report starts to fail and when it recovers.

A message is first written to the ledger and then sent, so that a later call can send what could
not be sent now.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from foxgrape.errors import ScheduleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from foxgrape._util.directories import Directory
    from foxgrape.reports.schedule.channels import Channel
    from foxgrape.reports.schedule.ledger import Ledger
    from foxgrape.reports.schedule.runner import PeriodRun, PeriodTask

__all__ = ["deliver", "health_transition", "record_outcome"]

#: Folder of unsent messages in the ledger; entry names cannot start with a dot.
_OUTBOX = ".waiting"
#: Messages older than this are dropped.
_MAX_AGE = timedelta(days=7)
#: Seconds to wait for the lock of a report's health.
_LOCK_TIMEOUT = 10.0


def health_transition(
    failing_since: str | None, key: str, state: str
) -> tuple[str | None, str | None]:
    """Return the alert to send, if any, and the new `failing_since` of a report.

    Parameters
    ----------
    failing_since
        Key of the latest period that was given up; None if the report works.
    key
        Key of the period that ended.
    state
        ``done``, ``failed`` or ``given up``.

    Examples
    --------
    >>> health_transition(None, "20220910T040000Z", "given up")
    ('failed', '20220910T040000Z')
    >>> health_transition("20220910T040000Z", "20220911T040000Z", "done")
    ('recovered', None)
    >>> health_transition("20220910T040000Z", "20220909T040000Z", "done")  # an earlier period
    (None, '20220910T040000Z')
    """
    if state == "given up":
        return None if failing_since else "failed", max(failing_since or key, key)
    if state == "done" and failing_since and key > failing_since:
        return "recovered", None
    return None, failing_since


def record_outcome(ledger: Ledger, task: PeriodTask, run: PeriodRun) -> None:
    """Update the health of a report, and queue a message if it failed or recovered."""
    health = f"{task.job.name}/health"
    if run.state == "failed" or (run.state == "done" and not ledger.read_json(health)):
        return
    with ledger.lock(health, wait=_LOCK_TIMEOUT):
        before = ledger.read_json(health).get("failing_since")
        kind, since = health_transition(before, task.period.key, run.state)
        if kind is not None:
            for channel in task.notify:
                name = f"{_OUTBOX}/{task.period.key}-{task.job.name}-{kind}-{channel}"
                content = {
                    "channel": channel,
                    "written": task.now.astimezone(UTC).isoformat(),
                    "message": _message(kind, run, task),
                }
                ledger.write_json(name, content)
        if since != before:
            ledger.write_json(health, {"failing_since": since})


def deliver(
    channels: Mapping[str, Channel], ledger: Ledger, now: datetime, environ: Mapping[str, str]
) -> list[str]:
    """Send all queued messages; return one error text per message that could not be sent."""
    if not (ledger.folder / _OUTBOX).is_dir():
        return []
    sending = f"{_OUTBOX}/sending"
    with ledger.open_folder(sending) as (folder, _):
        if not _queued(folder):
            return []
        with ledger.lock(sending) as acquired:
            return _send_queued(channels, folder, now, environ) if acquired else []


def _queued(folder: Directory) -> list[str]:
    return [name for name in folder.names() if name.endswith(".json") and name[0] != "."]


def _send_queued(
    channels: Mapping[str, Channel], folder: Directory, now: datetime, environ: Mapping[str, str]
) -> list[str]:
    errors = []
    for name in _queued(folder):
        content = folder.read_json(name)
        channel = channels.get(content.get("channel", ""))
        if channel is not None and now < datetime.fromisoformat(content["written"]) + _MAX_AGE:
            try:
                channel.send(content["message"], environ)
            except ScheduleError as error:
                errors.append(str(error))
                continue
        folder.unlink(name)
    return errors


def _message(kind: str, run: PeriodRun, task: PeriodTask) -> dict[str, Any]:
    event = "failed" if kind == "failed" else "works again"
    span = f"{run.start:%Y-%m-%d %H:%M} to {run.end:%Y-%m-%d %H:%M} UTC"
    text = f"foxgrape: report {run.entry} {event}, period {span}"
    return {
        "text": f"{text}: {run.error}" if run.error else text,
        "kind": kind,
        "entry": run.entry,
        "template": task.job.template,
        "period_start": run.start.isoformat(),
        "period_end": run.end.isoformat(),
        "tries": run.tries,
        "run_id": run.run_id,
        "error": run.error,
    }
