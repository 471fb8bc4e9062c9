"""Names in Arabic, Hebrew and Chinese script: by the rules of the script, not by case forms."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foxgrape.places import Code, Codebook, Gazetteer, Place, fold, scan
from foxgrape.places.build import build_gazetteer
from foxgrape.places.mentions import find_mentions

FILES = Path(__file__).parents[1] / "fixtures" / "geonames"
SIGNS = "בחיפהתלא וغزةفيالخرطومم 花蓮市縣在台臺北\u0651\u05b0#_-,.Haifa"
COUNTRIES = {"israel": ("IL", "PS"), "sudan": ("SD",), "taiwan": ("TW",)}


@pytest.fixture(scope="module")
def gazetteers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Gazetteer]:
    """Build a gazetteer of each country from the fixtures."""
    root = tmp_path_factory.mktemp("gazetteers")
    for name, codes in COUNTRIES.items():
        build_gazetteer(
            codes,
            root / name,
            dump=[FILES / f"{code}.txt" for code in codes],
            alternate_names=[FILES / f"alternate-{code}.txt" for code in codes],
        )
    return {name: Gazetteer.open(root / name) for name in COUNTRIES}


def mentioned(text: str, gazetteer: Gazetteer) -> list[tuple[str, str, str]]:
    """Return the text, the place and the confidence of each name."""
    names = scan(text, codebook=Codebook((), gazetteer))
    return [(name.matched, name.places[0].name, name.confidence) for name in names]


@pytest.mark.parametrize(
    ("country", "text", "expected"),
    [
        ("israel", "פיצוץ בחיפה", [("חיפה", "Haifa", "B")]),
        ("israel", "חיפה ואשקלון", [("חיפה", "Haifa", "B"), ("אשקלון", "Ashkelon", "B")]),
        ("israel", "לתל אביב", [("תל אביב", "Tel Aviv", "B")]),
        ("israel", "תל־אביב", [("תל־אביב", "Tel Aviv", "B")]),
        ("israel", "#תל_אביב", [("תל_אביב", "Tel Aviv", "B")]),
        ("israel", "הגיעו לצפת", [("צפת", "Safed", "B")]),
        # Also the word for avenues: it counts with a word that shows that a place follows.
        ("israel", "שדרות רוטשילד", []),
        ("israel", "אש בשדרות", [("שדרות", "Sderot", "C")]),
        ("israel", "העיר שדרות", [("שדרות", "Sderot", "C")]),
        # The Gaza Strip and Haifa Street are no settlements.
        ("israel", "ברצועת עזה", []),
        ("israel", "רחוב חיפה", []),
        ("israel", "العودة إلى غزة", [("غزة", "Gaza", "B")]),
        ("israel", "لغزه وخان يونس", [("غزه", "Gaza", "B"), ("خان يونس", "Khān Yūnis", "B")]),
        ("israel", "قطاع غزة", []),
        ("israel", "بالقدس والخليل", [("القدس", "Jerusalem", "B"), ("الخليل", "Hebron", "B")]),
        ("israel", "غَزَّة", [("غَزَّة", "Gaza", "B")]),
        # A historic name does not count, and a part of a longer word is no name.
        ("israel", "יבוס", []),
        ("israel", "חיפהאית", []),
        # GeoNames has the name without the article.
        ("sudan", "في الخرطوم", [("الخرطوم", "Khartoum", "B")]),
        ("sudan", "للخرطوم", [("للخرطوم", "Khartoum", "B")]),
        ("sudan", "ولاية الخرطوم", []),
        ("sudan", "وام درمان", [("ام درمان", "Omdurman", "B")]),
        ("sudan", "لون الأبيض جميل", []),
        ("sudan", "عاد إلى الأبيض", [("الأبيض", "El Obeid", "C")]),
        ("sudan", "بورتسودان", [("بورتسودان", "Port Sudan", "B")]),
        # GeoNames has the name with 市, and 臺 and 台 are one sign.
        ("taiwan", "今天在花蓮停電", [("花蓮", "Hualien City", "B")]),
        ("taiwan", "花蓮市停電", [("花蓮市", "Hualien City", "B")]),
        ("taiwan", "花蓮縣政府", []),
        ("taiwan", "臺北與高雄", [("臺北", "Taipei", "B"), ("高雄", "Kaohsiung", "B")]),
        ("taiwan", "台北市和基隆", [("台北市", "Taipei", "B"), ("基隆", "Keelung", "B")]),
        # Names in Latin letters are found as before.
        ("taiwan", "Rain in Kaohsiung", [("Kaohsiung", "Kaohsiung", "A")]),
        ("israel", "Haifa חיפה", [("Haifa", "Haifa", "B"), ("חיפה", "Haifa", "B")]),
    ],
)
def test_names_in_texts(
    country: str,
    text: str,
    expected: list[tuple[str, str, str]],
    gazetteers: dict[str, Gazetteer],
):
    assert mentioned(text, gazetteers[country]) == expected


@pytest.mark.parametrize(
    ("country", "name", "place"),
    [
        ("israel", "חיפה", "Haifa"),
        ("israel", "בחיפה", "Haifa"),
        ("israel", "غزه", "Gaza"),
        ("sudan", "الخرطوم", "Khartoum"),
        ("sudan", "وبالخرطوم", "Khartoum"),
        ("taiwan", "花蓮", "Hualien City"),
        ("taiwan", "臺東", "Taitung"),
    ],
)
def test_names_of_events(country: str, name: str, place: str, gazetteers: dict[str, Gazetteer]):
    best = gazetteers[country].find(name)[0]
    assert (best.place.name, best.score >= 0.8) == (place, True)


def test_small_places_need_a_word_that_shows_a_place():
    # An invented village, with the name of the word for a tower.
    village = Place("geonames:9", "Migdal", ("מגדל",), 1.0, 2.0, "IL", "", 900, "", ("he",))
    others = (
        Place(f"geonames:{n}", f"Name {n}", (), None, None, "IL", "", None) for n in range(10, 1100)
    )
    gazetteer = Gazetteer([village, *others])  # more places than a selection of one's own has
    assert mentioned("נבנה מגדל חדש", gazetteer) == []
    assert mentioned("הגיעו אל מגדל", gazetteer) == [("מגדל", "Migdal", "C")]
    assert mentioned("נפגעו במגדל", gazetteer) == [("מגדל", "Migdal", "C")]


def test_places_of_ones_own_count_everywhere():
    own = Gazetteer([Place("my:1", "Blue Gate", ("השער הכחול",), None, None, "", "", None)])
    assert mentioned("ניפגש השער הכחול מחר", own) == [("השער הכחול", "Blue Gate", "B")]


def test_a_packaged_gazetteer_has_no_such_names():
    text = "غزة חיפה 花蓮 Ізюм, під Лисичанськом"
    names = [mention.places[0].name for mention in find_mentions(text, Gazetteer.default())]
    assert names == ["Izium", "Lysychansk"]


@pytest.mark.parametrize("country", COUNTRIES)
@given(
    text=st.text(
        st.sampled_from("בחיפהתלא וغزةفيالخرطومم 花蓮市縣在台臺北\u0651\u05b0#_-,.Haifa"),
        max_size=40,
    )
)
def test_spans_are_in_the_text_and_in_order(
    country: str, text: str, gazetteers: dict[str, Gazetteer]
):
    mentions = find_mentions(text, gazetteers[country])
    spans = [(mention.start, mention.end) for mention in mentions]
    assert spans == sorted(spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(fold(text[start:end]) for start, end in spans)


def test_words_of_a_codebook_need_no_spaces_around_them_in_chinese():
    place = Place("my:1", "Hualien", (), None, None, "TW", "", None)
    codes = [
        Code(code, kind, "my:1", "", "symbol", None, None, None, "B", "a source", "")
        for code, kind in (("葡萄", "word"), ("#葡萄", "hashtag"), ("raisin", "word"))
    ]
    book = Codebook(codes, Gazetteer([place]))
    for text, expected in {
        "我們吃葡萄了": ["葡萄"],
        "raisins, a raisin葡萄": ["葡萄"],
        "a raisin": ["raisin"],
        "#葡萄 好": ["#葡萄"],
    }.items():
        assert [word.matched for word in scan(text, codebook=book, mentions=False)] == expected
