"""Make a page of what the benchmarks have recorded: a table a group, with ratios to named peers.

Run as `python benchmarks/table.py RECORD [PAGE]`; the record is what `--benchmark-json` wrote.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

__all__ = ["page"]

INTRODUCTION = """
What finding emoji and signals, linking, storing and reporting cost, beside the tools that one would
otherwise reach for, all in one run of `make bench`. The posts are made (`benchmarks/corpus.py`):
mixed Cyrillic and Latin, about 120 characters, a quarter with one to five emoji of all kinds. What
compiles at its first call has been called before, and of several rounds the best counts.

A ratio says how many *times as fast as* the tool at the head of its column a row is: above 1 it is
faster, below 1 slower.
"""
TRIAL = "\n**A trial of the size `{}`, too small to compare by.**\n"
CLOCKS = {
    "process_time": "Seconds of the processor, of all threads together",
    "perf_counter": "Seconds of the clock",
    "fresh": "Seconds of the clock within a fresh process, without the start of its interpreter",
}
#: Things a second below which a figure is seconds for each.
_FEW = 10


def page(record: dict[str, Any]) -> str:
    """Return the page of a record: groups and rows in the order in which they were measured."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for bench in record["benchmarks"]:
        groups.setdefault(bench["group"], []).append(bench)
    size = record["foxgrape"]["size"]
    parts = ["# Performance\n", INTRODUCTION]
    parts += [TRIAL.format(size)] if size != "full" else []
    parts += [_section(group, rows) for group, rows in groups.items()]
    return "".join([*parts, "\n", _footer(record)])


def _section(group: str, rows: list[dict[str, Any]]) -> str:
    """Return a heading, how it was timed, the table and its notes."""
    infos = [row["extra_info"] for row in rows]
    peers = {
        info["peer"]: _each(row) for info, row in zip(infos, rows, strict=True) if info["peer"]
    }
    more = list(dict.fromkeys(name for info in infos for name in info["also"]))
    head = ["what", "figure", *(f"times as fast as {peer}" for peer in peers), *more]
    lines = [
        [
            info["what"],
            _figure(info, _each(row)),
            *(_ratio(theirs / _each(row)) for theirs in peers.values()),
            *(_number(info["also"][name]) if name in info["also"] else "" for name in more),
        ]
        for info, row in zip(infos, rows, strict=True)
    ]
    table = [head, ["---", *["---:"] * (len(head) - 1)], *lines]
    notes = [info["note"] for info in infos if info["note"]]
    return "\n".join(
        [
            f"\n## {group}\n",
            f"{_timed(rows)}.\n",
            *(f"| {' | '.join(cells)} |" for cells in table),
            *(f"\n{note}" for note in notes),
            "",
        ]
    )


def _each(row: dict[str, Any]) -> float:
    """Return the seconds for each thing of the best round."""
    return float(row["stats"]["min"]) / (row["extra_info"]["n"] or 1)


def _timed(rows: list[dict[str, Any]]) -> str:
    """Say what clock it was, and how often."""
    clocks = {CLOCKS[row["options"]["timer"]] for row in rows}
    rounds = [row["stats"]["rounds"] for row in rows]
    low, high = min(rounds), max(rounds)
    often = f"{low} to {high} rounds" if low < high else f"{low} round{'s' if low > 1 else ''}"
    return f"{'; '.join(sorted(clocks))}, {often}"


def _figure(info: dict[str, Any], each: float) -> str:
    """Return how many a second, or the seconds of one where they are few."""
    if info["n"] is None:
        return f"{each:.2f} s"
    if each * _FEW > 1:
        return f"{each:.1f} s a {info['of']}"
    return f"{1 / each:,.0f} {info['of']}s/s"


def _ratio(ratio: float) -> str:
    if ratio == 1:
        return "1"
    # Near 1 it matters on which side.
    return f"{ratio:.2f}" if ratio < 2 else _number(ratio)


def _number(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= _FEW else f"{figure:.1f}"


def _footer(record: dict[str, Any]) -> str:
    """Return machine, versions and date."""
    machine, ours = record["machine_info"], record["foxgrape"]
    cores = f"{machine['cpu'].get('count', 1)} x {machine['cpu'].get('brand_raw', 'unnamed')}"
    versions = ", ".join(f"{name} {number}" for name, number in ours["versions"].items())
    when = datetime.fromisoformat(record["datetime"])
    return (
        f"{machine['system']}, {machine['machine']}, {cores}, "
        f"load {ours['load']:.1f} when it began; Python {machine['python_version']}; {versions}.\n"
        f"{when:%d %B %Y}, {when:%H:%M} UTC.\n"
    )


def main() -> None:
    """Print the page, and write it if asked to."""
    told = page(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text(told, encoding="utf-8")
    print(told)


if __name__ == "__main__":
    main()
