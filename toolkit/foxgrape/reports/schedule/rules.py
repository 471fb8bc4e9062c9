"""Rules of alerts: what they watch, and whether they hold for the latest run or the store."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Self

from foxgrape._util.wording import join_items
from foxgrape.errors import ScheduleError, did_you_mean
from foxgrape.reports.key_points import CLAIM_FIGURE, read_key_points, to_line
from foxgrape.reports.run_tables import read_tables, signal_name
from foxgrape.reports.schedule.checks import check, check_keys, parse_span, span_in_words
from foxgrape.reports.schedule.periods import due_in_words
from foxgrape.stats.inputs import MORE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    from foxgrape.reports.run_tables import RunTables

__all__ = ["Finding", "Latest", "Rule", "evaluate"]

#: Keys of a rule by what it watches, beside ``when`` and ``notify``; the required ones first.
_KEYS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "new signal": (("report",), ("place", "account")),
    "claim": (("report",), ()),
    "figure": (("report", "figure"), ("above", "below")),
    "overdue": (("report", "after"), ()),
    "no data": (("store", "table", "after"), ()),
}
_TABLES = ("posts", "events")
_TEXTS = frozenset({"report", "place", "account", "figure", "store"})
_NUMBER = re.compile(r"[-−]?\d[\d,]*(\.\d+)?")
#: Number of new signals that an alert names, newest first, and maximum length of their names.
_NAMED, _MAX_NAMES = 5, 400


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that sends an alert, from an ``[alert.NAME]`` table.

    Attributes
    ----------
    name
        Name of the rule.
    when
        ``new signal``, ``claim``, ``figure``, ``overdue`` or ``no data``.
    notify
        Names of the channels that receive the alert.
    report
        Name of the entry whose latest run is examined.
    place, account
        Place, by id or name, and account of the signals that count; None for all.
    place_id
        Id of the place once it is resolved; see `resolve_place`.
    figure
        Name of a key figure, or ``signals`` for the number of signals.
    above, below
        The alert is sent if the figure is above or below this value.
    after
        How long a report may be overdue, or data may not come.
    store, table
        Where data are expected.
    """

    name: str
    when: str
    notify: tuple[str, ...]
    report: str | None = None
    place: str | None = None
    account: str | None = None
    figure: str | None = None
    above: float | None = None
    below: float | None = None
    after: timedelta | None = None
    store: str | None = None
    table: str | None = None
    place_id: str | None = None

    @classmethod
    def from_table(cls, name: str, values: Mapping[str, Any]) -> Self:
        """Return the rule of a table; raise ScheduleError for an invalid one.

        Examples
        --------
        >>> table = {"when": "claim", "report": "weekly", "notify": ["mail"]}
        >>> Rule.from_table("more", table).describe()
        'the report weekly claims more than chance'
        """
        when = values.get("when")
        if not isinstance(when, str) or when not in _KEYS:
            hint = did_you_mean(str(when), _KEYS)
            raise ScheduleError(f"when must be {', '.join(_KEYS)}", got=when, hint=hint)
        required, optional = _KEYS[when]
        check_keys(values, ("when", "notify", *required, *optional))
        for key in required:
            if key not in values:
                raise ScheduleError(f"{key} is missing; a rule for {when} needs it")
        return cls(name, when, **_parse(values))

    def describe(self) -> str:
        """Return what the rule watches, in words."""
        if self.when == "new signal":
            place = f" for {to_line(self.place)}" if self.place else ""
            account = f" by {self.account}" if self.account else ""
            return f"the report {self.report} has a new signal{place}{account}"
        if self.when == "claim":
            return f"the report {self.report} claims {MORE.lower()}"
        if self.when == "figure":
            limit = f"above {self.above:g}" if self.above is not None else f"below {self.below:g}"
            return f'the figure "{self.figure}" of the report {self.report} is {limit}'
        after = "" if self.after is None else span_in_words(self.after)
        if self.when == "overdue":
            return f"the report {self.report} is overdue for more than {after}"
        return f"no {self.table} of the last {after} are in the store {self.store}"


def _parse(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the valid values of a rule's keys; raise ScheduleError for an invalid one."""
    names = values.get("notify")
    is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
    check("notify", is_list and names, "a list of the names of [notify.NAME] tables", names)
    given: dict[str, Any] = {"notify": tuple(names or ())}
    for key in _TEXTS.intersection(values):
        check(key, isinstance(values[key], str) and values[key], "text", values[key])
        given[key] = values[key]
    for key in {"above", "below"}.intersection(values):
        number = values[key]
        is_number = isinstance(number, int | float) and not isinstance(number, bool)
        check(key, is_number, "a number", number)
        given[key] = float(number)
    if values["when"] == "figure" and len(given.keys() & {"above", "below"}) != 1:
        raise ScheduleError("a figure needs one of above and below")
    if "table" in values:
        check("table", values["table"] in _TABLES, " or ".join(_TABLES), values["table"])
        given["table"] = values["table"]
    if "after" in values:
        try:
            given["after"] = parse_span(values["after"])
        except ValueError:
            check("after", None, "a time span such as 6h or 3d", values["after"])
    return given


@dataclass(frozen=True, slots=True)
class Latest:
    """The state of an entry.

    Attributes
    ----------
    run_id
        Id of its latest run, if any.
    waiting
        Ends of its periods that are not built and after which none is built, oldest first.
    zone
        Time zone in which its reports are due.
    """

    run_id: str | None
    waiting: tuple[datetime, ...] = ()
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a rule fires, and the state with which it is evaluated the next time.

    Attributes
    ----------
    rule
        Name of the rule.
    why
        Why it fires; None if it does not.
    state
        State after this evaluation.
    id
        Identifies the change for which it fires: evaluated again from the same state, it is equal.
    problem
        Why the rule could not be evaluated; None if it was.
    """

    rule: str
    why: str | None
    state: Mapping[str, Any]
    id: str = ""
    problem: str | None = None


def evaluate(
    rule: Rule, latest: Latest, state: Mapping[str, Any], out: Path, now: datetime
) -> Finding:
    """Return whether a rule fires, given the state that its last evaluation left.

    A rule fires when its condition begins to hold, and not again before it has ceased to hold. A
    rule for new signals fires for each signal once, and not for those of the first run that it
    examines. A rule for an overdue report fires once for each of its periods.
    """
    if rule.when == "overdue":
        return _overdue(rule, latest, state, now)
    try:
        if rule.when == "new signal":
            return _new_signals(rule, latest, state, out)
        why = _CONDITIONS[rule.when](rule, latest, out, now)
    except ScheduleError as error:
        return Finding(rule.name, None, state, problem=f"alert {rule.name}: {error}")
    held, count = bool(state.get("holds")), int(state.get("count", 0))
    if why is None:
        return Finding(rule.name, None, {"holds": False, "count": count})
    if held:
        return Finding(rule.name, None, state)
    return Finding(rule.name, why, {"holds": True, "count": count + 1}, str(count + 1))


def _new_signals(rule: Rule, latest: Latest, state: Mapping[str, Any], out: Path) -> Finding:
    if latest.run_id is None or state.get("run_id") == latest.run_id:
        return Finding(rule.name, None, state)
    tables = _tables(rule, latest.run_id, out)
    signals = tables.signals
    if rule.place_id is not None:
        signals = signals[signals["place_id"] == rule.place_id]
    if rule.account is not None:
        signals = signals[signals["account"] == rule.account]
    ids = set(signals["signal_id"])
    seen = state.get("seen")
    after = {"run_id": latest.run_id, "seen": sorted({*(seen or ()), *ids})}
    new = signals[~signals["signal_id"].isin(seen or ())].sort_values("posted_at")
    if seen is None or new.empty:
        return Finding(rule.name, None, after)
    zone = tables.timezone or "UTC"
    names = [_describe(row, zone) for row in new[::-1].itertuples()]
    digest = sha256("\n".join(sorted(new["signal_id"])).encode()).hexdigest()[:16]
    listed = join_items(names, _MAX_NAMES, _NAMED)
    why = f"new in the report {rule.report}: {listed} (times in {zone})"
    return Finding(rule.name, why, after, digest)


def _describe(row: Any, zone: str) -> str:
    from foxgrape._util.formatting import describe_time

    when = describe_time(row.posted_at, getattr(row, "posted_until", row.posted_at), zone)
    return f"{signal_name(row)} by {to_line(row.account)}, {when}"


def _tables(rule: Rule, run_id: str, out: Path) -> RunTables:
    tables = read_tables(out, run_id)
    if tables is None:
        hint = "end a cell of its template with WhatChanged(analysis), and build it again"
        raise ScheduleError(f"the report {rule.report} has no table of signals", hint=hint)
    return tables


def _claim(rule: Rule, latest: Latest, out: Path, _: datetime) -> str | None:
    value = _figure(rule, CLAIM_FIGURE, latest, out)
    return f"the report {rule.report} claims: {value}" if value == MORE else None


def _threshold(rule: Rule, latest: Latest, out: Path, _: datetime) -> str | None:
    if latest.run_id is None:
        return None
    text = _figure(rule, str(rule.figure), latest, out)
    match = _NUMBER.match(text or "")
    if text is None or match is None:
        # An event count of "none" and a median that was not reached have no number.
        return None
    what = f'the figure "{rule.figure}" of the report {rule.report}'
    number = float(match[0].replace(",", "").replace("−", "-"))
    if rule.above is not None and number > rule.above:
        return f"{what} is {text}, above {rule.above:g}"
    if rule.below is not None and number < rule.below:
        return f"{what} is {text}, below {rule.below:g}"
    return None


def _figure(rule: Rule, name: str, latest: Latest, out: Path) -> str | None:
    """Return the value of a key figure; None if there is no run yet.

    Raises
    ------
    ScheduleError
        If the report has no such figure.
    """
    if latest.run_id is None:
        return None
    rows: Sequence[Sequence[str]] = read_key_points(out, latest.run_id).figures.get("rows", ())
    values = {row[0].casefold(): row[1] for row in rows if len(row) > 1}
    if name.casefold() in values:
        return values[name.casefold()]
    if name.casefold() == "signals":
        return str(len(_tables(rule, latest.run_id, out).signals))
    hint = f"it has {', '.join(row[0] for row in rows)}" if rows else "it has no key figures"
    raise ScheduleError(f"the report {rule.report} has no figure {name!r}", hint=hint)


def _overdue(rule: Rule, latest: Latest, state: Mapping[str, Any], now: datetime) -> Finding:
    late = [end for end in latest.waiting if rule.after is not None and now - end > rule.after]
    fired_for = str(state.get("period", ""))
    if not late:
        return Finding(rule.name, None, {"holds": False, "period": fired_for})
    key = late[-1].astimezone(UTC).isoformat()
    if key <= fired_for:
        return Finding(rule.name, None, {"holds": True, "period": fired_for})
    due = due_in_words(late[-1], latest.zone)
    why = f"the report {rule.report}, due at {due}, has not been built"
    if earlier := len(late) - 1:
        why += f", nor {'has the one' if earlier == 1 else f'have the {earlier}'} before it"
    return Finding(rule.name, why, {"holds": True, "period": key}, key)


def _no_data(rule: Rule, latest: Latest, _: Path, now: datetime) -> str | None:
    import pandas as pd

    from foxgrape.errors import FoxgrapeError
    from foxgrape.io.store import Store

    if rule.after is None:
        return None
    since = (now - rule.after).astimezone(UTC)
    try:
        store = Store(str(rule.store))
        if len(store.read(str(rule.table), since=since)):
            return None
        rows = store.read(str(rule.table))
    except FoxgrapeError as error:
        raise ScheduleError(str(error)) from None
    what = f"no {rule.table} since {due_in_words(since, latest.zone)} are in the store {rule.store}"
    times = rows["posted_at" if rule.table == "posts" else "occurred_at"]
    last = times.max()
    return what if pd.isna(last) else f"{what}; the last is of {due_in_words(last, latest.zone)}"


_CONDITIONS = {"claim": _claim, "figure": _threshold, "no data": _no_data}
