"""Who holds a place: lists of changes, and lists by the day, as events that lasted.

A list is edited by people who disagree: it flips, is vandalised and put right. A state counts once
it has lasted; what flips back sooner never was.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from array import array
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from foxgrape.io.base import ReadContext, Reader
from foxgrape.io.convert import MONTHS, parse_clock_cell, reject_invalid_unicode
from foxgrape.io.events.base import (
    PLACING,
    coordinates,
    days,
    make_event,
    require_cell,
    require_curie,
)
from foxgrape.io.events.place_resolver import StatedPlace
from foxgrape.io.events.viina import parse_compact_day
from foxgrape.io.stream import BadRecordError
from foxgrape.io.tabular import header, records

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from foxgrape.io.stream import InputFile, Record

__all__ = ["ControlChanges", "ViinaControl"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
#: The first microsecond of the calendar.
_FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _TICK
_UNKNOWN = "unknown"
#: What lists call the states, in small letters.
_STATES = {
    **dict.fromkeys(("ukraine", "ua"), "UA"),
    **dict.fromkeys(("russia", "ru", "donetsk pr", "luhansk pr", "dpr", "lpr"), "RU"),
    **dict.fromkeys(("contested", "gray zone", "grey zone"), "contested"),
    **dict.fromkeys(("", "unknown", "not known", "ukraine?", "(row removed)"), _UNKNOWN),
}
_SCHEME = "control"
_NAMES = ("UA", "RU", "contested", _UNKNOWN)
_WIKI_STAMP = re.compile(r"(\d{1,2}) ([A-Z][a-z]{2})[a-z]* (\d{4}) (\d\d)h(\d\d) UTC")


class ControlRow(NamedTuple):
    """A place of a list: what it is called there, and its id where the list has one."""

    stated: StatedPlace
    place_id: str | None = None
    #: Which one, among places of one name.
    ordinal: str = "1"


class ControlChange(NamedTuple):
    """A change to a state that lasted; instants are microseconds since 1970."""

    place: ControlRow
    state: str
    #: The interval in which the list came to show it.
    at: int
    until: int
    #: Since when the list had shown the state before it.
    since: int
    #: Who held the place last before it, if anybody is known to have.
    holder: str | None
    #: Whether the list has no other place of this name.
    alone: bool


@dataclass(slots=True)
class ControlHistory:
    """States of places as they were listed: 21 bytes a row, since a year by the day has 12 million.

    Attributes
    ----------
    snapshots
        Each instant is one at which the whole list was read: a change came after the one before.
    before
        Of each place for which it was told: its earliest instant, and the state until then.

    Examples
    --------
    >>> log, izium = Log(), Listed(Stated("Izium"))
    >>> for day, state in enumerate(["RU", "RU", "UA", "UA", "UA"]):
    ...     log.add(izium, state, day * 86_400_000_000, day * 86_400_000_000)
    >>> [(change.state, change.holder) for change in log.changes(timedelta(days=2))]
    [('UA', 'RU')]
    """

    snapshots: bool = False
    places: dict[tuple[str, ...], int] = field(default_factory=dict)
    listed: list[ControlRow] = field(default_factory=list)
    place: array[int] = field(default_factory=lambda: array("i"))
    at: array[int] = field(default_factory=lambda: array("q"))
    until: array[int] = field(default_factory=lambda: array("q"))
    state: array[int] = field(default_factory=lambda: array("b"))
    before: dict[int, tuple[int, int]] = field(default_factory=dict)

    def add(
        self, place: ControlRow, state: str, at: int, until: int, before: str | None = None
    ) -> None:
        """Put down that a place was listed in a state at an instant, and in which one before."""
        number = self.places.setdefault(_key(place), len(self.listed))
        if number == len(self.listed):
            self.listed.append(place)
        self.place.append(number)
        self.at.append(at)
        self.until.append(until)
        self.state.append(_NAMES.index(state))
        # A list may be in any order: of the states before, the earliest counts.
        if before is not None and at < self.before.get(number, (at + 1,))[0]:
            self.before[number] = at, _NAMES.index(before)

    def changes(self, persistence: timedelta) -> Iterator[ControlChange]:
        """Return the changes to states that lasted, by place and time.

        A place's first state is no change. The last one lasts until the end of the list, so one
        that began too shortly before it does not count yet.
        """
        if not self.place:
            return
        shortest = max(persistence // _TICK, 1)
        place, at, until, state = self._sorted(shortest)
        shots = np.unique(until)
        rows = _lasting(place, at, state, shortest)
        lasted = {int(place[row]) for row in rows}
        bearers = Counter(self.listed[number].stated.name for number in lasted)
        before, holder = -1, None  # the state before, by its first row; the side that held last
        for row in rows:
            same_place = before >= 0 and place[before] == place[row]
            if same_place and state[before] == state[row]:
                continue
            name = _NAMES[state[row]]
            if same_place:
                earlier = int(np.searchsorted(shots, until[row])) - 1
                first = shots[earlier] + 1 if self.snapshots and earlier >= 0 else at[row]
                ends = int(first), int(until[row]), int(at[before])
                listed = self.listed[place[row]]
                yield ControlChange(listed, name, *ends, holder, bearers[listed.stated.name] == 1)
            else:
                holder = None
            before = row
            holder = holder if name == "contested" else name

    def _sorted(self, shortest: int) -> list[npt.NDArray[Any]]:
        """Return place, interval and state in the order of place and time.

        What was before the list began is taken to have lasted.
        """
        unknown = _NAMES.index(_UNKNOWN)
        before = {place: state for place, (_, state) in self.before.items() if state != unknown}
        start = [max(int(np.asarray(self.at).min()) - shortest, _FIRST)] * len(before)
        told = (list(before), start, start, list(before.values()))
        listed = (self.place, self.at, self.until, self.state)
        columns = [
            np.concatenate([np.array(first, rest.typecode), np.asarray(rest)])
            for first, rest in zip(told, listed, strict=True)
        ]
        order = np.lexsort((columns[1], columns[0]))
        return [column[order] for column in columns]


def _lasting(
    place: npt.NDArray[np.int32],
    at: npt.NDArray[np.int64],
    state: npt.NDArray[np.int8],
    shortest: int,
) -> list[int]:
    """Return the first rows of known states that lasted, of rows in the order of place and time.

    That a list did not know a state for a while does not end it; that it never knew again does.
    """
    new = np.r_[True, (place[1:] != place[:-1]) | (state[1:] != state[:-1])].nonzero()[0]
    unknown, end = _NAMES.index(_UNKNOWN), int(at.max())
    lasting = []
    for _, group in groupby(new.tolist(), key=lambda row: int(place[row])):
        rows = list(group)
        ends = int(at[rows[-1]]) if state[rows[-1]] == unknown else end
        known = _merged([row for row in rows if state[row] != unknown], state)
        lasting += _without_flips(known, at, state, shortest, ends)
    return lasting


def _merged(rows: list[int], state: npt.NDArray[np.int8]) -> list[int]:
    """Keep of neighbours in one state the first."""
    return [next(group) for _, group in groupby(rows, key=lambda row: int(state[row]))]


def _without_flips(
    rows: list[int],
    at: npt.NDArray[np.int64],
    state: npt.NDArray[np.int8],
    shortest: int,
    end: int,
) -> list[int]:
    """Leave out what did not last, the shortest first: what it interrupted may have lasted."""
    while rows:
        starts = at[rows]
        lasts = np.append(starts[1:], end) - starts
        flip = int(lasts.argmin())
        if lasts[flip] >= shortest:
            break
        rows = _merged(rows[:flip] + rows[flip + 1 :], state)
    return rows


def _key(place: ControlRow) -> tuple[str, str]:
    return place.place_id or place.stated.name, place.ordinal


class _Control(Reader):
    """What both kinds of lists share: rows are put down, and read as events at the end."""

    extra: ClassVar = PLACING

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:
        """Return each row."""
        context.state["log"] = ControlHistory(snapshots="commit" in header(file))
        return records(file, lambda _: None)

    @abstractmethod
    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Put a row down in the log: none is an event by itself."""

    def finish(self, context: ReadContext) -> list[dict[str, Any]]:
        """Return the events: the changes that lasted."""
        log: ControlHistory = context.state["log"]
        return [self._event(change, context) for change in log.changes(context.persistence)]

    def _event(self, change: ControlChange, context: ReadContext) -> dict[str, Any]:
        stated, place_id, ordinal = change.place
        places = context.state["places"]
        if place_id is not None:
            place = places.by_id(place_id, stated)
        elif not change.alone:
            # The list's coordinates were joined by name: they cannot tell one from the other.
            named = StatedPlace(f"{stated.name} ({ordinal})", admin1=stated.admin1)
            place = places.larger(_SCHEME, named, "one of several places of one name")
        else:
            place = places.settlement(_SCHEME, stated)
        at, until = _instant(change.at), _instant(change.until)
        return make_event(
            event_id=f"{place[0]}@{until:%Y-%m-%dT%H:%MZ}",
            place=place,
            point=stated.point or (None, None),
            kind=_kind(change),
            by_side=None if change.state == "contested" else change.state,
            occurred=(min(_instant(change.since), at), until),
            confirmed=(at, until),
            precision="list",
            source=self.name,
            stated_place=stated.name,
            place_precision="exact",
            place_km=None,
        )


class ControlChanges(_Control):
    """Rows of place, state before, state after, and when the change was first seen."""

    name = "control_changes"

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:
        """Tell by two states and a time in the header."""
        names = set(header(file))
        states = {"held_by_prev", "held_by"} <= names or {"from", "to"} <= names
        return not paths and states and bool(names & {"first_seen", "commit_time"})

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Put the state after a change down, and the one before it.

        A list of nothing but changes tells what a place was before its first one only in that way.
        """
        reject_invalid_unicode(value)
        log: ControlHistory = context.state["log"]
        before, after = _state(value, "held_by_prev", "from"), _state(value, "held_by", "to")
        at, until = _first_seen(value, context)
        name = str(value.get("place") or value.get("name") or "").strip()
        if not name:
            raise BadRecordError("expected a place; got nothing", "place")
        stated = StatedPlace(
            name, *coordinates(value, "lat", "lon"), str(value.get("admin1") or "")
        )
        # A list shows a place twice by mistake too: only of a common name are there several.
        several = context.state["places"].common(name)
        ordinal = str(value.get("name_dup") or "1") if several else "1"
        place_id = value.get("place_id") or None
        place = ControlRow(
            stated, None if place_id is None else require_curie(str(place_id)), ordinal
        )
        log.add(place, after, at, until, _UNKNOWN if after == _UNKNOWN else before)
        return []


class ViinaControl(_Control):
    """VIINA 2.0's ``control`` and ``kontrol`` files: one row a place and day."""

    name = "viina_control"

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:
        """Tell by a state by the day, under an id of GeoNames or KATOTTG."""
        names = set(header(file))
        return not paths and {"date", "status"} <= names and bool(names & {"geonameid", "kod"})

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Put the day's state down."""
        reject_invalid_unicode(value)
        own = value.get("geonameid")
        place_id = require_curie(
            f"geonames:{own}" if own else f"katottg:{require_cell(value, 'kod')}"
        )
        day = parse_compact_day(require_cell(value, "date"), "date")
        zone = context.timezone or "Europe/Kyiv"  # the list is of places in Ukraine
        first, last = days(day, day, zone)
        stated = StatedPlace(str(value.get("asciiname") or place_id), *coordinates(value))
        log: ControlHistory = context.state["log"]
        log.add(ControlRow(stated, place_id), _state(value, "status"), _micro(first), _micro(last))
        return []


def _state(value: Mapping[str, Any], *columns: str) -> str:
    """Return the state in the first of the columns that the file has."""
    column = next((name for name in columns if name in value), columns[-1])
    told = str(value.get(column) or "").strip()
    if told.casefold() not in _STATES:
        raise BadRecordError(
            f"expected a state such as Ukraine, Russia or Contested; got {told!r:.80}", column
        )
    return _STATES[told.casefold()]


def _first_seen(value: Mapping[str, Any], context: ReadContext) -> tuple[int, int]:
    """Return when the list was read: as the scraper noted, else when it kept what it read."""
    wiki = _WIKI_STAMP.fullmatch(str(value.get("wiki_scrape_update") or "").strip())
    if wiki and wiki[2] in MONTHS:
        day, month, year, hour, minute = wiki.groups()
        told = f"{year}-{MONTHS.index(month) + 1:02}-{int(day):02}T{hour}:{minute}Z"
        column = "wiki_scrape_update"
    else:
        column = "first_seen" if "first_seen" in value else "commit_time"
        told = str(require_cell(value, column))
    first, last = parse_clock_cell(told, context.timezone, column)
    return _micro(first), _micro(last)


def _kind(change: ControlChange) -> str:
    """Name a change by who held the place last before it."""
    if change.state == "contested":
        return "contested"
    if change.holder == change.state or change.holder is None:
        return "held"
    return "liberated" if change.state == "UA" else "captured"


def _micro(instant: datetime) -> int:
    return (instant - _EPOCH) // _TICK


def _instant(micro: int) -> datetime:
    return _EPOCH + micro * _TICK
