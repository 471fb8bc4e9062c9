"""Link each signal to the event that it may have hinted at, and say what the times can prove."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from foxgrape import schemas, times
from foxgrape.errors import FoxgrapeError, did_you_mean

if TYPE_CHECKING:
    from datetime import datetime

    import numpy.typing as npt

__all__ = ["confirmed_by_side", "link"]


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
    wait = times.parse_duration(horizon, "horizon") // pd.Timedelta(1, "us")
    if confirmations is None:
        attached = events.attrs.get("confirmations")
        confirmations = None if attached is None else pd.DataFrame(attached)
    signals = schemas.validate(signals, "signals", fill=True)
    events = schemas.validate(events, "events", fill=True)
    if confirmed_by is not None:
        events = confirmed_by_side(events, confirmations, confirmed_by)
    end = _end_of_observation(observed_until, signals, events)

    chosen = _nearest(signals, events, clock, wait, end)
    return schemas.validate(_rows(signals, events, chosen, clock, wait, end), "links")


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
        known.append(schemas.validate(confirmations, "confirmations", fill=True)[wanted])
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
            instant = times.parse_instant(stated if isinstance(stated, str) else stated.isoformat())
        except ValueError:
            raise FoxgrapeError(
                "observed_until is no instant",
                expected="an instant with its offset, such as 2024-08-17T00:00:00Z",
                got=str(stated),
            ) from None
        return int(times.microseconds(pd.Series([instant]))[0])
    ends = [signals["posted_until"], events["occurred_until"], events["confirmed_until"]]
    return max(chain.from_iterable(times.microseconds(end).tolist() for end in ends), default=0)


def _nearest(
    signals: pd.DataFrame, events: pd.DataFrame, clock: str, wait: int, end: int
) -> npt.NDArray[np.int64]:
    """Return for each signal the row of its first event ahead, or else of the last one behind.

    -1 where none may lie within the horizon and within observation. Among events of the same times
    the first id is taken. All is sorted once and passed over once: pairs of each signal with every
    event at its place would grow with the product of both.
    """
    at, until = (times.microseconds(events[f"{clock}_{side}"]) for side in ("at", "until"))
    told = pd.DataFrame({"place_id": events["place_id"], "event_id": events["event_id"]})
    told = told.assign(event=np.arange(len(events)), at=at, until=until)
    told = told[(at != times.NAT) & (at <= end)].sort_values(["at", "until", "event_id"])
    # The first event that ends after the post is the one by which the latest end so far passes it.
    told["reached"] = told.groupby("place_id")["until"].cummax()
    posted, posted_until = (
        times.microseconds(signals[f"posted_{side}"]) for side in ("at", "until")
    )
    posts = pd.DataFrame({"place_id": signals["place_id"], "posted": posted})
    posts = posts.assign(signal=np.arange(len(signals))).sort_values("posted")
    ahead = _found(posts, told.sort_values("reached", kind="stable"), "reached", "forward")
    last = told.sort_values(["until", "event_id"], ascending=[True, False])
    behind = _found(posts, last, "until", "backward")
    # A row of -1 takes the last event's times, and is still -1 whatever these say.
    at, until = (np.append(instants, 0) for instants in (at, until))
    ahead = np.where(at[ahead] - posted_until <= wait, ahead, -1)
    behind = np.where(posted - until[behind] <= wait, behind, -1)
    return np.where(ahead >= 0, ahead, behind)


def _found(
    posts: pd.DataFrame, told: pd.DataFrame, ends: str, direction: Literal["forward", "backward"]
) -> npt.NDArray[np.int64]:
    """Return for each signal the nearest event at its place in a direction, -1 for none.

    One that ends with the post is found both ways. It is ahead, and then the first ahead is near.
    """
    rows = pd.merge_asof(
        posts, told, left_on="posted", right_on=ends, by="place_id", direction=direction
    )
    chosen = rows.set_index("signal")["event"].sort_index().fillna(-1)
    return chosen.to_numpy(dtype=np.int64)


def _rows(
    signals: pd.DataFrame,
    events: pd.DataFrame,
    chosen: npt.NDArray[np.int64],
    clock: str,
    wait: int,
    end: int,
) -> pd.DataFrame:
    """Word the signals and the events that were chosen for them as links."""
    observed = chosen >= 0
    posted = tuple(times.microseconds(signals[f"posted_{side}"]) for side in ("at", "until"))
    # Signals without an event point at the last one here; every such value is masked below.
    event = events.iloc[chosen] if len(events) else events
    event = event.reset_index(drop=True).reindex(range(len(signals)))
    occurred, confirmed = (
        tuple(times.microseconds(event[f"{name}_{side}"]) for side in ("at", "until"))
        for name in ("occurred", "confirmed")
    )
    at, until = confirmed if clock == "confirmed" else occurred
    watched = np.clip(np.minimum(wait, end - posted[1]), 0, None)
    lead_min = np.where(observed, at - posted[1], watched)
    lead_max = np.where(observed, until - posted[0], times.NAT)
    claims = times.relations(posted, occurred, confirmed)  # type: ignore[arg-type]
    decoded = times.microseconds(signals["decoded_at"])
    hindsight = observed & (confirmed[1] != times.NAT) & (decoded > confirmed[1])
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
