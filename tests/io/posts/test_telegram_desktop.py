"""Telegram Desktop: the table has what the export has, to the microsecond."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foxgrape import read_posts
from foxgrape.errors import TableError

FIXTURES = Path(__file__).parents[2] / "fixtures" / "posts"
CHANNEL = FIXTURES / "telegram_desktop_channel.json"
OLD = FIXTURES / "telegram_desktop_old.json"


def utc(text):
    return pd.Timestamp(text, tz="UTC")


def test_a_channel_with_an_album_an_edit_a_forward_and_invalid_escapes():
    posts, report = read_posts(CHANNEL, with_report=True)
    assert posts["post_id"].tolist() == ["1100000001/2", "1100000001/3", "1100000001/4"]
    assert posts["text"].tolist() == [
        "Скоро 🍇. Деталі: тут",
        "",
        "Рядок\x0bдалі, шлях C:\\x0B лишається",
    ]
    assert posts["posted_at"].tolist() == [
        utc("2022-09-10T12:16:00"),
        utc("2022-09-10T12:17:00"),
        utc("2022-09-10T12:17:00"),
    ]
    assert posts["posted_until"].equals(posts["posted_at"])
    assert posts["edited_at"][0] == utc("2022-09-10T12:20:00")
    assert posts["edited_at"][1:].isna().all()
    assert posts["repost"].tolist() == [False, False, True]
    assert set(posts["account"]) == {"Річковий вісник"}
    assert (report.records_read, report.skipped) == (5, 2)
    assert report.quarantine == []


def test_the_account_of_a_channel_can_be_given():
    assert set(read_posts(CHANNEL, account="river_news")["account"]) == {"river_news"}


def test_an_accounts_export_gives_the_public_posts_of_each_chat():
    file = FIXTURES / "telegram_desktop_full.json"
    posts, report = read_posts(file, account="me", with_report=True)
    assert dict(zip(posts["post_id"], posts["account"], strict=True)) == {
        "9/1": "me",
        "10/1": "Olena",
        "12/5": "Left behind",
    }
    assert report.skipped == 1


def test_local_times_need_a_time_zone_and_may_be_ambiguous_or_missing():
    with pytest.raises(TableError, match="timezone="):
        read_posts(OLD)
    _, report = read_posts(OLD, on_error="quarantine", with_report=True)
    assert all("pass the time zone" in bad["reason"] for bad in report.quarantine)
    posts, report = read_posts(OLD, timezone="Europe/Kyiv", on_error="quarantine", with_report=True)
    assert posts["posted_at"].tolist() == [utc("2021-09-10T12:16:00"), utc("2021-10-31T00:30:00")]
    assert posts["posted_until"].tolist() == [
        utc("2021-09-10T12:16:00"),
        utc("2021-10-31T01:30:00"),
    ]
    assert posts["edited_at"].isna().tolist() == [True, False]
    (bad,) = report.quarantine
    assert (bad["record"], bad["column"]) == (3, "posted_at")
    assert "clocks went forward" in bad["reason"]
    with pytest.raises(TableError, match=r"row 3, column posted_at.*clocks went forward"):
        read_posts(OLD, timezone="Europe/Kyiv")


def message(**change):
    fields = {"id": 1, "type": "message", "date_unixtime": "1662812160", "from": "c", "text": "x"}
    return {**fields, **change}


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"date_unixtime": "1662812160000"}, "posted_at"),
        ({"date_unixtime": "٣"}, "posted_at"),
        ({"date_unixtime": True}, "posted_at"),
        ({"text": 5}, "text"),
        ({"text": ["a", {"type": "bold"}]}, "text"),
        ({"text": None}, "text"),
        ({"id": "1"}, "post_id"),
        ({"id": True}, "post_id"),
        ({"text": "\ud83d"}, "text"),
        ({"text": "\ud83dA"}, "text"),
        ({"text": "a\udeadb"}, "text"),
    ],
)
def test_a_bad_message_does_not_affect_good_ones(tmp_path, change, column):
    file = tmp_path / "result.json"
    messages = [message(), message(id=2) | change, message(id=3)]
    chat = {"name": "c", "type": "public_channel", "id": 5, "messages": messages}
    file.write_text(json.dumps(chat), encoding="utf-8")
    posts, report = read_posts(file, on_error="quarantine", with_report=True)
    assert posts["post_id"].tolist() == ["5/1", "5/3"]
    assert [(bad["record"], bad["column"]) for bad in report.quarantine] == [(2, column)]
    with pytest.raises(TableError, match=f"row 2, column {column}"):
        read_posts(file)


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\uffff"))


@given(
    st.lists(st.tuples(TEXTS, st.integers(700_000_000, 4_000_000_000)), min_size=1), st.booleans()
)
def test_written_messages_are_read_back(tmp_path_factory, rows, ascii_only):
    messages = [
        message(id=number, text=text, date_unixtime=str(second))
        for number, (text, second) in enumerate(rows)
    ]
    chat = {"name": "c", "type": "public_channel", "id": 5, "messages": messages}
    file = tmp_path_factory.mktemp("telegram") / "x"
    file.write_text(json.dumps(chat, ensure_ascii=ascii_only), encoding="utf-8")
    posts = read_posts(file)
    assert posts["text"].tolist() == [text for text, _ in rows]
    seconds = (posts["posted_at"] - utc("1970-01-01")).dt.total_seconds()
    assert seconds.tolist() == [second for _, second in rows]
