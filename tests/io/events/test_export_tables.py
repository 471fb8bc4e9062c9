"""Exports of ACLED, UCDP and VIINA read the same from every kind of table."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from foxgrape import read_events
from foxgrape.errors import TableError

FIXTURES = Path(__file__).parents[2] / "fixtures" / "events"
KINDS = ["csv", "semicolon", "tsv", "excel", "dates", "parquet", "stamps", "lines", "array"]
KINDS += ["unix"]
#: Fixture, its columns with days, and columns with numbers.
EXPORTS = {
    "acled_new.csv": (
        ["event_date"],
        ["time_precision", "geo_precision", "latitude", "fatalities"],
    ),
    "ucdp_candidate.csv": (["date_start", "date_end"], ["where_prec", "date_prec", "longitude"]),
}


def rows_of(name):
    return list(csv.DictReader((FIXTURES / name).read_text("utf-8-sig").splitlines()))


def frame_of(name):
    """Return a fixture as pandas reads it, with days as datetimes."""
    frame = pd.DataFrame(rows_of(name))
    days, numbers = EXPORTS[name]
    for column in days:
        frame[column] = pd.to_datetime(frame[column], format="mixed")
    for column in numbers:
        frame[column] = pd.to_numeric(frame[column])
    return frame.replace("", None)


def write(folder, name, kind, *, upper=False):
    """Write a fixture as another kind of table, with text, cells or Unix times for its days."""
    rows = [{(key.upper() if upper else key): row[key] for key in row} for row in rows_of(name)]
    typed = frame_of(name)
    if upper:
        typed.columns = typed.columns.str.upper()
    file = folder / "export"
    if kind in {"csv", "semicolon", "tsv"}:
        sign = {"csv": ",", "semicolon": ";", "tsv": "\t"}[kind]
        pd.DataFrame(rows).to_csv(file, index=False, sep=sign)
    elif kind in {"excel", "dates"}:
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.append(list(rows[0]))
        cells = rows if kind == "excel" else typed.to_dict("records")
        for row in cells:
            sheet.append([_excel_cell(cell) for cell in row.values()])
        with file.open("wb") as handle:
            book.save(handle)
    elif kind == "parquet":
        pd.DataFrame(rows).to_parquet(file)
    elif kind == "stamps":
        typed.to_parquet(file)
    elif kind == "lines":
        file.write_text("\n".join(map(json.dumps, rows)))
    elif kind == "array":
        file.write_text(json.dumps(rows))
    else:
        for column in typed.select_dtypes("datetime"):
            typed[column] = typed[column].astype("datetime64[ms]").astype("int64")
        typed.to_json(file, orient="records", lines=True)
    return file


def _excel_cell(cell):
    if isinstance(cell, pd.Timestamp):
        return datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001 - cells have no zone
    return None if cell is None or cell != cell else cell  # noqa: PLR0124 - NaN


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_reads_the_same_from_every_kind_of_table(tmp_path, name, kind, upper):
    expected, before = read_events(FIXTURES / name, with_report=True)
    events, report = read_events(write(tmp_path, name, kind, upper=upper), with_report=True)
    assert report.format == before.format
    pd.testing.assert_frame_equal(events, expected)


@pytest.mark.parametrize("kind", ["excel", "lines", "array"])
def test_viina_and_control_lists_read_the_same_from_every_kind_of_table(tmp_path, kind):
    for name in ("viina_event_info.csv", "viina_control.csv"):
        rows = rows_of(name)
        file = tmp_path / "export"
        if kind == "excel":
            with file.open("wb") as handle:
                pd.DataFrame(rows).to_excel(handle, index=False, engine="openpyxl")
        elif kind == "lines":
            file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        else:
            file.write_text(json.dumps(rows), encoding="utf-8")
        options = {"timezone": "Europe/Kyiv"}
        expected = read_events(FIXTURES / name, **options)
        pd.testing.assert_frame_equal(read_events(file, **options), expected)


def resaved(tmp_path, days):
    """Write ACLED rows with these days, as a spreadsheet resaves them."""
    template = rows_of("acled_new.csv")[0]
    file = tmp_path / "acled.csv"
    rows = [
        template | {"event_id_cnty": f"UKR{n}", "event_date": day} for n, day in enumerate(days)
    ]
    pd.DataFrame(rows).to_csv(file, index=False, sep=";")
    return file


def test_days_that_a_spreadsheet_rewrote_are_decided_by_another_row(tmp_path):
    events, report = read_events(resaved(tmp_path, ["9/10/2022", "9/13/2022"]), with_report=True)
    days = events["occurred_at"].dt.tz_convert("Europe/Kyiv").dt.strftime("%m-%d").tolist()
    assert days == ["09-10", "09-13"]
    assert [(note.what, note.count, note.example) for note in report.notes] == [
        ("days in numbers read in the order mdy", 2, "9/10/2022")
    ]


def test_undecided_days_are_refused(tmp_path):
    with pytest.raises(TableError, match=r"row 2, column event_date: cannot tell the day from"):
        read_events(resaved(tmp_path, ["9/10/2022", "10/9/2022"]))


def test_words_for_missing_values_are_missing(tmp_path):
    rows = rows_of("acled_new.csv")
    file = tmp_path / "acled.csv"
    pd.DataFrame([row | {"actor2": "NA", "notes": "nan"} for row in rows]).to_csv(file, index=False)
    events = read_events(file)
    assert events["actor2"].isna().all()
    assert events["notes"].isna().all()
    pd.DataFrame([row | {"location": "NA"} for row in rows]).to_csv(file, index=False)
    with pytest.raises(TableError, match="column location: a value is required"):
        read_events(file)
