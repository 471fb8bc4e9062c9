"""What the catalogue says of each run, read from the folders of the runs and nothing else."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape._util.directories import Directory
from foxgrape.errors import ReportError
from foxgrape.reports.rendering.thumbnail import read_thumbnail
from foxgrape.reports.run_folder import LOG, MANIFEST, NOTEBOOK, PAGE, is_locked, read_manifest
from foxgrape.reports.templates.describe import day_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RunSummary", "run_summaries"]

#: What can be opened of a run, and what it is called.
_FILES = {PAGE: "page", NOTEBOOK: "notebook", LOG: "log", MANIFEST: "manifest"}


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What is said of one run.

    Attributes
    ----------
    run_id, template, title, headline
        What it is. The headline is None where the template tells none.
    status
        ``done``, ``failed``, or ``running`` when somebody was at it as this was read.
    error
        Why it failed, in one line.
    words
        Its parameters, by their names in words.
    places, period
        What it is about; the period as first and last day, or None.
    built_at
        When it was built, or begun; ISO 8601.
    links
        Path from the catalogue's folder, by what is found there.
    thumbnail
        Safe markup, or None.
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
    built_at: str
    links: Mapping[str, str]
    thumbnail: str | None

    @property
    def when(self) -> str:
        """The period in words; nothing if there is none."""
        if self.period is None:
            return ""
        first, last = map(day_in_words, self.period)
        return first if first == last else f"{first} to {last}"

    @property
    def built(self) -> str:
        """When it was built, in words."""
        read = _instant(self.built_at)
        if read is None or read.tzinfo is None:
            return "at a time that is not known"
        read = read.astimezone(UTC)
        return f"{read.day} {read:%b %Y, %H:%M} UTC"


def run_summaries(
    out: Path, known: dict[Path, tuple[int, RunSummary]] | None = None
) -> list[RunSummary]:
    """Return what is to be said of each run of a folder, the newest first.

    Whoever calls holds the lock of the folder, so that none is moved meanwhile.

    Parameters
    ----------
    out
        Folder of the runs.
    known
        What was read before, by folder, with the time of its manifest; is kept up to date. A run
        that did not change is not read again.
    """
    before = {} if known is None else dict(known)
    found: dict[Path, tuple[int, RunSummary]] = {}
    for folder in _folders(out):
        try:
            changed = (folder / MANIFEST).stat().st_mtime_ns
            if before.get(folder, (None, None))[0] == changed:
                found[folder] = before[folder]
            elif (made := _card(out, folder)) is not None:
                found[folder] = changed, made
        except OSError:
            continue
    if known is not None:
        known.clear()
        known.update(found)
    found_cards = [card for _, card in found.values()]
    return sorted(found_cards, key=lambda card: (card.built_at, card.run_id), reverse=True)


def _folders(out: Path) -> list[Path]:
    """Return where runs lie, failed ones and those that somebody is at too; not the rebuilt.

    What a link leads to lies elsewhere.
    """
    found = []
    for parent in (out, out / "failed"):
        try:
            if parent != out:
                with Directory.open(out) as place:
                    place.refuse_link(parent.name)
            scanned = list(os.scandir(parent))
        except OSError:
            continue
        entries = [Path(entry.path) for entry in scanned if entry.is_dir(follow_symlinks=False)]
        found += [
            folder
            for folder in sorted(entries)
            if not folder.name.startswith(".")
            or (folder.name.startswith(".building-") and is_locked(folder))
        ]
    return found


def _card(out: Path, folder: Path) -> RunSummary | None:
    """Return what a run's folder says; None if it says nothing that can be understood."""
    try:
        told = read_manifest(folder)
    except ReportError:
        return None
    about: Any = told.get("about")
    about = about if isinstance(about, dict) else {}
    running = folder.name.startswith(".")
    whole = (folder / PAGE).is_file()
    status = "running" if running else "done" if whole else "failed"
    run_id = _word(told.get("run_id")) or folder.name
    return RunSummary(
        run_id=run_id,
        template=_word(told.get("template")),
        title=_word(told.get("title")) or run_id,
        headline=_word(told.get("headline")) or None,
        status=status,
        error=_word(told.get("error")) or None,
        words=_words(about.get("words"), told.get("parameters")),
        places=tuple(map(_word, _listed(about.get("places")))),
        period=_period(about.get("period")),
        built_at=_word(told.get("built_at")),
        links={} if running else _links(out, folder),
        thumbnail=None if running else read_thumbnail(folder),
    )


def _links(out: Path, folder: Path) -> dict[str, str]:
    there = folder.relative_to(out).as_posix()
    return {what: f"{there}/{name}" for name, what in _FILES.items() if (folder / name).is_file()}


def _words(told: Any, parameters: Any) -> dict[str, str]:
    """Return parameters in words; runs of earlier versions told them only as they are."""
    shown = told if isinstance(told, dict) else parameters
    if not isinstance(shown, dict):
        return {}
    return {_word(name): _word(value) for name, value in shown.items() if value is not None}


def _period(told: Any) -> tuple[str, str] | None:
    days = [_word(day) for day in _listed(told)]
    if len(days) != len(("first", "last")) or not all(map(_instant, days)):
        return None
    return days[0][:10], days[1][:10]


def _instant(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _word(value: Any, longest: int = 600) -> str:
    """Return a value as text that a card has room for."""
    text = "" if value is None else str(value)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []
