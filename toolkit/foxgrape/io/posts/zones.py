"""Times with the zone in a column or word of its own: an offset, or an abbreviation such as EST."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foxgrape.io.convert import parse_written
from foxgrape.io.stream import BadRecordError

if TYPE_CHECKING:
    from datetime import datetime

    from foxgrape.io.base import ReadContext

__all__ = ["parse_zoned"]


def parse_zoned(
    clock: str, zone: str | None, context: ReadContext, column: str = "posted_at"
) -> tuple[datetime, datetime]:
    """Return the earliest and latest instant of a clock time with an offset or an abbreviated zone.

    Without a zone, or with an abbreviation that stands for several offsets, the caller's time zone
    is required.

    Examples
    --------
    >>> from foxgrape.io.base import ReadContext
    >>> parse_zoned("2022-09-10T08:16:00", "EDT", ReadContext("a.csv"))[0].isoformat()
    '2022-09-10T12:16:00+00:00'
    """
    try:
        return parse_written(f"{clock} {zone or ''}".strip(), context.timezone, column)
    except BadRecordError as error:
        if not zone:
            raise
        if context.timezone is None:
            raise BadRecordError(f"{error.reason}, or pass timezone=", column) from None
    times = parse_written(clock, context.timezone, column)
    context.note("a time zone is abbreviated ambiguously; timezone= is used instead", zone)
    return times
