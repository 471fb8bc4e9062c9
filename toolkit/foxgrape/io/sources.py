"""What readers accept: a file, a pandas frame, or several of them."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar, Union

from foxgrape._util.unicode import replace_surrogates
from foxgrape.errors import TableError
from foxgrape.io.archives import open_export
from foxgrape.io.tabular import FrameInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from foxgrape.io.base import Reader
    from foxgrape.io.stream import InputFile

__all__ = ["Source", "Sources", "as_list", "open_input", "source_name", "source_path"]

#: A path, or a frame in place of a file.
Source: TypeAlias = Union[str, "PathLike[str]", "pd.DataFrame"]
Sources: TypeAlias = Source | Iterable[Source]
T = TypeVar("T")


def as_list(sources: Source | Iterable[T]) -> list[Source | T]:
    """Return one or several sources as a list.

    Examples
    --------
    >>> as_list("result.json"), as_list(["a.csv", "b.csv"])
    (['result.json'], ['a.csv', 'b.csv'])
    """
    if isinstance(sources, (str, PathLike)) or _is_frame(sources):
        return [sources]  # type: ignore[list-item] # mypy does not narrow by the type guard
    if not isinstance(sources, Iterable):
        raise TableError(
            "a source must be a path, a DataFrame, or a list of them", got=type(sources).__name__
        )
    items: list[Source | T] = list(sources)  # type: ignore[arg-type] # as above
    if not items:
        raise TableError("name at least one file")
    return items


def open_input(
    source: Source,
    formats: Mapping[str, Reader],
    format_name: str | None,
    *,
    encoding: str | None = None,
    sheet: str | None = None,
) -> InputFile:
    """Open a file, an export in a folder or archive, or a frame for reading.

    Raises
    ------
    TableError
        If the source is neither a readable file nor a frame.
    """
    if _is_frame(source):
        return FrameInput(source)  # type: ignore[arg-type] # as above
    if not isinstance(source, (str, PathLike)) or not str(source):
        raise TableError(
            "a source must be a path or a DataFrame",
            got=f"an object of type {type(source).__name__}",
        )
    return open_export(Path(source), formats, format_name, encoding=encoding, sheet=sheet)


def source_path(source: Source) -> str:
    """Return a file's path, for messages; ``DataFrame`` for a frame."""
    return "DataFrame" if _is_frame(source) else str(source)


def source_name(source: Source) -> str:
    """Return a file's name without its folder, as in the column ``source_file``."""
    return str(replace_surrogates(Path(source_path(source)).name))


def _is_frame(source: object) -> bool:
    import pandas as pd

    return isinstance(source, pd.DataFrame)
