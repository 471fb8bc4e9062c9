"""A thumbnail: a small sketch of a figure's points, lines and bars, safe by how it is made.

It is numbers and colours in a fixed form; whoever shows it reads only that form again, so no
text of a figure, and nothing that somebody else wrote into the file, becomes markup.
"""

from __future__ import annotations

import base64
import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["safe", "sketch"]

#: The box of a sketch, in which a dot of the screen is two; a sketch fills it but for its margin.
_WIDTH, _HEIGHT, _MARGIN = 320, 200, 14
#: So many points, in so many lines, are a sketch; more are not seen.
_POINTS, _LINES = 200, 60
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_PALE = "#8a8a8a"
_PATH = re.compile(
    r'<path d="([MLh0-9 ]{1,6000})" stroke="(#[0-9a-f]{6})" stroke-width="(\d{1,2})" '
    r'stroke-linecap="(round|butt)"/>'
)

Line = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class _Stroke:
    """What one trace shows: lines, or points as lines of one point."""

    lines: list[Line]
    colour: str
    width: int
    points: bool = False


@dataclass(slots=True)
class _Axis:
    """Turns what stands on an axis into numbers; words get one number after the other."""

    words: dict[str, int] = field(default_factory=dict)

    def number(self, value: Any) -> float:
        """Return where a value lies; NaN for a gap."""
        if isinstance(value, bool) or value is None:
            return math.nan
        if isinstance(value, int | float):
            return float(value) if math.isfinite(value) else math.nan
        if isinstance(value, datetime):
            return value.timestamp()
        try:
            read = datetime.fromisoformat(str(value))
        except ValueError:
            return float(self.words.setdefault(str(value), len(self.words)))
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def sketch(figure: Mapping[str, Any]) -> str | None:
    """Return a figure as a small SVG without any text; None if nothing in it can be sketched.

    Parameters
    ----------
    figure
        As plotly's JSON: ``data`` and ``layout``.

    Examples
    --------
    >>> print(sketch({"data": [{"type": "scatter", "x": [0, 1], "y": [0, 1]}], "layout": {}}))
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 200" width="160" height="100" fill="none"><path d="M14 186L306 14" stroke="#8a8a8a" stroke-width="2" stroke-linecap="butt"/></svg>
    >>> sketch({"data": [{"type": "table"}], "layout": {}}) is None
    True
    """  # noqa: E501 - an SVG is one line
    layout = figure.get("layout", {})
    x, y = _Axis(), _Axis(dict(_order(layout.get("yaxis", {}))))
    strokes = [stroke for trace in figure.get("data", ()) for stroke in _strokes(trace, x, y)]
    ends = [point for stroke in strokes for line in stroke.lines for point in line]
    if not ends:
        return None
    place = _frame(ends, layout, y)
    share = _POINTS / len(ends)
    paths = (_path(stroke, place, share) for stroke in strokes)
    return _svg(path for path in paths if path is not None)


def safe(text: str) -> str | None:
    """Return a sketch made anew from what of a file has its form; None if nothing has.

    Examples
    --------
    >>> safe('<svg onload="x()"><path d="M1 2h0" stroke="#000000" stroke-width="6" '
    ...     'stroke-linecap="round"/><path d="javascript"/></svg>').partition("fill")[2]
    '="none"><path d="M1 2h0" stroke="#000000" stroke-width="6" stroke-linecap="round"/></svg>'
    >>> safe("<script>x()</script>") is None
    True
    """
    paths = [match[0] for match in _PATH.finditer(text)][: _LINES + 1]
    return _svg(paths) if paths else None


def _svg(paths: Iterable[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH // 2}" height="{_HEIGHT // 2}" fill="none">{"".join(paths)}</svg>'
    )


def _order(axis: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Return the words of an axis whose order is told."""
    for number, word in enumerate(_listed(axis.get("categoryarray"))):
        yield str(word), number


def _strokes(trace: Mapping[str, Any], x: _Axis, y: _Axis) -> Iterator[_Stroke]:
    """Return what a trace of the first axes shows, if it is of a kind that can be sketched."""
    kind, mode = trace.get("type", "scatter"), trace.get("mode", "lines")
    first = trace.get("xaxis", "x") == "x" and trace.get("yaxis", "y") == "y"
    if not first or trace.get("visible", True) is not True:
        return
    if kind == "bar":
        yield _Stroke(_bars(trace, x, y), _colour(trace, "marker"), 12)
    if kind not in {"scatter", "scattergl"}:
        return
    pairs = zip(_listed(trace.get("x")), _listed(trace.get("y")), strict=False)
    lines = _runs((x.number(one), y.number(other)) for one, other in pairs)
    if "lines" in mode:
        line = trace.get("line", {})
        drawn = [_stepped(one) for one in lines] if line.get("shape") == "hv" else lines
        yield _Stroke(drawn, _colour(trace, "line"), _size(line.get("width", 2), 2, 16))
    marker = trace.get("marker", {})
    # Ticks at the ends of bars would be blots.
    if "markers" in mode and not str(marker.get("symbol", "")).startswith("line"):
        points = [[point] for line in lines for point in line]
        yield _Stroke(
            points, _colour(trace, "marker"), _size(marker.get("size", 6), 5, 11), points=True
        )


def _size(told: Any, least: int, most: int) -> int:
    """Return how wide a stroke is that plotly draws so wide; a list has many."""
    return min(max(round(told), least), most) if isinstance(told, int | float) else least


def _stepped(line: Line) -> Line:
    """Return a line that stays level until it falls."""
    return line[:1] + [
        point for (_, before), (x, y) in pairwise(line) for point in ((x, before), (x, y))
    ]


def _bars(trace: Mapping[str, Any], x: _Axis, y: _Axis) -> list[Line]:
    pairs = zip(_listed(trace.get("x")), _listed(trace.get("y")), strict=False)
    ends = [(x.number(one), y.number(other)) for one, other in pairs]
    sideways = trace.get("orientation") == "h"
    return [
        [(0.0, far[1]) if sideways else (far[0], 0.0), far]
        for far in ends
        if not any(map(math.isnan, far))
    ]


def _runs(points: Iterable[tuple[float, float]]) -> list[Line]:
    """Cut points into lines where there are gaps."""
    lines: list[Line] = [[]]
    for point in points:
        if any(map(math.isnan, point)):
            lines.append([])
        else:
            lines[-1].append(point)
    return [line for line in lines if line]


def _frame(ends: Sequence[tuple[float, float]], layout: Mapping[str, Any], y: _Axis) -> Any:
    """Return what places a point in the box."""
    xs, ys = [x for x, _ in ends], [y for _, y in ends]
    room_x, room_y = _WIDTH - 2 * _MARGIN, _HEIGHT - 2 * _MARGIN
    scale_x = room_x / ((max(xs) - min(xs)) or 1)
    scale_y = room_y / ((max(ys) - min(ys)) or 1)
    axis = layout.get("yaxis", {})
    if axis.get("scaleanchor"):
        # A map: what is as long on the ground is as long in the sketch.
        ratio = float(axis.get("scaleratio", 1))
        scale_x = min(scale_x, scale_y / ratio)
        scale_y = scale_x * ratio
    left = (_WIDTH - scale_x * (max(xs) - min(xs))) / 2
    top = (_HEIGHT - scale_y * (max(ys) - min(ys))) / 2
    ends_told = axis.get("range") or (0, 1)
    down = axis.get("autorange") == "reversed" or y.number(ends_told[0]) > y.number(ends_told[1])

    def place(point: tuple[float, float]) -> tuple[int, int]:
        height = point[1] - min(ys) if down else max(ys) - point[1]
        return round(left + scale_x * (point[0] - min(xs))), round(top + scale_y * height)

    return place


def _path(stroke: _Stroke, place: Any, share: float) -> str | None:
    """Return a stroke as a path, with no more points than are seen."""
    lines = [_thinned(line, share) for line in _spread(stroke.lines, _LINES)]
    parts = []
    for line in lines:
        dots = list(dict.fromkeys(place(point) for point in line))
        if len(dots) == 1 and len(line) > 2:  # noqa: PLR2004 - a bar has two ends
            continue  # an island, too small to be seen
        start = f"M{dots[0][0]} {dots[0][1]}"
        # What has no length is seen all the same: a point by its round cap, a bar as a stroke.
        still = "h0" if stroke.points else "h2"
        parts.append(start + ("".join(f"L{x} {y}" for x, y in dots[1:]) or still))
    if not parts:
        return None
    cap = "round" if stroke.points else "butt"
    return (
        f'<path d="{"".join(dict.fromkeys(parts))}" stroke="{stroke.colour}" '
        f'stroke-width="{stroke.width}" stroke-linecap="{cap}"/>'
    )


def _spread(lines: list[Line], most: int) -> list[Line]:
    """Return no more lines than are asked for, from all over; the long ones first."""
    if len(lines) <= most:
        return lines
    # Of an outline what matters is long; points and bars are all alike, and stay spread.
    long = sorted(range(len(lines)), key=lambda at: -len(lines[at]))[:most]
    alike = len(lines[long[0]]) == len(lines[long[-1]])
    kept = range(0, len(lines), math.ceil(len(lines) / most)) if alike else sorted(long)
    return [lines[at] for at in kept]


def _thinned(line: Line, share: float) -> Line:
    if share >= 1 or len(line) <= 2:  # noqa: PLR2004 - a line needs its ends
        return line
    step = math.ceil(1 / share)
    return [*line[:-1:step], line[-1]]


def _colour(trace: Mapping[str, Any], part: str) -> str:
    told = trace.get(part, {}).get("color")
    return told.lower() if isinstance(told, str) and _HEX.fullmatch(told) else _PALE


def _listed(values: Any) -> Sequence[Any]:
    """Return values as a list; plotly packs numbers of numpy."""
    if isinstance(values, dict) and "bdata" in values:
        import numpy as np

        packed = base64.b64decode(values["bdata"])
        unpacked: list[Any] = np.frombuffer(packed, np.dtype(values["dtype"])).ravel().tolist()
        return unpacked
    return values if isinstance(values, list | tuple) else ()
