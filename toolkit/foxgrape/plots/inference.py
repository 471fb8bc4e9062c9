"""Figures of chance: surrogates, hazard ratios, the Molchan diagram, outcomes."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from foxgrape import times
from foxgrape._util.humanize import counted, duration_in_words
from foxgrape.plots.theme import (
    BLUE,
    GREY,
    ORANGE,
    PINK,
    apply_theme,
    asinh_time_axis,
    inline_legend,
    time_range,
)

if TYPE_CHECKING:
    from foxgrape.stats.alarms.molchan import Alarm
    from foxgrape.stats.coincidence.event_coincidence import Coincidence
    from foxgrape.stats.hazard.hazard_ratio import Hazard
    from foxgrape.stats.survival.competing_risks import CumulativeIncidence

__all__ = ["cumulative_incidence_figure", "forest", "molchan_diagram", "null_distribution_figure"]

_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
#: Bounds further out are drawn at the edge: the axis would be theirs alone.
_EDGE = 100.0


def null_distribution_figure(found: Coincidence) -> go.Figure:
    """Draw the surrogates' statistics as a histogram, and the observed one as a line.

    Examples
    --------
    >>> from foxgrape import coincidence, simulate
    >>> world = simulate.world(rng=3)
    >>> found = coincidence(world.signals, world.events, window="7D", n=99)
    >>> "99 surrogates" in against_chance(found).layout.meta["alt"]
    True
    """
    counts, edges = np.histogram(found.surrogates, bins=min(40, max(5, found.n_surrogates // 20)))
    figure = go.Figure(
        go.Bar(
            x=((edges[:-1] + edges[1:]) / 2).tolist(),
            y=counts.tolist(),
            width=np.diff(edges).tolist(),
            marker={"color": BLUE, "opacity": 0.6},
            hovertemplate="%{y} surrogates around %{x:.2f}<extra></extra>",
        )
    )
    figure.add_vline(x=found.statistic, line={"color": ORANGE, "width": 3})
    p = f"p = {found.p_trigger:.2g}"
    figure.update_layout(
        title={
            "text": f"Coincidence against the {found.null} null (n = {found.n_signals}, {p})",
            "subtitle": {
                "text": inline_legend(
                    (BLUE, "■", counted(found.n_surrogates, "surrogate")), (ORANGE, "┃", "observed")
                )
            },
        },
        xaxis={"title": "statistic: signals followed, soon and unexpected ones weigh more"},
        yaxis={"title": "surrogates"},
        bargap=0,
        height=380,
    )
    return apply_theme(
        figure,
        f"Histogram of the statistic in {counted(found.n_surrogates, 'surrogate')} of the "
        f"{found.null} null, with the observed one at {found.statistic:.2f}. {found.sentence()}",
    )


def forest(hazard: Hazard) -> go.Figure:
    """Draw the hazard ratio of the signal above those of what everyone knew, with 95% intervals.

    Examples
    --------
    >>> from foxgrape import hazard, open_study
    >>> study = open_study()
    >>> figure = forest(hazard(study.analyse().signals, study.events, window="7D"))
    >>> "n = " in figure.layout.title.text
    True
    """
    shown = hazard.terms
    figure = go.Figure()
    names = [html.escape(name) for name in shown["term"]]
    for first, last, colour, width in ((0, 1, BLUE, 3), (1, len(shown), GREY, 1.5)):
        part = shown.iloc[first:last]
        middle, low, high = (
            np.log(part[column].fillna(1).clip(1 / _EDGE, _EDGE).to_numpy(float))
            for column in ("ratio", "lower", "upper")
        )
        figure.add_trace(
            go.Scatter(
                x=middle,
                y=names[first:last],
                mode="markers",
                marker={"size": 11 if first == 0 else 7, "color": colour, "symbol": "square"},
                error_x={
                    "array": np.maximum(high - middle, 0),
                    "arrayminus": np.maximum(middle - low, 0),
                    "color": colour,
                    "thickness": width,
                },
                text=[
                    f"{row.ratio:.2f} ({row.lower:.2f} to {row.upper:.2f})"
                    for row in part.itertuples()
                ],
                hovertemplate="%{text}<extra></extra>",
            )
        )
    figure.add_vline(x=0, line={"color": GREY, "dash": "dot"})
    figure.update_layout(
        title={
            "text": f"What a signal adds (n = {counted(hazard.n_events, 'event')}, "
            f"{hazard.n_exposed} after a signal, {counted(hazard.n_places, 'place')})",
            "subtitle": {
                "text": inline_legend(
                    (BLUE, "■", "signal"), (GREY, "■", "what everyone knew, the front")
                )
                + "<br>right of 1: events came rather there; bars are 95% intervals"
            },
        },
        xaxis={
            "title": "hazard ratio, on a log scale",
            "tickvals": [float(np.log(tick)) for tick in _TICKS],
            "ticktext": [f"{tick:g}" for tick in _TICKS],
        },
        yaxis={"autorange": "reversed"},
        height=190 + 30 * max(len(names), 1),
    )
    return apply_theme(figure, f"Forest plot of hazard ratios. {hazard.sentence()}")


def molchan_diagram(alarm: Alarm) -> go.Figure:
    """Draw the Molchan diagram: misses against what was alarmed, one point a window.

    Examples
    --------
    >>> from foxgrape import alarm, open_study
    >>> study = open_study()
    >>> figure = molchan(alarm(study.analyse().signals, study.events, window=["7D", "30D"]))
    >>> figure.layout.yaxis.title.text
    'share of events missed'
    """
    curve = alarm.windows
    figure = go.Figure()
    figure.add_trace(
        go.Scatter(
            x=[0, 1],
            y=[1, 0],
            mode="lines",
            line={"color": GREY, "dash": "dot"},
            hoverinfo="skip",
        )
    )
    words = [duration_in_words(window) for window in curve["window"]]
    figure.add_trace(
        go.Scatter(
            x=[0, *curve["alarmed"], 1],
            y=[1, *curve["missed"], 0],
            mode="lines+markers+text",
            line={"color": BLUE, "width": 2.5},
            marker={"size": [0, *[9] * len(curve), 0], "color": BLUE},
            text=["", *words, ""],
            textposition="middle right",
            hovertemplate="%{text}: %{x:.1%} alarmed, %{y:.1%} missed<extra></extra>",
        )
    )
    figure.update_layout(
        title={
            "text": f"What alarms miss, and cost (n = {counted(alarm.n_events, 'event')}, "
            f"{counted(alarm.n_signals, 'signal')})",
            "subtitle": {
                "text": inline_legend(
                    (BLUE, "━", "alarms after signals"), (GREY, "┄", "any time and place")
                )
                + f"<br>area skill {alarm.area_skill:.2f}, by chance {alarm.expected:.2f} "
                f"(null model {alarm.null}, p = {alarm.p_value:.2g})"
            },
        },
        xaxis={
            "title": "fraction of space and time alarmed, weighted by base rate",
            "range": [-0.02, 1.02],
        },
        yaxis={"title": "share of events missed", "range": [-0.02, 1.05]},
        height=520,
    )
    if alarm.p_value > 0.05:  # noqa: PLR2004 - the usual level
        figure.add_annotation(
            x=0.98, y=0.98, xanchor="right", showarrow=False, font={"color": ORANGE},
            text="no better than chance can be claimed",
        )  # fmt: skip
    return apply_theme(figure, f"Molchan diagram. {alarm.sentence()}")


def cumulative_incidence_figure(outcomes: CumulativeIncidence) -> go.Figure:
    """Draw by when which share of signals had an event that stood, or one that was retracted.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> from foxgrape.stats.survival.competing_risks import cumulative_incidence
    >>> study = open_study()
    >>> figure = incidence(cumulative_incidence(study.analyse().links, study.events))
    >>> "n = " in figure.layout.title.text
    True
    """
    figure = go.Figure()
    looks = {
        "stood": (BLUE, "rgba(0, 114, 178, 0.18)"),
        "retracted": (PINK, "rgba(204, 121, 167, 0.2)"),
    }
    for name, (colour, shade) in looks.items():
        part = outcomes.curve[outcomes.curve["outcome"] == name]
        days = [0.0, *times.in_days(part["time"])]
        flat = {"x": days, "mode": "lines", "hoverinfo": "skip"}
        none = {"width": 0, "shape": "hv"}
        figure.add_trace(go.Scatter(y=[0.0, *part["upper"]], line=none, **flat))
        figure.add_trace(
            go.Scatter(y=[0.0, *part["lower"]], line=none, fill="tonexty", fillcolor=shade, **flat)
        )
        figure.add_trace(
            go.Scatter(
                x=days,
                y=[0.0, *part["incidence"]],
                name=name,
                mode="lines",
                line={"color": colour, "width": 2.5, "shape": "hv"},
            )
        )
    marks = [(looks[name][0], "━", f"{name} ({count})") for name, count in outcomes.counts.items()]
    figure.update_layout(
        title={
            "text": f"What became of signals (n = {outcomes.n}, "
            f"{outcomes.n_censored} right-censored)",
            "subtitle": {"text": inline_legend(*marks) + "<br>shaded: 95% bands, Aalen–Johansen"},
        },
        yaxis={"title": "share of signals with such an event", "range": [-0.03, 1.03]},
        height=460,
    )
    asinh_time_axis(figure, f"lead on the {outcomes.clock} clock, days", time_range(figure))
    return apply_theme(figure, f"Cumulative incidence by outcome. {outcomes.sentence()}")
