"""Results of building due reports and of backfilling past periods."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from foxgrape.reports.schedule.runner import PeriodRun

if TYPE_CHECKING:
    import pandas as pd

    from foxgrape.reports.schedule.ingest_sources import SourceResult

__all__ = ["BackfillResult", "DueResult"]


class _Result(ABC):
    """Methods that the results of `run_due` and `backfill` share."""

    __slots__ = ()
    runs: tuple[PeriodRun, ...]

    @property
    def failed(self) -> tuple[PeriodRun, ...]:
        """Results of periods that were not built; a later call may retry them."""
        return tuple(run for run in self.runs if run.state not in {"done", "skipped"})

    @abstractmethod
    def sentence(self) -> str:
        """Return a summary in one sentence."""

    def to_frame(self) -> pd.DataFrame:
        """Return one row per period of this call."""
        import pandas as pd

        columns = list(PeriodRun.__dataclass_fields__)
        return pd.DataFrame([asdict(run) for run in self.runs], columns=columns)

    def _repr_html_(self) -> str:
        from foxgrape._util.formatting import sentence_with_table

        return sentence_with_table(self.sentence(), self.to_frame())


@dataclass(frozen=True, slots=True)
class DueResult(_Result):
    """Result of `run_due`.

    Attributes
    ----------
    runs
        One result per due period, oldest first; periods that another process had claimed are
        omitted.
    undelivered
        One error text per message that could not be sent; later calls try again.
    given_up
        One error text per message that could not be sent for seven days and is not tried again.
    repeated
        One text per message that may have been sent twice.
    sent
        Number of messages sent.
    waiting
        Number of messages that wait to be sent by a later call.
    ingested
        What was read from each source of the due reports.
    problems
        One error text per rule of an alert that could not be evaluated.
    """

    runs: tuple[PeriodRun, ...]
    undelivered: tuple[str, ...] = ()
    given_up: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    sent: int = 0
    waiting: int = 0
    ingested: tuple[SourceResult, ...] = ()
    problems: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        names = ("undelivered", "given_up", "repeated", "problems")
        texts = {name: list(getattr(self, name)) for name in names}
        return {
            "runs": [run.to_dict() for run in self.runs],
            **texts,
            "sent": self.sent,
            "waiting": self.waiting,
            "ingested": [asdict(result) for result in self.ingested],
        }

    def sentence(self) -> str:
        """Return a summary in one sentence."""
        sent = f" {_messages(self.sent)} sent." if self.sent else ""
        if self.waiting:
            verb = "waits" if self.waiting == 1 else "wait"
            sent += f" {_messages(self.waiting)} {verb} to be sent."
        if not self.runs:
            return f"No reports were due.{sent}"
        count, failed = len(self.runs), len(self.failed)
        noun = "report was" if count == 1 else "reports were"
        skipped = sum(run.state == "skipped" for run in self.runs)
        nothing = f", {skipped} skipped (nothing new)" if skipped else ""
        built = count - failed - skipped
        return f"{count} {noun} due: {built} built, {failed} failed{nothing}.{sent}"


def _messages(count: int) -> str:
    return f"{count} {'message' if count == 1 else 'messages'}"


@dataclass(frozen=True, slots=True)
class BackfillResult(_Result):
    """Result of `backfill`.

    Attributes
    ----------
    periods
        Number of complete periods in the range.
    already_built
        Number of periods in the range that earlier calls had built.
    runs
        One result per period that this call built or failed to build, oldest first.
    """

    periods: int
    already_built: int
    runs: tuple[PeriodRun, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        runs = [run.to_dict() for run in self.runs]
        return {"periods": self.periods, "already_built": self.already_built, "runs": runs}

    def sentence(self) -> str:
        """Return a summary in one sentence."""
        built, failed = len(self.runs) - len(self.failed), len(self.failed)
        noun = "period" if self.periods == 1 else "periods"
        return (
            f"{self.periods} {noun}: {built} built, {self.already_built} already built, "
            f"{failed} failed."
        )
