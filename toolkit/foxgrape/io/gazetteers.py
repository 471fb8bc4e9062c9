"""Gazetteers that a study or a store remembers: copies in its folder."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from foxgrape._util.files import file_sha256, write_atomic
from foxgrape.errors import StoreError
from foxgrape.places import Gazetteer
from foxgrape.places.gazetteer_info import DIVISIONS_FILE, INFO_FILE, OUTLINES_FILE, TABLES

if TYPE_CHECKING:
    from foxgrape.io.store import Store

__all__ = [
    "GAZETTEER_CSV",
    "GAZETTEER_FOLDER",
    "gazetteer_files",
    "keep_gazetteer",
    "kept_gazetteer",
    "kept_gazetteer_sha256",
    "kept_path",
]

#: Where the copy is, in the folder of a study or store: a folder, or a CSV file of places.
GAZETTEER_FOLDER, GAZETTEER_CSV = "gazetteer", "gazetteer.csv"


def gazetteer_files(path: str | Path) -> dict[str, Path]:
    """Return the files of a gazetteer by the relative paths that their copies have.

    Raises
    ------
    FoxgrapeError, TableError
        If the path is no gazetteer.
    """
    Gazetteer.open(path)
    path = Path(path)
    if path.is_file():
        return {GAZETTEER_CSV: path}
    names = *TABLES, INFO_FILE, DIVISIONS_FILE, OUTLINES_FILE
    return {f"{GAZETTEER_FOLDER}/{name}": path / name for name in names if (path / name).is_file()}


def keep_gazetteer(store: Store, path: str | Path) -> None:
    """Copy a gazetteer into a store, for later calls that read or add to it.

    Raises
    ------
    StoreError
        If the store has another gazetteer, which the ids of its events refer to, or is remote.
    """
    if "://" in store.path:
        raise StoreError(
            "cannot keep a gazetteer in a remote store; pass the gazetteer to each call",
            file=store.path,
        )
    root, files = Path(store.path), gazetteer_files(path)
    known = _kept_files(root)
    if not known:
        for name, file in files.items():
            write_atomic(root / name, file.read_bytes())
    elif {name: file_sha256(file) for name, file in files.items()} != {
        name: file_sha256(file) for name, file in known.items()
    }:
        raise StoreError(
            "the store has another gazetteer, which its events refer to",
            file=store.path,
            hint="use a new store",
        )


def kept_path(root: str | Path) -> Path | None:
    """Return the path of the gazetteer in the folder of a store or study; None if it has none."""
    paths = (Path(root) / name for name in (GAZETTEER_CSV, GAZETTEER_FOLDER))
    return next((path for path in paths if path.exists()), None)


def kept_gazetteer(store: Store) -> Gazetteer | None:
    """Return the gazetteer that a store keeps; None if it uses the packaged one."""
    path = kept_path(store.path)
    return None if path is None else Gazetteer.open(path)


def kept_gazetteer_sha256(store: Store) -> str | None:
    """Return a hash of the gazetteer that a store keeps; None if it uses the packaged one."""
    files = _kept_files(Path(store.path))
    text = "\n".join(f"{name} {file_sha256(file)}" for name, file in sorted(files.items()))
    return hashlib.sha256(text.encode()).hexdigest() if files else None


def _kept_files(root: Path) -> dict[str, Path]:
    path = kept_path(root)
    return {} if path is None else gazetteer_files(path)
