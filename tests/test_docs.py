"""The documentation: built strictly, whole, free of the network, and true where it can be run."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urldefrag

import pytest
import typer
import yaml
from sphinx.util.inventory import InventoryFile

import foxgrape
import foxgrape.places
from doc_pages import DOCS, ROOT, blocks, lay_out, script, session
from foxgrape import schemas
from foxgrape.cli.app import app

sys.path.insert(0, str(ROOT / "scripts"))
from write_shell_help import PYTHON, anchor, commands

PAGES = {str(page.relative_to(DOCS)): page for page in sorted(DOCS.rglob("*.md"))}
#: Pages whose Python other tests stand for.
ELSEWHERE = {"how-to/build-reports.md": "test_reports.py and test_runs.py build what it builds"}
HOWTO = ("add-a-code", "add-a-reader", "add-a-template", "add-a-null")


class Seen(NamedTuple):
    """What a page of the site has and asks for."""

    anchors: set[str]
    links: list[str]
    resources: list[str]


class Reader(HTMLParser):
    """Notes the ids, links and resources of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = Seen(set(), [], [])

    def handle_starttag(self, tag, attrs):
        told = dict(attrs)
        if told.get("id"):
            self.seen.anchors.add(told["id"])
        if tag == "a" and "href" in told:
            self.seen.links.append(told["href"])
        loaded = told.get("href") if tag == "link" else told.get("src") or told.get("data")
        if loaded:
            self.seen.resources.append(loaded)


def read(page: Path) -> Seen:
    reader = Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    return reader.seen


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site, warnings being errors."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-j", "1"),
            *("-d", folder / "doctrees", DOCS, folder / "html"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "html"


@pytest.fixture(scope="module")
def seen(site):
    """Read every page of the site."""
    names = {page: page.relative_to(site).as_posix() for page in site.rglob("*.html")}
    # What lies in _static is pieces of the theme, and no page.
    return {name: read(page) for page, name in names.items() if not name.startswith("_static/")}


def test_each_page_is_in_the_site(seen):
    assert {name.removesuffix(".md") + ".html" for name in PAGES} <= set(seen)


def test_no_page_asks_for_anything_outside(site, seen):
    outside = re.compile(r"(?:[a-z]+:)?//")
    for name, page in seen.items():
        assert not [each for each in page.resources if outside.match(each)], name
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert not re.search(r"""(?:url\(|@import)\s*['"]?(?:https?:)?//""", text), sheet


def test_no_link_within_the_site_is_dead(site, seen):
    dead = []
    for name, page in seen.items():
        for link in [*page.links, *page.resources]:
            target, anchor = urldefrag(link.split("?")[0] if "#" not in link else link)
            if re.match(r"[a-z]+:", target):
                continue
            file = (site / name).parent / unquote(target) if target else site / name
            file = file.resolve()
            if not file.is_file():
                dead.append((name, link))
            elif anchor and file.suffix == ".html":
                there = seen[file.relative_to(site.resolve()).as_posix()].anchors
                if unquote(anchor) not in there:
                    dead.append((name, link))
    assert dead == []


def test_every_public_name_has_its_entry(site):
    inventory = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="")
    entries = {name for kind in inventory.data for name in inventory.data[kind]}
    homes = {"foxgrape": foxgrape, "foxgrape.places": foxgrape.places}
    public = {
        (home, name)
        for home, module in homes.items()
        for name in module.__all__
        if not name.startswith("__")
    }
    missing = {name for _, name in public if not entries & {f"{home}.{name}" for home in homes}}
    assert missing == set()


def test_function_and_verb_link_to_each_other(site, seen):
    from_verbs = {
        link.split("#")[1] for link in seen["reference/shell.html"].links if "#foxgrape" in link
    }
    assert set(PYTHON.values()) <= from_verbs
    from_python = {
        link.split("#")[1]
        for name, page in seen.items()
        if name.startswith("reference/")
        for link in page.links
        if "shell.html#" in link
    }
    assert from_python == {anchor(verb) for verb in PYTHON}
    assert (site / "reference" / "shell.html").read_text("utf-8").count("Usage: foxgrape") >= len(
        PYTHON
    )


def test_the_page_of_the_shell_is_what_the_verbs_say():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "write_shell_help.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("table", ["posts", "events", "confirmations", "signals", "links"])
def test_the_page_of_the_tables_has_every_column(table):
    text = (DOCS / "reference" / "tables.md").read_text(encoding="utf-8")
    part = text.split(f"## {table}\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
    told = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert [name for name in schemas.columns(table) if name not in told] == []


def calls():
    """Return every call of foxgrape that a page or the README shows, with its page."""
    told = []
    for page in [*PAGES.values(), ROOT / "README.md"]:
        for block in blocks(page):
            text = block.text.replace("\\\n", " ")
            found = re.findall(r"^(?:\$ )?(?:\S*/)?foxgrape (.*)$", text, re.MULTILINE)
            told += [(page.name, shlex.split(call, comments=True)) for call in found]
    return told


def test_calls_in_the_pages_name_real_verbs_and_options():
    known = commands(typer.main.get_command(app))
    options = {
        verb: {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
        for verb, command in known.items()
    }
    shown = [(page, words) for page, words in calls() if page != "reference/shell.md"]
    assert len(shown) > 50
    wrong = []
    for page, words in shown:
        verb = next((each for n in (2, 1) if (each := " ".join(words[:n])) in known), None)
        used = {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        if verb is None or not used <= options[verb] | {"--help"}:
            wrong.append((page, words))
    assert wrong == []


RUN_ALL = """
import os, sys, traceback
failed = []
for page, folder, code in eval(sys.stdin.read()):
    os.chdir(folder)
    try:
        exec(compile(code, page, "exec"), {"__name__": page})
    except BaseException:
        failed.append(page)
        traceback.print_exc()
sys.exit(f"failed: {failed}" if failed else 0)
"""


def test_the_python_of_every_page_runs(tmp_path):
    """One interpreter of its own for all: a page that opens a store must leave no thread to us."""
    todo = []
    for name, page in PAGES.items():
        if name in ELSEWHERE or not (code := script(page)):
            continue
        folder = tmp_path / name.replace("/", "-")
        lay_out(folder)
        todo.append((name, str(folder), code))
    assert {
        "how-to/keep-a-store.md",
        "explanation/null-models.md",
        "reference/formats/table.md",
        "how-to/analyse-your-own-posts.md",
    } <= {name for name, _, _ in todo}
    done = subprocess.run(
        [sys.executable, "-c", RUN_ALL],
        input=repr(todo),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


SESSIONS = [name for name, page in PAGES.items() if session(page)]


@pytest.mark.parametrize("name", SESSIONS)
def test_what_a_page_shows_is_what_python_answers(name):
    shown = doctest.DocTestParser().get_doctest(session(PAGES[name]), {}, name, name, 0)
    told = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(shown, out=told.append)
    assert told == []


def test_the_three_questions_are_answered_from_the_index(seen):
    answers = {
        "explanation/clocks.html": "how long before Kyiv",
        "explanation/censoring.html": "why is 🦊 not dropped",
        "explanation/chance.html": "why is a p-value of 0.001 from a shuffle test no evidence here",
    }
    assert set(answers) <= set(seen["index.html"].links)
    for page, question in answers.items():
        heading = (DOCS / page.replace(".html", ".md")).read_text("utf-8").splitlines()[0]
        assert question in heading


def test_forms_for_issues_ask_each_thing_once():
    forms = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    read = {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in forms}
    assert "config" in read
    del read["config"]
    assert len(read) >= 3
    for name, form in read.items():
        assert {"name", "description", "body"} <= set(form), name
        ids = [part["id"] for part in form["body"]]
        assert len(ids) == len(set(ids)) > 0
        assert all(part["attributes"]["label"] for part in form["body"])


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """Copy the project, and do in the copy what the pages for contributors say."""
    folder = tmp_path_factory.mktemp("scratch") / "clone"
    # With what is compiled already: numba would need a minute to do it again.
    for part in ("toolkit", "tests", "data", "notebooks"):
        shutil.copytree(ROOT / part, folder / part)
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name in HOWTO:
        for block in blocks(DOCS / "howto" / f"{name}.md"):
            put(folder, block)
    return folder


def put(folder, block):
    """Write a block where its page says it belongs."""
    path, _, line = block.told.partition(" | ")
    file = folder / path
    if block.mark == "file":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text, encoding="utf-8")
    elif block.mark in {"after", "replace", "append"}:
        text = file.read_text(encoding="utf-8")
        if block.mark == "append":
            file.write_text(text + block.text, encoding="utf-8")
            return
        assert text.count(f"{line}\n") == 1, f"{path} has no line, or several: {line}"
        kept = f"{line}\n" if block.mark == "after" else ""
        file.write_text(text.replace(f"{line}\n", kept + block.text), encoding="utf-8")


def test_what_contributors_are_told_to_do_works(scratch):
    """Every command of the pages, but that all pytest calls are made as one."""
    here = {**os.environ, "PYTHONPATH": str(scratch / "toolkit"), "TZ": "UTC"}
    wanted = []
    for name in HOWTO:
        for block in blocks(DOCS / "howto" / f"{name}.md"):
            for line in block.text.splitlines() if block.mark == "run" else ():
                words = line.removeprefix("$ ").split()
                if words[:3] == ["python", "-m", "pytest"]:
                    wanted += [word for word in words[3:] if word.startswith("tests/")]
                    continue
                call = words[1:] if words[0] == "python" else ["-m", *words]
                done = subprocess.run(
                    [sys.executable, *call], cwd=scratch, env=here, capture_output=True, check=False
                )
                assert done.returncode == 0, (line, done.stderr.decode())
    # Of jitter its own kernel is enough: compiling all others anew in the copy takes a minute. That
    # what `report new` writes is a report, test_templates.py shows.
    chosen = "nest or diary or move_by_twenty or have_no_problem"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", chosen),
            *(*wanted, "tests/places/test_codebook.py"),
        ],
        cwd=scratch,
        env=here,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"\b1[0-9] passed", done.stdout), done.stdout
