"""What a run says about earlier periods: late events, revised figures, missing reports."""

from __future__ import annotations

import pandas as pd
import pytest

from foxgrape import Store, open_study
from foxgrape.reports.earlier_periods import missing_reports, revised_figures
from foxgrape.reports.key_points import KeyPoints, describe_changes
from foxgrape.reports.late_events import late_events
from foxgrape.reports.run_tables import RunTables

NOT_HERE = "these are not among the leads and events of these days."


def points(until, rows=(), store=None, days=7):
    parameters = {"until": until, "days": days}
    manifest = {"run_id": until, "parameters": parameters, "store": store}
    return KeyPoints(manifest, "", (), {"heads": [], "rows": [list(row) for row in rows]})


def record(store):
    versions = store.latest_versions()
    return {
        "path": store.path,
        "versions": versions,
        "fingerprints": store.fingerprints(versions),
    }


@pytest.fixture
def izium(tmp_path):
    """Return a store, and its records before and after the event of 10 September came in."""
    store, study = Store(tmp_path / "store"), open_study()
    late = study.events["event_id"] == "izium-2022-09"
    store.upsert("events", study.events[~late])
    before = record(store)
    store.upsert("events", study.events[late])
    return store, before, record(store)


def tables(*, leads):
    """Return tables of which a number of signals are leads of the event of 10 September."""
    analysis = open_study().analyse()
    signals, links = analysis.signals.copy(), analysis.links.copy()
    signals.attrs = {"timezone": "Europe/Kyiv"}
    links.loc[: leads - 1, "event_id"] = "izium-2022-09"
    links.loc[: leads - 1, ["lead_min", "lead_max"]] = pd.Timedelta("2h"), pd.Timedelta("3h")
    links.loc[: leads - 1, ["observed", "hindsight"]] = True, False
    return RunTables(signals, links)


def test_an_event_that_came_in_after_its_week_is_named_with_its_leads(izium):
    _, before, after = izium
    weeks = points("2022-09-12", store=before), points("2022-09-19", store=after)
    assert late_events(*weeks, tables(leads=2)) == [
        (
            "1 event from before 12 Sep 2022 came into the store only after the report before: "
            "liberated at Izium, 10 Sep 2022."
        ),
        f"2 signals certainly came before one of them; {NOT_HERE}",
    ]


@pytest.mark.parametrize(("until", "is_late"), [("2022-09-10", False), ("2022-09-11", True)])
def test_an_event_of_the_days_since_the_report_before_is_not_late(izium, until, is_late):
    _, before, after = izium  # confirmed on 10 September in Kyiv
    weeks = points(until, store=before), points("2022-09-19", store=after)
    assert bool(late_events(*weeks, tables(leads=0))) is is_late


def test_a_report_of_the_same_days_that_is_built_again_has_the_event(izium):
    _, before, after = izium
    weeks = points("2022-09-12", store=before), points("2022-09-12", store=after)
    assert NOT_HERE not in " ".join(late_events(*weeks, tables(leads=1)))


def test_late_events_need_two_states_of_one_store(izium):
    _, before, after = izium
    other = before | {"fingerprints": {"events": "0"}}
    for old, new in ((None, after), (other, after), (before | {"path": "x"}, after)):
        weeks = points("2022-09-12", store=old), points("2022-09-19", store=new)
        assert late_events(*weeks, tables(leads=1)) == []
    gone = after | {"versions": {"events": 99}}
    weeks = points("2022-09-12", store=before), points("2022-09-19", store=gone)
    (line,) = late_events(*weeks, tables(leads=1))
    assert (
        line
        == "Events that came in late are not known: an earlier version of the store cannot be read."
    )


ROWS = [("leads", "1", "0"), ("still open", "22", "9")]


def test_revised_values_of_the_previous_period_are_named():
    before = points("2022-09-12", ROWS)
    after = points("2022-09-19", [("leads", "2", "1"), ("still open", "13", "17")])
    line = (
        "Values of the previous period were revised, because data changed since: "
        "still open 17 (then 22)"
    )
    assert revised_figures(before, after) == [line]
    changes = describe_changes(before, after)
    assert line in changes
    assert "still open: 13 (then 22)" not in changes  # both values are in the figures
    unrevised = points("2022-09-19", [("leads", "2", "1"), ("still open", "13", "22")])
    assert revised_figures(before, unrevised) == []


def test_another_period_than_the_previous_one_is_compared_as_before():
    before, after = (
        points("2022-09-12", ROWS),
        points("2022-09-26", [*ROWS[:1], ("still open", "4", "17")]),
    )
    assert revised_figures(before, after) is None
    assert "still open: 4 (then 22)" in describe_changes(before, after)
    assert revised_figures(before, points("2022-09-19", [("leads", "2")])) is None
    assert revised_figures(points("2022-09-12", ROWS, days=14), after) is None


@pytest.mark.parametrize(
    ("until", "line"),
    [
        ("2022-09-12", None),
        ("2022-09-19", None),
        ("2022-09-26", "ended 14 days earlier, on 12 Sep 2022: the report between is missing."),
        ("2022-10-03", "ended 21 days earlier, on 12 Sep 2022: the 2 reports between are missing."),
    ],
)
def test_a_missing_report_is_named(until, line):
    changes = missing_reports(points("2022-09-12"), points(until))
    assert changes == ([] if line is None else [f"The report before {line}"])
    assert missing_reports(points("today"), points(until)) == []
