"""Directories opened by file descriptor, so that no operation follows a link.

A path is resolved again at each use, and another process may have replaced any part of it with a
link in the meantime. A descriptor always refers to the same directory. On Windows, which has no
directory descriptors, each name is checked for links and junctions right before use; a link created
between check and use would be followed.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import re
import shutil
import stat
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

__all__ = [
    "Directory",
    "WorkFolder",
    "apply_umask",
    "can_lock",
    "clear_abandoned",
    "clear_parts",
    "directory_at",
]

_BY_DESCRIPTOR = os.open in os.supports_dir_fd and shutil.rmtree.avoids_symlink_attacks
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_DIRECTORY = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
#: Flag that keeps the opening of a named pipe from blocking until its other end is opened.
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)
#: Age in seconds above which a work folder counts as abandoned, on systems without folder locks
#: and if it has no marker.
_MAX_AGE = 24 * 60 * 60
#: Name of the file that marks a folder as foxgrape's work in progress and contains its name.
_MARKER = ".foxgrape-work.json"
#: Pattern of the suffix that `tempfile` appends.
_SUFFIX = "[a-z0-9_]{8}"


class Directory:
    """An open directory, whose methods take the names of its entries, not paths.

    Parameters
    ----------
    path
        Path at which the directory was opened.
    descriptor
        The directory's file descriptor; None on systems without directory descriptors.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> with Directory.open(Path(mkdtemp())) as folder:
    ...     folder.write("note.txt", b"a note")
    ...     folder.read("note.txt"), folder.names()
    (b'a note', ['note.txt'])
    """

    __slots__ = ("descriptor", "path")

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self.path = path
        self.descriptor = descriptor

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a directory that the user named; links in its path are followed."""
        if _BY_DESCRIPTOR:
            return cls(path, os.open(path, os.O_RDONLY | _DIRECTORY))
        if not stat.S_ISDIR(path.stat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
        return cls(path, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the directory and release its lock."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def child(self, name: str, *, make: bool = False) -> Directory:
        """Open a subdirectory; with `make`, create it if needed.

        Raises
        ------
        OSError
            If the entry is a link, or not a directory.
        """
        self.refuse_link(name)
        if make:
            with suppress(FileExistsError):
                os.mkdir(_at(self, name), dir_fd=self.descriptor)
        path = self.path / name
        if self.descriptor is None:
            return Directory.open(path)
        flags = os.O_RDONLY | _DIRECTORY | _NO_LINK
        return Directory(path, os.open(name, flags, dir_fd=self.descriptor))

    def refuse_link(self, name: str) -> None:
        """Raise OSError if an entry is a link, or if `name` is a path."""
        if name in {"", ".", ".."} or Path(name).name != name:
            raise OSError(errno.EINVAL, "is not a plain name", str(self.path / name))
        status = self.status(name)
        if status is not None and _is_link(status):
            raise OSError(errno.ELOOP, "is a link, which is not followed", str(self.path / name))

    def status(self, name: str) -> os.stat_result | None:
        """Return the status of an entry, without following links; None if it does not exist."""
        try:
            return os.stat(_at(self, name), dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def age(self) -> float:
        """Return the seconds since an entry was last created, renamed or deleted."""
        status = self.path.stat() if self.descriptor is None else os.fstat(self.descriptor)
        return time.time() - status.st_mtime

    def is_mine(self) -> bool:
        """Return whether this process's user owns the directory; True if the owner is unknown."""
        if sys.platform == "win32" or self.descriptor is None:
            return True
        return os.fstat(self.descriptor).st_uid == os.geteuid()

    def names(self) -> list[str]:
        """Return the sorted names of the directory's entries."""
        with os.scandir(self.path if self.descriptor is None else self.descriptor) as entries:
            return sorted(entry.name for entry in entries)

    def read(self, name: str) -> bytes:
        """Return the content of a regular file."""
        self.refuse_link(name)
        flags = os.O_RDONLY | _NO_LINK | _NO_WAIT
        with os.fdopen(os.open(_at(self, name), flags, dir_fd=self.descriptor), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(errno.EINVAL, "is not a regular file", str(self.path / name))
            return file.read()

    def read_json(self, name: str) -> dict[str, Any]:
        """Return the object in a JSON file; empty if the file cannot be read or has no object."""
        try:
            content = json.loads(self.read(name))
        except (OSError, ValueError, RecursionError):
            return {}
        return content if isinstance(content, dict) else {}

    def create(self, name: str) -> BinaryIO:
        """Create a file and open it for writing; replace an existing file or link of that name."""
        self.unlink(name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK
        return os.fdopen(os.open(_at(self, name), flags, 0o666, dir_fd=self.descriptor), "wb")

    def write(self, name: str, content: bytes) -> None:
        """Write a small file atomically: on error, the old file is kept.

        Callers must hold a lock if several processes may write the file at once. The next call
        overwrites the temporary file that a killed process left behind.
        """
        temporary = _temporary(name)
        try:
            with self.create(temporary) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            self.rename(temporary, name)
        except OSError:
            with suppress(OSError):
                self.unlink(temporary)
            raise

    def is_blank(self, marker: str) -> bool:
        """Return whether a process that died had written no entry, not even all of `marker`."""
        return set(self.names()) <= {_temporary(marker)}

    def rename(self, name: str, new: str, *, to: Directory | None = None) -> None:
        """Rename an entry within this directory, or move it to another, without following links."""
        to = to or self
        os.replace(
            _at(self, name), _at(to, new), src_dir_fd=self.descriptor, dst_dir_fd=to.descriptor
        )

    def exchange(self, name: str, other: str, *, to: Directory) -> bool:
        """Exchange two entries atomically; return False where the system does not support it."""
        if sys.platform != "linux" or self.descriptor is None or to.descriptor is None:
            return False
        rename = getattr(ctypes.CDLL(None), "renameat2", None)
        if rename is None:
            return False
        swap = 2  # RENAME_EXCHANGE
        names = os.fsencode(name), os.fsencode(other)
        return bool(rename(self.descriptor, names[0], to.descriptor, names[1], swap) == 0)

    def unlink(self, name: str) -> None:
        """Delete a file or a link, if it exists."""
        with suppress(FileNotFoundError):
            os.unlink(_at(self, name), dir_fd=self.descriptor)

    def rmdir(self, name: str) -> None:
        """Delete a subdirectory if it is empty."""
        with suppress(OSError):
            os.rmdir(_at(self, name), dir_fd=self.descriptor)

    def clear(self, *, last: str) -> bool:
        """Delete all entries, ending with the file `last`; return whether all were deleted.

        If the call is interrupted, the marker file `last` remains, so that a later call can
        continue.
        """
        for name in self.names():
            if name != last:
                with suppress(OSError):
                    self._delete(name)
        if set(self.names()) - {last}:
            return False
        self.unlink(last)
        return True

    def lock(self, *, wait: bool) -> bool:
        """Try to lock the directory until `close` is called; return whether it was locked.

        Locking fails if another process holds the lock, or if the system has no folder locks. The
        system releases the lock when the process ends.
        """
        if sys.platform == "win32" or self.descriptor is None:
            return False
        import fcntl

        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def is_abandoned(self) -> bool:
        """Return whether no process holds the lock of the directory; if so, take the lock.

        On systems without folder locks, a directory counts as abandoned if no entry has been
        created, renamed or deleted for a day.
        """
        return self.lock(wait=False) if can_lock() else self.age() > _MAX_AGE

    def _delete(self, name: str) -> None:
        status = self.status(name)
        if status is None:
            return
        if stat.S_ISDIR(status.st_mode) and not _is_link(status):
            # Ignore errors: another process may delete entries at the same time.
            shutil.rmtree(_at(self, name), ignore_errors=True, dir_fd=self.descriptor)
        else:
            self.unlink(name)


@contextmanager
def directory_at(root: Path, *names: str, make: bool = False) -> Iterator[Directory]:
    """Open a directory below a root; no directory below the root may be a link.

    Parameters
    ----------
    root
        The directory that the user named; links in its path are followed.
    names
        Names of the nested directories below `root`, outermost first.
    make
        Whether to create missing directories.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> with directory_at(Path(mkdtemp()), "one", "two", make=True) as folder:
    ...     folder.path.name
    'two'
    """
    if make:
        root.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = stack.enter_context(Directory.open(root))
        for name in names:
            folder = stack.enter_context(folder.child(name, make=make))
        yield folder


class WorkFolder:
    """A temporary folder that this process has marked, and holds locked until it is closed.

    Parameters
    ----------
    parent
        Folder in which to create the temporary folder.
    prefix
        Start of the temporary folder's name; eight random characters are appended.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> parent = Path(mkdtemp())
    >>> work = WorkFolder(parent, ".mine-")
    >>> clear_abandoned(parent, ".mine-"), work.path.is_dir()
    ([], True)
    >>> work.close()
    >>> work.path.exists()
    False
    """

    def __init__(self, parent: Path, prefix: str) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        self._published = False
        try:
            self._parent = Directory.open(parent)
            self._folder: Directory | None = self._parent.child(self.path.name)
        except OSError:
            self.path.rmdir()  # it has no marker yet, so no later call would delete it
            raise
        # Lock before marking: a marked folder without a lock counts as abandoned.
        with suppress(OSError):  # the file system may have no locks
            self._folder.lock(wait=False)
        try:
            marker = {"made_by": "foxgrape", "folder": self.path.name}
            self._folder.write(_MARKER, json.dumps(marker).encode())
        except OSError:
            self.close()
            raise

    def publish(self, name: str) -> None:
        """Rename the folder within its parent, and give it the permissions of any new folder."""
        apply_umask(self.path)
        self._parent.rename(self.path.name, name)
        self._published = True
        if self._folder is not None:
            with suppress(OSError):  # the folder is complete, and its marker names another folder
                self._folder.unlink(_MARKER)

    def close(self) -> None:
        """Delete the folder unless it was published, and release its lock."""
        if self._folder is None:
            return
        if not self._published and self._folder.clear(last=_MARKER):
            self._parent.rmdir(self.path.name)
        self._folder.close()
        self._parent.close()
        self._folder = None


def clear_abandoned(parent: Path, prefix: str) -> list[str]:
    """Delete the work folders of killed processes, and return their names.

    A folder is deleted only if the current user owns it, no process holds its lock, and its marker
    file contains its name. A folder without a marker, whose process died before it had written
    one, is deleted after a day if there is nothing else in it.

    Parameters
    ----------
    parent
        Folder that contains the work folders.
    prefix
        Start of the work folders' names.
    """
    pattern = re.compile(re.escape(prefix) + _SUFFIX)
    deleted = []
    with suppress(OSError), Directory.open(parent) as directory:
        for name in filter(pattern.fullmatch, directory.names()):
            with suppress(OSError), directory.child(name) as folder:
                marker = folder.read_json(_MARKER)
                is_marked = marker == {"made_by": "foxgrape", "folder": name}
                # Its process may not have locked a younger folder yet.
                is_blank = folder.is_blank(_MARKER) and folder.age() > _MAX_AGE
                if (is_marked or is_blank) and (
                    folder.is_mine() and folder.is_abandoned() and folder.clear(last=_MARKER)
                ):
                    directory.rmdir(name)
                    deleted.append(name)
    return deleted


def clear_parts(folder: Directory, name: str, begins: bytes = b"") -> None:
    """Delete the partial files, ``NAME.PID.part``, of processes that no longer run.

    Parameters
    ----------
    folder
        Folder that contains the partial files.
    name
        Name of the complete file.
    begins
        First bytes of the complete file; a partial file that starts differently is kept.
    """
    pattern = re.compile(re.escape(name) + r"\.([0-9]{1,9})\.part")
    for entry in folder.names():
        part = pattern.fullmatch(entry)
        if part is None or _is_alive(int(part[1])):
            continue
        with suppress(OSError):
            if not begins or begins.startswith(folder.read(entry)[: len(begins)]):
                folder.unlink(entry)


def apply_umask(path: Path) -> None:
    """Give a private file or folder the permissions of any new file or folder.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> parent, private = Path(mkdtemp()), Path(mkdtemp())
    >>> (parent / "new").mkdir()
    >>> apply_umask(private)
    >>> private.stat().st_mode == (parent / "new").stat().st_mode
    True
    """
    mask = os.umask(0)  # the umask can only be read by setting it
    os.umask(mask)
    path.chmod((0o777 if path.is_dir() else 0o666) & ~mask)


def _temporary(name: str) -> str:
    """Return the name of the temporary file to which `Directory.write` writes first."""
    return f".{name}.writing"


def _at(folder: Directory, name: str) -> str:
    return str(folder.path / name) if folder.descriptor is None else name


def can_lock() -> bool:
    """Return whether this system can lock folders."""
    return sys.platform != "win32"


def _is_alive(pid: int) -> bool:
    """Return whether a process runs on this machine; True if that is unknown."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _is_link(status: os.stat_result) -> bool:
    """Return whether an entry is a link, or on Windows another reparse point such as a junction."""
    reparse_point = 0x400
    attributes = cast("int", getattr(status, "st_file_attributes", 0))
    return stat.S_ISLNK(status.st_mode) or bool(attributes & reparse_point)
