"""Account for the signals without an event: at the start of a period, new ones, and at its end.

Every signal that stops being open leaves for one named reason, so the counts add up.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from foxgrape._util.formatting import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

__all__ = ["OpenSignals"]


@dataclass(frozen=True, slots=True)
class OpenSignals:
    """How many signals were open when a period began, entered, left for which reason, and are open.

    A signal is open while it has no event and its horizon has not ended.

    Attributes
    ----------
    before
        Open when the period began.
    new
        Posted in the period.
    read_anew
        Posted earlier, and read as signals only with what became known in the period.
    with_event
        Left, because an event became known, whether the post came before or after it.
    overdue
        Left, because their horizon ended without an event.
    unfollowed
        Left, because their horizon ended, and events were not recorded until then.
    read_differently
        Left, because they are no longer read as signals for this place.
    now
        Open when the period ended.

    Examples
    --------
    >>> flow = OpenSignals(before=3, new=2, read_anew=0, with_event=1, overdue=0, unfollowed=2,
    ...     read_differently=0, now=2)
    >>> flow.sentence()
    'Open signals: 3 before and 2 new; 3 left: 1 had an event, 2 no longer followed; 2 open now.'
    """

    before: int
    new: int
    read_anew: int
    with_event: int
    overdue: int
    unfollowed: int
    read_differently: int
    now: int

    @classmethod
    def of(
        cls, before: pd.DataFrame, links: pd.DataFrame, parts: Mapping[str, pd.DataFrame]
    ) -> OpenSignals:
        """Count the signals of a period.

        Parameters
        ----------
        before
            Signals that were open when the period began.
        links
            Links of all signals when it ended.
        parts
            Tables of signals of the period: ``new``, ``waiting``, ``overdue``, ``unfollowed``.
        """
        ids = {name: set(table["signal_id"]) for name, table in parts.items()}
        open_before = set(before["signal_id"])
        expected = open_before | ids["new"]
        known = set(links["signal_id"])
        linked = set(links.loc[links["observed"], "signal_id"])
        without_event = ids["waiting"] | ids["overdue"] | ids["unfollowed"]
        return cls(
            before=len(open_before),
            new=len(ids["new"]),
            read_anew=len(without_event - expected),
            with_event=len(expected & linked),
            overdue=len(ids["overdue"]),
            unfollowed=len(ids["unfollowed"]),
            read_differently=len(open_before - known),
            now=len(ids["waiting"]),
        )

    @property
    def left(self) -> int:
        """Number of signals that stopped being open in the period, for any reason."""
        return self.with_event + self.overdue + self.unfollowed + self.read_differently

    def to_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def sentence(self) -> str:
        """Return the counts in one sentence; an empty string if no signal was open."""
        if not any(self.to_dict().values()):
            return ""
        entered = f"{self.before:,} before and {self.new:,} new"
        if self.read_anew:
            entered = f"{self.before:,} before, {self.new:,} new and {self.read_anew:,} read anew"
        reasons = {
            "had an event": self.with_event,
            "had none until their horizon ended": self.overdue,
            "no longer followed": self.unfollowed,
            "read differently": self.read_differently,
        }
        why = ", ".join(f"{n:,} {reason}" for reason, n in reasons.items() if n)
        left = f"{self.left:,} left: {why}" if self.left else "none left"
        return f"Open signals: {entered}; {left}; {self.now:,} open now."

    def why_none_overdue(self) -> str:
        """Return the sentence for a period in which no signal became overdue.

        Examples
        --------
        >>> OpenSignals(4, 0, 0, 0, 0, 4, 0, 0).why_none_overdue()
        'No overdue signals: the horizon of 4 signals ended, but events were not recorded until ...'
        """
        if not self.unfollowed:
            return "No overdue signals: no horizon ended in this period without an event."
        return (
            f"No overdue signals: the horizon of {counted(self.unfollowed, 'signal')} ended, but "
            "events were not recorded until then; see below."
        )
