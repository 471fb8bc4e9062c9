"""Real files that may not be committed: counts equal those of an independent count."""

from __future__ import annotations

import json
import re

import pytest

from foxgrape import read_posts


@pytest.mark.real
def test_transcripts_of_addresses_as_a_table(real_data):
    """724 rows in two languages under the same ids; a few tell an hour 24."""
    file = real_data / "resistinua_addresses" / "addresses_2022-02_05.jsonl"
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
