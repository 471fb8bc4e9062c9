"""Make the performance page from a benchmark record: one table per group, with ratios to peers.

Run as `python benchmarks/table.py RECORD [PAGE]`, where RECORD was written by `--benchmark-json`.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

__all__ = ["page"]

INTRODUCTION = """
The cost of finding emoji and signals, linking, storing and reporting, compared with the tools that
are usually used for it, in one run of `make bench`. The posts are generated
(`benchmarks/corpus.py`): mixed Cyrillic and Latin, about 120 characters, a quarter with one to five
emoji of all kinds. Functions are compiled before they are timed, and the fastest round counts.

A ratio states how many *times as fast as* the tool in its column title a row is: above 1 it is
faster, below 1 slower.
"""
TRIAL = "\n**A trial of the size `{}`, too small for comparisons.**\n"
CLOCKS = {
    "process_time": "Processor time of all threads together",
    "perf_counter": "Wall-clock time",
    "fresh": "Wall-clock time within a new process, without the start of its interpreter",
}
#: Items per second below which a figure is given as seconds per item.
_FEW = 10


def page(record: dict[str, Any]) -> str:
    """Return the page of a record; groups and rows are in the order of measurement."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for bench in record["benchmarks"]:
        groups.setdefault(bench["group"], []).append(bench)
    size = record["foxgrape"]["size"]
    parts = ["# Performance\n", INTRODUCTION]
    parts += [TRIAL.format(size)] if size != "full" else []
    parts += [_section(group, rows) for group, rows in groups.items()]
    return "".join([*parts, "\n", _footer(record)])


def _section(group: str, rows: list[dict[str, Any]]) -> str:
    """Return the heading, the clock, the table and the notes of a group."""
    infos = [row["extra_info"] for row in rows]
    peers = {
        info["peer"]: _seconds_per_item(row)
        for info, row in zip(infos, rows, strict=True)
        if info["peer"]
    }
    extra = list(dict.fromkeys(name for info in infos for name in info["also"]))
    head = ["what", "figure", *(f"times as fast as {peer}" for peer in peers), *extra]
    lines = [
        [
            info["what"],
            _figure(info, _seconds_per_item(row)),
            *(_ratio(theirs / _seconds_per_item(row)) for theirs in peers.values()),
            *(_number(info["also"][name]) if name in info["also"] else "" for name in extra),
        ]
        for info, row in zip(infos, rows, strict=True)
    ]
    table = [head, ["---", *["---:"] * (len(head) - 1)], *lines]
    notes = [info["note"] for info in infos if info["note"]]
    return "\n".join(
        [
            f"\n## {group}\n",
            f"{_clock_and_rounds(rows)}.\n",
            *(f"| {' | '.join(cells)} |" for cells in table),
            *(f"\n{note}" for note in notes),
            "",
        ]
    )


def _seconds_per_item(row: dict[str, Any]) -> float:
    """Return the seconds per item in the fastest round."""
    return float(row["stats"]["min"]) / (row["extra_info"]["n"] or 1)


def _clock_and_rounds(rows: list[dict[str, Any]]) -> str:
    """Return the clock and the number of rounds."""
    clocks = {CLOCKS[row["options"]["timer"]] for row in rows}
    rounds = [row["stats"]["rounds"] for row in rows]
    low, high = min(rounds), max(rounds)
    repeated = f"{low} to {high} rounds" if low < high else f"{low} round{'s' if low > 1 else ''}"
    return f"{'; '.join(sorted(clocks))}, {repeated}"


def _figure(info: dict[str, Any], seconds: float) -> str:
    """Return the items per second, or the seconds per item if they are few."""
    if info["n"] is None:
        return f"{seconds:.2f} s"
    if seconds * _FEW > 1:
        return f"{seconds:.1f} s per {info['of']}"
    return f"{1 / seconds:,.0f} {info['of']}s/s"


def _ratio(ratio: float) -> str:
    if ratio == 1:
        return "1"
    # Two decimals show on which side of 1 a ratio is.
    return f"{ratio:.2f}" if ratio < 2 else _number(ratio)


def _number(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= _FEW else f"{figure:.1f}"


def _footer(record: dict[str, Any]) -> str:
    """Return the machine, the versions and the date."""
    machine, run = record["machine_info"], record["foxgrape"]
    cores = f"{machine['cpu'].get('count', 1)} x {machine['cpu'].get('brand_raw', 'unnamed')}"
    versions = ", ".join(f"{name} {number}" for name, number in run["versions"].items())
    date = datetime.fromisoformat(record["datetime"])
    return (
        f"{machine['system']}, {machine['machine']}, {cores}, "
        f"load {run['load']:.1f} at the start; Python {machine['python_version']}; {versions}.\n"
        f"{date:%d %B %Y}, {date:%H:%M} UTC.\n"
    )


def main() -> None:
    """Print the page, and write it if a path is given."""
    text = page(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
