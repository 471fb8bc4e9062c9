"""Lead times from signals to their events; signals without an event are right-censored."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape import schemas, times
from foxgrape._util.formatting import (
    counted,
    duration_in_words,
    happened,
    moment,
)
from foxgrape._util.result import Result
from foxgrape._util.small_numbers import are_few, mask_few, too_few
from foxgrape.errors import FoxgrapeError, TableError
from foxgrape.linking import order_on_clock
from foxgrape.stats.survival.counted_leads import counted_leads, reason_left_out
from foxgrape.stats.survival.estimates import KAPLAN_MEIER, TURNBULL, Leads, are_wide
from foxgrape.stats.survival.kaplan_meier import (
    fit_parametric,
    kaplan_meier,
    log_rank,
    validate_probability,
)
from foxgrape.stats.survival.turnbull import interval_log_rank
from foxgrape.stats.survival.turnbull import turnbull as npmle

if TYPE_CHECKING:
    from collections.abc import Mapping

    import plotly.graph_objects as go

    from foxgrape._util.typing import BoolArray, FloatArray
    from foxgrape.stats.survival.kaplan_meier import LogRank, RestrictedMean
    from foxgrape.stats.survival.turnbull import Turnbull

__all__ = ["LeadTimes", "lead_times"]

_INTERVAL = ("median_ci_low", "median_ci_high")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LeadTimes(Result):
    """Lead times of signals before their events, with signals without an event right-censored.

    Attributes
    ----------
    n, n_observed, n_censored
        Number of signals counted; of these, signals with an event; and right-censored signals.
    n_undetermined
        Signals whose times are too rough to tell whether they came before their event on the clock.
        Their shortest lead is zero; leaving them out would remove the shortest leads.
    n_beyond
        Right-censored signals whose event came within the horizon or after it: their times are too
        rough to tell.
    n_hindsight, n_follows
        Number of signals left out because their code was decoded only after the event, or because
        the post came after it on the clock. With `hindsight`, `n_hindsight` is the number of
        counted signals that are hindsight.
    n_unfollowed
        Number of signals left out because no events were recorded at their place when they were
        posted.
    median
        Median lead; NaT when it is not reached, because fewer than half of the signals had an
        event.
    median_bounds
        Smallest and largest of the medians with all rough leads at their shortest, middle or
        longest value, and of those that Turnbull's estimate allows if it is the method.
    median_ci
        95% interval of the median; NaT where it has no upper bound. It assumes that signals are
        independent, that observation ends for reasons unrelated to the lead, and that a rough time
        says no more than that it lies within its interval. Several signals of one event are not
        independent: the interval is then too narrow.
    method
        Estimator of the median, quantiles, curve and mean: ``Kaplan–Meier``, with each rough lead
        at the middle of its interval; or ``Turnbull``, for which a lead is anywhere in its
        interval, if the intervals are wide compared with the leads. Its curve is interpolated
        within the intervals that the estimate leaves open.
    survival
        The curve of the method, one row per time: time (Timedelta), survival (share of signals
        without an event so far), lower, upper (95% pointwise band), at_risk, events, censored.
        With ``Kaplan–Meier`` each rough lead is at the middle of its interval and the band is
        log-log; with ``Turnbull`` rows are joined by lines, and a lead leaves the signals at risk
        at its longest value.
    shortest, longest
        Survival curves with every rough lead at its shortest, or at its longest, value.
    clock
        ``confirmed`` or ``occurred``; empty without links.
    groups
        With `by`, the lead times of each group.
    log_rank
        With `by`, the log-rank test of whether the groups differ; None if they cannot be compared.
    leads
        One row per counted signal: signal_id, shortest, longest (Timedelta; for a right-censored
        signal, both are its observation time, from the middle of its rough time on; if its event
        may lie beyond the horizon, its shortest lead and the horizon), observed.
    """

    n: int
    n_observed: int
    n_censored: int
    n_undetermined: int
    n_hindsight: int
    n_follows: int
    median: pd.Timedelta
    median_bounds: tuple[pd.Timedelta, pd.Timedelta]
    median_ci: tuple[pd.Timedelta, pd.Timedelta]
    survival: pd.DataFrame
    shortest: pd.DataFrame
    longest: pd.DataFrame
    clock: str
    groups: Mapping[str, LeadTimes] = field(default_factory=dict)
    log_rank: LogRank | None = None
    leads: pd.DataFrame = field(default_factory=pd.DataFrame)
    n_unfollowed: int = 0
    n_beyond: int = 0
    method: str = KAPLAN_MEIER

    @property
    def warnings(self) -> tuple[str, ...]:
        """Caveats, in sentences."""
        warnings = []
        if self.n and are_few(self.n):
            warnings.append(f"{too_few(self.n, 'for a reliable lead time')}.")
        if self.n_undetermined:
            warnings.append(self._undetermined())
        if self.n_beyond:
            warnings.append(
                f"For {counted(self.n_beyond, 'signal')} the event may lie beyond the horizon; "
                f"{'it counts' if self.n_beyond == 1 else 'they count'} as right-censored there."
            )
        if self.method == KAPLAN_MEIER and len(self.leads) and are_wide(*self._days()):
            warnings.append(
                "The times are rough, and the signals too many for Turnbull's estimate: each lead "
                "counts with the middle of its interval, which biases the median."
            )
        if self.n_unfollowed:
            was = "was" if self.n_unfollowed == 1 else "were"
            warnings.append(
                f"{counted(self.n_unfollowed, 'signal')} {was} left out, because no events were "
                "recorded at that time and place."
            )
        return tuple(warnings)

    def median_in_words(self) -> str:
        """Return the median as a key figure: without a number if the signals are too few.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> open_study().analyse().lead_times.median_in_words()
        'too few signals'
        """
        if are_few(self.n):
            return "too few signals"
        return "not reached" if pd.isna(self.median) else duration_in_words(self.median)

    def quantile(self, p: float) -> pd.Timedelta:
        """Return the lead by which a share `p` of the signals had their event; NaT if not reached.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> open_study().analyse().lead_times.quantile(0) >= pd.Timedelta(0)
        True
        """
        return _duration(self._estimates().quantile(validate_probability(p)))

    def quantile_ci(self, p: float) -> tuple[pd.Timedelta, pd.Timedelta]:
        """Return the 95% interval of `quantile`; NaT for no upper bound.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> leads = open_study().analyse().lead_times
        >>> leads.quantile_ci(0.5) == leads.median_ci
        True
        """
        low, high = self._estimates().quantile_interval(validate_probability(p))
        return _duration(low), _duration(high)

    def quantile_of_followed(self, p: float) -> pd.Timedelta:
        """Return the lead by which a share `p` of the signals that were followed had their event.

        This describes the signals that an event followed within the time observed, and leaves the
        others out: it is shorter than `quantile`, and not the lead to expect of a signal. NaT if no
        signal was followed.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> leads = open_study().analyse().lead_times
        >>> leads.quantile_of_followed(0.5) <= leads.quantile_of_followed(1)
        True
        """
        if not self.n_observed:
            return pd.NaT  # type: ignore[return-value]
        followed = 1 - float(self.survival["survival"].iloc[-1])
        return _duration(self._estimates().quantile(validate_probability(p) * followed))

    def restricted_mean(self, horizon: str | pd.Timedelta | None = None) -> RestrictedMean:
        """Return the mean lead, with longer leads counted as `horizon`, by the estimator in use.

        The default horizon is the last time of the survival curve: the longest lead or observation
        time. To compare groups, use the same horizon for all.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> leads = open_study().analyse().lead_times
        >>> leads.restricted_mean("7D").mean < pd.Timedelta("7D")
        True
        """
        if self.n == 0:
            raise FoxgrapeError("the mean lead needs at least one signal; got none")
        end = self.survival["time"].iloc[-1] if horizon is None else horizon
        return self._estimates().restricted_mean(times.parse_duration(end, "horizon"))

    def turnbull(self, *, left_open: bool = False) -> Turnbull:
        """Return Turnbull's estimate, which treats rough leads as interval-censored.

        With `left_open`, a lead is longer than its shortest value, as in the intervals ``(L, R]``
        of textbooks; by default it may be equal to it.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> leads = open_study().analyse().lead_times
        >>> leads.turnbull().n == leads.n
        True
        """
        short, long, observed = self._days()
        return npmle(short, np.where(observed, long, np.inf), left_open=left_open)

    def fits(self) -> pd.DataFrame:
        """Return Weibull and log-normal fits, to check the survival curve; see `fit_parametric`.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> open_study().analyse().lead_times.fits().columns[0]
        'law'
        """
        return fit_parametric(*self._days())

    def _estimates(self) -> Leads:
        return Leads(*self._days(), self.method)

    def _days(self) -> tuple[FloatArray, FloatArray, BoolArray]:
        short, long = (times.in_days(self.leads[end]).to_numpy() for end in ("shortest", "longest"))
        return short, long, self.leads["observed"].to_numpy()

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values; durations are ISO 8601 text, None where unknown."""
        return {
            "clock": self.clock,
            "n": self.n,
            "n_observed": self.n_observed,
            "n_censored": self.n_censored,
            "n_undetermined": self.n_undetermined,
            "n_hindsight": self.n_hindsight,
            "n_follows": self.n_follows,
            "n_unfollowed": self.n_unfollowed,
            "n_beyond": self.n_beyond,
            "method": self.method,
            "median": _iso(self.median),
            "median_bounds": [_iso(value) for value in self.median_bounds],
            "median_ci": [_iso(value) for value in self.median_ci],
            "log_rank": None if self.log_rank is None else self.log_rank.to_dict(),
            "groups": {name: group.to_dict() for name, group in self.groups.items()},
            "warnings": list(self.warnings),
            "sentence": self.sentence(),
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row per group, or without groups a single row for all signals."""
        counts = ("clock", "n", "n_observed", "n_censored", "n_undetermined")
        rows = []
        for name, part in (self.groups or {"all": self}).items():
            row = {"group": name} | {column: getattr(part, column) for column in counts}
            row |= {"n_hindsight": part.n_hindsight, "n_follows": part.n_follows}
            row |= {"n_unfollowed": part.n_unfollowed, "n_beyond": part.n_beyond}
            row |= {"method": part.method, "median": part.median}
            for column in ("median_bounds", "median_ci"):
                row[f"{column}_low"], row[f"{column}_high"] = getattr(part, column)
            rows.append(row)
        table = pd.DataFrame(rows)
        for name in ("median", "median_bounds_low", "median_bounds_high", *_INTERVAL):
            # A column without any duration would otherwise hold dates.
            table[name] = pd.to_timedelta([row[name] for row in rows])
        return table

    def shown(self) -> pd.DataFrame:
        """Return the table to show to readers: without medians of few signals.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> bool(open_study().analyse().lead_times.shown()["median"].isna().all())
        True
        """
        table = self.to_frame()
        return mask_few(table, table["n"], table.columns[table.columns.str.startswith("median")])

    def sentence(self) -> str:
        """Return the estimate in words."""
        if self.n == 0:
            return "There is no signal with a lead time (n = 0)."
        counts = f"n = {self.n:,}, {self.n_censored:,} right-censored"
        if self.method == TURNBULL:
            counts += "; Turnbull's estimate, because the times are rough"
        until = moment(self.clock)
        rough = f" {self._undetermined()}" if self.n_undetermined else ""
        if are_few(self.n):
            few = too_few(self.n, "to say")
            few = few[0].lower() + few[1:]
            return f"Median time from post to {until}: {few} ({counts}).{rough}"
        if pd.isna(self.median):
            watched = duration_in_words(self.survival["time"].iloc[-1])
            return (
                f"No median: for fewer than half of the signals, an event {happened(self.clock)} "
                f"within {watched} ({counts}).{rough}"
            )
        low, high = (
            _bound(bound, missing)
            for bound, missing in zip(self.median_ci, ("0", "unlimited"), strict=True)
        )
        return (
            f"Median time from post to {until}: {duration_in_words(self.median)} "
            f"(95% interval: {low} to {high}; {counts}).{rough}"
        )

    def _undetermined(self) -> str:
        if self.n_undetermined == self.n_observed > 1:
            return f"For the {self.n_observed:,} with an event we cannot tell which came first."
        return (
            f"For {counted(self.n_undetermined, 'signal')} the times are too rough to say which "
            "came first."
        )

    def figure(self) -> go.Figure:
        """Draw the survival curve with its band and the number at risk."""
        from foxgrape.plots.signals import survival

        return survival(self)


def lead_times(
    links: pd.DataFrame,
    *,
    by: str | list[str] | None = None,
    signals: pd.DataFrame | None = None,
    hindsight: bool = False,
    follows: bool = False,
) -> LeadTimes:
    """Estimate the distribution of lead times from signals to their events.

    Signals without an event are right-censored at the end of their observation time: if they were
    left out, leads would look too short and signals too reliable. A lead whose interval reaches
    beyond the horizon is censored at the horizon. Links that are hindsight, posts that came after
    their event on the clock of the links, and posts outside observation, are left out and counted.

    Parameters
    ----------
    links
        The links table, with a single clock. Leads longer than its column `horizon`, which `link`
        writes, are censored; without the column no lead is.
    by
        Name, or names, of columns of `links` or `signals`, such as ``"code"``, ``"account"``,
        ``"kind"`` or ``"confidence"``. Each value defines a group, and a log-rank test compares the
        groups. Signals without a value are in no group.
    signals
        The signals table, whose columns are joined to the links by signal_id.
    hindsight, follows
        Whether to count links that are hindsight; and posts that came after their event on the
        clock, as right-censored, because no later event came within the horizon.

    Returns
    -------
    LeadTimes

    Raises
    ------
    TableError
        If `links` breaks its schema, mixes clocks or lacks the column `by`.

    Notes
    -----
    Kaplan–Meier estimate (1958), computed by scipy, with each rough lead at the middle of its
    interval. If the intervals of the observed leads are on average wider than half of this
    median, Turnbull's estimate (1976) is used, which is the maximum likelihood estimate from the
    intervals themselves. A quantile is the first lead at which the curve is below 1 - p, or the
    middle of the part in which it is equal (as R's survfit). Its interval is that of order
    statistics, extended to censored leads (the beta product of Fay, Brittain and Proschan 2013)
    and to rough leads (Cui, Hannig and Kosorok 2023). The log-rank test is Mantel's; with
    Turnbull's estimate it is the score test for interval-censored leads (Finkelstein 1986).

    Examples
    --------
    >>> days = pd.to_timedelta([1, 2, 3, 30], unit="D")
    >>> links = pd.DataFrame({"signal_id": list("abcd"), "event_id": ["e", "f", "g", None],
    ...     "place_id": "geonames:1", "clock": "confirmed", "lead_min": days, "lead_max": days,
    ...     "observed": [True, True, True, False], "hindsight": False,
    ...     "relation": ["precedes"] * 3 + ["unconfirmed"]})
    >>> lead_times(links).median
    Timedelta('2 days 12:00:00')
    """
    links = schemas.validate(links, "links")
    if by is None:
        return _estimate(links, hindsight, follows)
    names = [by] if isinstance(by, str) else list(by)
    if signals is not None:
        known = schemas.validate(signals, "signals", fill=True)
        more = [name for name in known.columns if name not in links]
        links = links.merge(known[["signal_id", *more]], on="signal_id", how="left")
    for name in names:
        if name not in links:
            raise TableError.missing_column(name, links.columns, table="links")
    parts = links.groupby(names, observed=True, sort=True)
    groups = {", ".join(map(str, key)): _estimate(part, hindsight, follows) for key, part in parts}
    return replace(_estimate(links, hindsight, follows), groups=groups, log_rank=_log_rank(groups))


def _estimate(links: pd.DataFrame, hindsight: bool, follows: bool) -> LeadTimes:
    kept, leads = counted_leads(links, hindsight=hindsight, follows=follows)
    left_out = reason_left_out(links, hindsight=hindsight).value_counts()
    observed = leads["observed"].to_numpy()
    short, long = (times.in_days(leads[end]).to_numpy() for end in ("shortest", "longest"))
    estimates = Leads.of(short, long, observed)
    # With all leads at their shortest, a lead that may lie beyond the horizon lies within it.
    extremes = [(short, observed | (short < long)), (long, observed)]
    medians = [estimates.quantile(0.5)]
    medians += [Leads(at, at, seen, KAPLAN_MEIER).quantile(0.5) for at, seen in extremes]
    if estimates.method == TURNBULL:
        middle = Leads(short, long, observed, KAPLAN_MEIER).quantile(0.5)
        open_bounds = estimates.turnbull.quantile(0.5)
        medians += [middle, *(_days_of(end) for end in open_bounds)]
    interval = estimates.quantile_interval(0.5) if len(kept) else (np.inf, np.inf)
    order = order_on_clock(kept)
    return LeadTimes(
        n=len(kept),
        n_observed=int(observed.sum()),
        n_censored=int((~observed).sum()),
        n_undetermined=int(((order == "undetermined") & leads["observed"]).sum()),
        n_hindsight=int(kept["hindsight"].sum() if hindsight else left_out.get("hindsight", 0)),
        n_follows=int(left_out.get("follows", 0)),
        n_unfollowed=int(left_out.get("unfollowed", 0)),
        n_beyond=int((kept["observed"] & ~leads["observed"] & (order != "after")).sum()),
        median=_duration(medians[0]),
        median_bounds=(_duration(min(medians)), _duration(max(medians))),
        median_ci=(_duration(interval[0]), _duration(interval[1])),
        survival=estimates.curve(),
        shortest=kaplan_meier(*extremes[0]),
        longest=kaplan_meier(*extremes[1]),
        method=estimates.method,
        clock=str(links["clock"].iloc[0]) if len(links) else "",
        leads=leads.reset_index(drop=True),
    )


def _duration(days: float) -> pd.Timedelta:
    """Return a duration; NaT for an infinite number of days."""
    return times.from_days(days) if np.isfinite(days) else pd.NaT  # type: ignore[return-value]


def _days_of(duration: pd.Timedelta) -> float:
    return np.inf if pd.isna(duration) else duration / pd.Timedelta(days=1)


def _log_rank(groups: Mapping[str, LeadTimes]) -> LogRank | None:
    """Test whether the leads of the groups differ."""
    parts = {name: group._days() for name, group in groups.items() if group.n}  # noqa: SLF001
    if not parts:
        return None
    short, long, observed = (np.concatenate(side) for side in zip(*parts.values(), strict=True))
    names = np.repeat([*parts], [len(part[0]) for part in parts.values()])
    test = interval_log_rank if Leads.of(short, long, observed).method == TURNBULL else log_rank
    return test(short, long, observed, names)


def _bound(bound: pd.Timedelta, missing: str) -> str:
    if pd.isna(bound):
        return missing
    return duration_in_words(bound) if bound else "0"


def _iso(duration: pd.Timedelta) -> str | None:
    return None if pd.isna(duration) else duration.isoformat()
