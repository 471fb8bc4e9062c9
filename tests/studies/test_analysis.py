"""Analyses: clock, kinds of event, end of observation, and which signals count."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from factories import IZIUM, events
from foxgrape import FoxgrapeError, Store, coincidence, open_study, read_events, schemas
from foxgrape.display.report_tables import findings_list, headline, key_figures, signals_table
from foxgrape.errors import StudyError
from foxgrape.studies.briefs import period_brief
from foxgrape.studies.from_store import as_of, study_from_store

KUPIANSK = "geonames:703656"
DAY = pd.Timedelta(days=1)


def posts(*rows):
    """Return posts at noon UTC, from pairs of a day and a text."""
    return schemas.validate(
        pd.DataFrame(
            {
                "post_id": [f"p{number}" for number in range(len(rows))],
                "account": "a",
                "platform": "telegram",
                "text": [text for _, text in rows],
                "posted_at": [pd.Timestamp(f"{day}T12:00Z") for day, _ in rows],
            }
        ),
        "posts",
        fill=True,
    )


def study(rows, happened, **options):
    """Return a study of these posts and events, without a stated end of observation."""
    base = open_study()
    known = [replace(code, decoded_at=None) for code in base.codebook if code.code == "🍇"]
    return replace(
        base,
        posts=posts(*rows),
        events=schemas.validate(happened, "events", fill=True),
        other_events=None,
        confirmations=base.confirmations.iloc[:0],
        codebook=type(base.codebook)(known, base.codebook.gazetteer),
        kinds=(),
        observed_until=None,
        **options,
    )


GRAPES = [("2022-09-02", "🍇"), ("2022-09-06", "🍇"), ("2022-09-07", "🍇")]


def test_the_clock_is_the_one_that_the_events_have_and_is_named():
    """Posts of the 2nd, 6th and 7th, an event of the 5th: one post came before it."""
    unconfirmed = study(GRAPES, events(("2022-09-05", None), by=None))
    unconfirmed = unconfirmed.with_observation(observed_until="2022-09-08T00:00Z")
    analysis = unconfirmed.analyse()
    assert analysis.clock == "occurred"
    findings = analysis.findings()
    assert findings[0].startswith(
        "3 signals in 3 posts. 1 certainly came before its event occurred"
    )
    assert findings[1].startswith("Posted after the occurrence: 2 (")
    assert findings[2].startswith("Median time from post to occurrence: ")
    assert "Leads are measured to when events occurred: no event has a confirmation." in findings
    assert analysis.leading_rows()["post_id"].tolist() == ["p0"]
    assert list(analysis.clocks()) == ["occurred"]
    assert headline(analysis).text == (
        "Of 3 signals, 1 certainly came before the occurrence of the next event at the same place. "
        "Nothing to test: no signal with its window lies within the observation period."
    )
    shown = signals_table(analysis).markup
    assert "Event occurred" in shown
    assert "not recorded" not in shown
    brief = period_brief(unconfirmed, until="2022-09-08")
    assert brief.counts.set_index("what").loc["leads of new signals", "this"] == 1


def test_events_without_a_confirmation_are_said_on_the_confirmed_clock():
    happened = events(("2022-09-05", "2022-09-06"), ("2022-09-20", None))
    findings = study(GRAPES, happened).analyse().findings()
    assert "1 of 2 events has no confirmation: no lead is measured to it." in findings
    never = study(GRAPES, events(("2022-09-05", None), by=None)).analyse(clock="confirmed")
    assert "No event has a confirmation: no lead can be measured to one." in never.findings()


def test_a_post_between_event_and_confirmation_leads_on_one_clock_only():
    """The event is of the 5th, its confirmation of the 8th; two posts announce it."""
    analysis = study(GRAPES, events(("2022-09-05", "2022-09-08"))).analyse()
    counts = {clock: len(part.leading_rows()) for clock, part in analysis.clocks().items()}
    assert counts == {"confirmed": 3, "occurred": 1}
    assert analysis.table()["relation"].tolist() == ["anticipates", "announces", "announces"]
    words = [part.findings()[0].split(". ")[1] for part in analysis.clocks().values()]
    assert words[0].startswith("3 certainly came before their event was confirmed")
    assert words[1].startswith("1 certainly came before its event occurred")


def test_a_place_that_is_named_counts_whether_or_not_it_has_an_event():
    named = [("2022-09-02", "Бої під Ізюмом"), ("2022-09-02", "Бої під Куп’янськом")]
    analysis = study(named, events(("2022-09-05", "2022-09-20"))).analyse(signals="mentions")
    links = analysis.links.set_index("place_id")
    assert links["relation"].to_dict() == {IZIUM: "anticipates", KUPIANSK: "unconfirmed"}
    assert analysis.lead_times.n_censored == 1


def test_the_study_and_its_analysis_have_the_same_events(tmp_path):
    for original in (open_study(), as_of(open_study(), "2023-01-01T00:00Z")):
        assert set(original.events["kind"]) == {"liberated"}
        assert set(original.other_events["kind"]) == {"captured"}
        assert len(original.all_events) == len(original.events) + len(original.other_events)
        analysis = original.analyse()
        pd.testing.assert_frame_equal(analysis.events, original.events)
    happened = events(("2022-09-05", "2022-09-06"), ("2022-09-20", "2022-09-21"))
    store = Store(tmp_path / "store")
    store.upsert("posts", posts(*GRAPES))
    store.upsert("events", happened.assign(kind=["captured", "liberated"]))
    read = study_from_store(store, kinds=["liberated"])
    analysis = read.analyse()
    assert read.events["event_id"].tolist() == analysis.events["event_id"].tolist() == ["e1"]
    assert analysis.links["event_id"].tolist() == ["e1"] * 3
    options = {"window": "7D", "n": 19, "observed": read.observed}
    ours, theirs = (
        analysis.coincidence(**options),
        coincidence(analysis.signals, read.events, **options),
    )
    assert ours.to_dict() == theirs.to_dict()
    assert ours.n_events == 1


def test_what_a_store_observed_ends_with_its_last_event_unless_it_is_stated(tmp_path):
    """The last event is confirmed on 21 September in Kyiv, which ends at 21:00 UTC."""
    store = Store(tmp_path / "store")
    late = [("2022-09-10", "🍇"), ("2022-09-25", "🍇"), ("2022-09-26", "🍇")]
    store.upsert("posts", posts(*late))
    elsewhere = events(("2022-09-20", "2022-09-21"), place=KUPIANSK)
    store.upsert("events", elsewhere)
    read = study_from_store(store)
    assert read.observed[1] == elsewhere["confirmed_until"].item()
    leads = read.analyse().lead_times
    assert (leads.n, leads.n_censored, leads.n_unfollowed) == (1, 1, 2)
    assert leads.leads["shortest"].dt.round("1min").tolist() == [11 * DAY + pd.Timedelta(hours=9)]
    left_out = "Left out, posted after the end of observation, 21 Sep 2022: 2 "
    assert any(line.startswith(left_out) for line in read.analyse().findings())
    stated = study_from_store(store, observed_until="2022-09-30T12:00Z")
    leads = stated.analyse().lead_times
    assert (leads.n, leads.n_censored, leads.n_unfollowed) == (3, 3, 0)
    assert leads.leads["shortest"].tolist() == [20 * DAY, 5 * DAY, 4 * DAY]
    with pytest.raises(StudyError, match="observed_until must be an instant with an offset"):
        study_from_store(store, observed_until="2022-09-30")


def test_a_chance_test_leaves_out_signals_after_the_last_event_and_says_so():
    late = [("2022-09-10", "🍇"), ("2022-09-25", "🍇"), ("2022-09-26", "🍇")]
    analysis = study(late, events(("2022-09-20", "2022-09-21"), place=KUPIANSK)).analyse()
    result = analysis.coincidence(n=19)
    assert result.n_signals == 1
    warned = "2 of 3 signals lie outside the observation period and were left out."
    assert warned in result.warnings
    assert warned in analysis.hazard().warnings
    assert warned in analysis.alarm(n=19).warnings


def test_a_signal_is_overdue_only_if_it_was_followed_to_its_horizon():
    """Of two posts, one was followed for 5 days until the 21st, the other for 18 days."""
    rows = [("2022-09-03", "🍇"), ("2022-09-16", "🍇")]
    small = study(rows, events(("2022-09-20", "2022-09-21"), place=KUPIANSK))
    brief = period_brief(small, until="2022-09-30", days=14, horizon="10D")
    assert brief.overdue.empty  # the first was overdue in the period before
    counts = brief.counts.set_index("what")
    assert counts.loc["overdue"].tolist() == [0, 1]
    stated = period_brief(
        replace(small, observed_until="2022-12-31T00:00Z"),
        until="2022-09-30",
        days=14,
        horizon="10D",
    )
    assert stated.overdue["post_id"].tolist() == ["p1"]


def test_a_misspelt_source_of_signals_is_refused():
    with pytest.raises(FoxgrapeError) as refused:
        open_study().analyse(signals="mention")
    assert str(refused.value) == (
        "signals must be codes, mentions or both; got 'mention'. Hint: did you mean 'mentions'?"
    )


def test_a_brief_keeps_posts_after_the_end_of_observation_and_counts_them_as_left_out():
    """Two of three posts came after the stated end, the 20th."""
    late = [("2022-09-10", "🍇"), ("2022-09-25", "🍇"), ("2022-09-26", "🍇")]
    small = study(late, events(("2022-09-12", "2022-09-13"), place=KUPIANSK))
    then = as_of(replace(small, observed_until="2022-09-20T00:00Z"), "2022-09-28T00:00Z")
    assert len(then.posts) == 3
    assert then.observed_until == "2022-09-20T00:00:00+00:00"
    leads = then.analyse().lead_times
    assert (leads.n_censored, leads.n_unfollowed) == (1, 2)
    # A post that was not yet known is not kept.
    assert len(as_of(small, "2022-09-26T00:00Z").posts) == 2


def test_events_after_the_end_of_observation_are_counted():
    happened = events(("2022-09-05", "2022-09-06"), ("2022-09-20", "2022-09-21"))
    ended = replace(study(GRAPES, happened), observed_until="2022-09-15T00:00Z").analyse()
    assert "1 of 2 events came after the end of observation and do not count." in ended.findings()
    assert ended.links["event_id"].tolist() == ["e0", "e0", "e0"]
    assert not any(
        "came after the end" in line for line in study(GRAPES, happened).analyse().findings()
    )


def test_events_far_from_the_place_of_their_id_are_counted_in_notes_findings_and_report(
    tmp_path,
):
    """A degree of latitude is 111 km: the events are 0, 11, 33 and 334 km away."""
    izium = open_study().codebook.gazetteer[IZIUM]
    table = tmp_path / "events.csv"
    rows = [
        f"e{day},{IZIUM},Izium,{izium.lat - away:.4f},{izium.lon:.4f},2022-09-0{day},capture"
        for day, away in enumerate((0.0, 0.1, 0.3, 3.0), 1)
    ]
    header = "id,place_id,place,lat,lon,date,kind"
    table.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    happened, report = read_events(table, timezone="Europe/Kyiv", with_report=True)
    noted = [note for note in report.notes if "more than 20 km from the coordinates" in note.what]
    assert [(note.count, note.warn) for note in noted] == [(2, True)]
    # The id is kept, because it was stated, and all findings say that it is doubtful.
    assert happened["place_id"].tolist() == [IZIUM] * 4
    line = (
        "2 of 4 events lie more than 20 km from the place of their place_id: check whether the id "
        "is right."
    )
    analysis = study(GRAPES, happened).analyse()
    assert line in analysis.findings()
    assert line in findings_list(analysis).markup
    near = study(GRAPES, happened[:2]).analyse()
    assert not any("km from the place" in finding for finding in near.findings())


@pytest.mark.parametrize(("n", "median"), [(19, "too few signals"), (20, "1 day")])
def test_too_few_signals_have_no_median_as_key_figure(n, median):
    """Each post is of noon, and the event of noon of the next day."""
    happened = events(("2022-09-11T12:00Z", None))
    happened["confirmed_at"] = happened["confirmed_until"] = pd.NaT
    known = study([("2022-09-10", "🍇")] * n, happened).analyse(clock="occurred")
    assert known.lead_times.median_in_words() == median
    assert f"<dt>Median lead to occurrence</dt><dd>{median}</dd>" in key_figures(known).markup
    assert f"<dd>{n} of {n}</dd>" in key_figures(known).markup


def test_findings_without_signals_say_why_and_what_to_do():
    """The only post names a place and has no code."""
    analysis = study([("2022-09-02", "Бої під Ізюмом")], events(("2022-09-05", None))).analyse()
    hint = "No signals: no post here contains a code of the codebook; set signals to mentions"
    assert analysis.findings()[1].startswith(hint)
    assert not any(
        line.startswith("No signals")
        for line in analysis.study.analyse(signals="mentions").findings()
    )
