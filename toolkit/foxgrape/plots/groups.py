"""Figure of groups of signals: median lead, and share followed by an event."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from foxgrape import times
from foxgrape._util.formatting import counted, moment
from foxgrape._util.small_numbers import are_few
from foxgrape.plots.theme import (
    BLUE,
    GREY,
    ORANGE,
    apply_theme,
    inline_legend,
    lead_axis_title,
    set_title,
)

if TYPE_CHECKING:
    from foxgrape.studies.groups import Groups

__all__ = ["groups_figure"]

#: More rows than this cannot be read.
_MAX_ROWS = 40


def groups_figure(groups: Groups) -> go.Figure:
    """Plot the median lead of each group with its 95% interval, and the share of signals followed.

    Of more than 40 groups, those with the most signals are drawn, and the title says so. An
    interval without an upper bound ends at the edge. Groups of fewer than 20 signals have no median
    and no share.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> figure = groups_figure(open_study().analyse().by("month", n=99))
    >>> "by month" in figure.layout.title.text
    True
    """
    table = groups.table
    largest = table.nlargest(_MAX_ROWS, "n").index
    drawn = table.loc[table.index.isin(largest)]
    labels = [
        f"{html.escape(group)} (n = {n})"
        for group, n in zip(drawn["group"], drawn["n"], strict=True)
    ]
    figure = make_subplots(rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.06)
    _add_medians(figure, drawn, labels)
    _add_shares(figure, drawn, labels)
    some = f"{len(drawn)} of {len(table)}" if len(drawn) < len(table) else f"{len(table)}"
    figure.update_layout(
        title=set_title(
            f"Lead times to the {moment(groups.lead_times.clock)} by {html.escape(groups.by)} "
            f"({some} groups)",
            inline_legend(
                (BLUE, "●", "median lead, 95% interval"),
                (GREY, "■", f"share followed {groups.window_in_words()}"),
                (ORANGE, "■", "more than chance"),
            ),
        ),
        height=220 + 30 * len(drawn),
        bargap=0.5,
    )
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(title=lead_axis_title(groups.lead_times.clock), rangemode="tozero", col=1)
    figure.update_xaxes(title="share of signals", range=[0, 1], tickformat=".0%", col=2)
    n = counted(int(table["n"].sum()), "signal")
    return apply_theme(
        figure,
        f"Median lead to the {moment(groups.lead_times.clock)} of an event, and share followed by "
        f"one, by {groups.by}: {some} groups, {n}. "
        f"{groups.sentence()}",
    )


def _add_medians(figure: go.Figure, table: pd.DataFrame, labels: list[str]) -> None:
    low, middle, high = (
        times.in_days(table[name]) for name in ("median_low", "median", "median_high")
    )
    known = pd.concat([low, middle, high]).dropna()
    edge = 1.1 * float(known.max()) if len(known) else 1.0
    ends = low.fillna(0.0), high.fillna(edge)
    for label, n, start, end in zip(labels, table["n"], *ends, strict=True):
        if are_few(n):
            continue
        line = go.Scatter(x=[start, end], y=[label, label], mode="lines", line={"color": BLUE})
        figure.add_trace(line.update(hoverinfo="skip", showlegend=False), row=1, col=1)
    marker = {"color": BLUE, "size": 9}
    points = go.Scatter(x=middle.tolist(), y=labels, mode="markers", marker=marker)
    figure.add_trace(points.update(showlegend=False, name="median lead"), row=1, col=1)


def _add_shares(figure: go.Figure, table: pd.DataFrame, labels: list[str]) -> None:
    colours = [ORANGE if claim == "More than chance" else GREY for claim in table["claim"]]
    words = [
        f"{claim.lower()}" + ("" if np.isnan(q) else f", q = {q:.2g}")
        for claim, q in zip(table["claim"], table["q"], strict=True)
    ]
    bars = go.Bar(
        x=table["trigger_rate"].fillna(0.0).tolist(),
        y=labels,
        orientation="h",
        marker={"color": colours},
        text=words,
        textposition="auto",
    )
    figure.add_trace(bars.update(showlegend=False, name="share followed"), row=1, col=2)
