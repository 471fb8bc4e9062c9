"""What a gazetteer folder holds besides its tables: countries, languages, sources and outlines.

The file ``gazetteer.json`` states them. A folder without it has the languages of the packaged
gazetteer.
"""

from __future__ import annotations

from dataclasses import dataclass
from os import path

from foxgrape.errors import FoxgrapeError
from foxgrape.places.place import LANGUAGES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DIVISIONS_FILE", "INFO_FILE", "OUTLINES_FILE", "TABLES", "GazetteerInfo", "read_info"]

TABLES = ("places.txt", "names.txt", "sounds.txt")
INFO_FILE, DIVISIONS_FILE, OUTLINES_FILE = "gazetteer.json", "divisions.txt", "outlines.geojson"


@dataclass(frozen=True, slots=True)
class GazetteerInfo:
    """The contents of a gazetteer folder.

    Attributes
    ----------
    folder
        The folder.
    countries
        ISO 3166-1 alpha-2 codes; empty if not stated.
    languages
        Languages by which names are grouped, in the order of the columns. The last is ``other``:
        former names, and names in any other or unidentified language.
    sources
        Sources and licences, to publish with the data.
    """

    folder: str
    countries: tuple[str, ...] = ()
    languages: tuple[str, ...] = LANGUAGES
    sources: tuple[str, ...] = ()

    def file(self, name: str) -> str | None:
        """Return the path of a file of the folder; None if there is no such file."""
        file = path.join(self.folder, name)  # noqa: PTH118 - pathlib costs 4 ms
        return file if path.isfile(file) else None  # noqa: PTH113


def read_info(folder: str | Path) -> GazetteerInfo:
    """Return what ``gazetteer.json`` in a folder states.

    Raises
    ------
    FoxgrapeError
        If the file cannot be read.
    """
    file = GazetteerInfo(str(folder)).file(INFO_FILE)
    if file is None:
        return GazetteerInfo(str(folder))
    # Imported here, since the packaged gazetteer does not need it.
    import json

    try:
        with open(file, encoding="utf-8") as text:  # noqa: PTH123
            stated = json.load(text)
        lists = [stated[name] for name in ("countries", "languages", "sources")]
        if not all(isinstance(item, str) for items in lists for item in items):
            raise TypeError("a list has an item that is not text")  # noqa: TRY301
        countries, languages, sources = map(tuple, lists)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise FoxgrapeError(
            f"not a gazetteer: the description cannot be read: {error}",
            file=file,
            hint="build it again: foxgrape gazetteer build",
        ) from None
    return GazetteerInfo(str(folder), countries, languages, sources)
