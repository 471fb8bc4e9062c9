"""Read the sheet of Bellingcat's auto-archiver: one row for each archived link."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from foxgrape.io.base import make_post
from foxgrape.io.convert import (
    none_if_blank,
    optional_text,
    parse_written,
    require_dict,
    require_text,
)
from foxgrape.io.posts.tool_tables import ToolTableReader
from foxgrape.io.stream import BadRecordError

if TYPE_CHECKING:
    from foxgrape.io.base import ReadContext

__all__ = ["AutoArchiverReader"]

#: Addresses of posts: the platform, and a pattern with the account and the post's id.
_ADDRESSES = (
    ("telegram", re.compile(r"t\.me/(s/)?(?P<id>(?P<name>[A-Za-z]\w+)/\d+)/?")),
    ("x", re.compile(r"((www|mobile)\.)?(x|twitter)\.com/(?P<name>\w+)/status/(?P<id>\d+).*")),
    ("vk", re.compile(r"(m\.)?vk\.com/wall(?P<id>-?\d+_\d+)")),
    ("bluesky", re.compile(r"bsky\.app/profile/(?P<name>[^/]+)/post/(?P<id>\w+)")),
    ("tiktok", re.compile(r"(www\.)?tiktok\.com/@(?P<name>[^/]+)/video/(?P<id>\d+)")),
)
_NAMES = {
    "Upload timestamp": "timestamp",
    "Upload title": "title",
    "Title": "title",
    "Text": "text",
}
_NOT_ARCHIVED = "a link without an upload time is not a post"


class AutoArchiverReader(ToolTableReader):
    """Reads the sheet as CSV; columns are compared without regard to upper and lower case."""

    name = "auto_archiver"
    columns = frozenset({"link", "archive status", "archive date", "upload timestamp"})
    extra: ClassVar = {"archive_status": "str", "archive_location": "str"}

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of a post; none for a link that was not archived."""
        row = {key.lower(): none_if_blank(cell) for key, cell in require_dict(value).items()}
        link = row.get("link")
        if "link" in row and not any(row.values()):
            return []  # a blank row of the sheet
        address = require_text(link, "link").strip()
        if row.get("upload timestamp") is None:
            context.note(_NOT_ARCHIVED, address, warn=False)
            return []
        platform, account, post_id = _identify(address)
        texts = [row.get(key) for key in ("upload title", "title", "text", "text content")]
        text = "\n\n".join(dict.fromkeys(text for text in texts if text))
        return [
            make_post(
                post_id=post_id,
                platform=platform,
                account=context.account or account,
                posted=parse_written(str(row["upload timestamp"]), context.timezone),
                text=optional_text(text, "text"),
                url=address,
                archive_status=row.get("archive status"),
                archive_location=row.get("archive location"),
            )
        ]


def _identify(address: str) -> tuple[str, str | None, str]:
    """Return the platform, the account (if the address names it) and the id of a linked post."""
    plain = address.partition("://")[2].partition("?")[0]
    for platform, pattern in _ADDRESSES:
        match = pattern.fullmatch(plain)
        if match is not None:
            return platform, match.groupdict().get("name"), match["id"]
    try:
        return urlsplit(address).hostname or "web", None, address
    except ValueError as error:
        raise BadRecordError(f"the link is invalid: {error}", "url") from None
