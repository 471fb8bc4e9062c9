"""Reading a codebook's CSV: the codes in it, or every problem with it."""

from __future__ import annotations

from dataclasses import MISSING, fields

from foxgrape._util.csv import iter_dict_rows
from foxgrape.errors import CodebookError
from foxgrape.places.code import BASES, GRADES, KINDS, Code, read_day, span
from foxgrape.places.normalize import fold, normal_emoji

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date
    from pathlib import Path

    from foxgrape.places.gazetteer import Gazetteer

__all__ = ["check_codebook", "read_codes"]

_NEEDED = [field.name for field in fields(Code) if field.default is MISSING]
_ALL = [field.name for field in fields(Code)]
_ALLOWED = {"kind": KINDS, "basis": tuple(BASES), "confidence": tuple(GRADES)}
_DAYS = ("decoded_at", "valid_from", "valid_until")


def read_codes(path: str | Path, gazetteer: Gazetteer) -> list[Code]:
    """Read the codes of a file, or raise the first thing that makes one unusable.

    Raises
    ------
    CodebookError
        Names file, row and column.
    """
    codes = []
    for number, row in _rows(path):
        problem = next(_unusable(row, gazetteer, path, number), None)
        if problem is not None:
            raise problem
        days: dict[str, date | None] = {
            column: read_day(row[column]) if row[column] else None for column in _DAYS
        }
        code = normal_emoji(row["code"]) if row["kind"] == "emoji" else row["code"]
        known = {name: row[name] for name in _ALL}
        # A place that goes by two ids is told by the one that events and signals have.
        place_id = gazetteer[row["place_id"]].id
        codes.append(Code(**{**known, **days, "code": code, "place_id": place_id}))  # type: ignore[arg-type]
    return codes


def check_codebook(path: str | Path, gazetteer: Gazetteer) -> list[CodebookError]:
    """List every problem of a codebook, in the order of its rows.

    Beyond what makes a code unusable: an emoji that is none, a hashtag without its sign, a reading
    that stands twice, a place that is not called as its column ``place`` says, an attested reading
    without a source, an address that is none.
    """
    try:
        rows = list(_rows(path))
    except CodebookError as error:
        return [error]
    problems: list[CodebookError] = []
    seen: dict[tuple[str, ...], int] = {}
    for number, row in rows:
        problems += _unusable(row, gazetteer, path, number)
        problems += _doubtful(row, gazetteer, path, number)
        key = tuple(fold(row[name]) for name in ("code", "place_id", "valid_from", "valid_until"))
        if key in seen and row["code"]:
            problems.append(
                CodebookError(
                    f"this reading is already in row {seen[key]} already",
                    file=path,
                    row=number,
                    column="code",
                    got=row["code"],
                    hint="one row a code, place and time of validity",
                )
            )
        seen.setdefault(key, number)
    return problems


def _rows(path: str | Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows with their numbers, every column of a code being there."""
    optional = [name for name in (*_ALL, "place") if name not in _NEEDED]
    return iter_dict_rows(
        path, required=_NEEDED, optional=optional, table="codebook", error=CodebookError
    )


def _bad_in(row: dict[str, str], file: str | Path, number: int) -> Callable[..., CodebookError]:
    """Return what words a bad cell of this row."""

    def bad(column: str, expected: str, hint: str | None = None) -> CodebookError:
        return CodebookError.bad_value(
            row[column], expected=expected, file=file, row=number, column=column, hint=hint
        )

    return bad


def _unusable(
    row: dict[str, str], gazetteer: Gazetteer, file: str | Path, number: int
) -> Iterator[CodebookError]:
    """Yield what makes a row unusable."""
    bad = _bad_in(row, file, number)
    if not row["code"]:
        yield bad("code", "an emoji, a word or a hashtag")
    for column, allowed in _ALLOWED.items():
        if row[column] not in allowed:
            yield bad(column, f"one of {', '.join(allowed)}")
    if row["place_id"] not in gazetteer:
        yield bad("place_id", "a place of the gazetteer", "foxgrape find NAME tells its id")
    days = {}
    for column in _DAYS:
        try:
            days[column] = read_day(row[column]) if row[column] else None
        except ValueError:
            yield bad(column, "a day such as 2022-09-10, or an instant with its offset")
    first, last = days.get("valid_from"), days.get("valid_until")
    if first and last and span(last)[1] < span(first)[0]:
        yield bad("valid_until", f"not before valid_from, {row['valid_from']}")


def _doubtful(
    row: dict[str, str], gazetteer: Gazetteer, file: str | Path, number: int
) -> Iterator[CodebookError]:
    """Yield what a row says that can hardly be meant."""
    from emoji import is_emoji

    bad = _bad_in(row, file, number)
    code = row["code"]
    if code and row["kind"] == "emoji" and not is_emoji(normal_emoji(code)) and not is_emoji(code):
        yield bad("code", "one emoji", "what is no emoji has the kind word, hashtag or image")
    if code and row["kind"] == "hashtag" and not code.startswith("#"):
        yield bad("code", "a hashtag, with its #")
    if row["place"] and row["place_id"] in gazetteer:
        place = gazetteer[row["place_id"]]
        if fold(row["place"]) not in {fold(name) for name in (place.name, *place.names)}:
            yield bad("place", f"a name of {row['place_id']}, such as {place.name}")
    if row["basis"] == "attested" and not row["source_title"]:
        yield bad("source_title", "who says so", "a reading without a source is proposed")
    if row["source_url"] and not row["source_url"].startswith(("http://", "https://")):
        yield bad("source_url", "an address that begins with https://")
