"""Write the example of the president's channel of 2022 in docs/explanation/null-models.md.

Run as `python scripts/write_president_example.py FOLDER`, where FOLDER has the tables mentions.csv
(mentions of towns) and to_ukraine.csv (when towns were first shown as liberated). The data are not
part of the project; a test compares the page with them where they are present.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd

from foxgrape import coincidence
from foxgrape._util.formatting import number_in_words

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "null-models.md"
START, END = "<!-- president -->\n", "<!-- end of president -->"
OBSERVED = ("2022-03-13T00:00:00Z", "2023-01-01T00:00:00Z")
WINDOWS = ["1D", "2D", "3D", "5D", "7D", "10D", "14D"]


def tables(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the mentions as signals, and the liberations as events."""
    mentions, towns = (pd.read_csv(folder / name) for name in ("mentions.csv", "to_ukraine.csv"))
    signals = mentions[["place_id", "place"]].assign(
        signal_id=[f"m{number}" for number in range(len(mentions))],
        posted_at=pd.to_datetime(mentions["posted_at"]),
    )
    events = towns[["place_id", "place", "lat", "lon"]].assign(
        event_id=[f"e{number}" for number in range(len(towns))],
        occurred_at=pd.to_datetime(towns["first_seen"]),
    )
    return signals, events


def paragraph(signals: pd.DataFrame, events: pd.DataFrame) -> str:
    """Return the paragraph with the results of today's code."""

    def ask(window: str | list[str], null: Any) -> Any:
        return coincidence(signals, events, window=window, null=null, observed=OBSERVED, rng=1)

    uniform, place, local = (ask("7D", null) for null in ("uniform", "place", "local"))
    scan, place_scan = ask(WINDOWS, "local"), ask(WINDOWS, "place")
    by_window = scan.windows.set_index("window")["p_trigger"]
    two, three = (by_window[pd.Timedelta(window)] for window in ("2D", "3D"))
    followed = number_in_words(round(local.trigger_rate * local.n_signals))
    echoes = round(local.echo_rate * local.n_signals)
    return (
        f"The data are {len(signals)} mentions of towns between March and December 2022, and "
        f"the times at which {local.n_events} towns were first shown as liberated. "
        f"{local.n_signals} mentions count: the week after them was observed. "
        f"{followed.capitalize()} mentions were followed by the liberation of their town within a "
        f"week, and {echoes} came within a week after one. Under `uniform` {followed} is many "
        f"(p = {uniform.p_trigger:.2g}), and under `place` as well (p = {place.p_trigger:.2g}). "
        f"But mentions and liberations share a tempo ({local.tempo.ratio:.1f} times as many pairs "
        f"close in time as expected) and a front ({local.front.ratio:.1f} times as many pairs "
        "close in time and space, excluding the weeks next to each post): in the weeks in which "
        "Lyman was liberated, posts were about towns around Lyman. Under `local`, the p-value is "
        f"{local.p_trigger:.2g}. For windows of 2 and 3 days p is {two:.2g} and {three:.2g} before "
        "the adjustment for choosing the window; for the best of "
        f"{number_in_words(len(WINDOWS))} windows it is {scan.p_trigger:.2g} "
        f"({place_scan.p_trigger:.2g} under `place`, which does not hold the front).\n"
    )


def main() -> None:
    """Write the paragraph between the markers of the page."""
    before, rest = PAGE.read_text("utf-8").split(START)
    text = paragraph(*tables(Path(sys.argv[1])))
    PAGE.write_text(f"{before}{START}{text}{END}{rest.split(END)[1]}", "utf-8")


if __name__ == "__main__":
    main()
