"""Real files that may not be committed: counts equal those of an independent count."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from foxgrape import read_posts

ROOT = Path(__file__).parents[1]


def real(name):
    """Find a real file beside the project; skip where there is none."""
    file = ROOT.parent / "shared" / "real" / name
    if not file.is_file():
        pytest.skip(f"the real file {name} is not here")
    return file


@pytest.mark.real
def test_transcripts_of_addresses_as_a_table():
    """724 rows in two languages under the same ids; a few tell an hour 24."""
    file = real("resistinua_addresses/addresses_2022-02_05.jsonl")
    options = {"account": "president", "timezone": "Europe/Kyiv", "on_error": "quarantine"}
    posts = read_posts(file, **options)
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    timely = [row for row in rows if re.search(r"T([01]\d|2[0-3]):", row["date"])]
    first = {row["id"]: row for row in reversed(timely)}
    assert posts.set_index("post_id")["text"].to_dict() == {
        post_id: row["text"] for post_id, row in first.items()
    }
    bad = posts.attrs["quarantine"]
    assert sum(one["column"] == "posted_at" for one in bad) == len(rows) - len(timely)
    assert sum(one["column"] == "post_id" for one in bad) == len(timely) - len(first)
    assert posts.attrs["read"] == len(rows) == len(posts) + len(bad)
