"""One reading of the coincidence test, the hazard ratio and the alarms of the same signals."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any

import pandas as pd

from foxgrape._util.formatting import (
    counted,
    number_in_words,
    sentence_with_table,
    to_json_value,
)
from foxgrape.stats.inputs import MIN_SIGNALS, TOO_FEW, window_in_words

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from foxgrape.stats.alarms.molchan import Alarm
    from foxgrape.stats.coincidence.event_coincidence import Coincidence
    from foxgrape.stats.hazard.hazard_ratio import Hazard

__all__ = ["DISAGREE", "Verdict"]

#: Claim of a verdict whose results disagree.
DISAGREE = "No claim"


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
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
        if self.coincidence.n_signals < MIN_SIGNALS:
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
        if n < MIN_SIGNALS:
            are = "signal is" if n == 1 else "signals are"
            return f"{number_in_words(n).capitalize()} {are} too few to test."
        sizes = (
            f"{counted(n, 'signal')}, {counted(self.coincidence.n_events, 'event')} at "
            f"{counted(self.coincidence.n_places, 'place')}"
        )
        within = window_in_words(self.coincidence.window, len(self.coincidence.windows))
        p_alarm = "" if isnan(self.alarm.p_value) else f" (p = {self.alarm.p_value:.2g})"
        answers = (
            f"coincidence {within}, "
            f"{self.claims['coincidence'].lower()} (p = {self.coincidence.p_trigger:.2g}); "
            f"{self._hazard_answer()}; "
            f"alarms, {self.claims['alarm'].lower()}{p_alarm}"
        )
        return f"{self.claim}: {self._agreement()} Of {sizes}: {answers}.{self._reasons()}"

    def _hazard_answer(self) -> str:
        if isnan(self.hazard.ratio):
            return "no hazard ratio can be estimated"
        claim, p = self.claims["hazard"].lower(), self.hazard.p_value
        return f"hazard ratio {self.hazard.ratio:.2f}, {claim} (p = {p:.2g})"

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

    def _reasons(self) -> str:
        """Return why results may disagree, or an empty string if they agree."""
        if self.claim != DISAGREE:
            return ""
        reasons = (
            " The coincidence test compares the places of posts at about the same time, the hazard "
            "ratio the places at the instant of each event, and alarms the share of events missed "
            "with the share of time and places alarmed."
        )
        before, after = self.coincidence.trigger_rate, self.coincidence.echo_rate
        if after > before:
            reasons += (
                f" More signals came within the window after an event ({after:.0%}) than before "
                f"one ({before:.0%}): posts about what has happened can lower the hazard ratio."
            )
        return reasons

    def to_frame(self) -> pd.DataFrame:
        """Return one row per result: its claim and p-value."""
        p_values = (self.coincidence.p_trigger, self.hazard.p_value, self.alarm.p_value)
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

    def _repr_html_(self) -> str:
        return sentence_with_table(self.sentence(), self.to_frame(), self.warnings)
