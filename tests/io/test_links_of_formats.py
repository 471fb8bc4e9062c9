"""What a file holds decides a link, not the kind of file: relations and leads are those of CSV."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from foxgrape import Store, detect, ingest, link, read_events, read_posts
from foxgrape.studies.from_store import study_from_store

KYIV = "Europe/Kyiv"
#: A post on the eve, one on the day, and one after the event and its confirmation.
POSTS = """id,date,username,text
1,2022-09-09T09:00:00Z,river,🍇
2,2022-09-10T09:00:00Z,river,🍇
3,2022-09-12T09:00:00Z,river,🍇
"""
EVENTS = [{"id": "e", "place": "Ізюм", "date": "2022-09-10", "confirmed": "2022-09-11"}]


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def links(posts, events):
    columns = ["relation", "lead_min", "lead_max", "observed", "hindsight"]
    return link(detect(posts), events)[columns]


@pytest.fixture
def exact(tmp_path):
    """Return the links of CSV files with times in ISO 8601."""
    events = write(tmp_path / "e.csv", pd.DataFrame(EVENTS).to_csv(index=False))
    posts = read_posts(write(tmp_path / "p.csv", POSTS))
    linked = links(posts, read_events(events, timezone=KYIV))
    assert linked["relation"].tolist() == ["anticipates", "precedes", "follows"]
    return linked


@pytest.mark.parametrize(
    "kind", ["date cells", "datetime cells", "parquet", "milliseconds", "frame"]
)
def test_days_of_events_give_the_same_links(tmp_path, exact, kind):
    """An Excel day was read as midnight: the second post followed its event by eight hours."""
    frame = pd.DataFrame(EVENTS)
    stamps = frame.assign(**{name: pd.to_datetime(frame[name]) for name in ("date", "confirmed")})
    file = tmp_path / "events"
    if kind == "date cells":
        days = stamps.assign(date=stamps["date"].dt.date, confirmed=stamps["confirmed"].dt.date)
        with file.open("wb") as handle:
            days.to_excel(handle, index=False)
    elif kind == "datetime cells":
        with file.open("wb") as handle:
            stamps.to_excel(handle, index=False)
    elif kind == "parquet":
        stamps.to_parquet(file)
    elif kind == "milliseconds":
        numbers = {
            name: stamps[name].dt.as_unit("ms").astype("int64") for name in stamps.columns[2:]
        }
        stamps.assign(**numbers).to_json(file, orient="records", lines=True)
    events, _ = read_events(stamps if kind == "frame" else file, timezone=KYIV, with_report=True)
    posts = read_posts(tmp_path / "p.csv")
    pd.testing.assert_frame_equal(links(posts, events), exact)


@pytest.mark.parametrize(
    "change",
    [
        {"date": ["1662714000.0", "1662800400.0", "1662973200.0"]},
        {"date": ["1662714000000", "1662800400000", "1662973200000"]},
        {"date": ["9/9/2022 12:00", "9/10/2022 12:00", "9/12/2022 12:00"]},
        {"id": ["1.0", "2.0", "3.0"]},
        {"edit_date": ["NA", "NA", "NA"], "lang": ["nan", "None", ""]},
        {"is_retweet": ["0.0", "False", ""]},
    ],
    ids=lambda change: next(iter(change.values()))[0],
)
def test_other_notations_of_posts_give_the_same_links(tmp_path, exact, change):
    frame = pd.read_csv(tmp_path / "p.csv", dtype="str").assign(**change)
    file = tmp_path / "other.csv"
    frame.to_csv(file, index=False)
    posts, report = read_posts(file, timezone=KYIV, dates="mdy", with_report=True)
    assert not report.quarantine
    events = read_events(tmp_path / "e.csv", timezone=KYIV)
    linked = links(posts, events)
    # A time without seconds is a minute, so that a lead has the width of a minute.
    wide = pd.Timedelta("1min") if "/" in str(change.get("date", "")) else pd.Timedelta(0)
    assert linked["relation"].tolist() == exact["relation"].tolist()
    assert (linked["lead_min"] - exact["lead_min"]).abs().max() <= wide
    assert (linked["lead_max"] - exact["lead_max"]).abs().max() <= wide


def test_two_channels_with_equal_numbers_keep_both_links(tmp_path, exact):
    """The second channel replaced the first one in a store, or was quarantined in a file."""
    other = write(tmp_path / "hill.csv", POSTS.replace("river", "hill"))
    store = Store(tmp_path / "store")
    for file in (tmp_path / "p.csv", other):
        assert ingest("posts", file, store).new == 3
    both = tmp_path / "both.csv"
    both.write_text(
        POSTS + "".join(other.read_text("utf-8").splitlines(keepends=True)[1:]), "utf-8"
    )
    events = read_events(tmp_path / "e.csv", timezone=KYIV)
    for posts in (store.read("posts"), read_posts(both)):
        linked = links(posts, events)
        assert linked["relation"].value_counts().to_dict() == dict.fromkeys(exact["relation"], 2)


@pytest.mark.usefixtures("exact")
def test_a_post_edited_after_its_event_proves_nothing(tmp_path):
    """It counted as a lead of nine days."""
    header, *_ = POSTS.splitlines()
    row = "1,2022-09-01T07:00:00Z,river,🍇 Ізюм звільнено,{}"
    events = read_events(tmp_path / "e.csv", timezone=KYIV)
    edited = read_posts(
        write(tmp_path / "x.csv", f"{header},edited\n{row.format('2022-09-12T07:01:00Z')}\n")
    )
    linked = links(edited, events)
    assert linked["relation"].tolist() == ["undetermined"]
    assert linked["lead_min"].item() < pd.Timedelta(0) < linked["lead_max"].item()
    trusted = link(detect(edited, edits="ignore"), events)
    assert trusted["relation"].tolist() == ["anticipates"]


@pytest.mark.usefixtures("exact")
def test_an_earlier_version_in_the_store_proves_that_the_code_was_there(tmp_path):
    store = Store(tmp_path / "store")
    row = {"id": 1, "date": "2022-09-01T07:00:00Z", "username": "river", "text": "🍇"}
    old = write(tmp_path / "old.jsonl", json.dumps(row))
    new = write(tmp_path / "new.jsonl", json.dumps(row | {"edited": "2022-09-12T07:01:00Z"}))
    ingest("events", tmp_path / "e.csv", store, timezone=KYIV)
    ingest("posts", old, store)
    ingest("posts", new, store)
    assert study_from_store(store).analyse().links["relation"].tolist() == ["anticipates"]
