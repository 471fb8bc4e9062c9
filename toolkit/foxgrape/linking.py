"""Link each signal to the event that it may refer to, and measure the lead between them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from foxgrape import schemas, times
from foxgrape.errors import FoxgrapeError, did_you_mean
from foxgrape.observation import OPEN, Coverage, Observation, last_instant, parse_bound

if TYPE_CHECKING:
    from datetime import datetime

    from foxgrape._util.typing import IntArray

__all__ = ["ORDERS", "are_leads", "confirmed_by_side", "link", "order_on_clock"]

#: Orders of a post and its event on the clock of a link; the last is that of a link without event.
ORDERS = ("before", "undetermined", "after", "no event")


def link(
    signals: pd.DataFrame,
    events: pd.DataFrame,
    *,
    horizon: str | pd.Timedelta = "30D",
    clock: times.Clock | None = None,
    observed_until: str | datetime | None = None,
    observed: Observation | None = None,
    confirmed_by: str | None = None,
    confirmations: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Link each signal to an event at its place and measure the lead between them.

    A signal is linked to the earliest event at its place that may come after it within the
    horizon; otherwise to the latest event before it within the horizon. If there is neither, the
    signal is right-censored: `lead_min` is the time observed without an event. An event after a gap
    in the observation does not count, since another one may have come in the gap.

    Parameters
    ----------
    signals, events
        The signals and events tables.
    horizon
        The longest time from a signal to its event, in either direction.
    clock
        Measure the lead to when the event was ``confirmed`` or when it ``occurred``. By default
        ``confirmed``, or ``occurred`` if no event has a confirmation.
    observed_until
        End of observation: an instant with an offset. By default the last instant in the events,
        because nothing shows that events were still recorded after it.
    observed
        When events were recorded, with gaps, kinds and places: a study's is ``study.observed``.
        With `observed_until`, it ends then.
    confirmed_by
        Use only confirmations by this side, ``"UA"`` or ``"RU"``; by default, use the events' own
        confirmations.
    confirmations
        The table of every side's confirmations, in addition to those in `events`; used with
        `confirmed_by` only. A study's table is ``study.confirmations``.

    Returns
    -------
    DataFrame
        The links table, one row per signal, in the order of the signals. The lead is between
        `lead_min` and `lead_max`, and positive if the post came first. `lead_max` is NaT for a
        right-censored signal; its `lead_min` is 0 if no events were recorded when it was posted.
        `watched` is how long it was observed, up to the horizon, whether or not an event came: at
        least, if the time of the post is rough; `watched_max` is how long at most.
        `relation` is the strongest order of post and event that their time intervals prove.
        `hindsight` is True if the code was first decoded in public after the event was confirmed,
        or, if no confirmation is recorded, after it occurred.
        `horizon` is the horizon, at which `foxgrape.lead_times` censors longer leads.

    Raises
    ------
    TableError
        If a table does not match its schema.
    FoxgrapeError
        If an option has a bad value.

    Examples
    --------
    >>> signals = pd.DataFrame({"signal_id": ["s"], "place_id": ["geonames:707292"],
    ...                         "posted_at": [pd.Timestamp("2022-09-10T12:00Z")]})
    >>> events = pd.DataFrame({"event_id": ["e"], "place_id": ["geonames:707292"],
    ...                        "occurred_at": [pd.Timestamp("2022-09-11T06:00Z")],
    ...                        "confirmed_at": [pd.Timestamp("2022-09-11T18:00Z")]})
    >>> link(signals, events)[["lead_min", "lead_max", "relation"]].iloc[0].tolist()
    [Timedelta('1 days 06:00:00'), Timedelta('1 days 06:00:00'), 'anticipates']
    """
    horizon_us = times.parse_duration(horizon, "horizon") // pd.Timedelta(1, "us")
    signals = signals_with_place(signals)
    events = schemas.validate(events, "events", fill=True)
    if clock is None and confirmed_by is not None:
        clock = "confirmed"
    clock = times.resolve_clock(events, clock)
    if confirmed_by is not None:
        events = confirmed_by_side(events, confirmations, confirmed_by)
    observed = _observation(observed, observed_until, events)
    followed, seen = _followed_until(signals, observed)
    event_rows = _nearest_events(signals, events, clock, horizon_us, observed, followed)
    return _make_links(signals, events, event_rows, clock, horizon_us, followed, seen)


def confirmed_by_side(
    events: pd.DataFrame, confirmations: pd.DataFrame | None, side: str
) -> pd.DataFrame:
    """Return the events with only one side's confirmations, missing where that side has none.

    If a side confirmed an event several times, use the confirmation with the earliest end.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> study = open_study()
    >>> kyiv = confirmed_by_side(study.events, study.confirmations, "UA").set_index("event_id")
    >>> kyiv.loc["izium-2022-09", "confirmed_at"]
    Timestamp('2022-09-10 21:00:00+0000', tz='UTC')
    """
    wanted = ["event_id", "confirmed_at", "confirmed_until", "confirmed_by"]
    tables = [events[wanted]]
    if confirmations is not None:
        tables.append(schemas.validate(confirmations, "confirmations", fill=True)[wanted])
    known = pd.concat(tables)
    own = known[(known["confirmed_by"] == side) & known["confirmed_at"].notna()]
    if own.empty:
        sides = set(known["confirmed_by"].dropna().astype(str))
        hints = ["pass confirmations=study.confirmations"] if confirmations is None else []
        hints += [did_you_mean(side, sides)] if sides else []
        raise FoxgrapeError(
            "no event was confirmed by this side",
            got=side,
            hint=", or ".join(hints) or "the events have no confirmations",
        )
    other = events["confirmed_by"].notna() & (events["confirmed_by"] != side)
    if confirmations is None and other.any():
        # The events table has only the first confirmation, so a later one by this side is unknown.
        warnings.warn(
            f"{other.sum()} of {len(events)} events were confirmed first by another side and count "
            f"as not confirmed by {side}; pass confirmations= to use its own confirmations",
            stacklevel=3,
        )
    first = own.sort_values(["confirmed_until", "confirmed_at"]).groupby("event_id").first()
    return events.drop(columns=wanted[1:]).merge(first, on="event_id", how="left")


def _observation(
    observed: Observation | None, observed_until: str | datetime | None, events: pd.DataFrame
) -> Observation:
    end = parse_bound(observed_until, "observed_until")
    if observed is None:
        return Observation((Coverage(observed_until=end or last_instant(events)),))
    return observed if end is None else observed.bounded(observed_until=end)


def _followed_until(signals: pd.DataFrame, observed: Observation) -> tuple[IntArray, IntArray]:
    """Return until when events were recorded after each post, and since when it may be watched.

    The first is `OPEN` if no event was recorded when it was posted. A rough time may begin before
    observation and end within it: the post may then be watched from its end on.
    """
    posted, posted_until = (
        times.microseconds(signals[f"posted_{side}"]) for side in ("at", "until")
    )
    first, last = (
        observed.followed_until(signals["place_id"], at) for at in (posted, posted_until)
    )
    begins = first != times.NAT
    followed = np.where(begins, first, last)
    return np.where(followed == times.NAT, OPEN, followed), np.where(begins, posted, posted_until)


def _nearest_events(
    signals: pd.DataFrame,
    events: pd.DataFrame,
    clock: str,
    horizon: int,
    observed: Observation,
    followed: IntArray,
) -> IntArray:
    """Return, for each signal, the row of the next event, else of the previous event, else -1.

    Only events at the place of the signal, within the horizon and within observation count; a next
    event must begin before the signal is `followed` no longer. Of several events at the same time,
    the one with the lowest id is used. Sorted tables are merged, because comparing every signal
    with every event at its place would take quadratic time.
    """
    at, until = (times.microseconds(events[f"{clock}_{side}"]) for side in ("at", "until"))
    place, names = pd.factorize(events["place_id"])
    rank = pd.factorize(events["event_id"], sort=True)[0]
    candidates = pd.DataFrame({"place": place, "at": at, "until": until, "rank": rank})
    candidates["event"] = np.arange(len(events))
    candidates = candidates[observed.overlaps(events["place_id"], at, until)]
    candidates = candidates.sort_values(["at", "until", "rank"])
    # The first event whose running maximum of ends is after a post is also the first event that
    # ends after the post, and the running maximum is sorted, as merge_asof requires.
    candidates["latest"] = candidates.groupby("place")["until"].cummax()
    posted, posted_until = (
        times.microseconds(signals[f"posted_{side}"]) for side in ("at", "until")
    )
    order = np.argsort(posted, kind="stable")
    place_of_signal, signal_names = pd.factorize(signals["place_id"])
    place = pd.Index(names).get_indexer(signal_names)[place_of_signal]
    posts = pd.DataFrame({"place": place[order], "posted": posted[order]})
    by_latest = candidates.sort_values("latest", kind="stable")
    by_end = candidates.sort_values(["until", "rank"], ascending=[True, False])
    after, before = (np.empty(len(signals), np.int64) for _ in range(2))
    after[order] = _merge_nearest(posts, by_latest, "latest", "forward")
    before[order] = _merge_nearest(posts, by_end, "until", "backward")
    # -1 (no event) reads the appended 0, which makes no difference: the result is -1 either way.
    at, until = (np.append(instants, 0) for instants in (at, until))
    near = (at[after] - posted_until <= horizon) & (at[after] <= followed)
    after = np.where(near, after, -1)
    before = np.where(posted - until[before] <= horizon, before, -1)
    return np.where(after >= 0, after, before)


def _merge_nearest(
    posts: pd.DataFrame,
    candidates: pd.DataFrame,
    column: str,
    direction: Literal["forward", "backward"],
) -> IntArray:
    """Return, for each post, the row of the nearest earlier or later event at its place, or -1.

    An event that ends at the instant of the post matches in both directions; `_nearest_events`
    treats it as an event after the post.
    """
    rows = pd.merge_asof(
        posts,
        candidates[[column, "place", "event"]],
        left_on="posted",
        right_on=column,
        by="place",
        direction=direction,
    )
    return rows["event"].fillna(-1).to_numpy(np.int64)


def _make_links(
    signals: pd.DataFrame,
    events: pd.DataFrame,
    event_rows: IntArray,
    clock: str,
    horizon: int,
    followed: IntArray,
    seen: IntArray,
) -> pd.DataFrame:
    """Return the links table for the signals and the rows of their events, -1 for no event."""
    observed = event_rows >= 0
    posted = tuple(times.microseconds(signals[f"posted_{side}"]) for side in ("at", "until"))
    # Signals without an event (-1) read the appended missing time; such values are masked below.
    occurred, confirmed = (
        tuple(
            np.append(times.microseconds(events[f"{name}_{side}"]), times.NAT)[event_rows]
            for side in ("at", "until")
        )
        for name in ("occurred", "confirmed")
    )
    at, until = confirmed if clock == "confirmed" else occurred
    watched, watched_max = (np.clip(followed - at, 0, horizon) for at in (posted[1], seen))
    lead_min = np.where(observed, at - posted[1], watched)
    lead_max = np.where(observed, until - posted[0], times.NAT)
    relations = times.relations(posted, occurred, confirmed)  # type: ignore[arg-type]
    relations[~observed] = times.RELATIONS.index("unconfirmed")
    decoded = times.microseconds(signals["decoded_at"])
    public = np.where(confirmed[1] == times.NAT, occurred[1], confirmed[1])
    hindsight = observed & (decoded != times.NAT) & (decoded > public)
    return pd.DataFrame(
        {
            "signal_id": signals["signal_id"],
            "event_id": events["event_id"].array.take(event_rows, allow_fill=True),
            "place_id": signals["place_id"],
            "clock": pd.array([clock], dtype="str").repeat(len(signals)),
            "lead_min": pd.Series(lead_min.astype("timedelta64[us]")),
            "lead_max": pd.Series(lead_max.astype("timedelta64[us]")),
            "observed": observed,
            "relation": pd.array(times.RELATIONS, dtype="str").take(relations),
            "hindsight": hindsight,
            "horizon": pd.Timedelta(horizon, unit="us"),
            "watched": pd.Series(watched.astype("timedelta64[us]")),
            "watched_max": pd.Series(watched_max.astype("timedelta64[us]")),
        }
    )


def signals_with_place(signals: pd.DataFrame) -> pd.DataFrame:
    """Return a validated signals table without the names that may mean several places.

    Warns with their number, if there are any.

    Examples
    --------
    >>> import warnings
    >>> day = pd.Timestamp("2022-09-10T12:00Z")
    >>> signals = pd.DataFrame({"signal_id": ["a", "b"], "place_id": ["geonames:707292", None],
    ...                         "posted_at": [day, day]})
    >>> with warnings.catch_warnings(record=True, action="always") as caught:
    ...     len(signals_with_place(signals))
    1
    >>> print(caught[0].message)
    1 of 2 signals is left out: a name that may mean several places; see the column candidates
    """
    signals = schemas.validate(signals, "signals", fill=True)
    has_place = signals["place_id"].notna()
    n_ambiguous = int((~has_place).sum())
    if not n_ambiguous:
        return signals
    verb = "is" if n_ambiguous == 1 else "are"
    warnings.warn(
        f"{n_ambiguous:,} of {len(signals):,} signals {verb} left out: a name that may mean "
        "several places; see the column candidates",
        stacklevel=3,
    )
    return signals[has_place].reset_index(drop=True)


def order_on_clock(links: pd.DataFrame) -> pd.Series:
    """Return the order of each link's post and event on the link's own clock, one of `ORDERS`.

    The relation names the strongest claim on either clock; a lead counts only what came before the
    clock that it was measured on. A post that `announces` its event, for instance, came before the
    confirmation and after the occurrence.

    Examples
    --------
    >>> links = pd.DataFrame({"observed": True, "relation": ["announces", "precedes"],
    ...                       "lead_min": pd.to_timedelta(["-2h", "-2h"]),
    ...                       "lead_max": pd.to_timedelta(["-1h", "1h"])})
    >>> order_on_clock(links).tolist()
    ['after', 'undetermined']
    """
    zero = pd.Timedelta(0)
    # An event is confirmed no earlier than it occurs: these two relations hold on both clocks, even
    # where a rough time on the clock alone would not prove them.
    after = (links["lead_max"] < zero) | (links["relation"] == "follows")
    before = (links["lead_min"] > zero) | (links["relation"] == "anticipates")
    claims = [~links["observed"], after, before]
    orders = np.select(claims, ["no event", "after", "before"], "undetermined")
    return pd.Series(orders, index=links.index, dtype="str")


def are_leads(links: pd.DataFrame) -> pd.Series:
    """Return which posts certainly came before their event on the clock, hindsight left out.

    Examples
    --------
    >>> links = pd.DataFrame({"observed": True, "relation": ["anticipates", "precedes"],
    ...                       "lead_min": pd.to_timedelta(["2h", "-2h"]), "hindsight": False,
    ...                       "lead_max": pd.to_timedelta(["3h", "1h"])})
    >>> are_leads(links).tolist()
    [True, False]
    """
    return (order_on_clock(links) == "before") & ~links["hindsight"]
