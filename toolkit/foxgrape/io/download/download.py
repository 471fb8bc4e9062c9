"""Download all pages of a query into a file, check them, and resume after an interruption."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape._util.directories import apply_umask
from foxgrape._util.files import open_private
from foxgrape._util.regular_files import open_regular, read_regular
from foxgrape._util.unicode import json_bytes
from foxgrape.errors import DownloadError
from foxgrape.io.download.credentials import auth_for
from foxgrape.io.download.http import HttpClient, RetryPolicy, validate_server
from foxgrape.io.download.sources import InvalidResponseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pandas as pd

    from foxgrape.io.download.sources import Page, Source

__all__ = ["Download", "download"]

#: Maximum number of consecutive empty pages; more are an error.
_MAX_EMPTY_PAGES = 50
_AT_FAULT = "the data changed during the download, or the server is at fault"


@dataclass(frozen=True, slots=True)
class Download:
    """A finished download, or the progress of an unfinished download.

    Attributes
    ----------
    path
        The output file, which exists only once the download is complete.
    format
        Format name for ``read_posts(format=...)`` or ``read_events(format=...)``.
    server
        Host name of the server.
    items
        Number of statuses, posts or events.
    kind
        Plural noun for the items.
    pages, size
        Number of responses, and their size in bytes.
    resumed
        Whether this call resumed a download that an earlier call began.
    """

    path: str
    format: str
    server: str
    items: int
    kind: str
    pages: int
    size: int
    resumed: bool

    def sentence(self) -> str:
        """Return a one-line summary."""
        responses = "1 response" if self.pages == 1 else f"{self.pages:,} responses"
        resumed = ", resumed" if self.resumed else ""
        return (
            f"{self.path}: {self.items:,} {self.kind} in {responses} from {self.server}{resumed} "
            f"(format: {self.format})."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)

    def to_frame(self) -> pd.DataFrame:
        """Return the fields as a table with one row."""
        import pandas as pd

        return pd.DataFrame([self.to_dict()])


def download(
    source: Source,
    out: str | Path,
    *,
    restart: bool = False,
    policy: RetryPolicy | None = None,
    progress: Callable[[Download], object] | None = None,
) -> Download:
    """Download all items of a source unchanged into a file; resume an interrupted download.

    The file is created when the last page has arrived. Until then, the pages are in ``OUT.part``;
    after an interruption, repeat the call to resume from the last complete page. On Linux and
    macOS, only you can read an unfinished file, and a file that was downloaded with credentials.

    Parameters
    ----------
    source
        `Mastodon`, `Bluesky`, `Acled` or `Ucdp`.
    out
        Output file. It must not exist yet; its folder must exist.
    restart
        Delete the pages of an interrupted download and start again.
    policy
        Retries, timeouts and limits; default ``RetryPolicy()``.
    progress
        Called with the current state after each page.

    Returns
    -------
    Download

    Raises
    ------
    DownloadError
        If credentials are missing or refused, the server fails or sends inconsistent pages, the
        output file exists, or its ``.part`` file belongs to another query. Complete pages are kept
        in the ``.part`` file.

    Examples
    --------
    >>> from foxgrape.io.download import Mastodon
    >>> download(Mastodon("http://mastodon.example", "minister"), "statuses.jsonl")
    Traceback (most recent call last):
    foxgrape.errors.DownloadError: the server address cannot be used: the connection ...
    """
    server = validate_server(source.server)
    auth = auth_for(source)
    query = source.query() | {"server": server}
    part = _PartialDownload(Path(out), query, restart=restart, private=bool(auth.variables))
    with HttpClient(server, policy or RetryPolicy(), auth) as client:
        try:
            return _download_pages(source, client, part, progress)
        except DownloadError as error:
            failure = DownloadError.resumable(error, part.path, part.pages)
            if not part.pages:
                part.delete()
    # Raised outside the handler, since the exception's context would expose request headers.
    raise failure


def _download_pages(
    source: Source,
    client: HttpClient,
    part: _PartialDownload,
    progress: Callable[[Download], object] | None,
) -> Download:
    checker = _check_saved_lines(source, part, client.host)
    resumed = part.pages > 0
    while True:
        request = source.request(part.cursor)
        response = client.get(request.path, request.params)
        try:
            page = source.parse(response.body, part.cursor)
            checker.add(page)
        except InvalidResponseError as error:
            raise DownloadError.bad_response(client.host, part.pages + 1, str(error)) from None
        part.add(page.lines, page.cursor)
        result = Download(
            path=str(part.out),
            format=source.name,
            server=client.host,
            items=len(checker.ids),
            kind=source.kind,
            pages=part.pages,
            size=part.size,
            resumed=resumed,
        )
        if progress is not None:
            progress(result)
        if page.cursor is None:
            part.finish()
            return result


def _check_saved_lines(source: Source, part: _PartialDownload, host: str) -> _PageChecker:
    """Return a page checker that already knows the lines saved by an interrupted download."""
    checker = _PageChecker()
    if part.cursor is not None:
        for number, line in enumerate(part.lines(), start=1):
            try:
                checker.add_line(source.parse_line(line))
            except InvalidResponseError as error:
                raise DownloadError.bad_partial(
                    part.path, f"line {number} is not a response from {host}: {error}"
                ) from None
        checker.cursors.add(part.cursor)
    return checker


class _PageChecker:
    """Check that each page is consistent with the pages before it."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.cursors: set[str] = set()
        self.total: int | None = None
        self._empty_pages = 0

    def add(self, page: Page) -> None:
        """Check and record a page; at the last page, also compare the item count with the total."""
        ids = set(page.ids)
        repeated = len(page.ids) - len(ids - self.ids)
        if repeated:
            raise InvalidResponseError(
                f"{repeated} of its {len(page.ids)} items were received before: {_AT_FAULT}"
            )
        if page.total is not None:
            if self.total not in {None, page.total}:
                raise InvalidResponseError(
                    f"the total is {page.total}, but was {self.total}: {_AT_FAULT}"
                )
            self.total = page.total
        if page.cursor is not None and page.cursor in self.cursors:
            raise InvalidResponseError("its cursor is that of an earlier page")
        self._empty_pages = 0 if page.ids else self._empty_pages + 1
        if self._empty_pages > _MAX_EMPTY_PAGES:
            raise InvalidResponseError(f"{self._empty_pages} empty pages in a row")
        self.ids |= ids
        if page.cursor is not None:
            self.cursors.add(page.cursor)
        elif self.total not in {None, len(self.ids)}:
            raise InvalidResponseError(
                f"it is the last page, with {len(self.ids)} items received of {self.total}"
            )

    def add_line(self, page: Page) -> None:
        """Check and record a saved line, which is never treated as the last page."""
        self.add(replace(page, cursor=page.cursor or ""))
        self.cursors.discard("")


class _PartialDownload:
    """An unfinished download: pages are in ``OUT.part``, the state is in ``OUT.part.json``.

    A page is appended before the state is updated. Bytes beyond the size in the state are therefore
    from a page that was not recorded; they are removed when the download is resumed. Only their
    owner can read these files; with `private`, this also holds for the complete file.
    """

    def __init__(
        self, out: Path, query: dict[str, Any], *, restart: bool = False, private: bool = False
    ) -> None:
        self.out = out
        self._private = private
        self.path = out.with_name(f"{out.name}.part")
        self._state_path = out.with_name(f"{out.name}.part.json")
        self._query = query
        self.cursor: str | None = None
        self.pages = self.size = 0
        if out.exists():
            self._clear_after_finish()
            raise DownloadError.file_exists(out)
        try:
            if restart:
                self.delete()
            if self.path.exists():
                self._resume()
            else:
                self._write_state()
            with open(self.path, "ab", opener=open_private) as handle:
                handle.truncate(self.size)
        except OSError as error:
            raise DownloadError.unwritable(self.path, error.strerror) from None

    def _clear_after_finish(self) -> None:
        """Delete the state of a download that was killed right after its output file appeared."""
        with suppress(OSError, DownloadError):
            if not self.path.exists() and self._read_state()["query"] == self._query:
                self._delete_state()

    def _resume(self) -> None:
        """Load the state of an interrupted download; raise an error if it is of another query."""
        state = self._read_state()
        if state["query"] != self._query:
            old, new = state["query"], self._query
            differences = [
                f"{name} was {old.get(name)!r} and is {new.get(name)!r}"
                for name in sorted({*old, *new})
                if old.get(name) != new.get(name)
            ]
            raise DownloadError.bad_partial(
                self.path, f"belongs to a different query: {'; '.join(differences)}"
            )
        if self.path.stat().st_size < state["bytes"]:
            raise DownloadError.bad_partial(
                self.path, f"is shorter than recorded in {self._state_path.name}"
            )
        self.cursor, self.pages, self.size = state["cursor"], state["pages"], state["bytes"]

    def _read_state(self) -> dict[str, Any]:
        try:
            state = json.loads(read_regular(self._state_path).decode("utf-8"))
        except FileNotFoundError:
            # The state file is created before the .part file, so a .part file alone is not ours.
            raise DownloadError.bad_partial(
                self.path, f"has no {self._state_path.name} beside it"
            ) from None
        except (OSError, ValueError):
            state = None
        types = {"query": dict, "cursor": str | None, "pages": int, "bytes": int}
        if not isinstance(state, dict) or not all(
            isinstance(state.get(key, ...), kind) for key, kind in types.items()
        ):
            raise DownloadError.bad_partial(self._state_path, "is not the state of a download")
        return state

    def _write_state(self) -> None:
        state = {
            "query": self._query,
            "cursor": self.cursor,
            "pages": self.pages,
            "bytes": self.size,
        }
        temporary = self._state_path.with_name(f"{self._state_path.name}.new")
        temporary.unlink(missing_ok=True)
        with open(temporary, "xb", opener=open_private) as file:
            file.write(json_bytes(state, indent=1))
        temporary.replace(self._state_path)

    def delete(self) -> None:
        """Delete the pages, then the state: a state alone is written again, pages alone are not."""
        self.path.unlink(missing_ok=True)
        self._delete_state()

    def _delete_state(self) -> None:
        self._state_path.with_name(f"{self._state_path.name}.new").unlink(missing_ok=True)
        self._state_path.unlink(missing_ok=True)

    def lines(self) -> Iterator[bytes]:
        """Yield the saved lines without line ends."""
        with open(self.path, "rb", opener=open_regular) as handle:
            for line in handle:
                yield line.rstrip(b"\n")

    def add(self, lines: Iterable[bytes], cursor: str | None) -> None:
        """Append a page's lines and record the next page's cursor (None after the last page)."""
        data = b"".join(line + b"\n" for line in lines)
        try:
            with open(self.path, "r+b", opener=open_private) as handle:
                if handle.seek(0, os.SEEK_END) != self.size:
                    raise DownloadError.bad_partial(self.path, "another process is writing to it")
                handle.write(data)
                handle.flush()
                # Flush to disk first: after a power cut, the state must not count a lost page.
                os.fsync(handle.fileno())
            self.pages, self.size, self.cursor = self.pages + 1, self.size + len(data), cursor
            if cursor is not None:
                self._write_state()
        except FileNotFoundError:
            raise DownloadError.bad_partial(self.path, "another process has finished it") from None
        except OSError as error:
            raise DownloadError.unwritable(self.path, error.strerror) from None

    def finish(self) -> None:
        """Rename the complete ``.part`` file to the output file and delete the state."""
        try:
            if not self._private:
                apply_umask(self.path)
            self.path.replace(self.out)
            self._delete_state()
        except OSError as error:
            raise DownloadError.unwritable(self.out, error.strerror) from None
