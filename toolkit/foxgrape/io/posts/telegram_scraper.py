"""Read tables of telegram-scraper: CSV, JSON and SQLite, one row a message."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from foxgrape.errors import TableError
from foxgrape.io.base import ReadContext, make_post
from foxgrape.io.convert import none_if_blank, parse_clock_cell, parse_timestamp, require_dict
from foxgrape.io.json_records import json_preview
from foxgrape.io.posts.telegram_dumps import dump_author
from foxgrape.io.posts.tool_tables import ToolTableReader
from foxgrape.io.stream import BadRecordError, CorruptFileError, Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from foxgrape.io.stream import InputFile

__all__ = ["TelegramScraperReader"]

_SQLITE = b"SQLite format 3\0"
_NUMBER = re.compile(r"(?P<number>\d{1,15})(\.0)?")
_LOCAL = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?")
_ZONE_IGNORED = "the times are UTC, as telegram-scraper writes them; timezone= is not used"


class TelegramScraperReader(ToolTableReader):
    """Reads telegram-scraper's columns, such as `message_id`, `sender_id` and `media_path`."""

    name = "telegram_scraper"
    columns = frozenset(
        {"message_id", "date", "sender_id", "message", "media_type", "media_path", "reply_to"}
    )
    extra: ClassVar = {"views": "Int64", "forwards": "Int64"}

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:
        """Return whether the columns, or the tables of the database, are those of the tool."""
        if file.head.startswith(_SQLITE):
            return all(re.search(rb"\b%s\b" % name.encode(), file.head) for name in self.columns)
        return super().matches(file, paths)

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:
        """Yield each row of the CSV, of the JSON, or of the database's tables of messages."""
        if file.head.startswith(_SQLITE):
            return _database_rows(file, self.columns)
        return super().records(file, context)

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of a message."""
        row = {key: none_if_blank(cell) for key, cell in require_dict(value).items()}
        number = _NUMBER.fullmatch(str(row.get("message_id")))
        if number is None:
            raise BadRecordError(f"expected a number; got {row.get('message_id')!r:.80}", "post_id")
        chat, account = dump_author(row, context)
        instant = _utc(row.get("date"), context)
        text = row.get("message")
        return [
            make_post(
                post_id=f"{chat}/{number['number']}",
                platform="telegram",
                account=account,
                posted=(instant, instant),
                # A message that has only a picture has no text.
                text="" if text is None else str(text),
                views=_count(row.get("views")),
                forwards=_count(row.get("forwards")),
            )
        ]


def _utc(value: Any, context: ReadContext) -> datetime:
    """Return the instant of a time that the tool writes in UTC, without an offset."""
    if isinstance(value, str) and _LOCAL.fullmatch(value):
        if context.timezone not in {None, "UTC"}:
            context.note(_ZONE_IGNORED, value)
        return parse_clock_cell(value, "UTC")[0]
    return parse_timestamp(value)


def _count(value: Any) -> int | None:
    match = _NUMBER.fullmatch(str(value))
    return int(match["number"]) if match else None


def _database_rows(file: InputFile, columns: frozenset[str]) -> Iterator[Record]:
    """Yield the rows of each table that has the columns; views and other code are not run."""
    _require_plain(file)
    number = 0
    try:
        with closing(_connect(file.path)) as database:
            for table in _tables(database, columns):
                cursor = database.execute(f"SELECT * FROM {_quoted(table)}")  # noqa: S608 - quoted
                names = [column[0] for column in cursor.description]
                for cells in cursor:
                    number += 1
                    row = dict(zip(names, cells, strict=True))
                    yield Record(number, row, json_preview(row))
    except sqlite3.Error as error:
        raise CorruptFileError(f"the database cannot be read: {error}") from None


def _require_plain(file: InputFile) -> None:
    if file.compression is not None:
        raise TableError(
            "a SQLite database must not be compressed", file=file.path, got=file.compression
        )
    log = file.path.with_name(f"{file.path.name}-wal")
    if log.exists() and log.stat().st_size:
        raise TableError(
            "the database has changes in a write-ahead log",
            file=log,
            hint="close the program that writes the database, and read it again",
        )


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(f"file:{quote(str(path.absolute()))}?immutable=1", uri=True)
    database.text_factory = lambda cell: cell.decode("utf-8", "surrogateescape")
    for setting in ("query_only = ON", "trusted_schema = OFF", "cell_size_check = ON"):
        database.execute(f"PRAGMA {setting}")
    return database


def _tables(database: sqlite3.Connection, columns: frozenset[str]) -> list[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'"
    tables = [row[0] for row in database.execute(f"{query} ORDER BY name")]
    return [
        table
        for table in tables
        if columns <= {row[1] for row in database.execute(f"PRAGMA table_info({_quoted(table)})")}
    ]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
