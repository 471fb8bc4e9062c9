"""Words and tables for readers: escaped HTML, times in the reader's zone, roughness said."""

from __future__ import annotations

import html
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from foxgrape.leadtime import duration_in_words, lead_in_words

if TYPE_CHECKING:
    from foxgrape.analysis import Analysis
    from foxgrape.coincidence import Coincidence
    from foxgrape.study import Study

__all__ = [
    "Html",
    "baseline_words",
    "headline",
    "methods",
    "relation_in_words",
    "section",
    "sides_table",
    "signals_table",
    "time_in_words",
    "title",
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


class Html:
    """Markup that a notebook shows as it is; whoever makes it has escaped what came from outside.

    Examples
    --------
    >>> Html("<p>n = 3</p>")
    Html('<p>n = 3</p>')
    """

    def __init__(self, markup: str) -> None:
        self.markup = markup

    def __repr__(self) -> str:
        return f"Html({self.markup!r})"

    def _repr_html_(self) -> str:
        return self.markup


def time_in_words(earliest: pd.Timestamp, latest: pd.Timestamp, zone: str) -> str:
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


def section(heading: str, words: str) -> Html:
    """Return the heading and first paragraph of a section."""
    return Html(f"<h2>{html.escape(heading)}</h2><p>{html.escape(words)}</p>")


def headline(analysis: Analysis) -> Html:
    """Say what was found and what cannot be claimed."""
    n, before = len(analysis.signals), len(analysis.before()) or "none"
    by = analysis.confirmed_by
    confirmed = "the first confirmation of their event" if by is None else f"{by} confirmed it"
    chance = _chance(analysis)
    details = "".join(f"<li>{html.escape(line)}</li>" for line in analysis.findings()[1:])
    return Html(
        f'<div class="headline"><p class="finding"><strong>Of {n} coded posts, {before} certainly '
        f"came before {html.escape(confirmed)}.</strong></p>"
        f'<p class="claim">{html.escape(chance.sentence())} '
        f"{html.escape(analysis.study.caution)}</p></div>"
        f"<ul>{details}</ul>"
    )


def signals_table(analysis: Analysis) -> Html:
    """Return every signal with its event, its lead as an interval, and both sources as links."""
    zone = analysis.study.timezone
    heads = ["Code", "Place", "Post", "Event confirmed", "Lead", "Relation", "Sources"]
    rows = [_signal_row(row, zone) for row in analysis.table().itertuples()]
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return Html(
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        f'<p class="soft">n = {len(rows)}. Times in {html.escape(zone)}. Text in [brackets] '
        "describes a post whose own words are not known.</p>"
    )


def sides_table(analysis: Analysis) -> Html:
    """Return each signal's lead and relation against each side's own confirmation.

    A claim that holds only for the slower side's confirmation is a claim about that side.
    """
    sides = analysis.sides()
    if not sides:
        return Html("<p>The study does not record who confirmed what.</p>")
    tables = [part.table() for part in sides.values()]
    heads = ["Code", "Place", *(f"Confirmed by {side}" for side in sides)]
    rows = []
    for parts in zip(*(table.itertuples() for table in tables), strict=True):
        cells = [html.escape(parts[0].code), html.escape(parts[0].place)]
        cells += [
            f"{lead_in_words(part)}<br><small>{relation_in_words(part)}</small>" for part in parts
        ]
        rows.append("".join(f"<td>{cell}</td>" for cell in cells))
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in heads)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return Html(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


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
        "places as far as places were about as likely then. " + " ".join(_warnings(analysis)),
        "Not shown": "Whether a post caused anything, or what its author knew.",
    }
    items = "".join(
        f"<dt><strong>{html.escape(name)}</strong></dt><dd>{html.escape(words)}</dd>"
        for name, words in told.items()
    )
    return Html(f"<dl>{items}</dl>")


def _warnings(analysis: Analysis) -> list[str]:
    """Return what to beware of in the test of coincidence, as sentences."""
    told = _chance(analysis).warnings
    return [f"{warning[:1].upper()}{warning[1:]}." for warning in told]


@lru_cache(maxsize=1)
def _chance(analysis: Analysis) -> Coincidence:
    """Return the test that headline and methods both speak of, made once."""
    return analysis.coincidence(window="7D")


def relation_in_words(row: Any) -> str:
    """Name the relation of one row of `Analysis.table`, and say if it is hindsight."""
    return f"{row.relation}, hindsight" if row.hindsight else str(row.relation)


def baseline_words(codes: Analysis, names: Analysis) -> str:
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


def _signal_row(row: Any, zone: str) -> str:
    if not row.observed:
        when = "no event"
    elif pd.isna(row.confirmed_at):
        when = "never"
    else:
        said = time_in_words(row.confirmed_at, row.confirmed_until, zone)
        when = f"{said}, by {row.confirmed_by}"
    sources = [_source("post", row.post_source_title, row.post_source_url)]
    if row.observed:
        sources.append(_source("event", row.source, row.url))
    posted = f"{row.account}, {time_in_words(row.posted_at, row.posted_until, zone)}"
    cells = [
        ("sign" if row.kind == "emoji" else "", html.escape(row.code)),
        ("", html.escape(row.place)),
        ("words", f"{html.escape(row.text)}<br><small>{html.escape(posted)}</small>"),
        ("", html.escape(when)),
        ("lead", html.escape(lead_in_words(row)).replace(" to ", "<br>to ")),
        ("", html.escape(relation_in_words(row))),
        ("words", "<br>".join(sources)),
    ]
    return "<tr>" + "".join(f'<td class="{kind}">{text}</td>' for kind, text in cells) + "</tr>"


def _source(what: str, title: Any, address: Any) -> str:
    title = what if pd.isna(title) else str(title)
    words = f"{html.escape(what)}: {html.escape(title)}"
    if pd.isna(address) or not str(address).startswith(("https://", "http://")):
        return words
    return f'{html.escape(what)}: <a href="{html.escape(str(address))}">{html.escape(title)}</a>'
