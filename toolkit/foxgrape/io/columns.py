"""Columns of a table that any tool may have written: which of them is which of ours.

It is told, or guessed from usual names and shown; what is none of ours is kept as text.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from foxgrape import schemas
from foxgrape.errors import TableError, did_you_mean
from foxgrape.io.convert import reject_invalid_unicode

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from foxgrape.io.base import ReadContext

__all__ = ["extra_cells", "map_columns", "none_if_blank", "normalize_name", "record_mapping"]


def map_columns(
    names: Iterable[str],
    *,
    table: str,
    usual: Mapping[str, Collection[str]],
    required: Collection[str],
    told: Mapping[str, str] | None = None,
    file: object = None,
) -> dict[str, str]:
    """Return the file's column for each of a table's: as told, by our name, or by a usual one.

    Parameters
    ----------
    names
        The file's columns.
    table
        Whose columns are looked for.
    usual
        Names that tools give to our columns, as `plain` makes them.
    required
        Our columns without which there is no row.
    told
        The caller's own mapping.
    file
        Named in errors.

    Raises
    ------
    TableError
        If a told column is not there, several have usual names for the same, or a required one
        has none.
    """
    names = list(names)
    told = dict(told or {})
    ours = schemas.columns(table)
    for own, theirs in told.items():
        if own not in ours:
            raise TableError(
                f"the {table} table has no such column", got=own, hint=did_you_mean(own, ours)
            )
        if theirs not in names:
            raise TableError.missing_column(theirs, names, table="given", file=file)
    found = dict(told)
    free = [name for name in names if name not in told.values()]
    for own in ours:
        if own in told:
            continue
        known = {own, *usual.get(own, ())}
        fitting = [own] if own in free else [name for name in free if normalize_name(name) in known]
        if len(fitting) > 1:
            raise _several(own, fitting, file)
        if fitting:
            found[own] = fitting[0]
        elif own in required:
            raise TableError(
                f"no column has a usual name for {own}",
                file=file,
                got=", ".join(names),
                hint=f"columns={{{own!r}: '…'}} says which it is",
            )
    return found


def _several(own: str, fitting: list[str], file: object) -> TableError:
    return TableError(
        f"several columns may be {own}",
        file=file,
        got=", ".join(fitting),
        hint=f"columns={{{own!r}: {fitting[0]!r}}} says which",
    )


def record_mapping(
    names: Iterable[str],
    context: ReadContext,
    *,
    table: str,
    usual: Mapping[str, Collection[str]],
    required: Collection[str],
) -> None:
    """Decide which column is which, and tell the context: ``mapping``, and ``extra`` for the rest.

    Raises
    ------
    TableError
        As `mapping` does; also if a column that comes late has a better name than one in use.
    """
    names = list(names)
    found = map_columns(
        names, table=table, usual=usual, required=required, told=context.columns, file=context.path
    )
    for own, theirs in context.told.get("mapping", {}).items():
        if found.get(own, theirs) != theirs:
            raise _several(own, [theirs, found[own]], context.path)
    context.told["mapping"] = found
    taken = {*found.values(), *schemas.columns(table)}
    context.told["extra"] = {name: "str" for name in names if name not in taken}


def extra_cells(value: Mapping[str, Any], context: ReadContext) -> dict[str, str | None]:
    """Return the cells of a row that are in none of our columns, as text."""
    cells = {name: cell_text(value.get(name)) for name in context.told["extra"]}
    reject_invalid_unicode(cells)
    return cells


def normalize_name(name: str) -> str:
    """Return a column's name in small letters, with underscores for all other signs.

    Examples
    --------
    >>> plain("Created At")
    'created_at'
    """
    return re.sub(r"\W+", "_", name.strip().lower()).strip("_")


def none_if_blank(cell: Any) -> Any:
    """Return a cell, None where there is nothing in it."""
    return None if cell is None or (isinstance(cell, str) and not cell.strip()) else cell


def cell_text(cell: Any) -> str | None:
    """Return any cell as text: structures as JSON."""
    write: Callable[..., str] = json.dumps if isinstance(cell, (dict, list, bool)) else str
    return None if cell is None or cell == "" else write(cell)
