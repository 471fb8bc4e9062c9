"""Find the places at which an event may have been whose place could not be decided."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import pandas as pd

from foxgrape.io.events.listed_names import is_other_population, split_number
from foxgrape.places.divisions import read_divisions
from foxgrape.places.place import distance_km
from foxgrape.places.resolution import FAR_KM

if TYPE_CHECKING:
    from foxgrape.places import Gazetteer, Place

__all__ = ["undecided_places"]


def undecided_places(events: pd.DataFrame, gazetteer: Gazetteer) -> dict[str, frozenset[str]]:
    """Return the places that may be meant by each place id that readers could not decide.

    A place id is undecided if the gazetteer does not have it, or, as a place that `new_study` added
    for an event, has it without a country. It may mean the places that have its name: those in its
    region, if one is stated, and not those more than 20 km from its coordinates or with more or
    less than three times the population that a control list states.

    Parameters
    ----------
    events
        The events table.
    gazetteer
        The gazetteer of the signals' places.

    Returns
    -------
    dict
        Ids of the places that may be meant, by undecided place id. Undecided ids of whose name the
        gazetteer has no place are left out.

    Examples
    --------
    >>> from foxgrape.places import Gazetteer
    >>> events = pd.DataFrame({"place_id": ["place:Huliaipole"], "place": ["Huliaipole"],
    ...                        "lat": [float("nan")], "lon": [float("nan")]})
    >>> places = undecided_places(events, Gazetteer.default())
    >>> "geonames:707898" in places["place:Huliaipole"]
    True
    """
    rows = events[["place_id", "place", "lat", "lon"]].drop_duplicates()
    ids = {place_id for place_id in rows["place_id"].unique() if _is_undecided(place_id, gazetteer)}
    may_mean: dict[str, frozenset[str]] = {}
    for place_id, stated, lat, lon in rows[rows["place_id"].isin(ids)].itertuples(index=False):
        point = None if pd.isna(lat) or pd.isna(lon) else (float(lat), float(lon))
        name = place_id.partition(":")[2] if pd.isna(stated) else str(stated)
        places = _candidates(place_id, name, point, gazetteer)
        if places:
            may_mean[place_id] = may_mean.get(place_id, frozenset()) | places
    return may_mean


@lru_cache(maxsize=65_536)
def _is_undecided(place_id: str, gazetteer: Gazetteer) -> bool:
    return place_id not in gazetteer or not gazetteer[place_id].country


@lru_cache(maxsize=16_384)
def _candidates(
    place_id: str, name: str, point: tuple[float, float] | None, gazetteer: Gazetteer
) -> frozenset[str]:
    """Return the ids of the places of the gazetteer that have the name of an undecided place."""
    bare, number = split_number(name)
    if number:
        point = None  # lists with such numbers joined the coordinates by name
    if not gazetteer.find(bare, exact=True, limit=1):
        return frozenset()
    places = [place for place in gazetteer.namesakes(bare) if place.country]
    division, slash, _ = place_id.partition(":")[2].partition("/")
    if slash:
        divisions = read_divisions(division.replace("_", " "), gazetteer)
        places = divisions.select(places) if divisions else places
    return frozenset(place.id for place in places if not _is_another(place, point, number))


def _is_another(place: Place, point: tuple[float, float] | None, number: str) -> bool:
    """Return whether the stated coordinates or population are those of another place."""
    is_far = point is not None and place.lat is not None and distance_km(place, point) > FAR_KM
    return is_far or is_other_population(place, number)
