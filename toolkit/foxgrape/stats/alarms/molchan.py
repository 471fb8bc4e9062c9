"""Molchan test: if every signal raised an alarm at its place, how many events would be met?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape._util.formatting import (
    counted,
    moment,
    to_json_records,
    to_json_value,
)
from foxgrape._util.result import Result
from foxgrape._util.small_numbers import TOO_FEW, are_few, mask_few, too_few
from foxgrape.errors import FoxgrapeError
from foxgrape.stats.alarms.comparison import ALARM_NULLS, compare
from foxgrape.stats.coincidence.surrogates import validate_null
from foxgrape.stats.hazard.conditional_logit import choice_probabilities
from foxgrape.stats.hazard.risk_sets import DAY, NEVER, fit_baseline, other_events, risk_sets
from foxgrape.stats.inputs import CHANCE, LEVEL, MORE, as_seed, durations_us

if TYPE_CHECKING:
    from collections.abc import Iterable

    import plotly.graph_objects as go

    from foxgrape import times
    from foxgrape._util.typing import FloatArray, IntArray
    from foxgrape.places import Gazetteer
    from foxgrape.stats.alarms.comparison import Comparison
    from foxgrape.stats.hazard.risk_sets import RiskSets
    from foxgrape.stats.inputs import ObservationPeriod

__all__ = ["Alarm", "alarm", "event_scores"]

#: How long an event or mention counts as recent; the same as the default of `hazard`.
_HISTORY = 30 * DAY
#: With more events than this, p comes from a normal approximation instead of simulation.
_MAX_SIMULATED = 500


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Alarm(Result):
    """How well alarms raised by signals met the events.

    Attributes
    ----------
    area_skill
        Area above the Molchan trajectory: 1 at best, 1/2 on average when events are random in time
        and at places by base rate, lower when alarms are worse than chance.
    expected
        Area skill expected without foresight under `null`: above 1/2 when signals and events share
        a tempo or a front.
    p_value
        Probability under `null` of an area skill at least as large.
    null
        The null model.
    nulls
        One row per null model: null, expected, p_value.
    n_events, n_places, n_signals
        Events, places and signals within observation.
    n_hindsight, n_left_out
        Signals whose code was decoded only after their event; events without a time on the clock,
        or outside observation.
    windows
        One row per window: window, alarmed (fraction of space and time, weighted by base rate),
        missed (share of events), hits, recall, gain (recall over alarmed), signals (those whose
        window ended within observation), precision (share of these signals followed by an event).
    scores
        One row per event, in order of time: event_id, place_id, lead (time since the last signal
        for the event's place; NaT without such a signal), score (its mean is the area skill),
        expected (expected score under `null`).
    warnings
        Caveats, in sentences.
    clock
        ``confirmed`` or ``occurred``.
    n_surrogates, seed
        Number of draws under the null models, and their seed.
    """

    area_skill: float
    expected: float
    p_value: float
    null: str
    nulls: pd.DataFrame
    n_events: int
    n_places: int
    n_signals: int
    n_hindsight: int
    n_left_out: int
    windows: pd.DataFrame
    scores: pd.DataFrame
    warnings: tuple[str, ...]
    clock: str
    n_surrogates: int
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values; durations are ISO 8601 text."""
        names = [name for name in self.__slots__ if name != "scores"]
        return {
            **{name: to_json_value(getattr(self, name)) for name in names},
            "nulls": to_json_records(self.nulls),
            "windows": to_json_records(self.windows),
            "warnings": list(self.warnings),
            "sentence": self.sentence(),
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row per window."""
        return self.windows.copy()

    def shown(self) -> pd.DataFrame:
        """Return the table to show to readers: without shares of few signals.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> bool(open_study().analyse().alarm(n=19).shown()["recall"].isna().all())
        True
        """
        return mask_few(self.windows, self.n_signals, ["missed", "recall", "gain", "precision"])

    @property
    def claim(self) -> str:
        """What the result claims: more than chance, consistent with it, or too few."""
        if are_few(self.n_signals):
            return TOO_FEW
        return MORE if self.p_value <= LEVEL else CHANCE

    def sentence(self) -> str:
        """Return the result in words."""
        if not self.n_signals or not self.n_events:
            kind = "signal" if not self.n_signals else "event"
            return f"No alarms to score: no {kind} lies within the observation period."
        sizes = (
            f"n = {counted(self.n_events, 'event')} at {counted(self.n_places, 'place')}, by their "
            f"{moment(self.clock)}"
        )
        if self.claim == TOO_FEW:
            return f"{too_few(self.n_signals, 'to test')} ({sizes})."
        return (
            f"{self.claim}: area skill {self.area_skill:.2f}, where chance gives "
            f"{self.expected:.2f} (p = {self.p_value:.2g}, {self.null} null model; {sizes}, "
            f"{counted(self.n_signals, 'signal')})."
        )

    def compare(self, other: Alarm, **options: Any) -> Comparison:
        """Compare with the alarms of another kind of signal, as `compare` does."""
        return compare(self, other, **options)

    def figure(self) -> go.Figure:
        """Draw the Molchan diagram."""
        from foxgrape.plots.inference import molchan_diagram

        return molchan_diagram(self)


def alarm(
    signals: pd.DataFrame,
    events: pd.DataFrame,
    *,
    window: str | pd.Timedelta | Iterable[str | pd.Timedelta],
    null: str = "local",
    n: int = 9999,
    rng: np.random.Generator | int | None = 0,
    observed: ObservationPeriod | None = None,
    clock: times.Clock | None = None,
    hindsight: bool = False,
    gazetteer: Gazetteer | None = None,
) -> Alarm:
    """Treat each signal as an alarm for its place, and measure what such alarms miss and cost.

    After a signal, its place is alarmed for the length of a window; overlapping alarms are merged.
    The longer the window, the fewer events are missed and the more of space and time is alarmed.

    Parameters
    ----------
    signals, events
        The signals and events tables. Not changed.
    window
        Length of the alarms, such as ``"7D"``, or several lengths. The area skill combines all
        windows, so p needs no adjustment for choosing the best window.
    null
        What chance means for `p_value`. ``"uniform"``: events at any time, at places by base rate
        (Zechar and Jordan 2008); it fails when signals and events share a tempo. ``"place"``: each
        event at its own time, at places by base rate; it fails when they share a moving front.
        ``"local"``: each event at its own time, at places by base rate, recent events, recent
        mentions and the front, as in `hazard`.
    n
        Number of draws under each null model.
    rng
        Seed or generator of these draws; None draws a seed from fresh entropy.
    observed
        When events were recorded: first and last instant with UTC offsets, or with gaps, as in
        ``study.observed``. By default from the earliest instant in the tables
        to the last event.
    clock
        Which time of an event to use: when it was ``confirmed`` or when it ``occurred``. Events
        without this time are left out and counted in `n_left_out`. By default ``confirmed``, or
        ``occurred`` if no event has a confirmation.
    hindsight
        Also count signals whose code was decoded in public after the event was confirmed. By
        default the alarm of such a code begins with its decoding.
    gazetteer
        Where to look up places whose events have no coordinates; by default the packaged one.

    Returns
    -------
    Alarm

    Raises
    ------
    TableError
        If a table breaks its schema.
    FoxgrapeError
        If an option is invalid.

    Notes
    -----
    An event is met if a signal for its place came at most a window before it, and certainly before
    it: the post's latest instant lies before the event's earliest instant. Space and time are
    weighted by each place's share of the events; an event's score uses the shares of all other
    events, so that no event raises the weight of its own place. P-values are Monte Carlo,
    p = (b + 1)/(n + 1), where b of n draws reach the observed sum of scores; with more than 500
    events, a normal approximation is used. Under ``"local"``, probabilities are fitted to the
    events that are tested; `docs/explanation/hazard.md` reports how often this gives false claims.

    Examples
    --------
    >>> days = pd.date_range("2022-03-01", periods=40, freq="5D", tz="UTC")
    >>> places = [f"my:{n}" for n in np.random.default_rng(3).integers(0, 12, 40)]
    >>> events = pd.DataFrame({"event_id": [f"e{n}" for n in range(40)], "place_id": places,
    ...                        "occurred_at": days, "confirmed_at": days})
    >>> signals = pd.DataFrame({"signal_id": [f"s{n}" for n in range(20)],
    ...     "place_id": places[::2], "posted_at": days[::2] - pd.Timedelta("1D")})
    >>> result = alarm(signals, events, window=["1D", "2D"])
    >>> result.area_skill > result.expected, result.p_value < 0.05, result.windows["hits"].tolist()
    (True, True, [20, 20])
    """
    validate_null(null, n, ALARM_NULLS)
    lengths, seed = np.sort(durations_us(window, "window")), as_seed(rng)
    risk = risk_sets(signals, events, clock=clock, observed=observed, gazetteer=gazetteer)
    if not len(risk.event_place):
        raise FoxgrapeError(
            "there is no event to count",
            expected=f"events within observation on the {risk.clock} clock",
            hint="check clock and observed",
        )
    since = risk.recency(hindsight=hindsight)
    covered = _covered_share(risk, lengths, hindsight=hindsight)
    level = np.searchsorted(lengths, since, side="left")
    nulls, scores = _evaluate_nulls(risk, level, covered, lengths, n, np.random.default_rng(seed))
    (result,) = nulls[nulls["null"] == null].to_dict("records")
    lead = since[np.arange(len(risk.event_place)), risk.event_place]
    return Alarm(
        area_skill=float(scores["score"].mean()),
        expected=float(result["expected"]),
        p_value=float(result["p_value"]),
        null=null,
        nulls=nulls,
        n_events=len(risk.event_place),
        n_places=len(risk.places),
        n_signals=len(risk.signal_place),
        n_hindsight=0 if hindsight else risk.count_hindsight(int(lengths[-1])),
        n_left_out=risk.n_left_out,
        windows=_windows_frame(risk, lengths, covered, lead, hindsight=hindsight),
        scores=pd.DataFrame(
            {
                "event_id": risk.events,
                "place_id": [risk.places[place] for place in risk.event_place],
                "lead": pd.to_timedelta(pd.Series(lead).where(lead != NEVER), unit="us"),
                "score": scores["score"],
                "expected": scores[null],
            }
        ),
        warnings=_warnings(risk, null, nulls.set_index("null")["p_value"]) + risk.caveats,
        clock=risk.clock,
        n_surrogates=n,
        seed=seed,
    )


def event_scores(alarmed: FloatArray, level: IntArray) -> FloatArray:
    """Return each event's score; the mean score is the area skill.

    The area above a Molchan trajectory is 1 minus the mean over events of the fraction alarmed
    when the event is met, halfway between the level that meets it and the level before (Molchan
    1991; Zechar and Jordan 2008).

    Parameters
    ----------
    alarmed
        Shape (events, levels + 1): the fraction alarmed, rising from 0 to 1.
    level
        Shape (events, any number): index of the level that first meets an event.

    Examples
    --------
    >>> event_scores(np.array([[0.0, 0.25, 1.0]]), np.array([[0, 1]])).tolist()
    [[0.875, 0.375]]
    """
    scores: FloatArray = np.take_along_axis(1 - (alarmed[:, :-1] + alarmed[:, 1:]) / 2, level, 1)
    return scores


def _evaluate_nulls(
    risk: RiskSets,
    level: IntArray,
    covered: FloatArray,
    lengths: IntArray,
    n: int,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, dict[str, FloatArray]]:
    """Return expected area skill and p by null model, and observed and expected score by event.

    `level` has shape (events, places): index of the shortest window in which a signal would meet
    the event if it were at that place, or the number of windows if none would. `covered` has shape
    (windows, places).
    """
    alarmed, window = _alarmed_fraction(risk, covered), int(lengths[-1])
    by_place = event_scores(alarmed, level)
    own = by_place[np.arange(len(alarmed)), risk.event_place]
    every_level = np.tile(np.arange(alarmed.shape[1] - 1), (len(alarmed), 1))
    covariates, baseline = fit_baseline(risk, window=window, history=max(_HISTORY, window))
    base_rate = other_events(risk)
    base_rate /= base_rate.sum(axis=1, keepdims=True)
    rows, scores = [], {"score": own}
    for null, probability, values in (
        ("local", choice_probabilities(covariates.terms, baseline.beta), by_place),
        ("place", base_rate, by_place),
        ("uniform", np.diff(alarmed, axis=1), event_scores(alarmed, every_level)),
    ):
        mean = (probability * values).sum(axis=1)
        scores[null] = mean
        p_value = _p_value((own - mean).sum(), probability, values, n, rng)
        rows.append({"null": null, "expected": float(mean.mean()), "p_value": p_value})
    return pd.DataFrame(rows), scores


def _alarmed_fraction(risk: RiskSets, covered: FloatArray) -> FloatArray:
    """Return the fraction alarmed for each event and window, weighted by all other events.

    Shape (events, windows + 2): the first column is 0 (nothing alarmed), the last 1 (everything).
    """
    counts = np.bincount(risk.event_place, minlength=len(risk.places))
    events = len(risk.event_place)
    others = (covered @ counts)[None] - covered[:, risk.event_place].T
    # Without other events, all places have the same weight.
    others = covered.mean(axis=1)[None] if events == 1 else others / (events - 1)
    fraction = np.concatenate([np.zeros((events, 1)), others, np.ones((events, 1))], axis=1)
    return np.asarray(np.clip(fraction, 0, 1))


def _p_value(
    excess: float, probability: FloatArray, values: FloatArray, n: int, rng: np.random.Generator
) -> float:
    """Return the probability that a sum of independent scores exceeds its mean by `excess`."""
    mean = (probability * values).sum(axis=1)
    if len(values) > _MAX_SIMULATED:
        from scipy.stats import norm

        variance = ((probability * values**2).sum(axis=1) - mean**2).clip(min=0).sum()
        deviation = float(np.sqrt(variance))
        return float(norm.sf(excess / deviation)) if deviation > 0 else 1.0
    sums = np.zeros(n)
    for cumulative, row, centre in zip(np.cumsum(probability, axis=1), values, mean, strict=True):
        drawn = np.searchsorted(cumulative[:-1], rng.random(n) * cumulative[-1], side="right")
        sums += row[drawn] - centre
    # Equal sums may differ by rounding: count them as ties.
    return float(((sums >= excess - 1e-9).sum() + 1) / (n + 1))


def _covered_share(risk: RiskSets, lengths: IntArray, *, hindsight: bool) -> FloatArray:
    """Return the share of the observation period that is alarmed, by window and place."""
    covered = np.zeros((len(lengths), len(risk.places)))
    total = np.zeros(len(risk.places))
    start = risk.signal_until
    if not hindsight:
        start = np.maximum(start, risk.decoded_at)
    for place, place_id in enumerate(risk.places):
        here = np.flatnonzero(risk.signal_place == place)
        here = here[np.argsort(start[here], kind="stable")]
        for begin, end in risk.observation.spans(place_id):
            total[place] += end - begin
            for row, length in enumerate(lengths):
                first = np.clip(start[here], begin, end)
                last = np.clip(risk.signal_until[here] + length, begin, end)
                reached = np.concatenate([[begin], np.maximum.accumulate(last)[:-1]])[: len(here)]
                covered[row, place] += np.clip(last - np.maximum(first, reached), 0, None).sum()
    share: FloatArray = covered / np.maximum(total, 1)
    return share


def _windows_frame(
    risk: RiskSets, lengths: IntArray, covered: FloatArray, lead: IntArray, *, hindsight: bool
) -> pd.DataFrame:
    """Return one row per window: fraction alarmed, events missed and met, and precision."""
    events = len(risk.event_place)
    alarmed = covered @ (np.bincount(risk.event_place, minlength=len(risk.places)) / events)
    hits = np.array([int((lead <= length).sum()) for length in lengths])
    recall = hits / events
    completed, followed = _followed(risk, lengths, hindsight=hindsight)
    with np.errstate(invalid="ignore", divide="ignore"):
        return pd.DataFrame(
            {
                "window": pd.to_timedelta(lengths, unit="us"),
                "alarmed": alarmed,
                "missed": 1 - recall,
                "hits": hits,
                "recall": recall,
                "gain": np.where(alarmed > 0, recall / alarmed, np.nan),
                "signals": completed,
                "precision": np.where(completed > 0, followed / completed, np.nan),
            }
        )


def _followed(risk: RiskSets, lengths: IntArray, *, hindsight: bool) -> tuple[IntArray, IntArray]:
    """Count, per window, the signals whose window was fully observed, and those with an event."""
    ahead = np.full(len(risk.signal_place), NEVER)
    late = (risk.decoded_at > risk.signal_until) & (not hindsight)
    for place in np.unique(risk.signal_place):
        here = risk.event_place == place
        at, confirmed = risk.event_at[here], risk.confirmed_until[here]
        for signal in np.flatnonzero(risk.signal_place == place):
            counts = at > risk.signal_until[signal]
            if late[signal]:
                counts &= confirmed >= risk.decoded_at[signal]
            if counts.any():
                ahead[signal] = at[counts].min() - risk.signal_until[signal]
    ids = pd.Series([risk.places[place] for place in risk.signal_place], dtype="str")
    completed = np.array(
        [
            risk.observation.covers(ids, risk.signal_until, risk.signal_until + length)
            for length in lengths
        ]
    )
    return completed.sum(axis=1), (completed & (ahead <= lengths[:, None])).sum(axis=1)


def _warnings(risk: RiskSets, null: str, p_values: pd.Series) -> tuple[str, ...]:
    warnings = []
    n = len(risk.signal_place)
    if n and are_few(n):
        warnings.append(f"{too_few(n, 'to test')}.")
    if null != "local" and p_values[null] <= LEVEL < p_values["local"]:
        warnings.append(
            f"Under the local null model p is {p_values['local']:.2g}: signals and events share a "
            f"tempo or a front, which the {null} null model mistakes for foresight."
        )
    unknown = int((~risk.located).sum())
    if null == "local" and unknown and len(risk.places) > 1:
        places = f"{unknown} of {counted(len(risk.places), 'place')}"
        has = "has" if unknown == 1 else "have"
        warnings.append(
            f"{places} {has} no known coordinates: how near the front was is not known there."
        )
    return tuple(warnings)
