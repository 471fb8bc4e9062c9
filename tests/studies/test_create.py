"""Creating a study from files of any format."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from frictionless import Package

from foxgrape import new_study, open_study
from foxgrape._util.files import study_folder
from foxgrape.cli.app import run
from foxgrape.errors import StudyError, TableError

FIXTURES = Path(__file__).parents[1] / "fixtures"
POSTS = FIXTURES / "posts" / "telegram_desktop_channel.json"
EVENTS = FIXTURES / "events" / "ucdp_hxl.csv"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "mine"


def test_a_study_is_created_from_an_export_and_a_file_of_events(folder):
    result = new_study(folder, posts=[POSTS], events=[EVENTS], timezone="Europe/Kyiv")
    study = open_study(folder)
    assert (len(study.posts), len(study.events)) == (result.posts, result.events)
    assert result.events == 3
    assert Package(folder / "datapackage.json").validate().valid
    # A region that no gazetteer knows is in the study's own gazetteer.
    assert result.unresolved == 1
    assert "ucdp:Donetsk_oblast/Donetsk_oblast" in study.codebook.gazetteer
    study.analyse(signals="both", clock="occurred")


def test_a_study_has_the_rows_of_its_files(folder):
    """Recreate the embedded study from its own tables."""
    old = study_folder("izium-2022")
    result = new_study(
        folder,
        posts=[old / "posts.csv"],
        events=[old / "events.csv"],
        codebook=old / "codebook.csv",
        kinds=["liberated"],
    )
    study, embedded = open_study(folder), open_study()
    for name, key in (("posts", "post_id"), ("events", "event_id")):
        ours, theirs = (
            getattr(source, name).set_index(key).sort_index() for source in (study, embedded)
        )
        pd.testing.assert_frame_equal(ours[list(theirs)], theirs)
    assert result.quarantined == 0
    assert study.kinds == ("liberated",)
    signals = study.analyse().table().set_index("code")
    assert signals.loc["🍇", "place"] == "Izium"


def test_rows_that_several_files_repeat_are_kept_once(folder):
    old = study_folder("izium-2022") / "events.csv"
    result = new_study(folder, posts=[POSTS], events=[old, EVENTS, old], timezone="Europe/Kyiv")
    assert (result.events, result.repeated) == (69 + 3, 69)


def test_files_with_conflicting_rows_are_an_error_and_create_nothing(tmp_path, folder):
    other = tmp_path / "other.csv"
    old = study_folder("izium-2022") / "events.csv"
    other.write_text(old.read_text("utf-8").replace(",liberated,", ",captured,"), "utf-8")
    with pytest.raises(
        TableError, match=r"other\.csv, column event_id: the files have different rows"
    ):
        new_study(folder, posts=[POSTS], events=[old, other], timezone="Europe/Kyiv")
    assert not folder.exists()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["other.csv"]


def test_bad_records_are_listed_with_their_file(tmp_path, folder):
    bad = tmp_path / "posts.jsonl"
    bad.write_text('{"id": "1", "text": "a", "date": "2022-09-10T12:00:00Z"}\n{"id": "2"}\n')
    result = new_study(folder, posts=[bad], events=[EVENTS], account="me")
    assert (result.posts, result.quarantined) == (1, 1)
    (line,) = (folder / "quarantine.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line)["file"] == "posts.jsonl"
    assert json.loads(line)["record"] == 2
    with pytest.raises(TableError, match="row 2"):
        new_study(tmp_path / "b", posts=[bad], events=[EVENTS], account="me", on_error="raise")


def test_an_existing_folder_is_not_overwritten_and_kinds_are_validated(folder):
    folder.mkdir()
    (folder / "precious").touch()
    with pytest.raises(StudyError, match="the folder is not empty"):
        new_study(folder, posts=[POSTS], events=[EVENTS], timezone="Europe/Kyiv")
    (folder / "precious").unlink()
    with pytest.raises(StudyError, match="no event has this kind"):
        new_study(folder, posts=[POSTS], events=[EVENTS], timezone="Europe/Kyiv", kinds=["x"])
    new_study(folder, posts=[POSTS], events=[EVENTS], timezone="Europe/Kyiv")


def test_text_with_special_characters_is_read_back(tmp_path, folder):
    texts = ['a,"b"\r\nc\nd', "one\rtwo", "=1+1", "  spaced  ", "🇺🇦🍇 \u2028", "\ttab;"]
    rows = [
        {"id": str(n), "text": text, "date": "2022-09-10T12:00:00.000001Z", "views": n}
        for n, text in enumerate(texts)
    ]
    file = tmp_path / "posts.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    new_study(folder, posts=[file], events=[EVENTS], account="me")
    posts = open_study(folder).posts
    assert posts["text"].tolist() == texts
    assert set(posts["posted_at"]) == {pd.Timestamp("2022-09-10T12:00:00.000001Z")}
    assert posts["views"].tolist() == [str(n) for n in range(len(texts))]


def test_the_shell_commands(folder, capfd):
    arguments = ["--posts", POSTS, "--events", EVENTS, "--timezone", "Europe/Kyiv"]
    assert run(["study", "new", *map(str, [folder, *arguments])]) == 0
    assert "3 events" in capfd.readouterr().out
    assert run(["study", "check", str(folder)]) == 0
    assert run(["study", "new", str(folder), "--posts", str(POSTS)]) == 2
    assert run(["study", "new", *map(str, [folder, *arguments])]) == 1
    assert capfd.readouterr().err.count("\n") == 2


def test_what_was_not_stated_is_a_note(tmp_path, capsys):
    """ACLED's days are Kyiv's, but the months of a study without a zone are UTC's."""
    posts, acled = tmp_path / "posts.csv", tmp_path / "acled.csv"
    posts.write_text("id,date,username,text\n1,2022-09-01T12:00Z,a,Бої під Ізюмом\n")
    header = "event_id_cnty,event_date,time_precision,event_type,sub_event_type,country,admin1,"
    header += "location,latitude,longitude,geo_precision,source,notes"
    day = ",Kharkiv,Izium,49.2,37.3,1,s,n"
    acled.write_text(
        f"{header}\nUKR1,10 September 2022,1,Battles,Armed clash,Ukraine{day}\n"
        f"UKR2,12 September 2022,1,Explosions/Remote violence,Shelling,Ukraine{day}\n"
    )
    options = {"posts": posts, "events": acled, "kinds": ["armed clash"]}
    notes = [str(note) for note in new_study(tmp_path / "s", **options).notes]
    zone = "days and months of the study are in UTC, while days of events are in another zone"
    guess = "The end of observation, 12 Sep 2022, is guessed: it is the last event."
    (note,) = (note for note in notes if note.startswith(zone))
    assert note.endswith("have them in one; first: a day from 2022-09-09T21:00Z")
    assert sum(note.startswith(guess) for note in notes) == 1
    stated = {"timezone": "Europe/Kyiv", "observed_until": "2022-10-01T00:00Z"}
    assert new_study(tmp_path / "t", **options, **stated).notes == []
    assert run(["study", "check", str(tmp_path / "s")]) == 0
    out = capsys.readouterr().out
    assert "2 events (1 of other kinds than those asked for)" in out
    analysis = open_study(tmp_path / "s").analyse(signals="mentions")
    findings = analysis.findings()
    others = "1 of 2 events is of other kinds than those asked for (armed clash), and does not"
    assert any(line.startswith(others) for line in findings)
    assert sum(line.startswith(guess) for line in findings) == 1
    assert analysis.by("kind", n=19).warnings[0].startswith(guess)
    analysis = open_study(tmp_path / "t").analyse(signals="mentions")
    assert not any("is guessed" in line for line in analysis.findings())
    assert not any("is guessed" in line for line in analysis.by("kind", n=19).warnings)
