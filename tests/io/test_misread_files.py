"""Files that were once read in part, or whose rows were once mixed up, without a word."""

from __future__ import annotations

import json
import re
import zipfile

import openpyxl
import pytest

from foxgrape import read_posts
from foxgrape.errors import FoxgrapeError

HEADS = ["id", "date", "username", "text"]
ROWS = [[str(n), f"2022-09-{n:02}T08:00:00Z", "me", f"text {n}"] for n in range(1, 7)]


def test_a_cell_longer_than_pythons_limit_does_not_end_a_csv_file(tmp_path):
    """Python's reader of CSV refuses fields of more than 131,072 characters by default."""
    rows = [ROWS[0], [*ROWS[1][:3], "я" * 200_000], ROWS[2]]
    text = "\n".join(",".join(row) for row in [HEADS, *rows])
    (tmp_path / "posts.csv").write_text(text, encoding="utf-8")
    posts = read_posts(tmp_path / "posts.csv")
    assert sorted(posts["text"].str.len()) == [6, 6, 200_000]


@pytest.mark.parametrize("stated", ["A1:D3", "A1", "A1:B9999"])
def test_a_workbook_is_read_whatever_size_it_states(tmp_path, stated):
    book = openpyxl.Workbook()
    for row in [HEADS, *ROWS]:
        book.active.append(row)
    book.save(tmp_path / "whole.xlsx")
    with (
        zipfile.ZipFile(tmp_path / "whole.xlsx") as book_file,
        zipfile.ZipFile(tmp_path / "posts.xlsx", "w") as stating,
    ):
        for name in book_file.namelist():
            content = book_file.read(name).decode("utf-8")
            content = re.sub('<dimension ref="[^"]*"', f'<dimension ref="{stated}"', content)
            stating.writestr(name, content)
    assert list(read_posts(tmp_path / "posts.xlsx")["text"]) == [row[3] for row in ROWS]


@pytest.mark.parametrize("first", ["[\n", "["])
def test_all_objects_of_an_array_with_one_on_each_line_are_read(tmp_path, first):
    objects = [json.dumps(dict(zip(HEADS, row, strict=True))) for row in ROWS]
    (tmp_path / "posts.json").write_text(first + ",\n".join(objects) + "\n]", encoding="utf-8")
    assert list(read_posts(tmp_path / "posts.json")["text"]) == [row[3] for row in ROWS]


def test_ids_that_differ_in_blanks_only_are_one_post(tmp_path):
    """Two rows with the key 7 and different texts are a conflict, not two posts."""
    rows = [[" 7", *ROWS[0][1:]], ["7", *ROWS[1][1:]]]
    text = "\n".join(",".join(row) for row in [HEADS, *rows])
    (tmp_path / "posts.csv").write_text(text, encoding="utf-8")
    with pytest.raises(FoxgrapeError, match="has the same post_id"):
        read_posts(tmp_path / "posts.csv")
    posts, report = read_posts(tmp_path / "posts.csv", on_error="quarantine", with_report=True)
    assert (list(posts["post_id"]), len(report.quarantine)) == (["7"], 1)
