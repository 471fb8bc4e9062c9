"""Fixtures of the tests of schedules."""

from __future__ import annotations

import pytest

from mailed_schedule import schedule_writer


@pytest.fixture
def write_schedule(tmp_path):
    """Return a function that writes a schedule of daily reports, and returns file and folder."""
    return schedule_writer(tmp_path)
