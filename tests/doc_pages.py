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
    "acled.csv": "events/acled_new.csv",
    "ucdp.csv.gz": "events/ucdp_hxl.csv",
    "event_info_latest_2022.zip": "events/viina_event_info.csv",
    "changes.csv.gz": "events/control_changes.csv",
    "points.geojson": "events/points.geojson",
    "points.kml": "events/points.kml",
    "civilian_harm.json": "events/bellingcat.json",
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
    (folder / "data").mkdir(parents=True)
    for name, fixture in PAGE_FILES.items():
        (folder / name).write_bytes((FIXTURES / fixture).read_bytes())
    (folder / "dump.csv").write_text(
        "id,date,what_was_said,author\n1,2022-09-10 12:00:00,x,me\n", encoding="utf-8"
    )
    (folder / "liberations.xlsx").write_text(
        "id;settlement;date\n1;Izium;2022-09-10\n", encoding="utf-8"
    )
