"""A period selects the posts of a study; their events and earlier posts keep their meaning."""

from __future__ import annotations

import pandas as pd
import pytest

from foxgrape import open_study
from foxgrape.errors import FoxgrapeError
from foxgrape.reports import open_data
from foxgrape.studies.briefs import place_brief
from foxgrape.studies.from_store import as_of

SEPTEMBER = {"since": "2022-09-01", "until": "2022-10-01"}


def test_a_period_keeps_the_links_and_the_surprisal_of_its_signals():
    full, part = open_study().analyse(), open_study().between(**SEPTEMBER).analyse()
    inside = full.table()["posted_until"].between("2022-08-31T21:00Z", "2022-09-30T21:00Z")
    assert inside.sum() == 2
    columns = ["signal_id", "event_id", "lead_min", "relation", "surprisal"]
    expected, actual = full.table()[inside][columns], part.table()[columns]
    pd.testing.assert_frame_equal(
        *(frame.sort_values("signal_id", ignore_index=True) for frame in (expected, actual))
    )


def test_days_begin_in_the_zone_of_the_study_and_the_last_is_left_out():
    posts = open_study().posts
    day = posts["posted_until"].max().tz_convert("Europe/Kyiv").date()
    after = (pd.Timestamp(day) + pd.Timedelta(days=1)).date()
    last = open_study().between(since=day)
    assert len(last.posts) >= 1
    assert len(last.posts) + len(last.other_posts) == len(posts)
    assert open_study().between(until=day).all_posts["post_id"].is_unique
    assert len(open_study().between(until=day).posts) == len(posts) - len(last.posts)
    assert len(open_study().between(until=after).posts) == len(posts)


def test_periods_within_a_period_narrow_it():
    study = open_study().between(since="2022-09-01")
    twice = study.between(until="2022-10-01")
    once = open_study().between(**SEPTEMBER)
    assert twice.period == once.period
    pd.testing.assert_frame_equal(twice.posts, once.posts)


def test_the_tests_use_events_until_the_longest_window_after_the_period():
    analysis = open_study().between(**SEPTEMBER).analyse()
    start, end = analysis.observed("confirmed", ["3D", "14D"])
    assert start == pd.Timestamp("2022-08-31T21:00Z")
    assert end == pd.Timestamp("2022-10-14T21:00Z")
    # An end of observation before that stays.
    early = open_study().between(**SEPTEMBER).with_observation(observed_until="2022-10-02T00:00Z")
    assert early.analyse().observed("confirmed", "14D")[1] == pd.Timestamp("2022-10-02T00:00Z")
    assert analysis.coincidence(n=99).n_signals == 2


def test_posts_outside_the_period_are_counted():
    counts = open_study().between(**SEPTEMBER).analyse().counts()
    rows = counts[counts["question"] == "posts"][["step", "n", "left_out"]].to_numpy().tolist()
    inside = len(open_study().between(**SEPTEMBER).posts)
    assert rows[:2] == [["posts", 61, 0], ["in the period", inside, 61 - inside]]
    assert rows[2] == ["with a signal", 2, inside - 2]


def test_a_place_brief_lists_the_events_of_the_period():
    study = open_study().between(**SEPTEMBER)
    lysychansk = "geonames:702972"
    assert len(place_brief(study.analyse(), lysychansk).events) == 0
    assert len(place_brief(open_study().analyse(), lysychansk).events) == 1


def test_what_was_known_at_an_instant_leaves_out_later_posts_of_other_periods():
    known = as_of(open_study().between(**SEPTEMBER), "2022-09-11T00:00Z")
    assert (known.all_posts["posted_until"] < "2022-09-11T00:00Z").all()


@pytest.mark.parametrize(
    ("since", "until", "message"),
    [
        ("2022-09-10", "2022-09-10", "until must be after since"),
        ("2022-09-10", "2022-09-01", "until must be after since"),
        ("September", None, "since must be a date"),
        (None, "2022-09-31", "until must be a date"),
    ],
)
def test_an_invalid_period_is_refused(since, until, message):
    with pytest.raises(FoxgrapeError, match=message):
        open_study().between(since, until)


def test_a_period_without_posts_says_so():
    study = open_data(since="2030-01-01")
    assert study.analyse(signals=None).why_no_signals() == (
        "No signals: there are no posts in this period; check its days."
    )
    assert study.analyse(signals=None).read == "mentions"


def test_a_period_without_codes_says_that_only_codes_were_read():
    reason = open_study().analyse(signals="codes").why_no_signals("of this period")
    assert reason.startswith("No signals: no post of this period contains a code of the codebook; ")
