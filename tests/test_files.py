"""Files that `write_atomic` writes are complete or not there."""

from __future__ import annotations

import os
import time

import pytest

from foxgrape._util.directories import Directory, WorkFolder, clear_abandoned
from foxgrape._util.files import write_atomic


@pytest.mark.parametrize("content", ["🍇\n", "🍇\n".encode(), lambda path: path.write_text("🍇\n")])
def test_text_bytes_and_writers_are_written_to_a_new_folder(tmp_path, content):
    path = tmp_path / "new" / "note.txt"
    write_atomic(path, content)
    assert path.read_bytes() == "🍇\n".encode()
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_keeps_the_old_file_and_leaves_no_temporary_file(tmp_path):
    path = tmp_path / "note.txt"
    write_atomic(path, "old")

    def write_half(temporary):
        temporary.write_text("ne")
        raise OSError(28, "no space left on device")

    with pytest.raises(OSError, match="no space left"):
        write_atomic(path, write_half)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_temporary_files_of_killed_writers_of_the_same_file_are_removed(tmp_path):
    other, alive = tmp_path / ".other.999999999.part", tmp_path / f".note.{os.getppid()}.part"
    for file in (tmp_path / ".note.999999999.part", other, alive):
        file.write_text("half", encoding="utf-8")
    write_atomic(tmp_path / "note", "new")
    assert set(tmp_path.iterdir()) == {tmp_path / "note", other, alive}


def test_a_work_folder_that_cannot_be_opened_is_not_left_behind(tmp_path, monkeypatch):
    """It has no marker yet, so that no later call would delete it."""

    def fail(_path):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Directory, "open", fail)
    with pytest.raises(OSError, match="Input/output error"):
        WorkFolder(tmp_path, ".mine-")
    assert not list(tmp_path.iterdir())


def test_a_work_folder_whose_process_died_before_its_marker_is_deleted_after_a_day(tmp_path):
    folder = tmp_path / ".mine-abcdefgh"
    folder.mkdir()
    (folder / "..foxgrape-work.json.writing").write_text("{", encoding="utf-8")
    assert clear_abandoned(tmp_path, ".mine-") == []
    two_days_ago = time.time() - 2 * 24 * 60 * 60
    os.utime(folder, (two_days_ago, two_days_ago))
    assert clear_abandoned(tmp_path, ".mine-") == [".mine-abcdefgh"]
    assert not list(tmp_path.iterdir())


def test_a_published_work_folder_is_complete_even_if_its_marker_stays(tmp_path, monkeypatch):
    work = WorkFolder(tmp_path, ".mine-")
    (work.path / "posts.csv").write_text("posts", encoding="utf-8")

    def fail(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Directory, "unlink", fail)
    work.publish("mine")
    monkeypatch.undo()
    work.close()
    assert (tmp_path / "mine" / "posts.csv").read_text(encoding="utf-8") == "posts"
    assert clear_abandoned(tmp_path, ".mine-") == []
    assert (tmp_path / "mine").is_dir()
