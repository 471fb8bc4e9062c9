"""The benchmarks run at a tiny size with equal results, and their page states correct ratios."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import table

BENCHMARKS = Path(table.__file__).parent
#: Benchmarks that take seconds at any size.
SLOW = "not bench_report and not fresh and not again and not large and not column"


def bench(what, seconds, *, rounds=3, timer="process_time", **info):
    defaults = {"n": None, "of": "post", "peer": None, "note": None, "also": {}}
    return {
        "group": info.pop("group", "Reading"),
        "extra_info": {**defaults, "what": what, **info},
        "options": {"timer": timer},
        "stats": {"min": seconds, "rounds": rounds, "max": 100.0, "mean": 50.0},
    }


def record(*benches, size="full"):
    return {
        "benchmarks": list(benches),
        "datetime": "2026-11-25T08:09:10.123456+00:00",
        "machine_info": {
            "system": "Linux",
            "machine": "x86_64",
            "python_version": "3.11.7",
            "cpu": {"brand_raw": "a processor", "count": 2},
        },
        "foxgrape": {"size": size, "load": 0.25, "versions": {"foxgrape": "1.0", "pandas": "3.1"}},
    }


def rows(page):
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.splitlines()
        if line.startswith("| ") and "---" not in line
    ]


def test_ratios_compare_items_per_second_not_calls():
    """The peer processes a thousand in 2 s, we four thousand in 1 s: eight times as fast."""
    page = table.page(
        record(
            bench("slow, on a sample", 2.0, n=1000, peer="slow"),
            bench("ours", 1.0, n=4000, rounds=5),
            bench("slower", 40.0, n=1000),
            bench("a little faster", 1.9, n=1000),
        )
    )
    assert rows(page) == [
        ["what", "figure", "times as fast as slow"],
        ["slow, on a sample", "500 posts/s", "1"],
        ["ours", "4,000 posts/s", "8.0"],
        ["slower", "25 posts/s", "0.05"],
        ["a little faster", "526 posts/s", "1.05"],
    ]
    assert "Processor time of all threads together, 3 to 5 rounds." in page


def test_each_peer_has_a_column_and_each_group_a_table():
    page = table.page(
        record(
            bench("one", 1.0, n=100, peer="one", note="One does less."),
            bench("two", 2.0, n=100, peer="two", also={"MB at the peak": 332.4}),
            bench("first call", 0.614, group="Starting", timer="fresh", rounds=1),
            bench("alone", 12.0, n=1, of="report", group="Building", timer="perf_counter"),
            bench("many", 30.0, n=20, of="report", group="Building", timer="perf_counter"),
        )
    )
    assert rows(page) == [
        ["what", "figure", "times as fast as one", "times as fast as two", "MB at the peak"],
        ["one", "100 posts/s", "1", "2.0", ""],
        ["two", "50 posts/s", "0.50", "1", "332"],
        ["what", "figure"],
        ["first call", "0.61 s"],
        ["what", "figure"],
        ["alone", "12.0 s per report"],
        ["many", "1.5 s per report"],
    ]
    headings = [line for line in page.splitlines() if line.startswith("#")]
    assert headings == ["# Performance", "## Reading", "## Starting", "## Building"]
    assert "\n\nOne does less.\n" in page
    assert "without the start of its interpreter, 1 round.\n" in page


def test_the_page_states_machine_versions_and_date_and_marks_a_trial():
    full = table.page(record(bench("one", 1.0)))
    assert "Linux, x86_64, 2 x a processor, load 0.2 at the start; Python 3.11.7" in full
    assert "foxgrape 1.0, pandas 3.1.\n25 November 2026, 08:09 UTC.\n" in full
    assert "trial" not in full
    assert "**A trial of the size `small`" in table.page(record(bench("one", 1.0), size="small"))


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Run the benchmarks that start quickly, at the tiny size."""
    file = tmp_path_factory.mktemp("bench") / "bench.json"
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")
    }
    process = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-c", BENCHMARKS / "pytest.ini", BENCHMARKS),
            *(
                "-q",
                "--size",
                "tiny",
                "-k",
                SLOW,
                "--benchmark-json",
                file,
                "--basetemp",
                file.parent / "files",
            ),
        ],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return json.loads(file.read_text(encoding="utf-8"))


def test_the_benchmarks_run_and_each_group_has_its_peers(measured):
    peers: dict[str, set[str]] = {}
    for bench in measured["benchmarks"]:
        peers.setdefault(bench["group"], set()).add(bench["extra_info"]["peer"])
    assert list(peers.values()) == [
        {"emoji.emoji_list", "polars", None},
        {"one thread", None},
        {"polars, streaming", None},
        {"str.contains", "str.extractall", None},
        {"polars", "pandas", None},
        {"pandas.merge_asof", "merge and filter", None},
        {"pyarrow.json and write_deltalake", None},
    ]
    assert all(bench["stats"]["min"] > 0 for bench in measured["benchmarks"])


def test_the_page_of_a_run_has_a_row_for_each_benchmark(measured):
    whats = {row[0] for row in rows(table.page(measured))} - {"what"}
    assert whats == {bench["extra_info"]["what"] for bench in measured["benchmarks"]}
    assert {"link", "ingest", "detect, the whole codebook"} <= whats
