"""Shared fixtures: a copy of the study, API credentials, a browser and its pages."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.sync_api import sync_playwright

from fake_apis import PASSWORD, TOKEN, USER
from foxgrape._util.files import study_folder

# No deadline: a slow machine must not fail a test. Derandomized: every run has the same examples.
settings.register_profile("foxgrape", deadline=None, derandomize=True)
# For `make check`: the same tests with few examples each.
settings.register_profile("quick", parent=settings.get_profile("foxgrape"), max_examples=5)
settings.load_profile("foxgrape")
# Pictures of figures in notebooks start a browser; the tests of pictures switch them on.
os.environ.setdefault("FOXGRAPE_PICTURES", "0")


#: Tests that start kernels, clusters or servers, build pages, or simulate many worlds.
SLOW = (
    "cli/test_app.py",
    "detection/test_batch.py",
    "places/test_labelled_texts.py",
    "io/download",
    "io/test_budgets.py",
    "io/test_ingest.py",
    "io/test_odd_values.py",
    "io/test_store.py",
    "io/test_stream.py",
    "places/test_packaged_data.py",
    "plots",
    "reports/execution",
    "reports/rendering",
    "reports/schedule/test_due.py",
    "reports/templates/test_templates.py",
    "reports/test_",
    "stats/alarms",
    "stats/coincidence",
    "stats/hazard",
    "stats/test_",
    "studies/test_other_countries.py",
    "studies/test_study.py",
    "test_benchmarks.py",
    "test_calibration.py",
    "test_docs.py",
    "test_fault_tolerance.py",
    "test_faults_at_calls.py",
    "test_fuzz.py",
    "test_jupyterlab.py",
    "test_killed_commands.py",
    "test_long_studies.py",
    "test_notebooks.py",
    "test_packaging.py",
    "test_security.py",
    "test_startup.py",
)


def pytest_collection_modifyitems(items):
    """Mark the tests that `make check` leaves out."""
    for item in items:
        try:
            path = item.path.relative_to(Path(__file__).parent).as_posix()
        except ValueError:
            continue
        if path.startswith(SLOW):
            item.add_marker("slow")


@pytest.fixture
def study_copy(tmp_path: Path) -> Path:
    """Return the folder of a copy of the bundled study that a test may change."""
    return Path(shutil.copytree(study_folder("izium-2022"), tmp_path / "izium-2022"))


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set API credentials in the environment, so that no keyring is read."""
    monkeypatch.setenv("FOXGRAPE_ACLED_USERNAME", USER)
    monkeypatch.setenv("FOXGRAPE_ACLED_PASSWORD", PASSWORD)
    monkeypatch.setenv("FOXGRAPE_UCDP_TOKEN", TOKEN)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real data, which is not part of the project; skip if it is absent."""
    default = Path(__file__).parents[2] / "shared" / "real"
    folder = Path(os.environ.get("FOXGRAPE_REAL", default))
    if not folder.is_dir():
        pytest.skip(f"no folder of real data at {folder}; set FOXGRAPE_REAL to its path")
    return folder


@pytest.fixture(scope="session")
def browser_path() -> str:
    """Return the path of a Chromium browser; skip if it is not installed."""
    script = Path(__file__).parents[1] / "scripts" / "find_browser.sh"
    result = subprocess.run(["sh", script], capture_output=True, text=True, check=False)
    if result.returncode:
        pytest.skip("scripts/find_browser.sh found no browser")
    return result.stdout.strip()


@pytest.fixture(scope="session")
def browser(browser_path):
    """Start Chromium, without its sandbox for root, who cannot use it."""
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
    """Return a function that opens a page and records its messages and requests."""
    contexts = []

    def open_page(page: Path | str, *, drawn: bool = True, width: int = 1200, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        tab = context.new_page()
        tab.messages, tab.requested_urls = [], []
        tab.on("console", lambda message: tab.messages.append(message.text))
        tab.on("pageerror", lambda error: tab.messages.append(str(error)))
        tab.on("dialog", lambda dialog: (tab.messages.append(dialog.message), dialog.dismiss()))
        tab.on("request", lambda request: tab.requested_urls.append(request.url))
        tab.goto(page if isinstance(page, str) else page.as_uri())
        if drawn:
            tab.wait_for_selector("figure.plot.drawn .main-svg", state="attached")
        return tab

    yield open_page
    for context in contexts:
        context.close()
