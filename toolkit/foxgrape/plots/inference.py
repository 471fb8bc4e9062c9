"""Figures of tests and estimates: null distribution, hazard ratios, Molchan diagram, outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from foxgrape import times
from foxgrape._util.formatting import counted, duration_in_words, moment, percent
from foxgrape._util.small_numbers import TOO_FEW
from foxgrape.plots.labels import escape_label
from foxgrape.plots.theme import (
    BLUE,
    GREY,
    ORANGE,
    PINK,
    add_meta,
    apply_theme,
    asinh_time_axis,
    empty_figure,
    inline_legend,
    lead_axis_title,
    set_title,
    thinned,
    time_range,
)

if TYPE_CHECKING:
    import pandas as pd

    from foxgrape.stats.alarms.molchan import Alarm
    from foxgrape.stats.coincidence.event_coincidence import Coincidence
    from foxgrape.stats.hazard.hazard_ratio import Hazard
    from foxgrape.stats.survival.competing_risks import CumulativeIncidence

__all__ = ["cumulative_incidence_figure", "forest", "molchan_diagram", "null_distribution_figure"]

_RATIO_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
#: Ratios above this, or below its inverse, are drawn at this limit, so that a single wide interval
#: does not set the scale.
_MAX_RATIO = 100.0
#: Marks of a Molchan diagram closer than this share of an axis have one name.
_NEAR = 0.04


def null_distribution_figure(result: Coincidence) -> go.Figure:
    """Plot a histogram of the surrogates' test statistic, and the observed statistic as a line.

    Examples
    --------
    >>> from foxgrape import coincidence, simulate
    >>> world = simulate.world(rng=3)
    >>> result = coincidence(world.signals, world.events, window="7D", n=99)
    >>> "99 surrogates" in null_distribution_figure(result).layout.meta["alt"]
    True
    """
    if not (result.n_signals and result.n_events):
        return empty_figure(result.sentence())
    p = "too few to test; " if result.claim == TOO_FEW else f"p = {result.p_trigger:.2g}, "
    n_bins = min(40, max(5, result.n_surrogates // 20))
    counts, edges = np.histogram(result.surrogates, bins=n_bins)
    surrogates = counted(result.n_surrogates, "surrogate")
    figure = go.Figure(
        go.Bar(
            x=((edges[:-1] + edges[1:]) / 2).tolist(),
            y=counts.tolist(),
            width=np.diff(edges).tolist(),
            marker={"color": BLUE, "opacity": 0.6},
            hovertemplate="%{y} surrogates around %{x:.2f}<extra></extra>",
        )
    )
    figure.add_vline(x=result.statistic, line={"color": ORANGE, "width": 3})
    figure.update_layout(
        title=set_title(
            f"Observed coincidence against chance (n = {counted(result.n_signals, 'signal')}, "
            f"{p}{result.null} null model)",
            inline_legend((BLUE, "■", surrogates), (ORANGE, "┃", "observed")),
        ),
        xaxis={
            "title": f"signals followed by the {moment(result.clock)} of an event, counted less if "
            "late or expected anyway"
        },
        yaxis={"title": "surrogates"},
        bargap=0,
        height=380,
    )
    return apply_theme(
        figure,
        f"Histogram of the test statistic in {surrogates} of the {result.null} null model; the "
        f"observed statistic is {result.statistic:.2f}. The farther right the line, the more "
        "signals were followed by an event.",
    )


def forest(hazard: Hazard) -> go.Figure:
    """Plot the hazard ratios of the signal and of the covariates, with 95% intervals.

    With too few signals or events to test, only say so.

    Examples
    --------
    >>> from foxgrape import hazard, simulate
    >>> world = simulate.world(leads=0.5, rng=1)
    >>> figure = forest(hazard(world.signals, world.events, window="7D"))
    >>> "n = " in figure.layout.title.text
    True
    """
    if hazard.claim == TOO_FEW:
        return empty_figure(hazard.sentence())
    terms = hazard.terms
    figure = go.Figure()
    names = [escape_label(name) for name in terms["term"]]
    for first, last, colour, width in ((0, 1, BLUE, 3), (1, len(terms), GREY, 1.5)):
        part = terms.iloc[first:last]
        figure.add_trace(_ratio_trace(part, names[first:last], colour, width))
    figure.add_vline(x=0, line={"color": GREY, "dash": "dot"})
    figure.update_layout(
        title=set_title(
            f"How much a signal raises the rate of events (n = "
            f"{counted(hazard.n_events, 'event')}, {hazard.n_exposed:,} after a signal, "
            f"{counted(hazard.n_places, 'place')})",
            inline_legend(
                (BLUE, "■", "signal"), (GREY, "■", "public knowledge, such as the front line")
            ),
            "right of 1: events were more likely after a signal; bars are 95% intervals",
        ),
        xaxis={
            "title": "hazard ratio (log scale)",
            "tickvals": [float(np.log(tick)) for tick in _RATIO_TICKS],
            "ticktext": [f"{tick:g}" for tick in _RATIO_TICKS],
        },
        yaxis={
            "categoryorder": "array",
            "categoryarray": names,
            "range": [len(names) - 0.5, -0.5],
        },
        height=190 + 30 * max(len(names), 1),
    )
    ratios = "; ".join(
        f"{row.term} {row.ratio:.2f} ({row.lower:.2f} to {row.upper:.2f})"
        for row in terms.itertuples()
    )
    themed = apply_theme(figure, f"Hazard ratios with 95% intervals: {ratios}.")
    return add_meta(themed, stacked=True)


def _ratio_trace(terms: pd.DataFrame, names: list[str], colour: str, width: float) -> go.Scatter:
    """Return hazard ratios with error bars on a log scale; missing ratios are drawn at 1."""
    middle, low, high = (
        np.log(terms[column].fillna(1).clip(1 / _MAX_RATIO, _MAX_RATIO).to_numpy(float))
        for column in ("ratio", "lower", "upper")
    )
    return go.Scatter(
        x=middle,
        y=names,
        mode="markers",
        marker={"size": 11 if colour == BLUE else 7, "color": colour, "symbol": "square"},
        error_x={
            "array": np.maximum(high - middle, 0),
            "arrayminus": np.maximum(middle - low, 0),
            "color": colour,
            "thickness": width,
        },
        text=[
            f"{row.ratio:.2f} ({row.lower:.2f} to {row.upper:.2f})" for row in terms.itertuples()
        ],
        hovertemplate="%{text}<extra></extra>",
    )


def molchan_diagram(alarm: Alarm) -> go.Figure:
    """Plot the share of events missed against the share of space and time alarmed, by window.

    Examples
    --------
    >>> from foxgrape import alarm, open_study
    >>> study = open_study()
    >>> result = alarm(study.analyse().signals, study.events, window=["7D", "30D"])
    >>> molchan_diagram(result).layout.yaxis.title.text
    'share of events missed, by their confirmation'
    """
    if not (alarm.n_signals and alarm.n_events):
        return empty_figure(alarm.sentence())
    curve = alarm.windows
    figure = go.Figure()
    figure.add_trace(
        go.Scatter(
            x=[0, 1], y=[1, 0], mode="lines", line={"color": GREY, "dash": "dot"}, hoverinfo="skip"
        )
    )
    windows = [duration_in_words(window) for window in curve["window"]]
    figure.add_trace(
        go.Scatter(
            x=[0, *curve["alarmed"], 1],
            y=[1, *curve["missed"], 0],
            mode="lines+markers",
            line={"color": BLUE, "width": 2.5},
            marker={"size": [0, *[9] * len(curve), 0], "color": BLUE},
            text=["", *windows, ""],
            hovertemplate="%{text}: %{x:.1%} alarmed, %{y:.1%} missed<extra></extra>",
        )
    )
    figure.update_layout(
        title=set_title(
            f"Events missed and alarms raised (n = {counted(alarm.n_events, 'event')}, "
            f"{counted(alarm.n_signals, 'signal')})",
            inline_legend((BLUE, "━", "alarms after signals"), (GREY, "┄", "random alarms")),
            "too few signals to test"
            if alarm.claim == TOO_FEW
            else f"area skill {alarm.area_skill:.2f}; {alarm.expected:.2f} expected by chance "
            f"({alarm.null} null model, p = {alarm.p_value:.2g})",
        ),
        xaxis={
            "title": "share of space and time alarmed, weighted by the usual rate of events",
            "range": [-0.02, 1.02],
        },
        yaxis={
            "title": f"share of events missed, by their {moment(alarm.clock)}",
            "range": [-0.02, 1.05],
        },
        height=520,
    )
    if alarm.claim not in {TOO_FEW, "More than chance"}:
        figure.add_annotation(
            x=0.98, y=0.98, xanchor="right", showarrow=False,
            text="not distinguishable from chance",
        )  # fmt: skip
    _add_window_names(figure, curve, windows)
    points = "; ".join(
        f"{window}, {percent(alarmed)} alarmed, {percent(missed)} missed"
        for window, alarmed, missed in zip(windows, curve["alarmed"], curve["missed"], strict=True)
    )
    return apply_theme(
        figure,
        "Molchan diagram: share of events missed against share of time and places alarmed "
        f"({'too few signals to test' if alarm.claim == TOO_FEW else points}).",
    )


def _add_window_names(figure: go.Figure, curve: pd.DataFrame, windows: list[str]) -> None:
    """Name each window beside its mark; one name for marks that lie close together."""
    at = curve[["alarmed", "missed"]].to_numpy(float)
    groups = [[0]]
    for number in range(1, len(at)):
        if np.abs(at[number] - at[groups[-1][-1]]).max() < _NEAR:
            groups[-1].append(number)
        else:
            groups.append([number])
    for group in groups:
        x, y = at[group[0]].tolist()
        names = ", ".join(windows[number] for number in group)
        figure.add_annotation(
            x=x, y=y, xanchor="left", xshift=9, yshift=7, showarrow=False, text=names
        )


def cumulative_incidence_figure(outcomes: CumulativeIncidence) -> go.Figure:
    """Plot the cumulative incidence of events that were later retracted and of those that were not.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> from foxgrape.stats.survival.competing_risks import cumulative_incidence
    >>> study = open_study()
    >>> outcomes = cumulative_incidence(study.analyse().links, study.events)
    >>> "n = " in cumulative_incidence_figure(outcomes).layout.title.text
    True
    """
    if outcomes.n == 0:
        return empty_figure(outcomes.sentence())
    figure = go.Figure()
    styles = {
        "stood": (BLUE, "rgba(0, 114, 178, 0.18)"),
        "retracted": (PINK, "rgba(204, 121, 167, 0.2)"),
    }
    for name, (colour, shade) in styles.items():
        part = thinned(outcomes.curve[outcomes.curve["outcome"] == name])
        days = [0.0, *times.in_days(part["time"])]
        band = {"x": days, "mode": "lines", "hoverinfo": "skip"}
        invisible = {"width": 0, "shape": "hv"}
        fill = {"fill": "tonexty", "fillcolor": shade}
        figure.add_trace(go.Scatter(y=[0.0, *part["upper"]], line=invisible, **band))
        figure.add_trace(go.Scatter(y=[0.0, *part["lower"]], line=invisible, **fill, **band))
        figure.add_trace(
            go.Scatter(
                x=days,
                y=[0.0, *part["incidence"]],
                name=name,
                mode="lines",
                line={"color": colour, "width": 2.5, "shape": "hv"},
            )
        )
    labels = {"stood": "event stood", "retracted": "event retracted"}
    legend = [
        (styles[name][0], "━", f"{labels[name]} ({count:,})")
        for name, count in outcomes.counts.items()
    ]
    figure.update_layout(
        title=set_title(
            f"Outcomes of signals, by the {moment(outcomes.clock)} of their event "
            f"(n = {outcomes.n:,}, {outcomes.n_censored:,} without an event)",
            inline_legend(*legend),
            "shaded: 95% bands (Aalen–Johansen)",
        ),
        yaxis={"title": "share of signals with this outcome", "range": [-0.03, 1.03]},
        height=460,
    )
    asinh_time_axis(figure, lead_axis_title(outcomes.clock), time_range(figure))
    return apply_theme(figure, f"Cumulative incidence by outcome. {outcomes.sentence()}")
