"""Observation in studies, stores and the shell: gaps, kinds, sources, and what is left out."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest

from factories import IZIUM, events, signals
from foxgrape import (
    FoxgrapeError,
    Store,
    ingest,
    lead_times,
    link,
    new_study,
    open_study,
    schemas,
)
from foxgrape.cli.app import run
from foxgrape.errors import StoreError, StudyError
from foxgrape.io.store_observation import read_coverages
from foxgrape.observation import Coverage
from foxgrape.studies.from_store import as_of, open_study_or_store, study_from_store
from foxgrape.studies.outcomes import count_outcomes

KUPIANSK = "geonames:703656"
DAY = pd.Timedelta(days=1)
POSTS = """id,account,date,text
1,a,2022-08-01T12:00:00Z,Бої під Ізюмом
2,a,2022-09-02T12:00:00Z,Бої під Ізюмом
3,a,2022-09-12T12:00:00Z,Бої під Куп’янськом
4,a,2022-09-14T12:00:00Z,Бої під Ізюмом
5,a,2022-09-25T12:00:00Z,Бої під Куп’янськом
6,a,2022-10-20T12:00:00Z,Бої під Ізюмом
7,a,2022-09-03T12:00:00Z,nothing
"""
EVENTS = """id,place_id,place,kind,occurred
e1,geonames:707292,Izium,liberated,2022-09-05T12:00:00Z
e2,geonames:707292,Izium,liberated,2022-09-22T12:00:00Z
e3,geonames:703656,Kupiansk,shelled,2022-10-05T12:00:00Z
"""
OBSERVED = {
    "observed_from": "2022-09-01T00:00Z",
    "observed_until": "2022-10-10T00:00Z",
    "gaps": ["2022-09-15T12:00Z/2022-09-20T00:00Z"],
}


@pytest.fixture
def files(tmp_path):
    for name, text in (("posts.csv", POSTS), ("events.csv", EVENTS)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / "posts.csv", tmp_path / "events.csv"


@pytest.fixture
def study(files, tmp_path):
    new_study(tmp_path / "study", posts=files[0], events=files[1], **OBSERVED)
    return open_study(tmp_path / "study")


@pytest.fixture
def store(files, tmp_path):
    store = Store(tmp_path / "store")
    ingest("posts", files[0], store)
    ingest("events", files[1], store, observation=OBSERVED)
    return store


def outcomes(analysis):
    """Return each post's relation and the days that it was watched."""
    table = analysis.table()
    watched = [round(days, 2) for days in table["watched"] / DAY]
    return dict(zip(table["post_id"], zip(table["relation"], watched, strict=True), strict=True))


#: By hand. 1: before observation. 2: followed until the gap, the 15th, and its event came. 3: until
#: the gap. 4: its event is behind the gap, so it is censored at it; the event before, of the 5th,
#: is what it follows. 5: to the end, the 10th of October, with its event. 6: after the end.
EXPECTED = {
    "1": ("unconfirmed", 0.0),
    "2": ("anticipates", 13.0),
    "3": ("unconfirmed", 3.0),
    "4": ("follows", 1.0),
    "5": ("anticipates", 14.5),
    "6": ("follows", 0.0),
}


def test_each_signal_is_followed_until_the_next_gap_in_study_and_store(study, store):
    for data in (study, study_from_store(store)):
        analysis = data.analyse(signals="mentions")
        assert outcomes(analysis) == EXPECTED
        leads = analysis.lead_times
        assert (leads.n, leads.n_observed, leads.n_censored) == (3, 2, 1)
        assert (leads.n_unfollowed, leads.n_follows) == (2, 1)
        assert leads.leads["shortest"].tolist() == [3 * DAY, 3 * DAY, 10 * DAY]
        findings = analysis.findings()
        before = "Left out, posted before observation or in a gap of it: 1 ("
        short = "No event occurred so far, observed for less than 30 days (right-censored): 1 ("
        late = "Left out, posted after the end of observation, 10 Oct 2022: 1 ("
        assert any(line.startswith(before) for line in findings)
        assert any(line.startswith(late) for line in findings)
        assert any(line.startswith("Posted after the occurrence: 1 (") for line in findings)
        assert any(line.startswith(short) for line in findings)
        assert not any("No event occurred within 30 days" in line for line in findings)
        follows = "The lead times leave out 1 post after the occurrence of its event with no later"
        assert any(line.startswith(follows) for line in findings)


@pytest.mark.parametrize("horizon", ["7D", "20D", "60D"])
def test_signals_after_the_end_are_as_many_for_every_horizon(study, horizon, capsys):
    """Posts 3 to 6 come after the 10th of September; the event of the 5th precedes 4 and 6.

    By hand, post 1 is before observation, so that 5 of 6 signals are not observed.
    """
    end = "2022-09-10T00:00Z"
    analysis = study.analyse(signals="mentions", horizon=horizon, observed_until=end)
    late = "Left out, posted after the end of observation, 10 Sep 2022: 4 ("
    assert any(line.startswith(late) for line in analysis.findings())
    assert not any("Posted after the occurrence" in line for line in analysis.findings())
    assert (analysis.lead_times.n_unfollowed, analysis.lead_times.n_follows) == (5, 0)
    counts = analysis.counts().set_index("step").loc["posted while events were recorded"]
    assert counts["left_out"].tolist() == [5, 5]
    assert count_outcomes(analysis)["outside"] == 5
    groups = analysis.by("kind", n=19)
    assert (
        "Lead times: 5 signals were left out, because no events were recorded at that time and "
        "place." in groups.warnings
    )
    assert (
        "Test against chance: 5 of 6 signals lie outside the observation period and were left out."
        in groups.warnings
    )
    options = ["--study", str(study.folder), "--signals", "mentions", "--horizon", horizon]
    assert run(["analyse", *options, "--observed-until", end]) == 0
    assert late[:-3] in capsys.readouterr().out


def test_a_code_after_the_end_is_left_out_before_hindsight_counts():
    """The signal came after the end and was decoded after its event: it was not observed."""
    code = signals("2022-09-20T00:00Z", decoded="2022-10-01T00:00Z")
    event = events(("2022-09-05T00:00Z", None))
    links = link(code, event, observed_until="2022-09-10T00:00Z", clock="occurred")
    assert links["hindsight"].tolist() == [True]
    leads = lead_times(links)
    assert (leads.n, leads.n_unfollowed, leads.n_hindsight, leads.n_follows) == (0, 1, 0, 0)


def test_chance_has_the_signals_whose_window_is_observed(study, store):
    """Of a week: posts 2 and 5. Of a day: posts 3 and 4 too, the latter until the gap begins."""
    for data in (study, study_from_store(store)):
        analysis = data.analyse(signals="mentions")
        result = analysis.coincidence(window="7D", n=19)
        assert (result.n_signals, result.n_unfollowed) == (2, 2)
        assert (result.trigger_rate, result.n_events) == (0.5, 3)
        assert analysis.coincidence(window="1D", n=19).n_signals == 4
        assert analysis.hazard().n_events == analysis.alarm(n=19).n_events == 3
        # In the alarms of a day, 4 signals are complete; the observed time has no gap in it.
        (alarms,) = analysis.alarm(window="1D", n=19).windows.itertuples()
        assert alarms.signals == 4
        observed = 39 - 4.5
        assert alarms.alarmed == pytest.approx((2 / 3) * 2 / observed + (1 / 3) * 2 / observed)


def test_events_in_a_gap_do_not_count_and_are_counted(files, tmp_path):
    options = OBSERVED | {"gaps": ["2022-09-21T00:00Z/2022-09-24T00:00Z"]}
    new_study(tmp_path / "other", posts=files[0], events=files[1], **options)
    analysis = open_study(tmp_path / "other").analyse(signals="mentions")
    assert analysis.links["event_id"].dropna().tolist() == ["e1", "e1", "e3"]
    outside = "1 of 3 events came before observation, in a gap of it"
    assert any(line.startswith(outside) for line in analysis.findings())
    assert analysis.hazard().n_left_out == 1
    assert analysis.coincidence(n=19).n_events == 2


def test_the_shell_gives_the_same_answer_for_study_and_store(study, store, capsys):
    answers = []
    for source in (["--study", str(study.folder)], ["--store", store.path]):
        assert run(["analyse", *source, "--signals", "mentions", "--json"]) == 0
        (values,) = json.loads(capsys.readouterr().out)
        answers.append(values)
        assert run(["test", *source, "--signals", "mentions", "--surrogates", "19"]) == 0
        assert "Two signals are too few to test." in capsys.readouterr().out
    ours, theirs = answers
    sources = [line for line in ours["findings"] if line.startswith("Events recorded by")]
    (source,) = sources
    period = "from 1 Sep 2022 until 10 Oct 2022; not from 15 Sep 2022 to 20 Sep 2022"
    assert source == f"Events recorded by one source: {period}."
    named = f"Events recorded by events.csv: {period}; only liberated, shelled."
    assert named in theirs["findings"]
    for name in ("counts", "lead_times", "coincidence"):
        assert ours[name] == theirs[name]
    counts = study.analyse(signals="mentions").counts().to_dict("records")
    assert ours["counts"] == counts


def test_the_end_can_be_given_to_every_verb(study, store, capsys):
    """Until 30 September post 5 is right-censored, after 4.5 days."""
    earlier = "2022-09-30T00:00Z"
    for data in (
        study.with_observation(observed_until=earlier),
        open_study_or_store(study.folder, None, observed_until=earlier),
        open_study_or_store(None, store, observed_until=earlier),
    ):
        assert outcomes(data.analyse(signals="mentions"))["5"] == ("unconfirmed", 4.5)
    assert outcomes(study.analyse(signals="mentions", observed_until=earlier))["5"][1] == 4.5
    options = ["--signals", "mentions", "--json"]
    for source in (["--study", str(study.folder)], ["--store", store.path]):
        for verb in ("analyse", "test"):
            assert run([verb, *source, *options, "--observed-until", earlier]) == 0
            (values,) = json.loads(capsys.readouterr().out)
            result = values.get("coincidence", values)
            assert result["observed"][1] == "2022-09-30T00:00:00+00:00"
    assert run(["analyse", "--study", str(study.folder), "--observed-until", "2022-09-30"]) == 2
    assert "observed_until must be an instant with an offset" in capsys.readouterr().err
    assert run(["analyse", "--study", str(study.folder), "--store", store.path]) == 2
    late = ["--observed-from", "2023-01-01T00:00Z"]
    assert run(["analyse", "--study", str(study.folder), *late]) == 1
    assert "observation must end after it starts" in capsys.readouterr().err


def test_a_store_remembers_what_each_source_recorded(files, store, tmp_path, capsys):
    (stated,) = read_coverages(store)
    assert stated.source == "events.csv"
    assert stated.kinds == ("liberated", "shelled")
    # Adding the file again without a statement keeps the statement; a new one replaces it.
    result = ingest("events", files[1], store)
    assert result.unchanged == 3
    assert read_coverages(store) == (stated,)
    assert "until 10 Oct 2022" in result.observation
    other = tmp_path / "other.csv"
    other.write_text(EVENTS.replace("e1", "f1").replace("2022-10-05", "2022-12-05"))
    guess = ingest("events", other, store).observation
    assert guess == "other.csv: until 5 Dec 2022, its last event; only liberated, shelled"
    data = study_from_store(store)
    assert (data.observed.guessed, str(data.observed[1])) == (True, "2022-12-05 12:00:00+00:00")
    arguments = ["--store", store.path, "--observed-until", "2022-11-01T00:00Z"]
    assert run(["ingest", "events", str(other), *arguments]) == 0
    assert "Events recorded by other.csv: until 1 Nov 2022" in capsys.readouterr().out
    data = study_from_store(store)
    assert (data.observed.guessed, str(data.observed[1])) == (False, "2022-11-01 00:00:00+00:00")
    # An earlier version of the store has the observation of then.
    assert str(study_from_store(store, versions={"events": 0, "observation": 0}).observed[1]) == (
        "2022-10-10 00:00:00+00:00"
    )


def test_a_guess_grows_with_the_file_and_is_replaced_by_no_shorter_one(tmp_path):
    store, file = Store(tmp_path / "store"), tmp_path / "events.csv"
    lines = EVENTS.splitlines(keepends=True)
    ends = []
    for rows in (lines[:3], lines, lines[:2]):
        file.write_text("".join(rows))
        ingest("events", file, store)
        (part,) = read_coverages(store)
        assert part.guessed
        ends.append((part.observed_until.day, part.kinds))
    both = ("liberated", "shelled")
    assert ends == [(22, ("liberated",)), (5, both), (5, both)]


def test_kinds_are_observed_by_the_sources_that_record_them(files, tmp_path):
    """Liberations are recorded by one source until 22 September, shellings by another."""
    store = Store(tmp_path / "store")
    ingest("posts", files[0], store)
    rows = EVENTS.splitlines(keepends=True)
    for name, part in (("liberated.csv", rows[:3]), ("shelled.csv", [rows[0], rows[3]])):
        (tmp_path / name).write_text("".join(part))
        ingest("events", tmp_path / name, store)
    ends = [study_from_store(store, kinds=kinds).observed[1].day for kinds in (["liberated"], ())]
    assert ends == [22, 5]
    # Events that were added in another way have no source: their end is guessed.
    happened = schemas.validate(events(("2022-11-01", None), by=None), "events", fill=True)
    store.upsert("events", happened.assign(event_id="x", kind="captured"))
    captured = study_from_store(store, kinds=["captured"])
    assert captured.observed[1] == happened["occurred_until"].item()
    assert captured.observed.guessed


def test_places_that_are_not_observed_are_left_out(files, tmp_path):
    store = Store(tmp_path / "store")
    ingest("posts", files[0], store)
    ingest("events", files[1], store, observation={**OBSERVED, "places": [IZIUM], "gaps": []})
    analysis = study_from_store(store).analyse(signals="mentions")
    links = analysis.links.set_index("place_id")
    assert set(links.loc[KUPIANSK, "relation"]) == {"unconfirmed"}
    assert set(links.loc[KUPIANSK, "watched"]) == {pd.Timedelta(0)}
    # Those for Kupiansk, and those for Izium before and after observation.
    assert analysis.lead_times.n_unfollowed == 4
    assert analysis.coincidence(n=19).n_events == 2


def test_an_invalid_observation_is_refused(files, tmp_path, study):
    store = Store(tmp_path / "store")
    with pytest.raises(StoreError, match="observation is that of events"):
        ingest("posts", files[0], store, observation=OBSERVED)
    with pytest.raises(FoxgrapeError, match="observed_until must be an instant"):
        ingest("events", files[1], store, observation={"observed_until": "soon"})
    assert store.latest_versions() == {}
    descriptor = study.folder / "datapackage.json"
    package = json.loads(descriptor.read_text(encoding="utf-8"))
    for parts in ([{"gaps": "never"}], 5, [{"until": 1}]):
        package["foxgrape"]["coverages"] = parts
        descriptor.write_text(json.dumps(package), encoding="utf-8")
        with pytest.raises(StudyError, match=r"bad value under 'foxgrape\.coverages'"):
            open_study(study.folder)
    package["foxgrape"] = {"observed_from": "2022-09-01"}
    descriptor.write_text(json.dumps(package), encoding="utf-8")
    with pytest.raises(StudyError, match="no offset in"):
        open_study(study.folder)


def test_what_was_known_at_an_instant_keeps_the_gaps(study):
    then = as_of(study, "2022-09-30T00:00Z")
    assert [str(end) for end in then.observed] == [
        "2022-09-01 00:00:00+00:00",
        "2022-09-30 00:00:00+00:00",
    ]
    assert len(then.observed.spans()) == 2
    in_gap = as_of(study, "2022-09-17T00:00Z")
    assert str(in_gap.observed[1]) == "2022-09-15 12:00:00+00:00"


def test_a_study_says_whether_its_end_is_guessed(study):
    assert repr(study).endswith("observed 1 Sep 2022 to 10 Oct 2022, with gaps>")
    guess = replace(study, coverages=())
    assert repr(guess).endswith("observed 1 Aug 2022 to 5 Oct 2022, the last event>")
    assert replace(study, coverages=(Coverage(),)).observed == guess.observed
