"""Linking, by hand: every relation on both clocks, choice of event, censoring, hindsight, sides."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import IZIUM, events, signals
from foxgrape import FoxgrapeError, link
from foxgrape.linking import confirmed_by_side

HOUR = pd.Timedelta(hours=1)
TICK = pd.Timedelta(1, "us")
DAY = pd.Timedelta(days=1)
END = "2024-08-17T00:00:00Z"


def only(links: pd.DataFrame) -> pd.Series:
    assert len(links) == 1
    return links.iloc[0]


# The event: occurred 10:00 to 11:00, confirmed 15:00 to 16:00, all on 11 September, UTC.
EVENT = {"event_id": ["e"], "place_id": [IZIUM], "confirmed_by": ["UA"]} | {
    f"{name}_{end}": [pd.Timestamp(f"2022-09-11T{hour}:00Z")]
    for name, hours in (("occurred", (10, 11)), ("confirmed", (15, 16)))
    for end, hour in zip(("at", "until"), hours, strict=True)
}


@pytest.mark.parametrize(
    ("begin", "finish", "relation", "confirmed", "occurred"),
    [
        # post's hours    relation         lead to confirmation   lead to occurrence
        (8, 9, "anticipates", (6, 8), (1, 3)),
        (9, 10, "precedes", (5, 7), (0, 2)),
        (12, 13, "announces", (2, 4), (-3, -1)),
        (10, 13, "precedes", (2, 6), (-3, 1)),
        (14, 15, "undetermined", (0, 2), (-5, -3)),
        (16, 16, "undetermined", (-1, 0), (-6, -5)),
        (17, 18, "follows", (-3, -1), (-8, -6)),
    ],
)
def test_every_relation_on_both_clocks(begin, finish, relation, confirmed, occurred):
    post = pd.DataFrame(
        {
            "signal_id": ["s"],
            "place_id": [IZIUM],
            "posted_at": [pd.Timestamp(f"2022-09-11T{begin:02}:00Z")],
            "posted_until": [pd.Timestamp(f"2022-09-11T{finish:02}:00Z")],
        }
    )
    for clock, lead in (("confirmed", confirmed), ("occurred", occurred)):
        row = only(link(post, pd.DataFrame(EVENT), clock=clock))
        assert (row["lead_min"], row["lead_max"]) == (lead[0] * HOUR, lead[1] * HOUR)
        assert (row["relation"], row["clock"], row["observed"]) == (relation, clock, True)


def test_the_founding_case_of_two_days():
    """A day, and an event of that day confirmed on the next: from just above zero to two days."""
    row = only(link(signals("2022-09-10"), events(("2022-09-10", "2022-09-11"))))
    assert row["relation"] == "precedes"
    assert row["lead_min"] == TICK
    assert row["lead_max"] == 2 * DAY - TICK


def test_a_signal_without_event_is_censored_at_the_horizon():
    elsewhere = events(("2022-09-11", "2022-09-12"), place="geonames:1")
    row = only(link(signals("2022-09-10"), elsewhere, observed_until=END))
    assert row["relation"] == "unconfirmed"
    assert not row["observed"]
    assert pd.isna(row["event_id"])
    assert (row["lead_min"], row["lead_max"]) == (30 * DAY, pd.NaT) or pd.isna(row["lead_max"])
    assert row["lead_min"] == 30 * DAY


def rough_events(*spans: tuple[int, int]) -> pd.DataFrame:
    """Return events at Izium that were confirmed between two days of September."""
    day = [pd.Timestamp(f"2022-09-{number:02}T00:00Z") for number in range(1, 31)]
    told = pd.DataFrame({"event_id": [f"e{n:02}" for n in range(len(spans))], "place_id": IZIUM})
    for clock in ("occurred", "confirmed"):
        told[f"{clock}_at"] = [day[at] for at, _ in spans]
        told[f"{clock}_until"] = [day[until] for _, until in spans]
    return told


def test_the_first_event_ahead_is_the_one_that_may_begin_first():
    # The second ends long before the first does; both are ahead of the post.
    row = only(link(signals("2022-09-01"), rough_events((4, 20), (6, 7)), observed_until=END))
    assert row["event_id"] == "e00"


def test_of_many_events_within_one_the_first_is_taken_while_it_lasts():
    within = [(6, 7 + n % 3) for n in range(40)]
    told = rough_events((4, 20), *within)
    row = only(link(signals("2022-09-15"), told, observed_until=END))
    assert row["event_id"] == "e00"
    assert row["relation"] == "undetermined"
    # When it is over too, the one that ended last is the nearest.
    row = only(link(signals("2022-09-25"), told, observed_until=END))
    assert row["event_id"] == "e00"
    assert row["relation"] == "follows"


def test_a_signal_is_watched_no_longer_than_observation_lasts():
    elsewhere = events(("2022-09-11", "2022-09-12"), place="geonames:1")
    # Known only until the last event: from the end of 10 September to the end of the 12th.
    assert only(link(signals("2022-09-10"), elsewhere))["lead_min"] == 2 * DAY
    told = link(signals("2022-09-10"), elsewhere, observed_until="2022-09-15T21:00:00Z")
    assert only(told)["lead_min"] == 5 * DAY + TICK
    # Observation ended before the post: watched for no time at all.
    told = link(signals("2022-09-10"), elsewhere, observed_until="2022-09-01T00:00:00Z")
    assert only(told)["lead_min"] == pd.Timedelta(0)


def test_an_event_after_the_end_of_observation_is_not_known():
    later = events(("2022-09-20", "2022-09-20"))
    row = only(link(signals("2022-09-10"), later, observed_until="2022-09-15T00:00:00Z"))
    assert row["relation"] == "unconfirmed"


@pytest.mark.parametrize(("day", "linked"), [("2022-10-10", True), ("2022-10-12", False)])
def test_the_horizon_bounds_the_wait(day, linked):
    """30 days after the end of 10 September is the end of 10 October."""
    row = only(link(signals("2022-09-10"), events((day, day)), observed_until=END))
    assert row["observed"] == linked


def test_the_next_event_ahead_is_taken_even_if_one_behind_is_nearer():
    pairs = [("2022-09-09", "2022-09-09"), ("2022-09-20", "2022-09-21"), ("2022-09-25",) * 2]
    assert only(link(signals("2022-09-10"), events(*pairs)))["event_id"] == "e1"


def test_the_latest_event_behind_is_taken_where_none_is_ahead():
    pairs = [("2022-09-01", "2022-09-02"), ("2022-09-05", "2022-09-06")]
    row = only(link(signals("2022-09-10"), events(*pairs)))
    assert (row["event_id"], row["relation"]) == ("e1", "follows")
    assert row["lead_max"] < pd.Timedelta(0)


def test_an_unconfirmed_event_counts_on_the_clock_of_occurrence_only():
    pairs = [("2022-09-12", None)]
    assert only(link(signals("2022-09-10"), events(*pairs)))["relation"] == "unconfirmed"
    row = only(link(signals("2022-09-10"), events(*pairs), clock="occurred"))
    assert (row["event_id"], row["relation"]) == ("e0", "anticipates")


@pytest.mark.parametrize(
    ("decoded", "hindsight"),
    [
        ("2022-09-10T20:59:59.999999Z", False),
        ("2022-09-11T20:59:59.999999Z", False),  # with the last instant of the confirmation: a tie
        ("2022-09-11T21:00:00Z", True),
        (None, False),
    ],
)
def test_a_code_decoded_after_the_confirmation_is_hindsight(decoded, hindsight):
    told = link(signals("2022-09-10", decoded=decoded), events(("2022-09-10", "2022-09-11")))
    assert only(told)["hindsight"] == hindsight


def test_without_event_there_is_no_hindsight():
    far = events(("2020-01-01", "2020-01-02"))
    told = link(signals("2022-09-10", decoded="2023-01-01T00:00Z"), far, observed_until=END)
    assert not only(told)["hindsight"]


CONFIRMATIONS = pd.DataFrame(
    {
        "event_id": ["e0", "e0"],
        "confirmed_by": ["RU", "UA"],
        "confirmed_at": pd.to_datetime(["2022-09-09T21:00:00Z", "2022-09-10T21:00:00Z"]),
        "confirmed_until": pd.to_datetime(
            ["2022-09-10T20:59:59.999999Z", "2022-09-11T20:59:59.999999Z"]
        ),
    }
)


@pytest.mark.parametrize(("side", "relation"), [("UA", "precedes"), ("RU", "undetermined")])
def test_each_side_has_its_own_clock(side, relation):
    first = events(("2022-09-10", "2022-09-10"), by="RU")
    told = link(signals("2022-09-10"), first, confirmed_by=side, confirmations=CONFIRMATIONS)
    assert only(told)["relation"] == relation


def test_without_confirmations_the_events_own_side_is_all_that_is_known():
    ours = events(("2022-09-10", "2022-09-11"), ("2022-09-10", "2022-09-11"), by="UA")
    ours["place_id"] = [IZIUM, "geonames:1"]
    ours["confirmed_by"] = ["UA", "RU"]
    two = pd.concat([signals("2022-09-10"), signals("2022-09-10", place="geonames:1")])
    two["signal_id"] = ["a", "b"]
    told = link(two, ours, confirmed_by="UA", observed_until=END)
    assert told["relation"].tolist() == ["precedes", "unconfirmed"]


def test_an_event_that_a_side_never_confirmed_still_occurred():
    """Of what Kyiv never confirmed the confirmation is unknown; the event and its order stay."""
    seen = events(("2022-09-20", "2022-09-21"), ("2022-09-10", "2022-09-10"), by="RU")
    kyiv = confirmed_by_side(seen, CONFIRMATIONS, "UA")
    assert kyiv["event_id"].tolist() == ["e0", "e1"]
    assert kyiv["confirmed_at"].tolist() == [pd.Timestamp("2022-09-10T21:00Z"), pd.NaT]
    assert kyiv["confirmed_until"].tolist() == [
        pd.Timestamp("2022-09-11T20:59:59.999999Z"),
        pd.NaT,
    ]
    assert kyiv["confirmed_by"].isna().tolist() == [False, True]
    assert set(kyiv.columns) == set(seen.columns)
    pd.testing.assert_series_equal(kyiv["occurred_at"], seen["occurred_at"])
    only_second = seen.iloc[1:]
    told = link(
        signals("2022-09-08"),
        only_second,
        confirmed_by="UA",
        clock="occurred",
        confirmations=CONFIRMATIONS,
    )
    assert only(told)[["event_id", "relation"]].tolist() == ["e1", "anticipates"]


def test_of_several_confirmations_by_a_side_the_first_certain_one_counts():
    """The rough one begins earlier, and may be later: the one that ends first is the first."""
    rough = ("2022-09-09T21:00:00Z", "2022-09-13T20:59:59Z")
    sharp = ("2022-09-11T06:00:00Z", "2022-09-11T07:00:00Z")
    earlier = ("2022-09-11T05:00:00Z", "2022-09-11T07:00:00Z")
    seen = events(("2022-09-10", None), by=None)

    def first(*pairs):
        told = pd.DataFrame(
            {
                "event_id": "e0",
                "confirmed_by": "UA",
                "confirmed_at": pd.to_datetime([pair[0] for pair in pairs]),
                "confirmed_until": pd.to_datetime([pair[1] for pair in pairs]),
            }
        )
        row = confirmed_by_side(seen, told, "UA").iloc[0]
        return row["confirmed_at"], row["confirmed_until"]

    expected = tuple(pd.Timestamp(end) for end in sharp)
    assert first(rough, sharp) == first(sharp, rough) == expected
    assert first(sharp, earlier)[0] == first(earlier, sharp)[0] == pd.Timestamp(earlier[0])


def test_confirmations_that_a_study_attached_are_used():
    seen = events(("2022-09-10", "2022-09-10"), by="RU")
    posted = signals("2022-09-10")
    with pytest.raises(FoxgrapeError, match="nothing was confirmed by this side"):
        link(posted, seen, confirmed_by="UA")
    seen.attrs["confirmations"] = CONFIRMATIONS.to_dict("list")
    assert only(link(posted, seen, confirmed_by="UA"))["relation"] == "precedes"
    # What is handed over wins over what is attached.
    with pytest.raises(FoxgrapeError, match="nothing was confirmed by this side"):
        link(posted, seen, confirmed_by="UA", confirmations=CONFIRMATIONS.iloc[:1])
    # Nobody asked for a side: the event's own confirmation counts.
    assert only(link(posted, seen))["relation"] == "undetermined"


def test_a_side_of_which_nothing_is_known():
    unnamed = events(("2022-09-10", None), by=None)
    for known in (None, CONFIRMATIONS.iloc[:0]):
        with pytest.raises(FoxgrapeError) as refused:
            confirmed_by_side(unnamed, known, "UA")
        assert str(refused.value) == (
            "nothing was confirmed by this side; got 'UA'. Hint: the events have no confirmations"
        )


DURATION = "no such horizon; expected a duration such as 7D; got "
INSTANT = (
    "observed_until is no instant; "
    "expected an instant with its offset, such as 2024-08-17T00:00:00Z; got "
)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"clock": "wall"}, "no such clock; got 'wall'. Hint: choose from confirmed, occurred"),
        (
            {"clock": "confirmd"},
            "no such clock; got 'confirmd'. Hint: did you mean 'confirmed'?",
        ),
        ({"horizon": "soon"}, f"{DURATION}'soon'"),
        ({"horizon": "-3D"}, f"{DURATION}'-3D'"),
        ({"horizon": "0D"}, f"{DURATION}'0D'"),
        ({"observed_until": "2022-09-10"}, f"{INSTANT}'2022-09-10'"),
        ({"observed_until": pd.Timestamp("2022-09-10")}, f"{INSTANT}'2022-09-10 00:00:00'"),
        (
            {"observed_until": "0001-01-01T00:00:00+03:00"},
            f"{INSTANT}'0001-01-01T00:00:00+03:00'",
        ),
        (
            {"confirmed_by": "XX"},
            "nothing was confirmed by this side; got 'XX'. Hint: choose from UA",
        ),
    ],
)
def test_options_that_make_no_sense_are_refused(options, said):
    with pytest.raises(FoxgrapeError) as refused:
        link(signals("2022-09-10"), events(("2022-09-10", "2022-09-11")), **options)
    assert str(refused.value) == said


def test_the_end_of_observation_is_an_instant_as_text_or_not():
    elsewhere = events(("2022-09-11", "2022-09-12"), place="geonames:1")
    told = [
        link(signals("2022-09-10"), elsewhere, observed_until=end)
        for end in ("2022-09-15T21:00:00Z", pd.Timestamp("2022-09-16T00:00:00+03:00"))
    ]
    pd.testing.assert_frame_equal(*told)
    # By default it is the latest end of all that is known: of what occurred, was confirmed, posted.
    for pair, days in ((("2022-09-14", None), 4), (("2022-09-11", "2022-09-15"), 5)):
        late = events(pair, place="geonames:1")
        assert only(link(signals("2022-09-10"), late))["lead_min"] == days * DAY
    both = link(signals("2022-09-10", "2022-09-18"), elsewhere)
    assert both["lead_min"].tolist() == [8 * DAY, 0 * DAY]


@pytest.mark.parametrize("clock", ["confirmed", "occurred"])
def test_a_row_tells_whose_it_is_and_what_it_cannot(clock):
    """A signal with its event, one without, and their order; a table of links, whole."""
    posted = pd.concat([signals("2022-09-10", place="geonames:1"), signals("2022-09-10")])
    posted["signal_id"] = ["lone", "met"]
    seen = events(("2022-09-12", "2022-09-12"), ("2022-09-13", "2022-09-13"))
    links = link(posted, seen, clock=clock, observed_until=END, horizon="7D")
    assert links["signal_id"].tolist() == ["lone", "met"]
    assert links["event_id"].isna().tolist() == [True, False]
    assert links["event_id"][1] == "e0"
    assert links["place_id"].tolist() == ["geonames:1", IZIUM]
    assert links["clock"].tolist() == [clock] * 2
    assert links["observed"].tolist() == [False, True]
    assert links["relation"].tolist() == ["unconfirmed", "anticipates"]
    assert links["hindsight"].tolist() == [False, False]
    assert links["lead_min"].tolist() == [7 * DAY, 1 * DAY + TICK]
    assert links["lead_max"].tolist() == [pd.NaT, 3 * DAY - TICK]


def at(text):
    """Return an event that occurred and was confirmed at one instant."""
    ends = [f"{name}_{end}" for name in ("occurred", "confirmed") for end in ("at", "until")]
    return pd.DataFrame({"event_id": ["e"], "place_id": [IZIUM]} | {end: [text] for end in ends})


NOON = pd.Timestamp("2022-09-10T12:00Z")
EXACT = pd.DataFrame({"signal_id": ["s"], "place_id": [IZIUM], "posted_at": [NOON]})


@pytest.mark.parametrize("clock", ["confirmed", "occurred"])
@pytest.mark.parametrize(
    ("lead", "observed"),
    [(DAY - TICK, True), (DAY, True), (DAY + TICK, False)],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_the_horizon_belongs_to_the_wait_on_either_side(lead, observed, sign, clock):
    row = only(link(EXACT, at(NOON + sign * lead), horizon="1D", clock=clock, observed_until=END))
    assert row["observed"] == observed
    if observed:
        assert row["lead_min"] == row["lead_max"] == sign * lead


def test_the_last_instant_of_observation_is_observed():
    event = at(NOON + DAY)
    assert only(link(EXACT, event, observed_until=NOON + DAY))["observed"]
    row = only(link(EXACT, event, observed_until=NOON + DAY - TICK))
    assert not row["observed"]
    assert row["lead_min"] == DAY - TICK


def test_an_event_at_the_instant_of_the_post_is_not_behind_it():
    """It is taken before a later one, and neither is known to have come first."""
    both = pd.concat([at(NOON + HOUR).assign(event_id="later"), at(NOON).assign(event_id="now")])
    row = only(link(EXACT, both))
    assert (row["event_id"], row["relation"]) == ("now", "undetermined")
    assert row["lead_min"] == row["lead_max"] == pd.Timedelta(0)
    gone = pd.concat([at(NOON + HOUR).assign(event_id="later"), at(NOON - TICK)])
    assert only(link(EXACT, gone))["event_id"] == "later"


def test_of_events_that_begin_together_the_one_that_ends_first_is_next():
    rough = at(NOON + HOUR).assign(event_id="rough", confirmed_until=NOON + DAY)
    sharp = at(NOON + HOUR).assign(event_id="sharp")
    for order in ([rough, sharp], [sharp, rough]):
        assert only(link(EXACT, pd.concat(order)))["event_id"] == "sharp"
    # Behind, the one that ended last is nearest.
    rough = at(NOON - DAY).assign(event_id="rough", confirmed_until=NOON - HOUR)
    sharp = at(NOON - 2 * HOUR).assign(event_id="sharp")
    for order in ([rough, sharp], [sharp, rough]):
        assert only(link(EXACT, pd.concat(order)))["event_id"] == "rough"


def test_the_horizon_is_thirty_days_unless_told():
    near, far = (events((day, day)) for day in ("2022-10-10", "2022-10-11"))
    assert only(link(signals("2022-09-10"), near))["observed"]
    # The first instant of 11 October in Kyiv is the 30 days and a microsecond after the last of
    # 10 September.
    assert not only(link(signals("2022-09-10"), far))["observed"]
    exact = pd.Timedelta(30, "D") + TICK
    assert only(link(signals("2022-09-10"), far, horizon=exact))["observed"]


def test_arguments_are_not_changed():
    given_signals, given_events = signals("2022-09-10"), events(("2022-09-10", "2022-09-11"))
    before = given_signals.copy(), given_events.copy()
    link(given_signals, given_events)
    pd.testing.assert_frame_equal(given_signals, before[0])
    pd.testing.assert_frame_equal(given_events, before[1])


def test_no_signals_and_no_events():
    none = signals("2022-09-10").iloc[:0]
    assert link(none, events(("2022-09-10", "2022-09-11"))).empty
    nothing = events(("2022-09-10", "2022-09-11")).iloc[:0]
    told = only(link(signals("2022-09-10"), nothing, observed_until=END))
    assert told["relation"] == "unconfirmed"


MINUTE = pd.Timedelta(minutes=1)
ORIGIN = pd.Timestamp("2022-09-01T00:00Z")
spans = st.tuples(st.integers(0, 3000), st.integers(0, 600))
worlds = st.tuples(
    st.lists(st.tuples(spans, st.integers(1, 3)), min_size=1, max_size=6),
    st.lists(st.tuples(spans, spans, st.integers(1, 3)), max_size=6),
)


def tables(world, shift=0 * HOUR):
    """Make signals and events of a world of whole minutes."""

    def ends(name, start, width):
        begin = ORIGIN + shift + start * MINUTE
        return {f"{name}_at": begin, f"{name}_until": begin + width * MINUTE}

    told = [
        {"signal_id": f"s{n}", "place_id": f"geonames:{place}", **ends("posted", *span)}
        for n, (span, place) in enumerate(world[0])
    ]
    seen = [
        {
            "event_id": f"e{n}",
            "place_id": f"geonames:{place}",
            **ends("occurred", *occurred),
            # Confirmed some time after it began.
            **ends("confirmed", occurred[0] + lag[0], lag[1]),
        }
        for n, (occurred, lag, place) in enumerate(world[1])
    ]
    wanted = ["event_id", "place_id", "occurred_at", "confirmed_at"]
    return pd.DataFrame(told), pd.DataFrame(seen, columns=None if seen else wanted)


def plain_link(signal, seen, clock, wait, end):
    """Find one signal's event the slow way, from the definition."""
    ahead, behind = [], []
    for event in seen.to_dict("records"):
        at, until = event[f"{clock}_at"], event[f"{clock}_until"]
        if event["place_id"] != signal["place_id"] or at > end:
            continue
        if until >= signal["posted_at"] and at - signal["posted_until"] <= wait:
            ahead.append((at, until, event["event_id"]))
        elif until < signal["posted_at"] and signal["posted_at"] - until <= wait:
            behind.append((until, event["event_id"]))
    if ahead:
        return min(ahead)[2]
    return min((event for until, event in behind if until == max(behind)[0]), default=None)


@given(worlds, st.sampled_from(["confirmed", "occurred"]), st.integers(1, 60))
def test_the_join_equals_the_definition(world, clock, hours):
    told, seen = tables(world)
    end = ORIGIN + 4000 * MINUTE
    links = link(told, seen, clock=clock, horizon=f"{hours}h", observed_until=end)
    for signal, linked in zip(told.to_dict("records"), links["event_id"], strict=True):
        expected = plain_link(signal, seen, clock, hours * HOUR, end)
        assert (None if pd.isna(linked) else linked) == expected


@given(worlds, st.integers(-100_000, 100_000))
def test_shifting_all_times_changes_no_lead(world, minutes):
    shift = minutes * MINUTE
    end = ORIGIN + 4000 * MINUTE
    still = link(*tables(world), observed_until=end)
    moved = link(*tables(world, shift), observed_until=end + shift)
    pd.testing.assert_frame_equal(still, moved)


@given(worlds, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(world, random):
    told, seen = tables(world)
    order = list(range(len(told)))
    random.shuffle(order)
    end = ORIGIN + 4000 * MINUTE
    links = link(told, seen, observed_until=end).iloc[order].reset_index(drop=True)
    mixed = seen.sample(frac=1, random_state=random.randrange(2**32))
    shuffled = link(told.iloc[order], mixed, observed_until=end)
    pd.testing.assert_frame_equal(links, shuffled)
    assert np.array_equal(shuffled["signal_id"], told["signal_id"].iloc[order])
