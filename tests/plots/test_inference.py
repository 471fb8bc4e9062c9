"""Figures of tests: names that do not cover each other, and captions that say what is drawn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from foxgrape import alarm, hazard, simulate
from foxgrape.plots.inference import forest, molchan_diagram


@pytest.fixture(scope="module")
def world():
    return simulate.world(signals=60, events=120, leads=0.4, rng=2)


def test_windows_whose_marks_lie_close_together_share_a_name(world):
    result = alarm(world.signals, world.events, window=["1D", "7D"], n=19, observed=world.observed)
    apart = result.windows.assign(alarmed=[0.1, 0.5], missed=[0.9, 0.4])
    close = result.windows.assign(alarmed=[0.1, 0.12], missed=[0.9, 0.89])
    names = [
        [note.text for note in molchan_diagram(replace(result, windows=windows)).layout.annotations]
        for windows in (apart, close)
    ]
    assert [name for name in names[0] if "day" in name] == ["1 day", "7 days"]
    assert [name for name in names[1] if "day" in name] == ["1 day, 7 days"]


def test_a_caption_has_the_numbers_and_does_not_repeat_the_finding(world):
    result = hazard(world.signals, world.events, window="7D", observed=world.observed)
    figure = forest(result)
    assert result.claim not in figure.layout.meta["alt"]
    assert f"{result.ratio:.2f} (" in figure.layout.meta["alt"]
    # On a phone, the names are above the bars.
    assert figure.layout.meta["stacked"]
    assert list(figure.layout.yaxis.categoryarray) == list(result.terms["term"])
