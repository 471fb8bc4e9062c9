"""The download itself: page after page, each doubted before it is kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape.errors import DownloadError
from foxgrape.io.download.credentials import auth_for
from foxgrape.io.download.http import HttpClient, RetryPolicy, validate_server
from foxgrape.io.download.partial import PartialDownload
from foxgrape.io.download.source import InvalidResponseError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pandas as pd

    from foxgrape.io.download.source import Page, Source

__all__ = ["Download", "download"]

#: So many pages in a row without an item are a server that leads us on.
_MOST_EMPTY = 50


@dataclass(frozen=True, slots=True)
class Download:
    """What was downloaded, or so far.

    Attributes
    ----------
    path
        The file, in which it is whole.
    format
        As `read_posts` or `read_events` call it.
    server
        Who gave it.
    items
        How many statuses, posts or events it holds.
    kind
        What they are called.
    pages, size
        How many answers and bytes it is made of.
    resumed
        Whether an earlier call began it.
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
        """Say it in one sentence."""
        again = ", of which an earlier call had begun" if self.resumed else ""
        return (
            f"{self.path}: {self.items:,} {self.kind} in {self.pages:,} answers of "
            f"{self.server}{again}; read it as {self.format}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)

    def to_frame(self) -> pd.DataFrame:
        """Return it as one row."""
        import pandas as pd

        return pd.DataFrame([self.to_dict()])


class _Ledger:
    """What the server has told so far, to catch it when it contradicts itself."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.cursors: set[str] = set()
        self.total: int | None = None
        self._empty = 0

    def add(self, page: Page) -> None:
        """Doubt a page, then book it."""
        new = set(page.ids)
        repeated = len(page.ids) - len(new - self.ids)
        if repeated:
            raise InvalidResponseError(
                f"{repeated} of its {len(page.ids)} items came before: the data changed meanwhile, "
                "or the server errs"
            )
        if page.total is not None:
            if self.total not in {None, page.total}:
                raise InvalidResponseError(
                    f"it says {page.total} items in all, and before it was {self.total}: "
                    "the data changed meanwhile, or the server errs"
                )
            self.total = page.total
        if page.cursor is not None and page.cursor in self.cursors:
            raise InvalidResponseError("its cursor does not move on")
        self._empty = 0 if page.ids else self._empty + 1
        if self._empty > _MOST_EMPTY:
            raise InvalidResponseError(f"it is the {self._empty}th in a row without anything in it")
        self.ids |= new
        if page.cursor is None:
            self.close()
        else:
            self.cursors.add(page.cursor)

    def reread(self, page: Page) -> None:
        """Book a line that is in the file already, whichever page it was of."""
        self.add(replace(page, cursor=page.cursor or ""))
        self.cursors.discard("")

    def close(self) -> None:
        """Compare what came with what was promised."""
        if self.total is not None and self.total != len(self.ids):
            raise InvalidResponseError(
                f"it is the last, {len(self.ids)} items came, and {self.total} were promised"
            )


def download(
    source: Source,
    out: str | Path,
    *,
    restart: bool = False,
    tries: int = 6,
    timeout: float = 30,
    max_wait: float = 900,
    rng: np.random.Generator | int | None = None,
    sleep: Callable[[float], object] | None = None,
    now: Callable[[], float] | None = None,
    progress: Callable[[Download], object] | None = None,
) -> Download:
    """Download all that a source has into a file, as the server gave it; go on where it stopped.

    The file appears under its name when the last page has come. Until then what came stands in
    ``OUT.part``, and the same call goes on from there, whatever ended the one before.

    Parameters
    ----------
    source
        `Mastodon`, `Bluesky`, `Acled` or `Ucdp`.
    out
        The file to make; it is not there yet. Its folder is.
    restart
        Drop what an earlier call left.
    tries
        How often each question is asked before giving up; in between we wait, longer each time,
        or as long as the server says.
    timeout
        Seconds without a byte after which an attempt has failed.
    max_wait
        The longest wait, in seconds, that a server may ask for.
    rng
        Draws the jitter of the waits: a generator or a seed.
    sleep, now
        Instead of waiting, and of the seconds since 1970; for tests.
    progress
        Called after each page with what there is so far.

    Returns
    -------
    Download

    Raises
    ------
    DownloadError
        If credentials are missing or refused, the server fails or contradicts itself, the file
        is there, or its part is one of another query. What came is kept.

    Examples
    --------
    >>> from foxgrape.io.download import Mastodon
    >>> download(Mastodon("http://mastodon.example", "minister"), "statuses.jsonl")
    Traceback (most recent call last):
    foxgrape.errors.DownloadError: not an address to ask: anybody on the way could read it; ...
    """
    import numpy as np

    manners = RetryPolicy(np.random.default_rng(rng), tries, timeout, max_wait)
    manners = replace(manners, sleep=sleep or manners.sleep, now=now or manners.now)
    if tries < 1:
        raise DownloadError("bad tries", expected="at least 1", got=tries)
    server = validate_server(source.server)
    auth = auth_for(source)
    part = PartialDownload(Path(out), source.query() | {"server": server}, restart=restart)
    with HttpClient(server, manners, auth) as talk:
        try:
            return _all_pages(source, talk, part, progress)
        except DownloadError as error:
            told = DownloadError.resumable(error, part.path, part.pages)
            if not part.pages:
                part.drop()
    # Raised here, the error leads to no request, and so to nothing that a request carries.
    raise told


def _all_pages(
    source: Source,
    talk: HttpClient,
    part: PartialDownload,
    progress: Callable[[Download], object] | None,
) -> Download:
    ledger = _ledger_of(source, part, talk.host)
    resumed = part.pages > 0
    while True:
        cursor = part.cursor
        ask = source.ask(cursor)
        answer = talk.get(ask.path, ask.params)
        try:
            page = source.page(answer.body, cursor)
            ledger.add(page)
        except InvalidResponseError as error:
            raise DownloadError.bad_response(talk.host, part.pages + 1, str(error)) from None
        part.add(page.lines, page.cursor)
        so_far = Download(
            path=str(part.out),
            format=source.name,
            server=talk.host,
            items=len(ledger.ids),
            kind=source.items,
            pages=part.pages,
            size=part.size,
            resumed=resumed,
        )
        if progress is not None:
            progress(so_far)
        if page.cursor is None:
            part.finish()
            return so_far


def _ledger_of(source: Source, part: PartialDownload, host: str) -> _Ledger:
    """Return what the server told in the lines that are there."""
    ledger = _Ledger()
    if part.cursor is not None:
        for number, line in enumerate(part.lines(), start=1):
            try:
                ledger.reread(source.reread(line))
            except InvalidResponseError as error:
                raise DownloadError.bad_partial(
                    part.path, f"line {number} is not what {host} sent: {error}"
                ) from None
        ledger.cursors.add(part.cursor)
    return ledger
