"""Lead times and the test against chance by month, account, place or kind of signal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from foxgrape._util.formatting import (
    number_in_words,
    to_json_records,
)
from foxgrape._util.result import Result
from foxgrape._util.small_numbers import MIN_SIGNALS, TOO_FEW, mask_few
from foxgrape.errors import FoxgrapeError, did_you_mean
from foxgrape.stats.inputs import LEVEL, MORE, window_in_words
from foxgrape.stats.survival.lead_times import lead_times
from foxgrape.studies.findings import guessed_end

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from foxgrape.stats.coincidence.event_coincidence import Coincidence
    from foxgrape.stats.survival.lead_times import LeadTimes
    from foxgrape.studies.analysis import Analysis

__all__ = ["MONTH", "Groups", "group_signals", "with_month"]

MONTH = "month"
_GROUP = "group of signals"
_MAX_NAMED = 5


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Groups(Result):
    """Lead times of each group of signals, and whether events follow it more often than by chance.

    Attributes
    ----------
    by
        What defines the groups: ``month`` of the post in the study's time zone, or a column of the
        signals.
    table
        One row per group: group; n, n_followed, n_censored (signals counted as leads, with an event
        and without); median, median_low, median_high (the median lead and its 95% interval; NaT for
        not reached, or no bound); n_tested (signals in the test against chance); trigger_rate
        (share of them with an event within the window); p, and q, adjusted for the number of groups
        tested (false discovery rate). claim says what q allows. Fewer than 20 signals are only
        counted: the median of a group with a smaller n, and trigger_rate, p and q of one with a
        smaller n_tested, are missing.
    lead_times, coincidence
        The results for all signals together; `lead_times` also holds those of each group, and the
        log-rank test.
    assumptions
        What was not stated and is assumed for both results, in sentences.
    """

    by: str
    table: pd.DataFrame
    lead_times: LeadTimes
    coincidence: Coincidence
    assumptions: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Caveats, in sentences that begin with the result that they belong to."""
        parts = {"Lead times": self.lead_times, "Test against chance": self.coincidence}
        own = (f"{name}: {line}" for name, part in parts.items() for line in part.warnings)
        return (*self.assumptions, *own)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per group."""
        return self.table.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values; durations are ISO 8601 text, NaN is None."""
        test = self.lead_times.log_rank
        return {
            "by": self.by,
            "groups": to_json_records(self.table),
            "log_rank": None if test is None else test.to_dict(),
            "warnings": list(self.warnings),
            "sentence": self.sentence(),
        }

    def sentence(self) -> str:
        """Return the results for all signals, and the groups for which a claim can be made."""
        return f"{self.lead_times.sentence()} {self.coincidence.sentence()} {self._by_group()}"

    def _by_group(self) -> str:
        head = f"By {self.by}:"
        tested = self.table[self.table["claim"] != TOO_FEW]
        if not self.coincidence.n_events:
            return f"{head} there is no event to test."
        if self.coincidence.has_one_place:
            return f"{head} the signals name one place, too few to test."
        if tested.empty:
            return f"{head} no group has the {MIN_SIGNALS} signals that a test needs."
        more = tested[tested["claim"] == MORE]
        groups = "One group has" if len(tested) == 1 else f"{len(tested)} groups have"
        enough = f"{groups} at least {MIN_SIGNALS} signals"
        if more.empty:
            return f"{head} {enough}; for none can a lead be claimed{self._level()}."
        names = [
            f"{group} (q = {q:.2g})" for group, q in zip(more["group"], more["q"], strict=True)
        ]
        if len(names) > _MAX_NAMED:
            names[_MAX_NAMED:] = [f"{len(names) - _MAX_NAMED} more"]
        tests = number_in_words(len(tested))
        adjusted = "" if len(tested) == 1 else f", adjusted for {tests} tests"
        return f"{head} {enough}; more than chance in {', '.join(names)}{adjusted}."

    def _level(self) -> str:
        """Return how small q must be in a repeated test, if a single test had a claim."""
        level = self.coincidence.level
        if not (self.table["q"] <= LEVEL).any() or level >= LEVEL:
            return ""
        return f", because the test is repeated: q must be at most {level:.2g}"

    def figure(self) -> go.Figure:
        """Draw the median lead of each group, and the share of its signals that were followed."""
        from foxgrape.plots.groups import groups_figure

        return groups_figure(self)

    def window_in_words(self) -> str:
        """Return the window of the test against chance in words.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> open_study().analyse().by("kind", n=99).window_in_words()
        'within 7 days'
        """
        return window_in_words(self.coincidence.window, len(self.coincidence.windows))


def group_signals(analysis: Analysis, by: str, options: dict[str, Any]) -> Groups:
    """Return the results of an analysis by group of signals; see `Analysis.by`.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> groups = group_signals(open_study().analyse(), "month", {"n": 99})
    >>> groups.table["group"].tolist()
    ['2022-09', '2022-11', '2023-09']
    """
    signals = with_month(analysis.signals, analysis.study.timezone)
    if by not in signals:
        hint = did_you_mean(by, map(str, signals.columns))
        raise FoxgrapeError("signals have no such column", got=by, hint=hint)
    # Places may share a name, so their ids make the groups and names only label them.
    column = "place_id" if by == "place" else by
    of_leads = column
    # Leads have the groups of the test against chance, also that of signals without a value.
    if signals[column].isna().any():
        values = signals[column].astype("object")
        signals[_GROUP] = values.where(values.notna(), "none").astype("str")
        of_leads = _GROUP
    leads = lead_times(analysis.links, by=of_leads, signals=signals)
    chance = analysis.coincidence(by=column, **options)
    table = _leads_table(leads).merge(_chance_table(chance), on="group", how="outer")
    counts = ["n", "n_followed", "n_censored", "n_tested"]
    table[counts] = table[counts].fillna(0).astype("int64")
    table["claim"] = table["claim"].fillna(TOO_FEW)
    table = table[table[["n", "n_tested"]].any(axis=1)]
    if by == "place":
        table = table.assign(group=_place_names(table["group"], signals))
    table = table.sort_values("group", ignore_index=True)
    return Groups(by, table, leads, chance, tuple(guessed_end(analysis)))


def with_month(signals: pd.DataFrame, timezone: str) -> pd.DataFrame:
    """Return the signals with the month of each post, such as 2022-09, in a time zone.

    A post that was edited belongs to the month in which it was posted.

    Examples
    --------
    >>> posted = pd.to_datetime(["2022-08-31T21:30Z", "2022-08-31T20:30Z"])
    >>> with_month(pd.DataFrame({"posted_at": posted}), "Europe/Kyiv")["month"].tolist()
    ['2022-09', '2022-08']
    """
    months = signals["posted_at"].dt.tz_convert(timezone).dt.strftime("%Y-%m")
    return signals.assign(**{MONTH: months.astype("str")})


def _leads_table(leads: LeadTimes) -> pd.DataFrame:
    rows = [
        {
            "group": name,
            "n": group.n,
            "n_followed": group.n_observed,
            "n_censored": group.n_censored,
            "median": group.median,
            "median_low": group.median_ci[0],
            "median_high": group.median_ci[1],
        }
        for name, group in leads.groups.items()
    ]
    columns = ["group", "n", "n_followed", "n_censored", "median", "median_low", "median_high"]
    table = pd.DataFrame(rows, columns=pd.Index(columns)).astype({"group": "str"})
    for name in columns[4:]:
        # A column without any median would otherwise hold dates.
        table[name] = pd.to_timedelta([row[name] for row in rows]).astype("timedelta64[us]")
    return mask_few(table, table["n"], columns[4:])


def _chance_table(chance: Coincidence) -> pd.DataFrame:
    """Return the test of each group, with p and q only where there are enough signals."""
    groups = mask_few(chance.groups, chance.groups["n_signals"], ["trigger_rate", "p_trigger"])
    q = groups["p_adjusted"]
    # The claim follows the same rules as that of all signals, with q instead of p.
    claims = [
        chance.claim_of(float(adjusted), int(n))
        for adjusted, n in zip(q, groups["n_signals"], strict=True)
    ]
    return pd.DataFrame(
        {
            "group": groups["group"].astype("str"),
            "n_tested": groups["n_signals"],
            "trigger_rate": groups["trigger_rate"],
            "p": groups["p_trigger"],
            "q": q,
            "claim": pd.Series(claims, dtype="str"),
        }
    )


def _place_names(ids: pd.Series, signals: pd.DataFrame) -> pd.Series:
    """Return the name of each place, with its id where several places share the name."""
    known = signals.dropna(subset=["place_id"]).drop_duplicates("place_id").set_index("place_id")
    names = ids.map(known["place"]).fillna(ids)
    shared = names.duplicated(keep=False)
    return names.where(~shared, names + " (" + ids + ")").astype("str")
