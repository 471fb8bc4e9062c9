"""Doors for events: one reader an export format, all giving the events table."""

from __future__ import annotations

from foxgrape.io.base import quarantined
from foxgrape.io.events.read import read_events, unresolved

__all__ = ["quarantined", "read_events", "unresolved"]
