"""Figures of signals: those too many to read are counted, and kinds of event look different."""

from __future__ import annotations

import time
from dataclasses import replace

import pandas as pd
import pytest

from foxgrape import new_study, open_study
from foxgrape.plots.place_map import place_map
from foxgrape.plots.signals import survival, timeline
from foxgrape.plots.theme import changes_control

KINDS = {"Ізюм": "liberated", "Харків": "shelling/artillery/missile attack"}


def analysis_of(folder, posts, events, **options):
    """Return the analysis of posts (time, account, text) and events (place, day, kind)."""
    lines = [f"{n},{at},{account},{text}\n" for n, (at, account, text) in enumerate(posts)]
    (folder / "p.csv").write_text(f"id,date,username,text\n{''.join(lines)}", encoding="utf-8")
    lines = [f"{n},{place},{day},{kind}\n" for n, (place, day, kind) in enumerate(events)]
    (folder / "e.csv").write_text(f"id,place,date,kind\n{''.join(lines)}", encoding="utf-8")
    new_study(folder / "s", posts=folder / "p.csv", events=folder / "e.csv", timezone="UTC")
    return open_study(folder / "s").analyse(**options)


def many_grapes(n, months=1):
    return [
        (f"20{22 + m // 12}-{1 + m % 12:02}-{1 + k % 28:02}T09:{k % 60:02}:01Z", "river", "🍇")
        for k in range(n)
        for m in [k % months]
    ]


def n_drawn(figure):
    return sum(sum(trace.customdata) for trace in figure.data if trace.customdata is not None)


def test_many_signals_are_counted_by_place(tmp_path):
    figure = timeline(analysis_of(tmp_path, many_grapes(600), [("Ізюм", "2022-09-10", "")]))
    assert figure.layout.title.text == (
        "Signals, and the occurrence of their events, by place (n = 600)"
    )
    assert list(figure.layout.yaxis.categoryarray) == ["Izium"]
    assert [note.text for note in figure.layout.annotations] == ["n = 600"]
    assert n_drawn(figure) == 600
    assert figure.layout.height < 400


def test_signals_about_many_places_are_counted_by_month(tmp_path):
    analysis = analysis_of(tmp_path, many_grapes(60, months=3), [("Ізюм", "2022-09-10", "")])
    places = [f"geonames:{n % 30}" for n in range(60)]
    analysis = replace(
        analysis,
        signals=analysis.signals.assign(place_id=places, place=places),
        links=analysis.links.assign(place_id=places),
    )
    figure = timeline(analysis)
    assert "by month" in figure.layout.title.text
    assert list(figure.layout.yaxis.categoryarray) == ["Jan 2022", "Feb 2022", "Mar 2022"]
    assert [note.text for note in figure.layout.annotations] == ["n = 20"] * 3


def test_places_of_one_name_have_rows_of_their_own(tmp_path):
    analysis = analysis_of(tmp_path, many_grapes(60), [("Ізюм", "2022-09-10", "")])
    places = [f"geonames:{n % 3}" for n in range(60)]
    analysis = replace(
        analysis,
        signals=analysis.signals.assign(place_id=places, place="Lyman"),
        links=analysis.links.assign(place_id=places),
    )
    rows = timeline(analysis).layout.yaxis.categoryarray
    assert len(set(rows)) == 3
    assert {row.rstrip("\u200b") for row in rows} == {"Lyman"}


def test_signals_for_one_place_in_several_months_are_counted_by_month(tmp_path):
    analysis = analysis_of(tmp_path, many_grapes(60, months=4), [("Ізюм", "2022-09-10", "")])
    assert "by month" in timeline(analysis).layout.title.text


def test_a_grouped_mark_lies_at_the_middle_of_its_leads(tmp_path):
    posts = [("2022-09-05T12:00:00Z", "river", "🍇")] * 41
    figure = timeline(analysis_of(tmp_path, posts, [("Ізюм", "2022-09-10", "")]))
    (trace,) = [trace for trace in figure.data if trace.customdata is not None]
    assert tuple(trace.customdata) == (41,)
    # From noon on the 5th to the 10th, at an unknown time: 4.5 to 5.5 days.
    assert "about 5 days before" in trace.text[0]
    assert pd.Series(trace.x).between(2.2, 2.4).all()  # asinh(5) = 2.31


def test_1500_leads_are_drawn_in_less_than_a_second(tmp_path):
    analysis = analysis_of(tmp_path, many_grapes(1500, months=9), [("Ізюм", "2022-09-10", "")])
    start = time.perf_counter()
    timeline(analysis)
    assert time.perf_counter() - start < 1
    start = time.perf_counter()
    survival(analysis.lead_times)
    assert time.perf_counter() - start < 1


def test_of_few_signals_all_are_drawn():
    figure = timeline(open_study().analyse())
    assert "(n = 5)" in figure.layout.title.text
    assert len(figure.layout.annotations) == 5


def test_a_liberation_does_not_look_like_a_shelling(tmp_path):
    posts = [
        ("2022-09-09T12:00:00Z", "river", "В Ізюмі"),
        ("2022-09-09T13:00:00Z", "river", "В Харкові"),
    ]
    events = [(place, "2022-09-11", kind) for place, kind in KINDS.items()]
    analysis = analysis_of(tmp_path, posts, events, signals="mentions")
    assert len(analysis.signals) == 2
    notes = [note.text for note in timeline(analysis).layout.annotations]
    assert notes[0].endswith("<br>liberated")
    assert "<br>shelling" in notes[1]
    bars = {trace.line.color for trace in timeline(analysis).data if trace.name == "event"}
    assert len(bars) == 2
    marks = {
        trace.name: (trace.marker.symbol, trace.marker.color)
        for trace in place_map(analysis).data
        if trace.name in {"change of control", "other event"}
    }
    assert len(set(marks.values())) == 2


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("liberated", True),
        ("captured", True),
        ("Government regains territory", True),
        ("Non-violent transfer of territory", True),
        ("non-state actor overtakes territory", True),
        ("retreat", True),
        ("Shelling/artillery/missile attack", False),
        ("air/drone strike", False),
        ("armed clash", False),
        ("state-based violence", False),
        ("remote explosive/landmine/ied", False),
        (None, False),
        (float("nan"), False),
    ],
)
def test_kinds_that_change_control(kind, expected):
    assert changes_control(kind) is expected


def test_a_place_on_the_map_has_the_mark_of_its_most_frequent_outcome(tmp_path):
    posts = [(f"2022-09-0{day}T09:00:00Z", "river", "новини в Ізюмі") for day in (1, 2, 3)]
    posts.append(("2022-09-20T09:00:00Z", "river", "новини в Ізюмі"))
    events = [("Ізюм", "2022-09-08", "liberated")]
    analysis = analysis_of(tmp_path, posts, events, signals="mentions")
    marks = [trace for trace in place_map(analysis).data if trace.mode == "markers+text"]
    assert [trace.name for trace in marks] == ["posted before the event"]
    assert marks[0].customdata == (
        "Izium: 4 signals (3 posted before the event, 1 posted after the event)",
    )
    assert marks[0].meta["rows"] == [[0, 1, 2, 3]]


def test_a_rough_lead_is_at_risk_until_its_longest_value():
    """Four signals of 2022: leads of at most 10 hours, 21 hours and 1 day, and one of 30 days."""
    leads = open_study().analyse().lead_times
    assert leads.method == "Turnbull"
    longest = leads.leads["longest"].sort_values().tolist()
    assert [lead < pd.Timedelta("25h") for lead in longest] == [True, True, True, False]
    notes = survival(leads).layout.annotations
    ticks = survival(leads).layout.xaxis.ticktext
    at_risk = dict(zip(ticks, (note.text for note in notes), strict=False))
    assert (at_risk["0"], at_risk["2"], at_risk["30"]) == ("4", "1", "1")
