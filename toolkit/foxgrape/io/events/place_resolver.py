"""Look up a source's places in the gazetteer, and list the places that were not found."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from foxgrape.places.place import distance_km
from foxgrape.places.resolution import FAR_KM, LARGEST, resolve

if TYPE_CHECKING:
    import pandas as pd

    from foxgrape.places import Gazetteer
    from foxgrape.places.resolution import Resolution

__all__ = ["PlaceResolver", "StatedPlace", "unify_place_ids"]

_FAR_FROM_ID = f"the place with the stated id is more than {FAR_KM:.0f} km from the coordinates"
_OTHER_ROW = "a place was identified by the coordinates that another row states for its name"


class _Note(Protocol):
    """`foxgrape.io.base.ReadContext.note`."""

    def __call__(self, what: str, example: str, /, *, warn: bool) -> None:
        """Count something that was decided, and say whether to warn of it."""


def _ignore(what: str, example: str, /, *, warn: bool) -> None:
    """Ignore a note."""


@dataclass(frozen=True, slots=True)
class StatedPlace:
    """A place as stated by a source.

    `admin1` is its first-level administrative division; `kind` is ``city``, ``settlement`` or
    ``village``, if its type is stated.
    """

    name: str
    lat: float | None = None
    lon: float | None = None
    admin1: str = ""
    kind: str = ""

    def __str__(self) -> str:
        return f"{self.name}, {self.admin1}" if self.admin1 else self.name

    @property
    def point(self) -> tuple[float, float] | None:
        """Latitude and longitude, if both are known."""
        return None if self.lat is None or self.lon is None else (self.lat, self.lon)


@dataclass(slots=True)
class PlaceResolver:
    """Look up each place once, cache its id and name, and list unresolved places.

    `note` is called for each row whose place was decided on weak evidence or against some of it.
    """

    gazetteer: Gazetteer
    note: _Note = field(default=_ignore)
    _resolved: dict[Any, tuple[str, str]] = field(default_factory=dict)
    _notes: dict[Any, list[tuple[str, str]]] = field(default_factory=dict)
    #: The places to which coordinates led, by the id that the name would get without them.
    _located: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    _known: dict[StatedPlace, bool] = field(default_factory=dict)
    _name_counts: dict[str, int] = field(default_factory=dict)
    _unresolved: dict[str, dict[str, Any]] = field(default_factory=dict)

    def resolve_settlement(self, source: str, stated: StatedPlace) -> tuple[str, str]:
        """Return a settlement's id and name; create an id if the gazetteer has no unique match.

        A created id consists of the source's scheme, the division and the name. Coordinates do not
        affect it.
        """
        key = (source, stated)
        if key not in self._resolved:
            resolution = _resolve(stated, self.gazetteer)
            if resolution.place is None:
                self._resolved[key] = self._make_id(source, stated, resolution.reason)
            else:
                place = self._resolved[key] = resolution.place.id, resolution.place.name
                self._notes[key] = [
                    (note, f"{stated}: {resolution.place}") for note in resolution.notes
                ]
                if stated.point is not None:
                    self._located.setdefault(_make_id(source, stated), set()).add(place)
        return self._count(key)

    def is_known(self, stated: StatedPlace) -> bool:
        """Return whether the gazetteer has a unique match; unlike the others, report nothing."""
        if stated not in self._known:
            resolution = _resolve(stated, self.gazetteer)
            self._known[stated] = resolution.place is not None
        return self._known[stated]

    def resolve_id(self, place_id: str, stated: StatedPlace) -> tuple[str, str]:
        """Return a place's current id and name, given any of its ids; keep an unknown id."""
        if place_id not in self._resolved:
            if place_id in self.gazetteer:
                place = self.gazetteer[place_id]
                self._resolved[place_id] = (place.id, place.name)
            else:
                self._report(place_id, stated, "the gazetteer does not have this id")
                self._resolved[place_id] = (place_id, stated.name)
        self._check_distance(place_id, stated)
        return self._count(place_id)

    def resolve_area(self, source: str, stated: StatedPlace, reason: str) -> tuple[str, str]:
        """Create an id with the source's scheme for a place that is not a single settlement."""
        key = (source, stated, reason)
        if key not in self._resolved:
            self._resolved[key] = self._make_id(source, stated, reason)
        return self._count(key)

    def is_ambiguous(self, name: str) -> bool:
        """Return whether several places in the gazetteer have this name, in any spelling."""
        if name not in self._name_counts:
            self._name_counts[name] = len(self.gazetteer.namesakes(name))
        return self._name_counts[name] > 1

    def reuse_located(self, events: pd.DataFrame) -> pd.DataFrame:
        """Return events in which names without coordinates have the place of other rows with them.

        The other rows must state the same name and region, and mean a single place.
        """
        known = {
            place_id: next(iter(places))
            for place_id, places in self._located.items()
            if len(places) == 1 and place_id in self._unresolved
        }
        rows = events["place_id"].isin(list(known))
        rows &= events["lat"].isna()
        if not rows.any():
            return events
        events = events.copy()
        for row in events.index[rows]:
            place_id, name = str(events.loc[row, "place_id"]), str(events.loc[row, "place"])
            self._unresolved[place_id]["rows"] -= 1
            events.loc[row, ["place_id", "place"]] = known[place_id]
            self.note(_OTHER_ROW, name, warn=False)
        self._unresolved = {key: row for key, row in self._unresolved.items() if row["rows"]}
        return events

    def unresolved(self) -> list[dict[str, Any]]:
        """Return unresolved places with the reason and number of rows, most rows first."""
        return sorted(self._unresolved.values(), key=lambda row: (-row["rows"], row["place_id"]))

    def _make_id(self, source: str, stated: StatedPlace, reason: str) -> tuple[str, str]:
        place_id = _make_id(source, stated)
        self._report(place_id, stated, reason)
        return place_id, stated.name

    def _check_distance(self, place_id: str, stated: StatedPlace) -> None:
        if stated.point is not None and place_id in self.gazetteer:
            place = self.gazetteer[place_id]
            if place.lat is not None and distance_km(place, stated.point) > FAR_KM:
                self.note(_FAR_FROM_ID, f"{place} is not at {stated.point}", warn=True)

    def _count(self, key: Any) -> tuple[str, str]:
        """Count a row of an unresolved place, and note how a resolved one was decided."""
        place = self._resolved[key]
        if place[0] in self._unresolved:
            self._unresolved[place[0]]["rows"] += 1
        for what, example in self._notes.get(key, ()):
            # A choice by population is rarely wrong; see foxgrape.places.resolution.
            self.note(what, example, warn=what != LARGEST)
        return place

    def _report(self, place_id: str, stated: StatedPlace, reason: str) -> None:
        report = {
            "place_id": place_id,
            "place": stated.name,
            "admin1": stated.admin1,
            "lat": stated.lat,
            "lon": stated.lon,
            "rows": 0,
            "reason": reason,
        }
        self._unresolved.setdefault(place_id, report)


def _resolve(stated: StatedPlace, gazetteer: Gazetteer) -> Resolution:
    return resolve(
        stated.name,
        admin1=stated.admin1,
        point=stated.point,
        kind=stated.kind,
        gazetteer=gazetteer,
    )


def _make_id(source: str, stated: StatedPlace) -> str:
    """Return an id of the source's scheme, the division and the name."""
    parts = [part for part in (stated.admin1, stated.name) if part]
    return f"{source}:" + "/".join(re.sub(r"[\s/]+", "_", part) for part in parts)


def unify_place_ids(events: pd.DataFrame, gazetteer: Gazetteer) -> pd.DataFrame:
    """Return events with the gazetteer's current place ids, so that they match signals."""
    ids = {
        place_id: gazetteer[place_id].id if place_id in gazetteer else place_id
        for place_id in events["place_id"].unique()
    }
    return events.assign(place_id=events["place_id"].map(ids).astype("str"))
