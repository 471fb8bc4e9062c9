"""Linking: relations on both clocks, choice of event, censoring, hindsight and sides."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import IZIUM, events, signals
from foxgrape import FoxgrapeError, alarm, coincidence, hazard, link, schemas
from foxgrape.linking import confirmed_by_side, order_on_clock
from foxgrape.observation import Observation
from foxgrape.stats.survival.counted_leads import reason_left_out

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


def test_a_post_of_the_day_before_confirmation_leads_by_up_to_two_days():
    """Post and event are known to the day, confirmed on the next: the lead has both ends open."""
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
    assert pd.isna(row["lead_max"])
    assert row["lead_min"] == 30 * DAY


def rough_events(*spans: tuple[int, int]) -> pd.DataFrame:
    """Return events at Izium that were confirmed between two days of September."""
    day = [pd.Timestamp(f"2022-09-{number:02}T00:00Z") for number in range(1, 31)]
    table = pd.DataFrame({"event_id": [f"e{n:02}" for n in range(len(spans))], "place_id": IZIUM})
    for clock in ("occurred", "confirmed"):
        table[f"{clock}_at"] = [day[at] for at, _ in spans]
        table[f"{clock}_until"] = [day[until] for _, until in spans]
    return table


def test_the_next_event_is_the_one_that_may_begin_first():
    # The second event ends long before the first does; both come after the post.
    row = only(link(signals("2022-09-01"), rough_events((4, 20), (6, 7)), observed_until=END))
    assert row["event_id"] == "e00"


def test_an_event_that_may_still_be_ahead_is_preferred_to_events_that_are_over():
    within = [(6, 7 + n % 3) for n in range(40)]
    seen = rough_events((4, 20), *within)
    row = only(link(signals("2022-09-15"), seen, observed_until=END))
    assert row["event_id"] == "e00"
    assert row["relation"] == "undetermined"
    # After it, too, it is the nearest: it ended last.
    row = only(link(signals("2022-09-25"), seen, observed_until=END))
    assert row["event_id"] == "e00"
    assert row["relation"] == "follows"


def test_a_signal_is_censored_at_the_end_of_observation():
    elsewhere = events(("2022-09-11", "2022-09-12"), place="geonames:1")
    # By default observation ends with the last event: from the end of the 10th to that of the 12th.
    assert only(link(signals("2022-09-10"), elsewhere))["lead_min"] == 2 * DAY
    links = link(signals("2022-09-10"), elsewhere, observed_until="2022-09-15T21:00:00Z")
    assert only(links)["lead_min"] == 5 * DAY + TICK
    # Observation ended before the post, so its time at risk is zero.
    links = link(signals("2022-09-10"), elsewhere, observed_until="2022-09-01T00:00:00Z")
    assert only(links)["lead_min"] == pd.Timedelta(0)


def test_an_event_after_the_end_of_observation_is_ignored():
    later = events(("2022-09-20", "2022-09-20"))
    row = only(link(signals("2022-09-10"), later, observed_until="2022-09-15T00:00:00Z"))
    assert row["relation"] == "unconfirmed"


@pytest.mark.parametrize(("day", "linked"), [("2022-10-10", True), ("2022-10-12", False)])
def test_an_event_beyond_the_horizon_is_not_linked(day, linked):
    """30 days after the end of 10 September is the end of 10 October."""
    row = only(link(signals("2022-09-10"), events((day, day)), observed_until=END))
    assert row["observed"] == linked


def test_an_event_after_the_signal_is_preferred_to_a_nearer_one_before():
    pairs = [("2022-09-09", "2022-09-09"), ("2022-09-20", "2022-09-21"), ("2022-09-25",) * 2]
    assert only(link(signals("2022-09-10"), events(*pairs)))["event_id"] == "e1"


def test_the_latest_event_before_is_linked_where_none_comes_after():
    pairs = [("2022-09-01", "2022-09-02"), ("2022-09-05", "2022-09-06")]
    row = only(link(signals("2022-09-10"), events(*pairs)))
    assert (row["event_id"], row["relation"]) == ("e1", "follows")
    assert row["lead_max"] < pd.Timedelta(0)


def test_an_unconfirmed_event_counts_only_on_the_occurred_clock():
    pairs = [("2022-09-12", None)]
    links = link(signals("2022-09-10"), events(*pairs), clock="confirmed")
    assert only(links)["relation"] == "unconfirmed"
    row = only(link(signals("2022-09-10"), events(*pairs), clock="occurred"))
    assert (row["event_id"], row["relation"]) == ("e0", "anticipates")


def test_the_clock_is_the_one_that_the_events_have():
    """Without any confirmation leads are measured to the occurrence, unless a side is asked for."""
    unconfirmed = ("2022-09-12", None)
    assert only(link(signals("2022-09-10"), events(unconfirmed)))["clock"] == "occurred"
    both = events(unconfirmed, ("2022-09-11", "2022-09-13"))
    row = only(link(signals("2022-09-10"), both))
    assert (row["clock"], row["event_id"]) == ("confirmed", "e1")
    other = events(("2022-09-12", None), by=None)
    with pytest.raises(FoxgrapeError, match="no event was confirmed by this side"):
        link(signals("2022-09-10"), other, confirmed_by="UA")


def test_a_post_after_an_event_without_confirmation_follows_it():
    """The event is of 8 September, the post of the 10th: from -3 days to -1 day, both ends open."""
    row = only(link(signals("2022-09-10"), events(("2022-09-08", None))))
    assert row["relation"] == "follows"
    assert (row["lead_min"], row["lead_max"]) == (-3 * DAY + TICK, -1 * DAY - TICK)
    same_day = only(link(signals("2022-09-10"), events(("2022-09-10", None))))
    assert same_day["relation"] == "undetermined"


def test_the_order_of_post_and_event_is_that_of_the_clock_of_the_link():
    """Post at 13 h, event at 10 to 11 h, confirmed at 15 to 16 h: early news, not foresight."""
    post = EXACT.assign(posted_at=pd.Timestamp("2022-09-11T13:00Z"))
    orders = {
        clock: order_on_clock(link(post, pd.DataFrame(EVENT), clock=clock)).item()
        for clock in ("confirmed", "occurred")
    }
    assert orders == {"confirmed": "before", "occurred": "after"}
    rough = post.assign(
        posted_at=pd.Timestamp("2022-09-11T10:30Z"), posted_until=pd.Timestamp("2022-09-11T13:00Z")
    )
    links = link(rough, pd.DataFrame(EVENT), clock="occurred")
    assert links["relation"].item() == "precedes"
    assert order_on_clock(links).item() == "undetermined"
    nothing = link(post, pd.DataFrame(EVENT).iloc[:0], observed_until=END)
    assert order_on_clock(nothing).item() == "no event"


@pytest.mark.parametrize(
    ("decoded", "hindsight"),
    [
        ("2022-09-10T20:59:59.999999Z", False),
        ("2022-09-11T20:59:59.999999Z", False),  # at the last instant of the confirmation
        ("2022-09-11T21:00:00Z", True),
        (None, False),
    ],
)
def test_a_code_decoded_after_the_confirmation_is_hindsight(decoded, hindsight):
    links = link(signals("2022-09-10", decoded=decoded), events(("2022-09-10", "2022-09-11")))
    assert only(links)["hindsight"] == hindsight


def test_a_signal_without_event_is_not_hindsight():
    far = events(("2020-01-01", "2020-01-02"))
    links = link(signals("2022-09-10", decoded="2023-01-01T00:00Z"), far, observed_until=END)
    assert not only(links)["hindsight"]


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
def test_each_side_has_its_own_confirmation(side, relation):
    first = events(("2022-09-10", "2022-09-10"), by="RU")
    links = link(signals("2022-09-10"), first, confirmed_by=side, confirmations=CONFIRMATIONS)
    assert only(links)["relation"] == relation


def test_without_confirmations_the_side_of_the_events_counts():
    ours = events(("2022-09-10", "2022-09-11"), ("2022-09-10", "2022-09-11"), by="UA")
    ours["place_id"] = [IZIUM, "geonames:1"]
    ours["confirmed_by"] = ["UA", "RU"]
    two = pd.concat([signals("2022-09-10"), signals("2022-09-10", place="geonames:1")])
    two["signal_id"] = ["a", "b"]
    with pytest.warns(UserWarning, match="1 of 2 events were confirmed first by another side"):
        links = link(two, ours, confirmed_by="UA", observed_until=END)
    assert links["relation"].tolist() == ["precedes", "unconfirmed"]


def test_an_event_that_a_side_never_confirmed_stays_without_confirmation():
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
    links = link(
        signals("2022-09-08"),
        only_second,
        confirmed_by="UA",
        clock="occurred",
        confirmations=CONFIRMATIONS,
    )
    assert only(links)[["event_id", "relation"]].tolist() == ["e1", "anticipates"]


def test_of_several_confirmations_by_a_side_the_one_that_ends_first_counts():
    """A rough confirmation may begin earlier and still come later."""
    rough = ("2022-09-09T21:00:00Z", "2022-09-13T20:59:59Z")
    sharp = ("2022-09-11T06:00:00Z", "2022-09-11T07:00:00Z")
    earlier = ("2022-09-11T05:00:00Z", "2022-09-11T07:00:00Z")
    seen = events(("2022-09-10", None), by=None)

    def first(*pairs):
        table = pd.DataFrame(
            {
                "event_id": "e0",
                "confirmed_by": "UA",
                "confirmed_at": pd.to_datetime([pair[0] for pair in pairs]),
                "confirmed_until": pd.to_datetime([pair[1] for pair in pairs]),
            }
        )
        row = confirmed_by_side(seen, table, "UA").iloc[0]
        return row["confirmed_at"], row["confirmed_until"]

    expected = tuple(pd.Timestamp(end) for end in sharp)
    assert first(rough, sharp) == first(sharp, rough) == expected
    assert first(sharp, earlier)[0] == first(earlier, sharp)[0] == pd.Timestamp(earlier[0])


def test_only_confirmations_that_are_passed_count():
    seen = events(("2022-09-10", "2022-09-10"), by="RU")
    posted = signals("2022-09-10")
    hint = "Hint: pass confirmations=study.confirmations, or choose from RU"
    with pytest.raises(FoxgrapeError, match=f"no event was confirmed by this side.*{hint}"):
        link(posted, seen, confirmed_by="UA")
    # Attributes of the frame change nothing.
    seen.attrs["confirmations"] = CONFIRMATIONS.to_dict("list")
    with pytest.raises(FoxgrapeError, match=hint):
        link(posted, seen, confirmed_by="UA")
    links = link(posted, seen, confirmed_by="UA", confirmations=CONFIRMATIONS)
    assert only(links)["relation"] == "precedes"
    with pytest.raises(FoxgrapeError, match="no event was confirmed by this side"):
        link(posted, seen, confirmed_by="UA", confirmations=CONFIRMATIONS.iloc[:1])
    # Without confirmed_by the confirmations of the events count.
    links = link(posted, seen, confirmations=CONFIRMATIONS)
    assert only(links)["relation"] == "undetermined"


@pytest.mark.parametrize(
    ("confirmations", "hint"),
    [
        (None, "pass confirmations=study.confirmations"),
        (CONFIRMATIONS.iloc[:0], "the events have no confirmations"),
    ],
)
def test_a_side_without_any_confirmation_is_rejected(confirmations, hint):
    unnamed = events(("2022-09-10", None), by=None)
    with pytest.raises(FoxgrapeError) as error:
        confirmed_by_side(unnamed, confirmations, "UA")
    assert str(error.value) == f"no event was confirmed by this side; got 'UA'. Hint: {hint}"


DURATION = "horizon must be a positive duration, such as 7D; got "
SIDE = "no event was confirmed by this side"
HINT = "pass confirmations=study.confirmations"
INSTANT = "observed_until must be an instant with an offset, such as 2024-08-17T00:00:00Z; got "


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clock": "wall"}, "unknown clock; got 'wall'. Hint: choose from confirmed, occurred"),
        (
            {"clock": "confirmd"},
            "unknown clock; got 'confirmd'. Hint: did you mean 'confirmed'?",
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
            f"{SIDE}; got 'XX'. Hint: {HINT}, or choose from UA",
        ),
    ],
)
def test_a_bad_option_is_rejected(options, message):
    with pytest.raises(FoxgrapeError) as error:
        link(signals("2022-09-10"), events(("2022-09-10", "2022-09-11")), **options)
    assert str(error.value) == message


def test_the_end_of_observation_is_text_or_a_datetime_and_by_default_the_last_known_instant():
    elsewhere = events(("2022-09-11", "2022-09-12"), place="geonames:1")
    links = [
        link(signals("2022-09-10"), elsewhere, observed_until=end)
        for end in ("2022-09-15T21:00:00Z", pd.Timestamp("2022-09-16T00:00:00+03:00"))
    ]
    pd.testing.assert_frame_equal(*links)
    # The last instant may be of an occurrence or a confirmation.
    for pair, days in ((("2022-09-14", None), 4), (("2022-09-11", "2022-09-15"), 5)):
        late = events(pair, place="geonames:1")
        assert only(link(signals("2022-09-10"), late))["lead_min"] == days * DAY
    # A later post does not show that events were still recorded: it was not followed.
    both = link(signals("2022-09-10", "2022-09-18"), elsewhere)
    assert both["lead_min"].tolist() == [2 * DAY, 0 * DAY]


@pytest.mark.parametrize("clock", ["confirmed", "occurred"])
def test_links_have_one_row_per_signal_in_their_order_with_or_without_event(clock):
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
def test_the_horizon_is_inclusive_in_both_directions(lead, observed, sign, clock):
    row = only(link(EXACT, at(NOON + sign * lead), horizon="1D", clock=clock, observed_until=END))
    assert row["observed"] == observed
    if observed:
        assert row["lead_min"] == row["lead_max"] == sign * lead


def test_the_end_of_observation_is_inclusive():
    event = at(NOON + DAY)
    assert only(link(EXACT, event, observed_until=NOON + DAY))["observed"]
    row = only(link(EXACT, event, observed_until=NOON + DAY - TICK))
    assert not row["observed"]
    assert row["lead_min"] == DAY - TICK


def test_an_event_at_the_instant_of_the_post_is_preferred_to_a_later_one():
    both = pd.concat([at(NOON + HOUR).assign(event_id="later"), at(NOON).assign(event_id="now")])
    row = only(link(EXACT, both))
    assert (row["event_id"], row["relation"]) == ("now", "undetermined")
    assert row["lead_min"] == row["lead_max"] == pd.Timedelta(0)
    gone = pd.concat([at(NOON + HOUR).assign(event_id="later"), at(NOON - TICK)])
    assert only(link(EXACT, gone))["event_id"] == "later"


def test_of_events_that_begin_together_the_one_that_ends_first_is_linked():
    rough = at(NOON + HOUR).assign(event_id="rough", confirmed_until=NOON + DAY)
    sharp = at(NOON + HOUR).assign(event_id="sharp")
    for order in ([rough, sharp], [sharp, rough]):
        assert only(link(EXACT, pd.concat(order)))["event_id"] == "sharp"
    # Before the signal, the one that ended last is linked.
    rough = at(NOON - DAY).assign(event_id="rough", confirmed_until=NOON - HOUR)
    sharp = at(NOON - 2 * HOUR).assign(event_id="sharp")
    for order in ([rough, sharp], [sharp, rough]):
        assert only(link(EXACT, pd.concat(order)))["event_id"] == "rough"


def test_the_default_horizon_is_thirty_days():
    near, far = (events((day, day)) for day in ("2022-10-10", "2022-10-11"))
    assert only(link(signals("2022-09-10"), near))["observed"]
    # The first instant of 11 October in Kyiv is 30 days and a microsecond after the last of
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


def test_empty_tables_are_linked():
    none = signals("2022-09-10").iloc[:0]
    assert link(none, events(("2022-09-10", "2022-09-11"))).empty
    nothing = events(("2022-09-10", "2022-09-11")).iloc[:0]
    row = only(link(signals("2022-09-10"), nothing, observed_until=END))
    assert row["relation"] == "unconfirmed"


@pytest.mark.parametrize("posted", [[], ["2022-09-10", "2022-09-12", "2023-09-12"]])
@pytest.mark.parametrize("happened", [[], [("2022-09-11", None)]])
def test_links_match_their_schema(posted, happened):
    some_signals = signals(*posted) if posted else signals("2022-09-10").iloc[:0]
    some_events = events(*happened) if happened else events(("2022-09-11", None)).iloc[:0]
    links = link(some_signals, some_events, clock="occurred", observed_until=END)
    pd.testing.assert_frame_equal(schemas.validate(links, "links"), links)


MINUTE = pd.Timedelta(minutes=1)
ORIGIN = pd.Timestamp("2022-09-01T00:00Z")
spans = st.tuples(st.integers(0, 3000), st.integers(0, 600))
worlds = st.tuples(
    st.lists(st.tuples(spans, st.integers(1, 3)), min_size=1, max_size=6),
    st.lists(st.tuples(spans, spans, st.integers(1, 3)), max_size=6),
)


def tables(world, shift=0 * HOUR):
    """Return the signals and events of a world whose times are whole minutes."""

    def ends(name, start, width):
        begin = ORIGIN + shift + start * MINUTE
        return {f"{name}_at": begin, f"{name}_until": begin + width * MINUTE}

    posts = [
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
    return pd.DataFrame(posts), pd.DataFrame(seen, columns=None if seen else wanted)


def reference_link(signal, seen, clock, wait, end):
    """Return the event of one signal, by comparing it with each event."""
    after, before = [], []
    for event in seen.to_dict("records"):
        at, until = event[f"{clock}_at"], event[f"{clock}_until"]
        if event["place_id"] != signal["place_id"] or at > end:
            continue
        if until >= signal["posted_at"] and at - signal["posted_until"] <= wait:
            after.append((at, until, event["event_id"]))
        elif until < signal["posted_at"] and signal["posted_at"] - until <= wait:
            before.append((until, event["event_id"]))
    if after:
        return min(after)[2]
    return min((event for until, event in before if until == max(before)[0]), default=None)


@given(worlds, st.sampled_from(["confirmed", "occurred"]), st.integers(1, 60))
def test_links_equal_those_of_comparing_every_pair(world, clock, hours):
    posted, seen = tables(world)
    end = ORIGIN + 4000 * MINUTE
    links = link(posted, seen, clock=clock, horizon=f"{hours}h", observed_until=end)
    for signal, linked in zip(posted.to_dict("records"), links["event_id"], strict=True):
        expected = reference_link(signal, seen, clock, hours * HOUR, end)
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
    posted, seen = tables(world)
    order = list(range(len(posted)))
    random.shuffle(order)
    end = ORIGIN + 4000 * MINUTE
    links = link(posted, seen, observed_until=end).iloc[order].reset_index(drop=True)
    mixed = seen.sample(frac=1, random_state=random.randrange(2**32))
    shuffled = link(posted.iloc[order], mixed, observed_until=end)
    pd.testing.assert_frame_equal(links, shuffled)
    assert np.array_equal(shuffled["signal_id"], posted["signal_id"].iloc[order])


def test_names_of_several_places_are_left_out_and_counted():
    signals = pd.DataFrame(
        {
            "signal_id": ["a", "b", "c"],
            "place_id": ["geonames:1", None, "geonames:1"],
            "posted_at": pd.to_datetime(["2022-09-01", "2022-09-02", "2022-09-03"], utc=True),
        }
    )
    events = pd.DataFrame(
        {
            "event_id": ["e"],
            "place_id": ["geonames:1"],
            "occurred_at": pd.to_datetime(["2022-09-05"], utc=True),
        }
    )
    with pytest.warns(UserWarning, match="1 of 3 signals is left out: a name that may mean"):
        links = link(signals, events, clock="occurred")
    assert links["signal_id"].tolist() == ["a", "c"]
    september = ("2022-09-01T00:00Z", "2022-10-01T00:00Z")
    for question in (coincidence, hazard, alarm):
        with pytest.warns(UserWarning, match="1 of 3 signals is left out"):
            result = question(signals, events, window="7D", clock="occurred", observed=september)
        assert result.n_signals == 2


def test_a_rough_post_that_begins_before_observation_is_watched_from_its_end():
    """Posted on the 1st, observed from noon of that day: two days to its event, or to the end."""
    day = pd.Timestamp("2022-09-01T00:00Z")
    signals = pd.DataFrame(
        {
            "signal_id": ["followed", "open", "before"],
            "place_id": ["geonames:1", "geonames:2", "geonames:1"],
            "posted_at": [day, day, day - pd.Timedelta("1D")],
        }
    )
    signals["posted_until"] = signals["posted_at"] + pd.Timedelta("1D")
    signals.loc[2, "posted_until"] = day
    events = pd.DataFrame(
        {"event_id": ["e"], "place_id": ["geonames:1"], "occurred_at": [day + pd.Timedelta("3D")]}
    )
    observed = Observation.stated(day + pd.Timedelta("12h"), day + pd.Timedelta("11D"))
    links = link(signals, events, observed=observed, horizon="90D")
    assert links["relation"].tolist() == ["anticipates", "unconfirmed", "unconfirmed"]
    assert links["lead_min"].tolist()[0] == pd.Timedelta("2D")
    assert links["lead_max"].tolist()[0] == pd.Timedelta("3D")
    days = [pd.Timedelta(10, "D")] * 2 + [pd.Timedelta(0)]
    assert links["watched"].tolist() == links["watched_max"].tolist() == days
    assert reason_left_out(links, hindsight=False).tolist() == ["", "", "unfollowed"]
