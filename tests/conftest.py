"""What tests share: copies of the study, and a browser."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.sync_api import sync_playwright

from foxgrape.shipped import study_folder

# A slow machine is no failure, and `make test` passes today if it passed yesterday.
settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")


@pytest.fixture
def study_copy(tmp_path: Path) -> Path:
    """Copy the embedded study, for a test to break."""
    return Path(shutil.copytree(study_folder("izium-2022"), tmp_path / "izium-2022"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Find the folder of real data, which are not part of the project; skip where it is absent."""
    beside = Path(__file__).parents[2] / "shared" / "real"
    folder = Path(os.environ.get("FOXGRAPE_REAL", beside))
    if not folder.is_dir():
        pytest.skip(f"there is no folder of real data at {folder}; FOXGRAPE_REAL can name one")
    return folder


@pytest.fixture(scope="session")
def browser_path() -> str:
    """Find a Chromium; skip, saying so, where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"no browser was found ({', '.join(names)}), so the page was not opened")
    return found


@pytest.fixture(scope="session")
def browser(browser_path):
    """Start Chromium; as root it has no sandbox to give."""
    with sync_playwright() as play:
        flags = ["--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        chromium = play.chromium.launch(
            executable_path=browser_path,
            args=[*flags, "--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else flags,
        )
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser):
    """Open a page and note all that it says and asks for."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})

    def visit(file: Path):
        page = context.new_page()
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(file.as_uri())
        page.wait_for_function("document.querySelectorAll('figure.plot .main-svg').length > 0")
        return page

    yield visit
    context.close()
