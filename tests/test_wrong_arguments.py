"""A wrong argument gives a one-line error of foxgrape, never one of Python's."""

from __future__ import annotations

from pathlib import Path

import pytest

from foxgrape import (
    Store,
    detect,
    ingest,
    iter_posts,
    link,
    new_study,
    open_study,
    read_events,
    read_posts,
)
from foxgrape._util.files import study_folder
from foxgrape.errors import FoxgrapeError
from foxgrape.places import codes_for, find, lookup, suggest

POSTS = study_folder("izium-2022") / "posts.csv"

CALLS = {
    "lookup": (lambda _: lookup(None), "code must be text; got 'None'"),
    "find": (lambda _: find(5), "name must be text; got '5'"),
    "suggest": (lambda _: suggest(None), "emoji must be text"),
    "codes_for": (lambda _: codes_for(None), "place must be text"),
    "filter": (lambda _: open_study().analyse().filter(acount="x"), "did you mean 'account'"),
    "clock": (
        lambda _: open_study().analyse().coincidence(clock="occured", n=9),
        "did you mean 'occurred'",
    ),
    "detect": (lambda _: detect(["🍇"]), "posts must be a DataFrame; got 'list'"),
    "link": (lambda _: link(None, None), "must be a DataFrame; got 'NoneType'"),
    "open_study": (lambda _: open_study(5), "the folder of a study must be a path; got 'int'"),
    "read_posts": (lambda _: read_posts(None), "a source must be a path"),
    "columns": (lambda _: read_posts(POSTS, columns="text"), "columns must be a dictionary"),
    "timezone": (lambda _: read_posts(POSTS, timezone=3), "timezone must be text; got 3"),
    "account": (lambda _: read_posts(POSTS, account=3), "account must be text; got 3"),
    "encoding": (lambda _: read_posts(POSTS, encoding=3), "encoding must be text"),
    "format": (lambda _: read_posts(POSTS, format=3), "format must be text"),
    "dates": (lambda _: read_posts(POSTS, dates="ymd"), "dates must be 'dmy' or 'mdy'"),
    "midnight": (lambda _: read_posts(POSTS, midnight=True), "midnight must be 'day' or 'exact'"),
    "ingest": (lambda folder: ingest("post", POSTS, folder), "did you mean 'posts'"),
    "upsert": (lambda folder: Store(folder).upsert("posts", None), "posts must be a DataFrame"),
    "new_study": (
        lambda folder: new_study(folder / "s", posts=POSTS, events=None),
        "a source must",
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_argument_is_named_in_one_line(tmp_path, name):
    call, message = CALLS[name]
    with pytest.raises(FoxgrapeError, match=message) as caught:
        call(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_store_may_be_given_by_its_folder(tmp_path):
    assert ingest("posts", POSTS, tmp_path / "store").new == len(read_posts(POSTS))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": {"text": None}}, "column text: the table needs this column"),
        ({"timezone": "Europe/Kiyv"}, "did you mean 'Europe/Kyiv'"),
    ],
)
def test_a_wrong_option_of_a_table_is_named(tmp_path, options, message):
    file = tmp_path / "a.csv"
    file.write_text("id,date,username,text\n1,2022-09-10T12:16:00Z,a,x\n", encoding="utf-8")
    with pytest.raises(FoxgrapeError, match=message):
        read_posts(file, **options)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,date,username,text\n1,2022-09-10 12:16:00,a,x\n", r"pass timezone=$"),
        ("id,date,text\n1,2022-09-10T12:16:00Z,x\n", r"pass account=$"),
        ("[]", "the file has no records"),
        ("id,date,user\0name,text\n1,2022-09-10T12:16:00Z,a,xy\n", "remove the zero bytes"),
        ("id,date,username,text\n1,10:00,a,x\n", "'10:00' has no day"),
        ("id,date,username,text\n1,2022-09-10 10:00+99:00,a,x\n", "at most 14 hours"),
    ],
)
def test_the_hint_of_a_file_is_the_option_that_it_needs(tmp_path, content, message):
    file = tmp_path / "a.csv"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(FoxgrapeError, match=message):
        read_posts(file)


def test_columns_of_an_export_that_is_no_table_are_refused(tmp_path):
    file = tmp_path / "result.json"
    file.write_text('{"name": "a", "type": "public_channel", "id": 1, "messages": []}', "utf-8")
    with pytest.raises(FoxgrapeError, match="columns= applies to tables, and this is telegram"):
        read_posts(file, columns={"text": "msg"})


def test_columns_of_an_export_that_is_a_table_are_noted():
    file = Path(__file__).parent / "fixtures" / "events" / "acled_new.csv"
    _, report = read_events(
        file, timezone="Europe/Kyiv", columns={"place": "location"}, with_report=True
    )
    assert any("not by the reader of acled" in note.what for note in report.notes)


def test_columns_of_an_export_that_is_a_table_are_noted_in_batches_too(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text(
        "Page Name,User Name,Facebook Id,Post Created,Message,URL\n"
        "River,river,111,2022-09-10 08:16:00 EDT,x,https://www.facebook.com/111/posts/2\n",
        encoding="utf-8",
    )
    columns = {"post_id": "URL", "posted_at": "Post Created", "account": "User Name"}
    ((posts, report),) = iter_posts(file, columns=columns, with_report=True)
    assert posts["account"].tolist() == ["river"]
    assert any("not by the reader of crowdtangle" in note.what for note in report.notes)
