"""Reading events from a file of any known format."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from foxgrape import schemas
from foxgrape.errors import TableError
from foxgrape.io.base import (
    OnError,
    ReadContext,
    Reader,
    detect_format,
    iter_frames,
    validate_options,
)
from foxgrape.io.events.acled import AcledReader
from foxgrape.io.events.place_resolver import PlaceResolver, unify_place_ids
from foxgrape.io.events.table import EventTableReader
from foxgrape.io.events.territorial_control import ControlChangesReader, ViinaControlReader
from foxgrape.io.events.ucdp import UcdpReader
from foxgrape.io.events.viina import ViinaReader
from foxgrape.io.stream import InputFile
from foxgrape.places import Gazetteer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta
    from pathlib import Path

__all__ = ["FORMATS", "read_events", "unresolved"]

#: All formats, those with the plainest signs first; a table is what no other format claims.
FORMATS: dict[str, Reader] = {
    made.name: made
    for made in (
        AcledReader(),
        UcdpReader(),
        ViinaReader(),
        ViinaControlReader(),
        ControlChangesReader(),
        EventTableReader(),
    )
}


def read_events(
    path: str | Path,
    *,
    format: str | None = None,  # noqa: A002 - the word of the contract
    timezone: str | None = None,
    columns: Mapping[str, str] | None = None,
    persistence: str | pd.Timedelta = "48h",
    gazetteer: Gazetteer | None = None,
    on_error: OnError = "raise",
) -> pd.DataFrame:
    """Read events from an export, a data set or a table, whatever it is called.

    The precision that a source states becomes intervals of time and ``place_precision``; its
    places are resolved by the gazetteer. A place that could not be resolved keeps an id of the
    source's own, the same for the same name, and is listed in ``attrs["unresolved"]``.

    Parameters
    ----------
    path
        A file, or one packed with gzip, zstd or zip. The format is told from its content. CSV
        with the header of the events table itself is read strictly: it must have every column,
        and times carry their offset.
    format
        Its format, where the content shall not decide: see ``docs/formats``.
    timezone
        IANA name of the zone of times without an offset, and in which days were lived; days in
        Ukraine need none.
    columns
        For a table: its column for each of ours, ``{"place": "town"}``. Columns that are not
        named are guessed from usual names.
    persistence
        For lists of who holds a place: a state counts if it lasted so long.
    gazetteer
        Where places are looked up; by default the packaged one.
    on_error
        ``"raise"`` stops at the first bad record, with its number and the reason.
        ``"quarantine"`` keeps the good ones, and lists the bad ones in ``attrs["quarantine"]``;
        `foxgrape.io.events.quarantined` makes them a table.

    Returns
    -------
    DataFrame
        The events table; columns that only this format has come after its own. Its ``attrs`` say
        the ``format``, how many records were ``read``, were ``no_events`` or ``repeated``, a
        table's ``mapping``, and what was ``unresolved``.

    Raises
    ------
    TableError
        Names file, record and column of the first bad cell; also if the format is not known, or
        the file is cut off.

    Examples
    --------
    >>> from foxgrape._util.resources import study_folder
    >>> events = read_events(study_folder("izium-2022") / "events.csv")
    >>> events.set_index("event_id").loc["izium-2022-09", "confirmed_by"]
    'RU'
    """
    door = InputFile(path)
    validate_options(door, timezone, on_error)
    lasting = _lasting(persistence, door)
    found = detect_format(door, format, columns, FORMATS, "events")
    if found is None:
        if on_error == "raise" and door.packing is None:
            return unify_place_ids(
                schemas.read_csv(path, "events"), gazetteer or Gazetteer.default()
            )
        found = FORMATS["table"]
    context = ReadContext(door.path, timezone=timezone, columns=columns, persistence=lasting)
    context.told["places"] = resolver = PlaceResolver(gazetteer or Gazetteer.default())
    (frame,) = iter_frames(door, found, context, "events", on_error=on_error)
    frame.attrs["unresolved"] = resolver.unresolved()
    return frame


def unresolved(events: pd.DataFrame) -> pd.DataFrame:
    """Return the places that no gazetteer could resolve as a table of their own.

    Parameters
    ----------
    events
        As `read_events` returned it.

    Returns
    -------
    DataFrame
        ``place_id`` (made from the source's own name), ``place``, ``admin1``, ``lat``, ``lon``,
        ``rows`` (how many events lie there), ``reason``; the most frequent first.

    Examples
    --------
    >>> len(unresolved(pd.DataFrame()))
    0
    """
    dtypes = {
        **dict.fromkeys(("place_id", "place", "admin1"), "str"),
        **dict.fromkeys(("lat", "lon"), "float64"),
        "rows": "int64",
        "reason": "str",
    }
    return pd.DataFrame(events.attrs.get("unresolved", []), columns=pd.Index(dtypes)).astype(dtypes)


def _lasting(persistence: str | pd.Timedelta, door: InputFile) -> timedelta:
    try:
        lasting = pd.Timedelta(persistence)
    except ValueError:
        lasting = pd.Timedelta(-1)
    if not lasting >= pd.Timedelta(0):
        raise TableError(
            "no such persistence", file=door.path, got=persistence, expected="a duration: 48h"
        )
    return lasting.to_pytimedelta()
