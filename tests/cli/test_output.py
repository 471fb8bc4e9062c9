"""What the shell prints: no text from files or arguments controls the terminal."""

from __future__ import annotations

import csv
import json
import re
import warnings
from pathlib import Path

import pytest

from foxgrape.cli import output
from shell import run_shell

#: Sequences that set the title, clear the screen, ring, and reverse the direction of text.
HOSTILE = "x\x1b]0;owned\x07\x9b2J\x1b[31m\u202eback\u200f\x7f"
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def replace_cells(file: Path, **columns: str) -> None:
    """Replace all cells in columns of a CSV file that are not empty."""
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        row.update({name: text for name, text in columns.items() if row[name]})
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def hostile_study(study_copy):
    """Return a study with hostile folder name, title, places, accounts and a code."""
    replace_cells(study_copy / "events.csv", place=f"Izium {HOSTILE}", source=HOSTILE)
    replace_cells(study_copy / "posts.csv", account=f"@me{HOSTILE}")
    replace_cells(study_copy / "codebook.csv", place=f"Izium {HOSTILE}", meaning=HOSTILE)
    package = json.loads((study_copy / "datapackage.json").read_text(encoding="utf-8"))
    package |= {"name": f"a{HOSTILE}", "title": HOSTILE}
    (study_copy / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")
    return study_copy.rename(study_copy.parent / f"study {HOSTILE}")


def test_no_command_prints_text_that_controls_the_terminal(hostile_study, tmp_path, capfd):
    study, store = str(hostile_study), str(tmp_path / "store")
    out, book = str(tmp_path / f"out{HOSTILE}"), str(hostile_study / "codebook.csv")
    posts, events = (str(hostile_study / name) for name in ("posts.csv", "events.csv"))
    (tmp_path / "bad.csv").write_text(f"post_id,tex{HOSTILE}\n1,2\n", encoding="utf-8")
    calls = [
        ["study", "check", study],
        ["study", "new", out, "--posts", posts, "--events", events],
        ["study", "new", out, "--posts", str(tmp_path / "bad.csv"), "--events", events],
        ["test", "--study", study, "--surrogates", "99", "--by", "account"],
        ["ingest", "posts", posts, "--store", store],
        ["ingest", "posts", str(tmp_path / "bad.csv"), "--store", store],
        ["detect", store, "--out", out, "--codebook", book],
        ["codebook", "check", book],
        ["codebook", "list", "--codebook", book],
        ["codes", "Izium", "--codebook", book],
        ["lookup", "🍇", "--codebook", book],
        ["find", HOSTILE],
        ["report", "build", f"none{HOSTILE}", "--study", study],
        ["report", "build", "lead_times", "--study", study, "-p", f"clock={HOSTILE}"],
        ["report", "build", "lead_times", "--study", study, "--out", out],
        ["report", "rebuild", HOSTILE, "--out", out],
        ["report", "prune", "--keep", "1", "--out", out],
        ["report", "new", "mine", "--folder", str(tmp_path / f"new{HOSTILE}")],
        ["schedule", "check", "--schedule", str(tmp_path / HOSTILE)],
        ["data", "fetch", HOSTILE],
        [f"no{HOSTILE}"],
    ]
    codes = []
    for call in calls:
        for more in ([], ["--json"]):
            code, *printed = run_shell(capfd, *call, *more)
            codes.append(code)
            for text in printed:
                assert not CONTROL.search(text), (call, text)
            if more and code == 0:
                json.loads(printed[0])
    assert codes.count(0) >= 17


def test_json_is_escaped_and_says_the_same(capfd):
    text = f"{HOSTILE}\ud83d \udcff \n 🍇 käse"
    output.print_json({"text": text})
    printed = capfd.readouterr().out
    assert not CONTROL.search(printed)
    assert "🍇 käse" in printed
    assert json.loads(printed) == {"text": text}


def test_text_that_no_file_can_contain_is_printed(capfd):
    output.print_line(f"a\udcffb{HOSTILE}\nc")
    output.print_error("a\ud83db")
    printed = capfd.readouterr()
    assert printed.out.startswith("a\ufffdbx ")
    assert printed.out.count("\n") == 1
    assert printed.err == "foxgrape: a\ufffdb\n"


def test_a_warning_is_printed_as_one_line(capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = output.show_warning
        warnings.warn(f"it{HOSTILE}\nlooks odd", stacklevel=1)
    err = capfd.readouterr().err
    assert not CONTROL.search(err)
    assert "looks odd" in err
    assert err.count("\n") == 1
