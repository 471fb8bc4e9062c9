"""Had every signal raised an alarm, how many events would have been met, and at what price?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape._util.formatting import counted, sentence_with_table, to_json_records, to_json_value
from foxgrape.errors import FoxgrapeError
from foxgrape.stats.alarms import null_models as chance
from foxgrape.stats.alarms.comparison import compare
from foxgrape.stats.coincidence.surrogates import as_seed, validate_null
from foxgrape.stats.hazard.risk_sets import NEVER, risk_sets
from foxgrape.stats.inputs import durations_us

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt
    import plotly.graph_objects as go

    from foxgrape import times
    from foxgrape.stats.alarms.comparison import Comparison
    from foxgrape.stats.hazard.risk_sets import RiskSets
    from foxgrape.stats.inputs import ObservationPeriod

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

__all__ = ["Alarm", "alarm"]


@dataclass(frozen=True, slots=True, eq=False)
class Alarm:
    """How well alarms raised by signals met the events.

    Attributes
    ----------
    area_skill
        Area above the Molchan trajectory: 1 at best, 1/2 when events fall on space and time by
        base rate alone, below that when alarms are worse than chance.
    expected
        What the area skill would be without foresight, under `null`: above 1/2 when signals and
        events share a tempo or a front.
    p_value
        How often the area skill would be as large or larger under `null`.
    null
        The null model chosen.
    chance
        The same for each null model: null, expected, p_value. Where they disagree, what is shared
        makes the difference.
    n_events, n_places, n_signals, n_hindsight, n_left_out
        What was counted; signals whose code was decoded only after their event; events without a
        time on the clock, or outside of the window of observation.
    curve
        One row a window: window (Timedelta), alarmed (fraction of space and time, weighted by base
        rate), missed (share of events), hits, recall, gain (recall over alarmed), signals (those
        whose window was over when observation ended), precision (share of them followed by an
        event within it).
    scores
        One row an event, in order of time: event_id, place_id, lead (shortest time since the last
        signal for its place, NaT for none), score (its part of the area skill), expected (its
        part of `expected`).
    clock
        ``confirmed`` or ``occurred``.
    n_surrogates, seed
        How often chance was drawn, and from which seed.
    """

    area_skill: float
    expected: float
    p_value: float
    null: str
    chance: pd.DataFrame
    n_events: int
    n_places: int
    n_signals: int
    n_hindsight: int
    n_left_out: int
    curve: pd.DataFrame
    scores: pd.DataFrame
    clock: str
    n_surrogates: int
    seed: int | None

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain values; durations are ISO 8601 text."""
        told = {
            name: to_json_value(getattr(self, name)) for name in self.__slots__ if name != "scores"
        }
        return told | {"chance": to_json_records(self.chance), "curve": to_json_records(self.curve)}

    def to_frame(self) -> pd.DataFrame:
        """Return one row a window."""
        return self.curve.copy()

    def sentence(self) -> str:
        """Say the result in words."""
        uniform = self.chance.set_index("null").loc["uniform"]
        return (
            f"Area skill {self.area_skill:.2f}; {self.expected:.2f} would be chance under the "
            f"null model {self.null} (p = {self.p_value:.2g}), {uniform['expected']:.2f} if events "
            f"fell on any time (p = {uniform['p_value']:.2g}); n = "
            f"{counted(self.n_events, 'event')} at {counted(self.n_places, 'place')}, "
            f"{counted(self.n_signals, 'signal')}."
        )

    def compare(self, other: Alarm, **options: Any) -> Comparison:
        """Compare with the alarms of another kind of signal; see `alarm_compare.compare`."""
        return compare(self, other, **options)

    def figure(self) -> go.Figure:
        """Draw the Molchan diagram."""
        from foxgrape.plots.inference import molchan_diagram

        return molchan_diagram(self)

    def _repr_html_(self) -> str:
        return sentence_with_table(self.sentence(), self.to_frame())


def alarm(
    signals: pd.DataFrame,
    events: pd.DataFrame,
    *,
    windows: str | pd.Timedelta | Iterable[str | pd.Timedelta],
    null: str = "local",
    n: int = 9999,
    rng: int | np.random.Generator | None = 0,
    clock: times.Clock | None = None,
    observed: ObservationPeriod | None = None,
    hindsight: bool = False,
) -> Alarm:
    """Read each signal as an alarm for its place, and count what such alarms miss and cost.

    After a signal, its place is alarmed for the length of a window; alarms that overlap are one.
    The longer the window, the fewer events are missed and the more of space and time is alarmed.

    Parameters
    ----------
    signals, events
        The signals and events tables. Not changed.
    windows
        Lengths of the alarm, such as ``["1D", "3D", "7D"]``, or one.
    null
        What chance means for `p_value`. ``"uniform"``: events fall on any time, on places by base
        rate (Zechar and Jordan 2008); it lies when signals and events share a tempo. ``"place"``:
        each event at its own time, on places by base rate; it lies when they share a front that
        moves. ``"local"``: each event at its own time, on places by base rate, recent events and
        mentions and the front, as `hazard` holds them.
    n
        How many draws of chance.
    rng
        Seed, or generator, of these draws.
    clock
        Count to when events were ``confirmed`` or ``occurred``; events without a time on this
        clock are left out, and counted. By default ``confirmed``, or ``occurred`` where no event
        has a confirmation.
    observed
        Begin and end of observation, instants with offset; by default the span of the data.
    hindsight
        Whether a signal counts for an event although its code was decoded only after that event
        had been confirmed. If not, the alarm of such a code begins with its decoding.

    Returns
    -------
    Alarm

    Raises
    ------
    TableError
        If a table breaks its schema.
    FoxgrapeError
        If an option makes no sense.

    Notes
    -----
    An event is met if a signal for its place certainly came before it, at most a window before:
    the post's latest instant lies before the earliest of the event. Space and time are weighted by
    each place's share of the events; for the score of an event, by its share of all others, so
    that no event makes its own place look likelier. Over all events, both are the same on average.
    P-values are Monte Carlo, p = (b + 1)/(n + 1); beyond five hundred events the sum of scores is
    taken as normal. Under ``"local"`` the places' chances are fitted to the very events that are
    judged; `docs/explanation/hazard.md` shows in how many worlds without foresight it claims some.

    Examples
    --------
    >>> days = pd.date_range("2022-03-01", periods=40, freq="5D", tz="UTC")
    >>> places = [f"my:{n}" for n in np.random.default_rng(3).integers(0, 12, 40)]
    >>> events = pd.DataFrame({"event_id": [f"e{n}" for n in range(40)], "place_id": places,
    ...                        "occurred_at": days, "confirmed_at": days})
    >>> signals = pd.DataFrame({"signal_id": [f"s{n}" for n in range(20)],
    ...     "place_id": places[::2], "posted_at": days[::2] - pd.Timedelta("1D")})
    >>> found = alarm(signals, events, windows=["1D", "2D"])
    >>> found.area_skill > found.expected, found.p_value < 0.05, found.curve["hits"].tolist()
    (True, True, [20, 20])
    """
    validate_null(null, n, chance.NULLS)
    wide, seed = np.sort(durations_us(windows, "window")), as_seed(rng)
    risk = risk_sets(signals, events, clock=clock, observed=observed)
    if not len(risk.case):
        raise FoxgrapeError(
            "no event can be counted",
            expected=f"events within observation on the clock {risk.clock!r}",
            hint="look at clock and observed",
        )
    since = risk.recency(hindsight=hindsight)
    covered = _covered(risk, wide, hindsight=hindsight)
    step = np.searchsorted(wide, since, side="left")
    table, scores = chance.evaluate_null_models(
        risk, step, covered, wide, n, np.random.default_rng(rng)
    )
    mine = table[table["null"] == null]
    lead = since[np.arange(len(risk.case)), risk.case]
    return Alarm(
        area_skill=float(scores["score"].mean()),
        expected=float(mine["expected"].iloc[0]),
        p_value=float(mine["p_value"].iloc[0]),
        null=null,
        chance=table,
        n_events=len(risk.case),
        n_places=len(risk.places),
        n_signals=len(risk.signal_place),
        n_hindsight=0 if hindsight else risk.hindsight(int(wide[-1])),
        n_left_out=risk.n_left_out,
        curve=_curve(risk, wide, covered, lead, hindsight=hindsight),
        scores=pd.DataFrame(
            {
                "event_id": risk.events,
                "place_id": [risk.places[place] for place in risk.case],
                "lead": pd.to_timedelta(pd.Series(lead).where(lead != NEVER), unit="us"),
                "score": scores["score"],
                "expected": scores[f"expected_{null}"],
            }
        ),
        clock=risk.clock,
        n_surrogates=n,
        seed=seed,
    )


def _covered(risk: RiskSets, lengths: Ints, *, hindsight: bool) -> Floats:
    """Return for each window and place the share of observation that is alarmed."""
    begin, end = risk.observed
    covered = np.zeros((len(lengths), len(risk.places)))
    start = risk.signal_until
    if not hindsight:
        start = np.maximum(start, risk.decoded_at)
    for place in np.unique(risk.signal_place):
        here = np.flatnonzero(risk.signal_place == place)
        here = here[np.argsort(start[here], kind="stable")]
        for row, length in enumerate(lengths):
            first = np.clip(start[here], begin, end)
            last = np.clip(risk.signal_until[here] + length, begin, end)
            reached = np.concatenate([[begin], np.maximum.accumulate(last)[:-1]])
            covered[row, place] = np.clip(last - np.maximum(first, reached), 0, None).sum()
    return covered / max(end - begin, 1)


def _curve(
    risk: RiskSets, lengths: Ints, covered: Floats, lead: Ints, *, hindsight: bool
) -> pd.DataFrame:
    """Count for each window what is alarmed, missed and followed."""
    share = np.bincount(risk.case, minlength=len(risk.places)) / len(risk.case)
    alarmed = covered @ share
    hits = np.array([int((lead <= length).sum()) for length in lengths])
    recall = hits / len(risk.case)
    over, followed = _followed(risk, lengths, hindsight=hindsight)
    with np.errstate(invalid="ignore", divide="ignore"):
        return pd.DataFrame(
            {
                "window": pd.to_timedelta(lengths, unit="us"),
                "alarmed": alarmed,
                "missed": 1 - recall,
                "hits": hits,
                "recall": recall,
                "gain": np.where(alarmed > 0, recall / alarmed, np.nan),
                "signals": over,
                "precision": np.where(over > 0, followed / over, np.nan),
            }
        )


def _followed(risk: RiskSets, lengths: Ints, *, hindsight: bool) -> tuple[Ints, Ints]:
    """Count for each window the signals whose window was over, and those that were followed."""
    ahead = np.full(len(risk.signal_place), NEVER)
    late = (risk.decoded_at > risk.signal_until) & (not hindsight)
    for place in np.unique(risk.signal_place):
        at, known = (part[risk.case == place] for part in (risk.event_at, risk.known_at))
        for one in np.flatnonzero(risk.signal_place == place):
            counts = at > risk.signal_until[one]
            if late[one]:
                counts &= known >= risk.decoded_at[one]
            if counts.any():
                ahead[one] = at[counts].min() - risk.signal_until[one]
    over = risk.signal_until + lengths[:, None] <= risk.observed[1]
    return over.sum(axis=1), (over & (ahead <= lengths[:, None])).sum(axis=1)
