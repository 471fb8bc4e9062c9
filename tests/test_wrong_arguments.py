"""A wrong argument gives a one-line error of foxgrape, never one of Python's."""

from __future__ import annotations

import pytest

from foxgrape import Store, detect, ingest, link, new_study, open_study, read_posts
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
