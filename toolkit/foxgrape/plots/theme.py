"""Palette, theme and shared parts of the figures: legend, time axis, map outlines."""

from __future__ import annotations

import math
import re
import textwrap
from copy import copy
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio

from foxgrape._util.formatting import moment
from foxgrape.places.map_outlines import gazetteer_features
from foxgrape.plots.labels import escape_label
from foxgrape.plots.offline import CLOUD_BUTTONS, MIMETYPE, offline_config
from foxgrape.plots.pictures import picture_or_note

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from foxgrape.places import Gazetteer

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "ORANGE",
    "PINK",
    "RED",
    "SKY",
    "Figure",
    "add_meta",
    "apply_theme",
    "asinh_time_axis",
    "bar_points",
    "changes_control",
    "count_bubbles",
    "empty_figure",
    "inline_legend",
    "interval_trace",
    "lead_axis_title",
    "outlines",
    "set_title",
    "thinned",
    "time_range",
]

# Okabe and Ito's palette: colour-blind readers can tell the colours apart, and in print without
# colour they differ by lightness.
BLUE, ORANGE, GREEN, PINK, SKY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9"
RED = "#D55E00"
GREY = "#8a8a8a"
#: Words of kinds of event by which control of a place changes, in the readers' and ACLED's terms.
_CONTROL = re.compile(
    r"liberat|captur|retreat|withdr[ae]w|regain|overtak|transfer of territory|occup(?!ied terr)|"
    r"retak|\bentered\b|\bcontrol\b"
)
#: Name of plotly's renderer that stores only the data of a figure, the default in notebooks.
_DATA_ONLY = "plotly_mimetype"
#: Steps of a curve or marks in a row beyond which a screen shows no more.
_MAX_STEPS = 400
_MIN_BUBBLE, _MAX_BUBBLE = 5.0, 18.0
_AXIS_DAYS = [0, 1, 2, 4, 7, 14, 30, 60, 120, 365, 730]


class Figure(go.Figure):  # type: ignore[misc]
    """A plotly figure that shows no control that leaves the page, displayed or exported.

    plotly does not store a configuration in a figure, so each method that displays or exports the
    figure has to pass one. In a notebook that would store only plotly's data, the figure also
    stores a picture for other viewers, or a note if it cannot be drawn; see `picture_or_note`.
    """

    def show(self, *args: Any, config: dict[str, Any] | None = None, **options: Any) -> None:
        """Show the figure, as `plotly.io.show` does."""
        names = args[0] if args else options.get("renderer")
        shown = offline_config({**_renderer_config(names), **(config or {})})
        if (names or pio.renderers.default) == _DATA_ONLY and not {*options} - {"renderer"}:
            self._display_data_and_picture(shown)
        else:
            super().show(*args, config=shown, **options)

    def _display_data_and_picture(self, config: dict[str, Any]) -> None:
        from IPython.display import display

        renderer = copy(pio.renderers[_DATA_ONLY])
        renderer.config = config
        data = renderer.to_mimebundle(self.to_dict())
        more, metadata = picture_or_note(data[MIMETYPE])
        display({**data, **more}, metadata=metadata, raw=True)  # type: ignore[no-untyped-call]

    def to_html(self, config: dict[str, Any] | None = None, *args: Any, **options: Any) -> str:
        """Return the figure as HTML, as `plotly.io.to_html` does."""
        return str(super().to_html(offline_config(config), *args, **options))

    def write_html(
        self, file: Any, config: dict[str, Any] | None = None, *args: Any, **options: Any
    ) -> None:
        """Write the figure as HTML, as `plotly.io.write_html` does."""
        super().write_html(file, offline_config(config), *args, **options)

    def _repr_mimebundle_(self, *args: Any, **options: Any) -> dict[str, Any]:
        config = {**_renderer_config(), **options.pop("config", {})}
        return dict(super()._repr_mimebundle_(*args, config=offline_config(config), **options))

    def _ipython_display_(self) -> None:
        if pio.renderers.render_on_display and pio.renderers.default:
            self.show()
        else:
            super()._ipython_display_()


def _renderer_config(names: str | None = None) -> dict[str, Any]:
    """Return the configuration of the named renderers, or of the default renderers.

    A configuration that is passed to a renderer replaces its own, so it has to include this one.
    """
    config: dict[str, Any] = {}
    for name in (names or pio.renderers.default or "").split("+"):
        if name in pio.renderers:
            config |= getattr(pio.renderers[name], "config", None) or {}
    return config


def apply_theme(figure: go.Figure, alt: str) -> Figure:
    """Apply the theme and alt text; the page sets the colours that depend on light or dark mode."""
    figure.update_layout(
        template="none",
        meta={"alt": alt},
        font={"family": "system-ui, sans-serif", "size": 13},
        title={
            "x": 0,
            "xref": "container",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "pad": {"t": 12},
            "font": {"size": 16},
            "subtitle": {"font": {"size": 13}},
        },
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        showlegend=False,
        hoverlabel={"align": "left"},
        modebar={"remove": list(CLOUD_BUTTONS)},
    )
    figure.update_layout(margin={"t": 95, "l": 60} | figure.layout.margin.to_plotly_json())
    axis = {"gridcolor": "rgba(128,128,128,0.25)", "automargin": True, "title_font_size": 13}
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    return Figure(figure)


def add_meta(figure: Figure, **values: Any) -> Figure:
    """Add values for the page's script to a figure's metadata; plotly would replace all of it."""
    figure.update_layout(meta={**figure.layout.meta, **values})
    return Figure(figure)


def empty_figure(reason: str) -> Figure:
    """Return a figure without axes that says in a sentence why there is nothing to draw.

    A page shows only the sentence.

    Examples
    --------
    >>> empty_figure("There are no posts.").layout.meta["empty"]
    'There are no posts.'
    """
    figure = go.Figure()
    figure.update_layout(
        xaxis={"visible": False},
        yaxis={"visible": False},
        height=80,
        margin={"t": 10, "b": 10},
        annotations=[
            {
                "text": "<br>".join(textwrap.wrap(escape_label(reason), 90)),
                "xref": "paper",
                "yref": "paper",
                "x": 0,
                "y": 1,
                "xanchor": "left",
                "yanchor": "top",
                "align": "left",
                "showarrow": False,
            }
        ],
    )
    themed = apply_theme(figure, reason)
    themed.update_layout(meta={"alt": reason, "empty": reason})
    return Figure(themed)


def changes_control(kind: object) -> bool:
    """Return whether events of this kind change who controls a place.

    Examples
    --------
    >>> [changes_control(kind) for kind in ("liberated", "government regains territory")]
    [True, True]
    >>> [changes_control(kind) for kind in ("shelling/artillery/missile attack", None)]
    [False, False]
    """
    return isinstance(kind, str) and _CONTROL.search(kind.lower()) is not None


def count_bubbles(
    x: Sequence[Any], y: Sequence[Any], counts: Sequence[int], most: int, **style: Any
) -> go.Scatter:
    """Return bubbles whose area shows a count; `most` is the count of the largest bubble."""
    marker = style.pop("marker")
    scale = (_MAX_BUBBLE - _MIN_BUBBLE) / math.sqrt(max(most, 1))
    sizes = [round(_MIN_BUBBLE + scale * math.sqrt(count), 1) for count in counts]
    return go.Scatter(
        x=list(x),
        y=list(y),
        mode="markers",
        customdata=[int(count) for count in counts],
        marker={"size": sizes, **marker},
        **style,
    )


def thinned(curve: pd.DataFrame) -> pd.DataFrame:
    """Return at most 400 rows of a curve, evenly spread, with its first and last."""
    if len(curve) <= _MAX_STEPS:
        return curve
    rows = sorted({round(at * (len(curve) - 1) / (_MAX_STEPS - 1)) for at in range(_MAX_STEPS)})
    return curve.iloc[rows]


def inline_legend(*entries: tuple[str, str, str]) -> str:
    """Return a legend of (colour, mark, label) as text for a subtitle, outside the plot area."""
    return " &nbsp; ".join(
        f'<span style="color:{colour}">{mark}</span> {label}' for colour, mark, label in entries
    )


def set_title(text: str, *subtitle: str) -> dict[str, Any]:
    """Return a layout title with lines below it, such as a legend."""
    return {"text": text, "subtitle": {"text": "<br>".join(subtitle)}}


def bar_points(starts: Iterable[Any], ends: Iterable[Any], rows: list[str]) -> dict[str, list[Any]]:
    """Return the points of one trace with many bars: two ends and a gap for each."""
    x: list[Any] = []
    for start, end in zip(starts, ends, strict=True):
        x += [None, None, None] if pd.isna(start) else [start, end, None]
    return {"x": x, "y": [label for row in rows for label in (row, row, None)]}


def interval_trace(
    starts: Iterable[Any],
    ends: Iterable[Any],
    rows: list[str],
    hover: Sequence[str | None],
    colour: str,
    width: int,
    name: str,
) -> go.Scatter:
    """Return time intervals as bars with a stroke at each end.

    The strokes keep exact times visible, because the bar of an exact time has no length.
    """
    return go.Scatter(
        **bar_points(starts, ends, rows),
        mode="lines+markers",
        line={"color": colour, "width": width},
        marker={"symbol": "line-ns", "size": width, "line": {"width": 2, "color": colour}},
        name=name,
        text=[text for text in hover for _ in range(3)],
        hovertemplate="%{text}<extra></extra>",
    )


def time_range(figure: go.Figure) -> tuple[float, float]:
    """Return the range of days in a figure's traces, extended to include 0 and 1."""
    days = [day for trace in figure.data for day in trace.x if pd.notna(day)]
    return min([0.0, *days]), max([1.0, *days])


def asinh_time_axis(figure: go.Figure, title: str, extent: tuple[float, float]) -> None:
    """Put the days on an inverse hyperbolic sine scale, which shows both hours and months."""
    for trace in figure.data:
        trace.x = [None if day is None else math.asinh(day) for day in trace.x]
    low, high = extent
    ticks = [-day for day in reversed(_AXIS_DAYS) if day and -day >= low - 0.5]
    ticks += [day for day in _AXIS_DAYS if day <= high + 0.5]
    margin = 0.04 * (math.asinh(high) - math.asinh(low))
    figure.update_xaxes(
        title=f"{title} (scale stretched around 0)",
        tickvals=[math.asinh(day) for day in ticks],
        ticktext=[str(day) for day in ticks],
        range=[math.asinh(low) - margin, math.asinh(high) + 2 * margin],
    )


def lead_axis_title(clock: str) -> str:
    """Return the lead-time axis title for a clock; without links, `clock` names no clock."""
    return f"days from post to {moment(clock) if clock else 'event'}"


@lru_cache(maxsize=8)
def outlines(gazetteer: Gazetteer) -> tuple[list[float | None], list[float | None]]:
    """Return longitudes and latitudes of the borders for a gazetteer's map, with None after each.

    Both are empty if no outlines are known.
    """
    lon: list[float | None] = []
    lat: list[float | None] = []
    for feature in gazetteer_features(gazetteer):
        geometry = feature["geometry"]
        coordinates = geometry["coordinates"]
        polygons = coordinates if geometry["type"] == "MultiPolygon" else [coordinates]
        for polygon in polygons:
            for ring in polygon:
                lon += [point[0] for point in ring] + [None]
                lat += [point[1] for point in ring] + [None]
    return lon, lat
