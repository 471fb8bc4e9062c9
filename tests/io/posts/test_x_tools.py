"""Tweets from snscrape, the API 1.1, Zeeschuimer, twint and twarc-csv, and whole archives."""

from __future__ import annotations

import csv
import json
import tarfile
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from foxgrape import read_posts
from foxgrape.errors import TableError

FIXTURES = Path(__file__).parents[2] / "fixtures" / "posts"
#: The ids of tweets of 12:16:00.123 and 12:20:00.450 on 10 September 2022.
FIRST, SECOND = "1568574004908785664", "1568575012913430528"
OTHER_TIME = "the id was created at another time than the stated one, which is used"
CUT_OFF = "the text is cut off, and the file does not have the full text"


def utc(text):
    return pd.Timestamp(text, tz="UTC")


def read(file, **options):
    return read_posts(file, on_error="quarantine", with_report=True, **options)


def notes(report):
    return {note.what: note.count for note in report.notes}


def test_snscrape_of_x():
    posts, report = read(FIXTURES / "snscrape_x.jsonl")
    assert posts["post_id"].tolist() == [FIRST, SECOND, "1568569420000002048"]
    assert posts["posted_at"].tolist() == [
        utc("2022-09-10T12:16:00.123"),
        utc("2022-09-10T12:20:00.450"),
        utc("2022-09-10T12:16:00"),
    ]
    assert posts["text"].tolist() == [
        "Скоро 🍇",
        "The whole text of the original 🦊",
        "other time",
    ]
    assert posts["repost"].tolist() == [False, True, False]
    assert set(posts["account"]) == {"river_news"}
    assert posts.loc[0, ["retweets", "replies", "likes", "quotes"]].tolist() == [1, 0, 2, 3]
    assert (report.skipped, notes(report)) == (1, {OTHER_TIME: 1})
    assert [bad["column"] for bad in report.quarantine] == ["post_id", "_type"]


def test_snscrape_without_its_types(tmp_path):
    line = json.loads((FIXTURES / "snscrape_x.jsonl").read_text("utf-8").splitlines()[1])
    del line["_type"], line["retweetedTweet"]
    (tmp_path / "x").write_text(json.dumps(line), "utf-8")
    posts, report = read(tmp_path / "x")
    assert report.format == "snscrape"
    assert posts["text"].item() == "RT @another: The whole text of…"


def test_snscrape_of_telegram():
    posts, report = read(FIXTURES / "snscrape_telegram.jsonl")
    assert posts["post_id"].tolist() == ["river_news/2", "river_news/3"]
    assert posts["account"].tolist() == ["river_news"] * 2
    assert posts["text"].tolist() == ["Скоро 🍇", ""]
    assert posts["posted_at"].tolist() == [utc("2022-09-10T12:16:00"), utc("2022-09-10T12:17:00")]
    assert posts["repost"].isna().tolist() == [True, False]
    assert posts["repost"][1]
    assert [bad["column"] for bad in report.quarantine] == ["url"]


def test_x_legacy():
    posts, report = read(FIXTURES / "x_legacy.jsonl")
    assert posts["post_id"].tolist() == [FIRST, SECOND, "1568575012913430529"]
    assert posts["text"].tolist() == ["Скоро 🍇", "The whole text 🦊", "Cut off… https://t.co/abc"]
    assert posts["repost"].tolist() == [False, True, False]
    assert posts["truncated"].tolist() == [False, False, True]
    assert posts["posted_at"][0] == utc("2022-09-10T12:16:00.123")
    assert (report.skipped, notes(report)) == (1, {CUT_OFF: 1})
    assert [bad["column"] for bad in report.quarantine] == ["posted_at"]


@pytest.mark.parametrize("page", ["array", "search", "pages"])
def test_x_legacy_pages(tmp_path, page):
    lines = (FIXTURES / "x_legacy.jsonl").read_text("utf-8").splitlines()
    tweets = [json.loads(line) for line in lines[:3]]
    content = {
        "array": json.dumps(tweets),
        "search": json.dumps({"statuses": tweets, "search_metadata": {"count": 3}}),
        "pages": "\n".join(json.dumps({"statuses": [tweet]}) for tweet in tweets),
    }
    (tmp_path / "x").write_text(content[page], "utf-8")
    posts, report = read(tmp_path / "x")
    assert (report.format, len(posts)) == ("x_legacy", 3)
    pd.testing.assert_frame_equal(posts, read(FIXTURES / "x_legacy.jsonl")[0])


def test_zeeschuimer():
    posts, report = read(FIXTURES / "zeeschuimer.ndjson")
    assert posts["post_id"].tolist() == [FIRST, SECOND]
    assert posts["account"].tolist() == ["river_news"] * 2
    assert posts["text"].tolist() == ["The first 280 characters and 🍇", "The whole text 🦊"]
    assert posts["repost"].tolist() == [False, True]
    assert posts["truncated"].tolist() == [False, False]
    assert posts["posted_at"][1] == utc("2022-09-10T12:20:00.450")
    assert report.skipped == 1
    (bad,) = report.quarantine
    assert "instagram.com are not read; upload the file to 4CAT" in bad["reason"]


TWINT = {
    "id": FIRST,
    "conversation_id": FIRST,
    "created_at": "2022-09-10 15:16:00 EEST",
    "date": "2022-09-10",
    "time": "15:16:00",
    "timezone": "+0300",
    "user_id": "111",
    "username": "river_news",
    "tweet": "Скоро 🍇, так",
    "language": "uk",
    "likes_count": "2",
    "link": f"https://twitter.com/river_news/status/{FIRST}",
    "retweet": "False",
    "user_rt": "",
    "retweet_id": "",
}


def write_rows(file, rows, separator=","):
    with file.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]), delimiter=separator)
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize("kind", ["tab", "comma", "lines"])
def test_twint(tmp_path, kind):
    retweet = {"retweet": "True", "user_rt": "hill_news", "retweet_id": SECOND}
    rounded = TWINT | {"id": "1.56857E+18"}
    no_time = TWINT | {"id": "1568575012913430529", "time": ""}
    rows = [TWINT, TWINT | retweet, rounded, no_time]
    file = tmp_path / "x"
    if kind == "lines":
        file.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    else:
        write_rows(file, rows, "\t" if kind == "tab" else ",")
    posts, report = read(file)
    assert report.format == "twint"
    assert posts["post_id"].tolist() == [FIRST, SECOND]
    assert posts["account"].tolist() == ["river_news", "hill_news"]
    assert posts["text"].tolist() == ["Скоро 🍇, так"] * 2
    assert posts["posted_at"].tolist() == [
        utc("2022-09-10T12:16:00.123"),
        utc("2022-09-10T12:20:00.450"),
    ]
    assert posts["repost"].tolist() == [False, True]
    assert posts["likes"].tolist() == [2, 2]
    assert [bad["column"] for bad in report.quarantine] == ["post_id", "posted_at"]


def test_twint_uses_an_abbreviated_zone_only_if_it_is_defined(tmp_path):
    file = tmp_path / "x"
    write_rows(file, [TWINT | {"timezone": "EDT", "time": "08:16:00"}])
    assert read(file)[0]["posted_at"].item() == utc("2022-09-10T12:16:00.123")
    write_rows(file, [TWINT | {"timezone": "IST"}])
    posts, report = read(file)
    assert posts.empty
    assert "timezone=" in report.quarantine[0]["reason"]
    posts, report = read(file, timezone="Europe/Kyiv")
    assert posts["posted_at"].item() == utc("2022-09-10T12:16:00.123")
    assert any("abbreviated" in what for what in notes(report))


TWARC = {
    "id": FIRST,
    "referenced_tweets.retweeted.id": "",
    "author_id": "111",
    "created_at": "2022-09-10T12:16:00.123Z",
    "text": "The whole text 🦊",
    "lang": "en",
    "public_metrics.like_count": "2",
    "author.username": "river_news",
    "edit_history_tweet_ids": f'["{FIRST}"]',
}


def test_twarc_csv(tmp_path):
    retweet = TWARC | {
        "id": SECOND,
        "created_at": "2022-09-10T12:20:00.450Z",
        "text": "RT @river_news: The whole…",
        "author.username": "hill_news",
        "referenced_tweets.retweeted.id": FIRST,
    }
    other = retweet | {"id": "1568575012913430529", "referenced_tweets.retweeted.id": "1"}
    edited = TWARC | {
        "id": "1568575012913430530",
        "created_at": "2022-09-10T12:20:00.450Z",
        "text": "edited",
        "edit_history_tweet_ids": f'["{FIRST}", "1568575012913430530"]',
    }
    no_name = TWARC | {"id": "1568574004908785665", "author.username": ""}
    write_rows(tmp_path / "x", [TWARC, retweet, other, edited, no_name, TWARC | {"id": "1.5E+18"}])
    posts, report = read(tmp_path / "x")
    assert report.format == "twarc_csv"
    assert posts["account"].tolist() == ["river_news", *["hill_news"] * 2, "river_news", "111"]
    assert posts["repost"].tolist() == [False, True, True, False, False]
    assert posts["text"].tolist() == [
        "The whole text 🦊",
        "The whole text 🦊",
        "RT @river_news: The whole…",
        "edited",
        "The whole text 🦊",
    ]
    assert posts["truncated"].tolist() == [False, False, True, False, False]
    assert posts["posted_at"][3] == utc("2022-09-10T12:16:00.123")
    assert posts["edited_at"][3] == utc("2022-09-10T12:20:00.450")
    assert posts["likes"][0] == 2
    assert notes(report) == {CUT_OFF: 1}
    assert [bad["column"] for bad in report.quarantine] == ["post_id"]


LONG = "Довгий допис про схід. " * 12
TWEET = {
    "id_str": FIRST,
    "created_at": "Sat Sep 10 12:16:00 +0000 2022",
    "full_text": f"{LONG[:-2]}… https://t.co/abcdefghij",
    "lang": "uk",
}
NOTE = {
    "noteTweetId": "1568569420000000001",
    "createdAt": "2022-09-10T12:16:00.000Z",
    "core": {"text": f"{LONG}Завтра Ізюм 🍇"},
}


def script(name, key, values):
    return f"window.YTD.{name}.part0 = {json.dumps([{key: value} for value in values])}"


def write_archive(folder, *, tweets=(TWEET,), notes=(NOTE,), account="river_news", parts=()):
    data = folder / "data"
    data.mkdir(parents=True)
    (data / "tweets.js").write_text(script("tweets", "tweet", tweets), "utf-8")
    for number, part in enumerate(parts, start=1):
        content = script("tweets", "tweet", part).replace("part0", f"part{number}")
        (data / f"tweets-part{number}.js").write_text(content, "utf-8")
    if notes is not None:
        (data / "note-tweet.js").write_text(script("note_tweet", "noteTweet", notes), "utf-8")
    if account:
        content = script("account", "account", [{"username": account}])
        (data / "account.js").write_text(content, "utf-8")
    (data / "like.js").write_text(script("like", "like", [{"tweetId": "1"}]), "utf-8")
    return folder


def pack(folder, kind):
    """Return the path to a folder, or to an archive made from it."""
    target = folder.with_suffix(f".{kind}")
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    if kind == "zip":
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                archive.write(file, file.relative_to(folder))
    elif kind.startswith("tar"):
        with tarfile.open(target, "w:gz" if kind == "tar.gz" else "w") as archive:
            for file in files:
                archive.add(file, f"./{file.relative_to(folder)}")
    return target if kind != "folder" else folder


@pytest.mark.parametrize("kind", ["folder", "zip", "tar", "tar.gz"])
def test_a_whole_archive(tmp_path, kind):
    second = {"id_str": SECOND, "created_at": "Sat Sep 10 12:20:00 +0000 2022", "full_text": "b"}
    path = pack(write_archive(tmp_path / "archive", parts=[[second]]), kind)
    posts, report = read(path)
    assert report.format == "x_archive"
    assert posts["post_id"].tolist() == [FIRST, SECOND]
    assert posts["account"].tolist() == ["river_news"] * 2
    assert posts["text"].tolist() == [f"{LONG}Завтра Ізюм 🍇", "b"]
    assert posts["truncated"].tolist() == [False, False]
    assert report.notes == []
    assert report.records_read == 2
    posts, report = read(path / "data" / "tweets.js")
    assert posts["text"].tolist() == [f"{LONG}Завтра Ізюм 🍇"]
    assert list(notes(report)) == [
        "tweets-part1.js beside the file was not read; pass the folder to read both"
    ]


@pytest.mark.parametrize("account", ["given", None])
def test_the_account_of_an_archive(tmp_path, account):
    file = write_archive(tmp_path / "archive", account="") / "data" / "tweets.js"
    if account is None:
        with pytest.raises(TableError, match="account="):
            read(file)
    else:
        assert read(file, account=account)[0]["account"].item() == account


NEAR, FAR = "2022-09-10T12:16:01.500Z", "2022-09-11T12:16:00.000Z"


@pytest.mark.parametrize(
    ("text", "note", "complete"),
    [
        # The words and the time agree.
        ("Скоро… https://t.co/a", {"text": "Скоро Ізюм", "createdAt": NEAR}, True),
        ("Скоро…", {"text": "Скоро Ізюм", "createdAt": NEAR}, True),
        # Entities in the tweet, mentions before a reply.
        ("a &amp; b… https://t.co/a", {"text": "a & b & c", "createdAt": NEAR}, True),
        ("@one @two Скоро… https://t.co/a", {"text": "Скоро Ізюм", "createdAt": NEAR}, True),
        # Few words agree, and the time does not.
        ("Скоро… https://t.co/a", {"text": "Скоро Ізюм", "createdAt": FAR}, False),
        # Many words agree, which is enough.
        (f"{LONG}… https://t.co/a", {"text": f"{LONG}Ізюм", "createdAt": FAR}, True),
        # The words differ.
        ("Скоро… https://t.co/a", {"text": "Не скоро", "createdAt": NEAR}, False),
        ("… https://t.co/a", {"text": "Скоро", "createdAt": NEAR}, False),
    ],
)
def test_a_note_completes_a_tweet_only_if_it_is_its_own(tmp_path, text, note, complete):
    note = {"noteTweetId": "1", "createdAt": note["createdAt"], "core": {"text": note["text"]}}
    tweet = TWEET | {"full_text": text}
    posts, report = read(write_archive(tmp_path / "a", tweets=[tweet], notes=[note]))
    assert posts["text"].item() == (note["core"]["text"] if complete else text)
    assert posts["truncated"].item() == (not complete)
    assert len(report.notes) == (not complete)


def test_two_notes_that_may_both_be_a_tweets_own_complete_none(tmp_path):
    other = NOTE | {"core": {"text": f"{LONG}Щось інше"}}
    posts, _ = read(write_archive(tmp_path / "a", notes=[NOTE, other]))
    assert posts["truncated"].item()


@pytest.mark.parametrize(
    ("text", "notes", "truncated"),
    [
        ("Далі…", None, True),
        ("Далі…", (), False),
        ("Далі… https://t.co/a", None, True),
        ("Далі… https://t.co/a", (), True),
        ("Далі https://t.co/a", None, False),
        ("RT @another: Далі…", (), True),
        ("RT @another: Далі", None, False),
    ],
)
def test_a_text_that_is_cut_off_is_marked(tmp_path, text, notes, truncated):
    tweet = TWEET | {"full_text": text}
    posts, report = read(write_archive(tmp_path / "a", tweets=[tweet], notes=notes))
    assert posts["truncated"].item() == truncated
    assert len(report.notes) == truncated


def test_an_archive_that_has_been_made_json(tmp_path):
    (tmp_path / "x").write_text(json.dumps([{"tweet": TWEET | {"full_text": "🍇"}}]), "utf-8")
    posts, report = read(tmp_path / "x", account="river_news")
    assert (report.format, posts["text"].item()) == ("x_archive", "🍇")


def test_the_three_characters_that_x_escapes_are_restored(tmp_path):
    tweet = {"id_str": "1568574004392886277", "created_at": "Sat Sep 10 12:16:00 +0000 2022"}
    file = tmp_path / "tweets.js"
    content = json.dumps([{"tweet": tweet | {"full_text": "a &lt;3 &amp;amp; b"}}])
    file.write_text(f"window.YTD.tweets.part0 = {content}", encoding="utf-8")
    assert read_posts(file, account="r")["text"].tolist() == ["a <3 &amp; b"]
