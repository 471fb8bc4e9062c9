"""Detection in more posts than memory: the signals of one call, here, on a cluster, and resumed."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from pathlib import Path

import pandas as pd
import pytest

from foxgrape import Codebook, Store, detect, detect_all
from foxgrape.cli.app import run
from foxgrape.detection import partitions
from foxgrape.errors import FoxgrapeError, StoreError, TableError

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import corpus

#: The module, of whose name the package has the verb.
MODULE = importlib.import_module("foxgrape.detection.batch")
N, FILES, GROUP = 3000, 3, 250


@pytest.fixture(scope="module")
def posts():
    """Return posts of a year with reposts, edits and rough times."""
    frame = corpus.posts(N, seed=3)
    number = pd.Series(range(N))
    frame["repost"] = (number % 7 == 0).astype("boolean").mask(number % 11 == 0)
    frame["posted_until"] = frame["posted_at"] + pd.to_timedelta(number % 5, unit="h")
    frame["edited_at"] = (frame["posted_at"] + pd.Timedelta("3D")).where(number % 13 == 0)
    return frame


@pytest.fixture
def folder(posts, tmp_path):
    """Write them as three files of several row groups."""
    source = tmp_path / "source"
    source.mkdir()
    for number in range(FILES):
        part = posts.iloc[number * N // FILES : (number + 1) * N // FILES]
        part.to_parquet(source / f"{number}.parquet", row_group_size=GROUP, index=False)
    return source


def read(out):
    return pd.read_parquet(out / "signals.parquet")


def same(found, posts, **options):
    pd.testing.assert_frame_equal(found, detect(posts, **options), check_dtype=False)


@pytest.mark.parametrize("batch", [1, 700, 10_000])
def test_the_signals_are_those_of_one_call_row_for_row(posts, folder, tmp_path, batch):
    told = detect_all(folder, tmp_path / "out", batch=batch)
    expected = detect(posts)
    same(read(tmp_path / "out"), posts)
    assert len(expected) > 100
    assert (told.posts, told.signals, told.resumed) == (N, len(expected), 0)
    assert told.parts == {1: 12, 700: 6, 10_000: 3}[batch]
    assert f"{len(expected):,} signals in 3,000 posts" in told.sentence()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["signals.parquet"]


@pytest.mark.parametrize("at_once", [200, 700])
def test_accounts_are_joined_in_shares(posts, folder, tmp_path, monkeypatch, at_once):
    monkeypatch.setattr(partitions, "AT_ONCE", at_once)
    shares = []
    real = partitions.bits
    monkeypatch.setattr(partitions, "bits", lambda *of: [shares.append(of), real(*of)][1])
    detect_all(folder, tmp_path / "out", batch=300)
    same(read(tmp_path / "out"), posts)
    assert len(shares) == -(-N // at_once)
    assert sum(len(past.end) for past, _ in shares) == N
    assert max(len(past.end) for past, _ in shares) < N
    (folder / "again.parquet").write_bytes((folder / "1.parquet").read_bytes())
    with pytest.raises(TableError, match="more than one part"):
        detect_all(folder, tmp_path / "twice", batch=300)


def test_names_and_a_codebook_of_ones_own(posts, folder, tmp_path):
    book = Codebook(Codebook.default().codes[:2])
    detect_all(folder / "0.parquet", tmp_path / "out", codebook=book, mentions=True)
    some = posts.iloc[: N // FILES]
    same(read(tmp_path / "out"), some, codebook=book, mentions=True)


def test_a_store_is_read_part_by_part(posts, tmp_path):
    Store(tmp_path / "store").upsert("posts", posts)
    told = detect_all(tmp_path / "store", tmp_path / "out")
    assert told.posts == N
    found = read(tmp_path / "out").sort_values("signal_id", ignore_index=True)
    expected = detect(posts).sort_values("signal_id", ignore_index=True)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


def test_a_call_that_was_stopped_goes_on_where_it_stood(posts, folder, tmp_path, monkeypatch):
    calls = []

    def stopped(stretch, *rest, **options):
        if len(calls) == 4:
            raise KeyboardInterrupt
        calls.append(stretch)
        return real(stretch, *rest, **options)

    real = partitions.detect_partition
    monkeypatch.setattr(MODULE, "part_of", stopped)
    with pytest.raises(KeyboardInterrupt):
        detect_all(folder, tmp_path / "out", batch=500)
    assert not (tmp_path / "out" / "signals.parquet").exists()
    seen = []
    monkeypatch.setattr(MODULE, "part_of", real)
    told = detect_all(
        folder, tmp_path / "out", batch=500, progress=lambda done, of: seen.append((done, of))
    )
    assert (told.parts, told.resumed) == (6, 4)
    assert seen == [(4, 6), (5, 6), (6, 6)]
    same(read(tmp_path / "out"), posts)


def test_what_another_call_has_begun_is_not_gone_on_with(folder, tmp_path, monkeypatch):
    def never(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(MODULE, "part_of", never)
    with pytest.raises(KeyboardInterrupt):
        detect_all(folder, tmp_path / "out")
    with pytest.raises(StoreError, match="another detection was begun here"):
        detect_all(folder, tmp_path / "out", mentions=True)


def test_a_post_that_stands_in_two_files_is_refused(posts, folder, tmp_path):
    posts.iloc[[5]].to_parquet(folder / "9.parquet", index=False)
    with pytest.raises(TableError, match="more than one part"):
        detect_all(folder, tmp_path / "out")


@pytest.mark.parametrize("source", ["nothing", "empty", "text.parquet"])
def test_what_cannot_be_read_is_said_in_one_line(tmp_path, source):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.parquet").write_text("no Parquet", encoding="utf-8")
    with pytest.raises(FoxgrapeError) as error:
        detect_all(tmp_path / source, tmp_path / "out")
    assert "\n" not in str(error.value)


def test_a_damaged_part_is_said_in_one_line_and_by_its_file(folder, tmp_path):
    """Its footer is whole, so the damage shows only when the rows are read."""
    file = folder / "1.parquet"
    content = bytearray(file.read_bytes())
    content[100:2000] = b"\xff" * 1900
    file.write_bytes(content)
    with pytest.raises(StoreError, match=r"1\.parquet: cannot be read as Parquet") as error:
        detect_all(folder, tmp_path / "out")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("version", "content"), [(0, b'{"x'), (1, b"")])
def test_a_damaged_store_is_said_in_one_line(posts, tmp_path, version, content):
    """What an empty log does not say must not be taken for what stands there."""
    store = Store(tmp_path / "store")
    store.upsert("posts", posts.head(5))
    store.upsert("posts", posts.head(9))
    log = tmp_path / "store" / "posts" / "_delta_log" / f"{version:020}.json"
    log.write_bytes(content)
    with pytest.raises(StoreError, match="cannot open posts") as error:
        detect_all(tmp_path / "store", tmp_path / "out")
    assert "\n" not in str(error.value)
    assert "unknown" not in str(error.value)


def test_a_file_without_posts_has_no_signals(posts, tmp_path):
    posts.iloc[:0].to_parquet(tmp_path / "none.parquet", index=False)
    told = detect_all(tmp_path / "none.parquet", tmp_path / "out")
    assert (told.posts, told.signals) == (0, 0)
    assert read(tmp_path / "out").empty


def test_the_shell(capfd, posts, folder, tmp_path):
    assert run(["detect", str(folder), "--out", str(tmp_path / "out"), "--json"]) == 0
    assert f'"posts": {N}' in capfd.readouterr().out
    same(read(tmp_path / "out"), posts)
    assert run(["detect", str(folder), "--out", str(tmp_path), "--engine", "dask"]) == 2
    assert run(["detect", str(folder), "--out", str(tmp_path), "--engine", "spark"]) == 2
    assert run(["detect", str(tmp_path / "nowhere"), "--out", str(tmp_path)]) == 1


@pytest.fixture
def cluster():
    """Start a cluster of two processes."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as two:
        yield two


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_two_processes_one_of_which_is_killed_find_the_same(posts, folder, tmp_path, cluster):
    """The worker that is killed has parts to do; they are done again by another."""
    first = next(iter(cluster.workers.values()))
    killed = []

    def progress(done, _):
        if done == 2 and not killed:
            killed.append(first.pid)
            os.kill(first.pid, signal.SIGKILL)

    told = detect_all(
        folder, tmp_path / "out", batch=1, scheduler=cluster.scheduler_address, progress=progress
    )
    assert killed
    assert told.parts == 12
    same(read(tmp_path / "out"), posts)
