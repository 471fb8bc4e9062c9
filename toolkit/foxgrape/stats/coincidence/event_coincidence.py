"""Do events follow signals more often than chance would have it? Event coincidence analysis."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from foxgrape import schemas, times
from foxgrape._util.formatting import counted, duration_in_words, to_json_records, to_json_value
from foxgrape.stats.coincidence.confounding import Confounding, measure_confounding
from foxgrape.stats.coincidence.point_pattern import map_size, point_pattern
from foxgrape.stats.coincidence.significance import adjust_fdr, p_values
from foxgrape.stats.coincidence.surrogates import as_seed, draw_surrogates, validate_null
from foxgrape.stats.inputs import duration_us, durations_us, observation_period

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import plotly.graph_objects as go

    from foxgrape.stats.coincidence.point_pattern import PointPattern
    from foxgrape.stats.coincidence.rates import Rates
    from foxgrape.stats.coincidence.surrogates import Surrogates
    from foxgrape.stats.inputs import ObservationPeriod

    Floats = npt.NDArray[np.float64]

__all__ = ["Coincidence", "NullName", "coincidence"]

NullName = Literal["uniform", "shuffle", "circular", "place", "local"]

_LEVEL = 0.05
#: With fewer signals nothing is claimed, whatever p says: few signals are chosen signals.
_FEWEST = 20
_WARNED = "times that swell together, or a front that moves, look like foresight to it"


@dataclass(frozen=True, slots=True, eq=False)
class Coincidence:
    """How often events followed signals, and how often they would have by chance.

    Attributes
    ----------
    trigger_rate
        Share of signals followed by an event at their place within the window.
    precursor_rate
        Share of events preceded by a signal at their place within the window.
    echo_rate
        Share of signals that came within as long after an event at their place: announcement and
        comment, to hold beside the trigger rate.
    p_trigger, p_precursor
        One-sided: how often a surrogate coincides at least as much. With several windows, of the
        best one, its choice paid for. NaN where there is nothing to test. Under ``local``,
        `p_precursor` is never below `p_trigger`: events count as preceded by more than chance only
        where signals were followed by more than chance.
    window, lag
        The window, of several the best one by signals; and the lag before it opens.
    windows
        One row a window: rates, p by itself (``p_trigger``, ``p_precursor``) and paid for
        (``p_trigger_adjusted``, ``p_precursor_adjusted``).
    groups
        With `by`, one row a group: n, rates, p, and p adjusted for the number of groups.
    n_signals, n_events
        Signals and events within observation.
    n_places, map_size, observed
        Places named by either; the longer side of the map that they span, in kilometres, 0 where
        none is known; and the period of observation.
    n_censored
        Signals whose window runs out of observation with no event in it: they count as not
        followed, and nobody knows.
    null, n_surrogates, seed
        The null model, how many surrogates, and the seed that reproduces them.
    tempo, front
        How much signals and events share: see `Shared`.
    warnings
        In words: what to beware of.
    surrogates
        Statistic of signals in each surrogate, for the window shown; `statistic` is the observed.
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
    n_censored: int
    null: str
    n_surrogates: int
    seed: int
    tempo: Confounding
    front: Confounding
    warnings: tuple[str, ...]
    statistic: float
    surrogates: Floats = field(repr=False)

    @property
    def p_adjusted(self) -> pd.Series:
        """P by signals of each group, adjusted for the number of groups (false discovery rate)."""
        return self.groups.set_index("group")["p_adjusted"]

    def to_frame(self) -> pd.DataFrame:
        """Return one row a group, or one a window where there are no groups."""
        return (self.groups if len(self.groups) else self.windows).copy()

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain values; durations are ISO 8601 text, NaN is None."""
        names = ("trigger_rate", "precursor_rate", "echo_rate", "p_trigger", "p_precursor")
        return {
            **{name: to_json_value(getattr(self, name)) for name in names},
            "window": self.window.isoformat(),
            "lag": self.lag.isoformat(),
            "n_signals": self.n_signals,
            "n_events": self.n_events,
            "n_places": self.n_places,
            "observed": [instant.isoformat() for instant in self.observed],
            "n_censored": self.n_censored,
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

    def sentence(self) -> str:
        """Say in one sentence what was found, and whether anything can be claimed."""
        if not self.n_signals or not self.n_events:
            what = "signal" if not self.n_signals else "event"
            return f"Nothing can be claimed: no {what} lies within observation."
        by = f"within {duration_in_words(self.window)}"
        if len(self.windows) > 1:
            by += f" (the best of {len(self.windows)} windows, which is paid for)"
        signals = counted(self.n_signals, "signal")
        were = "was" if self.n_signals == 1 else "were"
        found = (
            f"{self.trigger_rate:.0%} of {signals} {were} followed by an event at "
            f"their place {by}, {self.echo_rate:.0%} came as soon after one; "
            f"p = {self.p_trigger:.2g} against the {self.null} null"
        )
        if self.n_signals < _FEWEST:
            return f"Nothing can be claimed from {signals}: {found}."
        if not self.p_trigger <= _LEVEL:
            return f"Nothing can be claimed: {found}."
        lies = any(_WARNED in warning for warning in self.warnings)
        return f"{'Not to be relied on' if lies else 'More than chance'}: {found}."

    def figure(self) -> go.Figure:
        """Draw the observed statistic against those of the surrogates."""
        from foxgrape.plots.inference import null_distribution_figure

        return null_distribution_figure(self)

    def _repr_html_(self) -> str:
        warned = "".join(f"<li>{html.escape(warning)}</li>" for warning in self.warnings)
        table = self.to_frame().to_html(index=False, border=0)
        return f"<p>{html.escape(self.sentence())}</p><ul>{warned}</ul>{table}"


def coincidence(
    signals: pd.DataFrame,
    events: pd.DataFrame,
    *,
    window: str | pd.Timedelta | Sequence[str | pd.Timedelta],
    lag: str | pd.Timedelta = "0D",
    null: NullName = "local",
    n: int = 9999,
    rng: np.random.Generator | int | None = None,
    by: str | None = None,
    observed: ObservationPeriod | None = None,
    clock: times.Clock | None = None,
    hindsight: bool = False,
    threads: int = 1,
) -> Coincidence:
    """Test whether events follow signals at their place more often than chance would have it.

    Parameters
    ----------
    signals, events
        The tables. Not changed. Events without coordinates are looked up in the gazetteer; places
        that it does not know are taken as they are.
    window
        How soon an event must follow, ``7D``. Of several, the best counts and its choice is paid
        for: the statistic is the greatest over windows, each in its own standard deviations.
    lag
        The window opens so long after the signal.
    null
        What chance means; `foxgrape.stats.coincidence.surrogates.NULLS`
        tells what each holds fixed and when it
        lies.
    n
        Number of surrogates.
    rng
        Generator or seed. None is seed 0: the same call gives the same numbers.
    by
        A column of signals, such as ``account`` or ``code``: test each of its values as well.
    observed
        First and last instant of observation. By default those of the tables.
    clock
        Count to when events were ``confirmed`` or ``occurred``. By default ``confirmed``, or
        ``occurred`` where no event has a confirmation.
    hindsight
        Also count events that were confirmed before the signal's code was read in public.
    threads
        Surrogates are shared out over so many; the numbers do not depend on it.

    Returns
    -------
    Coincidence

    Raises
    ------
    TableError
        If a table breaks its schema, or lacks the column `by`.
    FoxgrapeError
        If an option makes no sense.

    Notes
    -----
    Rates are those of Donges et al. (2016), edges included. p is (b + 1) / (n + 1), where b of n
    surrogates reach what was observed, ties included (Davison and Hinkley 1997, ch. 4). The
    statistic behind p is finer than the rates: a signal counts 1 if its event comes at once,
    falling to 1/2 at the window's end, and under ``local`` more where few events were expected.
    Rough times are drawn within their intervals: where places are exchanged, what was observed and
    every surrogate are means over the same draws; where times are drawn anew, each surrogate has
    its own draw. So roughness costs power and makes nothing out of nothing.

    Examples
    --------
    >>> from foxgrape import simulate
    >>> world = simulate.world(leads=0.5, rng=1)
    >>> found = coincidence(world.signals, world.events, window="7D", n=999,
    ...                     observed=world.observed)
    >>> found.p_trigger < 0.05
    True
    """
    validate_null(null, n)
    wide = np.array(durations_us(window, "window"), dtype=float)
    shift = float(duration_us(lag, "lag", zero=True))
    seed = 0 if rng is None else as_seed(rng)
    if seed is None:
        seed = int(np.random.default_rng(rng).integers(2**62))
    signals = schemas.validate(signals, "signals", fill=True)
    events = schemas.validate(events, "events", fill=True)
    on = times.resolve_clock(events, clock)
    series = point_pattern(
        signals,
        events,
        clock=on,
        windows=wide,
        lag=shift,
        by=by,
        observed=observation_period(observed, signals, events, on),
        seed=seed,
        hindsight=hindsight,
    )
    drawn = draw_surrogates(series, null, n, series.seed, threads=threads)
    return _result(series, drawn, null, by)


def _result(series: PointPattern, drawn: Surrogates, null: str, by: str | None) -> Coincidence:
    from foxgrape.stats.coincidence.rates import rates

    rate = rates(series)
    alone, paid = _judged(series, drawn, null)
    best = int(alone[:, -1, 0].argmin())
    tempo, front = measure_confounding(series)
    return Coincidence(
        trigger_rate=float(rate.trigger[best, -1]),
        precursor_rate=float(rate.precursor[best, -1]),
        echo_rate=float(rate.echo[best]),
        p_trigger=float(paid[:, -1, 0].min()),
        p_precursor=float(paid[:, -1, 1].min()),
        window=pd.Timedelta(series.windows[best], unit="us"),
        lag=pd.Timedelta(series.lag, unit="us"),
        windows=_by_window(series, rate, alone, paid),
        groups=_groups(series, rate.trigger[best], rate.precursor[best], paid, by),
        n_signals=len(series.label),
        n_events=len(series.event_place),
        n_places=series.n_places,
        map_size=map_size(series),
        observed=series.observed,
        n_censored=int(rate.censored[best]),
        null=null,
        n_surrogates=len(drawn.drawn),
        seed=series.seed,
        tempo=tempo,
        front=front,
        warnings=_warnings(series, null, tempo, front, int(rate.censored[best])),
        statistic=float(drawn.observed[best, -1, 0]),
        surrogates=drawn.drawn[:, best, -1, 0].copy(),
    )


def _judged(series: PointPattern, drawn: Surrogates, null: str) -> tuple[Floats, Floats]:
    """Return p of each window, group and statistic by itself and paid for; NaN for nothing."""
    alone, paid = p_values(drawn)
    for p in (alone, paid):
        if null == "local":
            # Surrogates crowd their signals where events were likely, and so precede fewer of them:
            # alone, this statistic claims too much. Signals not followed precede nothing.
            p[:, :, 1] = p.max(axis=2)
        if not len(series.label) or not len(series.event_place):
            p[:] = np.nan
    return alone, paid


def _by_window(series: PointPattern, rate: Rates, alone: Floats, paid: Floats) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "window": pd.to_timedelta(series.windows, unit="us").astype("timedelta64[us]"),
            "trigger_rate": rate.trigger[:, -1],
            "precursor_rate": rate.precursor[:, -1],
            "p_trigger": alone[:, -1, 0],
            "p_precursor": alone[:, -1, 1],
            "p_trigger_adjusted": paid[:, -1, 0],
            "p_precursor_adjusted": paid[:, -1, 1],
        }
    )


def _groups(
    series: PointPattern, trigger: Floats, precursor: Floats, paid: Floats, by: str | None
) -> pd.DataFrame:
    """Return one row a group; p is that of its best window, adjusted for the number of groups."""
    names = series.group_names if by is not None else ()
    p = [paid[:, : len(names), k].min(axis=0) for k in range(2)]
    return pd.DataFrame(
        {
            "group": pd.Series(names, dtype="str"),
            "n_signals": np.bincount(series.group, minlength=len(names))[: len(names)],
            "trigger_rate": trigger[: len(names)],
            "precursor_rate": precursor[: len(names)],
            "p_trigger": p[0],
            "p_precursor": p[1],
            "p_adjusted": adjust_fdr(p[0]),
            "p_precursor_adjusted": adjust_fdr(p[1]),
        }
    )


def _warnings(
    series: PointPattern, null: str, tempo: Confounding, front: Confounding, censored: int
) -> tuple[str, ...]:
    told = []
    if null in {"uniform", "shuffle", "circular"} and tempo.found:
        told.append(
            f"signals and events swell together ({tempo.ratio:.1f} times as many pairs near in "
            f"time as if not): the {null} null does not hold that, and {_WARNED}"
        )
    if null != "local" and front.found:
        told.append(
            f"signals and events move over the map together ({front.ratio:.1f} times as many pairs "
            f"near in time and place as if not): the {null} null does not hold that, and {_WARNED}"
        )
    if 0 < len(series.label) < _FEWEST:
        few = len(series.label)
        are = "is" if few == 1 else "are"
        told.append(f"{counted(few, 'signal')} {are} too few to claim anything from")
    if censored:
        told.append(
            f"the window of {counted(censored, 'signal')} runs out of observation; each counts "
            "as not followed"
        )
    unknown = int(np.isnan(series.xy).any(axis=1).sum())
    if null == "local" and unknown:
        has = "has" if unknown == 1 else "have"
        told.append(
            f"{unknown} of {counted(series.n_places, 'place')} {has} no known coordinates: a front "
            "is seen there only by what happened at the place itself"
        )
    return tuple(told)
