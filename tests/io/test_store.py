"""The store: upserts by key, versions, concurrent writers, and writers that are killed."""

from __future__ import annotations

import itertools
import random
import shutil
import subprocess
import sys
import time
from datetime import time as clock
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from foxgrape import Store, detect, ingest, open_study, read_events, read_posts, schemas
from foxgrape.errors import StoreError, TableError

NOON = pd.Timestamp("2022-09-10T12:00Z")


def posts(*texts, first=0):
    rows = [
        {
            "post_id": f"p{n}",
            "account": "me",
            "text": text,
            "posted_at": NOON + pd.Timedelta(n, "D"),
        }
        for n, text in enumerate(texts, start=first)
    ]
    return pd.DataFrame(rows)


def counts(upsert):
    return upsert.new, upsert.changed, upsert.unchanged


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_a_stored_table_is_read_back_unchanged(store):
    study = open_study()
    for name in ("posts", "events", "confirmations"):
        table = getattr(study, name)
        assert counts(store.upsert(name, table)) == (len(table), 0, 0)
        keys = {"posts": "post_id", "events": "event_id"}.get(name, ["event_id", "confirmed_by"])
        ours = table.sort_values(keys).reset_index(drop=True)
        theirs = store.read(name).sort_values(keys).reset_index(drop=True)
        pd.testing.assert_frame_equal(ours, theirs[list(ours)])
    signals = detect(study.posts, codebook=study.codebook)
    store.upsert("signals", signals)
    assert set(store.read("signals")["signal_id"]) == set(signals["signal_id"])


def test_the_same_frame_again_creates_no_version(store):
    store.upsert("posts", posts("a", "b"))
    again = store.upsert("posts", posts("a", "b"))
    assert counts(again) == (0, 0, 2)
    assert again.version == 0
    assert len(store.versions("posts")) == 1


def test_new_changed_and_unchanged_rows_are_counted(store):
    store.upsert("posts", posts("a", "b"))
    result = store.upsert("posts", posts("a", "B", "c"))
    assert counts(result) == (1, 1, 1)
    assert store.read("posts")["text"].tolist() == ["a", "B", "c"]
    versions = store.versions("posts")
    assert versions[["version", "new", "changed"]].to_numpy().tolist() == [[1, 1, 1], [0, 2, 0]]


def test_an_earlier_version_has_the_text_before_an_edit(store):
    first = store.upsert("posts", posts("🍇"))
    edited = posts("🍇 no").assign(edited_at=NOON + pd.Timedelta("1h"))
    store.upsert("posts", edited)
    assert store.read("posts")["text"].tolist() == ["🍇 no"]
    assert store.read("posts", version=first.version)["text"].tolist() == ["🍇"]


def test_a_row_that_moves_to_another_month_is_not_duplicated(store):
    store.upsert("posts", posts("a"))
    moved = posts("a").assign(posted_at=pd.Timestamp("2023-01-05T00:00Z"))
    assert counts(store.upsert("posts", moved)) == (0, 1, 0)
    assert store.read("posts")["posted_at"].tolist() == [pd.Timestamp("2023-01-05T00:00Z")]


def test_a_period_is_read_to_the_microsecond(store):
    store.upsert("posts", posts(*"abcdefghijklmnopqrstuvwxyz" * 3))
    since, until = "2022-09-12T12:00:00Z", "2022-11-01T12:00:00Z"
    selected = store.read("posts", since=since, until=until)
    assert selected["posted_at"].min() == pd.Timestamp(since)
    assert selected["posted_at"].max() == pd.Timestamp("2022-10-31T12:00Z")
    assert len(selected) == 50
    later = store.read("posts", since=pd.Timestamp(since) + pd.Timedelta(1, "us"))
    assert later["posted_at"].min() == pd.Timestamp("2022-09-13T12:00Z")


def test_extra_columns_are_stored_and_may_be_added_later(store):
    store.upsert("posts", posts("a", "b"))
    result = store.upsert("posts", posts("a").assign(views=7))
    assert counts(result) == (0, 1, 0)
    assert store.read("posts")["views"].tolist()[0] == 7
    # A frame that lacks the column does not change it.
    assert counts(store.upsert("posts", posts("a", "b"))) == (0, 0, 2)
    store.upsert("posts", posts("A"))
    assert store.read("posts")["views"].tolist()[0] == 7


def test_an_empty_frame_changes_nothing(store):
    store.upsert("posts", posts("a"))
    assert counts(store.upsert("posts", posts("a").iloc[:0])) == (0, 0, 0)


def test_invalid_frames_and_queries_are_rejected_and_change_nothing(store):
    store.upsert("posts", posts("a"))
    with pytest.raises(TableError, match="post_id"):
        store.upsert("posts", pd.concat([posts("b"), posts("c")]))
    study = open_study()
    with pytest.raises(TableError, match="event_id, confirmed_by"):
        store.upsert("confirmations", pd.concat([study.confirmations] * 2))
    with pytest.raises(StoreError, match="did you mean 'posts'"):
        store.upsert("post", posts("b"))
    with pytest.raises(StoreError, match="has no events yet"):
        store.read("events")
    with pytest.raises(StoreError, match="has no events yet"):
        store.versions("events")
    with pytest.raises(StoreError, match="version 9 of posts"):
        store.read("posts", version=9)
    with pytest.raises(StoreError, match="need an offset"):
        store.read("posts", since="2022-09-10")
    assert store.read("posts")["text"].tolist() == ["a"]


def test_a_frame_with_attrs_can_be_stored(store):
    """The attrs of a frame are not stored."""
    events = open_study().events
    events.attrs["note"] = "not data"
    store.upsert("events", events)
    assert not store.read("events").attrs


WRITER = """
import sys, time
import pandas as pd
from foxgrape import Store
path, first, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
noon = pd.Timestamp("2022-09-10T12:00Z")
store = Store(path)
for round_ in range(rounds):
    names = [f"p{n}" for n in range(first + round_ * 3, first + round_ * 3 + 6)]
    store.upsert("posts", pd.DataFrame({"post_id": names, "account": "me", "text": str(first),
                                        "posted_at": noon}))
    print(round_, flush=True)
"""


def test_concurrent_writers_lose_nothing(tmp_path):
    """Both write overlapping keys to a table that does not exist yet."""
    path = str(tmp_path / "store")
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, path, first, "12"], stdout=subprocess.PIPE)
        for first in ("0", "18")
    ]
    while any(writer.poll() is None for writer in writers):
        time.sleep(0.05)
        try:
            assert Store(path).read("posts")["post_id"].is_unique
        except StoreError as error:
            assert "has no posts yet" in str(error)  # noqa: PT017 - the only error allowed
    assert [writer.wait() for writer in writers] == [0, 0]
    for writer in writers:
        writer.stdout.close()
    kept = Store(path).read("posts")["post_id"]
    assert kept.is_unique
    # 12 rounds of 6 posts that advance by 3, from 0 and from 18.
    assert set(kept) == {f"p{n}" for n in range(57)}


def test_a_killed_writer_leaves_a_readable_store(tmp_path):
    path = str(tmp_path / "store")
    delays = random.Random(1)
    for _ in range(8):
        arguments = [sys.executable, "-c", WRITER, path, "0", "40"]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE) as writer:
            writer.stdout.readline()
            time.sleep(delays.uniform(0, 0.3))
            writer.kill()
        assert Store(path).read("posts")["post_id"].is_unique
    subprocess.run([sys.executable, "-c", WRITER, path, "0", "40"], check=True, capture_output=True)
    kept = Store(path).read("posts")["post_id"]
    assert sorted(kept) == sorted(f"p{n}" for n in range(123))


FIXTURES = sorted((Path(__file__).parents[1] / "fixtures" / "posts").iterdir())


@pytest.mark.parametrize("file", FIXTURES, ids=lambda file: file.name)
def test_posts_of_every_format_are_stored_once(store, file):
    account = "me" if file.suffix == ".js" else None
    read, _ = read_posts(
        file, account=account, timezone="Europe/Kyiv", on_error="quarantine", with_report=True
    )
    assert counts(store.upsert("posts", read)) == (len(read), 0, 0)
    assert counts(store.upsert("posts", read)) == (0, 0, len(read))
    assert set(store.read("posts")["post_id"]) == set(read["post_id"])


def test_an_extra_column_without_values_is_ignored(store):
    """It is added with its first value, which defines its type."""
    assert counts(store.upsert("posts", posts("a", "b").assign(views=None))) == (2, 0, 0)
    assert counts(store.upsert("posts", posts("a", "b").assign(views=None))) == (0, 0, 2)
    assert counts(store.upsert("posts", posts("a").assign(views=7))) == (0, 1, 0)
    assert store.read("posts")["views"].tolist()[0] == 7


@pytest.mark.parametrize(
    "value",
    [
        pd.Timestamp("2022-09-10"),
        pd.Timedelta("1h"),
        clock(1),
        [1, 2],
        b"a",
        1j,
    ],
)
@pytest.mark.parametrize("text", ["a", "b"])
def test_a_column_that_cannot_be_stored_is_rejected(store, value, text):
    """A merge that adds times without an offset would make the table unreadable."""
    store.upsert("posts", posts("a"))
    with pytest.raises(
        TableError, match="column seen: this type of column cannot be stored"
    ) as caught:
        store.upsert("posts", posts(text, "new").assign(seen=pd.Series([value] * 2)))
    assert "\n" not in str(caught.value)
    with pytest.raises(TableError, match="column seen"):
        store.upsert("posts", posts("a", "b").assign(seen=["a", 1]))
    assert store.read("posts")["text"].tolist() == ["a"]


@pytest.mark.parametrize("name", ["Text", "views"])
def test_a_column_name_that_differs_only_in_case_is_rejected_in_one_line(store, name):
    value = {"Views": 1, name: "x"}
    with pytest.raises(StoreError, match="Duplicate field name"):
        store.upsert("posts", posts("a").assign(**value))
    store.upsert("posts", posts("a").assign(Views=1))
    for frame in (posts("b"), posts("c", first=1)):  # a changed row, and a new row
        with pytest.raises(StoreError, match="Duplicate field name") as caught:
            store.upsert("posts", frame.assign(**value))
        assert "\n" not in str(caught.value)
    assert store.read("posts")["text"].tolist() == ["a"]


def test_a_column_of_another_type_is_a_change_or_an_error(store):
    store.upsert("posts", posts("a", "b").assign(views=["many", None]))
    number = posts("a", "b").assign(views=[5, None])
    assert store.compare("posts", number).tolist() == ["changed", "unchanged"]
    assert counts(store.upsert("posts", number.astype({"views": "Int64"}))) == (0, 1, 1)
    assert store.read("posts")["views"].tolist()[0] == "5"
    store.upsert("posts", posts("a").assign(likes=5))
    with pytest.raises(StoreError, match="cannot write posts, nothing was changed") as caught:
        store.upsert("posts", posts("a").assign(likes="many"))
    assert "\n" not in str(caught.value)
    assert store.read("posts")["likes"].tolist()[0] == 5


@pytest.mark.parametrize("number", [0, 2])
def test_an_empty_log_file_is_an_error(store, number):
    for text in "abc":
        store.upsert("posts", posts(text))
    log = Path(store.path) / "posts" / "_delta_log" / f"{number:020}.json"
    log.write_bytes(b"")
    with pytest.raises(StoreError, match="cannot open posts"):
        store.read("posts")


def channel(name, *texts, platform="telegram", **more):
    return posts(*texts).assign(account=name, platform=platform, **more)


def texts(store, table="posts"):
    read = store.read(table)
    keys = zip(read["platform"].fillna("-"), read["account"], read["post_id"], strict=True)
    return dict(zip(keys, read["text"], strict=True))


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("telegram", "river"), ("telegram", "hill")),
        (("telegram", "river"), ("x", "river")),
        ((None, "river"), ("telegram", "river")),
        ((None, "river"), (None, "hill")),
    ],
)
def test_equal_message_numbers_of_two_accounts_are_two_posts(store, first, second, order):
    frames = [
        channel(account, f"{account} a", f"{account} b", platform=platform)
        for platform, account in (first, second)
    ][::order]
    for frame in frames:
        assert counts(store.upsert("posts", frame)) == (2, 0, 0)
    for frame in frames:
        assert counts(store.upsert("posts", frame)) == (0, 0, 2)
    # Change one row of each, and add a new one.
    for frame in frames:
        account, platform = frame["account"].iloc[0], frame["platform"].iloc[0]
        longer = channel(account, f"{account} a", f"{account} B", "c", platform=platform)
        assert counts(store.upsert("posts", longer)) == (1, 1, 1)
    expected = {}
    for platform, account in (first, second):
        wanted = (f"{account} a", f"{account} B", "c")
        expected |= {(platform or "-", account, f"p{n}"): text for n, text in enumerate(wanted)}
    assert texts(store) == expected


def test_two_missing_platforms_are_one_post_also_in_another_month(store):
    store.upsert("posts", channel("river", "a", platform=None))
    moved = channel("river", "a", platform=None, posted_at=pd.Timestamp("2023-01-05T00:00Z"))
    assert counts(store.upsert("posts", moved)) == (0, 1, 0)
    assert len(store.read("posts")) == 1
    with pytest.raises(TableError, match="post_id"):
        store.upsert("posts", pd.concat([moved, moved]))


HOUR = pd.Timedelta("1h")


@pytest.mark.parametrize("month", [NOON, pd.Timestamp("2023-01-05T00:00Z")])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_last_edit_wins_in_whatever_order_versions_arrive(store, order, month):
    """The three versions of a post, and another post that must not change."""
    versions = [
        channel("river", "one", edited_at=pd.NaT),
        channel("river", "two", edited_at=NOON + HOUR, posted_at=month),
        channel("river", "three", edited_at=NOON + 2 * HOUR),
    ]
    store.upsert("posts", channel("hill", "mine", edited_at=NOON))
    for number in order:
        store.upsert("posts", versions[number])
    assert texts(store) == {
        ("telegram", "river", "p0"): "three",
        ("telegram", "hill", "p0"): "mine",
    }
    kept = store.read("earlier_posts")
    assert sorted(kept["text"]) == ["one", "two"]
    assert kept["edited_at"].isna().sum() == 1
    for version in versions[:2]:
        result = store.upsert("posts", version)
        assert (*counts(result), result.older) == (0, 0, 0, 1)
    assert sorted(store.read("earlier_posts")["text"]) == ["one", "two"]


def test_a_correction_with_the_same_edit_time_replaces_the_row(store):
    for edited in (pd.NaT, NOON + HOUR):
        store.upsert("posts", channel("river", "before", edited_at=edited))
        result = store.upsert("posts", channel("river", "after", edited_at=edited))
        assert (*counts(result), result.older) == (0, 1, 0, 0)
    assert texts(store) == {("telegram", "river", "p0"): "after"}


def test_compare_names_an_older_version(store):
    store.upsert("posts", channel("river", "a", "b", edited_at=NOON + HOUR))
    ours = channel("river", "A", "b", "c", edited_at=NOON)
    assert store.compare("posts", ours).tolist() == ["older", "older", "new"]
    assert "earlier_posts" not in store.latest_versions()


def write_as_before(store, name, frame):
    """Write a table as version 0.1.0 did: posts with one row per id, signals with shorter ids."""
    rows = schemas.validate(frame, name, fill=True).assign(month="2022-09")
    table = pa.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata(None)
    write_deltalake(f"{store.path}/{name}", table, mode="error", partition_by=["month"])


def test_posts_of_an_earlier_version_of_foxgrape_are_opened(store):
    write_as_before(store, "posts", channel("river", "a", "b"))
    assert counts(store.upsert("posts", channel("river", "a", "B"))) == (0, 1, 1)
    assert counts(store.upsert("posts", channel("hill", "x", "y"))) == (2, 0, 0)
    assert sorted(texts(store).values()) == ["B", "a", "x", "y"]


def test_signals_of_an_earlier_version_of_foxgrape_are_read_and_not_mixed_with_new_ones(store):
    signals = detect(channel("river", "🍇", "🦊"))
    old = signals.assign(
        signal_id=signals["post_id"] + ":" + signals["code"] + ":" + signals["place_id"]
    )
    write_as_before(store, "signals", old)
    assert len(store.read("signals")) == 2
    with pytest.raises(StoreError, match="ids of an earlier version of foxgrape") as caught:
        store.upsert("signals", signals)
    assert "delete the folder signals" in str(caught.value)
    assert "\n" not in str(caught.value)
    shutil.rmtree(f"{store.path}/signals")
    assert counts(store.upsert("signals", signals)) == (2, 0, 0)
    assert counts(store.upsert("signals", signals)) == (0, 0, 2)


@pytest.mark.parametrize("month", [9, 10])
@pytest.mark.parametrize("zone", ["", "T10:00:00Z"])
def test_the_latest_version_of_an_event_in_a_table_is_kept(tmp_path, store, month, zone):
    head = "id,kind,place,date,updated_at,Month"
    versions = {
        "new": f"1,liberated,Izium,2022-{month:02}-10T12:00:00Z,2022-10-12{zone},x",
        "old": f"1,liberated,Kherson,2022-09-10T12:00:00Z,2022-10-11{zone},x",
    }
    for name, row in versions.items():
        (tmp_path / f"{name}.csv").write_text(f"{head}\n{row}\n", encoding="utf-8")
    files = [tmp_path / "new.csv", tmp_path / "old.csv"]
    merged, _ = read_events(files, with_report=True)
    assert merged["place"].tolist() == ["Izium"]
    for order in (files, files[::-1]):
        for file in order:
            result = ingest("events", file, store)
        assert store.read("events")["place"].tolist() == ["Izium"]
    assert (result.new, result.changed, result.older) == (0, 0, 0)
    assert ingest("events", files[1], store).older == 1
    assert "Month" not in store.read("events")
