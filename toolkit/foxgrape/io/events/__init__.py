"""Readers of events: one per data set or table, all returning the events table."""

from __future__ import annotations

from foxgrape.io.events.read import read_events

__all__ = ["read_events"]
