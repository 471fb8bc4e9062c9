"""Helpers for tests of the documentation: code blocks of a page, and the files that pages use."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
FIXTURES = ROOT / "tests" / "fixtures"
#: File names used on the pages, with the fixture that provides their content.
PAGE_FILES = {
    "result.json": "posts/telegram_desktop_channel.json",
    "messages.jsonl": "posts/telethon.jsonl",
    "tweets.jsonl.gz": "posts/x_api_pages.jsonl",
    "data/tweets.js": "posts/x_archive_tweets.js",
    "outbox.json": "posts/mastodon_outbox.json",
    "feed.jsonl": "posts/bluesky_feed.json",
    "ChatExport_2022-09-10/messages.html": "posts/telegram_html.html",
    "pyrogram.jsonl": "posts/pyrogram.jsonl",
    "snscrape.jsonl": "posts/snscrape_x.jsonl",
    "twarc1.jsonl": "posts/x_legacy.jsonl",
    "twitter-2022-09-10.zip": "posts/x_archive_tweets.js",
    "wall.json": "posts/vk_wall.json",
    "feed.xml": "posts/feed_atom.xml",
    "acled.csv": "events/acled_new.csv",
    "ucdp.csv.gz": "events/ucdp_hxl.csv",
    "event_info_latest_2022.zip": "events/viina_event_info.csv",
    "changes.csv.gz": "events/control_changes.csv",
    "points.geojson": "events/points.geojson",
    "points.kml": "events/points.kml",
    "civilian_harm.json": "events/bellingcat.json",
}

#: Tables used on the pages.
PAGE_TABLES = {
    "liberations.xlsx": "id;settlement;date\n1;Izium;2022-09-10\n",
    "dump.csv": "id,date,what_was_said,author\n1,2022-09-10 12:00:00,x,me\n",
    "1234567890.csv": "message_id,date,sender_id,message,media_type,media_path,reply_to\n"
    "2,2022-09-10 12:00:00,-1001234567890,x,,,\n",
    "twint.csv": "id,conversation_id,date,time,timezone,username,tweet\n"
    "1568574004908785664,1568574004908785664,2022-09-10,15:16:00,+0300,me,x\n",
    "sheet.csv": "Link,Archive status,Archive date,Upload timestamp\n"
    "https://t.me/me/2,success,2022-09-11,2022-09-10 12:00:00\n",
    "report.csv": "Page Name,User Name,Facebook Id,Post Created,Message,URL\n"
    "Me,me,5,2022-09-10 15:00:00 EEST,x,https://www.facebook.com/5/posts/2\n",
}

_BLOCK = re.compile(
    r"^(?P<indent> *)(?:<!-- (?P<mark>[a-z]+)(?:: (?P<argument>.*?))? -->\n *)?"
    r"```(?P<language>[a-z]+)\n(?P<text>.*?)^ *```$",
    re.DOTALL | re.MULTILINE,
)


class Block(NamedTuple):
    """A fenced code block with the marker above it, such as `skipped`, `run` or `file`."""

    language: str
    text: str
    mark: str
    argument: str


def blocks(page: Path) -> list[Block]:
    """Return the fenced code blocks of a page that name a language."""
    return [
        Block(
            match["language"],
            # Remove the indentation of the fence only.
            re.sub(f"^{match['indent']}", "", match["text"], flags=re.MULTILINE),
            match["mark"] or "",
            match["argument"] or "",
        )
        for match in _BLOCK.finditer(page.read_text(encoding="utf-8"))
    ]


def script(page: Path) -> str:
    """Return the unmarked Python blocks of a page as one script."""
    return "\n".join(
        block.text
        for block in blocks(page)
        if block.language == "python" and not block.mark and not block.text.startswith(">>> ")
    )


def session(page: Path) -> str:
    """Return the doctest blocks of a page as one session."""
    return "\n".join(
        block.text + "\n"
        for block in blocks(page)
        if not block.mark and block.text.startswith(">>> ")
    )


def lay_out(folder: Path) -> None:
    """Write the files that pages use into a folder. Readers detect formats by content, not name."""
    for name, fixture in PAGE_FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((FIXTURES / fixture).read_bytes())
    for name, text in PAGE_TABLES.items():
        (folder / name).write_text(text, encoding="utf-8")
