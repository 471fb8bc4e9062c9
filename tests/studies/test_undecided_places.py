"""Signals at places that an event may mean whose place could not be decided: no evidence."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factories import IZIUM
from foxgrape import Store, coincidence, ingest, lead_times, link, new_study, open_study
from foxgrape.observation import Observation
from foxgrape.places import Codebook, Gazetteer
from foxgrape.studies.from_store import study_from_store
from foxgrape.studies.outcomes import count_outcomes

LYMAN = "geonames:704204"
END = "2022-11-30T00:00:01Z"
START = pd.Timestamp("2022-09-01T12:00Z")
DAY = pd.Timedelta(days=1)


def day(number):
    return (START + number * DAY).isoformat()


#: What decides in posts which place is meant, and is not in the table of events.
REGION = {"Lyman": " in Donetsk Oblast", "Izium": ""}
#: Days of posts on Lyman, and on Izium.
POSTED = {"Lyman": (0, 10, 40, 60), "Izium": (0, 20, 60)}
#: The first says which Lyman is meant, the second does not. Izium falls on days 5 and 23.
EVENTS = [
    ("e1", "Lyman", LYMAN, 3),
    ("e2", "Lyman", "", 12),
    ("e3", "Izium", "", 5),
    ("e4", "Izium", "", 23),
]


def write(folder, events, kinds=None):
    """Write posts and events, and return the files."""
    posts = [
        f"{name}{number},{day(number)},a,Our soldiers are near {name}{REGION[name]}."
        for name, days in POSTED.items()
        for number in days
    ]
    rows = [
        f"{event},{name},{place_id},{day(number)},{(kinds or {}).get(event, 'taken')}"
        for event, name, place_id, number in events
    ]
    folder.mkdir(parents=True, exist_ok=True)
    for name, header, lines in (
        ("posts.csv", "id,date,username,text", posts),
        ("events.csv", "id,place,place_id,date,kind", rows),
    ):
        (folder / name).write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return folder / "posts.csv", folder / "events.csv"


def as_study(folder, events, kind_of=None, **options):
    posts, table = write(folder, events, kind_of)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        new_study(folder / "s", posts=posts, events=table, observed_until=END, **options)
    return open_study(folder / "s")


def as_store(folder, events):
    posts, table = write(folder, events)
    store = Store(folder / "store")
    ingest("posts", posts, store)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ingest("events", table, store, observation={"observed_until": END})
    return study_from_store(store)


@pytest.mark.parametrize("open_data", [as_study, as_store])
def test_all_signals_of_the_name_are_left_out_and_counted(tmp_path, open_data):
    """By hand: 4 of 7 signals are for Lyman, with a lead, near e2 and without any event.

    Of Izium, day 0 leads by 5 days, day 20 by 3, and day 60 has none within 30 days.
    """
    analysis = open_data(tmp_path, EVENTS).analyse(signals="mentions")
    links = analysis.links.set_index("place_id")
    assert links.loc[LYMAN, "observed"].tolist() == [False] * 4
    leads = analysis.lead_times
    assert (leads.n, leads.n_observed, leads.n_censored, leads.n_unfollowed) == (3, 2, 1, 4)
    assert leads.median == 5 * DAY
    counts = analysis.counts(window="7D").set_index(["question", "step"])
    step = "for a place whose events can be identified"
    assert counts.loc[("lead times", step)].tolist() == [3, 4]
    assert counts.loc[("chance within 7 days", step)].tolist() == [3, 4]
    tested = analysis.coincidence(window="7D", n=19)
    assert (tested.n_signals, tested.n_events, tested.trigger_rate) == (3, 2, pytest.approx(2 / 3))
    assert count_outcomes(analysis)["undecided"] == 4
    assert sum(count_outcomes(analysis).values()) == 7
    sentence = (
        "4 signals are left out, because an event has the name of their place, and the data do not "
        "say which place is meant (Lyman): state the region or the coordinates of such events."
    )
    findings = analysis.findings()
    assert sentence in findings
    assert "Left out, at a place that an event may mean: 4 (Lyman: 4)." in findings
    assert any(line.startswith("2 of 4 events have a name of which") for line in findings)
    caveat = "4 of 7 signals were left out, because an event has the name of their place"
    for result in (tested, analysis.hazard(), analysis.alarm(n=19)):
        assert any(line.startswith(caveat) for line in result.warnings)
    assert (analysis.hazard().n_events, analysis.alarm(n=19).n_signals) == (2, 3)


def test_without_undecided_events_the_signals_count(tmp_path):
    """By hand: of Lyman, day 0 leads e1 by 3 days, day 10 is after it."""
    events = [EVENTS[0], *EVENTS[2:]]
    analysis = as_study(tmp_path, events).analyse(signals="mentions")
    leads = analysis.lead_times
    assert (leads.n, leads.n_observed, leads.n_censored, leads.n_unfollowed) == (6, 3, 3, 0)
    assert leads.n_follows == 1
    assert not any("left out" in line for line in analysis.findings())
    assert "undecided" not in str(analysis.counts())


@settings(deadline=None, max_examples=15, suppress_health_check=list(HealthCheck))
@given(days=st.lists(st.integers(0, 80), min_size=1, max_size=3))
def test_which_signals_are_left_out_does_not_depend_on_when_the_event_was(tmp_path_factory, days):
    """Nothing is selected by the outcome: the same signals are left out for any undecided event."""
    events = [
        *EVENTS[2:],
        *((f"u{n}", "Lyman", "", number) for n, number in enumerate(days)),
    ]
    study = as_study(tmp_path_factory.mktemp("days"), events)
    analysis = study.analyse(signals="mentions")
    out = study.observed.is_undecided(analysis.signals["place_id"])
    assert analysis.signals.loc[out, "place_id"].tolist() == [LYMAN] * 4
    assert analysis.lead_times.n_unfollowed == 4


def test_an_event_of_another_kind_shows_that_a_name_cannot_be_decided(tmp_path):
    study = as_study(tmp_path, EVENTS, {"e2": "shelled"}, kinds=["taken"])
    analysis = study.analyse(signals="mentions")
    assert (analysis.lead_times.n, analysis.lead_times.n_unfollowed) == (3, 4)


def test_leaving_out_only_windows_with_the_event_would_select_on_the_outcome():
    """100 signals, 40 of them followed within a week, at places of which half cannot be decided.

    By hand: 40 per cent of the signals were followed. Right-censoring those at undecided places
    says 20 of 100. Leaving out the 20 windows with an undecided event says 20 of 80. Leaving out
    the places says 20 of 50.
    """
    signals, events = [], []
    for number in range(100):
        place = f"x:{number}"
        signals.append((f"s{number}", place, START))
        if number < 40:
            own = f"undecided:{number}" if number % 2 else place
            events.append((f"e{number}", own, START + 2 * DAY))
    signals = pd.DataFrame(signals, columns=["signal_id", "place_id", "posted_at"])
    events = pd.DataFrame(events, columns=["event_id", "place_id", "occurred_at"])
    undecided = {f"x:{number}" for number in range(1, 100, 2)}
    period = Observation.stated(START, START + 30 * DAY)

    def share(kept, observed):
        links = link(kept, events, horizon="7D", clock="occurred", observed=observed)
        leads = lead_times(links)
        test = coincidence(
            kept, events, window="7D", observed=observed, clock="occurred", null="place", n=19
        )
        assert (test.n_signals, test.trigger_rate) == (leads.n, leads.n_observed / leads.n)
        return leads.n_observed, leads.n

    assert share(signals, period) == (20, 100)
    with_event = signals["place_id"].isin(f"x:{number}" for number in range(1, 40, 2))
    assert share(signals[~with_event], period) == (20, 80)
    known = Observation(period.coverages, undecided_places=frozenset(undecided))
    assert share(signals, known) == (20, 50)


def test_observation_keeps_its_undecided_places_when_it_is_bounded():
    observed = Observation.stated(START, START + 30 * DAY)
    observed = Observation(observed.coverages, undecided_places=frozenset({LYMAN}))
    bounded = observed.bounded(START + DAY, START + 2 * DAY)
    assert bounded.spans(LYMAN) == []
    assert len(bounded.spans(IZIUM)) == 1
    assert not bounded.has_gaps


def test_a_place_of_a_codebook_is_decided(tmp_path):
    """A code that means the id of the event says which place it is."""
    codes = tmp_path / "codes.csv"
    codes.write_text(
        "code,kind,place_id,meaning,basis,decoded_at,valid_from,valid_until,confidence,"
        "source_title,source_url\n#h,hashtag,place:Lyman,m,attested,,,,A,test,\n"
    )
    study = as_study(tmp_path, EVENTS)
    codebook = Codebook.from_csv(codes, study.codebook.gazetteer)
    posts = study.posts[study.posts["post_id"] == "Lyman10"].assign(text="#h")
    study = replace(study, codebook=codebook, posts=posts)
    assert study.undecided_places == {}
    assert study.analyse().links["lead_min"].tolist() == [2 * DAY]


def test_the_gazetteer_has_the_place():
    assert Gazetteer.default()[LYMAN].name == "Lyman"
