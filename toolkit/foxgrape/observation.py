"""From when to when, of what kinds, where and by whom events were recorded.

A signal without an event is evidence only for the time in which its event would have been recorded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape import times
from foxgrape._util.formatting import counted
from foxgrape.errors import FoxgrapeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from foxgrape._util.typing import BoolArray, IntArray

    #: Start and end in microseconds, both inclusive.
    Span = tuple[int, int]

__all__ = ["OPEN", "Coverage", "Observation", "last_instant", "parse_bound"]

#: Start of a period that has none: earlier than any instant of pandas, and no `times.NAT`.
OPEN = -(2**62)
#: Descriptions name at most this many kinds, and count more.
_FEW = 5
_NAMES = ("observed_from", "observed_until", "gaps", "kinds", "places", "source", "guessed")
_EXPECTED = "an instant with an offset, such as 2024-08-17T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Coverage:
    """What one source recorded: the events of these kinds, at these places, in this period.

    Attributes
    ----------
    observed_from, observed_until
        First and last instant at which events were recorded; None if it is not known.
    gaps
        Start and end of each time in between in which events were not recorded.
    kinds
        Kinds of event that were recorded; if empty, all.
    places
        Ids of the places where events were recorded; if empty, all.
    source
        Who recorded the events: by default the name of the file.
    guessed
        Whether the end is that of the last event, because none was stated.
    """

    observed_from: pd.Timestamp | None = None
    observed_until: pd.Timestamp | None = None
    gaps: tuple[tuple[pd.Timestamp, pd.Timestamp], ...] = ()
    kinds: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    source: str = ""
    guessed: bool = False

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Coverage:
        """Return a coverage from JSON values or texts.

        Instants are ISO 8601 with an offset, or datetimes; a gap is a pair of them, or a text with
        a slash between them.

        Raises
        ------
        FoxgrapeError
            If a name is unknown, a value is invalid, or a period ends before it starts.

        Examples
        --------
        >>> year = {"observed_from": "2022-01-01T00:00Z", "observed_until": "2023-01-01T00:00Z"}
        >>> Coverage.parse(year | {"gaps": ["2022-03-01T00:00Z/2022-03-08T00:00Z"]}).gaps[0][1]
        Timestamp('2022-03-08 00:00:00+0000', tz='UTC')
        """
        if not isinstance(values, Mapping) or set(values) - set(_NAMES):
            raise FoxgrapeError("expected " + ", ".join(_NAMES), got=values)
        names = {name: _texts(values.get(name), name) for name in ("kinds", "places")}
        gaps = values.get("gaps") or ()
        if isinstance(gaps, str) or not isinstance(gaps, list | tuple):
            raise FoxgrapeError("gaps must be a list of pairs START/END", got=gaps)
        coverage = cls(
            observed_from=parse_bound(values.get("observed_from"), "observed_from"),
            observed_until=parse_bound(values.get("observed_until"), "observed_until"),
            gaps=tuple(sorted(_gap(gap) for gap in gaps)),
            source=str(values.get("source") or ""),
            guessed=bool(values.get("guessed")),
            **names,
        )
        start, end = coverage.observed_from, coverage.observed_until
        if start is not None and end is not None and not start < end:
            raise FoxgrapeError("observed_until must be after observed_from", got=str(end))
        return coverage

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values that `parse` reads, without those that are empty."""
        values = {
            "source": self.source,
            "observed_from": None if self.observed_from is None else self.observed_from.isoformat(),
            "observed_until": _iso(self.observed_until),
            "gaps": ["/".join(map(str, map(_iso, gap))) for gap in self.gaps],
            "kinds": list(self.kinds),
            "places": list(self.places),
            "guessed": self.guessed,
        }
        return {name: value for name, value in values.items() if value}

    def to_row(self) -> dict[str, Any]:
        """Return a row of a store's table ``observation``; lists are JSON."""
        row = {name: getattr(self, name) for name in _NAMES}
        values = self.to_dict()
        lists = {
            name: json.dumps(values[name]) if name in values else None
            for name in ("gaps", "kinds", "places")
        }
        return row | lists

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Coverage:
        """Return a coverage from a row of a store's table ``observation``.

        Examples
        --------
        >>> coverage = Coverage(observed_until=pd.Timestamp("2022-01-01T00:00Z"), kinds=("a", "b"))
        >>> Coverage.from_row(coverage.to_row()) == coverage
        True
        """
        known = {str(name): value for name, value in row.items() if name in _NAMES}
        known = {name: value for name, value in known.items() if not pd.isna(value)}
        lists = {
            name: json.loads(known[name]) for name in ("gaps", "kinds", "places") & known.keys()
        }
        return cls.parse(known | lists)

    def spans(self) -> list[Span]:
        """Return the periods between the gaps, in microseconds; none if the end is not known."""
        if self.observed_until is None:
            return []
        start = OPEN if self.observed_from is None else _microseconds(self.observed_from)
        end, spans = _microseconds(self.observed_until), []
        for gap_start, gap_end in sorted(self.gaps):
            spans.append((start, min(end, _microseconds(gap_start))))
            start = max(start, _microseconds(gap_end))
        spans.append((start, end))
        return [(first, last) for first, last in spans if first < last]

    def describe(self, zone: str) -> str:
        """Return the period and what is known about it in words.

        Examples
        --------
        >>> end = pd.Timestamp("2022-12-01T00:00Z")
        >>> Coverage(observed_until=end, source="acled.csv", guessed=True).describe("UTC")
        'acled.csv: until 1 Dec 2022, its last event'
        """
        parts = []
        if self.observed_from is not None:
            parts.append(f"from {_day(self.observed_from, zone)}")
        if self.observed_until is not None:
            guess = ", its last event" if self.guessed else ""
            parts.append(f"until {_day(self.observed_until, zone)}{guess}")
        words = [" ".join(parts) or "no period stated"]
        words += [f"not from {_day(a, zone)} to {_day(b, zone)}" for a, b in self.gaps]
        if self.kinds:
            few = len(self.kinds) <= _FEW
            words.append(f"only {', '.join(self.kinds) if few else f'{len(self.kinds)} kinds'}")
        words += [f"only at {counted(len(self.places), 'place')}"] if self.places else []
        return f"{self.source or 'one source'}: {'; '.join(words)}"


@dataclass(frozen=True, slots=True)
class Observation:
    """When events were recorded, by one or several sources.

    Time is observed at a place if, for each of the kinds, some source recorded events of this kind
    at this place, and no event may have been there whose place could not be decided. It unpacks to
    the first and the last instant: ``start, end = observation``.

    Attributes
    ----------
    coverages
        What each source recorded.
    kinds
        Kinds of event that are asked for; if empty, any source will do.
    undecided_places
        Ids of the places that an event may mean whose place could not be decided, and the ids that
        such events have instead. These places are never observed: an event there may be recorded
        without being known to be there. To leave out only the time of such an event would be a
        selection on the outcome, because it would keep the time in which there was none.

    Examples
    --------
    >>> observation = Observation.stated("2022-03-01T00:00Z", "2022-12-01T00:00Z",
    ...                                  gaps=["2022-05-01T00:00Z/2022-06-01T00:00Z"])
    >>> start, end = observation
    >>> str(end)
    '2022-12-01 00:00:00+00:00'
    >>> posts = pd.Series(pd.to_datetime(["2022-04-02T00:00Z", "2022-04-29T00:00Z"]))
    >>> posted, week = times.microseconds(posts), 7 * 86_400_000_000
    >>> observation.covers(pd.Series(["geonames:1", "geonames:1"]), posted, posted + week).tolist()
    [True, False]
    """

    coverages: tuple[Coverage, ...] = ()
    kinds: tuple[str, ...] = ()
    undecided_places: frozenset[str] = frozenset()

    @classmethod
    def stated(
        cls, observed_from: object, observed_until: object, *, gaps: Sequence[object] = ()
    ) -> Observation:
        """Return the observation of all kinds at all places in one period with gaps."""
        values = {"observed_from": observed_from, "observed_until": observed_until}
        return cls((Coverage.parse(values | {"gaps": list(gaps)}),))

    def __iter__(self) -> Iterator[pd.Timestamp]:
        return iter((self.observed_from, self.observed_until))

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> pd.Timestamp:
        return (self.observed_from, self.observed_until)[index]

    @property
    def observed_from(self) -> pd.Timestamp:
        """First instant of observation at any place; NaT if it has none."""
        starts = [start for start, _ in self._everywhere()]
        return _timestamp(min(starts, default=times.NAT))

    @property
    def observed_until(self) -> pd.Timestamp:
        """Last instant of observation at any place; NaT if it has none."""
        return _timestamp(max((end for _, end in self._everywhere()), default=times.NAT))

    @property
    def guessed(self) -> bool:
        """Whether the end is guessed from the events."""
        return any(coverage.guessed for coverage in self.coverages)

    def guess_in_words(self, zone: str) -> str:
        """Return in a sentence that the end is guessed; empty if it is stated.

        Examples
        --------
        >>> end = pd.Timestamp("2022-12-01T00:00Z")
        >>> Observation((Coverage(observed_until=end, guessed=True),)).guess_in_words("UTC")
        'The end of observation, 1 Dec 2022, is guessed: it is the last event. State observed_un...'
        """
        if not self.guessed or pd.isna(self.observed_until):
            return ""
        return (
            f"The end of observation, {_day(self.observed_until, zone)}, is guessed: it is the "
            "last event. State observed_until if events were recorded for longer."
        )

    @property
    def has_places(self) -> bool:
        """Whether some source recorded events at some places only."""
        return bool(self._named_places())

    @property
    def has_gaps(self) -> bool:
        """Whether some time between the first and the last instant is not observed somewhere."""
        return len(self.spans()) != 1 or self.has_places

    def spans(self, place_id: str | None = None) -> list[Span]:
        """Return the periods observed at a place, or at places that no source names, in order."""
        if place_id in self.undecided_places:
            return []
        here = [part for part in self.coverages if not part.places or place_id in part.places]
        if not self.kinds:
            return _union(span for part in here for span in part.spans())
        spans = [(OPEN, -OPEN)]
        for kind in self.kinds:
            of_kind = [part for part in here if not part.kinds or kind in part.kinds]
            spans = _intersection(spans, _union(s for part in of_kind for s in part.spans()))
        return spans

    def followed_until(self, place_ids: pd.Series, instants: IntArray) -> IntArray:
        """Return how long events were recorded from each instant on, without a gap.

        Parameters
        ----------
        place_ids, instants
            Place and instant, in microseconds, of each signal.

        Returns
        -------
        array
            Last instant before observation stops at the place, in microseconds; the missing value
            ``times.NAT`` if the instant itself is not observed.
        """
        until = _end_of_span(self.spans(), instants)
        for place_id in self._named_places():
            here = (place_ids == place_id).to_numpy(dtype=bool)
            until[here] = _end_of_span(self.spans(place_id), instants[here])
        until[self.is_undecided(place_ids)] = times.NAT
        return until

    def is_undecided(self, place_ids: pd.Series) -> BoolArray:
        """Return whether an event whose place could not be decided may mean each place."""
        undecided: BoolArray = place_ids.isin(self.undecided_places).to_numpy(dtype=bool)
        return undecided

    def covers(self, place_ids: pd.Series, start: IntArray, end: IntArray) -> BoolArray:
        """Return whether events were recorded at each place from `start` to `end` without a gap."""
        until = self.followed_until(place_ids, start)
        covered: BoolArray = (until != times.NAT) & (until >= end)
        return covered

    def overlaps(self, place_ids: pd.Series, start: IntArray, end: IntArray) -> BoolArray:
        """Return whether some of the time from `start` to `end` is observed at each place."""
        touched = _overlap(self.spans(), start, end)
        for place_id in self._named_places():
            here = (place_ids == place_id).to_numpy(dtype=bool)
            touched[here] = _overlap(self.spans(place_id), start[here], end[here])
        known: BoolArray = touched & (start != times.NAT) & ~self.is_undecided(place_ids)
        return known

    def bounded(
        self, observed_from: pd.Timestamp | None = None, observed_until: pd.Timestamp | None = None
    ) -> Observation:
        """Return the observation with other first and last instants; gaps between them remain.

        Examples
        --------
        >>> observation = Observation.stated("2022-03-01T00:00Z", "2022-12-01T00:00Z")
        >>> str(observation.bounded(observed_until=pd.Timestamp("2022-06-01T00:00Z"))[1])
        '2022-06-01 00:00:00+00:00'
        """
        parts = list(self.coverages) or [Coverage()]
        if observed_until is not None:
            ends = [part.observed_until for part in parts if part.observed_until is not None]
            last = max(ends, default=observed_until)
            parts = [
                replace(part, observed_until=observed_until, guessed=False)
                if (end := part.observed_until) is None or end >= min(last, observed_until)
                else part
                for part in parts
            ]
        if observed_from is not None:
            starts = [part.observed_from for part in parts if part.observed_from is not None]
            first = min(starts, default=observed_from)
            parts = [
                replace(part, observed_from=observed_from)
                if (start := part.observed_from) is None or start <= max(first, observed_from)
                else part
                for part in parts
            ]
        return replace(self, coverages=tuple(parts))

    def _named_places(self) -> set[str]:
        return {place for part in self.coverages for place in part.places}

    def _everywhere(self) -> list[Span]:
        return [
            span for place in (None, *sorted(self._named_places())) for span in self.spans(place)
        ]


def last_instant(events: pd.DataFrame) -> pd.Timestamp | None:
    """Return the last instant of the events on either clock; None without events.

    Nothing shows that events were still recorded after it.

    Examples
    --------
    >>> day = pd.Series(pd.to_datetime(["2022-09-10T00:00Z"]))
    >>> last_instant(pd.DataFrame({"occurred_until": day, "confirmed_until": day}))
    Timestamp('2022-09-10 00:00:00+0000', tz='UTC')
    """
    last = pd.concat([events[f"{clock}_until"] for clock in times.CLOCKS]).max()
    return None if pd.isna(last) else pd.Timestamp(last)


def parse_bound(value: object, name: str) -> pd.Timestamp | None:
    """Return an instant from a text with an offset or a datetime; None for None.

    Examples
    --------
    >>> parse_bound("2022-09-10T00:00:00+03:00", "observed_until")
    Timestamp('2022-09-09 21:00:00+0000', tz='UTC')
    """
    if value is None or value is pd.NaT:
        return None
    text = value if isinstance(value, str) else getattr(value, "isoformat", str)()
    try:
        return pd.Timestamp(times.parse_instant(text))
    except (ValueError, TypeError):
        what = f"{name} must be {_EXPECTED}"
        raise FoxgrapeError(what, got=str(value), argument=True) from None


def _gap(gap: object) -> tuple[pd.Timestamp, pd.Timestamp]:
    ends = gap.split("/") if isinstance(gap, str) else gap
    if isinstance(ends, list | tuple) and len(ends) == 2:  # noqa: PLR2004 - a start and an end
        start, end = (parse_bound(bound, "a gap's start and end") for bound in ends)
        if start is not None and end is not None and start < end:
            return start, end
    what = "a gap must be START/END, with START before END"
    raise FoxgrapeError(what, got=gap, argument=True)


def _texts(value: object, name: str) -> tuple[str, ...]:
    values = [] if value is None else value
    if not isinstance(values, list | tuple) or not all(isinstance(text, str) for text in values):
        raise FoxgrapeError(f"{name} must be a list of names", got=value)
    return tuple(values)


def _microseconds(instant: pd.Timestamp) -> int:
    return int(times.microseconds(pd.Series([instant]))[0])


def _timestamp(instant: int) -> pd.Timestamp:
    """Return an instant in microseconds as a timestamp; NaT for none, or an open start."""
    if instant in {times.NAT, OPEN}:
        return pd.NaT  # type: ignore[return-value]
    return pd.Timestamp(instant, unit="us", tz="UTC")


def _iso(instant: pd.Timestamp | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _day(instant: pd.Timestamp, zone: str) -> str:
    return f"{instant.tz_convert(zone):%-d %b %Y}"


def _union(spans: Iterable[Span]) -> list[Span]:
    """Return sorted spans, joined where they meet: a day ends a microsecond before the next."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined


def _intersection(ours: list[Span], theirs: list[Span]) -> list[Span]:
    both = ((max(a, c), min(b, d)) for a, b in ours for c, d in theirs)
    return sorted((start, end) for start, end in both if start < end)


def _end_of_span(spans: list[Span], instants: IntArray) -> IntArray:
    """Return the end of the span that contains each instant; `times.NAT` if none does."""
    until = np.full(len(instants), times.NAT, dtype=np.int64)
    for start, end in spans:
        until[(instants >= start) & (instants <= end)] = end
    return until


def _overlap(spans: list[Span], start: IntArray, end: IntArray) -> BoolArray:
    touched = np.zeros(len(start), dtype=bool)
    for first, last in spans:
        touched |= (start <= last) & (end >= first)
    return touched
