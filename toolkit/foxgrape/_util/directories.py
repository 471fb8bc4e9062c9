"""Directories held by descriptor: work in them follows no link, and only our own work is deleted.

A path is looked up anew at each use, and any part of it may have become a link meanwhile. A
descriptor stays with its directory. Windows has no descriptors of directories: there each name is
checked for being a link, or a junction, right before it is used, which leaves an instant between.
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

from foxgrape._util.files import apply_umask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

__all__ = ["Directory", "WorkFolder", "can_lock", "clear_abandoned", "clear_parts", "directory_at"]

_BY_DESCRIPTOR = os.open in os.supports_dir_fd and shutil.rmtree.avoids_symlink_attacks
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_DIRECTORY = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
#: Reading a pipe that somebody put there must not wait for its other end.
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)
#: Seconds after which a folder is abandoned, where folders cannot be locked.
_OLD = 24 * 60 * 60
#: The file that proves a folder to be our work in progress, by the folder's own name.
_MARKER = ".foxgrape-work.json"
#: What `tempfile` appends to a prefix.
_SUFFIX = "[a-z0-9_]{8}"


class Directory:
    """A directory that is held open; each method takes the plain name of an entry.

    Parameters
    ----------
    path
        Where it was opened.
    descriptor
        What holds it open; None where there are no descriptors of directories.

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
        """Open a directory that the user named, through whatever links."""
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
        """Let go of it, and of its lock."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def child(self, name: str, *, make: bool = False) -> Directory:
        """Open a directory in this one; make it first if that is asked for.

        Raises
        ------
        OSError
            If it is a link, or no directory.
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
        """Raise an error if an entry is a link, or the name is none of an entry."""
        if name in {"", ".", ".."} or Path(name).name != name:
            raise OSError(errno.EINVAL, "is not the name of an entry", str(self.path / name))
        status = self.status(name)
        if status is not None and _is_link(status):
            raise OSError(errno.ELOOP, "is a link, which is not followed", str(self.path / name))

    def status(self, name: str) -> os.stat_result | None:
        """Return what the system says of an entry itself, None if there is none."""
        try:
            return os.stat(_at(self, name), dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def age(self) -> float:
        """Return the seconds since something was last made, renamed or deleted in it."""
        status = self.path.stat() if self.descriptor is None else os.fstat(self.descriptor)
        return time.time() - status.st_mtime

    def is_mine(self) -> bool:
        """Tell whether it belongs to the user of this process, where the system says so."""
        if sys.platform == "win32" or self.descriptor is None:
            return True
        return os.fstat(self.descriptor).st_uid == os.geteuid()

    def names(self) -> list[str]:
        """Return the names of its entries, in order."""
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
        """Return the object in a file of JSON; empty if there is none that can be read."""
        try:
            content = json.loads(self.read(name))
        except (OSError, ValueError, RecursionError):
            return {}
        return content if isinstance(content, dict) else {}

    def create(self, name: str) -> BinaryIO:
        """Open a new file for writing; a file or link of that name is deleted first."""
        self.unlink(name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK
        return os.fdopen(os.open(_at(self, name), flags, 0o666, dir_fd=self.descriptor), "wb")

    def write(self, name: str, content: bytes) -> None:
        """Write a small file that appears whole, or leave what is there.

        Two at once must be kept apart by a lock. What a killed process left beside the file is
        deleted by the next one.
        """
        beside = f".{name}.writing"
        try:
            with self.create(beside) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            self.rename(beside, name)
        except OSError:
            with suppress(OSError):
                self.unlink(beside)
            raise

    def rename(self, name: str, new: str, *, to: Directory | None = None) -> None:
        """Give an entry another name, in this directory or in another; a link is not followed."""
        to = to or self
        os.replace(
            _at(self, name), _at(to, new), src_dir_fd=self.descriptor, dst_dir_fd=to.descriptor
        )

    def exchange(self, name: str, other: str, *, to: Directory) -> bool:
        """Let two entries change places in one step; False where the system does not know how."""
        if sys.platform != "linux" or self.descriptor is None or to.descriptor is None:
            return False
        rename = getattr(ctypes.CDLL(None), "renameat2", None)
        if rename is None:
            return False
        swap = 2  # RENAME_EXCHANGE
        names = os.fsencode(name), os.fsencode(other)
        return bool(rename(self.descriptor, names[0], to.descriptor, names[1], swap) == 0)

    def unlink(self, name: str) -> None:
        """Delete a file or a link, if it is there."""
        with suppress(FileNotFoundError):
            os.unlink(_at(self, name), dir_fd=self.descriptor)

    def rmdir(self, name: str) -> None:
        """Delete an empty directory; one that is not empty stays."""
        with suppress(OSError):
            os.rmdir(_at(self, name), dir_fd=self.descriptor)

    def clear(self, *, last: str) -> bool:
        """Delete all that is in it, what proves it to be ours last; tell whether all is gone.

        Where it is interrupted, the proof is still there, and the next call goes on.
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
        """Lock it until it is closed; False if another process has it, or there are no locks.

        A lock ends with the process that holds it, however that ends.
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
        """Tell whether no living process works in it; if so it is locked until it is closed."""
        return self.lock(wait=False) if can_lock() else self.age() > _OLD

    def _delete(self, name: str) -> None:
        status = self.status(name)
        if status is None:
            return
        if stat.S_ISDIR(status.st_mode) and not _is_link(status):
            # What another process deletes meanwhile is no error.
            shutil.rmtree(_at(self, name), ignore_errors=True, dir_fd=self.descriptor)
        else:
            self.unlink(name)


@contextmanager
def directory_at(root: Path, *names: str, make: bool = False) -> Iterator[Directory]:
    """Open a directory below one that the user named; none on the way may be a link.

    Parameters
    ----------
    root
        Opened through whatever links; made if that is asked for.
    names
        Of the directories from there on.
    make
        Make those that are not there.

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
    """A folder that only its maker works in: marked as ours, and locked as long as that lives.

    Parameters
    ----------
    parent
        Where to make it.
    prefix
        What its name begins with; eight signs are appended.

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
        self._parent = Directory.open(parent)
        self._folder: Directory | None = self._parent.child(self.path.name)
        self._published = False
        # Locked before it is marked: what is marked and not locked is abandoned.
        with suppress(OSError):  # a file system without locks
            self._folder.lock(wait=False)
        try:
            marker = {"made_by": "foxgrape", "folder": self.path.name}
            self._folder.write(_MARKER, json.dumps(marker).encode())
        except OSError:
            self.close()
            raise

    def publish(self, name: str) -> None:
        """Move it to its place beside, open to whom the umask lets."""
        apply_umask(self.path)
        self._parent.rename(self.path.name, name)
        self._published = True
        if self._folder is not None:
            self._folder.unlink(_MARKER)

    def close(self) -> None:
        """Delete it unless it was published, and let go of it."""
        if self._folder is None:
            return
        if not self._published and self._folder.clear(last=_MARKER):
            self._parent.rmdir(self.path.name)
        self._folder.close()
        self._parent.close()
        self._folder = None


def clear_abandoned(parent: Path, prefix: str) -> list[str]:
    """Delete the work folders whose makers were killed, and return their names.

    Only those go whose marker tells their own name, which belong to this user, and which no
    living process has locked.

    Parameters
    ----------
    parent
        Where they were made.
    prefix
        What their names begin with.
    """
    name_of_ours = re.compile(re.escape(prefix) + _SUFFIX)
    gone = []
    with suppress(OSError), Directory.open(parent) as place:
        for name in filter(name_of_ours.fullmatch, place.names()):
            with suppress(OSError), place.child(name) as folder:
                marker = folder.read_json(_MARKER)
                if marker == {"made_by": "foxgrape", "folder": name} and (
                    folder.is_mine() and folder.is_abandoned() and folder.clear(last=_MARKER)
                ):
                    place.rmdir(name)
                    gone.append(name)
    return gone


def clear_parts(folder: Directory, name: str, begins: bytes) -> None:
    """Delete drafts of a file, ``NAME.PID.part``, that processes left which live no more.

    Parameters
    ----------
    folder
        Where they lie.
    name
        Of the file.
    begins
        What the content of a draft begins with, unless nothing was written yet.
    """
    draft_of_ours = re.compile(re.escape(name) + r"\.([0-9]{1,9})\.part")
    for entry in folder.names():
        draft = draft_of_ours.fullmatch(entry)
        if draft is None or _is_alive(int(draft[1])):
            continue
        with suppress(OSError):
            content = folder.read(entry)
            if content[: len(begins)] == begins[: len(content)]:
                folder.unlink(entry)


def _at(folder: Directory, name: str) -> str:
    return str(folder.path / name) if folder.descriptor is None else name


def can_lock() -> bool:
    """Tell whether folders can be locked here."""
    return sys.platform != "win32"


def _is_alive(pid: int) -> bool:
    """Tell whether a process lives on this machine; where that cannot be asked, it does."""
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
    """Tell whether an entry is a link, or what leads elsewhere on Windows, such as a junction."""
    reparse_point = 0x400
    attributes = cast("int", getattr(status, "st_file_attributes", 0))
    return stat.S_ISLNK(status.st_mode) or bool(attributes & reparse_point)
