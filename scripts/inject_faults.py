"""Let the k-th system call of a command fail, for every k, and check what is left afterwards.

Each command runs in a forked process. The calls of Python that concern the command's folder are
counted there and in all processes that it starts (for a report: the fork server, the process of the
run, and its kernel): open, write, fsync, rename, unlink, rmdir and mkdir. The k-th one fails with
an error, or writes half of its bytes and then fails. Afterwards the folder must hold either no
result or the complete one, the message must be one line, and the same command without a fault must
succeed with the result of an undisturbed run, and leave no temporary files.

Not covered: writes of native libraries (deltalake, pyarrow), of sockets, and of text that processes
print to their log.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from failing_calls import ERRORS, FailingCalls, read_calls
from foxgrape._util.files import study_folder
from foxgrape.cli.app import run

if TYPE_CHECKING:
    from collections.abc import Callable

SOURCE = study_folder("izium-2022")
PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "faults.md"
#: Seconds after which a command counts as hanging.
_SECONDS = 300
_HEADS = ("command", "calls", "of other processes", "faults", "reported", "survived", "problems")
#: Names of temporary files and folders.
_TEMPORARY = re.compile(
    r"\.(building|mine|replaced|deleting|study)-.*|.*\.(part|new|writing)|tmp.+"
)
_PROBE = re.compile("[a-z0-9_]{8}")
DATASET = """[publishers.us]
homepage = "x"
licence = "x"
licence_url = "x"
citation = "x"
[sets.ours]
publisher = "us"
description = "A test."
url = "ADDRESS/posts.csv"
filename = "a.csv"
format = "none"
checksum = "CHECKSUM"
url_note = "x"
url_checked = true
"""
TEMPLATE = """title: A test
description: For tests.
parameters:
  properties:
    end: {type: string, format: date-time, default: now}
"""
CELLS = ('study, end = None, "now"', "print(study, end)")


@dataclass(frozen=True)
class Verb:
    """A command, and how to read what it made."""

    words: Callable[[Path], list[str]]
    #: Return the result in a folder, as text: empty without a result; raise if it is incomplete.
    result: Callable[[Path], str]
    prepare: Callable[[Path], object] = lambda _: None
    #: Called in the command's process before it runs.
    begin: Callable[[Path], object] = lambda _: None
    #: Whether the command may be repeated after it has succeeded.
    repeatable: bool = True
    #: Options of the command when it is repeated.
    again: tuple[str, ...] = ()


def _posts(folder: Path) -> str:
    from foxgrape import Store

    if not (folder / "store" / "posts" / "_delta_log").is_dir():
        return ""
    return str(Store(folder / "store").read("posts").to_csv())


def _study(folder: Path) -> str:
    from foxgrape import open_study

    if not (folder / "mine").exists():
        return ""
    study = open_study(folder / "mine")
    return f"{len(study.posts)} {len(study.events)} {sorted(study.hashes)}"


def _signals(folder: Path) -> str:
    import pandas as pd

    file = folder / "out" / "signals.parquet"
    return str(pd.read_parquet(file).to_csv()) if file.exists() else ""


def _dataset(folder: Path) -> str:
    file = folder / "data" / "a.csv"
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else ""


def _report(folder: Path) -> str:
    """Return the names of the runs; raise if a page or a manifest is incomplete."""
    pages = sorted((folder / "out").glob("[a-z]*/report.html"))
    pages = [page for page in pages if page.parent.name != "failed"]
    for page in [*pages, *(folder / "out").glob("daily/*.html"), *(folder / "out").glob("*.html")]:
        if not page.read_text("utf-8").rstrip().endswith("</html>"):
            raise ValueError(f"{page} is not complete")
    for page in pages:
        manifest = json.loads((page.parent / "manifest.json").read_text("utf-8"))
        if manifest["error"] or manifest["status"] != "done":
            raise ValueError(f"{page} has a manifest of a run that failed")
    return " ".join(page.parent.name for page in pages)


def _published(folder: Path) -> str:
    """Return the periods that a schedule counts as built, their runs and pages."""
    runs = _report(folder)
    states = sorted((folder / "out" / ".schedule" / "daily").glob("*.json"))
    done = [file.stem for file in states if json.loads(file.read_text("utf-8"))["state"] == "done"]
    pages = [page.stem for page in sorted((folder / "out").glob("daily/*.html"))]
    if not set(done) <= set(pages):
        raise ValueError(f"{done} count as built without a page")
    return f"{runs} {done} {pages}" if done else ""


def _template(folder: Path) -> None:
    """Create a template that does little, so that a report takes seconds."""
    import nbformat

    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "x", "display_name": "x", "language": "python"}
    # Ids are random by default, and part of the run's name.
    cells = enumerate(CELLS)
    notebook.cells = [nbformat.v4.new_code_cell(source, id=f"cell{at}") for at, source in cells]
    notebook.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(notebook, folder / "mine.ipynb")
    (folder / "mine.yaml").write_text(TEMPLATE, encoding="utf-8")


def _schedule(folder: Path) -> None:
    _template(folder)
    (folder / "schedule.toml").write_text(
        'timezone = "UTC"\n[[report]]\nname = "daily"\ncron = "0 7 * * *"\nstart = 2022-09-10\n'
        f'template = "{folder}/mine.ipynb"\nperiod = {{ end = "end" }}\n',
        encoding="utf-8",
    )


def _copy_posts(folder: Path) -> None:
    import pandas as pd

    from foxgrape import read_posts

    posts = read_posts(SOURCE / "posts.csv")
    pd.DataFrame(posts).to_parquet(folder / "posts.parquet")


def _register(folder: Path) -> None:
    from foxgrape.io import datasets

    datasets._REGISTRY = folder / "datasets.toml"


def _write_registry(folder: Path) -> None:
    text = DATASET.replace("ADDRESS", os.environ["FOXGRAPE_FAULT_SERVER"])
    text = text.replace("CHECKSUM", "none: it is updated in place")
    (folder / "datasets.toml").write_text(text, encoding="utf-8")


VERBS = {
    "ingest": Verb(
        lambda at: ["ingest", "posts", str(at / "posts.csv"), "--store", str(at / "store")],
        _posts,
        lambda at: (at / "posts.csv").write_bytes(
            (SOURCE / "posts.csv").read_bytes() + b"bad,row,,,\n"
        ),
    ),
    "study new": Verb(
        lambda at: [
            *("study", "new", str(at / "mine"), "--posts", str(SOURCE / "posts.csv")),
            *("--events", str(SOURCE / "events.csv"), "--codebook", str(SOURCE / "codebook.csv")),
        ],
        _study,
        repeatable=False,
    ),
    "detect": Verb(
        lambda at: ["detect", str(at / "posts.parquet"), "--out", str(at / "out")],
        _signals,
        _copy_posts,
    ),
    "data fetch": Verb(
        lambda at: ["data", "fetch", "ours", "--folder", str(at / "data")],
        _dataset,
        _write_registry,
        _register,
    ),
    "report build": Verb(
        lambda at: [
            *("report", "build", str(at / "mine.ipynb"), "--out", str(at / "out")),
            *("-p", "end=2022-09-10T00:00Z"),
        ],
        _report,
        _template,
    ),
    "report due": Verb(
        lambda at: [
            *("report", "due", "--schedule", str(at / "schedule.toml"), "--out", str(at / "out")),
            *("--now", "2022-09-11T06:00Z"),
        ],
        _published,
        _schedule,
        # A report that failed is built again after a delay.
        again=("--now", "2022-09-11T06:50Z"),
    ),
}


def in_fork(function: Callable[[], object]) -> tuple[int, str]:
    """Call a function in a forked process; return its exit code, and what it printed."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        pid = os.fork()
        if pid == 0:
            code = 70
            signal.alarm(_SECONDS)
            try:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                sys.stdout = sys.stderr = os.fdopen(1, "w", encoding="utf-8", closefd=False)
                code = int(function() or 0)  # type: ignore[call-overload]
            except BaseException:  # noqa: BLE001 - reported by the parent process
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(code)
        _, status = os.waitpid(pid, 0)
        output.seek(0)
        return os.waitstatus_to_exitcode(status), output.read()


def prepare(verb: Verb) -> Path:
    """Return a new folder with the files that a command reads."""
    folder = Path(tempfile.mkdtemp(prefix="faults-")).resolve()
    (folder / "tmp").mkdir()
    code, text = in_fork(lambda: verb.prepare(folder) and None)
    if code:
        raise SystemExit(text)
    return folder


def call(
    verb: Verb, folder: Path, number: int = 0, error: str = "EIO", again: tuple[str, ...] = ()
) -> tuple[int, str, Path]:
    """Run a command with a fault (0: none); return exit code, output and the file of its calls."""
    log = folder.with_name(f"{folder.name}.calls")
    log.unlink(missing_ok=True)
    faults = FailingCalls(str(folder), str(log), number, error)

    def function() -> int:
        # Temporary files too are in the folder, to be failed and to be looked for afterwards.
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder / "tmp")
        verb.begin(folder)
        faults.export()
        faults.install()
        return run([*verb.words(folder), *again])

    return *in_fork(function), log


def result_of(verb: Verb, folder: Path) -> str:
    """Return the hash of a command's result; raise if it is incomplete."""
    code, text = in_fork(lambda: print(verb.result(folder), end=""))
    if code:
        raise AssertionError(f"the result cannot be read: {text.strip().splitlines()[-1]}")
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else ""


def remnants(folder: Path) -> list[str]:
    """Return the temporary files and folders of a command."""
    paths = [path for path in folder.rglob("*") if _TEMPORARY.fullmatch(path.name)]
    # Python itself creates and deletes a file to see whether the folder can be written.
    paths += [path for path in (folder / "tmp").iterdir() if not _PROBE.fullmatch(path.name)]
    return [path.relative_to(folder).as_posix() for path in paths if path != folder / "tmp"]


def check(name: str, number: int, error: str, wanted: str) -> tuple[str, str, list[str]]:
    """Check one fault; return the call that failed, the outcome, and the problems."""
    verb, problems = VERBS[name], []
    folder = prepare(verb)
    log = folder
    try:
        code, text, log = call(verb, folder, number, error)
        calls = read_calls(log)
        failed = " ".join(calls[number - 1][1:]) if number <= len(calls) else ""
        if "Traceback" in text or code not in {0, 1}:
            problems.append(f"exit code {code}: {text.strip().splitlines()[-1:]}")
        try:
            left = result_of(verb, folder)
            if left not in {"", wanted}:
                problems.append("another result is shown")
            if code == 0 and left != wanted:
                problems.append("exit code 0 without the result")
        except AssertionError as half:
            problems.append(str(half))
        if code or verb.repeatable:
            again, text, _ = call(verb, folder, again=verb.again)
            if again or result_of(verb, folder) != wanted:
                problems.append(f"the next call does not recover: {text.strip()[-200:]}")
        if paths := remnants(folder):
            problems.append(f"left behind: {paths[:3]}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        log.unlink(missing_ok=True)
    if not failed:
        return "", "not reached", problems
    return failed, "survived" if code == 0 else "reported", problems


def preload() -> None:
    """Import what the commands import, so that forked processes need not.

    Nothing is called: Arrow and deltalake start threads, which do not survive a fork.
    """
    import deltalake  # noqa: F401
    import pyarrow.parquet  # noqa: F401

    import foxgrape.detection.batch
    import foxgrape.io.ingest
    import foxgrape.reports.run
    import foxgrape.reports.schedule.due
    import foxgrape.studies.create
    import foxgrape.studies.study  # noqa: F401


def study_verb(
    name: str, sample: int | None, rng: random.Random, seconds: float = float("inf")
) -> tuple[str, ...]:
    """Inject faults into one command; print its problems, and return its row of the table."""
    ends = time.monotonic() + seconds
    verb = VERBS[name]
    folder = prepare(verb)
    code, text, log = call(verb, folder)
    wanted, calls = result_of(verb, folder), read_calls(log)
    paths = remnants(folder)
    shutil.rmtree(folder)
    log.unlink()
    if code or not wanted or paths:
        raise SystemExit(f"{name} fails without a fault: {text} {paths}")
    faults = [(k, error) for k in range(1, len(calls) + 1) for error in ERRORS]
    total = len(faults)
    if sample is not None and sample < total:
        faults = rng.sample(faults, sample)
    outcomes: Counter[str] = Counter()
    for number, error in faults:
        failed, outcome, problems = check(name, number, error, wanted)
        outcomes[outcome] += 1
        outcomes["problems"] += bool(problems)
        for problem in problems:
            place = f"{name}, call {number} of {len(calls)} ({failed}), {error}"
            print(f"{place}: {problem}", file=sys.stderr, flush=True)
        if time.monotonic() > ends:
            break
    n_tried = outcomes.total() - outcomes["problems"]
    tried = f"all {total:,}" if n_tried == total else f"{n_tried:,} of {total:,}"
    others = sum(pid != calls[0][0] for pid, *_ in calls)
    counts = (outcomes[key] for key in ("reported", "survived", "problems"))
    return f"`{name}`", str(len(calls)), str(others), tried, *map(str, counts)


def write_row(row: tuple[str, ...]) -> None:
    """Replace a command's row in the table of the page on faults."""
    text = PAGE.read_text("utf-8")
    lines = text.splitlines(keepends=True)
    start = lines.index(_line(_HEADS))
    at_rows = [at for at in range(start, len(lines)) if lines[at].startswith(f"| {row[0]} |")]
    lines[at_rows[0]] = _line(row)
    PAGE.write_text("".join(lines), encoding="utf-8")


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |\n"


def main() -> int:
    """Inject faults, and print a table of calls, faults and outcomes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verb", action="append", choices=VERBS)
    parser.add_argument("--sample", type=int, help="number of faults per command; default: all")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="for each command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="write the figures into the docs")
    options = parser.parse_args()
    rng, n_problems = random.Random(options.seed), 0  # noqa: S311 - a sample
    preload()
    module = ["-m", "http.server", "--bind", "127.0.0.1", "--directory", str(SOURCE), "0"]
    server = subprocess.Popen(  # noqa: S603 - our own arguments
        [sys.executable, "-u", *module], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        match = re.search(rb"http://[0-9.:]+", server.stdout.readline() if server.stdout else b"")
        os.environ["FOXGRAPE_FAULT_SERVER"] = match[0].decode() if match else ""
        print(_line(_HEADS) + "|---" * len(_HEADS) + "|")
        for name in options.verb or VERBS:
            row = study_verb(name, options.sample, rng, options.seconds)
            n_problems += int(row[-1])
            print(_line(row), end="", flush=True)
            if options.write:
                write_row(row)
    finally:
        server.terminate()
        server.wait()
    return 1 if n_problems else 0


if __name__ == "__main__":
    sys.exit(main())
