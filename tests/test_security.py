"""Guarantees of SECURITY.md that no other test file checks."""

from __future__ import annotations

import ast
import gzip
import json
import os
import runpy
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pytest

from fake_runs import NOW, fake
from foxgrape import new_study, open_study, read_posts
from foxgrape.cli.app import run
from foxgrape.errors import FoxgrapeError, ReportError, StudyError, TableError
from foxgrape.io.stream import MAX_RATIO, MAX_UNPACKED
from foxgrape.reports.prune import prune
from foxgrape.reports.rendering.run_index import catalogue_page
from foxgrape.reports.run_folder import StagingFolder
from foxgrape.reports.templates.discovery import templates
from peak_memory import measure_reading

ROOT = Path(__file__).parents[1]
GOOD = json.dumps({"id": 1, "date": "2022-09-10T12:16:00Z", "text": "🍇"}).encode() + b"\n"
#: 16 MB of blank lines, which contain no records.
BLANKS = (b" " * 65_535 + b"\n") * 256


def one_line(error: Exception) -> str:
    assert "\n" not in str(error)
    return str(error)


# ---- hostile export files


def bomb(folder: Path, packing: str) -> Path:
    """Write a valid post and 512 MB of blank lines to a compressed file of less than 4 MB."""
    file, times = folder / "bomb", 32
    if packing == "gzip":
        file.write_bytes(gzip.compress(GOOD) + gzip.compress(BLANKS) * times)
    elif packing == "zstd":
        codec = pa.Codec("zstd")
        parts = [codec.compress(part, asbytes=True) for part in (GOOD, BLANKS)]
        file.write_bytes(parts[0] + parts[1] * times)
    else:
        archive = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        with archive, archive.open("posts.jsonl", "w") as member:
            member.write(GOOD)
            for _ in range(times):
                member.write(BLANKS)
    assert file.stat().st_size < 4 * 2**20
    return file


@pytest.mark.parametrize("packing", ["gzip", "zstd", "zip"])
def test_a_decompression_bomb_gives_a_one_line_error_in_bounded_memory(tmp_path, packing):
    file, small = bomb(tmp_path, packing), tmp_path / "small"
    small.write_bytes(GOOD)
    # 512 MB exceed both limits: on the unpacked size, and on the compression ratio.
    assert MAX_UNPACKED < 2**29
    assert file.stat().st_size * MAX_RATIO < 2**29
    with pytest.raises(TableError, match=f"more than {MAX_RATIO} times its size") as caught:
        read_posts(file, account="a")
    assert str(file) in one_line(caught.value)
    rows, bad, grown = measure_reading(file, small)
    assert (rows, bad) == (1, 1)
    assert grown < 64


def test_a_highly_compressed_file_below_the_limit_is_read_completely(tmp_path):
    line = json.dumps({"id": 1, "date": "2022-09-10T12:16:00Z", "text": "🍇" * 5_000}).encode()
    lines = b"\n".join(line.replace(b'"id": 1', b'"id": %d' % n) for n in range(2_000))
    (tmp_path / "x").write_bytes(gzip.compress(lines))
    assert len(lines) > 50 * (tmp_path / "x").stat().st_size
    assert len(read_posts(tmp_path / "x", account="a")) == 2_000


@pytest.mark.parametrize("name", ["../../evil.jsonl", "/evil.jsonl", "C:\\evil.jsonl", "a/../../b"])
def test_a_zip_member_is_read_without_extraction(tmp_path, name):
    inside = tmp_path / "a" / "b" / "c"
    inside.mkdir(parents=True)
    with zipfile.ZipFile(inside / "x.zip", "w") as archive:
        archive.writestr(name, GOOD)
    before = sorted(tmp_path.rglob("*"))
    assert len(read_posts(inside / "x.zip", account="a")) == 1
    assert sorted(tmp_path.rglob("*")) == before


def workbook(folder: Path, head: bytes, cell: bytes) -> Path:
    """Write a workbook with the given XML before its sheet and the given text in a cell."""
    book = openpyxl.Workbook()
    for row in (["id", "date", "text"], ["1", "2022-09-10T12:16:00Z", "WORD"]):
        book.active.append(row)
    file = folder / "x.xlsx"
    book.save(file)
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            text = content.replace(b"WORD", cell)
            if b"<worksheet" in text:
                text = head + text[text.index(b"<worksheet") :]
            archive.writestr(name, text)
    return file


def test_a_harmless_workbook_is_read(tmp_path):
    assert read_posts(workbook(tmp_path, b"", b"hi"), account="a")["text"].tolist() == ["hi"]


def test_xml_entities_in_a_workbook_are_not_expanded(tmp_path):
    (tmp_path / "secret.txt").write_text("hunter2", encoding="utf-8")
    laughs = b'<!ENTITY a0 "hahahahahaha">' + b"".join(
        b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 9)
    )
    outside = b'<!ENTITY x SYSTEM "%s">' % (tmp_path / "secret.txt").as_uri().encode()
    for entities, cell in ((laughs, b"&a8;"), (outside, b"&x;")):
        file = workbook(tmp_path, b"<!DOCTYPE worksheet [" + entities + b"]>", cell)
        with pytest.raises(TableError, match="workbook cannot be read") as caught:
            read_posts(file, account="a")
        assert "hunter2" not in one_line(caught.value)


def test_a_workbook_that_decompresses_beyond_the_limit_is_rejected(tmp_path):
    file = workbook(tmp_path, b"", b"A" * (MAX_UNPACKED + 1))
    with pytest.raises(TableError, match="unpacks to far more than its size") as caught:
        read_posts(file, account="a")
    one_line(caught.value)


@pytest.mark.parametrize(
    "package",
    [
        "[" * 100_000,
        '{"resources": [{"name": "posts", "path": "a\\u0000b"}, {"name": "events", "path": "e"}]}',
        '{"resources": [{"name": "posts", "path": "/etc/group"}, {"name": "events", "path": "e"}]}',
        '{"resources": [{"name": "posts", "path": "link"}, {"name": "events", "path": "e"}]}',
    ],
    ids=["deep", "nul", "absolute", "link"],
)
def test_a_study_reads_nothing_outside_its_folder(tmp_path, package):
    folder = tmp_path / "study"
    folder.mkdir()
    (tmp_path / "secret.csv").write_text("hunter2", encoding="utf-8")
    (folder / "link").symlink_to(tmp_path / "secret.csv")
    (folder / "datapackage.json").write_text(package, encoding="utf-8")
    with pytest.raises(StudyError, match=r"outside the study|cannot be read") as caught:
        open_study(folder)
    assert "hunter2" not in one_line(caught.value)


# ---- hostile post text

FORMULAS = ["=HYPERLINK('https://evil.example/','x')", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1)"]


def test_a_csv_file_contains_post_text_unchanged(tmp_path):
    rows = [{"id": n, "date": "2022-09-10T12:16:00Z", "text": t} for n, t in enumerate(FORMULAS)]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    events = ROOT / "data" / "studies" / "izium-2022" / "events.csv"
    new_study(tmp_path / "mine", posts=[tmp_path / "x.jsonl"], events=[events], account="a")
    assert open_study(tmp_path / "mine").posts["text"].tolist() == FORMULAS


def test_the_shell_prints_hostile_text_without_markup_or_control_characters(tmp_path, capfd):
    """Markup is not interpreted, and no control character reaches the terminal."""
    hostile = "[/x] [bold]b[/bold] \x1b]0;title\x07 \x9b2J \u202eback\u2066"
    book = tmp_path / "codebook.csv"
    columns = "code,kind,place_id,place,meaning,basis,decoded_at,valid_from,valid_until,confidence"
    line = f'🦊,emoji,geonames:702972,Lysychansk,"{hostile}",attested,2022-09-10,,,B,src,'
    book.write_text(f"{columns},source_title,source_url\n{line}\n", encoding="utf-8")
    assert run(["lookup", "🦊", "--codebook", str(book)]) == 0
    out = capfd.readouterr().out
    assert "[/x] [bold]b[/bold]" in out
    assert run(["find", hostile]) == 1
    assert run(["lookup", "🦊", "--codebook", f"{tmp_path}/\x1b[2J.csv"]) == 1
    captured = capfd.readouterr()
    for text in (out, captured.out, captured.err):
        assert not any((sign < " " and sign != "\n") or "\x7f" <= sign < "\xa0" for sign in text)
        assert not set(text) & set("\u202e\u2066"), "the terminal would display other text"


# ---- hostile templates and folders of reports


def test_a_sidecar_with_aliases_or_deep_nesting_is_rejected(tmp_path):
    (tmp_path / "mine.ipynb").write_text("{}", encoding="utf-8")
    laughs = "a0: &a0 [x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
    )
    for text in (f"{laughs}title: t\ndescription: d\ntags: *a9\nparameters: {{}}\n", "[" * 20_000):
        (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(ReportError, match="cannot read the sidecar") as caught:
            templates(tmp_path)
        assert len(one_line(caught.value)) < 500


@pytest.mark.parametrize(
    "manifest", ["[" * 100_000, "[]", "\0", '{"study": 5, "store": [], "about": 5, "assets": 5}']
)
def test_an_invalid_manifest_blocks_neither_catalogue_nor_pruning(tmp_path, manifest):
    for number in range(4):
        fake(tmp_path, number)
    strange = tmp_path / "strange"
    shutil.copytree(tmp_path / "weekly_brief-0000", strange)
    (strange / "manifest.json").write_text(manifest, encoding="utf-8")
    assert "Report 2" in catalogue_page(tmp_path, now=NOW)
    assert prune(tmp_path, keep=1, now=NOW)
    assert "Report 0" in catalogue_page(tmp_path, now=NOW)


def test_pruning_leaves_a_link_and_its_target(tmp_path):
    elsewhere, out = tmp_path / "elsewhere", tmp_path / "out"
    out.mkdir()
    for number in range(4):
        fake(out if number < 3 else elsewhere, number)
    fake(elsewhere, 8)
    (out / "weekly_brief-0008").symlink_to(elsewhere / "weekly_brief-0008")
    gone = prune(out, keep=1, now=NOW)
    assert gone == ["weekly_brief-0002"]
    assert (out / "weekly_brief-0008").is_symlink()
    assert (elsewhere / "weekly_brief-0008" / "report.html").is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such modes")
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o007])
def test_created_files_have_the_permissions_that_the_umask_allows(tmp_path, mask):
    posts = ROOT / "tests" / "fixtures" / "posts" / "telethon.jsonl"
    events = ROOT / "data" / "studies" / "izium-2022" / "events.csv"
    before = os.umask(mask)
    try:
        staging = StagingFolder.make(tmp_path / "out", "run")
        assert stat.S_IMODE(staging.path.stat().st_mode) == 0o700
        (staging.path / "report.html").touch()
        staging.move(tmp_path / "out" / "run")
        staging.close()
        new_study(tmp_path / "mine", posts=[posts], events=[events], account="a")
        ingested = ["ingest", "posts", str(posts), "--store", str(tmp_path / "store")]
        assert run([*ingested, "--account", "a"]) == 0
    finally:
        os.umask(before)
    created = [path for path in tmp_path.rglob("*") if path.name not in {"posts", "link"}]
    assert {path.name for path in created} >= {"run", "report.html", "posts.csv", "_delta_log"}
    for path in created:
        expected = (0o777 if path.is_dir() else 0o666) & ~mask
        assert stat.S_IMODE(path.stat().st_mode) == expected, path


# ---- unsafe constructs in the package

CODE = sorted(
    [*(ROOT / "toolkit").rglob("*.py"), *(ROOT / "scripts").glob("*.py")], key=lambda path: path
)
#: Modules that can execute data, or that parse XML without protection.
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "xml", "lxml"}
#: The only module that parses XML: it rejects document types, which can declare entities.
REVIEWED = {"xml_stream.py": ["xml.etree.ElementTree"]}
CALLS = {"eval", "exec", "read_pickle", "to_pickle", "unsafe_load", "full_load", "system", "popen"}
OPTIONS = {"allow_pickle", "shell", "trust_remote_code"}


def unsafe_code_in(source: str) -> list[str]:
    """Return the imports and calls in a source that can turn data into code."""
    unsafe = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            unsafe += [alias.name for alias in node.names if alias.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            unsafe.append(str(node.module))
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            words = {word.arg for word in node.keywords}
            loads = isinstance(node.func, ast.Attribute) and ast.unparse(node.func) == "yaml.load"
            if loads and "_NoAliasLoader" not in ast.unparse(node):
                unsafe.append("yaml.load")
            unsafe += [name] if name in CALLS else []
            unsafe += sorted(OPTIONS & words)
    return unsafe


def test_the_package_has_no_code_that_can_execute_data():
    assert len(CODE) > 150
    assert {
        file.name: unsafe for file in CODE if (unsafe := unsafe_code_in(file.read_text("utf-8")))
    } == REVIEWED


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from xml.etree import ElementTree",
        "def f():\n    import shelve",
        "np.load(x, allow_pickle=True)",
        "pd.read_pickle(x)",
        "eval('1')",
        "yaml.load(x, yaml.Loader)",
        "subprocess.run(x, shell=True)",
        "os.system(x)",
    ],
)
def test_code_that_can_execute_data_is_detected(source):
    assert len(unsafe_code_in(source)) == 1


# ---- no network access unless requested

WORK = """
import sys
from foxgrape import detect, find, link, lookup, open_study
from foxgrape.cli.app import run

assert lookup("🍇")[0].place.name == "Izium" and find("Izyum")
study = open_study(sys.argv[1])
signals = detect(study.posts, codebook=study.codebook, mentions=True)
signals = signals[signals["place_id"].notna()]
assert len(link(signals, study.events)) == len(signals) > 5
sys.exit(run(["report", "build", "lead_times", "--study", sys.argv[1], "--out", sys.argv[2]]))
"""
TRIES = """
import subprocess, sys
call = "import socket; socket.create_connection(('192.0.2.1', 9), timeout=5)"
sys.exit(subprocess.run([sys.executable, "-c", call], stderr=subprocess.DEVNULL).returncode)
"""


def without_network(folder: Path, code: str, *words: str) -> tuple[int, str, str]:
    """Run code without network; return its exit code, output and attempted addresses.

    A guard in every Python child process blocks connections. Where `unshare` works, other child
    processes have no network either.
    """
    log = folder / "asked.log"
    paths = [str(Path(__file__).parent / "guarded"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "FOXGRAPE_TEST_ASKED": str(log),
    }
    alone = ["unshare", "--map-root-user", "--net"]
    can = shutil.which("unshare") and not subprocess.run([*alone, "true"], check=False).returncode
    done = subprocess.run(
        [*(alone if can else []), sys.executable, "-c", code, *words],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    addresses = log.read_text(encoding="utf-8") if log.exists() else ""
    return done.returncode, done.stdout + done.stderr, addresses


def test_a_report_is_built_without_network_access(tmp_path, study_copy):
    code, output, addresses = without_network(
        tmp_path, WORK, str(study_copy), str(tmp_path / "out")
    )
    assert (code, addresses) == (0, ""), output
    assert list((tmp_path / "out").glob("*/report.html"))


def test_a_connection_is_blocked_and_logged(tmp_path):
    code, _, addresses = without_network(tmp_path, TRIES)
    assert code == 1
    assert "192.0.2.1" in addresses


# ---- licences of dependencies

CHECK = runpy.run_path(str(ROOT / "scripts" / "check_licences.py"))


@pytest.mark.parametrize(
    ("licence", "refused"),
    [
        ("MIT", False),
        ("Apache-2.0 AND BSD-3-Clause", False),
        ("MPL-2.0", False),
        ("GPL-3.0-or-later OR MIT", False),
        ("GPL-3.0-only", True),
        ("MIT AND GPL-2.0-only", True),
        ("GNU Lesser General Public License v3 (LGPLv3)", True),
        ("MIT License; GNU Affero General Public License v3", True),
        ("Proprietary", True),
        ("", True),
    ],
)
def test_a_licence_is_accepted_or_rejected(licence, refused):
    assert (CHECK["licence_problem"]("some-package", licence) is not None) is refused


def test_all_locked_dependencies_have_accepted_licences():
    wrong, looked, _ = CHECK["check_licences"]()
    assert wrong == []
    assert looked > 50


def test_an_error_is_one_short_line_whatever_text_it_quotes():
    error = FoxgrapeError("a\nb", file="c\r\nd", got="e\u2028f" * 300, hint="g\n\nh")
    assert len(str(error).splitlines()) == 1
    assert len(str(error)) < 500
