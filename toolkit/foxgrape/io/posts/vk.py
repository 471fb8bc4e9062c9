"""Read posts from VK: the answers of the API's ``wall.get``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from foxgrape.io.base import ReadContext, Reader, make_post
from foxgrape.io.convert import (
    as_int,
    get_nested,
    parse_unix_time,
    require_dict,
    require_text,
)
from foxgrape.io.json_records import iter_records, json_preview
from foxgrape.io.stream import BadRecordError, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.io.stream import InputFile

__all__ = ["VkReader"]

_COUNTS = {"views": "views", "likes": "likes", "reposts": "reposts", "replies": "comments"}
#: Posts that are not public yet.
_UNPUBLISHED = {"postpone", "suggest"}
_OWN_TEXT = "a repost has a text of its own, which comes before the repeated one"
_KEYS = ("owner_id", "from_id", "date", "text")


class VkReader(Reader):
    """Reads ``wall.get``: a page, pages as JSON lines, or the posts themselves."""

    name = "vk"
    extra: ClassVar = dict.fromkeys(_COUNTS, "Int64")

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:  # noqa: ARG002
        """Return whether the JSON has the keys of a post, or of a page of posts."""
        places = ((), ("items", "item"), ("response", "items", "item"), ("response", "item"))
        return any({(*place, key) for key in _KEYS} <= paths for place in places)

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:  # noqa: ARG002
        """Yield each post with the names of the page's users and communities."""
        with file.open() as stream:
            for record in iter_records(stream, file.head):
                page = record.value
                if isinstance(page, dict) and "error" in page:
                    error = BadRecordError(f"the server answered {page['error']!r:.80}")
                    yield replace(record, error=error)
                    continue
                posts, names = _posts(page), _names(page)
                if posts is None:
                    yield record if record.error else replace(record, value=(page, names))
                for post in posts or ():
                    yield Record(record.number, (post, names), json_preview(post))

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of a post; none for posts that are deleted or not published."""
        post, names = require_dict(value[0]), value[1]
        if post.get("is_deleted") is True or str(post.get("post_type")) in _UNPUBLISHED:
            return []
        owner, number = (_number(post.get(key), key) for key in ("owner_id", "id"))
        author = _number(post.get("from_id", owner), "from_id")
        given = context.account if author == owner else None
        posted = parse_unix_time(post.get("date"))
        edited = post.get("edited")
        copied = post.get("copy_history") or []
        return [
            make_post(
                post_id=f"{owner}_{number}",
                platform="vk",
                account=given or names.get(author) or _default_name(author),
                posted=(posted, posted),
                text=_text(post, copied, context),
                url=f"https://vk.com/wall{owner}_{number}",
                repost=bool(copied),
                edited_at=parse_unix_time(edited, "edited_at") if edited else None,
                **{ours: as_int(get_nested(post, key, "count")) for ours, key in _COUNTS.items()},
            )
        ]


def _text(post: dict[str, Any], copied: Any, context: ReadContext) -> str:
    """Return the post's own text, followed by that of the post that it repeats."""
    texts = [require_text(post.get("text"))]
    original = copied[0] if isinstance(copied, list) and copied else None
    if original is not None:
        texts.append(require_text(require_dict(original, "copy_history").get("text")))
        if all(texts):
            context.note(_OWN_TEXT, warn=False)
    return "\n\n".join(filter(None, texts))


def _posts(page: Any) -> list[Any] | None:
    """Return the posts of a page; None if the record is a post by itself."""
    page = get_nested(page, "response") or page
    posts = page if isinstance(page, list) else get_nested(page, "items")
    # In old versions of the API, the first item is the number of posts.
    return [post for post in posts if as_int(post) is None] if isinstance(posts, list) else None


def _names(page: Any) -> dict[int, str]:
    """Return the short names of the page's users and communities, by id."""
    page, names = get_nested(page, "response") or page, {}
    for key, sign in (("profiles", 1), ("groups", -1)):
        owners = get_nested(page, key)
        for owner in owners if isinstance(owners, list) else []:
            number, name = as_int(get_nested(owner, "id")), get_nested(owner, "screen_name")
            if number is not None and isinstance(name, str) and name:
                names[sign * number] = name
    return names


def _default_name(number: int) -> str:
    """Return the short name that VK gives to a user or community without one."""
    return f"id{number}" if number > 0 else f"club{-number}"


def _number(value: Any, column: str) -> int:
    number = as_int(value)
    if number is None:
        raise BadRecordError(f"expected a number; got {value!r:.80}", column)
    return number
