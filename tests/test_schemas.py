"""Validation of tables: every error is one line that names the cell."""

from __future__ import annotations

import pandas as pd
import pytest

from foxgrape import FoxgrapeError, schemas
from foxgrape.errors import TableError
from foxgrape.times import DTYPE

POST = {
    "post_id": "p1",
    "platform": "telegram",
    "account": "me",
    "posted_at": "2022-09-10T12:00:00Z",
    "posted_until": "2022-09-10T12:00:00Z",
    "text": "🍇",
    "lang": "uk",
    "url": "",
    "repost": "false",
    "edited_at": "",
}


def write(path, *rows, header=None):
    header = header or list(POST)
    lines = [",".join(header), *(",".join(row[name] for name in header) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def read_error(path, table="posts"):
    """Return the error of reading a table."""
    with pytest.raises(TableError) as error:
        schemas.read_csv(path, table)
    assert "\n" not in str(error.value)
    assert isinstance(error.value, FoxgrapeError)
    return error.value


def test_columns_are_converted_to_their_types(tmp_path):
    posts = schemas.read_csv(write(tmp_path / "posts.csv", POST), "posts")
    assert list(posts) == schemas.columns("posts")
    assert str(posts["posted_at"].dtype) == DTYPE
    assert posts["repost"].tolist() == [False]
    assert posts["url"].isna().all()


def test_other_columns_are_kept(tmp_path):
    row = {**POST, "note": "by hand"}
    posts = schemas.read_csv(write(tmp_path / "posts.csv", row, header=list(row)), "posts")
    assert posts["note"].tolist() == ["by hand"]


@pytest.mark.parametrize(
    ("change", "row", "column", "message"),
    [
        ({"posted_at": "2022-09-10 12:00"}, 3, "posted_at", "with an offset"),  # naive
        ({"posted_at": "10.9.2022"}, 3, "posted_at", "10.9.2022"),
        ({"posted_at": ""}, 3, "posted_at", "expected a value; got nothing"),
        ({"posted_until": "2022-09-10T11:59:59Z"}, 3, "posted_until", "is before posted_at"),
        ({"post_id": "p1"}, 3, "post_id", "is already in row 2"),
        ({"account": ""}, 3, "account", "expected a value; got nothing"),
        ({"repost": "perhaps"}, 3, "repost", "true or false"),
    ],
)
def test_a_bad_cell_is_named(tmp_path, change, row, column, message):
    file = write(tmp_path / "posts.csv", POST, {**POST, "post_id": "p2", **change})
    error = read_error(file)
    assert (error.file, error.row, error.column) == (str(file), row, column)
    assert message in str(error)


def test_a_missing_column_is_named_with_the_closest_one(tmp_path):
    header = [name for name in POST if name != "posted_at"]
    error = read_error(write(tmp_path / "posts.csv", POST, header=header))
    assert (error.row, error.column) == (1, "posted_at")
    assert "did you mean 'posted_until'?" in str(error)
    with pytest.raises(TableError) as caught:
        schemas.validate(pd.DataFrame([POST])[header], "posts")
    assert caught.value.row is None  # a frame has no header


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"a,b\n1\n", "must be as long as the header"),
        ("a,b\n1,é\n".encode("latin-1"), "cannot be read as CSV"),
        (b'a,b\n1,"2\n', "cannot be read as CSV"),
    ],
)
def test_a_bad_csv_file_is_rejected(tmp_path, content, message):
    file = tmp_path / "posts.csv"
    file.write_bytes(content)
    assert message in str(read_error(file))


def test_a_missing_file_is_named(tmp_path):
    assert "there is no such file" in str(read_error(tmp_path / "none.csv"))


def event(**change):
    day = pd.Timestamp("2022-09-10T00:00Z")
    row = {"event_id": "e", "place_id": "geonames:1", "occurred_at": day, "confirmed_at": day}
    return pd.DataFrame([{**row, **change}])


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"place_id": "Izium"}, "place_id"),
        ({"lat": 91.0}, "lat"),
        ({"lon": "east"}, "lon"),
        ({"occurred_at": "2022-09-10"}, "occurred_at"),
        ({"occurred_at": pd.Timestamp("2022-09-10")}, "occurred_at"),  # naive
        ({"confirmed_until": pd.Timestamp("2022-09-09T00:00Z")}, "confirmed_until"),
        # Confirmed certainly before it occurred.
        ({"confirmed_at": pd.Timestamp("2022-09-01T00:00Z")}, "confirmed_until"),
        ({"confirmed_until": pd.NaT}, "confirmed_until"),  # one end without the other
    ],
)
def test_a_bad_cell_of_a_frame_is_named_by_position(change, column):
    with pytest.raises(TableError) as error:
        schemas.validate(event(**change), "events", fill=True)
    assert (error.value.file, error.value.row, error.value.column) == (None, 0, column)


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"confirmed_until": pd.Timestamp("2022-09-09T00:00Z")}, "confirmed_at is the earliest"),
        ({"confirmed_at": pd.Timestamp("2022-09-01T00:00Z")}, "cannot be confirmed before"),
    ],
)
def test_hint_tells_a_backward_interval_from_an_early_confirmation(change, hint):
    with pytest.raises(TableError) as error:
        schemas.validate(event(**change), "events", fill=True)
    assert hint in str(error.value)


def test_fill_adds_exact_times_and_empty_columns():
    frame = event()
    filled = schemas.validate(frame, "events", fill=True)
    assert filled["confirmed_until"].equals(filled["confirmed_at"])
    assert filled["kind"].isna().all()
    assert "kind" not in frame


def test_any_unit_and_zone_is_converted_to_utc_microseconds():
    stated = pd.Timestamp("2022-09-10T15:00+03:00").as_unit("ns")
    filled = schemas.validate(event(occurred_at=stated, confirmed_at=stated), "events", fill=True)
    assert str(filled["occurred_at"].dtype) == DTYPE
    assert filled["occurred_at"].item() == pd.Timestamp("2022-09-10T12:00Z")


def test_other_columns_may_have_any_unique_name():
    frame = event(seen_at="at dawn", seen_until="dusk", stay_at=pd.Timestamp("2022-09-10T00:00Z"))
    frame = frame.assign(stay_until="noon").join(pd.Series([7], name=0))
    assert schemas.validate(frame, "events", fill=True).iloc[0][[0, "seen_at"]].tolist() == [
        7,
        "at dawn",
    ]
    for name in ("place_id", "stay_at", 0):
        with pytest.raises(TableError, match=f"column names must be unique; got '{name}'"):
            schemas.validate(pd.concat([frame, frame[[name]]], axis="columns"), "events", fill=True)


def test_the_ends_of_an_interval_in_other_columns_are_checked():
    day = pd.Timestamp("2022-09-12T00:00Z")
    frame = event(retracted_at=day, retracted_until=day - pd.Timedelta(1, "us"))
    with pytest.raises(TableError, match="retracted_until is before retracted_at"):
        schemas.validate(frame, "events", fill=True)


def test_a_folder_is_rejected(tmp_path):
    assert "cannot be read" in str(read_error(tmp_path))
