"""Which place does an event lie in? Names and coordinates of a source, resolved or reported."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from foxgrape.places.place import MATCH, distance_km

if TYPE_CHECKING:
    import pandas as pd

    from foxgrape.places import Gazetteer, Place, PlaceMatch

__all__ = ["PlaceResolver", "StatedPlace", "unify_place_ids"]

#: A place that bears the name and lies so near the stated point is the one that is meant: centres
#: of one town differ by some kilometres from source to source.
NEAR_KM = 15.0


@dataclass(frozen=True, slots=True)
class StatedPlace:
    """A place as a source states it.

    Attributes
    ----------
    name
        As it stands in the source.
    lat, lon
        Degrees; None where the source gives none.
    admin1
        First-level division, empty where unknown.
    """

    name: str
    lat: float | None = None
    lon: float | None = None
    admin1: str = ""

    @property
    def point(self) -> tuple[float, float] | None:
        """Latitude and longitude, if both are known."""
        return None if self.lat is None or self.lon is None else (self.lat, self.lon)


@dataclass(slots=True)
class PlaceResolver:
    """Resolves a source's places, each once, and keeps account of those it could not.

    Attributes
    ----------
    gazetteer
        Where places are looked up.
    """

    gazetteer: Gazetteer
    _known: dict[Any, tuple[str, str]] = field(default_factory=dict)
    _bearers: dict[str, int] = field(default_factory=dict)
    _unresolved: dict[str, dict[str, Any]] = field(default_factory=dict)

    def settlement(self, source: str, stated: StatedPlace) -> tuple[str, str]:
        """Return id and name of a settlement; where it is not known, an id of the source's own."""
        key = (source, stated)
        if key not in self._known:
            place, why = self._find(stated)
            self._known[key] = (
                (place.id, place.name) if place else self._unnamed(source, stated, why)
            )
        return self._count(self._known[key])

    def by_id(self, place_id: str, stated: StatedPlace) -> tuple[str, str]:
        """Return id and today's name of a place by any id of it, which the source tells."""
        if place_id not in self._known:
            if place_id in self.gazetteer:
                place = self.gazetteer[place_id]
                self._known[place_id] = (place.id, place.name)
            else:
                self._report(place_id, stated, "the gazetteer does not have this id")
                self._known[place_id] = (place_id, stated.name)
        return self._count(self._known[place_id])

    def larger(self, source: str, stated: StatedPlace, what: str) -> tuple[str, str]:
        """Return an id of the source's own for what is no settlement: a region, a front."""
        key = (source, stated, what)
        if key not in self._known:
            self._known[key] = self._unnamed(source, stated, f"no settlement is named, only {what}")
        return self._count(self._known[key])

    def common(self, name: str) -> bool:
        """Tell whether several places bear a name, as it is written."""
        if name not in self._bearers:
            self._bearers[name] = len(self.gazetteer.find(name, limit=None, exact=True))
        return self._bearers[name] > 1

    def _unnamed(self, source: str, stated: StatedPlace, why: str) -> tuple[str, str]:
        """Make and report an id for a place that cannot be resolved: the same for the same name."""
        parts = [part for part in (stated.admin1, stated.name) if part]
        place_id = f"{source}:" + "/".join(re.sub(r"[\s/]+", "_", part) for part in parts)
        self._report(place_id, stated, why)
        return place_id, stated.name

    def unresolved(self) -> list[dict[str, Any]]:
        """Return one row a place that could not be resolved, with the reason and how many rows."""
        return sorted(self._unresolved.values(), key=lambda row: (-row["rows"], row["place_id"]))

    def _count(self, place: tuple[str, str]) -> tuple[str, str]:
        if place[0] in self._unresolved:
            self._unresolved[place[0]]["rows"] += 1
        return place

    def _report(self, place_id: str, stated: StatedPlace, why: str) -> None:
        self._unresolved.setdefault(
            place_id,
            {
                "place_id": place_id,
                "place": stated.name,
                "admin1": stated.admin1,
                "lat": stated.lat,
                "lon": stated.lon,
                "rows": 0,
                "reason": why,
            },
        )

    def _find(self, stated: StatedPlace) -> tuple[Place | None, str]:
        """Return the place that is meant, or why it cannot be told."""
        found = [
            match
            for match in self.gazetteer.find(stated.name, limit=None, near=stated.point)
            if match.score >= MATCH
        ]
        if not found:
            return None, "no place of this name is known"
        if stated.point is not None:
            return _at(found, stated, stated.point)
        within = [match for match in found if _lies_in(match.place, stated.admin1)]
        best = [match.place for match in within if match.score == within[0].score]
        if len(best) == 1:
            return best[0], ""
        return None, f"{len(best) or len(found)} places of this name, and no coordinates"


def _at(
    found: list[PlaceMatch], stated: StatedPlace, point: tuple[float, float]
) -> tuple[Place | None, str]:
    """Return the place at a point; of one whose own point is unknown, that it is in the region."""
    near = [match.place for match in found if distance_km(match.place, point) <= NEAR_KM]
    if near:
        return near[0], ""
    nowhere = [
        match.place
        for match in found
        if match.place.lat is None and stated.admin1 and _lies_in(match.place, stated.admin1)
    ]
    if len(nowhere) == 1:
        return nowhere[0], ""
    if nowhere:
        return None, f"{len(nowhere)} places of this name in the region, whose points are unknown"
    distance = min(distance_km(match.place, point) for match in found)
    away = "" if distance == math.inf else f"; the nearest lies {distance:.0f} km away"
    return None, f"no place of this name is known at the stated point{away}"


def _lies_in(place: Place, admin1: str) -> bool:
    """Tell whether a place lies in a division, whatever word for a division follows its name."""
    own, asked = (name.split(" ", maxsplit=1)[0].casefold() for name in (place.admin1, admin1))
    return not admin1 or own == asked


def unify_place_ids(events: pd.DataFrame, gazetteer: Gazetteer) -> pd.DataFrame:
    """Return events whose places go by the id that signals have, where a place goes by two."""
    ids = {
        place_id: gazetteer[place_id].id if place_id in gazetteer else place_id
        for place_id in events["place_id"].unique()
    }
    return events.assign(place_id=events["place_id"].map(ids).astype("str"))
