"""Plotly figures: each says n, has alt text in ``layout.meta["alt"]`` and needs no network."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go

from foxgrape import times
from foxgrape._util.formatting import duration_in_words
from foxgrape.plots.theme import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    SKY,
    apply_theme,
    asinh_time_axis,
    inline_legend,
    interval_style,
    outlines,
    set_title,
    time_range,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from foxgrape.stats.survival.lead_times import LeadTimes
    from foxgrape.studies.analysis import Analysis

__all__ = ["by_outcome", "place_map", "survival", "timeline"]

#: How a relation, or hindsight, looks on the map: words, colour, plotly's symbol, its like in text.
RELATION_MARKS = {
    "anticipates": ("before it occurred", GREEN, "star", "★"),
    "announces": ("before it was confirmed", GREEN, "circle", "●"),
    "precedes": ("before it was confirmed", GREEN, "circle", "●"),
    "undetermined": ("order cannot be told", ORANGE, "diamond", "◆"),
    "follows": ("after it was confirmed", PINK, "square", "■"),
    "unconfirmed": ("no event, right-censored", BLUE, "circle-open", "○"),
    "hindsight": ("decoded only afterwards, hindsight", PINK, "x", "✕"),
}


def timeline(analysis: Analysis) -> go.Figure:
    """Draw each signal with its event and the interval between, in days since the post.

    Bars are intervals: as wide as the time is rough. A right-censored signal is an open arrow as
    long as it was watched. Signals read from top to bottom in the order of their posts.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> "right-censored" in timeline(open_study().analyse()).layout.meta["alt"]
    True
    """
    table = analysis.table()
    labels = [_label(row, analysis.study.timezone) for row in table.itertuples()]
    figure = go.Figure()
    _add_spans(figure, table, labels)
    _add_censored(figure, table, labels)
    for label, relation, hindsight in zip(
        labels, table["relation"], table["hindsight"], strict=True
    ):
        figure.add_annotation(
            x=1.0,
            xref="paper",
            y=label,
            xanchor="left",
            xshift=8,
            showarrow=False,
            text="hindsight" if hindsight else str(relation),
        )
    figure.update_layout(
        title=set_title(
            f"Signals and their events (n = {len(table)})",
            inline_legend((SKY, "■", "post"), (ORANGE, "■", "occurred"), (GREEN, "■", "confirmed")),
            inline_legend((BLUE, "┄▷", f"no event in {duration_in_words(analysis.horizon)}")),
        ),
        yaxis={
            "range": [len(labels) - 0.4, -0.6],
            "categoryorder": "array",
            "categoryarray": labels,
        },
        height=210 + 40 * len(table),
        margin={"r": 110},
    )
    asinh_time_axis(figure, "days since the post's earliest instant", time_range(figure))
    counts = ", ".join(f"{n} {name}" for name, n in table["relation"].value_counts().items())
    return apply_theme(
        figure,
        f"Timeline of {len(table)} signals ({counts or 'none'}), one a row, in days since the "
        "post: bars for the post, for when the event occurred and when it was confirmed; "
        "right-censored signals are open arrows.",
    )


def _add_spans(figure: go.Figure, table: pd.DataFrame, labels: list[str]) -> None:
    """Draw post and event of each signal, and what lies between."""
    origin = table["posted_at"]
    figure.add_trace(
        go.Scatter(
            **_bars(table["posted_at"] - origin, table["confirmed_until"] - origin, labels),
            mode="lines",
            line={"color": GREY, "width": 1.5},
            hoverinfo="skip",
        )
    )
    # Wide, less wide, narrow: bars that overlap are all seen.
    for name, words, colour, width in (
        ("posted", "post", SKY, 24),
        ("occurred", "event occurred", ORANGE, 13),
        ("confirmed", "event confirmed", GREEN, 5),
    ):
        starts, ends = table[f"{name}_at"], table[f"{name}_until"]
        hover = [
            None if pd.isna(start) else f"{words}: {_between(start, end)}"
            for start, end in zip(starts, ends, strict=True)
        ]
        figure.add_trace(
            go.Scatter(
                **_bars(starts - origin, ends - origin, labels),
                **interval_style(colour, width),
                name=words,
                text=[text for text in hover for _ in range(3)],
                hovertemplate="%{text}<extra></extra>",
            )
        )


def survival(leads: LeadTimes) -> go.Figure:
    """Draw the share of signals still waiting for their event, with 95% band and number at risk.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> figure = survival(open_study().analyse().lead_times)
    >>> figure.layout.yaxis.title.text
    'share of signals still waiting'
    """
    figure = go.Figure()
    curve = _from_zero(leads.survival)
    flat: dict[str, Any] = {"line": {"width": 0, "shape": "hv"}, "hoverinfo": "skip"}
    figure.add_trace(_curve(curve, "upper", showlegend=False, **flat))
    band = {"name": "95% band", "fill": "tonexty", "fillcolor": "rgba(0, 114, 178, 0.18)"}
    figure.add_trace(_curve(curve, "lower", **band, **flat))
    for name, edge, dash in (
        ("leads at their shortest", leads.shortest, "dot"),
        ("leads at their longest", leads.longest, "dash"),
    ):
        line = {"color": GREY, "width": 1, "dash": dash, "shape": "hv"}
        figure.add_trace(_curve(_from_zero(edge), "survival", name=name, line=line))
    line = {"color": BLUE, "width": 2.5, "shape": "hv"}
    name = "Kaplan–Meier, leads at mid-interval"
    figure.add_trace(_curve(curve, "survival", name=name, line=line))
    mark = {"symbol": "cross-thin-open", "size": 11, "color": BLUE, "line": {"width": 2}}
    waiting = curve[curve["censored"] > 0]
    figure.add_trace(
        _curve(waiting, "survival", name="right-censored", mode="markers", marker=mark)
    )
    figure.update_layout(
        title=set_title(
            f"How long signals wait (n = {leads.n}, {leads.n_censored} right-censored)",
            inline_legend((BLUE, "━", "Kaplan–Meier"), (BLUE, "+", "right-censored")),
            inline_legend((SKY, "■", "95% band"), (GREY, "┄", "leads at their shortest, longest")),
        ),
        yaxis={"title": "share of signals still waiting", "range": [-0.03, 1.03]},
        height=480,
        margin={"b": 120},
    )
    asinh_time_axis(figure, f"lead on the {leads.clock} clock, days", time_range(figure))
    _add_risk_table(figure, leads.survival)
    return apply_theme(figure, f"Kaplan–Meier curve of lead times. {leads.sentence()}")


def _curve(part: pd.DataFrame, column: str, mode: str = "lines", **look: Any) -> go.Scatter:
    """Return one column of a survival curve as a trace, by days."""
    return go.Scatter(x=times.in_days(part["time"]).tolist(), y=part[column], mode=mode, **look)


def place_map(analysis: Analysis) -> go.Figure:
    """Draw where signals pointed and where events were, over outlines that need no network.

    Places without known coordinates cannot be drawn; the title says how many they are.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> place_map(open_study().analyse()).layout.yaxis.scaleanchor
    'x'
    """
    figure = go.Figure()
    events = analysis.study.events.dropna(subset=["lat", "lon"])
    _add_ground(figure, events)
    table = analysis.table()
    gazetteer = analysis.study.codebook.gazetteer
    table["lat"] = [gazetteer[place_id].lat for place_id in table["place_id"]]
    table["lon"] = [gazetteer[place_id].lon for place_id in table["place_id"]]
    placed = table.dropna(subset=["lat", "lon"])
    marks = {"event": (GREY, "•", "event")}
    for rows, words, colour, symbol, sign in by_outcome(placed):
        marks[words] = (colour, sign, words)
        mark = {"size": 13, "line": {"width": 2}, "color": colour, "symbol": symbol}
        _add_places(figure, rows, placed["lon"].median(), name=words, marker=mark)
    lost = len(analysis.study.events) - len(events) + len(table) - len(placed)
    note = [f"{lost} of them have no known coordinates and are not drawn"] if lost else []
    figure.update_layout(
        title=set_title(
            f"Places of {len(table)} signals and {len(analysis.study.events)} events",
            inline_legend(*marks.values()),
            *note,
        ),
        xaxis={"visible": False},
        yaxis={"visible": False, "scaleanchor": "x", "scaleratio": 1 / math.cos(math.radians(49))},
        height=620,
        margin={"b": 10, "l": 10, "r": 10},
    )
    named = ", ".join(dict.fromkeys(placed["place"])) or "none"
    return apply_theme(figure, f"Map of Ukraine with the places that signals pointed to: {named}.")


def by_outcome(table: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, str, str, str, str]]:
    """Go through signals by what became of them: rows of `Analysis.table`, and how they look."""
    told = table["relation"].where(~table["hindsight"], "hindsight")
    for name, rows in table.groupby(told, sort=False):
        yield rows, *RELATION_MARKS[str(name)]


def _add_ground(figure: go.Figure, events: pd.DataFrame) -> None:
    """Draw outlines, and on them where events were."""
    lon, lat = outlines()
    figure.add_trace(
        go.Scatter(
            x=lon,
            y=lat,
            mode="lines",
            line={"color": GREY, "width": 0.7},
            hoverinfo="skip",
            showlegend=False,
        )
    )
    figure.add_trace(
        go.Scatter(
            x=events["lon"],
            y=events["lat"],
            name=f"event (n = {len(events)})",
            mode="markers",
            marker={"size": 5, "color": GREY, "opacity": 0.7},
            text=[html.escape(str(name)) for name in events["place"]],
            hovertemplate="%{text}<extra></extra>",
        )
    )


def _add_places(figure: go.Figure, rows: pd.DataFrame, middle: float, **look: Any) -> None:
    """Draw where signals pointed, with names that lead away from the middle of them all."""
    first = rows.drop_duplicates("place_id")
    figure.add_trace(
        go.Scatter(
            x=first["lon"],
            y=first["lat"],
            mode="markers+text",
            cliponaxis=False,
            text=[f"  {html.escape(f'{_sign(row)}{row.place}')}  " for row in first.itertuples()],
            textposition=[
                "middle right" if lon > middle else "middle left" for lon in first["lon"]
            ],
            hovertemplate="%{text}<extra></extra>",
            **look,
        )
    )


def _sign(row: Any) -> str:
    return f"{row.code} " if row.kind == "emoji" else ""


def _label(row: Any, zone: str) -> str:
    """Return a row's label, escaped: plotly reads <b> and <a> in it."""
    sign = row.code if row.code == row.place else f"{row.code} → {row.place}"
    day = f"{row.posted_at.tz_convert(zone):%-d %b %Y}"
    # What nobody sees at the end keeps two posts of one account on one day apart.
    unseen = "\u200b" * int(row.Index)
    return f"<b>{html.escape(sign)}</b><br>{html.escape(row.account)}, {day}{unseen}"


def _between(start: pd.Timestamp, end: pd.Timestamp) -> str:
    first = f"{start:%Y-%m-%d %H:%M} UTC"
    return first if start == end else f"{first} to {end:%Y-%m-%d %H:%M} UTC"


def _bars(start: pd.Series, end: pd.Series, labels: list[str]) -> dict[str, list[Hashable]]:
    """Return one trace's points for many bars: two ends and a gap for each."""
    x: list[Hashable] = []
    y: list[Hashable] = []
    for first, last, label in zip(times.in_days(start), times.in_days(end), labels, strict=True):
        x += [None, None, None] if pd.isna(first) else [first, last, None]
        y += [label, label, None]
    return {"x": x, "y": y}


def _add_censored(figure: go.Figure, table: pd.DataFrame, labels: list[str]) -> None:
    start = (table["posted_until"] - table["posted_at"]).where(~table["observed"])
    end = start + table["lead_min"]
    figure.add_trace(
        go.Scatter(
            **_bars(start, end, labels),
            name="watched, no event (right-censored)",
            mode="lines",
            line={"color": BLUE, "width": 2, "dash": "dot"},
            hoverinfo="skip",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=times.in_days(end).tolist(),
            y=labels,
            mode="markers",
            marker={
                "symbol": "triangle-right-open",
                "size": 15,
                "color": BLUE,
                "line": {"width": 2},
            },
            text=[duration_in_words(lead) for lead in table["lead_min"]],
            hovertemplate="watched for %{text}, no event<extra></extra>",
            showlegend=False,
        )
    )


def _from_zero(curve: pd.DataFrame) -> pd.DataFrame:
    """Begin the curve where every signal waits."""
    start = pd.DataFrame(
        {"time": [pd.Timedelta(0)], "survival": [1.0], "lower": [1.0], "upper": [1.0]}
    )
    joined = pd.concat([start, curve], ignore_index=True)
    return joined.fillna({"at_risk": 0, "events": 0, "censored": 0})


def _add_risk_table(figure: go.Figure, curve: pd.DataFrame) -> None:
    """Write the number of signals still at risk under the axis."""
    below = {"yref": "paper", "yanchor": "top", "showarrow": False}
    for day, at in zip(figure.layout.xaxis.ticktext, figure.layout.xaxis.tickvals, strict=True):
        later = curve[times.in_days(curve["time"]) >= float(day)]
        at_risk = int(later["at_risk"].iloc[0]) if len(later) else 0
        figure.add_annotation(x=at, y=-0.27, text=str(at_risk), **below)
    figure.add_annotation(x=0, xref="paper", y=-0.2, xanchor="left", text="number at risk", **below)
