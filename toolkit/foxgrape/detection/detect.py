"""Find signals: posts in which a code, or a place's own name, stands for a place."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from foxgrape import schemas, times
from foxgrape.detection.arrow_text import as_arrow, texts_at
from foxgrape.detection.codes import find_codes
from foxgrape.detection.mentions import find_mentions, folded
from foxgrape.detection.surprisal import surprisals
from foxgrape.places import Codebook, fold

if TYPE_CHECKING:
    from datetime import datetime

    import numpy.typing as npt

    from foxgrape.detection.mentions import Mention
    from foxgrape.places import Code

    Whole = npt.NDArray[np.int64]

__all__ = ["detect", "detect_without_surprisal"]

_CARRIED = ["post_id", "account", "platform", "posted_at", "posted_until", "repost", "edited_at"]
#: Texts that become Python's own at once.
_BLOCK = 20_000


class _Reading(NamedTuple):
    """What a code or a name in a post stands for."""

    code: str
    kind: str
    place_id: str
    place: str
    confidence: str
    decoded_at: datetime | None


def detect(
    posts: pd.DataFrame, *, codebook: Codebook | None = None, mentions: bool = False
) -> pd.DataFrame:
    """Find the signals in posts: one row for each post, code and place that the code stands for.

    A code that stands for several places yields a signal for each, and repeating a code in a post
    changes nothing. Codes are read only on days on which the codebook says they hold; a sequence
    of emoji that is a code is not read as the codes in it.

    Parameters
    ----------
    posts
        The posts table; times known exactly may leave out ``posted_until``.
    codebook
        The packaged one by default.
    mentions
        Also find places called by name, in the spellings of the codebook's gazetteer and their
        case forms: the baseline that any code must beat. A name that few people live under, or
        that is also a word or a first name, is read only where the words around it speak of a
        place, with confidence C; so is one that several places bear, with a signal for each.

    Returns
    -------
    DataFrame
        The signals table, in the order of the posts. ``decoded_at`` is when the reading certainly
        stood in public. ``surprisal`` is in bits, more for what the account rarely posts:
        ``-log2((k + ½)/(n + 1))`` where `k` of the account's `n` certainly earlier posts carry the
        code (Krichevsky and Trofimov 1981). Two columns more, ``repost`` and ``edited_at``, are
        the post's: what an account reposts is a past of its own, and an edited post may have
        got its code only then.

    Raises
    ------
    TableError
        If `posts` breaks its schema.

    Examples
    --------
    >>> posts = pd.DataFrame({"post_id": ["p1"], "account": ["Andriy Yermak"], "text": ["🍇"],
    ...                       "posted_at": [pd.Timestamp("2022-09-10T12:00Z")]})
    >>> detect(posts)[["code", "place", "confidence"]].to_dict("records")
    [{'code': '🍇', 'place': 'Izium', 'confidence': 'A'}]
    """
    posts = schemas.validate(posts, "posts", fill=True)
    signals, row = detect_without_surprisal(
        posts, Codebook.default() if codebook is None else codebook, mentions
    )
    code = pd.factorize(signals["code"])[0].astype(np.int64)
    signals["surprisal"] = surprisals(posts, row, code)
    return schemas.validate(signals, "signals")


def detect_without_surprisal(
    posts: pd.DataFrame, codebook: Codebook, mentions: bool
) -> tuple[pd.DataFrame, Whole]:
    """Return the signals in checked posts without their surprisal, and the row of each post."""
    when = times.microseconds(posts["posted_at"])
    column = as_arrow(posts["text"])
    row, number = find_codes(column, codebook.codes)
    bounds = _bounds(codebook.codes)
    held = _held(bounds, number, when[row])
    row, number = row[held], number[held]
    readings = [_read(code, codebook) for code in codebook.codes]
    if mentions:
        named, more = _mentions(column, when, codebook, bounds, readings)
        row, number = np.concatenate([row, named]), np.concatenate([number, more])
    return _signals(posts, row, number, readings)


def _read(code: Code, codebook: Codebook) -> _Reading:
    place = codebook.gazetteer[code.place_id].name
    kind, confidence = code.kind, code.confidence
    return _Reading(code.code, kind, code.place_id, place, confidence, code.public_by)


def _bounds(codes: tuple[Code, ...]) -> tuple[Whole, Whole]:
    """Return the first and last microsecond at which each code is read so."""
    spans = [code.valid_span for code in codes]
    ever = np.iinfo(np.int64)
    first = [ever.min if first is None else _tick(first) for first, _ in spans]
    last = [ever.max if last is None else _tick(last) for _, last in spans]
    return np.array(first, np.int64), np.array(last, np.int64)


def _held(bounds: tuple[Whole, Whole], number: Whole, when: Whole) -> npt.NDArray[np.bool_]:
    """Tell which codes were read so when they were posted."""
    first, last = bounds
    held: npt.NDArray[np.bool_] = (when >= first[number]) & (when <= last[number])
    return held


def _tick(instant: datetime) -> int:
    return int(times.microseconds(pd.Series([pd.Timestamp(instant)], dtype=times.DTYPE))[0])


def _mentions(
    column: object,
    when: Whole,
    codebook: Codebook,
    bounds: tuple[Whole, Whole],
    readings: list[_Reading],
) -> tuple[Whole, Whole]:
    """Return rows and readings of names; readings that are not there yet are added.

    A name that the codebook reads as one place is read as that place, where it is held then.
    """
    told: dict[str, list[int]] = {}
    for number, code in enumerate(codebook.codes):
        if code.kind == "mention":
            told.setdefault(fold(code.code), []).append(number)
    known: dict[_Reading, int] = {}
    rows, numbers = [], []
    for first in range(0, len(when), _BLOCK):
        block = np.arange(first, min(first + _BLOCK, len(when)))
        for row, text in zip(block.tolist(), texts_at(column, block), strict=True):
            for mention in find_mentions(text, codebook.gazetteer):
                spelt = text[mention.start : mention.end], mention.matched
                keys = told.keys() & map(folded, spelt)
                codes = np.array([each for key in sorted(keys) for each in told[key]], np.int64)
                meant = codes[_held(bounds, codes, when[[row] * len(codes)])].tolist()
                for reading in _named(mention) if not meant else ():
                    number = known.setdefault(reading, len(readings))
                    if number == len(readings):
                        readings.append(reading)
                    meant.append(number)
                rows += [row] * len(meant)
                numbers += meant
    return np.array(rows, np.int64), np.array(numbers, np.int64)


def _named(mention: Mention) -> list[_Reading]:
    confidence = "B" if mention.sure else "C"
    return [
        _Reading(place.name, "mention", place.id, place.name, confidence, None)
        for place in mention.places
    ]


def _signals(
    posts: pd.DataFrame, row: Whole, number: Whole, readings: list[_Reading]
) -> tuple[pd.DataFrame, Whole]:
    """Return one row a post, code and place, in the order of posts."""
    told = pd.DataFrame(readings, columns=pd.Index(_Reading._fields))
    told = told.astype(dict.fromkeys(_Reading._fields, "str") | {"decoded_at": times.DTYPE})
    what = pd.factorize(told["code"] + "\0" + told["place_id"])[0].astype(np.int64)
    order = np.argsort(row, kind="stable")
    row, number = row[order], number[order]
    once = np.sort(np.unique(row * (len(told) + 1) + what[number], return_index=True)[1])
    row, number = row[once], number[once]
    carried = posts[_CARRIED].take(row).reset_index(drop=True)
    signals = pd.concat([carried, told.take(number).reset_index(drop=True)], axis="columns")
    signals["signal_id"] = signals["post_id"] + ":" + signals["code"] + ":" + signals["place_id"]
    return signals, row
