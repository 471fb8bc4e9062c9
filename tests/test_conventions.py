"""Habits that are easy to forget: docs of public names, one set of bounds, small modules."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import foxgrape.io.events.read
import foxgrape.io.posts.read
from doc_pages import lay_out, script

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
#: Where conda-forge has another name than the index of Python packages.
CONDA = {"kaleido": "python-kaleido", "tzdata": "python-tzdata", "jupyter-client": "jupyter_client"}


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is no git clone, so it cannot be told which files are the project's")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def reachable(extra: str) -> list[str]:
    """Return the requirements of the base install and of an extra with all that it names."""
    found = list(PROJECT["dependencies"])
    waiting = [f"foxgrape[{extra}]"]
    while waiting:
        line = waiting.pop()
        inner = re.fullmatch(r"foxgrape\[(\w+)\]", line)
        if inner:
            waiting += PROJECT["optional-dependencies"][inner.group(1)]
        else:
            found.append(line)
    return found


def test_environment_yml_equals_pyproject():
    bounds = [
        (name.group(1), name.group(2))
        for line in reachable("all")
        if (name := re.match(r"([A-Za-z0-9_-]+)(.*)", line))
    ]
    expected = {f"{CONDA.get(name, name)}{bound}" for name, bound in bounds}
    told = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    plain = {line for line in told if isinstance(line, str)}
    assert plain == expected | {f"python{PROJECT['requires-python']}", "pip"}


def pins(name):
    """Return what a lock pins, each by hash and without an address."""
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text
    blocks = re.split(r"^(?=[a-z0-9][a-z0-9._-]*==)", text, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in block for block in blocks)
    return dict(re.match(r"(.+)==(\S+)", block).groups() for block in blocks)


def test_the_locks_pin_by_hash_and_name_no_address():
    main, studies = pins("requirements.lock"), pins("studies.lock")
    assert {re.split(r"[><=]", line)[0] for line in PROJECT["dependencies"]} <= set(main)
    # Studies are installed beside all else, and change nothing of it.
    assert {name: studies[name] for name in studies.keys() & main} == {
        name: main[name] for name in studies.keys() & main
    }


PUBLIC = [name for name in foxgrape.__all__ if not name.startswith("__")]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_are_there_and_documented(name):
    thing = getattr(foxgrape, name)
    text = inspect.getdoc(thing)
    assert text
    if inspect.isfunction(thing):
        for part in ("Parameters", "Returns", "Examples"):
            assert f"{part}\n---" in text or (
                part == "Parameters" and not inspect.signature(thing).parameters
            ), f"{name} lacks {part}"
        missing = [
            argument for argument in inspect.signature(thing).parameters if argument not in text
        ]
        assert not missing
    elif not inspect.ismodule(thing) and not issubclass(thing, Exception):
        documented = "Examples\n---" in text or "Attributes\n---" in text
        assert documented


def test_dir_lists_the_public_names():
    assert set(dir(foxgrape)) == set(foxgrape.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = foxgrape.nothing


@pytest.mark.parametrize(
    "order",
    ["import foxgrape.linking, foxgrape.detection.detect", "import foxgrape.cli.app", "pass"],
)
def test_verbs_are_verbs_whatever_was_imported_first(order):
    code = f"{order}; import foxgrape; assert callable(foxgrape.link) and callable(foxgrape.detect)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_stubs_and_no_places_of_one_machine():
    stubs = re.compile(r"NotImplementedError|TODO|FIXME|pytest\.mark\.xfail")
    places = re.compile(r"(^|[^A-Za-z.])/(root|work|home)/|py" r"pi\.org|npm" r"js\.org")
    for file in tracked():
        if file.suffix in {".csv", ".geojson", ".png"} or file.name == Path(__file__).name:
            continue
        text = file.read_text(encoding="utf-8")
        assert not places.search(text), file
        if file.suffix in {".py", ".ipynb"}:
            assert not stubs.search(text), file


@pytest.mark.parametrize("module", sorted((ROOT / "toolkit").rglob("*.py")), ids=lambda p: p.name)
def test_modules_are_small(module):
    assert len(module.read_text(encoding="utf-8").splitlines()) <= 500


def test_the_readmes_python_runs_and_says_what_it_shows(tmp_path):
    lay_out(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", script(ROOT / "README.md")],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    for word in ("Izium", "precedes", "Lysychansk", "unconfirmed", "undetermined"):
        assert word in done.stdout


def test_each_format_has_a_page():
    pages = (ROOT / "docs" / "reference" / "formats").glob("*.md")
    told = "".join(page.read_text("utf-8") for page in pages)
    names = [*foxgrape.io.posts.read.FORMATS, *foxgrape.io.events.read.FORMATS]
    assert all(f'format="{name}"' in told for name in names)


def test_the_readme_names_every_make_target_it_needs_and_only_real_files():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z]+)", text)) <= targets
    for path in re.findall(r"`((?:toolkit|data|notebooks|reports|tests|scripts)/[^`]*)`", text):
        assert (ROOT / path).exists(), path
