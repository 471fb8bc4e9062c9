"""Two channels with equal message numbers: nothing is lost or mixed up on any way to a result."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foxgrape import Store, detect, ingest, iter_posts, link, new_study, open_study, read_posts
from foxgrape._util.files import study_folder
from foxgrape.plots.activity import activity
from foxgrape.studies.from_store import study_from_store

EVENTS = study_folder("izium-2022") / "events.csv"
NOON = pd.Timestamp("2022-09-08T12:00Z")

#: (platform, account, message number): number of each post's own text.
CHANNELS = st.dictionaries(
    st.tuples(
        st.sampled_from(["telegram", "x", None]),
        st.sampled_from(["river", "hill", "a/b", "a%2Fb"]),
        st.integers(1, 4),
    ),
    st.integers(0, 1),
    min_size=1,
    max_size=24,
)


def row(key, place):
    platform, account, number = key
    return {
        "id": str(number),
        "platform": platform,
        "username": account,
        "date": (NOON + pd.Timedelta(number, "h")).isoformat(),
        "text": f"{platform} {account} {number} {'🍇🦊'[place]}",
    }


def write(file, rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


def texts(posts):
    platforms = posts["platform"].astype(object).where(posts["platform"].notna(), None)
    keys = zip(platforms, posts["account"], posts["post_id"].astype(int), strict=True)
    by_key = dict(zip(keys, posts["text"], strict=True))
    assert len(by_key) == len(posts)
    return by_key


def check_analysis(study, wanted):
    """Each post has one signal, and its row in the table has the post's own text and place."""
    table = study.analyse().table()
    assert texts(table) == wanted
    assert table["signal_id"].is_unique
    for row in table.itertuples():
        assert row.text.endswith(row.code)
    figure = activity(study.posts, study.analyse().signals, zone="UTC")
    assert sum(figure.data[0].y) == len(wanted)
    # Without one signal, one post is drawn without a signal, whatever the ids of the others.
    figure = activity(study.posts, study.analyse().signals[1:], zone="UTC")
    assert sum(figure.data[0].y) == len(wanted) - 1


@given(CHANNELS, st.booleans(), st.integers(1, 5))
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_nothing_is_lost_or_mixed_up(channels, backwards, batch):
    rows = [row(key, place) for key, place in channels.items()]
    wanted = {key: row(key, place)["text"] for key, place in channels.items()}
    with TemporaryDirectory() as name:
        folder = Path(name)
        joint = write(folder / "one.jsonl", rows)
        assert texts(read_posts(joint)) == wanted
        frame = pd.concat(iter_posts(joint, batch=batch), ignore_index=True)
        assert texts(frame) == wanted
        # A file for each account of each platform.
        names = sorted({(item["platform"] or "", item["username"]) for item in rows})
        files = [
            write(
                folder / f"{number}.jsonl",
                [item for item in rows if (item["platform"] or "", item["username"]) == name],
            )
            for number, name in enumerate(names[::-1] if backwards else names)
        ]
        for inputs, path in (([joint], "s1"), (files, "s2"), ([*files, joint], "s3")):
            store = Store(folder / path)
            for file in inputs:
                result = ingest("posts", file, store, batch=batch)
                assert result.quarantined == result.changed == result.older == 0
            assert texts(store.read("posts")) == wanted
        store.upsert("events", open_study().events)
        check_analysis(study_from_store(store), wanted)
        created = new_study(folder / "study", posts=files, events=[EVENTS])
        assert (created.posts, created.quarantined, created.repeated) == (len(wanted), 0, 0)
        study = open_study(folder / "study")
        assert texts(study.posts) == wanted
        check_analysis(study, wanted)
        signals = detect(read_posts(joint))
        links = link(signals, study.events)
        assert links["signal_id"].tolist() == signals["signal_id"].tolist()


def test_signal_ids_name_platform_account_post_code_and_place(tmp_path):
    rows = [row((platform, account, 7), 0) for platform, account in [("x", "a/b"), (None, "50%")]]
    signals = detect(read_posts(write(tmp_path / "a.jsonl", rows)))
    assert signals["signal_id"].tolist() == [
        "x/a%2Fb/7:🍇:geonames:707292",
        "/50%25/7:🍇:geonames:707292",
    ]


@pytest.mark.parametrize("numbers", [("7", "7"), ("7", "8")])
def test_the_same_key_twice_in_a_study_is_an_error_of_one_line(tmp_path, numbers):
    rows = [row((None, "river", int(number)), 0) for number in numbers]
    rows[1]["text"] = "other"
    posts, report = read_posts(
        write(tmp_path / "a.jsonl", rows), on_error="quarantine", with_report=True
    )
    assert len(posts) == len(set(numbers))
    assert len(report.quarantine) == 2 - len(posts)
