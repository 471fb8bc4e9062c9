"""How long before its event did a signal come? Kaplan–Meier estimates that keep the censored."""

from __future__ import annotations

import html
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape import schemas, times
from foxgrape._util.formatting import duration_in_words
from foxgrape.errors import FoxgrapeError, TableError
from foxgrape.stats.survival.kaplan_meier import kaplan_meier, log_rank, quantile, restricted_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    import plotly.graph_objects as go

    from foxgrape.stats.survival.kaplan_meier import LogRank, RestrictedMean
    from foxgrape.stats.survival.turnbull import Turnbull

__all__ = ["LeadTimes", "counted_leads", "lead_times"]


@dataclass(frozen=True, slots=True, eq=False)
class LeadTimes:
    """Lead times of signals before their events, with the signals that still wait.

    Attributes
    ----------
    n, n_observed, n_censored
        Signals counted; those with an event; those right-censored. ``n`` is the sum of the two.
    n_undetermined
        How many of the observed may have come after the confirmation: their lead is counted from
        zero up, since dropping them would drop the shortest leads.
    n_hindsight, n_follows
        Left out, and shown: codes decoded only after the event, and posts that came after it.
        Where hindsight was asked to count, `n_hindsight` is how many of the counted are that.
    median
        Kaplan–Meier median lead, each rough lead taken at the middle of its interval; NaT when
        more than half of the signals still wait.
    median_bounds
        The least and greatest median with all rough leads at their shortest, middle or longest.
    median_ci
        95% interval for the median (log-log), which also pays for roughness: from the least lower
        end to the greatest upper end with all leads so. NaT: no such bound.
    survival
        One row a distinct lead: time (Timedelta), survival (share of signals still waiting),
        lower, upper (95% pointwise band, log-log), at_risk, events, censored.
    shortest, longest
        The same curve with every rough lead at its shortest and at its longest.
    clock
        ``confirmed`` or ``occurred``; empty when there is no link.
    groups
        With `by`, the same for each group.
    log_rank
        With `by`, the test of whether the groups differ; None where it cannot be made.
    leads
        One row a signal counted: signal_id, shortest, longest (Timedelta; for a right-censored
        signal both are how long it was watched), observed.
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

    def quantile(self, p: float) -> pd.Timedelta:
        """Return the lead by which a share `p` of the signals had their event; NaT if never.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> open_study().analyse().lead_times.quantile(0) >= pd.Timedelta(0)
        True
        """
        return quantile(self.survival, _share(p))

    def quantile_ci(self, p: float) -> tuple[pd.Timedelta, pd.Timedelta]:
        """Return the 95% interval of `quantile`, which pays for roughness; NaT for no bound.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> leads = open_study().analyse().lead_times
        >>> leads.quantile_ci(0.5) == leads.median_ci
        True
        """
        return _reach([self.shortest, self.survival, self.longest], _share(p), "lower", "upper")

    def restricted_mean(self, horizon: str | pd.Timedelta | None = None) -> RestrictedMean:
        """Return the mean lead, each counted up to `horizon`; rough leads at mid-interval.

        By default the horizon is the longest lead or watch, up to which the curve is known. To
        compare groups, give them one horizon.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> leads = open_study().analyse().lead_times
        >>> leads.restricted_mean("7D").mean < pd.Timedelta("7D")
        True
        """
        if self.n == 0:
            raise FoxgrapeError("no signal can be counted, so there is no mean")
        end = self.survival["time"].iloc[-1] if horizon is None else horizon
        return restricted_mean(self.survival, times.parse_duration(end, "horizon"))

    def turnbull(self) -> Turnbull:
        """Return the estimate that takes rough leads as the intervals they are.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> leads = open_study().analyse().lead_times
        >>> leads.turnbull().n == leads.n
        True
        """
        from foxgrape.stats.survival.turnbull import turnbull

        short, long, observed = self._days()
        return turnbull(short, np.where(observed, long, np.inf))

    def fits(self) -> pd.DataFrame:
        """Return Weibull and log-normal fits, a check on the curve; see `parametric`.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> open_study().analyse().lead_times.fits().columns[0]
        'law'
        """
        from foxgrape.stats.survival.parametric import fit_parametric

        return fit_parametric(*self._days())

    def _days(self) -> tuple[Any, Any, Any]:
        short, long = (times.in_days(self.leads[end]).to_numpy() for end in ("shortest", "longest"))
        return short, long, self.leads["observed"].to_numpy()

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate as plain values; durations are ISO 8601 text, None where unknown."""
        return {
            "clock": self.clock,
            "n": self.n,
            "n_observed": self.n_observed,
            "n_censored": self.n_censored,
            "n_undetermined": self.n_undetermined,
            "n_hindsight": self.n_hindsight,
            "n_follows": self.n_follows,
            "median": _iso(self.median),
            "median_bounds": [_iso(value) for value in self.median_bounds],
            "median_ci": [_iso(value) for value in self.median_ci],
            "log_rank": None if self.log_rank is None else self.log_rank.to_dict(),
            "groups": {name: group.to_dict() for name, group in self.groups.items()},
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each group, or one for all signals where there are no groups."""
        rows = []
        for name, part in (self.groups or {"all": self}).items():
            row = part.to_dict()
            del row["groups"], row["log_rank"]
            row["median"] = part.median
            for column in ("median_bounds", "median_ci"):
                row.pop(column)
                row[f"{column}_low"], row[f"{column}_high"] = getattr(part, column)
            rows.append({"group": name, **row})
        return pd.DataFrame(rows)

    def sentence(self) -> str:
        """Say the estimate in one sentence."""
        if self.n == 0:
            return "No signal can be counted (n = 0)."
        counted = f"n = {self.n}: {self.n_observed} with an event"
        if self.n_undetermined:
            counted += f" (the order cannot be told for {self.n_undetermined} of them)"
        counted += f", {self.n_censored} right-censored"
        if pd.isna(self.median):
            return f"The median lead is not reached, since most signals still wait ({counted})."
        low, high = self.median_ci
        lower = "no lower bound" if pd.isna(low) else duration_in_words(low)
        upper = "no upper bound" if pd.isna(high) else duration_in_words(high)
        return (
            f"Median lead on the {self.clock} clock {duration_in_words(self.median)} "
            f"(95% interval {lower} to {upper}; {counted})."
        )

    def figure(self) -> go.Figure:
        """Draw the survival curve with its band and the number at risk."""
        from foxgrape.plots.signals import survival

        return survival(self)

    def _repr_html_(self) -> str:
        shown = self.to_frame().to_html(index=False, border=0)
        return f"<p>{html.escape(self.sentence())}</p>{shown}"


def lead_times(
    links: pd.DataFrame,
    *,
    by: str | list[str] | None = None,
    signals: pd.DataFrame | None = None,
    hindsight: bool = False,
) -> LeadTimes:
    """Estimate how long before their events signals came, counting those that still wait.

    Signals without an event are right-censored at the time for which they were watched: leaving
    them out would make leads look short and hints look sure. Links that are hindsight, and posts
    that followed their event, are no leads: they are counted apart.

    Parameters
    ----------
    links
        The links table, of one clock.
    by
        Name, or names, of columns of `links` or `signals`, such as ``"code"``, ``"account"``,
        ``"kind"`` or ``"confidence"``; each value becomes a group, and a log-rank test tells
        whether groups differ. Signals without such a value are in no group.
    signals
        The signals table, whose columns are joined to the links by signal_id.
    hindsight
        Whether links that are hindsight count.

    Returns
    -------
    LeadTimes

    Raises
    ------
    TableError
        If `links` breaks its schema, mixes clocks or lacks the column `by`.

    Notes
    -----
    Kaplan and Meier (1958), by scipy. A quantile is the first time at which the curve is down to
    its share (Klein and Moeschberger 2003, ch. 4); its interval inverts the log-log band in the
    same way (Brookmeyer and Crowley 1982). Of a rough lead, the curve, the restricted mean and
    the log-rank test take the middle; `turnbull` takes the interval.

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
    whole = _estimate(links, hindsight)
    return replace(whole, groups=groups, log_rank=_compare(groups))


def counted_leads(
    links: pd.DataFrame, *, hindsight: bool = False
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the links that count as leads, and how long each is at its shortest and longest.

    A lead whose order is not certain counts from zero up. A right-censored signal is as long as it
    was watched. Hindsight does not count unless asked to, a post after its event never does.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> links, leads = counted_leads(open_study().analyse().links)
    >>> bool((leads["shortest"] <= leads["longest"]).all())
    True
    """
    clocks = links["clock"].unique().tolist()
    if len(clocks) > 1:
        raise TableError("the links mix clocks", column="clock", expected="one", got=clocks)
    apart = links["hindsight"] & (not hindsight)
    kept = links[~apart & (links["relation"] != "follows")]
    zero = pd.Timedelta(0)
    short = kept["lead_min"].where(kept["lead_min"] > zero, zero)
    long = kept["lead_max"].where(kept["lead_max"] > zero, zero).where(kept["observed"], short)
    told = {"signal_id": kept["signal_id"], "shortest": short, "longest": long}
    return kept, pd.DataFrame({**told, "observed": kept["observed"]})


def _share(p: float) -> float:
    if not 0 <= p <= 1:
        raise ValueError(f"a quantile lies between 0 and 1, not {p}")
    return p


def _estimate(links: pd.DataFrame, hindsight: bool) -> LeadTimes:
    counted, leads = counted_leads(links, hindsight=hindsight)
    observed = counted["observed"].to_numpy()
    short, long = (times.in_days(leads[end]).to_numpy() for end in ("shortest", "longest"))
    curves = [kaplan_meier(days, observed) for days in (short, (short + long) / 2, long)]
    follows = links["relation"] == "follows"
    return LeadTimes(
        n=len(counted),
        n_observed=int(observed.sum()),
        n_censored=int((~observed).sum()),
        n_undetermined=int((counted["relation"] == "undetermined").sum()),
        n_hindsight=int(links["hindsight"].sum() if not hindsight else counted["hindsight"].sum()),
        n_follows=int((follows & ~(links["hindsight"] & (not hindsight))).sum()),
        median=quantile(curves[1], 0.5),
        median_bounds=_reach(curves, 0.5, "survival", "survival"),
        median_ci=_reach(curves, 0.5, "lower", "upper"),
        survival=curves[1],
        shortest=curves[0],
        longest=curves[2],
        clock=str(links["clock"].iloc[0]) if len(links) else "",
        leads=leads.reset_index(drop=True),
    )


def _reach(
    curves: list[pd.DataFrame], p: float, low: str, high: str
) -> tuple[pd.Timedelta, pd.Timedelta]:
    """Return the least and the greatest quantile of some curves; NaT for one never reached.

    The shortest leads need not have the least: a lead that ends after others were watched to
    their end is one of fewer at risk, and the curve falls the deeper for it.
    """
    least, most = ([quantile(curve, p, of) for curve in curves] for of in (low, high))
    reached = [lead for lead in least if pd.notna(lead)]
    end = max(most) if all(map(pd.notna, most)) else pd.NaT
    return min(reached, default=pd.NaT), end  # type: ignore[return-value]


def _compare(groups: Mapping[str, LeadTimes]) -> LogRank | None:
    """Test whether the leads of the groups differ."""
    parts = {name: group._days() for name, group in groups.items() if group.n}  # noqa: SLF001
    if not parts:
        return None
    short, long, observed = (np.concatenate(side) for side in zip(*parts.values(), strict=True))
    return log_rank(
        short, long, observed, np.repeat([*parts], [len(part[0]) for part in parts.values()])
    )


def _iso(duration: pd.Timedelta) -> str | None:
    return None if pd.isna(duration) else duration.isoformat()
