"""A data set with known leads, from two files: numbers by group equal a count by definition.

Three accounts name 20 towns at random. In addition, `early` names a town 1.5 days before it is
taken if that is in August or September, and `informed` between capture and confirmation.
"""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from itertools import cycle

import numpy as np
import pandas as pd
import pytest
from scipy.stats import CensoredData, ecdf

from foxgrape import new_study, open_study
from foxgrape.places import Gazetteer

START, DAY = pd.Timestamp("2022-03-01T00:00Z"), pd.Timedelta(days=1)
TOWNS = [
    "Izium", "Balakliia", "Kupiansk", "Kherson", "Lysychansk", "Rubizhne",
    "Beryslav", "Bakhmut", "Soledar", "Avdiivka", "Vuhledar", "Enerhodar",
    "Orikhiv", "Tokmak", "Melitopol", "Berdiansk", "Mariupol", "Volnovakha",
    "Kreminna", "Svatove",
]  # fmt: skip
HORIZON, WINDOW = 30 * DAY, 7 * DAY


def instant(day):
    return (START + day * DAY).floor("s")


def planted(rng):
    """Return posts (instant, account, town) and events (town, occurred, confirmed or None)."""
    events = [
        (town, day, day + rng.uniform(1, 3) if rng.random() < 0.9 else None)
        for town, day in zip(rng.choice(TOWNS, 160), np.sort(rng.uniform(5, 250, 160)), strict=True)
    ]
    accounts = cycle(("early", "informed", "other"))
    posts = [(rng.uniform(0, 240), next(accounts), town) for town in rng.choice(TOWNS, 450)]
    posts += [(at - 1.5, "early", town) for town, at, _ in events if 153 <= at < 214]
    posts += [((at + known) / 2, "informed", town) for town, at, known in events if known]
    return posts, events


@pytest.fixture(scope="module", params=[True, False], ids=["confirmations", "no confirmations"])
def data(request, tmp_path_factory):
    """Return posts, events and the study that was made of their files."""
    posts, events = planted(np.random.default_rng(11))
    folder = tmp_path_factory.mktemp("planted")
    table = pd.DataFrame(posts, columns=["date", "username", "town"])
    table["date"] = table["date"].map(instant)
    written = table.assign(
        id=range(len(table)), text="Our soldiers are near " + table["town"] + "."
    )
    written[["id", "date", "username", "text"]].to_csv(folder / "posts.csv", index=False)
    happened = pd.DataFrame(events, columns=["place", "date", "confirmed"])
    for name in ("date", "confirmed"):
        happened[name] = pd.to_datetime(
            [None if pd.isna(day) else instant(day) for day in happened[name]], utc=True
        )
    if not request.param:
        happened["confirmed"] = pd.NaT
    out = happened.dropna(axis="columns", how="all").assign(id=range(len(happened)))
    out.to_csv(folder / "events.csv", index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        new_study(folder / "study", posts=folder / "posts.csv", events=folder / "events.csv")
    return table, happened, open_study(folder / "study")


def by_definition(posts, happened, clock, end):
    """Return, by group, the leads as (days, observed), the signals tested, and those followed."""
    times = happened["confirmed" if clock == "confirmed" else "date"]
    leads, tested, followed = defaultdict(list), Counter(), Counter()
    for at, account, town in posts.itertuples(index=False):
        own = times[(happened["place"] == town) & times.notna()]
        later, before = own[own >= at].min(), own[own < at].max()
        names = [
            ("account", account),
            ("month", f"{at:%Y-%m}"),
            ("place", town),
            ("kind", "mention"),
        ]
        for name in names:
            if at + WINDOW <= end:
                tested[name] += 1
                followed[name] += later - at <= WINDOW
            if later - at <= HORIZON:
                leads[name].append(((later - at) / DAY, True))
            elif not at - before <= HORIZON and at < end:
                leads[name].append((min(HORIZON, end - at) / DAY, False))
    return leads, tested, followed


def median(leads):
    """Return the median by scipy's Kaplan–Meier curve; NaN if it is not reached."""
    days = {seen: [day for day, observed in leads if observed == seen] for seen in (True, False)}
    curve = ecdf(CensoredData(uncensored=days[True], right=days[False])).sf
    below = np.flatnonzero(curve.probabilities <= 0.5 + 1e-12)
    if not len(below):
        return np.nan
    first = below[0]
    if curve.probabilities[first] < 0.5 - 1e-12:
        return curve.quantiles[first]
    events = [n for n in range(first + 1, len(curve.quantiles)) if curve.quantiles[n] in days[True]]
    return (curve.quantiles[first] + curve.quantiles[events[0]]) / 2


@pytest.mark.parametrize(
    ("data", "clock"),
    [(True, "confirmed"), (True, "occurred"), (False, "occurred")],
    indirect=["data"],
    ids=["confirmations, confirmed", "confirmations, occurred", "no confirmations, occurred"],
)
def test_numbers_by_group_equal_those_by_definition(data, clock):
    posts, happened, study = data
    end = (
        happened["confirmed"].max()
        if happened["confirmed"].notna().any()
        else happened["date"].max()
    )
    assert study.observed[1] == end
    analysis = study.analyse(clock=clock, signals="mentions")
    assert len(analysis.signals) == len(posts)
    leads, tested, followed = by_definition(posts, happened, clock, end)
    for by in ("month", "account", "place", "kind"):
        table = analysis.by(by, n=19).to_frame().set_index("group")
        groups = {name for kind, name in (*leads, *tested) if kind == by}
        assert set(table.index) == groups
        for name in groups:
            row, own = table.loc[name], leads[by, name]
            n_followed = sum(seen for _, seen in own)
            assert (row["n"], row["n_followed"]) == (len(own), n_followed)
            assert row["n_tested"] == tested[by, name]
            enough = len(own) >= 20
            expected = median(own) if enough else np.nan
            assert row["median"] / DAY == pytest.approx(expected, nan_ok=True, abs=1e-6)
            rate = followed[by, name] / tested[by, name] if tested[by, name] >= 20 else np.nan
            assert row["trigger_rate"] == pytest.approx(rate, nan_ok=True)


def test_planted_leads_are_claimed_on_their_clock(data):
    """Who knew of captures before they were confirmed did not know of them before they occurred."""
    _, happened, study = data
    claims = {
        clock: study.analyse(clock=clock, signals="mentions").by("account", n=999).table
        for clock in ("confirmed", "occurred")
        if clock == "occurred" or happened["confirmed"].notna().any()
    }
    for clock, table in claims.items():
        claim = table.set_index("group")["claim"]
        assert claim["other"] == "Consistent with chance"
        assert (claim["informed"] == "More than chance") == (clock == "confirmed")
        assert claim["early"] == "More than chance"


def test_events_with_the_name_of_a_signal_and_another_id_are_said(tmp_path):
    """Another Huliaipole was taken than the town that the posts mean."""
    rows = [f"{n},2022-09-0{n}T12:00:01Z,a,Our soldiers are near Huliaipole." for n in (1, 2)]
    rows += ["3,2022-09-03T12:00:01Z,a,Our soldiers are near Izium."]
    (tmp_path / "posts.csv").write_text("\n".join(["id,date,username,text", *rows]) + "\n")
    other = next(
        place.id
        for place in Gazetteer.default().namesakes("Huliaipole")
        if place.id != "geonames:707898"
    )
    table = f"id,place,place_id,date\n1,Huliaipole,{other},2022-09-05T12:00:01Z\n"
    table += "2,Izium,,2022-09-06T12:00:01Z\n"
    (tmp_path / "events.csv").write_text(table)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        new_study(tmp_path / "s", posts=tmp_path / "posts.csv", events=tmp_path / "events.csv")
    analysis = open_study(tmp_path / "s").analyse(signals="mentions")
    assert analysis.links["observed"].tolist() == [False, False, True]
    assert (
        "1 event has the name of a place of 2 signals, but another place_id (Huliaipole): they are "
        "not linked; check which place is meant." in analysis.findings()
    )
    assert not any("another place_id" in line for line in open_study().analyse().findings())
