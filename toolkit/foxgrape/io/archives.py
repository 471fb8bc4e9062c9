"""Exports of several files: folders, zip and tar archives, whose members are read in place.

Members are never extracted to disk. Links and names that lead out of the archive are left out.
"""

from __future__ import annotations

import os
import posixpath
import re
import stat
import tarfile
import zipfile
from abc import ABC, abstractmethod
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypedDict, Unpack

from foxgrape._util.regular_files import open_regular
from foxgrape.errors import TableError, did_you_mean
from foxgrape.io.file_kinds import open_document
from foxgrape.io.stream import UNREADABLE, CorruptFileError, InputFile, is_spreadsheet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from foxgrape.io.base import Reader

    class _Options(TypedDict, total=False):
        encoding: str | None
        sheet: str | None


__all__ = ["open_export"]

_ZIP, _TAR, _TAR_OFFSET = b"PK\x03\x04", b"ustar", 257
#: Limits on a folder: exports are not deeper, and another folder, such as a home folder, is not
#: searched for long.
_MAX_DEPTH, _MAX_FILES = 4, 50_000
#: Files that operating systems add, by name.
_SYSTEM = re.compile(r"__MACOSX/.*|(.*/)?(\..*|Thumbs\.db|desktop\.ini)", re.IGNORECASE)
_MAX_LISTED = 10


def open_export(
    path: str | Path,
    formats: Mapping[str, Reader],
    format_name: str | None = None,
    **options: Unpack[_Options],
) -> InputFile:
    """Open a file, or the files of an export in a folder, a zip archive or a tar archive.

    Parameters
    ----------
    path
        A file, a folder, an archive, or a member of an archive: ``archive.zip/data/tweets.js``.
    formats
        The readers, by name, whose file names are searched for; the first reader with a match wins.
    format_name
        Search for the files of this reader only.
    **options
        ``encoding`` and ``sheet``, as for `InputFile`.

    Raises
    ------
    TableError
        If there is no such file, or several files may be meant.

    Examples
    --------
    >>> from foxgrape._util.files import study_folder
    >>> open_export(study_folder("izium-2022") / "posts.csv", {}).head[:7]
    b'post_id'
    """
    path = Path(path)
    for parent in () if os.path.lexists(path) else path.parents:
        if os.path.isfile(parent) and (container := _container(parent)):  # noqa: PTH113 - never raises
            return _named_member(container, path.relative_to(parent).as_posix(), options)
    container = _container(path)
    if container is None or container.is_compressed_file():
        return InputFile(path, **options)
    readers = [
        reader for reader in formats.values() if format_name is None or reader.name == format_name
    ]
    return _choose(container, readers, options)


def _choose(container: _Container, readers: list[Reader], options: _Options) -> InputFile:
    """Return the first file of the export, with the files that continue it."""
    names = container.names()
    exports = [files for reader in readers if (files := _files_of_export(names, reader))]
    for files in exports[:1]:
        if len({posixpath.dirname(name) for name in files}) == 1:
            first, *others = sorted(files, key=_by_number)
            file = container.member(first, **options)
            file.continued = tuple(container.member(name, **options) for name in others)
            file.unread = tuple(name for others in exports[1:] for name in others)
            return file
        names = files
    if len(names) == 1:
        return container.member(names[0], **options)
    raise TableError(
        f"the {container.kind} must hold one export or one file",
        file=container.path,
        got=", ".join(names[:_MAX_LISTED]) + (", …" if len(names) > _MAX_LISTED else "")
        or "no file",
        hint=f"name a file, such as {container.path / names[0]}, or a list of them"
        if names
        else None,
    )


def _files_of_export(names: list[str], reader: Reader) -> list[str]:
    pattern = reader.members
    return [name for name in names if pattern and pattern.fullmatch(posixpath.basename(name))]


def _named_member(container: _Container, name: str, options: _Options) -> InputFile:
    names = container.names()
    if name not in names:
        raise TableError(
            f"the {container.kind} has no such file",
            file=container.path,
            got=name,
            hint=did_you_mean(name, names) if names else None,
        )
    return container.member(name, **options)


def _by_number(name: str) -> tuple[int, str]:
    """Return a sort key for the files of an export: ``messages.html``, ``messages2.html``."""
    number = re.search(r"\d+", posixpath.basename(name))
    return int(number[0]) if number else 0, name


def _container(path: Path) -> _Container | None:
    """Return the folder or archive at a path; None for any other file."""
    if path.is_dir():
        return _Folder(path)
    try:
        with open(path, "rb", opener=open_regular) as handle:
            start = handle.read(1_024)
    except (OSError, ValueError):
        return None  # InputFile reports the reason
    if start.startswith(_ZIP):
        if kind := open_document(start):
            raise TableError(f"cannot read {kind.name}", file=path, hint=kind.hint)
        return None if is_spreadsheet(path) else _Zip(path)
    # Named, so that the encoding is not detected: the caller may have to state it.
    file = InputFile(path, encoding="utf-8")
    return _Tar(path, file) if file.head.startswith(_TAR, _TAR_OFFSET) else None


class _Container(ABC):
    """A folder or an archive of files."""

    kind: str

    def __init__(self, path: Path) -> None:
        self.path = path
        self._names: list[str] | None = None

    def names(self) -> list[str]:
        """Return the paths of the files, sorted, without links, system files and unsafe paths."""
        if self._names is None:
            self._names = sorted(
                name for name in self._files() if _is_safe(name) and not _SYSTEM.match(name)
            )
        return self._names

    def is_compressed_file(self) -> bool:
        """Return whether this is a file that is compressed by itself, not a collection of files."""
        return False

    @abstractmethod
    def _files(self) -> Iterator[str]:
        """Yield the paths of all files that are not links."""

    @abstractmethod
    def member(self, name: str, **options: Unpack[_Options]) -> InputFile:
        """Return a file as an input file."""


def _is_safe(name: str) -> bool:
    return not name.startswith("/") and ".." not in name.split("/")


class _Folder(_Container):
    kind = "folder"

    def _files(self) -> Iterator[str]:
        count = 0
        for folder, folders, files in os.walk(self.path):
            parent = Path(folder)
            if len(parent.relative_to(self.path).parts) >= _MAX_DEPTH:
                folders.clear()
            for name in files:
                count += 1
                if count > _MAX_FILES:
                    raise TableError(
                        f"the folder holds more than {_MAX_FILES:,} files", file=self.path
                    )
                if (parent / name).is_file() and not (parent / name).is_symlink():
                    yield (parent / name).relative_to(self.path).as_posix()

    def member(self, name: str, **options: Unpack[_Options]) -> InputFile:
        return InputFile(self.path / name, **options)


class _Archive(_Container):
    """An archive whose members are opened as streams."""

    @abstractmethod
    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Open a member."""

    def member(self, name: str, **options: Unpack[_Options]) -> InputFile:
        return _MemberFile(self, name, **options)


class _Zip(_Archive):
    kind = "zip archive"

    def _files(self) -> Iterator[str]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                members = archive.infolist()
        except UNREADABLE as error:
            raise TableError(f"cannot read the zip archive: {error}", file=self.path) from None
        for member in members:
            if not member.is_dir() and not stat.S_ISLNK(member.external_attr >> 16):
                yield member.filename

    def is_compressed_file(self) -> bool:
        return len(list(self._files())) == 1

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        try:
            archive = zipfile.ZipFile(self.path)
        except UNREADABLE as error:
            raise TableError(f"cannot read the zip archive: {error}", file=self.path) from None
        with archive:
            try:
                stream = archive.open(name)
            except UNREADABLE as error:
                raise CorruptFileError(f"the zip archive is damaged: {error}") from None
            with stream:
                yield stream


class _Tar(_Archive):
    kind = "tar archive"

    def __init__(self, path: Path, file: InputFile) -> None:
        super().__init__(path)
        self._file = file

    @contextmanager
    def _members(self) -> Iterator[Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]]:
        """Open the archive as a stream and return its regular files, to be read one by one."""
        with self._file.open() as stream:
            try:
                archive = tarfile.open(fileobj=stream, mode="r|")  # noqa: SIM115 - closed below
            except UNREADABLE as error:
                raise CorruptFileError(f"the tar archive is damaged: {error}") from None
            with archive:
                yield ((archive, member) for member in archive if member.isreg())

    def _files(self) -> Iterator[str]:
        try:
            with self._members() as members:
                yield from [member.name.removeprefix("./") for _, member in members]
        except (*UNREADABLE, CorruptFileError) as error:
            raise TableError(f"cannot read the tar archive: {error}", file=self.path) from None

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        with self._members() as members:
            for archive, member in members:
                stream = archive.extractfile(member)
                if member.name.removeprefix("./") == name and stream is not None:
                    yield stream
                    return
        raise CorruptFileError(f"the tar archive has no {name}")


class _MemberFile(InputFile):
    """A member of an archive as an input file; it must not be compressed once more."""

    def __init__(self, archive: _Archive, name: str, **options: Unpack[_Options]) -> None:
        self._archive, self._name = archive, name
        super().__init__(archive.path / name, **options)

    def sibling(self, name: str) -> InputFile | None:
        """Return the member of this name beside this member; None if there is no such member."""
        path = posixpath.join(posixpath.dirname(self._name), name)
        return self._archive.member(path) if path in self._archive.names() else None

    @property
    def fraction_read(self) -> float:
        """0 while the member is read, since its packed size is unknown, and then 1."""
        return 1.0 if self._handle is None or self._handle.closed else 0.0

    def _open_raw(self) -> AbstractContextManager[IO[bytes]]:
        return self._archive.open(self._name)

    def _packed_size(self) -> int:
        return self._archive.path.stat().st_size

    def _find_compression(self, start: bytes) -> str | None:  # noqa: ARG002
        return self._archive.kind.removesuffix(" archive")

    def _decompress(self, handle: IO[bytes]) -> IO[bytes]:
        return handle
