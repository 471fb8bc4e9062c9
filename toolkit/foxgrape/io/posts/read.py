"""Read posts from a file of any known format, at once or in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, overload

from foxgrape.errors import TableError
from foxgrape.io.base import (
    OnError,
    ReadContext,
    Reader,
    choose_reader,
    iter_frames,
    read_file,
)
from foxgrape.io.merge import join_files
from foxgrape.io.posts.auto_archiver import AutoArchiverReader
from foxgrape.io.posts.bluesky import BlueskyReader
from foxgrape.io.posts.bluesky_car import BlueskyCarReader
from foxgrape.io.posts.crowdtangle import CrowdTangleReader
from foxgrape.io.posts.feeds import FeedReader
from foxgrape.io.posts.mastodon import MastodonReader
from foxgrape.io.posts.snscrape import SnscrapeReader
from foxgrape.io.posts.table import PostTableReader
from foxgrape.io.posts.telegram import TelegramDesktopReader
from foxgrape.io.posts.telegram_dumps import PyrogramReader, TelethonReader
from foxgrape.io.posts.telegram_html import TelegramHtmlReader
from foxgrape.io.posts.telegram_scraper import TelegramScraperReader
from foxgrape.io.posts.vk import VkReader
from foxgrape.io.posts.x import XApiReader
from foxgrape.io.posts.x_archive import XArchiveReader
from foxgrape.io.posts.x_legacy import XLegacyReader, ZeeschuimerReader
from foxgrape.io.posts.x_tables import TwarcCsvReader, TwintReader
from foxgrape.io.read_report import Note, ReadReport, merge_notes, warn_about
from foxgrape.io.sources import as_list, open_input, source_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pandas as pd

    from foxgrape.io.sources import Source, Sources
    from foxgrape.io.stream import InputFile
    from foxgrape.io.written_times import DateOrder

    class _Options(TypedDict, total=False):
        format: str | None
        account: str | None
        timezone: str | None
        columns: Mapping[str, str | None] | None
        encoding: str | None
        sheet: str | None
        dates: DateOrder | None
        midnight: Literal["day", "exact"] | None
        on_error: OnError

    class _BatchOptions(_Options, total=False):
        batch: int
        progress: Callable[[float], None] | None


__all__ = ["FORMATS", "iter_posts", "read_posts"]

#: In the order of detection: the most specific first, tables last.
FORMATS: dict[str, Reader] = {
    reader.name: reader
    for reader in (
        TelegramDesktopReader(),
        TelegramHtmlReader(),
        PyrogramReader(),
        TelegramScraperReader(),
        TelethonReader(),
        SnscrapeReader(),
        ZeeschuimerReader(),
        XArchiveReader(),
        XLegacyReader(),
        XApiReader(),
        TwintReader(),
        TwarcCsvReader(),
        MastodonReader(),
        BlueskyReader(),
        BlueskyCarReader(),
        VkReader(),
        FeedReader(),
        AutoArchiverReader(),
        CrowdTangleReader(),
        PostTableReader(),
    )
}


@overload
def read_posts(
    path: Sources, *, with_report: Literal[False] = False, **options: Unpack[_Options]
) -> pd.DataFrame: ...
@overload
def read_posts(
    path: Sources, *, with_report: Literal[True], **options: Unpack[_Options]
) -> tuple[pd.DataFrame, ReadReport]: ...
def read_posts(
    path: Sources,
    *,
    format: str | None = None,  # noqa: A002 - part of the public interface
    account: str | None = None,
    timezone: str | None = None,
    columns: Mapping[str, str | None] | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
    dates: DateOrder | None = None,
    midnight: Literal["day", "exact"] | None = None,
    on_error: OnError = "raise",
    with_report: bool = False,
) -> pd.DataFrame | tuple[pd.DataFrame, ReadReport]:
    """Read posts from an export or a table; the content decides the format, not the file's name.

    Parameters
    ----------
    path
        A file, plain or compressed with gzip, zstd or zip; the folder, zip archive or tar archive
        of an export; a pandas frame; or a list of these,
        which must not contain different rows for one post. A CSV file with the header of the posts
        table is read strictly: it must have every column, and times must have an offset.
    format
        Name of the format, to skip the detection: see ``docs/reference/formats``.
    account
        The account, if the file does not name it; also replaces a Telegram channel's title.
    timezone
        IANA zone of days, and of times without an offset.
    columns
        For a table: a dictionary from foxgrape's column names to the file's, such as
        ``{"text": "message"}``; None as the name leaves a column out. Other columns are recognized
        by their usual names.
    encoding
        Encoding of a text file; by default UTF-8, UTF-16 or what the text looks like.
    sheet
        Name of the worksheet, for a workbook; by default the first one with a table, and all
        others that have the same header.
    dates
        For a table: ``"dmy"`` or ``"mdy"``, the order of numeric dates such as 10/09/2022. By
        default, a day after the 12th anywhere in the file decides.
    midnight
        For a table: whether a time at midnight stands for the ``"day"`` or is ``"exact"``. By
        default, a column in which every time is midnight is a column of days.
    on_error
        ``"raise"`` stops at the first bad record; ``"quarantine"`` leaves bad records out and
        lists them in the report.
    with_report
        Also return a `foxgrape.io.read_report.ReadReport`: the format, counts of records, a table's
        column mapping, the bad records, and notes on what was reinterpreted. Without a report, bad
        records that are left out cause a `foxgrape.io.read_report.QuarantineWarning`, and what had
        to be assumed a `foxgrape.io.read_report.ReadWarning`.

    Returns
    -------
    DataFrame, or tuple of DataFrame and ReadReport
        The columns of the posts table, then the columns that only this format has; for several
        files, also ``source_file``.

    Raises
    ------
    TableError
        If the format is unknown, or, with ``on_error="raise"``, if a record is bad or the file is
        cut off. The message names the file, the record and, if known, the column.

    Examples
    --------
    >>> from foxgrape._util.files import study_folder
    >>> read_posts(study_folder("izium-2022") / "posts.csv")["account"].str.contains("Yermak").any()
    np.True_
    """
    files = []
    for source in as_list(path):
        file = open_input(source, FORMATS, format, encoding=encoding, sheet=sheet)
        context = ReadContext(
            file.path, account, timezone, columns, dates=dates, midnight=midnight, file=file
        )
        frame, report = read_file(context, FORMATS, "posts", format=format, on_error=on_error)
        files.append((source_name(source), frame, report))
    frame, report = join_files("posts", files)
    if with_report:
        return frame, report
    bad = report.quarantine
    warn_about(", ".join(name for name, *_ in files), report.notes, len(bad), next(iter(bad), None))
    return frame


@overload
def iter_posts(
    path: Source, *, with_report: Literal[False] = False, **options: Unpack[_BatchOptions]
) -> Iterator[pd.DataFrame]: ...
@overload
def iter_posts(
    path: Source, *, with_report: Literal[True], **options: Unpack[_BatchOptions]
) -> Iterator[tuple[pd.DataFrame, ReadReport]]: ...
def iter_posts(
    path: Source,
    *,
    format: str | None = None,  # noqa: A002
    account: str | None = None,
    timezone: str | None = None,
    columns: Mapping[str, str | None] | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
    dates: DateOrder | None = None,
    midnight: Literal["day", "exact"] | None = None,
    on_error: OnError = "raise",
    batch: int = 50_000,
    progress: Callable[[float], None] | None = None,
    with_report: bool = False,
) -> Iterator[pd.DataFrame] | Iterator[tuple[pd.DataFrame, ReadReport]]:
    """Read posts in batches, with memory use that does not depend on the file's size.

    Repeated posts are removed only within a batch: to combine batches, merge them by platform,
    account and post_id.

    Parameters
    ----------
    path
        A single file or frame, as in `read_posts`.
    format, account, timezone, columns, encoding, sheet, dates, midnight, on_error
        As in `read_posts`.
    batch
        Number of posts and bad records per batch; approximate, since a record is never divided.
    progress
        Called before each batch with the fraction of the file that has been read.
    with_report
        Yield a report with each batch. Without reports, warnings at the end of the iteration give
        the number of bad records that were left out, and what had to be assumed.

    Returns
    -------
    iterator of DataFrame, or of tuples of DataFrame and ReadReport
        As `read_posts` returns them, for each batch.

    Raises
    ------
    TableError
        As `read_posts` does; for a bad record, when the iteration reaches its batch.

    Examples
    --------
    >>> from foxgrape._util.files import study_folder
    >>> file = study_folder("izium-2022") / "posts.csv"
    >>> sum(map(len, iter_posts(file, batch=2))) == len(read_posts(file))
    True
    """
    if batch < 1:
        raise TableError("batch must be at least 1", got=batch)
    file = open_input(path, FORMATS, format, encoding=encoding, sheet=sheet)
    context = ReadContext(
        file.path, account, timezone, columns, dates=dates, midnight=midnight, file=file
    )
    reader = choose_reader(context, FORMATS, "posts", format=format, on_error=on_error)
    reader = reader or FORMATS["table"]
    batches = iter_frames(file, reader, context, "posts", on_error=on_error, batch=batch)
    return _iter_batches(batches, file, progress, with_report=with_report)


def _iter_batches(
    batches: Iterator[tuple[pd.DataFrame, ReadReport]],
    file: InputFile,
    progress: Callable[[float], None] | None,
    *,
    with_report: bool,
) -> Iterator[Any]:
    quarantined, first = 0, None  # type: tuple[int, dict[str, Any] | None]
    notes: list[Note] = []
    try:
        for frame, report in batches:
            if progress is not None:
                progress(file.fraction_read)
            if with_report:
                yield frame, report
                continue
            if report.quarantine:
                first = first or report.quarantine[0]
                quarantined += len(report.quarantine)
            notes = merge_notes([*notes, *report.notes])
            yield frame
    finally:
        warn_about(file.path, notes, quarantined, first)
