"""Files that `write_atomic` writes are complete or not there."""

from __future__ import annotations

import pytest

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
