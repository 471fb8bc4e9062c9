"""Several files and frames in one call, options per file, and calls that read nothing."""

from __future__ import annotations

import gzip
import hashlib
import json

import pandas as pd
import pytest
from tests.shell import run_shell

from foxgrape import Store, ingest, new_study, open_study, read_events, read_posts
from foxgrape.errors import FoxgrapeError, StudyError, TableError
from foxgrape.io.read_report import ReadWarning

POSTS = "id,date,username,text\n{n},2022-09-10 12:16:00,river,🍇\n"
EVENTS = "id,place,date,kind\n{n},Ізюм,2022-09-11,liberated\n"


def write(path, content):
    path.write_text(content, encoding="utf-8")
    return path


@pytest.fixture
def posts(tmp_path):
    return [write(tmp_path / f"p{n}.csv", POSTS.format(n=n)) for n in (1, 2)]


@pytest.fixture
def events(tmp_path):
    return [write(tmp_path / f"e{n}.csv", EVENTS.format(n=n)) for n in (1, 2)]


def test_several_files_give_one_table_with_their_names(posts, events):
    table, report = read_posts(posts, timezone="UTC", with_report=True)
    assert table["post_id"].tolist() == ["1", "2"]
    assert table["source_file"].tolist() == ["p1.csv", "p2.csv"]
    assert (report.records_read, report.format) == (2, "table")
    assert len(read_events(events, timezone="UTC")) == 2


def test_a_frame_is_read_like_its_file(posts):
    frame = pd.read_csv(posts[0])
    expected = read_posts(posts[0], timezone="UTC")
    pd.testing.assert_frame_equal(read_posts(frame, timezone="UTC"), expected)
    pd.testing.assert_frame_equal(read_posts(frame.set_index("id"), timezone="UTC"), expected)
    aware = frame.assign(date=pd.to_datetime(frame["date"], utc=True))
    pd.testing.assert_frame_equal(read_posts(aware), expected)


def test_a_frame_with_cells_of_several_types_is_read_row_by_row():
    frame = pd.DataFrame(
        {
            "id": [1, "b"],
            "date": ["2022-09-10T12:16:00Z", pd.Timestamp("2022-09-10T12:17Z")],
            "username": "a",
            "text": ["x", float("nan")],
        }
    )
    table = read_posts(frame)
    assert table["post_id"].tolist() == ["1", "b"]
    assert table["posted_at"].dt.minute.tolist() == [16, 17]
    assert table["text"].isna().tolist() == [False, True]


def test_different_rows_for_one_post_in_two_files_are_an_error(tmp_path, posts):
    other = write(tmp_path / "other.csv", POSTS.format(n=1).replace("🍇", "🦊"))
    with pytest.raises(TableError, match=r"other.csv, column post_id.*Hint: leave one"):
        read_posts([posts[0], other], timezone="UTC")


def test_the_latest_version_of_an_edited_post_is_kept(tmp_path):
    header = "id,date,username,text,edited\n"
    row = "1,2022-09-10T12:16:00Z,river,{text},{edited}\n"
    old = write(tmp_path / "old.csv", header + row.format(text="a", edited=""))
    new = write(tmp_path / "new.csv", header + row.format(text="b", edited="2022-09-11T07:01:00Z"))
    for files in ([old, new], [new, old]):
        table, report = read_posts(files, with_report=True)
        assert table["text"].tolist() == ["b"]
        assert [str(note) for note in report.notes] == ["1 × older versions of posts left out"]


def test_ingest_adds_several_files_and_frames(tmp_path, posts):
    store = Store(tmp_path / "store")
    frame = pd.read_csv(posts[0]).assign(id=3)
    result = ingest("posts", [*posts, frame], store, timezone="UTC")
    assert (result.new, result.records_read, result.quarantine) == (3, 3, None)
    assert sorted(store.read("posts")["post_id"]) == ["1", "2", "3"]


def test_files_of_a_study_have_options_of_their_own(tmp_path, posts, events):
    """Dumps of posts are in UTC, lists of events in local days."""
    renamed = write(tmp_path / "c.csv", POSTS.format(n=3).replace("text", "what"))
    new_study(
        tmp_path / "study",
        posts=[(posts[0], {"timezone": "UTC"}), (renamed, {"columns": {"text": "what"}})],
        events=events,
        timezone="Europe/Kyiv",
        post_options={"midnight": "exact"},
    )
    study = open_study(tmp_path / "study")
    assert study.posts["posted_at"].dt.hour.tolist() == [9, 12]
    assert study.events["occurred_at"].dt.hour.tolist() == [21, 21]


def test_a_path_alone_is_a_list_of_one(tmp_path, posts, events):
    created = new_study(tmp_path / "study", posts=posts[0], events=str(events[0]), timezone="UTC")
    assert (created.posts, created.events) == (1, 1)
    frames = new_study(
        tmp_path / "frames",
        posts=pd.read_csv(posts[0]),
        events=pd.read_csv(events[0]),
        timezone="UTC",
    )
    assert (frames.posts, frames.events) == (1, 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda _: read_posts(5),
            "a source must be a path, a DataFrame, or a list of them; got 'int'",
        ),
        (
            lambda _: read_posts([None]),
            "a source must be a path or a DataFrame; got 'an object of type NoneType'",
        ),
        (lambda folder: ingest("post", "a", Store(folder)), "did you mean 'posts'"),
        (lambda folder: ingest("posts", [], Store(folder)), "name at least one file"),
        (lambda folder: new_study(folder / "s", posts=[], events="e"), "name at least one file"),
        (lambda _: read_posts("a.csv"), "a.csv: no such file"),
    ],
)
def test_a_wrong_argument_gives_a_one_line_error(tmp_path, call, message):
    with pytest.raises(FoxgrapeError, match=message) as caught:
        call(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_study_from_a_file_without_a_readable_row_fails_with_the_reason(tmp_path, posts):
    empty = write(tmp_path / "e.csv", "id,place,date\ne1,Ізюм,soon\ne2,Ізюм,later\n")
    with pytest.raises(StudyError, match=r"e.csv: no events were read. Hint: 2 bad records; most"):
        new_study(tmp_path / "study", posts=posts, events=empty, timezone="UTC")
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize("count", [50, 5_000])
def test_the_rows_before_damage_are_kept_at_every_size(tmp_path, count):
    row = '{{"id": {0}, "date": "2022-09-10T12:16:00Z", "username": "a", "text": "{1}"}}\n'
    text = "".join(row.format(n, hashlib.sha256(str(n).encode()).hexdigest()) for n in range(count))
    packed = gzip.compress(text.encode())
    file = tmp_path / "a.jsonl.gz"
    file.write_bytes(packed[: len(packed) // 2])
    posts, report = read_posts(file, on_error="quarantine", with_report=True)
    assert 0.35 * count < len(posts) < 0.6 * count
    assert "cut off" in report.quarantine[-1]["reason"]


# The shell


def test_the_shell_adds_several_files_and_prints_notes(tmp_path, posts, capfd):
    rows = [{"id": n, "date": 1_662_812_160 + n, "username": "a", "text": "x"} for n in (1, 2)]
    file = write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)))
    store = tmp_path / "store"
    arguments = ("ingest", "posts", *posts, file, "--store", store, "--timezone", "UTC")
    code, out, err = run_shell(capfd, *arguments)
    assert (code, err, out.count("1 new"), out.count("2 new")) == (0, "", 2, 1)
    assert "Note: 2 × Unix times read as seconds; first: 1662812161 in record 1\n" in out
    code, out, _ = run_shell(capfd, *arguments, "--json")
    assert [result["unchanged"] for result in json.loads(out)] == [1, 1, 2]


def test_a_call_that_reads_nothing_fails(tmp_path, posts, capfd):
    bad = write(tmp_path / "bad.csv", "id,date,username,text\n1,soon,a,x\n2,later,a,x\n3,,a,x\n")
    store = tmp_path / "store"
    options = ("--store", store, "--timezone", "UTC")
    code, out, err = run_shell(capfd, "ingest", "posts", bad, *options)
    assert (code, err.count("\n")) == (1, 1)
    assert "3 quarantined (100% of the records)" in out
    assert (
        "bad.csv: no posts were read; 3 of 3 records are bad; most often: column posted_at" in err
    )
    code, _, err = run_shell(capfd, "ingest", "posts", posts[0], bad, *options)
    assert (code, err.count("\n")) == (1, 1)
    assert Store(store).read("posts")["post_id"].tolist() == ["1"]


@pytest.mark.parametrize(
    ("content", "option"),
    [
        ("id,date,username,text\n1,10/09/2022 12:16,a,x\n", "--dates dmy"),
        ("id,date,username,text\n1,2022-09-10 12:16,a,наш дім\n", "--encoding cp1251"),
        ("id,date,username,what\n1,2022-09-10 12:16,a,x\n", "--column text=what"),
        (
            "id,date,username,text\n1,2022-09-10 00:00,a,x\n2,2022-09-10 12:16,a,x\n",
            "--midnight day",
        ),
    ],
)
def test_hints_of_the_shell_work_as_written(tmp_path, capfd, content, option):
    file = tmp_path / "a.csv"
    file.write_bytes(content.encode("cp1251"))
    call = ("ingest", "posts", file, "--store", tmp_path / "store", "--timezone", "UTC")
    code, _, err = run_shell(capfd, *call)
    name = option.split("=")[0]
    assert (code, f"pass {name}" in err) == (1, True)
    code, out, err = run_shell(capfd, *call, *option.split())
    assert (code, err) == (0, "")
    assert " new," in out


def test_the_shell_creates_a_study_from_files_with_options(tmp_path, capfd, posts, events):
    other = write(tmp_path / "c.csv", POSTS.format(n=3).replace("text", "what"))
    code, out, err = run_shell(
        capfd,
        *("study", "new", tmp_path / "study", "--timezone", "Europe/Kyiv"),
        *("--posts", posts[0], "--posts", other, "--events", events[0]),
        *("--for", f"{posts[0]}:timezone=UTC", "--for", f"{other}:columns.text=what"),
        *("--column", "kind=kind"),
    )
    assert (code, err) == (0, "")
    assert "2 posts, 1 events" in out
    hours = open_study(tmp_path / "study").posts["posted_at"].dt.hour
    assert hours.tolist() == [9, 12]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--column", "url=link"], "write posts.url=link or events.url=link"),
        (["--for", "p1.csv:colour=red"], "expected FILE:NAME=VALUE"),
        (["--for", "other.csv:timezone=UTC"], "names a file that is not read: other.csv"),
    ],
)
def test_an_option_that_fits_no_file_is_a_wrong_call(tmp_path, capfd, options, message):
    code, _, err = run_shell(
        capfd, "study", "new", tmp_path / "s", "--posts", "p", "--events", "e", *options
    )
    assert (code, message in err) == (2, True)


def test_a_column_can_be_left_out(tmp_path):
    file = write(
        tmp_path / "a.jsonl",
        json.dumps({"id": 1, "date": "2022-09-10T12:16:00Z", "user": {"name": "x"}, "text": "x"}),
    )
    with pytest.raises(TableError, match="column account"):
        read_posts(file, account="river")
    table = read_posts(file, account="river", columns={"account": None})
    assert table["account"].tolist() == ["river"]


def test_a_link_is_an_id_if_there_is_no_other(tmp_path):
    file = write(tmp_path / "a.csv", "дата;посилання;текст\n2022-09-10 12:16;https://t.me/r/2;x\n")
    with pytest.warns(ReadWarning, match="no column for post_id; url used in its place"):
        table = read_posts(file, account="r", timezone="UTC")
    assert table["post_id"].tolist() == ["https://t.me/r/2"]


def test_names_in_a_file_do_not_control_the_terminal(tmp_path, capfd):
    file = write(tmp_path / "a\x1b[2J.csv", "id,date,username,text,\x1b[31mx\n1,soon,a,x,y\n")
    file.write_text(file.read_text("utf-8") + "2,2022-09-10T12:16:00Z,a,x,y\n", "utf-8")
    code, out, err = run_shell(capfd, "ingest", "posts", file, "--store", tmp_path / "store")
    assert (code, err) == (0, "")
    assert "\x1b" not in out
