"""Figures of signals and their events; each states n and has alt text in ``layout.meta["alt"]``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go

from foxgrape import times
from foxgrape._util.formatting import counted, duration_in_words
from foxgrape.plots.labels import escape_label
from foxgrape.plots.theme import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    SKY,
    apply_theme,
    asinh_time_axis,
    bar_points,
    inline_legend,
    interval_trace,
    lead_axis_title,
    outlines,
    set_title,
    time_range,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.stats.survival.lead_times import LeadTimes
    from foxgrape.studies.analysis import Analysis

__all__ = ["by_outcome", "place_map", "survival", "timeline"]

#: More rows than this cannot be read, and take minutes to draw.
_MAX_ROWS = 40
#: For each relation, and for hindsight: label, colour, plotly symbol, and a similar character for
#: legends in text.
RELATION_MARKS = {
    "anticipates": ("posted before the event", GREEN, "star", "★"),
    "announces": ("posted before confirmation", GREEN, "circle", "●"),
    "precedes": ("posted before confirmation", GREEN, "circle", "●"),
    "undetermined": ("order unknown", ORANGE, "diamond", "◆"),
    "follows": ("posted after the event", PINK, "square", "■"),
    "unconfirmed": ("no event (right-censored)", BLUE, "circle-open", "○"),
    "hindsight": ("decoded only afterwards (hindsight)", PINK, "x", "✕"),
}


def timeline(analysis: Analysis) -> go.Figure:
    """Plot each signal and its event as bars over the days since the post.

    The wider the bar, the less exactly the time is known. A right-censored signal is a dotted line
    over its observation time that ends in an open arrow. Signals are ordered by the time of their
    posts, from top to bottom. Of more than 40 signals, the latest 40 are drawn, and the title says
    so.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> "right-censored" in timeline(open_study().analyse()).layout.meta["alt"]
    True
    """
    signals = analysis.table()
    table = signals.tail(_MAX_ROWS)
    labels = [_row_label(row, analysis.study.timezone) for row in table.itertuples()]
    figure = go.Figure()
    _add_intervals(figure, table, labels)
    _add_censored(figure, table, labels)
    right = {"x": 1.0, "xref": "paper", "xanchor": "left", "xshift": 8, "showarrow": False}
    outcomes = zip(labels, _outcomes(table), strict=True)
    shown = part = f"n = {len(table)}"
    if len(signals) > len(table):
        shown = f"the latest {len(table)} of n = {len(signals):,}"
        part = f"the latest of {len(signals):,}"
    horizon = duration_in_words(analysis.horizon)
    figure.update_layout(
        title=set_title(
            f"Signals and their events ({shown})",
            inline_legend((SKY, "■", "post"), (ORANGE, "■", "event"), (GREEN, "■", "confirmation")),
            inline_legend((BLUE, "┄▷", f"no event within {horizon}")),
        ),
        yaxis={
            "range": [len(labels) - 0.4, -0.6],
            "categoryorder": "array",
            "categoryarray": labels,
        },
        # One by one, plotly would copy all annotations for each.
        annotations=[right | {"y": label, "text": outcome} for label, outcome in outcomes],
        height=210 + 40 * len(table),
        margin={"r": 110},
    )
    asinh_time_axis(figure, "days since the post", time_range(figure))
    counts = ", ".join(f"{n} {name}" for name, n in table["relation"].value_counts().items())
    return apply_theme(
        figure,
        f"Timeline of {counted(len(table), 'signal')} ({counts or 'none'}; {part}), one per row, "
        "in days since the post. Bars show when the post was written, when the event occurred and "
        "when it was confirmed. Signals without an event (right-censored) are open arrows.",
    )


def _add_intervals(figure: go.Figure, table: pd.DataFrame, labels: list[str]) -> None:
    """Draw the post and the event of each signal, and a line from the post to the confirmation."""
    origin = table["posted_at"]
    line = {"color": GREY, "width": 1.5}
    ends = times.in_days(table["confirmed_until"] - origin)
    points = bar_points([0.0] * len(table), ends, labels)
    figure.add_trace(go.Scatter(**points, mode="lines", line=line, hoverinfo="skip"))
    # Bars of decreasing width remain visible where they overlap.
    for column, label, colour, width in (
        ("posted", "post", SKY, 24),
        ("occurred", "event", ORANGE, 13),
        ("confirmed", "confirmation", GREEN, 5),
    ):
        start, end = table[f"{column}_at"], table[f"{column}_until"]
        hover = [
            None if pd.isna(first) else f"{label}: {_interval_in_words(first, last)}"
            for first, last in zip(start, end, strict=True)
        ]
        bars = times.in_days(start - origin), times.in_days(end - origin), labels
        figure.add_trace(interval_trace(*bars, hover, colour, width, label))


def _add_censored(figure: go.Figure, table: pd.DataFrame, labels: list[str]) -> None:
    """Draw right-censored signals as dotted lines that end in an open arrow."""
    start = (table["posted_until"] - table["posted_at"]).where(~table["observed"])
    start, end = times.in_days(start), times.in_days(start + table["lead_min"])
    line = {"color": BLUE, "width": 2, "dash": "dot"}
    name = "no event (right-censored)"
    points = bar_points(start, end, labels)
    figure.add_trace(go.Scatter(**points, name=name, mode="lines", line=line, hoverinfo="skip"))
    arrow = {"symbol": "triangle-right-open", "size": 15, "color": BLUE, "line": {"width": 2}}
    figure.add_trace(
        go.Scatter(
            x=end.tolist(),
            y=labels,
            mode="markers",
            marker=arrow,
            text=[duration_in_words(lead) for lead in table["lead_min"]],
            hovertemplate="no event within %{text}<extra></extra>",
            showlegend=False,
        )
    )


def _row_label(row: Any, zone: str) -> str:
    """Return the label of a signal's row; escaped, because plotly interprets HTML in it."""
    code = row.code if row.code == row.place else f"{row.code} → {row.place}"
    day = f"{row.posted_at.tz_convert(zone):%-d %b %Y}"
    # Plotly merges equal labels: invisible characters keep two posts of one day apart.
    suffix = "\u200b" * int(row.Index)
    return f"<b>{escape_label(code)}</b><br>{escape_label(row.account)}, {day}{suffix}"


def _interval_in_words(start: pd.Timestamp, end: pd.Timestamp) -> str:
    first = f"{start:%Y-%m-%d %H:%M} UTC"
    return first if start == end else f"{first} to {end:%Y-%m-%d %H:%M} UTC"


def survival(leads: LeadTimes) -> go.Figure:
    """Plot the share of signals without an event by lead time, with 95% band and number at risk.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> figure = survival(open_study().analyse().lead_times)
    >>> figure.layout.yaxis.title.text
    'share of signals without an event so far'
    """
    figure = go.Figure()
    curve = _from_zero(leads.survival)
    band: dict[str, Any] = {"line": {"width": 0, "shape": "hv"}, "hoverinfo": "skip"}
    fill = {"name": "95% band", "fill": "tonexty", "fillcolor": "rgba(0, 114, 178, 0.18)"}
    figure.add_trace(_curve_trace(curve, "upper", showlegend=False, **band))
    figure.add_trace(_curve_trace(curve, "lower", **fill, **band))
    for name, bound, dash in (
        ("all leads at their shortest", leads.shortest, "dot"),
        ("all leads at their longest", leads.longest, "dash"),
    ):
        line = {"color": GREY, "width": 1, "dash": dash, "shape": "hv"}
        figure.add_trace(_curve_trace(_from_zero(bound), "survival", name=name, line=line))
    line = {"color": BLUE, "width": 2.5, "shape": "hv"}
    name = "Kaplan–Meier, leads at mid-interval"
    figure.add_trace(_curve_trace(curve, "survival", name=name, line=line))
    mark = {"symbol": "cross-thin-open", "size": 11, "color": BLUE, "line": {"width": 2}}
    censored = curve[curve["censored"] > 0]
    figure.add_trace(
        _curve_trace(censored, "survival", name="right-censored", mode="markers", marker=mark)
    )
    figure.update_layout(
        title=set_title(
            f"Time from signal to event (n = {leads.n}, {leads.n_censored} without an event)",
            inline_legend(
                (BLUE, "━", "Kaplan–Meier estimate"), (BLUE, "+", "no event (right-censored)")
            ),
            inline_legend(
                (SKY, "■", "95% band"), (GREY, "┄", "if all leads were the shortest, or longest")
            ),
        ),
        yaxis={"title": "share of signals without an event so far", "range": [-0.03, 1.03]},
        height=480,
        margin={"b": 120},
    )
    asinh_time_axis(figure, lead_axis_title(leads.clock), time_range(figure))
    _add_risk_table(figure, leads.survival)
    return apply_theme(figure, f"Kaplan–Meier curve of lead times. {leads.sentence()}")


def _curve_trace(part: pd.DataFrame, column: str, mode: str = "lines", **style: Any) -> go.Scatter:
    return go.Scatter(x=times.in_days(part["time"]).tolist(), y=part[column], mode=mode, **style)


def _from_zero(curve: pd.DataFrame) -> pd.DataFrame:
    """Prepend the start of the curve, at which no signal has an event."""
    start = pd.DataFrame(
        {"time": [pd.Timedelta(0)], "survival": [1.0], "lower": [1.0], "upper": [1.0]}
    )
    joined = pd.concat([start, curve], ignore_index=True)
    return joined.fillna({"at_risk": 0, "events": 0, "censored": 0})


def _add_risk_table(figure: go.Figure, curve: pd.DataFrame) -> None:
    """Write the number of signals at risk below each tick of the axis."""
    below = {"yref": "paper", "yanchor": "top", "showarrow": False}
    for day, at in zip(figure.layout.xaxis.ticktext, figure.layout.xaxis.tickvals, strict=True):
        later = curve[times.in_days(curve["time"]) >= float(day)]
        at_risk = int(later["at_risk"].iloc[0]) if len(later) else 0
        figure.add_annotation(x=at, y=-0.27, text=str(at_risk), **below)
    figure.add_annotation(x=0, xref="paper", y=-0.2, xanchor="left", text="number at risk", **below)


def place_map(analysis: Analysis) -> go.Figure:
    """Plot the places of signals and events on an outline map, without any network request.

    Places without coordinates are not drawn; the subtitle states how many.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> place_map(open_study().analyse()).layout.yaxis.scaleanchor
    'x'
    """
    figure = go.Figure()
    all_events = analysis.study.events
    events = all_events.dropna(subset=["lat", "lon"])
    _add_base_map(figure, events)
    table = analysis.table()
    gazetteer = analysis.study.codebook.gazetteer
    table["lat"] = [gazetteer[place_id].lat for place_id in table["place_id"]]
    table["lon"] = [gazetteer[place_id].lon for place_id in table["place_id"]]
    located = table.dropna(subset=["lat", "lon"])
    legend = {"event": (GREY, "•", "event")}
    for rows, label, colour, symbol, character in by_outcome(located):
        legend[label] = (colour, character, label)
        mark = {"size": 13, "line": {"width": 2}, "color": colour, "symbol": symbol}
        _add_places(figure, rows, located["lon"].median(), name=label, marker=mark)
    missing = len(all_events) - len(events) + len(table) - len(located)
    note = [f"{missing} of them not shown: coordinates unknown"] if missing else []
    n_signals, n_events = counted(len(table), "signal"), counted(len(all_events), "event")
    figure.update_layout(
        title=set_title(
            f"Places of {n_signals} and {n_events}", inline_legend(*legend.values()), *note
        ),
        xaxis={"visible": False},
        yaxis={"visible": False, "scaleanchor": "x", "scaleratio": 1 / math.cos(math.radians(49))},
        height=620,
        margin={"b": 10, "l": 10, "r": 10},
    )
    names = ", ".join(dict.fromkeys(located["place"])) or "none"
    return apply_theme(figure, f"Map of Ukraine with the places that signals pointed to: {names}.")


def by_outcome(table: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, str, str, str, str]]:
    """Yield the rows of `Analysis.table` for each outcome, with its label, colour and symbols."""
    for name, rows in table.groupby(_outcomes(table), sort=False):
        yield rows, *RELATION_MARKS[str(name)]


def _outcomes(table: pd.DataFrame) -> pd.Series:
    return table["relation"].where(~table["hindsight"], "hindsight")


def _add_base_map(figure: go.Figure, events: pd.DataFrame) -> None:
    """Draw the outlines of Ukraine's regions, and the events."""
    lon, lat = outlines()
    line = {"color": GREY, "width": 0.7}
    style: dict[str, Any] = {"mode": "lines", "hoverinfo": "skip", "showlegend": False}
    figure.add_trace(go.Scatter(x=lon, y=lat, line=line, **style))
    figure.add_trace(
        go.Scatter(
            x=events["lon"],
            y=events["lat"],
            name=f"event (n = {len(events)})",
            mode="markers",
            marker={"size": 5, "color": GREY, "opacity": 0.7},
            text=[escape_label(name) for name in events["place"]],
            hovertemplate="%{text}<extra></extra>",
        )
    )


def _add_places(figure: go.Figure, rows: pd.DataFrame, middle: float, **style: Any) -> None:
    """Draw the places of signals; labels extend away from the median longitude `middle`."""
    first = rows.drop_duplicates("place_id")
    figure.add_trace(
        go.Scatter(
            x=first["lon"],
            y=first["lat"],
            mode="markers+text",
            cliponaxis=False,
            text=[f"  {escape_label(_place_label(row))}  " for row in first.itertuples()],
            textposition=[
                "middle right" if lon > middle else "middle left" for lon in first["lon"]
            ],
            hovertemplate="%{text}<extra></extra>",
            **style,
        )
    )


def _place_label(row: Any) -> str:
    return f"{row.code} {row.place}" if row.kind == "emoji" else str(row.place)
