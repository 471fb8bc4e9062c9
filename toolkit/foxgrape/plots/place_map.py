"""The map of the places of signals and events."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from foxgrape._util.formatting import counted
from foxgrape.places.geonames import country_names
from foxgrape.plots.labels import escape_label
from foxgrape.plots.outcomes import by_main_outcome, outcome_labels
from foxgrape.plots.theme import (
    GREY,
    ORANGE,
    add_meta,
    apply_theme,
    changes_control,
    count_bubbles,
    empty_figure,
    inline_legend,
    outlines,
    set_title,
)

if TYPE_CHECKING:
    import pandas as pd

    from foxgrape.places import Gazetteer
    from foxgrape.studies.analysis import Analysis

__all__ = ["place_map"]

#: A map names at most this many places, and none whose name would cover another: names are this
#: much of the map wide and high.
_MAX_NAMES = 12
_NAME_WIDTH, _NAME_HEIGHT = 0.2, 0.035


def place_map(analysis: Analysis) -> go.Figure:
    """Plot the places of signals and events on an outline map, without any network request.

    The outlines are those of the study's gazetteer; without any, the axes show degrees. Places
    without coordinates are not drawn; the subtitle states how many. Each place of signals has one
    mark, of the outcome that most of them have; its hover text counts the others.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> place_map(open_study().analyse()).layout.yaxis.scaleanchor
    'x'
    """
    all_events = _located(analysis.events_of_period(analysis.study.events), analysis)
    table = analysis.table()
    table = table.assign(lat=math.nan, lon=math.nan, outcome=outcome_labels(table))
    table = _located(table, analysis)
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
    named = _named_places(figure, located)
    mixed = located.groupby("place_id")["outcome"].nunique().gt(1).any()
    for rows, label, colour, symbol, character in by_main_outcome(located):
        legend.append((colour, character, label))
        mark = {"size": 13, "line": {"width": 2}, "color": colour, "symbol": symbol}
        _add_places(figure, rows, located["lon"].median(), named, name=label, marker=mark)
    note = [f"{missing:,} of them not shown: coordinates unknown"] if missing else []
    if mixed:
        note.insert(0, "a place has the mark of its most frequent outcome")
    n_places = located["place_id"].nunique()
    if n_places > len(named):
        note.append(f"names of {len(named)} of {n_places} places, those with most signals first")
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
    frequent = located["place_id"].value_counts().index[:_MAX_NAMES]
    names = ", ".join(str(name_of[place_id]) for place_id in frequent)
    area = _area_name(gazetteer)
    themed = apply_theme(
        figure, f"Map{area} with the places that signals pointed to: {names or 'none'}."
    )
    return add_meta(themed, signals=len(table))


def _named_places(figure: go.Figure, located: pd.DataFrame) -> list[str]:
    """Return the places whose names are written: those with most signals, far enough apart."""
    ends = [[at for trace in figure.data for at in trace[axis] if at is not None] for axis in "xy"]
    ends[0] += located["lon"].tolist()
    ends[1] += located["lat"].tolist()
    width, height = (max(values) - min(values) for values in ends)
    first = located.drop_duplicates("place_id").set_index("place_id")
    named: list[str] = []
    for place_id in located["place_id"].value_counts().index:
        at = first.loc[place_id]
        if len(named) < _MAX_NAMES and not any(
            abs(at["lon"] - first.loc[other, "lon"]) < _NAME_WIDTH * width
            and abs(at["lat"] - first.loc[other, "lat"]) < _NAME_HEIGHT * height
            for other in named
        ):
            named.append(place_id)
    return named


def _area_name(gazetteer: Gazetteer) -> str:
    """Return ``of`` and the names of the countries on the map; empty if they are not known."""
    names = country_names(gazetteer)
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
    figure: go.Figure, rows: pd.DataFrame, middle: float, named: list[str], **style: Any
) -> None:
    """Draw the places of signals; labels extend away from the median longitude `middle`."""
    first = rows.drop_duplicates("place_id")
    places = rows.groupby("place_id")["outcome"]
    counts = {place_id: _outcome_counts(part) for place_id, part in places}
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
                f"{name}: {counts[place_id]}"
                for name, place_id in zip(labels, first["place_id"], strict=True)
            ],
            hovertemplate="%{customdata}<extra></extra>",
            **style,
        )
    )


def _outcome_counts(labels: pd.Series) -> str:
    counts = ", ".join(f"{n:,} {label}" for label, n in labels.value_counts().items())
    return f"{counted(len(labels), 'signal')} ({counts})"


def _place_label(row: Any) -> str:
    return f"{row.code} {row.place}" if row.kind == "emoji" else str(row.place)
