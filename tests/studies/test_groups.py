"""Lead times and the test against chance by month, account, place and kind of signal."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from foxgrape import FoxgrapeError, open_study, simulate
from foxgrape.linking import link
from foxgrape.studies.analysis import Analysis
from foxgrape.studies.groups import with_month

ROOT = Path(__file__).parents[2]


def analysis_of(signals, events, observed_until, timezone="Europe/Kyiv") -> Analysis:
    """Return an analysis of given signals and events."""
    base = open_study()
    study = replace(base, events=events, timezone=timezone, observed_until=observed_until, kinds=())
    links = link(signals, events, observed_until=observed_until)
    return replace(
        base.analyse(), study=study, signals=signals, links=links, clock=links["clock"].iloc[0]
    )


@pytest.fixture(scope="module")
def world():
    """Return a year of 160 signals of two accounts, a third of which lead an event."""
    world = simulate.world(signals=160, events=150, places=25, leads=0.35, accounts=2, rng=3)
    end = world.observed[1]
    end = end if isinstance(end, str) else end.isoformat()
    return analysis_of(world.signals, world.events, end)


def test_the_month_is_that_of_the_study_and_of_the_post():
    """Half past nine in the evening of 31 August in UTC is past midnight in Kyiv."""
    signals = pd.DataFrame(
        {
            "posted_at": pd.to_datetime(["2022-08-31T21:30Z", "2022-08-31T20:30Z"]),
            "posted_until": pd.to_datetime(["2022-10-01T00:00Z"] * 2),
        }
    )
    assert with_month(signals, "Europe/Kyiv")["month"].tolist() == ["2022-09", "2022-08"]
    assert with_month(signals, "UTC")["month"].tolist() == ["2022-08", "2022-08"]
    assert "month" not in signals


def test_few_signals_are_counted_and_not_tested():
    groups = open_study().analyse().by("month", n=99)
    table = groups.to_frame()
    assert table["group"].tolist() == ["2022-09", "2022-11", "2023-09"]
    assert table["n"].tolist() == [2, 1, 1]  # 🍉 is hindsight
    assert table["n_followed"].tolist() == [1, 1, 1]
    assert table["n_tested"].tolist() == [2, 2, 1]
    assert table[["p", "q"]].isna().all(axis=None)
    assert set(table["claim"]) == {"Too few to test"}
    assert "By month: no group has the 20 signals that a test needs." in groups.sentence()
    assert "p =" not in groups.sentence()


@pytest.mark.parametrize("by", ["month", "account", "place", "kind"])
def test_each_group_has_its_own_leads_and_all_signals_are_in_one(world, by):
    groups = world.by(by, n=99)
    table = groups.table
    assert table["n"].sum() == groups.lead_times.n
    assert table["n_tested"].sum() == groups.coincidence.n_signals
    assert (table["n_followed"] + table["n_censored"] == table["n"]).all()
    assert table["group"].is_unique
    assert (table["p"].isna() == (table["n_tested"] < 20)).all()
    tested = table["p"].dropna()
    if len(tested):
        adjusted = multipletests(tested, method="fdr_bh")[1]
        assert table.loc[tested.index, "q"].tolist() == pytest.approx(adjusted)
    assert json.loads(json.dumps(groups.to_dict()))["by"] == by
    assert groups._repr_html_().startswith("<p>")
    alt = groups.figure().layout.meta["alt"]
    assert f"by {by}" in alt


def test_accounts_agree_with_the_tests_of_each_alone(world):
    groups = world.by("account", n=199)
    table = groups.table.set_index("group")
    for account in table.index:
        alone = world.filter(account=account).lead_times
        assert table.loc[account, "n"] == alone.n
        medians = table.loc[account, "median"], alone.median
        assert medians[0] == medians[1] or all(map(pd.isna, medians))
    chance = world.coincidence(by="account", n=199).groups.set_index("group")
    assert table["trigger_rate"].tolist() == chance["trigger_rate"].tolist()
    claims = np.where(table["q"] <= 0.05, "More than chance", "Consistent with chance")
    assert table["claim"].tolist() == claims.tolist()
    assert "2 groups have at least 20 signals" in groups.sentence()


def test_months_can_be_tested_alone(world):
    names = world.coincidence(by="month", n=19).groups["group"].tolist()
    assert names == sorted(names)
    assert all(len(name) == 7 for name in names)


def test_places_of_one_name_are_groups_of_their_own(world):
    signals = world.signals.assign(place="Лиман")
    table = replace(world, signals=signals).by("place", n=19).table
    assert len(table) == signals["place_id"].nunique()
    assert table["group"].str.startswith("Лиман (").all()


def test_signals_without_a_value_are_one_group_in_leads_and_in_chance(world):
    confidence = pd.Series(["A", None] * 80, dtype="str")
    table = (
        replace(world, signals=world.signals.assign(confidence=confidence))
        .by("confidence", n=19)
        .table.set_index("group")
    )
    assert table.index.tolist() == ["A", "none"]
    assert (table[["n", "n_tested"]] > 0).all(axis=None)


def test_an_unknown_group_is_refused(world):
    with pytest.raises(FoxgrapeError, match=r"got 'acount'.*did you mean 'account'"):
        world.by("acount")


def test_many_groups_are_drawn_in_part(world):
    by_signal = replace(world, signals=world.signals.assign(code=world.signals["signal_id"]))
    figure = by_signal.by("code", n=19).figure()
    assert "40 of 160 groups" in figure.layout.title.text


def newcomers_lines():
    """Return the lines of the README that answer by month, from two files."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n((?:(?!```).)*\.by\(\"month\"\).*?)```", text, re.DOTALL)
    return [line for line in code.splitlines() if line]


def test_the_newcomers_question_takes_six_lines(tmp_path, monkeypatch, capsys):
    """24 posts of August name Izium a day before it was taken, 24 of September two days after."""
    monkeypatch.chdir(tmp_path)
    days = [f"2022-08-{9 if n < 24 else 12:02}T{n % 24:02}:00:30Z" for n in range(48)]
    days = [day if n < 24 else day.replace("2022-08", "2022-09") for n, day in enumerate(days)]
    rows = [
        f"{n},{day},V_Zelenskiy_official,Our soldiers are near Izium.\n"
        for n, day in enumerate(days)
    ]
    (tmp_path / "result.json").write_text(
        "id,date,username,text\n" + "".join(rows), encoding="utf-8"
    )
    events = "id,place,date\n1,Izium,2022-08-10T12:00:30Z\n2,Izium,2022-09-10T12:00:30Z\n"
    events += "3,Balakliia,2022-12-01T12:00:30Z\n"
    (tmp_path / "changes.csv.gz").write_text(events, encoding="utf-8")
    lines = newcomers_lines()
    assert len(lines) <= 6
    names: dict[str, object] = {}
    exec("\n".join(lines), names)  # noqa: S102 - the example of the README
    table = names["months"].table.set_index("group")
    assert table.index.tolist() == ["2022-08", "2022-09"]
    assert table["n_tested"].tolist() == [24, 24]
    assert table["trigger_rate"].tolist() == [1, 0]
    assert table["n_followed"].tolist() == [24, 0]
    assert pd.Timedelta(0) < table.loc["2022-08", "median"] <= pd.Timedelta("2D")
    out = capsys.readouterr().out
    assert "By month: the signals name one place, too few to test." in out


def test_signals_without_a_code_are_tested_as_a_group_of_codes(world):
    code = world.signals["place_id"].mask(np.arange(len(world.signals)) % 2 == 0)
    analysis = replace(world, signals=world.signals.assign(code=code))
    groups = analysis.by("code", n=99).coincidence.groups
    alone = analysis.coincidence(by="code", n=99).groups
    assert groups["p_trigger"].tolist() == alone["p_trigger"].tolist()
