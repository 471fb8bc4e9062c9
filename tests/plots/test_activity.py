"""Rows of figures by account, whatever an account is called."""

from __future__ import annotations

from dataclasses import replace

import pytest

from foxgrape import open_study
from foxgrape.plots.activity import event_timeline

IZIUM = "geonames:707292"


@pytest.mark.parametrize("with_events", [True, False])
@pytest.mark.parametrize("account", ["1234", "2022-09-10", "events"])
def test_every_account_has_a_row_of_its_own(account, with_events):
    study = open_study()
    own = replace(study, posts=study.posts.assign(account=account))
    analysis = own.analyse().filter(place_id=IZIUM)
    events = study.events[(study.events["place_id"] == IZIUM) & with_events]
    figure = event_timeline(analysis, events)
    axis = figure.layout.yaxis
    assert axis.type == "category"
    first, *others = axis.categoryarray
    assert first == "events"
    assert len(others) == 1
    assert others[0].rstrip("\u200b") == account
    marks = [trace for trace in figure.data if trace.mode == "markers"]
    drawn = [trace for trace in marks if trace.name != "change of control"]
    assert {row for trace in drawn for row in trace.y} == set(others)
    assert (len(drawn) < len(marks)) == with_events
    bars = [trace for trace in figure.data if trace.name in {"event", "confirmation"}]
    drawn_events = {row for trace in bars for row in trace.y if row}
    assert drawn_events == ({"events"} if with_events else set())
