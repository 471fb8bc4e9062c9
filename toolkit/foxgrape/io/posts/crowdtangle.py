"""Read the CSV of CrowdTangle's historical data: posts of public pages of Facebook."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from foxgrape.io.base import ReadContext, make_post
from foxgrape.io.convert import none_if_blank, require_dict, require_text
from foxgrape.io.posts.tool_tables import ToolTableReader
from foxgrape.io.posts.zones import parse_zoned
from foxgrape.io.stream import BadRecordError

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["CrowdTangleReader"]

_POST = re.compile(r"https?://www\.facebook\.com/(?P<page>[^/]+)/posts/(?P<number>\w+)/?")
_CREATED = re.compile(r"(?P<day>\d{4}-\d\d-\d\d) (?P<clock>\d\d:\d\d:\d\d)( (?P<zone>[A-Za-z]+))?")


class CrowdTangleReader(ToolTableReader):
    """Reads `Page Name`, `User Name`, `Post Created`, `Message` and `URL`."""

    name = "crowdtangle"
    columns = frozenset({"Page Name", "User Name", "Facebook Id", "Post Created", "Message", "URL"})
    extra: ClassVar = {"page_name": "str"}

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of a post; its id is that of the page and that in its address."""
        row = {key: none_if_blank(cell) for key, cell in require_dict(value).items()}
        url = require_text(row.get("URL"), "url")
        post = _POST.fullmatch(url)
        return [
            make_post(
                post_id=f"{post['page']}_{post['number']}" if post else url,
                platform="facebook",
                account=row.get("User Name") or row.get("Facebook Id") or context.account,
                posted=_posted(row.get("Post Created"), context),
                text=require_text(row.get("Message") or ""),
                url=url,
                page_name=row.get("Page Name"),
            )
        ]


def _posted(stated: Any, context: ReadContext) -> tuple[datetime, datetime]:
    match = _CREATED.fullmatch(str(stated))
    if match is None:
        raise BadRecordError(
            f"expected a time such as 2022-09-10 08:16:00 EDT; got {stated!r:.80}", "posted_at"
        )
    return parse_zoned(f"{match['day']}T{match['clock']}", match["zone"], context)
