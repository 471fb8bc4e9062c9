"""Build headlines, tables and the methods section of reports, in the study's time zone."""

from __future__ import annotations

import html
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from foxgrape._util.formatting import counted, describe_time, duration_in_words, lead_in_words
from foxgrape.display.html import Headline, Html, html_link, sentence, table

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    "follows": "certainly after it was confirmed, or after it occurred if never confirmed",
    "undetermined": "the times are too rough to say which came first",
    "unconfirmed": "no event until the horizon or the end of observation (right-censored)",
}


def title(study: Study) -> Html:
    """Return the study's title as a heading."""
    return Html(f"<h1>{html.escape(study.title)}</h1>")


#: What the headline and the methods call the signals, by what counts as one.
_POSTS = {
    "codes": "coded posts",
    "mentions": "mentions of places by name",
    "both": "codes and mentions of places by name",
}
_KINDS = {"codes": ("codes",), "mentions": ("mentions",), "both": ("codes", "mentions")}
_SIGNALS = {
    "codes": "Codes in the text of posts, read with a codebook that states evidence for each code. "
    "A code stands for a place only on the days for which the codebook is valid.",
    "mentions": "Names of places in the text of posts, in the spellings of the study's gazetteer. "
    "A name that may mean several places is left out.",
}


def headline(analysis: Analysis) -> Headline:
    """Return the main finding, the test against chance and the list of findings."""
    n, leading = len(analysis.signals), len(analysis.leading_rows()) or "none"
    side = analysis.confirmed_by
    if analysis.clock == "occurred":
        happened = "its event occurred"
    else:
        happened = "the first confirmation of its event" if side is None else f"{side} confirmed it"
    finding = f"Of {n} {_POSTS[analysis.read]}, {leading} certainly came before {happened}."
    details = "".join(f"<li>{html.escape(line)}</li>" for line in analysis.findings()[1:])
    claim = html.escape(f"{_chance(analysis).sentence()} {analysis.study.caution}")
    return Headline(finding, f'<p class="claim">{claim}</p>', f"<ul>{details}</ul>")


def signals_table(analysis: Analysis, rows: pd.DataFrame | None = None) -> Html:
    """Return a table of signals with event, lead interval, relation and sources.

    Parameters
    ----------
    analysis
        Analysis that contains the signals.
    rows
        Rows of `Analysis.table` to show; by default all rows.
    """
    zone = analysis.study.timezone
    rows = analysis.table() if rows is None else rows
    return table(
        ["Code", "Place", "Post", f"Event {analysis.clock}", "Lead", "Relation", "Sources"],
        [_signal_row(row, analysis.clock, zone) for row in _rows(rows)],
        f"n = {len(rows)}. Times in {zone}. Text in [brackets] describes a post whose wording is "
        "unknown.",
    )


def events_table(events: pd.DataFrame, confirmations: pd.DataFrame, zone: str) -> Html:
    """Return a table of events with time of occurrence, confirmations and source."""
    in_order = events.sort_values("occurred_at")
    rows = [_event_row(event, confirmations, zone) for event in _rows(in_order)]
    heads = ["Place", "Kind", "Occurred", "Confirmed", "Source"]
    return table(heads, rows, f"n = {len(rows)}. Times in {zone}.")


def codes_table(codebook: Codebook, place_id: str) -> Html:
    """Return a table of the codes for a place, with meaning, basis, decoding date and source."""
    rows: list[list[str | Html]] = [
        [
            _code_cell(code.code, code.kind, proposal=not code.attested),
            code.meaning,
            code.basis,
            "unknown" if code.decoded_at is None else str(code.decoded_at),
            code.confidence,
            Html(_source("source", code.source_title, code.source_url)),
        ]
        for code in codebook
        if code.place_id == place_id
    ]
    return table(["Code", "Meaning", "Basis", "Decoded", "Confidence", "Source"], rows)


def sides_table(analysis: Analysis) -> Html:
    """Return a table of each signal's lead and relation to the confirmation by each side."""
    sides = analysis.sides()
    if not sides:
        return Html("<p>The study records no confirmations by side.</p>")
    tables = [part.table() for part in sides.values()]
    rows: list[list[str | Html]] = []
    for parts in zip(*(part.itertuples() for part in tables), strict=True):
        cells = [
            Html(
                f"{html.escape(lead_in_words(part))}<br>"
                f"<small>{html.escape(describe_relation(part))}</small>"
            )
            for part in parts
        ]
        code = _code_cell(parts[0].code, parts[0].kind, proposal=_is_proposal(parts[0]))
        rows.append([code, str(parts[0].place), *cells])
    return table(["Code", "Place", *(f"Confirmed by {side}" for side in sides)], rows)


def windows_table(result: Coincidence) -> Html:
    """Return a table of rates and p-values by window, with and without adjustment.

    The adjustment is for the number of windows tried.
    """
    rows = [
        [
            duration_in_words(row.window),
            f"{row.trigger_rate:.0%}",
            f"{row.precursor_rate:.0%}",
            _p(row.p_trigger),
            _p(row.p_trigger_adjusted),
        ]
        for row in _rows(result.windows)
    ]
    adjusted = f"p, adjusted for trying {len(rows)} windows" if len(rows) > 1 else "p, adjusted"
    heads = ["Window", "Signals followed", "Events preceded", "p", adjusted]
    sizes = f"{counted(result.n_signals, 'signal')}, {counted(result.n_events, 'event')}"
    return table(heads, rows, f"{sizes}; null model {result.null}.")


def groups_table(result: Coincidence) -> Html:
    """Return a table of rates and p-values by group of signals, unadjusted and FDR-adjusted."""
    rows = [
        [
            str(row.group),
            str(row.n_signals),
            f"{row.trigger_rate:.0%}",
            _p(row.p_trigger),
            _p(row.p_adjusted),
        ]
        for row in _rows(result.groups)
    ]
    heads = ["Signals", "n", "Followed", "p", "p, false discovery rate controlled"]
    return table(heads, rows)


def nulls_table(results: Sequence[Coincidence]) -> Html:
    """Return a table of p-values by null model, with each test's warnings as caveats."""
    rows = [
        [result.null, _p(result.p_trigger), " ".join(map(sentence, result.warnings)) or "None."]
        for result in results
    ]
    return table(["Null model", "p", "Caveats"], rows, "")


def alarms_table(result: Alarm) -> Html:
    """Return a table of alarmed share, miss rate, recall, gain and precision by window."""
    rows = [
        [
            duration_in_words(row.window),
            f"{row.alarmed:.2%}",
            f"{row.missed:.0%}",
            f"{row.recall:.0%}",
            "–" if pd.isna(row.gain) else f"{row.gain:.1f}",
            "–" if pd.isna(row.precision) else f"{row.precision:.0%}",
        ]
        for row in _rows(result.windows)
    ]
    heads = ["Window", "Alarmed", "Missed", "Recall", "Probability gain", "Precision"]
    sizes = f"{counted(result.n_signals, 'signal')}, {counted(result.n_events, 'event')}."
    return table(heads, rows, sizes)


def _p(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.4f}"


def methods(analysis: Analysis) -> Html:
    """Return a list of the report's data, definitions, methods and limits."""
    study = analysis.study
    side = analysis.confirmed_by or "the side that confirmed first"
    leads = analysis.lead_times
    sizes = (
        f"{leads.n_observed} with an event, {leads.n_censored} right-censored; excluded: "
        f"{leads.n_hindsight} hindsight, {leads.n_follows} after their event"
    )
    if leads.n_unfollowed:
        sizes += f", {leads.n_unfollowed} after the end of observation"
    texts = {
        "Data": f"{study.title}: {_table_sizes(study)}.",
        "Signals": " ".join(_SIGNALS[kind] for kind in _KINDS[analysis.read]),
        "Times": "A time that is not known exactly is an interval; a day is a day in "
        f"{study.timezone}. Leads between such times are intervals too, and a relation is stated "
        "only if it holds for every pair of instants.",
        "Links": "Each signal is linked to the next event at its place within "
        f"{duration_in_words(analysis.horizon)}. Leads are measured to the time it was "
        + (f"confirmed by {side}." if analysis.clock == "confirmed" else "occurred."),
        "Relations": "; ".join(f"{name}: {words}" for name, words in _RELATIONS.items()) + ".",
        "Lead times": f"{leads.method}, n = {leads.n}: {sizes}. The interval of the median "
        "includes the uncertainty of the times.",
        "Chance": "Posts and events can share a tempo and a moving front. Coincidence "
        "within 7 days is tested against surrogates that keep both (null model local): posts "
        "exchange places that were about equally likely at the time. "
        + " ".join(map(sentence, _chance(analysis).warnings)),
        "Limits": "The report does not show whether a post caused anything, or what its author "
        "knew.",
    }
    items = "".join(
        f"<dt><strong>{html.escape(name)}</strong></dt><dd>{html.escape(words)}</dd>"
        for name, words in texts.items()
    )
    return Html(f"<dl>{items}</dl>")


@lru_cache(maxsize=1)
def _chance(analysis: Analysis) -> Coincidence:
    """Test for coincidence within 7 days; cached, because headline and methods both use it."""
    return analysis.coincidence(window="7D")


def describe_relation(row: Any) -> str:
    """Return the relation in a row of `Analysis.table`, with a note if it is hindsight."""
    return f"{row.relation}, hindsight" if row.hindsight else str(row.relation)


def compare_with_baseline(codes: Analysis, names: Analysis) -> str:
    """Describe the lead times of coded posts and of posts that mention the place by name."""
    return (
        "A code adds information only if it comes earlier than posts that mention the place by "
        f"name. By name: {names.lead_times.sentence()} By code: {codes.lead_times.sentence()}"
    )


def _table_sizes(study: Study) -> str:
    end = "" if study.observed_until is None else f", observed until {study.observed_until[:10]}"
    return (
        f"{len(study.posts)} posts, {len(study.all_events)} events, "
        f"{len(study.confirmations)} confirmations, {len(study.codebook)} codes{end}"
    )


def _signal_row(row: Any, clock: str, zone: str) -> list[str | Html]:
    if not row.observed:
        confirmed = "no event"
    elif clock == "occurred":
        confirmed = describe_time(row.occurred_at, row.occurred_until, zone)
    elif pd.isna(row.confirmed_at):
        confirmed = "not recorded"
    else:
        confirmed = _confirmation(row, zone)
    sources = [_source("post", row.post_source_title, row.post_source_url)]
    if row.observed:
        sources.append(_source("event", row.source, row.url))
    posted = f"{row.account}, {describe_time(row.posted_at, row.posted_until, zone)}"
    lead = html.escape(lead_in_words(row)).replace(" to ", "<br>to ")
    return [
        _code_cell(row.code, row.kind, proposal=_is_proposal(row)),
        str(row.place),
        Html(
            f'<div class="words">{html.escape("" if pd.isna(row.text) else str(row.text))}'
            f"<br><small>{html.escape(posted)}</small></div>"
        ),
        confirmed,
        Html(f'<span class="lead">{lead}</span>'),
        describe_relation(row),
        Html(f'<div class="words">{"<br>".join(sources)}</div>'),
    ]


def _event_row(event: Any, confirmations: pd.DataFrame, zone: str) -> list[str | Html]:
    own = confirmations[confirmations["event_id"] == event.event_id]
    rows = [event] if own.empty else _rows(own.sort_values("confirmed_at"))
    confirmed = [_confirmation(row, zone) for row in rows if pd.notna(row.confirmed_at)]
    return [
        str(event.place),
        "" if pd.isna(event.kind) else str(event.kind),
        describe_time(event.occurred_at, event.occurred_until, zone),
        Html("<br>".join(map(html.escape, confirmed)) or "not recorded"),
        Html(_source("event", event.source, event.url)),
    ]


def _rows(frame: pd.DataFrame) -> list[Any]:
    """Return the rows as named tuples, typed as Any because their fields are dynamic."""
    return list(frame.itertuples())


def _confirmation(row: Any, zone: str) -> str:
    return f"{describe_time(row.confirmed_at, row.confirmed_until, zone)}, by {row.confirmed_by}"


def _code_cell(code: Any, kind: Any, *, proposal: bool = False) -> Html:
    large = ' class="sign"' if kind == "emoji" else ""
    mark = "<br><small>proposal, no use known</small>" if proposal else ""
    return Html(f"<span{large}>{html.escape(str(code))}</span>{mark}")


def _is_proposal(signal: Any) -> bool:
    """Return whether a signal is of a code that is not known to have been used."""
    basis = getattr(signal, "basis", None)
    return isinstance(basis, str) and basis != "attested"


def _source(what: str, title: Any, address: Any) -> str:
    title = what if pd.isna(title) else str(title)
    return f"{html.escape(what)}: {html_link(address, title)}"
