"""Size and power of a test that is repeated every week for a year, in simulated worlds.

Run as `make calibrate`, or `python scripts/calibrate_repeated.py --worlds 200`. The families of
worlds are those of calibrate.py. The result of each block of worlds is appended to a file, so that
an interrupted run can continue. Writes a table of docs/explanation/null-models.md.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from calibrate import FAMILIES, LEADS, LEVEL, PAGE, PLAIN
from foxgrape.stats.coincidence.repeated import repeated_level, spent
from foxgrape.stats.coincidence.significance import p_values
from foxgrape.stats.coincidence.surrogates import draw_surrogates
from foxgrape.stats.power import simulate_pattern
from foxgrape.stats.simulate import make_arrays

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.stats.simulate import WorldArrays

BLOCK, SURROGATES, WEEKS, WINDOW = 25, 4999, 52, 7.0
#: A reading of which so little is spent cannot claim a lead.
NOTHING = 1 / (SURROGATES + 1)
START, END = "<!-- repeated -->", "<!-- end of repeated -->"


def known_on(world: WorldArrays, day: int) -> WorldArrays:
    """Return what is known of a world on a day: its events, and signals whose window has passed."""
    posted, happened = world.posted[1] <= day - WINDOW, world.happened[1] <= day
    return world._replace(
        posted=(world.posted[0][posted], world.posted[1][posted]),
        place=world.place[posted],
        happened=(world.happened[0][happened], world.happened[1][happened]),
        event_place=world.event_place[happened],
    )


def read_weekly(family: dict[str, Any], number: int) -> tuple[bool, bool, bool]:
    """Return whether any reading of a world claims a lead, any has p up to 5%, and the last has."""
    world = make_arrays(np.random.default_rng(number), **(PLAIN | family))
    last_day = PLAIN["days"]
    claimed, usual = False, [False]
    for week in range(1, WEEKS + 1):
        day = last_day - 7 * (WEEKS - week)
        pattern = simulate_pattern(known_on(world, day), (WINDOW,), day)
        if not len(pattern.label):
            continue
        p = p_values(draw_surrogates(pattern, "local", SURROGATES, number))[1][0, -1, 0]
        usual.append(bool(p <= LEVEL))
        planned = last_day - WINDOW
        if claimed or not usual[-1] or spent(np.array([(day - WINDOW) / planned]))[0] < NOTHING:
            continue
        until = pattern.observed[0] + pd.Timedelta(days=planned)
        claimed = bool(p <= repeated_level(pattern, "local", until, n=SURROGATES))
    return claimed, any(usual), usual[-1]


def blocks(worlds: int) -> Iterator[dict[str, Any]]:
    """Yield what to compute; all families advance together."""
    for first in range(0, worlds, BLOCK):
        for leads in (0.0, LEADS):
            for name in FAMILIES:
                yield {"family": name, "leads": leads, "first": first}


def run(worlds: int, done: Path) -> None:
    """Compute the blocks that are missing in a file, and append them to it."""
    lines = done.read_text("utf-8").splitlines() if done.exists() else []
    finished = [json.loads(line)["block"] for line in lines]
    for block in blocks(worlds):
        if block in finished:
            continue
        family = FAMILIES[block["family"]] | {"leads": block["leads"]}
        numbers = range(block["first"], block["first"] + BLOCK)
        counts = np.sum([read_weekly(family, number) for number in numbers], axis=0)
        row = {"block": block, "counts": counts.tolist()}
        with done.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(row) + "\n")
        print(*block.values(), *row["counts"], flush=True)


def table(done: Path) -> str:
    """Return the blocks as a Markdown table."""
    counts: dict[tuple[str, float], Counter[str]] = {}
    for line in done.read_text("utf-8").splitlines():
        row = json.loads(line)
        cell = counts.setdefault((row["block"]["family"], row["block"]["leads"]), Counter())
        names = ("repeated", "any", "single")
        cell.update(dict(zip(names, row["counts"], strict=True)) | {"worlds": BLOCK})
    head = ["worlds", "n", "p ≤ 5% at any reading", "repeated test", "last reading alone"]
    head += [f"n, leads behind {LEADS:.0%}", "repeated test", "last reading alone"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    totals = {leads: Counter[str]() for leads in (0.0, LEADS)}
    for name in FAMILIES:
        cells = [counts.get((name, leads), Counter()) for leads in totals]
        for total, cell in zip(totals.values(), cells, strict=True):
            total.update(cell)
        lines.append(_line(name, *cells))
    lines.append(_line("all", *totals.values()))
    if any(counts.get((name, leads)) is None for name in FAMILIES for leads in totals):
        lines += ["", "What is empty has not been run."]
    return "\n".join(lines)


def _line(name: str, without: Counter[str], leads: Counter[str]) -> str:
    cells = [name, *_shares(without, "any", "repeated", "single", digits=1)]
    return "| " + " | ".join([*cells, *_shares(leads, "repeated", "single", digits=0)]) + " |"


def _shares(cell: Counter[str], *names: str, digits: int) -> list[str]:
    """Return the number of worlds and shares of them; empty where none were simulated."""
    n = cell["worlds"]
    if not n:
        return [""] * (1 + len(names))
    return [f"{n:,}", *(f"{cell[name] / n:.{digits}%}" for name in names)]


def main() -> None:
    """Run the missing blocks and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=1000)
    parser.add_argument("--done", type=Path, default=Path("build/repeated.jsonl"))
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    given = parser.parse_args()
    given.done.parent.mkdir(parents=True, exist_ok=True)
    run(given.worlds, given.done)
    page = given.docs / PAGE
    before, rest = page.read_text("utf-8").split(START)
    page.write_text(f"{before}{START}\n{table(given.done)}\n{END}{rest.split(END)[1]}", "utf-8")


if __name__ == "__main__":
    main()
