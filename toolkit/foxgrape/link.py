"""Link each signal to the event that it may have hinted at, and say what the times can prove."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from foxgrape import tables, times
from foxgrape.errors import FoxgrapeError, did_you_mean

if TYPE_CHECKING:
    from datetime import datetime

    import numpy.typing as npt

__all__ = ["confirmed_by_side", "link"]

_NEVER = np.iinfo(np.int64).min


def link(
    signals: pd.DataFrame,
    events: pd.DataFrame,
    *,
    horizon: str | pd.Timedelta = "30D",
    clock: times.Clock = "confirmed",
    observed_until: str | datetime | None = None,
    confirmed_by: str | None = None,
    confirmations: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Link each signal to the next event at its place: how long before, and is the order certain?

    A signal is linked to the earliest event at its place that may lie ahead of it within the
    horizon; failing that, to the latest one that it follows within the horizon; failing that, to
    none, and it is right-censored: it was watched for `lead_min` and no event came.

    Parameters
    ----------
    signals, events
        The signals and events tables. Not changed.
    horizon
        How long a signal waits for its event, and how long after one it is still read as
        following it.
    clock
        Count the lead to when the event was ``confirmed`` or when it ``occurred``.
    observed_until
        End of observation: an instant with its offset. By default the last instant that stands in
        the signals or events, since nothing is known of what came later.
    confirmed_by
        Count only confirmations by this side, ``"UA"`` or ``"RU"``; by default whoever was first.
    confirmations
        The confirmations table, which tells when each side confirmed; by default what a study
        attached to its events.

    Returns
    -------
    DataFrame
        The links table, one row a signal, in the order of the signals. ``lead > 0``: the post
        came first. The lead lies in [`lead_min`, `lead_max`]; `lead_max` is NaT for a
        right-censored signal. `relation` is the strongest claim that the intervals support.
        `hindsight`: the code was first decoded in public after this event was confirmed.

    Raises
    ------
    TableError
        If a table breaks its schema.
    FoxgrapeError
        If an option makes no sense.

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
    if clock not in times.CLOCKS:
        raise FoxgrapeError("no such clock", got=clock, hint=did_you_mean(clock, times.CLOCKS))
    wait = times.duration(horizon, "horizon") // pd.Timedelta(1, "us")
    if confirmations is None:
        attached = events.attrs.get("confirmations")
        confirmations = None if attached is None else pd.DataFrame(attached)
    signals = tables.check(signals, "signals", fill=True)
    events = tables.check(events, "events", fill=True)
    if confirmed_by is not None:
        events = confirmed_by_side(events, confirmations, confirmed_by)
    end = _end_of_observation(observed_until, signals, events)

    pairs = _pairs(signals, events, clock)
    pairs = pairs[_within(pairs, wait, end)]
    chosen = _nearest_ahead(pairs).set_index("signal").reindex(range(len(signals)))
    observed = chosen["event"].notna().to_numpy()
    return tables.check(_rows(signals, events, chosen, observed, clock, wait, end), "links")


def confirmed_by_side(
    events: pd.DataFrame, confirmations: pd.DataFrame | None, side: str
) -> pd.DataFrame:
    """Return the events as confirmed by one side; those it never confirmed have no confirmation.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> study = open_study()
    >>> kyiv = confirmed_by_side(study.events, study.confirmations, "UA").set_index("event_id")
    >>> kyiv.loc["izium-2022-09", "confirmed_at"]
    Timestamp('2022-09-10 21:00:00+0000', tz='UTC')
    """
    wanted = ["event_id", "confirmed_at", "confirmed_until", "confirmed_by"]
    known = [events[wanted]]
    if confirmations is not None:
        known.append(tables.check(confirmations, "confirmations", fill=True)[wanted])
    theirs = pd.concat(known)
    theirs = theirs[(theirs["confirmed_by"] == side) & theirs["confirmed_at"].notna()]
    if theirs.empty:
        sides = {str(name) for frame in known for name in frame["confirmed_by"].dropna()}
        raise FoxgrapeError(
            "nothing was confirmed by this side",
            got=side,
            hint=did_you_mean(side, sides) if sides else "the events have no confirmations",
        )
    first = theirs.sort_values(["confirmed_until", "confirmed_at"]).groupby("event_id").first()
    return events.drop(columns=wanted[1:]).merge(first, on="event_id", how="left")


def _end_of_observation(
    stated: str | datetime | None, signals: pd.DataFrame, events: pd.DataFrame
) -> int:
    if stated is not None:
        try:
            instant = times.exact(stated if isinstance(stated, str) else stated.isoformat())
        except ValueError:
            raise FoxgrapeError(
                "observed_until is no instant",
                expected="an instant with its offset, such as 2024-08-17T00:00:00Z",
                got=str(stated),
            ) from None
        return int(times.microseconds(pd.Series([instant]))[0])
    ends = [signals["posted_until"], events["occurred_until"], events["confirmed_until"]]
    return max(chain.from_iterable(times.microseconds(end).tolist() for end in ends), default=0)


def _pairs(signals: pd.DataFrame, events: pd.DataFrame, clock: str) -> pd.DataFrame:
    """Pair each signal with every event at its place; instants are integer microseconds."""
    left = pd.DataFrame(
        {
            "signal": np.arange(len(signals)),
            "place_id": signals["place_id"],
            "posted_at": times.microseconds(signals["posted_at"]),
            "posted_until": times.microseconds(signals["posted_until"]),
        }
    )
    right = pd.DataFrame(
        {
            "event": np.arange(len(events)),
            "place_id": events["place_id"],
            "event_at": times.microseconds(events[f"{clock}_at"]),
            "event_until": times.microseconds(events[f"{clock}_until"]),
        }
    )
    return left.merge(right, on="place_id")


def _within(pairs: pd.DataFrame, wait: int, end: int) -> pd.Series:
    """Tell which events may lie within the horizon of the signal and within observation."""
    known = pairs["event_at"] != _NEVER
    in_time = known & (pairs["event_at"] <= end)
    # NaT is the least integer: take differences only where the event has a time.
    at = pairs["event_at"].where(in_time, pairs["posted_at"])
    until = pairs["event_until"].where(in_time, pairs["posted_at"])
    ahead = at - pairs["posted_until"] <= wait
    behind = pairs["posted_at"] - until <= wait
    return in_time & ahead & behind


def _nearest_ahead(pairs: pd.DataFrame) -> pd.DataFrame:
    """Keep for each signal its first event ahead, or else the last one behind."""
    behind = pairs["event_until"] < pairs["posted_at"]
    rank = pairs["event_at"].where(~behind, -pairs["event_until"])
    ordered = pairs.assign(behind=behind, rank=rank).sort_values(
        ["signal", "behind", "rank", "event_until", "event"]
    )
    return ordered.drop_duplicates("signal")


def _rows(
    signals: pd.DataFrame,
    events: pd.DataFrame,
    chosen: pd.DataFrame,
    observed: npt.NDArray[np.bool_],
    clock: str,
    wait: int,
    end: int,
) -> pd.DataFrame:
    """Word the chosen pairs, and the signals without one, as links."""
    posted = tuple(times.microseconds(signals[f"posted_{side}"]) for side in ("at", "until"))
    # Signals without an event point at event 0 here; every such value is masked below.
    event = events.iloc[chosen["event"].fillna(0).astype("int64")] if len(events) else events
    event = event.reset_index(drop=True).reindex(range(len(signals)))
    occurred, confirmed = (
        tuple(times.microseconds(event[f"{name}_{side}"]) for side in ("at", "until"))
        for name in ("occurred", "confirmed")
    )
    at, until = confirmed if clock == "confirmed" else occurred
    watched = np.clip(np.minimum(wait, end - posted[1]), 0, None)
    lead_min = np.where(observed, at - posted[1], watched)
    lead_max = np.where(observed, until - posted[0], _NEVER)
    claims = times.relations(posted, occurred, confirmed)  # type: ignore[arg-type]
    decoded = times.microseconds(signals["decoded_at"])
    hindsight = observed & (confirmed[1] != _NEVER) & (decoded > confirmed[1])
    return pd.DataFrame(
        {
            "signal_id": signals["signal_id"],
            "event_id": event["event_id"].where(observed, None),
            "place_id": signals["place_id"],
            "clock": pd.Series([clock] * len(signals), dtype="str"),
            "lead_min": pd.Series(lead_min.astype("timedelta64[us]")),
            "lead_max": pd.Series(lead_max.astype("timedelta64[us]")),
            "observed": observed,
            "relation": pd.Series(np.where(observed, claims, "unconfirmed"), dtype="str"),
            "hindsight": hindsight,
        }
    )
