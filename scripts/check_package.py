"""Install what is released into environments of its own, with the oldest and newest libraries.

For each extra, the wheel and what it asks for are installed by uv from the index that the user's
own settings name; what the extra promises is then done, and any warning is an error. Nothing of
this clone or its environment is seen there.
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
    """Run something that must end well, without what this environment would lend it."""
    lent = {"PYTHONPATH", "PYTHONHOME"}
    environ = {name: value for name, value in os.environ.items() if name not in lent}
    environ["VIRTUAL_ENV"] = str(folder / "venv")
    subprocess.run([str(word) for word in words], check=True, cwd=folder, env=environ)  # noqa: S603


def install(folder: Path, wheel: Path, extra: str, oldest: bool) -> Path:
    """Install the wheel; return its Python."""
    run(UV, "venv", "--quiet", "--python", sys.executable, folder / "venv", folder=folder)
    ask = [UV, "pip", "install", "--quiet", "--system-certs"]
    # The bounds that are tested are ours, not those of what we depend on: hence "direct", which
    # to uv is what stands in a pyproject.toml and not what a wheel asks for.
    how = "lowest-direct" if oldest else "highest"
    named = [] if extra == "base" else ["--extra", extra]
    run(*ask, "--resolution", how, "-r", ROOT / "pyproject.toml", *named, folder=folder)
    run(*ask, "--no-deps", wheel, folder=folder)
    return folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def check(folder: Path, python: Path, extra: str) -> None:
    """Do what an extra promises."""
    run(python, "-W", "error", "-c", LOOKUP, folder=folder)
    if extra == "base":
        return
    study = Path(shutil.copytree(ROOT / "data" / "studies" / "izium-2022", folder / "study"))
    run(python, "-W", "error", "-c", ANALYSIS, study, folder=folder)
    for call in SHELL if extra == "all" else SHELL[:2]:
        run(python, "-m", "foxgrape", *call.split(), folder=folder)
    if extra == "all":
        words = ["report", "build", "lead_times", "--study", str(study), "--out", "out"]
        run(python, "-m", "foxgrape", *words, folder=folder)
        assert list(folder.glob("out/*/report.html"))  # noqa: S101 - the script is a test


def main() -> int:
    """Check each extra with the oldest and the newest that its bounds allow."""
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
    print("each works")
    return 0


if __name__ == "__main__":
    sys.exit(main())
