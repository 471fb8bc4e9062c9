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
    number_in_words,
    sentence_with_table,
)
from foxgrape.errors import FoxgrapeError, TableError
from foxgrape.linking import order_on_clock
from foxgrape.stats.inputs import MIN_SIGNALS
from foxgrape.stats.survival import turnbull as npmle
from foxgrape.stats.survival.counted_leads import (
    counted_leads,
    middle_of_leads,
    reason_left_out,
)
from foxgrape.stats.survival.kaplan_meier import (
    fit_parametric,
    kaplan_meier,
    log_rank,
    quantile,
    restricted_mean,
    validate_probability,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import plotly.graph_objects as go

    from foxgrape._util.typing import BoolArray, FloatArray
    from foxgrape.stats.survival.kaplan_meier import LogRank, RestrictedMean
    from foxgrape.stats.survival.turnbull import Turnbull

#: Observed leads are wide if the mean width of their intervals exceeds this share of their mean. In
#: simulation (100 signals, median 5 days, events known to the week or to 30 days) the median at
#: mid-interval is then 9% to 120% too long, Turnbull's at most 10%. With narrower ones both are
#: off by at most 4%, and Turnbull's varies more.
_WIDE = 0.5
#: Maximum size of the problem, signals times distinct intervals, for Turnbull's estimate: a second.
_MAX_TURNBULL = 200_000
KAPLAN_MEIER, TURNBULL = "Kaplan–Meier", "Turnbull"

__all__ = ["LeadTimes", "lead_times"]


@dataclass(frozen=True, slots=True, eq=False)
class LeadTimes:
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
        Number of signals left out because they were posted at or after the end of observation.
    median
        Median lead; NaT when it is not reached, because fewer than half of the signals had an
        event.
    median_bounds
        Smallest and largest of the medians with all rough leads at their shortest, middle or
        longest value, and of those that Turnbull's estimate allows if it is the method.
    median_ci
        95% interval of the median (log-log), widened for rough times: from the smallest lower to
        the largest upper bound of these three curves. NaT where there is no bound.
    method
        Estimator of the median and the quantiles: ``Kaplan–Meier``, with each rough lead at the
        middle of its interval; or ``Turnbull``, for which a lead is anywhere in its interval, if
        the intervals are wide compared with the leads. Its median is the middle of the interval
        that the estimate leaves open.
    survival
        One row per distinct lead: time (Timedelta), survival (share of signals without an event so
        far), lower, upper (95% pointwise band, log-log), at_risk, events, censored. Each rough
        lead is at the middle of its interval.
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
        signal, both are its observation time; if its event may lie beyond the horizon, its
        shortest lead and the horizon), observed.
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
        if 0 < self.n < MIN_SIGNALS:
            are = "is" if self.n == 1 else "are"
            warnings.append(f"{counted(self.n, 'signal')} {are} too few for a reliable lead time.")
        if self.n_undetermined:
            warnings.append(self._undetermined())
        if self.n_beyond:
            warnings.append(
                f"For {counted(self.n_beyond, 'signal')} the event may lie beyond the horizon; "
                f"{'it counts' if self.n_beyond == 1 else 'they count'} as right-censored there."
            )
        if self.method == KAPLAN_MEIER and len(self.leads) and _are_wide(*self._days()):
            warnings.append(
                "The times are rough, and the signals too many for Turnbull's estimate: each lead "
                "counts with the middle of its interval, which biases the median."
            )
        if self.n_unfollowed:
            was = "was" if self.n_unfollowed == 1 else "were"
            warnings.append(
                f"{counted(self.n_unfollowed, 'signal')} posted after the end of observation "
                f"{was} left out."
            )
        return tuple(warnings)

    def quantile(self, p: float) -> pd.Timedelta:
        """Return the lead by which a share `p` of the signals had their event; NaT if not reached.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> open_study().analyse().lead_times.quantile(0) >= pd.Timedelta(0)
        True
        """
        if self.method == TURNBULL:
            return _middle(self.turnbull().quantile(p))
        return quantile(self.survival, validate_probability(p))

    def quantile_ci(self, p: float) -> tuple[pd.Timedelta, pd.Timedelta]:
        """Return the 95% interval of `quantile`, widened for rough times; NaT for no bound.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> leads = open_study().analyse().lead_times
        >>> leads.quantile_ci(0.5) == leads.median_ci
        True
        """
        curves = [self.shortest, self.survival, self.longest]
        low, high = _quantile_range(curves, validate_probability(p), "lower", "upper")
        if self.method == KAPLAN_MEIER:
            return low, high
        return _widen((low, high), self.turnbull().quantile(p))

    def restricted_mean(self, horizon: str | pd.Timedelta | None = None) -> RestrictedMean:
        """Return the mean lead, with longer leads counted as `horizon`.

        The default horizon is the last time of the survival curve: the longest lead or observation
        time. To compare groups, use the same horizon for all. Each rough lead is at the middle of
        its interval.

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
        return restricted_mean(self.survival, times.parse_duration(end, "horizon"))

    def turnbull(self) -> Turnbull:
        """Return Turnbull's estimate, which treats rough leads as interval-censored.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> leads = open_study().analyse().lead_times
        >>> leads.turnbull().n == leads.n
        True
        """
        short, long, observed = self._days()
        return npmle.turnbull(short, np.where(observed, long, np.inf))

    def fits(self) -> pd.DataFrame:
        """Return Weibull and log-normal fits, to check the survival curve; see `fit_parametric`.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> open_study().analyse().lead_times.fits().columns[0]
        'law'
        """
        return fit_parametric(*self._days())

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
        return pd.DataFrame(rows)

    def sentence(self) -> str:
        """Return the estimate in words."""
        if self.n == 0:
            return "There is no signal with a lead time (n = 0)."
        counts = f"n = {self.n:,}, {self.n_censored:,} right-censored"
        if self.method == TURNBULL:
            counts += "; Turnbull's estimate, because the times are rough"
        until = "confirmation" if self.clock == "confirmed" else "event"
        rough = f" {self._undetermined()}" if self.n_undetermined else ""
        if pd.isna(self.median):
            watched = duration_in_words(self.survival["time"].iloc[-1])
            return (
                f"No median: fewer than half of the signals had an event within {watched} "
                f"({counts}).{rough}"
            )
        low, high = (
            _bound(bound, missing)
            for bound, missing in zip(self.median_ci, ("0", "unlimited"), strict=True)
        )
        median, few = duration_in_words(self.median), ""
        if self.n < MIN_SIGNALS:
            are = "signal is" if self.n == 1 else "signals are"
            median, few = f"about {median}", f", but {number_in_words(self.n)} {are} too few to say"
        return (
            f"Median time from post to {until}: {median}{few} "
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

    def _repr_html_(self) -> str:
        return sentence_with_table(self.sentence(), self.to_frame(), self.warnings)


def lead_times(
    links: pd.DataFrame,
    *,
    by: str | list[str] | None = None,
    signals: pd.DataFrame | None = None,
    hindsight: bool = False,
) -> LeadTimes:
    """Estimate the distribution of lead times from signals to their events.

    Signals without an event are right-censored at the end of their observation time: if they were
    left out, leads would look too short and signals too reliable. A lead whose interval reaches
    beyond the horizon is censored at the horizon. Links that are hindsight, posts that came after
    their event on the clock of the links, and posts after the end of observation, are left out and
    counted.

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
    hindsight
        Whether to count links that are hindsight.

    Returns
    -------
    LeadTimes

    Raises
    ------
    TableError
        If `links` breaks its schema, mixes clocks or lacks the column `by`.

    Notes
    -----
    Kaplan–Meier estimate (1958), computed by scipy. The quantile of p is the first time at which
    the curve is at most 1 - p (Klein and Moeschberger 2003, ch. 4); its interval inverts the
    log-log band in the same way (Brookmeyer and Crowley 1982). Curve, restricted mean and log-rank
    test use the middle of each rough lead's interval. If the intervals of the observed leads are on
    average wider than half of the mean lead, median and quantiles are those of Turnbull's estimate
    (1976), which uses the intervals themselves.

    Examples
    --------
    >>> days = pd.to_timedelta([1, 2, 3, 30], unit="D")
    >>> links = pd.DataFrame({"signal_id": list("abcd"), "event_id": ["e", "f", "g", None],
    ...     "place_id": "geonames:1", "clock": "confirmed", "lead_min": days, "lead_max": days,
    ...     "observed": [True, True, True, False], "hindsight": False,
    ...     "relation": ["precedes"] * 3 + ["unconfirmed"]})
    >>> lead_times(links).median
    Timedelta('2 days 00:00:00')
    """
    links = schemas.validate(links, "links")
    if by is None:
        return _estimate(links, hindsight)
    names = [by] if isinstance(by, str) else list(by)
    if signals is not None:
        known = schemas.validate(signals, "signals", fill=True)
        more = [name for name in known.columns if name not in links]
        links = links.merge(known[["signal_id", *more]], on="signal_id", how="left")
    for name in names:
        if name not in links:
            raise TableError.missing_column(name, links.columns, table="links")
    parts = links.groupby(names, observed=True, sort=True)
    groups = {", ".join(map(str, key)): _estimate(part, hindsight) for key, part in parts}
    return replace(_estimate(links, hindsight), groups=groups, log_rank=_log_rank(groups))


def _estimate(links: pd.DataFrame, hindsight: bool) -> LeadTimes:
    kept, leads = counted_leads(links, hindsight=hindsight)
    left_out = reason_left_out(links, hindsight=hindsight).value_counts()
    observed = leads["observed"].to_numpy()
    short, long = (times.in_days(leads[end]).to_numpy() for end in ("shortest", "longest"))
    # With all leads at their shortest, a lead that may lie beyond the horizon lies within it.
    curves = [
        kaplan_meier(short, observed | (short < long)),
        kaplan_meier(middle_of_leads(leads), observed),
        kaplan_meier(long, observed),
    ]
    undetermined = (order_on_clock(kept) == "undetermined") & leads["observed"]
    result = LeadTimes(
        n=len(kept),
        n_observed=int(observed.sum()),
        n_censored=int((~observed).sum()),
        n_undetermined=int(undetermined.sum()),
        n_hindsight=int((kept if hindsight else links)["hindsight"].sum()),
        n_follows=int(left_out.get("follows", 0)),
        n_unfollowed=int(left_out.get("unfollowed", 0)),
        n_beyond=int((kept["observed"] & ~leads["observed"]).sum()),
        median=quantile(curves[1], 0.5),
        median_bounds=_quantile_range(curves, 0.5, "survival", "survival"),
        median_ci=_quantile_range(curves, 0.5, "lower", "upper"),
        survival=curves[1],
        shortest=curves[0],
        longest=curves[2],
        clock=str(links["clock"].iloc[0]) if len(links) else "",
        leads=leads.reset_index(drop=True),
    )
    if not _are_wide(short, long, observed):
        return result
    size = len(short) * npmle.n_intervals(short, np.where(observed, long, np.inf))
    return _with_turnbull(result) if size <= _MAX_TURNBULL else result


def _are_wide(short: FloatArray, long: FloatArray, observed: BoolArray) -> bool:
    """Return whether the intervals of the observed leads are wide compared with the leads."""
    width, middle = (long - short)[observed], ((long + short) / 2)[observed]
    return bool(width.sum() > _WIDE * middle.sum())


def _with_turnbull(leads: LeadTimes) -> LeadTimes:
    """Return the lead times with median and bounds by Turnbull's estimate."""
    bounds = leads.turnbull().quantile(0.5)
    return replace(
        leads,
        method=TURNBULL,
        median=_middle(bounds),
        median_bounds=_widen(leads.median_bounds, bounds),
        median_ci=_widen(leads.median_ci, bounds),
    )


def _middle(bounds: tuple[pd.Timedelta, pd.Timedelta]) -> pd.Timedelta:
    """Return the middle of two bounds; NaT if the upper one is not reached."""
    low, high = bounds
    return low + (high - low) // 2


def _widen(
    bounds: tuple[pd.Timedelta, pd.Timedelta], more: tuple[pd.Timedelta, pd.Timedelta]
) -> tuple[pd.Timedelta, pd.Timedelta]:
    """Return bounds that contain both; NaT is no bound above."""
    lows = [low for low in (bounds[0], more[0]) if pd.notna(low)]
    end = max(bounds[1], more[1]) if pd.notna(bounds[1]) and pd.notna(more[1]) else pd.NaT
    return min(lows, default=pd.NaT), end  # type: ignore[return-value]


def _quantile_range(
    curves: list[pd.DataFrame], p: float, low: str, high: str
) -> tuple[pd.Timedelta, pd.Timedelta]:
    """Return the smallest and largest quantile of several curves; NaT where not reached.

    The curve of the shortest leads need not have the smallest quantile: a longer lead may end after
    other signals were censored, when fewer are at risk, and so lower the curve further.
    """
    lower, upper = ([quantile(curve, p, column) for curve in curves] for column in (low, high))
    reached = [lead for lead in lower if pd.notna(lead)]
    end = max(upper) if all(map(pd.notna, upper)) else pd.NaT
    return min(reached, default=pd.NaT), end  # type: ignore[return-value]


def _log_rank(groups: Mapping[str, LeadTimes]) -> LogRank | None:
    """Test whether the leads of the groups differ."""
    parts = {name: group._days() for name, group in groups.items() if group.n}  # noqa: SLF001
    if not parts:
        return None
    short, long, observed = (np.concatenate(side) for side in zip(*parts.values(), strict=True))
    return log_rank(
        short, long, observed, np.repeat([*parts], [len(part[0]) for part in parts.values()])
    )


def _bound(bound: pd.Timedelta, missing: str) -> str:
    if pd.isna(bound):
        return missing
    return duration_in_words(bound) if bound else "0"


def _iso(duration: pd.Timedelta) -> str | None:
    return None if pd.isna(duration) else duration.isoformat()
