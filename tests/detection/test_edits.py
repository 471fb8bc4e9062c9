"""Signals of edited posts: the interval from the post to the edit, and what shortens it."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from foxgrape import Store, detect, ingest, lead_times, link, open_study, read_events, read_posts
from foxgrape.errors import FoxgrapeError
from foxgrape.studies.from_store import as_of, study_from_store

IZIUM = "geonames:707292"
EVENT, CONFIRMED = pd.Timestamp("2022-09-10T12:00Z"), pd.Timestamp("2022-09-11T12:00Z")


def at(day, hour=12):
    return None if day is None else pd.Timestamp(f"2022-09-{day:02}T{hour:02}:00Z")


def version(text="🍇", posted=1, edited=None, until=None):
    row = {
        "post_id": "p",
        "platform": "telegram",
        "account": "river",
        "text": text,
        "posted_at": at(posted),
        "posted_until": at(until or posted),
        "edited_at": at(edited),
    }
    frame = pd.DataFrame([row])
    return frame.astype({"edited_at": "datetime64[us, UTC]"})


@pytest.fixture
def events():
    return pd.DataFrame(
        {
            "event_id": ["e"],
            "place_id": [IZIUM],
            "occurred_at": [EVENT],
            "confirmed_at": [CONFIRMED],
            "confirmed_by": ["UA"],
        }
    )


def linked(posts, events, **options):
    """Return the relation and the shortest and longest lead in days."""
    links = link(detect(posts, **options), events).iloc[0]
    leads = links[["lead_min", "lead_max"]] / pd.Timedelta("1D")
    return links["relation"], *leads


@pytest.mark.parametrize(
    ("posted", "edited", "relation", "shortest", "longest"),
    [
        (1, None, "anticipates", 10, 10),
        (1, 5, "anticipates", 6, 10),  # edited before the event
        (1, 11, "undetermined", 0, 10),  # edited at the confirmation
        (1, 13, "undetermined", -2, 10),  # edited after it
        (12, 13, "follows", -2, -1),
        (12, None, "follows", -1, -1),
    ],
)
def test_the_time_of_an_edited_post_is_an_interval(
    events, posted, edited, relation, shortest, longest
):
    posts = version(posted=posted, edited=edited)
    assert linked(posts, events) == (relation, shortest, longest)
    exact = (11 - posted, 11 - posted)
    first = "anticipates" if posted == 1 else "follows"
    assert linked(posts, events, edits="ignore") == (first, *exact)


def test_an_edit_between_event_and_confirmation_precedes_the_confirmation(events):
    posts = version(posted=1).assign(edited_at=at(11, 0))
    assert linked(posts, events) == ("precedes", 0.5, 10)
    assert linked(posts, events, edits="ignore") == ("anticipates", 10, 10)


def test_an_edit_within_the_rough_time_of_the_post_makes_no_difference():
    signals = detect(version(posted=1, until=3, edited=2))
    assert signals["posted_until"].tolist() == [at(3)]


@pytest.mark.parametrize(
    ("earlier", "until"),
    [
        ([version("🍇")], 1),  # never edited: there from the first
        ([version("🍇", edited=5)], 5),
        ([version("🍇", edited=7), version("🍇!", edited=5), version("no")], 5),
        ([version("no"), version("🦊", edited=5)], 13),  # another code
        ([version("🍇", until=4)], 4),
        ([version("🍇", edited=20)], 13),  # later than the version at hand
        ([version("🍇").assign(account="hill")], 13),  # another channel's
        ([version("🍇").assign(platform=None)], 13),
        ([version("🍇").assign(post_id="q")], 13),
    ],
)
def test_an_earlier_version_with_the_code_ends_the_interval(earlier, until):
    signals = detect(version("🍇 now", edited=13), earlier=pd.concat(earlier))
    assert signals[["posted_at", "posted_until"]].iloc[0].tolist() == [at(1), at(until)]


def test_an_earlier_version_with_the_name_of_the_place_ends_the_interval():
    earlier, last = version("soon Izium", edited=5), version("Ізюм наш", edited=13)
    signals = detect(last, mentions=True, earlier=earlier)
    assert signals["posted_until"].tolist() == [at(5)]
    assert detect(last, mentions=True)["posted_until"].tolist() == [at(13)]
    # A name is no proof of a code.
    coded = detect(version("🍇", edited=13), mentions=True, earlier=earlier)
    assert coded["posted_until"].tolist() == [at(13)]


def test_an_unedited_post_is_not_changed_by_earlier_versions():
    posts = version("🍇", until=3)
    assert detect(posts, earlier=version("🍇"))["posted_until"].tolist() == [at(3)]


def test_surprisal_counts_a_code_from_the_end_of_its_interval():
    later = version("🍇", posted=8).assign(post_id="q")
    posts = pd.concat([version("🍇", edited=13), later], ignore_index=True)
    bits = [
        detect(posts, **options)["surprisal"].round(3).tolist()
        for options in ({}, {"edits": "ignore"}, {"earlier": version("🍇", edited=5)})
    ]
    # By hand: -log2(0.5 / 2) where the first post may not have had the code, -log2(1.5 / 2) where
    # it had.
    assert bits == [[1, 2], [1, 0.415], [1, 0.415]]


def test_an_unknown_choice_is_an_error():
    with pytest.raises(FoxgrapeError, match="edits must be 'interval' or 'ignore'"):
        detect(version(), edits="ignored")


def telegram(tmp_path, name, text, **edit):
    message = {
        "id": 2,
        "type": "message",
        "date": "2022-09-01T10:00:00",
        "date_unixtime": "1662015600",
        "from": "River News",
        "from_id": "channel1234567890",
        "text": text,
        "text_entities": [],
        **edit,
    }
    chat = {"name": "River News", "type": "public_channel", "id": 1234567890}
    file = tmp_path / name
    file.write_text(json.dumps(chat | {"messages": [message]}), "utf-8")
    return file


EDITED = {"edited": "2022-09-12T10:00:00", "edited_unixtime": "1662966000"}


def test_a_post_that_was_edited_after_its_event_is_not_ahead_of_it(tmp_path):
    """As a day in Kyiv: the event is from 9 September, 21:00 UTC, to 10 September, 21:00."""
    posts = read_posts(telegram(tmp_path, "a.json", "🍇 Ізюм звільнено", **EDITED))
    table = tmp_path / "events.csv"
    table.write_text(
        "id,place,date,confirmed,kind\ne1,Ізюм,2022-09-10,2022-09-10,liberated\n", "utf-8"
    )
    events = read_events(table, timezone="Europe/Kyiv")
    links = link(detect(posts), events)
    assert links["relation"].tolist() == ["undetermined"]
    # Posted on 1 September at 7:00, edited on 12 September at 7:00.
    assert links["lead_min"].tolist() == [-pd.Timedelta("2D10h")]
    assert links["lead_max"].tolist() == [pd.Timedelta("9D14h") - pd.Timedelta(1, "us")]
    assert lead_times(links).n == 1
    trusted = link(detect(posts, edits="ignore"), events)
    assert trusted["relation"].tolist() == ["anticipates"]
    assert trusted["lead_min"].tolist() == [pd.Timedelta("8D14h")]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(("first", "relation"), [("🍇", "anticipates"), ("soon", "undetermined")])
def test_a_store_knows_the_text_before_the_edit(tmp_path, order, first, relation):
    store = Store(tmp_path / "store")
    files = [
        telegram(tmp_path, "a.json", first),
        telegram(tmp_path, "b.json", "🍇 Ізюм звільнено", **EDITED),
    ]
    for file in files[::order]:
        ingest("posts", file, store)
    store.upsert("events", open_study().events)
    versions = store.latest_versions()
    study = study_from_store(store)
    analysis = study.analyse()
    assert analysis.links["relation"].tolist() == [relation]
    edited = [line for line in analysis.findings() if "In edited posts" in line]
    assert bool(edited) == (relation == "undetermined")
    assert study.analyse(edits="ignore").links["relation"].tolist() == ["anticipates"]
    # A report reads the versions that it planned with.
    same = study_from_store(store, versions=versions).analyse()
    pd.testing.assert_frame_equal(same.links, analysis.links)
    without = {name: versions[name] for name in ("posts", "events")}
    assert study_from_store(store, versions=without).earlier_posts is None
    # As known before the edit, the signal is either certain or has no event yet.
    then = as_of(study, "2022-09-09T00:00:00Z").analyse()
    assert then.links["relation"].tolist() == ["unconfirmed"]
