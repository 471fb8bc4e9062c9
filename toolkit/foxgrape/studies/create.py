"""Make a study, a Frictionless data package, from any files that the readers know."""

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

    from foxgrape.io.base import OnError

    #: What was read of each file, by table.
    _Read = dict[str, list[tuple[Path, pd.DataFrame]]]

__all__ = ["CreateStudyResult", "new_study"]

_TYPES = {times.DTYPE: "datetime", "float64": "number", "bool": "boolean", "boolean": "boolean"}
_PLACES = ("id", "name", "names", "lat", "lon", "country", "admin1", "admin2", "population")


@dataclass(slots=True)
class CreateStudyResult:
    """What was made into a study.

    Attributes
    ----------
    folder
        Where it is.
    posts, events
        How many rows it has of each.
    repeated
        Rows that stood in more than one file, with the same content.
    quarantined
        Bad records, kept in ``quarantine.jsonl`` of the study with file, record and reason.
    unresolved
        Places that no gazetteer knows; they are in the study's own ``places.csv``.
    """

    folder: str
    posts: int = 0
    events: int = 0
    repeated: int = 0
    quarantined: int = 0
    unresolved: int = 0

    def sentence(self) -> str:
        """Say it in one sentence.

        Examples
        --------
        >>> CreateStudyResult("mine", posts=3, events=2).sentence()
        'mine: 3 posts, 2 events; 0 quarantined, 0 places that no gazetteer knows.'
        """
        repeated = f", {self.repeated:,} repeated" if self.repeated else ""
        return (
            f"{self.folder}: {self.posts:,} posts, {self.events:,} events{repeated}; "
            f"{self.quarantined:,} quarantined, {self.unresolved:,} places that no gazetteer knows."
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
    """Make a study from exports of posts and files of events.

    Parameters
    ----------
    folder
        Is made; it must not be there yet, or be empty.
    posts, events
        Files of any format that `read_posts` and `read_events` know.
    title
        By default the folder's name.
    timezone
        Zone of times without an offset, and in which the study's days are told.
    account
        Of posts whose file does not name it.
    codebook
        A codebook of one's own, as `Codebook.from_csv` reads it; by default the packaged one.
    kinds
        The kinds of event that the hints are about; by default all.
    persistence
        For lists of who holds a place: a state counts if it lasted so long.
    on_error
        ``"quarantine"`` leaves bad records out and keeps them in ``quarantine.jsonl``;
        ``"raise"`` stops at the first, and makes nothing.

    Returns
    -------
    NewStudy

    Raises
    ------
    StudyError
        If there is something in the folder, or no events are of a kind.
    TableError, CodebookError
        As the readers do; also if two files say different things under one key.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from foxgrape._util.resources import study_folder
    >>> old, folder = study_folder("izium-2022"), f"{mkdtemp()}/mine"
    >>> new_study(folder, posts=[old / "posts.csv"], events=[old / "events.csv"]).events
    69
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StudyError("there is something here already", file=folder, hint="name a new folder")
    made = CreateStudyResult(str(folder))
    whose: dict[str, Any] = {"timezone": timezone, "on_error": on_error}
    read: _Read = {
        "posts": [(Path(file), read_posts(file, account=account, **whose)) for file in posts],
        "events": [
            (Path(file), read_events(file, persistence=persistence, **whose)) for file in events
        ],
    }
    all_posts, all_events = _whole("posts", read, made), _whole("events", read, made)
    made.posts, made.events = len(all_posts), len(all_events)
    kinds = validate_kinds(kinds, all_events, folder)
    parent, prefix = _parent(folder), f".{folder.name}-"
    clear_abandoned(parent, prefix)
    work = WorkFolder(parent, prefix)
    aside = work.path
    try:
        resources = [_write(aside, "posts", all_posts), _write(aside, "events", all_events)]
        own = _own_places(all_events)
        if len(own):
            resources.append(_write(aside, "places", own))
        if codebook is not None:
            Codebook.from_csv(codebook, Gazetteer.default())
            shutil.copyfile(codebook, aside / "codebook.csv")
            resources.append({"name": "codebook", "path": "codebook.csv"})
        bad = _bad(read)
        if bad:
            text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in bad)
            (aside / "quarantine.jsonl").write_text(text, encoding="utf-8", errors="replace")
        made.quarantined, made.unresolved = len(bad), len(own)
        told = _descriptor(folder.name, title, timezone, kinds, resources, read, made)
        text = json.dumps(told, ensure_ascii=False, indent=2) + "\n"
        (aside / "datapackage.json").write_text(text, encoding="utf-8")
        work.publish(folder.name)
    except OSError as error:
        why = f"the study cannot be written: {error.strerror or error}"
        raise StudyError(why, file=folder) from None
    finally:
        work.close()
    return made


def _whole(table: str, read: _Read, made: CreateStudyResult) -> pd.DataFrame:
    """Return all rows of a table; those that several files have alike, once."""
    key, clock = schemas.KEYS[table][0][0], schemas.KEYS[table][1]
    frames = [frame.assign(source_file=file.name) for file, frame in read[table]]
    if not frames:
        raise StudyError(f"a study has {table}", expected=f"a file of {table}")
    for frame in frames:
        made.repeated += frame.attrs.get("repeated", 0)
        frame.attrs = {}  # concat would compare them, and what they hold cannot be compared
    rows = pd.concat(frames, ignore_index=True)
    alike = rows[schemas.columns(table)].duplicated().to_numpy()
    made.repeated += int(alike.sum())
    rows = rows[~alike].reset_index(drop=True)
    again = rows[key].duplicated().to_numpy()
    if again.any():
        second = rows[again].iloc[0]
        raise TableError(
            f"files say different things of one {key}",
            file=second["source_file"],
            column=key,
            got=second[key],
            hint="leave one of the files out",
        )
    return rows.sort_values([clock, key], ignore_index=True)


def _bad(read: _Read) -> list[dict[str, Any]]:
    """Return the bad records of all files."""
    return [
        {"file": file.name, **bad}
        for files in read.values()
        for file, frame in files
        for bad in frame.attrs.get("quarantine", [])
    ]


def _parent(folder: Path) -> Path:
    parent = folder.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    return parent


def _own_places(events: pd.DataFrame) -> pd.DataFrame:
    """Return the places that the packaged gazetteer lacks, as a gazetteer of the study's own."""
    gazetteer = Gazetteer.default()
    places = events.drop_duplicates("place_id")
    places = places[[place_id not in gazetteer for place_id in places["place_id"]]]
    admin1 = places["admin1"] if "admin1" in places else pd.Series("", index=places.index)
    own = pd.DataFrame(
        {
            "id": places["place_id"],
            "name": places["place"].fillna(places["place_id"]),
            "lat": places["lat"],
            "lon": places["lon"],
            "admin1": admin1.fillna(""),
        }
    )
    return own.reindex(columns=list(_PLACES)).sort_values("id", ignore_index=True)


def _write(folder: Path, name: str, rows: pd.DataFrame) -> dict[str, Any]:
    """Write a table, and return its resource for the descriptor."""
    plain = rows.copy()
    fields = []
    for column, values in rows.items():
        kind = _TYPES.get(str(values.dtype), "string")
        if kind == "datetime":
            plain[column] = values.dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        elif kind == "boolean":
            plain[column] = values.map({True: "true", False: "false"})
        told = {"name": column, "type": kind}
        fields.append(told | ({"format": "any"} if kind == "datetime" else {}))
    # A cell is quoted for the signs of the line's end in it, and a lone \r ends a line as well.
    plain.to_csv(folder / f"{name}.csv", index=False, encoding="utf-8", lineterminator="\r\n")
    return {
        "name": name,
        "path": f"{name}.csv",
        "profile": "tabular-data-resource",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": {"fields": fields, "missingValues": [""]},
    }


def _descriptor(
    name: str,
    title: str | None,
    timezone: str | None,
    kinds: Iterable[str],
    resources: list[dict[str, Any]],
    read: _Read,
    made: CreateStudyResult,
) -> dict[str, Any]:
    plain = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-") or "study"
    sources = [
        {"title": f"{file.name} ({frame.attrs.get('format', table)})"}
        for table, files in read.items()
        for file, frame in files
    ]
    caution = (
        "Which posts are in it was not drawn by chance: whoever chose them may have chosen hits."
    )
    if made.unresolved:
        are = "is" if made.unresolved == 1 else "are"
        caution += f" {counted(made.unresolved, 'place')} {are} known to no gazetteer."
    return {
        "profile": "data-package",
        "name": plain,
        "title": title or name,
        "resources": resources,
        "sources": sources,
        "foxgrape": {
            "timezone": timezone or "UTC",
            "kinds": list(kinds),
            "caution": caution,
        },
    }
