"""Let the k-th system call of a command fail, for every k, and check what is left afterwards.

Each command runs in a forked process, in which the calls of Python that concern the command's
folder are counted: open, write, fsync, rename, unlink and mkdir. The k-th one fails with an error,
or writes half of its bytes and then fails. Afterwards the folder must hold either no result or the
complete one, the message must be one line, and the same command without a fault must succeed with
the result of an undisturbed run, and leave no temporary files.

Not covered: writes of native libraries (deltalake, pyarrow), and of processes that the command
starts with a new Python (the kernel and the page of a report).
"""

from __future__ import annotations

import argparse
import builtins
import errno
import hashlib
import io
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape._util.files import study_folder
from foxgrape.cli.app import run

if TYPE_CHECKING:
    from collections.abc import Callable

ERRORS = {
    "ENOSPC": errno.ENOSPC,
    "EIO": errno.EIO,
    "EACCES": errno.EACCES,
    "short write": errno.ENOSPC,
}
SOURCE = study_folder("izium-2022")
#: Seconds after which a command counts as hanging.
_SECONDS = 120


@dataclass
class Faults:
    """Count the calls that concern a folder, and let one of them fail."""

    root: str
    fail_at: int
    error: str
    count: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    failed: str = ""
    short: bool = False

    def check(self, call: str, path: object) -> None:
        """Count a call; raise OSError if it is the one to fail."""
        if isinstance(path, int):
            path = Path(f"/proc/self/fd/{path}").readlink()
        text = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else ""
        if text.startswith("/") and not text.startswith(self.root):
            return
        self.count += 1
        self.calls[call] += 1
        if self.count != self.fail_at:
            return
        self.failed = f"{call} {Path(text).name}"
        if self.error == "short write" and call == "write":
            self.short = True
            return
        number = ERRORS[self.error]
        raise OSError(number, os.strerror(number), text)

    def install(self) -> None:
        """Replace the functions of this process."""
        for name, call in {"fsync": "fsync", "mkdir": "mkdir", "rmdir": "unlink"}.items():
            self._wrap(name, call)
        for name in ("unlink", "remove", "rename", "replace"):
            self._wrap(name, "rename" if name in {"rename", "replace"} else "unlink")
        self._wrap("open", "open")
        builtins.open = io.open = self._open

    def _wrap(self, name: str, call: str) -> None:
        original = getattr(os, name)

        def wrapped(path: Any, *args: Any, **options: Any) -> Any:
            self.check(call, path)
            return original(path, *args, **options)

        setattr(os, name, wrapped)

    def _open(self, file: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
        if not isinstance(file, int) and options.get("opener") is None:
            self.check("open", file)
        if not set(mode) & set("wax+") or options.get("buffering") == 0:
            return _OPEN(file, mode, *args, **options)
        faults = self

        class Raw(io.FileIO):
            def write(self, data: Any, /) -> int:
                faults.check("write", self.fileno())
                if faults.short:
                    faults.short = False
                    super().write(bytes(data)[: len(data) // 2])
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return super().write(data)

        raw = Raw(file, mode.replace("b", "").replace("t", ""), opener=options.get("opener"))
        stream: Any = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        if "b" in mode:
            return stream
        return io.TextIOWrapper(
            stream, options.get("encoding"), options.get("errors"), options.get("newline")
        )


_OPEN = io.open


@dataclass(frozen=True)
class Verb:
    """A command, and how to read what it made."""

    words: Callable[[Path], list[str]]
    #: Return the result in a folder, as text: empty without a result; raise if it is incomplete.
    result: Callable[[Path], str]
    prepare: Callable[[Path], object] = lambda _: None
    #: Whether the command may be repeated after it has succeeded.
    repeatable: bool = True


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


def _report(folder: Path) -> str:
    pages = sorted((folder / "out").glob("[a-z]*/report.html"))
    pages = [page for page in pages if page.parent.name != "failed"]
    for page in pages:
        manifest = json.loads((page.parent / "manifest.json").read_text("utf-8"))
        if not page.read_text("utf-8").rstrip().endswith("</html>") or manifest["error"]:
            raise ValueError(f"{page} is not complete")
    return " ".join(page.parent.name for page in pages)


def _schedule(folder: Path) -> None:
    (folder / "schedule.toml").write_text(
        'timezone = "UTC"\n[[report]]\nname = "daily"\ncron = "0 7 * * *"\nstart = 2022-09-10\n'
        'template = "lead_times"\nparameters = { baseline = false }\n',
        encoding="utf-8",
    )


def _copy_posts(folder: Path) -> None:
    import pandas as pd

    from foxgrape import read_posts

    posts = read_posts(SOURCE / "posts.csv")
    pd.DataFrame(posts).to_parquet(folder / "posts.parquet")


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
    "report build": Verb(
        lambda at: [
            *("report", "build", "lead_times", "-p", "baseline=false"),
            *("--out", str(at / "out")),
        ],
        _report,
    ),
    "report due": Verb(
        lambda at: [
            *("report", "due", "--schedule", str(at / "schedule.toml"), "--out", str(at / "out")),
            *("--now", "2022-09-11T06:00Z"),
        ],
        _report,
        _schedule,
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
                sys.stdout = sys.stderr = _OPEN(1, "w", encoding="utf-8", closefd=False)
                code = int(function() or 0)  # type: ignore[call-overload]
            except BaseException:  # noqa: BLE001 - reported by the parent process
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(code)
        _, status = os.waitpid(pid, 0)
        output.seek(0)
        return os.waitstatus_to_exitcode(status), output.read()


def prepare(verb: Verb, folder: Path) -> None:
    """Create the files that a command reads."""
    code, text = in_fork(lambda: verb.prepare(folder) and None)
    if code:
        raise SystemExit(text)


def call_with_fault(verb: Verb, folder: Path, number: int, error: str) -> tuple[int, str, str]:
    """Run a command with a fault; return exit code, output, and the call that failed."""
    faults = Faults(str(folder), number, error)

    def call() -> int:
        faults.install()
        code = run(verb.words(folder))
        print(f"\0{faults.failed}\0{json.dumps(faults.calls)}")
        return code

    code, output = in_fork(call)
    text, _, rest = output.partition("\0")
    failed, _, calls = rest.partition("\0")
    return code, text, failed if number else calls.strip()


def result_of(verb: Verb, folder: Path) -> str:
    """Return the hash of a command's result; raise if it is incomplete."""
    code, text = in_fork(lambda: print(verb.result(folder), end=""))
    if code:
        raise AssertionError(f"the result cannot be read: {text.strip().splitlines()[-1]}")
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else ""


def remnants(folder: Path) -> list[str]:
    """Return the temporary files and folders of a command."""
    return [
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if (path.name.startswith((".building", ".mine-", ".replaced", ".deleting")))
        or path.name.endswith((".part", ".writing"))
    ]


def check(name: str, number: int, error: str, wanted: str) -> tuple[str, str, list[str]]:
    """Check one fault; return the call that failed, the outcome, and the problems."""
    verb, problems = VERBS[name], []
    folder = Path(tempfile.mkdtemp(prefix="faults-")).resolve()
    try:
        prepare(verb, folder)
        code, text, failed = call_with_fault(verb, folder, number, error)
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
            again, text = in_fork(lambda: run(verb.words(folder)))
            if again or result_of(verb, folder) != wanted:
                problems.append(f"the next call does not recover: {text.strip()[-200:]}")
        if paths := remnants(folder):
            problems.append(f"left behind: {paths[:3]}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
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


def main() -> int:
    """Inject faults, and print a table of calls, faults and outcomes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verb", action="append", choices=VERBS)
    parser.add_argument("--sample", type=int, help="number of faults per command; default: all")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng, n_problems = random.Random(options.seed), 0  # noqa: S311 - a sample
    preload()
    print(
        "| command | calls | faults | reported | survived | problems |", "|---" * 6 + "|", sep="\n"
    )
    for name in options.verb or VERBS:
        verb, folder = VERBS[name], Path(tempfile.mkdtemp(prefix="faults-")).resolve()
        prepare(verb, folder)
        code, text, calls = call_with_fault(verb, folder, 0, "EIO")
        wanted = result_of(verb, folder)
        shutil.rmtree(folder)
        if code or not wanted:
            raise SystemExit(f"{name} fails without a fault: {text}")
        total = sum(json.loads(calls).values())
        faults = [(k, error) for k in range(1, total + 1) for error in ERRORS]
        if options.sample is not None and options.sample < len(faults):
            faults = rng.sample(faults, options.sample)
        outcomes: Counter[str] = Counter()
        for number, error in faults:
            failed, outcome, problems = check(name, number, error, wanted)
            outcomes[outcome] += 1
            outcomes["problems"] += bool(problems)
            for problem in problems:
                print(f"{name}, call {number} ({failed}), {error}: {problem}", file=sys.stderr)
        n_problems += outcomes["problems"]
        cells = (name, calls, len(faults), *(outcomes[k] for k in ("reported", "survived")))
        print(f"| {' | '.join(map(str, cells))} | {outcomes['problems']} |", flush=True)
    return 1 if n_problems else 0


if __name__ == "__main__":
    sys.exit(main())
