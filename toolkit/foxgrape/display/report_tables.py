"""Build headlines, tables and the methods section of reports, in the study's time zone."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any, TextIO

import pandas as pd

from foxgrape._util.formatting import (
    count_or_none,
    counted,
    describe_time,
    duration_in_words,
    lead_in_words,
    moment,
    percent,
)
from foxgrape._util.small_numbers import are_few, share_in_words
from foxgrape.display.cells import (
    code_cell,
    confirmation_in_words,
    event_cell,
    kind_in_words,
    lead_cell,
    post_cell,
    signal_cell,
    source_link,
)
from foxgrape.display.chance import within_a_week
from foxgrape.display.html import Headline, Html, bullets, sentence, table
from foxgrape.display.key_figures import figures_in_a_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from foxgrape.display.key_figures import KeyFigures
    from foxgrape.places import Codebook
    from foxgrape.stats.alarms.molchan import Alarm
    from foxgrape.stats.coincidence.event_coincidence import Coincidence
    from foxgrape.studies.account_profile import AccountProfile
    from foxgrape.studies.analysis import Analysis
    from foxgrape.studies.study import Study

__all__ = [
    "alarms_table",
    "calibration_table",
    "codes_table",
    "compare_with_baseline",
    "describe_relation",
    "emoji_table",
    "events_table",
    "findings_list",
    "groups_table",
    "headline",
    "key_figures",
    "methods",
    "nulls_table",
    "sides_table",
    "signal_figures",
    "signals_table",
    "windows_table",
    "write_csv",
]

_RELATIONS = {
    "anticipates": "the post certainly came before the event occurred",
    "announces": "certainly after it occurred and before it was confirmed",
    "precedes": "certainly before it was confirmed",
    "follows": "certainly after it was confirmed, or after it occurred if never confirmed",
    "undetermined": "the times are too rough to say which came first",
    "unconfirmed": "no event until the horizon or the end of observation (right-censored)",
}


#: A page shows at most this many rows of a table, so that browsers stay responsive.
MAX_ROWS = 500
_MAX_EMOJI = 20
_CODES = (
    "Codes in the text of posts, read with a codebook that states evidence for each code. A code "
    "stands for a place only on the days for which the codebook is valid."
)
_NAMES = (
    "Names of places in the text of posts, in the spellings of the gazetteer. A name that may mean "
    "several places of the study does not count."
)
_SIGNALS = {"codes": _CODES, "mentions": _NAMES, "both": f"{_CODES} {_NAMES}"}
#: First characters that make a spreadsheet read a cell as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def key_figures(analysis: Analysis, claim: str | None = None) -> KeyFigures:
    """Return the figures that a reader looks for first, in plain words.

    Parameters
    ----------
    analysis
        Posts, events, signals and lead times.
    claim
        What the tests against chance claim; by default, the claim of the coincidence test.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> "<dt>Signals</dt><dd>5" in key_figures(open_study().analyse()).markup
    True
    """
    study = analysis.study
    figures = {
        "Posts": f"{len(study.posts):,}",
        "Events": f"{len(analysis.events_of_period(study.events)):,}",
        **signal_figures(analysis),
    }
    if len(analysis.signals):
        figures["More than chance?"] = within_a_week(analysis).claim if claim is None else claim
    return figures_in_a_row(figures)


def signal_figures(analysis: Analysis) -> dict[str, str]:
    """Return how many signals there are, how many were followed by an event, and how soon.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> signal_figures(open_study().analyse())["Followed by confirmation"]
    '3 of 4'
    """
    leads = analysis.lead_times
    figures = {"Signals": f"{len(analysis.signals):,}"}
    if leads.n:
        figures[f"Followed by {moment(analysis.clock)}"] = f"{leads.n_observed:,} of {leads.n:,}"
        figures[f"Median lead to {moment(analysis.clock)}"] = leads.median_in_words()
    return figures


def findings_list(analysis: Analysis) -> Html:
    """Return the findings below the headline as a list: what was counted, and what was not."""
    findings = analysis.findings()
    shown = findings[1:] if len(analysis.signals) else findings[:1]
    return Html(bullets(shown))


def headline(analysis: Analysis) -> Headline:
    """Return the main finding, the test against chance and the list of findings."""
    n = len(analysis.signals)
    details = findings_list(analysis).markup
    if n == 0:
        return Headline(analysis.why_no_signals(), details=details)
    leading = len(analysis.leading_rows())
    event, side = "its event" if leading == 1 else "their event", analysis.confirmed_by
    if analysis.clock == "occurred":
        end = f"{event} occurred"
    else:
        end = f"the first confirmation of {event}" if side is None else f"{side} confirmed it"
    certain = f"{count_or_none(leading)} certainly came before {end}"
    finding = f"Of {counted(n, 'signal')}, {certain}."
    claim = html.escape(f"{within_a_week(analysis).sentence()} {analysis.study.caution}".strip())
    return Headline(finding, f'<p class="claim">{claim}</p>', details)


def signals_table(
    analysis: Analysis,
    rows: pd.DataFrame | None = None,
    *,
    empty: str | None = None,
    csv_file: str | None = None,
) -> Html:
    """Return a table of signals with post, event, lead interval, relation and sources.

    Of more than 500 rows, the latest 500 are shown, and the note below says so.

    Parameters
    ----------
    analysis
        Analysis that contains the signals.
    rows
        Rows of `Analysis.table` to show; by default all rows.
    empty
        Sentence to show if there are no rows; by default, why there are no signals.
    csv_file
        CSV file to which all rows are written if not all of them are shown.
    """
    zone = analysis.study.timezone
    rows = analysis.table() if rows is None else rows
    note = f"Times in {zone}."
    if rows["text"].astype("str").str.startswith("[").any():
        note += " Text in [brackets] describes a post whose wording is unknown."
    latest = _rows(rows.tail(MAX_ROWS))
    shown = table(
        [
            "Signal",
            "Post",
            f"Event {analysis.clock}",
            f"Lead to {moment(analysis.clock)}",
            "Relation",
        ],
        [
            [
                Html(f'<span class="row-{number}">{signal_cell(row).markup}</span>'),
                post_cell(row, zone),
                event_cell(row, analysis.clock, zone),
                lead_cell(row),
                describe_relation(row),
            ]
            # The page finds the marks of a row in figures by its number.
            for number, row in zip(range(len(rows))[-MAX_ROWS:], latest, strict=True)
        ],
        f"{_latest(rows)} {note}",
        empty=analysis.why_no_signals() if empty is None else empty,
    )
    return Html(shown.markup + _all_rows(rows, csv_file))


def _all_rows(rows: pd.DataFrame, csv_file: str | None) -> str:
    """Write all rows to a file if not all are shown, and return a link to it."""
    if len(rows) <= MAX_ROWS or csv_file is None:
        return ""
    write_csv(rows, csv_file)
    file = html.escape(csv_file)
    words = f"All {len(rows):,} rows with all columns, in the file beside this page"
    return f'<p class="soft">{words}: <a href="{file}">{file}</a></p>'


def _latest(rows: pd.DataFrame) -> str:
    latest = f"The latest {MAX_ROWS} of " if len(rows) > MAX_ROWS else ""
    return f"{latest}n = {len(rows):,}."


def write_csv(rows: pd.DataFrame, file: str | TextIO) -> None:
    """Write rows to a CSV file in which no text is a formula for a spreadsheet."""
    texts = rows.select_dtypes(["object", "str"]).columns
    safe = rows.copy()
    for name in texts:
        safe[name] = [
            f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
            for cell in rows[name]
        ]
    safe.to_csv(file, index=False)


def events_table(
    events: pd.DataFrame,
    confirmations: pd.DataFrame,
    zone: str,
    *,
    empty: str = "No events; add events to the study or the store.",
) -> Html:
    """Return a table of events with kind, time of occurrence, confirmations and source.

    Of more than 500 events, the latest 500 are shown, and the note below says so.
    """
    in_order = events.sort_values("occurred_at").tail(MAX_ROWS)
    own = dict(iter(confirmations.sort_values("confirmed_at").groupby("event_id")))
    rows = [_event_row(event, own.get(event.event_id), zone) for event in _rows(in_order)]
    heads = ["Place", "Kind", "Occurred", "Confirmed", "Source"]
    return table(heads, rows, f"{_latest(events)} Times in {zone}.", empty=empty)


def codes_table(codebook: Codebook, place_id: str) -> Html:
    """Return a table of the codes for a place, with meaning, basis, decoding date and source."""
    rows: list[list[str | Html]] = [
        [
            code_cell(code.code, code.kind, proposal=not code.attested),
            code.meaning,
            code.basis,
            "unknown" if code.decoded_at is None else str(code.decoded_at),
            code.confidence,
            Html(source_link("source", code.source_title, code.source_url)),
        ]
        for code in codebook
        if code.place_id == place_id
    ]
    heads = ["Code", "Meaning", "Basis", "Decoded", "Confidence", "Source"]
    return table(heads, rows, empty="The codebook has no code for this place; you can add one.")


def emoji_table(profile: AccountProfile) -> Html:
    """Return a table of the account's 20 most frequent emoji."""
    rows: list[list[str | Html]] = [
        [
            Html(f'<span class="sign">{html.escape(row.emoji)}</span>'),
            f"{row.posts:,}",
            share_in_words(row.share, len(profile.posts), 1),
            row.places or "–",
        ]
        for row in _rows(profile.emoji.head(_MAX_EMOJI))
    ]
    return table(
        ["Emoji", "Posts", "Share of posts", "Code for"],
        rows,
        f"The most frequent of {len(profile.emoji):,} emoji. A post counts once per emoji.",
        empty="No post of this account contains an emoji.",
    )


def calibration_table(profile: AccountProfile) -> Html:
    """Return a table of the share of signals followed by an event, by group of signals."""
    clock = profile.analysis.clock
    rows = [
        [
            row.group,
            row.value,
            f"{row.n:,}",
            f"{row.observed:,}",
            percent(row.share),
            "undefined" if pd.isna(row.lower) else f"{percent(row.lower)} to {percent(row.upper)}",
        ]
        for row in _rows(profile.calibration)
    ]
    return table(
        ["Signals by", "Value", "n", f"Event {clock}", f"Share with event {clock}", "95% interval"],
        rows,
        empty=f"No shares can be estimated. {profile.analysis.why_no_signals()}",
    )


def sides_table(analysis: Analysis) -> Html:
    """Return a table of each signal's lead and relation to the confirmation by each side."""
    sides = analysis.sides() if len(analysis.signals) else {}
    if not sides:
        reason = _why_no_sides(analysis) if len(analysis.signals) else "there are no signals"
        return Html(f'<p class="soft">Sides cannot be compared: {html.escape(reason)}.</p>')
    every = [part.table() for part in sides.values()]
    tables = [part.tail(MAX_ROWS) for part in every]
    rows: list[list[str | Html]] = []
    for parts in zip(*(part.itertuples() for part in tables), strict=True):
        cells = [
            Html(
                f"{html.escape(lead_in_words(part))}<br>"
                f"<small class='part-relation'>{html.escape(describe_relation(part))}</small>"
            )
            for part in parts
        ]
        rows.append([signal_cell(parts[0]), *cells])
    heads = ["Signal", *(f"Confirmed by {side}" for side in sides)]
    return table(heads, rows, _latest(every[0]))


def _why_no_sides(analysis: Analysis) -> str:
    """Return which confirmations there are, if not those by each side."""
    first = analysis.study.events["confirmed_by"].dropna().value_counts().sort_index()
    if first.empty:
        return "no confirmation by a side is recorded"
    sides = ", ".join(f"{side}: {n:,}" for side, n in first.items())
    return (
        f"only the first confirmation of each event is recorded ({sides}); a comparison needs "
        "those by each side, in a file of confirmations"
    )


def windows_table(result: Coincidence) -> Html:
    """Return a table of rates and p-values by window, with and without adjustment.

    The adjustment is for the number of windows tried.
    """
    few = are_few(result.n_signals)
    rows = [
        [
            duration_in_words(row.window),
            share_in_words(row.trigger_rate, result.n_signals),
            "–" if few else share_in_words(row.precursor_rate, result.n_events),
            _p(row.p_trigger, result.n_signals),
            _p(row.p_trigger_adjusted, result.n_signals),
        ]
        for row in _rows(result.windows)
    ]
    adjusted = f"p, adjusted for trying {len(rows)} windows" if len(rows) > 1 else "p, adjusted"
    followed = f"Signals followed by {moment(result.clock)}"
    heads = ["Window", followed, f"{moment(result.clock).capitalize()}s preceded", "p", adjusted]
    sizes = f"{counted(result.n_signals, 'signal')}, {counted(result.n_events, 'event')}"
    return table(heads, rows, f"{sizes}; null model {result.null}.")


def groups_table(result: Coincidence) -> Html:
    """Return a table of rates and p-values by group of signals, unadjusted and FDR-adjusted."""
    rows = [
        [
            str(row.group),
            f"{row.n_signals:,}",
            share_in_words(row.trigger_rate, row.n_signals),
            _p(row.p_trigger, row.n_signals),
            _p(row.p_adjusted, row.n_signals),
        ]
        for row in _rows(result.groups)
    ]
    followed = f"Followed by {moment(result.clock)}"
    heads = ["Signals", "n", followed, "p", "p, false discovery rate controlled"]
    return table(heads, rows)


def nulls_table(results: Sequence[Coincidence]) -> Html:
    """Return a table of p-values by null model, with each test's warnings as caveats."""
    rows = [
        [
            result.null,
            _p(result.p_trigger, result.n_signals),
            f"{result.n_surrogates:,}",
            " ".join(map(sentence, result.warnings)) or "–",
        ]
        for result in results
        if result.n_signals and result.n_events
    ]
    empty = "Null models cannot be compared, because there is nothing to test."
    return table(["Null model", "p", "Surrogates", "Caveats"], rows, "", empty=empty)


def alarms_table(result: Alarm) -> Html:
    """Return a table of alarmed share, miss rate, recall, gain and precision by window."""
    few = are_few(result.n_signals)
    rows = [
        [
            duration_in_words(row.window),
            percent(row.alarmed, 2),
            "–" if few else share_in_words(row.missed, result.n_events),
            "–" if few else share_in_words(row.recall, result.n_events),
            "–" if pd.isna(row.gain) or few else f"{row.gain:.1f}",
            share_in_words(row.precision, row.signals),
        ]
        for row in _rows(result.windows)
    ]
    heads = ["Window", "Alarmed", "Missed", "Recall", "Probability gain", "Precision"]
    sizes = f"{counted(result.n_signals, 'signal')}, {counted(result.n_events, 'event')}."
    return table(heads, rows, sizes)


def _p(value: float, n_signals: int) -> str:
    return "–" if are_few(n_signals) or pd.isna(value) else f"{value:.4f}"


def methods(analysis: Analysis) -> Html:
    """Return a list of the report's data, definitions, methods and limits."""
    study = analysis.study
    side = analysis.confirmed_by or "the side that confirmed first"
    leads = analysis.lead_times
    sizes = (
        f"{leads.n_observed:,} with an event, {leads.n_censored:,} right-censored; excluded: "
        f"{leads.n_hindsight:,} hindsight, {leads.n_follows:,} after the "
        f"{moment(analysis.clock)} of their event"
    )
    if leads.n_unfollowed:
        sizes += f", {leads.n_unfollowed:,} posted when or where no events were recorded"
    texts = {
        "Data": f"{study.title}: {_table_sizes(study)}.",
        "Signals": _SIGNALS[analysis.read],
        "Times": "A time that is not known exactly is an interval; a day is a day in "
        f"{study.timezone}. Leads between such times are intervals too, and a relation is stated "
        "only if it holds for every pair of instants.",
        "Links": "Each signal is linked to the next event at its place within "
        f"{duration_in_words(analysis.horizon)}. Leads are measured to the time at which it "
        + (f"was confirmed by {side}." if analysis.clock == "confirmed" else "occurred."),
        "Relations": "; ".join(f"{name}: {words}" for name, words in _RELATIONS.items()) + ".",
        "Lead times": f"{leads.method}, n = {leads.n:,}: {sizes}. The interval of the median "
        "includes the uncertainty of the times.",
        "Chance": "Posts and events can share a tempo and a moving front. Coincidence "
        "within 7 days is tested against surrogates that keep both (null model local): posts "
        "exchange places that were about equally likely at the time. "
        + " ".join(map(sentence, within_a_week(analysis).warnings)),
        "Limits": "The report does not show whether a post caused anything, or what its author "
        "knew.",
    }
    items = "".join(
        f"<dt><strong>{html.escape(name)}</strong></dt><dd>{html.escape(words)}</dd>"
        for name, words in texts.items()
    )
    return Html(f"<dl>{items}</dl>")


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
    last = study.observed[1]
    end = "" if pd.isna(last) else f", observed until {last.tz_convert(study.timezone):%-d %b %Y}"
    end += " (the last event)" if end and study.observed.guessed else ""
    n_events, n_confirmed = len(study.events), int(study.all_events["confirmed_at"].notna().sum())
    events = counted(n_events, "event")
    if n_other := len(study.all_events) - n_events:
        events += f" of the kinds studied and {n_other:,} of other kinds"
    own = len(study.confirmations)
    confirmed = f"{counted(own, 'confirmation')} by side" if own else f"{n_confirmed:,} confirmed"
    return (
        f"{counted(len(study.posts), 'post')}, {events}, {confirmed}, "
        f"{counted(len(study.codebook), 'code')}{end}"
    )


def _event_row(event: Any, own: pd.DataFrame | None, zone: str) -> list[str | Html]:
    rows = [event] if own is None else _rows(own)
    confirmed = [confirmation_in_words(row, zone) for row in rows if pd.notna(row.confirmed_at)]
    return [
        str(event.place),
        Html(kind_in_words(event.kind)),
        describe_time(event.occurred_at, event.occurred_until, zone),
        Html("<br>".join(map(html.escape, confirmed)) or "not recorded"),
        Html(source_link("not stated" if pd.isna(event.url) else "event", event.source, event.url)),
    ]


def _rows(frame: pd.DataFrame) -> list[Any]:
    """Return the rows as named tuples, typed as Any because their fields are dynamic."""
    return list(frame.itertuples())
