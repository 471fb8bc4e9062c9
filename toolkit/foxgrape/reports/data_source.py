"""The study or store that a run reads, and what identifies its content."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape.errors import FoxgrapeError, ReportError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from foxgrape.places import Gazetteer

__all__ = ["DataSource", "store_change", "store_source", "study_source"]


@dataclass(frozen=True, slots=True)
class DataSource:
    """The study or store that a run reads, at one version.

    Attributes
    ----------
    kind
        ``study`` or ``store``.
    name
        Name in the run id.
    title
        Title on the page.
    values
        Variables to set in the notebook.
    record
        Entry in the manifest.
    identity
        Text that changes whenever the data change; part of the run id's hash.
    footer
        Names and values for the footer of the page.
    zone
        IANA name of the time zone in which days are counted.
    gazetteer
        Where places in parameters are looked up; None for the packaged gazetteer.
    """

    kind: str
    name: str
    title: str
    values: Mapping[str, Any]
    record: Mapping[str, Any]
    identity: str
    footer: Mapping[str, str]
    zone: str = "UTC"
    gazetteer: Gazetteer | None = None


def study_source(folder: str | Path | None) -> DataSource:
    """Read a study completely, so that errors in it are reported before a kernel starts."""
    from foxgrape.studies.study import open_study

    study = open_study(folder)
    hashes = dict(study.hashes)
    return DataSource(
        kind="study",
        name=study.name,
        title=study.title,
        values={"study": str(study.folder.resolve())},
        record={"name": study.name, "folder": str(study.folder.resolve()), "sha256": hashes},
        # Include the title: without one in the data package it is the folder's name, which no
        # file hash covers.
        identity=json.dumps([study.title, hashes], sort_keys=True),
        footer={f"{file} (SHA-256)": digest[:16] for file, digest in hashes.items()},
        zone=study.timezone,
        gazetteer=study.codebook.gazetteer,
    )


def store_source(path: str | Path, versions: Mapping[str, int] | None = None) -> DataSource:
    """Return a store as a data source, at the given or else the latest versions of its tables.

    The identity includes the fingerprints of the tables, since another store can have the same
    version numbers.

    Raises
    ------
    StoreError
        If a table cannot be opened.
    ReportError
        If the store is empty.
    """
    from foxgrape.io.gazetteers import kept_gazetteer, kept_gazetteer_sha256
    from foxgrape.io.store import Store

    location = str(path) if "://" in str(path) else str(Path(path).resolve())
    if versions is None:
        versions = Store(location).latest_versions()
    if not versions:
        raise ReportError("the store is empty", file=path, hint="add files with foxgrape ingest")
    fingerprints = Store(location).fingerprints(versions)
    if sha256 := kept_gazetteer_sha256(Store(location)):
        fingerprints["gazetteer"] = sha256
    record = {"path": location, "versions": dict(versions), "fingerprints": fingerprints}
    name = location.rstrip("/").replace("\\", "/").rpartition("/")[2]
    numbers = ", ".join(f"{table} v{number}" for table, number in versions.items())
    return DataSource(
        kind="store",
        name=name,
        title=name,
        values={"store": location, "versions": dict(versions)},
        record=record,
        identity=json.dumps(record, sort_keys=True),
        footer={"Store version": numbers},
        gazetteer=kept_gazetteer(Store(location)),
    )


def store_change(source: DataSource) -> str | None:
    """Return an error with the store tables that changed since the run was planned; None if none.

    A study is not checked here, since the run reads a copy of it.
    """
    if source.kind != "store":
        return None
    planned = source.record["fingerprints"]
    try:
        current = store_source(source.record["path"], source.record["versions"])
    except FoxgrapeError as error:
        return str(error)
    fingerprints = current.record["fingerprints"]
    changed = ", ".join(
        table
        for table in {**planned, **fingerprints}
        if fingerprints.get(table) != planned.get(table)
    )
    what = f"the store changed while the report was built: {changed}"
    return str(ReportError(what, hint="build it again")) if changed else None
