"""Run notebooks in a real JupyterLab in Chromium, and say what does not stand there as it should.

    python scripts/look_at_desk.py [--folder FOLDER] [--pictures FOLDER] [NAME ...]

Notebooks are copied, so that nothing is written here. A notebook passes when all its cells ran, no
error stands there, each plotly figure and each paged table is drawn, and nothing was asked for from
any other host. `make desk` looks at all of them.
"""

import argparse
import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
NO_UPDATES = "jupyterlab.NeverCheckForUpdate"
#: Of all cells: how many have code, ran, and what their outputs are.
STATE = """() => {
  const panel = window.jupyterapp.shell.currentWidget;
  const cells = [...panel.content.model.cells].filter(c => c.type === 'code');
  const outputs = cells.flatMap(c => c.toJSON().outputs);
  const markup = output => [output.data?.['text/html']].flat().join('');
  return {
    code: cells.filter(c => c.sharedModel.source.trim()).length,
    ran: cells.filter(c => c.executionCount !== null).length,
    busy: panel.sessionContext.session?.kernel?.status !== 'idle',
    errors: outputs.filter(o => o.output_type === 'error').map(o => o.ename + ': ' + o.evalue),
    figures: outputs.filter(o => o.data && 'application/vnd.plotly.v1+json' in o.data).length,
    tables: outputs.filter(o => markup(o).includes('id="itables_')).length,
  };
}"""


@contextlib.contextmanager
def lab(folder: Path) -> Iterator[str]:
    """Start a JupyterLab of a folder on this computer alone, and stop it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    state = folder.parent / "state"
    # Warnings are errors there as in tests; its history of cells is no part of the project.
    shutil.copytree(ROOT / "tests" / "ipython", state / "ipython")
    quiet = os.environ | {
        "IPYTHONDIR": str(state / "ipython"),
        "JUPYTER_CONFIG_DIR": str(state / "config"),
        "JUPYTER_DATA_DIR": str(state / "data"),
        "JUPYTER_RUNTIME_DIR": str(state / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(state / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(state / "workspaces"),
        "JUPYTER_TOKEN": token,
    }
    asked = ["--no-browser", "--ip=127.0.0.1", f"--port={port}", "--expose-app-in-browser"]
    asked += ["--LabApp.news_url=None", f"--LabApp.check_for_updates_class={NO_UPDATES}"]
    asked += ["--ServerApp.allow_root=True", f"--notebook-dir={folder}"]
    log = folder.parent / "lab.log"
    with log.open("w") as told:
        server = subprocess.Popen(  # noqa: S603 - this very Python
            [sys.executable, "-m", "jupyterlab", *asked], env=quiet, stdout=told, stderr=told
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(server, f"{address}/api", log)
        yield f"{address}/lab/tree/NAME?token={token}&reset"
    finally:
        server.terminate()
        server.wait(30)


def _wait(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    """Wait until the lab answers."""
    for _ in range(240):
        if server.poll() is not None:
            break
        with contextlib.suppress(URLError, ConnectionError), urlopen(address, timeout=5):  # noqa: S310
            return
        time.sleep(0.25)
    raise SystemExit(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8')[-3000:]}")


def look(page: Page, address: str, pictures: Path | None, seconds: float = 240) -> list[str]:
    """Run one notebook, and return what is wrong with it."""
    elsewhere: list[str] = []
    page.on(
        "request",
        lambda request: (
            None
            if urlsplit(request.url).hostname in {"127.0.0.1", None}
            else elsewhere.append(request.url)
        ),
    )
    page.goto(address)
    page.wait_for_selector(".jp-NotebookPanel .jp-CodeCell", timeout=90_000)
    page.wait_for_function(
        "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'",
        timeout=60_000,
    )
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
    state: dict[str, Any] = {}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        page.wait_for_timeout(500)
        state = page.evaluate(STATE)
        if state["errors"] or (state["ran"] == state["code"] and not state["busy"]):
            break
    wrong = [f"error: {error}" for error in state["errors"]]
    if state["ran"] < state["code"]:
        wrong.append(f"{state['ran']} of {state['code']} cells ran")
    drawn = _walk(page, pictures)
    wrong += [
        f"{drawn[what]} of {state[what]} {what} drawn"
        for what in ("figures", "tables")
        if drawn[what] != state[what]
    ]
    return wrong + [f"asked for {url}" for url in elsewhere]


def _walk(page: Page, pictures: Path | None) -> dict[str, int]:
    """Go through the notebook cell by cell, since the lab draws what is in sight; count figures."""
    drawn = {"figures": 0, "tables": 0}
    count = page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets.length")
    for number in range(count):
        page.evaluate(
            "n => window.jupyterapp.shell.currentWidget.content.scrollToItem(n, 'start')", number
        )
        page.wait_for_timeout(250)
        cell = page.locator(f".jp-Notebook .jp-Cell[data-windowed-list-index='{number}']")
        figure = cell.locator(".js-plotly-plot .main-svg").first
        table = cell.locator(".dt-paging, table.dataTable").first
        for what, one in (("figures", figure), ("tables", table)):
            marked = ".jp-RenderedPlotly, .js-plotly-plot, div[id^='itables']"
            if one.count() or cell.locator(marked).count():
                with contextlib.suppress(Exception):
                    one.wait_for(state="visible", timeout=3000)
            drawn[what] += bool(one.count())
        if pictures is not None and (figure.count() or table.count()):
            pictures.mkdir(parents=True, exist_ok=True)
            name = Path(urlsplit(page.url).path).stem
            page.screenshot(path=pictures / f"{name}-{number:02}.png")
    return drawn


def main() -> int:
    """Look at the notebooks that are named, or all."""
    parser = argparse.ArgumentParser(description="Run notebooks in JupyterLab in Chromium.")
    parser.add_argument("names", nargs="*", help="such as 04-lead-times; by default all")
    parser.add_argument("--folder", type=Path, default=ROOT / "notebooks", help="of notebooks")
    parser.add_argument("--pictures", type=Path, help="a folder for screenshots")
    told = parser.parse_args()
    script = ROOT / "scripts" / "find_browser.sh"
    found = subprocess.run(["sh", script], capture_output=True, text=True, check=False)  # noqa: S603, S607
    if found.returncode:
        raise SystemExit("no browser was found")
    names = told.names or sorted(one.stem for one in told.folder.glob("[0-9]*.ipynb"))
    flags = ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []
    failed = 0
    with TemporaryDirectory() as scratch, sync_playwright() as play:
        folder = Path(scratch) / "notebooks"
        shutil.copytree(told.folder, folder)
        browser = play.chromium.launch(executable_path=found.stdout.strip(), args=flags)
        with lab(folder) as address:
            for name in names:
                start = time.monotonic()
                page = browser.new_page(viewport={"width": 1400, "height": 900})
                wrong = look(page, address.replace("NAME", f"{name}.ipynb"), told.pictures)
                page.close()
                took = time.monotonic() - start
                print(f"{name}: {'; '.join(wrong) or 'as it should be'} ({took:.0f} s)", flush=True)
                failed += bool(wrong)
    return min(failed, 1)


if __name__ == "__main__":
    raise SystemExit(main())
