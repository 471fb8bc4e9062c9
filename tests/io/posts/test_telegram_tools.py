"""Telegram's HTML export, Pyrogram, telegram-scraper and dumps without a sender."""

from __future__ import annotations

import csv
import html
import json
import sqlite3
import zipfile
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foxgrape import Store, ingest, read_posts
from foxgrape.errors import TableError

FIXTURES = Path(__file__).parents[2] / "fixtures" / "posts"
HTML = FIXTURES / "telegram_html.html"
CHAT = "Річковий вісник & друзі"
POLL = "the text is the question of a poll; its answers are not read"
PAGE = """<!DOCTYPE html>
<html><body><div class="page_wrap"><div class="page_header"><div class="content">
<div class="text bold">
{title}
</div></div></div><div class="page_body chat_page"><div class="history">
{messages}
</div></div></div></body></html>
"""
MESSAGE = """<div class="message default clearfix{joined}" id="message{number}"><div class="body">
<div class="pull_right date details" title="{time}">
15:16
</div>{sender}<div class="text">
{text}
</div></div></div>"""


def utc(text):
    return pd.Timestamp(text, tz="UTC")


def read(file, **options):
    return read_posts(file, on_error="quarantine", with_report=True, **options)


def notes(report):
    return {note.what: note.count for note in report.notes}


def message(number, text, *, sender=None, time="10.09.2022 15:16:00 UTC+03:00"):
    return MESSAGE.format(
        joined="" if sender else " joined",
        number=number,
        time=time,
        text=html.escape(text).replace("\n", "<br>"),
        sender=f'<div class="from_name">\n{sender}\n</div>' if sender else "",
    )


def page(*messages, title="River News"):
    return PAGE.format(title=title, messages="\n".join(messages))


def test_the_html_export():
    posts, report = read(HTML)
    assert posts["post_id"].tolist() == [f"{CHAT}/{number}" for number in (2, 3, 4, 5)]
    assert posts["account"].tolist() == [CHAT, CHAT, CHAT, "Олена"]
    assert posts["text"].tolist() == ["Скоро 🍇\na < b, тут", "", "Чуже 🦊", "Що наступне? 🦊"]
    assert posts["posted_at"].tolist() == [
        utc("2022-09-10T12:16:00"),
        utc("2022-09-10T12:17:30"),
        utc("2022-09-10T15:00:00"),
        utc("2022-09-10T16:00:00"),
    ]
    assert posts["posted_until"].equals(posts["posted_at"])
    assert posts["repost"].tolist() == [False, False, True, False]
    assert posts["edited_at"].isna().all()
    assert (report.records_read, report.skipped) == (6, 1)
    assert notes(report) == {POLL: 1}
    (bad,) = report.quarantine
    assert (bad["record"], bad["column"]) == (6, "posted_at")
    assert "someday" in bad["reason"]


def test_the_account_of_an_html_export_replaces_the_title_but_not_other_authors():
    posts, _ = read(HTML, account="river_news")
    assert posts["post_id"].tolist()[0] == "river_news/2"
    assert posts["account"].tolist() == ["river_news", "river_news", "river_news", "Олена"]


def test_the_html_and_the_json_export_of_a_channel_give_the_same_account(tmp_path):
    (tmp_path / "messages.html").write_text(page(message(2, "🍇", sender="River News")), "utf-8")
    chat = {"name": "River News", "type": "public_channel", "id": 1234567890}
    text = {"id": 2, "type": "message", "date_unixtime": "1662812160", "text": "🍇"}
    (tmp_path / "x.json").write_text(json.dumps(chat | {"messages": [text]}), "utf-8")
    columns = ["account", "posted_at", "text"]
    by_html, by_json = (read(tmp_path / name)[0][columns] for name in ("messages.html", "x.json"))
    pd.testing.assert_frame_equal(by_html, by_json)


def test_a_joined_message_takes_the_author_before_it_even_from_another_page(tmp_path):
    folder = tmp_path / "ChatExport_2022-09-10"
    folder.mkdir()
    pages = {
        "messages.html": page(message(2, "a", sender="Olena"), message(3, "b")),
        "messages2.html": page(message(4, "c"), message(5, "d", sender="Ivan"), message(6, "e")),
        "messages10.html": page(message(7, "f")),
    }
    for name, content in pages.items():
        (folder / name).write_text(content, "utf-8")
    posts, report = read(folder)
    assert posts["text"].tolist() == list("abcdef")
    assert posts["account"].tolist() == ["Olena"] * 3 + ["Ivan"] * 3
    assert report.notes == []
    posts, report = read(folder / "messages.html")
    assert posts["text"].tolist() == list("ab")
    (what,) = notes(report)
    assert "messages2.html beside the file was not read" in what


def test_a_first_joined_message_has_no_author(tmp_path):
    (tmp_path / "messages2.html").write_text(page(message(4, "c")), "utf-8")
    _, report = read(tmp_path / "messages2.html")
    assert report.quarantine[0]["column"] == "account"


def test_a_joined_message_does_not_take_the_author_before_a_bad_message(tmp_path):
    bad = message(3, "b", sender="Ivan").replace('<div class="text">', "<b>" * 5_000)
    (tmp_path / "x").write_text(
        page(message(2, "a", sender="Olena"), bad, message(4, "c")), "utf-8"
    )
    posts, report = read(tmp_path / "x")
    assert posts["text"].tolist() == ["a"]
    assert [bad["column"] for bad in report.quarantine] == ["text", "account"]


def test_old_html_exports_need_the_time_zone(tmp_path):
    content = page(message(2, "🍇", sender="River News", time="10.09.2022 15:16:00"))
    (tmp_path / "x").write_text(content, "utf-8")
    _, report = read(tmp_path / "x")
    assert "timezone=" in report.quarantine[0]["reason"]
    posts, _ = read(tmp_path / "x", timezone="Europe/Kyiv")
    assert posts["posted_at"].item() == utc("2022-09-10T12:16:00")


def test_deleted_accounts_are_noted(tmp_path):
    (tmp_path / "x").write_text(page(message(2, "a", sender="Deleted Account")), "utf-8")
    _, report = read(tmp_path / "x")
    assert list(notes(report)) == ["several deleted accounts have the same name, Deleted Account"]


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\uffff"))
TIMES = st.datetimes(datetime(2011, 1, 1), datetime(2035, 1, 1))  # noqa: DTZ001
OFFSETS = st.integers(-12 * 60, 14 * 60)


@given(st.lists(st.tuples(TEXTS, TIMES, OFFSETS), min_size=1, max_size=5))
def test_messages_written_as_html_are_read_back(tmp_path_factory, rows):
    rows = [(text.strip(), time.replace(microsecond=0), offset) for text, time, offset in rows]
    messages = []
    for number, (text, time, minutes) in enumerate(rows):
        sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
        stated = f"{time:%d.%m.%Y %H:%M:%S} UTC{sign}{hours:02}:{rest:02}"
        messages.append(message(number, text, sender="" if number else "River", time=stated))
    file = tmp_path_factory.mktemp("html") / "x"
    file.write_text(page(*messages), "utf-8")
    posts = read_posts(file)
    assert posts["text"].tolist() == [text for text, *_ in rows]
    assert posts["posted_at"].dt.to_pydatetime().tolist() == [
        time.replace(tzinfo=timezone(timedelta(minutes=minutes))).astimezone(UTC)
        for _, time, minutes in rows
    ]


def test_a_rich_message_and_a_poll_of_telegram_desktop(tmp_path):
    base = {"type": "message", "date_unixtime": "1662812160", "from": "River News"}
    blocks = [
        {"type": "heading", "text": "Схід"},
        {"type": "list", "items": [{"text": ["один ", {"type": "bold", "text": ["🍇"]}]}]},
    ]
    poll = {"question": "Що далі? 🦊", "answers": [{"text": "так"}]}
    messages = [
        base | {"id": 1, "rich_message": {"blocks": blocks}},
        base | {"id": 2, "text": "Опитування", "poll": poll},
        base | {"id": 3},
    ]
    chat = {"name": "River News", "type": "public_channel", "id": 5, "messages": messages}
    (tmp_path / "x").write_text(json.dumps(chat), "utf-8")
    posts, report = read(tmp_path / "x")
    assert posts["text"].tolist() == ["Схід\nодин 🍇", "Опитування\nЩо далі? 🦊"]
    assert notes(report) == {
        "the text is that of a rich message, without its layout": 1,
        POLL: 1,
    }
    assert [bad["record"] for bad in report.quarantine] == [3]


def test_an_edit_time_beside_reactions_is_noted(tmp_path):
    edited = {"edited_unixtime": "1663135200", "reactions": [{"emoji": "❤", "count": 1}]}
    text = {"id": 2, "type": "message", "date_unixtime": "1662812160", "text": "🍇"}
    chat = {"name": "River", "type": "public_channel", "id": 5, "messages": [text | edited]}
    (tmp_path / "x").write_text(json.dumps(chat), "utf-8")
    posts, report = read(tmp_path / "x")
    assert posts["edited_at"].item() == utc("2022-09-14T06:00:00")
    assert any("reaction" in what for what in notes(report))


def test_pyrogram():
    file = FIXTURES / "pyrogram.jsonl"
    posts, report = read(file, timezone="Europe/Kyiv")
    assert posts["post_id"].tolist() == [
        *(f"1100000001/{number}" for number in (2, 3, 4)),
        "1100000002/5",
    ]
    title = "Річковий вісник"
    assert posts["account"].tolist() == ["river_news", title, title, "user42"]
    assert posts["text"].tolist() == ["Скоро 🍇", "Підпис", "Чуже", "Що далі?"]
    assert posts["posted_at"][0] == utc("2022-09-10T12:16:00")
    assert posts["edited_at"][0] == utc("2022-09-10T12:20:00")
    assert posts["edited_at"][1:].isna().all()  # a hidden edit is that of a reaction
    assert posts["repost"].tolist() == [False, False, True, False]
    assert posts["grouped_id"][1] == "777"
    assert (report.skipped, notes(report)) == (2, {POLL: 1})
    with pytest.raises(TableError, match="local times without an offset"):
        read_posts(file)


@pytest.mark.parametrize("date", [1662812160, "2022-09-10 15:16:00+03:00", "2022-09-10T12:16:00Z"])
def test_pyrogram_with_exact_times_needs_no_time_zone(tmp_path, date):
    line = json.loads((FIXTURES / "pyrogram.jsonl").read_text("utf-8").splitlines()[1])
    del line["edit_date"]
    (tmp_path / "x").write_text(json.dumps([line | {"date": date}]), "utf-8")
    assert read(tmp_path / "x")[0]["posted_at"].item() == utc("2022-09-10T12:16:00")


HEADER = (
    "message_id,date,sender_id,first_name,last_name,username,message,media_type,media_path,"
    "reply_to,post_author,views,forwards,reactions"
)
INSERT = "INSERT INTO messages VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
ROW = "2,2022-09-10 12:16:00,-1001234567890,,,,🍇,,,,,10,1,😀 1"


def scraper_rows():
    return [dict(zip(HEADER.split(","), cells, strict=True)) for cells in csv.reader([ROW])]


def write_database(file, rows):
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("PRAGMA journal_mode = WAL")  # as telegram-scraper sets it
        columns = ", ".join(f"{name} TEXT" for name in HEADER.split(","))
        database.execute(f"CREATE TABLE messages (id INTEGER PRIMARY KEY, {columns})")
        for row in rows:
            values = [value or None for value in row.values()]
            database.execute(INSERT, values)


@pytest.mark.parametrize("kind", ["csv", "json", "db"])
def test_telegram_scraper(tmp_path, kind):
    file = tmp_path / "x"
    rows = scraper_rows()
    no_text = rows[0] | {"message_id": "3", "message": "", "media_type": "MessageMediaPhoto"}
    no_sender = rows[0] | {"message_id": "4", "sender_id": ""}
    no_number = rows[0] | {"message_id": "x"}
    rows += [no_text, no_sender, no_number]
    if kind == "db":
        write_database(file, rows)
    elif kind == "json":
        file.write_text(
            json.dumps([{k: v or None for k, v in row.items()} for row in rows]), "utf-8"
        )
    else:
        with file.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.DictWriter(handle, HEADER.split(","))
            writer.writeheader()
            writer.writerows(rows)
    posts, report = read(file)
    assert report.format == "telegram_scraper"
    assert posts["post_id"].tolist() == ["1234567890/2", "1234567890/3"]
    assert posts["account"].tolist() == ["1234567890"] * 2
    assert posts["text"].tolist() == ["🍇", ""]
    assert set(posts["posted_at"]) == {utc("2022-09-10T12:16:00")}
    assert (posts["views"].tolist(), posts["forwards"].tolist()) == ([10, 10], [1, 1])
    assert [bad["column"] for bad in report.quarantine] == ["account", "post_id"]
    posts, report = read(file, account="river_news", timezone="Europe/Kyiv")
    assert posts["post_id"].tolist() == ["1234567890/2", "1234567890/3", "river_news/4"]
    assert set(posts["account"]) == {"river_news"}
    assert set(posts["posted_at"]) == {utc("2022-09-10T12:16:00")}
    (what,) = notes(report)
    assert "the times are UTC" in what


def test_two_channels_of_telegram_scraper_stay_apart_in_a_store(tmp_path):
    store = Store(tmp_path / "store")
    for name, sender in (("a", "-1001234567890"), ("b", "-1009876543210")):
        row = ROW.replace("-1001234567890", sender)
        (tmp_path / name).write_text(f"{HEADER}\n{row}\n", "utf-8")
        assert ingest("posts", tmp_path / name, store, account=f"{name}_news").new == 1
    assert len(store.read("posts")) == 2


def test_a_database_that_is_being_written_or_damaged_or_packed_is_an_error(tmp_path):
    file = tmp_path / "x"
    write_database(file, scraper_rows() * 1)
    content = file.read_bytes()
    (tmp_path / "x-wal").write_bytes(b"log")
    with pytest.raises(TableError, match="write-ahead log"):
        read(file)
    (tmp_path / "x-wal").unlink()
    damaged = bytearray(content)
    damaged[4096:] = b"\xff" * (len(content) - 4096)
    file.write_bytes(damaged)
    posts, report = read(file)
    assert posts.empty
    assert "the database cannot be read" in report.quarantine[0]["reason"]
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.db", content)
    with pytest.raises(TableError, match="must not be compressed"):
        read(file)


def test_a_dump_without_a_sender_needs_the_account(tmp_path):
    lines = [
        {"message_id": number, "sender_id": None, "date": "2022-09-10T12:16:00Z", "text": "🍇"}
        for number in (2, 3)
    ]
    (tmp_path / "x").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    posts, report = read(tmp_path / "x")
    assert posts.empty
    assert [bad["column"] for bad in report.quarantine] == ["account", "account"]
    posts, _ = read(tmp_path / "x", account="river_news")
    assert posts["post_id"].tolist() == ["river_news/2", "river_news/3"]
    assert set(posts["account"]) == {"river_news"}


@pytest.mark.parametrize("question", ["Що далі?", {"_": "TextWithEntities", "text": "Що далі?"}])
def test_a_poll_of_telethon(tmp_path, question):
    line = {
        "_": "Message",
        "id": 2,
        "peer_id": {"_": "PeerChannel", "channel_id": 5},
        "date": "2022-09-10T12:16:00+00:00",
        "message": "",
        "media": {"_": "MessageMediaPoll", "poll": {"_": "Poll", "question": question}},
    }
    (tmp_path / "x").write_text(json.dumps(line), "utf-8")
    posts, report = read(tmp_path / "x")
    assert posts["text"].item() == "Що далі?"
    assert notes(report) == {POLL: 1}


@pytest.mark.parametrize(
    ("keys", "post_id", "account"),
    [
        ({"sender_id": -1001234567890}, "1234567890/2", "1234567890"),
        ({"sender_id": "-1001234567890.0"}, "1234567890/2", "1234567890"),
        ({"sender_id": -1001234567890, "channel": "river_news"}, "1234567890/2", "river_news"),
        ({"sender_id": 42}, "42/2", "42"),
        ({"sender_id": 42, "chat_id": -1001234567890}, "1234567890/2", "user42"),
        ({"sender_id": 42, "channel_id": 1234567890}, "1234567890/2", "user42"),
        ({"sender_id": 42, "chat_id": -77, "username": "olena"}, "-77/2", "olena"),
        ({"sender_id": None, "chat_id": -1001234567890}, "1234567890/2", "1234567890"),
        ({"sender_id": -1001234567890, "chat_id": 1234567890}, "1234567890/2", "1234567890"),
    ],
)
def test_the_chat_and_the_account_of_a_dump(tmp_path, keys, post_id, account):
    line = {"message_id": 2, "date": "2022-09-10T12:16:00+00:00", "text": "🍇"} | keys
    (tmp_path / "x").write_text(json.dumps(line), "utf-8")
    posts = read_posts(tmp_path / "x")
    assert (posts["post_id"].item(), posts["account"].item()) == (post_id, account)
    # The name of a channel does not replace the author in a group.
    is_author = "chat_id" in keys or "channel_id" in keys
    kept = account if is_author and keys["sender_id"] == 42 else "given"
    assert read_posts(tmp_path / "x", account="given")["account"].item() == kept


@pytest.mark.parametrize(
    "sender", [{"user_id": 42}, 1.5, True, "-1.001e+12", [], "", "None", float("nan")]
)
def test_a_sender_that_is_no_id_is_a_bad_record(tmp_path, sender):
    line = {"message_id": 2, "date": "2022-09-10T12:16:00Z", "text": "a", "sender_id": sender}
    (tmp_path / "x").write_text(json.dumps(line), "utf-8")
    _, report = read(tmp_path / "x")
    assert [bad["column"] for bad in report.quarantine] == ["account"]
