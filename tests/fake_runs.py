"""Folders filled with runs that were never run, for tests of what lists them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from foxgrape.reports.rendering.run_index import write_catalogue
from foxgrape.reports.rendering.sketch import sketch
from foxgrape.reports.run_folder import folder_lock
from foxgrape.reports.templates.describe import describe_run

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 25, 7, tzinfo=UTC)
PLACES = ["geonames:707292", "geonames:702972"]  # Izium, Lysychansk
RULES = {
    "place": {"format": "place"},
    "since": {"format": "date"},
    "until": {"type": ["string", "null"], "format": "date"},
    "confirmed_by": {"type": ["string", "null"]},
    "token": {"format": "secret"},
}
LINE = {"data": [{"type": "scatter", "x": [0, 1], "y": [0, 1]}], "layout": {}}


def fake(out: Path, number: int, **more) -> Path:
    """Lay a run into a folder: every fifth failed, places take turns, a week after the other."""
    failed = number % 5 == 4
    since = date(2022, 9, 1) + timedelta(weeks=number)
    values = {
        "place": PLACES[number % 2],
        "since": str(since),
        "until": str(since + timedelta(days=6)),
        "confirmed_by": None,
        "token": "FOXGRAPE_TOKEN",
    }
    name = "place_brief" if number % 2 else "weekly_brief"
    folder = (out / "failed" if failed else out) / f"{name}-{number:04}"
    folder.mkdir(parents=True)
    for file in ("notebook.ipynb", "log.txt" if failed else "report.html"):
        (folder / file).write_text("{}", encoding="utf-8")
    told = {
        "run_id": folder.name,
        "status": "failed" if failed else "done",
        "error": "cell 3: it broke" if failed else None,
        "template": name,
        "title": f"Report {number}",
        "headline": f"Found {number} leads",
        "parameters": values,
        "about": describe_run(RULES, values),
        "built_at": (NOW - timedelta(hours=number)).isoformat(),
        **more,
    }
    (folder / "manifest.json").write_text(json.dumps(told), encoding="utf-8")
    (folder / "thumbnail.svg").write_text(sketch(LINE) or "", encoding="utf-8")
    return folder


def fill(out: Path, first: int) -> None:
    """Lay 15 runs into a folder, and renew its catalogue after each; processes find this here."""
    for number in range(first, first + 15):
        with folder_lock(out):
            fake(out, number)
        write_catalogue(out, now=NOW)
