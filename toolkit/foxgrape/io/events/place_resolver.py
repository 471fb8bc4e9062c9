"""Look up a source's places in the gazetteer, and list the places that were not found."""

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

#: Maximum distance from the stated coordinates to a matching place. Sources differ by a few
#: kilometres in where they put the centre of a town.
NEAR_KM = 15.0


@dataclass(frozen=True, slots=True)
class StatedPlace:
    """A place as stated by a source; `admin1` is its first-level administrative division."""

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
    """Look up each place once, cache its id and name, and list unresolved places."""

    gazetteer: Gazetteer
    _resolved: dict[Any, tuple[str, str]] = field(default_factory=dict)
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
            place, reason = self._find(stated)
            self._resolved[key] = (
                (place.id, place.name) if place else self._make_id(source, stated, reason)
            )
        return self._count(self._resolved[key])

    def is_known(self, stated: StatedPlace) -> bool:
        """Return whether the gazetteer has a unique match; unlike the others, report nothing."""
        if stated not in self._known:
            self._known[stated] = self._find(stated)[0] is not None
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
        return self._count(self._resolved[place_id])

    def resolve_area(self, source: str, stated: StatedPlace, reason: str) -> tuple[str, str]:
        """Create an id with the source's scheme for a place that is not a single settlement."""
        key = (source, stated, reason)
        if key not in self._resolved:
            self._resolved[key] = self._make_id(source, stated, reason)
        return self._count(self._resolved[key])

    def is_ambiguous(self, name: str) -> bool:
        """Return whether several places in the gazetteer have exactly this name."""
        if name not in self._name_counts:
            self._name_counts[name] = len(self.gazetteer.find(name, limit=None, exact=True))
        return self._name_counts[name] > 1

    def unresolved(self) -> list[dict[str, Any]]:
        """Return unresolved places with the reason and number of rows, most rows first."""
        return sorted(self._unresolved.values(), key=lambda row: (-row["rows"], row["place_id"]))

    def _make_id(self, source: str, stated: StatedPlace, reason: str) -> tuple[str, str]:
        parts = [part for part in (stated.admin1, stated.name) if part]
        place_id = f"{source}:" + "/".join(re.sub(r"[\s/]+", "_", part) for part in parts)
        self._report(place_id, stated, reason)
        return place_id, stated.name

    def _count(self, place: tuple[str, str]) -> tuple[str, str]:
        if place[0] in self._unresolved:
            self._unresolved[place[0]]["rows"] += 1
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

    def _find(self, stated: StatedPlace) -> tuple[Place | None, str]:
        """Return the matching place, or None and the reason why no place matches uniquely."""
        matches = [
            match
            for match in self.gazetteer.find(stated.name, limit=None, near=stated.point)
            if match.score >= MATCH
        ]
        if not matches:
            return None, "no place has this name"
        if stated.point is not None:
            return _find_near(matches, stated, stated.point)
        inside = [match for match in matches if _is_in(match.place, stated.admin1)]
        best = [match.place for match in inside if match.score == inside[0].score]
        if len(best) == 1:
            return best[0], ""
        return None, f"{len(best) or len(matches)} places have this name; coordinates are missing"


def _find_near(
    matches: list[PlaceMatch], stated: StatedPlace, point: tuple[float, float]
) -> tuple[Place | None, str]:
    """Return a match near `point`, else the stated region's only match without coordinates."""
    distances = [distance_km(match.place, point) for match in matches]
    for match, distance in zip(matches, distances, strict=True):
        if distance <= NEAR_KM:
            return match.place, ""
    without_point = [
        match.place
        for match in matches
        if match.place.lat is None and stated.admin1 and _is_in(match.place, stated.admin1)
    ]
    if len(without_point) == 1:
        return without_point[0], ""
    if without_point:
        return None, f"{len(without_point)} places in the region have this name and no coordinates"
    nearest = min(distances)
    away = "" if nearest == math.inf else f"; the nearest is {nearest:.0f} km away"
    return None, f"no place near the coordinates has this name{away}"


def _is_in(place: Place, admin1: str) -> bool:
    """Return whether the division names have the same first word, or `admin1` is empty."""
    first_words = [name.split(" ", maxsplit=1)[0].casefold() for name in (place.admin1, admin1)]
    return not admin1 or first_words[0] == first_words[1]


def unify_place_ids(events: pd.DataFrame, gazetteer: Gazetteer) -> pd.DataFrame:
    """Return events with the gazetteer's current place ids, so that they match signals."""
    ids = {
        place_id: gazetteer[place_id].id if place_id in gazetteer else place_id
        for place_id in events["place_id"].unique()
    }
    return events.assign(place_id=events["place_id"].map(ids).astype("str"))
