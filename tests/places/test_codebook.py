"""Codebooks: look-up, merging, checking, and codes for your own places."""

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
from foxgrape.places.codebook import check_codebook

RESOURCES = Path(__file__).parents[2] / "toolkit/foxgrape/places/resources"
HEADER = (
    "code,kind,place_id,place,meaning,basis,decoded_at,valid_from,valid_until,confidence,"
    "source_title,source_url\n"
)


def write_codebook(folder: Path, *rows: str) -> Path:
    """Write a codebook with these rows."""
    path = folder / "mine.csv"
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def clubs() -> Gazetteer:
    """Return a gazetteer of two football clubs."""
    return Gazetteer(
        [
            Place("club:gunners", "Arsenal", ("The Gunners",), None, None, "GB", "", None),
            Place("club:eagles", "Crystal Palace", ("The Eagles",), None, None, "GB", "", None),
        ]
    )


@pytest.mark.parametrize("name", ["codebook.csv", "proposed.csv"])
def test_the_packaged_codebooks_have_no_problem(name: str):
    assert check_codebook(RESOURCES / name, Gazetteer.default()) == []


def test_attested_codes_and_proposals_are_two_books():
    book, more = Codebook.default(), Codebook.default(proposed=True)
    assert [code.code for code in book] == ["🍇", "🦊", "bullfinch", "🍉"]
    assert {code.basis for code in book} == {"attested"}
    assert {code.confidence for code in book} == {"A", "B"}
    assert all(code.decoded_at and code.source_title for code in book)
    assert more.codes[: len(book)] == book.codes
    proposals = more.codes[len(book) :]
    assert not any(code.attested or code.decoded_at for code in proposals)
    # Without a source, a proposal has the lowest grade; with one, the grade is the source's.
    assert all((code.basis == "proposed") == (code.confidence == "C") for code in proposals)
    assert all(code.source_url for code in proposals if code.basis != "proposed")
    with (RESOURCES / "proposed.csv").open(encoding="utf-8", newline="") as file:
        unsourced = [row for row in csv.DictReader(file) if row["basis"] == "proposed"]
    assert unsourced
    assert all("Unsourced" in row["note"] and not row["source_url"] for row in unsourced)


def test_a_code_may_stand_for_several_places_and_a_place_may_have_several_codes():
    book = Codebook.default(proposed=True)
    assert [match.place.name for match in book.lookup("🐺")][:2] == ["Vovchansk", "Kiliia"]
    assert {"bullfinch", "🐦"} <= {code.code for code in book.codes_for("Снігурівку")}
    assert lookup("🐺") == []
    assert [code.code for code in codes_for("Снігурівку")] == ["bullfinch"]


def test_a_codebook_describes_itself():
    book = Codebook.default()
    assert repr(book) == "<Codebook of 4 codes: 🍇 🦊 bullfinch 🍉>"
    assert repr(Codebook(book.codes[:1])) == "<Codebook of 1 code: 🍇>"
    assert repr(Codebook([])) == "<Codebook of 0 codes>"
    more = Codebook.default(proposed=True)
    assert repr(more) == (
        f"<Codebook of {len(more)} codes, {len(more) - 4} of them proposals: "
        "🍇 🦊 bullfinch 🍉 🐺 …>"
    )
    codes = more.to_dict()["codes"]
    assert len(codes) == len(more)
    assert [(code["place"], code["basis"]) for code in codes[3:5]] == [
        ("Kherson", "attested"),
        ("Vovchansk", "etymology"),
    ]


def test_the_page_of_all_codes_matches_the_codebook():
    script = RESOURCES.parents[3] / "scripts/build_codes_page.py"
    result = subprocess.run(
        [sys.executable, script, "--check"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("text", ["🏞", "🏞️", "the 🏞️ today"])
def test_an_emoji_is_looked_up_in_any_form(text: str):
    matches = lookup(text, codebook=Codebook.default(proposed=True))
    assert [match.place.name for match in matches] == ["Ustyluh"]


def test_skin_tones_are_ignored():
    book = Codebook([replace(Codebook.default().codes[0], code="👍")])
    assert [match.place.name for match in book.lookup("👍🏽")] == ["Izium"]


def test_every_code_in_a_text_is_looked_up_once():
    for text in ("🍇🦊", "soon 🍇, then 🦊!", "🍇🍇🦊"):
        assert [match.place.name for match in lookup(text)] == ["Izium", "Lysychansk"]
    assert [match.place.name for match in lookup("a Bullfinch today")] == ["Snihurivka"]
    assert lookup("bullfinches") == []


def test_why_explains_source_and_score_in_one_sentence():
    match = lookup("🐺", codebook=Codebook.default(proposed=True))[0]
    assert match.code.source_title in match.why
    assert "etymology (0.8) at confidence B (0.9) gives 0.72" in match.why
    assert "\n" not in match.why
    assert match.score == pytest.approx(0.72)


def test_a_reading_is_valid_through_its_last_day():
    code = replace(Codebook.default().codes[0], valid_until=date(2022, 9, 12))
    book = Codebook([code])
    assert len(book.lookup("🍇", at="2022-09-12")) == 1
    assert book.lookup("🍇", at="2022-09-13") == []
    assert book.lookup("🍇", country="RU") == []
    with pytest.raises(ValueError, match="neither a day"):
        book.lookup("🍇", at="2022-09-12T10:00")


@given(st.randoms(use_true_random=False))
@settings(max_examples=20)
def test_the_order_of_rows_changes_only_the_order_of_equal_matches(random):
    codes = list(Codebook.default(proposed=True))
    random.shuffle(codes)
    ours, theirs = Codebook(codes), Codebook.default(proposed=True)
    for text in ("🐺", "🍇🦊", "a raisin, a bullfinch 🍉", "🪑", *{code.code for code in codes}):
        matches, expected = ours.lookup(text), theirs.lookup(text)
        assert Counter(matches) == Counter(expected)
        assert [match.score for match in matches] == [match.score for match in expected]
    for place in ("Izium", "geonames:707292", "Снігурівку", "Nowhere"):
        assert Counter(ours.codes_for(place)) == Counter(theirs.codes_for(place))


def test_changing_a_result_does_not_change_the_next_one():
    lookup("🍇").clear()
    assert len(lookup("🍇")) == 1


def test_codes_are_listed_by_place_id_or_name():
    book = Codebook.default()
    izium = book.gazetteer["geonames:707292"]
    codes = book.codes_for(izium)
    assert "🍇" in {code.code for code in codes}
    assert codes == book.codes_for(izium.id) == book.codes_for("Izium") == book.codes_for("Ізюм")
    # The second id of a merged place, and an unknown name.
    assert book.codes_for("katottg:UA63040090010029555") == codes
    assert book.codes_for("Nowhere at all") == []


def test_the_cache_of_lookups_is_bounded_and_changes_no_result(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(codebook, "_CACHE_SIZE", 2)
    default = Codebook.default()
    book = Codebook(default.codes, default.gazetteer)
    queries = ["🍇", "🦊", "ізюм", "🍇", "nothing", "🦊"]
    assert [book.lookup(query) for query in queries] == [
        default._matches(query) for query in queries
    ]
    assert len(book._cache) <= 2


def test_a_codebook_may_use_your_own_places(tmp_path: Path, clubs: Gazetteer):
    path = write_codebook(
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


def test_merging_codebooks_reports_their_differences():
    first = Codebook.default().codes[0]
    mine = Codebook([replace(first, confidence="B", meaning="grapes"), replace(first, code="🐝")])
    merged = Codebook.default().extended(mine)
    (conflict,) = merged.conflicts
    assert conflict.columns == ("meaning", "confidence")
    assert conflict.old is first
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
    # Ten o'clock at +02:00 is before nine UTC.
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
def test_a_problem_has_row_and_column(tmp_path: Path, row: str, column: str | None):
    good = "🦊,emoji,geonames:702972,Lysychansk,fox,attested,2022-09-10,,,B,src,"
    problems = check_codebook(write_codebook(tmp_path, good, row), Gazetteer.default())
    assert [(problem.row, problem.column) for problem in problems] == [(3, column)] * bool(column)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "🍇,emoji,geonames:707292,,grapes, raisins,attested,,,,A,src,https://x",
            "longer than the header",
        ),
        ('🍇,emoji,geonames:707292,,"raisins,attested,,,,A,src,', "cannot be read as CSV"),
    ],
)
def test_a_row_with_an_extra_comma_or_quote_is_rejected(tmp_path: Path, row: str, message: str):
    good = "🦊,emoji,geonames:702972,Lysychansk,fox,attested,2022-09-10,,,B,src,"
    path = write_codebook(tmp_path, row, good)
    (problem,) = check_codebook(path, Gazetteer.default())
    assert message in str(problem)
    with pytest.raises(CodebookError, match=message):
        Codebook.from_csv(path)


def test_rows_are_numbered_as_in_a_spreadsheet_and_may_end_early(tmp_path: Path):
    good = '🦊,emoji,geonames:702972,Lysychansk,"a fox,\nor two",attested,2022-09-10,,,B,src'
    problems = check_codebook(write_codebook(tmp_path, good, "", BAD[0][0]), Gazetteer.default())
    assert [(problem.row, problem.column) for problem in problems] == [(4, "place_id")]


def test_a_check_lists_every_problem_and_repeated_readings(tmp_path: Path):
    good = "🦊,emoji,geonames:702972,Lysychansk,fox,attested,2022-09-10,,,B,src,"
    path = write_codebook(tmp_path, good, *(row for row, _ in BAD[:4]), good)
    problems = check_codebook(path, Gazetteer.default())
    # Row 6 has an unknown basis and repeats the reading of row 4.
    assert [problem.row for problem in problems] == [3, 4, 5, 6, 6, 7]
    assert "is already in row 2" in str(problems[-1])
    (tmp_path / "short.csv").write_text("code,kind\n", encoding="utf-8")
    (missing,) = check_codebook(tmp_path / "short.csv", Gazetteer.default())
    assert missing.column == "place_id"


def test_lookup_and_find_import_no_heavy_package():
    code = (
        "import sys, foxgrape.places as p; p.lookup('🍇'); p.lookup('🪑'); p.find('Izyum'); "
        "print(sorted({'pandas', 'numpy', 'numba', 'emoji', 'rapidfuzz'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"


def test_days_can_be_in_another_time_zone(tmp_path):
    path = tmp_path / "codes.csv"
    head = (
        "code,kind,place_id,place,meaning,basis,decoded_at,valid_from,valid_until,confidence,"
        "source_title,source_url,timezone\n"
    )
    row = "🍇,emoji,geonames:707292,Izium,raisins,symbol,2025-03-02,2025-03-02,,B,a source,,{}\n"
    for zone, midnight in {"Asia/Taipei": "2025-03-01T16:00", "": "2025-03-01T22:00"}.items():
        path.write_text(head + row.format(zone), encoding="utf-8")
        (code,) = Codebook.from_csv(path)
        assert code.valid_span[0].isoformat() == f"{midnight}:00+00:00"
        assert code.timezone == (zone or "Europe/Kyiv")
    path.write_text(head + row.format("Taipei"), encoding="utf-8")
    with pytest.raises(CodebookError, match=r"column timezone.*Asia/Taipei.*got 'Taipei'"):
        Codebook.from_csv(path)
