"""Gazetteers that stores keep."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from foxgrape import Store, detect_all, ingest
from foxgrape.cli.app import run
from foxgrape.errors import FoxgrapeError, StoreError
from foxgrape.io.gazetteers import keep_gazetteer, kept_gazetteer, kept_gazetteer_sha256
from foxgrape.places.build import build_gazetteer
from foxgrape.reports.data_source import store_change, store_source
from foxgrape.studies.from_store import study_from_store

FILES = Path(__file__).parents[1] / "fixtures" / "geonames"


@pytest.fixture
def sudan(tmp_path):
    options = {
        "dump": [FILES / "SD.txt"],
        "alternate_names": [FILES / "alternate-SD.txt"],
        "admin1": FILES / "admin1CodesASCII.txt",
    }
    return build_gazetteer("SD", tmp_path / "sudan", **options).folder


@pytest.fixture
def store(tmp_path, sudan):
    """Return a store with a gazetteer, an event and a post."""
    (tmp_path / "events.csv").write_text(
        "event_id,place,date\ne1,الخرطوم,2025-03-04\n", encoding="utf-8"
    )
    (tmp_path / "posts.csv").write_text(
        "post_id,account,posted_at,text\n1,me,2025-03-02T09:00:00Z,في الخرطوم وأم درمان\n",
        encoding="utf-8",
    )
    store = Store(tmp_path / "store")
    keep_gazetteer(store, sudan)
    ingest("events", tmp_path / "events.csv", store, timezone="Africa/Khartoum")
    ingest("posts", tmp_path / "posts.csv", store)
    return store


def test_events_signals_and_studies_use_the_gazetteer_of_the_store(store, tmp_path):
    assert list(store.read("events")["place_id"]) == ["geonames:379252"]
    study = study_from_store(store)
    assert set(study.analyse(signals="mentions").table()["place"]) == {"Khartoum", "Omdurman"}
    detect_all(store.path, tmp_path / "signals", mentions=True)
    signals = pd.read_parquet(tmp_path / "signals" / "signals.parquet")
    assert list(signals["place"]) == ["Khartoum", "Omdurman"]


def test_a_store_keeps_one_gazetteer(store, sudan, tmp_path):
    keep_gazetteer(store, sudan)  # the same
    other = build_gazetteer("TW", tmp_path / "taiwan", dump=[FILES / "TW.txt"]).folder
    with pytest.raises(StoreError, match=r"has another gazetteer.*use a new store"):
        keep_gazetteer(store, other)
    call = ["ingest", "events", str(tmp_path / "events.csv"), "--store", store.path]
    call += ["--timezone", "Africa/Khartoum"]
    assert run([*call, "--gazetteer", other]) == 1
    assert run([*call, "--gazetteer", sudan]) == 0


def test_only_local_stores_keep_a_gazetteer(sudan, tmp_path):
    with pytest.raises(StoreError, match="remote store"):
        keep_gazetteer(Store("s3://bucket/store"), sudan)
    assert kept_gazetteer(Store("s3://bucket/store")) is None
    with pytest.raises(FoxgrapeError, match="not a gazetteer"):
        keep_gazetteer(Store(tmp_path / "new"), tmp_path)
    assert kept_gazetteer(Store(tmp_path / "new")) is None


def test_the_gazetteer_is_part_of_what_a_report_reads(store):
    source = store_source(store.path)
    assert source.record["fingerprints"]["gazetteer"] == kept_gazetteer_sha256(store)
    assert "geonames:379252" in source.gazetteer
    assert store_change(source) is None
    places = Path(store.path) / "gazetteer" / "places.txt"
    places.write_bytes(places.read_bytes().replace(b"Omdurman", b"Umdurman"))
    assert "changed while the report was built: gazetteer" in store_change(source)


def test_a_gazetteer_can_be_passed_instead(store, tmp_path):
    taiwan = build_gazetteer("TW", tmp_path / "taiwan", dump=[FILES / "TW.txt"]).folder
    study = study_from_store(store, gazetteer=taiwan)
    assert "geonames:1674504" in study.codebook.gazetteer
    assert study.analyse(signals="mentions").table().empty
