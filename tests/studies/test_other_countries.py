"""Studies of other countries, by the commands of docs/how-to/another-country.md."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from doc_pages import DOCS, blocks
from foxgrape import new_study, open_study
from foxgrape.cli.app import run
from foxgrape.errors import StudyError
from foxgrape.places.build import build_gazetteer
from foxgrape.plots.place_map import place_map

PAGE = DOCS / "how-to" / "another-country.md"
FILES = Path(__file__).parents[1] / "fixtures" / "geonames"
#: For each country of the page: the codes, the prefix of its files, and the places of the signals
#: with the coordinates in GeoNames and whether an event followed.
COUNTRIES = {
    "Israel": (
        ("IL", "PS"),
        "",
        {
            "Ashkelon": (31.66926, 34.57149, True),
            "Sderot": (31.525, 34.59693, False),
            "Gaza": (31.50161, 34.46672, False),
            "Khān Yūnis": (31.34018, 34.30627, True),
            "Haifa": (32.81303, 34.99928, True),
        },
    ),
    "Sudan": (
        ("SD",),
        "sudan-",
        {
            "Khartoum": (15.55177, 32.53241, True),
            "Omdurman": (15.64453, 32.47773, False),
            "El Fasher": (13.62793, 25.34936, True),
            "Port Sudan": (19.61745, 37.21644, True),
        },
    ),
    "Taiwan": (
        ("TW",),
        "taiwan-",
        {
            "Hualien City": (23.97694, 121.60444, True),
            "Kaohsiung": (22.61626, 120.31333, True),
            "Taitung": (22.75991, 121.14457, True),
        },
    ),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Change to a folder that has the files of the page."""
    for block in blocks(PAGE):
        if block.mark == "file":
            (tmp_path / block.argument).write_text(block.text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def build(folder, country):
    """Build a gazetteer of a country from the files in GeoNames' form."""
    codes = COUNTRIES[country][0]
    return build_gazetteer(
        codes,
        folder / "gazetteer-of-it",
        dump=[FILES / f"{code}.txt" for code in codes],
        alternate_names=[FILES / f"alternate-{code}.txt" for code in codes],
        admin1=FILES / "admin1CodesASCII.txt",
    ).folder


@pytest.fixture(params=COUNTRIES)
def study_of(request, folder):
    """Create the study of a country; return the country and the study's folder."""
    prefix = COUNTRIES[request.param][1]
    result = new_study(
        folder / "study",
        posts=f"{prefix}posts.csv",
        events=f"{prefix}events.csv",
        gazetteer=build(folder, request.param),
        timezone="UTC",
    )
    assert result.unresolved == 0
    shutil.rmtree(folder / "gazetteer-of-it")  # the study has a copy
    return request.param, folder / "study"


def test_places_and_map_are_those_of_the_country(study_of):
    country, folder = study_of
    expected = COUNTRIES[country][2]
    analysis = open_study(folder).analyse(signals="mentions", clock="occurred")
    table = analysis.table().set_index("place")
    assert dict(table["observed"]) == {name: after for name, (_, _, after) in expected.items()}
    figure = place_map(analysis)
    drawn = {
        text.partition(":")[0]: (lat, lon)
        for trace in figure.data[2:]
        for text, lat, lon in zip(trace.customdata, trace.y, trace.x, strict=True)
    }
    assert drawn == {name: (lat, lon) for name, (lat, lon, _) in expected.items()}
    names = [text.strip() for trace in figure.data[2:] for text in trace.text if text]
    assert names
    assert set(names) <= set(drawn)
    assert figure.layout.meta["alt"].startswith(f"Map of {country}")
    assert all(name in figure.layout.meta["alt"] for name in drawn)
    outline = figure.data[0]
    assert not figure.layout.xaxis.visible
    for lat, lon in drawn.values():
        assert min(filter(None, outline.y)) < lat < max(filter(None, outline.y))
        assert min(filter(None, outline.x)) < lon < max(filter(None, outline.x))
    # Events without coordinates are drawn at their places.
    assert len(figure.data[1].x) == len(analysis.study.events)


def test_a_study_remembers_its_gazetteer_with_hashes(study_of):
    _, folder = study_of
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    resources = {resource["name"]: resource["path"] for resource in package["resources"]}
    names = {"places.txt", "names.txt", "sounds.txt", "gazetteer.json"}
    assert {f"gazetteer/{name}" for name in names} <= set(resources["gazetteer"])
    assert {"title": "GeoNames (https://www.geonames.org), CC BY 4.0"} in package["sources"]
    study = open_study(folder)
    assert set(resources["gazetteer"]) <= set(study.hashes)
    assert len(study.codebook) == 0
    moved = folder.with_name("moved")
    folder.rename(moved)
    assert open_study(moved).hashes == study.hashes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda paths: [*paths[1:]], "must list the files of one folder"),
        (lambda paths: [*paths, "posts.csv"], "must list the files of one folder"),
        (lambda paths: [*paths, "../posts.csv"], "outside the study"),
        (lambda paths: [path for path in paths if "json" not in path], "not listed in"),
    ],
)
def test_a_gazetteer_that_is_not_whole_is_refused(change, message, folder):
    new_study(
        "study",
        posts="posts.csv",
        events="events.csv",
        gazetteer=build(folder, "Israel"),
        timezone="UTC",
    )
    file = Path("study/datapackage.json")
    package = json.loads(file.read_text(encoding="utf-8"))
    for resource in package["resources"]:
        if resource["name"] == "gazetteer":
            resource["path"] = change(resource["path"])
    file.write_text(json.dumps(package), encoding="utf-8")
    with pytest.raises(StudyError, match=message):
        open_study("study")


def test_a_csv_file_of_places_is_a_gazetteer(folder):
    (folder / "own.csv").write_text(
        "id,name,names,lat,lon\nmy:1,Ashkelon,אשקלון,31.7,34.6\nmy:2,Khan Yunis,خان يونس,,\n"
        "my:3,Haifa,חיפה,32.8,35.0\n",
        encoding="utf-8",
    )
    new_study("study", posts="posts.csv", events="events.csv", gazetteer="own.csv", timezone="UTC")
    Path("own.csv").unlink()
    study = open_study("study")
    assert list(study.events["place_id"]) == ["my:1", "my:2", "my:3"]
    analysis = study.analyse(signals="mentions", clock="occurred")
    assert set(analysis.table()["place"]) == {"Ashkelon", "Khan Yunis", "Haifa"}
    figure = place_map(analysis)  # no outlines are known
    assert figure.layout.xaxis.visible
    assert figure.layout.xaxis.title.text == "longitude"
    assert "coordinates unknown" in figure.layout.title.subtitle.text


@pytest.fixture(scope="module")
def page_run(tmp_path_factory):
    """Run the commands of the page as written; return the folder."""
    folder = tmp_path_factory.mktemp("page")
    with contextlib.chdir(folder):
        for block in blocks(PAGE):
            if block.mark == "file":
                Path(block.argument).write_text(block.text, encoding="utf-8")
        for block in blocks(PAGE):
            for line in block.text.splitlines() if block.mark == "run" else ():
                assert run(shlex.split(line.removeprefix("$ foxgrape "))) == 0, line
    return folder


@pytest.mark.parametrize(
    ("study", "country"),
    [("mine", "Israel"), ("sudan-study", "Sudan"), ("taiwan-study", "Taiwan")],
)
def test_the_commands_of_the_page_build_the_report(study, country, page_run):
    (page,) = page_run.glob(f"reports/lead_times-{study}-*/report.html")
    text = page.read_text(encoding="utf-8")
    names = list(COUNTRIES[country][2])
    assert re.search(rf"Map of {country}[\w ]* with the places that signals pointed to: ", text)
    assert f"Of {len(names)} signals, " in text
    for name, (_, _, after) in COUNTRIES[country][2].items():
        pattern = rf"<span class=\"part-place\">{name}</span></span></td>"
        assert re.search(pattern, text), name
        row = text[re.search(pattern, text).end() :].split("</tr>")[0]
        assert ("no event" not in row) == after, name


@pytest.mark.usefixtures("folder")
def test_the_python_code_of_the_page_runs():
    (code,) = (block.text for block in blocks(PAGE) if block.mark == "python")
    exec(compile(code, str(PAGE), "exec"), {})  # noqa: S102
    assert len(open_study("other").events) == 3


def test_a_page_made_from_a_store_uses_its_gazetteer(page_run):
    from foxgrape.studies.from_store import study_from_store

    study = study_from_store(page_run / "store")
    table = study.analyse(signals="mentions", clock="occurred").table()
    assert set(table["place"]) == set(COUNTRIES["Israel"][2])
    assert (page_run / "signals" / "signals.parquet").exists()
