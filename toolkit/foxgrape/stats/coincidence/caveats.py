"""What limits a test of coincidence: few signals or episodes, a shared tempo or front."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from foxgrape._util.formatting import counted, duration_in_words
from foxgrape._util.small_numbers import are_few, too_few
from foxgrape.stats.coincidence.surrogates import EXCHANGING

if TYPE_CHECKING:
    from foxgrape.stats.coincidence.point_pattern import PointPattern
    from foxgrape.stats.coincidence.surrogates import Confounding

__all__ = ["MAX_UNLOCATED", "WITHOUT_FRONT", "WITHOUT_TEMPO", "find_caveats"]

#: Null models that do not preserve a shared tempo, and those that do not preserve a shared front.
WITHOUT_TEMPO = frozenset({"uniform", "shuffle", "circular"})
WITHOUT_FRONT = frozenset({"uniform", "shuffle", "circular", "place"})
#: Warn that a test has little power if signals form fewer episodes than this share of them.
FEW_EPISODES = 0.25
#: Largest share of places without coordinates for which the local null model can claim a lead: it
#: cannot see a moving front at the others.
MAX_UNLOCATED = 0.1


def find_caveats(
    pattern: PointPattern, null: str, tempo: Confounding, front: Confounding
) -> tuple[str, ...]:
    """Return what a reader of a test of coincidence must know about its data, in sentences."""
    warnings = []
    mistaken = f"the {null} null model does not preserve this and mistakes it for foresight."
    if null in WITHOUT_TEMPO and tempo.significant:
        warnings.append(
            f"Signals and events share a tempo ({tempo.ratio:.1f} times as many pairs are close "
            f"in time as expected): {mistaken}"
        )
    if null in WITHOUT_FRONT and front.significant:
        warnings.append(
            f"Signals and events move over the map together ({front.ratio:.1f} times as many "
            f"pairs are close in time and place as expected): {mistaken}"
        )
    n = len(pattern.label)
    if n and are_few(n):
        warnings.append(f"{too_few(n, 'to test')}.")
    elif n and null in EXCHANGING and pattern.n_signal_places == 1:
        warnings.append(
            f"All {n:,} signals name one place: the {null} null model exchanges the places of "
            "signals, so that there is nothing to compare with. Hint: test all signals with "
            "by='place'."
        )
    if pattern.n_unfollowed:
        was = "was" if pattern.n_unfollowed == 1 else "were"
        longest = pd.Timedelta(int(max(pattern.windows)) + pattern.lag, unit="us")
        warnings.append(
            f"{counted(pattern.n_unfollowed, 'signal')} {was} not tested, because events were not "
            f"recorded for all of the {duration_in_words(longest)} after the post."
        )
    n_episodes = len(pattern.in_one_group().episodes()[1]) if null == "local" else n
    if n_episodes < FEW_EPISODES * n:
        warnings.append(
            f"The {n:,} signals form {counted(n_episodes, 'episode')}: signals for one place that "
            "follow each other closely count once, and leads among them are hard to detect."
        )
    if null == "local" and len(pattern.group_names) > 1 and not len(pattern.group_of_label):
        warnings.append(
            "Where a front moves slowly, tests by group claim a lead too often: by account or kind "
            "in 9 to 10% of simulated worlds without one, instead of 5%."
        )
    unknown = int(np.isnan(pattern.xy).any(axis=1).sum())
    if null == "local" and unknown:
        warnings.append(
            f"{unknown} of {counted(pattern.n_places, 'place')} "
            f"{'has' if unknown == 1 else 'have'} no known coordinates: how near the front was "
            "is not known there, only what had happened at the place itself."
            + (
                " The test is then unreliable."
                if unknown > MAX_UNLOCATED * pattern.n_places
                else ""
            )
        )
    return tuple(warnings)
