"""Read tables of tweets: of twint and of twarc-csv."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, ClassVar

from foxgrape.io.base import ReadContext, make_post
from foxgrape.io.convert import (
    none_if_blank,
    optional_text,
    parse_bool,
    parse_timestamp,
    require_dict,
    require_text,
)
from foxgrape.io.posts.tool_tables import ToolTableReader
from foxgrape.io.posts.x import (
    agreed_time,
    parse_created_at,
    require_x_id,
    tweet_times,
    unescape_text,
)
from foxgrape.io.posts.x_legacy import CUT_OFF
from foxgrape.io.posts.zones import parse_zoned
from foxgrape.io.stream import BadRecordError, CorruptFileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from foxgrape.io.stream import InputFile, Record

__all__ = ["TwarcCsvReader", "TwintReader"]

_COUNT = re.compile(r"\d{1,15}(\.0)?")


def _count(value: Any) -> int | None:
    text = str(value).strip()
    return int(float(text)) if _COUNT.fullmatch(text) else None


def _id(value: Any) -> str:
    # A number in JSON is exact; a float is not, and is rejected as text with a point.
    return require_x_id(str(value) if isinstance(value, int) else value)


class TwintReader(ToolTableReader):
    """Reads the CSV, with tabs or commas, and the JSON lines of twint."""

    name = "twint"
    columns = frozenset({"id", "conversation_id", "date", "time", "timezone", "username", "tweet"})
    extra: ClassVar = dict.fromkeys(("retweets", "replies", "likes"), "Int64")

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of a tweet; the time is that of `date`, `time` and `timezone`."""
        row = {key: none_if_blank(cell) for key, cell in require_dict(value).items()}
        tweet_id, name = _id(row.get("id")), row.get("username")
        retweeted = parse_bool(row.get("retweet"), "retweet")
        if row.get("retweet_id") is not None:
            # The row is the original; who retweeted it, and when, is in other columns.
            retweeted, name, tweet_id = True, row.get("user_rt"), _id(row["retweet_id"])
            created = parse_created_at(tweet_id)
            if created is None:
                raise BadRecordError("the id of the retweet contains no time", "posted_at")
            posted = created, created
        else:
            posted = _twint_times(row, context)
            if posted[0] == posted[1]:
                instant = agreed_time(tweet_id, posted[0], context)
                posted = instant, instant
        return [
            make_post(
                post_id=tweet_id,
                platform="x",
                account=name or context.account,
                posted=posted,
                text=require_text(row.get("tweet") or ""),
                lang=row.get("language"),
                url=row.get("link"),
                repost=retweeted,
                retweets=_count(row.get("retweets_count")),
                replies=_count(row.get("replies_count")),
                likes=_count(row.get("likes_count")),
            )
        ]


def _twint_times(row: dict[str, Any], context: ReadContext) -> tuple[datetime, datetime]:
    """Return the time; `created_at` has an abbreviated zone, which may stand for several."""
    clock = f"{row.get('date')}T{row.get('time')}"
    return parse_zoned(clock, str(row.get("timezone") or ""), context)


_METRICS = {
    "retweets": "public_metrics.retweet_count",
    "replies": "public_metrics.reply_count",
    "likes": "public_metrics.like_count",
    "quotes": "public_metrics.quote_count",
}
_ORIGINALS = "twarc_csv_originals"
_RETWEETED = "referenced_tweets.retweeted.id"


class TwarcCsvReader(ToolTableReader):
    """Reads the CSV of twarc-csv, in which a retweet refers to its original by id."""

    name = "twarc_csv"
    columns = frozenset({"id", "author_id", "created_at", "text", "author.username", _RETWEETED})
    extra: ClassVar = dict.fromkeys(_METRICS, "Int64") | {"truncated": "boolean"}

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:
        """Yield each row, after reading the texts of the tweets that retweets refer to."""
        retweeted = {row.get(_RETWEETED) for row in self._good_rows(file, context)} - {None, ""}
        context.state[_ORIGINALS] = {
            row.get("id"): _full_text(row)
            for row in (self._good_rows(file, context) if retweeted else ())
            if row.get("id") in retweeted
        }
        yield from super().records(file, context)

    def _good_rows(self, file: InputFile, context: ReadContext) -> Iterator[dict[str, Any]]:
        try:
            for record in super().records(file, context):
                if isinstance(record.value, dict):
                    yield record.value
        except CorruptFileError:
            return  # raised again when the rows are converted

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of a tweet."""
        row = {key: none_if_blank(cell) for key, cell in require_dict(value).items()}
        tweet_id, name = _id(row.get("id")), row.get("author.username")
        posted, edited = _twarc_times(tweet_id, row, context)
        text, truncated = require_text(_full_text(row) or ""), False
        if row.get(_RETWEETED) is not None:
            original = context.state[_ORIGINALS].get(row[_RETWEETED])
            truncated = original is None and text.endswith("…")
            text = original or text
        if truncated:
            context.note(CUT_OFF, tweet_id)
        return [
            make_post(
                post_id=tweet_id,
                platform="x",
                account=name or context.account or row.get("author_id"),
                posted=(posted, posted),
                text=unescape_text(text),
                lang=row.get("lang"),
                url=f"https://x.com/{name or 'i'}/status/{tweet_id}",
                repost=row.get(_RETWEETED) is not None,
                edited_at=edited,
                truncated=truncated,
                **{ours: _count(row.get(theirs)) for ours, theirs in _METRICS.items()},
            )
        ]


def _twarc_times(
    tweet_id: str, row: dict[str, Any], context: ReadContext
) -> tuple[datetime, datetime | None]:
    """Return when a tweet was posted, and when it was edited."""
    stated = parse_timestamp(row.get("created_at"))
    try:
        history = json.loads(row.get("edit_history_tweet_ids") or "[]")
    except (ValueError, TypeError):
        history = []
    if isinstance(history, list) and len(history) > 1:
        return tweet_times(tweet_id, history, stated)
    return agreed_time(tweet_id, stated, context), None


def _full_text(row: dict[str, Any]) -> str | None:
    """Return the text; `text` holds only the first 280 characters of a long tweet."""
    return optional_text(row.get("note_tweet.text") or row.get("text"), "text")
