"""Explain terms of statistics at the end of a page, and link their first use to the explanation."""

from __future__ import annotations

import html
import re

__all__ = ["TERMS", "explain_terms"]

#: Terms and what they mean. A page explains those that it uses.
TERMS = {
    "right-censored": "Without an event for as long as it was observed; what came later is not "
    "known.",
    "horizon": "The longest time from a post to an event that counts as its event.",
    "hindsight": "The meaning of the code was first made public after the event, so that it "
    "could not be read before.",
    "null model": "A rule for what would be seen without any lead: what is exchanged at random "
    "between posts, and what is kept as it is.",
    "surrogates": "Copies of the data in which posts were exchanged at random, as the null model "
    "allows. The observed number is compared with theirs.",
    "false discovery rate": "Of the groups called more than chance, the share that is so by "
    "accident. It is limited because many groups are tested.",
    "hazard ratio": "How many times as often events come after a signal as without one, other "
    "things being equal. 1 is no difference.",
    "area skill": "How well signals warn of events, over all lengths of alarm: 0.5 is chance, 1 is "
    "perfect.",
    "recall": "The share of events that came during an alarm.",
    "precision": "The share of alarms in which an event came.",
    "probability gain": "How many times as often events came during alarms as at random times.",
    "Kaplan–Meier": "An estimate of the share of signals with an event by a given time, which "
    "includes signals that were not observed to the end.",
    "Turnbull": "As Kaplan–Meier, for times that are known only as intervals.",
    "number at risk": "The number of signals still observed and without a certain event.",
    "surprisal": "How unusual a code is for an account, in bits: one bit more is half as likely.",
    "gazetteer": "The list of places, their names and coordinates.",
    "codebook": "The list of codes, the places that they mean, and the evidence.",
}
_TAG = re.compile(r"(<[^>]*>)")
_NAME = re.compile(r"<(/?)([a-z][a-z0-9]*)", re.IGNORECASE)
#: Text in these elements gets no links: it is no prose of the report, or a link or control already.
_SKIPPED = {"a", "button", "h1", "h2", "h3", "pre", "script", "style", "summary", "td", "th", "dt"}
_WORDS = re.compile(
    "|".join(rf"(?<!\w){re.escape(term)}(?!\w)" for term in TERMS), flags=re.IGNORECASE
)
_BY_WORDS = {term.lower(): term for term in TERMS}


def explain_terms(markup: str) -> str:
    """Link the first use of each term in the main part of a page to a list of terms at its end.

    Examples
    --------
    >>> page = explain_terms("<main><p>One is right-censored.</p></main>")
    >>> '<p>One is <a class="term" href="#term-right-censored">right-censored</a>.</p>' in page
    True
    >>> '<dt id="term-right-censored">right-censored</dt>' in page
    True
    >>> explain_terms("<main><h1>A horizon</h1></main>")
    '<main><h1>A horizon</h1></main>'
    """
    start, end = markup.index("<main"), markup.rindex("</main>")
    used: dict[str, None] = {}

    def linked(match: re.Match[str]) -> str:
        term = _BY_WORDS[match[0].lower()]
        if term in used:
            return match[0]
        used[term] = None
        return f'<a class="term" href="#{_address(term)}">{match[0]}</a>'

    parts, depth = _TAG.split(markup[start:end]), 0
    for at, part in enumerate(parts):
        name = _NAME.match(part) if at % 2 else None
        if name and name[2].lower() in _SKIPPED:
            depth += -1 if name[1] else 1
        elif not at % 2 and depth == 0:
            parts[at] = _WORDS.sub(linked, part)
    return markup[:start] + "".join(parts) + _list_of(list(used)) + markup[end:]


def _list_of(terms: list[str]) -> str:
    if not terms:
        return ""
    items = "".join(
        f'<dt id="{_address(term)}">{html.escape(term)}</dt><dd>{html.escape(TERMS[term])}</dd>'
        for term in sorted(terms, key=str.lower)
    )
    return f'<details class="terms"><summary>Terms</summary><dl>{items}</dl></details>'


def _address(term: str) -> str:
    return "term-" + re.sub(r"\W+", "-", term.lower())
