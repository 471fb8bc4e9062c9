"""Calls of a schedule that are killed at random moments lose nothing; `make kills` tries more."""

from __future__ import annotations

import pytest

from killed_schedule import study


@pytest.mark.slow
def test_calls_killed_at_random_moments_lose_nothing(tmp_path):
    counts = study(16, 1, tmp_path)
    assert counts["killed"] >= 4
    assert counts["reports"] >= 30


@pytest.mark.slow
def test_a_real_report_killed_at_random_moments_is_built_and_sent_once(tmp_path):
    counts = study(2, 2, tmp_path, "real")
    assert counts["killed"] >= 1
    assert counts["reports"] == 1
