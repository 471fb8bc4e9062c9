"""Test the bundled study, its analysis, and the errors for invalid studies."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest
from frictionless import Package

from factories import change
from foxgrape import FoxgrapeError, link, open_study
from foxgrape.cli.app import run
from foxgrape.display.report_tables import (
    codes_table,
    headline,
    methods,
    sides_table,
    signals_table,
)
from foxgrape.linking import confirmed_by_side
from foxgrape.places import Codebook, Gazetteer, Place
from foxgrape.plots.place_map import place_map
from foxgrape.plots.signals import timeline

TICK = pd.Timedelta(1, "us")
DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def study():
    return open_study()


def signal_row(analysis, code):
    row = analysis.table().set_index("code").loc[code]
    assert isinstance(row, pd.Series)
    return row


def test_the_data_package_is_valid(study):
    report = Package(study.folder / "datapackage.json").validate()
    assert report.valid, report.flatten(["title", "rowNumber", "fieldName", "message"])


def test_every_resource_has_a_schema_a_source_and_a_licence(study):
    package = json.loads((study.folder / "datapackage.json").read_text(encoding="utf-8"))
    for resource in package["resources"]:
        assert resource["schema"]["fields"]
        assert resource["sources"]
        assert resource["licenses"]


def test_60_graded_events_have_both_times_and_a_confirming_side(study):
    complete = study.events.dropna(subset=["occurred_at", "confirmed_at", "confirmed_by"])
    graded = complete[complete["confidence"].isin(["A", "B"])]
    assert len(graded) >= 60
    assert set(graded["confirmed_by"]) == {"UA", "RU"}


@pytest.mark.parametrize("name", ["posts", "events", "confirmations"])
def test_every_row_has_a_source_and_a_grade(study, name):
    table = getattr(study, name)
    columns = ("source_title", "source_publisher") if name == "posts" else ("source", "publisher")
    assert table["confidence"].isin(["A", "B"]).all()
    assert table[columns[0]].fillna(table[columns[1]]).notna().all()
    addresses = table["source_url" if name == "posts" else "url"].dropna()
    assert addresses.str.startswith("http").all()


def test_an_event_has_the_time_and_side_of_its_earliest_confirmation(study):
    first = (
        study.confirmations.sort_values(
            ["confirmed_until", "confirmed_at", "confirmed_by"], ascending=[True, True, False]
        )
        .drop_duplicates("event_id")
        .set_index("event_id")
    )
    for event in study.events.dropna(subset=["confirmed_at"]).itertuples():
        confirmation = first.loc[event.event_id]
        assert tuple(confirmation[["confirmed_by", "confirmed_at", "confirmed_until"]]) == (
            event.confirmed_by,
            event.confirmed_at,
            event.confirmed_until,
        )


def test_the_study_has_the_posts_that_foxgrape_started_from(study):
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
def test_the_relation_for_izium_depends_on_the_confirming_side(
    study, side, relation, lead_min, lead_max
):
    signal = signal_row(study.analyse(confirmed_by=side), "🍇")
    assert (signal["place"], signal["relation"]) == ("Izium", relation)
    assert (signal["lead_min"], signal["lead_max"]) == (lead_min, lead_max)
    assert not signal["hindsight"]


def test_the_lead_for_lysychansk_is_right_censored(study):
    for horizon in ("30D", "365D"):
        signal = signal_row(study.analyse(horizon=horizon), "🦊")
        assert (signal["place"], signal["relation"]) == ("Lysychansk", "unconfirmed")
        assert signal["lead_min"] == pd.Timedelta(horizon)
        assert pd.isna(signal["lead_max"])


def test_a_code_decoded_after_its_event_is_hindsight(study):
    assert signal_row(study.analyse(), "🍉")["hindsight"]
    assert study.analyse().lead_times.n_hindsight == 1


def test_mentions_and_codes_can_be_analysed_separately_or_together(study):
    mentions = study.analyse(signals="mentions").signals
    assert set(mentions["kind"]) == {"mention"}
    places = mentions[mentions["account"] == "Serhii Haidai"]["place"]
    assert {"Lysychansk", "Kreminna"} <= set(places)
    both = study.analyse(signals="both").signals
    assert len(both) == len(mentions) + len(study.analyse().signals)


def test_link_accepts_the_confirmations_of_each_side(study):
    signals = study.analyse().signals
    options = {"confirmed_by": "UA", "observed_until": study.observed_until}
    links = link(signals, study.events, confirmations=study.confirmations, **options)
    izium = links[links["place_id"] == "geonames:707292"].iloc[0]
    assert izium["relation"] == "precedes"
    assert not study.events.attrs


def test_a_side_without_confirmations_is_rejected(study):
    with pytest.raises(FoxgrapeError, match="no event was confirmed by this side"):
        confirmed_by_side(study.events, study.confirmations, "XX")


def test_changing_a_post_time_changes_its_lead_and_relation(study_copy):
    def post_on_the_ninth(rows):
        for post in rows:
            if post["text"] == "🍇":
                post["posted_at"] = "2022-09-09T06:00:00Z"
                post["posted_until"] = "2022-09-09T07:00:00Z"

    change(study_copy, "posts.csv", post_on_the_ninth)
    signal = signal_row(open_study(study_copy).analyse(confirmed_by="UA"), "🍇")
    # Kyiv confirmed Izium between 10 September 21:00 and 11 September 20:59:59.999999.
    assert signal["relation"] == "anticipates"
    assert signal["lead_min"] == pd.Timedelta(hours=38)
    assert signal["lead_max"] == pd.Timedelta(hours=63) - TICK


def set_cell(column, value, number=0):
    def edit(rows):
        rows[number][column] = value

    return edit


def drop_column(column):
    return lambda rows: [{k: v for k, v in row.items() if k != column} for row in rows]


INVALID = {
    "missing column": ("posts.csv", drop_column("posted_until"), ("row 1", "column posted_until")),
    "duplicate post id": (
        "posts.csv",
        lambda rows: [*rows, rows[0]],
        ("row 63", "column post_id", "is already in row 2"),
    ),
    "latest before earliest": (
        "posts.csv",
        set_cell("posted_until", "2001-01-01T00:00:00Z", 4),
        ("row 6", "column posted_until"),
    ),
    "unknown place": (
        "events.csv",
        set_cell("place_id", "geonames:1", 2),
        ("row 4", "column place_id", "geonames:1"),
    ),
    "naive time": (
        "events.csv",
        set_cell("occurred_at", "2022-09-10 12:00:00"),
        ("row 2", "column occurred_at", "with an offset"),
    ),
    "confirmation of an unknown event": (
        "confirmations.csv",
        set_cell("event_id", "izium-2022-10"),
        ("row 2", "column event_id", "did you mean"),
    ),
    "code for an unknown place": (
        "codebook.csv",
        set_cell("place_id", "geonames:1"),
        ("row 2", "column place_id"),
    ),
    "unknown basis": ("codebook.csv", set_cell("basis", "a hunch"), ("row 2", "column basis")),
}


@pytest.mark.parametrize("case", INVALID)
def test_an_invalid_study_gives_a_one_line_error_and_no_report(study_copy, tmp_path, capfd, case):
    file, edit, parts = INVALID[case]
    change(study_copy, file, edit)
    out = tmp_path / "out"
    arguments = ["report", "build", "lead_times", "--study", str(study_copy), "--out", str(out)]
    assert run(arguments) == 1
    error = capfd.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("foxgrape: ")
    for part in (file, *parts):
        assert part in error
    assert not out.exists()


@pytest.mark.parametrize(
    ("descriptor", "message"),
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
def test_a_folder_without_a_valid_study_is_rejected(tmp_path, descriptor, message):
    if descriptor is not None:
        (tmp_path / "datapackage.json").write_text(descriptor, encoding="utf-8")
    with pytest.raises(FoxgrapeError, match=message):
        open_study(tmp_path)


def edit_descriptor(folder, edit):
    """Change datapackage.json in a study folder."""
    descriptor = folder / "datapackage.json"
    package = json.loads(descriptor.read_text(encoding="utf-8"))
    edit(package)
    descriptor.write_text(json.dumps(package), encoding="utf-8")


def test_a_descriptor_that_is_a_folder_is_rejected(tmp_path):
    (tmp_path / "datapackage.json").mkdir()
    with pytest.raises(FoxgrapeError, match="cannot be read"):
        open_study(tmp_path)


def test_null_values_in_a_descriptor_count_as_missing(study_copy):
    empty = {"name": None, "title": None, "foxgrape": {"caution": None}}
    edit_descriptor(study_copy, lambda package: package.update(empty))
    study = open_study(study_copy)
    assert (study.name, study.title, study.caution) == ("izium-2022", "izium-2022", "")


def test_an_unknown_event_kind_is_rejected(study_copy):
    edit_descriptor(study_copy, lambda package: package["foxgrape"].update(kinds=["liberation"]))
    with pytest.raises(FoxgrapeError, match="did you mean 'liberated'"):
        open_study(study_copy)


@pytest.mark.parametrize(
    "options",
    [
        {"timezone": "Kyiv"},
        {"timezone": "Europe"},  # a folder of zones
        {"timezone": 3},
        {"observed_until": "2024-08-17"},
        {"kinds": None},
        {"kinds": [["liberated"]]},
        ["UTC"],
    ],
    ids=str,
)
def test_invalid_options_are_rejected_when_the_study_is_opened(study_copy, options):
    edit_descriptor(study_copy, lambda package: package.update(foxgrape=options))
    with pytest.raises(FoxgrapeError, match="under 'foxgrape'") as error:
        open_study(study_copy)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("file", ["events.csv", "codebook.csv"])
def test_either_id_of_a_place_gives_the_same_links(study_copy, study, file):
    """Izium has a GeoNames id and a KATOTTG id; events and codes may use different ones."""
    table = study_copy / file
    text = table.read_text(encoding="utf-8")
    other_id = "katottg:UA63040090010029555"
    assert "geonames:707292" in text
    table.write_text(text.replace("geonames:707292", other_id), encoding="utf-8", newline="")
    pd.testing.assert_frame_equal(open_study(study_copy).analyse().links, study.analyse().links)


def test_codebook_and_confirmations_are_optional(study_copy):
    def keep_required(package):
        required = [r for r in package["resources"] if r["name"] in {"posts", "events"}]
        package["resources"] = required

    edit_descriptor(study_copy, keep_required)
    (study_copy / "codebook.csv").unlink()
    (study_copy / "confirmations.csv").unlink()
    analysis = open_study(study_copy).analyse()
    assert signal_row(analysis, "🍇")["relation"] == "undetermined"
    assert analysis.sides() == {}
    assert "each event is recorded (RU: 5, UA: 55)" in sides_table(analysis).markup


def test_a_study_without_signals_can_be_displayed(study_copy):
    def clear_texts(rows):
        for post in rows:
            post["text"] = ""

    change(study_copy, "posts.csv", clear_texts)
    analysis = open_study(study_copy).analyse()
    assert analysis.signals.empty
    assert "No signals: no post here" in headline(analysis).markup
    assert "No signals: no post here" in signals_table(analysis).markup
    for figure in (timeline(analysis), place_map(analysis), analysis.lead_times.figure()):
        assert figure.layout.meta["alt"]
    assert analysis.findings()[0].startswith("0 signals")
    assert methods(analysis).markup
    assert sides_table(analysis).markup


def test_study_check_prints_the_number_of_posts(study, capfd):
    assert run(["study", "check", str(study.folder)]) == 0
    assert f"{len(study.posts)} posts" in capfd.readouterr().out


def test_the_readme_states_the_row_counts(study):
    text = (study.folder / "README.md").read_text(encoding="utf-8")
    for name in ("posts", "confirmations", "codebook"):
        assert f"| `{name}.csv` | {len(getattr(study, name))} " in text
    assert f"| `events.csv` | {len(study.all_events)} " in text


def test_lookup_does_not_import_pandas_or_numpy():
    code = (
        "import sys, foxgrape.places as p; p.lookup('🍇'); p.find('Izyum'); "
        "sys.exit(bool({'pandas', 'numpy', 'numba', 'emoji'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_proposal_is_marked_wherever_it_is_shown(study_copy):
    def propose(rows):
        for code in rows:
            code["basis"] = "symbol" if code["code"] == "🦊" else code["basis"]

    study = open_study(study_copy)
    assert "proposal" not in signals_table(study.analyse()).markup
    change(study_copy, "codebook.csv", propose)
    study = open_study(study_copy)
    analysis = study.analyse()
    fox = analysis.signals[analysis.signals["code"] == "🦊"]
    assert set(fox["confidence"]) == {"C"}
    for page in (signals_table(analysis), codes_table(study.codebook, "geonames:702972")):
        assert "🦊</span><br><small>proposal, no use known</small>" in page.markup
    assert (
        '🍇</span><br><span class="part-place">Izium</span></span></td>'
        in signals_table(analysis).markup
    )


def test_a_name_of_several_places_of_the_study_is_shown_and_does_not_count():
    study = open_study()
    villages = [
        Place(f"x:{number}", "Lypivka", ("Липівка",), 50.0, 30.0, "UA", "", None)
        for number in (1, 2)
    ]
    posts = study.posts.head(2).assign(text=["Бої в селі Липівка", "Бої в селі Липівка"])
    shared = replace(study, posts=posts, codebook=Codebook([], Gazetteer(villages)))
    analysis = shared.analyse(signals="mentions")
    assert analysis.signals.empty
    assert analysis.ambiguous["candidates"].tolist() == ["x:1 x:2"] * 2
    line = (
        "Not counted, because in these posts the name may mean several places: 2 signals (Lypivka)."
    )
    assert line in analysis.findings()
    account = str(posts["account"].iloc[0])
    assert len(analysis.filter(account=account).ambiguous) == (posts["account"] == account).sum()
    # With one of them in the study, the study decides.
    single = replace(study, posts=posts, codebook=Codebook([], Gazetteer(villages[:1])))
    analysis = single.analyse(signals="mentions")
    assert analysis.signals["place_id"].tolist() == ["x:1"] * 2
    assert analysis.ambiguous.empty
    assert not any("several places" in finding for finding in analysis.findings())


def test_findings_count_the_events_of_the_period():
    analysis = open_study().between("2022-09-01", "2022-10-01").analyse()
    n_events = len(analysis.events_of_period(analysis.events))
    lines = [line for line in analysis.findings() if "no lead is measured to" in line]
    assert n_events < len(analysis.events)
    assert all(f"of {n_events} events" in line for line in lines)
    unconfirmed = analysis.events_of_period(analysis.events)["confirmed_at"].isna().sum()
    assert len(lines) == (unconfirmed > 0)
