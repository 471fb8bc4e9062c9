"""Relations, leads, counts and sentences equal the definitions of the tables, computed naively.

The definitions speak of instants: a claim holds if it holds for every instant that the post, the
event and its confirmation may have, given that an event is not confirmed before it occurs. Here
all combinations of whole hours are tried.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from foxgrape import lead_times, link, open_study, schemas
from foxgrape.linking import order_on_clock
from foxgrape.places import Codebook

ORIGIN = pd.Timestamp("2022-09-01T00:00Z")
HOUR = pd.Timedelta(hours=1)
END = ORIGIN + 1000 * HOUR
CLOCKS = ("confirmed", "occurred")

ends = st.tuples(st.integers(0, 9), st.integers(0, 4)).map(lambda pair: (pair[0], sum(pair)))
#: One event: when it occurred, and when it was confirmed or None.
event_times = st.tuples(ends, st.one_of(st.none(), ends)).filter(
    lambda pair: pair[1] is None or pair[1][1] >= pair[0][0]
)


def instants(posted, occurred, confirmed):
    """Return all triples of instants; None for the confirmation of an unconfirmed event."""
    spans = [range(low, high + 1) for low, high in (posted, occurred)]
    spans.append([None] if confirmed is None else range(confirmed[0], confirmed[1] + 1))
    return [(p, o, c) for p, o, c in product(*spans) if c is None or c >= o]


def relation_by_definition(triples):
    """Return the first relation of the table in the design that holds for all instants."""
    definitions = {
        "anticipates": lambda p, o, _: p < o,
        "announces": lambda p, o, c: c is not None and o < p < c,
        "precedes": lambda p, _, c: c is not None and p < c,
        "follows": lambda p, o, c: p > (o if c is None else c),
    }
    names = [name for name, holds in definitions.items() if all(holds(*t) for t in triples)]
    return names[0] if names else "undetermined"


def order_by_definition(triples, clock):
    """Return whether the post certainly came before or after the event on the clock."""
    pairs = [(p, c if clock == "confirmed" else o) for p, o, c in triples]
    if all(p < at for p, at in pairs):
        return "before"
    return "after" if all(p > at for p, at in pairs) else "undetermined"


def columns(name, spans):
    """Return the two columns of intervals in hours; None for an unknown time."""
    return {
        f"{name}_{end}": pd.Series(
            [pd.NaT if span is None else ORIGIN + span[side] * HOUR for span in spans],
            dtype="datetime64[us, UTC]",
        )
        for side, end in enumerate(("at", "until"))
    }


def tables(pairs):
    """Return signals and events: one place for each pair of a post and an event (or None)."""
    places = [f"geonames:{number}" for number in range(1, len(pairs) + 1)]
    names = [f"{number}" for number in range(len(pairs))]
    posted = pd.DataFrame({"signal_id": names, "place_id": places})
    posted = posted.assign(**columns("posted", [post for post, _ in pairs]))
    events = pd.DataFrame({"event_id": names, "place_id": places}).assign(
        **columns("occurred", [(0, 0) if e is None else e[0] for _, e in pairs]),
        **columns("confirmed", [None if e is None else e[1] for _, e in pairs]),
    )
    return posted, events[[event is not None for _, event in pairs]].reset_index(drop=True)


@settings(max_examples=300)
@given(ends, event_times, st.sampled_from(CLOCKS), st.none() | st.integers(0, 15))
def test_the_link_of_a_post_and_an_event_is_as_defined(posted, event, clock, decoded):
    assume(clock == "occurred" or event[1] is not None)
    signals, events = tables([(posted, event)])
    signals["decoded_at"] = pd.NaT if decoded is None else ORIGIN + decoded * HOUR
    (row,) = (links := link(signals, events, clock=clock, observed_until=END)).itertuples()
    triples = instants(posted, *event)
    # Hindsight: decoded after it was confirmed, or if that is not recorded, after it occurred.
    known = [o if c is None else c for _, o, c in triples]
    assert row.hindsight == (decoded is not None and all(decoded > at for at in known))
    assert row.relation == relation_by_definition(triples)
    assert order_on_clock(links).item() == order_by_definition(triples, clock)
    at, until = event[1] if clock == "confirmed" else event[0]
    assert (row.lead_min, row.lead_max) == ((at - posted[1]) * HOUR, (until - posted[0]) * HOUR)


worlds = st.lists(st.tuples(ends, st.one_of(st.none(), event_times)), min_size=1, max_size=8)


def orders_by_definition(pairs, clock):
    """Return the order of each pair on the clock; "no event" without a time on it."""
    return [
        "no event"
        if event is None or (clock == "confirmed" and event[1] is None)
        else order_by_definition(instants(posted, *event), clock)
        for posted, event in pairs
    ]


@settings(max_examples=60)
@given(worlds, st.sampled_from(CLOCKS))
def test_counts_are_those_of_the_orders_on_the_clock(pairs, clock):
    links = link(*tables(pairs), clock=clock, observed_until=END)
    orders = orders_by_definition(pairs, clock)
    leads = lead_times(links)
    n = {name: orders.count(name) for name in ("before", "undetermined", "after", "no event")}
    assert leads.n_follows == n["after"]
    assert leads.n_undetermined == n["undetermined"]
    assert leads.n_observed == n["before"] + n["undetermined"]
    assert leads.n_censored == n["no event"]
    assert leads.n == len(pairs) - n["after"]
    counted = [order for order in orders if order != "after"]
    kept = [pair for pair, order in zip(pairs, orders, strict=True) if order != "after"]
    short = leads.leads["shortest"]
    # Posts after their event are left out, or right-censored because no later event came.
    more = lead_times(links, follows=True)
    assert (more.n, more.n_observed) == (len(pairs), leads.n_observed)
    assert more.n_censored == n["no event"] + n["after"]
    assert more.n_follows == n["after"]
    # A signal whose order is unknown has a lead of zero. No other has, unless its event may
    # be confirmed at the instant of the post by its own time alone, though it occurred later.
    for lead, order, (post, event) in zip(short, counted, kept, strict=True):
        at_once = event is not None and event[1] is not None and event[1][0] == post[1]
        assert lead == pd.Timedelta(0) or order != "undetermined"
        assert lead > pd.Timedelta(0) or order == "undetermined" or at_once


@pytest.fixture(scope="module")
def base():
    return open_study()


@settings(max_examples=25)
@given(worlds, st.sampled_from([None, *CLOCKS]))
def test_sentences_have_the_same_counts(base, pairs, clock):
    """Events of distinct places; the signals are codes that stand for these places."""
    posted, events = tables(pairs)
    assume(len(events))
    places = [place.id for place, _ in zip(base.codebook.gazetteer, pairs, strict=False)]
    renamed = dict(zip(posted["place_id"], places, strict=True))
    code = next(iter(base.codebook))
    codes = [replace(code, code=f"#code{n}", kind="hashtag", place_id=place, decoded_at=None)
             for n, place in enumerate(places)]  # fmt: skip
    posts = posted.assign(post_id=posted["signal_id"], account="a", platform="telegram")
    posts["text"] = [f"#code{n}" for n in range(len(posts))]
    study = replace(
        base,
        posts=schemas.validate(posts.drop(columns=["signal_id", "place_id"]), "posts", fill=True),
        events=schemas.validate(
            events.assign(place_id=events["place_id"].map(renamed)), "events", fill=True
        ),
        confirmations=base.confirmations.iloc[:0],
        codebook=Codebook(codes, base.codebook.gazetteer),
        observed_until=END.isoformat(),
    )
    analysis = study.analyse(clock=clock)
    used = clock or ("confirmed" if events["confirmed_at"].notna().any() else "occurred")
    assert analysis.clock == used
    orders = orders_by_definition(pairs, used)
    n_before, n_after = orders.count("before"), orders.count("after")
    assert len(analysis.leading_rows()) == n_before
    first, *others = analysis.findings()
    happened = "was confirmed" if used == "confirmed" else "occurred"
    their = "its" if n_before == 1 else "their"
    assert f". {n_before} certainly came before {their} event {happened}" in first
    moment = "confirmation" if used == "confirmed" else "occurrence"
    after = f"Posted after the {moment}: {n_after} "
    assert any(line.startswith(after) for line in others) == (n_after > 0)
    n = len(pairs) - n_after
    assert any(f"n = {n}" in line for line in others)
    if n:
        assert any(f"from post to {moment}: " in line for line in others)
    n_led = n_before + orders.count("undetermined")
    assert f"{n_led} of the {n} that count as leads with an event within 30 days" in repr(analysis)
    assert repr(analysis).endswith(f"; {used} clock>")
    assert analysis.coincidence(n=1).clock == used
    with_them = [line for line in others if "with no later one. If " in line]
    assert len(with_them) == (n_after > 0)
    assert all(f"(n = {len(pairs)})" in line for line in with_them)
    (steps,) = analysis.counts().groupby("question").get_group("lead times").tail(1)["n"]
    assert steps == n
