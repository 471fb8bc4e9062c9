"""Count the calls of a command's processes that concern one folder, and let one of them fail.

The calls are those of Python to open, write, fsync, rename, unlink, rmdir and mkdir. Processes that
are started with a new Python are included, since `failing_python` is on their path. All processes
write one line per call to one file, so the number of a call is its line in that file.
"""

from __future__ import annotations

import builtins
import errno
import io
import itertools
import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["ERRORS", "FailingCalls", "read_calls"]

ERRORS = {
    "ENOSPC": errno.ENOSPC,
    "EIO": errno.EIO,
    "EACCES": errno.EACCES,
    "short write": errno.ENOSPC,
}
_VARIABLE = "FOXGRAPE_FAULT"
#: Names in `os` of the wrapped functions, with the names of the calls.
_WRAPPED = {
    **{name: name for name in ("open", "fsync", "mkdir", "rmdir", "unlink", "rename")},
    "remove": "unlink",
    "replace": "rename",
}
_OPEN, _OS_OPEN, _WRITE, _PREAD = io.open, os.open, os.write, os.pread
_READLINK = os.readlink


@dataclass
class FailingCalls:
    """The folder, which call fails (0 for none) with which error, and the file of all calls."""

    root: str
    log: str
    fail_at: int
    error: str
    _short = False

    @classmethod
    def from_environment(cls) -> FailingCalls:
        """Return what `export` has put into the environment."""
        return cls(**json.loads(os.environ[_VARIABLE]))

    def export(self) -> None:
        """Let processes that this process starts fail alike."""
        os.environ[_VARIABLE] = json.dumps(asdict(self))
        folder = str(Path(__file__).resolve().parent / "failing_python")
        others = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [folder, others]))

    def install(self) -> None:
        """Replace the functions of this process."""
        self._numbers = itertools.count()
        self._log = _OS_OPEN(self.log, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        for name, call in _WRAPPED.items():
            self._wrap(name, call)
        builtins.open = io.open = self._open

    def check(self, call: str, path: object, dir_fd: int | None = None) -> None:
        """Count a call; raise OSError if it is the one to fail."""
        text = _absolute(path, dir_fd)
        if not text.startswith(self.root):
            return
        short = text.removeprefix(self.root).replace("\n", " ")
        # The number makes the line unique, so that this process recognizes its own.
        line = f"{os.getpid()} {next(self._numbers)} {call} {short}\n".encode("utf-8", "replace")
        _WRITE(self._log, line)
        if not self.fail_at:
            return
        lines = _PREAD(self._log, 1 << 24, 0).splitlines(keepends=True)
        if len(lines) < self.fail_at or lines[self.fail_at - 1] != line:
            return
        if self.error == "short write" and call == "write":
            self._short = True
            return
        number = ERRORS[self.error]
        raise OSError(number, os.strerror(number), text)

    def _wrap(self, name: str, call: str) -> None:
        original = getattr(os, name)

        def wrapped(path: Any, *args: Any, **options: Any) -> Any:
            self.check(call, path, options.get("dir_fd", options.get("src_dir_fd")))
            return original(path, *args, **options)

        setattr(os, name, wrapped)
        for supported in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
            if original in supported:
                supported.add(wrapped)

    def _open(self, file: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
        names = ("buffering", "encoding", "errors", "newline", "closefd", "opener")
        options |= dict(zip(names, args, strict=False))
        if not isinstance(file, int) and options.get("opener") is None:
            self.check("open", file)
        if not set(mode) & set("wax+") or options.get("buffering", -1) >= 0:
            return _OPEN(file, mode, **options)
        faults = self

        class Raw(io.FileIO):
            def write(self, data: Any, /) -> int:
                if stat.S_ISREG(os.fstat(self.fileno()).st_mode):
                    faults.check("write", self.fileno())
                if faults._short:
                    faults._short = False
                    super().write(bytes(data)[: len(data) // 2])
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return super().write(data)

        plain = mode.replace("b", "").replace("t", "")
        closes = options.get("closefd", True)
        raw = Raw(file, plain, closefd=closes, opener=options.get("opener"))
        stream: Any = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        if "b" in mode:
            return stream
        return io.TextIOWrapper(
            stream, options.get("encoding"), options.get("errors"), options.get("newline")
        )


def _absolute(path: object, dir_fd: int | None) -> str:
    if isinstance(path, int):
        return _READLINK(f"/proc/self/fd/{path}")
    text = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else ""
    if text.startswith("/"):
        return text
    try:
        return (
            f"{_READLINK(f'/proc/self/fd/{dir_fd}') if dir_fd is not None else Path.cwd()}/{text}"
        )
    except OSError:
        return text


def read_calls(log: Path) -> list[tuple[int, str, str]]:
    """Return process id, call and path of each call in the file of all calls."""
    if not log.exists():
        return []
    lines = log.read_text("utf-8").splitlines()
    fields = (line.split(" ", 3) for line in lines)
    return [(int(pid), call, path) for pid, _, call, path in fields]
