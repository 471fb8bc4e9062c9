"""Check the built wheel in fresh environments, with the oldest and newest dependencies.

For each extra, uv installs the wheel and its dependencies from the index in the user's settings.
The features of the extra are then run with warnings as errors, isolated from this clone and its
environment.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
UV = Path(sys.executable).with_name("uv")
LOOKUP = (
    "from foxgrape.places import find, lookup\n"
    "assert lookup('🍇')[0].place.name == 'Izium'\n"
    "assert find('Лисичанськ')[0].place.name == 'Lysychansk'\n"
    "assert find('Izum')[0].place.name == 'Izium'"
)
ANALYSIS = (
    "import sys, foxgrape\n"
    "from foxgrape import Store, alarm, hazard\n"
    "study = foxgrape.open_study(sys.argv[1])\n"
    "found = study.analyse(confirmed_by='UA')\n"
    "assert set(found.table()['relation']) >= {'precedes', 'unconfirmed'}\n"
    "assert found.lead_times.figure().data\n"
    "assert found.coincidence(window='7D', n=999).sentence().startswith('Nothing')\n"
    "assert hazard(found.signals, study.events, window='7D').sentence()\n"
    "assert alarm(found.signals, study.events, window=['7D', '14D']).sentence()\n"
    "store = Store('store')\n"
    "assert store.upsert('posts', study.posts).new == len(study.posts)\n"
    "assert store.upsert('posts', study.posts).unchanged == len(study.posts)\n"
    "assert len(store.read('posts')) == len(study.posts)"
)
SHELL = ["lookup 🍇 --json", "suggest 🐺", "report list", "schedule show --help"]


def run(*words: str | Path, folder: Path) -> None:
    """Run a command without this environment's Python variables; raise if it fails."""
    inherited = {"PYTHONPATH", "PYTHONHOME"}
    environ = {name: value for name, value in os.environ.items() if name not in inherited}
    environ["VIRTUAL_ENV"] = str(folder / "venv")
    subprocess.run([str(word) for word in words], check=True, cwd=folder, env=environ)  # noqa: S603


def install(folder: Path, wheel: Path, extra: str, oldest: bool) -> Path:
    """Install the wheel into a new environment and return the path of its Python."""
    run(UV, "venv", "--quiet", "--python", sys.executable, folder / "venv", folder=folder)
    command = [UV, "pip", "install", "--quiet", "--system-certs"]
    # "lowest-direct" tests the lower bounds of foxgrape's own dependencies only. uv considers the
    # requirements in a pyproject.toml to be direct, but not those of a wheel.
    resolution = "lowest-direct" if oldest else "highest"
    extras = [] if extra == "base" else ["--extra", extra]
    run(*command, "--resolution", resolution, "-r", ROOT / "pyproject.toml", *extras, folder=folder)
    run(*command, "--no-deps", wheel, folder=folder)
    return folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def check(folder: Path, python: Path, extra: str) -> None:
    """Run the features of an extra."""
    run(python, "-W", "error", "-c", LOOKUP, folder=folder)
    if extra == "base":
        return
    study = Path(shutil.copytree(ROOT / "data" / "studies" / "izium-2022", folder / "study"))
    run(python, "-W", "error", "-c", ANALYSIS, study, folder=folder)
    for command in SHELL if extra == "all" else SHELL[:2]:
        run(python, "-m", "foxgrape", *command.split(), folder=folder)
    if extra == "all":
        words = ["report", "build", "lead_times", "--study", str(study), "--out", "out"]
        run(python, "-m", "foxgrape", *words, folder=folder)
        assert list(folder.glob("out/*/report.html"))  # noqa: S101 - the script is a test


def main() -> int:
    """Check each extra with the oldest and the newest dependencies that its bounds allow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("extras", nargs="*", default=["base", "analysis", "all"])
    extras = parser.parse_args().extras
    with tempfile.TemporaryDirectory() as temporary:
        top = Path(temporary)
        build = [sys.executable, "-m", "hatchling", "build", "-d", str(top / "dist")]
        subprocess.run(build, cwd=ROOT, check=True)  # noqa: S603
        (wheel,) = (top / "dist").glob("*.whl")
        for extra in extras:
            for oldest in (True, False):
                name = f"{extra}, {'oldest' if oldest else 'newest'}"
                print(f"== {name}", flush=True)
                folder = top / name.replace(", ", "-")
                folder.mkdir()
                check(folder, install(folder, wheel, extra, oldest), extra)
                shutil.rmtree(folder)
    print("all extras work")
    return 0


if __name__ == "__main__":
    sys.exit(main())
