"""Event readers, one per data set and one for tables; all return the events table."""

from __future__ import annotations

from foxgrape.io.events.read import read_events

__all__ = ["read_events"]
