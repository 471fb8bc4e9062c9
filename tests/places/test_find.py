"""Search for places by name, and building of gazetteers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foxgrape.errors import FoxgrapeError
from foxgrape.places import Gazetteer, Place, find, fold
from foxgrape.places.build import write_folder
from foxgrape.places.geonames import read_admin1
from foxgrape.places.name_languages import group_by_language

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import spellings

FOLDER = Path(__file__).parents[2] / "toolkit/foxgrape/places/resources/gazetteer"
IZIUM, LYSYCHANSK, KUPIANSK = "geonames:707292", "geonames:702972", "geonames:703656"


@pytest.mark.parametrize(
    ("name", "place_id", "how"),
    [
        ("Izium", IZIUM, "exact"),
        ("ІЗЮМ", IZIUM, "folded"),
        ("КУП'ЯНСЬК", KUPIANSK, "folded"),
        ("Kup’yans’k", KUPIANSK, "folded"),
        ("Куп´янськ", KUPIANSK, "folded"),
        ("Куп*янськ", KUPIANSK, "folded"),
        ("І\u00adзю\u0301м\u200b", IZIUM, "folded"),
        ("у Дніпрі", "geonames:709930", "inflected"),
        ("до Часового Яру", "geonames:710915", "inflected"),
        ("Khersson", "geonames:706448", "respelt"),
        ("в Ізюмі", IZIUM, "inflected"),
        ("під Лисичанськом", LYSYCHANSK, "inflected"),
        ("Купянска", KUPIANSK, "inflected"),
        ("Лисичаньську", LYSYCHANSK, "respelt and inflected"),
        ("Kramatrosk", "geonames:704508", "misspelt"),
        ("Сєвєродонецьк", "geonames:691999", "exact"),
        ("Артемовск", "geonames:713174", "exact"),
        ("у Білій Церкві", "geonames:712165", "inflected"),
    ],
)
def test_a_name_is_found_in_any_spelling(name: str, place_id: str, how: str):
    best = find(name)[0]
    assert (best.place.id, best.how) == (place_id, how)
    assert best.score >= 0.8


def test_scores_fall_from_exact_to_misspelt():
    names = ("Лисичанськ", "ЛИСИЧАНСЬК", "Lysychans'kk", "Лисичанськом", "Лисичаньск", "Kramatrosk")
    scores = [find(name)[0].score for name in names]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == len(scores)


def test_an_ambiguous_name_gives_every_place_by_population():
    matches = find("Лиман", limit=None)
    assert matches[0].place.id == "geonames:704204"
    assert len(matches) > 10
    assert {match.score for match in matches} == {1.0}


def test_a_short_name_is_at_most_a_guess_for_another():
    assert all(match.score < 0.8 for match in find("Суми", limit=None) if match.how == "misspelt")
    assert all(match.score < 0.8 for match in find("Сумм", limit=None) if match.how == "misspelt")
    assert all(match.score < 0.8 for match in find("Бор Дно", limit=None))


def test_a_current_name_comes_before_a_former_one():
    # The village of Bilozerka was once called Ivanivka, and is larger than any Ivanivka.
    assert find("Іванівка")[0].place.name == "Ivanivka"


def test_country_admin1_and_near_narrow_the_matches():
    assert {match.place.country for match in find("Donetsk", country="RU")} == {"RU"}
    divisions = {match.place.admin1 for match in find("Андріївка", admin1="Donetsk", limit=None)}
    assert divisions == {"Donetsk Oblast"}
    assert find("Андріївка", admin1="Nowhere") == []
    near = find("Лиман", near=(49.58, 36.5))[0].place
    assert near.admin1 == "Kharkiv Oblast"


def test_an_inexact_name_in_lower_case_is_a_guess():
    assert find("изюмом")[0].score < 0.8 <= find("Изюмом")[0].score


def test_a_village_without_coordinates_is_found_with_its_district():
    place = find("Роботиного")[0].place
    assert (place.id, place.lat, place.admin2) == (
        "katottg:UA23100270150025192",
        None,
        "Polohivskyi Raion",
    )


def test_a_merged_place_has_two_ids():
    izium = Gazetteer.default()[IZIUM]
    assert izium.admin2 == "Iziumskyi Raion"
    assert Gazetteer.default()["katottg:UA63040090010029555"] is izium


def test_the_last_unmatched_namesake_is_matched_by_elimination():
    """Donetsk Oblast has two Opytne; the one at the airport is identified by the other."""
    opytne = Gazetteer.default().find("Опитне", admin1="Donetsk", limit=None, exact=True)
    assert {match.place.id for match in opytne} == {"geonames:810695", "geonames:9113127"}
    assert Gazetteer.default()["katottg:UA14160010020046442"].id == "geonames:9113127"
    # No place near this quarter of Donetsk is in the district of the village with its name.
    assert Gazetteer.default()["geonames:13561144"].admin2 == ""


def test_a_gazetteer_in_memory_finds_inflected_and_misspelt_names():
    den = Place("x:1", "Foxholm", ("Лисячий Острів",), None, None, "XX", "", None)
    few = Gazetteer([den])
    assert few.find("Лисячого Острова")[0].how == "inflected"
    assert few.find("Foxhholm")[0].place is den
    both = Gazetteer.default().extended(few)
    assert both["x:1"] is den
    assert both[IZIUM].name == "Izium"
    assert both.find("Foxholm")[0].place is den
    assert len(both) == len(Gazetteer.default()) + 1
    assert list(few) == [den]


def test_an_added_gazetteer_replaces_places_with_the_same_id():
    old, new = (
        Place("x:1", name, (other,), None, None, "XX", "", 5)
        for name, other in (("Foxholm", "Den"), ("Foxhome", "Den"))
    )
    elsewhere = Place("x:2", "Den", (), None, None, "XX", "", None)
    both = Gazetteer([old, elsewhere]).extended(Gazetteer([new]))
    assert both["x:1"] is new
    assert (len(both), set(both)) == (2, {new, elsewhere})
    assert [(match.place, match.score) for match in both.find("Den")] == [
        (elsewhere, 1.0),  # its main name; for the other it is an alternative
        (new, 1.0),
    ]
    assert set(both.populated_places()) == {new, elsewhere}
    # A name that only the replaced place had is unknown.
    assert both.find("Foxholm", exact=True) == []
    assert both.find_in_text("Foxholm") == []
    assert both.find("Foxhholm") == both.find("Foxhholm", exact=True) == []
    with pytest.raises(KeyError, match="x:3"):
        both["x:3"]


def test_a_written_folder_finds_every_place_and_the_town_behind_a_hamlets_name(tmp_path: Path):
    """From the 37th place on numbers have two digits; Марину is also the accusative of Марина."""
    towns = [Place(f"x:{n}", f"Town {n}", (), None, None, "XX", "", 1000 + n) for n in range(40)]
    town = Place("x:town", "Марина", (), None, None, "XX", "", 500)
    hamlet = Place("x:hamlet", "Марину", (), None, None, "XX", "", None)
    write_folder(tmp_path, ((place, "") for place in (*towns, town, hamlet)))
    read = Gazetteer.from_folder(tmp_path)
    assert set(read) == {*towns, town, hamlet}
    for place in towns:
        assert read.find(place.name, exact=True)[0].place == place
    matches = [(match.place, match.how) for match in read.find("Марину")]
    assert matches == [(hamlet, "exact"), (town, "inflected")]


def test_names_are_grouped_by_the_language_that_can_write_them():
    names = ["Варшава", "Київ", "Kyiv", "Kiev", "WAW", "yi jiu mu", "Львів", "Донецьк", "Киев"]
    more = ["Kharkiv city", "東京", "Куп'янськ", "Кие\u0301в", "X"]
    assert group_by_language(names + more, "Kyiv", "Київ") == {
        "uk": ["Київ", "Донецьк", "Куп\u2019янськ", "Львів"],
        "ru": ["Варшава", "Киев"],
        "en": ["Kiev"],  # it has the phonetic key of Kyiv, which is the name itself
        "other": ["Kharkiv city"],
    }


def test_a_bad_line_of_divisions_is_reported(tmp_path: Path):
    path = tmp_path / "admin1CodesASCII.txt"
    path.write_bytes(b"PL.78\tMasovia\tMasovia\t858787\nPL.77\tLesser Poland\n")
    assert read_admin1(path) == {"PL.78": "Masovia", "PL.77": "Lesser Poland"}
    path.write_bytes(b"PL.78\tMasovia\nPL.77 Lesser Poland\n")
    with pytest.raises(FoxgrapeError, match="row 2: the line must have a tab; got 'PL"):
        read_admin1(path)
    path.write_bytes(b"PL.78\t\xff\n")
    with pytest.raises(FoxgrapeError, match="cannot be read"):
        read_admin1(path)
    with pytest.raises(FoxgrapeError, match="cannot be read"):
        read_admin1(tmp_path / "absent.txt")


def test_a_folder_without_tables_is_rejected(tmp_path: Path):
    with pytest.raises(FoxgrapeError, match=r"places\.txt.*gazetteer build"):
        Gazetteer.from_folder(tmp_path)


def test_every_place_is_found_by_its_name():
    gazetteer = Gazetteer.default()
    places = list(gazetteer)
    assert len({place.id for place in places}) == len(places) == len(gazetteer)
    assert (
        sum(place.id.startswith("geonames:") and place.country == "UA" for place in places) == 5488
    )
    for place in places[::97]:
        ids = {match.place.id for match in gazetteer.find(place.name, limit=None, exact=True)}
        assert place.id in ids


def test_recall_of_collected_spellings():
    hits, _ = spellings.recall()
    assert len(hits["town", "all"]) > 500
    assert len(hits["village", "all"]) > 500
    assert sum(hits["town", "all"]) >= 0.95 * len(hits["town", "all"])
    assert sum(hits["village", "all"]) >= 0.90 * len(hits["village", "all"])


def test_ordinary_words_are_rarely_taken_for_places():
    words = spellings.read("ordinary_words.csv")
    assert len(words) >= 200
    assert len(spellings.false_matches(capital=False)) <= 0.02 * len(words)


def test_a_place_is_the_same_object_by_id_and_by_name(tmp_path: Path):
    gazetteer = Gazetteer.from_folder(FOLDER)
    by_id = gazetteer[IZIUM]
    assert gazetteer.find("Izium")[0].place is by_id
    assert "geonames:70729" not in gazetteer
    assert "geonames:7072920" not in gazetteer
    assert "" not in gazetteer
    ids = [place.id for place in gazetteer]
    fresh = Gazetteer.from_folder(FOLDER)
    assert all(fresh[place_id].id == place_id for place_id in (ids[0], ids[-1], *ids[::101]))
    write_folder(tmp_path, [(by_id, "")])
    assert list(Gazetteer.from_folder(tmp_path)) == [by_id]
    assert Gazetteer.from_folder(tmp_path)[IZIUM] == by_id


@given(
    st.one_of(
        st.text(max_size=30),
        st.text(alphabet="абвгдеєжзиіїйклмнопрстуфхцчшщьюяАБВ -'’", max_size=25),
        st.text(alphabet="abcdefghijklmnopqrstuvwxyzABC '-`", max_size=25),
    )
)
@settings(max_examples=60, deadline=None)
def test_any_text_gives_matches_in_descending_order(name: str):
    matches = find(name, limit=None)
    scores = [match.score for match in matches]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert len({match.place.id for match in matches}) == len(matches)
    if any(match.how in {"exact", "folded"} for match in matches):
        assert matches[0].how in {"exact", "folded"}


@given(st.text(alphabet="abcXYZ '`-_", max_size=12))
def test_ascii_names_are_folded_like_others(name: str):
    assert fold(f"{name}я") == f"{fold(f'{name}x')[:-1]}я"


@pytest.fixture(scope="module")
def namesakes():
    """Return a few dozen places, many with the same name."""
    searches = (
        find(name, limit=12) for name in ("Izium", "Лиман", "Іванівка", "Роботине", "Kherson")
    )
    return list({match.place.id: match.place for matches in searches for match in matches}.values())


@given(st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_the_order_of_places_changes_no_match(namesakes, tmp_path_factory, random):
    shuffled = random.sample(namesakes, len(namesakes))
    ours, theirs = Gazetteer(shuffled), Gazetteer(namesakes)
    for name in ("Izyum", "Лиман", "лиману", "Ивановке", "Роботиного", "Khersson", "Iziumm"):
        assert ours.find(name, limit=None) == theirs.find(name, limit=None)
        assert ours.find(name, near=(49, 37)) == theirs.find(name, near=(49, 37))
        assert ours.find_in_text(name) == theirs.find_in_text(name)
    first, second = (tmp_path_factory.mktemp(name) for name in ("first", "second"))
    write_folder(first, ((place, "") for place in shuffled))
    write_folder(second, ((place, "") for place in namesakes))
    for name in ("places.txt", "names.txt", "sounds.txt"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_a_lone_surrogate_matches_nothing():
    assert find("\ud800") == []
    assert "geonames:\ud800" not in Gazetteer.default()
