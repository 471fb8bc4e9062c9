"""Evaluate the rules of a schedule, and queue an alert for each that fires."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foxgrape.errors import ScheduleError
from foxgrape.reports.addresses import LATEST
from foxgrape.reports.period_keys import period_key
from foxgrape.reports.schedule.messages import rule_message
from foxgrape.reports.schedule.outbox import enqueue_alert
from foxgrape.reports.schedule.periods import first_seen
from foxgrape.reports.schedule.rule_names import resolve_place, unmatched_names
from foxgrape.reports.schedule.rules import Finding, Latest, evaluate

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from pathlib import Path

    from foxgrape.reports.schedule.config import Entry, Job, Schedule
    from foxgrape.reports.schedule.ledger import Ledger
    from foxgrape.reports.schedule.rules import Rule

__all__ = ["apply_rules", "preview_rules", "rule_problems"]

#: Folder of the rules' states in the ledger.
_STATES = ".alerts"
#: Maximum seconds to wait for another process that evaluates the rule.
_WAIT = 10.0
#: Number of latest periods among which those that wait are searched.
_MAX_PERIODS = 100


def apply_rules(schedule: Schedule, ledger: Ledger, out: Path, now: datetime) -> list[str]:
    """Evaluate all rules, queue alerts, and return the problems of rules.

    An alert is queued before the state of its rule is written. If the process dies in between, the
    next call finds the same change, whose alert is in the outbox or was sent, and does not queue
    it again.
    """
    problems = []
    for stated in schedule.rules:
        name = f"{_STATES}/{stated.name}"
        with ledger.lock(name, wait=_WAIT) as acquired:
            if not acquired:
                continue  # another process evaluates it
            rule, finding = _evaluate(stated, schedule, ledger, out, now)
            if finding.problem is not None:
                problems.append(finding.problem)
                continue
            if finding.why is not None:
                has_page = (out / LATEST / f"{rule.report}.html").is_file()
                base_url = schedule.base_url if has_page else None
                message = rule_message(rule, finding.why, now, base_url)
                for channel in rule.notify:
                    enqueue_alert(ledger, now, channel, message, finding.id)
            before = ledger.read_json(name)
            if dict(finding.state) != before:
                ledger.write_json(name, dict(finding.state))
    return problems


def preview_rules(
    schedule: Schedule, ledger: Ledger, out: Path, now: datetime, read_first: Collection[str] = ()
) -> list[str]:
    """Return for each rule whether it would fire now; nothing is written or sent.

    Rules about data of the stores in `read_first`, to which data would be added first, say so.
    Rules that cannot be evaluated are left out; see `rule_problems`.
    """
    lines = []
    for stated in schedule.rules:
        rule, finding = _evaluate(stated, schedule, ledger, out, now)
        if finding.problem is not None:
            continue
        channels = ", ".join(rule.notify)
        result = f"to {channels}: {finding.why}" if finding.why else "would not fire"
        if finding.state.get("holds") and not finding.why:
            result = "holds, and has fired"
        if rule.store in read_first:
            result += " (before new data are read, which may change it)"
        lines.append(f"alert {rule.name} ({rule.describe()}): {result}")
    return lines


def rule_problems(
    schedule: Schedule, ledger: Ledger, out: Path, now: datetime
) -> tuple[list[str], list[str]]:
    """Return why rules cannot be evaluated, and notes about names that match nothing so far."""
    problems, notes = [], []
    for rule in schedule.rules:
        finding = _evaluate(rule, schedule, ledger, out, now)[1]
        if finding.problem is not None:
            problems.append(finding.problem)
            continue
        try:
            notes += unmatched_names(rule, _job(rule, schedule))
        except ScheduleError as error:
            problems.append(f"alert {rule.name}: {error}")
    return problems, notes


def _job(rule: Rule, schedule: Schedule) -> Job | None:
    return next((entry.job for entry in schedule.entries if entry.name == rule.report), None)


def _evaluate(
    rule: Rule, schedule: Schedule, ledger: Ledger, out: Path, now: datetime
) -> tuple[Rule, Finding]:
    """Return the rule with its place resolved, and whether it fires."""
    state = ledger.read_json(f"{_STATES}/{rule.name}")
    try:
        rule = resolve_place(rule, _job(rule, schedule))
    except ScheduleError as error:
        return rule, Finding(rule.name, None, state, problem=f"alert {rule.name}: {error}")
    entries = {entry.name: entry for entry in schedule.entries}
    entry = entries.get(rule.report or "")
    latest = Latest(None, zone=_zone(rule, schedule))
    if entry is not None:
        latest = _latest(entry, ledger, now)
    return rule, evaluate(rule, latest, state, out, now)


def _zone(rule: Rule, schedule: Schedule) -> str:
    """Return the time zone of the reports of a rule's store, or else of the first report."""
    users = [entry for entry in schedule.entries if entry.job.store == rule.store]
    zones = [entry.job.zone for entry in (*users, *schedule.entries)]
    return zones[0] if zones else "UTC"


def _latest(entry: Entry, ledger: Ledger, now: datetime) -> Latest:
    run_id, last_built = None, ""
    for key in ledger.period_keys(entry.name):
        if key > period_key(now):
            break  # built while the clock was ahead
        state = ledger.read_state(f"{entry.name}/{key}")
        if state.state == "done":
            last_built = key
            run_id = state.run_id or run_id
    periods = entry.periods(now, _MAX_PERIODS, first_seen(entry, ledger, now))
    reachable = periods[-entry.catch_up - 1 :]
    waiting = tuple(period.end for period in reachable if period.key > last_built)
    return Latest(run_id, waiting, entry.job.zone)
