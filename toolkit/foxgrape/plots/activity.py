"""Figures in calendar time: posts per day, hours of the week, surprisal, and events at a place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from foxgrape import schemas
from foxgrape._util.formatting import counted
from foxgrape.plots.labels import escape_label
from foxgrape.plots.signals import by_outcome
from foxgrape.plots.theme import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    SKY,
    apply_theme,
    inline_legend,
    interval_trace,
    set_title,
)

if TYPE_CHECKING:
    from foxgrape.studies.analysis import Analysis

__all__ = ["activity", "event_timeline", "posting_rhythm", "surprisal_figure"]

_DAY = pd.Timedelta(days=1)
#: Longest period, in days, with daily bars; in longer periods they would be too thin.
_MAX_DAYS = 120
_LEGEND_COLUMNS = 3
#: Name of the row of events in `event_timeline`.
_EVENTS = "events"
_TEXT_POSITIONS = ("top center", "bottom center", "middle right", "middle left")
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
#: Posts whose time is known less exactly than this are not counted by hour.
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
    """Plot the number of posts per day or week, and how many of them carry a signal.

    Parameters
    ----------
    posts, signals
        The posts and signals tables; a post counts on the day of its ``posted_at`` in `zone`.
    zone
        IANA name of the time zone in which days begin.
    since, until
        The period shown; all posts by default.
    mark
        The start of the last period, where a line is drawn.

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
    keys = schemas.KEYS["posts"][0]
    has_signal = schemas.key_index(shown, keys).isin(schemas.key_index(signals, keys))
    bins, unit = _bins(since, until, zone)
    figure = go.Figure()
    parts = (
        ("posts with a signal", shown[has_signal], ORANGE),
        ("other posts", shown[~has_signal], GREY),
    )
    for name, part, colour in parts:
        figure.add_trace(_bars(part, bins, unit, zone, name, colour))
    n_signals = int(has_signal.sum())
    legend = [(ORANGE, "■", f"with a signal ({n_signals})"), (GREY, "■", "without a signal")]
    if mark is not None:
        at = mark.tz_convert(zone).tz_localize(None).isoformat()
        figure.add_vline(x=at, line={"color": BLUE, "dash": "dot"})
        legend.append((BLUE, "┊", "start of the last period"))
    figure.update_layout(
        title=set_title(f"Posts per {unit} (n = {len(shown)})", inline_legend(*legend)),
        xaxis={"range": [str(bins[0].date()), str(bins[-1].date())], "type": "date"},
        yaxis={"title": f"posts per {unit}", "rangemode": "tozero"},
        barmode="stack",
        height=330,
    )
    return apply_theme(
        figure,
        f"Bar chart of posts per {unit} in the time zone {zone}: {counted(len(shown), 'post')}, "
        f"{n_signals} of them with a signal.",
    )


def _bars(
    posts: pd.DataFrame, bins: pd.DatetimeIndex, unit: str, zone: str, name: str, colour: str
) -> go.Bar:
    # Local clock times, so that a day of 23 or 25 hours is one bin.
    local = posts["posted_at"].dt.tz_convert(zone).dt.tz_localize(None)
    counts, _ = np.histogram(local.astype("int64"), bins=bins.astype("int64"))
    return go.Bar(
        x=bins[:-1].strftime("%Y-%m-%d").tolist(),
        y=counts.tolist(),
        name=name,
        marker={"color": colour},
        width=0.9 * float(_DAY / pd.Timedelta("1ms")) * (7 if unit == "week" else 1),
        offset=0,
        hovertemplate=f"{unit} of %{{x}}: %{{y}} {name}<extra></extra>",
    )


def _bins(since: pd.Timestamp, until: pd.Timestamp, zone: str) -> tuple[pd.DatetimeIndex, str]:
    """Return the edges of days or weeks in local time, and the unit."""
    first, last = (instant.tz_convert(zone).tz_localize(None) for instant in (since, until))
    unit = "day" if last - first <= _MAX_DAYS * _DAY else "week"
    start = first.normalize()
    if unit == "week":
        start -= pd.Timedelta(days=start.weekday())
    step = 1 if unit == "day" else 7
    n_bins = max(1, -(-(last - start) // (step * _DAY)))
    bins = pd.date_range(start, periods=n_bins + 1, freq=f"{step}D").as_unit("us")
    return bins, unit


def posting_rhythm(posts: pd.DataFrame, *, zone: str) -> go.Figure:
    """Plot the number of posts by weekday and hour as a heat map.

    Posts whose time is not known to the hour are left out; the subtitle states how many.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> figure = posting_rhythm(open_study().posts, zone="Europe/Kyiv")
    >>> "hour unknown" in figure.layout.title.subtitle.text
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
    unknown = counted(len(posts) - len(exact), "post")
    figure.update_layout(
        title=set_title(
            f"Posts by hour of the week (n = {len(exact)})",
            f"time zone {zone}; {unknown} not shown: hour unknown",
        ),
        xaxis={"title": "hour of the day", "dtick": 3},
        yaxis={"autorange": "reversed"},
        height=340,
    )
    day, hour = divmod(int(counts.argmax()), 24)
    busiest = f"; most on {_WEEKDAYS[day]} at {hour}:00 ({counts.max()})" if len(exact) else ""
    return apply_theme(
        figure,
        f"Heat map of {counted(len(exact), 'post')} by weekday and hour in the time zone "
        f"{zone}{busiest}.",
    )


def surprisal_figure(analysis: Analysis) -> go.Figure:
    """Plot how unusual each signal was for its account, by date and outcome.

    Surprisal is in bits: one more bit means half as likely, given the account's earlier posts.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> surprisal_figure(open_study().analyse()).layout.yaxis.title.text
    'surprisal, bits'
    """
    table = analysis.table()
    figure = go.Figure()
    legend = {}
    for number, (rows, label, colour, symbol, character) in enumerate(by_outcome(table)):
        legend[label] = (colour, character, label)
        # Markers drawn first are larger, so that they remain visible behind those drawn later.
        size = max(7, 17 - 4 * number)
        figure.add_trace(
            go.Scatter(
                x=_iso_times(rows["posted_at"]),
                y=rows["surprisal"].tolist(),
                name=label,
                mode="markers+text",
                marker={"size": size, "color": colour, "symbol": symbol, "line": {"width": 2}},
                text=[escape_label(code) for code in rows["code"]],
                textposition=_TEXT_POSITIONS[number % len(_TEXT_POSITIONS)],
                customdata=[escape_label(place) for place in rows["place"]],
                hovertemplate="%{text} for %{customdata}, %{y:.1f} bits<extra></extra>",
                cliponaxis=False,
            )
        )
    figure.update_layout(
        title=set_title(
            f"How unusual each signal was for its account (n = {len(table)})",
            inline_legend(*legend.values()),
        ),
        xaxis={"type": "date"},
        yaxis={"title": "surprisal, bits", "rangemode": "tozero"},
        height=400,
    )
    return apply_theme(
        figure, f"Surprisal of {counted(len(table), 'signal')} in bits by date, marked by outcome."
    )


def event_timeline(analysis: Analysis, events: pd.DataFrame) -> go.Figure:
    """Plot events by date and, below them, the signals of each account.

    The wider the bar, the less exactly the time is known.

    Parameters
    ----------
    analysis
        The analysis whose signals are drawn.
    events
        The events to draw, in the events table's schema.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> study = open_study()
    >>> izium = "geonames:707292"
    >>> events = study.events[study.events["place_id"] == izium]
    >>> figure = event_timeline(study.analyse().filter(place_id=izium), events)
    >>> len(figure.data) > 0
    True
    """
    table = analysis.table()
    figure = go.Figure()
    legend: dict[str, tuple[str, str, str]] = {}
    for name, label, colour, width in (
        ("occurred", "event", ORANGE, 15),
        ("confirmed", "confirmation", GREEN, 6),
    ):
        known = events.dropna(subset=[f"{name}_at"])
        hover = [escape_label(f"{label}: {row.kind}, {row.place}") for row in known.itertuples()]
        rows = [_EVENTS] * len(known)
        bars = _iso_times(known[f"{name}_at"]), _iso_times(known[f"{name}_until"]), rows
        figure.add_trace(interval_trace(*bars, hover, colour, width, label))
        legend[label] = (colour, "■", label)
    accounts = []
    for part, label, colour, symbol, character in by_outcome(table):
        accounts += _add_posts(figure, part, label, {"color": colour, "symbol": symbol})
        legend[label] = (colour, character, label)
    order = [_EVENTS, *dict.fromkeys(accounts)]
    entries = list(legend.values())
    figure.update_layout(
        title=set_title(
            f"Events (n = {len(events)}) and signals (n = {len(table)})",
            # Only three entries fit on a line on a phone.
            *(
                inline_legend(*entries[at : at + _LEGEND_COLUMNS])
                for at in range(0, len(entries), _LEGEND_COLUMNS)
            ),
        ),
        xaxis={"type": "date"},
        yaxis={
            # Plotly would read names such as 1234 as numbers, and not draw them.
            "type": "category",
            "categoryorder": "array",
            "categoryarray": order,
            "range": [len(order) - 0.5, -0.5],
        },
        height=190 + 34 * len(order),
    )
    return apply_theme(
        figure,
        f"{counted(len(events), 'event')} and {counted(len(table), 'signal')} by date, one row "
        "per account. The wider the bar, the less exactly the time is known.",
    )


def _add_posts(
    figure: go.Figure, signals: pd.DataFrame, label: str, marker: dict[str, str]
) -> list[str]:
    """Draw the posts of signals that share an outcome; return each signal's row, its account."""
    names = [escape_label(account) for account in signals["account"]]
    # An invisible character keeps an account of this name out of the row of events.
    rows = [f"{name}\u200b" if name == _EVENTS else name for name in names]
    hover = [
        escape_label(f"{row.account}: {row.code} for {row.place}") for row in signals.itertuples()
    ]
    start, end = signals["posted_at"], signals["posted_until"]
    bars = _iso_times(start), _iso_times(end), rows
    figure.add_trace(interval_trace(*bars, hover, SKY, 9, "post"))
    figure.add_trace(
        go.Scatter(
            x=_iso_times(start + (end - start) / 2),
            y=rows,
            mode="markers",
            marker={"size": 11, "line": {"width": 2}, **marker},
            text=hover,
            hovertemplate=f"%{{text}}, {label}<extra></extra>",
        )
    )
    return rows


def _iso_times(column: pd.Series) -> list[str]:
    return [instant.isoformat() for instant in column]
