"""Size and power in a few simulated worlds; `make calibrate` runs the full study."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from foxgrape.errors import FoxgrapeError
from foxgrape.stats import simulate
from foxgrape.stats.power import estimate_power

SCRIPTS = Path(__file__).parents[1] / "scripts"


def load(name):
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def study():
    return load("calibrate")


@pytest.fixture(scope="module")
def by_group():
    """Return the script that measures groups, which imports the other script."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPTS)
        return load("calibrate_groups")


@pytest.mark.parametrize(
    "family",
    [
        "nothing shared",
        "tempo",
        "slow front",
        "fast front",
        "fast front, clustered posts",
        "fast front, narrow",
    ],
)
def test_the_local_null_has_its_nominal_size(study, family):
    """In 200 worlds the rate is 5%, within three standard deviations."""
    assert 0.005 <= study.claims(study.FAMILIES[family], 200, "local") <= 0.097


@pytest.mark.parametrize(
    ("family", "least"),
    [("nothing shared", 0.5), ("tempo", 0.4), ("slow front", 0.2), ("fast front", 0.2)],
)
def test_the_local_null_keeps_power(study, family, least):
    planted = study.FAMILIES[family] | {"leads": 0.15}
    assert study.claims(planted, 100, "local") >= least


def test_common_nulls_are_anti_conservative_under_tempo_and_front(study):
    least = {"uniform": 0.8, "shuffle": 0.8, "circular": 0.4, "place": 0.4}
    for null, share in least.items():
        assert study.claims(study.FAMILIES["fast front"], 100, null) > share


def test_a_scan_over_ten_windows_has_its_nominal_size(study):
    windows = tuple(range(1, 11))
    for family in ("nothing shared", "fast front"):
        assert study.claims(study.FAMILIES[family], 100, "local", windows) <= 0.115


def test_a_stopped_run_is_resumed(study, tmp_path, monkeypatch):
    """A stopped run continues with the missing cells; a complete one only reads the file."""
    monkeypatch.setattr(study, "FAMILIES", {name: {} for name in ("nothing shared", "fast front")})
    done = tmp_path / "done.jsonl"
    rows = study.run(3, done)
    kept = done.read_text("utf-8").splitlines()
    done.write_text("\n".join(kept[:2]) + "\n", "utf-8")
    assert study.run(3, done) == rows
    assert done.read_text("utf-8").splitlines() == kept
    monkeypatch.setattr(study, "claims", None)
    assert study.run(3, done) == rows
    page = tmp_path / study.PAGE
    page.parent.mkdir()
    page.write_text("before\n<!-- calibration -->\n<!-- end of calibration -->\nafter\n", "utf-8")
    monkeypatch.setattr(study.shutil, "which", lambda _: None)
    study.write(rows, tmp_path)
    markers = (SCRIPTS.parent / "docs" / study.PAGE).read_text("utf-8")
    assert markers.count("calibration -->") == 2
    text = page.read_text("utf-8")
    assert "| nothing shared |" in text
    assert text.startswith("before")
    assert text.endswith("after\n")


def test_a_world_has_the_requested_properties():
    world = simulate.world(
        signals=200, events=300, places=30, tempo="bursts", front=2.5, accounts=3, leads=0.3,
        announced=0.2, clustered=0.2, edited=0.5, rough=1.0, rng=5,
    )  # fmt: skip
    events = world.events.set_index("event_id")
    both = world.signals.merge(world.truth, on="signal_id")
    planted = both[both["leads"].notna()]
    assert 0.2 < len(planted) / 200 < 0.4
    assert (events.loc[planted["leads"], "place_id"].to_numpy() == planted["place_id"]).all()
    assert (planted["lead"] > pd.Timedelta(0)).all()
    low = (
        events.loc[planted["leads"], "occurred_at"].to_numpy() - planted["posted_until"].to_numpy()
    )
    high = (
        events.loc[planted["leads"], "occurred_until"].to_numpy() - planted["posted_at"].to_numpy()
    )
    assert ((low <= planted["lead"].to_numpy()) & (planted["lead"].to_numpy() <= high)).all()
    assert world.posts["edited_at"].notna().mean() == pytest.approx(0.5, abs=0.12)
    assert world.posts["account"].nunique() == 3
    width = world.posts["posted_until"] - world.posts["posted_at"]
    assert (width > pd.Timedelta(hours=23)).mean() > 0.95
    assert world.front.min() >= 0
    assert world.front.max() <= 200


def test_a_world_is_reproduced_by_its_seed():
    first, second, other = (simulate.world(leads=0.2, rough=0.5, rng=seed) for seed in (3, 3, 4))
    for name in ("posts", "signals", "events", "truth"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name))
    assert not first.events.equals(other.events)
    assert first.seed == 3
    assert simulate.world(signals=3, rng=np.random.default_rng(1)).seed is None


def test_leads_beyond_observation_are_censored():
    world = simulate.world(leads=1.0, delay=400.0, rng=1)
    assert world.truth["leads"].isna().mean() > 0.3


@pytest.mark.parametrize("options", [{"leads": 1.5}, {"tempo": "slow"}, {"places": 0}])
def test_invalid_worlds_are_refused(options):
    with pytest.raises(FoxgrapeError):
        simulate.world(**options)


def test_power_grows_with_signals():
    power = estimate_power({"events": 100}, leads=0.3, signals=(10, 80), worlds=40, n=99)
    assert power.table["power"].is_monotonic_increasing
    assert power.needed == 80
    none = estimate_power({"events": 20}, leads=0.01, signals=(5,), worlds=20, n=99)
    assert none.needed is None
    assert "are too few to detect" in none.sentence()
    assert json.dumps(none.to_dict())
    assert replace(none, table=none.table.assign(signals=1)).sentence().startswith("1 signal is")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"leads": 0}, "leads must be"),
        ({"null": "locale"}, "did you mean 'local'"),
        ({"n": 0}, "at least 1; got 0"),
        ({"window": "soon"}, "window must be a positive duration"),
        ({"signals": ()}, "power needs at least"),
        ({"worlds": 0}, "power needs at least"),
    ],
)
def test_invalid_power_options_are_refused(options, message):
    with pytest.raises(FoxgrapeError, match=message):
        estimate_power({}, **options)


@pytest.mark.parametrize("by", ["place", "account", "month", "kind"])
def test_groups_have_their_nominal_size(by_group, by):
    """Any group makes a claim in 5% of worlds: in more than 5 of 25, by chance in 1 of 800."""
    rows = [
        {"family": "fast front", "by": by, **by_group.p_of_groups("fast front", by, number)}
        for number in range(25)
    ]
    worlds, claimed, below = by_group.sizes(rows)["fast front", by]
    assert worlds == 25
    assert claimed <= 5 / 25
    assert below <= 0.12


def test_worlds_in_groups_are_those_of_the_test(by_group):
    """The groups are those of `coincidence` in the same world, without signals of the last week."""
    options = by_group.LARGE | by_group.GROUP_FAMILIES["slow front"]
    pattern = by_group.grouped(options, "place", 5)
    world = simulate.world(**options, rng=5)
    inside = world.signals["posted_at"] <= world.observed[1] - pd.Timedelta(days=7)
    counts = world.signals.loc[inside, "place_id"].value_counts()
    assert sorted(np.bincount(pattern.group)) == sorted(counts)
    assert len(pattern.group_of_label) == len(pattern.group_names) == len(counts)
    assert not len(by_group.grouped(options, "month", 5).group_of_label)


def test_events_preceded_alone_and_seasons_are_limits(by_group):
    """In 60 worlds with seasons the size is above 5%: fewer than 4 are chance in 1 of 100."""
    p = np.array([by_group.p_of_limit("seasons", number)["p"] for number in range(60)])
    assert (p[:, 0] <= 0.05).sum() >= 4


def test_tables_of_groups_are_written_between_their_markers(by_group, tmp_path):
    rows = [
        {"family": family, "by": by, "world": 0, "p": [0.01, 0.9], "q": [0.02, 0.9]}
        for family, by in by_group.cells()
        if by
    ]
    rows += [
        {"family": name, "by": "", "world": number, "p": p}
        for name in by_group.LIMITS
        for number, p in enumerate(([0.01, 0.2], [0.3, 0.01], [0.02, 0.03], [0.5, 0.5]))
    ]
    page = tmp_path / by_group.PAGE
    page.parent.mkdir()
    marks = "".join(f"<!-- {name} -->\n<!-- end of {name} -->\n" for name in ("groups", "limits"))
    page.write_text(f"before\n{marks}after\n", "utf-8")
    by_group.write(rows, tmp_path)
    text = page.read_text("utf-8")
    assert "| fast front | **100.0%** (50.0%) |" in text
    assert "| seasons | 50.0% | 50.0% | 25.0% |" in text
    assert text.endswith("<!-- end of limits -->\nafter\n")
    by_group.write(rows, tmp_path)
    assert page.read_text("utf-8") == text
