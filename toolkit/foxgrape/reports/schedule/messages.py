"""Messages about reports: that one is finished, that it failed, or that it works again.

A message is a dictionary of JSON values, which webhooks receive as it is. Its key ``text`` is the
whole message as plain text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from foxgrape.reports.addresses import page_path
from foxgrape.reports.changes import compare_points
from foxgrape.reports.key_points import read_key_points

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from foxgrape.reports.key_points import KeyPoints
    from foxgrape.reports.schedule.ledger import Ledger, Period
    from foxgrape.reports.schedule.runner import PeriodRun, PeriodTask

__all__ = ["alert_message", "digest_message", "previous_run", "report_message", "reports_of"]

_RULE = "-" * 40


def alert_message(kind: str, run: PeriodRun, task: PeriodTask) -> dict[str, Any]:
    """Return the message that a report ``failed`` or ``recovered``."""
    event = "failed" if kind == "failed" else "works again"
    span = f"{run.start:%Y-%m-%d %H:%M} to {run.end:%Y-%m-%d %H:%M} UTC"
    text = f"foxgrape: report {run.entry} {event}, period {span}"
    return {"text": f"{text}: {run.error}" if run.error else text} | _describe(kind, run, task)


def report_message(ledger: Ledger, run: PeriodRun, task: PeriodTask) -> dict[str, Any]:
    """Return the message with the main points of a finished report.

    The changes since the previous report are those since the latest earlier period of the entry
    that was built.
    """
    points = read_key_points(task.out, run.run_id or "")
    previous = previous_run(ledger, task)
    changes: tuple[str, ...] = ()
    if previous is not None and (before := read_key_points(task.out, previous)).manifest:
        changes = compare_points(task.out, previous, run.run_id or "", before, points).changes
    message = _describe("built", run, task) | {
        "subject": f"{run.entry}: {points.headline or points.title or task.job.template}",
        "title": points.title or task.job.template,
        "headline": points.headline,
        "period": _describe_period(task.period, task.job.zone),
        "figures": points.figures,
        "points": list(points.points),
        "changes": list(changes),
        "link": _link(run, task),
    }
    return {"text": _text(message, points)} | message


def digest_message(messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return one message about several finished reports.

    Examples
    --------
    >>> one, two = ({"subject": f"{name}: done", "text": name} for name in ("daily", "weekly"))
    >>> digest_message([one, two])["subject"]
    '2 reports. daily: done; weekly: done'
    """
    subjects = "; ".join(message["subject"].removesuffix(".") for message in messages)
    texts = [message["text"] for message in messages]
    return {
        "text": f"\n\n{_RULE}\n\n".join(texts),
        "kind": "digest",
        "entry": "digest",
        "subject": f"{len(messages)} reports. {subjects}",
        "reports": [dict(message) for message in messages],
    }


def reports_of(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the messages about finished reports that a message consists of.

    Examples
    --------
    >>> reports_of({"kind": "failed"})
    []
    """
    if message.get("kind") == "digest":
        return list(message["reports"])
    return [message] if message.get("kind") == "built" else []


def _describe(kind: str, run: PeriodRun, task: PeriodTask) -> dict[str, Any]:
    return {
        "kind": kind,
        "entry": run.entry,
        "template": task.job.template,
        "period_start": run.start.isoformat(),
        "period_end": run.end.isoformat(),
        "tries": run.tries,
        "run_id": run.run_id,
        "error": run.error,
    }


def _describe_period(period: Period, zone: str) -> str:
    start, end = (instant.astimezone(ZoneInfo(zone)) for instant in (period.start, period.end))
    return f"{start:%a %Y-%m-%d %H:%M} to {end:%a %Y-%m-%d %H:%M}, {zone}"


def previous_run(ledger: Ledger, task: PeriodTask) -> str | None:
    """Return the id of the run of the latest earlier period that was built; None without one."""
    for key in sorted(ledger.period_keys(task.job.name), reverse=True):
        if key < task.period.key:
            state = ledger.read_state(f"{task.job.name}/{key}")
            if state.state == "done" and state.run_id is not None:
                return state.run_id
    return None


def _link(run: PeriodRun, task: PeriodTask) -> str | None:
    if task.base_url is None or run.run_id is None:
        return None
    return f"{task.base_url}{page_path(run.entry, task.period.key)}"


def _text(message: Mapping[str, Any], points: KeyPoints) -> str:
    parts = [
        [points.headline or message["title"]],
        [f"{message['entry']}: {message['title']}", message["period"]],
        points.figure_lines(),
        [f"- {point}" for point in points.points],
    ]
    if message["changes"]:
        changes = [f"- {change}" for change in message["changes"]]
        parts.append(["Since the previous report:", *changes])
    if message["link"]:
        parts.append([f"Open the report: {message['link']}"])
    return "\n\n".join("\n".join(lines) for lines in parts if lines)
