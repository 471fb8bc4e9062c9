"""The embedded study: what it must hold, what it must show, and how a broken one ends."""

from __future__ import annotations

import json
import subprocess
import sys

import pandas as pd
import pytest
from frictionless import Package

from factories import change
from foxgrape import FoxgrapeError, link, open_study
from foxgrape.cli.app import run
from foxgrape.display.report_tables import headline, methods, sides_table, signals_table
from foxgrape.linking import confirmed_by_side
from foxgrape.plots.signals import place_map, timeline

TICK = pd.Timedelta(1, "us")
DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def study():
    return open_study()


def row(analysis, code):
    found = analysis.table().set_index("code").loc[code]
    assert isinstance(found, pd.Series)
    return found


def test_the_package_is_valid(study):
    report = Package(study.folder / "datapackage.json").validate()
    assert report.valid, report.flatten(["title", "rowNumber", "fieldName", "message"])


def test_every_resource_tells_schema_source_and_licence(study):
    package = json.loads((study.folder / "datapackage.json").read_text(encoding="utf-8"))
    for resource in package["resources"]:
        assert resource["schema"]["fields"]
        assert resource["sources"]
        assert resource["licenses"]


def test_enough_events_with_both_clocks_and_a_first_confirmer(study):
    whole = study.events.dropna(subset=["occurred_at", "confirmed_at", "confirmed_by"])
    graded = whole[whole["confidence"].isin(["A", "B"])]
    assert len(graded) >= 60
    assert set(graded["confirmed_by"]) == {"UA", "RU"}


@pytest.mark.parametrize("name", ["posts", "events", "confirmations"])
def test_every_row_has_a_source_and_a_grade(study, name):
    table = getattr(study, name)
    known = ("source_title", "source_publisher") if name == "posts" else ("source", "publisher")
    assert table["confidence"].isin(["A", "B"]).all()
    assert table[known[0]].fillna(table[known[1]]).notna().all()
    addresses = table["source_url" if name == "posts" else "url"].dropna()
    assert addresses.str.startswith("http").all()


def test_the_first_confirmation_is_the_first_of_the_confirmations(study):
    first = (
        study.confirmations.sort_values(
            ["confirmed_until", "confirmed_at", "confirmed_by"], ascending=[True, True, False]
        )
        .drop_duplicates("event_id")
        .set_index("event_id")
    )
    for event in study.events.dropna(subset=["confirmed_at"]).itertuples():
        told = first.loc[event.event_id]
        assert (told["confirmed_by"], told["confirmed_at"], told["confirmed_until"]) == (
            event.confirmed_by,
            event.confirmed_at,
            event.confirmed_until,
        )


def test_the_founding_story_is_there(study):
    posts = study.posts.set_index("post_id")
    yermak = posts[posts["account"] == "Andriy Yermak"]["text"]
    for sign in ("🍇", "🦊", "🍉", "bullfinch", "soldiers by a church"):
        assert yermak.str.contains(sign).any(), sign
    maliar = posts[posts["account"] == "Hanna Maliar"]
    assert maliar["edited_at"].notna().sum() == 1
    assert len(maliar) == 2


@pytest.mark.parametrize(
    ("side", "relation", "lead_min", "lead_max"),
    [
        # Posted on the 10th; Kyiv confirmed on the 11th, Moscow on the 10th.
        ("UA", "precedes", TICK, 2 * DAY - TICK),
        ("RU", "undetermined", TICK - DAY, DAY - TICK),
        (None, "undetermined", TICK - DAY, DAY - TICK),
    ],
)
def test_izium_on_each_clock(study, side, relation, lead_min, lead_max):
    found = row(study.analyse(confirmed_by=side), "🍇")
    assert (found["place"], found["relation"]) == ("Izium", relation)
    assert (found["lead_min"], found["lead_max"]) == (lead_min, lead_max)
    assert not found["hindsight"]


def test_lysychansk_is_right_censored(study):
    for horizon in ("30D", "365D"):
        found = row(study.analyse(horizon=horizon), "🦊")
        assert (found["place"], found["relation"]) == ("Lysychansk", "unconfirmed")
        assert found["lead_min"] == pd.Timedelta(horizon)
        assert pd.isna(found["lead_max"])


def test_a_symbol_decoded_after_its_event_is_hindsight(study):
    assert row(study.analyse(), "🍉")["hindsight"]
    assert study.analyse().lead_times.n_hindsight == 1


def test_mentions_are_a_baseline_of_their_own(study):
    names = study.analyse(signals="mentions").signals
    assert set(names["kind"]) == {"mention"}
    hints = names[names["account"] == "Serhii Haidai"]["place"]
    assert {"Lysychansk", "Kreminna"} <= set(hints)
    both = study.analyse(signals="both").signals
    assert len(both) == len(names) + len(study.analyse().signals)


def test_link_takes_the_confirmations_of_each_side_as_an_argument(study):
    signals = study.analyse().signals
    options = {"confirmed_by": "UA", "observed_until": study.observed_until}
    links = link(signals, study.events, confirmations=study.confirmations, **options)
    izium = links[links["place_id"] == "geonames:707292"].iloc[0]
    assert izium["relation"] == "precedes"
    assert not study.events.attrs


def test_a_side_that_confirmed_nothing_is_refused(study):
    with pytest.raises(FoxgrapeError, match="no event was confirmed by this side"):
        confirmed_by_side(study.events, study.confirmations, "XX")


def test_changing_one_recorded_time_changes_interval_and_relation(study_copy):
    def post_on_the_ninth(rows):
        for post in rows:
            if post["text"] == "🍇":
                post["posted_at"] = "2022-09-09T06:00:00Z"
                post["posted_until"] = "2022-09-09T07:00:00Z"

    change(study_copy, "posts.csv", post_on_the_ninth)
    found = row(open_study(study_copy).analyse(confirmed_by="UA"), "🍇")
    # Izium was confirmed by Kyiv from 10 September 21:00 to 11 September 20:59:59.999999.
    assert found["relation"] == "anticipates"
    assert found["lead_min"] == pd.Timedelta(hours=38)
    assert found["lead_max"] == pd.Timedelta(hours=63) - TICK


def put(column, value, number=0):
    def edit(rows):
        rows[number][column] = value

    return edit


def without(column):
    return lambda rows: [{k: v for k, v in row.items() if k != column} for row in rows]


BROKEN = {
    "missing column": ("posts.csv", without("posted_until"), ("row 1", "column posted_until")),
    "two posts of one id": (
        "posts.csv",
        lambda rows: [*rows, rows[0]],
        ("row 63", "column post_id", "is already in row 2"),
    ),
    "latest before earliest": (
        "posts.csv",
        put("posted_until", "2001-01-01T00:00:00Z", 4),
        ("row 6", "column posted_until"),
    ),
    "unknown place": (
        "events.csv",
        put("place_id", "geonames:1", 2),
        ("row 4", "column place_id", "geonames:1"),
    ),
    "naive time": (
        "events.csv",
        put("occurred_at", "2022-09-10 12:00:00"),
        ("row 2", "column occurred_at", "with an offset"),
    ),
    "confirmation of nothing": (
        "confirmations.csv",
        put("event_id", "izium-2022-10"),
        ("row 2", "column event_id", "did you mean"),
    ),
    "code for nowhere": (
        "codebook.csv",
        put("place_id", "geonames:1"),
        ("row 2", "column place_id"),
    ),
    "unknown basis": ("codebook.csv", put("basis", "a hunch"), ("row 2", "column basis")),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_study_ends_in_one_line_and_leaves_nothing(study_copy, tmp_path, capfd, what):
    file, edit, says = BROKEN[what]
    change(study_copy, file, edit)
    out = tmp_path / "out"
    arguments = ["report", "build", "lead_times", "--study", str(study_copy), "--out", str(out)]
    assert run(arguments) == 1
    told = capfd.readouterr()
    assert told.err.count("\n") == 1
    assert told.err.startswith("foxgrape: ")
    for part in (file, *says):
        assert part in told.err
    assert not out.exists()


@pytest.mark.parametrize(
    ("descriptor", "says"),
    [
        (None, "there is no datapackage.json"),
        ("{", "cannot be read"),
        ('{"resources": []}', "lists no resource 'posts'"),
        ("[]", "cannot be read"),
        (
            '{"resources": [{"name": "posts", "path": "../p"}, {"name": "events", "path": "e"}]}',
            "outside the study",
        ),
    ],
)
def test_what_is_no_study_is_refused(tmp_path, descriptor, says):
    if descriptor is not None:
        (tmp_path / "datapackage.json").write_text(descriptor, encoding="utf-8")
    with pytest.raises(FoxgrapeError, match=says):
        open_study(tmp_path)


def redescribed(study, edit):
    """Change the descriptor of a study's copy."""
    descriptor = study / "datapackage.json"
    package = json.loads(descriptor.read_text(encoding="utf-8"))
    edit(package)
    descriptor.write_text(json.dumps(package), encoding="utf-8")


def test_a_descriptor_that_is_a_folder_is_refused(tmp_path):
    (tmp_path / "datapackage.json").mkdir()
    with pytest.raises(FoxgrapeError, match="cannot be read"):
        open_study(tmp_path)


def test_what_a_descriptor_leaves_open_is_as_if_it_were_not_there(study_copy):
    redescribed(
        study_copy, lambda told: told.update(name=None, title=None, foxgrape={"caution": None})
    )
    study = open_study(study_copy)
    assert (study.name, study.title, study.caution) == ("izium-2022", "izium-2022", "")


def test_an_unknown_kind_of_event_is_refused(study_copy):
    redescribed(study_copy, lambda told: told["foxgrape"].update(kinds=["liberation"]))
    with pytest.raises(FoxgrapeError, match="did you mean 'liberated'"):
        open_study(study_copy)


@pytest.mark.parametrize(
    "options",
    [
        {"timezone": "Kyiv"},
        {"timezone": "Europe"},  # a folder, where zones are files
        {"timezone": 3},
        {"observed_until": "2024-08-17"},
        {"kinds": None},
        {"kinds": [["liberated"]]},
        ["UTC"],
    ],
    ids=str,
)
def test_bad_options_are_refused_when_the_study_is_read(study_copy, options):
    redescribed(study_copy, lambda told: told.update(foxgrape=options))
    with pytest.raises(FoxgrapeError, match="under 'foxgrape'") as refused:
        open_study(study_copy)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("file", ["events.csv", "codebook.csv"])
def test_a_place_may_go_by_either_of_its_ids(study_copy, study, file):
    """Izium is in GeoNames and in KATOTTG; its event was none of its signal's."""
    table = study_copy / file
    text = table.read_text(encoding="utf-8")
    merged = "katottg:UA63040090010029555"
    assert "geonames:707292" in text
    table.write_text(text.replace("geonames:707292", merged), encoding="utf-8", newline="")
    pd.testing.assert_frame_equal(open_study(study_copy).analyse().links, study.analyse().links)


def test_a_study_may_lack_codebook_and_confirmations(study_copy):
    def lessen(told):
        told["resources"] = [r for r in told["resources"] if r["name"] in {"posts", "events"}]

    redescribed(study_copy, lessen)
    (study_copy / "codebook.csv").unlink()
    (study_copy / "confirmations.csv").unlink()
    analysis = open_study(study_copy).analyse()
    assert row(analysis, "🍇")["relation"] == "undetermined"
    assert analysis.sides() == {}
    assert "records no confirmations" in sides_table(analysis).markup


def test_a_study_in_which_nothing_is_found_can_still_be_shown(study_copy):
    def silence(rows):
        for post in rows:
            post["text"] = ""

    change(study_copy, "posts.csv", silence)
    analysis = open_study(study_copy).analyse()
    assert analysis.signals.empty
    assert "Of 0 coded posts" in headline(analysis).markup
    assert "None." in signals_table(analysis).markup
    for figure in (timeline(analysis), place_map(analysis), analysis.lead_times.figure()):
        assert figure.layout.meta["alt"]
    assert analysis.findings()[0].startswith("0 signals")
    assert methods(analysis).markup
    assert sides_table(analysis).markup


def test_study_check_says_what_is_in_it(study, capfd):
    assert run(["study", "check", str(study.folder)]) == 0
    assert f"{len(study.posts)} posts" in capfd.readouterr().out


def test_the_readme_counts_what_is_there(study):
    text = (study.folder / "README.md").read_text(encoding="utf-8")
    for name in ("posts", "events", "confirmations", "codebook"):
        assert f"| `{name}.csv` | {len(getattr(study, name))} " in text


def test_lookup_loads_neither_pandas_nor_numpy():
    code = (
        "import sys, foxgrape.places as p; p.lookup('🍇'); p.find('Izyum'); "
        "sys.exit(bool({'pandas', 'numpy', 'numba', 'emoji'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
