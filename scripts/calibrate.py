"""Size and power of the null models in simulated worlds, at a nominal level of 5%.

Run as `make calibrate`, or `python scripts/calibrate.py --worlds 2000 --docs docs`. A cell is a
null model in a family of worlds, with or without planted leads. Its result is appended to a file as
soon as it is known, so that an interrupted run can continue. Writes the tables of
docs/explanation/null-models.md and a figure in docs/images.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from playwright.sync_api import sync_playwright

from foxgrape.plots.theme import BLUE, GREEN, GREY, ORANGE, PINK, apply_theme, inline_legend
from foxgrape.stats.coincidence.significance import p_values
from foxgrape.stats.coincidence.surrogates import NULLS, draw_surrogates
from foxgrape.stats.power import simulate_pattern
from foxgrape.stats.simulate import make_arrays

PAGE = Path("explanation") / "null-models.md"
SURROGATES = 199
LEADS = 0.15
LEVEL = 0.05
TOO_OFTEN = 0.065
PLAIN: dict[str, Any] = {
    "signals": 60, "events": 120, "places": 25, "days": 365, "size": 200.0, "tempo": "even",
    "front": 0.0, "reach": 38.0, "popularity": 0.0, "accounts": 1, "leads": 0.0, "delay": 5.0,
    "announced": 0.0, "clustered": 0.0, "rough": 0.0,
}  # fmt: skip
BURSTS = {"tempo": "bursts"}
SLOW, FAST = BURSTS | {"front": 2.5}, BURSTS | {"front": 6.0}
#: Options of each family of worlds.
FAMILIES: dict[str, dict[str, Any]] = {
    "nothing shared": {},
    "tempo": BURSTS,
    "slow front": SLOW,
    "fast front": FAST,
    "slow front, clustered posts": SLOW | {"clustered": 0.6},
    "fast front, clustered posts": FAST | {"clustered": 0.6},
    "fast front, times known to the day": FAST | {"rough": 1.0},
    "slow front, times known to 3 days": SLOW | {"rough": 3.0},
    "fast front, popular places": FAST | {"popularity": 0.7},
    "slow front, narrow": SLOW | {"reach": 25.0},
    "fast front, narrow": FAST | {"reach": 25.0},
    "tempo, popular places": BURSTS | {"popularity": 1.0},
    "waves and a fast front, 60 places": FAST | {"tempo": "waves", "places": 60},
    "slow front, three accounts, a third announced": SLOW | {"accounts": 3, "announced": 0.33},
}


def p_of_world(
    family: dict[str, Any], number: int, null: str, windows: tuple[float, ...] = (7.0,)
) -> float:
    """Return the p-value of a family's world `number` under a null model."""
    options = PLAIN | family
    numbers = make_arrays(np.random.default_rng(number), **options)
    world = simulate_pattern(numbers, windows, options["days"])
    return float(p_values(draw_surrogates(world, null, SURROGATES, number))[1][:, -1, 0].min())


def claims(
    family: dict[str, Any], worlds: int, null: str, windows: tuple[float, ...] = (7.0,)
) -> float:
    """Return the share of a family's worlds in which p is at most 5%."""
    values = [p_of_world(family, number, null, windows) for number in range(worlds)]
    return float(np.mean(np.array(values) <= LEVEL))


def cells(worlds: int) -> list[dict[str, Any]]:
    """Return all cells; a null model has its own cells, so it can be rerun alone after a change."""
    rows = [
        {"family": name, "leads": leads, "null": null}
        for leads, nulls in ((0.0, tuple(NULLS)), (LEADS, ("place", "local")))
        for name in FAMILIES
        for null in nulls
    ]
    scan = [
        {"family": name, "leads": 0.0, "null": "local", "windows": tuple(range(1, 11))}
        for name in ("nothing shared", "fast front")
    ]
    return [{"worlds": worlds, "windows": (7.0,), **row} for row in rows + scan]


def run(worlds: int, done: Path) -> list[dict[str, Any]]:
    """Run the cells that are missing in the file `done`, and return the rows of all cells."""
    lines = done.read_text("utf-8").splitlines() if done.exists() else []
    rows = [json.loads(line) for line in lines]
    finished_cells = {json.dumps(row["cell"], sort_keys=True) for row in rows}
    for cell in cells(worlds):
        plain = json.loads(json.dumps(cell))
        if json.dumps(plain, sort_keys=True) in finished_cells:
            continue
        family = FAMILIES[cell["family"]] | {"leads": cell["leads"]}
        row = {"cell": plain, "claims": claims(family, worlds, cell["null"], cell["windows"])}
        with done.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(row) + "\n")
        print(cell["family"], cell["leads"], cell["null"], row["claims"], flush=True)
        rows.append(row)
    return [row for row in rows if row["cell"]["worlds"] == worlds]


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows in the order of `FAMILIES`."""
    names = list(FAMILIES)
    return sorted(rows, key=lambda row: names.index(row["cell"]["family"]))


def by_family(rows: list[dict[str, Any]], leads: float) -> dict[str, dict[str, float]]:
    """Return the share of claims by family and null model."""
    claims_by_family: dict[str, dict[str, float]] = {}
    for row in rows:
        if row["cell"]["leads"] == leads:
            family = claims_by_family.setdefault(row["cell"]["family"], {})
            family[row["cell"]["null"]] = row["claims"]
    return claims_by_family


def size_in_words(size: float | None) -> str:
    """Format a test's size: bold if it is too large, empty if the cell was not run."""
    if size is None:
        return ""
    return f"**{size:.1%}**" if size > TOO_OFTEN else f"{size:.1%}"


def power_in_words(power: float | None, size: float | None) -> str:
    """Format a test's power, or return a dash if the test's size is too large."""
    if size is not None and size > TOO_OFTEN:
        return "–"
    return "" if power is None else f"{power:.0%}"


def table(rows: list[dict[str, Any]]) -> str:
    """Return the cells as Markdown tables."""
    rows = in_order(rows)
    single = [row for row in rows if len(row["cell"]["windows"]) == 1]
    sizes, powers = by_family(single, 0.0), by_family(single, LEADS)
    lines = [
        (
            f"Share of {rows[0]['cell']['worlds']:,} worlds in which a nominal 5% test claimed a "
            f"lead where there was none, and (last two columns) where one was planted behind "
            f"{LEADS:.0%} of the signals; {SURROGATES} surrogates a world."
        ),
        "",
        "| worlds | " + " | ".join(NULLS) + " | power, place | power, local |",
        "|---" * (len(NULLS) + 3) + "|",
    ]
    for family, size in sizes.items():
        power = powers.get(family, {})
        shown = [size_in_words(size.get(null)) for null in NULLS]
        shown += [power_in_words(power.get(null), size.get(null)) for null in ("place", "local")]
        lines.append(f"| {family} | " + " | ".join(shown) + " |")
    if len(rows) < len(cells(1)):
        lines += ["", "What is empty has not been run."]
    scans = [row for row in rows if len(row["cell"]["windows"]) > 1]
    if scans:
        lines += ["", "A scan over ten windows, 1 to 10 days, under `local` with nothing planted:"]
    lines += [f"{row['cell']['family']} {row['claims']:.1%}." for row in scans]
    return "\n".join(lines)


def figure(rows: list[dict[str, Any]]) -> go.Figure:
    """Draw the size of each null in each family."""
    single = [row for row in in_order(rows) if len(row["cell"]["windows"]) == 1]
    sizes = by_family(single, 0.0)
    names = list(sizes)
    colours = dict(zip(NULLS, (GREY, PINK, ORANGE, BLUE, GREEN), strict=True))
    drawn = go.Figure(
        [
            go.Scatter(
                x=[100 * size.get(null, np.nan) for size in sizes.values()],
                y=names,
                mode="markers",
                marker={"color": colour, "size": 11},
                name=null,
            )
            for null, colour in colours.items()
        ]
    )
    drawn.add_vline(x=5, line={"dash": "dot", "color": GREY})
    drawn.update_layout(
        title={
            "text": "False claims of a nominal 5% test, in % of worlds",
            "subtitle": {
                "text": inline_legend(*((colour, "●", null) for null, colour in colours.items()))
            },
        },
        xaxis={"title": "% of worlds", "range": [-2, 102]},
        yaxis={"autorange": "reversed"},
        height=160 + 34 * len(names),
        width=900,
    )
    return apply_theme(drawn, "Size of each null model in each family of worlds; see the table.")


def write(rows: list[dict[str, Any]], docs: Path) -> None:
    """Write the tables between the markers of the page on null models, and the figure."""
    page = docs / PAGE
    text = page.read_text("utf-8")
    start, end = "<!-- calibration -->", "<!-- end of calibration -->"
    before, rest = text.split(start)
    page.write_text(f"{before}{start}\n{table(rows)}\n{end}{rest.split(end)[1]}", "utf-8")
    picture(figure(rows), docs / "images" / "calibration.png")


def picture(drawn: go.Figure, path: Path) -> None:
    """Save a screenshot of a figure, if Chromium is installed."""
    browser = shutil.which("chromium")
    if browser is None:
        print("no picture was saved: Chromium is not installed")
        return
    size = {"width": int(drawn.layout.width), "height": int(drawn.layout.height)}
    drawn.update_layout(paper_bgcolor="white", plot_bgcolor="white")
    with sync_playwright() as play:
        chromium = play.chromium.launch(
            executable_path=browser, args=["--no-sandbox", "--disable-gpu"]
        )
        page = chromium.new_page(viewport=size, device_scale_factor=1.5)
        page.set_content(drawn.to_html(include_plotlyjs=True, config={"displayModeBar": False}))
        page.wait_for_selector(".main-svg")
        page.screenshot(path=path)
        chromium.close()


def main() -> None:
    """Run the missing cells and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=2000)
    parser.add_argument("--done", type=Path, default=Path("build/calibration.jsonl"))
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    given = parser.parse_args()
    given.done.parent.mkdir(parents=True, exist_ok=True)
    write(run(given.worlds, given.done), given.docs)


if __name__ == "__main__":
    main()
