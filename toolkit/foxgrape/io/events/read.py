"""Read events from a file of any known format."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack, overload

import pandas as pd

from foxgrape.errors import TableError
from foxgrape.io.base import OnError, ReadContext, Reader, read_file
from foxgrape.io.events.acled import AcledReader
from foxgrape.io.events.daily_control import DailyControlReader, Folder, NotDailyError
from foxgrape.io.events.geojson import GeoJsonReader
from foxgrape.io.events.incidents import AtlosReader, BellingcatReader, GeoConfirmedReader
from foxgrape.io.events.kml import KmlReader
from foxgrape.io.events.place_resolver import PlaceResolver, unify_place_ids
from foxgrape.io.events.table import EventTableReader
from foxgrape.io.events.territorial_control import ControlChangesReader, ViinaControlReader
from foxgrape.io.events.ucdp import UcdpReader
from foxgrape.io.events.unsupported import reject_unsupported
from foxgrape.io.events.viina import ViinaReader
from foxgrape.io.merge import join_files
from foxgrape.io.read_report import ReadReport, warn_about
from foxgrape.io.sources import as_list, open_input, source_name
from foxgrape.places import Gazetteer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from foxgrape.io.sources import Source, Sources
    from foxgrape.io.stream import InputFile
    from foxgrape.io.written_times import DateOrder

    class _Options(TypedDict, total=False):
        format: str | None
        timezone: str | None
        columns: Mapping[str, str | None] | None
        encoding: str | None
        sheet: str | None
        dates: DateOrder | None
        midnight: Literal["day", "exact"] | None
        persistence: str | pd.Timedelta
        gazetteer: Gazetteer | None
        on_error: OnError


__all__ = ["FORMATS", "read_events"]

#: Readers by format name, in the order of detection: the most specific first, tables last.
FORMATS: dict[str, Reader] = {
    reader.name: reader
    for reader in (
        AcledReader(),
        UcdpReader(),
        ViinaReader(),
        ViinaControlReader(),
        ControlChangesReader(),
        BellingcatReader(),
        GeoConfirmedReader(),
        AtlosReader(),
        DailyControlReader(),
        GeoJsonReader(),
        KmlReader(),
        EventTableReader(),
    )
}


@overload
def read_events(
    path: Sources, *, with_report: Literal[False] = False, **options: Unpack[_Options]
) -> pd.DataFrame: ...
@overload
def read_events(
    path: Sources, *, with_report: Literal[True], **options: Unpack[_Options]
) -> tuple[pd.DataFrame, ReadReport]: ...
def read_events(
    path: Sources,
    *,
    format: str | None = None,  # noqa: A002 - part of the public API
    timezone: str | None = None,
    columns: Mapping[str, str | None] | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
    dates: DateOrder | None = None,
    midnight: Literal["day", "exact"] | None = None,
    persistence: str | pd.Timedelta = "48h",
    gazetteer: Gazetteer | None = None,
    on_error: OnError = "raise",
    with_report: bool = False,
) -> pd.DataFrame | tuple[pd.DataFrame, ReadReport]:
    """Read events from a data set or a table; detect the format from the content.

    Imprecise times become intervals; the precision of places becomes ``place_precision``. Places
    are looked up in the gazetteer. A place that is not found keeps its id or gets one made from its
    name, and the report lists it as unresolved.

    Parameters
    ----------
    path
        A file, plain or compressed with gzip, zstd or zip, by itself or in a folder, zip archive or
        tar archive; a folder of daily tables of who holds each place; a pandas frame; or a list of
        these, which must not contain different rows for one event. A CSV file with the header of
        the events table is read strictly: it must have every column, and times must have an
        offset.
    format
        Name of the format, to skip the detection: see ``docs/reference/formats``.
    timezone
        IANA time zone of days and of times without an offset. Not needed for Ukraine in files of
        ACLED, UCDP, Bellingcat and GeoConfirmed, and in daily tables of control.
    columns
        For a table or map points: which of its columns to use for a column of the events table,
        such as ``{"place": "town"}``, or for ``admin1`` (the region of a place) or ``coordinates``;
        None as the name leaves a column out. Other columns are matched by common names.
    encoding, sheet, dates, midnight
        As in `read_posts`.
    persistence
        For lists of territorial control: minimum duration of a state that counts as an event.
    gazetteer
        Gazetteer to look places up in; by default the packaged one.
    on_error
        ``"raise"`` stops at the first bad record; ``"quarantine"`` leaves bad records out and
        lists them in the report.
    with_report
        Also return a `foxgrape.io.read_report.ReadReport`: the format, record counts, a table's
        column mapping, bad records, unresolved places, and notes on what was reinterpreted. If
        False, bad records that are left out cause a
        `foxgrape.io.read_report.QuarantineWarning`, and what had to be assumed a
        `foxgrape.io.read_report.ReadWarning`.

    Returns
    -------
    DataFrame, or tuple of DataFrame and ReadReport
        The events table, followed by the columns that are specific to the format.

    Raises
    ------
    TableError
        If a cell is invalid, the format is unknown or the file is truncated. The error names the
        file, and the record and column of the first bad cell.

    Examples
    --------
    >>> from foxgrape._util.files import study_folder
    >>> events = read_events(study_folder("izium-2022") / "events.csv")
    >>> events.set_index("event_id").loc["izium-2022-09", "confirmed_by"]
    'RU'
    """
    shortest = _parse_persistence(persistence)
    gazetteer = gazetteer or Gazetteer.default()
    files = []
    for source in as_list(path):
        file = _open(source, format, encoding=encoding, sheet=sheet, dates=dates)
        name = format
        if isinstance(file, Folder):
            name = format or DailyControlReader.name
        elif format is None and columns is None:
            reject_unsupported(file)
        places = PlaceResolver(gazetteer)
        context = ReadContext(
            file.path,
            timezone=timezone,
            columns=columns,
            dates=dates,
            midnight=midnight,
            persistence=shortest,
            file=file,
            state={"places": places},
        )
        places.note = context.note
        frame, report = read_file(context, FORMATS, "events", format=name, on_error=on_error)
        frame = places.reuse_located(unify_place_ids(frame, gazetteer))
        notes = [*report.notes, *context.take_notes()]
        report = replace(report, unresolved=places.unresolved(), notes=notes)
        files.append((source_name(source), frame, report))
    frame, report = join_files("events", files)
    if with_report:
        return frame, report
    bad = report.quarantine
    warn_about(", ".join(name for name, *_ in files), report.notes, len(bad), next(iter(bad), None))
    return frame


def _open(
    source: Source,
    format_name: str | None,
    *,
    encoding: str | None,
    sheet: str | None,
    dates: DateOrder | None,
) -> InputFile:
    """Open a source; a folder is one of daily tables, or else holds one file to read."""
    if isinstance(source, (str, PathLike)) and Path(source).is_dir():
        with suppress(NotDailyError):
            return Folder(Path(source), dates)
    return open_input(source, FORMATS, format_name, encoding=encoding, sheet=sheet)


def _parse_persistence(persistence: str | pd.Timedelta) -> timedelta:
    try:
        duration = pd.Timedelta(persistence)
    except ValueError:
        duration = pd.Timedelta(-1)
    if not duration >= pd.Timedelta(0):
        what = "persistence must be a duration, such as 48h"
        raise TableError(what, got=persistence, argument=True)
    return duration.to_pytimedelta()
