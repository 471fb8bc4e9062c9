"""Detect signals: posts in which a code, or a place's own name, refers to a place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from foxgrape import schemas, times
from foxgrape.detection.arrow_text import as_arrow
from foxgrape.detection.codes import Hits, expand_keys, find_codes
from foxgrape.detection.names.scan import find_names
from foxgrape.errors import FoxgrapeError, TableError, did_you_mean
from foxgrape.places import Codebook, fold
from foxgrape.places.mention_context import folded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from foxgrape._util.typing import BoolArray, FloatArray, IntArray
    from foxgrape.places import Code
    from foxgrape.places.mentions import Mention

__all__ = [
    "CodeOccurrences",
    "Edits",
    "PostColumns",
    "PostHistory",
    "account_histories",
    "detect",
    "detect_without_surprisal",
    "find_earlier_signals",
    "surprisal_bits",
]

#: What the time of a signal in an edited post is: the interval from the post to the edit, or the
#: time of the post.
Edits = Literal["interval", "ignore"]
#: Columns that are copied from each post to its signals.
_COPIED = ["post_id", "account", "platform", "posted_at", "posted_until", "repost", "edited_at"]


@dataclass(frozen=True, slots=True, eq=False)
class PostColumns:
    """A validated posts table, and the columns that detection needs as arrays.

    Attributes
    ----------
    table
        The posts table.
    text
        The texts as an Arrow column.
    posted_at, certain_from
        Microseconds since 1970: the earliest instant at which each post may have been posted, and
        the earliest at which the post certainly had its current text. With ``edits="ignore"``, this
        is the latest instant at which it may have been posted, even if it was edited.
    """

    table: pd.DataFrame
    text: Any
    posted_at: IntArray
    certain_from: IntArray

    @classmethod
    def from_table(
        cls, posts: pd.DataFrame, *, edits: Edits = "interval", table: str = "posts"
    ) -> PostColumns:
        """Check a posts table, or one of earlier versions, and convert its columns.

        Raises
        ------
        TableError
            If `posts` breaks its schema.
        FoxgrapeError
            If `edits` is unknown.
        """
        if edits not in get_args(Edits):
            hint = did_you_mean(edits, get_args(Edits))
            what = "edits must be 'interval' or 'ignore'"
            raise FoxgrapeError(what, got=edits, hint=hint, argument=True)
        if isinstance(posts, pd.DataFrame) and "text" not in posts:
            raise TableError.missing_column("text", posts.columns, table=table)
        rows = schemas.validate(posts, table, fill=True)
        certain_from = times.microseconds(rows["posted_until"])
        if edits == "interval":
            # A missing edit time is the least integer.
            certain_from = np.maximum(certain_from, times.microseconds(rows["edited_at"]))
        posted_at = times.microseconds(rows["posted_at"])
        return cls(rows, as_arrow(rows["text"]), posted_at, certain_from)


class _Reading(NamedTuple):
    """What a code or a name in a post stands for; columns of the signals table."""

    code: str
    kind: str
    place_id: str | None
    place: str | None
    confidence: str
    decoded_at: datetime | None = None
    basis: str | None = None
    candidates: str | None = None


def detect(
    posts: pd.DataFrame,
    *,
    codebook: Codebook | None = None,
    mentions: bool = False,
    edits: Edits = "interval",
    earlier: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Find the signals in posts: one row for each post, code and place that the code stands for.

    A code that stands for several places yields a signal for each of them; a code repeated in a
    post yields only one. A name that may mean several places yields one signal without a place.
    A code counts only within its validity period in the codebook. Emoji in a sequence that is
    itself a code do not count as separate codes.

    Parameters
    ----------
    posts
        The posts table; ``posted_until`` may be missing if all times are exact.
    codebook
        By default the packaged codebook, whose codes are known to have been used. With
        ``Codebook.default(proposed=True)``, also find the proposals.
    mentions
        Also find places called by name, in the spellings of the codebook's gazetteer and their
        inflected forms: the baseline that any code must beat. The name of a small place, or a name
        that is also an ordinary word or a first name, counts only where the words around it refer
        to a place, with confidence C. A name that may mean several places, because neither the
        region behind it nor population nor other names in the text decide, also has confidence C.
        It yields a signal without a place, whose ``candidates`` are the places it may mean; `link`
        and the tests leave it out and report how many there are.
    edits
        The time of a signal in an edited post. ``"interval"``: from the post to the edit, because
        the edit may have added the code. ``"ignore"``: the time of the post, for sources that set
        the edit time without a change of the text, as Telegram does for reactions.
    earlier
        Earlier versions of edited posts: a posts table in which a post may occur several times. If
        one of them has the code, the interval ends at the time of that version. A store's are
        ``store.read("earlier_posts")``.

    Returns
    -------
    DataFrame
        The signals table, in the order of the posts. ``signal_id`` is made of platform, account,
        post, code and place. ``confidence`` is that of the code, but C for a proposal, and
        ``basis`` tells a proposal from a code that is ``attested``; it is missing for a name.
        ``matched`` is the text of the first occurrence, at ``start`` to ``end`` in code points.
        ``decoded_at`` is the time by which the code's meaning was public. ``surprisal`` is in bits,
        higher for codes that the account rarely posts: ``-log2((k + ½)/(n + 1))`` where `k` of the
        account's `n` certainly earlier posts carry the code (Krichevsky and Trofimov 1981).
        ``repost`` and ``edited_at`` are copied from the post, because an account's reposts have a
        separate history, and because an edit may have added the code.

    Raises
    ------
    TableError
        If `posts` or `earlier` breaks its schema.
    FoxgrapeError
        If `edits` is unknown.

    Examples
    --------
    >>> posts = pd.DataFrame({"post_id": ["p1"], "account": ["Andriy Yermak"], "text": ["🍇"],
    ...                       "posted_at": [pd.Timestamp("2022-09-10T12:00Z")]})
    >>> detect(posts)[["code", "place", "confidence"]].to_dict("records")
    [{'code': '🍇', 'place': 'Izium', 'confidence': 'A'}]
    """
    columns = PostColumns.from_table(posts, edits=edits)
    known_from = None
    if earlier is not None and edits == "interval":
        known_from = find_earlier_signals(earlier, codebook, mentions=mentions)
    signals = detect_without_surprisal(columns, codebook, mentions=mentions, known_from=known_from)
    row = signals.pop("row").to_numpy()
    history = account_histories(columns.table)
    occurrences = CodeOccurrences(
        row,
        history.stream[row],
        columns.posted_at[row],
        times.microseconds(signals["posted_until"]),
        pd.factorize(signals["code"])[0].astype(np.int64),
    )
    signals["surprisal"] = surprisal_bits(history, occurrences)
    return schemas.validate(signals, "signals")


def detect_without_surprisal(
    posts: PostColumns,
    codebook: Codebook | None,
    *,
    mentions: bool,
    known_from: pd.Series | None = None,
) -> pd.DataFrame:
    """Return the signals table without surprisal, but with a column ``row``: the post's row.

    `known_from` is what `find_earlier_signals` returns.
    """
    codebook = Codebook.default() if codebook is None else codebook
    validity = _Validity.of(codebook.codes)
    hits = find_codes(posts.text, codebook.codes)
    hits = hits.take(validity.includes(hits.code, posts.posted_at[hits.row]))
    readings = [_code_reading(code, codebook) for code in codebook.codes]
    if mentions:
        mention_hits, mention_readings = _find_mentions(posts, codebook, validity)
        hits = hits.append(mention_hits)
        readings += mention_readings
    signals = _signals(posts, hits, readings)
    end = _certain_from(signals, posts.certain_from[signals["row"]], known_from)
    signals["posted_until"] = pd.Series(end.view("datetime64[us]")).dt.tz_localize("UTC")
    return signals


def find_earlier_signals(
    earlier: pd.DataFrame, codebook: Codebook | None, *, mentions: bool
) -> pd.Series:
    """Return from when on each signal was certainly there, by ``signal_id``.

    This is the time of the first of the earlier versions of a post that have the signal.
    """
    posts = PostColumns.from_table(earlier, table="earlier_posts")
    signals = detect_without_surprisal(posts, codebook, mentions=mentions)
    first: pd.Series = signals.groupby("signal_id")["posted_until"].min()
    return first


def _certain_from(
    signals: pd.DataFrame, last_edit: IntArray, known_from: pd.Series | None
) -> IntArray:
    """Return the instant from which on each signal was certainly there.

    This is the last edit of its post, or an earlier version that has the signal, but not before
    the post was certainly posted.
    """
    if known_from is None:
        return last_edit
    posted_until = times.microseconds(signals["posted_until"])
    earlier = times.microseconds(known_from.reindex(signals["signal_id"]))
    known = np.minimum(np.maximum(earlier, posted_until), last_edit)
    return np.where(earlier == times.NAT, last_edit, known)


class _Validity(NamedTuple):
    """The first and last microsecond at which each code is valid."""

    first: IntArray
    last: IntArray

    @classmethod
    def of(cls, codes: Sequence[Code]) -> _Validity:
        spans = [code.valid_span for code in codes]
        limits = np.iinfo(np.int64)
        first = [limits.min if start is None else _microsecond(start) for start, _ in spans]
        last = [limits.max if end is None else _microsecond(end) for _, end in spans]
        return cls(np.array(first, np.int64), np.array(last, np.int64))

    def includes(self, code: IntArray, posted_at: IntArray) -> BoolArray:
        """Return which codes were valid when they were posted."""
        valid: BoolArray = posted_at >= self.first[code]
        return valid & (posted_at <= self.last[code])


def _microsecond(instant: datetime) -> int:
    return int(times.microseconds(pd.Series([pd.Timestamp(instant)], dtype=times.DTYPE))[0])


def _code_reading(code: Code, codebook: Codebook) -> _Reading:
    place = codebook.gazetteer[code.place_id].name
    grade = code.signal_confidence
    return _Reading(code.code, code.kind, code.place_id, place, grade, code.public_by, code.basis)


def _mention_reading(mention: Mention) -> _Reading:
    """Return what a name stands for: a place, or no place and several candidates."""
    first, *others = mention.places
    if not others:
        return _Reading(first.name, "mention", first.id, first.name, mention.confidence)
    # Namesakes usually share the official name; the former name of one may differ.
    is_shared = all(place.name == first.name for place in others)
    name = first.name if is_shared else mention.matched
    candidates = " ".join(place.id for place in mention.places)
    return _Reading(name, "mention", None, None, "C", candidates=candidates)


def _find_mentions(
    posts: PostColumns, codebook: Codebook, validity: _Validity
) -> tuple[Hits, list[_Reading]]:
    """Return the hits of place names, and readings of names that are not codes.

    These readings are numbered after the codebook's codes. If the codebook has a valid code of the
    kind ``mention`` for a name, the hit is of that code instead.
    """
    codes_by_name: dict[str, list[int]] = {}
    for number, code in enumerate(codebook.codes):
        if code.kind == "mention":
            codes_by_name.setdefault(fold(code.code), []).append(number)
    names = find_names(posts.text, codebook.gazetteer)
    numbers: dict[_Reading, int] = {}
    meanings: list[list[int]] = []
    for mention, spelling in names.mentions:
        spellings = {folded(spelling), folded(mention.matched)} if codes_by_name else set()
        keys = sorted(codes_by_name.keys() & spellings)
        reading = numbers.setdefault(_mention_reading(mention), len(codebook.codes) + len(numbers))
        meanings.append([*(code for key in keys for code in codes_by_name[key]), reading])
    occurrence = np.arange(len(names.row))
    written = np.array([spelling for _, spelling in names.mentions], np.object_)
    by_name = Hits(occurrence, names.number, names.start, names.end, written[names.number])
    hits = expand_keys(by_name, meanings)
    row = names.row[hits.row]
    is_valid = hits.code < len(codebook.codes)
    is_name = ~is_valid
    is_valid[is_valid] = validity.includes(hits.code[is_valid], posts.posted_at[row[is_valid]])
    is_coded = np.isin(hits.row, hits.row[is_valid])
    kept = is_valid | (is_name & ~is_coded)
    return hits._replace(row=row).take(kept), list(numbers)


def _signals(posts: PostColumns, hits: Hits, readings: list[_Reading]) -> pd.DataFrame:
    """Return one row for each post, code and place, in the order of the posts.

    The span is that of the first occurrence.
    """
    table = pd.DataFrame(readings, columns=pd.Index(_Reading._fields))
    table = table.astype(dict.fromkeys(_Reading._fields, "str") | {"decoded_at": times.DTYPE})
    meaning = table["code"] + ":" + table["place_id"].fillna("")
    numbers = pd.factorize(meaning)[0].astype(np.int64)
    order = np.argsort(hits.row, kind="stable")
    keys = hits.row * (len(table) + 1) + numbers[hits.code]
    first = order[np.sort(np.unique(keys[order], return_index=True)[1])]
    hits = hits.take(first)
    copied = posts.table[_COPIED].take(hits.row).reset_index(drop=True)
    signals = pd.concat([copied, table.take(hits.code).reset_index(drop=True)], axis="columns")
    signals["matched"] = pd.Series(hits.matched, dtype="str")
    signals["start"], signals["end"] = hits.start, hits.end
    platform, account = (_without_slashes(signals[name]) for name in ("platform", "account"))
    parts = platform, "/", account, "/", signals["post_id"], ":", meaning.take(hits.code)
    signals["signal_id"] = _join(parts)
    signals["row"] = hits.row
    return signals


def _join(parts: Sequence[pd.Series | str]) -> pd.Series:
    """Concatenate columns of texts, and texts that are the same in all rows."""
    text = pa.large_string()
    arrays = [pa.scalar(x, text) if isinstance(x, str) else as_arrow(x).cast(text) for x in parts]
    joined = pc.binary_join_element_wise(*arrays, pa.scalar("", text))
    return pd.Series(pd.array(joined, dtype="str"))


def _without_slashes(names: pd.Series) -> pd.Series:
    """Encode ``/`` and ``%`` as in a URL, so that names joined by ``/`` stay distinct."""
    number, distinct = pd.factorize(names.astype("str").fillna(""))
    encoded = pd.Series(distinct, dtype="str").str.replace("%", "%25").str.replace("/", "%2F")
    return encoded.take(number)


class PostHistory(NamedTuple):
    """The stream of each post, and the latest instant at which the post may have been posted.

    An account has two streams: its own posts and its reposts.
    """

    stream: IntArray
    end: IntArray


class CodeOccurrences(NamedTuple):
    """Occurrences of codes in posts: arrays of equal length.

    Attributes
    ----------
    row, stream
        The post's row in the posts table, and the post's stream.
    begin
        The earliest instant at which the post may have been posted.
    certain_from
        The earliest instant at which the post certainly carried the code: the end of the signal's
        interval, which for an edited post is the edit.
    code
        A number for each distinct code.
    """

    row: IntArray
    stream: IntArray
    begin: IntArray
    certain_from: IntArray
    code: IntArray


def account_histories(posts: pd.DataFrame) -> PostHistory:
    """Return the history of a posts table; streams are numbered by their account's first post."""
    account = pd.factorize(posts["account"])[0].astype(np.int64)
    stream = 2 * account + posts["repost"].fillna(value=False).to_numpy(dtype=np.bool_)
    return PostHistory(stream, times.microseconds(posts["posted_until"]))


def surprisal_bits(history: PostHistory, occurrences: CodeOccurrences) -> FloatArray:
    """Return the surprisal of each occurrence in bits, given the earlier posts of its stream.

    ``-log2((k + ½)/(n + 1))``, where `k` of the stream's `n` certainly earlier posts carry the
    code (Krichevsky and Trofimov 1981); one bit for a first post.

    Examples
    --------
    >>> stream, day, code = np.array([0, 0]), np.array([1, 2]), np.array([7, 7])
    >>> posts = PostHistory(stream, day)
    >>> surprisal_bits(posts, CodeOccurrences(np.arange(2), stream, day, day, code)).round(3)
    array([1.   , 0.415])
    """
    row, stream, begin, certain_from, code = occurrences
    if not len(row):
        return np.empty(0)
    pairs, pair = np.unique(stream * (code.max() + 1) + code, return_inverse=True)
    # A code that stands for two places counts once per post.
    distinct = np.unique(row * len(pairs) + pair, return_index=True)[1]
    n_with_code = _count_earlier(pair[distinct], certain_from[distinct], pair, begin)
    used = np.isin(history.stream, np.unique(stream))
    n_posts = _count_earlier(history.stream[used], history.end[used], stream, begin)
    bits: FloatArray = -np.log2((n_with_code + 0.5) / (n_posts + 1))
    return bits


def _count_earlier(
    group: IntArray, instant: IntArray, query_group: IntArray, before: IntArray
) -> IntArray:
    """Count, for each query, the members of its group whose instant lies before `before`."""
    instants = np.sort(instant)
    # Sort by group, then by the rank of the instant, in one key.
    size = len(instants) + 1
    keys = np.sort(group * size + np.searchsorted(instants, instant))
    n_until = np.cumsum(np.bincount(group, minlength=int(query_group.max()) + 1))
    first = np.append(0, n_until)[query_group]
    queries = query_group * size + np.searchsorted(instants, before)
    # Sorted queries take less than half the time.
    order = np.argsort(queries)
    counts: IntArray = -first
    counts[order] += np.searchsorted(keys, queries[order])
    return counts
