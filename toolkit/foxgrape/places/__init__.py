"""Which place does 🍇 stand for, says who, and which place is "Izyum"?

A lookup library of its own: no pandas, no network, and nothing loaded before it is needed.
"""

from __future__ import annotations

from importlib import import_module

from foxgrape.errors import CodebookError, FoxgrapeError
from foxgrape.places.normalize import fold, normal_emoji

TYPE_CHECKING = False
if TYPE_CHECKING:
    from foxgrape.places.codebook import Code, Codebook, CodeMatch, Conflict, codes_for, lookup
    from foxgrape.places.gazetteer import Gazetteer, PlaceMatch, find
    from foxgrape.places.place import Place
    from foxgrape.places.suggestions import Suggestion, suggest

_HOMES = {
    "foxgrape.places.codebook": (
        "Code",
        "CodeMatch",
        "Codebook",
        "Conflict",
        "codes_for",
        "lookup",
    ),
    "foxgrape.places.gazetteer": ("Gazetteer", "PlaceMatch", "find"),
    "foxgrape.places.place": ("Place",),
    "foxgrape.places.suggestions": ("Suggestion", "suggest"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Code",
    "CodeMatch",
    "Codebook",
    "CodebookError",
    "Conflict",
    "FoxgrapeError",
    "Gazetteer",
    "Place",
    "PlaceMatch",
    "Suggestion",
    "codes_for",
    "find",
    "fold",
    "lookup",
    "normal_emoji",
    "suggest",
]


def __getattr__(name: str) -> object:
    """Load a public name from the module that holds it, and keep it."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'foxgrape.places' has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_HOME_OF[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
