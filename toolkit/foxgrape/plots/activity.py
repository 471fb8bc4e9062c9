"""Figures in calendar time: what was posted when, by habit, and what happened at a place."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from foxgrape._util.formatting import counted
from foxgrape.plots.signals import by_outcome
from foxgrape.plots.theme import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    SKY,
    apply_theme,
    inline_legend,
    interval_style,
    set_title,
)

if TYPE_CHECKING:
    from collections.abc import Hashable

    from foxgrape.studies.analysis import Analysis

__all__ = ["activity", "event_timeline", "posting_rhythm", "surprisal_figure"]

_DAY = pd.Timedelta(days=1)
#: Longer spans are counted in weeks: bars of a day would be hairs.
_MOST_DAYS = 120
_SIDES = ("top center", "bottom center", "middle right", "middle left")
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
#: A post known less exactly than this has no hour of the day.
_HOUR = pd.Timedelta(hours=1)


def activity(
    posts: pd.DataFrame,
    signals: pd.DataFrame,
    *,
    zone: str,
    since: pd.Timestamp | None = None,
    until: pd.Timestamp | None = None,
    mark: pd.Timestamp | None = None,
) -> go.Figure:
    """Draw how many posts there were each day, or week, and how many of them carry a signal.

    Parameters
    ----------
    posts, signals
        The tables; a post counts on the day of its earliest instant, in `zone`.
    zone
        IANA name of the zone whose days count.
    since, until
        What is shown; by default all posts.
    mark
        An instant to draw a line at, such as the beginning of the last period.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> study = open_study()
    >>> figure = activity(study.posts, study.analyse().signals, zone="Europe/Kyiv")
    >>> "n = " in figure.layout.title.text
    True
    """
    since = posts["posted_at"].min() if since is None else since
    until = posts["posted_at"].max() + _DAY if until is None else until
    shown = posts[(posts["posted_at"] >= since) & (posts["posted_at"] < until)]
    carrying = shown["post_id"].isin(signals["post_id"])
    bins, unit = _bins(since, until, zone)
    figure = go.Figure()
    parts = (("with a signal", shown[carrying], ORANGE), ("without", shown[~carrying], GREY))
    for name, part, colour in parts:
        # Days are compared as they were lived: a day of 23 hours is a day.
        local = part["posted_at"].dt.tz_convert(zone).dt.tz_localize(None)
        counts, _ = np.histogram(local.astype("int64"), bins=bins.astype("int64"))
        figure.add_trace(
            go.Bar(
                x=bins[:-1].strftime("%Y-%m-%d").tolist(),
                y=counts.tolist(),
                name=name,
                marker={"color": colour},
                width=0.9 * float(_DAY / pd.Timedelta("1ms")) * (7 if unit == "week" else 1),
                offset=0,
                hovertemplate=f"{unit} of %{{x}}: %{{y}} {name}<extra></extra>",
            )
        )
    if mark is not None:
        at = mark.tz_convert(zone).tz_localize(None).isoformat()
        figure.add_vline(x=at, line={"color": BLUE, "dash": "dot"})
    keys = [(ORANGE, "■", f"with a signal ({int(carrying.sum())})"), (GREY, "■", "without")]
    keys += [(BLUE, "┊", "the last period begins")] if mark is not None else []
    figure.update_layout(
        title=set_title(f"Posts a {unit} (n = {len(shown)})", inline_legend(*keys)),
        xaxis={"range": [str(bins[0].date()), str(bins[-1].date())], "type": "date"},
        yaxis={"title": f"posts a {unit}", "rangemode": "tozero"},
        barmode="stack",
        height=330,
    )
    return apply_theme(
        figure,
        f"Bars of posts a {unit}, days as in {zone}: {len(shown)} posts, {int(carrying.sum())} of "
        "them with a signal.",
    )


def _bins(since: pd.Timestamp, until: pd.Timestamp, zone: str) -> tuple[pd.DatetimeIndex, str]:
    first, last = (one.tz_convert(zone).tz_localize(None) for one in (since, until))
    unit = "day" if last - first <= _MOST_DAYS * _DAY else "week"
    start = first.normalize()
    if unit == "week":
        start -= pd.Timedelta(days=start.weekday())
    step = 1 if unit == "day" else 7
    many = max(1, -(-(last - start) // (step * _DAY)))
    bins = pd.date_range(start, periods=many + 1, freq=f"{step}D").as_unit("us")
    return bins, unit


def posting_rhythm(posts: pd.DataFrame, *, zone: str) -> go.Figure:
    """Draw at which hours of the week posts were written, as a heat map.

    Posts whose time is known less exactly than to the hour have no hour; the title says how many.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> "time unknown" in rhythm(open_study().posts, zone="Europe/Kyiv").layout.title.subtitle.text
    True
    """
    exact = posts[posts["posted_until"] - posts["posted_at"] < _HOUR]
    local = exact["posted_at"].dt.tz_convert(zone)
    counts = np.zeros((7, 24), dtype="int64")
    np.add.at(counts, (local.dt.day_of_week.to_numpy(), local.dt.hour.to_numpy()), 1)
    figure = go.Figure(
        go.Heatmap(
            z=counts.tolist(),
            x=list(range(24)),
            y=list(_WEEKDAYS),
            colorscale=[[0, "rgba(0, 114, 178, 0.04)"], [1, BLUE]],
            xgap=1,
            ygap=1,
            zmin=0,
            zmax=max(1, int(counts.max())),
            colorbar={"title": "posts", "thickness": 12},
            hovertemplate="%{y}, %{x}:00 to %{x}:59: %{z} posts<extra></extra>",
        )
    )
    figure.update_layout(
        title=set_title(
            f"Hours of the week (n = {len(exact)})",
            f"hours in {zone}; {len(posts) - len(exact)} posts, time unknown",
        ),
        xaxis={"title": "hour of the day", "dtick": 3},
        yaxis={"autorange": "reversed"},
        height=340,
    )
    busiest = f"{_WEEKDAYS[int(counts.argmax()) // 24]} {int(counts.argmax()) % 24}:00"
    told = f"; most on {busiest} ({counts.max()})" if len(exact) else ""
    return apply_theme(
        figure, f"Heat map of posts by weekday and hour in {zone}, {len(exact)}{told}."
    )


def surprisal_figure(analysis: Analysis) -> go.Figure:
    """Draw how surprising each signal was for its account, and what came of it.

    Surprisal is in bits: each more bit is half as likely, given what the account had posted before.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> surprise(open_study().analyse()).layout.yaxis.title.text
    'surprisal, bits'
    """
    table = analysis.table()
    figure = go.Figure()
    marks = {}
    for place, (rows, words, colour, symbol, sign) in enumerate(by_outcome(table)):
        marks[words] = (colour, sign, words)
        # The first are large, so that they are seen behind what lies on them.
        size = max(7, 17 - 4 * place)
        figure.add_trace(
            go.Scatter(
                x=_instants(rows["posted_at"]),
                y=rows["surprisal"].tolist(),
                name=words,
                mode="markers+text",
                marker={"size": size, "color": colour, "symbol": symbol, "line": {"width": 2}},
                text=[html.escape(str(code)) for code in rows["code"]],
                textposition=_SIDES[place % len(_SIDES)],
                customdata=[html.escape(str(place)) for place in rows["place"]],
                hovertemplate="%{text} for %{customdata}, %{y:.1f} bits<extra></extra>",
                cliponaxis=False,
            )
        )
    figure.update_layout(
        title=set_title(
            f"How unusual each signal was for its account (n = {len(table)})",
            inline_legend(*marks.values()),
        ),
        xaxis={"type": "date"},
        yaxis={"title": "surprisal, bits", "rangemode": "tozero"},
        height=400,
    )
    return apply_theme(
        figure,
        f"Surprisal in bits of {len(table)} signals in calendar time, marked by what came of them.",
    )


def event_timeline(analysis: Analysis, events: pd.DataFrame) -> go.Figure:
    """Draw events in calendar time, and below them the signals of each account.

    Bars are intervals: as wide as the time is rough.

    Parameters
    ----------
    analysis
        Whose signals are drawn.
    events
        The events to draw, in the events table's schema.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> study = open_study()
    >>> izium = "geonames:707292"
    >>> there = study.events[study.events["place_id"] == izium]
    >>> figure = chronicle(study.analyse().only(place_id=izium), there)
    >>> len(figure.data) > 0
    True
    """
    table = analysis.table()
    figure = go.Figure()
    marks: dict[str, tuple[str, str, str]] = {}
    for name, words, colour, width in (
        ("occurred", "event occurred", ORANGE, 15),
        ("confirmed", "event confirmed", GREEN, 6),
    ):
        known = events.dropna(subset=[f"{name}_at"])
        hover = [html.escape(f"{words}: {row.kind}, {row.place}") for row in known.itertuples()]
        rows = ["events"] * len(known)
        span = (known[f"{name}_at"], known[f"{name}_until"])
        figure.add_trace(_spans(*span, rows, hover, colour, width, name=words))
        marks[words] = (colour, "■", words)
    accounts = []
    for part, words, colour, symbol, sign in by_outcome(table):
        accounts += _add_posts(figure, part, words, {"color": colour, "symbol": symbol})
        marks[words] = (colour, sign, words)
    order = ["events", *dict.fromkeys(accounts)]
    figure.update_layout(
        title=set_title(
            f"Events (n = {len(events)}) and signals (n = {len(table)})",
            *_in_lines(list(marks.values())),
        ),
        xaxis={"type": "date"},
        yaxis={
            "categoryorder": "array",
            "categoryarray": order,
            "range": [len(order) - 0.5, -0.5],
        },
        height=190 + 34 * len(order),
    )
    return apply_theme(
        figure,
        f"{counted(len(events), 'event')} and {counted(len(table), 'signal')} in calendar "
        "time, one row an account; bars are as wide as times are rough.",
    )


def _add_posts(
    figure: go.Figure, signals: pd.DataFrame, words: str, look: dict[str, str]
) -> list[str]:
    """Draw the posts of signals, each with a mark of what became of it; return their rows."""
    rows = [html.escape(str(account)) for account in signals["account"]]
    hover = [
        html.escape(f"{row.account}: {row.code} for {row.place}") for row in signals.itertuples()
    ]
    start, end = signals["posted_at"], signals["posted_until"]
    figure.add_trace(_spans(start, end, rows, hover, SKY, 9, name="post"))
    figure.add_trace(
        go.Scatter(
            x=_instants(start + (end - start) / 2),
            y=rows,
            mode="markers",
            marker={"size": 11, "line": {"width": 2}, **look},
            text=hover,
            hovertemplate=f"%{{text}}, {words}<extra></extra>",
        )
    )
    return rows


def _in_lines(marks: list[tuple[str, str, str]], most: int = 3) -> list[str]:
    """Write a key of many entries in lines that a phone has room for."""
    return [inline_legend(*marks[at : at + most]) for at in range(0, len(marks), most)]


def _instants(column: pd.Series) -> list[str]:
    return [instant.isoformat() for instant in column]


def _spans(
    start: pd.Series,
    end: pd.Series,
    labels: list[str],
    hover: list[str],
    colour: str,
    width: int,
    **options: Any,
) -> go.Scatter:
    """Return one trace of many bars, each from its start to its end."""
    x: list[Hashable] = []
    y: list[Hashable] = []
    text: list[Hashable] = []
    ends = zip(_instants(start), _instants(end), labels, hover, strict=True)
    for first, last, label, words in ends:
        x += [first, last, None]
        y += [label, label, None]
        text += [words, words, None]
    return go.Scatter(
        x=x,
        y=y,
        text=text,
        hovertemplate="%{text}<extra></extra>",
        **interval_style(colour, width),
        **options,
    )
