"""One place: all signals that refer to it, and all events there."""

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
    """Signals and events of one place.

    Attributes
    ----------
    place_id, name
        The place.
    analysis
        The analysis of the signals that refer to it.
    events
        Events there, of every kind.
    """

    place_id: str
    name: str
    analysis: Analysis
    events: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return one row per signal, with the columns of `Analysis.table`."""
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
        """Return the counts for the place in one sentence."""
        leads, leading = self.analysis.lead_times, len(self.analysis.leading_rows())
        return (
            f"{self.name}: {counted(len(self.events), 'event')}, "
            f"{counted(len(self.analysis.signals), 'signal')}; {leading} certainly came before "
            f"an event; {leads.n_censored} had no event within "
            f"{duration_in_words(self.analysis.horizon)} or until the end of observation."
        )

    def figure(self) -> go.Figure:
        """Draw events and signals in calendar time."""
        from foxgrape.plots.activity import event_timeline

        return event_timeline(self.analysis, self.events)

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.sentence())}</p>"


def place_brief(analysis: Analysis, place_id: str) -> PlaceBrief:
    """Collect all signals and events of one place.

    Parameters
    ----------
    analysis
        Of a study or a store.
    place_id
        Such as ``geonames:707292``. A place without signals and events has an empty brief.

    Returns
    -------
    PlaceBrief

    Raises
    ------
    FoxgrapeError
        If the place is in neither the study nor the packaged gazetteer.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> place_brief(open_study().analyse(), "geonames:702972").sentence()
    'Lysychansk: 1 event, 1 signal; 0 certainly came before an event; 1 had no event within ...'
    """
    study = analysis.study
    events = study.events[study.events["place_id"] == place_id]
    return PlaceBrief(
        place_id=place_id,
        name=_name(study, place_id),
        analysis=analysis.filter(place_id=place_id),
        events=events.reset_index(drop=True),
    )


def _name(study: Study, place_id: str) -> str:
    """Return the name of a place from the events, the study's gazetteer or the packaged one."""
    for name in study.events.loc[study.events["place_id"] == place_id, "place"].dropna():
        return str(name)
    for gazetteer in (study.codebook.gazetteer, Gazetteer.default()):
        if place_id in gazetteer:
            return gazetteer[place_id].name
    raise FoxgrapeError("unknown place id", got=place_id, hint="search with: foxgrape find NAME")
