"""The data package of a study: its files, their hashes, and the options that it states."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from foxgrape import times
from foxgrape._util.files import file_sha256
from foxgrape._util.regular_files import read_regular
from foxgrape._util.unicode import replace_surrogates
from foxgrape.errors import FoxgrapeError, StudyError
from foxgrape.observation import Coverage
from foxgrape.places.gazetteer_info import DIVISIONS_FILE, INFO_FILE, OUTLINES_FILE, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["check_unchanged", "read_coverages", "read_options", "read_package"]

_RESOURCES = ("posts", "events", "confirmations", "codebook", "places", "gazetteer")


def read_package(folder: Path) -> tuple[dict[str, Any], dict[str, Path], dict[str, str]]:
    """Return the content of ``datapackage.json``, the file of each table, and all hashes."""
    descriptor = folder / "datapackage.json"
    try:
        content = read_regular(descriptor)
        package = replace_surrogates(json.loads(content.decode("utf-8")))
        paths = {resource["name"]: resource["path"] for resource in package["resources"]}
    except (FileNotFoundError, NotADirectoryError):
        raise StudyError.not_a_study(folder, "there is no datapackage.json") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StudyError.not_a_study(folder, f"datapackage.json cannot be read: {error}") from None
    for name in ("posts", "events"):
        if name not in paths:
            raise StudyError.not_a_study(folder, f"datapackage.json lists no resource {name!r}")
    files = {}
    for name, path in ((name, paths[name]) for name in _RESOURCES if name in paths):
        # The files of a gazetteer are in one folder, which is what is opened.
        is_folder = name == "gazetteer" and isinstance(path, list)
        for part in path if is_folder else [path]:
            _require_own(folder, part, descriptor)
        files[name] = _common_folder(folder, path) if is_folder else folder / str(path)
    hashes = {descriptor.name: hashlib.sha256(content).hexdigest()}
    tables = [file for file in files.values() if not file.is_dir()]
    for file in dict.fromkeys([*tables, *_further_files(package, folder)]):
        # The file's reader reports the error if the file is missing or unreadable.
        with suppress(OSError):
            hashes[file.relative_to(folder).as_posix()] = file_sha256(file)
    return package, files, hashes


def _require_own(folder: Path, path: object, descriptor: Path) -> None:
    """Raise `StudyError` unless a resource is in the study, with a relative path."""
    # An untrusted study must not read files outside its folder.
    if not _is_inside(folder, path):
        raise StudyError("the resource lies outside the study", file=descriptor, got=path)
    # With an absolute path, a copy of the study would read the original's files.
    if not _is_relative(path):
        what = "the path of a resource must be relative to the study, without '..'"
        raise StudyError(what, file=descriptor, got=path)


def _common_folder(folder: Path, paths: list[str]) -> Path:
    """Return the folder of the files of a gazetteer."""
    parents = {str(PurePosixPath(str(path)).parent) for path in paths}
    listed = {PurePosixPath(str(path)).name for path in paths}
    missing = [name for name in TABLES if name not in listed]
    if len(parents) != 1 or missing:
        raise StudyError(
            "the resource gazetteer must list the files of one folder",
            file=folder / "datapackage.json",
            expected=f"{', '.join(TABLES)} and those beside them",
            got=", ".join(map(str, paths)),
        )
    own = folder / parents.pop()
    others = (INFO_FILE, DIVISIONS_FILE, OUTLINES_FILE)
    unlisted = [name for name in others if (own / name).exists() and name not in listed]
    if unlisted:
        # Only listed files are hashed and copied.
        what = "a file of the gazetteer is not listed in datapackage.json"
        raise StudyError(what, file=own / unlisted[0])
    return own


def _further_files(package: dict[str, Any], folder: Path) -> Iterator[Path]:
    """Yield the files of all resources, since a template may read others than the tables."""
    for resource in package["resources"]:
        paths = resource["path"]
        for path in paths if isinstance(paths, list) else [paths]:
            if _is_inside(folder, path) and _is_relative(path) and (folder / str(path)).is_file():
                yield folder / str(path)


def _is_inside(folder: Path, path: object) -> bool:
    if "\0" in str(path):
        return False
    return (folder / str(path)).resolve().is_relative_to(folder.resolve())


def _is_relative(path: object) -> bool:
    pure = PurePosixPath(str(path))
    return not pure.is_absolute() and ".." not in pure.parts


def check_unchanged(folder: Path, hashes: Mapping[str, str]) -> None:
    """Check that no file changed between the computation of its hash and the end of reading."""
    for path, sha256 in hashes.items():
        try:
            same = file_sha256(folder / path) == sha256
        except OSError:
            same = False
        if not same:
            what = f"the study changed while it was read: {path}"
            raise StudyError(what, file=folder, hint="read it again")


def read_options(package: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the validated ``foxgrape`` options in the data package."""
    options = package.get("foxgrape", {})
    try:
        for bound in ("observed_from", "observed_until"):
            if options.get(bound) is not None:
                times.parse_instant(options[bound])
        times.get_zone(options.get("timezone", "UTC"))
        "".join(options.get("kinds", []))  # raises TypeError unless all kinds are strings
    except (AttributeError, TypeError, ValueError) as error:
        raise StudyError(
            f"bad value under 'foxgrape': {error}",
            file=folder / "datapackage.json",
            expected="observed_from and observed_until as instants with an offset, timezone as an "
            "IANA name, kinds as a list of names",
        ) from None
    return dict(options)


def read_coverages(options: dict[str, Any], folder: Path) -> tuple[Coverage, ...]:
    """Return what the study's sources recorded, from the list ``coverages`` of its options."""
    parts = options.get("coverages") or ()
    try:
        return tuple(Coverage.parse(part) for part in parts)
    except (FoxgrapeError, TypeError) as error:
        raise StudyError(
            f"bad value under 'foxgrape.coverages': {error}", file=folder / "datapackage.json"
        ) from None
