"""Files that hold no single events, and files given to the wrong reader."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from foxgrape import read_events, read_posts
from foxgrape._util.files import study_folder
from foxgrape.errors import TableError

FIXTURES = Path(__file__).parents[2] / "fixtures"
WEEK = "WEEK,REGION,COUNTRY,ADMIN1,EVENT_TYPE,SUB_EVENT_TYPE,EVENTS,FATALITIES,ID"
GDELT_ROW = "1000000001\t20220910\t202209\t2022\t2022.6849"
DELETED = {"event_id_cnty": "UKR1", "deleted_timestamp": 1}


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (WEEK, "ACLED's weekly counts by region"),
        ("Country,Admin1,Month,Year,Events,Fatalities", "monthly counts of events"),
        ("COUNTRY,YEAR,EVENTS", "yearly counts of events"),
        ("event_id_cnty,deleted_timestamp", "ACLED's list of deleted events"),
        (
            json.dumps({"data": [{"event_id_cnty": "UKR1", "deleted_timestamp": 1}]}),
            "deleted events",
        ),
        ("country_id_cy,country_cy,year_cy,sb_total_deaths_best_cy", "by country and year"),
        ("conflict_id,location_inc,side_a,year,bd_best", "by conflict and year"),
        ("conflict_id,dyad_id,year,best_fatality_estimate", "by conflict and year"),
        ("conflict_id,incompatibility,year,intensity_level", "by conflict and year"),
        ("GLOBALEVENTID,SQLDATE,MonthYear,Year", "GDELT codes articles"),
        (GDELT_ROW + "\tx" * 53, "GDELT codes articles"),
        (GDELT_ROW + "\tx" * 56, "GDELT codes articles"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9", "a Git LFS pointer"),
    ],
)
def test_known_files_without_events_are_named(tmp_path, content, what):
    file = tmp_path / "x"
    file.write_text(f"{content}\n1,2,3\n" if content[0] not in "v{" else content)
    with pytest.raises(TableError, match=rf"{what}.*\. Hint: "):
        read_events(file)
    with pytest.raises(TableError, match=rf"{what}.*\. Hint: "):
        read_posts(file)


def test_a_table_of_own_columns_is_read_although_it_counts_events(tmp_path):
    """The caller's columns come first."""
    file = tmp_path / "x.csv"
    file.write_text("id,week,events,event_type,place\n1,2022-09-10,5,x,Izium\n")
    events = read_events(file, columns={"occurred_at": "week"}, timezone="UTC")
    assert len(events) == 1


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("acled_new.csv", "acled"),
        ("acled_api.jsonl", "acled"),
        ("ucdp_hxl.csv", "ucdp"),
        ("viina_control.csv", "viina_control"),
        ("bellingcat.json", "bellingcat"),
        ("geoconfirmed.csv", "geoconfirmed"),
        ("points.geojson", "geojson"),
        ("points.kml", "kml"),
        ("table.csv", "table"),
    ],
)
def test_events_given_to_read_posts_are_recognized(name, kind):
    message = rf"this looks like events \({kind}\), not posts\. Hint: read it with read_events or "
    with pytest.raises(TableError, match=message + "`foxgrape ingest events`"):
        read_posts(FIXTURES / "events" / name)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("telegram_desktop_channel.json", "telegram_desktop"),
        ("telethon.jsonl", "telethon"),
        ("x_api_pages.jsonl", "x_api"),
        ("mastodon_outbox.json", "mastodon"),
        ("bluesky_feed.json", "bluesky"),
    ],
)
def test_posts_given_to_read_events_are_recognized(name, kind):
    message = rf"this looks like posts \({kind}\), not events\. Hint: read it with read_posts or "
    with pytest.raises(TableError, match=message + "`foxgrape ingest posts`"):
        read_events(FIXTURES / "posts" / name)


def test_tables_of_a_study_given_to_the_wrong_reader_are_recognized():
    folder = study_folder("izium-2022")
    with pytest.raises(TableError, match=r"looks like events \(table\), not posts"):
        read_posts(folder / "events.csv")
    with pytest.raises(TableError, match=r"looks like posts \(table\), not events"):
        read_events(folder / "posts.csv")


def test_a_table_of_posts_with_places_is_read_as_posts(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("id,date,text,account,lat,lon,place\n1,2022-09-10T10:00:00Z,a,b,49,37,Izium\n")
    assert len(read_posts(file)) == 1
