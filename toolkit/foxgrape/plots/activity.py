"""Figures in calendar time: posts per day, hours of the week, surprisal, and events at a place."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from foxgrape import schemas
from foxgrape._util.formatting import counted
from foxgrape.plots.labels import escape_label
from foxgrape.plots.outcomes import by_outcome
from foxgrape.plots.theme import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    SKY,
    apply_theme,
    changes_control,
    count_bubbles,
    empty_figure,
    inline_legend,
    interval_trace,
    set_title,
)

if TYPE_CHECKING:
    from foxgrape.studies.analysis import Analysis

__all__ = ["activity", "event_timeline", "posting_rhythm", "surprisal_figure"]

_DAY = pd.Timedelta(days=1)
#: Longest periods, in days, with daily and with weekly bars; more bars would be too thin.
_MAX_DAYS, _MAX_WEEK_DAYS = 120, 1_500
#: More signals or events than this are counted, because their marks would cover each other.
_MAX_MARKS = 150
#: Bins of `surprisal_figure` and `event_timeline` for many signals.
_TIME_BINS, _BITS_BIN = 60, 0.5
#: `event_timeline` shows at most this many accounts; the others share a row.
_MAX_ACCOUNTS = 12
#: More names than this would cover each other.
_MAX_NAMES = 30
_LEGEND_COLUMNS = 3
#: Label of the events that change who controls a place.
_CONTROL = "change of control"
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
        The start of the period that a report is about, where a line is drawn.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> study = open_study()
    >>> figure = activity(study.posts, study.analyse().signals, zone="Europe/Kyiv")
    >>> "n = " in figure.layout.title.text
    True
    """
    if posts.empty:
        return empty_figure("There are no posts; add an export of posts to the study or the store.")
    since = posts["posted_at"].min() if since is None else since
    until = posts["posted_at"].max() + _DAY if until is None else until
    shown = posts[(posts["posted_at"] >= since) & (posts["posted_at"] < until)]
    if shown.empty:
        return empty_figure("No posts in this period; check the period and the time zone.")
    keys = schemas.KEYS["posts"][0]
    has_signal = schemas.key_index(shown, keys).isin(schemas.key_index(signals, keys))
    bins, unit = _bins(since, until, zone)
    # Without a margin, the first label below the axis would cover the zero beside it.
    margin = 0.03 * (bins[-1] - bins[0])
    figure = go.Figure()
    parts = (
        ("posts with a signal", shown[has_signal], ORANGE),
        ("other posts", shown[~has_signal], GREY),
    )
    for name, part, colour in parts:
        figure.add_trace(_bars(part, bins, unit, zone, name, colour))
    n_signals = int(has_signal.sum())
    n_others = len(shown) - n_signals
    legend = [
        (ORANGE, "■", f"with a signal ({n_signals:,})"),
        (GREY, "■", f"without a signal ({n_others:,})"),
    ]
    if mark is not None:
        at = mark.tz_convert(zone).tz_localize(None).isoformat()
        figure.add_vline(x=at, line={"color": BLUE, "dash": "dot"})
        legend.append((BLUE, "┊", "start of this period"))
    figure.update_layout(
        title=set_title(f"Posts per {unit} (n = {len(shown):,})", inline_legend(*legend)),
        xaxis={"range": [str(bins[0] - margin), str(bins[-1])], "type": "date"},
        yaxis={"title": f"posts per {unit}", "rangemode": "tozero"},
        barmode="stack",
        height=330,
    )
    return apply_theme(
        figure,
        f"Bar chart of posts per {unit} in the time zone {zone}: {counted(len(shown), 'post')}, "
        f"{n_signals:,} of them with a signal.",
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
        width=[0.9 * ((end - start) / pd.Timedelta("1ms")) for start, end in pairwise(bins)],
        offset=0,
        hovertemplate=f"{unit} of %{{x}}: %{{y}} {name}<extra></extra>",
    )


def _bins(since: pd.Timestamp, until: pd.Timestamp, zone: str) -> tuple[pd.DatetimeIndex, str]:
    """Return the edges of days, weeks or months in local time, and the unit."""
    first, last = (instant.tz_convert(zone).tz_localize(None) for instant in (since, until))
    start = first.normalize()
    if last - first > _MAX_WEEK_DAYS * _DAY:
        start -= pd.Timedelta(days=start.day - 1)
        n_months = (last.year - start.year) * 12 + last.month - start.month + 1
        return pd.date_range(start, periods=n_months + 1, freq="MS").as_unit("us"), "month"
    unit = "day" if last - first <= _MAX_DAYS * _DAY else "week"
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
    if exact.empty:
        return empty_figure(
            "The hour of no post is known, so there is no pattern of hours to show."
            if len(posts)
            else "There are no posts; add an export of posts to the study or the store."
        )
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
    n_unknown = len(posts) - len(exact)
    unknown = f"; {counted(n_unknown, 'post')} not shown: hour unknown" if n_unknown else ""
    figure.update_layout(
        title=set_title(
            f"Posts by hour of the week (n = {len(exact):,})", f"time zone {zone}{unknown}"
        ),
        xaxis={"title": "hour of the day", "dtick": 3},
        yaxis={"autorange": "reversed"},
        height=340,
    )
    day, hour = divmod(int(counts.argmax()), 24)
    return apply_theme(
        figure,
        f"Heat map of {counted(len(exact), 'post')} by weekday and hour in the time zone "
        f"{zone}; most on {_WEEKDAYS[day]} at {hour}:00 ({counts.max():,}).",
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
    table = analysis.table().dropna(subset=["surprisal"])
    if table.empty:
        return empty_figure(analysis.why_no_signals())
    figure = go.Figure()
    legend = []
    grouped = len(table) > _MAX_MARKS
    note = ["larger marks: more signals"] if grouped else []
    for number, (rows, label, colour, symbol, character) in enumerate(by_outcome(table)):
        legend.append((colour, character, f"{label} ({len(rows):,})"))
        marker = {"color": colour, "symbol": symbol}
        add = _counted_bits if grouped else _single_bits
        figure.add_trace(add(rows, table, number, label, marker))
    figure.update_layout(
        title=set_title(
            f"How unusual each signal was for its account (n = {len(table):,})",
            *(inline_legend(*legend[at : at + 2]) for at in range(0, len(legend), 2)),
            *note,
        ),
        xaxis={"type": "date"},
        yaxis={"title": "surprisal, bits", "rangemode": "tozero"},
        height=400,
        margin={"t": 95 + 18 * ((len(legend) + 1) // 2 - 1)},
    )
    return apply_theme(
        figure, f"Surprisal of {counted(len(table), 'signal')} in bits by date, marked by outcome."
    )


def _single_bits(
    rows: pd.DataFrame, _: pd.DataFrame, number: int, label: str, marker: dict[str, str]
) -> go.Scatter:
    """Return one mark per signal, with its code."""
    # Markers drawn first are larger, so that they remain visible behind those drawn later.
    size = max(7, 17 - 4 * number)
    return go.Scatter(
        x=_iso_times(rows["posted_at"]),
        y=rows["surprisal"].tolist(),
        name=label,
        mode="markers+text" if len(rows) <= _MAX_NAMES else "markers",
        marker={"size": size, "line": {"width": 2}, **marker},
        text=[escape_label(code) for code in rows["code"]],
        textposition=_TEXT_POSITIONS[number % len(_TEXT_POSITIONS)],
        customdata=[escape_label(place) for place in rows["place"]],
        hovertemplate="%{text} for %{customdata}, %{y:.1f} bits<extra></extra>",
        cliponaxis=False,
    )


def _counted_bits(
    rows: pd.DataFrame, table: pd.DataFrame, _: int, label: str, marker: dict[str, str]
) -> go.Scatter:
    """Return marks for the number of signals by time and by half a bit."""
    grids = [
        part.assign(at=_time_bins(part["posted_at"], table["posted_at"]), bits=_bits(part))
        for part in (table, rows)
    ]
    every, cells = (grid.groupby(["at", "bits"]).size() for grid in grids)
    return count_bubbles(
        _iso_times(cells.index.get_level_values("at").to_series()),
        cells.index.get_level_values("bits").tolist(),
        cells.tolist(),
        int(every.max()),
        name=label,
        marker={
            "opacity": 0.7,
            "line": {"width": 1.5 if "open" in marker["symbol"] else 0},
            **marker,
        },
        hovertemplate=f"%{{customdata}} of about %{{y}} bits: {label}<extra></extra>",
    )


def _bits(rows: pd.DataFrame) -> pd.Series:
    return (rows["surprisal"] / _BITS_BIN).round() * _BITS_BIN


def _time_bins(times: pd.Series, of: pd.Series) -> pd.Series:
    """Return the middle of each time's bin, out of bins of whole days that cover `of`."""
    start = of.min()
    width = max(_DAY, ((of.max() - start) / _TIME_BINS).ceil("D"))
    middles: pd.Series = start + ((times - start) // width) * width + width / 2
    return middles


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
    if table.empty and events.empty:
        return empty_figure(
            "Neither posts nor events refer to this place; look up its id with: foxgrape find NAME"
        )
    table["row"] = _account_rows(table)
    figure = go.Figure()
    legend = _add_events(figure, events)
    for part, label, colour, symbol, character in by_outcome(table):
        add = _add_counts if len(table) > _MAX_MARKS else _add_posts
        add(figure, part, table, label, {"color": colour, "symbol": symbol})
        legend.append((colour, character, label))
    order = [_EVENTS, *dict.fromkeys(table["row"])]
    note = ["larger marks: more of them"] if max(len(table), len(events)) > _MAX_MARKS else []
    # Only three entries fit on a line on a phone.
    lines = [
        inline_legend(*legend[at : at + _LEGEND_COLUMNS])
        for at in range(0, len(legend), _LEGEND_COLUMNS)
    ]
    figure.update_layout(
        title=set_title(
            f"Events (n = {len(events):,}) and signals (n = {len(table):,})", *lines, *note
        ),
        xaxis={"type": "date"},
        yaxis={
            # Plotly would read names such as 1234 as numbers, and not draw them.
            "type": "category",
            "categoryorder": "array",
            "categoryarray": order,
            "range": [len(order) - 0.5, -0.5],
        },
        height=170 + 20 * len(lines + note) + 34 * len(order),
        margin={"t": 60 + 20 * len(lines + note)},
    )
    return apply_theme(
        figure,
        f"{counted(len(events), 'event')} and {counted(len(table), 'signal')} by date, one row "
        "per account. The wider the bar, the less exactly the time is known.",
    )


def _add_events(figure: go.Figure, events: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Draw the events in one row and return the legend; changes of control look different."""
    control = events["kind"].map(changes_control).to_numpy(dtype=bool)
    parts = [
        ("occurred", "other event" if control.any() else "event", RED, 15, events[~control]),
        ("occurred", _CONTROL, ORANGE, 15, events[control]),
        ("confirmed", "confirmation", GREEN, 6, events),
    ]
    legend = []
    for name, label, colour, width, rows in parts:
        known = rows.dropna(subset=[f"{name}_at"])
        if known.empty:
            continue
        legend.append((colour, "◆" if label == _CONTROL else "■", label))
        if len(events) > _MAX_MARKS:
            if name == "occurred":
                figure.add_trace(_event_counts(known, events["occurred_at"], label, colour))
            else:
                legend.pop()
            continue
        hover = [escape_label(f"{label}: {row.kind}, {row.place}") for row in known.itertuples()]
        names = [_EVENTS] * len(known)
        bars = _iso_times(known[f"{name}_at"]), _iso_times(known[f"{name}_until"]), names
        figure.add_trace(interval_trace(*bars, hover, colour, width, label))
        if label == _CONTROL:
            figure.add_trace(_control_marks(known))
    return legend


def _control_marks(events: pd.DataFrame) -> go.Scatter:
    """Mark the changes of control by their shape, too."""
    middle = events["occurred_at"] + (events["occurred_until"] - events["occurred_at"]) / 2
    return go.Scatter(
        x=_iso_times(middle),
        y=[_EVENTS] * len(events),
        mode="markers",
        marker={"symbol": "diamond", "size": 15, "color": ORANGE, "line": {"width": 2}},
        name=_CONTROL,
        hoverinfo="skip",
    )


def _event_counts(events: pd.DataFrame, of: pd.Series, label: str, colour: str) -> go.Scatter:
    counts = _time_bins(events["occurred_at"], of).value_counts(sort=False)
    every = _time_bins(of, of).value_counts()
    return count_bubbles(
        _iso_times(counts.index.to_series()),
        [_EVENTS] * len(counts),
        counts.tolist(),
        int(every.max()),
        marker={
            "color": colour,
            "symbol": "diamond" if label == _CONTROL else "square",
            "opacity": 0.7,
            "line": {"width": 2 if label == _CONTROL else 0},
        },
        name=label,
        hovertemplate=f"%{{customdata}} × {label}<extra></extra>",
    )


def _account_rows(signals: pd.DataFrame) -> pd.Series:
    """Return each signal's row: its account, escaped, or a row that the rarer accounts share."""
    counts = signals["account"].value_counts()
    names = {account: escape_label(account) for account in counts.index[:_MAX_ACCOUNTS]}
    # An invisible character keeps an account of this name out of the row of events.
    names = {
        account: f"{name}\u200b" if name == _EVENTS else name for account, name in names.items()
    }
    others = f"{len(counts) - len(names)} other accounts"
    return signals["account"].map(lambda account: names.get(account, others)).astype("str")


def _add_posts(
    figure: go.Figure, part: pd.DataFrame, _: pd.DataFrame, label: str, marker: dict[str, str]
) -> None:
    """Draw the posts of signals that share an outcome."""
    rows = part["row"].tolist()
    hover = [
        escape_label(f"{row.account}: {row.code} for {row.place}") for row in part.itertuples()
    ]
    start, end = part["posted_at"], part["posted_until"]
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


def _add_counts(
    figure: go.Figure, part: pd.DataFrame, table: pd.DataFrame, label: str, marker: dict[str, str]
) -> None:
    """Draw how many signals of an outcome each account posted, by time."""
    grids = [
        rows.assign(at=_time_bins(rows["posted_at"], table["posted_at"])) for rows in (table, part)
    ]
    every, cells = (grid.groupby(["row", "at"]).size() for grid in grids)
    figure.add_trace(
        count_bubbles(
            _iso_times(cells.index.get_level_values("at").to_series()),
            cells.index.get_level_values("row").tolist(),
            cells.tolist(),
            int(every.max()),
            marker={"opacity": 0.7, **marker},
            name=label,
            hovertemplate=f"%{{y}}: %{{customdata}} × {label}<extra></extra>",
        )
    )


def _iso_times(column: pd.Series) -> list[str]:
    return [instant.isoformat() for instant in column]
