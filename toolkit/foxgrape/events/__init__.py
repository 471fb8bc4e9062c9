"""Doors for events: one reader an export format, all giving the events table."""

from __future__ import annotations

from foxgrape.events.reading import read_events, unresolved
from foxgrape.formats import quarantined

__all__ = ["quarantined", "read_events", "unresolved"]
