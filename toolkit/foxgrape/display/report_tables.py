"""Words and tables of studies for readers: times in the reader's zone, roughness said."""

from __future__ import annotations

import html
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from foxgrape._util.humanize import duration_in_words, lead_in_words
from foxgrape.display.html import Headline, Html, html_link, sentence, table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from foxgrape.places import Codebook
    from foxgrape.stats.alarms.molchan import Alarm
    from foxgrape.stats.coincidence.event_coincidence import Coincidence
    from foxgrape.studies.analysis import Analysis
    from foxgrape.studies.study import Study

__all__ = [
    "alarms_table",
    "codes_table",
    "compare_with_baseline",
    "describe_relation",
    "describe_time",
    "events_table",
    "groups_table",
    "headline",
    "methods",
    "nulls_table",
    "sides_table",
    "signals_table",
    "title",
    "windows_table",
]

_RELATIONS = {
    "anticipates": "the post certainly came before the event occurred",
    "announces": "certainly after it occurred and before it was confirmed",
    "precedes": "certainly before it was confirmed",
    "follows": "certainly after it was confirmed",
    "undetermined": "the times do not tell",
    "unconfirmed": "no event in the time watched, right-censored",
}
_DAY = pd.Timedelta(days=1)
_TICK = pd.Timedelta(1, "us")


def describe_time(earliest: pd.Timestamp, latest: pd.Timestamp, zone: str | tzinfo) -> str:
    """Say a rough time to the precision it has, in a zone.

    Examples
    --------
    >>> day = pd.Timestamp("2022-09-09T21:00Z"), pd.Timestamp("2022-09-10T20:59:59.999999Z")
    >>> time_in_words(*day, "Europe/Kyiv")
    '10 Sep 2022, time unknown'
    >>> time_in_words(day[0], pd.Timestamp("2022-09-10T12:16Z"), "Europe/Kyiv")
    '10 Sep 2022, by 15:16'
    >>> time_in_words(day[0], day[1] + _DAY, "Europe/Kyiv")
    '10 to 11 Sep 2022'
    """
    first, last = earliest.tz_convert(zone), latest.tz_convert(zone)
    if latest - earliest < pd.Timedelta(minutes=1):
        return f"{first:%-d %b %Y, %H:%M}"
    if first.date() != last.date():
        # Say a month or year only once: 10 to 11 Sep 2022.
        start = "%-d %b %Y" if first.year != last.year else "%-d %b"
        start = "%-d" if (first.year, first.month) == (last.year, last.month) else start
        return f"{first.strftime(start)} to {last:%-d %b %Y}"
    from_start = first == first.normalize()
    to_end = (last + _TICK) == (last + _TICK).normalize()
    if from_start and to_end:
        return f"{first:%-d %b %Y}, time unknown"
    if from_start:
        return f"{last:%-d %b %Y}, by {last:%H:%M}"
    return f"{first:%-d %b %Y}, {first:%H:%M} to {last:%H:%M}"


def title(study: Study) -> Html:
    """Return the title of a study's page."""
    return Html(f"<h1>{html.escape(study.title)}</h1>")


def headline(analysis: Analysis) -> Headline:
    """Say what was found and what cannot be claimed."""
    n, before = len(analysis.signals), len(analysis.before()) or "none"
    by = analysis.confirmed_by
    confirmed = "the first confirmation of their event" if by is None else f"{by} confirmed it"
    finding = f"Of {n} coded posts, {before} certainly came before {confirmed}."
    details = "".join(f"<li>{html.escape(line)}</li>" for line in analysis.findings()[1:])
    claim = html.escape(f"{_chance(analysis).sentence()} {analysis.study.caution}")
    return Headline(finding, f'<p class="claim">{claim}</p>', f"<ul>{details}</ul>")


def signals_table(analysis: Analysis, rows: pd.DataFrame | None = None) -> Html:
    """Return signals with their event, their lead as an interval, and both sources as links.

    Parameters
    ----------
    analysis
        Whose signals they are.
    rows
        Rows of `Analysis.table` to show; all of them by default.
    """
    zone = analysis.study.timezone
    shown = analysis.table() if rows is None else rows
    return table(
        ["Code", "Place", "Post", "Event confirmed", "Lead", "Relation", "Sources"],
        [_signal_row(row, zone) for row in _each(shown)],
        f"n = {len(shown)}. Times in {zone}. Text in [brackets] describes a post whose own words "
        "are not known.",
    )


def events_table(events: pd.DataFrame, confirmations: pd.DataFrame, zone: str) -> Html:
    """Return events with when they occurred, and who confirmed each when, with sources."""
    rows = [
        _event_row(event, confirmations, zone) for event in _each(events.sort_values("occurred_at"))
    ]
    heads = ["Place", "Kind", "Occurred", "Confirmed", "Source"]
    return table(heads, rows, f"n = {len(rows)}. Times in {zone}.")


def codes_table(codebook: Codebook, place_id: str) -> Html:
    """Return what stands for a place, why, and since when that was public."""
    rows: list[list[str | Html]] = [
        [
            _sign(code.code, code.kind),
            code.meaning,
            code.basis,
            "not known" if code.decoded_at is None else str(code.decoded_at),
            code.confidence,
            Html(_source("source", code.source_title, code.source_url)),
        ]
        for code in codebook
        if code.place_id == place_id
    ]
    return table(["Code", "Meaning", "Basis", "Decoded", "Confidence", "Source"], rows)


def sides_table(analysis: Analysis) -> Html:
    """Return each signal's lead and relation against each side's own confirmation.

    A claim that holds only for the slower side's confirmation is a claim about that side.
    """
    sides = analysis.sides()
    if not sides:
        return Html("<p>The study does not record who confirmed what.</p>")
    tables = [part.table() for part in sides.values()]
    rows: list[list[str | Html]] = []
    for parts in zip(*(part.itertuples() for part in tables), strict=True):
        told = [
            Html(
                f"{html.escape(lead_in_words(part))}<br>"
                f"<small>{html.escape(describe_relation(part))}</small>"
            )
            for part in parts
        ]
        rows.append([_sign(parts[0].code, parts[0].kind), str(parts[0].place), *told])
    return table(["Code", "Place", *(f"Confirmed by {side}" for side in sides)], rows)


def windows_table(found: Coincidence) -> Html:
    """Return rates and p of each window, by itself and with the choice of the best paid for."""
    rows = [
        [
            duration_in_words(row.window),
            f"{row.trigger_rate:.0%}",
            f"{row.precursor_rate:.0%}",
            _p(row.p_trigger),
            _p(row.p_trigger_adjusted),
        ]
        for row in _each(found.windows)
    ]
    heads = ["Window", "Signals followed", "Events preceded", "p, by itself", "p, choice paid for"]
    return table(
        heads, rows, f"{found.n_signals} signals, {found.n_events} events, null {found.null}."
    )


def groups_table(found: Coincidence) -> Html:
    """Return rates and p of each group of signals, by itself and with their number paid for."""
    rows = [
        [
            str(row.group),
            str(row.n_signals),
            f"{row.trigger_rate:.0%}",
            _p(row.p_trigger),
            _p(row.p_adjusted),
        ]
        for row in _each(found.groups)
    ]
    heads = ["Signals", "n", "Followed", "p, by itself", "p, false discoveries controlled"]
    return table(heads, rows)


def nulls_table(found: Sequence[Coincidence]) -> Html:
    """Return p under each null model, and what each does not hold."""
    rows = [
        [one.null, _p(one.p_trigger), " ".join(map(sentence, one.warnings)) or "Nothing known."]
        for one in found
    ]
    return table(["Null model", "p", "What to beware of"], rows, "")


def alarms_table(found: Alarm) -> Html:
    """Return what alarms of each length cost, miss and gain."""
    rows = [
        [
            duration_in_words(row.window),
            f"{row.alarmed:.2%}",
            f"{row.missed:.0%}",
            f"{row.recall:.0%}",
            "–" if pd.isna(row.gain) else f"{row.gain:.1f}",
            "–" if pd.isna(row.precision) else f"{row.precision:.0%}",
        ]
        for row in _each(found.windows)
    ]
    heads = ["Window", "Alarmed", "Missed", "Recall", "Probability gain", "Precision"]
    return table(heads, rows, f"{found.n_signals} signals, {found.n_events} events.")


def _p(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.4f}"


def methods(analysis: Analysis) -> Html:
    """Say how the figures were made, from what, and what they cannot show."""
    study = analysis.study
    by = analysis.confirmed_by or "whichever side was first"
    leads = analysis.lead_times
    counted = (
        f"{leads.n_observed} with an event, {leads.n_censored} right-censored; left out: "
        f"{leads.n_hindsight} hindsight, {leads.n_follows} after their event"
    )
    told = {
        "Data": f"{study.title}: {_counts(study)}.",
        "Signals": "Codes are read from the text of posts by a codebook with evidence; a code "
        "stands for a place only on the days for which the codebook says so.",
        "Times": "A time known only roughly is an interval, a day being a day as lived in "
        f"{study.timezone}. Leads between rough times are intervals too, and a relation is claimed "
        "only if it holds for every pair of instants in them.",
        "Link": "Each signal is linked to the next event at its place within "
        f"{duration_in_words(analysis.horizon)}. Counted to when it was {analysis.clock}"
        + (f", by {by}." if analysis.clock == "confirmed" else "."),
        "Relations": "; ".join(f"{name}: {words}" for name, words in _RELATIONS.items()) + ".",
        "Lead times": f"Kaplan–Meier, n = {leads.n}: {counted}. The interval of the median also "
        "pays for rough times.",
        "Chance": "Posts and events share a war, its tempo and its front. Coincidence within 7 "
        "days is judged by surrogates that hold both (null model local): posts exchange their "
        "places as far as places were about as likely then. "
        + " ".join(map(sentence, _chance(analysis).warnings)),
        "Not shown": "Whether a post caused anything, or what its author knew.",
    }
    items = "".join(
        f"<dt><strong>{html.escape(name)}</strong></dt><dd>{html.escape(words)}</dd>"
        for name, words in told.items()
    )
    return Html(f"<dl>{items}</dl>")


@lru_cache(maxsize=1)
def _chance(analysis: Analysis) -> Coincidence:
    """Return the test that headline and methods both speak of, made once."""
    return analysis.coincidence(window="7D")


def describe_relation(row: Any) -> str:
    """Name the relation of one row of `Analysis.table`, and say if it is hindsight."""
    return f"{row.relation}, hindsight" if row.hindsight else str(row.relation)


def compare_with_baseline(codes: Analysis, names: Analysis) -> str:
    """Compare coded posts with posts that called the place by its name; plain text."""
    return (
        "A code is worth something only if it does better than posts that say the name. "
        f"By name: {names.lead_times.sentence()} By code: {codes.lead_times.sentence()} "
        "Neither number of posts allows a claim that one comes earlier than the other."
    )


def _counts(study: Study) -> str:
    end = "" if study.observed_until is None else f", observed until {study.observed_until[:10]}"
    return (
        f"{len(study.posts)} posts, {len(study.events)} events, "
        f"{len(study.confirmations)} confirmations, {len(study.codebook)} codes{end}"
    )


def _signal_row(row: Any, zone: str) -> list[str | Html]:
    if not row.observed:
        when = "no event"
    elif pd.isna(row.confirmed_at):
        when = "never"
    else:
        said = describe_time(row.confirmed_at, row.confirmed_until, zone)
        when = f"{said}, by {row.confirmed_by}"
    sources = [_source("post", row.post_source_title, row.post_source_url)]
    if row.observed:
        sources.append(_source("event", row.source, row.url))
    posted = f"{row.account}, {describe_time(row.posted_at, row.posted_until, zone)}"
    lead = html.escape(lead_in_words(row)).replace(" to ", "<br>to ")
    return [
        _sign(row.code, row.kind),
        str(row.place),
        Html(
            f'<div class="words">{html.escape("" if pd.isna(row.text) else str(row.text))}'
            f"<br><small>{html.escape(posted)}</small></div>"
        ),
        when,
        Html(f'<span class="lead">{lead}</span>'),
        describe_relation(row),
        Html(f'<div class="words">{"<br>".join(sources)}</div>'),
    ]


def _event_row(event: Any, confirmations: pd.DataFrame, zone: str) -> list[str | Html]:
    own = confirmations[confirmations["event_id"] == event.event_id]
    told = [event] if own.empty else _each(own.sort_values("confirmed_at"))
    confirmed = [
        f"{describe_time(row.confirmed_at, row.confirmed_until, zone)}, by {row.confirmed_by}"
        for row in told
        if pd.notna(row.confirmed_at)
    ]
    return [
        str(event.place),
        "" if pd.isna(event.kind) else str(event.kind),
        describe_time(event.occurred_at, event.occurred_until, zone),
        Html("<br>".join(map(html.escape, confirmed)) or "never"),
        Html(_source("event", event.source, event.url)),
    ]


def _each(frame: pd.DataFrame) -> list[Any]:
    return list(frame.itertuples())


def _sign(code: Any, kind: Any) -> Html:
    large = ' class="sign"' if kind == "emoji" else ""
    return Html(f"<span{large}>{html.escape(str(code))}</span>")


def _source(what: str, title: Any, address: Any) -> str:
    title = what if pd.isna(title) else str(title)
    return f"{html.escape(what)}: {html_link(address, title)}"
