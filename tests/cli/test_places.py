"""Each verb of the lookup library is run as the shell runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from foxgrape.cli.app import run
from foxgrape.cli.output import print_result
from foxgrape.places import Gazetteer, build

if TYPE_CHECKING:
    from collections.abc import Callable

RESOURCES = Path(__file__).parents[2] / "toolkit/foxgrape/places/resources"


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run a verb with --json and return what it printed."""

    def ask(*arguments: str) -> Any:
        assert run([*arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return ask


def test_lookup(told: Callable[..., Any]):
    (match,) = told("lookup", "🍇")
    assert match["place"]["name"] == "Izium"
    assert match["code"]["decoded_at"] == "2022-09-10"
    assert "gives 1.00" in match["why"]
    assert {each["place"]["name"] for each in told("lookup", "🍇🦊")} == {"Izium", "Lysychansk"}
    assert len(told("lookup", "🦊", "--proposed")) > len(told("lookup", "🦊"))


def test_find(told: Callable[..., Any]):
    first = told("find", "в Ізюмі")[0]
    assert (first["place"]["id"], first["how"]) == ("geonames:707292", "inflected")
    assert {each["place"]["admin1"] for each in told("find", "Лиман", "--admin1", "Odesa")} == {
        "Odesa Oblast"
    }
    assert told("find", "Лиман", "--near", "49.58,36.5")[0]["place"]["admin1"] == "Kharkiv Oblast"


def test_codes(told: Callable[..., Any]):
    assert [code["code"] for code in told("codes", "Ізюм")] == ["🍇"]


def test_suggest(told: Callable[..., Any]):
    found = told("suggest", "🐺", "--limit", "2")
    assert len(found) == 2
    assert found[0]["place"]["name"] == "Vovchansk"
    assert found[0]["because"]
    assert 0 <= found[0]["chance"] < 1


@pytest.mark.parametrize(
    "arguments",
    [["lookup", "🍇"], ["find", "Izyum"], ["codes", "Izium"], ["suggest", "🍇", "--limit", "3"]],
)
def test_tables_are_for_reading(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    assert run(arguments) == 0
    assert "geonames:707292" in capsys.readouterr().out or arguments[0] == "codes"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["lookup", "🪑"], 1),
        (["find", "Qqqqqq"], 1),
        (["codes", "Київ"], 1),
        (["suggest", "fox"], 1),
        (["lookup", "🍇", "--at", "yesterday"], 2),
        (["find", "Izium", "--near", "here"], 2),
        (["find", "Izium", "--gazetteer", "nowhere"], 1),
    ],
)
def test_what_cannot_be_answered_is_one_line(
    arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]
):
    assert run(arguments) == code
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_codebook_check_lists_every_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["codebook", "check", str(RESOURCES / "codebook.csv")]) == 0
    assert "0 problems" in capsys.readouterr().out
    lines = (RESOURCES / "codebook.csv").read_text(encoding="utf-8").splitlines()
    lines[1] = lines[1].replace("geonames:707292", "geonames:0").replace("attested", "heard")
    lines[3] = lines[3].replace(",word,", ",sound,")
    bad = tmp_path / "mine.csv"
    bad.write_text("\n".join(lines), encoding="utf-8")
    assert run(["codebook", "check", str(bad)]) == 1
    told = capsys.readouterr().err.splitlines()
    assert ["row 2, column basis" in told[0], "row 2, column place_id" in told[1]] == [True, True]
    assert "row 4, column kind" in told[2]
    assert run(["codebook", "check", str(bad), "--json"]) == 1
    assert [each["row"] for each in json.loads(capsys.readouterr().out)] == [2, 2, 4]


POLISH = {
    "geonameid": 756135,
    "name": "Warsaw",
    "latitude": 52.22977,
    "longitude": 21.01178,
    "countrycode": "PL",
    "population": 1702139,
    "admin1code": "78",
    "alternatenames": ["Warszawa", "Варшава", "WAW"],
}


def test_build_gazetteer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(build, "load_geonames", lambda: (POLISH,))
    divisions = tmp_path / "admin1CodesASCII.txt"
    divisions.write_text("PL.78\tMasovia\tMasovia\t858787\n", encoding="utf-8")
    out = tmp_path / "pl"
    asked = ["data", "build-gazetteer", "--country", "pl", "--out", str(out)]
    assert run([*asked, "--admin1", str(divisions)]) == 0
    assert "1 places" in capsys.readouterr().out
    (warsaw,) = Gazetteer.from_folder(out)
    assert (warsaw.admin1, warsaw.population) == ("Masovia", 1702139)
    assert warsaw.names_in("ru") == ("Варшава",)
    assert run(["find", "в Варшаве", "--gazetteer", str(out)]) == 0
    assert "geonames:756135" in capsys.readouterr().out
    assert run(["data", "build-gazetteer", "--country", "QQ", "--out", str(out)]) == 1
    assert "no place of this country" in capsys.readouterr().err


def test_clubs_have_places_and_codes_of_their_own(tmp_path: Path, told: Callable[..., Any]):
    places, book = tmp_path / "clubs.csv", tmp_path / "codes.csv"
    places.write_text("id,name,names\nclub:eagles,Crystal Palace,The Eagles|Palace\n")
    book.write_text(
        "code,kind,place_id,place,meaning,basis,decoded_at,valid_from,valid_until,confidence,"
        "source_title,source_url\n🦅,emoji,club:eagles,Palace,eagles,symbol,,,,B,a fan page,\n",
        encoding="utf-8",
    )
    own = ["--gazetteer", str(places)]
    assert told("codebook", "check", str(book), *own) == []
    (match,) = told("lookup", "🦅", "--codebook", str(book), *own)
    assert match["place"]["name"] == "Crystal Palace"
    assert told("find", "the eagles", *own)[0]["place"]["id"] == "club:eagles"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("id\nx:1\n", "column name"),
        ("id,name\n,A\n", "row 2, column id"),
        ("id,name\nx:1,A\nx:1,B\n", "row 3, column id"),
        ("id,name,lat\nx:1,A,91\n", "row 2, column lat"),
        ("id,name,lon\nx:1,A,east\n", "row 2, column lon"),
        ("id,name,population\nx:1,A,-3\n", "row 2, column population"),
    ],
)
def test_bad_places_are_named_by_row_and_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: str, expected: str
):
    places = tmp_path / "places.csv"
    places.write_text(rows, encoding="utf-8")
    assert run(["find", "A", "--gazetteer", str(places)]) == 1
    assert expected in capsys.readouterr().err


def test_a_table_that_is_wider_than_the_terminal_is_folded(monkeypatch, capsys):
    rows = [{"emoji": "🍇", "what": "raisins [/x] " * 12}, {"emoji": "x", "what": "\x1b[2J"}]
    print_result(rows, rows, as_json=False)
    plain = capsys.readouterr().out.splitlines()
    # An emoji is two columns wide, so that its line has a sign less before the next cell.
    assert plain[0] == "emoji  what"
    assert plain[1].startswith("🍇     raisins [/x]")
    assert plain[2] == "x       [2J"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "60")
    print_result(rows, rows, as_json=False)
    folded = capsys.readouterr().out
    assert len(folded.splitlines()) > len(plain)
    assert "[/x]" in folded
    assert "\x1b[2J" not in folded
