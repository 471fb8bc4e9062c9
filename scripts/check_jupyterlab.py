"""Run notebooks in a real JupyterLab in Chromium and report problems.

    python scripts/check_jupyterlab.py [--folder FOLDER] [--screenshots FOLDER] [NAME ...]

The notebooks are copied, so the originals are not changed. A notebook passes if all its cells ran
without an error, every plotly figure and every paged table is drawn, and no request went to a host
other than localhost. `make check-lab` checks all notebooks.
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
#: JavaScript that counts the code cells, those that ran, and the outputs of each kind.
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
def start_lab(folder: Path) -> Iterator[str]:
    """Serve a folder with JupyterLab on localhost; yield the address of a notebook named NAME."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    state = folder.parent / "state"
    # As in tests, warnings are errors and no command history is written.
    shutil.copytree(ROOT / "tests" / "ipython", state / "ipython")
    environment = os.environ | {
        "IPYTHONDIR": str(state / "ipython"),
        "JUPYTER_CONFIG_DIR": str(state / "config"),
        "JUPYTER_DATA_DIR": str(state / "data"),
        "JUPYTER_RUNTIME_DIR": str(state / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(state / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(state / "workspaces"),
        "JUPYTER_TOKEN": token,
    }
    arguments = ["--no-browser", "--ip=127.0.0.1", f"--port={port}", "--expose-app-in-browser"]
    arguments += ["--LabApp.news_url=None", f"--LabApp.check_for_updates_class={NO_UPDATES}"]
    arguments += ["--ServerApp.allow_root=True", f"--notebook-dir={folder}"]
    log = folder.parent / "lab.log"
    with log.open("w") as output:
        command = [sys.executable, "-m", "jupyterlab", *arguments]
        server = subprocess.Popen(command, env=environment, stdout=output, stderr=output)  # noqa: S603 - this very Python
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for_server(server, f"{address}/api", log)
        yield f"{address}/lab/tree/NAME?token={token}&reset"
    finally:
        server.terminate()
        server.wait(30)


def _wait_for_server(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    for _ in range(240):
        if server.poll() is not None:
            break
        with contextlib.suppress(URLError, ConnectionError), urlopen(address, timeout=5):  # noqa: S310
            return
        time.sleep(0.25)
    raise SystemExit(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8')[-3000:]}")


def check_notebook(
    page: Page, address: str, screenshots: Path | None, seconds: float = 240
) -> list[str]:
    """Run one notebook and return its problems."""
    other_hosts: list[str] = []

    def record(url: str) -> None:
        if urlsplit(url).hostname not in {"127.0.0.1", None}:
            other_hosts.append(url)

    page.on("request", lambda request: record(request.url))
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
    problems = [f"error: {error}" for error in state["errors"]]
    if state["ran"] < state["code"]:
        problems.append(f"{state['ran']} of {state['code']} cells ran")
    drawn = _count_drawn(page, screenshots)
    problems += [
        f"{drawn[kind]} of {state[kind]} {kind} drawn"
        for kind in ("figures", "tables")
        if drawn[kind] != state[kind]
    ]
    return problems + [f"request to {url}" for url in other_hosts]


def _count_drawn(page: Page, screenshots: Path | None) -> dict[str, int]:
    """Count outputs after scrolling to every cell, because JupyterLab draws only visible cells."""
    drawn = {"figures": 0, "tables": 0}
    count = page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets.length")
    for number in range(count):
        page.evaluate(
            "n => window.jupyterapp.shell.currentWidget.content.scrollToItem(n, 'start')", number
        )
        page.wait_for_timeout(250)
        cell = page.locator(f".jp-Notebook .jp-Cell[data-windowed-list-index='{number}']")
        # The picture that a figure has beside its data is shown first.
        figure = cell.locator(".js-plotly-plot .main-svg, .jp-RenderedPlotly img").first
        table = cell.locator(".dt-paging, table.dataTable").first
        for kind, output in (("figures", figure), ("tables", table)):
            placeholder = ".jp-RenderedPlotly, .js-plotly-plot, div[id^='itables']"
            if output.count() or cell.locator(placeholder).count():
                with contextlib.suppress(Exception):
                    output.wait_for(state="visible", timeout=15_000)
            drawn[kind] += bool(output.count())
        if screenshots is not None and (figure.count() or table.count()):
            screenshots.mkdir(parents=True, exist_ok=True)
            name = Path(urlsplit(page.url).path).stem
            page.screenshot(path=screenshots / f"{name}-{number:02}.png")
    return drawn


def main() -> int:
    """Check the notebooks given, or all; return 1 if any has problems."""
    parser = argparse.ArgumentParser(description="Run notebooks in JupyterLab in Chromium.")
    parser.add_argument("names", nargs="*", help="such as 04-lead-times; all by default")
    parser.add_argument("--folder", type=Path, default=ROOT / "notebooks", help="of notebooks")
    parser.add_argument("--screenshots", type=Path, help="folder for screenshots")
    options = parser.parse_args()
    script = ROOT / "scripts" / "find_browser.sh"
    browser_path = subprocess.run(["sh", script], capture_output=True, text=True, check=False)  # noqa: S603, S607
    if browser_path.returncode:
        raise SystemExit("no browser found: Chromium or Chrome is required")
    names = options.names or sorted(path.stem for path in options.folder.glob("[0-9]*.ipynb"))
    flags = ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []
    failed = 0
    with TemporaryDirectory() as scratch, sync_playwright() as playwright:
        folder = Path(scratch) / "notebooks"
        shutil.copytree(options.folder, folder)
        browser = playwright.chromium.launch(
            executable_path=browser_path.stdout.strip(), args=flags
        )
        with start_lab(folder) as address:
            for name in names:
                start = time.monotonic()
                page = browser.new_page(viewport={"width": 1400, "height": 900})
                url = address.replace("NAME", f"{name}.ipynb")
                problems = check_notebook(page, url, options.screenshots)
                page.close()
                seconds = time.monotonic() - start
                print(f"{name}: {'; '.join(problems) or 'OK'} ({seconds:.0f} s)", flush=True)
                failed += bool(problems)
    return min(failed, 1)


if __name__ == "__main__":
    raise SystemExit(main())
