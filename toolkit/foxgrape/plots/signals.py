"""Figures of signals and their events; each states n and has alt text in ``layout.meta["alt"]``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go

from foxgrape import times
from foxgrape._util.formatting import counted, duration_in_words
from foxgrape.places.geonames import country_name
from foxgrape.plots.grouped import grouped_timeline
from foxgrape.plots.labels import escape_label
from foxgrape.plots.outcomes import by_outcome, outcomes
from foxgrape.plots.theme import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    SKY,
    add_meta,
    apply_theme,
    asinh_time_axis,
    bar_points,
    changes_control,
    count_bubbles,
    empty_figure,
    inline_legend,
    interval_trace,
    lead_axis_title,
    outlines,
    set_title,
    thinned,
    time_range,
)

if TYPE_CHECKING:
    from foxgrape.places import Gazetteer
    from foxgrape.stats.survival.lead_times import LeadTimes
    from foxgrape.studies.analysis import Analysis

__all__ = ["place_map", "survival", "timeline"]

#: More rows than this are grouped, because they cannot be read one by one.
_MAX_ROWS = 40
#: A map names at most this many places; more names would cover each other.
_MAX_NAMES = 12
_MAX_LETTERS = 24
#: Width of a letter of an annotation in pixels, rounded up.
_LETTER = 7


def timeline(analysis: Analysis) -> go.Figure:
    """Plot each signal and its event as bars over the days since the post.

    The wider the bar, the less exactly the time is known. A right-censored signal is a dotted line
    over its observation time that ends in an open arrow. Signals are ordered by the time of their
    posts, from top to bottom. More than 40 signals are counted by place, or by month if they are
    about more than 25 places; see `foxgrape.plots.grouped.grouped_timeline`.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> "right-censored" in timeline(open_study().analyse()).layout.meta["alt"]
    True
    """
    table = analysis.table()
    if table.empty:
        return empty_figure(analysis.why_no_signals())
    if len(table) > _MAX_ROWS:
        return grouped_timeline(analysis)
    labels = [_row_label(row, analysis.study.timezone) for row in table.itertuples()]
    figure = go.Figure()
    _add_intervals(figure, table, labels)
    _add_censored(figure, table, labels)
    right = {"x": 1.0, "xref": "paper", "xanchor": "left", "xshift": 8, "align": "left"}
    texts = _outcome_notes(table)
    notes = zip(labels, texts, strict=True)
    longest = max(len(line) for text in texts for line in text.split("<br>"))
    horizon = duration_in_words(analysis.horizon)
    figure.update_layout(
        title=set_title(
            f"Signals and their events (n = {len(table)})",
            inline_legend((SKY, "■", "post"), *_event_legend(table["event_kind"])),
            inline_legend((GREEN, "■", "confirmation"), (BLUE, "┄▷", f"no event in {horizon}")),
        ),
        yaxis={
            "range": [len(labels) - 0.4, -0.6],
            "categoryorder": "array",
            "categoryarray": labels,
        },
        # One by one, plotly would copy all annotations for each.
        annotations=[
            right | {"y": label, "text": note, "showarrow": False} for label, note in notes
        ],
        height=210 + 40 * len(table),
        margin={"r": max(150, 16 + _LETTER * longest)},
    )
    asinh_time_axis(figure, "days since the post", time_range(figure))
    counts = ", ".join(f"{n} {name}" for name, n in table["relation"].value_counts().items())
    themed = apply_theme(
        figure,
        f"Timeline of {counted(len(table), 'signal')} ({counts}), one per row, in days since the "
        "post. Bars show when the post was written, when the event occurred and when it was "
        "confirmed. Signals without an event (right-censored) are open arrows.",
    )
    return add_meta(themed, signals=len(table), labels=labels)


def _outcome_notes(table: pd.DataFrame) -> list[str]:
    """Return each signal's relation and, below it, the kind of its event."""
    return [
        name if pd.isna(kind) else f"{name}<br>{escape_label(_shortened(str(kind)))}"
        for name, kind in zip(outcomes(table), table["event_kind"], strict=True)
    ]


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_LETTERS else f"{text[: _MAX_LETTERS - 1]}…"


def _event_legend(kinds: pd.Series) -> list[tuple[str, str, str]]:
    """Return legend entries for the classes of events that are drawn."""
    known = {changes_control(kind) for kind in kinds.dropna()}
    if known == {True} or not known:
        return [(ORANGE, "■", "change of control" if known else "event")]
    control = [(ORANGE, "■", "change of control")] if True in known else []
    return [*control, (RED, "■", "other event")]


def _add_intervals(figure: go.Figure, table: pd.DataFrame, labels: list[str]) -> None:
    """Draw the post and the event of each signal, and a line from the post to the confirmation."""
    origin = table["posted_at"]
    line = {"color": GREY, "width": 1.5}
    ends = times.in_days(table["confirmed_until"] - origin)
    points = bar_points([0.0] * len(table), ends, labels)
    figure.add_trace(go.Scatter(**points, mode="lines", line=line, hoverinfo="skip"))
    # Bars of decreasing width remain visible where they overlap.
    control = table["event_kind"].map(changes_control).to_numpy(dtype=bool)
    no_kind = table["event_kind"].isna().to_numpy()
    for column, label, colour, width, rows in (
        ("posted", "post", SKY, 24, table),
        ("occurred", "event", ORANGE, 13, table[control | no_kind]),
        ("occurred", "event", RED, 13, table[~control & ~no_kind]),
        ("confirmed", "confirmation", GREEN, 5, table),
    ):
        start, end = rows[f"{column}_at"], rows[f"{column}_until"]
        if not start.notna().any():
            continue
        kinds = rows["event_kind"] if label == "event" else [None] * len(rows)
        hover = [
            None
            if pd.isna(first)
            else f"{_bar_label(label, kind)}: {_interval_in_words(first, last)}"
            for first, last, kind in zip(start, end, kinds, strict=True)
        ]
        since = rows["posted_at"]
        names = [
            name for name, kept in zip(labels, table.index.isin(rows.index), strict=True) if kept
        ]
        bars = times.in_days(start - since), times.in_days(end - since), names
        figure.add_trace(interval_trace(*bars, hover, colour, width, label))


def _bar_label(label: str, kind: Any) -> str:
    return label if pd.isna(kind) else escape_label(kind)


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

    The curve is that of the estimator in use: Kaplan–Meier's steps, or Turnbull's estimate, whose
    points are joined by lines.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> figure = survival(open_study().analyse().lead_times)
    >>> figure.layout.yaxis.title.text
    'share of signals without an event so far'
    """
    if leads.n == 0:
        return empty_figure(_why_no_leads(leads))
    figure = go.Figure()
    to = "confirmation" if leads.clock == "confirmed" else "event"
    curve = _from_zero(leads.survival)
    shape, note = (
        ("linear", "from intervals") if leads.method == "Turnbull" else ("hv", "mid-interval")
    )
    band: dict[str, Any] = {"line": {"width": 0, "shape": shape}, "hoverinfo": "skip"}
    fill = {"name": "95% band", "fill": "tonexty", "fillcolor": "rgba(0, 114, 178, 0.18)"}
    figure.add_trace(_curve_trace(curve, "upper", showlegend=False, **band))
    figure.add_trace(_curve_trace(curve, "lower", **fill, **band))
    for name, bound, dash in (
        ("all leads at their shortest", leads.shortest, "dot"),
        ("all leads at their longest", leads.longest, "dash"),
    ):
        line = {"color": GREY, "width": 1, "dash": dash, "shape": "hv"}
        figure.add_trace(_curve_trace(_from_zero(bound), "survival", name=name, line=line))
    line = {"color": BLUE, "width": 2.5, "shape": shape}
    name = f"{leads.method} estimate, {note}"
    figure.add_trace(_curve_trace(curve, "survival", name=name, line=line))
    mark = {"symbol": "cross-thin-open", "size": 11, "color": BLUE, "line": {"width": 2}}
    censored = curve[curve["censored"] > 0]
    figure.add_trace(
        _curve_trace(censored, "survival", name="right-censored", mode="markers", marker=mark)
    )
    figure.update_layout(
        title=set_title(
            f"Time from post to {to} (n = {leads.n:,}, {leads.n_censored:,} without)",
            inline_legend(
                (BLUE, "━", f"{leads.method} estimate"), (BLUE, "+", "no event (right-censored)")
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
    return apply_theme(figure, f"{leads.method} curve of lead times. {leads.sentence()}")


def _why_no_leads(leads: LeadTimes) -> str:
    """Return why no signal can be timed, and what to do, in one sentence."""
    parts = [
        f"{count} {words}"
        for count, words in (
            (leads.n_follows, "came after their event"),
            (leads.n_hindsight, "were decoded only after it"),
            (leads.n_unfollowed, "were posted after the end of observation"),
        )
        if count
    ]
    if not parts:
        return "No lead time can be estimated, because there is no signal."
    advice = "; state a later observed_until if events are known" if leads.n_unfollowed else ""
    return f"No lead time can be estimated: of the signals, {', '.join(parts)}{advice}."


def _curve_trace(part: pd.DataFrame, column: str, mode: str = "lines", **style: Any) -> go.Scatter:
    part = thinned(part)
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

    The outlines are those of the study's gazetteer; without any, the axes show degrees. Places
    without coordinates are not drawn; the subtitle states how many.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> place_map(open_study().analyse()).layout.yaxis.scaleanchor
    'x'
    """
    all_events = _located(analysis.events_of_period(analysis.study.events), analysis)
    table = _located(analysis.table().assign(lat=math.nan, lon=math.nan), analysis)
    events, located = (rows.dropna(subset=["lat", "lon"]) for rows in (all_events, table))
    missing = len(all_events) - len(events) + len(table) - len(located)
    if events.empty and located.empty:
        return empty_figure(
            f"No map: the coordinates of {counted(missing, 'signal or event')} are unknown; add "
            "the columns lat and lon to the events."
            if missing
            else "No map: there are no signals and no events."
        )
    figure = go.Figure()
    gazetteer = analysis.study.codebook.gazetteer
    has_outlines = _add_base_map(figure, gazetteer)
    legend = _add_events(figure, events)
    named = located["place_id"].value_counts().index[:_MAX_NAMES]
    for rows, label, colour, symbol, character in by_outcome(located):
        legend.append((colour, character, label))
        mark = {"size": 13, "line": {"width": 2}, "color": colour, "symbol": symbol}
        _add_places(figure, rows, located["lon"].median(), named, name=label, marker=mark)
    note = [f"{missing:,} of them not shown: coordinates unknown"] if missing else []
    n_places = located["place_id"].nunique()
    if n_places > len(named):
        note.append(f"names of the {len(named)} places with most signals, of {n_places}")
    n_signals, n_events = counted(len(table), "signal"), counted(len(all_events), "event")
    figure.update_layout(
        title=set_title(
            f"Places of {n_signals} and {n_events}",
            *(inline_legend(*legend[at : at + 3]) for at in range(0, len(legend), 3)),
            *note,
        ),
        xaxis={"visible": not has_outlines, "title": "longitude"},
        yaxis={
            "visible": not has_outlines,
            "title": "latitude",
            "scaleanchor": "x",
            "scaleratio": 1 / math.cos(math.radians(_middle_latitude(figure))),
        },
        height=620,
        margin={"b": 10, "l": 10, "r": 10, "t": 75 + 20 * (len(legend) // 3 + len(note))},
    )
    name_of = located.drop_duplicates("place_id").set_index("place_id")["place"]
    names = ", ".join(str(name_of[place_id]) for place_id in named)
    area = _area_name(gazetteer)
    themed = apply_theme(
        figure, f"Map{area} with the places that signals pointed to: {names or 'none'}."
    )
    return add_meta(themed, signals=len(table))


def _area_name(gazetteer: Gazetteer) -> str:
    """Return ``of`` and the names of the countries on the map; empty if they are not known."""
    if gazetteer.is_packaged:
        return " of Ukraine"
    names = [country_name(code) for code in gazetteer.countries]
    return f" of {' and '.join(names)}" if names else ""


def _middle_latitude(figure: go.Figure) -> float:
    """Return the middle latitude of what is drawn: by it, a map has the right proportions."""
    drawn = [lat for trace in figure.data for lat in trace.y if lat is not None]
    return (min(drawn) + max(drawn)) / 2 if drawn else 0.0


def _located(rows: pd.DataFrame, analysis: Analysis) -> pd.DataFrame:
    """Return the rows, with the coordinates of their places where they do not state both."""
    gazetteer = analysis.study.codebook.gazetteer
    ids = rows["place_id"].dropna().unique()
    places = {place_id: gazetteer[place_id] for place_id in ids if place_id in gazetteer}
    known = {
        end: rows["place_id"].map({name: getattr(place, end) for name, place in places.items()})
        for end in ("lat", "lon")
    }
    stated = rows[["lat", "lon"]].notna().all(axis="columns")
    return rows.assign(
        **{end: rows[end].where(stated, at.astype("float")) for end, at in known.items()}
    )


def _add_base_map(figure: go.Figure, gazetteer: Gazetteer) -> bool:
    """Draw the outlines of the gazetteer's countries; return whether there are outlines."""
    lon, lat = outlines(gazetteer)
    line = {"color": GREY, "width": 0.7}
    style: dict[str, Any] = {"mode": "lines", "hoverinfo": "skip", "showlegend": False}
    figure.add_trace(go.Scatter(x=lon, y=lat, line=line, **style))
    return bool(lon)


def _add_events(figure: go.Figure, events: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Draw the number of events at each place; return the legend.

    Changes of control have a symbol of their own, so that they do not look like attacks.
    """
    legend = []
    control = events["kind"].map(changes_control).to_numpy(dtype=bool)
    most = int(events.groupby(["lat", "lon"]).size().max()) if len(events) else 1
    for rows, label, colour, symbol, character in (
        (events[~control], "other event", GREY, "circle", "•"),
        (events[control], "change of control", ORANGE, "diamond", "◆"),
    ):
        if rows.empty:
            continue
        groups = [part for _, part in rows.groupby(["lat", "lon"], sort=False)]
        mark = {"color": colour, "symbol": symbol, "opacity": 0.75, "line": {"width": 0}}
        legend.append((colour, character, f"{label} ({len(rows):,})"))
        figure.add_trace(
            count_bubbles(
                [part["lon"].iloc[0] for part in groups],
                [part["lat"].iloc[0] for part in groups],
                [len(part) for part in groups],
                most,
                marker=mark,
                name=label,
                text=[_kinds_at(part) for part in groups],
                hovertemplate="%{text}<extra></extra>",
            )
        )
    return legend


def _kinds_at(events: pd.DataFrame) -> str:
    """Return a place's name and its most frequent kinds of event, escaped."""
    kinds = events["kind"].fillna("kind unknown").value_counts().head(4)
    lines = [f"{escape_label(kind)}: {n}" for kind, n in kinds.items()]
    return "<br>".join([f"<b>{escape_label(str(events['place'].iloc[0]))}</b>", *lines])


def _add_places(
    figure: go.Figure, rows: pd.DataFrame, middle: float, named: pd.Index, **style: Any
) -> None:
    """Draw the places of signals; labels extend away from the median longitude `middle`."""
    first = rows.drop_duplicates("place_id")
    counts = rows["place_id"].value_counts()
    numbers = rows.index.to_series().groupby(rows["place_id"]).apply(list)
    labels = [escape_label(_place_label(row)) for row in first.itertuples()]
    shown = first["place_id"].isin(named)
    figure.add_trace(
        go.Scatter(
            x=first["lon"].tolist(),
            y=first["lat"].tolist(),
            # Rows of the signals at each place, by which the page's filter finds the mark.
            meta={"rows": [numbers[place_id] for place_id in first["place_id"]]},
            mode="markers+text",
            cliponaxis=False,
            text=[f"  {name}  " if on else "" for name, on in zip(labels, shown, strict=True)],
            textposition=[
                "middle right" if lon > middle else "middle left" for lon in first["lon"]
            ],
            customdata=[
                f"{name}: {counted(int(counts[place_id]), 'signal')}"
                for name, place_id in zip(labels, first["place_id"], strict=True)
            ],
            hovertemplate="%{customdata}<extra></extra>",
            **style,
        )
    )


def _place_label(row: Any) -> str:
    return f"{row.code} {row.place}" if row.kind == "emoji" else str(row.place)
