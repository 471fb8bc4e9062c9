"""The history of commands that are killed: a small part of what `make kills` does."""

from __future__ import annotations

import sys

import pytest

from killed_commands import study


@pytest.mark.skipif(sys.platform != "linux", reason="needs a fork server")
def test_what_commands_acknowledged_is_seen_once_by_all_later_readers(tmp_path):
    counts = study(6, 1, tmp_path)
    assert counts["killed"] >= 6
    assert counts["reads"] > 1
    assert counts["posts"] >= counts["acknowledged"] > 0
