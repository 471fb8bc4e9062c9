"""Stable addresses of scheduled reports: ``ENTRY/PERIOD.html``, ``latest/ENTRY.html`` and feeds.

The pages are copies of run pages with links to the previous and the next report. Links in the file
system would be shorter, but foxgrape follows none. An index file in each folder lists its pages and
marks the folder as foxgrape's; no other folder is changed. All functions hold the lock of the
reports folder, or expect that the caller does.
"""

from __future__ import annotations

import html
import json
import re
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4, uuid5

from foxgrape.errors import ReportError
from foxgrape.reports.key_points import read_key_points
from foxgrape.reports.period_keys import period_key
from foxgrape.reports.rendering.feeds import ATOM, JSON, Feed, FeedItem, atom_feed, json_feed
from foxgrape.reports.rendering.run_index import CATALOGUE
from foxgrape.reports.run_folder import PAGE, open_locked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from foxgrape._util.directories import Directory

__all__ = ["LATEST", "latest_runs", "page_path", "publish", "refresh_addresses"]

#: Folder of the latest page of each entry, and of the feeds of all entries.
LATEST = "latest"
#: File that marks a folder of pages as foxgrape's and lists its pages.
_INDEX = ".foxgrape-pages.json"
_PAGE_NAME = re.compile(r"\d{8}T\d{6}Z\.html")
#: The key of a period after all others.
_END = "99991231T235959Z"
_MAX_ITEMS = 50
_STYLE = (
    "max-width:66rem;margin:0 auto;padding:.75rem 1.25rem 0;font-size:.9rem;"
    "display:flex;flex-wrap:wrap;gap:.25rem 1.25rem"
)


@dataclass(frozen=True, slots=True)
class _Page:
    """A page at a stable address.

    Attributes
    ----------
    period
        Key of the period.
    run_id
        The run of which the page is a copy.
    label
        Days of the report's period, or when it was due, in words.
    title, summary
        Text for feeds.
    updated
        Time of publication in ISO 8601.
    stamp
        Hash of all that the page depends on; empty if it is not yet written.
    """

    period: str
    run_id: str
    label: str
    title: str
    summary: str
    updated: str
    stamp: str = ""

    @property
    def name(self) -> str:
        """File name of the page."""
        return f"{self.period}.html"


def page_path(entry: str, period: str) -> str:
    """Return the path of a period's page in the reports folder.

    Examples
    --------
    >>> page_path("weekly", "20220912T040000Z")
    'weekly/20220912T040000Z.html'
    """
    return f"{entry}/{period}.html"


def publish(
    out: Path,
    entry: str,
    *,
    period: str,
    label: str,
    run_id: str,
    updated: str,
    base_url: str | None = None,
) -> None:
    """Copy the page of a run to its stable addresses, and update links and feeds.

    Parameters
    ----------
    out
        Folder of the runs.
    entry, period
        Name of the entry, and key of the period.
    label
        Days of the report's period, or when it was due, in words.
    run_id
        The run; if it has no page, nothing is written.
    updated
        Time of publication in ISO 8601; kept if the page was published before with this run.
    base_url
        Address at which the folder is served, ending in a slash; None if unknown.

    Raises
    ------
    ReportError
        If the folder of the entry, or ``latest``, was not created by foxgrape.
    OSError
        If a file cannot be written.
    """
    points = read_key_points(out, run_id)
    new = _Page(
        period=period,
        run_id=run_id,
        label=label,
        title=points.headline or points.title or entry,
        summary="\n".join([*points.figure_lines(), *points.points]),
        updated=updated,
    )
    with open_locked(out) as directory:
        if not _has_page(directory, run_id):
            return
        with _own_folder(directory, entry) as folder:
            pages = {page.period: page for page in _read_pages(folder)}
            old = pages.get(period)
            if old is not None and old.run_id == run_id:
                new = replace(new, updated=old.updated)
            pages[period] = new
            now = period_key(datetime.fromisoformat(updated))
            _write_entry(directory, folder, entry, list(pages.values()), base_url, now)


def refresh_addresses(directory: Directory) -> None:
    """Delete the pages of runs that no longer exist, and update links and feeds.

    A folder that cannot be updated is left as it is.

    Parameters
    ----------
    directory
        The reports folder, locked.
    """
    for entry, record in _entries(directory).items():
        with suppress(OSError, ReportError), _own_folder(directory, entry) as folder:
            base_url, now = record.get("base_url"), str(record.get("now", _END))
            _write_entry(directory, folder, entry, _read_pages(folder), base_url, now)


def latest_runs(directory: Directory) -> set[str]:
    """Return the ids of the runs whose pages are the latest of an entry."""
    return {str(record.get("run_id")) for record in _entries(directory).values()}


def _entries(directory: Directory) -> dict[str, dict[str, Any]]:
    """Return the entries with pages, as listed in the index of ``latest``."""
    with suppress(OSError), directory.child(LATEST) as latest:
        index = latest.read_json(_INDEX)
        entries = index.get("entries") if _is_marked(index, LATEST) else None
        if isinstance(entries, dict):
            return {name: value for name, value in entries.items() if isinstance(value, dict)}
    return {}


@contextmanager
def _own_folder(directory: Directory, name: str) -> Iterator[Directory]:
    """Open a folder of pages and create it if it is missing; raise if it is not foxgrape's."""
    with directory.child(name, make=True) as folder:
        if not _is_marked(folder.read_json(_INDEX), name):
            # A process may have died before it had marked the folder.
            if any(not entry.startswith(f".{_INDEX}") for entry in folder.names()):
                hint = "rename the folder, or the entry of the schedule"
                path = directory.path / name
                raise ReportError("is not a folder of foxgrape's pages", file=path, hint=hint)
            _write_index(folder, name, {"id": uuid4().urn})
        yield folder


def _is_marked(index: dict[str, Any], name: str) -> bool:
    return index.get("made_by") == "foxgrape" and index.get("folder") == name


def _write_index(folder: Directory, name: str, content: dict[str, Any]) -> None:
    marked = {"made_by": "foxgrape", "folder": name, **content}
    folder.write(_INDEX, f"{json.dumps(marked, ensure_ascii=False, indent=1)}\n".encode())


def _read_pages(folder: Directory) -> list[_Page]:
    pages = folder.read_json(_INDEX).get("pages", ())
    try:
        return [_Page(**page) for page in pages]
    except TypeError:
        return []


def _has_page(directory: Directory, run_id: str) -> bool:
    try:
        with directory.child(run_id) as run:
            return run.status(PAGE) is not None
    except OSError:
        return False


def _write_entry(
    directory: Directory,
    folder: Directory,
    entry: str,
    pages: list[_Page],
    base_url: str | None,
    now: str,
) -> None:
    """Write the pages of an entry that changed, delete those without a run, and write the feeds."""
    pages = [page for page in pages if _has_page(directory, page.run_id)]
    pages.sort(key=lambda page: page.period)
    names = set(folder.names())
    for number, page in enumerate(pages):
        links = _navigation(entry, pages, number)
        stamp = sha256(json.dumps([page.run_id, page.updated, links]).encode()).hexdigest()
        if page.stamp != stamp or page.name not in names:
            folder.write(page.name, _page_content(directory, page, links))
        pages[number] = replace(page, stamp=stamp)
    for name in filter(_PAGE_NAME.fullmatch, names - {page.name for page in pages}):
        folder.unlink(name)
    index_id = str(folder.read_json(_INDEX)["id"])
    items = [_feed_item(entry, index_id, page) for page in reversed(pages)]
    feed = Feed(index_id, entry, entry, f"{LATEST}/{entry}.html", items[:_MAX_ITEMS], base_url)
    _write_feeds(folder, feed)
    _write_index(folder, entry, {"id": index_id, "pages": [asdict(page) for page in pages]})
    with _own_folder(directory, LATEST) as latest:
        _write_latest(directory, latest, entry, pages, base_url, now)


def _write_latest(
    directory: Directory,
    latest: Directory,
    entry: str,
    pages: Sequence[_Page],
    base_url: str | None,
    now: str,
) -> None:
    """Write the latest page of an entry, and the feeds of all entries.

    A page of a period after `now`, built while the clock was ahead, is the latest only if there is
    no other.
    """
    index, name = latest.read_json(_INDEX), f"{entry}.html"
    entries = _entries(directory)
    if not pages:
        latest.unlink(name)
        entries.pop(entry, None)
    else:
        number = max((n for n, page in enumerate(pages) if page.period <= now), default=0)
        page = pages[number]
        before = entries.get(entry, {})
        if before.get("stamp") != page.stamp or latest.status(name) is None:
            links = _navigation(entry, pages, number)
            latest.write(name, _page_content(directory, page, links))
        entries[entry] = {
            "run_id": page.run_id,
            "stamp": page.stamp,
            "base_url": base_url,
            "now": now,
        }
    items = []
    for other in entries:
        with suppress(OSError), directory.child(other) as folder:
            other_id = str(folder.read_json(_INDEX).get("id"))
            newest = _read_pages(folder)[-_MAX_ITEMS:]
            items += [(page.period, _feed_item(other, other_id, page)) for page in newest]
    items.sort(key=lambda item: item[0], reverse=True)
    shown = [item for _, item in items[:_MAX_ITEMS]]
    feed = Feed(str(index["id"]), "Reports", LATEST, CATALOGUE, shown, base_url)
    _write_feeds(latest, feed)
    _write_index(latest, LATEST, {"id": index["id"], "entries": entries})


def _write_feeds(folder: Directory, feed: Feed) -> None:
    for name, render in ((ATOM, atom_feed), (JSON, json_feed)):
        if feed.items:
            folder.write(name, render(feed))
        else:
            folder.unlink(name)


def _feed_item(entry: str, index_id: str, page: _Page) -> FeedItem:
    try:
        namespace = UUID(index_id)
    except ValueError:  # the index was edited
        namespace = UUID(int=0)
    return FeedItem(
        id=uuid5(namespace, page.period).urn,
        path=page_path(entry, page.period),
        title=f"{entry}: {page.title}",
        summary=page.summary,
        updated=page.updated,
    )


def _page_content(directory: Directory, page: _Page, links: str) -> bytes:
    """Return the page of a run with the links before its main part."""
    with directory.child(page.run_id) as run:
        content = run.read(PAGE)
    before, main, after = content.partition(b"<main")
    return before + links.encode() + main + after if main else content


def _navigation(entry: str, pages: Sequence[_Page], number: int) -> str:
    """Return the links of a page to the previous and next page, the catalogue and the feed."""
    links = []
    if number > 0:
        links.append(_link(entry, pages[number - 1], "prev", "Previous"))
    if number + 1 < len(pages):
        links.append(_link(entry, pages[number + 1], "next", "Next"))
        links.append(f'<a href="../{LATEST}/{entry}.html">Latest</a>')
    links.append(f'<a href="../{CATALOGUE}">All reports</a>')
    links.append(f'<a href="../{entry}/{ATOM}" type="application/atom+xml">Feed</a>')
    return f'<nav aria-label="Reports" style="{_STYLE}">{"".join(links)}</nav>\n'


def _link(entry: str, page: _Page, relation: str, word: str) -> str:
    path = page_path(entry, page.period)
    return f'<a href="../{path}" rel="{relation}">{word}: {html.escape(page.label)}</a>'
