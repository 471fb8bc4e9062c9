"""Determine which links count as leads, and the bounds of each lead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from foxgrape import times
from foxgrape.errors import TableError
from foxgrape.linking import order_on_clock

if TYPE_CHECKING:
    from foxgrape._util.typing import FloatArray

__all__ = ["counted_leads", "middle_of_leads", "reason_left_out"]


def counted_leads(
    links: pd.DataFrame, *, hindsight: bool = False, follows: bool = False
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the links that count as leads, and the shortest and longest lead of each link.

    If the order of signal and event is uncertain, the shortest lead is zero. The lead of a
    right-censored signal is its observation time, from the middle of its rough time on: from its
    end, signals without an event would be observed for less time than those with one, and leads
    would look too short. If its event may lie beyond the horizon, the lead is between the shortest
    lead and the horizon. Hindsight is left out unless `hindsight`, and posts
    after their event unless `follows`: they are then right-censored, because no later event came.
    Posts that could not be followed at all are always left out.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> links, leads = counted_leads(open_study().analyse().links)
    >>> bool((leads["shortest"] <= leads["longest"]).all())
    True
    """
    clocks = links["clock"].unique().tolist()
    if len(clocks) > 1:
        raise TableError("links must have a single clock", column="clock", got=clocks)
    reason = reason_left_out(links, hindsight=hindsight)
    if follows:
        was_watched = _watched_most(links) > pd.Timedelta(0)
        reason = reason.mask((reason == "follows") & was_watched, "")
    kept = links[reason == ""]
    zero = pd.Timedelta(0)
    short = kept["lead_min"].where(kept["lead_min"] > zero, zero)
    long = kept["lead_max"].where(kept["lead_max"] > zero, zero).where(kept["observed"], short)
    horizon = _horizon(kept)
    observed = kept["observed"] & ~(long > horizon)
    long = long.mask(kept["observed"] & ~observed, horizon)
    after = order_on_clock(kept) == "after"
    least = short.where(~after, _watched(kept))
    middle = least + (_watched_most(kept).clip(lower=least) - least) / 2
    short, long = (lead.mask(after | ~kept["observed"], middle) for lead in (short, long))
    observed &= ~after
    leads = {"signal_id": kept["signal_id"], "shortest": short, "longest": long}
    return kept, pd.DataFrame({**leads, "observed": observed})


def _horizon(links: pd.DataFrame) -> pd.Series:
    return links.get("horizon", pd.Series(index=links.index, dtype="timedelta64[us]"))


def _watched(links: pd.DataFrame) -> pd.Series:
    """Return how long each signal was observed; zero in a table that `link` did not make."""
    zero = pd.Series(pd.Timedelta(0), index=links.index, dtype="timedelta64[us]")
    return links.get("watched", zero)


def _watched_most(links: pd.DataFrame) -> pd.Series:
    """Return how long each signal was observed at most; as `_watched` in a table without it."""
    least = _watched(links)
    return links.get("watched_max", least).fillna(least)


def middle_of_leads(leads: pd.DataFrame) -> FloatArray:
    """Return the middle of each lead's interval, or its censoring time, in days.

    Examples
    --------
    >>> days = pd.to_timedelta([1, 1], unit="D")
    >>> leads = pd.DataFrame({"shortest": days, "longest": 3 * days, "observed": [True, False]})
    >>> middle_of_leads(leads).tolist()
    [2.0, 3.0]
    """
    short, long = (times.in_days(leads[end]).to_numpy() for end in ("shortest", "longest"))
    middle: FloatArray = np.where(leads["observed"], (short + long) / 2, long)
    return middle


def reason_left_out(links: pd.DataFrame, *, hindsight: bool) -> pd.Series:
    """Return why each link is no lead: unfollowed, hindsight or follows; empty if it is one.

    If several reasons apply, this is the first of them: what was not observed is left out whatever
    events came before it, so that the number does not depend on the horizon.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> links = open_study().analyse().links
    >>> sorted(reason_left_out(links, hindsight=False).unique())
    ['', 'hindsight']
    """
    # A table that `link` did not make has no horizon, and its signals may be censored at zero.
    limited, zero = _horizon(links).notna(), pd.Timedelta(0)
    order = order_on_clock(links)
    unwatched = (links["lead_min"] <= zero) & ~(_watched_most(links) > zero) & limited
    claims = [
        order.isin(["no event", "after"]) & unwatched,
        links["hindsight"] & (not hindsight),
        order == "after",
    ]
    reasons = np.select(claims, ["unfollowed", "hindsight", "follows"], "")
    return pd.Series(reasons, index=links.index, dtype="str")
