"""Exit code 2 for a value that is wrong whatever the files contain, in one line that quotes it."""

from __future__ import annotations

import pytest

from foxgrape._util.files import study_folder
from foxgrape.cli.app import run

STUDY = study_folder("izium-2022")
POSTS, EVENTS = STUDY / "posts.csv", STUDY / "events.csv"
CALLS = [
    *(f"analyse --study {STUDY} --horizon {value}" for value in ("x", "-1D", "0D", "NaT", "1ns")),
    f"analyse --study {STUDY} --clock x",
    f"analyse --study {STUDY} --window x",
    f"analyse --study {STUDY} --observed-until x",
    f"test --study {STUDY} --window x",
    f"test --study {STUDY} --null x",
    f"test --study {STUDY} --surrogates 0",
    *(
        f"ingest posts {POSTS} --store OUT --{option} x"
        for option in ("timezone", "format", "dates", "midnight", "encoding", "column")
    ),
    *(
        f"ingest events {EVENTS} --store OUT --{option} x"
        for option in ("timezone", "format", "persistence", "observed-from", "gap")
    ),
    f"study new OUT --posts {POSTS} --events {EVENTS} --timezone x",
    "lookup 🍇 --at x",
    "suggest 🍇 --limit 0",
    "report prune --keep 0",
    "report backfill lead_times --from x --to y --every 1d --timezone UTC",
    "report backfill lead_times --from 2022-01-01 --to 2022-01-02 --every x --timezone UTC",
    "report backfill lead_times --from 2022-01-01 --to 2022-01-02 --every 1d --timezone x",
    "report serve --port -1",
    "schedule install --as x",
    *(
        f"{command} --schedule none.toml --now {instant}"
        for command in ("report due", "report due --dry-run", "schedule check", "schedule show")
        for instant in ("x", "9999-12-31T23:59Z", "0001-01-01T00:00Z")
    ),
    "fetch acled --out OUT --since x",
    "fetch acled --out OUT --since 2022-01-02 --until 2022-01-01",
    "fetch mastodon a/b me --out OUT",
]


@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_value_is_2_and_one_line(call, tmp_path, capfd, credentials):  # noqa: ARG001
    words = [word.replace("OUT", str(tmp_path / "out")) for word in call.split()]
    assert run(words) == 2
    assert capfd.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_what_does_not_exist_is_a_failure(tmp_path, capfd):
    for call in ("data fetch none", "report build none", f"study check {tmp_path}/none"):
        assert run(call.split()) == 1
        assert capfd.readouterr().err.count("\n") == 1
