"""Messages about reports: that one is finished, that it failed, or that it works again.

A message is a dictionary of JSON values, which webhooks receive as it is. Its key ``text`` is the
whole message as plain text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from foxgrape.reports.addresses import LATEST, page_path
from foxgrape.reports.key_points import NOTHING_CHANGED, read_key_points, to_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from foxgrape.reports.key_points import KeyPoints
    from foxgrape.reports.schedule.ledger import Ledger, Period
    from foxgrape.reports.schedule.rules import Rule
    from foxgrape.reports.schedule.runner import PeriodRun, PeriodTask

__all__ = [
    "SINCE",
    "digest_message",
    "health_message",
    "previous_run",
    "report_message",
    "reports_of",
    "rule_message",
]

#: Heading above what changed.
SINCE = "Since the run before"
_RULE = "-" * 40


def health_message(kind: str, run: PeriodRun, task: PeriodTask) -> dict[str, Any]:
    """Return the message that a report ``failed`` or ``recovered``."""
    period = _describe_period(task.period, task.job.zone)
    if kind == "failed":
        tries = "once" if run.tries == 1 else f"{run.tries} times"
        subject = f"{run.entry} failed: {run.error}"
        headline = f"The report {run.entry} failed, and this period is not tried again."
        points = [
            f"Reason: {run.error}",
            f"It was tried {tries}.",
            "Later periods are built when they are due; a message follows when one succeeds.",
        ]
    else:
        subject = f"{run.entry} works again"
        headline = f"The report {run.entry} works again."
        points = ["Periods that failed meanwhile are listed by foxgrape schedule show."]
    message = _describe(kind, run, task) | {
        "subject": to_line(subject),
        "headline": headline,
        "period": period,
        "points": [to_line(point) for point in points],
        "link": _link(run, task),
    }
    lines = [headline, f"Period: {period}", *(f"- {point}" for point in message["points"])]
    return {"text": "\n".join([*lines, *_link_lines(message)])} | message


def rule_message(rule: Rule, why: str, now: datetime, base_url: str | None) -> dict[str, Any]:
    """Return the message that the rule of an alert holds."""
    described = f"Rule {rule.name}: {rule.describe()}."
    link = None
    if base_url is not None and rule.report is not None:
        link = f"{base_url}{LATEST}/{rule.report}.html"
    message = {
        "kind": "alert",
        "entry": rule.name,
        "subject": f"alert {rule.name}: {why}",
        "headline": f"{why[:1].upper()}{why[1:]}.",
        "points": [described],
        "rule": rule.describe(),
        "why": why,
        "report": rule.report,
        "at": now.isoformat(),
        "link": link,
    }
    lines = [f"Alert: {message['headline']}", described, *_link_lines(message)]
    return {"text": "\n".join(lines)} | message


def report_message(ledger: Ledger, run: PeriodRun, task: PeriodTask) -> dict[str, Any]:
    """Return the message with the main points of a finished report.

    What changed is what the page says: the changes since the run before. If the entry's previous
    period has the same run, nothing changed.
    """
    points = read_key_points(task.out, run.run_id or "")
    changes = points.changes
    if run.run_id is not None and run.run_id == previous_run(ledger, task):
        changes = (NOTHING_CHANGED,)
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
        parts.append([f"{SINCE}:", *changes])
    parts.append(_link_lines(message))
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _link_lines(message: Mapping[str, Any]) -> list[str]:
    return [f"Open the report: {message['link']}"] if message["link"] else []
