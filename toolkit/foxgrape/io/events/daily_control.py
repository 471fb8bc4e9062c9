"""Daily tables of who holds each place: one file per day in a folder, or a column with the day."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape.errors import TableError
from foxgrape.io.convert import expect, reject_invalid_unicode
from foxgrape.io.events.base import lower_names, require_curie, text_records
from foxgrape.io.events.coordinates import parse_coordinates
from foxgrape.io.events.days import local_day_interval, parse_source_day
from foxgrape.io.events.place_names import parse_place_name
from foxgrape.io.events.place_resolver import StatedPlace
from foxgrape.io.events.territorial_control import (
    ControlHistory,
    ControlReader,
    ListedPlace,
    parse_state,
    to_microseconds,
)
from foxgrape.io.json_records import key_paths
from foxgrape.io.stream import BadRecordError, InputFile
from foxgrape.io.written_times import decide_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from foxgrape.io.base import ReadContext
    from foxgrape.io.stream import Record
    from foxgrape.io.written_times import DateOrder

__all__ = ["DailyControlReader", "Folder", "NotDailyError"]

_STATES = ("status", "state", "control", "held_by", "holder", "controlled_by")
_NAMES = ("place", "name", "settlement", "town", "city", "asciiname")
_IDS = {"geonameid": "geonames", "geonames_id": "geonames", "kod": "katottg", "katottg": "katottg"}
_DAYS = ("date", "day")
_PLACES = {"place_id", "id", *_NAMES, *_IDS}
#: A day in a file's name: 2022-09-10, 2022_09_10 or 20220910; or the same with the year last.
_DAY_IN_NAME = re.compile(r"(?<!\d)(?P<y>(?:19|20)\d\d)([-_.]?)(?P<m>\d\d)\2(?P<d>\d\d)(?!\d)")
_YEAR_LAST = re.compile(r"(?<!\d)(?P<d>\d\d)([-_.]?)(?P<m>\d\d)\2(?P<y>(?:19|20)\d\d)(?!\d)")
_SAMPLE = 20


class NotDailyError(TableError):
    """A folder has no daily tables."""


class Folder(InputFile):
    """A folder of tables, as one input: the files are sorted by the day in their name.

    Parameters
    ----------
    path
        The folder.
    dates
        Order of days such as 10.09.2022 in the names; by default, the one that fits all names.

    Raises
    ------
    NotDailyError
        If no file of the folder is a daily table.
    TableError
        If the days in the names may be in either order.
    """

    def __init__(self, path: str | Path, dates: DateOrder | None = None) -> None:
        self.path, self.compression, self._handle = Path(path), None, None
        names = sorted(item for item in self.path.iterdir() if not item.name.startswith("."))
        #: The daily tables with the day in their name if it has one, and the other files' names.
        self.days: list[tuple[InputFile, date | None]] = []
        self.others: list[str] = []
        order = dates or _order_of_names([item.name for item in names])
        undecided = None
        for item in names:
            day = _day_in_name(item.name, order or "dmy")
            try:
                file = InputFile(item)
            except TableError:
                self.others.append(item.name)
                continue
            if _is_daily(file, has_day=day is not None):
                self.days.append((file, day))
                undecided = undecided or (item if _has_year_last(item.name) else None)
            else:
                self.others.append(item.name)
        if undecided is not None and order is None:
            raise TableError(
                "the day may be the first or the second number in the names of the files",
                file=undecided,
                hint='pass dates="dmy" or dates="mdy"',
            )
        if not self.days:
            raise NotDailyError(
                "a folder must hold daily tables of who holds each place",
                file=self.path,
                expected="files with a place and its status, and the day in their name or a column",
                got=", ".join(self.others[:5]) or "an empty folder",
                hint="read a single file of another kind by its own path",
            )
        self.days.sort(key=lambda item: item[1] or date.min)  # stable: equal days by name
        self.head = self.days[0][0].head


class DailyControlReader(ControlReader):
    """Reader for tables with one row per place and day; a change is an event."""

    name = "daily_control"

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:  # noqa: ARG002
        """Return False: a single file may as well list events with a status; see `Folder`."""
        return False

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:
        """Begin an empty history and yield each row, with its file's name and day."""
        context.state["history"] = ControlHistory(snapshots=True)
        if not isinstance(file, Folder):
            yield from _with_file(file, "", None)
            return
        for name in file.others:
            context.note("a file of the folder is not a daily table: it is left out", name)
        for table, day in file.days:
            yield from _with_file(table, table.path.name, day)

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Add a place's state on one day to the history."""
        name, day_of_file, row = value
        try:
            self._add(expect(row, dict, "record", "an object"), day_of_file, context)
        except BadRecordError as error:
            raise BadRecordError(f"{name}: {error}" if name else str(error), error.column) from None
        return []

    def _add(self, row: dict[str, Any], day: date | None, context: ReadContext) -> None:
        reject_invalid_unicode(row)
        column = next((name for name in _DAYS if row.get(name)), None)
        if column is not None:
            stated_day = parse_source_day(row[column], column)
            if day is not None and stated_day != day:
                raise BadRecordError(f"the file's name states another day, {day}", column)
            day = stated_day
        if day is None:
            raise BadRecordError("a value is required", _DAYS[0])
        # Default to Kyiv time, as for other lists of control.
        first, last = local_day_interval(day, day, context.timezone or "Europe/Kyiv")
        states = [name for name in _STATES if name in row]
        state = parse_state(row, *states)
        history: ControlHistory = context.state["history"]
        place = _listed_place(row, context)
        history.add(place, state, to_microseconds(first), to_microseconds(last))


def _listed_place(row: Mapping[str, Any], context: ReadContext) -> ListedPlace:
    """Return a row's place, by an id with a scheme if there is one, else by its name."""
    place_id = next((f"{_IDS[name]}:{row[name]}" for name in _IDS if row.get(name)), None)
    place_id = place_id or row.get("place_id")
    name = next((str(row[name]) for name in _NAMES if row.get(name)), "")
    own_id = str(row.get("id") or "")
    if place_id is None and (":" in own_id or not name):
        place_id = own_id
    point = parse_coordinates(row, "lat", "lon", context)
    if None in point:
        point = parse_coordinates(row, context=context)
    stated = StatedPlace(name or str(place_id), *point, str(row.get("admin1") or ""))
    if place_id is not None:
        return ListedPlace(stated, require_curie(str(place_id)))
    return ListedPlace(parse_place_name(stated, context.state["places"].gazetteer, context))


def _with_file(file: InputFile, name: str, day: date | None) -> Iterator[Record]:
    for record in text_records(file):
        yield replace(record, value=(name, day, record.value))


def _day_in_name(name: str, order: DateOrder = "dmy") -> date | None:
    """Return the day that a file's name states; `order` applies if the year comes last.

    Examples
    --------
    >>> _day_in_name("control_2022-09-10.csv"), _day_in_name("10.09.2022.csv", "mdy")
    (datetime.date(2022, 9, 10), datetime.date(2022, 10, 9))
    """
    for match, is_swapped in (
        (_DAY_IN_NAME.search(name), False),
        (_YEAR_LAST.search(name), order == "mdy"),
    ):
        if match is None:
            continue
        day, month = (match["m"], match["d"]) if is_swapped else (match["d"], match["m"])
        with suppress(ValueError):
            return date(int(match["y"]), int(month), int(day))
    return None


def _has_year_last(name: str) -> bool:
    return _DAY_IN_NAME.search(name) is None and _YEAR_LAST.search(name) is not None


def _order_of_names(names: list[str]) -> DateOrder | None:
    """Return the order of days whose year comes last in names; None if it can be either."""
    matches = [match for name in names if (match := _YEAR_LAST.search(name))]
    first = max((int(match["d"]) for match in matches), default=0)
    second = max((int(match["m"]) for match in matches), default=0)
    return decide_order(first, second)


def _is_daily(file: InputFile, *, has_day: bool) -> bool:
    """Return whether a file's columns and first rows are those of a daily table."""
    is_json = file.head.lstrip()[:1] in {b"{", b"["}
    names = lower_names(file, key_paths(file.head) if is_json else frozenset())
    states = [name for name in _STATES if name in names]
    if not states or not names & _PLACES or not (has_day or names & set(_DAYS)):
        return False
    try:
        rows = list(islice(text_records(file), _SAMPLE))
        for record in rows:
            parse_state(record.value if isinstance(record.value, dict) else {}, *states)
    except (BadRecordError, TableError):
        return False
    return any(isinstance(record.value, dict) and record.value.get(states[0]) for record in rows)
