"""Any value in place of any other in an export: rows, bad records, or an error of one line.

`python tests/io/test_odd_values.py 500` tries 500 values in each fixture.
"""

from __future__ import annotations

import csv
import io
import json
import random
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import pytest

from foxgrape import read_events, read_posts
from foxgrape.errors import FoxgrapeError

FIXTURES = Path(__file__).parents[1] / "fixtures"
READ = {"posts": read_posts, "events": read_events}
FILES = sorted(
    f"{kind}/{file.name}"
    for kind in READ
    for file in (FIXTURES / kind).iterdir()
    if file.suffix in {".json", ".jsonl", ".ndjson", ".csv", ".geojson"}
)
TEXTS = [
    *("", " ", "x", "http://[x", "https://x:99999999/", "//", "9" * 5_000, "-", "1e400", "0x1"),
    *("NaN", "inf", "2022-13-45", "2022-09-10T25:61:00Z", "0000-00-00", "9999-12-31T23:59:59Z"),
    *(
        "\0",
        "\ud800",
        "\u2028",
        "<b",
        "&#x110000;",
        "&#99999999999;",
        "%",
        "\\",
        "{",
        "[1",
        "(" * 99,
    ),
    *("POINT(1 2", "999,999", "49.2;37.3", "-91 181", "٣", "1.5", "-1", "1" + "0" * 30),
]
VALUES = [
    *TEXTS,
    *(None, True, False, 0, -1, 1.5, 10**30, 1e308, float("nan"), float("inf")),
    *([], {}, [None], [1.5], [[]], {"": None}, {"a": 1.5}, [{"path": 1.5}], {"text": {"x": [1.5]}}),
]


def with_odd_value(text, suffix, rng):
    """Return the content of a fixture in which one value is another, and what was changed."""
    if suffix == ".csv":
        rows = list(csv.reader(io.StringIO(text)))
        row = rng.randrange(1, len(rows))
        column, value = rng.randrange(len(rows[row])), rng.choice(TEXTS)
        rows[row][column] = value
        out = io.StringIO()
        csv.writer(out).writerows(rows)
        return out.getvalue(), f"{rows[0][min(column, len(rows[0]) - 1)]} = {value!r:.60}"
    text = text.replace(r"\x0B", r"\u000B").replace("\x1e", "")  # of Telegram, and of a sequence
    try:
        records = [json.loads(text)]
    except ValueError:
        records = []
        for line in text.split("\n"):
            with suppress(ValueError):  # a fixture has bad lines
                records.append(json.loads(line))
    path, holder = [], records
    while True:
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        key = rng.choice(list(keys))
        path.append(key)
        # Stop at values, and sometimes at what contains them.
        if not isinstance(holder[key], (dict, list)) or not holder[key] or rng.random() < 0.1:
            break
        holder = holder[key]
    value = rng.choice(VALUES)
    holder[key] = value
    lines = "\n".join(map(json.dumps, records))
    return lines, f"{'.'.join(map(str, path))} = {value!r:.60}"


def problem_of(name, seed, folder):
    """Read a fixture with an odd value; return what went wrong, or None."""
    fixture, rng = FIXTURES / name, random.Random(f"{name} {seed}")
    text, what = with_odd_value(fixture.read_text("utf-8-sig"), fixture.suffix, rng)
    file = folder / fixture.name
    file.write_text(text, "utf-8", "surrogatepass")
    kind = name.split("/")[0]
    options = {"account": "me"} if kind == "posts" else {}
    try:
        READ[kind](file, timezone="Europe/Kyiv", on_error="quarantine", with_report=True, **options)
    except FoxgrapeError as error:
        lines = str(error).splitlines()
        return None if len(lines) == 1 else f"{what}: an error of {len(lines)} lines"
    except Exception as error:  # noqa: BLE001 - that is what the test looks for
        return f"{what}: {type(error).__name__}: {error}"
    return None


@pytest.mark.parametrize("name", FILES)
def test_any_value_in_any_place_gives_rows_bad_records_or_an_error_of_one_line(name, tmp_path):
    problems = [problem_of(name, seed, tmp_path) for seed in range(5)]
    assert not any(problems), problems


def test_a_decimal_number_within_the_sources_of_an_incident_is_read(tmp_path):
    incidents = json.loads((FIXTURES / "events" / "bellingcat.json").read_text("utf-8"))
    incidents[0]["sources"] = [{"path": 1.5}]
    incidents[0]["filters"] = [{"key": 1.5, "value": 2.5}]
    (tmp_path / "x.json").write_text(json.dumps(incidents), "utf-8")
    events, _ = read_events(tmp_path / "x.json", on_error="quarantine", with_report=True)
    assert len(events) > 0


def test_an_invalid_link_in_a_sheet_of_links_is_a_bad_record(tmp_path):
    (tmp_path / "x.csv").write_text(
        "Link,Archive status,Archive date,Upload timestamp\n"
        "http://[x,success,2022-09-11T00:00:00+00:00,2022-09-10T12:16:00+00:00\n"
        "https://\u2100/,success,2022-09-11T00:00:00+00:00,2022-09-10T12:16:00+00:00\n"
        "https://t.me/a/1,success,2022-09-11T00:00:00+00:00,2022-09-10T12:16:00+00:00\n",
        "utf-8",
    )
    posts, report = read_posts(
        tmp_path / "x.csv", account="a", on_error="quarantine", with_report=True
    )
    assert report.format == "auto_archiver"
    assert posts["post_id"].tolist() == ["https://t.me/a/1"]
    assert ["the link is invalid" in row["reason"] for row in report.quarantine] == [True, True]


def test_a_decimal_number_within_a_property_of_a_point_is_read(tmp_path):
    points = json.loads((FIXTURES / "events" / "points.geojson").read_text("utf-8"))
    for feature in points["features"]:
        feature["properties"]["more"] = {"a": [1.5]}
    (tmp_path / "x.geojson").write_text(json.dumps(points), "utf-8")
    options = {"timezone": "UTC", "on_error": "quarantine", "with_report": True}
    events, _ = read_events(tmp_path / "x.geojson", **options)
    assert set(events["more"].dropna()) == {'{"a": [1.5]}'}


if __name__ == "__main__":
    from tempfile import mkdtemp

    warnings.simplefilter("ignore")
    where, n_problems = Path(mkdtemp()), 0
    for name in FILES:
        for number in range(int(sys.argv[1])):
            if problem := problem_of(name, number, where):
                print(name, number, problem, flush=True)  # noqa: T201
                n_problems += 1
    print(f"{len(FILES)} files, {n_problems} problems")  # noqa: T201
