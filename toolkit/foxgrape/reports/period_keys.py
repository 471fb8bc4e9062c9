"""Keys of periods, which name their state files and pages and sort by time."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["parse_period_key", "period_key"]

_FORMAT = "%Y%m%dT%H%M%SZ"


def period_key(end: datetime) -> str:
    """Return the key of the period that ends at an instant.

    Examples
    --------
    >>> period_key(datetime(2022, 9, 12, 7, tzinfo=UTC))
    '20220912T070000Z'
    """
    return end.astimezone(UTC).strftime(_FORMAT)


def parse_period_key(key: str) -> datetime:
    """Return the end of the period that has a key.

    Examples
    --------
    >>> parse_period_key("20220912T070000Z").isoformat()
    '2022-09-12T07:00:00+00:00'
    """
    return datetime.strptime(key, _FORMAT).replace(tzinfo=UTC)
