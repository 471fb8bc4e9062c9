"""Detection in partitions equals one call: on this machine, on a cluster, and after a stop."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pandas as pd
import pytest

from foxgrape import Codebook, Store, detect, detect_all
from foxgrape.cli.app import run
from foxgrape.detection import batch as batch_module
from foxgrape.errors import FoxgrapeError, StoreError, TableError

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import corpus

N, FILES, GROUP = 3000, 3, 250


@pytest.fixture(scope="module")
def posts():
    """Return posts of one year with reposts, edits and inexact times."""
    frame = corpus.posts(N, seed=3)
    number = pd.Series(range(N))
    frame["repost"] = (number % 7 == 0).astype("boolean").mask(number % 11 == 0)
    frame["posted_until"] = frame["posted_at"] + pd.to_timedelta(number % 5, unit="h")
    frame["edited_at"] = (frame["posted_at"] + pd.Timedelta("3D")).where(number % 13 == 0)
    return frame


@pytest.fixture
def folder(posts, tmp_path):
    """Write the posts to three files of several row groups each."""
    source = tmp_path / "source"
    source.mkdir()
    for number in range(FILES):
        part = posts.iloc[number * N // FILES : (number + 1) * N // FILES]
        part.to_parquet(source / f"{number}.parquet", row_group_size=GROUP, index=False)
    return source


def read(out):
    return pd.read_parquet(out / "signals.parquet")


def assert_equals_one_call(signals, posts, **options):
    pd.testing.assert_frame_equal(signals, detect(posts, **options), check_dtype=False)


@pytest.mark.parametrize("batch", [1, 700, 10_000])
def test_signals_equal_those_of_one_call_row_for_row(posts, folder, tmp_path, batch):
    result = detect_all(folder, tmp_path / "out", batch=batch)
    expected = detect(posts)
    assert_equals_one_call(read(tmp_path / "out"), posts)
    assert len(expected) > 100
    assert (result.posts, result.signals, result.resumed) == (N, len(expected), 0)
    assert result.parts == {1: 12, 700: 6, 10_000: 3}[batch]
    assert f"{len(expected):,} signals in 3,000 posts" in result.sentence()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["signals.parquet"]


@pytest.mark.parametrize("shard_posts", [200, 700])
def test_accounts_are_merged_in_shards(posts, folder, tmp_path, monkeypatch, shard_posts):
    monkeypatch.setattr(batch_module, "SHARD_POSTS", shard_posts)
    shards = []
    surprisal_bits = batch_module.surprisal_bits

    def recorded(history, occurrences):
        shards.append(len(history.end))
        return surprisal_bits(history, occurrences)

    monkeypatch.setattr(batch_module, "surprisal_bits", recorded)
    detect_all(folder, tmp_path / "out", batch=300)
    assert_equals_one_call(read(tmp_path / "out"), posts)
    assert len(shards) == -(-N // shard_posts)
    assert sum(shards) == N
    assert max(shards) < N
    (folder / "again.parquet").write_bytes((folder / "1.parquet").read_bytes())
    with pytest.raises(TableError, match="more than once in the partitions"):
        detect_all(folder, tmp_path / "twice", batch=300)


def test_mentions_and_a_custom_codebook(posts, folder, tmp_path):
    book = Codebook(Codebook.default().codes[:2])
    detect_all(folder / "0.parquet", tmp_path / "out", codebook=book, mentions=True)
    first = posts.iloc[: N // FILES]
    assert_equals_one_call(read(tmp_path / "out"), first, codebook=book, mentions=True)


def test_names_of_several_places_are_counted(posts, tmp_path):
    texts = ["біля Лиману", "🍇", "під Ізюмом"]
    posts.head(3).assign(text=texts).to_parquet(tmp_path / "posts.parquet", index=False)
    result = detect_all(tmp_path / "posts.parquet", tmp_path / "out", mentions=True, batch=1)
    assert (result.signals, result.ambiguous) == (3, 1)
    assert "3 signals in 3 posts, 1 of them names that may mean several places" in result.sentence()
    assert_equals_one_call(read(tmp_path / "out"), posts.head(3).assign(text=texts), mentions=True)


def test_a_store_is_read_in_partitions(posts, tmp_path):
    Store(tmp_path / "store").upsert("posts", posts)
    result = detect_all(tmp_path / "store", tmp_path / "out")
    assert result.posts == N
    signals = read(tmp_path / "out").sort_values("signal_id", ignore_index=True)
    expected = detect(posts).sort_values("signal_id", ignore_index=True)
    pd.testing.assert_frame_equal(signals, expected, check_dtype=False)


def test_a_stopped_call_continues_with_the_missing_partitions(posts, folder, tmp_path, monkeypatch):
    detect_partition = batch_module.detect_partition
    calls = []

    def stop_after_four(part, *arguments, **options):
        if len(calls) == 4:
            raise KeyboardInterrupt
        calls.append(part)
        return detect_partition(part, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(batch_module, "detect_partition", stop_after_four)
        with pytest.raises(KeyboardInterrupt):
            detect_all(folder, tmp_path / "out", batch=500)
    assert not (tmp_path / "out" / "signals.parquet").exists()
    progress = []
    result = detect_all(
        folder, tmp_path / "out", batch=500, progress=lambda done, of: progress.append((done, of))
    )
    assert (result.parts, result.resumed) == (6, 4)
    assert progress == [(4, 6), (5, 6), (6, 6)]
    assert_equals_one_call(read(tmp_path / "out"), posts)
    assert "(4 of 6 parts were done before)" in result.sentence()


def test_an_unfinished_detection_with_other_options_is_not_continued(folder, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(batch_module, "detect_partition", stop)
    with pytest.raises(KeyboardInterrupt):
        detect_all(folder, tmp_path / "out")
    with pytest.raises(StoreError, match="an unfinished detection has other files"):
        detect_all(folder, tmp_path / "out", mentions=True)


def test_a_post_in_two_files_raises(posts, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(batch_module, "SHARD_POSTS", 200)
    posts.iloc[[5]].to_parquet(folder / "9.parquet", index=False)
    with pytest.raises(TableError, match="more than once in the partitions"):
        detect_all(folder, tmp_path / "out")


@pytest.mark.parametrize("other", [{"account": "another"}, {"platform": "another"}])
def test_equal_ids_of_two_accounts_or_platforms_are_two_posts(posts, folder, tmp_path, other):
    copy = posts.iloc[[5]].assign(**other)
    copy.to_parquet(folder / "9.parquet", index=False)
    detect_all(folder, tmp_path / "out")
    assert_equals_one_call(read(tmp_path / "out"), pd.concat([posts, copy], ignore_index=True))


@pytest.mark.parametrize("batch", [1, 10_000])
def test_edits_and_earlier_versions_in_a_store_count_as_in_one_call(posts, tmp_path, batch):
    store = Store(tmp_path / "store")
    edited = posts["edited_at"].notna()
    first = posts.assign(edited_at=pd.NaT)
    first.loc[edited & (first.index % 2 == 0), "text"] = "no code"
    store.upsert("posts", first)
    store.upsert("posts", posts)
    signals = {}
    for edits in ("interval", "ignore"):
        detect_all(store.path, tmp_path / edits, edits=edits, batch=batch)
        signals[edits] = read(tmp_path / edits).sort_values("signal_id", ignore_index=True)
        expected = detect(posts, edits=edits, earlier=store.read("earlier_posts"))
        expected = expected.sort_values("signal_id", ignore_index=True)
        pd.testing.assert_frame_equal(signals[edits], expected, check_dtype=False)
    rough, exact = signals["interval"], signals["ignore"]
    longer = rough["posted_until"] > exact["posted_until"]
    assert 0 < longer.sum() < rough["edited_at"].notna().sum()
    assert (rough["posted_until"][longer] == rough["edited_at"][longer]).all()


def test_an_unfinished_detection_with_another_choice_of_edits_is_refused(
    folder, tmp_path, monkeypatch
):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(batch_module, "detect_partition", stop)
    with pytest.raises(KeyboardInterrupt):
        detect_all(folder, tmp_path / "out")
    with pytest.raises(StoreError, match="an unfinished detection has other files"):
        detect_all(folder, tmp_path / "out", edits="ignore")


@pytest.mark.parametrize("source", ["nothing", "empty", "text.parquet"])
def test_an_unreadable_source_is_reported_in_one_line(tmp_path, source):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.parquet").write_text("no Parquet", encoding="utf-8")
    with pytest.raises(FoxgrapeError) as error:
        detect_all(tmp_path / source, tmp_path / "out")
    assert "\n" not in str(error.value)


def test_a_damaged_file_is_reported_in_one_line_with_its_name(folder, tmp_path):
    """Its footer is intact, so the damage shows only when the rows are read."""
    file = folder / "1.parquet"
    content = bytearray(file.read_bytes())
    content[100:2000] = b"\xff" * 1900
    file.write_bytes(content)
    with pytest.raises(StoreError, match=r"1\.parquet: cannot be read as Parquet") as error:
        detect_all(folder, tmp_path / "out")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("version", "content"), [(0, b'{"x'), (1, b"")])
def test_a_damaged_store_is_reported_in_one_line(posts, tmp_path, version, content):
    """An empty log must not be read as an empty table."""
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
    result = detect_all(tmp_path / "none.parquet", tmp_path / "out")
    assert (result.posts, result.signals) == (0, 0)
    assert read(tmp_path / "out").empty


def test_the_shell_command_detects_in_partitions(capfd, posts, folder, tmp_path):
    assert run(["detect", str(folder), "--out", str(tmp_path / "out"), "--json"]) == 0
    assert f'"posts": {N}' in capfd.readouterr().out
    assert_equals_one_call(read(tmp_path / "out"), posts)
    assert run(["detect", str(folder), "--out", str(tmp_path), "--engine", "dask"]) == 2
    assert run(["detect", str(folder), "--out", str(tmp_path), "--engine", "spark"]) == 2
    assert run(["detect", str(tmp_path / "nowhere"), "--out", str(tmp_path)]) == 1


@pytest.fixture
def cluster():
    """Start a cluster of two processes."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as local:
        yield local


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_cluster_finds_the_same_when_a_worker_is_killed(posts, folder, tmp_path, cluster):
    """The partitions of the killed worker are repeated by the other one."""
    first = next(iter(cluster.workers.values()))
    killed = []

    def progress(done, _):
        if done == 2 and not killed:
            killed.append(first.pid)
            os.kill(first.pid, signal.SIGKILL)

    result = detect_all(
        folder, tmp_path / "out", batch=1, scheduler=cluster.scheduler_address, progress=progress
    )
    assert killed
    assert result.parts == 12
    assert_equals_one_call(read(tmp_path / "out"), posts)
