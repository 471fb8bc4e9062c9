"""Make rows of the posts table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foxgrape.io.convert import reject_invalid_unicode
from foxgrape.io.stream import BadRecordError

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["make_post"]


def make_post(
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
    """Return a row of the posts table; raise `BadRecordError` without an account or valid text."""
    if not isinstance(account, str) or not account.strip():
        raise BadRecordError("the record does not name its account; pass account=", "account")
    row = {
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
    reject_invalid_unicode(row)
    return row
