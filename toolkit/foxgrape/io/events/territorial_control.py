"""Events from territorial control lists, which state either changes or daily states.

Editors of a list disagree, vandalise it and revert each other. A state becomes an event only if it
persists; shorter changes are ignored.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from array import array
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias

import numpy as np

from foxgrape.io.base import ReadContext, Reader
from foxgrape.io.convert import expect, parse_clock_cell, reject_invalid_unicode
from foxgrape.io.events.base import (
    PLACE_COLUMNS,
    lower_names,
    make_event,
    require_cell,
    require_curie,
    text_records,
)
from foxgrape.io.events.coordinates import parse_coordinates
from foxgrape.io.events.days import local_day_interval, parse_source_day
from foxgrape.io.events.listed_names import ListedNames, parse_population
from foxgrape.io.events.place_resolver import StatedPlace
from foxgrape.io.stream import BadRecordError
from foxgrape.io.tabular import column_names, header, records
from foxgrape.io.written_times import MONTHS
from foxgrape.places.resolution import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from foxgrape.io.events.place_resolver import PlaceResolver
    from foxgrape.io.stream import InputFile, Record

    Array: TypeAlias = npt.NDArray[Any]

__all__ = [
    "ControlChangesReader",
    "ControlHistory",
    "ControlReader",
    "ListedPlace",
    "ViinaControlReader",
    "parse_state",
    "to_microseconds",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
#: Earliest supported instant, in microseconds since 1970.
_MIN_TIME = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_UNKNOWN = "unknown"
#: State codes by the lower-case names that lists use.
_STATES = {
    **dict.fromkeys(("ukraine", "ua", "ukrainian", "україна", "украина"), "UA"),
    **dict.fromkeys(("russia", "ru", "donetsk pr", "luhansk pr", "dpr", "lpr"), "RU"),
    **dict.fromkeys(("russian", "russian federation", "росія", "россия", "рф"), "RU"),
    **dict.fromkeys(
        ("contested", "gray zone", "grey zone", "сіра зона", "серая зона"), "contested"
    ),
    **dict.fromkeys(("", "unknown", "not known", "ukraine?", "(row removed)"), _UNKNOWN),
}
_STATE_CODES = ("UA", "RU", "contested", _UNKNOWN)
_UNKNOWN_CODE = _STATE_CODES.index(_UNKNOWN)
_SCHEME = "control"
_IDENTIFIED = "a name that several places have was identified by its population"
_SEVERAL = "several listed places have this name"
_OTHER_POPULATION = "the place at the coordinates has another population than the list states"
_SCRAPE_TIME = re.compile(r"(\d{1,2}) ([A-Z][a-z]{2})[a-z]* (\d{4}) (\d\d)h(\d\d) UTC")


class ListedPlace(NamedTuple):
    """A place on a control list; `place_id` is None if the list states no id."""

    stated: StatedPlace
    place_id: str | None = None
    #: Number that distinguishes listed places with the same name.
    ordinal: str = "1"


class ControlChange(NamedTuple):
    """A change to a state that persisted; times are microseconds since 1970."""

    place: ListedPlace
    state: str
    at: int  # at, until: interval in which the list began to show the state
    until: int
    since: int  # when the list began to show the previous state
    holder: str | None  # the last side to hold the place before the change
    unique_name: bool  # no other place on the list has this name


@dataclass(slots=True)
class ControlHistory:
    """States of places over time, stored compactly.

    A year of daily states has 12 million rows, so each row is packed into 21 bytes. If `snapshots`
    is true, each recorded time is a reading of the complete list, so a change happened between the
    previous reading and that time.

    Examples
    --------
    >>> history, izium = ControlHistory(), ListedPlace(StatedPlace("Izium"))
    >>> for day, state in enumerate(["RU", "RU", "UA", "UA", "UA"]):
    ...     history.add(izium, state, day * 86_400_000_000, day * 86_400_000_000)
    >>> [(change.state, change.holder) for change in history.changes(timedelta(days=2))]
    [('UA', 'RU')]
    """

    snapshots: bool = False
    _numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    _places: list[ListedPlace] = field(default_factory=list)
    _place: array[int] = field(default_factory=lambda: array("i"))
    _at: array[int] = field(default_factory=lambda: array("q"))
    _until: array[int] = field(default_factory=lambda: array("q"))
    _state: array[int] = field(default_factory=lambda: array("b"))
    #: Time of each place's earliest change, and the code of the state before that change.
    _first_change: dict[int, tuple[int, int]] = field(default_factory=dict)
    #: Numbers of states that did not persist, by the place's name; set by `changes`.
    short: Counter[str] = field(default_factory=Counter)
    #: The same for the states with which the list begins, so that they may have lasted longer.
    cut_off: Counter[str] = field(default_factory=Counter)

    def add(
        self, place: ListedPlace, state: str, at: int, until: int, before: str | None = None
    ) -> None:
        """Record a place's state, and its previous state if the list states it."""
        key = place.place_id or place.stated.name, place.ordinal
        number = self._numbers.setdefault(key, len(self._places))
        if number == len(self._places):
            self._places.append(place)
        elif self._places[number].stated.point is None and place.stated.point is not None:
            # A list may state a place's coordinates in any of its rows.
            self._places[number] = place
        self._place.append(number)
        self._at.append(at)
        self._until.append(until)
        self._state.append(_STATE_CODES.index(state))
        # Rows may be in any order.
        if before is not None and at < self._first_change.get(number, (at + 1,))[0]:
            self._first_change[number] = at, _STATE_CODES.index(before)

    def changes(self, persistence: timedelta) -> Iterator[ControlChange]:
        """Yield changes to states that persisted, sorted by place and time.

        A place's first state is not a change. Its last state must have begun at least
        `persistence` before the end of the list.
        """
        if not self._place:
            return
        shortest = max(persistence // _MICROSECOND, 1)
        place, at, until, state = self._sorted_rows(shortest)
        times = np.unique(until)
        rows, removed = _persistent_rows(place, at, state, shortest)
        for row in removed:
            is_first = at[row] == at.min()
            counts = self.cut_off if is_first else self.short
            counts[self._places[int(place[row])].stated.name] += 1
        name_counts = Counter(
            self._places[number].stated.name for number in {int(place[row]) for row in rows}
        )
        for number, group in groupby(rows, key=lambda row: int(place[row])):
            previous, *following = group
            listed, holder = self._places[number], _holder(state[previous], None)
            for row in following:
                if state[row] == state[previous]:
                    continue
                earlier = int(np.searchsorted(times, until[row])) - 1
                is_bounded = self.snapshots and earlier >= 0
                yield ControlChange(
                    listed,
                    _STATE_CODES[state[row]],
                    at=int(times[earlier] + 1 if is_bounded else at[row]),
                    until=int(until[row]),
                    since=int(at[previous]),
                    holder=holder,
                    unique_name=name_counts[listed.stated.name] == 1,
                )
                previous, holder = row, _holder(state[row], holder)

    def _sorted_rows(self, shortest: int) -> list[Array]:
        """Return arrays of places, starts, ends and states, sorted by place and time.

        Each place's state before its first change is added as a row dated `shortest` before all
        others, so that it holds long enough to count.
        """
        first = self._first_change.items()
        before = {place: state for place, (_, state) in first if state != _UNKNOWN_CODE}
        start = [max(min(self._at) - shortest, _MIN_TIME)] * len(before)
        earlier = (list(before), start, start, list(before.values()))
        listed = (self._place, self._at, self._until, self._state)
        columns = [
            np.concatenate([np.array(head, tail.typecode), np.asarray(tail)])
            for head, tail in zip(earlier, listed, strict=True)
        ]
        order = np.lexsort((columns[1], columns[0]))
        return [column[order] for column in columns]


def _holder(state: int, previous: str | None) -> str | None:
    """Return the side that holds a place; for a contested place, the previous holder."""
    code = _STATE_CODES[state]
    return previous if code == "contested" else code


def _persistent_rows(
    place: Array, at: Array, state: Array, shortest: int
) -> tuple[list[int], list[int]]:
    """Return the first row of each known state that persisted, and of each that did not.

    Rows are sorted by place and time. Unknown states are ignored, except that a place's final one
    ends the state before it.
    """
    starts = np.r_[True, (place[1:] != place[:-1]) | (state[1:] != state[:-1])].nonzero()[0]
    end = int(at.max())
    persistent: list[int] = []
    removed: list[int] = []
    for _, group in groupby(starts.tolist(), key=lambda row: int(place[row])):
        rows = list(group)
        last = int(at[rows[-1]]) if state[rows[-1]] == _UNKNOWN_CODE else end
        known = _merge_equal([row for row in rows if state[row] != _UNKNOWN_CODE], state)
        persistent += _remove_short(known, at, state, shortest, last, removed)
    return persistent, removed


def _merge_equal(rows: list[int], state: Array) -> list[int]:
    """Return the first row of each run of equal states."""
    return [next(group) for _, group in groupby(rows, key=lambda row: int(state[row]))]


def _remove_short(
    rows: list[int], at: Array, state: Array, shortest: int, end: int, removed: list[int]
) -> list[int]:
    """Move states that did not persist to `removed`, shortest first; merge equal ones around them.

    The last state of a list is not known to be short, and stays out of both.
    """
    while rows:
        starts = at[rows]
        durations = np.append(starts[1:], end) - starts
        position = int(durations.argmin())
        if durations[position] >= shortest:
            break
        if position + 1 < len(rows):
            removed.append(rows[position])
        rows = _merge_equal(rows[:position] + rows[position + 1 :], state)
    return rows


class ControlReader(Reader):
    """Base class: `rows` collects states in a `ControlHistory`, `finish` returns the events."""

    extra: ClassVar = PLACE_COLUMNS
    counts_skipped = False

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:
        """Begin an empty history and yield each row."""
        names = column_names(file)
        context.state["history"] = ControlHistory(snapshots="commit" in map(str.lower, names))
        if header(file) and all(name == name.lower() for name in names):
            return records(file, lambda _: None)  # a year of daily states has 12 million rows
        return text_records(file)

    @abstractmethod
    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Add a row to the history; return an empty list: events are known only at the end."""

    def finish(self, context: ReadContext) -> list[dict[str, Any]]:
        """Return the events in the collected history."""
        history: ControlHistory = context.state["history"]
        context.record = None
        events = [self._event(change, context) for change in history.changes(context.persistence)]
        hours = f"{context.persistence / timedelta(hours=1):g} hours (persistence=)"
        for names, what in (
            (history.short, f"a state that lasted less than {hours} is left out"),
            (history.cut_off, f"a state of the list's first {hours} is left out: it may be older"),
        ):
            for name, count in names.items():
                context.note(what, name, count, warn=names is history.cut_off)
        return events

    def _event(self, change: ControlChange, context: ReadContext) -> dict[str, Any]:
        stated = change.place.stated
        place, point = self._place(change, context)
        at, until = _to_datetime(change.at), _to_datetime(change.until)
        return make_event(
            event_id=f"{place[0]}@{until:%Y-%m-%dT%H:%MZ}",
            place=place,
            point=point or (None, None),
            kind=_kind(change),
            by_side=None if change.state == "contested" else change.state,
            occurred=(min(_to_datetime(change.since), at), until),
            confirmed=(at, until),
            precision="list",
            source=self.name,
            stated_place=stated.name,
            place_precision="exact",
            place_km=None,
        )

    def _place(
        self, change: ControlChange, context: ReadContext
    ) -> tuple[tuple[str, str], tuple[float, float] | None]:
        """Return the id and name of the place, and the coordinates that are stated for it."""
        stated, place_id, ordinal = change.place
        places: PlaceResolver = context.state["places"]
        listed: ListedNames = context.state.setdefault("listed", ListedNames())
        if place_id is not None:
            return places.resolve_id(place_id, stated), stated.point
        identified = listed.identify(stated.name, ordinal, places.gazetteer)
        if identified is not None:
            place, point = identified
            context.note(_IDENTIFIED, f"{stated.name} ({ordinal}): {place}", warn=False)
            return (place.id, place.name), point
        numbered = StatedPlace(f"{stated.name} ({ordinal})", admin1=stated.admin1)
        if listed.is_repeated(stated.name) or not change.unique_name:
            # The list's coordinates were joined by name, so all places with this name share them.
            return places.resolve_area(_SCHEME, numbered, _SEVERAL), stated.point
        there = resolve(stated.name, point=stated.point, gazetteer=places.gazetteer).place
        if there is not None and listed.disagrees(stated.name, ordinal, there):
            return places.resolve_area(_SCHEME, numbered, _OTHER_POPULATION), stated.point
        return places.resolve_settlement(_SCHEME, stated), stated.point


class ControlChangesReader(ControlReader):
    """Reader for lists of changes: place, previous state, new state, time of the change."""

    name = "control_changes"

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:
        """Return whether the header has columns for previous state, new state and time."""
        names = lower_names(file, paths)
        states = {"held_by_prev", "held_by"} <= names or {"from", "to"} <= names
        return states and bool(names & {"first_seen", "commit_time"})

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Add the new and the previous state of a change to the history."""
        reject_invalid_unicode(expect(value, dict, "record", "an object"))
        before, after = (
            parse_state(value, "held_by_prev", "from"),
            parse_state(value, "held_by", "to"),
        )
        at, until = _first_seen(value, context)
        name = str(value.get("place") or value.get("name") or "").strip()
        if not name:
            raise BadRecordError("a value is required", "place")
        point = parse_coordinates(value, "lat", "lon")
        stated = StatedPlace(name, *point, str(value.get("admin1") or ""))
        # Lists number repeated names, but repeat some places by mistake: use the number only if the
        # gazetteer has several places with the name.
        ordinal = "1"
        if context.state["places"].is_ambiguous(name):
            listed: ListedNames = context.state.setdefault("listed", ListedNames())
            population = parse_population(value.get("population"))
            number = str(value.get("name_dup") or "1")
            ordinal, continues = listed.add(name, number, population, stated.point)
            before = before if continues else _UNKNOWN
        place_id = value.get("place_id") or None
        if place_id is not None:
            place_id = require_curie(str(place_id))
        history: ControlHistory = context.state["history"]
        before = _UNKNOWN if after == _UNKNOWN else before
        history.add(ListedPlace(stated, place_id, ordinal), after, at, until, before)
        return []


class ViinaControlReader(ControlReader):
    """Reader for VIINA 2.0's ``control`` and ``kontrol`` files: one row per place and day."""

    name = "viina_control"

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:
        """Return whether the header has columns for day, state, and a GeoNames or KATOTTG id."""
        names = lower_names(file, paths)
        return {"date", "status"} <= names and bool(names & {"geonameid", "kod"})

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Add a place's state on one day to the history."""
        reject_invalid_unicode(expect(value, dict, "record", "an object"))
        geoname = value.get("geonameid")
        place_id = require_curie(
            f"geonames:{geoname}" if geoname else f"katottg:{require_cell(value, 'kod')}"
        )
        day = parse_source_day(require_cell(value, "date"), "date")
        # Default to Kyiv time, because all listed places are in Ukraine.
        first, last = local_day_interval(day, day, context.timezone or "Europe/Kyiv")
        stated = StatedPlace(str(value.get("asciiname") or place_id), *parse_coordinates(value))
        history: ControlHistory = context.state["history"]
        place, state = ListedPlace(stated, place_id), parse_state(value, "status")
        history.add(place, state, to_microseconds(first), to_microseconds(last))
        return []


def parse_state(row: Mapping[str, Any], *columns: str) -> str:
    """Return the state code from the first of `columns` that the row has."""
    column = next((name for name in columns if name in row), columns[-1])
    text = str(row.get(column) or "").strip()
    if text.casefold() not in _STATES:
        raise BadRecordError(
            f"expected a state such as Ukraine, Russia or Contested; got {text!r:.80}", column
        )
    return _STATES[text.casefold()]


def _first_seen(row: Mapping[str, Any], context: ReadContext) -> tuple[int, int]:
    """Return when the list was read: the scraper's time, else ``first_seen`` or ``commit_time``."""
    scraped = _SCRAPE_TIME.fullmatch(str(row.get("wiki_scrape_update") or "").strip())
    if scraped and scraped[2] in MONTHS:
        column = "wiki_scrape_update"
        day, month, year, hour, minute = scraped.groups()
        text = f"{year}-{MONTHS.index(month) + 1:02}-{int(day):02}T{hour}:{minute}Z"
    else:
        column = "first_seen" if "first_seen" in row else "commit_time"
        text = str(require_cell(row, column))
    first, last = parse_clock_cell(text, context.timezone, column)
    return to_microseconds(first), to_microseconds(last)


def _kind(change: ControlChange) -> str:
    """Return the kind of event, from the new state and the last holder."""
    if change.state == "contested":
        return "contested"
    if change.holder in {change.state, None}:
        return "held"
    return "liberated" if change.state == "UA" else "captured"


def to_microseconds(instant: datetime) -> int:
    """Return an instant in microseconds since 1970."""
    return (instant - _EPOCH) // _MICROSECOND


def _to_datetime(microseconds: int) -> datetime:
    return _EPOCH + microseconds * _MICROSECOND
