"""The timeline of many signals, counted by place or by month of the post."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from foxgrape import times
from foxgrape._util.formatting import counted, duration_in_words, moment
from foxgrape.plots.labels import escape_label
from foxgrape.plots.outcomes import by_outcome
from foxgrape.plots.theme import (
    GREY,
    add_meta,
    apply_theme,
    asinh_time_axis,
    count_bubbles,
    inline_legend,
    set_title,
    time_range,
)

if TYPE_CHECKING:
    from foxgrape.studies.analysis import Analysis

__all__ = ["grouped_timeline"]

#: Rows of the figure: at most this many places, months or years.
_MAX_PLACES, _MAX_MONTHS = 25, 40
#: Leads are counted in this many steps per unit of the stretched axis, about three a day's width.
_STEPS = 8.0
#: What a row is, and the formats of its key and its label.
_MONTHS, _YEARS = ("month", "%Y-%m", "%b %Y"), ("year", "%Y", "%Y")


def grouped_timeline(analysis: Analysis) -> go.Figure:
    """Plot how many signals came how long before or after their event, by place or by month.

    One row per place, the place with most signals first; with one place or more than 25 places,
    one row per month of the posts, or per year. Each lead counts with the middle of its interval; a
    signal without an event, with the time for which it was observed.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> grouped_timeline(open_study().analyse()).layout.xaxis.title.text
    'days from the post to its event (scale stretched around 0)'
    """
    table = analysis.table()
    table["row"], rows, unit = _rows(table, analysis.study.timezone)
    table["day"] = _middles(table)
    table["number"] = range(len(table))
    table["step"] = (np.arcsinh(table["day"]) * _STEPS).round()
    counts = table.groupby(["row", "step"]).size()
    figure = go.Figure()
    legend = []
    for part, label, colour, symbol, character in by_outcome(table):
        groups = part.groupby(["row", "step"], as_index=False)
        cells = groups.agg(n=("day", "size"), day=("day", "mean"), numbers=("number", list))
        legend.append((colour, character, f"{label} ({len(part):,})"))
        line = {"width": 1.5 if "open" in symbol else 0}
        figure.add_trace(
            count_bubbles(
                cells["day"].round(3).tolist(),
                [rows[row] for row in cells["row"]],
                cells["n"].tolist(),
                int(counts.max()),
                marker={"color": colour, "symbol": symbol, "opacity": 0.7, "line": line},
                text=[
                    f"{counted(int(n), 'signal')}, about {_days_in_words(day)}"
                    for n, day in zip(cells["n"], cells["day"], strict=True)
                ],
                hovertemplate=f"%{{y}}: %{{text}}, {label}<extra></extra>",
                name=label,
                # Rows of the signals of each mark, by which the page's filter finds it.
                meta={"rows": cells["numbers"].tolist()},
            )
        )
    order = list(dict.fromkeys(rows.values()))
    figure.add_vline(x=0, line={"color": GREY, "width": 1})
    figure.update_layout(
        title=set_title(
            f"Signals, and the {moment(analysis.clock)} of their events, by {unit} "
            f"(n = {len(table):,})",
            *(inline_legend(*legend[at : at + 2]) for at in range(0, len(legend), 2)),
            "larger marks: more signals; right of 0, the post came first",
        ),
        yaxis={
            "type": "category",
            "categoryorder": "array",
            "categoryarray": order,
            "range": [len(order) - 0.4, -0.6],
            "dtick": 1,
        },
        annotations=_totals(table, rows),
        height=230 + 28 * len(order),
        margin={"r": 70, "t": 95 + 18 * ((len(legend) + 1) // 2)},
    )
    asinh_time_axis(figure, "days from the post to its event", time_range(figure))
    outcomes = ", ".join(label for _, _, label in legend)
    themed = apply_theme(
        figure,
        f"Timeline of {counted(len(table), 'signal')}, counted by {unit}: {outcomes}. Each mark "
        "shows how many signals came how many days before or after their event; marks of signals "
        "without an event show for how long they were observed.",
    )
    return add_meta(themed, signals=len(table))


def _rows(table: pd.DataFrame, zone: str) -> tuple[pd.Series, dict[Any, str], str]:
    """Return each signal's row, the label of each row in order, and what a row is."""
    counts = table["place_id"].value_counts()
    posted = table["posted_at"].dt.tz_convert(zone)
    n_months = posted.dt.strftime("%Y-%m").nunique()
    if 1 < len(counts) <= _MAX_PLACES or len(counts) == n_months == 1:
        names = dict(zip(table["place_id"], table["place"].astype("str"), strict=True))
        # Plotly merges equal labels: invisible characters keep places of one name apart.
        seen = pd.Series([names[place_id] for place_id in counts.index], dtype="str")
        labels = {
            place_id: escape_label(names[place_id]) + "\u200b" * int(earlier)
            for place_id, earlier in zip(counts.index, seen.groupby(seen).cumcount(), strict=True)
        }
        return table["place_id"], labels, "place"
    unit, key, label = _MONTHS if n_months <= _MAX_MONTHS else _YEARS
    keys = posted.dt.strftime(key)
    starts = posted.groupby(keys).min().sort_index()
    return keys, {period: start.strftime(label) for period, start in starts.items()}, unit


def _middles(table: pd.DataFrame) -> pd.Series:
    """Return the middle of each lead in days; the observation time where there is no event."""
    shortest, longest = (times.in_days(table[f"lead_{end}"]) for end in ("min", "max"))
    return (shortest + longest.fillna(shortest)) / 2


def _days_in_words(days: float) -> str:
    lead = duration_in_words(pd.Timedelta(days=abs(days)))
    return f"{lead} {'before' if days >= 0 else 'after'}"


def _totals(table: pd.DataFrame, rows: dict[Any, str]) -> list[dict[str, Any]]:
    """Return the number of signals in each row, as annotations beside the plot."""
    style = {"x": 1.0, "xref": "paper", "xanchor": "left", "xshift": 8, "showarrow": False}
    sizes = table["row"].value_counts()
    return [style | {"y": label, "text": f"n = {sizes[row]:,}"} for row, label in rows.items()]
