"""What tests of the documentation share: blocks of a page, and the files that pages speak of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
FIXTURES = ROOT / "tests" / "fixtures"
#: The files that pages of docs speak of, and what stands for them.
SPOKEN_OF = {
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
}

_BLOCK = re.compile(
    r"^(?P<indent> *)(?:<!-- (?P<mark>[a-z]+)(?:: (?P<told>.*?))? -->\n *)?"
    r"```(?P<language>[a-z]+)\n(?P<text>.*?)^ *```$",
    re.DOTALL | re.MULTILINE,
)


class Block(NamedTuple):
    """A fenced block, with what a comment above it says to tests: skipped, run, file and such."""

    language: str
    text: str
    mark: str
    told: str


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page that name their language."""
    return [
        Block(
            found["language"],
            # Without what indents the fence; what the text itself is indented by belongs to it.
            re.sub(f"^{found['indent']}", "", found["text"], flags=re.MULTILINE),
            found["mark"] or "",
            found["told"] or "",
        )
        for found in _BLOCK.finditer(page.read_text(encoding="utf-8"))
    ]


def script(page: Path) -> str:
    """Return the Python of a page that is to run as it stands, as one script."""
    return "\n".join(
        block.text
        for block in blocks(page)
        if block.language == "python" and not block.mark and not block.text.startswith(">>> ")
    )


def session(page: Path) -> str:
    """Return the Python of a page that shows what it answers."""
    return "\n".join(
        block.text + "\n"
        for block in blocks(page)
        if not block.mark and block.text.startswith(">>> ")
    )


def lay_out(folder: Path) -> None:
    """Lay the files that pages speak of into a folder; a format is told by content, not name."""
    (folder / "data").mkdir(parents=True)
    for name, fixture in SPOKEN_OF.items():
        (folder / name).write_bytes((FIXTURES / fixture).read_bytes())
    (folder / "dump.csv").write_text(
        "id,date,what_was_said,author\n1,2022-09-10 12:00:00,x,me\n", encoding="utf-8"
    )
    (folder / "liberations.xlsx").write_text(
        "id;settlement;date\n1;Izium;2022-09-10\n", encoding="utf-8"
    )
