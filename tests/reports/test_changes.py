"""What changed between runs: hand-made tables, a year of weekly runs, and real runs."""

from __future__ import annotations

import json
import random
import re
from base64 import b64decode
from dataclasses import replace
from io import BytesIO

import pandas as pd
import pytest

from foxgrape import link, open_study, run_report, run_reports
from foxgrape.cli.app import run
from foxgrape.display.what_changed import (
    NOT_COMPARED,
    TABLE_NAMES,
    TABLES,
    WhatChanged,
    changes_block,
)
from foxgrape.reports.changes import diff_runs, fill_page, previous_run
from foxgrape.reports.plan import ReportRequest
from foxgrape.reports.run_folder import PAGE
from foxgrape.reports.run_tables import RunTables, compare_tables, read_tables

START = pd.Timestamp("2022-01-03T12:00Z")
WEEK = pd.Timedelta("7D")


def signals_of(rows):
    """Return a signals table; rows are (post, code, place number, posted)."""
    return pd.DataFrame(
        {
            "signal_id": [
                f"telegram/a/{post}:{code}:geonames:{place}" for post, code, place, _ in rows
            ],
            "post_id": [str(row[0]) for row in rows],
            "account": "a",
            "platform": "telegram",
            "code": [row[1] for row in rows],
            "place_id": [f"geonames:{row[2]}" for row in rows],
            "place": [f"Place {row[2]}" for row in rows],
            "posted_at": pd.Series([row[3] for row in rows], dtype="datetime64[us, UTC]"),
        }
    )


def events_of(rows):
    """Return an events table; rows are (event, place number, occurred)."""
    return pd.DataFrame(
        {
            "event_id": pd.Series([row[0] for row in rows], dtype="str"),
            "place_id": pd.Series([f"geonames:{row[1]}" for row in rows], dtype="str"),
            "occurred_at": pd.Series([row[2] for row in rows], dtype="datetime64[us, UTC]"),
        }
    )


def tables_of(signals, events, until):
    signals = signals_of(signals)
    links = link(signals, events_of(events), clock="occurred", observed_until=until.isoformat())
    return RunTables(signals, links)


def changes_of(before, after):
    table = compare_tables(before, after)
    return {kind: set(rows["post_id"].astype("str")) for kind, rows in table.groupby("change")}


def test_each_kind_of_change_is_told_apart():
    posts = [(number, "🍇", number, START) for number in range(6)]
    events = [("same", 0, START + WEEK), ("moved", 1, START + WEEK), ("gone", 2, START + WEEK)]
    before = tables_of(posts[:5], events, START + 2 * WEEK)
    events = [
        ("same", 0, START + WEEK),
        ("moved", 1, START + WEEK + pd.Timedelta("1h")),  # a later lead to the same event
        ("new", 3, START + WEEK),
    ]
    after = tables_of(posts[:4] + posts[5:], events, START + 3 * WEEK)
    assert changes_of(before, after) == {
        "added": {"5"},
        "removed": {"4"},
        "re-linked": {"2"},
        "linked": {"3"},
        "corrected": {"1"},
    }
    assert changes_of(after, after) == {}


def test_a_longer_observation_is_no_change():
    posts = [(1, "🍇", 1, START)]
    before, after = (tables_of(posts, [], START + count * WEEK) for count in (1, 2))
    assert (before.links["lead_min"] != after.links["lead_min"]).all()
    assert compare_tables(before, after).empty


def test_another_code_or_place_in_a_post_is_another_signal():
    before = tables_of([(1, "🍇", 1, START)], [], START + WEEK)
    after = tables_of([(1, "🦊", 1, START), (1, "🍇", 2, START)], [], START + WEEK)
    table = compare_tables(before, after)
    assert sorted(table["change"]) == ["added", "added", "removed"]


class Stream:
    """A made stream: every signal has a place of its own, and its fate is drawn beforehand.

    The truth of a week is the list of fates that fall into it; nothing is computed from links.
    """

    def __init__(self, seed, weeks=52):
        draw = random.Random(seed)
        self.posts, self.events, self.truth = [], [], [{} for _ in range(weeks)]
        for number in range(400):
            week = draw.randrange(weeks)
            posted = START + week * WEEK + pd.Timedelta(hours=draw.randrange(80))
            fate = draw.choice(["open", "event", "deleted", "event, then corrected", "retracted"])
            later = week + draw.randint(1, 3)
            last = later + draw.randint(1, 3)
            gone = later if fate == "deleted" else weeks
            self.posts.append((week, gone, (number, "🍇", number, posted)))
            self._note(week, "added", number)
            if fate == "deleted":
                self._note(later, "removed", number)
            elif fate != "open":
                occurred = posted + pd.Timedelta(days=draw.randint(1, 6))
                end = weeks if fate == "event" else last
                self.events.append((later, end, (f"e{number}", number, occurred)))
                self._note(later, "linked", number)
                if fate == "retracted":
                    self._note(last, "re-linked", number)
                elif fate != "event":
                    moved = occurred + pd.Timedelta("3h")
                    self.events.append((last, weeks, (f"e{number}", number, moved)))
                    self._note(last, "corrected", number)

    def _note(self, week, kind, number):
        if week < len(self.truth):
            self.truth[week].setdefault(kind, set()).add(str(number))

    def tables(self, week):
        posts, events = (
            [row for first, gone, row in rows if first <= week < gone]
            for rows in (self.posts, self.events)
        )
        return tables_of(posts, events, START + (week + 1) * WEEK)


@pytest.mark.slow
def test_a_year_of_weekly_runs_names_every_change():
    stream = Stream(seed=1)
    runs = [stream.tables(week) for week in range(52)]
    total = 0
    for week in range(1, 52):
        truth = stream.truth[week]
        assert changes_of(runs[week - 1], runs[week]) == truth, week
        total += sum(map(len, truth.values()))
    assert total > 700


# --- in a folder of runs ---------------------------------------------------------------------


def fake_run(out, run_id, tables, until, *, folder=None, **more):
    folder = out / (folder or run_id)
    folder.mkdir(parents=True)
    manifest = {
        "run_id": run_id,
        "status": "done",
        "template": "weekly",
        "store": {"path": "s", "versions": {"posts": 1}},
        "parameters": {"until": until, "days": 7},
        "headline": "One",
        "built_at": "2022-09-12T05:00:00+00:00",
        **more,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (folder / "notebook.ipynb").write_text("{}", encoding="utf-8")
    (folder / PAGE).write_text(f"<main>{changes_block(NOT_COMPARED)}</main>", encoding="utf-8")
    if tables is not None:
        for name in TABLE_NAMES:
            if (table := getattr(tables, name)) is not None:
                table.to_parquet(folder / f"{name}.parquet")
    return manifest


RULES = {"until": {"format": "date"}, "days": {"type": "integer"}}


def two_tables():
    before = tables_of([(1, "🍇", 1, START), (2, "🍇", 2, START)], [], START + WEEK)
    after = tables_of(
        [(1, "🍇", 1, START), (3, "<b>", 3, START)], [("e", 1, START + WEEK / 2)], START + WEEK
    )
    return before, after


def test_the_run_before_is_of_the_same_report_and_not_later(tmp_path):
    before, _ = two_tables()
    for run_id, until, more in [
        ("old", "2022-08-29", {}),
        ("last", "2022-09-05", {}),
        ("later", "2022-09-19", {}),
        ("other-data", "2022-09-05", {"store": {"path": "t"}}),
        ("other-days", "2022-09-05", {"parameters": {"until": "2022-09-05", "days": 1}}),
        ("failed", "2022-09-05", {"status": "failed"}),
    ]:
        fake_run(tmp_path, run_id, before, until, **more)
    new = fake_run(tmp_path / "elsewhere", "new", before, "2022-09-12")
    assert previous_run(tmp_path, "new", new, RULES) == "last"
    assert previous_run(tmp_path / "elsewhere", "new", new, RULES) is None


def test_the_section_of_a_page_lists_the_changes_escaped(tmp_path):
    before, after = two_tables()
    fake_run(tmp_path, "old", before, "2022-09-05", headline="Two")
    manifest = fake_run(tmp_path, "new", after, "2022-09-12", folder=".building-new-x")
    previous, changes = fill_page(tmp_path / ".building-new-x", tmp_path, manifest, RULES)
    assert previous == "old"
    assert changes[:3] == [
        "Signals: 1 added, 1 removed from the data, 1 linked to a first event. Times in UTC.",
        "1 signal added: <b> Place 3 by a, 3 Jan 2022, 12:00 (no event).",
        "1 signal removed from the data: 🍇 Place 2 by a, 3 Jan 2022, 12:00 (no event).",
    ]
    # Without a table of events, as in runs of earlier versions, events have no names.
    assert changes[3] == (
        "1 signal linked to a first event: 🍇 Place 1 by a, 3 Jan 2022, 12:00 (then no event; now "
        "anticipates an event, lead 3 days 12 hours)."
    )
    assert "Headline then: Two" in changes
    page = (tmp_path / ".building-new-x" / PAGE).read_text(encoding="utf-8")
    assert "Compared with the run old." in page
    assert "&lt;b&gt; Place 3" in page
    assert "<b>" not in page
    assert NOT_COMPARED not in page


def test_many_new_signals_do_not_push_out_those_that_were_relinked(tmp_path):
    posts = [(number, "🍇", number, START) for number in range(503)]
    before = tables_of(posts[:2], [], START + WEEK)
    after = tables_of(posts, [("e", 1, START + WEEK / 2)], START + WEEK)
    fake_run(tmp_path, "old", before, "2022-09-05")
    manifest = fake_run(tmp_path, "new", after, "2022-09-12", folder=".building-new-x")
    fill_page(tmp_path / ".building-new-x", tmp_path, manifest, RULES)
    page = (tmp_path / ".building-new-x" / PAGE).read_text(encoding="utf-8")
    rows = page.split("<tbody>")[1]
    assert "linked" in rows.split("</tr>")[0]
    assert rows.count("</tr>") == 500
    assert "The first 500 of n = 502." in page
    assert 'href="changes.csv"' in page
    written = pd.read_csv(tmp_path / ".building-new-x" / "changes.csv")
    assert written["change"].value_counts().to_dict() == {"added": 501, "linked": 1}


def test_a_rough_time_of_a_post_stays_rough_in_the_table_of_changes(tmp_path):
    _, after = two_tables()
    day = pd.Timedelta(days=1)
    rough = RunTables(
        after.signals.assign(posted_until=after.signals["posted_at"] + day), after.links
    )
    nothing = RunTables(rough.signals.iloc[:0], rough.links.iloc[:0])
    fake_run(tmp_path, "old", nothing, "2022-09-05")
    fake_run(tmp_path, "new", rough, "2022-09-12")
    posted = {row["posted"] for row in diff_runs(tmp_path, "old", "new").rows()}
    assert posted == {"3 to 4 Jan 2022"}


def saved(analysis):
    """Return the tables of an analysis as a run keeps them."""
    data = WhatChanged(analysis)._repr_mimebundle_()[TABLES]
    tables = (pd.read_parquet(BytesIO(b64decode(data[name]))) for name in TABLE_NAMES)
    return RunTables(*tables)


def test_events_are_named_and_times_are_in_the_zone_of_the_report(tmp_path):
    after = saved(open_study().analyse())
    assert after.timezone == "Europe/Kyiv"
    relation, event_id = after.links["relation"].to_numpy(), after.links["event_id"]
    grapes = after.signals["code"] == "🍇"
    links = after.links.assign(
        event_id=event_id.where(~grapes.to_numpy(), None),
        relation=pd.Series(relation, dtype="str").where(~grapes.to_numpy(), "unconfirmed"),
    )
    fake_run(tmp_path, "old", RunTables(after.signals, links), "2022-09-05")
    fake_run(tmp_path, "new", after, "2022-09-12")
    diff = diff_runs(tmp_path, "old", "new")
    assert diff.changes[0].endswith("linked to a first event. Times in Europe/Kyiv.")
    (named,) = (row["after"] for row in diff.rows() if row["signal"] == "🍇 Izium")
    assert " liberated at Izium, 10 Sep 2022, lead " in named
    assert not any(str(name) in str(diff.rows()) for name in event_id.dropna())


def test_a_signal_that_left_the_period_is_not_removed_from_the_data(tmp_path):
    """The window moves by a month; one of the posts of the common days is deleted."""
    study = open_study()
    early = saved(study.between("2022-08-15", "2022-12-01").analyse(signals="both"))
    late = study.between("2022-09-15", "2023-01-01")
    gone = late.analyse(signals="both").signals["post_id"].iloc[0]
    late = replace(late, posts=late.posts[late.posts["post_id"] != gone])
    after = saved(late.analyse(signals="both"))
    table = compare_tables(early, after)
    kinds = {kind: set(rows["post_id"]) for kind, rows in table.groupby("change")}
    first = pd.Timestamp("2022-09-15", tz="Europe/Kyiv")
    was = early.signals
    assert kinds["removed"] == {gone}
    assert kinds["left the period"] == set(was.loc[was["posted_until"] < first, "post_id"])
    assert len(kinds["left the period"]) > 3
    fake_run(tmp_path, "old", early, "2022-09-05")
    fake_run(tmp_path, "new", after, "2022-09-12")
    lines = diff_runs(tmp_path, "old", "new").changes
    assert " left the period, 1 removed from the data" in lines[0]
    # A list is cut between signals, and says how many it leaves out.
    (line,) = (line for line in lines if " left the period: " in line)
    assert re.search(r"; and \d+ more\.$", line)
    assert all(len(line) <= 300 for line in lines)


def test_a_run_without_tables_is_named(tmp_path):
    before, after = two_tables()
    fake_run(tmp_path, "old", None, "2022-09-05")
    fake_run(tmp_path, "new", after, "2022-09-12")
    diff = diff_runs(tmp_path, "old", "new")
    assert diff.sentence() == "Signals cannot be compared: the run old has no tables."
    fake_run(tmp_path, "damaged", before, "2022-09-12")
    (tmp_path / "damaged" / "links.parquet").write_bytes(b"PAR1")
    assert read_tables(tmp_path, "damaged") is None


def test_report_diff_prints_changes_and_signals(tmp_path, capfd):
    before, after = two_tables()
    fake_run(tmp_path, "old", before, "2022-09-05")
    fake_run(tmp_path, "new", after, "2022-09-12")
    assert run(["report", "diff", "old", "new", "--out", str(tmp_path)]) == 0
    shown = capfd.readouterr().out
    assert shown.startswith(
        "Signals: 1 added, 1 removed from the data, 1 linked to a first event. Times in UTC.\n"
    )
    assert run(["report", "diff", "old", "new", "--out", str(tmp_path), "--json"]) == 0
    data = json.loads(capfd.readouterr().out)
    assert [signal["change"] for signal in data["signals"]] == ["linked", "removed", "added"]
    assert run(["report", "diff", "old", "none", "--out", str(tmp_path)]) == 1
    assert "no run found" in capfd.readouterr().err


def test_the_tables_of_a_notebook_can_be_read_back():
    analysis = open_study().analyse()
    data = WhatChanged(analysis)._repr_mimebundle_()
    links = b64decode(data["application/vnd.foxgrape.tables+json"]["links"])
    pd.testing.assert_frame_equal(
        pd.read_parquet(BytesIO(links))[["signal_id", "lead_min"]],
        analysis.links[["signal_id", "lead_min"]],
    )


@pytest.mark.slow
def test_runs_built_at_once_are_compared_in_their_order(tmp_path):
    days = ["2022-09-05", "2022-09-12", "2022-09-19"]
    requests = [
        ReportRequest("weekly_brief", parameters={"until": day}, out=tmp_path) for day in days
    ]
    runs = run_reports(requests, workers=2)
    manifests = [json.loads(run.manifest.read_text(encoding="utf-8")) for run in runs]
    assert [manifest["compared_with"] for manifest in manifests] == [
        None,
        runs[0].run_id,
        runs[1].run_id,
    ]
    assert manifests[1]["changes"][0].startswith("Signals: 2 added")
    assert "There is no earlier run" in runs[0].html.read_text(encoding="utf-8")
    page = runs[1].html.read_text(encoding="utf-8")
    assert "2 signals added:" in page
    assert '<a href="#what-changed">' in page
    assert "foxgrape.tables" not in runs[1].notebook.read_text(encoding="utf-8")
    again = run_report("weekly_brief", parameters={"until": days[1]}, out=tmp_path)
    assert again.status == "unchanged"
