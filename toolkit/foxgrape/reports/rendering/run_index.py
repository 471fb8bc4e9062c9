"""The catalogue of a folder of reports: a page that lists its runs, searched and filtered.

It is made from the folders of the runs each time, under the folder's lock: whoever writes it last
has seen all that was there, so workers that end at the same time lose nothing.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from foxgrape._util.files import write_atomic
from foxgrape.errors import ReportError
from foxgrape.reports.rendering.cards import RunSummary, run_summaries
from foxgrape.reports.rendering.page import hashed, part
from foxgrape.reports.run_folder import folder_lock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Template

__all__ = ["CATALOGUE", "Catalogues", "catalogue_page", "write_catalogue"]

CATALOGUE = "index.html"
#: Seconds from one renewal to the next, while many runs come and go.
_PAUSE = 2.0


def write_catalogue(
    out: str | Path = "reports",
    *,
    now: datetime,
    known: dict[Path, tuple[int, RunSummary]] | None = None,
) -> Path:
    """Write the catalogue of a folder of reports, whole, and return its path.

    Parameters
    ----------
    out
        Folder of the runs.
    now
        The time to record.
    known
        See `cards`; by default every run is read.

    Raises
    ------
    ReportError
        If there is no such folder.
    OSError
        If it cannot be written; the last one then stays as it was.

    Examples
    --------
    >>> from datetime import UTC
    >>> from tempfile import mkdtemp
    >>> write_catalogue(mkdtemp(), now=datetime(2026, 1, 1, tzinfo=UTC)).name
    'index.html'
    """
    folder = Path(out)
    if not folder.is_dir():
        raise ReportError("there is no such folder", file=folder, hint="foxgrape report build")
    with folder_lock(folder):
        write_atomic(folder / CATALOGUE, _rendered(run_summaries(folder, known), now))
    return folder / CATALOGUE


def catalogue_page(out: str | Path = "reports", *, now: datetime) -> str:
    """Return the catalogue as it would be written.

    Parameters
    ----------
    out
        Folder of the runs.
    now
        The time to record.
    """
    folder = Path(out)
    with folder_lock(folder):
        found = run_summaries(folder)
    return _rendered(found, now)


class Catalogues:
    """Renews the catalogues of folders while runs begin and end in them.

    A run does not fail because no list of runs can be written, as on a full disk: the next run, or
    ``foxgrape report catalogue``, writes it.

    Parameters
    ----------
    now
        The time to record; None for the clock's.
    """

    def __init__(self, now: datetime | None) -> None:
        self._now = now
        self._known: dict[Path, dict[Path, tuple[int, RunSummary]]] = {}
        self._last = float("-inf")

    def touch(self, out: Path) -> None:
        """Take note that something has changed in a folder; write now and then."""
        self._known.setdefault(out, {})
        if time.monotonic() - self._last >= _PAUSE:
            self.write()

    def write(self) -> None:
        """Write the catalogue of each folder in which something was done."""
        for out, known in self._known.items():
            with suppress(OSError, ReportError):
                write_catalogue(out, now=self._now or datetime.now(UTC), known=known)
        self._last = time.monotonic()


def _rendered(found: Sequence[RunSummary], now: datetime) -> str:
    style, script = part("index.css"), part("index.js")
    text: str = _template().render(
        cards=found,
        templates=sorted({card.template for card in found}),
        places=sorted({place for card in found for place in card.places}),
        statuses=[one for one in ("done", "failed", "running") if one in {c.status for c in found}],
        dated=any(card.period for card in found),
        now=f"{now.day} {now:%b %Y, %H:%M %Z}",
        style=style,
        script=script,
        policy=f"default-src 'none'; script-src '{hashed(script)}'; style-src '{hashed(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'",
    )
    return text


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    engine = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return engine.from_string(part("index.html.j2"))
