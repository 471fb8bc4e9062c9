"""Build headlines, tables and the methods section of reports, in the study's time zone."""

from __future__ import annotations

import html
import os
from typing import TYPE_CHECKING, Any, TextIO

import pandas as pd

from foxgrape import schemas
from foxgrape._util.files import IN_RUN_FOLDER
from foxgrape._util.formatting import (
    count_or_none,
    counted,
    describe_time,
    duration_in_words,
    lead_in_words,
    moment,
    percent,
)
from foxgrape._util.small_numbers import TOO_FEW, share_in_words
from foxgrape.display.cells import (
    code_cell,
    confirmation_in_words,
    describe_relation,
    event_cell,
    kind_in_words,
    lead_cell,
    post_cell,
    relation_cell,
    signal_cell,
    source_link,
)
from foxgrape.display.chance import chance_in_words, verdict_in_words, within_a_week
from foxgrape.display.html import Headline, Html, bullets, sentence, table
from foxgrape.display.key_figures import figures_in_a_row

if TYPE_CHECKING:
    from foxgrape.display.key_figures import KeyFigures
    from foxgrape.places import Codebook
    from foxgrape.studies.account_profile import AccountProfile
    from foxgrape.studies.analysis import Analysis

__all__ = [
    "calibration_table",
    "chance_figure",
    "codes_table",
    "compare_with_baseline",
    "emoji_table",
    "events_table",
    "findings_list",
    "headline",
    "key_figures",
    "methods",
    "rows_file",
    "sides_table",
    "signal_figures",
    "signals_table",
    "without_codes",
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
    return figures_in_a_row(
        {
            "Posts": f"{len(study.posts):,}",
            "Events": f"{len(analysis.events_of_period(study.events)):,}",
            **signal_figures(analysis),
            **chance_figure(analysis, claim),
        }
    )


def chance_figure(analysis: Analysis, claim: str | None = None) -> dict[str, str]:
    """Return what the test against chance claims, as a key figure; empty without signals.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> chance_figure(open_study().analyse())
    {'More than chance?': 'Too few to test'}
    """
    if not len(analysis.signals):
        return {}
    return {"More than chance?": within_a_week(analysis).claim if claim is None else claim}


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
    if not len(analysis.signals):
        return Html(bullets(findings[:1]))
    # With leads, the first finding says for which codes or places they are.
    return Html(bullets(findings if len(analysis.leading_rows()) else findings[1:]))


def headline(analysis: Analysis) -> Headline:
    """Return the main finding with the verdict of the test against chance, and the findings."""
    n = len(analysis.signals)
    details = f"<h2>Findings</h2>{findings_list(analysis).markup}"
    if n == 0:
        return Headline(analysis.why_no_signals(), details=details)
    side = analysis.confirmed_by
    event = "the next event at the same place"
    if analysis.clock == "confirmed" and side is not None:
        event = f"{side} confirmed {event}"
    else:
        first = "first " if analysis.clock == "confirmed" else ""
        event = f"the {first}{moment(analysis.clock)} of {event}"
    certain = f"{count_or_none(len(analysis.leading_rows()))} certainly came before {event}"
    result = within_a_week(analysis)
    finding = f"Of {counted(n, 'signal')}, {certain}. {verdict_in_words(result)}"
    reason = "" if result.claim == TOO_FEW else sentence(chance_in_words(result, claim=False))
    claim = html.escape(f"{reason} {analysis.study.caution}".strip())
    return Headline(finding, f'<p class="claim">{claim}</p>' if claim else "", details)


def signals_table(
    analysis: Analysis,
    rows: pd.DataFrame | None = None,
    *,
    empty: str | None = None,
    csv_file: str | None = None,
) -> Html:
    """Return a table of signals with post, event, lead interval, relation and sources.

    Of more than 500 rows, the latest 500 are shown, newest first, and the note below says so.

    Parameters
    ----------
    analysis
        Analysis that contains the signals.
    rows
        Rows of `Analysis.table` to show; by default all rows.
    empty
        Sentence to show if there are no rows; by default, why there are no signals.
    csv_file
        CSV file of all rows with all columns, which the page links to. It is written if
        `foxgrape report build` runs the notebook, or if not all rows are shown.
    """
    zone = analysis.study.timezone
    rows = analysis.table() if rows is None else rows
    note = f"Times in {zone}."
    if rows["text"].astype("str").str.startswith("[").any():
        note += " Text in [brackets] describes a post whose wording is unknown."
    # The page finds the marks of a row in figures by its number.
    latest = list(zip(range(len(rows))[-MAX_ROWS:], _rows(rows.tail(MAX_ROWS)), strict=True))
    if len(rows) > MAX_ROWS:
        latest.reverse()
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
                relation_cell(row),
            ]
            for number, row in latest
        ],
        f"{_latest(rows, 'signal')} {note}",
        empty=analysis.why_no_signals() if empty is None else empty,
    )
    return Html(shown.markup + _all_rows(rows, csv_file))


def _all_rows(rows: pd.DataFrame, csv_file: str | None) -> str:
    """Write all rows to a file beside the page, and return a link to it.

    Other tools may run a notebook in any folder: there, the file is written only if it is needed.
    """
    if csv_file is None or rows.empty:
        return ""
    if len(rows) <= MAX_ROWS and not os.environ.get(IN_RUN_FOLDER):
        return ""
    write_csv(rows, csv_file)
    file = html.escape(csv_file)
    words = f"{counted(len(rows), 'row')} with all columns, in a file beside this page"
    return f'<p class="soft">{words}: <a class="file" href="{file}">{file}</a></p>'


def rows_file(analysis: Analysis, csv_file: str = "signals.csv") -> Html | None:
    """Write all signals to a file beside the page, and return a link to it; else None.

    For reports without a table of signals, and only if `foxgrape report build` runs the notebook.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> rows_file(open_study().analyse()) is None
    True
    """
    if not os.environ.get(IN_RUN_FOLDER):
        return None
    return Html(_all_rows(analysis.table(), csv_file)) if len(analysis.signals) else None


def _latest(rows: pd.DataFrame, unit: str) -> str:
    if len(rows) > MAX_ROWS:
        return f"The latest {MAX_ROWS} of {counted(len(rows), unit)}, newest first."
    return f"{counted(len(rows), unit)}."


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
    in_order = in_order[::-1] if len(events) > MAX_ROWS else in_order
    own = dict(iter(confirmations.sort_values("confirmed_at").groupby("event_id")))
    rows = [_event_row(event, own.get(event.event_id), zone) for event in _rows(in_order)]
    heads = ["Place", "Kind", "Occurred", "Confirmed", "Source"]
    return table(heads, rows, f"{_latest(events, 'event')} Times in {zone}.", empty=empty)


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
    return table(heads, rows, empty="No code of the codebook stands for this place.")


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
    rows = [
        [signal_cell(parts[0]), *map(_side_cell, parts)]
        for parts in zip(*map(_rows, tables), strict=True)
    ]
    heads = ["Signal", *(f"Lead over the confirmation by {side}" for side in sides)]
    return table(heads, rows, _latest(every[0], "signal"))


def _side_cell(row: Any) -> Html:
    """Return a signal's lead over one side's confirmation, or that there was none."""
    if not row.observed:
        watched = duration_in_words(row.lead_min)
        return Html(f"no confirmation within {watched}")
    lead = html.escape(lead_in_words(row))
    return Html(f"{lead}<br><small class='part-relation'>{describe_relation(row)}</small>")


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


def methods(analysis: Analysis) -> Html:
    """Return a list of the report's data, definitions, methods and limits."""
    study = analysis.study
    side = analysis.confirmed_by or "the side that confirmed first"
    leads = analysis.lead_times
    sizes = (
        f"{leads.n_observed:,} with an event, {leads.n_censored:,} right-censored; left out: "
        f"{leads.n_hindsight:,} hindsight, {leads.n_follows:,} after the "
        f"{moment(analysis.clock)} of their event"
    )
    if leads.n_unfollowed:
        sizes += f", {leads.n_unfollowed:,} posted when or where no events were recorded"
    texts = {
        "Data": f"{study.title}: {_table_sizes(analysis)}.",
        "Signals": _SIGNALS[analysis.read],
        "Times": "A time that is not known exactly is an interval; a day is a day in "
        f"{study.timezone}. Leads between such times are intervals too. A relation is stated only "
        "if it holds wherever in their intervals the two times lie.",
        "Links": "Each signal is linked to the next event at its place within "
        f"{duration_in_words(analysis.horizon)}. Leads are measured to the time at which it "
        + (f"was confirmed by {side}." if analysis.clock == "confirmed" else "occurred."),
        "Relations": "; ".join(f"{name}: {words}" for name, words in _RELATIONS.items()) + ".",
        "Lead times": f"{leads.method}, n = {leads.n:,}: {sizes}. The interval of the median "
        "includes the uncertainty of the times.",
        "Chance": "Posts and events can share a tempo and a moving front. Coincidence "
        "within 7 days is tested against surrogates that keep both (null model local): posts "
        "exchange places that were about equally likely at the time. The report “Test against "
        "chance” tries several windows, leaves out signals that were not observed for the longest, "
        "and adjusts p for the choice: its shares and p differ from those here. "
        + " ".join(map(sentence, within_a_week(analysis).warnings)),
        "Limits": "The report does not show whether a post caused anything, or what its author "
        "knew.",
    }
    items = "".join(
        f"<dt><strong>{html.escape(name)}</strong></dt><dd>{html.escape(words)}</dd>"
        for name, words in texts.items()
    )
    return Html(f"<dl>{items}</dl>")


def without_codes(names: Analysis, codes: Analysis) -> Analysis:
    """Return the analysis of names without the posts that also contain a code.

    A post on both sides of a comparison would make the sides alike.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> codes, names = (open_study().analyse(signals=read) for read in ("codes", "mentions"))
    >>> len(names.signals) - len(without_codes(names, codes).signals)
    1
    """
    keys = schemas.KEYS["posts"][0]
    coded = schemas.key_index(codes.signals, keys)
    also_coded = schemas.key_index(names.signals, keys).isin(coded)
    return names.subset(names.signals.loc[~also_coded, "signal_id"])


def compare_with_baseline(codes: Analysis, names: Analysis) -> str:
    """Describe the lead times of coded posts and of posts that only mention the place by name."""
    return (
        "A code adds information only if it comes earlier than posts that mention the place by "
        "name. Posts that also contain a code are left out here. By name: "
        f"{names.lead_times.sentence()} By code: {codes.lead_times.sentence()}"
    )


def _table_sizes(analysis: Analysis) -> str:
    study = analysis.study
    n_codes = 0 if analysis.read == "mentions" else len(study.codebook)
    codes = f", {counted(n_codes, 'code')}" if n_codes else ""
    last = study.observed[1]
    end = "" if pd.isna(last) else f", observed until {last.tz_convert(study.timezone):%-d %b %Y}"
    end += " (the last event)" if end and study.observed.guessed else ""
    n_events, n_confirmed = len(study.events), int(study.all_events["confirmed_at"].notna().sum())
    events = counted(n_events, "event")
    if n_other := len(study.all_events) - n_events:
        events += f" of the kinds studied and {n_other:,} of other kinds"
    own = len(study.confirmations)
    confirmed = f"{counted(own, 'confirmation')} by side" if own else f"{n_confirmed:,} confirmed"
    return f"{counted(len(study.posts), 'post')}, {events}, {confirmed}{codes}{end}"


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
