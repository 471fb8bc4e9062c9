"""VK, feeds, Bluesky's records and repositories, Auto Archiver, CrowdTangle, Mastodon's archive."""

from __future__ import annotations

import io
import json
import tarfile
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from xml.sax.saxutils import escape

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from car_files import car_file
from foxgrape import read_posts
from foxgrape.errors import TableError

FIXTURES = Path(__file__).parents[2] / "fixtures" / "posts"
DID = "did:plc:abc123"
CLAIMED = "the time is the one that the author's device claims: records have no server time"
AMBIGUOUS = "a time zone is abbreviated ambiguously; timezone= is used instead"


def utc(text):
    return pd.Timestamp(text, tz="UTC")


def read(file, **options):
    return read_posts(file, on_error="quarantine", with_report=True, **options)


def notes(report):
    return {note.what: note.count for note in report.notes}


def column(posts, name):
    return posts[name].astype(object).where(posts[name].notna(), None).tolist()


def test_vk():
    posts, report = read(FIXTURES / "vk_wall.json")
    assert posts["post_id"].tolist() == ["-77_1", "-77_2", "-77_3"]
    assert posts["account"].tolist() == ["river_news", "river_news", "olena"]
    assert posts["text"].tolist() == ["Скоро 🍇", "Так:\n\nЧуже 🦊", ""]
    assert posts["posted_at"][0] == utc("2022-09-10T12:16:00")
    assert column(posts, "edited_at") == [utc("2022-09-10T12:20:00"), None, None]
    assert posts["repost"].tolist() == [False, True, False]
    assert posts["url"][0] == "https://vk.com/wall-77_1"
    assert posts.loc[0, ["views", "likes", "reposts", "replies"]].tolist() == [10, 2, 1, 0]
    assert report.skipped == 1
    assert notes(report) == {
        "a repost has a text of its own, which comes before the repeated one": 1
    }
    assert [bad["column"] for bad in report.quarantine] == ["posted_at"]


def test_vk_pages_and_single_posts(tmp_path):
    page = json.loads((FIXTURES / "vk_wall.json").read_text("utf-8"))["response"]
    posts = page["items"][:3]
    shapes = {
        "items": json.dumps({"items": posts}),
        "old": json.dumps({"response": [3, *posts]}),
        "array": json.dumps(posts),
        "lines": "\n".join(map(json.dumps, posts)),
        "pages": "\n".join(json.dumps({"response": {"items": [post]}}) for post in posts),
    }
    for name, content in shapes.items():
        (tmp_path / name).write_text(content, "utf-8")
        frame, report = read(tmp_path / name, account="river")
        assert report.format == "vk", name
        assert frame["account"].tolist() == ["river", "river", "id42"], name
    (tmp_path / "x").write_text(
        shapes["lines"] + '\n{"error": {"error_code": 15, "error_msg": "Access denied"}}', "utf-8"
    )
    frame, report = read(tmp_path / "x")
    assert frame["account"].tolist() == ["club77", "club77", "id42"]
    assert "Access denied" in report.quarantine[0]["reason"]


def test_rss():
    posts, report = read(FIXTURES / "feed_rss.xml", timezone="Europe/Kyiv")
    assert posts["post_id"].tolist() == ["news-1", "https://news.example/2", "news-3", "news-4"]
    assert set(posts["account"]) == {"River News"}
    assert posts["text"].tolist() == [
        "Soon 🍇\na < b",
        "Title\n\nBody 🦊",
        "Summer time",
        "RT by @river_news: another's words",
    ]
    assert posts["posted_at"].tolist() == [
        utc("2022-09-10T12:16:00"),
        utc("2022-09-10T12:16:00"),
        utc("2022-09-10T12:18:00"),
        utc("2022-09-10T12:19:00"),
    ]
    assert posts["posted_until"][0] == utc("2022-09-10T12:16:00")
    assert posts["posted_until"][1] == utc("2022-09-10T12:16:59.999999")
    assert column(posts, "repost") == [None, None, None, True]
    assert column(posts, "author") == ["Olena", None, None, None]
    assert notes(report) == {AMBIGUOUS: 1}
    assert [(bad["record"], bad["column"]) for bad in report.quarantine] == [(5, "posted_at")]
    _, report = read(FIXTURES / "feed_rss.xml")
    assert [bad["record"] for bad in report.quarantine] == [3, 5]


def test_atom():
    posts, report = read(FIXTURES / "feed_atom.xml", account="news.example")
    assert posts["post_id"].tolist() == ["urn:1", "urn:2"]
    assert set(posts["account"]) == {"news.example"}
    assert posts["text"].tolist() == ["Soon\n\n🍇 & more", "Plain\n\na < b"]
    assert posts["url"].tolist() == ["https://news.example/1", "https://news.example/2"]
    assert posts["posted_at"].tolist() == [utc("2022-09-10T12:16:00"), utc("2022-09-10T12:17:00.5")]
    assert column(posts, "edited_at") == [utc("2022-09-10T12:30:00"), None]
    assert list(notes(report)) == ["the time is that of the last update; the entry has no other"]


def test_a_feed_in_another_encoding(tmp_path):
    content = '<?xml version="1.0" encoding="{}"?><rss><channel><title>Вісник</title><item>'
    content += "<guid>1</guid><title>Скоро</title><pubDate>10 Sep 2022 12:16:00 GMT</pubDate>"
    content += "</item></channel></rss>"
    for name, encoding in (("windows-1251", "cp1251"), ("windows-1251", "utf-8")):
        (tmp_path / "x").write_bytes(content.format(name).encode(encoding))
        posts, _ = read(tmp_path / "x")
        assert posts[["account", "text"]].to_numpy().tolist() == [["Вісник", "Скоро"]]


def test_the_description_of_a_video_is_read(tmp_path):
    content = """<feed xmlns="http://www.w3.org/2005/Atom"
     xmlns:media="http://search.yahoo.com/mrss/"><title>River</title>
     <entry><id>yt:video:1</id><title>Soon</title><published>2022-09-10T12:16:00+00:00</published>
      <media:group><media:title>Soon</media:title><media:description>Near Izium &amp; Lyman
      </media:description></media:group></entry></feed>"""
    (tmp_path / "x").write_text(content, "utf-8")
    posts, _ = read(tmp_path / "x")
    assert posts["text"].tolist() == ["Soon\n\nNear Izium & Lyman"]


def test_rss_1(tmp_path):
    content = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
     xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
     <channel rdf:about="https://a.example/"><title>River</title></channel>
     <item rdf:about="https://a.example/1"><title>Soon</title>
      <dc:date>2022-09-10T15:16:00+03:00</dc:date></item></rdf:RDF>"""
    (tmp_path / "x").write_text(content, "utf-8")
    posts, _ = read(tmp_path / "x")
    assert posts["post_id"].item() == "https://a.example/1"
    assert (posts["account"].item(), posts["text"].item()) == ("River", "Soon")
    assert posts["posted_at"].item() == utc("2022-09-10T12:16:00")


ENTITIES = """<?xml version="1.0"?>{}
<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<rss><channel><title>&b;</title><item><guid>1</guid></item></channel></rss>"""


@pytest.mark.parametrize("before", ["", "<!-- <rss> -->", "<!--" + "x" * 70_000 + "-->"])
@pytest.mark.parametrize("format_name", [None, "feed"])
def test_a_feed_with_a_document_type_is_rejected(tmp_path, before, format_name):
    (tmp_path / "x").write_text(ENTITIES.format(before), "utf-8")
    with pytest.raises(TableError, match=r"document type|an XML file"):
        read_posts(tmp_path / "x", format=format_name)


LINES = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters="\uffff"), min_size=1
)
TIMES = st.datetimes(datetime(2011, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(st.lists(st.tuples(LINES, TIMES), min_size=1, max_size=5))
def test_a_written_feed_is_read_back(tmp_path_factory, rows):
    rows = [(text, time.replace(microsecond=0)) for text, time in rows]
    items = "".join(
        f"<item><guid>{number}</guid><pubDate>{format_datetime(time)}</pubDate>"
        f"<description>{escape(escape(text))}</description></item>"
        for number, (text, time) in enumerate(rows)
    )
    file = tmp_path_factory.mktemp("feed") / "x"
    file.write_text(f"<rss><channel><title>a</title>{items}</channel></rss>", "utf-8")
    posts = read_posts(file)
    assert posts["text"].tolist() == [text for text, _ in rows]
    assert posts["posted_at"].dt.to_pydatetime().tolist() == [time for _, time in rows]


def test_bluesky_records():
    posts, report = read(FIXTURES / "bluesky_records.json")
    assert posts["post_id"].tolist() == [
        f"at://{DID}/app.bsky.feed.post/3kabc",
        f"at://{DID}/app.bsky.feed.repost/3kabd",
    ]
    assert posts["account"].tolist() == [DID] * 2
    assert column(posts, "text") == ["Скоро 🍇", None]
    assert posts["posted_at"].tolist() == [
        utc("2023-09-10T12:16:00.123"),
        utc("2023-09-10T13:00:00"),
    ]
    assert posts["claimed_at"].equals(posts["posted_at"])
    assert posts["claim_differs"].isna().all()
    assert posts["repost"].tolist() == [False, True]
    assert posts["lang"][0] == "uk"
    assert (report.skipped, notes(report)) == (1, {CLAIMED: 2})
    assert [bad["column"] for bad in report.quarantine] == ["posted_at"]


def test_bluesky_records_as_lines(tmp_path):
    records = json.loads((FIXTURES / "bluesky_records.json").read_text("utf-8"))["records"]
    (tmp_path / "x").write_text("\n".join(map(json.dumps, records)), "utf-8")
    posts = read(tmp_path / "x", account="river.example")[0]
    assert posts["account"].tolist() == ["river.example"] * 2


def test_bluesky_search():
    posts, report = read(FIXTURES / "bluesky_search.json")
    assert posts["account"].item() == "river.example"
    assert posts["posted_at"].item() == utc("2023-09-10T12:16:01.5")
    assert posts["claimed_at"].item() == utc("2023-09-10T12:16:00.123")
    assert not posts["claim_differs"].item()
    assert posts[["replies", "reposts", "likes", "quotes"]].to_numpy().tolist() == [[1, 2, 3, 4]]
    assert (posts["repost"].item(), report.notes) == (False, [])


def post(text, time="2023-09-10T12:16:00.123Z"):
    return {"$type": "app.bsky.feed.post", "text": text, "createdAt": time, "langs": ["uk"]}


def test_a_repository_has_the_posts_in_its_tree(tmp_path):
    subject = {"uri": "at://did:plc:other/app.bsky.feed.post/3kzzz", "cid": "bafy"}
    records = {f"app.bsky.feed.post/3k{number}": post(f"post {number}") for number in range(9)}
    records |= {
        "app.bsky.feed.post/3k9": post("no offset", "2023-09-10T12:16:00"),
        "app.bsky.feed.repost/3ka": {
            "$type": "app.bsky.feed.repost",
            "subject": subject,
            "createdAt": "2023-09-10T13:00:00Z",
        },
        "app.bsky.feed.like/3kb": {"$type": "app.bsky.feed.like", "subject": subject},
        "app.bsky.actor.profile/self": {"$type": "app.bsky.actor.profile", "big": 2**40},
    }
    (tmp_path / "x").write_bytes(car_file(DID, records, stale=[post("deleted")]))
    posts, report = read(tmp_path / "x")
    assert report.format == "bluesky_car"
    assert posts["post_id"].tolist() == [
        *(f"at://{DID}/app.bsky.feed.post/3k{number}" for number in range(9)),
        f"at://{DID}/app.bsky.feed.repost/3ka",
    ]
    assert column(posts, "text") == [*(f"post {number}" for number in range(9)), None]
    assert set(posts["account"]) == {DID}
    assert posts["posted_at"][0] == posts["claimed_at"][0] == utc("2023-09-10T12:16:00.123")
    assert notes(report) == {CLAIMED: 10}
    assert [bad["column"] for bad in report.quarantine] == ["posted_at"]


def test_a_damaged_repository_is_an_error(tmp_path):
    content = car_file(DID, {f"app.bsky.feed.post/{n}": post("🍇") for n in range(5)})
    file = tmp_path / "x"
    for length in range(70, len(content) - 1, 37):
        file.write_bytes(content[:length])
        posts, report = read(file)
        assert posts.empty
        assert len(report.quarantine) == 1
    file.write_bytes(b"\xff" * 8 + b"\x7f" + content)
    posts, report = read(file, format="bluesky_car")
    assert "a block is larger than" in report.quarantine[0]["reason"]
    changed = bytearray(content)
    changed[-1] ^= 1
    file.write_bytes(changed)
    assert "differs from its hash" in read(file)[1].quarantine[0]["reason"]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\uffff"))


@given(st.lists(st.tuples(TEXTS, TIMES), min_size=1, max_size=8))
def test_a_written_repository_is_read_back(tmp_path_factory, rows):
    records = {
        f"app.bsky.feed.post/{number}": post(text, time.isoformat())
        for number, (text, time) in enumerate(rows)
    }
    file = tmp_path_factory.mktemp("car") / "x"
    file.write_bytes(car_file(DID, records))
    posts, _ = read(file)
    assert posts["text"].tolist() == [text for text, _ in rows]
    assert posts["posted_at"].dt.to_pydatetime().tolist() == [time for _, time in rows]


ARCHIVED = """Link,Archive status,Archive date,Archive location,Upload timestamp,Upload title,Text
https://t.me/river_news/2,telegram: success,2022-09-11T08:00:00,s3://a/1,2022-09-10T12:16:00+00:00,,🍇
https://x.com/river_news/status/1568574004908785664?s=20,success,2022-09-11,,2022-09-10T12:16:00,Title,Text
https://news.example/1,wayback: success,2022-09-11,,2022-09-10T12:16:00Z,News,
https://vk.com/wall-77_1,success,2022-09-11,,2022-09-10T12:16:00Z,,a
https://gone.example/1,nothing archived,2022-09-11,,,,
,,,,,,
"""


def test_auto_archiver(tmp_path):
    (tmp_path / "x").write_text(ARCHIVED, "utf-8")
    posts, report = read(tmp_path / "x", timezone="Europe/Kyiv")
    assert report.format == "auto_archiver"
    assert posts["platform"].tolist() == ["telegram", "x"]
    assert posts["post_id"].tolist() == ["river_news/2", "1568574004908785664"]
    assert posts["account"].tolist() == ["river_news"] * 2
    assert posts["text"].tolist() == ["🍇", "Title\n\nText"]
    assert posts["posted_at"].tolist() == [utc("2022-09-10T12:16:00"), utc("2022-09-10T09:16:00")]
    assert [bad["column"] for bad in report.quarantine] == ["account", "account"]
    assert (report.skipped, notes(report)) == (
        1,
        {"a link without an upload time is not a post": 1},
    )
    posts, _ = read(tmp_path / "x", timezone="UTC", account="given")
    assert posts["platform"].tolist() == ["telegram", "x", "news.example", "vk"]
    assert posts["post_id"].tolist()[2:] == ["https://news.example/1", "-77_1"]


CROWDTANGLE = """Page Name,User Name,Facebook Id,Post Created,Type,Message,URL
River,river_news,111,2022-09-10 08:16:00 EDT,Status,🍇,https://www.facebook.com/111/posts/2
River,river_news,111,2022-09-10 15:17:00 IST,Photo,,https://www.facebook.com/photo?id=3
River,river_news,111,10.09.2022,Status,no time,https://www.facebook.com/111/posts/4
"""


def test_crowdtangle(tmp_path):
    (tmp_path / "x").write_text(CROWDTANGLE, "utf-8")
    posts, report = read(tmp_path / "x", timezone="Europe/Kyiv")
    assert report.format == "crowdtangle"
    assert posts["post_id"].tolist() == ["111_2", "https://www.facebook.com/photo?id=3"]
    assert posts["posted_at"].tolist() == [utc("2022-09-10T12:16:00"), utc("2022-09-10T12:17:00")]
    assert posts["text"].tolist() == ["🍇", ""]
    assert notes(report) == {AMBIGUOUS: 1}
    assert [bad["record"] for bad in report.quarantine] == [4]
    _, report = read(tmp_path / "x")
    assert [bad["record"] for bad in report.quarantine] == [3, 4]


def test_the_actor_of_a_mastodon_archive(tmp_path):
    outbox = (FIXTURES / "mastodon_outbox.json").read_bytes()
    actor = {"id": "https://m.example/ap/users/1159", "preferredUsername": "river"}
    with tarfile.open(tmp_path / "archive.tar.gz", "w:gz") as archive:
        for name, content in (("outbox.json", outbox), ("actor.json", json.dumps(actor).encode())):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    posts, report = read(tmp_path / "archive.tar.gz")
    assert report.format == "mastodon"
    assert set(posts["account"]) == {"river@m.example"}
    assert len(posts) == len(read(FIXTURES / "mastodon_outbox.json")[0])
