"""Reading posts from a file of any known format, whole or batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foxgrape import schemas
from foxgrape.errors import TableError
from foxgrape.io.base import (
    OnError,
    ReadContext,
    Reader,
    detect_format,
    iter_frames,
    validate_options,
)
from foxgrape.io.posts.bluesky import Bluesky
from foxgrape.io.posts.mastodon import Mastodon
from foxgrape.io.posts.table import Table
from foxgrape.io.posts.telegram_desktop import TelegramDesktop
from foxgrape.io.posts.telethon import Telethon
from foxgrape.io.posts.x_api import XApi
from foxgrape.io.posts.x_archive import XArchive
from foxgrape.io.stream import InputFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import pandas as pd

__all__ = ["FORMATS", "iter_posts", "read_posts"]

#: All formats, those with the plainest signs first; a table is what no other format claims.
FORMATS: dict[str, Reader] = {
    made.name: made
    for made in (
        TelegramDesktop(),
        Telethon(),
        XArchive(),
        XApi(),
        Mastodon(),
        Bluesky(),
        Table(),
    )
}


def read_posts(
    path: str | Path,
    *,
    format: str | None = None,  # noqa: A002 - the word of the contract
    account: str | None = None,
    timezone: str | None = None,
    columns: Mapping[str, str] | None = None,
    on_error: OnError = "raise",
) -> pd.DataFrame:
    """Read posts from an export, a data dump or a table, whatever it is called.

    Parameters
    ----------
    path
        A file, or one packed with gzip, zstd or zip. A CSV file in the shape of the posts table
        is read strictly: it must have every column, and times carry their offset.
    format
        Its format, where the content shall not decide: see ``docs/reference/formats``.
    account
        The account, where the file does not name it; also instead of a Telegram channel's title.
    timezone
        IANA name of the zone of times that have no offset.
    columns
        For a table: its column for each of ours, ``{"text": "message"}``. Columns that are not
        named are guessed from usual names.
    on_error
        ``"raise"`` stops at the first bad record, with its number and the reason.
        ``"quarantine"`` keeps the good ones, and lists the bad ones in ``attrs["quarantine"]``
        as plain dictionaries; `foxgrape.io.posts.quarantined` makes them a table.

    Returns
    -------
    DataFrame
        The posts table; columns that only this format has come after its own. Its ``attrs`` say
        the ``format``, how many records were ``read``, were ``no_posts`` (service messages, say)
        or ``repeated`` a post that is there already, and a table's ``mapping``.

    Raises
    ------
    TableError
        Names file, record and column of the first bad cell; also if the format is not known, or
        the file is cut off.

    Examples
    --------
    >>> from foxgrape._util.resources import study_folder
    >>> read_posts(study_folder("izium-2022") / "posts.csv")["account"].str.contains("Yermak").any()
    np.True_
    """
    door = InputFile(path)
    validate_options(door, timezone, on_error)
    found = detect_format(door, format, columns, FORMATS, "posts")
    if found is None:
        if on_error == "raise" and door.packing is None:
            return schemas.read_csv(path, "posts")
        found = FORMATS["table"]
    context = ReadContext(door.path, account, timezone, columns)
    (frame,) = iter_frames(door, found, context, "posts", on_error=on_error)
    return frame


def iter_posts(
    path: str | Path,
    *,
    format: str | None = None,  # noqa: A002
    account: str | None = None,
    timezone: str | None = None,
    columns: Mapping[str, str] | None = None,
    on_error: OnError = "raise",
    batch: int = 50_000,
    progress: Callable[[float], None] | None = None,
) -> Iterator[pd.DataFrame]:
    """Read posts batch by batch, in memory that does not grow with the file.

    A post that comes twice is told within a batch only: merge batches by ``post_id``.

    Parameters
    ----------
    path, format, account, timezone, columns, on_error
        As in `read_posts`.
    batch
        How many posts and bad records a frame tells, about: a record is never divided.
    progress
        Is called before each frame with the share of the file that was read.

    Returns
    -------
    iterator of DataFrame
        As `read_posts` gives them, each with the counts and the quarantine of its own batch.

    Raises
    ------
    TableError
        When the batch of the first bad record is reached.

    Examples
    --------
    >>> from foxgrape._util.resources import study_folder
    >>> file = study_folder("izium-2022") / "posts.csv"
    >>> sum(map(len, iter_posts(file, batch=2))) == len(read_posts(file))
    True
    """
    if batch < 1:
        raise TableError("a batch has at least one post", got=batch)
    door = InputFile(path)
    validate_options(door, timezone, on_error)
    found = detect_format(door, format, columns, FORMATS, "posts") or FORMATS["table"]
    context = ReadContext(door.path, account, timezone, columns)
    parts = iter_frames(door, found, context, "posts", on_error=on_error, batch=batch)
    return parts if progress is None else _watched(parts, door, progress)


def _watched(
    parts: Iterator[pd.DataFrame], door: InputFile, progress: Callable[[float], None]
) -> Iterator[pd.DataFrame]:
    for part in parts:
        progress(door.done)
        yield part
