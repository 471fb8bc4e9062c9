"""What all formats share: how a cell becomes part of a row, and rows a posts table."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from foxgrape import tables, times
from foxgrape.doors import BadRecordError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from foxgrape.doors import Door, Record

__all__ = ["Context", "Format", "frame_of", "whole"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS = re.compile(r"-?[0-9]{1,12}")
#: Halves of surrogate pairs, which no text column holds, and the sign that stands for one.
_NO_TEXT = re.compile("[\ud800-\udfff\uffff]")
_LARGEST = 2**63


@dataclass(frozen=True, slots=True)
class Context:
    """What the caller knows and the file may not.

    Attributes
    ----------
    path
        Named in errors.
    account
        The account, where the file does not name it.
    timezone
        The zone of times without an offset.
    columns
        For tables: their column for each of ours.
    told
        What a reader found out about the file, for the frame's attrs.
    """

    path: object
    account: str | None = None
    timezone: str | None = None
    columns: Mapping[str, str] | None = None
    told: dict[str, Any] = field(default_factory=dict)


class Format(ABC):
    """A format of posts: how to know it, cut it into records, and turn one into rows.

    Attributes
    ----------
    name
        As in ``read_posts(format=...)``.
    extra
        Columns beyond the posts table, with their types.
    """

    name: ClassVar[str]
    extra: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def recognise(self, door: Door, shape: frozenset[tuple[str, ...]]) -> bool:
        """Tell whether the content is in this format, by its beginning."""

    @abstractmethod
    def records(self, door: Door, context: Context) -> Iterator[Record]:
        """Cut the content into records."""

    @abstractmethod
    def rows(self, value: Any, context: Context) -> list[dict[str, Any]]:
        """Turn a record into rows: none where it is no post."""


def row(
    *,
    post_id: str,
    platform: str | None,
    account: object,
    posted: tuple[datetime, datetime],
    text: str | None,
    lang: object = None,
    url: object = None,
    repost: bool | None = None,
    edited_at: datetime | None = None,
    **extra: Any,
) -> dict[str, Any]:
    """Return a row of the posts table, after a look at what every row must have."""
    if not isinstance(account, str) or not account.strip():
        raise BadRecordError("no account is named; account= names it", "account")
    made = {
        "post_id": post_id,
        "platform": platform,
        "account": account,
        "posted_at": posted[0],
        "posted_until": posted[1],
        "text": text,
        "lang": lang if isinstance(lang, str) and lang else None,
        "url": url if isinstance(url, str) and url else None,
        "repost": repost,
        "edited_at": edited_at,
        **extra,
    }
    for name, cell in made.items():
        if isinstance(cell, str) and _NO_TEXT.search(cell):
            raise BadRecordError(
                "not text: half of a surrogate pair, a non-character or bytes that are not UTF-8",
                name,
            )
    return made


def expect(value: Any, kind: type | tuple[type, ...], column: str, what: str) -> Any:
    """Return the value if it is of its kind, and say what was expected if not."""
    if not isinstance(value, kind) or isinstance(value, bool):
        raise BadRecordError(f"expected {what}; got {_short(value)}", column)
    return value


def a_text(value: Any, column: str = "text") -> str:
    """Return a text, which may be empty."""
    return str(expect(value, str, column, "text"))


def a_map(value: Any, column: str | None = None) -> dict[str, Any]:
    """Return an object of JSON."""
    return dict(expect(value, dict, column or "record", "an object"))


def among(known: Mapping[Any, Any], key: Any) -> Any:
    """Return what stands under a key that may be anything; None where there is nothing."""
    return known.get(key) if isinstance(key, str) else None


def inner(value: Any, *keys: str) -> Any:
    """Return what stands under keys within keys, None where any of them is missing."""
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def whole(value: Any) -> int | None:
    """Return a count; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= _LARGEST:
        return None
    return value


def an_id(value: Any, column: str = "post_id") -> str:
    """Return an id, which is text that is not empty, or a whole number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise BadRecordError(f"expected an id; got {_short(value)}", column)
    return value


def unix(value: Any, column: str = "posted_at") -> datetime:
    """Return the instant of Unix seconds, as a number or as text."""
    if isinstance(value, bool) or not _SECONDS.fullmatch(str(value)):
        raise BadRecordError(f"expected Unix seconds; got {_short(value)}", column)
    try:
        return _EPOCH + timedelta(seconds=int(value))
    except OverflowError:
        raise BadRecordError(f"beyond the calendar: {_short(value)}", column) from None


def stamp(value: Any, column: str = "posted_at") -> datetime:
    """Return the instant of a server's ISO 8601 stamp with its offset."""
    try:
        return times.exact(value)
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise BadRecordError(
            f"expected an instant with its offset, such as 2022-09-10T12:16:00Z; "
            f"got {_short(value)}",
            column,
        ) from None


def clock(value: Any, zone: str | None, column: str = "posted_at") -> tuple[datetime, datetime]:
    """Return the interval of a local time; see `times.shown`."""
    try:
        return times.shown(value, zone)
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise BadRecordError(f"no time: {error}", column) from None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"  # noqa: PLR2004 - a line's worth


def frame_of(rows: list[dict[str, Any]], extra: Mapping[str, str], file: object) -> pd.DataFrame:
    """Return rows as a posts table, with the format's own columns after it."""
    dtypes: dict[str, str] = {
        **dict.fromkeys(tables.columns("posts"), "str"),
        **dict.fromkeys(("posted_at", "posted_until", "edited_at"), times.DTYPE),
        "repost": "boolean",
        **extra,
    }
    frame = pd.DataFrame(
        {
            name: pd.Series([made.get(name) for made in rows], dtype=dtype)
            for name, dtype in dtypes.items()
        }
    )
    return tables.check(frame, "posts", file=file)
