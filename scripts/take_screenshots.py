"""Take the screenshots of a report page and of the report index that the docs show, in Chromium.

Run as ``python scripts/take_screenshots.py`` after the pages have changed. Writes
``docs/images/page-*.png`` and ``docs/images/catalogue-*.png``: light, dark, phone and print.
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
#: Fixed run time of the reports, so that screenshots differ only if the pages differ.
NOW = datetime(2026, 1, 5, 7, tzinfo=UTC)
#: Variant -> colour scheme, medium, width and height in pixels.
VARIANTS = {
    "light": ("light", "screen", 960, 1000),
    "dark": ("dark", "screen", 960, 1000),
    "phone": ("light", "screen", 390, 1000),
    "paper": ("light", "print", 794, 1123),  # A4
}
REPORTS = [
    ("lead_times", {}),
    ("place_brief", {"place": "Izium"}),
    ("place_brief", {"place": "Lysychansk", "horizon": "60D"}),
    ("account_profile", {"account": "Andriy Yermak"}),
]


def main() -> None:
    """Build reports in a temporary folder and take their screenshots."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        out = Path(folder) / "reports"
        # This run exceeds its time limit on purpose, so that the index also shows a failed run.
        run_report("lead_times", parameters={"horizon": "7D"}, out=out, cell_seconds=0.2, now=NOW)
        requests = [ReportRequest(name, parameters=values, out=out) for name, values in REPORTS]
        runs = run_reports(requests, workers=1, now=NOW)
        errors = [run.error for run in runs if run.error]
        if errors:
            raise SystemExit(errors[0])
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for file in (out / "index.html", runs[0].manifest.with_name("report.html")):
            take_screenshots(browser, file, "catalogue" if file.name == "index.html" else "page")
        browser.close()


def take_screenshots(browser: Browser, file: Path, name: str) -> None:
    """Take a screenshot of a file in each variant."""
    for variant, (scheme, medium, width, height) in VARIANTS.items():
        tab = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        tab.goto(file.as_uri())
        if name == "page":
            tab.wait_for_selector("figure.plot.drawn .main-svg", state="attached")
        if medium == "print":
            tab.emulate_media(media="print", color_scheme=scheme)
            tab.evaluate("document.body.style.margin = '14mm'")
            tab.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        tab.screenshot(path=IMAGES / f"{name}-{variant}.png")
        tab.close()


if __name__ == "__main__":
    main()
