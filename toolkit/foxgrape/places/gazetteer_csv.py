"""Reading places of one's own from a CSV: clubs, companies, ships, or villages that we lack."""

from __future__ import annotations

from foxgrape._util.csv import iter_dict_rows
from foxgrape.errors import TableError
from foxgrape.places.place import Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_places"]

_NEEDED = ("id", "name")
_OPTIONAL = ("names", "lat", "lon", "country", "admin1", "admin2", "population")
_EXPECTED = {
    "lat": "degrees north, from -90 to 90, or nothing",
    "lon": "degrees east, from -180 to 180, or nothing",
    "population": "a whole number from 0, or nothing",
}
_BOUNDS = {"lat": 90.0, "lon": 180.0}


def read_places(path: str | Path) -> list[Place]:
    """Read places, the columns being the attributes of `Place`.

    ``id`` and ``name`` are needed; in ``names``, other names stand between bars.

    Raises
    ------
    TableError
        Names file, row and column of the first bad cell.
    """
    places: dict[str, Place] = {}
    rows: dict[str, int] = {}
    for number, row in iter_dict_rows(path, required=_NEEDED, optional=_OPTIONAL, table="places"):
        for column in _NEEDED:
            if not row[column]:
                raise TableError.bad_value(
                    "", expected="something", file=path, row=number, column=column
                )
        if row["id"] in rows:
            raise TableError.duplicate_key(
                row["id"], column="id", row=number, first_row=rows[row["id"]], file=path
            )
        rows[row["id"]] = number
        population = _number(row, "population", path, number)
        places[row["id"]] = Place(
            id=row["id"],
            name=row["name"],
            names=tuple(name.strip() for name in row["names"].split("|") if name.strip()),
            lat=_number(row, "lat", path, number),
            lon=_number(row, "lon", path, number),
            country=row["country"],
            admin1=row["admin1"],
            population=None if population is None else int(population),
            admin2=row["admin2"],
        )
    return list(places.values())


def _number(row: dict[str, str], column: str, file: str | Path, number: int) -> float | None:
    text = row[column]
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if column == "population":
        fits = value >= 0 and value.is_integer()
    else:
        fits = abs(value) <= _BOUNDS[column]
    if not fits:
        raise TableError.bad_value(
            text, expected=_EXPECTED[column], file=file, row=number, column=column
        )
    return value
