"""Points of maps: GeoJSON, KML and KMZ."""

from __future__ import annotations

import json
import zipfile
from datetime import date
from pathlib import Path
from xml.sax.saxutils import escape

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foxgrape import FoxgrapeError, read_events
from foxgrape.errors import TableError

FIXTURES = Path(__file__).parents[2] / "fixtures" / "events"
IZIUM, LYMAN = "geonames:707292", "geonames:704204"
NOT_A_POINT = "the geometry is not a point: it states no coordinates"
WHEN = "<TimeStamp><when>2022-09-10</when></TimeStamp>"
TITLE = "no place near the point has the stated name: the nearest place is used"


def read(file, **options):
    known = {"timezone": "Europe/Kyiv", "on_error": "quarantine", "with_report": True}
    return read_events(file, **known | options)


def notes_of(report):
    return {note.what: note.count for note in report.notes}


def cells(events, *names):
    frame = events[list(names)].astype(object)
    return frame.where(frame.notna(), None).to_numpy().tolist()


def utc(text):
    return pd.Timestamp(text, tz="UTC")


def test_geojson():
    events, report = read(FIXTURES / "points.geojson")
    assert report.quarantine == []
    assert events["event_id"].tolist() == ["g1", "g2", "g3", "g4", "g5"]
    assert cells(events, "place_id", "place_precision", "place_km", "lat") == [
        [IZIUM, None, None, 49.2087],
        [IZIUM, "near", 2.06, 49.2087],
        [LYMAN, None, None, 48.98],
        [IZIUM, None, None, None],
        ["place:60,10", None, None, 60.0],
    ]
    assert events["remark"][0] == "an invented remark"
    assert events["occurred_at"][1] == events["occurred_until"][1] == utc("2022-09-11T10:00")
    assert events["occurred_at"][0] == utc("2022-09-09T21:00")
    notes = notes_of(report)
    assert (notes[NOT_A_POINT], notes[TITLE]) == (1, 1)
    assert report.unresolved_frame()["place_id"].tolist() == ["place:60,10"]


@pytest.mark.parametrize("packing", ["lines", "one line", "indented", "members last"])
def test_geojson_in_every_packing(tmp_path, packing):
    expected, _ = read(FIXTURES / "points.geojson")
    collection = json.loads((FIXTURES / "points.geojson").read_text("utf-8"))
    file = tmp_path / "x"
    if packing == "lines":
        file.write_text("\n".join(map(json.dumps, collection["features"])))
    elif packing == "members last":
        file.write_text(
            json.dumps({"features": collection["features"], "type": "FeatureCollection"})
        )
    else:
        file.write_text(json.dumps(collection, indent=None if packing == "one line" else 4))
    events, report = read(file)
    assert report.format == "geojson"
    pd.testing.assert_frame_equal(events, expected)


def feature(geometry, **properties):
    return {
        "type": "Feature",
        "geometry": geometry,
        "properties": {"date": "2022-09-10"} | properties,
    }


@pytest.mark.parametrize(
    ("geometry", "reason"),
    [
        (None, "a place name, an id or coordinates are required"),
        (
            {"type": "LineString", "coordinates": [[37, 49], [38, 50]]},
            "a place name, an id or coord",
        ),
        ({"type": "Point", "coordinates": [4150000, 6320000]}, "expected -90 to 90"),
        ({"type": "Point", "coordinates": [37]}, "expected longitude and latitude"),
        ({"type": "Point", "coordinates": "37,49"}, "expected longitude and latitude"),
        ([37, 49], "expected an object"),
    ],
)
def test_features_without_a_place_are_quarantined(tmp_path, geometry, reason):
    file = tmp_path / "x.geojson"
    features = [
        feature({"type": "Point", "coordinates": [37.2485, 49.2087, 80]}),
        feature(geometry),
    ]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    events, report = read(file)
    assert events["place_id"].tolist() == [IZIUM]
    assert [row["record"] for row in report.quarantine] == [2]
    assert reason in report.quarantine[0]["reason"]


def test_a_column_of_the_place_is_not_a_title(tmp_path):
    """A city is the place, whatever the point; a name beside it is kept as text."""
    file = tmp_path / "x.geojson"
    point = {"type": "Point", "coordinates": [37.2485, 49.2087]}
    features = [feature(point, name="Strike", city="Izium"), feature(point, city="Lyman")]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    events, report = read(file)
    assert events["place_id"].tolist() == [IZIUM, "place:Lyman"]
    assert cells(events, "name") == [["Strike"], [None]]
    assert "km away" in report.unresolved_frame()["reason"][0]
    mapped, _ = read(file, columns={"place": "name"})
    assert mapped["place_id"].tolist() == ["place:Strike", IZIUM]


def test_a_map_without_times_is_refused(tmp_path):
    file = tmp_path / "x.geojson"
    points = [{"type": "Feature", "properties": {"name": "Izium"}, "geometry": None}]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": points}))
    with pytest.raises(TableError, match="no column has a usual name for occurred_at; got 'name'"):
        read(file)


@pytest.mark.parametrize(
    "content", ['{"type": "FeatureCollection", "features": []}', "<kml><Document/></kml>"]
)
def test_an_empty_map_is_refused(tmp_path, content):
    file = tmp_path / "x"
    file.write_text(content)
    with pytest.raises(TableError, match="the map has no features"):
        read(file)


def test_kml():
    events, report = read(FIXTURES / "points.kml")
    assert cells(events, "place_id", "place_precision", "lat", "lon", "kind") == [
        [IZIUM, None, 49.2087, 37.2485, "liberated"],
        [IZIUM, "near", 49.2087, 37.2485, "strike"],
        [LYMAN, "near", 48.98, 37.8, None],
        [IZIUM, None, None, None, None],
    ]
    assert events["occurred_at"].tolist() == [
        utc("2022-09-09T21:00"),
        utc("2022-09-11T10:00"),
        utc("2022-09-30T21:00"),
        utc("2022-09-07T21:00"),
    ]
    assert events["occurred_until"][1] == utc("2022-09-11T12:00")
    assert events["description"][0] == "<b>an invented remark</b>"
    notes = notes_of(report)
    assert notes["a placemark states no time: the day in its name is used"] == 1
    assert (notes[NOT_A_POINT], notes[TITLE]) == (1, 1)


@pytest.mark.parametrize("name", ["doc.kml", "a map.KML"])
def test_kmz(tmp_path, name):
    file = tmp_path / "x.kmz"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("images/icon.png", b"\x89PNG")
        archive.write(FIXTURES / "points.kml", name)
    pd.testing.assert_frame_equal(read(file)[0], read(FIXTURES / "points.kml")[0])


def placemark(body):
    return (
        '<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>Izium</name>'
        f"{body}</Placemark></Document></kml>"
    )


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE kml [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>',
        '<!DOCTYPE kml SYSTEM "file:///etc/hostname">',
        "<!DOCTYPE kml>",
    ],
)
def test_a_document_type_is_rejected_before_it_declares_anything(tmp_path, doctype):
    file = tmp_path / "x.kml"
    file.write_text(f"<?xml version='1.0'?>{doctype}{placemark('<description>&b;</description>')}")
    with pytest.raises(TableError, match="the XML declares a document type"):
        read(file, on_error="raise", format="kml")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (f"{WHEN}<Point><coordinates>37.2</coordinates></Point>", "expected longitude,latitude"),
        ("<TimeSpan><end>2022-09-10</end></TimeSpan>", "the time span has no beginning"),
        (f"{WHEN}</Placemark></Folder>", "invalid or cut off"),
        ("<name>Izium</name><TimeStamp><when>soon</when></TimeStamp>", "invalid time"),
    ],
)
def test_bad_placemarks_are_quarantined(tmp_path, body, reason):
    file = tmp_path / "x.kml"
    good = "<TimeStamp><when>2022-09-09</when></TimeStamp></Placemark><Placemark>"
    file.write_text(placemark(good + body))
    _, report = read(file)
    assert [row["reason"] for row in report.quarantine if reason in row["reason"]]


def test_an_open_time_span_is_noted(tmp_path):
    file = tmp_path / "x.kml"
    file.write_text(placemark("<TimeSpan><begin>2022-09-10</begin></TimeSpan>"))
    events, report = read(file)
    assert events["occurred_at"].tolist() == [utc("2022-09-09T21:00")]
    assert notes_of(report)["a time span without an end is read as its beginning"] == 1


def test_a_placemark_of_any_size_is_read_in_bounded_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("foxgrape.io.events.kml.MAX_RECORD", 2**10)
    file = tmp_path / "x.kml"
    file.write_text(placemark(f"{WHEN}</Placemark><Placemark>" + '<Data name="abcdefgh"/>' * 99))
    events, report = read(file)
    assert len(events) == 1
    assert "a placemark is larger than" in report.quarantine[0]["reason"]


def test_several_points_state_no_coordinates(tmp_path):
    file = tmp_path / "x.kml"
    point = "<Point><coordinates>37.2,49.2</coordinates></Point>"
    file.write_text(placemark(f"{WHEN}<MultiGeometry>{point}{point}</MultiGeometry>"))
    events, report = read(file)
    assert events["lat"].isna().all()
    assert notes_of(report)[NOT_A_POINT] == 1


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.9])
def test_a_truncated_file_keeps_the_placemarks_before_the_cut(tmp_path, cut):
    text = (FIXTURES / "points.kml").read_text("utf-8")
    file = tmp_path / "x.kml"
    file.write_text(text[: int(len(text) * cut)], encoding="utf-8")
    try:
        events, report = read(file)
    except FoxgrapeError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert len(events) == text[: int(len(text) * cut)].count("</Placemark>")
        assert "invalid or cut off" in report.quarantine[-1]["reason"]


POINTS = st.lists(
    st.tuples(
        st.dates(date(2014, 1, 1), date(2024, 12, 31)),
        st.floats(48.5, 50.5).map(lambda degrees: round(degrees, 6)),
        st.floats(32, 38).map(lambda degrees: round(degrees, 6)),
        st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\uffff\ufffe")),
    ),
    min_size=1,
    max_size=5,
)


@pytest.mark.parametrize("packing", ["geojson", "kml"])
@given(rows=POINTS)
def test_map_points_round_trip(tmp_path_factory, packing, rows):
    file = tmp_path_factory.mktemp("map") / "x"
    if packing == "geojson":
        features = [
            feature({"type": "Point", "coordinates": [lon, lat]}, date=str(day), remark=f"x{text}x")
            for day, lat, lon, text in rows
        ]
        content = json.dumps({"type": "FeatureCollection", "features": features})
    else:
        placemarks = "".join(
            f"<Placemark><TimeStamp><when>{day}</when></TimeStamp><ExtendedData>"
            f'<Data name="remark"><value>x{escape(text)}x</value></Data></ExtendedData>'
            f"<Point><coordinates>{lon},{lat},0</coordinates></Point></Placemark>"
            for day, lat, lon, text in rows
        )
        content = f"<?xml version='1.0'?><kml><Document>{placemarks}</Document></kml>"
    file.write_text(content, encoding="utf-8")
    events, report = read(file)
    assert report.quarantine == []
    days = events["occurred_at"].dt.tz_convert("Europe/Kyiv").dt.date.tolist()
    points = zip(days, events["lat"], events["lon"], events["remark"], strict=True)
    assert list(points) == [(day, lat, lon, f"x{text}x") for day, lat, lon, text in rows]
