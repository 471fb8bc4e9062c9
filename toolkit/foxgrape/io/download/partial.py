"""A download that may be cut off: its pages, and beside them a note on where to go on.

Pages are appended to ``NAME.part``, and only then does ``NAME.part.json`` say so. What stands in
the part beyond its note was not finished, and is cut off before going on. ``NAME`` itself appears
with the last page, whole.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from foxgrape.errors import DownloadError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["PartialDownload"]


class PartialDownload:
    """What has come of a download so far.

    Parameters
    ----------
    out
        The file that it becomes.
    query
        What tells it from other downloads; nothing secret.
    restart
        Whether to drop what is there.

    Attributes
    ----------
    cursor
        Where the next page begins; None at the beginning.
    pages, size
        How many answers came, and how many bytes they are.

    Raises
    ------
    DownloadError
        If the file is there already, or the part is one of another query, or damaged.
    """

    def __init__(self, out: Path, query: dict[str, Any], *, restart: bool = False) -> None:
        self.out = out
        self.path = out.with_name(f"{out.name}.part")
        self._note = out.with_name(f"{out.name}.part.json")
        self._query = query
        self.cursor: str | None = None
        self.pages = self.size = 0
        if out.exists():
            raise DownloadError.file_exists(out)
        try:
            if restart:
                self.drop()
            if self.path.exists():
                self._go_on()
            else:
                self._write_note()
            with self.path.open("ab") as handle:
                handle.truncate(self.size)
        except OSError as error:
            raise DownloadError.unwritable(self.path, error.strerror) from None

    def _go_on(self) -> None:
        """Take up what an earlier call left."""
        note = self._read_note()
        if note["query"] != self._query:
            theirs, ours = note["query"], self._query
            names = sorted({*theirs, *ours})
            other = [
                f"{name} was {theirs.get(name)!r} and is {ours.get(name)!r}"
                for name in names
                if theirs.get(name) != ours.get(name)
            ]
            raise DownloadError.bad_partial(self.path, f"is a part of another: {'; '.join(other)}")
        if self.path.stat().st_size < note["bytes"]:
            raise DownloadError.bad_partial(self.path, "is shorter than its note says")
        self.cursor, self.pages, self.size = note["cursor"], note["pages"], note["bytes"]

    def _read_note(self) -> dict[str, Any]:
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
        except FileNotFoundError:
            # Our own parts have had a note before they were there: this one is somebody else's.
            raise DownloadError.bad_partial(
                self.path, f"has no {self._note.name} beside it"
            ) from None
        except (OSError, ValueError):
            note = None
        kinds = {"query": dict, "cursor": str | None, "pages": int, "bytes": int}
        if not isinstance(note, dict) or not all(
            isinstance(note.get(key, ...), kind) for key, kind in kinds.items()
        ):
            raise DownloadError.bad_partial(self._note, "is no note of a download")
        return note

    def drop(self) -> None:
        """Leave nothing behind."""
        self._note.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def lines(self) -> Iterator[bytes]:
        """Return the lines that are there."""
        with self.path.open("rb") as handle:
            for line in handle:
                yield line.rstrip(b"\n")

    def add(self, lines: Iterable[bytes], cursor: str | None) -> None:
        """Append a page, and note where the next one begins; None for the last."""
        data = b"".join(line + b"\n" for line in lines)
        try:
            with self.path.open("ab") as handle:
                if handle.tell() != self.size:
                    raise DownloadError.bad_partial(self.path, "somebody else writes to it")
                handle.write(data)
                handle.flush()
                # The note must not survive a power cut that its pages do not.
                os.fsync(handle.fileno())
            self.pages, self.size, self.cursor = self.pages + 1, self.size + len(data), cursor
            if cursor is not None:
                self._write_note()
        except OSError as error:
            raise DownloadError.unwritable(self.path, error.strerror) from None

    def _write_note(self) -> None:
        note = {
            "query": self._query,
            "cursor": self.cursor,
            "pages": self.pages,
            "bytes": self.size,
        }
        beside = self._note.with_name(f"{self._note.name}.new")
        beside.write_text(json.dumps(note, ensure_ascii=False, indent=1), encoding="utf-8")
        beside.replace(self._note)

    def finish(self) -> None:
        """Give the file its name; the last page is there."""
        try:
            self.path.replace(self.out)
            self._note.unlink(missing_ok=True)
        except OSError as error:
            raise DownloadError.unwritable(self.out, error.strerror) from None
