"""Error rates of hazard and alarms, and coverage of the hazard ratio, in simulated worlds.

Run as `python benchmarks/lead_worlds.py [worlds [part ...]]`, where the parts are claims and
ratios; fills the tables of `docs/explanation/hazard.md`. World r of a family has the seed
(r, family), so that each row is reproducible.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from foxgrape import alarm, hazard

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "hazard.md"
START = pd.Timestamp("2022-01-01", tz="UTC")
DAYS, KM_PER_DEGREE = 365, 111.195
WINDOWS = ["1D", "3D", "7D"]
#: Alarms are evaluated in one of so many worlds, because their null models differ clearly.
FEWER = 4
RATIO = 3.0
FAMILIES = {
    "nothing shared": {"tempo": False, "front": False},
    "shared tempo": {"front": False},
    "slow front": {"step": 2.5},
    "fast front": {"step": 6.0},
    "slow and narrow front": {"step": 2.5, "reach": 15.0},
    "fast and narrow front": {"step": 6.0, "reach": 15.0},
    "fast and wide front": {"step": 6.0, "reach": 40.0},
    "nothing shared, rough times": {"tempo": False, "front": False, "rough": True},
    "slow front, rough times": {"step": 2.5, "rough": True},
}
PLANTED = {
    f"{name}, 15% of posts lead": FAMILIES[name] | {"lead": 0.15}
    for name in ("nothing shared", "shared tempo", "slow front", "fast front")
} | {"fast front, 50% of posts lead": FAMILIES["fast front"] | {"lead": 0.5}}


def front_path(rng: np.random.Generator, step: float, box: float) -> np.ndarray:
    """Return the position of the front on each day: a random walk with reflecting borders."""
    path = rng.uniform(0, box, 2) + np.cumsum(rng.normal(0, step, (DAYS + 1, 2)), axis=0)
    return box - np.abs(box - path % (2 * box))


def daily_tempo(rng: np.random.Generator) -> np.ndarray:
    """Return the activity of each day, which changes over weeks."""
    level, keep = np.empty(DAYS + 1), np.exp(-1 / 20)
    level[0] = rng.normal()
    for day in range(1, DAYS + 1):
        level[day] = keep * level[day - 1] + np.sqrt(1 - keep**2) * rng.normal()
    return np.exp(1.2 * level)


def draw_places(rng: np.random.Generator, weight: np.ndarray) -> np.ndarray:
    """Draw one place per row by weight."""
    cumulative = np.cumsum(weight, axis=1)
    drawn = (cumulative < rng.uniform(0, 1, (len(weight), 1)) * cumulative[:, -1:]).sum(axis=1)
    return drawn.clip(max=weight.shape[1] - 1)


def world(
    rng: np.random.Generator,
    *,
    events: int = 120,
    posts: int = 60,
    places: int = 25,
    step: float = 6.0,
    reach: float = 25.0,
    tempo: bool = True,
    front: bool = True,
    lead: float = 0.0,
    rough: bool = False,
    ratio: float = 1.0,
    unseen: float = 0.0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the signals and events of one world.

    An event is `ratio` times as likely at places with a signal in the week before. `unseen` is the
    share of the year, at its end, that is not observed.
    """
    where = rng.uniform(0, 200, (places, 2))
    size = np.exp(rng.normal(0, 0.7, places))
    mentions = size**0.7 * np.exp(rng.normal(0, 0.5, places))
    path = front_path(rng, step, 200.0)
    share = daily_tempo(rng)[:DAYS] if tempo else np.ones(DAYS)

    def instants(number: int) -> np.ndarray:
        days = rng.choice(DAYS, number, p=share / share.sum())
        return np.sort(days + rng.uniform(0, 1, number))

    def weights(at: np.ndarray, own: np.ndarray) -> np.ndarray:
        if not front:
            return np.tile(own, (len(at), 1))
        distance = ((where - path[at.astype(int)][:, None]) ** 2).sum(axis=2)
        return own * np.exp(-distance / (2 * reach**2)) + 1e-12

    event_at, post_at = instants(events), instants(posts)
    post_place = draw_places(rng, weights(post_at, mentions))
    age = event_at[:, None] - post_at
    signalled = np.zeros((events, places), dtype=bool)
    for post, place in enumerate(post_place):
        signalled[:, place] |= (age[:, post] > 0) & (age[:, post] <= 7)
    event_place = draw_places(rng, weights(event_at, size) * np.where(signalled, ratio, 1.0))
    leads = rng.random(posts) < lead
    aim = rng.integers(0, events, posts)
    post_at = np.where(leads, event_at[aim] - rng.exponential(3, posts), post_at)
    post_place = np.where(leads, event_place[aim], post_place)
    seen = event_at < DAYS * (1 - unseen), post_at < DAYS * (1 - unseen)
    return _tables(where, event_at[seen[0]], event_place[seen[0]], post_at[seen[1]],
                   post_place[seen[1]], rough=rough)  # fmt: skip


def _tables(
    where: np.ndarray,
    event_at: np.ndarray,
    event_place: np.ndarray,
    post_at: np.ndarray,
    post_place: np.ndarray,
    *,
    rough: bool,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    def between(days: np.ndarray) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex]:
        at = START + pd.to_timedelta(np.round(days * 86.4e9), unit="us")
        return (at.floor("D"), at.ceil("D")) if rough else (at, at)

    posted, happened = between(post_at), between(event_at)
    signals = pd.DataFrame(
        {
            "signal_id": [f"s{number}" for number in range(len(post_at))],
            "place_id": [f"world:{place}" for place in post_place],
            "posted_at": posted[0],
            "posted_until": posted[1],
        }
    )
    events = pd.DataFrame(
        {
            "event_id": [f"e{number}" for number in range(len(event_at))],
            "place_id": [f"world:{place}" for place in event_place],
            "lat": where[event_place, 1] / KM_PER_DEGREE,
            "lon": where[event_place, 0] / KM_PER_DEGREE,
            "occurred_at": happened[0],
            "occurred_until": happened[1],
            "confirmed_at": happened[0],
            "confirmed_until": happened[1],
        }
    )
    return signals, events


def claims(worlds: int) -> str:
    """Return the share of worlds in which each test rejects at 5%, by family."""
    rows = ["| world | hazard, p < 0.05 | and ratio > 1 | alarm, local | place | uniform |"]
    rows.append("|---|---|---|---|---|---|")
    for family, (name, options) in enumerate((FAMILIES | PLANTED).items()):
        counts, of_alarms = np.zeros(2), np.zeros(3)
        for number in range(worlds):
            tables = world(np.random.default_rng([number, family]), **options)
            result = hazard(*tables, window="7D")
            claimed = result.p_value < 0.05
            counts += [claimed, claimed and result.ratio > 1]
            if number < worlds // FEWER:
                chance = alarm(*tables, window=WINDOWS, n=199).nulls.set_index("null")["p_value"]
                of_alarms += [chance[null] <= 0.05 for null in ("local", "place", "uniform")]
        shares = [*counts / worlds, *of_alarms / (worlds // FEWER)]
        rows.append(f"| {name} | " + " | ".join(f"{share:.1%}" for share in shares) + " |")
        print(rows[-1], flush=True)
    return "\n".join(rows)


def ratios(worlds: int) -> str:
    """Return the coverage of the interval of the hazard ratio."""
    rows = ["| world | year unseen | true ratio | covered | by clustered error | median estimate |"]
    rows.append("|---|---|---|---|---|---|")
    kinds = {"nothing shared": FAMILIES["nothing shared"], "slow front": FAMILIES["slow front"]}
    for name, options in kinds.items():
        for unseen in (0.0, 0.2, 0.4):
            covered, robust, estimates = 0, 0, []
            for number in range(worlds):
                rng = np.random.default_rng([number, int(10 * unseen)])
                tables = world(rng, posts=120, ratio=RATIO, unseen=unseen, **options)
                result = hazard(*tables, window="7D")
                covered += result.ratio_ci[0] <= RATIO <= result.ratio_ci[1]
                error = abs(np.log(result.ratio / RATIO)) if result.ratio > 0 else np.inf
                robust += error <= 1.96 * result.robust_se
                estimates.append(result.ratio)
            rows.append(
                f"| {name} | {unseen:.0%} | {RATIO:g} | {covered / worlds:.1%} "
                f"| {robust / worlds:.1%} | {np.nanmedian(estimates):.2f} |"
            )
            print(rows[-1], flush=True)
    return "\n".join(rows)


def main() -> None:
    """Fill the tables of the page."""
    worlds = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    parts = {"claims": claims, "ratios": ratios}
    for name in sys.argv[2:] or parts:
        begin = time.perf_counter()
        table = parts[name](worlds)
        text = PAGE.read_text(encoding="utf-8")
        first, rest = text.split(f"<!-- {name} -->\n")
        _, rest = rest.split("<!-- end -->", 1)
        filled = f"<!-- {name} -->\n{worlds} worlds a row.\n\n{table}\n<!-- end -->"
        PAGE.write_text(first + filled + rest, encoding="utf-8")
        print(f"{name}: {time.perf_counter() - begin:.0f} s", flush=True)


if __name__ == "__main__":
    main()
