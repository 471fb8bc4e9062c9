"""Tables of signals, links and events that a run keeps as Parquet beside its page; comparing them.

The key of a signal is its ``signal_id``: platform, account, post id, code and place.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from foxgrape._util.directories import directory_at
from foxgrape.display.what_changed import TABLE_NAMES, TABLES
from foxgrape.reports.key_points import to_line
from foxgrape.times import get_zone

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = ["KINDS", "compare_tables", "read_tables", "signal_name", "take_tables"]

#: Kinds of changes of a signal. One that is no longer there has either left the period of the
#: report, which moved, or is no longer in the data.
KINDS = ("added", "left the period", "removed", "linked", "re-linked", "corrected")
#: Their order in a table: new signals, of which there may be many, come last.
_IN_TABLES = ("linked", "re-linked", "corrected", "removed", "left the period", "added")
#: Tables without which a run cannot be compared; runs of earlier versions have no others.
_COMPARED_TABLES = ("signals", "links")


def take_tables(notebook: Any) -> dict[str, bytes]:
    """Remove the tables from the outputs of a notebook, and return them as files by name.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> data = {TABLES: {"signals": "UEFSMQ==", "../x": "UEFSMQ=="}}
    >>> cell = {"outputs": [SimpleNamespace(data=data, get=lambda *_: data)]}
    >>> take_tables(SimpleNamespace(cells=[cell])), data
    ({'signals.parquet': b'PAR1'}, {})
    """
    files: dict[str, bytes] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            tables = output.get("data", {}).pop(TABLES, None)
            if files or not isinstance(tables, dict):
                continue
            with suppress(binascii.Error, TypeError, ValueError):
                files = {
                    f"{name}.parquet": b64decode(tables[name], validate=True)
                    for name in TABLE_NAMES
                    if name in tables
                }
    return files


@dataclass(frozen=True, slots=True, eq=False)
class RunTables:
    """The tables of a run.

    Attributes
    ----------
    signals, links
        Signals, and their links to events.
    events
        The linked events; None in a run of an earlier version.
    """

    signals: pd.DataFrame
    links: pd.DataFrame
    events: pd.DataFrame | None = None

    @property
    def timezone(self) -> str | None:
        """Time zone of the report; None if it is not known."""
        zone = self.signals.attrs.get("timezone")
        try:
            return get_zone(str(zone)).key
        except ValueError:
            return None

    def in_period(self, signals: pd.DataFrame) -> pd.Series:
        """Return which signals are in the period of the report; all without a period."""
        import pandas as pd

        latest = signals["posted_until"] if "posted_until" in signals else signals["posted_at"]
        inside = pd.Series(data=True, index=signals.index)
        bounds = self.signals.attrs.get("period")
        if isinstance(bounds, list | tuple) and len(bounds) == len(("since", "until")):
            since, until = (
                pd.to_datetime(str(bound or ""), utc=True, errors="coerce") for bound in bounds
            )
            inside &= ~(latest < since) & ~(latest >= until)
        return inside

    def event_names(self, zone: str) -> dict[str, str]:
        """Return the kind, place and date of each event, by id."""
        import pandas as pd

        from foxgrape._util.formatting import describe_time

        names = {}
        for row in () if self.events is None else self.events.itertuples():
            event: Any = row
            when = describe_time(event.occurred_at, event.occurred_until, zone)
            kind = "event" if pd.isna(event.kind) else to_line(event.kind)
            where = "" if pd.isna(event.place) else f" at {to_line(event.place)}"
            names[str(event.event_id)] = f"{kind}{where}, {when.removesuffix(', time unknown')}"
        return names


def read_tables(out: Path, run_id: str) -> RunTables | None:
    """Return the tables of a run; None if it has none that can be read."""
    import pandas as pd
    import pyarrow as pa

    try:
        with directory_at(out, run_id) as folder:
            names = [
                name
                for name in TABLE_NAMES
                if name in _COMPARED_TABLES or folder.status(f"{name}.parquet") is not None
            ]
            contents = [folder.read(f"{name}.parquet") for name in names]
        tables = RunTables(*(pd.read_parquet(BytesIO(content)) for content in contents))
        _joined(tables)
        tables.event_names("UTC")
    except (OSError, ValueError, KeyError, AttributeError, TypeError, pa.ArrowException):
        return None
    return tables


def compare_tables(before: RunTables, after: RunTables) -> pd.DataFrame:
    """Return the signals that differ between two runs, one row per signal.

    Returns
    -------
    DataFrame
        Columns of the signals table, and ``change``: ``added``; ``left the period`` if it is not
        there because it was posted outside the period of the later run, else ``removed``;
        ``linked`` if it had no event and has one; ``re-linked`` if its event or its relation to it
        differs otherwise; ``corrected`` if these are the same, but the lead or the mark as
        hindsight differs. Columns ``X_before`` and ``X_after``
        have the link of each run. The time for which a signal without an event was observed always
        grows, and is not a change.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> analysis = open_study().analyse()
    >>> after = RunTables(analysis.signals, analysis.links)
    >>> before = RunTables(analysis.signals[1:], analysis.links[1:])
    >>> compare_tables(before, after)[["change", "place"]].values.tolist()
    [['added', 'Lysychansk']]
    """
    import numpy as np
    import pandas as pd

    old, new = _joined(before), _joined(after)
    both = old.merge(new, on="signal_id", how="outer", suffixes=("_before", "_after"))
    known = {side: both[f"relation_{side}"].notna() for side in ("before", "after")}
    differs = {name: _differs(both, name) for name in _COMPARED}
    observed = both["event_id_after"].notna()
    relinked = differs["event_id"] | differs["relation"]
    linked = both["event_id_before"].isna() & observed
    lead = (differs["lead_min"] | differs["lead_max"]) & observed
    outside = before.signals.loc[~after.in_period(before.signals), "signal_id"]
    conditions = [
        ~known["before"],
        ~known["after"] & both["signal_id"].isin(outside),
        ~known["after"],
        linked,
        relinked,
        lead | differs["hindsight"],
    ]
    both["change"] = np.select(conditions, KINDS, "")
    both = both[both["change"] != ""]
    described = pd.concat([after.signals, before.signals]).drop_duplicates("signal_id")
    changed = described.merge(both, on="signal_id")
    order = changed["change"].map({kind: number for number, kind in enumerate(_IN_TABLES)})
    changed = changed.assign(order=order).sort_values(["order", "posted_at", "signal_id"])
    return changed.drop(columns="order").reset_index(drop=True)


def signal_name(row: Any) -> str:
    """Return the code and the place of a signal; only the place if it is mentioned by name.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> [signal_name(SimpleNamespace(code=code, place="Izium")) for code in ("🍇", "Izium")]
    ['🍇 Izium', 'Izium']
    """
    code, place = to_line(row.code), to_line(row.place)
    return place if code == place else f"{code} {place}".strip()


_COMPARED = ("event_id", "relation", "lead_min", "lead_max", "hindsight")


def _joined(tables: RunTables) -> pd.DataFrame:
    links = tables.links[["signal_id", *_COMPARED]]
    return tables.signals[["signal_id"]].merge(links, on="signal_id")


def _differs(both: pd.DataFrame, name: str) -> Any:
    """Return in which rows a column differs between the runs; two missing values are equal."""
    before, after = both[f"{name}_before"], both[f"{name}_after"]
    missing = before.isna() & after.isna()
    return ~((before == after).fillna(value=False).astype("bool") | missing)
