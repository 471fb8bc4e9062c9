"""Build the cells of report tables: posts, events, codes, leads, and links to their sources."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import pandas as pd

from foxgrape._util.formatting import counted, describe_time, lead_in_words
from foxgrape.display.html import Html, html_link
from foxgrape.plots.outcomes import RELATION_MARKS
from foxgrape.plots.theme import changes_control

if TYPE_CHECKING:
    from datetime import tzinfo

__all__ = [
    "code_cell",
    "confirmation_in_words",
    "describe_relation",
    "event_cell",
    "is_proposal",
    "kind_in_words",
    "lead_cell",
    "post_cell",
    "relation_cell",
    "signal_cell",
    "source_link",
]

#: Letters of a post that fill about two lines of its column.
_EXCERPT = 120
#: Letters of a post before its matched words in an excerpt.
_BEFORE = 40
#: A page holds at most this many letters of a post.
_MAX_TEXT = 2_000
#: Marks of events, as in the figures.
_CONTROL, _OTHER = "◆", "●"


def signal_cell(row: Any) -> Html:
    """Return a code and its place; the place alone if the post names it."""
    place = _part("place", row.place)
    if row.code == row.place:
        return Html(place)
    return Html(f"{code_cell(row.code, row.kind, proposal=is_proposal(row)).markup}<br>{place}")


def post_cell(row: Any, zone: str | tzinfo) -> Html:
    """Return an excerpt of a post, which opens on click, with account, time and source.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> row = next(open_study().analyse().table().itertuples())
    >>> "<mark>🦊</mark>" in post_cell(row, "Europe/Kyiv").markup
    True
    """
    text = "" if pd.isna(row.text) else str(row.text)
    when = describe_time(row.posted_at, row.posted_until, zone)
    title = "post" if pd.isna(row.post_source_title) else str(row.post_source_title)
    source = html_link(row.post_source_url, title) if pd.notna(row.post_source_url) else ""
    about = f"{_part('account', row.account)}, {_part('time', when)}"
    about += f", {source}" if source else ""
    words = _post_text(text, *_span(row, text))
    return Html(f'<div class="words">{words}<small>{about}</small></div>')


def _part(name: str, text: object) -> str:
    """Return escaped text, which a downloaded table has in a column of this name."""
    return f'<span class="part-{name}">{html.escape(str(text))}</span>'


def _span(row: Any, text: str) -> tuple[int, int]:
    """Return where the matched words are in the text; an empty span if unknown."""
    matched = getattr(row, "matched", None)
    matched = matched if isinstance(matched, str) else str(row.code)
    start = getattr(row, "start", None)
    if start is not None and pd.notna(start) and text[int(start) :].startswith(matched):
        return int(start), int(start) + len(matched)
    at = text.find(matched)
    return (at, at + len(matched)) if at >= 0 else (0, 0)


def _post_text(text: str, start: int, end: int) -> str:
    if not text:
        return "<p>no text</p>"
    cut = text[: max(_MAX_TEXT, end)]
    full_text = _marked(cut, start, end)
    if len(cut) < len(text):
        full_text += f"… <small>({counted(len(text) - len(cut), 'more character')})</small>"
    if len(text) <= _EXCERPT and "\n" not in text:
        return f"<p>{full_text}</p>"
    first = 0 if start <= _EXCERPT - _BEFORE else start - _BEFORE
    part = _marked(text[first : first + _EXCERPT], start - first, end - first)
    excerpt = f"{'…' if first else ''}{part}{'…' if first + _EXCERPT < len(text) else ''}"
    return f"<details><summary>{excerpt}</summary><p>{full_text}</p></details>"


def _marked(text: str, start: int, end: int) -> str:
    """Return escaped text with the words from `start` to `end` marked."""
    if end <= start or start < 0:
        return html.escape(text)
    words = (text[:start], text[start:end], text[end:])
    before, match, after = map(html.escape, words)
    return f"{before}<mark>{match}</mark>{after}"


def event_cell(row: Any, clock: str, zone: str | tzinfo) -> Html:
    """Return a signal's event: its kind, its time on the clock, and its source."""
    if not row.observed:
        return Html("no event")
    if clock == "occurred":
        when = describe_time(row.occurred_at, row.occurred_until, zone)
    elif pd.isna(row.confirmed_at):
        when = "confirmation not recorded"
    else:
        when = confirmation_in_words(row, zone)
    kind = ""
    if pd.notna(row.event_kind):
        kind = f'<span class="part-kind">{kind_in_words(row.event_kind)}</span><br>'
    has_source = pd.notna(row.source) or pd.notna(row.url)
    source = f"<br><small>{source_link('event', row.source, row.url)}</small>" if has_source else ""
    return Html(f'<div class="words">{kind}{html.escape(when)}{source}</div>')


def lead_cell(row: Any) -> Html:
    """Return a lead, with each end of an interval on a line."""
    words = lead_in_words(row)
    lead = html.escape(words)
    lead = lead if words.startswith("up to ") else lead.replace(" to ", "<br>to ")
    return Html(f'<span class="lead">{lead}</span>')


def describe_relation(row: Any) -> str:
    """Return the relation in a row of `Analysis.table`, with a note if it is hindsight."""
    return f"{row.relation}, hindsight" if row.hindsight else str(row.relation)


def relation_cell(row: Any) -> Html:
    """Return a signal's outcome as figures name it and, below it, its relation to the event.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> row = next(open_study().analyse().table().itertuples())
    >>> relation_cell(row).markup
    'no event (right-censored)<br><small class="part-term">unconfirmed</small>'
    """
    label = RELATION_MARKS["hindsight" if row.hindsight else str(row.relation)][0]
    term = html.escape(describe_relation(row))
    return Html(f'{html.escape(label)}<br><small class="part-term">{term}</small>')


def kind_in_words(kind: Any) -> str:
    """Return a kind of event, escaped, after the mark that figures give it.

    Examples
    --------
    >>> kind_in_words("liberated"), kind_in_words("armed clash"), kind_in_words(None)
    ('◆ liberated', '● armed clash', 'not stated')
    """
    if pd.isna(kind):
        return "not stated"
    return f"{_CONTROL if changes_control(kind) else _OTHER} {html.escape(str(kind))}"


def confirmation_in_words(row: Any, zone: str | tzinfo) -> str:
    """Return when and by whom an event was confirmed."""
    by = "" if pd.isna(row.confirmed_by) else f" ({row.confirmed_by})"
    return f"{describe_time(row.confirmed_at, row.confirmed_until, zone)}{by}"


def code_cell(code: Any, kind: Any, *, proposal: bool = False) -> Html:
    """Return a code, emoji in a larger size, with a note if it is a proposal."""
    large = ' class="sign"' if kind == "emoji" else ""
    mark = "<br><small>proposal, no use known</small>" if proposal else ""
    return Html(f"<span{large}>{html.escape(str(code))}</span>{mark}")


def is_proposal(signal: Any) -> bool:
    """Return whether a signal is of a code that is not known to have been used."""
    basis = getattr(signal, "basis", None)
    return isinstance(basis, str) and basis != "attested"


def source_link(what: str, title: Any, address: Any) -> str:
    """Return a source's title, escaped, linked to its address if that is http or https."""
    title = what if pd.isna(title) else str(title)
    return html_link(address, title)
