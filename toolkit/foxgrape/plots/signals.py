"""Figures of signals and their events; each states n and has alt text in ``layout.meta["alt"]``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go

from foxgrape import times
from foxgrape._util.formatting import counted, duration_in_words, happened, moment
from foxgrape.plots.grouped import grouped_timeline
from foxgrape.plots.labels import escape_label
from foxgrape.plots.outcomes import outcome_labels
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
    empty_figure,
    inline_legend,
    interval_trace,
    lead_axis_title,
    set_title,
    thinned,
    time_range,
)

if TYPE_CHECKING:
    from foxgrape.stats.survival.lead_times import LeadTimes
    from foxgrape.studies.analysis import Analysis

__all__ = ["survival", "timeline"]

#: More rows than this are grouped, because they cannot be read one by one.
_MAX_ROWS = 40
_MAX_LETTERS = 24
#: Estimator of leads that are known only as intervals.
_ROUGH = "Turnbull"
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
            f"Signals, and the {moment(analysis.clock)} of their events (n = {len(table)})",
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
    counts = ", ".join(f"{n} {label}" for label, n in outcome_labels(table).value_counts().items())
    themed = apply_theme(
        figure,
        f"Timeline of {counted(len(table), 'signal')} ({counts}), one per row, in days since the "
        "post. Bars show when the post was written, when the event occurred and when it was "
        "confirmed. Signals without an event (right-censored) are open arrows.",
    )
    return add_meta(themed, signals=len(table), labels=labels)


def _outcome_notes(table: pd.DataFrame) -> list[str]:
    """Return each signal's outcome and, below it, the kind of its event."""
    return [
        label if pd.isna(kind) else f"{label}<br>{escape_label(_shortened(str(kind)))}"
        for label, kind in zip(_short_labels(table), table["event_kind"], strict=True)
    ]


def _short_labels(table: pd.DataFrame) -> pd.Series:
    """Return each signal's outcome, without its term in brackets."""
    return outcome_labels(table).str.replace(r" \(.*\)", "", regex=True)


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_LETTERS else f"{text[: _MAX_LETTERS - 1]}…"


def _event_legend(kinds: pd.Series) -> list[tuple[str, str, str]]:
    """Return legend entries for the classes of events that are drawn."""
    known = {changes_control(kind) for kind in kinds.dropna()}
    if known == {True} or not known:
        return [(ORANGE, "■", "change of control" if known else "event")]
    if known == {False}:
        return [(RED, "■", "event")]
    return [(ORANGE, "■", "change of control"), (RED, "■", "other event")]


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
    'share of signals for which no event was confirmed so far'
    """
    if leads.n == 0:
        return empty_figure(_why_no_leads(leads))
    figure = go.Figure()
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
            f"Time from post to {moment(leads.clock)} "
            f"(n = {leads.n:,}, {leads.n_censored:,} without)",
            inline_legend(
                (BLUE, "━", f"{leads.method} estimate"), (BLUE, "+", "no event (right-censored)")
            ),
            inline_legend(
                (SKY, "■", "95% band"), (GREY, "┄", "each rough lead at its shortest, or longest")
            ),
        ),
        yaxis={"title": _share_without(leads.clock), "range": [-0.03, 1.03]},
        height=480,
        margin={"b": 120},
    )
    asinh_time_axis(figure, lead_axis_title(leads.clock), time_range(figure))
    _add_risk_table(figure, leads)
    return apply_theme(figure, f"{leads.method} curve of lead times. {leads.sentence()}")


def _share_without(clock: str) -> str:
    return f"share of signals for which no event {happened(clock)} so far"


def _why_no_leads(leads: LeadTimes) -> str:
    """Return why no signal can be timed, and what to do, in one sentence."""
    parts = [
        f"{count} {words}"
        for count, words in (
            (leads.n_follows, f"came after the {moment(leads.clock)} of their event"),
            (leads.n_hindsight, "were decoded only after it"),
            (leads.n_unfollowed, "were posted when or where no events were recorded"),
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


def _add_risk_table(figure: go.Figure, leads: LeadTimes) -> None:
    """Write the number of signals at risk below each tick of the axis.

    A rough lead leaves at its longest value with Turnbull's estimate, which has no times between,
    and at its middle with Kaplan–Meier's.
    """
    short, long = leads.leads["shortest"], leads.leads["longest"]
    if leads.method == _ROUGH:
        ends = long.where(leads.leads["observed"], short)
    else:
        ends = long.where(~leads.leads["observed"], short + (long - short) / 2)
    days = times.in_days(ends)
    below = {"yref": "paper", "yanchor": "top", "showarrow": False}
    for day, at in zip(figure.layout.xaxis.ticktext, figure.layout.xaxis.tickvals, strict=True):
        at_risk = int((days >= float(day)).sum())
        figure.add_annotation(x=at, y=-0.27, text=f"{at_risk:,}", **below)
    figure.add_annotation(x=0, xref="paper", y=-0.2, xanchor="left", text="number at risk", **below)
