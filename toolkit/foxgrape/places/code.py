"""Codes: which emoji, word or hashtag stands for which place, by which source and since when."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime

__all__ = ["BASES", "GRADES", "KINDS", "Code", "day_interval", "parse_day"]

KINDS = ("emoji", "word", "hashtag", "image", "mention")
#: How a code is known to stand for its place, and the weight of that in a match's score.
BASES = {"attested": 1.0, "symbol": 0.8, "etymology": 0.8, "look-alike": 0.6, "proposed": 0.4}
#: How reliable the source is, and the weight of that in a match's score.
GRADES = {"A": 1.0, "B": 0.9, "C": 0.6}
_ZONE = "Europe/Kyiv"
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)")
_DAY = len("2022-09-10")


@dataclass(frozen=True, slots=True)
class Code:
    """One reading of a code: this emoji, word or hashtag stands for that place.

    Attributes
    ----------
    code
        The emoji (without variation selector or skin tone), word or hashtag.
    kind
        ``emoji``, ``word`` or ``hashtag``; ``image``: a word for what a picture shows; or
        ``mention``: a name of several places, read as this one.
    place_id
        The place, as in the gazetteer.
    meaning
        What links code and place, in English: *izium* means raisins.
    basis
        ``attested``: officials used it and the press read it so. ``etymology``, ``look-alike``,
        ``symbol``: why it might be used. ``proposed``: an idea without a source.
    decoded_at
        Day (or instant) by which this reading was public; None if it never was.
    valid_from, valid_until
        First and last day of the reading; None for no bound.
    confidence
        A (primary or two independent outlets), B (one reputable outlet) or C (weaker).
    source_title, source_url
        The source; the address is empty if unknown.
    meaning_uk, meaning_ru
        The meaning in Ukrainian and Russian, the words that the code puns on; empty if unknown.
    """

    code: str
    kind: str
    place_id: str
    meaning: str
    basis: str
    decoded_at: date | None
    valid_from: date | None
    valid_until: date | None
    confidence: str
    source_title: str
    source_url: str
    meaning_uk: str = ""
    meaning_ru: str = ""

    def valid_at(self, when: date) -> bool:
        """Return whether the reading is valid on a day in Kyiv, or at an instant."""
        earliest, latest = day_interval(when)
        first, last = self.valid_span
        return (first is None or latest >= first) and (last is None or earliest <= last)

    @property
    def valid_span(self) -> tuple[datetime | None, datetime | None]:
        """The first and the last instant at which the reading is valid; None for no bound."""
        return (
            None if self.valid_from is None else day_interval(self.valid_from)[0],
            None if self.valid_until is None else day_interval(self.valid_until)[1],
        )

    @property
    def public_by(self) -> datetime | None:
        """The instant by which the reading was certainly public; None if it never was."""
        return None if self.decoded_at is None else day_interval(self.decoded_at)[1]


def day_interval(when: date) -> tuple[datetime, datetime]:
    """Return the earliest and latest instant of a day in Kyiv, or an instant twice."""
    if isinstance(when, datetime) and when.tzinfo is not None:
        instant = when.astimezone(UTC)
        return instant, instant
    from foxgrape.times import parse_stated_time

    return parse_stated_time(when.isoformat(), _ZONE)


def parse_day(text: str) -> date:
    """Return the day, or the instant with an offset, of an ISO 8601 text, or raise ValueError."""
    text = text.strip()
    if len(text) == _DAY:
        day = date.fromisoformat(text)
    elif _INSTANT.fullmatch(text):
        day = datetime.fromisoformat(text)
    else:
        raise ValueError(f"neither a day nor an instant with an offset: {text!r}")
    if day.year in {MINYEAR, MAXYEAR}:  # such a day may have no date in UTC
        raise ValueError(f"beyond the calendar: {text!r}")
    return day.astimezone(UTC) if isinstance(day, datetime) else day
