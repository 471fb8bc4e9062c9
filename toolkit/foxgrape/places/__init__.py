"""Which place does 🍇 stand for, says who, and which place is "Izyum"?

A lookup library of its own: standard library only, no pandas, no network.
"""

from foxgrape.places.codebook import Code, Codebook, CodeMatch, codes_for, lookup
from foxgrape.places.gazetteer import Gazetteer, Place, PlaceMatch, find
from foxgrape.places.names import fold, normal_emoji

__all__ = [
    "Code",
    "CodeMatch",
    "Codebook",
    "Gazetteer",
    "Place",
    "PlaceMatch",
    "codes_for",
    "find",
    "fold",
    "lookup",
    "normal_emoji",
]
