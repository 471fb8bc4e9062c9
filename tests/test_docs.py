"""The documentation builds without warnings, needs no network, and its examples run."""

from __future__ import annotations

import doctest
import inspect
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
#: Pages whose Python code is covered by other tests.
COVERED_ELSEWHERE = {"how-to/build-reports.md": "tests/reports builds the same reports"}
#: Guides whose markers say how to apply their code blocks to a copy of the project.
GUIDES = ("add-a-code", "add-a-reader", "add-a-template", "add-a-null-model")


class PageContent(NamedTuple):
    """Anchors, links and loaded resources of an HTML page."""

    anchors: set[str]
    links: list[str]
    resources: list[str]


class PageParser(HTMLParser):
    """Collect ids, links and resources of an HTML page."""

    def __init__(self) -> None:
        super().__init__()
        self.content = PageContent(set(), [], [])

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if values.get("id"):
            self.content.anchors.add(values["id"])
        if tag == "a" and "href" in values:
            self.content.links.append(values["href"])
        loaded = values.get("href") if tag == "link" else values.get("src") or values.get("data")
        if loaded:
            self.content.resources.append(loaded)


def parse(page: Path) -> PageContent:
    parser = PageParser()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser.content


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site with warnings as errors."""
    folder = tmp_path_factory.mktemp("site")
    result = subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-j", "1"),
            *("-d", folder / "doctrees", DOCS, folder / "html"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    return folder / "html"


@pytest.fixture(scope="module")
def site_pages(site):
    """Parse every page of the site."""
    names = {page: page.relative_to(site).as_posix() for page in site.rglob("*.html")}
    # Files in _static are parts of the theme.
    return {name: parse(page) for page, name in names.items() if not name.startswith("_static/")}


def test_every_source_page_is_in_the_site(site_pages):
    assert {name.removesuffix(".md") + ".html" for name in PAGES} <= set(site_pages)


def test_root_of_docs_has_only_index_and_configuration():
    files = {path.name for path in DOCS.iterdir() if path.is_file()}
    assert files == {"index.md", "conf.py"}


def test_pages_load_no_external_resources(site, site_pages):
    outside = re.compile(r"(?:[a-z]+:)?//")
    for name, page in site_pages.items():
        assert not [resource for resource in page.resources if outside.match(resource)], name
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert not re.search(r"""(?:url\(|@import)\s*['"]?(?:https?:)?//""", text), sheet


def test_internal_links_and_anchors_exist(site, site_pages):
    dead = []
    for name, page in site_pages.items():
        for link in [*page.links, *page.resources]:
            target, anchor = urldefrag(link.split("?")[0] if "#" not in link else link)
            if re.match(r"[a-z]+:", target):
                continue
            file = (site / name).parent / unquote(target) if target else site / name
            file = file.resolve()
            if not file.is_file():
                dead.append((name, link))
            elif anchor and file.suffix == ".html":
                anchors = site_pages[file.relative_to(site.resolve()).as_posix()].anchors
                if unquote(anchor) not in anchors:
                    dead.append((name, link))
    assert dead == []


def test_every_public_name_is_documented(site):
    inventory = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="")
    entries = {name for kind in inventory.data for name in inventory.data[kind]}
    modules = {"foxgrape": foxgrape, "foxgrape.places": foxgrape.places}
    public = {
        name
        for module in modules.values()
        for name in module.__all__
        if not name.startswith("__") and not inspect.ismodule(getattr(module, name))
    }
    missing = {name for name in public if not entries & {f"{module}.{name}" for module in modules}}
    assert missing == set()


def test_functions_and_shell_verbs_link_to_each_other(site, site_pages):
    from_verbs = {
        link.split("#")[1]
        for link in site_pages["reference/shell.html"].links
        if "#foxgrape" in link
    }
    assert set(PYTHON.values()) <= from_verbs
    from_python = {
        link.split("#")[1]
        for name, page in site_pages.items()
        if name.startswith("reference/")
        for link in page.links
        if "shell.html#" in link
    }
    assert from_python == {anchor(verb) for verb in PYTHON}
    assert (site / "reference" / "shell.html").read_text("utf-8").count("Usage: foxgrape") >= len(
        PYTHON
    )


@pytest.mark.parametrize("script", ["write_shell_help", "textbook"])
def test_a_page_that_a_script_writes_is_up_to_date(script):
    result = subprocess.run(
        [sys.executable, ROOT / "scripts" / f"{script}.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_the_textbook_notices_a_number_that_differs(monkeypatch):
    import textbook

    wrong = textbook.Example("Title", "", (), lambda: [textbook.Number("n", "0.50", 0.507)])
    monkeypatch.setattr(textbook, "EXAMPLES", (wrong,))
    assert textbook.differences() == ["Title: n: published 0.50, got 0.51"]
    with pytest.raises(SystemExit, match=r"published 0\.50, got 0\.51"):
        textbook.main()


@pytest.mark.parametrize("table", ["posts", "events", "confirmations", "signals", "links"])
def test_tables_page_lists_every_column(table):
    text = (DOCS / "reference" / "tables.md").read_text(encoding="utf-8")
    part = text.split(f"## {table}\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
    documented = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert [name for name in schemas.columns(table) if name not in documented] == []


def calls():
    """Return every foxgrape call on the pages and in the README, with its page."""
    shown = []
    for page in [*PAGES.values(), ROOT / "README.md"]:
        for block in blocks(page):
            text = block.text.replace("\\\n", " ")
            lines = re.findall(r"^(?:\$ )?(?:\S*/)?foxgrape (.*)$", text, re.MULTILINE)
            shown += [(page.name, shlex.split(line, comments=True)) for line in lines]
    return shown


def test_documented_calls_use_existing_verbs_and_options():
    known = commands(typer.main.get_command(app))
    options = {
        verb: {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
        for verb, command in known.items()
    }
    shown = [(page, words) for page, words in calls() if page != "reference/shell.md"]
    assert len(shown) > 50
    wrong = []
    for page, words in shown:
        verb = next((name for n in (2, 1) if (name := " ".join(words[:n])) in known), None)
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


def test_python_of_every_page_runs(tmp_path):
    """All pages run in one new process, because stores leave threads behind."""
    todo = []
    for name, page in PAGES.items():
        if name in COVERED_ELSEWHERE or not (code := script(page)):
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
    result = subprocess.run(
        [sys.executable, "-c", RUN_ALL],
        input=repr(todo),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


SESSIONS = [name for name, page in PAGES.items() if session(page)]


@pytest.mark.parametrize("name", SESSIONS)
def test_doctest_output_is_current(name):
    examples = doctest.DocTestParser().get_doctest(session(PAGES[name]), {}, name, name, 0)
    failures = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(examples, out=failures.append)
    assert failures == []


def test_start_page_links_to_the_main_explanations(site_pages):
    headings = {
        "explanation/clocks.html": "# Two clocks: occurred and confirmed",
        "explanation/censoring.html": "# Right-censored signals",
        "explanation/chance.html": "# Testing against chance",
    }
    assert set(headings) <= set(site_pages["index.html"].links)
    for page, heading in headings.items():
        text = (DOCS / page.replace(".html", ".md")).read_text("utf-8")
        assert text.splitlines()[0] == heading


def test_issue_forms_are_valid():
    forms = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    parsed = {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in forms}
    assert "config" in parsed
    del parsed["config"]
    assert len(parsed) >= 3
    for name, form in parsed.items():
        assert {"name", "description", "body"} <= set(form), name
        ids = [part["id"] for part in form["body"]]
        assert len(ids) == len(set(ids)) > 0
        assert all(part["attributes"]["label"] for part in form["body"])


@pytest.fixture(scope="module")
def project_copy(tmp_path_factory):
    """Copy the project and apply the code blocks of the guides for contributors."""
    folder = tmp_path_factory.mktemp("scratch") / "clone"
    # Includes the numba cache: compiling again would take a minute.
    for part in ("toolkit", "tests", "data", "notebooks"):
        shutil.copytree(ROOT / part, folder / part)
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name in GUIDES:
        for block in blocks(DOCS / "how-to" / f"{name}.md"):
            apply_block(folder, block)
    return folder


def apply_block(folder, block):
    """Write a code block to the file named by its marker."""
    path, _, line = block.argument.partition(" | ")
    file = folder / path
    if block.mark == "file":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text, encoding="utf-8")
    elif block.mark in {"after", "replace", "append"}:
        text = file.read_text(encoding="utf-8")
        if block.mark == "append":
            file.write_text(text + block.text, encoding="utf-8")
            return
        assert text.count(f"{line}\n") == 1, f"{path} must contain this line once: {line}"
        kept = f"{line}\n" if block.mark == "after" else ""
        file.write_text(text.replace(f"{line}\n", kept + block.text), encoding="utf-8")


def test_guides_for_contributors_work(project_copy):
    """Run every command of the guides, with all pytest calls combined into one."""
    environment = {**os.environ, "PYTHONPATH": str(project_copy / "toolkit"), "TZ": "UTC"}
    tests = []
    for name in GUIDES:
        for block in blocks(DOCS / "how-to" / f"{name}.md"):
            for line in block.text.splitlines() if block.mark == "run" else ():
                words = line.removeprefix("$ ").split()
                if words[:3] == ["python", "-m", "pytest"]:
                    tests += [word for word in words[3:] if word.startswith("tests/")]
                    continue
                call = words[1:] if words[0] == "python" else ["-m", *words]
                result = subprocess.run(
                    [sys.executable, *call],
                    cwd=project_copy,
                    env=environment,
                    capture_output=True,
                    check=False,
                )
                assert result.returncode == 0, (line, result.stderr.decode())
    # Of the jitter tests only that of its kernel: compiling the others again takes a minute.
    # test_templates.py covers the output of `report new`.
    chosen = "nest or diary or twenty_days or have_no_problem"
    result = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", chosen),
            *(*tests, "tests/places/test_codebook.py"),
        ],
        cwd=project_copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    assert re.search(r"\b1[0-9] passed", result.stdout), result.stdout


def test_the_page_on_the_local_test_names_what_the_code_has():
    text = (DOCS / "explanation" / "local-null.md").read_text(encoding="utf-8")
    folder = ROOT / "toolkit" / "foxgrape" / "stats" / "coincidence"
    code = "\n".join(file.read_text(encoding="utf-8") for file in folder.glob("*.py"))
    words = set(re.findall(r"\w+", code))
    named = re.findall(r"`([A-Za-z_.]+)`", text)
    assert {name for path in named for name in path.split(".")} - words == set()
    assert len(named) > 15
