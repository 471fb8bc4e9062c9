"""Sources of a schedule: files, folders and downloads that are added to a store before a report."""

from __future__ import annotations

import glob
import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from foxgrape.errors import FoxgrapeError, ScheduleError, did_you_mean
from foxgrape.reports.schedule.checks import check, check_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from foxgrape.reports.schedule.ledger import Ledger

__all__ = ["IngestSource", "SourceResult", "add_new_data", "store_versions"]

#: Folder in the ledger; no entry has such a name: none starts with a dot.
_STATES = ".ingest"
#: Maximum seconds to wait for another process that reads the same source.
_WAIT = 600.0
_OPTIONS = {
    "posts": ("account", "format", "timezone", "columns", "encoding", "sheet", "dates", "midnight"),
    "events": (
        *("format", "timezone", "columns", "encoding", "sheet", "dates", "midnight"),
        *("persistence", "observation"),
    ),
}
#: Tables that a service gives, and the class of `foxgrape.io.download` that downloads it.
_SERVICES = {
    "mastodon": ("posts", "Mastodon"),
    "bluesky": ("posts", "Bluesky"),
    "acled": ("events", "Acled"),
    "ucdp": ("events", "Ucdp"),
}


@dataclass(frozen=True, slots=True)
class IngestSource:
    """A source of posts or events, from an ``[ingest.NAME]`` table.

    Attributes
    ----------
    name
        Name of the source.
    table
        ``posts`` or ``events``.
    files
        Paths and patterns of files and of folders with an export.
    fetch
        Service and options of a download, instead of files.
    options
        Options of the reader, such as ``account``.
    """

    name: str
    table: str
    files: tuple[str, ...] = ()
    fetch: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    keys: ClassVar[tuple[str, ...]] = ("table", "files", "fetch", "options")

    @classmethod
    def from_table(cls, name: str, values: Mapping[str, Any]) -> Self:
        """Return the source of a table; raise ScheduleError for an invalid one.

        Examples
        --------
        >>> IngestSource.from_table("channel", {"table": "posts", "files": ["a.json"]}).files
        ('a.json',)
        """
        check_keys(values, cls.keys)
        table, files, fetch = (values.get(key) for key in ("table", "files", "fetch"))
        options = values.get("options", {})
        check("table", isinstance(table, str) and table in _OPTIONS, "posts or events", table)
        if (files is None) == (fetch is None):
            raise ScheduleError("files or fetch must be given, and not both")
        check("options", isinstance(options, dict), "a table of reader options", options)
        check_keys(options, _OPTIONS[str(table)])
        if files is not None:
            is_list = isinstance(files, list) and files
            valid = is_list and all(isinstance(file, str) and file for file in files)
            check("files", valid, "a list of paths and patterns", files)
        source = cls(name, str(table), tuple(files or ()), fetch or {}, options)
        if fetch is not None:
            source.download()
        return source

    def download(self) -> Any:
        """Return the query of a download; raise ScheduleError if it is invalid."""
        import foxgrape.io.download as services

        check("fetch", isinstance(self.fetch, dict), "a table with a service", self.fetch)
        options = dict(self.fetch)
        service = options.pop("service", None)
        if service not in _SERVICES:
            hint = did_you_mean(str(service), _SERVICES)
            raise ScheduleError("fetch needs a known service", got=service, hint=hint)
        table, name = _SERVICES[service]
        check("table", table == self.table, f"{table} for {service}", self.table)
        kind = getattr(services, name)
        check_keys(options, kind.__dataclass_fields__)
        try:
            return kind(**options)
        except TypeError as error:
            reason = str(error).rpartition("__init__() ")[2]
            raise ScheduleError(f"fetch from {service}: {reason}") from None
        except FoxgrapeError as error:
            raise ScheduleError(f"fetch from {service}: {error}") from None

    def paths(self) -> list[Path]:
        """Return the files and folders that exist.

        Raises
        ------
        ScheduleError
            If a path or a pattern matches none.
        """
        existing: dict[Path, None] = {}
        for pattern in self.files:
            expanded = Path(pattern).expanduser()
            # glob, since Path.glob refuses absolute patterns.
            matches = [str(expanded)]
            if not expanded.exists():
                matches = sorted(glob.glob(str(expanded)))  # noqa: PTH207
            if not matches:
                hint = "relative paths start at the working directory"
                raise ScheduleError("no such file", got=pattern, hint=hint)
            existing |= dict.fromkeys(map(Path, matches))
        return list(existing)


@dataclass(frozen=True, slots=True)
class SourceResult:
    """What a source added to a store.

    Attributes
    ----------
    source, store
        Name of the source, and the store.
    text
        What was read, in sentences.
    new, changed
        Number of rows that were new and that had changed.
    error
        Why the source could not be read completely; None on success.
    """

    source: str
    store: str
    text: str = ""
    new: int = 0
    changed: int = 0
    error: str | None = None

    def sentence(self) -> str:
        """Return the result as text."""
        return f"ingest {self.source}: {self.error or self.text}"


def add_new_data(source: IngestSource, store: str, ledger: Ledger) -> SourceResult:
    """Add the new data of a source to a store.

    A file is read if its size or time of change differs from when it was last read completely into
    this store; a service is asked every time. Rows that the store has are not added again.
    """
    key = sha256(f"{source.name} {os.path.abspath(store)}".encode()).hexdigest()[:12]  # noqa: PTH100 - may be a URL
    name = f"{_STATES}/{source.name}-{key}"
    with ledger.lock(name, wait=_WAIT) as acquired:
        if not acquired:
            return SourceResult(source.name, store, error="another process is still reading it")
        try:
            if source.fetch:
                return _add_download(source, store, ledger, name)
            return _add_files(source, store, ledger, name)
        except FoxgrapeError as error:
            return SourceResult(source.name, store, error=str(error))
        except OSError as error:
            return SourceResult(source.name, store, error=error.strerror or type(error).__name__)


def _add_files(source: IngestSource, store: str, ledger: Ledger, name: str) -> SourceResult:
    options = json.dumps(dict(source.options), sort_keys=True, default=str)
    state = ledger.read_json(name)
    known = state.get("files", {}) if state.get("options") == options else {}
    read, texts, new, changed, error = dict(known), [], 0, 0, None
    paths = source.paths()
    for path in paths:
        # Taken before the file is read: a file that grows meanwhile is read again.
        mark = _fingerprint(path)
        if known.get(str(path.absolute())) == mark:
            continue
        result = _ingest(source, path, store)
        if not result.rows_read:
            error = f"{path}: no {source.table} were read; most often: {result.reason or 'empty'}"
            break
        texts.append(result.sentence())
        new, changed = new + result.new, changed + result.changed
        read[str(path.absolute())] = mark
        ledger.write_json(name, {"options": options, "files": read})
    unchanged = len(paths) - len(texts)
    if not texts:
        files = "1 file is" if len(paths) == 1 else f"{len(paths)} files are"
        texts = [f"nothing new; {files} unchanged."]
    elif unchanged and error is None:
        texts.append(f"{unchanged} unchanged.")
    return SourceResult(source.name, store, " ".join(texts), new, changed, error)


def _add_download(source: IngestSource, store: str, ledger: Ledger, name: str) -> SourceResult:
    from foxgrape.io.download import download

    query = source.download()
    # Another query gets another file, so that an interrupted download can always resume.
    digest = sha256(json.dumps(dict(source.fetch), sort_keys=True, default=str).encode())
    with ledger.open_folder(name, make=True) as (folder, stem):
        target = folder.path / f"{stem}-{digest.hexdigest()[:8]}.download"
    target.unlink(missing_ok=True)
    try:
        download(query, target)
        result = _ingest(source, target, store)
    finally:
        with suppress(OSError):
            target.unlink(missing_ok=True)
    text = result.sentence() if result.new + result.changed else "nothing new."
    return SourceResult(source.name, store, text, result.new, result.changed)


def _ingest(source: IngestSource, path: Path, store: str) -> Any:
    from foxgrape.io.ingest import ingest

    table: Any = source.table
    return ingest(table, path, store, **dict(source.options))


def _fingerprint(path: Path) -> list[list[Any]]:
    """Return name, size and time of change of a file, or of each file of a folder."""
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    marks = []
    for file in files:
        status = file.stat()
        marks.append([str(file.relative_to(path)), status.st_size, status.st_mtime_ns])
    return marks


def store_versions(store: str) -> dict[str, int]:
    """Return the versions of a store's tables; empty if it cannot be opened.

    Examples
    --------
    >>> store_versions("no-such-store")
    {}
    """
    from foxgrape.io.store import Store

    try:
        return Store(store).latest_versions()
    except FoxgrapeError:
        return {}
