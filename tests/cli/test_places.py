"""Commands of the lookup library."""

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
def run_json(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run a command with --json and return its output."""

    def call(*arguments: str) -> Any:
        assert run([*arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return call


def test_lookup(run_json: Callable[..., Any]):
    (match,) = run_json("lookup", "🍇")
    assert match["place"]["name"] == "Izium"
    assert match["code"]["decoded_at"] == "2022-09-10"
    assert "gives 1.00" in match["why"]
    assert {match["place"]["name"] for match in run_json("lookup", "🍇🦊")} == {
        "Izium",
        "Lysychansk",
    }
    assert len(run_json("lookup", "🦊", "--proposed")) > len(run_json("lookup", "🦊"))


def test_lookup_says_where_only_proposals_are_known(capsys: pytest.CaptureFixture[str]):
    assert run(["lookup", "🌊"]) == 1
    assert capsys.readouterr().err == (
        "foxgrape: no results for '🌊'; 1 proposal of which no use is known: "
        "foxgrape lookup --proposed\n"
    )
    assert run(["lookup", "🪑"]) == 1
    assert capsys.readouterr().err == "foxgrape: no results for '🪑'\n"


def test_codebook_list(run_json: Callable[..., Any], capsys: pytest.CaptureFixture[str]):
    codes = run_json("codebook", "list")
    assert [(code["code"], code["place"]) for code in codes] == [
        ("🍇", "Izium"),
        ("🦊", "Lysychansk"),
        ("bullfinch", "Snihurivka"),
        ("🍉", "Kherson"),
    ]
    proposed = run_json("codebook", "list", "--proposed")
    assert proposed[:4] == codes
    assert len(proposed) > len(codes)
    assert run(["codebook", "list"]) == 0
    assert "watermelon" in capsys.readouterr().out
    assert run(["codebook", "list", "--proposed", "--codebook", "mine.csv"]) == 2
    assert {code["code"] for code in run_json("codes", "Lviv", "--proposed")} == {"🦁"}


def test_find(run_json: Callable[..., Any]):
    first = run_json("find", "в Ізюмі")[0]
    assert (first["place"]["id"], first["how"]) == ("geonames:707292", "inflected")
    assert {
        match["place"]["admin1"] for match in run_json("find", "Лиман", "--admin1", "Odesa")
    } == {"Odesa Oblast"}
    assert (
        run_json("find", "Лиман", "--near", "49.58,36.5")[0]["place"]["admin1"] == "Kharkiv Oblast"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["Лиман"],
            "Лиман cannot be resolved: 11 places have this name; no region and no coordinates",
        ),
        (["Лиман", "--admin1", "Донецька обл."], "Лиман means Lyman, Donetsk Oblast: several"),
        (["Слов'янськ"], "Слов'янськ means Sloviansk, Donetsk Oblast: the name is also a former"),
        (["Лиман", "--admin1", "Nowhere"], "the region or district 'Nowhere' is unknown, so it is"),
    ],
)
def test_find_says_which_place_is_meant_and_why(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    assert run(["find", *arguments]) == 0
    assert message in capsys.readouterr().err
    # With a position, the nearest is asked for.
    assert run(["find", "Лиман", "--near", "49,37.8"]) == 0
    assert capsys.readouterr().err == ""


def test_codes(run_json: Callable[..., Any]):
    assert [code["code"] for code in run_json("codes", "Ізюм")] == ["🍇"]


def test_suggest(run_json: Callable[..., Any]):
    suggestions = run_json("suggest", "🐺", "--limit", "2")
    assert len(suggestions) == 2
    assert suggestions[0]["place"]["name"] == "Vovchansk"
    assert suggestions[0]["because"]
    assert 0 <= suggestions[0]["chance"] < 1


@pytest.mark.parametrize(
    "arguments",
    [["lookup", "🍇"], ["find", "Izyum"], ["codes", "Izium"], ["suggest", "🍇", "--limit", "3"]],
)
def test_tables_show_the_place_id(arguments: list[str], capsys: pytest.CaptureFixture[str]):
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
def test_an_error_is_one_line(arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]):
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
    lines = capsys.readouterr().err.splitlines()
    assert ["row 2, column basis" in lines[0], "row 2, column place_id" in lines[1]] == [True, True]
    assert "row 4, column kind" in lines[2]
    assert run(["codebook", "check", str(bad), "--json"]) == 1
    assert [problem["row"] for problem in json.loads(capsys.readouterr().out)] == [2, 2, 4]


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
    call = ["gazetteer", "build", "--country", "pl", "--out", str(out)]
    assert run([*call, "--admin1", str(divisions), "--language", "ru"]) == 0
    assert "1 place of PL" in capsys.readouterr().out
    (warsaw,) = Gazetteer.from_folder(out)
    assert (warsaw.admin1, warsaw.population) == ("Masovia", 1702139)
    assert warsaw.names_in("ru") == ("Варшава",)
    assert run(["find", "в Варшаве", "--gazetteer", str(out)]) == 0
    assert "geonames:756135" in capsys.readouterr().out
    assert run(["gazetteer", "build", "--country", "QQ", "--out", str(out)]) == 1
    assert "no place of this country" in capsys.readouterr().err


def test_own_places_and_codes_can_be_used(tmp_path: Path, run_json: Callable[..., Any]):
    places, book = tmp_path / "clubs.csv", tmp_path / "codes.csv"
    places.write_text("id,name,names\nclub:eagles,Crystal Palace,The Eagles|Palace\n")
    book.write_text(
        "code,kind,place_id,place,meaning,basis,decoded_at,valid_from,valid_until,confidence,"
        "source_title,source_url\n🦅,emoji,club:eagles,Palace,eagles,symbol,,,,B,a fan page,\n",
        encoding="utf-8",
    )
    own = ["--gazetteer", str(places)]
    assert run_json("codebook", "check", str(book), *own) == []
    (match,) = run_json("lookup", "🦅", "--codebook", str(book), *own)
    assert match["place"]["name"] == "Crystal Palace"
    assert run_json("find", "the eagles", *own)[0]["place"]["id"] == "club:eagles"


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
def test_an_invalid_place_is_reported_by_row_and_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: str, expected: str
):
    places = tmp_path / "places.csv"
    places.write_text(rows, encoding="utf-8")
    assert run(["find", "A", "--gazetteer", str(places)]) == 1
    assert expected in capsys.readouterr().err


def test_a_table_wider_than_the_terminal_is_wrapped(monkeypatch, capsys):
    rows = [{"emoji": "🍇", "what": "raisins [/x] " * 12}, {"emoji": "x", "what": "\x1b[2J"}]
    print_result(rows, rows, as_json=False)
    plain = capsys.readouterr().out.splitlines()
    # An emoji is two columns wide, so its cell is padded with one space less.
    assert plain[0] == "emoji  what"
    assert plain[1].startswith("🍇     raisins [/x]")
    assert plain[2] == "x       [2J"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "60")
    print_result(rows, rows, as_json=False)
    wrapped = capsys.readouterr().out
    assert len(wrapped.splitlines()) > len(plain)
    assert "[/x]" in wrapped
    assert "\x1b[2J" not in wrapped
