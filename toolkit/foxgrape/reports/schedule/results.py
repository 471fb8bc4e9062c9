"""What came of building reports period by period."""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd

__all__ = ["BackfillResult", "DueResult", "PeriodRun"]


@dataclass(frozen=True, slots=True)
class PeriodRun:
    """What came of the report of one period in this call.

    Attributes
    ----------
    entry
        The report.
    start, end
        The period.
    state
        ``done``; ``failed`` when it will be tried again; ``given up``; ``interrupted`` when the
        process that built it died: the next call takes it up.
    tries
        Attempts so far, with those of earlier calls.
    run_id
        The run that was built; None if there is none.
    error
        Why it failed, in one line; None when it did not.
    """

    entry: str
    start: datetime
    end: datetime
    state: str
    tries: int
    run_id: str | None
    error: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self) | {"start": self.start.isoformat(), "end": self.end.isoformat()}


class _Runs(ABC):
    """What the outcomes of a call have in common."""

    __slots__ = ()
    runs: tuple[PeriodRun, ...]

    @property
    def failed(self) -> tuple[PeriodRun, ...]:
        """Those that are not done; a later call may try them again."""
        return tuple(run for run in self.runs if run.state != "done")

    @abstractmethod
    def sentence(self) -> str:
        """Say it in one sentence."""

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each period of this call."""
        import pandas as pd

        columns = list(PeriodRun.__dataclass_fields__)
        return pd.DataFrame([asdict(run) for run in self.runs], columns=columns)

    def _repr_html_(self) -> str:
        shown = self.to_frame().to_html(index=False, border=0)
        return f"<p>{html.escape(self.sentence())}</p>{shown}"


@dataclass(frozen=True, slots=True)
class DueResult(_Runs):
    """What a call built.

    Attributes
    ----------
    runs
        One for each period that was due and nobody else had taken, in order of time.
    untold
        Why messages could not be sent; they are sent by a later call.
    """

    runs: tuple[PeriodRun, ...]
    untold: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"runs": [run.to_dict() for run in self.runs], "untold": list(self.untold)}

    def sentence(self) -> str:
        """Say it in one sentence."""
        if not self.runs:
            return "Nothing was due."
        count = len(self.runs)
        text = f"{count} {'report was' if count == 1 else 'reports were'} due"
        return f"{text}, {count - len(self.failed)} built, {len(self.failed)} failed."


@dataclass(frozen=True, slots=True)
class BackfillResult(_Runs):
    """What a call built of a stretch of the past.

    Attributes
    ----------
    periods
        How many whole periods the stretch has.
    before
        How many of them earlier calls had built.
    runs
        Those that this call built or failed to build, in order of time.
    """

    periods: int
    before: int
    runs: tuple[PeriodRun, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        runs = [run.to_dict() for run in self.runs]
        return {"periods": self.periods, "before": self.before, "runs": runs}

    def sentence(self) -> str:
        """Say it in one sentence."""
        built = len(self.runs) - len(self.failed)
        return (
            f"Of {self.periods} periods {built} were built, {self.before} were there already, "
            f"{len(self.failed)} failed."
        )
