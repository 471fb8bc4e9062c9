"""Tell places of one name apart by the stated type of settlement: м. Лиман, с. Лиман, смт Лиман.

``resources/settlement_types.txt`` lists the cities and the settlements of Ukraine by id; its other
places are villages. In the official codifier, urban-type settlements are settlements (селища).
"""

from __future__ import annotations

from functools import lru_cache
from os import path

from foxgrape.places.normalize import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from foxgrape.places.place import Place

__all__ = ["CITY", "SETTLEMENT", "VILLAGE", "are_of_type", "settlement_type"]

CITY, SETTLEMENT, VILLAGE = "city", "settlement", "village"
_RESOURCE = path.join(path.dirname(__file__), "resources", "settlement_types.txt")  # noqa: PTH118, PTH120
_WORDS = {
    CITY: "м місто міста місті місту містом г город города городе городу городом city",
    SETTLEMENT: (
        "смт пгт сел пос рп с-ще селище селища селищі селищу селищем"
        " поселок поселка поселке поселку поселком urban-type"
    ),
    VILLAGE: (
        "с село села селі селу селом хутір хутора хуторі деревня деревни деревне деревню"
        " деревней village hamlet"
    ),
}
_TYPES = {word: kind for kind, words in _WORDS.items() for word in words.split()}


def settlement_type(word: str) -> str:
    """Return the type of settlement that a word or an abbreviation states, or "".

    Examples
    --------
    >>> [settlement_type(word) for word in ("м.", "селі", "смт", "пгт.", "town")]
    ['city', 'village', 'settlement', 'settlement', '']
    """
    return _TYPES.get(fold(word).strip(" ."), "")


def are_of_type(places: Collection[Place], kind: str) -> set[str]:
    """Return the ids of those places that are of a type; of all if none is, or no type is stated.

    The types of places outside Ukraine are unknown: they are of every type.
    """
    everyone = {place.id for place in places}
    if not kind or len(places) == 1:
        return everyone
    types = _types()
    # Settlements are called villages too: a village is any place that is no city.
    allowed = (VILLAGE, SETTLEMENT) if kind == VILLAGE else (kind,)
    same = {
        place.id
        for place in places
        if place.country != "UA" or types.get(place.id, VILLAGE) in allowed
    }
    return same or everyone


@lru_cache(maxsize=1)
def _types() -> dict[str, str]:
    with open(_RESOURCE, encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs 4 ms
        rows = (line.split() for line in file)
        return {place_id: kind for kind, *ids in rows for place_id in ids}
