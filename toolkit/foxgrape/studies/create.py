"""Create a study, which is a Frictionless data package, from files in any supported format."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from foxgrape import schemas, times
from foxgrape._util.directories import WorkFolder, clear_abandoned
from foxgrape._util.formatting import counted
from foxgrape.errors import StudyError, TableError
from foxgrape.io.events import read_events
from foxgrape.io.posts import read_posts
from foxgrape.places import Codebook, Gazetteer
from foxgrape.studies.study import validate_kinds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from foxgrape.io.base import OnError, ReadReport

    #: Path, rows and read report of each file.
    _Files = list[tuple[Path, pd.DataFrame, ReadReport]]

__all__ = ["CreateStudyResult", "new_study"]

_TYPES = {times.DTYPE: "datetime", "float64": "number", "bool": "boolean", "boolean": "boolean"}
_PLACE_COLUMNS = ("id", "name", "names", "lat", "lon", "country", "admin1", "admin2", "population")


@dataclass(slots=True)
class CreateStudyResult:
    """Location and contents of a new study.

    Attributes
    ----------
    folder
        Folder of the study.
    posts, events
        Number of posts and events.
    repeated
        Number of repeated rows that were left out because an identical row is included.
    quarantined
        Number of bad records, which the study's ``quarantine.jsonl`` lists with file, record and
        reason.
    unresolved
        Number of places that are not in the packaged gazetteer; they are in the study's
        ``places.csv``.
    """

    folder: str
    posts: int = 0
    events: int = 0
    repeated: int = 0
    quarantined: int = 0
    unresolved: int = 0

    def sentence(self) -> str:
        """Return the result as a sentence.

        Examples
        --------
        >>> CreateStudyResult("mine", posts=3, events=2).sentence()
        'mine: 3 posts, 2 events; 0 bad records quarantined, 0 unknown places.'
        """
        repeated = f", {self.repeated:,} repeated" if self.repeated else ""
        return (
            f"{self.folder}: {self.posts:,} posts, {self.events:,} events{repeated}; "
            f"{counted(self.quarantined, 'bad record')} quarantined, "
            f"{counted(self.unresolved, 'unknown place')}."
        )


def new_study(
    folder: str | Path,
    *,
    posts: Sequence[str | Path],
    events: Sequence[str | Path],
    title: str | None = None,
    timezone: str | None = None,
    account: str | None = None,
    codebook: str | Path | None = None,
    kinds: Iterable[str] = (),
    persistence: str = "48h",
    on_error: OnError = "quarantine",
) -> CreateStudyResult:
    """Create a study from files of posts and events.

    Parameters
    ----------
    folder
        A new or empty folder.
    posts, events
        Files in any format that `read_posts` and `read_events` support.
    title
        Title of the study; by default the folder's name.
    timezone
        IANA time zone of times without an offset, and of the study's days.
    account
        Account of posts in files that do not name an account.
    codebook
        Codebook file, as read by `Codebook.from_csv`; by default the packaged codebook.
    kinds
        Kinds of event that signals can refer to; by default all kinds.
    persistence
        For lists of territorial control: minimum duration of a state that counts as an event.
    on_error
        ``"quarantine"`` leaves bad records out and lists them in ``quarantine.jsonl``; ``"raise"``
        stops at the first bad record and creates no study.

    Returns
    -------
    CreateStudyResult

    Raises
    ------
    StudyError
        If the folder is not empty, no file of posts or events is given, a kind occurs in no event,
        or the study cannot be written.
    TableError, CodebookError
        If a file or the codebook is invalid, or two files have different rows with the same key.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from foxgrape._util.files import study_folder
    >>> old, folder = study_folder("izium-2022"), f"{mkdtemp()}/mine"
    >>> new_study(folder, posts=[old / "posts.csv"], events=[old / "events.csv"]).events
    69
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StudyError("the folder is not empty", file=folder, hint="name a new folder")
    options: dict[str, Any] = {"timezone": timezone, "on_error": on_error, "with_report": True}
    post_files: _Files = [
        (Path(file), *read_posts(file, account=account, **options)) for file in posts
    ]
    event_files: _Files = [
        (Path(file), *read_events(file, persistence=persistence, **options)) for file in events
    ]
    all_posts, repeated_posts = _merge("posts", post_files)
    all_events, repeated_events = _merge("events", event_files)
    kinds = validate_kinds(kinds, all_events, folder)
    places = _unknown_places(all_events)
    files = [*post_files, *event_files]
    quarantine = [
        {"file": file.name, **record} for file, _, report in files for record in report.quarantine
    ]
    tables = {"posts": all_posts, "events": all_events} | (
        {"places": places} if len(places) else {}
    )
    descriptor = {
        "profile": "data-package",
        "name": re.sub(r"[^a-z0-9._-]+", "-", folder.name.lower()).strip("-") or "study",
        "title": title or folder.name,
        "resources": [],
        "sources": [{"title": f"{file.name} ({report.format})"} for file, _, report in files],
        "foxgrape": {
            "timezone": timezone or "UTC",
            "kinds": list(kinds),
            "caution": _caution(len(places)),
        },
    }
    try:
        _write_study(folder, descriptor, tables, codebook, quarantine)
    except OSError as error:
        reason = f"cannot write the study: {error.strerror or error}"
        raise StudyError(reason, file=folder) from None
    return CreateStudyResult(
        str(folder),
        len(all_posts),
        len(all_events),
        repeated_posts + repeated_events,
        len(quarantine),
        len(places),
    )


def _merge(table: str, files: _Files) -> tuple[pd.DataFrame, int]:
    """Return the distinct rows of all files, and the number of repeated rows."""
    if not files:
        raise StudyError(f"a study must have {table}; name at least one file")
    keys, clock = schemas.KEYS[table]
    rows = pd.concat(
        [frame.assign(source_file=file.name) for file, frame, _ in files], ignore_index=True
    )
    is_repeat = rows[schemas.columns(table)].duplicated().to_numpy()
    repeated = sum(report.repeated for *_, report in files) + int(is_repeat.sum())
    rows = rows[~is_repeat].reset_index(drop=True)
    is_conflict = rows.duplicated(keys).to_numpy()
    if is_conflict.any():
        conflict = rows[is_conflict].iloc[0]
        raise TableError(
            f"the files have different rows for one {keys[0]}",
            file=conflict["source_file"],
            column=keys[0],
            got=conflict[keys[0]],
            hint="leave one of the files out",
        )
    return rows.sort_values([clock, *keys], ignore_index=True), repeated


def _unknown_places(events: pd.DataFrame) -> pd.DataFrame:
    """Return the places that are not in the packaged gazetteer, with a gazetteer's columns."""
    gazetteer = Gazetteer.default()
    places = events.drop_duplicates("place_id")
    places = places[[place_id not in gazetteer for place_id in places["place_id"]]]
    admin1 = places["admin1"] if "admin1" in places else pd.Series("", index=places.index)
    unknown = pd.DataFrame(
        {
            "id": places["place_id"],
            "name": places["place"].fillna(places["place_id"]),
            "lat": places["lat"],
            "lon": places["lon"],
            "admin1": admin1.fillna(""),
        }
    )
    return unknown.reindex(columns=list(_PLACE_COLUMNS)).sort_values("id", ignore_index=True)


def _caution(unknown_places: int) -> str:
    """Return the caveats that the study's reports show."""
    caution = (
        "These posts are not a random sample; they may have been picked because they came true."
    )
    if unknown_places:
        caution += (
            f" {counted(unknown_places, 'place name')} could not be matched; "
            "signals for them cannot be linked."
        )
    return caution


def _write_study(
    folder: Path,
    descriptor: dict[str, Any],
    tables: dict[str, pd.DataFrame],
    codebook: str | Path | None,
    quarantine: list[dict[str, Any]],
) -> None:
    """Write a study to a temporary folder beside `folder`, and rename that when it is complete."""
    parent, prefix = folder.absolute().parent, f".{folder.name}-"
    parent.mkdir(parents=True, exist_ok=True)
    clear_abandoned(parent, prefix)
    work = WorkFolder(parent, prefix)
    staging = work.path
    try:
        resources = [_write_table(staging, name, rows) for name, rows in tables.items()]
        if codebook is not None:
            Codebook.from_csv(codebook, Gazetteer.default())
            shutil.copyfile(codebook, staging / "codebook.csv")
            resources.append({"name": "codebook", "path": "codebook.csv"})
        if quarantine:
            text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in quarantine)
            (staging / "quarantine.jsonl").write_text(text, encoding="utf-8", errors="replace")
        text = json.dumps(descriptor | {"resources": resources}, ensure_ascii=False, indent=2)
        (staging / "datapackage.json").write_text(f"{text}\n", encoding="utf-8")
        work.publish(folder.name)
    finally:
        work.close()


def _write_table(folder: Path, name: str, rows: pd.DataFrame) -> dict[str, Any]:
    """Write a table as CSV, and return its resource entry for ``datapackage.json``."""
    texts = rows.copy()
    fields = []
    for column, values in rows.items():
        kind = _TYPES.get(str(values.dtype), "string")
        if kind == "datetime":
            texts[column] = values.dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        elif kind == "boolean":
            texts[column] = values.map({True: "true", False: "false"})
        field = {"name": column, "type": kind}
        fields.append(field | ({"format": "any"} if kind == "datetime" else {}))
    # With CRLF as line terminator, csv also quotes cells that contain \r without \n.
    texts.to_csv(folder / f"{name}.csv", index=False, encoding="utf-8", lineterminator="\r\n")
    return {
        "name": name,
        "path": f"{name}.csv",
        "profile": "tabular-data-resource",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": {"fields": fields, "missingValues": [""]},
    }
