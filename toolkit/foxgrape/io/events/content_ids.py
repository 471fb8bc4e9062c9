"""Ids of events whose source states none, from the content of their rows."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from foxgrape.io.base import ReadContext
    from foxgrape.io.events.place_resolver import StatedPlace

__all__ = ["content_id"]


def content_id(
    place_id: str | None,
    stated: StatedPlace,
    occurred: tuple[datetime, datetime],
    kind: str | None,
    context: ReadContext,
) -> str:
    """Return an id made from an event's place, time and kind, as its source states them.

    It is the same in every export that contains the event, in whatever order and kind of table.
    Further events of a file with the same place, time and kind are numbered from 2 on.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from foxgrape.io.base import ReadContext
    >>> from foxgrape.io.events.place_resolver import StatedPlace
    >>> day = (datetime(2022, 9, 10, tzinfo=UTC),) * 2
    >>> context = ReadContext("events.csv")
    >>> [content_id(None, StatedPlace("Izium"), day, "strike", context) for _ in range(2)]
    ['row:42cab766155740ec', 'row:42cab766155740ec-2']
    """
    place = [place_id, stated.name, stated.admin1, stated.lat, stated.lon]
    content = [*place, *(end.isoformat() for end in occurred), kind]
    text = json.dumps(content, ensure_ascii=False)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    counts: Counter[str] = context.state.setdefault("content_ids", Counter())
    counts[digest] += 1
    context.note("an event has no id: it gets one from its place, time and kind", f"row:{digest}")
    if counts[digest] == 1:
        return f"row:{digest}"
    context.note("several events have the same place, time and kind: their ids are numbered")
    return f"row:{digest}-{counts[digest]}"
