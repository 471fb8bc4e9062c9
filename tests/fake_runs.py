"""Create folders of runs without executing them."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from foxgrape.reports.rendering.run_index import write_catalogue
from foxgrape.reports.run_folder import folder_lock
from foxgrape.reports.templates.discovery import describe_run

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
#: A white pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mP4DwABAQEAG7buVgAAAABJRU5ErkJggg=="
)


def fake(out: Path, number: int, **more) -> Path:
    """Create a run: every fifth failed, places alternate, weeks follow each other."""
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
    manifest = {
        "run_id": folder.name,
        "status": "failed" if failed else "done",
        "error": "cell 3: it broke" if failed else None,
        "template": name,
        "title": f"Report {number}",
        "series": str(more.get("title", number)),
        "headline": f"Found {number} leads",
        "parameters": values,
        "about": describe_run(RULES, values),
        "built_at": (NOW - timedelta(hours=number)).isoformat(),
        **more,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (folder / "thumbnail.png").write_bytes(PNG)
    return folder


def fill(out: Path, first: int) -> None:
    """Create 15 runs, updating the catalogue after each; a target for processes."""
    for number in range(first, first + 15):
        with folder_lock(out):
            fake(out, number)
        write_catalogue(out, now=NOW)
