"""Print a page as PDF with an installed Chromium, in the page's print style and without a network.

The page's own list of contents is printed, each sheet has its number, and the sections are the
PDF's outline.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from tempfile import gettempdir

from foxgrape._util.directories import WorkFolder, clear_abandoned, directory_at
from foxgrape.errors import ReportError

__all__ = ["PDF", "find_chromium", "write_pdf"]

#: Name of the file beside the page.
PDF = "report.pdf"
#: Start of the names of the browser's temporary folders.
_PREFIX = "foxgrape-pdf-"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
#: Time limit in seconds; a page of 500 rows takes some seconds.
_SECONDS = 180
#: Milliseconds that the page gets to draw its figures; the browser skips waits.
_DRAW_MS = 20_000
_OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-pdf-header-footer",
    "--generate-pdf-document-outline",
    f"--virtual-time-budget={_DRAW_MS}",
)


def find_chromium() -> str:
    """Return the path of a Chromium or Chrome; raise ReportError if none is installed."""
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None and sys.platform == "darwin" and Path(_MAC).is_file():
        browser = _MAC
    if browser is None:
        raise ReportError(
            "a PDF needs Chromium or Chrome, which was not found",
            hint="install Chromium, or open the page in a browser and print it to a file",
        )
    return browser


def write_pdf(page: Path) -> Path:
    """Print a page to a PDF file beside it, and return the path of the file.

    Parameters
    ----------
    page
        The page of a run.

    Raises
    ------
    ReportError
        If there is no browser, or it fails.
    OSError
        If the file cannot be written.
    """
    browser = find_chromium()
    parent = Path(gettempdir())
    clear_abandoned(parent, _PREFIX)
    with closing(WorkFolder(parent, _PREFIX)) as work:
        printed = work.path / PDF
        # Root cannot use Chromium's sandbox. The page's policy allows no scripts but its own.
        is_root = os.name == "posix" and os.geteuid() == 0
        command = [
            browser,
            *_OPTIONS,
            *(["--no-sandbox"] if is_root else []),
            f"--user-data-dir={work.path}/profile",
            f"--print-to-pdf={printed}",
            page.resolve().as_uri(),
        ]
        try:
            ended = subprocess.run(  # noqa: S603 - an installed browser with fixed options
                command, capture_output=True, check=False, timeout=_SECONDS
            )
        except subprocess.TimeoutExpired:
            raise ReportError(f"the browser did not print within {_SECONDS} s", file=page) from None
        except OSError as error:
            raise ReportError(f"cannot start {browser}: {error.strerror or error}") from None
        if not printed.is_file() or not printed.stat().st_size:
            lines = ended.stderr.decode("utf-8", "replace").strip().splitlines()
            reason = f": {lines[-1][:200]}" if lines else ""
            raise ReportError(f"the browser printed nothing{reason}", file=page)
        content = printed.read_bytes()
    with directory_at(page.parent) as directory:
        directory.write(PDF, content)
    return page.with_name(PDF)
