"""One reading of the coincidence test, the hazard ratio and the alarms of the same signals."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan, nan
from typing import TYPE_CHECKING, Any

import pandas as pd

from foxgrape._util.formatting import (
    counted,
    duration_in_words,
    moment,
    number_in_words,
    to_json_value,
    unlimited_or,
)
from foxgrape._util.result import Result
from foxgrape._util.small_numbers import TOO_FEW, are_few, too_few
from foxgrape.stats.inputs import LEVEL, MORE, NO_CLAIM, UNRELIABLE, window_in_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    import plotly.graph_objects as go

    from foxgrape.stats.alarms.molchan import Alarm
    from foxgrape.stats.coincidence.event_coincidence import Coincidence
    from foxgrape.stats.hazard.hazard_ratio import Hazard

__all__ = ["DISAGREE", "Verdict"]

#: Claim of a verdict whose results disagree.
DISAGREE = NO_CLAIM
#: A p-value up to this is near the level: it may fall on the other side in data of the same kind.
_NEARLY = 0.15


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Verdict(Result):
    """Three answers to the question whether events follow signals more often than by chance.

    A claim is made only if all results with enough data make it, so that three tests do not claim
    a lead more often than one.

    Attributes
    ----------
    coincidence, hazard, alarm
        The results, with the same signals, events, clock and observation period.
    """

    coincidence: Coincidence
    hazard: Hazard
    alarm: Alarm

    @property
    def claims(self) -> dict[str, str]:
        """The claim of each result."""
        return {
            "coincidence": self.coincidence.claim,
            "hazard": self.hazard.claim,
            "alarm": self.alarm.claim,
        }

    @property
    def claim(self) -> str:
        """The claim that all results with enough data make; ``No claim`` if they disagree."""
        if are_few(self.coincidence.n_signals):
            return TOO_FEW
        claims_made = {claim for claim in self.claims.values() if claim != TOO_FEW}
        return DISAGREE if len(claims_made) > 1 else next(iter(claims_made), TOO_FEW)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Caveats of all results, each once."""
        parts = (self.coincidence.warnings, self.hazard.warnings, self.alarm.warnings)
        return tuple(dict.fromkeys(line for part in parts for line in part))

    def sentence(self) -> str:
        """Return what was asked, with how much data, what each result says and if they agree."""
        n = self.coincidence.n_signals
        if not n or not self.coincidence.n_events:
            return f"There are no {'signals' if not n else 'events'} to test."
        if are_few(n):
            return f"{too_few(n, 'to test')}."
        within = window_in_words(self.coincidence.window, len(self.coincidence.windows))
        p_values = self._p_values()
        answers = {
            name: claim.lower() + ("" if isnan(p) else f" (p = {p:.2g})")
            for (name, claim), p in zip(self.claims.items(), p_values, strict=True)
        }
        ratio = "" if isnan(p_values[1]) else f" {unlimited_or(self.hazard.ratio)}"
        results = (
            f"coincidence {within}, {answers['coincidence']}; "
            f"hazard ratio{ratio}, {answers['hazard']}; alarms, {answers['alarm']}"
        )
        return f"{self.agreement()} Of {self.sizes()}: {results}. {self.reasons()}".strip()

    def agreement(self) -> str:
        """Return the claim, and whether the results agree on it."""
        return f"{self.claim}: {self._agreement()}"

    def sizes(self) -> str:
        """Return how many signals, events and places were tested."""
        first = self.coincidence
        return (
            f"{counted(first.n_signals, 'signal')} and {counted(first.n_events, 'event')} at "
            f"{counted(first.n_places, 'place')}, by their {moment(first.clock)}"
        )

    def _p_values(self) -> tuple[float, ...]:
        """Return p of each result; NaN for those with too few data."""
        p_values = (self.coincidence.p_trigger, self.hazard.p_value, self.alarm.p_value)
        return tuple(
            nan if claim == TOO_FEW else p
            for claim, p in zip(self.claims.values(), p_values, strict=True)
        )

    def _agreement(self) -> str:
        n_made = sum(claim != TOO_FEW for claim in self.claims.values())
        if self.claim == DISAGREE:
            return "the three results disagree."
        if self.claim == TOO_FEW:
            return "no result has enough data."
        return (
            "the three results agree."
            if n_made == len(self.claims)
            else (
                f"{number_in_words(n_made)} of three results "
                f"{'has' if n_made == 1 else 'have'} enough data."
            )
        )

    def reasons(self) -> str:
        """Return why results may disagree, or an empty string if they agree."""
        if self.claim != DISAGREE:
            return ""
        reasons = (
            "The coincidence test compares the places of posts at about the same time, the hazard "
            "ratio the places at the instant of each event, and alarms the share of events missed "
            "with the share of time and places alarmed."
        )
        return " ".join((reasons, *self._reasons_in_the_data()))

    def _reasons_in_the_data(self) -> Iterator[str]:
        """Yield what these data show that can make results disagree."""
        first, second = self.coincidence, self.hazard
        if first.claim == UNRELIABLE:
            yield "The coincidence test is unreliable here; its warnings say why."
        before, after = first.trigger_rate, first.echo_rate
        if after > before:
            yield (
                f"More signals came within the window after the {moment(first.clock)} of an event "
                f"({after:.0%}) than before one ({before:.0%}): posts about what has happened can "
                "lower the hazard ratio."
            )
        if first.level < first.p_trigger <= LEVEL:
            yield (
                f"The coincidence test is repeated, and p must be at most {first.level:.2g} now; "
                "the other results are not corrected for this."
            )
        near = [p for p in self._p_values() if LEVEL < p <= _NEARLY]
        if near and MORE in self.claims.values():
            yield (
                f"p = {min(near):.2g} is only just above {LEVEL:g}: a result that claims a lead "
                "and one that does not may differ by chance alone."
            )
        if getattr(second, "window", first.window) != first.window:
            yield (
                f"The hazard ratio is for {duration_in_words(second.window)}, the coincidence for "
                f"{duration_in_words(first.window)}."
            )
        if getattr(second, "n_signals", first.n_signals) != first.n_signals:
            yield (
                f"The hazard ratio also uses signals whose window was not observed throughout: "
                f"{second.n_signals:,} in place of {first.n_signals:,}."
            )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per result: its claim and p-value, NaN if it has too few data."""
        p_values = self._p_values()
        return pd.DataFrame(
            {"result": list(self.claims), "claim": list(self.claims.values()), "p_value": p_values}
        )

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values: the claim, and each result's claim and p-value."""
        rows = self.to_frame().to_dict("records")
        return {
            "claim": self.claim,
            "results": [
                {str(name): to_json_value(value) for name, value in row.items()} for row in rows
            ],
            "warnings": list(self.warnings),
            "sentence": self.sentence(),
        }

    def figure(self) -> go.Figure:
        """Draw the observed coincidences and their distribution under chance."""
        return self.coincidence.figure()
