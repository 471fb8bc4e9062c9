"""Briefs: what was known when, by period, by account and by place; hand-small cases."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factories import IZIUM, events, interval
from foxgrape import Store, lead_times, open_study, schemas
from foxgrape.display.report_tables import methods, sides_table
from foxgrape.errors import FoxgrapeError, StoreError, StudyError
from foxgrape.places import Codebook
from foxgrape.stats.survival.kaplan_meier import log_rank
from foxgrape.studies.account_profile import account_profile
from foxgrape.studies.briefs import period_brief, place_brief
from foxgrape.studies.from_store import as_of, study_from_store
from foxgrape.studies.outcomes import count_outcomes


def study(posts, happened, codes=(("🍇", IZIUM),), **options):
    """Make a study of posts (when, text, account) and events, observed to the year's end."""
    rows = [
        {
            "post_id": f"p{number}",
            "account": account,
            "text": text,
            "posted_at": interval(when)["at"],
            "posted_until": interval(when)["until"],
        }
        for number, (when, text, account) in enumerate(posts)
    ]
    base = open_study()
    table = schemas.validate(pd.DataFrame(rows), "posts", fill=True)
    if happened is None:
        happened = pd.DataFrame(columns=schemas.columns("events"))
    happened = schemas.validate(happened, "events", fill=True)
    confirmations = pd.DataFrame(columns=schemas.columns("confirmations"))
    # Codes that were never decoded in public, so that no signal is hindsight.
    known = [
        replace(code, decoded_at=None)
        for code in base.codebook
        if (code.code, code.place_id) in codes
    ]
    small = replace(
        base,
        posts=table,
        events=happened,
        confirmations=schemas.validate(confirmations, "confirmations"),
        codebook=Codebook(known, base.codebook.gazetteer),
        kinds=(),
        observed_until="2022-12-31T22:00:00Z",
    )
    return replace(small, **options)


@pytest.fixture
def grapes():
    """Three posts of grapes: before an event, in doubt, and one that waits."""
    return study(
        [
            ("2022-09-05T12:00:00Z", "🍇", "a"),
            ("2022-09-06T12:00:00Z", "hello", "a"),
            ("2022-10-20T12:00:00Z", "🍇", "b"),
        ],
        events(("2022-09-07", "2022-09-08T10:00:00Z")),
    )


def counts(brief):
    return brief.counts.set_index("what")["this"].to_dict()


def test_a_week_has_what_was_certain_in_it(grapes):
    brief = period_brief(grapes, until="2022-09-12")
    assert counts(brief) == {
        "posts": 2,
        "signals": 1,
        "leads of new signals": 1,
        "leads of earlier signals": 0,
        "re-linked": 0,
        "hindsight": 0,
        "order unknown": 0,
        "posted after their event": 0,
        "still open": 0,
        "overdue": 0,
        "no longer followed": 0,
    }
    assert brief.counts["before"].sum() == 0
    assert brief.sentence().startswith(
        "5 to 11 Sep 2022: 1 new signal in 2 posts; 1 of them and 0 earlier signals certainly came "
    )


def test_an_event_is_unknown_until_it_is_confirmed(grapes):
    """The event of the 7th is confirmed on the evening of the 8th."""
    brief = period_brief(grapes, until="2022-09-08", days=3)
    assert counts(brief)["leads of new signals"] == 0
    assert counts(brief)["still open"] == 1
    assert brief.waiting["lead_min"].dt.round("min").tolist() == [pd.Timedelta("2D 9h")]


def test_a_signal_is_open_and_then_overdue_in_one_period(grapes):
    for until, waiting, overdue in (
        ("2022-10-24", 1, 0),
        ("2022-11-14", 1, 0),
        # Thirty days run out on 19 November at noon.
        ("2022-11-21", 0, 1),
        ("2022-11-28", 0, 0),
    ):
        brief = counts(period_brief(grapes, until=until))
        assert (brief["still open"], brief["overdue"]) == (waiting, overdue), until


def test_a_signal_whose_observation_ended_before_its_horizon_is_counted(grapes):
    """It was posted on 20 October; its horizon ends on 19 November, observation on the 10th."""
    short = replace(grapes, observed_until="2022-11-10T00:00:00Z")
    for until, flow, left in (
        ("2022-11-14", (1, 0, 0, 0, 0, 0, 0, 1), ""),
        ("2022-11-21", (1, 0, 0, 0, 0, 1, 0, 0), "1 left: 1 no longer followed; 0 open now."),
        ("2022-11-28", (0, 0, 0, 0, 0, 0, 0, 0), ""),
    ):
        brief = period_brief(short, until=until)
        assert tuple(brief.open_signals.to_dict().values()) == flow, until
        assert counts(brief)["no longer followed"] == flow[5] == len(brief.unfollowed)
        assert any(line.endswith(left) for line in brief.caveats()) or not left
        assert ("1 no longer followed. Observation ended" in brief.sentence()) == bool(left)
        hidden = "the horizon of 1 signal ended, but events were not recorded until then"
        assert (hidden in brief.open_signals.why_none_overdue()) == bool(left)


day = st.integers(0, 34)
_PLACES = {"🍇": IZIUM, "🦊": "geonames:702972"}


@pytest.mark.slow
@given(
    posts=st.lists(st.tuples(day, st.sampled_from(sorted(_PLACES))), min_size=1, max_size=8),
    happened=st.lists(
        st.tuples(day, st.none() | st.integers(0, 9), st.sampled_from(sorted(_PLACES.values()))),
        max_size=5,
    ),
    observed=st.none() | day,
    horizon=st.sampled_from(["3D", "10D", "15D"]),
    clock=st.sampled_from([None, "occurred", "confirmed"]),
)
@settings(max_examples=12, deadline=None)
def test_open_signals_add_up_from_week_to_week(posts, happened, observed, horizon, clock):
    first = pd.Timestamp("2022-09-04T21:00Z")
    day_of = [f"{first + pd.Timedelta(days=n):%Y-%m-%d}" for n in range(50)]
    rows = [
        events((day_of[n], None if wait is None else day_of[n + wait]), place=place)
        for n, wait, place in happened
    ]
    table = pd.concat(rows).assign(event_id=list(map(str, range(len(rows))))) if rows else None
    small = study(
        [(f"{day_of[n]}T12:00:00Z", code, "a") for n, code in posts],
        table,
        codes=tuple(_PLACES.items()),
        observed_until=None if observed is None else f"{day_of[observed]}T12:00:00Z",
    )
    known, now = 0, 0
    for week in range(1, 6):
        brief = period_brief(small, until=day_of[7 * week], horizon=horizon, clock=clock)
        flow, entered = brief.open_signals, brief.open_signals.new + brief.open_signals.read_anew
        assert flow.before + entered - flow.left == flow.now == len(brief.waiting)
        if clock is not None:  # otherwise the first confirmation changes the clock
            assert flow.before == now
        known, now = known + flow.new, flow.now
    assert known == sum(n < 7 * 5 for n, _ in posts)


def test_the_previous_period_has_the_counts_of_its_own_brief(grapes):
    this = period_brief(grapes, until="2022-09-19")
    before = period_brief(grapes, until="2022-09-12")
    assert this.counts["before"].tolist() == before.counts["this"].tolist()


def test_later_data_do_not_change_a_brief(grapes):
    """A brief of September is the same before and after October's posts and events came in."""
    early = replace(grapes, posts=grapes.posts.iloc[:2], observed_until="2022-09-30T00:00:00Z")
    for until in ("2022-09-08", "2022-09-12", "2022-09-19"):
        pd.testing.assert_frame_equal(
            period_brief(early, until=until).counts, period_brief(grapes, until=until).counts
        )


def test_a_week_with_the_end_of_summer_time_has_seven_days(grapes):
    brief = period_brief(grapes, until="2022-11-01")
    assert brief.until - brief.since == pd.Timedelta(days=7, hours=1)
    assert brief.describe_days() == "25 to 31 Oct 2022"


def test_a_brief_states_that_observation_ended_earlier(grapes):
    assert "ended" not in period_brief(grapes, until="2023-01-01").sentence()
    sentence = period_brief(grapes, until="2023-01-02").sentence()
    assert sentence.endswith("Observation ended earlier, on 1 Jan 2023.")


def test_a_period_of_one_day_is_described_by_its_date(grapes):
    assert period_brief(grapes, until="2022-09-06", days=1).describe_days() == "5 Sep 2022"
    with pytest.raises(FoxgrapeError, match="days must be at least 1"):
        period_brief(grapes, until="2022-09-06", days=0)
    for until, days in (("soon", 7), ("2022-09-06", 10**6), ("2022-09-06", 10**12)):
        with pytest.raises(
            FoxgrapeError, match="until must be a date; expected such as 2022-09-12"
        ):
            period_brief(grapes, until=until, days=days)


def test_an_event_without_confirmation_is_known_once_it_occurred():
    small = study([("2022-09-05T12:00:00Z", "🍇", "a")], events(("2022-09-07", None)))
    brief = period_brief(small, until="2022-09-12", clock="occurred")
    assert counts(brief)["leads of new signals"] == 1
    assert "confirmed" not in brief.sentence()


@pytest.fixture
def echo():
    """Make posts after an event, before the next one at the same place, and one that waits."""
    return study(
        [
            ("2022-09-03T12:00:00Z", "🍇", "a"),
            ("2022-09-08T12:00:00Z", "🍇", "a"),
            ("2022-09-09T12:00:00Z", "🦊", "a"),
        ],
        pd.concat([events(("2022-09-02", None)), events(("2022-09-10", None))]).assign(
            event_id=["first", "second"]
        ),
        codes=(("🍇", IZIUM), ("🦊", "geonames:702972")),
    )


def test_a_post_after_an_event_is_no_confirmed_lead_when_the_next_event_comes(echo):
    """It was posted after the first event; the second, a week later, makes no lead of it."""
    first = period_brief(echo, until="2022-09-05", clock="occurred")
    assert counts(first)["posted after their event"] == 1
    brief = period_brief(echo, until="2022-09-12", clock="occurred")
    assert {name: n for name, n in counts(brief).items() if n} == {
        "posts": 2,
        "signals": 2,
        "leads of new signals": 1,
        "re-linked": 1,
        "still open": 1,
    }
    assert brief.relinked["post_id"].tolist() == ["p0"]
    assert brief.confirmed["post_id"].tolist() == ["p1"]
    relinked, after_another = brief.caveats()
    assert relinked.startswith("Re-linked and not counted as leads: 1 earlier signal that had an")
    assert "1 of them posted after it" in relinked
    # The new post, too, came after the first event: it is counted, and this is said.
    assert after_another.startswith(
        "1 of 1 lead was also posted within 30 days after the occurrence of an earlier event"
    )
    # The first post, too, is a lead to the second event in the analysis of the whole study.
    sentence = "2 of 2 leads were also posted within 30 days after the occurrence of an earlier"
    assert any(line.startswith(sentence) for line in echo.analyse().findings())


def test_a_place_brief_counts_the_posts_that_no_event_followed(echo):
    """The first post came after the first event; without the second, none came after it."""
    early = replace(echo, events=echo.events.iloc[:1], posts=echo.posts.iloc[:2])
    analysis = early.analyse(clock="occurred")
    assert place_brief(analysis, IZIUM).sentence() == (
        "Izium: 1 event, 2 signals; none certainly came before the occurrence of an event. Of "
        "these: 2 came after the occurrence of an event, with no later one within 30 days."
    )


@pytest.mark.parametrize("clock", ["occurred", "confirmed"])
def test_each_signal_has_one_outcome(clock):
    analysis = open_study().analyse(clock=clock, signals="both")
    counts = count_outcomes(analysis)
    assert sum(counts.values()) == len(analysis.signals)
    assert counts["before"] == len(analysis.leading_rows())
    assert counts["hindsight"] == analysis.lead_times.n_hindsight
    assert counts["after"] == analysis.lead_times.n_follows
    assert counts["outside"] == analysis.lead_times.n_unfollowed


def test_a_study_whose_events_have_one_confirmation_does_not_say_that_it_has_none(grapes):
    analysis = grapes.analyse()
    assert "only the first confirmation of each event is recorded (UA: 1)" in (
        sides_table(analysis).markup
    )
    sizes = "3 posts, 1 event of the kinds studied and 5 of other kinds, 6 confirmed, 1 code"
    assert sizes in methods(analysis).markup


def test_a_signal_whose_event_may_lie_beyond_the_horizon_is_named():
    """Its event, known to the day, was confirmed 29 days 12 hours to 30 days 12 hours later."""
    small = study([("2022-09-01T12:00:00+03:00", "🍇", "a")], events(("2022-09-30", "2022-10-01")))
    analysis = small.analyse()
    assert (analysis.lead_times.n_observed, analysis.lead_times.n_censored) == (0, 1)
    assert any(
        line.startswith(
            "1 signal has an event that may have been confirmed more than 30 days after the post"
        )
        for line in analysis.findings()
    )


def test_a_brief_tells_a_code_that_nobody_could_read_yet(grapes):
    codes = [replace(code, decoded_at=date(2022, 9, 20)) for code in grapes.codebook]
    late = replace(grapes, codebook=Codebook(codes, grapes.codebook.gazetteer))
    (line,) = period_brief(late, until="2022-09-12").caveats()
    assert line.startswith("1 signal could not be read as such in these days")
    assert period_brief(late, until="2022-10-24").caveats() == []
    assert period_brief(grapes, until="2022-09-12").caveats() == []


def test_as_of_keeps_what_was_certain():
    analysis = open_study()
    then = as_of(analysis, "2022-09-11T00:00:00Z")
    assert then.posts["posted_until"].max() < pd.Timestamp("2022-09-11T00:00Z")
    assert "izium-2022-09" in set(then.events["event_id"])
    # Kyiv confirmed on the 11th: at midnight only Moscow had.
    mine = then.confirmations[then.confirmations["event_id"] == "izium-2022-09"]
    assert mine["confirmed_by"].tolist() == ["RU"]
    assert analysis.observed_until != then.observed_until == "2022-09-11T00:00:00+00:00"
    assert (
        as_of(analysis, "2099-01-01T00:00:00Z").observed_until
        == pd.Timestamp(analysis.observed_until).isoformat()
    )
    with pytest.raises(FoxgrapeError, match="instant must have a UTC offset"):
        as_of(analysis, "2022-09-11")


def test_a_store_is_analysed_as_its_study(tmp_path):
    analysis = open_study()
    store = Store(tmp_path / "store")
    with pytest.raises(StudyError, match="the store holds no posts and no events"):
        study_from_store(store)
    for name in ("posts", "events", "confirmations"):
        store.upsert(name, getattr(analysis, name))
    read = study_from_store(store.path, kinds=["liberated"], timezone="Europe/Kyiv")
    ours, theirs = (
        small.analyse().links.sort_values("signal_id", ignore_index=True)
        for small in (replace(analysis, observed_until=None), read)
    )
    pd.testing.assert_frame_equal(
        ours[ours["signal_id"].isin(theirs["signal_id"])].reset_index(drop=True),
        theirs[theirs["signal_id"].isin(ours["signal_id"])].reset_index(drop=True),
    )
    grapes = theirs["signal_id"].str.endswith("/yermak-2022-09-10-grapes:🍇:geonames:707292")
    assert grapes.sum() == 1
    with pytest.raises(StudyError, match="did you mean 'liberated'"):
        study_from_store(store, kinds=["liberatd"])
    with pytest.raises(StudyError, match="unknown time zone; expected an IANA name"):
        study_from_store(store, timezone="Europe")
    with pytest.raises(StoreError):
        study_from_store(store, versions={"posts": 99})


def test_a_store_is_read_at_the_versions_it_is_told(tmp_path):
    store = Store(tmp_path / "store")
    assert store.latest_versions() == {}
    rows = study([(f"2022-09-0{n}T12:00:00Z", "🍇", "a") for n in (1, 2)], None).posts
    store.upsert("posts", rows.iloc[:1])
    versions = store.latest_versions()
    assert versions == {"posts": 0}
    store.upsert("posts", rows)
    assert len(study_from_store(store).posts) == 2
    then = study_from_store(store, versions=versions)
    assert (len(then.posts), len(then.events)) == (1, 0)
    # Without any event nothing shows that the signal was followed.
    leads = then.analyse().lead_times
    assert (leads.n, leads.n_censored, leads.n_unfollowed) == (0, 0, 1)


def test_a_part_of_an_analysis_is_one():
    analysis = open_study().analyse(signals="both")
    parts = [analysis.filter(account=name) for name in analysis.signals["account"].unique()]
    assert sum(part.lead_times.n for part in parts) == analysis.lead_times.n
    assert sorted(i for part in parts for i in part.links["signal_id"]) == sorted(
        analysis.links["signal_id"]
    )
    assert analysis.subset([]).lead_times.n == 0


def test_a_profile_of_twenty_signals_has_the_share_followed():
    """Ten posts were followed at day five, ten were observed for the horizon."""
    days = [f"2022-09-03T12:00:{n:02}Z" for n in range(10)]
    days += [f"2022-10-20T12:00:{n:02}Z" for n in range(10)]
    happened = events(("2022-09-07", "2022-09-08T10:00:00Z"))
    small = study([(day, "🍇", "a") for day in days] + [(days[0], "🍇", "b")], happened)
    rows = account_profile(small.analyse(), "a").calibration.set_index(["group", "value"])
    mine = rows.loc[("account", "a")]
    assert (mine["n"], mine["observed"], mine["share"]) == (20, 10, 0.5)
    assert 0 < mine["lower"] < 0.5 < mine["upper"] < 1
    assert rows.loc[("account", "all others"), "n"] == 1
    assert np.isnan(rows.loc[("account", "all others"), "share"])


def test_a_profile_counts_posts_and_emoji_and_the_share_followed():
    small = study(
        [
            ("2022-09-01T12:00:00Z", "🔥🔥", "a"),
            ("2022-09-02T12:00:00Z", "🔥 ✈️", "a"),
            ("2022-09-03T12:00:00Z", "🍇", "a"),
            ("2022-10-20T12:00:00Z", "🍇", "a"),
            ("2022-09-03T12:00:00Z", "🍇", "b"),
        ],
        events(("2022-09-07", "2022-09-08T10:00:00Z")),
    )
    profile = account_profile(small.analyse(), "a")
    shares = profile.emoji.set_index("emoji")
    # Twice in one post counts once.
    assert shares.loc["🔥", ["posts", "share"]].tolist() == [2, 0.5]
    assert shares.loc["🍇", "places"] == "Izium"
    rows = profile.calibration.set_index(["group", "value"])
    mine = rows.loc[("account", "a")]
    # One of two had its event, at day five; the other was observed for the analysis horizon. They
    # are too few for a share.
    assert (mine["n"], mine["observed"]) == (2, 1)
    others = rows.loc[("account", "all others")]
    assert (others["n"], others["observed"]) == (1, 1)
    assert rows[["share", "lower", "upper"]].isna().all(axis=None)
    with pytest.raises(FoxgrapeError, match="no posts by this account"):
        account_profile(small.analyse(), "unknown")


def test_a_profile_without_emoji_is_empty():
    profile = account_profile(study([("2022-09-01T12:00:00Z", "words", "a")], None).analyse(), "a")
    assert (len(profile.emoji), len(profile.calibration)) == (0, 0)
    assert profile.sentence().startswith("a: 0 signals in 1 post.")


def test_a_place_has_its_own_signals_and_events(grapes):
    brief = place_brief(grapes.analyse(), IZIUM)
    assert brief.sentence() == (
        "Izium: 1 event, 2 signals; 1 certainly came before the confirmation of an event. Of the "
        "others: for 1, no event was confirmed within 30 days."
    )
    elsewhere = place_brief(grapes.analyse(), "geonames:706448")
    assert (elsewhere.name, len(elsewhere.events)) == ("Kherson", 0)
    with pytest.raises(FoxgrapeError, match="unknown place id"):
        place_brief(grapes.analyse(), "my:nowhere")


def test_groups_that_were_never_at_risk_together_cannot_be_compared():
    """The one of `b` was observed for a day, and nothing of `a` happened before: no test."""
    lead = np.array([1.0, 5.0])
    assert log_rank(lead, lead, np.array([False, True]), np.array(["b", "a"])) is None
    days = pd.to_timedelta([1, 5, 6], unit="D")
    links = pd.DataFrame(
        {
            "signal_id": list("abc"),
            "event_id": [None, "e", "f"],
            "place_id": IZIUM,
            "clock": "confirmed",
            "lead_min": days,
            "lead_max": days,
            "observed": [False, True, True],
            "hindsight": False,
            "relation": ["unconfirmed", "precedes", "precedes"],
            "kind": ["emoji", "mention", "mention"],
        }
    )
    assert lead_times(links, by="kind").log_rank is None


@pytest.mark.parametrize(("end", "ended"), [("23:59:59.999999", False), ("23:59:59.999998", True)])
def test_observation_until_the_end_of_the_last_day_did_not_end_earlier(grapes, end, ended):
    study = replace(grapes, observed_until=f"2022-09-11T{end}+03:00")
    assert ("ended earlier" in period_brief(study, until="2022-09-12").sentence()) is ended
