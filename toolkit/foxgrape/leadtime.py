"""How long before its event did a signal come? Kaplan–Meier estimates that keep the censored."""

from __future__ import annotations

import html
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape import tables, times
from foxgrape.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    import plotly.graph_objects as go

__all__ = ["LeadTimes", "duration_in_words", "lead_in_words", "lead_times"]

_DAY = pd.Timedelta(days=1)
_LEVEL = 0.95


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
    median
        Kaplan–Meier median lead, each rough lead taken at the middle of its interval; NaT when
        more than half of the signals still wait.
    median_bounds
        The same median with every rough lead at its shortest and at its longest.
    median_ci
        95% interval for the median (log-log), which also pays for roughness: its lower end is
        that of the shortest leads, its upper end that of the longest. NaT: no such bound.
    survival
        One row a distinct lead: time (Timedelta), survival (share of signals still waiting),
        lower, upper (95% pointwise band, log-log), at_risk, events, censored.
    shortest, longest
        The same curve with every rough lead at its shortest and at its longest.
    clock
        ``confirmed`` or ``occurred``; empty when there is no link.
    groups
        With `by`, the same for each group.
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

    def quantile(self, p: float) -> pd.Timedelta:
        """Return the lead by which a share `p` of the signals had their event; NaT if never.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> open_study().analyse().lead_times.quantile(0) >= pd.Timedelta(0)
        True
        """
        if not 0 <= p <= 1:
            raise ValueError(f"a quantile lies between 0 and 1, not {p}")
        return _quantile(self.survival, p)

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
            "groups": {name: group.to_dict() for name, group in self.groups.items()},
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each group, or one for all signals where there are no groups."""
        rows = []
        for name, part in (self.groups or {"all": self}).items():
            row = part.to_dict()
            del row["groups"]
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
        from foxgrape.figures import survival  # noqa: PLC0415 - plotly is not needed to estimate

        return survival(self)

    def _repr_html_(self) -> str:
        shown = self.to_frame().to_html(index=False, border=0)
        return f"<p>{html.escape(self.sentence())}</p>{shown}"


def lead_times(links: pd.DataFrame, *, by: str | None = None) -> LeadTimes:
    """Estimate how long before their events signals came, counting those that still wait.

    Signals without an event are right-censored at the time for which they were watched: leaving
    them out would make leads look short and hints look sure. Links that are hindsight, and posts
    that followed their event, are no leads: they are counted apart.

    Parameters
    ----------
    links
        The links table, of one clock.
    by
        Name of a column of `links` (join signals or events for more); each of its values becomes
        a group.

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
    its share (Klein and Moeschberger 2003, ch. 4); the interval of the median inverts the log-log
    band in the same way (Brookmeyer and Crowley 1982).

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
    links = tables.check(links, "links")
    clocks = links["clock"].unique().tolist()
    if len(clocks) > 1:
        raise TableError("the links mix clocks", column="clock", expected="one", got=clocks)
    if by is None:
        return _estimate(links, {})
    if by not in links:
        raise TableError.missing_column(by, links.columns, table="links")
    parts = links.groupby(by, observed=True, sort=True)
    return _estimate(links, {str(name): _estimate(part, {}) for name, part in parts})


def duration_in_words(duration: pd.Timedelta) -> str:
    """Say a duration to the precision that a reader can use.

    Examples
    --------
    >>> for text in ("1D 23:59:59.999999", "1us", "-7h", "1D 6h"):
    ...     print(duration_in_words(pd.Timedelta(text)))
    2 days
    just above zero
    −7 hours
    1 day 6 hours
    """
    sign = "\N{MINUS SIGN}" if duration < pd.Timedelta(0) else ""
    size = abs(duration)
    if size == pd.Timedelta(0):
        return "zero"
    if size < pd.Timedelta(minutes=1):
        return "just below zero" if sign else "just above zero"
    if size < pd.Timedelta(minutes=59.5):
        return f"{sign}{_counted(round(size.total_seconds() / 60), 'minute')}"
    days, hours = divmod(round(size.total_seconds() / 3600), 24)
    if size >= pd.Timedelta(days=10):
        days, hours = round(size / _DAY), 0
    parts = [_counted(days, "day")] if days else []
    parts += [_counted(hours, "hour")] if hours else []
    return f"{sign}{' '.join(parts)}"


def lead_in_words(row: Any) -> str:
    """Say the lead of one row of `Analysis.table`; a censored one as more than it was watched."""
    if not row.observed:
        return f"more than {duration_in_words(row.lead_min)}"
    low, high = duration_in_words(row.lead_min), duration_in_words(row.lead_max)
    return low if low == high else f"{low} to {high}"


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _estimate(links: pd.DataFrame, groups: Mapping[str, LeadTimes]) -> LeadTimes:
    hindsight = links["hindsight"]
    follows = (links["relation"] == "follows") & ~hindsight
    counted = links[~hindsight & ~follows]
    observed = counted["observed"].to_numpy()
    short = times.in_days(counted["lead_min"]).clip(lower=0).to_numpy()
    long = np.where(observed, times.in_days(counted["lead_max"]).clip(lower=0), short)
    curves = [_curve(days, observed) for days in ((short + long) / 2, short, long)]
    return LeadTimes(
        n=len(counted),
        n_observed=int(observed.sum()),
        n_censored=int((~observed).sum()),
        n_undetermined=int((counted["relation"] == "undetermined").sum()),
        n_hindsight=int(hindsight.sum()),
        n_follows=int(follows.sum()),
        median=_quantile(curves[0], 0.5),
        median_bounds=(_quantile(curves[1], 0.5), _quantile(curves[2], 0.5)),
        median_ci=(_quantile(curves[1], 0.5, "lower"), _quantile(curves[2], 0.5, "upper")),
        survival=curves[0],
        shortest=curves[1],
        longest=curves[2],
        clock=str(links["clock"].iloc[0]) if len(links) else "",
        groups=groups,
    )


def _curve(leads: npt.NDArray[np.float64], observed: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Return the Kaplan–Meier curve of leads in days, one row a distinct time."""
    from scipy.stats import CensoredData, ecdf  # noqa: PLC0415 - 1.5 s

    at = np.unique(leads)
    share, lower, upper = np.ones(len(at)), np.ones(len(at)), np.ones(len(at))
    if observed.any():
        fit = ecdf(CensoredData.right_censored(leads, ~observed)).sf
        share = fit.evaluate(at)
        with warnings.catch_warnings():
            # scipy warns where the band is undefined; those places are filled below.
            warnings.simplefilter("ignore", RuntimeWarning)
            band = fit.confidence_interval(_LEVEL, method="log-log")
        # The log-log band is not defined where the curve is 1 or 0: before the first event both
        # edges are 1; once no signal waits the lower one is 0 and the upper one stays.
        inside = (share > 0) & (share < 1)
        low, high = band.low.evaluate(at), band.high.evaluate(at)  # type: ignore[attr-defined, unused-ignore]
        lower = np.where(inside, low, share)
        upper = np.minimum.accumulate(np.where(inside, high, 1.0))
    return pd.DataFrame(
        {
            "time": pd.to_timedelta(at, unit="D").astype("timedelta64[us]"),
            "survival": share,
            "lower": lower,
            "upper": upper,
            "at_risk": [int((leads >= time).sum()) for time in at],
            "events": [int(((leads == time) & observed).sum()) for time in at],
            "censored": [int(((leads == time) & ~observed).sum()) for time in at],
        }
    )


def _quantile(curve: pd.DataFrame, p: float, of: str = "survival") -> pd.Timedelta:
    """Return the first time at which the curve, or an edge of its band, is down to 1 - p."""
    reached = curve.loc[curve[of] <= 1 - p + 1e-12, "time"]
    return reached.iloc[0] if len(reached) else pd.NaT  # type: ignore[return-value]


def _iso(duration: pd.Timedelta) -> str | None:
    return None if pd.isna(duration) else duration.isoformat()
