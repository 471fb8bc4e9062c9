"""Exports of all tools: the format is detected, and the table has what the export has."""

from __future__ import annotations

import gzip
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foxgrape import FoxgrapeError, read_posts, schemas
from foxgrape.errors import TableError

FIXTURES = Path(__file__).parents[2] / "fixtures" / "posts"
FORMAT_OF = {
    "bluesky_feed.json": "bluesky",
    "bluesky_records.json": "bluesky",
    "bluesky_search.json": "bluesky",
    "feed_atom.xml": "feed",
    "feed_rss.xml": "feed",
    "mastodon_outbox.json": "mastodon",
    "mastodon_statuses.json": "mastodon",
    "pyrogram.jsonl": "pyrogram",
    "snscrape_telegram.jsonl": "snscrape",
    "snscrape_x.jsonl": "snscrape",
    "telegram_desktop_channel.json": "telegram_desktop",
    "telegram_desktop_full.json": "telegram_desktop",
    "telegram_desktop_old.json": "telegram_desktop",
    "telegram_html.html": "telegram_html",
    "telethon.jsonl": "telethon",
    "telethon_dump.json": "telethon",
    "x_api_flat.jsonl": "x_api",
    "x_api_pages.jsonl": "x_api",
    "vk_wall.json": "vk",
    "x_archive_tweets.js": "x_archive",
    "x_legacy.jsonl": "x_legacy",
    "zeeschuimer.ndjson": "zeeschuimer",
}


def read(name, **options):
    known = {"account": "river_news", "timezone": "Europe/Kyiv", "on_error": "quarantine"}
    return read_posts(FIXTURES / name, with_report=True, **known | options)


def utc(text):
    return pd.Timestamp(text, tz="UTC")


def column(posts, name):
    return posts[name].astype(object).where(posts[name].notna(), None).tolist()


def test_every_fixture_has_its_format_listed():
    assert {file.name for file in FIXTURES.iterdir()} == set(FORMAT_OF)


@pytest.mark.parametrize("name", FORMAT_OF)
@pytest.mark.parametrize("compression", ["none", "gzip", "zstd", "zip", "bom"])
def test_the_format_is_detected_from_compressed_content(tmp_path, name, compression):
    content = (FIXTURES / name).read_bytes()
    file = tmp_path / "export.bin"
    if compression == "gzip":
        file.write_bytes(gzip.compress(content))
    elif compression == "zstd":
        file.write_bytes(pa.Codec("zstd").compress(content, asbytes=True))
    elif compression == "zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("folder/some.txt", content)
    else:
        file.write_bytes((b"\xef\xbb\xbf" if compression == "bom" else b"") + content)
    posts, report = read(file)
    assert report.format == FORMAT_OF[name]
    expected, expected_report = read(name)
    pd.testing.assert_frame_equal(posts, expected)
    assert report == expected_report


def test_x_api_pages():
    posts, report = read("x_api_pages.jsonl", account=None, on_error="raise")
    assert column(posts, "posted_at") == [
        utc("2022-09-10T12:16:00.123"),
        utc("2022-09-10T12:20:00.456"),
        utc("2022-09-11T08:00:00.001"),
        utc("2006-03-21T20:50:14"),
        utc("2022-09-12T08:00:00.900"),
        utc("2022-09-12T09:00:00"),
    ]
    assert posts["posted_at"].equals(posts["posted_until"])
    edited = [None, utc("2022-09-10T12:30:00.789"), None, None, None, None]
    assert column(posts, "edited_at") == edited
    assert posts["repost"].tolist() == [False, False, True, False, False, True]
    assert posts["truncated"].tolist() == [False] * 5 + [True]
    assert posts["text"][2].endswith("than what a retweet keeps of it 🦊")
    assert column(posts, "withheld") == [None, None, None, None, "DE,RU", None]
    assert set(posts["account"]) == {"river_news"}
    assert (report.records_read, report.skipped, report.repeated) == (8, 1, 1)


def test_x_api_lines_that_are_not_tweets_are_quarantined():
    posts, report = read("x_api_flat.jsonl", account=None)
    assert posts["account"].tolist() == ["river_news"] * 2
    assert posts["text"][1].endswith("retweet keeps of it 🦊")
    table = report.quarantine_frame()
    assert table["record"].tolist() == [2, 3]
    assert table["reason"].str.contains("expected the id|not JSON").all()
    with pytest.raises(TableError, match="row 2, column post_id"):
        read("x_api_flat.jsonl", on_error="raise")


def test_an_x_id_and_its_time_must_agree(tmp_path):
    page = json.loads((FIXTURES / "x_api_flat.jsonl").read_text("utf-8").splitlines()[0])
    file = tmp_path / "x"
    file.write_text(json.dumps(page | {"created_at": "2022-09-10T12:16:03.000Z"}))
    with pytest.raises(TableError, match=r"row 1, column posted_at.*created_at is"):
        read_posts(file)
    file.write_text(json.dumps({key: page[key] for key in page if key != "created_at"}))
    assert read_posts(file)["posted_at"].item() == utc("2022-09-10T12:16:00.123")


def test_x_archive():
    posts, _ = read("x_archive_tweets.js", on_error="raise")
    assert posts["text"].tolist() == [
        "Скоро 🍇 [так]",
        "corrected",
        "RT @another: The whole text of…",
    ]
    assert posts["repost"].tolist() == posts["truncated"].tolist() == [False, False, True]
    assert posts["posted_at"][1] == utc("2022-09-10T12:20:00.456")
    assert column(posts, "edited_at") == [None, utc("2022-09-10T12:30:00.789"), None]
    with pytest.raises(TableError, match="account="):
        read("x_archive_tweets.js", account=None)


def test_mastodon_statuses():
    posts, report = read("mastodon_statuses.json", account=None, on_error="raise")
    assert posts["text"].tolist() == [
        "Скоро 🍇\na < b\n\nhttps://example.org/a",
        "",
        "better",
        "From elsewhere 🦊",
    ]
    assert posts["repost"].tolist() == [False, False, False, True]
    assert posts["posted_at"][0] == utc("2022-09-10T12:16:00.123")
    assert column(posts, "edited_at") == [None, None, utc("2022-09-10T13:00:00.500"), None]
    assert column(posts, "content_warning") == [None, None, "careful", None]
    assert report.skipped == 2


@pytest.mark.parametrize("content", ["<div>" * 100_000, "x" * 200_001, "<p>" * 5_000])
def test_html_that_is_too_large_is_one_bad_record(tmp_path, content):
    statuses = json.loads((FIXTURES / "mastodon_statuses.json").read_text("utf-8"))
    statuses[1]["content"] = content
    file = tmp_path / "x"
    file.write_text(json.dumps(statuses), encoding="utf-8")
    posts, report = read(file)
    assert len(posts) + len(report.quarantine) == 4
    assert len(posts) >= 3


def test_mastodon_outbox():
    posts, report = read("mastodon_outbox.json", account=None, on_error="raise")
    assert column(posts, "text") == ["Скоро 🍇", "unlisted", None, "by a site"]
    assert posts["repost"].tolist() == [False, False, True, False]
    assert set(posts["account"]) == {"river@social.example"}
    assert posts["posted_at"][3] == utc("2022-09-10T12:16:00")
    assert posts["edited_at"][1] == utc("2022-09-10T13:00:00")
    assert report.skipped == 2


def test_bluesky():
    posts, report = read("bluesky_feed.json", account=None, on_error="raise")
    assert posts["text"].tolist() == ["Скоро 🍇", "I said so long ago", "", "passed on 🦊"]
    assert posts["posted_at"][0] == utc("2024-09-10T12:16:03.250")
    assert posts["claimed_at"][0] == utc("2024-09-10T12:16:00.100")
    assert column(posts, "claim_differs") == [False, True, None, None]
    assert posts["posted_at"][3] == utc("2024-09-12T14:00:00")
    assert posts["account"].tolist() == ["river.example"] * 4
    assert posts["post_id"][3] == "at://did:plc:bbb/app.bsky.feed.post/3kd#repost-by-did:plc:aaa"
    assert column(posts, "lang") == ["uk", None, "uk", "uk"]
    assert report.repeated == 1


def test_bluesky_pages_lines_and_items_give_the_same_table(tmp_path):
    page = json.loads((FIXTURES / "bluesky_feed.json").read_text("utf-8"))
    expected, _ = read("bluesky_feed.json")
    for number, content in enumerate(
        [
            json.dumps(page),
            "\n".join(json.dumps({"feed": [item]}) for item in page["feed"]),
            "\n".join(map(json.dumps, page["feed"])),
            json.dumps(page["feed"]),
            json.dumps([page]),
        ]
    ):
        file = tmp_path / str(number)
        file.write_text(content, encoding="utf-8")
        pd.testing.assert_frame_equal(read(file)[0], expected)


def test_telethon():
    posts, report = read("telethon.jsonl", account=None, on_error="raise")
    assert posts["post_id"].tolist() == [*(f"1100000001/{n}" for n in range(2, 7)), "77/8"]
    assert column(posts, "edited_at")[2:4] == [utc("2022-09-10T12:20:00"), None]
    assert posts["repost"].tolist() == [False, False, False, False, True, False]
    assert posts["account"].tolist() == ["1100000001"] * 5 + ["user5"]
    assert posts["grouped_id"][1] == "13300000000000001"
    assert report.skipped == 2
    dump, _ = read("telethon_dump.json", account=None)
    assert dump["post_id"].item() == posts["post_id"][0]
    assert dump["account"].item() == "river_news"


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\uffff"))
TIMES = st.datetimes(datetime(2011, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def millisecond(when):
    return when.replace(microsecond=when.microsecond // 1000 * 1000)


def x_id(when, number):
    return str((round(when.timestamp() * 1000) - 1288834974657 << 22) + number)


def html(text):
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\n", "<br/>")):
        text = text.replace(sign, entity)
    return f"<p>{text}</p>"


AUTHOR = {"did": "did:plc:a", "handle": "a.example"}
WRITERS = {
    "x_api": lambda n, text, when: {
        "id": x_id(when, n),
        "text": text,
        "author_id": "5",
        "created_at": when.isoformat(),
    },
    "mastodon": lambda n, text, when: {
        "uri": f"https://a.example/{n}",
        "visibility": "public",
        "created_at": when.isoformat(),
        "content": html(text),
        "account": {"acct": "a"},
    },
    "bluesky": lambda n, text, when: {
        "post": {
            "uri": f"at://did:plc:a/app.bsky.feed.post/{n}",
            "author": AUTHOR,
            "record": {"text": text, "createdAt": when.isoformat()},
            "indexedAt": when.isoformat(),
        }
    },
    "telethon": lambda n, text, when: {
        "_": "Message",
        "id": n,
        "peer_id": {"_": "PeerChannel", "channel_id": 5},
        "date": when.isoformat(),
        "message": text,
    },
    "pyrogram": lambda n, text, when: {
        "_": "Message",
        "id": n,
        "date": when.isoformat(sep=" "),
        "chat": {"_": "Chat", "id": -1005, "type": "ChatType.CHANNEL"},
        "text": text,
    },
    "snscrape": lambda n, text, when: {
        "_type": "snscrape.modules.twitter.Tweet",
        "id": int(x_id(when, n)),
        "date": when.isoformat(),
        "rawContent": text,
        "user": {"username": "a"},
    },
    "x_legacy": lambda n, text, when: {
        "id_str": x_id(when, n),
        "created_at": f"{when:%a %b %d %H:%M:%S +0000 %Y}",
        "full_text": text,
        "user": {"screen_name": "a"},
    },
    "zeeschuimer": lambda n, text, when: {
        "item_id": x_id(when, n),
        "source_platform": "x.com",
        "data": {
            "rest_id": x_id(when, n),
            "core": {"user_results": {"result": {"legacy": {"screen_name": "a"}}}},
            "legacy": {
                "created_at": f"{when:%a %b %d %H:%M:%S +0000 %Y}",
                "full_text": text,
            },
        },
    },
    "x_archive": lambda n, text, when: {
        "tweet": {"id_str": x_id(when, n), "full_text": text, "lang": "uk"}
    },
}


@pytest.mark.parametrize("name", WRITERS)
@given(st.lists(st.tuples(TEXTS, TIMES), min_size=1, max_size=6), st.booleans(), st.booleans())
def test_written_posts_are_read_back(tmp_path_factory, name, rows, lines, ascii_only):
    if name == "mastodon":
        # HTML has neither control characters nor spaces at the ends of its lines.
        rows = [("x" + "".join(filter(str.isprintable, text)) + "x", when) for text, when in rows]
    rows = [(text, millisecond(when)) for text, when in rows]
    records = [WRITERS[name](number, *row) for number, row in enumerate(rows)]
    texts = [json.dumps(record, ensure_ascii=ascii_only) for record in records]
    content = "\n".join(texts) if lines else f"[{','.join(texts)}]"
    if name == "x_archive":
        content = f"window.YTD.tweets.part0 = [{','.join(texts)}]"
    file = tmp_path_factory.mktemp("posts") / "x"
    file.write_text(content, encoding="utf-8")
    posts, report = read_posts(file, account="a", with_report=True)
    assert report.format == name
    assert posts["text"].tolist() == [text for text, _ in rows]
    assert posts["posted_at"].dt.to_pydatetime().tolist() == [when for _, when in rows]


ANYTHING = st.recursive(
    st.sampled_from([None, True, False, "", "x", "🍇", "\ud83d", -1, 0, 10**30, "9" * 30, "<!["])
    | st.floats()
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


def nested_paths(value, path=()):
    """Yield the path of every value nested in a value."""
    yield path
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from nested_paths(value[key], (*path, key))


def replace_at(value, path, new):
    if not path:
        return new
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[path[0]] = replace_at(changed[path[0]], path[1:], new)
    return changed


@pytest.mark.parametrize("name", [name for name in FORMAT_OF if not name.endswith("ml")])
@given(st.data())
def test_any_value_in_a_record_gives_rows_a_quarantine_or_a_one_line_error(
    tmp_path_factory, name, data
):
    text = (FIXTURES / name).read_text("utf-8")
    start = text.index("[") if name.endswith(".js") else 0
    content = text[start:].replace("Рядок\\x0B", "").replace("\\\\x0B", "")
    valid = [line for line in content.splitlines() if line.endswith("}")]
    lines = name.endswith(("jsonl", "ndjson"))
    root = [json.loads(line) for line in valid] if lines else json.loads(content)
    path = data.draw(st.sampled_from(list(nested_paths(root))))
    root = replace_at(root, path, data.draw(ANYTHING))
    lines = lines and isinstance(root, list)
    changed = "\n".join(map(json.dumps, root)) if lines else json.dumps(root)
    file = tmp_path_factory.mktemp("odd") / "x"
    file.write_text(text[:start] + changed, encoding="utf-8")
    try:
        posts, report = read(file, format=FORMAT_OF[name])
    except FoxgrapeError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert not schemas.has_repeated_keys(posts, schemas.KEYS["posts"][0])
        assert all(bad["reason"] for bad in report.quarantine)
