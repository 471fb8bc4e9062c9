"""Catalogue of a reports folder: a page that lists the runs, with search and filters.

Every update reads the run folders again, under the lock of the reports folder, so processes that
update the catalogue at the same time do not overwrite each other's entries.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape._util.directories import Directory
from foxgrape._util.files import write_atomic
from foxgrape._util.regular_files import read_regular
from foxgrape._util.unicode import replace_surrogates
from foxgrape._util.wording import days_in_words, shorten
from foxgrape.errors import ReportError
from foxgrape.reports.rendering.assets import csp_hash, image_data_url
from foxgrape.reports.rendering.page import static_text
from foxgrape.reports.rendering.pdf import PDF
from foxgrape.reports.run_folder import (
    LOG,
    MANIFEST,
    NOTEBOOK,
    PAGE,
    folder_lock,
    is_locked,
    open_locked,
    read_manifest,
)
from foxgrape.reports.series import series_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jinja2 import Template

__all__ = [
    "CATALOGUE",
    "THUMBNAIL",
    "CatalogueWriter",
    "RunSummary",
    "catalogue_page",
    "read_thumbnail",
    "run_summaries",
    "write_catalogue",
]

CATALOGUE, THUMBNAIL = "index.html", "thumbnail.png"
#: Minimum interval in seconds between updates while many runs start and end.
_UPDATE_SECONDS = 2.0
#: The files of a run that the catalogue links to, and their link texts.
_FILES = {PAGE: "page", PDF: "PDF", NOTEBOOK: "notebook", LOG: "log", MANIFEST: "manifest"}
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_THUMBNAIL_BYTES = 60_000
#: Runs in a sparkline, and its size in pixels without the margin.
_MAX_POINTS = 30
_LINE_WIDTH, _LINE_HEIGHT = 116, 20
#: Parts of what changed that the catalogue leaves out: the run before is in it, too.
_NO_CHANGES = ("Headline then:", "Test against chance then:", "Data: no file")


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run's entry in the catalogue.

    Attributes
    ----------
    run_id, template, title, headline
        As in the run's manifest; the headline is None if the notebook has no headline.
    status
        ``done``, ``failed``, or ``running``.
    error
        One-line description of the failure; None if the run did not fail.
    words
        The run's parameters in words, by name.
    places
        Names of the places among the parameters.
    period
        First and last day among the parameters; None if they contain no date.
    when
        The period in words; empty if there is no period.
    built_at
        Time at which the run was built or, if it is running, started; ISO 8601.
    links
        Paths of the run's files, relative to the catalogue, by link text.
    thumbnail
        Data URL of the thumbnail; None if the run has no valid thumbnail.
    series
        What the runs of the same report have in common.
    key_figure
        Name and value of the figure to compare with other runs; None if the report has none.
    changes
        Sentences on what changed since the run before.
    """

    run_id: str
    template: str
    title: str
    headline: str | None
    status: str
    error: str | None
    words: Mapping[str, str]
    places: tuple[str, ...]
    period: tuple[str, str] | None
    when: str
    built_at: str
    links: Mapping[str, str]
    thumbnail: str | None
    series: str
    key_figure: tuple[str, float] | None = None
    changes: tuple[str, ...] = ()

    @property
    def built(self) -> str:
        """The build time in words, in UTC."""
        instant = _instant(self.built_at)
        if instant is None or instant.tzinfo is None:
            return "at an unknown time"
        instant = instant.astimezone(UTC)
        return f"{instant.day} {instant:%b %Y, %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class _Sparkline:
    """A small line without axes: its label, points, last point, and the last value."""

    label: str
    points: str
    end: tuple[float, float]
    last: str


@dataclass(frozen=True, slots=True)
class _Entry:
    """The runs of one report, newest first."""

    runs: Sequence[RunSummary]
    sparkline: _Sparkline | None


def write_catalogue(
    out: str | Path = "reports",
    *,
    now: datetime,
    known: dict[Path, tuple[int, RunSummary]] | None = None,
) -> Path:
    """Write the catalogue of a reports folder, and return the catalogue's path.

    Parameters
    ----------
    out
        Folder of the runs.
    now
        The time to show as the time of the update.
    known
        Cached entries, as for `run_summaries`; by default, all manifests are read.

    Raises
    ------
    ReportError
        If the folder does not exist.
    OSError
        If the catalogue cannot be written; the previous catalogue is kept.

    Examples
    --------
    >>> from datetime import UTC
    >>> from tempfile import mkdtemp
    >>> write_catalogue(mkdtemp(), now=datetime(2026, 1, 1, tzinfo=UTC)).name
    'index.html'
    """
    folder = Path(out)
    if not folder.is_dir():
        hint = "build a report first with foxgrape report build"
        raise ReportError("there is no such folder", file=folder, hint=hint)
    with open_locked(folder):
        write_atomic(folder / CATALOGUE, _render(run_summaries(folder, known), now))
    return folder / CATALOGUE


def catalogue_page(out: str | Path = "reports", *, now: datetime) -> str:
    """Return the catalogue of a reports folder as HTML, without writing a file.

    Parameters
    ----------
    out
        Folder of the runs.
    now
        The time to show as the time of the update.
    """
    folder = Path(out)
    with folder_lock(folder):
        summaries = run_summaries(folder)
    return _render(summaries, now)


class CatalogueWriter:
    """Update the catalogues of reports folders while runs start and end in them.

    Errors, such as a full disk, are ignored: a run must not fail because of its catalogue, which
    the next run or ``foxgrape report catalogue`` writes again.

    Parameters
    ----------
    now
        The time to show as the time of the update; None for the current time.
    """

    def __init__(self, now: datetime | None) -> None:
        self._now = now
        self._caches: dict[Path, dict[Path, tuple[int, RunSummary]]] = {}
        self._written = float("-inf")

    def notify(self, out: Path) -> None:
        """Register a changed folder, and write the catalogues if `_UPDATE_SECONDS` have passed."""
        self._caches.setdefault(out, {})
        if time.monotonic() - self._written >= _UPDATE_SECONDS:
            self.write()

    def write(self) -> None:
        """Write the catalogues of all registered folders."""
        for out, known in self._caches.items():
            with suppress(OSError, ReportError):
                write_catalogue(out, now=self._now or datetime.now(UTC), known=known)
        self._written = time.monotonic()


def run_summaries(
    out: Path, known: dict[Path, tuple[int, RunSummary]] | None = None
) -> list[RunSummary]:
    """Return the catalogue entries of all runs in a reports folder, newest first.

    Call with ``folder_lock(out)`` held.

    Parameters
    ----------
    out
        Folder of the runs.
    known
        Cache of entries by run folder, with the modification times of the manifests in
        nanoseconds; updated in place. A manifest is read only if its modification time changed.
    """
    cached = {} if known is None else dict(known)
    current: dict[Path, tuple[int, RunSummary]] = {}
    for folder in _run_folders(out):
        try:
            modified = (folder / MANIFEST).stat().st_mtime_ns
            if cached.get(folder, (None, None))[0] == modified:
                current[folder] = cached[folder]
            elif (summary := _summarize(out, folder)) is not None:
                current[folder] = modified, summary
        except OSError:
            continue
    if known is not None:
        known.clear()
        known.update(current)
    summaries = [summary for _, summary in current.values()]
    return sorted(summaries, key=lambda run: (run.built_at, run.run_id), reverse=True)


def _run_folders(out: Path) -> list[Path]:
    """Return the folders of successful, failed and running runs, but not those in ``rebuilt``.

    Links are skipped, since they can lead out of the reports folder.
    """
    folders = []
    for parent in (out, out / "failed"):
        try:
            if parent != out:
                with Directory.open(out) as directory:
                    directory.refuse_link(parent.name)
            scanned = list(os.scandir(parent))
        except OSError:
            continue
        entries = [
            Path(entry.path)
            for entry in scanned
            # The name of a run is UTF-8.
            if replace_surrogates(entry.name) == entry.name and entry.is_dir(follow_symlinks=False)
        ]
        folders += [
            folder
            for folder in sorted(entries)
            if not folder.name.startswith(".")
            or (folder.name.startswith(".building-") and is_locked(folder))
        ]
    return folders


def _summarize(out: Path, folder: Path) -> RunSummary | None:
    """Return the catalogue entry of a run; None if the manifest cannot be read."""
    try:
        manifest = read_manifest(folder)
    except ReportError:
        return None
    about: Any = manifest.get("about")
    about = about if isinstance(about, dict) else {}
    running = folder.name.startswith(".")
    status = "running" if running else "done" if (folder / PAGE).is_file() else "failed"
    run_id = _text(manifest.get("run_id")) or folder.name
    return RunSummary(
        run_id=run_id,
        template=_text(manifest.get("template")),
        title=_text(manifest.get("title")) or run_id,
        headline=_text(manifest.get("headline")) or None,
        status=status,
        error=_text(manifest.get("error")) or None,
        words=_parameters(about.get("words"), manifest.get("parameters")),
        places=tuple(map(_text, _list(about.get("places")))),
        period=_period(about.get("period")),
        when=_days(about),
        built_at=_text(manifest.get("built_at")),
        links={} if running else _links(out, folder),
        thumbnail=None if running else read_thumbnail(folder),
        series=series_key(manifest),
        key_figure=_key_figure(manifest.get("key_figure")),
        changes=_changes(manifest),
    )


def _changes(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what changed in a line: how many signals, or else the first other sentence."""
    lines = [_text(line, 300) for line in _list(manifest.get("changes"))]
    lines = [line for line in lines if not line.startswith(_NO_CHANGES)]
    return tuple(line.partition(" Times in ")[0] for line in lines[:1])


def read_thumbnail(folder: Path) -> str | None:
    """Return a run's thumbnail as a data URL; None if the run has no valid thumbnail.

    Examples
    --------
    >>> from pathlib import Path
    >>> read_thumbnail(Path("none")) is None
    True
    """
    try:
        png = read_regular(folder / THUMBNAIL)
    except OSError:
        return None
    if not png.startswith(_PNG_SIGNATURE) or len(png) > _MAX_THUMBNAIL_BYTES:
        return None
    return image_data_url(png)


def _links(out: Path, folder: Path) -> dict[str, str]:
    path = folder.relative_to(out).as_posix()
    return {text: f"{path}/{name}" for name, text in _FILES.items() if (folder / name).is_file()}


def _parameters(words: Any, values: Any) -> dict[str, str]:
    """Return the parameters in words or, for runs of earlier versions, the plain values."""
    parameters = words if isinstance(words, dict) else values
    if not isinstance(parameters, dict):
        return {}
    return {_text(name): _text(value) for name, value in parameters.items() if value is not None}


def _key_figure(value: Any) -> tuple[str, float] | None:
    number = value.get("value") if isinstance(value, dict) else None
    if isinstance(number, bool) or not isinstance(number, int | float) or not isfinite(number):
        return None
    return _text(value.get("name"), 100), number


def _period(value: Any) -> tuple[str, str] | None:
    days = [_text(day) for day in _list(value)]
    if len(days) != len(("first", "last")) or not all(map(_instant, days)):
        return None
    return days[0][:10], days[1][:10]


def _days(about: Mapping[str, Any]) -> str:
    """Return the period in words; runs of earlier versions have none."""
    if "days" in about:
        return _text(about["days"])
    period = _period(about.get("period"))
    return "" if period is None else days_in_words(*map(date.fromisoformat, period))


def _instant(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _text(value: Any, max_length: int = 600) -> str:
    """Return a manifest value as text of at most `max_length` characters."""
    text = "" if value is None else str(value)
    return shorten(text, max_length)


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _entries(runs: Sequence[RunSummary]) -> list[_Entry]:
    """Group runs by entry; the entry with the newest run comes first."""
    groups: dict[str, list[RunSummary]] = {}
    for run in runs:
        groups.setdefault(run.series, []).append(run)
    return [_Entry(group, _sparkline(group)) for group in groups.values()]


def _sparkline(runs: Sequence[RunSummary]) -> _Sparkline | None:
    """Return a line of the key figure of an entry's last 30 runs; None for fewer than two.

    The runs are ordered by the end of their period, or else by when they were built.
    """
    ordered = sorted(runs, key=lambda run: (run.period[1] if run.period else "", run.built_at))
    figures = [run.key_figure for run in ordered if run.status == "done" and run.key_figure]
    names = {name for name, _ in figures}
    values = [value for _, value in figures][-_MAX_POINTS:]
    if len(values) < 2 or len(names) != 1:  # noqa: PLR2004 - a line has two ends
        return None
    low, high = min(values), max(values)
    step = _LINE_WIDTH / (len(values) - 1)
    points = [
        (round(step * at + 2, 1), round(_LINE_HEIGHT * (high - value) / ((high - low) or 1) + 2, 1))
        for at, value in enumerate(values)
    ]
    words = ", ".join(f"{value:,g}" for value in values)
    label = f"{names.pop()}, oldest run first: {words}"
    return _Sparkline(
        label, " ".join(f"{x},{y}" for x, y in points), points[-1], f"{values[-1]:,g}"
    )


def _render(runs: Sequence[RunSummary], now: datetime) -> str:
    style, script = static_text("index.css"), static_text("index.js")
    present = {run.status for run in runs}
    text: str = _template().render(
        runs=runs,
        entries=_entries(runs),
        templates=sorted({run.template for run in runs}),
        places=sorted({place for run in runs for place in run.places}),
        statuses=[status for status in ("done", "failed", "running") if status in present],
        dated=any(run.period for run in runs),
        now=f"{now.day} {now:%b %Y, %H:%M %Z}",
        style=style,
        script=script,
        policy=f"default-src 'none'; script-src '{csp_hash(script)}'; "
        f"style-src '{csp_hash(style)}'; img-src data:; base-uri 'none'; form-action 'none'",
    )
    return text


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(static_text("index.html.j2"))
