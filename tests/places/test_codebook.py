"""Codes: several places a code, emoji in any form, merging, checking, codes outside geography."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foxgrape.errors import CodebookError
from foxgrape.places import Codebook, Gazetteer, Place, codebook, codes_for, lookup
from foxgrape.places.codebook_csv import check_codebook

RESOURCES = Path(__file__).parents[2] / "toolkit/foxgrape/places/resources"
HEADER = (
    "code,kind,place_id,place,meaning,basis,decoded_at,valid_from,valid_until,confidence,"
    "source_title,source_url\n"
)


def written(folder: Path, *rows: str) -> Path:
    """Write a codebook of some rows."""
    path = folder / "mine.csv"
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def clubs() -> Gazetteer:
    """Two football clubs as places of their own."""
    return Gazetteer(
        [
            Place("club:gunners", "Arsenal", ("The Gunners",), None, None, "GB", "", None),
            Place("club:eagles", "Crystal Palace", ("The Eagles",), None, None, "GB", "", None),
        ]
    )


@pytest.mark.parametrize("name", ["codebook.csv", "proposed.csv"])
def test_the_packaged_codebooks_have_no_problem(name: str):
    assert check_codebook(RESOURCES / name, Gazetteer.default()) == []


def test_every_reading_is_graded_and_proposals_are_off_by_default():
    book, more = Codebook.default(), Codebook.default(proposed=True)
    assert {code.confidence for code in book} == {"A", "B"}
    added = more.codes[len(book) :]
    assert added
    assert {(code.basis, code.confidence) for code in added} == {("proposed", "C")}
    assert all(code.decoded_at is None and not code.source_url for code in added)
    with (RESOURCES / "proposed.csv").open(encoding="utf-8", newline="") as file:
        assert all("Unsourced" in row["note"] for row in csv.DictReader(file))


def test_a_code_stands_for_several_places_and_a_place_has_several_codes():
    assert {match.place.name for match in lookup("🐺")} == {"Vovchansk", "Kiliia"}
    assert {code.code for code in codes_for("Снігурівку")} == {"bullfinch", "🐦"}


@pytest.mark.parametrize("text", ["🏞", "🏞️", "the 🏞️ today"])
def test_an_emoji_is_read_in_any_form(text: str):
    assert [match.place.name for match in lookup(text)] == ["Ustyluh"]


def test_skin_tones_are_folded():
    book = Codebook([replace(Codebook.default().codes[0], code="👍")])
    assert [match.place.name for match in book.lookup("👍🏽")] == ["Izium"]


def test_a_sequence_is_as_many_codes_and_the_text_around_is_ignored():
    for text in ("🍇🦊", "soon 🍇, then 🦊!", "🍇🍇🦊"):
        assert [match.place.name for match in lookup(text)] == ["Izium", "Lysychansk"]
    assert [match.place.name for match in lookup("a Bullfinch today")] == ["Snihurivka"]
    assert lookup("bullfinches") == []


def test_why_is_one_sentence_with_the_source_and_the_score():
    match = lookup("🐺")[0]
    assert match.code.source_title in match.why
    assert "etymology (0.8) at confidence B (0.9) makes 0.72" in match.why
    assert "\n" not in match.why
    assert match.score == pytest.approx(0.72)


def test_validity_is_asked_by_the_day():
    code = replace(Codebook.default().codes[0], valid_until=date(2022, 9, 12))
    book = Codebook([code])
    assert len(book.lookup("🍇", at="2022-09-12")) == 1
    assert book.lookup("🍇", at="2022-09-13") == []
    assert book.lookup("🍇", country="RU") == []
    with pytest.raises(ValueError, match="neither a day"):
        book.lookup("🍇", at="2022-09-12T10:00")


@given(st.randoms(use_true_random=False))
@settings(max_examples=20)
def test_the_order_of_rows_changes_no_answer_but_the_order_of_equals(random):
    codes = list(Codebook.default(proposed=True))
    random.shuffle(codes)
    ours, theirs = Codebook(codes), Codebook.default(proposed=True)
    for text in ("🐺", "🍇🦊", "a raisin, a bullfinch 🍉", "🪑", *{code.code for code in codes}):
        found, expected = ours.lookup(text), theirs.lookup(text)
        assert Counter(found) == Counter(expected)
        assert [match.score for match in found] == [match.score for match in expected]
    for place in ("Izium", "geonames:707292", "Снігурівку", "Nowhere"):
        assert Counter(ours.codes_for(place)) == Counter(theirs.codes_for(place))


def test_an_answer_may_be_changed_without_changing_the_next():
    lookup("🍇").clear()
    assert len(lookup("🍇")) == 1


def test_the_codes_of_a_place_are_those_of_its_name_its_id_and_itself():
    book = Codebook.default()
    izium = book.gazetteer["geonames:707292"]
    codes = book.codes_for(izium)
    assert "🍇" in {code.code for code in codes}
    assert codes == book.codes_for(izium.id) == book.codes_for("Izium") == book.codes_for("Ізюм")
    # A merged id, and a name that is none.
    assert book.codes_for("katottg:UA63040090010029555") == codes
    assert book.codes_for("Nowhere at all") == []


def test_what_is_remembered_has_an_end_and_changes_no_answer(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(codebook, "_REMEMBERED", 2)
    book = Codebook.default()
    asked = ["🍇", "🦊", "ізюм", "🍇", "nothing", "🦊"]
    assert [book.lookup(code) for code in asked] == [
        Codebook.default().lookup(code) for code in asked
    ]
    assert len(book._remembered) <= 2


def test_a_codebook_of_clubs_needs_no_place_of_ours(tmp_path: Path, clubs: Gazetteer):
    path = written(
        tmp_path,
        "🔫,emoji,club:gunners,Arsenal,the Gunners,symbol,,,,B,a fan page,",
        "🦅,emoji,club:eagles,The Eagles,the Eagles,symbol,,,,B,a fan page,",
        "#coyg,hashtag,club:gunners,Arsenal,come on you Gunners,symbol,,,,B,a fan page,",
    )
    assert check_codebook(path, clubs) == []
    book = Codebook.from_csv(path, clubs)
    assert [match.place.name for match in book.lookup("#COYG tonight 🦅")] == [
        "Arsenal",
        "Crystal Palace",
    ]
    assert [code.code for code in book.codes_for("the gunners")] == ["🔫", "#coyg"]
    both = Codebook.default().extended(book)
    assert both.conflicts == ()
    assert [match.place.name for match in both.lookup("🍇🦅")] == ["Izium", "Crystal Palace"]
    with pytest.raises(CodebookError, match="place_id"):
        Codebook.from_csv(path)


def test_merging_reports_what_the_two_do_not_agree_on():
    first = Codebook.default().codes[0]
    mine = Codebook([replace(first, confidence="B", meaning="grapes"), replace(first, code="🐝")])
    merged = Codebook.default().extended(mine)
    (conflict,) = merged.conflicts
    assert conflict.columns == ("meaning", "confidence")
    assert conflict.dropped is first
    assert merged.lookup("🍇")[0].code.meaning == "grapes"
    assert len(merged) == len(Codebook.default()) + 1
    assert Codebook.default().extended(Codebook.default()).conflicts == ()


BAD = [
    ("🍇,emoji,nowhere:1,,raisins,attested,,,,A,src,", "place_id"),
    ("🍇,picture,geonames:707292,,raisins,attested,,,,A,src,", "kind"),
    (",emoji,geonames:707292,,raisins,attested,,,,A,src,", "code"),
    ("🍇,emoji,geonames:707292,,raisins,hearsay,,,,A,src,", "basis"),
    ("🍇,emoji,geonames:707292,,raisins,attested,10.9.2022,,,A,src,", "decoded_at"),
    ("🍇,emoji,geonames:707292,,raisins,attested,,2022-02-01,2022-01-01,A,src,", "valid_until"),
    ("🍇,emoji,geonames:707292,,raisins,attested,,2022-02-01T10:00Z,2022-02-01,A,src,", None),
    (
        "🍇,emoji,geonames:707292,,raisins,attested,,2022-02-02T10:00Z,2022-02-01,A,src,",
        "valid_until",
    ),
    # Ten o'clock in Kyiv is before nine in London.
    (
        "🍇,emoji,geonames:707292,,raisins,attested,,2022-02-01T10:00+02:00,2022-02-01T09:00Z,A,src,",
        None,
    ),
    ("🍇,emoji,geonames:707292,,raisins,attested,,,9999-12-31,A,src,", "valid_until"),
    ("🍇,emoji,geonames:707292,,raisins,attested,0001-01-01T00:00+03:00,,,A,src,", "decoded_at"),
    ("🍇,emoji,geonames:707292,,raisins,attested,,,,D,src,", "confidence"),
    ("grapes,emoji,geonames:707292,,raisins,attested,,,,A,src,", "code"),
    ("izium,hashtag,geonames:707292,,raisins,attested,,,,A,src,", "code"),
    ("🍇,emoji,geonames:707292,Lysychansk,raisins,attested,,,,A,src,", "place"),
    ("🍇,emoji,geonames:707292,Ізюм,raisins,attested,,,,A,,", "source_title"),
    ("🍇,emoji,geonames:707292,Izyum,raisins,attested,,,,A,src,ftp://x", "source_url"),
]


@pytest.mark.parametrize(("row", "column"), BAD)
def test_a_check_names_row_and_column(tmp_path: Path, row: str, column: str | None):
    good = "🦊,emoji,geonames:702972,Lysychansk,fox,attested,2022-09-10,,,B,src,"
    problems = check_codebook(written(tmp_path, good, row), Gazetteer.default())
    assert [(problem.row, problem.column) for problem in problems] == [(3, column)] * bool(column)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            "🍇,emoji,geonames:707292,,grapes, raisins,attested,,,,A,src,https://x",
            "longer than the header",
        ),
        ('🍇,emoji,geonames:707292,,"raisins,attested,,,,A,src,', "cannot be read as CSV"),
    ],
)
def test_a_row_whose_cells_are_not_where_they_belong_is_refused(
    tmp_path: Path, row: str, said: str
):
    """A comma or a quote too many would move what follows, or swallow it."""
    good = "🦊,emoji,geonames:702972,Lysychansk,fox,attested,2022-09-10,,,B,src,"
    path = written(tmp_path, row, good)
    (problem,) = check_codebook(path, Gazetteer.default())
    assert said in str(problem)
    with pytest.raises(CodebookError, match=said):
        Codebook.from_csv(path)


def test_rows_are_counted_as_a_spreadsheet_does_and_may_end_early(tmp_path: Path):
    good = '🦊,emoji,geonames:702972,Lysychansk,"a fox,\nor two",attested,2022-09-10,,,B,src'
    problems = check_codebook(written(tmp_path, good, "", BAD[0][0]), Gazetteer.default())
    assert [(problem.row, problem.column) for problem in problems] == [(4, "place_id")]


def test_a_check_lists_every_problem_and_the_reading_that_stands_twice(tmp_path: Path):
    good = "🦊,emoji,geonames:702972,Lysychansk,fox,attested,2022-09-10,,,B,src,"
    path = written(tmp_path, good, *(row for row, _ in BAD[:4]), good)
    problems = check_codebook(path, Gazetteer.default())
    # Row 6 names a basis that there is none of, and repeats the reading of row 4.
    assert [problem.row for problem in problems] == [3, 4, 5, 6, 6, 7]
    assert "is already in row 2" in str(problems[-1])
    (tmp_path / "short.csv").write_text("code,kind\n", encoding="utf-8")
    (missing,) = check_codebook(tmp_path / "short.csv", Gazetteer.default())
    assert missing.column == "place_id"


def test_looking_up_and_finding_load_nothing_heavy():
    asked = (
        "import sys, foxgrape.places as p; p.lookup('🍇'); p.lookup('🪑'); p.find('Izyum'); "
        "print(sorted({'pandas', 'numpy', 'numba', 'emoji', 'rapidfuzz'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, check=True, text=True)
    assert told.stdout.strip() == "[]"
