"""Read Mastodon posts: statuses from the API, and the ``outbox.json`` of an account archive."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from bs4 import BeautifulSoup
from bs4.exceptions import ParserRejectedMarkup

from foxgrape.io.base import ReadContext, Reader, make_post
from foxgrape.io.convert import (
    as_int,
    get_nested,
    parse_timestamp,
    require_dict,
    require_id,
    require_text,
)
from foxgrape.io.json_records import document_records, iter_records, key_paths
from foxgrape.io.stream import BadRecordError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.io.stream import InputFile, Record

__all__ = ["MastodonReader", "html_to_text"]

_PUBLIC = {"public", "unlisted"}
#: The three spellings of ActivityPub's address for public posts.
_PUBLIC_ADDRESSES = {"https://www.w3.org/ns/activitystreams#Public", "as:Public", "Public"}
_ACTOR = re.compile(r"https://(?P<host>[^/]+)/(?:users/|@)(?P<name>[^/]+)/?")
_SERVER = re.compile(r"https://(?P<host>[^/]+)/")
_ARCHIVE = "mastodon_archive_account"
#: Limits on HTML, since parsing nested tags takes quadratic time. A long post with a hundred links
#: has about 800 tags.
_MAX_TAGS = 5_000
_MAX_CHARACTERS = 200_000
_PARAGRAPHS = ("p", "blockquote", "ul", "ol", "pre")
_LINES = ("li", "div", "h1", "h2", "h3", "h4", "h5", "h6", "tr")


class MastodonReader(Reader):
    """Reads statuses (a JSON array or JSON lines) and an archive's outbox."""

    name = "mastodon"
    members = re.compile(r"outbox\.json")
    extra: ClassVar = {
        "content_warning": "str",
        "replies": "Int64",
        "reposts": "Int64",
        "likes": "Int64",
    }

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:  # noqa: ARG002
        """Return whether the JSON has the keys of a status or of an outbox."""
        return ("orderedItems",) in paths or {("uri",), ("visibility",), ("content",)} <= paths

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:
        """Yield each status, or each activity in an outbox, whose account is in ``actor.json``."""
        if ("orderedItems",) in key_paths(file.head):
            context.state[_ARCHIVE] = _archive_account(file)
        with file.open() as stream:
            if ("orderedItems",) in key_paths(file.head):
                yield from document_records(stream, ("orderedItems", "item"))
            else:
                yield from iter_records(stream, file.head)

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of a public or unlisted post; none for other posts and activities."""
        record = require_dict(value)
        row = _activity(record, context) if "actor" in record else _status(record, context)
        return [] if row is None else [row]


def _status(status: dict[str, Any], context: ReadContext) -> dict[str, Any] | None:
    if require_text(status.get("visibility"), "visibility") not in _PUBLIC:
        return None
    reblog = status.get("reblog")
    original = status if reblog is None else require_dict(reblog)
    created = parse_timestamp(status.get("created_at"))
    edited = status.get("edited_at")
    return make_post(
        post_id=require_id(status.get("uri")),
        platform="mastodon",
        account=get_nested(status, "account", "acct") or context.account,
        posted=(created, created),
        text=html_to_text(require_text(original.get("content"))),
        lang=original.get("language"),
        url=status.get("url") or original.get("url"),
        repost=reblog is not None,
        edited_at=None if edited is None else parse_timestamp(edited, "edited_at"),
        content_warning=_text_or_none(original.get("spoiler_text")),
        replies=as_int(original.get("replies_count")),
        reposts=as_int(original.get("reblogs_count")),
        likes=as_int(original.get("favourites_count")),
    )


def _activity(activity: dict[str, Any], context: ReadContext) -> dict[str, Any] | None:
    kind, target = require_text(activity.get("type"), "type"), activity.get("object")
    if kind not in {"Create", "Announce"} or not _PUBLIC_ADDRESSES & _recipients(activity):
        return None
    # For a boosted post, the archive has only the address, not the text.
    boost = kind == "Announce"
    note = {} if boost else require_dict(target, "object")
    created = parse_timestamp(activity.get("published") or note.get("published"))
    edited = note.get("updated")
    languages = note.get("contentMap")
    address = target if isinstance(target, str) else get_nested(target, "id")
    return make_post(
        post_id=require_id((activity if boost else note).get("id")),
        platform="mastodon",
        account=context.account or context.state.get(_ARCHIVE) or _account(activity.get("actor")),
        posted=(created, created),
        text=None if boost else html_to_text(require_text(note.get("content"))),
        lang=next(iter(languages)) if isinstance(languages, dict) and len(languages) == 1 else None,
        url=note.get("url") or address,
        repost=boost,
        edited_at=None if edited is None else parse_timestamp(edited, "edited_at"),
        content_warning=_text_or_none(note.get("summary")),
    )


def _recipients(activity: dict[str, Any]) -> set[str]:
    """Return the addresses of an activity; unlisted posts have the public address in ``cc``."""
    fields = [activity.get("to"), activity.get("cc")]
    lists = [value if isinstance(value, list) else [value] for value in fields]
    return {address for values in lists for address in values if isinstance(address, str)}


def _account(actor: Any) -> Any:
    match = _ACTOR.fullmatch(actor) if isinstance(actor, str) else None
    return f"{match['name']}@{match['host']}" if match else actor


def _archive_account(file: InputFile) -> str | None:
    """Return ``name@server`` from the ``actor.json`` beside an outbox.

    The address of an actor has no name on newer servers.
    """
    actor = file.sibling("actor.json")
    if actor is None:
        return None
    with actor.open() as stream:
        value = next((record.value for record in iter_records(stream, actor.head)), None)
    name, address = get_nested(value, "preferredUsername"), get_nested(value, "id")
    match = _SERVER.match(address) if isinstance(address, str) else None
    return f"{name}@{match['host']}" if match and isinstance(name, str) and name else None


def _text_or_none(text: Any) -> str | None:
    return text if isinstance(text, str) and text else None


def html_to_text(html: str) -> str:
    r"""Convert HTML to text, with line breaks, and an empty line between paragraphs.

    Raises
    ------
    BadRecordError
        If the HTML is far larger than a post, nested too deeply, or cannot be parsed.

    Examples
    --------
    >>> html_to_text("<p>Soon 🍇<br>See</p><p>a &lt; b</p>")
    'Soon 🍇\nSee\n\na < b'
    """
    if html.count("<") > _MAX_TAGS or len(html) > _MAX_CHARACTERS:
        raise BadRecordError(
            f"the HTML has more than {_MAX_TAGS:,} tags or {_MAX_CHARACTERS:,} characters", "text"
        )
    try:
        # Add a tag, since Beautiful Soup warns about bare text that looks like a path or a URL.
        soup = BeautifulSoup(f"<body>{html}</body>", "html.parser")
        for tag in soup.find_all(["script", "style"]):
            tag.decompose()
        for names, separator in (("br", "\n"), (_PARAGRAPHS, "\n\n"), (_LINES, "\n")):
            for tag in soup.find_all(names):
                tag.insert_after(separator)
        return soup.get_text().strip("\n")
    except (ParserRejectedMarkup, RecursionError, AssertionError) as error:
        reason = f"the HTML cannot be parsed: {type(error).__name__}"
        raise BadRecordError(reason, "text") from None
