"""Build small tables for tests, and edit CSV files; times are in Kyiv's time zone."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

from foxgrape import times

IZIUM = "geonames:707292"


def interval(text: str) -> dict[str, pd.Timestamp]:
    """Return the first and last instant of a stated time, such as the day '2022-09-10' in Kyiv."""
    earliest, latest = times.parse_stated_time(text, "Europe/Kyiv")
    return {"at": pd.Timestamp(earliest), "until": pd.Timestamp(latest)}


def spread(name: str, text: str | None) -> dict[str, pd.Timestamp | None]:
    """Return the two columns of an interval; None in both for an unconfirmed event."""
    ends = {"at": None, "until": None} if text is None else interval(text)
    return {f"{name}_{end}": value for end, value in ends.items()}


def signals(*posted: str, place: str = IZIUM, decoded: str | None = None) -> pd.DataFrame:
    """Return one signal for each stated time."""
    rows = [
        {
            "signal_id": f"s{number}",
            "place_id": place,
            "decoded_at": None if decoded is None else pd.Timestamp(decoded),
            **spread("posted", text),
        }
        for number, text in enumerate(posted)
    ]
    return pd.DataFrame(rows)


def events(*pairs: tuple[str, str | None], place: str = IZIUM, by: str = "UA") -> pd.DataFrame:
    """Return one event for each pair of stated times (occurred, confirmed)."""
    rows = [
        {
            "event_id": f"e{number}",
            "place_id": place,
            "confirmed_by": by,
            **spread("occurred", occurred),
            **spread("confirmed", confirmed),
        }
        for number, (occurred, confirmed) in enumerate(pairs)
    ]
    return pd.DataFrame(rows)


def change(folder: Path, file: str, edit) -> None:
    """Rewrite a CSV file with `edit`, which changes the rows or returns new ones."""
    path = folder / file
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    rows = edit(rows) or rows
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def leads_of(leads, censored=(), *, width=0.0, relation="precedes", **columns) -> pd.DataFrame:
    """Return links with these leads, and unconfirmed ones with these censoring times, in days."""
    n, m = len(leads), len(censored)
    frame = pd.DataFrame(
        {
            "signal_id": [f"s{number}" for number in range(n + m)],
            "event_id": [f"e{number}" for number in range(n)] + [None] * m,
            "place_id": "geonames:1",
            "clock": "confirmed",
            "lead_min": pd.to_timedelta([*leads, *censored], unit="D"),
            "lead_max": pd.to_timedelta([x + width for x in leads] + [float("nan")] * m, unit="D"),
            "observed": [True] * n + [False] * m,
            "relation": [relation] * n + ["unconfirmed"] * m,
            "hindsight": False,
        }
    )
    return frame.assign(**columns)
