"""Size of the test by group, and what limits the `local` null model, in simulated worlds.

Run as `make calibrate-groups`. The p-values of each world are appended to a file as soon as they
are known, so that an interrupted run can continue. Writes two tables of
docs/explanation/null-models.md.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from calibrate import FAMILIES, FAST, LEVEL, PAGE, PLAIN, SLOW, SURROGATES
from foxgrape._util.small_numbers import MIN_SIGNALS
from foxgrape.stats.coincidence.point_pattern import PointPattern, make_labels
from foxgrape.stats.coincidence.significance import adjust_fdr, p_values
from foxgrape.stats.coincidence.surrogates import draw_surrogates
from foxgrape.stats.power import simulate_pattern
from foxgrape.stats.simulate import WorldArrays, make_arrays

#: With 199 surrogates p is at least 0.005: too much for one of twelve groups to be significant.
GROUP_SURROGATES = 499
GROUPS = ("place", "account", "month", "kind")
#: More signals and fewer places than in the other worlds, so that groups have 20 signals.
LARGE: dict[str, Any] = {"signals": 300, "events": 200, "places": 12, "accounts": 3}
GROUP_FAMILIES = {
    name: {key: value for key, value in FAMILIES[name].items() if key != "accounts"}
    for name in (
        "nothing shared",
        "tempo",
        "slow front",
        "fast front",
        "fast front, popular places",
        "slow front, three accounts, a third announced",
    )
}
#: The worlds of limits are small and fast: there are this many times more of them.
LIMIT_WORLDS = 3
LIMITS = ("precursors, slow front", "precursors, fast front", "seasons")


def p_of_groups(family: str, by: str, number: int) -> dict[str, list[float]]:
    """Return p of each group that is tested in a world without leads, alone and adjusted."""
    pattern = grouped(LARGE | GROUP_FAMILIES[family], by, number)
    surrogates = draw_surrogates(pattern, "local", GROUP_SURROGATES, number)
    n_groups = len(pattern.group_names)
    p = p_values(surrogates)[1][0, :n_groups, 0]
    tested = p[np.bincount(pattern.group, minlength=n_groups) >= MIN_SIGNALS]
    return {"p": tested.tolist(), "q": adjust_fdr(tested).tolist()}


def grouped(options: dict[str, Any], by: str, number: int) -> PointPattern:
    """Return a world as `coincidence` sees it: signals that are followed, in groups."""
    options = PLAIN | options
    rng = np.random.default_rng(number)
    arrays = make_arrays(rng, **options)
    kept = arrays.posted[1] <= options["days"] - 7
    arrays = arrays._replace(
        posted=(arrays.posted[0][kept], arrays.posted[1][kept]),
        place=arrays.place[kept],
        account=arrays.account[kept],
    )
    pattern = simulate_pattern(arrays, (7.0,), options["days"])
    values = {
        "place": arrays.place,
        "account": arrays.account,
        "month": (arrays.posted[0] / 30.5).astype(np.int64),
        "kind": rng.integers(3, size=len(arrays.place)),
    }
    names, group = np.unique(values[by], return_inverse=True)
    pattern = replace(pattern, group=group.astype(np.int64), group_names=tuple(map(str, names)))
    if by != "place":
        return pattern
    # As in `coincidence`, groups go with the place that a surrogate exchanges.
    decoded = np.full(len(group), -np.inf)
    label, place, decoded, group_of_label = make_labels(arrays.place, decoded, pattern.group)
    return replace(
        pattern, label=label, place_of_label=place, decoded=decoded, group_of_label=group_of_label
    )


def whole_size(family: str, worlds: int) -> float:
    """Return the share of worlds without a lead in which all signals together make a claim."""
    n_claims = 0
    for number in range(worlds):
        pattern = grouped(LARGE | GROUP_FAMILIES[family], "kind", number).in_one_group()
        surrogates = draw_surrogates(pattern, "local", SURROGATES, number)
        n_claims += bool(p_values(surrogates)[1][0, -1, 0] <= LEVEL)
    return n_claims / worlds


def seasonal(number: int) -> WorldArrays:
    """Return a world in which each place has a season of its own, and no place is near another.

    The log share of a place is an autoregressive process with a standard deviation of 1.2 and a
    memory of 40 days. Posts and events have the same shares, and nothing else in common.
    """
    rng = np.random.default_rng(number)
    arrays = make_arrays(rng, **PLAIN)
    days, places = PLAIN["days"], PLAIN["places"]
    keep = np.exp(-1 / 40)
    shares = np.empty((days, places))
    shares[0] = 1.2 * rng.standard_normal(places)
    for day in range(1, days):
        shares[day] = keep * shares[day - 1]
        shares[day] += 1.2 * np.sqrt(1 - keep**2) * rng.standard_normal(places)
    weights = np.exp(shares)
    weights /= weights.sum(axis=1, keepdims=True)

    def draw(at: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.int64]]:
        return np.array([rng.choice(places, p=weights[int(day)]) for day in at], dtype=np.int64)

    return arrays._replace(place=draw(arrays.posted[0]), event_place=draw(arrays.happened[0]))


def p_of_limit(name: str, number: int) -> dict[str, list[float]]:
    """Return p of the signals followed and of the events preceded, under the `local` null model."""
    if name == "seasons":
        arrays = seasonal(number)
    else:
        family = SLOW if name.endswith("slow front") else FAST
        arrays = make_arrays(np.random.default_rng(number), **PLAIN | family)
    pattern = simulate_pattern(arrays, (7.0,), PLAIN["days"])
    values = p_values(draw_surrogates(pattern, "local", SURROGATES, number))[1][0, -1]
    return {"p": values.tolist()}


def cells() -> list[tuple[str, str]]:
    """Return all cells: the family of worlds, and what defines the groups; empty for limits."""
    return [(family, by) for family in GROUP_FAMILIES for by in GROUPS] + [
        (name, "") for name in LIMITS
    ]


def run(worlds: int, done: Path) -> list[dict[str, Any]]:
    """Run the worlds that are missing in the file `done`, and return those of all cells."""
    lines = done.read_text("utf-8").splitlines() if done.exists() else []
    rows = [json.loads(line) for line in lines]
    known = {(row["family"], row["by"], row["world"]) for row in rows}
    for number in range(LIMIT_WORLDS * worlds):
        for family, by in cells():
            if (family, by, number) in known or (by and number >= worlds):
                continue
            values = p_of_groups(family, by, number) if by else p_of_limit(family, number)
            row = {"family": family, "by": by, "world": number, **values}
            with done.open("a", encoding="utf-8") as handle:
                handle.write(json.dumps(row) + "\n")
            rows.append(row)
        print(number, flush=True)
    return [row for row in rows if row["world"] < (worlds if row["by"] else LIMIT_WORLDS * worlds)]


def sizes(rows: list[dict[str, Any]]) -> dict[tuple[str, str], tuple[int, float, float]]:
    """Return the number of worlds, the share with a claim, and the share of groups below 5%."""
    by_cell: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_cell[row["family"], row["by"]].append(row)
    return {
        cell: (
            len(part),
            float(np.mean([min(row["q"], default=1.0) <= LEVEL for row in part])),
            float(np.mean([p <= LEVEL for row in part for p in row["p"]] or [np.nan])),
        )
        for cell, part in by_cell.items()
        if cell[1]
    }


def groups_table(rows: list[dict[str, Any]]) -> str:
    """Return the sizes by group as a Markdown table."""
    known = sizes(rows)
    least = min(worlds for worlds, *_ in known.values())
    lines = [
        (
            f"Share of {least:,} worlds without a lead in which the test claimed one in any group "
            "after control of false discoveries, and in brackets the share of groups with an "
            f"unadjusted p of at most 5%. 300 signals at 12 places, {GROUP_SURROGATES} surrogates, "
            "`local` null model. **Bold**: more than two standard errors above 5%."
        ),
        "",
        "| worlds | `place` | `account` | `month` | `kind` |",
        "|---|---|---|---|---|",
    ]
    for family in GROUP_FAMILIES:
        shown = []
        for by in GROUPS:
            worlds, claimed, below = known[family, by]
            words = f"{claimed:.1%}"
            is_large = claimed > LEVEL + 2 * (LEVEL * (1 - LEVEL) / worlds) ** 0.5
            shown.append(f"{f'**{words}**' if is_large else words} ({below:.1%})")
        lines.append(f"| {family} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def limits_table(rows: list[dict[str, Any]]) -> str:
    """Return the sizes under what limits the null model as a Markdown table."""
    lines = ["| worlds | signals followed | events preceded | both |", "|---|---|---|---|"]
    for name in LIMITS:
        p = np.array([row["p"] for row in rows if row["family"] == name])
        followed, preceded = (p <= LEVEL).mean(axis=0)
        both = (p.max(axis=1) <= LEVEL).mean()
        words = name.removeprefix("precursors, ")
        lines.append(f"| {words} | {followed:.1%} | {preceded:.1%} | {both:.1%} |")
    n = len({row["world"] for row in rows if not row["by"]})
    head = (
        f"Share of {n:,} worlds without a lead with p of at most 5%, each alone and both together:"
    )
    return "\n".join([head, "", *lines])


def write(rows: list[dict[str, Any]], docs: Path) -> None:
    """Write the tables between their markers on the page on null models."""
    page = docs / PAGE
    text = page.read_text("utf-8")
    for name, table in (("groups", groups_table(rows)), ("limits", limits_table(rows))):
        start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, rest = text.split(start)
        text = f"{before}{start}\n{table}\n{end}{rest.split(end)[1]}"
    page.write_text(text, "utf-8")


def main() -> None:
    """Run the study and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=200)
    parser.add_argument("--done", type=Path, default=Path("build/calibration-groups.jsonl"))
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    parser.add_argument("--whole", action="store_true", help="print the size without groups")
    options = parser.parse_args()
    if options.whole:
        print(whole_size("slow front", options.worlds))
        return
    options.done.parent.mkdir(parents=True, exist_ok=True)
    write(run(options.worlds, options.done), options.docs)


if __name__ == "__main__":
    main()
