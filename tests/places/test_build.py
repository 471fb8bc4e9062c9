"""Gazetteers built from GeoNames' own files."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from foxgrape.errors import FoxgrapeError
from foxgrape.places import Codebook, Gazetteer, Place, resolve
from foxgrape.places.build import build_gazetteer
from foxgrape.places.completion import complete
from foxgrape.places.divisions import read_divisions
from foxgrape.places.map_outlines import country_features, gazetteer_features

if TYPE_CHECKING:
    from collections.abc import Callable

FILES = Path(__file__).parents[1] / "fixtures" / "geonames"
SQUARE = {"type": "Polygon", "coordinates": [[[34, 31], [35, 31], [35, 32], [34, 31]]]}


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Any]:
    """Build a gazetteer from the fixtures; return the result and the gazetteer."""

    def call(*countries: str, **options: Any) -> Any:
        files = {
            "dump": [FILES / f"{country}.txt" for country in countries],
            "alternate_names": [FILES / f"alternate-{country}.txt" for country in countries],
            "admin1": FILES / "admin1CodesASCII.txt",
        }
        folder = tmp_path / "-".join(countries)
        return build_gazetteer(countries, folder, **files | options), Gazetteer.open(folder)

    return call


def test_names_have_the_stated_languages(build: Callable[..., Any]):
    result, gazetteer = build("IL", "PS")
    haifa, jerusalem = gazetteer["geonames:294801"], gazetteer["geonames:281184"]
    assert (haifa.lat, haifa.lon, haifa.population) == (32.81303, 34.99928, 285316)
    assert (haifa.names_in("he"), haifa.names_in("ar")) == (("חיפה",), ("حيفا",))
    assert "HFA" not in haifa.names  # an airport code is no name
    assert jerusalem.names_in("he") == ("ירושלים",)
    assert jerusalem.names_in("other") == ("יבוס",)  # historic
    assert gazetteer["geonames:293397"].names_in("other") == ("Тель-Авив",)
    assert result.languages == ("he", "ar", "en", "other")
    assert result.named == {"he": 8, "ar": 7, "en": 0}
    assert (result.places, result.located) == (9, 9)


def test_a_language_with_a_region_is_that_language(build: Callable[..., Any]):
    _, gazetteer = build("TW")
    assert set(gazetteer["geonames:1668341"].names_in("zh")) == {"臺北市", "台北"}


def test_other_languages_can_be_chosen(build: Callable[..., Any]):
    result, gazetteer = build("IL", languages=["RU"])
    tel_aviv = gazetteer["geonames:293397"]
    assert tel_aviv.names_in("ru") == ("Тель-Авив",)
    assert not any("א" <= name[0] <= "ת" for name in tel_aviv.names)  # Hebrew is not chosen
    assert result.languages == ("ru", "other")
    with pytest.raises(FoxgrapeError, match=r"ISO 639 code.*got 'hebrew'"):
        build("IL", languages=["hebrew"])


def test_without_alternate_names_the_script_decides(build: Callable[..., Any]):
    _, gazetteer = build("IL", alternate_names=())
    haifa = gazetteer["geonames:294801"]
    assert (haifa.names_in("he"), haifa.names_in("ar")) == (("חיפה",), ("حيفا",))


def test_what_is_left_out_is_counted(build: Callable[..., Any]):
    result, _ = build("IL")
    assert result.left_out == {"abandoned": 1, "not settlements": 1}
    assert "Rows left out: 1 abandoned, 1 not settlements." in result.sentence()
    result, gazetteer = build("IL", dump=[FILES / "IL.txt", FILES / "PS.txt", FILES / "IL.txt"])
    assert result.left_out["in other countries"] == 3
    assert result.left_out["repeated"] == 6
    assert len(gazetteer) == 6


def test_zip_archives_are_read(build: Callable[..., Any], tmp_path: Path):
    archive = tmp_path / "PS.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(FILES / "PS.txt", "PS.txt")
        file.writestr("readme.txt", "a description\n")
    _, gazetteer = build("PS", dump=[archive])
    assert {place.name for place in gazetteer} == {"Gaza", "Khān Yūnis", "Hebron"}
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("readme.txt", "a description\n")
    with pytest.raises(FoxgrapeError, match=r"PS\.zip: the archive must have one table"):
        build("PS", dump=[archive])


@pytest.mark.parametrize(
    ("option", "content", "message"),
    [
        ("dump", "1\tHaifa\n", "row 1: the line has the wrong number of columns; expected 19"),
        ("dump", "\t".join(["x", "a", "a", "", "1", "2", "P", "PPL", "IL", *[""] * 10]), "number"),
        ("alternate_names", "1\t2\the\n", "row 1: the line has the wrong number of columns"),
        (
            "alternate_names",
            "1\tx\the\tname\t\t\t\t\t\t\n",
            "row 1: the second column must",
        ),
        ("admin1", "IL.04\n", "row 1: the line must have a tab"),
    ],
)
def test_invalid_files_are_refused(
    option: str, content: str, message: str, build: Callable[..., Any], tmp_path: Path
):
    file = tmp_path / "file.txt"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(FoxgrapeError, match=message):
        build("IL", **{option: file if option == "admin1" else [file]})


def test_an_unknown_country_is_refused(build: Callable[..., Any]):
    with pytest.raises(FoxgrapeError, match=r"no place of this country.*got 'QQ'"):
        build("IL", "QQ", dump=[FILES / "IL.txt"], alternate_names=())


def test_divisions_are_read_in_every_spelling_of_the_files(build: Callable[..., Any]):
    _, gazetteer = build("IL", "PS")
    for text in ("Haifa", "מחוז חיפה", "haifa"):
        assert read_divisions(text, gazetteer).admin1 == ("Haifa",), text
    assert read_divisions("Southern District", gazetteer).admin1 == ("Southern District",)
    assert read_divisions("Donetsk", gazetteer).unread == ("Donetsk",)  # a region of Ukraine
    assert resolve("אשקלון", admin1="Southern District", gazetteer=gazetteer).notes == ()


def test_a_damaged_description_is_reported(build: Callable[..., Any], tmp_path: Path):
    build("IL")
    info = tmp_path / "IL" / "gazetteer.json"
    info.write_text(json.dumps({"countries": ["IL"], "languages": [1]}), encoding="utf-8")
    with pytest.raises(FoxgrapeError, match=r"gazetteer\.json: not a gazetteer.*gazetteer build"):
        Gazetteer.open(tmp_path / "IL")


def test_packaged_codes_belong_to_the_packaged_gazetteer(build: Callable[..., Any]):
    _, gazetteer = build("IL")
    assert Codebook.for_gazetteer(gazetteer).codes == ()
    assert Codebook.for_gazetteer(Gazetteer.default()) is Codebook.default()
    both = Codebook.for_gazetteer(Gazetteer.default().extended(gazetteer))
    assert both.codes == Codebook.default().codes
    assert "geonames:294801" in both.gazetteer


def test_outlines_are_those_of_the_countries(build: Callable[..., Any], tmp_path: Path):
    _, gazetteer = build("IL", "PS")
    packaged = gazetteer_features(gazetteer)
    assert [area["properties"]["iso_a2"] for area in packaged] == ["IL", "PS"]
    areas = tmp_path / "areas.geojson"
    features = [
        {"type": "Feature", "properties": {"iso_3166_2": code}, "geometry": SQUARE}
        for code in ("IL-D", "PS-GZZ", "EG-SIN")
    ]
    features.append({"type": "Feature", "properties": {}, "geometry": None})
    areas.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    result, gazetteer = build("IL", "PS", outlines=areas)
    assert result.outlines == "areas.geojson, 2 areas"
    assert [area["properties"]["iso_3166_2"] for area in gazetteer_features(gazetteer)] == [
        "IL-D",
        "PS-GZZ",
    ]
    with pytest.raises(FoxgrapeError, match="no areas of these countries; got 'SD'"):
        country_features(areas, ["SD"])
    areas.write_text("{}")
    with pytest.raises(FoxgrapeError, match=r"outlines cannot be read.*expected a GeoJSON"):
        country_features(areas, ["IL"])


def row(number: int, name: str, admin1: str, admin2: str = "", lat: float = 1.0) -> dict[str, Any]:
    """Return a settlement of a dump."""
    return {
        "geonameid": number,
        "name": name,
        "alternatenames": [],
        "latitude": lat,
        "longitude": 2.0,
        "countrycode": "XX",
        "admin1code": admin1,
        "admin2code": admin2,
    }


def place(place_id: str, name: str, admin1: str, admin2: str, *, located: bool = False) -> Place:
    point = 9.0 if located else None
    return Place(place_id, name, (), point, point, "XX", admin1, None, admin2)


def test_villages_get_the_coordinates_of_their_only_namesake():
    known = [
        *(place(f"geonames:{n}", f"Town {n}", "North", "A", located=True) for n in (1, 2)),
        *(place(f"geonames:{n}", f"Town {n}", "North", "B", located=True) for n in (3, 4)),
        *(place(f"geonames:{n}", f"Town {n}", "South", "C", located=True) for n in (5, 6)),
    ]
    villages = [
        place("x:unique", "Ash", "North", "A"),
        place("x:elsewhere", "Oak", "South", "C"),
        place("x:twice-a", "Elm", "North", "A"),
        place("x:twice-b", "Elm", "North", "B"),
        place("x:contradicted", "Yew", "North", "B"),
    ]
    codes = {
        1: ("1", "a"),
        2: ("1", "a"),
        3: ("1", "b"),
        4: ("1", "b"),
        5: ("2", "c"),
        6: ("2", "c"),
    }
    rows = [row(number, f"Town {number}", *divisions) for number, divisions in codes.items()]
    rows += [
        row(10, "Ash", "1", "a", lat=10),
        row(11, "Oak", "1", "a", lat=11),  # in another region than the village
        row(12, "Elm", "1", "a", lat=12),
        row(13, "Elm", "1", "z", lat=13),  # in a district that no known place has
        row(14, "Yew", "1", "a", lat=14),  # in another district than the village
        row(15, "Ash", "7", lat=15),  # in a region that no known place has
    ]
    completed, count = complete(rows, Gazetteer([*known, *villages]))
    points = {place.id: place.lat for place, _ in completed if place.lat is not None}
    assert count == 2
    assert {key: lat for key, lat in points.items() if key.startswith("x:")} == {
        "x:unique": 10,
        "x:twice-a": 12,
    }
    assert points["geonames:1"] == 9.0  # coordinates of the gazetteer are kept


def test_completing_keeps_places_names_and_second_ids():
    completed, count = complete([])
    packaged = Gazetteer.default()
    assert count == 0
    assert [place for place, _ in completed] == list(packaged)
    aliases = {alias: place.id for place, alias in completed if alias}
    assert len(aliases) > 4000
    for alias in list(aliases)[:50]:
        assert packaged[alias].id == aliases[alias]
