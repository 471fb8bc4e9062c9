"""The command line: results, exit codes and one-line errors."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from shell import run_shell


def test_lookup(capfd):
    code, out, err = run_shell(capfd, "lookup", "🍇")
    assert (code, err) == (0, "")
    assert "Izium" in out
    code, out, _ = run_shell(capfd, "lookup", "🍇", "--json")
    assert json.loads(out)[0]["place"]["id"] == "geonames:707292"


def test_find(capfd):
    code, out, _ = run_shell(capfd, "find", "Izyum", "--json")
    assert (code, json.loads(out)[0]["place"]["name"]) == (0, "Izium")


def test_codes(capfd):
    code, out, _ = run_shell(capfd, "codes", "Ізюм")
    assert code == 0
    assert "🍇" in out


@pytest.mark.parametrize(
    "arguments", [["lookup", "🪑"], ["find", "nowhere at all"], ["codes", "nowhere at all"]]
)
def test_a_query_without_results_exits_1_with_one_line(capfd, arguments):
    code, out, err = run_shell(capfd, *arguments)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["lookup"],
        ["lokup", "🍇"],
        ["find", "Izyum", "--limit", "0"],
        ["lookup", "🍇", "--at", "soon"],
        ["report", "build", "lead_times", "-p", "horizon"],
    ],
)
def test_a_wrong_call_exits_2_with_one_line(capfd, arguments):
    code, _, err = run_shell(capfd, *arguments)
    assert code == 2
    assert err.count("\n") == 1
    assert err.startswith("foxgrape: ")


def test_failed_work_exits_1_with_one_line(capfd, tmp_path):
    code, _, err = run_shell(capfd, "study", "check", str(tmp_path))
    assert (code, err.count("\n")) == (1, 1)


def test_report_list(capfd):
    code, out, _ = run_shell(capfd, "report", "list")
    assert code == 0
    assert "lead_times" in out


def test_report_build_prints_findings_and_path(capfd, tmp_path):
    arguments = ["report", "build", "lead_times", "--out", str(tmp_path), "-p", "baseline=false"]
    code, out, err = run_shell(capfd, *arguments, "-p", "confirmed_by=UA")
    assert code == 0, err
    assert "1 certainly came before UA confirmed the next event" in out
    page = next(tmp_path.glob("*/report.html"))
    assert str(page) in out
    assert "called by its name" not in page.read_text(encoding="utf-8")
    code, out, _ = run_shell(capfd, *arguments, "-p", "confirmed_by=UA", "--json")
    assert json.loads(out)["status"] == "unchanged"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["report", "--help"]])
def test_help_is_not_an_error(capfd, arguments):
    code, out, _ = run_shell(capfd, *arguments)
    assert code in {0, 2}
    assert "Usage" in out


def test_the_module_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "foxgrape", "find", "Лисичанськ"], capture_output=True, check=False
    )
    assert done.returncode == 0
    assert "Lysychansk" in done.stdout.decode()


def test_a_missing_typer_is_reported():
    code = (
        "import sys, importlib.util as u; real = u.find_spec; "
        "u.find_spec = lambda name, *a: None if name == 'typer' else real(name, *a); "
        "import foxgrape.__main__ as m; sys.exit(m.main())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "foxgrape[shell]" in done.stderr


def test_a_missing_extra_is_reported(capfd, monkeypatch):
    monkeypatch.setitem(sys.modules, "papermill", None)
    monkeypatch.setitem(sys.modules, "yaml", None)
    for name in [name for name in sys.modules if name.startswith("foxgrape.reports")]:
        monkeypatch.delitem(sys.modules, name)
    code, out, err = run_shell(capfd, "report", "list")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "yaml" in err
    assert "foxgrape[all]" in err
