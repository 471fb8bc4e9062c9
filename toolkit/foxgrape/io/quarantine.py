"""Files of bad records that an ingest writes."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from foxgrape._util.directories import Directory, clear_parts, directory_at
from foxgrape._util.regular_files import open_regular
from foxgrape._util.unicode import json_bytes
from foxgrape.errors import StoreError
from foxgrape.io.sources import source_name, source_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.io.sources import Source
    from foxgrape.io.store import Store

__all__ = ["QuarantineWriter", "quarantine_path"]

#: Number of bad records of which the most frequent reason is determined.
_SAMPLE = 1_000
#: First bytes of a file of bad records.
_BEGINS = b'{"record": '


def _require_bad_records(path: Path) -> None:
    """Raise `StoreError` if a path is in use for anything but bad records."""
    try:
        with open(path, "rb", opener=open_regular) as file:
            start = file.read(len(_BEGINS))
    except FileNotFoundError:
        start = b""
    except OSError as error:
        raise StoreError(f"cannot write bad records: {error.strerror}", file=path) from None
    if path.is_symlink() or start != _BEGINS[: len(start)]:
        raise StoreError(
            "the file exists and holds no bad records of an ingest",
            file=path,
            hint="name another file for bad records",
        )


class QuarantineWriter:
    """A file of bad records, written under a temporary name and renamed when all input is read.

    Parameters
    ----------
    root, names
        The user's folder, then the names of the folders and the file below it. None of these names
        may be a symbolic link.
    """

    def __init__(self, root: Path, *names: str) -> None:
        self.path = root.joinpath(*names)
        self.count = 0
        self.sample: list[dict[str, Any]] = []
        self._root = root
        self._folders, self._name = names[:-1], names[-1]
        self._part = f"{self._name}.{os.getpid()}.part"
        self._handle: IO[bytes] | None = None

    def __enter__(self) -> Self:
        _require_bad_records(self.path)
        with suppress(FileNotFoundError), self._folder() as folder:
            clear_parts(folder, self._name, _BEGINS)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._handle is not None:
            self._handle.close()
        with suppress(FileNotFoundError), self._folder() as folder:
            if kind is not None:
                folder.unlink(self._part)
            elif self.count:
                folder.rename(self._part, self._name)
            else:
                folder.unlink(self._name)

    def add(self, records: list[dict[str, Any]]) -> None:
        """Write bad records as JSON lines."""
        if not records:
            return
        if self._handle is None:
            with self._folder(make=True) as folder:
                self._handle = folder.create(self._part)
        self._handle.writelines(json_bytes(record, default=str) + b"\n" for record in records)
        self.count += len(records)
        self.sample += records[: _SAMPLE - len(self.sample)]

    @contextmanager
    def _folder(self, *, make: bool = False) -> Iterator[Directory]:
        try:
            with directory_at(self._root, *self._folders, make=make) as folder:
                yield folder
        except FileNotFoundError:
            raise
        except OSError as error:
            reason = f"cannot write bad records: {error.strerror or error}"
            raise StoreError(reason, file=self.path) from None


def quarantine_path(
    source: Source, store: Store, quarantine: str | Path | None
) -> tuple[Path, *tuple[str, ...]]:
    """Return the root folder for bad records, and the names of the folders and file below it."""
    if quarantine is not None:
        return Path(quarantine).parent, Path(quarantine).name
    if "://" in store.path:
        raise StoreError(
            "cannot place a quarantine file in a remote store; pass quarantine=", file=store.path
        )
    # Many exports are called result.json, so the name includes a hash of the full path.
    path = str(Path(source_path(source)).absolute())
    digest = hashlib.sha256(path.encode("utf-8", "surrogateescape"))
    name = f"{source_name(source)}-{digest.hexdigest()[:8]}.jsonl"
    return Path(store.path), "quarantine", name
