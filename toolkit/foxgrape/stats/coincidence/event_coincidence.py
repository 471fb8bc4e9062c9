"""Event coincidence analysis: do events follow signals more often than by chance?"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from foxgrape._util.formatting import (
    duration_in_words,
    moment,
    to_json_records,
    to_json_value,
)
from foxgrape._util.result import Result
from foxgrape._util.small_numbers import (
    TOO_FEW,
    are_few,
    mask_few,
    share_in_words,
    too_few,
)
from foxgrape.errors import FoxgrapeError
from foxgrape.observation import parse_bound
from foxgrape.stats.coincidence.caveats import (
    MAX_UNLOCATED,
    WITHOUT_FRONT,
    WITHOUT_TEMPO,
    find_caveats,
)
from foxgrape.stats.coincidence.point_pattern import count_rates, make_pattern
from foxgrape.stats.coincidence.repeated import repeated_level
from foxgrape.stats.coincidence.result_tables import groups_frame, windows_frame
from foxgrape.stats.coincidence.significance import p_values
from foxgrape.stats.coincidence.surrogates import (
    EXCHANGING,
    Confounding,
    draw_surrogates,
    measure_confounding,
    validate_null,
)
from foxgrape.stats.inputs import (
    CHANCE,
    LEVEL,
    MORE,
    NO_CLAIM,
    NOT_YET,
    UNRELIABLE,
    p_near_level,
    window_in_words,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import plotly.graph_objects as go

    from foxgrape import times
    from foxgrape._util.typing import FloatArray
    from foxgrape.places import Gazetteer
    from foxgrape.stats.coincidence.point_pattern import PointPattern
    from foxgrape.stats.coincidence.surrogates import Surrogates
    from foxgrape.stats.inputs import ObservationPeriod

__all__ = ["Coincidence", "NullName", "coincidence"]

NullName = Literal["uniform", "shuffle", "circular", "place", "local"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Coincidence(Result):
    """How often events followed signals, compared with chance.

    Attributes
    ----------
    trigger_rate
        Share of signals followed by an event at their place within the window.
    precursor_rate
        Share of events preceded by a signal at their place within the window.
    echo_rate
        Share of signals that came within one window after an event at their place: announcements
        and comments, to compare with the trigger rate.
    p_trigger, p_precursor
        One-sided p-values: the share of surrogate data sets with at least as many coincidences as
        the data. With several windows, the smallest p-value after adjustment for choosing the
        window. NaN without signals or events. Under ``local``, `p_precursor` is never below
        `p_trigger`, because on its own the precursor statistic is anti-conservative.
    window, lag
        The window, or the one of several with the smallest unadjusted ``p_trigger``; and the time
        from a signal to the start of its window.
    windows
        One row per window: rates, unadjusted p (``p_trigger``, ``p_precursor``) and p adjusted for
        choosing the window (``p_trigger_adjusted``, ``p_precursor_adjusted``).
    groups
        With `by`, one row per group: n, rates, p, and p adjusted for the number of groups with at
        least 20 signals; NaN for the others.
    n_signals, n_events
        Number of signals that were followed throughout their window, and of events within
        observation.
    n_places, n_unlocated, map_size, observed
        Number of places of signals or events; of these, places without known coordinates; the
        longer side of the map that they span, in kilometres, 0 if no coordinates are known; and the
        observation period.
    n_unfollowed
        Signals left out because events were not recorded throughout their window (of several, the
        longest): it ends after observation, or contains a gap.
    null, n_surrogates, seed
        The null model, the number of surrogates, and the seed that reproduces them.
    tempo, front
        How strongly signals and events share a tempo, and a front.
    warnings
        Caveats, in sentences.
    clock
        ``confirmed`` or ``occurred``.
    level, repeated_until
        Largest `p_trigger` that is a claim: 0.05, or less if the test is repeated while data come
        in; and the planned end of the repetitions, None if the test is made once.
    n_signal_places
        Number of places that signals name. If it is one, null models that exchange places have
        nothing to exchange: p is then NaN.
    statistic, surrogates
        Observed trigger statistic for `window`, and the same statistic of each surrogate.
    """

    trigger_rate: float
    precursor_rate: float
    echo_rate: float
    p_trigger: float
    p_precursor: float
    window: pd.Timedelta
    lag: pd.Timedelta
    windows: pd.DataFrame
    groups: pd.DataFrame
    n_signals: int
    n_events: int
    n_places: int
    map_size: float
    observed: tuple[pd.Timestamp, pd.Timestamp]
    n_unfollowed: int
    null: str
    n_surrogates: int
    seed: int
    tempo: Confounding
    front: Confounding
    warnings: tuple[str, ...]
    statistic: float
    surrogates: FloatArray = field(repr=False)
    n_unlocated: int = 0
    clock: str = ""
    level: float = LEVEL
    repeated_until: pd.Timestamp | None = None
    n_signal_places: int = 0

    @property
    def p_adjusted(self) -> pd.Series:
        """`p_trigger` of each group, adjusted for the number of groups (false discovery rate)."""
        return self.groups.set_index("group")["p_adjusted"]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per group, or without groups one row per window."""
        return (self.groups if len(self.groups) else self.windows).copy()

    def shown(self) -> pd.DataFrame:
        """Return the table to show to readers: without rates and p of few signals.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> bool(open_study().analyse().coincidence(n=19).shown()["p_trigger"].isna().all())
        True
        """
        table = self.to_frame()
        n = table["n_signals"] if len(self.groups) else self.n_signals
        return mask_few(table, n, table.columns[table.columns.str.contains("^p_|_rate$")])

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values; durations are ISO 8601 text, NaN is None."""
        names = ("trigger_rate", "precursor_rate", "echo_rate", "p_trigger", "p_precursor")
        return {
            **{name: to_json_value(getattr(self, name)) for name in names},
            "window": self.window.isoformat(),
            "lag": self.lag.isoformat(),
            "n_signals": self.n_signals,
            "n_events": self.n_events,
            "n_places": self.n_places,
            "n_unlocated": self.n_unlocated,
            "observed": [instant.isoformat() for instant in self.observed],
            "n_unfollowed": self.n_unfollowed,
            "clock": self.clock,
            "level": self.level,
            "repeated_until": self.repeated_until and self.repeated_until.isoformat(),
            "null": self.null,
            "n_surrogates": self.n_surrogates,
            "seed": self.seed,
            "tempo": self.tempo.to_dict(),
            "front": self.front.to_dict(),
            "warnings": list(self.warnings),
            "windows": to_json_records(self.windows),
            "groups": to_json_records(self.groups),
            "sentence": self.sentence(),
        }

    @property
    def claim(self) -> str:
        """What the result claims: more than chance, consistent with it, unreliable or too few.

        A repeated test whose p is above `level` and at most 0.05 has no claim yet.
        """
        return self.claim_of(self.p_trigger, self.n_signals)

    def claim_of(self, p: float, n_signals: int) -> str:
        """Return what p claims of some of the signals, by the rules for all of them."""
        if are_few(n_signals) or not self.n_events or self.has_one_place:
            return TOO_FEW
        if not p <= LEVEL:  # NaN claims nothing
            return CHANCE
        if p > self.level:
            return NO_CLAIM if self.is_over else NOT_YET
        unreliable = (
            (self.tempo.significant and self.null in WITHOUT_TEMPO)
            or (self.front.significant and self.null in WITHOUT_FRONT)
            or (self.null == "local" and self._cannot_see_the_front())
        )
        return UNRELIABLE if unreliable else MORE

    @property
    def has_one_place(self) -> bool:
        """Whether the null model exchanges places, and signals name a single one."""
        return self.n_signal_places == 1 and self.null in EXCHANGING

    @property
    def is_over(self) -> bool:
        """Whether signals go on after the planned end of the repetitions."""
        longest = self.windows["window"].max()
        until = self.repeated_until
        return until is not None and until < self.observed[1] - self.lag - longest

    def sentence(self) -> str:
        """Return the result in words, and whether it is more than chance."""
        if not self.n_signals or not self.n_events:
            event = "confirmation of an event" if self.clock == "confirmed" else "event"
            what = event if self.n_signals else "signal with its window"
            return f"Nothing to test: no {what} lies within the observation period."
        within = window_in_words(self.window, len(self.windows))
        after = f"within {duration_in_words(self.window)} after one"
        followed, echoed = (
            share_in_words(rate, self.n_signals) for rate in (self.trigger_rate, self.echo_rate)
        )
        by = f"followed by the {moment(self.clock)} of an event at the same place {within}"
        echo = f"For comparison, {echoed} came {after}."
        if are_few(self.n_signals):
            few = f"{too_few(self.n_signals, 'to test')}."
            counts = f"{followed.capitalize()} were {by}. {echo}"
            return few if self.n_signals == 1 else f"{few} {counts}"
        if self.has_one_place:
            few = f"Too few places to test: the {self.n_signals:,} signals name one"
            return f"{few}. {followed.capitalize()} were {by}. {echo}"
        return (
            f"{self.claim}: {followed} of {self.n_signals:,} signals were {by} "
            f"(p = {self._p_in_words()}, {self.null} null model{self._needed()}). {echo}"
        )

    def _p_in_words(self) -> str:
        text = p_near_level(self.p_trigger)
        return text if float(text) != self.level else p_near_level(self.p_trigger, self.level)

    def _needed(self) -> str:
        """Return which p is a claim if the test is repeated; empty if it is made once."""
        if self.repeated_until is None:
            return ""
        until = f"repeated until {self.repeated_until:%-d %b %Y}"
        if self.is_over:
            return f"; no p is a claim, because the test was to be {until}"
        if self.level < 1 / (self.n_surrogates + 1):
            return f"; no p is a claim yet, because the test is {until}"
        return f"; at most {self.level:.2g} is a claim, because the test is {until}"

    def _cannot_see_the_front(self) -> bool:
        return self.n_unlocated > MAX_UNLOCATED * self.n_places

    def figure(self) -> go.Figure:
        """Draw the observed statistic and the distribution of the surrogates' statistics."""
        from foxgrape.plots.inference import null_distribution_figure

        return null_distribution_figure(self)


def coincidence(
    signals: pd.DataFrame,
    events: pd.DataFrame,
    *,
    window: str | pd.Timedelta | Iterable[str | pd.Timedelta],
    lag: str | pd.Timedelta = "0D",
    null: NullName = "local",
    n: int = 9999,
    rng: np.random.Generator | int | None = 0,
    by: str | None = None,
    observed: ObservationPeriod | None = None,
    clock: times.Clock | None = None,
    hindsight: bool = False,
    threads: int = 1,
    gazetteer: Gazetteer | None = None,
    repeated_until: str | datetime | None = None,
) -> Coincidence:
    """Test whether events follow signals at their place more often than by chance.

    Parameters
    ----------
    signals, events
        The signals and events tables. Not changed. Places of events without coordinates are looked
        up in the gazetteer; unknown places are kept.
    window
        How soon an event must follow, such as ``7D``. Of several windows, the best is reported,
        with p adjusted for choosing it: the test statistic is then the maximum of the windows'
        standardized statistics.
    lag
        Time from the signal to the start of its window.
    null
        What chance means; see `foxgrape.stats.coincidence.surrogates.NULLS` for what each null
        model preserves and when it fails.
    n
        Number of surrogates.
    rng
        Seed or generator; None draws a seed from fresh entropy. The result stores the seed.
    by
        Column of `signals`, such as ``account`` or ``code``, that defines groups to test as well.
        Groups by ``place_id``, ``place`` or ``code`` consist, in a surrogate that exchanges places,
        of the signals that then name this place or code.
    observed
        When events were recorded: first and last instant with UTC offsets, or with gaps, as in
        ``study.observed``. By default from the earliest instant in the tables
        to the last event. Signals whose window is not observed throughout are left out.
    clock
        Which time of an event to use: when it was ``confirmed`` or when it ``occurred``. By
        default ``confirmed``, or ``occurred`` if no event has a confirmation.
    hindsight
        Also count events that were confirmed before the signal's code was decoded in public.
    threads
        Number of threads; it does not change the result.
    gazetteer
        Where to look up places whose events have no coordinates; by default the packaged one.
    repeated_until
        Planned end of the signals, with UTC offset, if the test is repeated while they come in. A
        claim then needs a smaller p, so that all repetitions together seldom claim a lead that
        does not exist. By default the test is made once. For the null models ``local`` and
        ``place``. q of groups is compared with the same level.

    Returns
    -------
    Coincidence

    Raises
    ------
    TableError
        If a table breaks its schema, or lacks the column `by`.
    FoxgrapeError
        If an option is invalid.

    Notes
    -----
    Rates are those of Donges et al. (2016), and a window includes both of its ends. p is
    (b + 1) / (n + 1), where b of n surrogates reach the observed statistic, ties included (Davison
    and Hinkley 1997, ch. 4). The statistic is finer than the rates: a signal counts 1 if its event
    comes at once, falling to 1/2 at the end of the window, and under ``local`` more where few
    events were expected. Rough times are drawn within their intervals: null models that exchange
    places average the observed statistic and the surrogates over the same draws; null models that
    resample times use one draw per surrogate. Rough times therefore cost power and add no bias.

    For a repeated test, 3% are spent from the start of observation to `repeated_until` (Lan and
    DeMets 1983, with a boundary like that of O'Brien and Fleming). It may be repeated at any time
    until then. Data that were added or corrected later are tested as if they had been known in
    time.

    Examples
    --------
    >>> from foxgrape import simulate
    >>> world = simulate.world(leads=0.5, rng=1)
    >>> result = coincidence(world.signals, world.events, window="7D", n=999,
    ...                      observed=world.observed)
    >>> result.p_trigger < 0.05
    True
    """
    validate_null(null, n)
    until = parse_bound(repeated_until, "repeated_until")
    if until is not None and null not in EXCHANGING:
        raise FoxgrapeError(
            "a repeated test needs a null model in which posts exchange places",
            expected=" or ".join(EXCHANGING),
            got=null,
        )
    pattern, caveats = make_pattern(
        signals,
        events,
        window=window,
        lag=lag,
        rng=rng,
        by=by,
        observed=observed,
        clock=clock,
        hindsight=hindsight,
        gazetteer=gazetteer,
    )
    surrogates = draw_surrogates(pattern, null, n, pattern.seed, threads=threads)
    result = _result(pattern, surrogates, null, grouped=by is not None)
    if until is not None:
        result = _repeated(result, pattern, until, threads)
    return replace(result, warnings=(*result.warnings, *caveats))


def _repeated(
    result: Coincidence, pattern: PointPattern, until: pd.Timestamp, threads: int
) -> Coincidence:
    """Return the result of a test that is repeated while signals come in until an instant."""
    n = result.n_surrogates
    level = repeated_level(pattern, result.null, until, n=n, threads=threads)
    result = replace(result, level=level, repeated_until=until)
    if not result.is_over:
        return result
    ended = (
        f"Repetitions of the test were planned until {until:%-d %b %Y}, and the data go on "
        "after it: the test claims nothing. Hint: plan a later end (repeated_until)."
    )
    return replace(result, warnings=(*result.warnings, ended))


def _result(
    pattern: PointPattern, surrogates: Surrogates, null: str, *, grouped: bool
) -> Coincidence:
    rates = count_rates(pattern)
    alone, adjusted = _p_values(pattern, surrogates, null)
    best = int(alone[:, -1, 0].argmin())
    tempo, front = measure_confounding(pattern)
    return Coincidence(
        trigger_rate=float(rates.trigger[best, -1]),
        precursor_rate=float(rates.precursor[best, -1]),
        echo_rate=float(rates.echo[best]),
        p_trigger=float(adjusted[:, -1, 0].min()),
        p_precursor=float(adjusted[:, -1, 1].min()),
        window=pd.Timedelta(pattern.windows[best], unit="us"),
        lag=pd.Timedelta(pattern.lag, unit="us"),
        windows=windows_frame(pattern, rates, alone, adjusted),
        groups=groups_frame(pattern, rates, best, adjusted, grouped=grouped),
        n_signals=len(pattern.label),
        n_events=len(pattern.event_place),
        n_places=pattern.n_places,
        map_size=pattern.map_size,
        observed=pattern.observed,
        n_unfollowed=pattern.n_unfollowed,
        null=null,
        n_surrogates=len(surrogates.simulated),
        seed=pattern.seed,
        tempo=tempo,
        front=front,
        warnings=find_caveats(pattern, null, tempo, front),
        statistic=float(surrogates.observed[best, -1, 0]),
        surrogates=surrogates.simulated[:, best, -1, 0].copy(),
        n_unlocated=int(np.isnan(pattern.xy).any(axis=1).sum()),
        clock=pattern.clock,
        n_signal_places=pattern.n_signal_places,
    )


def _p_values(
    pattern: PointPattern, surrogates: Surrogates, null: str
) -> tuple[FloatArray, FloatArray]:
    """Return unadjusted and adjusted p-values; NaN where there is nothing to exchange or count."""
    alone, adjusted = p_values(surrogates)
    is_unknown = not len(pattern.label) or not len(pattern.event_place)
    is_unknown |= null in EXCHANGING and pattern.n_signal_places == 1
    for p in (alone, adjusted):
        if null == "local":
            # Surrogates place many signals where events were probable, and so precede fewer
            # events: on its own, the precursor statistic is anti-conservative.
            p[:, :, 1] = p.max(axis=2)
        if is_unknown:
            p[:] = np.nan
    return alone, adjusted
