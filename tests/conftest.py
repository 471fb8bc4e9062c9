"""What tests share: copies of the study, a browser, and pages opened in it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.sync_api import sync_playwright

from fake_apis import PASSWORD, TOKEN, USER
from foxgrape._util.resources import study_folder

# A slow machine is no failure, and `make test` passes today if it passed yesterday.
settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")


@pytest.fixture
def study_copy(tmp_path: Path) -> Path:
    """Copy the embedded study, for a test to break."""
    return Path(shutil.copytree(study_folder("izium-2022"), tmp_path / "izium-2022"))


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Say who we are to the APIs; no keyring of this machine is asked."""
    monkeypatch.setenv("FOXGRAPE_ACLED_USERNAME", USER)
    monkeypatch.setenv("FOXGRAPE_ACLED_PASSWORD", PASSWORD)
    monkeypatch.setenv("FOXGRAPE_UCDP_TOKEN", TOKEN)


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
    script = Path(__file__).parents[1] / "scripts" / "find_browser.sh"
    found = subprocess.run(["sh", script], capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("scripts/find_browser.sh found no browser, so the page was not opened")
    return found.stdout.strip()


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
    """Open a page, wait until its figures are drawn, and note all that it says and asks for."""
    contexts = []

    def visit(page: Path | str, *, drawn: bool = True, width: int = 1200, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        tab = context.new_page()
        tab.said, tab.asked = [], []
        tab.on("console", lambda message: tab.said.append(message.text))
        tab.on("pageerror", lambda error: tab.said.append(str(error)))
        tab.on("dialog", lambda dialog: (tab.said.append(dialog.message), dialog.dismiss()))
        tab.on("request", lambda request: tab.asked.append(request.url))
        tab.goto(page if isinstance(page, str) else page.as_uri())
        if drawn:
            tab.wait_for_selector("figure.plot.drawn .main-svg", state="attached")
        return tab

    yield visit
    for context in contexts:
        context.close()
