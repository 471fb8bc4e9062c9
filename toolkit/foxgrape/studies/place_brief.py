"""One place: all signals that pointed to it, and all that happened there."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from foxgrape._util.formatting import counted, duration_in_words
from foxgrape.errors import FoxgrapeError
from foxgrape.places import Gazetteer

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from foxgrape.studies.analysis import Analysis
    from foxgrape.studies.study import Study

__all__ = ["PlaceBrief", "place_brief"]


@dataclass(frozen=True, slots=True, eq=False)
class PlaceBrief:
    """What is known of one place.

    Attributes
    ----------
    place_id, name
        Which place.
    analysis
        The analysis, of the signals that point there.
    events
        All that happened there, of every kind.
    """

    place_id: str
    name: str
    analysis: Analysis
    events: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return one row a signal, as `Analysis.table` has them."""
        return self.analysis.table()

    def to_dict(self) -> dict[str, Any]:
        """Return the place, the ids of its signals and events, and the sentence."""
        return {
            "place_id": self.place_id,
            "place": self.name,
            "signals": self.analysis.signals["signal_id"].tolist(),
            "events": self.events["event_id"].tolist(),
            "sentence": self.sentence(),
        }

    def sentence(self) -> str:
        """Say in one sentence what is known of the place."""
        leads, before = self.analysis.lead_times, len(self.analysis.before())
        return (
            f"{self.name}: {counted(len(self.events), 'event')}, "
            f"{counted(len(self.analysis.signals), 'signal')}; {before} certainly came before "
            f"an event, {leads.n_censored} had none within "
            f"{duration_in_words(self.analysis.horizon)} or as long as they were watched."
        )

    def figure(self) -> go.Figure:
        """Draw events and signals in calendar time."""
        from foxgrape.plots.activity import event_timeline

        return event_timeline(self.analysis, self.events)

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.sentence())}</p>"


def place_brief(analysis: Analysis, place_id: str) -> PlaceBrief:
    """Gather all signals and events of one place.

    Parameters
    ----------
    analysis
        Of a study or a store.
    place_id
        Such as ``geonames:707292``. A place of which nothing is known has an empty brief.

    Returns
    -------
    PlaceBrief

    Raises
    ------
    FoxgrapeError
        If neither the study nor the packaged gazetteer knows the place.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> place_brief(open_study().analyse(), "geonames:702972").sentence()
    'Lysychansk: 1 event, 1 signal; 0 certainly came before an event, 1 had none within 30 days ...'
    """
    study = analysis.study
    there = study.events[study.events["place_id"] == place_id]
    return PlaceBrief(
        place_id=place_id,
        name=_name(study, place_id),
        analysis=analysis.only(place_id=place_id),
        events=there.reset_index(drop=True),
    )


def _name(study: Study, place_id: str) -> str:
    """Return what a place is called: by the events, the study's codebook, or the gazetteer."""
    for name in study.events.loc[study.events["place_id"] == place_id, "place"].dropna():
        return str(name)
    for gazetteer in (study.codebook.gazetteer, Gazetteer.default()):
        if place_id in gazetteer:
            return gazetteer[place_id].name
    raise FoxgrapeError("nobody knows this place", got=place_id, hint="foxgrape find NAME")
