"""Real files that may not be committed: the counts equal an independent count."""

from __future__ import annotations

import json
import re

import pytest

from foxgrape import read_posts


@pytest.mark.real
def test_a_table_of_transcripts_of_addresses(real_data):
    """The file has 724 rows in two languages with the same ids; a few have an hour 24."""
    file = real_data / "resistinua_addresses" / "addresses_2022-02_05.jsonl"
    options = {"account": "president", "timezone": "Europe/Kyiv", "on_error": "quarantine"}
    posts, report = read_posts(file, with_report=True, **options)
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    valid = [row for row in rows if re.search(r"T([01]\d|2[0-3]):", row["date"])]
    first = {row["id"]: row for row in reversed(valid)}
    assert posts.set_index("post_id")["text"].to_dict() == {
        post_id: row["text"] for post_id, row in first.items()
    }
    assert sum(bad["column"] == "posted_at" for bad in report.quarantine) == len(rows) - len(valid)
    assert sum(bad["column"] == "post_id" for bad in report.quarantine) == len(valid) - len(first)
    assert report.records_read == len(rows) == len(posts) + len(report.quarantine)
