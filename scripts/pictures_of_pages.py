"""Take the pictures of a page and of the catalogue that the docs show, in Chromium.

Run as ``python scripts/pictures_of_pages.py`` after the pages have changed; writes
``docs/images/page-*.png`` and ``docs/images/catalogue-*.png``: light, dark, on a phone, on paper.
"""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from foxgrape import ReportRequest, run_report, run_reports

if TYPE_CHECKING:
    from playwright.sync_api import Browser

IMAGES = Path(__file__).parents[1] / "docs" / "images"
#: The runs have a time of their own, or no picture would be like the one before.
NOW = datetime(2026, 1, 5, 7, tzinfo=UTC)
#: Colour scheme, medium, width, height.
WAYS = {
    "light": ("light", "screen", 960, 1000),
    "dark": ("dark", "screen", 960, 1000),
    "phone": ("light", "screen", 390, 1000),
    "paper": ("light", "print", 794, 1123),  # A4
}
ASKED = [
    ("lead_times", {}),
    ("place_brief", {"place": "Izium"}),
    ("place_brief", {"place": "Lysychansk", "horizon": "60D"}),
    ("account_profile", {"account": "Andriy Yermak"}),
]


def main() -> None:
    """Build reports aside and take their pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        out = Path(folder) / "reports"
        # A catalogue shows what failed as well.
        run_report("lead_times", parameters={"horizon": "7D"}, out=out, cell_seconds=0.2, now=NOW)
        asked = [ReportRequest(name, parameters=values, out=out) for name, values in ASKED]
        built = run_reports(asked, workers=1, now=NOW)
        faults = [run.error for run in built if run.error]
        if faults:
            raise SystemExit(faults[0])
        chromium = play.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for file in (out / "index.html", built[0].manifest.with_name("report.html")):
            take(chromium, file, "catalogue" if file.name == "index.html" else "page")
        chromium.close()


def take(chromium: Browser, file: Path, name: str) -> None:
    """Take a file's picture in each way that it is read."""
    for way, (scheme, medium, width, height) in WAYS.items():
        tab = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        tab.goto(file.as_uri())
        if name == "page":
            tab.wait_for_selector("figure.plot.drawn .main-svg", state="attached")
        if medium == "print":
            tab.emulate_media(media="print", color_scheme=scheme)
            tab.evaluate("document.body.style.margin = '14mm'")
            tab.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        tab.screenshot(path=IMAGES / f"{name}-{way}.png")
        tab.close()


if __name__ == "__main__":
    main()
