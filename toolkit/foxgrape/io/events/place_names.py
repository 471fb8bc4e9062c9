"""Parse what a source writes for a place: a settlement with its type, and perhaps its region."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from foxgrape.places.divisions import read_divisions
from foxgrape.places.geonames import country_name
from foxgrape.places.settlement_types import settlement_type

if TYPE_CHECKING:
    from foxgrape.io.base import ReadContext
    from foxgrape.io.events.place_resolver import StatedPlace
    from foxgrape.places import Gazetteer

__all__ = ["is_region", "parse_place_name"]

#: Types of settlement before a name (abbreviations with a dot, and words), and after it.
_TYPE = re.compile(
    r"^(?:смт|с\.?\s?м\.?\s?т|пгт|п\.?\s?г\.?\s?т|с-ще|сел|пос|рп|м|с|г|х|д)\.\s*"
    r"|^(?:смт|пгт|с-ще|місто|село|селище(?: міського типу)?|город|поселок|посёлок|деревня"
    r"|(?:urban-type )?settlement(?: of)?|town(?: of)?|village(?: of)?|city of)\s+"
    r"|\s(?:town|city|village|settlement|hamlet)$",
    re.IGNORECASE,
)
_PARENTHESES = re.compile(r"(?P<name>[^()]+?)\s*\((?P<inside>[^()]+)\)")
#: Countries of the packaged gazetteer, which does not state them.
_COUNTRIES = frozenset(("ukraine", "україна", "украина", "russia", "росія", "россия"))
#: Districts and communities, which do not help to choose between places of the same name.
_DISTRICT = re.compile(
    r"\b(?:район|р-н|raion|rayon|district|громада|тг|отг|hromada)\b", re.IGNORECASE
)
_REGION = re.compile(
    r"\b(?:область|області|обл\.?|oblast['ʼ]?|region|край|province)(?:\W|$)"
    r"|\b(?:крим|криму|крым|crimea|арк|ар крим)\b"
    r"|(?:ська|цька|зька|ская|цкая|ska|щина|ччина|shchyna|chchyna)$",
    re.IGNORECASE,
)


def parse_place_name(
    stated: StatedPlace, gazetteer: Gazetteer, context: ReadContext
) -> StatedPlace:
    """Return a stated place without the type of settlement, and with the region in its name.

    ``Izium, Kharkiv Oblast`` and ``Ізюм (Харківська область)`` state a region, ``м. Ізюм`` and
    ``село Гракове`` a type. A name that the gazetteer has as it is stays unchanged, and a region in
    a column of its own is kept.

    Examples
    --------
    >>> from foxgrape.io.base import ReadContext
    >>> from foxgrape.io.events.place_resolver import StatedPlace
    >>> from foxgrape.places import Gazetteer
    >>> town = StatedPlace("м. Ізюм, Харківська область")
    >>> parsed = parse_place_name(town, Gazetteer.default(), ReadContext("events.csv"))
    >>> parsed.name, parsed.admin1, parsed.kind
    ('Ізюм', 'Харківська область', 'city')
    """
    text = " ".join(stated.name.split())
    if not re.search(r"[,(./]|\s", text) or gazetteer.find(text, limit=1, exact=True):
        return stated
    name, region = _split_region(text, gazetteer)
    bare = _TYPE.sub("", name).strip()
    if not bare or (bare, region) == (text, ""):
        return stated
    if bare != name:
        context.note("the type of settlement is read from the place's name", text)
    if region and not stated.admin1:
        context.note("a region is read from the place's name", text)
    elif name != text:
        context.note("a part of the place's name is left out", text)
    kind = settlement_type(stated_type[0]) if (stated_type := _TYPE.search(name)) else ""
    return replace(stated, name=bare, admin1=stated.admin1 or region, kind=kind)


def _split_region(text: str, gazetteer: Gazetteer) -> tuple[str, str]:
    """Return the settlement and the region in a text; the region is empty if none is stated."""
    match = _PARENTHESES.fullmatch(text)
    if match:
        inside = match["inside"].strip()
        name, region = _split_region(match["name"], gazetteer)
        return name, region or (inside if is_region(inside, gazetteer) else "")
    name, *others = [part.strip() for part in text.split(",")]
    countries = _COUNTRIES | {country_name(code).casefold() for code in gazetteer.countries}
    others = [part for part in others if part.casefold() not in countries and part]
    if _has_region_word(name) and others and not any(map(_has_region_word, others)):
        return next((part for part in others if not _DISTRICT.search(part)), others[0]), name
    others = [part for part in others if not _DISTRICT.search(part)]
    regions = [part for part in others if is_region(part, gazetteer)] or others
    return name, regions[-1] if regions else ""


def _has_region_word(text: str) -> bool:
    """Return whether a text has a word or an ending of the names of regions."""
    return bool(_REGION.search(text)) and not _DISTRICT.search(text)


def is_region(text: str, gazetteer: Gazetteer) -> bool:
    """Return whether a text names a region or district of the gazetteer, or has a word for one.

    Examples
    --------
    >>> from foxgrape.places import Gazetteer
    >>> [is_region(text, Gazetteer.default()) for text in ("Донецька", "Ізюмський район", "Europe")]
    [True, True, False]
    """
    divisions = read_divisions(text, gazetteer)
    return _has_region_word(text) or bool(divisions.admin1 or divisions.admin2)
