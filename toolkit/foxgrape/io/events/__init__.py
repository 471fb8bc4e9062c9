"""Read events from the exports of ACLED, UCDP and VIINA, lists of control, and tables."""

from __future__ import annotations

from foxgrape.io.base import quarantined
from foxgrape.io.events.read import read_events, unresolved

__all__ = ["quarantined", "read_events", "unresolved"]
