"""Messages about reports: that one is finished, that it failed, or that it works again.

A message is a dictionary of JSON values, which webhooks receive as it is. Its key ``text`` is the
whole message as plain text.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from foxgrape._util.wording import join_items, shorten
from foxgrape.errors import FoxgrapeError
from foxgrape.reports.addresses import LATEST, page_path
from foxgrape.reports.changes import compare_points
from foxgrape.reports.key_points import CLAIM_FIGURE, NOTHING_CHANGED, read_key_points, to_line
from foxgrape.reports.schedule.periods import build_command, due_in_words
from foxgrape.stats.inputs import MORE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
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

#: Heading above what changed: since the report of the entry's previous period.
SINCE = "Since the report before"
_RULE = "-" * 40
#: Maximum length of the subject of one report in that of a digest, and of all of them.
_MAX_PART, _MAX_SUBJECTS = 130, 180
#: The key figure with the number of signals, in small letters.
_N_SIGNALS = "signals"
#: Maximum number of abandoned periods for which a message has the command.
_MAX_COMMANDS = 4
#: Maximum length of a command, which must not be cut.
_MAX_COMMAND = 400
#: A day on which clocks are set forward.
_SHORTEST_DAY = timedelta(hours=23)


def health_message(
    kind: str, run: PeriodRun, task: PeriodTask, abandoned: Sequence[Period]
) -> dict[str, Any]:
    """Return the message that a report ``failed`` or ``recovered``.

    `abandoned` are the periods that were given up until then: the message says how to build them.
    """
    due = f"Due {due_in_words(task.period.end, task.job.zone)}"
    if kind == "failed":
        tries = "once" if run.tries == 1 else f"{run.tries} times"
        subject = f"{run.entry} failed: {run.error}"
        headline = f"The report {run.entry} failed, and this period is not tried again."
        points = [
            f"Reason: {run.error}",
            f"It was tried {tries}.",
            "Later periods are built when they are due; a message follows when one succeeds.",
            *_how_to_build(task, abandoned),
        ]
    else:
        subject = f"{run.entry} works again"
        headline = f"The report {run.entry} works again."
        points = _how_to_build(task, abandoned)
    message = _describe(kind, run, task) | {
        "subject": to_line(subject),
        "headline": headline,
        "period": due,
        "points": [to_line(point) for point in points],
        "link": _link(run, task),
    }
    lines = [headline, f"{due}.", *(f"- {point}" for point in message["points"])]
    return {"text": "\n".join([*lines, *_link_lines(message)])} | message


def _how_to_build(task: PeriodTask, abandoned: Sequence[Period]) -> list[str]:
    """Return for each of the latest abandoned periods the command that builds it."""
    lines = []
    for period in abandoned[-_MAX_COMMANDS:]:
        command = "foxgrape report build, with the parameters of the schedule"
        # An invalid template or parameter is why it failed, which the message says already.
        with suppress(FoxgrapeError, OSError, ValueError):
            full = build_command(task.job, period, task.out)
            command = full if len(full) <= _MAX_COMMAND else command
        due = due_in_words(period.end, task.job.zone)
        lines.append(f"The report due {due} was not built. To build it: {command}")
    if left := len(abandoned) - len(lines):
        lines.insert(0, f"{left:,} earlier reports were not built; see foxgrape schedule show.")
    return lines


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

    What changed is the difference to the run of the entry's previous period. The page may compare
    with another run, which was built by hand in between.
    """
    points = read_key_points(task.out, run.run_id or "")
    changes = _changes(ledger, run, task, points)
    message = _describe("built", run, task) | {
        "subject": f"{run.entry}: {points.headline or points.title or task.job.template}",
        "title": points.title or task.job.template,
        "headline": points.headline,
        "period": _describe_period(points, task),
        "figures": points.figures,
        "points": list(points.points),
        "changes": list(changes),
        "link": _link(run, task),
    }
    return {"text": _text(message, points)} | message


def _changes(
    ledger: Ledger, run: PeriodRun, task: PeriodTask, points: KeyPoints
) -> tuple[str, ...]:
    """Return what changed since the entry's previous period, if it has one."""
    previous = previous_run(ledger, task)
    if previous is None or run.run_id is None:
        return ()
    if previous == run.run_id:
        return (NOTHING_CHANGED,)
    if points.manifest.get("compared_with") == previous:
        return points.changes
    before = read_key_points(task.out, previous)
    if not before.manifest:
        return ("Not compared: the report before has been deleted.",)
    try:
        diff = compare_points(task.out, previous, run.run_id, before, points)
    except Exception as error:  # noqa: BLE001 - the earlier run may be damaged in any way
        return (f"Not compared with the report before: {type(error).__name__}.",)
    return tuple(map(to_line, diff.changes))


def digest_message(
    messages: Sequence[Mapping[str, Any]], alerted: Collection[str] = ()
) -> dict[str, Any]:
    """Return one message about several finished reports, the one that matters most first.

    Reports with an alert come first, then those that claim more than chance, then the newest, and
    of equally new ones that with most signals.

    Parameters
    ----------
    messages
        Messages about one report each.
    alerted
        Names of entries for which an alert is waiting too.

    Examples
    --------
    >>> old, new = ({"entry": "weekly", "subject": f"weekly: {day}", "text": day,
    ...     "period_end": f"2022-09-{day}"} for day in ("05", "12"))
    >>> digest_message([old, new])["subject"]
    '2 reports. weekly: 12; weekly: 05'
    """

    def importance(message: Mapping[str, Any]) -> tuple[bool, bool, str, int]:
        figures = {str(row[0]).lower(): str(row[1]) for row in _figure_rows(message)}
        n_signals = figures.get(_N_SIGNALS, "").replace(",", "")
        return (
            message.get("entry") in alerted,
            figures.get(CLAIM_FIGURE.lower()) == MORE,
            message.get("period_end", ""),
            int(n_signals) if n_signals.isdecimal() else 0,
        )

    ordered = sorted(messages, key=importance, reverse=True)
    subjects = [shorten(message["subject"].removesuffix("."), _MAX_PART) for message in ordered]
    listed = join_items(subjects, _MAX_SUBJECTS, len(subjects))
    return {
        "text": f"\n\n{_RULE}\n\n".join(message["text"] for message in ordered),
        "kind": "digest",
        "entry": "digest",
        "subject": f"{len(ordered)} reports. {listed}",
        "reports": [dict(message) for message in ordered],
    }


def _figure_rows(message: Mapping[str, Any]) -> list[list[Any]]:
    """Return the rows of a queued message's key figures, which may have been edited."""
    figures = message.get("figures")
    rows = figures.get("rows") if isinstance(figures, dict) else None
    rows = rows if isinstance(rows, list) else []
    return [row for row in rows if isinstance(row, list) and len(row) > 1]


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


def _describe_period(points: KeyPoints, task: PeriodTask) -> str:
    """Return the days of a report as its page names them.

    If it has none, or is one of several on a day, say when it was due.
    """
    due = f"Due {due_in_words(task.period.end, task.job.zone)}"
    if not points.days:
        return due
    if task.period.end - task.period.start < _SHORTEST_DAY:
        return f"{points.days}. {due}"
    return points.days


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
