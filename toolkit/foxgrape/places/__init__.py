"""Look up which place a code such as 🍇 stands for, and which place a name such as Izyum means.

This subpackage needs neither pandas nor a network; modules and data are loaded on first use.
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
    from foxgrape.places.resolution import Resolution, resolve
    from foxgrape.places.suggestions import Suggestion, suggest
    from foxgrape.places.text_scan import Reference, scan

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
    "Reference",
    "Resolution",
    "Suggestion",
    "codes_for",
    "find",
    "fold",
    "lookup",
    "normal_emoji",
    "resolve",
    "scan",
    "suggest",
]

_MODULES = {
    "codebook": ("Code", "CodeMatch", "Codebook", "Conflict", "codes_for", "lookup"),
    "gazetteer": ("Gazetteer", "PlaceMatch", "find"),
    "place": ("Place",),
    "resolution": ("Resolution", "resolve"),
    "text_scan": ("Reference", "scan"),
    "suggestions": ("Suggestion", "suggest"),
}


def __getattr__(name: str) -> object:
    """Import a public name on first use."""
    for module, names in _MODULES.items():
        if name in names:
            value = globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
