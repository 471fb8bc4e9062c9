"""Take the README's picture of the embedded study's report, in Chromium.

Run as ``python scripts/picture_of_report.py`` after the page has changed; writes
``docs/images/report.png``.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from foxgrape import run_report

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "report.png"
SIZE = {"width": 1100, "height": 940}


def main() -> None:
    """Build the report aside and take its picture."""
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as out, sync_playwright() as play:
        built = run_report("lead_times", out=out)
        if built.html is None:
            raise SystemExit(built.error)
        chromium = play.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = chromium.new_page(viewport=SIZE, device_scale_factor=1.5)
        page.goto(built.html.as_uri())
        page.wait_for_selector("figure.plot .main-svg")
        page.screenshot(path=PICTURE)
        chromium.close()


if __name__ == "__main__":
    main()
