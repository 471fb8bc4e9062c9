"""Create a study, which is a Frictionless data package, from files in any supported format."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from foxgrape import times
from foxgrape._util.directories import WorkFolder, clear_abandoned
from foxgrape._util.formatting import counted
from foxgrape._util.unicode import json_bytes
from foxgrape.errors import StudyError
from foxgrape.io.events import read_events
from foxgrape.io.gazetteers import GAZETTEER_CSV, gazetteer_files
from foxgrape.io.merge import merge_files
from foxgrape.io.posts import read_posts
from foxgrape.io.read_report import Note, merge_notes, most_frequent_reason
from foxgrape.io.sources import as_list, source_name
from foxgrape.observation import Coverage, Observation, last_instant
from foxgrape.places import Codebook, Gazetteer
from foxgrape.studies.study import validate_kinds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from foxgrape.io.base import OnError
    from foxgrape.io.read_report import ReadReport
    from foxgrape.io.sources import Source

    SourceWithOptions = Source | tuple[Source, Mapping[str, Any]]
    SourcesWithOptions = SourceWithOptions | Iterable[SourceWithOptions]

__all__ = ["CreateStudyResult", "new_study"]

#: A day on which clocks are set forward, less the microsecond by which it ends before the next.
_SHORTEST_DAY = pd.Timedelta(hours=23) - pd.Timedelta(1, "us")
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
        Number of places that are not in the gazetteer; they are in the study's ``places.csv``.
    notes
        What the readers left out, repaired or reinterpreted, and what the study assumes.
    """

    folder: str
    posts: int = 0
    events: int = 0
    repeated: int = 0
    quarantined: int = 0
    unresolved: int = 0
    notes: list[Note] = field(default_factory=list)

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
    posts: SourcesWithOptions,
    events: SourcesWithOptions,
    title: str | None = None,
    timezone: str | None = None,
    account: str | None = None,
    post_options: Mapping[str, Any] | None = None,
    event_options: Mapping[str, Any] | None = None,
    codebook: str | Path | None = None,
    gazetteer: str | Path | None = None,
    kinds: Iterable[str] = (),
    persistence: str = "48h",
    observed_from: str | None = None,
    observed_until: str | None = None,
    gaps: Sequence[str] = (),
    on_error: OnError = "quarantine",
) -> CreateStudyResult:
    """Create a study from files of posts and events.

    Parameters
    ----------
    folder
        A new or empty folder.
    posts, events
        One or several files in any format that `read_posts` and `read_events` support, or frames.
        A file with options of its own is a tuple: ``("a.csv", {"timezone": "UTC"})``.
    title
        Title of the study; by default the folder's name.
    timezone
        IANA time zone of times without an offset, and of the study's days and months; by default
        UTC for both. Some readers know the zone of their days, such as that of ACLED's days in
        Ukraine; the study's days and months remain in UTC unless you state the zone.
    account
        Account of posts in files that do not name an account.
    post_options, event_options
        Options of `read_posts` and `read_events` for all files of posts and of events, such as
        ``{"columns": {"text": "message"}, "dates": "dmy"}``.
    codebook
        Codebook file, as read by `Codebook.from_csv`; by default the packaged codebook.
    gazetteer
        Gazetteer, as opened by `Gazetteer.open`: a folder or a CSV file. The study keeps a copy of
        it. By default the packaged gazetteer of Ukraine.
    kinds
        Kinds of event that signals can refer to; by default all kinds.
    persistence
        For lists of territorial control: minimum duration of a state that counts as an event.
    observed_from, observed_until, gaps
        When events were recorded: instants with an offset, and gaps as texts ``START/END``. By
        default until the last event.
    on_error
        ``"quarantine"`` leaves bad records out and lists them in ``quarantine.jsonl``; ``"raise"``
        stops at the first bad record and creates no study.

    Returns
    -------
    CreateStudyResult

    Raises
    ------
    StudyError
        If the folder is not empty, no file of posts or events is given, a file has none, a kind
        occurs in no event, or the study cannot be written.
    FoxgrapeError
        If `observed_from`, `observed_until` or a gap is invalid.
    TableError, CodebookError
        If a file or the codebook is invalid, or two files have different rows with the same key.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from foxgrape._util.files import study_folder
    >>> old, folder = study_folder("izium-2022"), f"{mkdtemp()}/mine"
    >>> new_study(folder, posts=old / "posts.csv", events=old / "events.csv").events
    69
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StudyError("the folder is not empty", file=folder, hint="name a new folder")
    coverage = Coverage.parse(
        {"observed_from": observed_from, "observed_until": observed_until, "gaps": list(gaps)}
    )
    options: dict[str, Any] = {"timezone": timezone, "on_error": on_error}
    known = Gazetteer.default() if gazetteer is None else Gazetteer.open(gazetteer)
    copied = {} if gazetteer is None else gazetteer_files(gazetteer)
    # A codebook in another gazetteer is an error before anything is read.
    if codebook is not None:
        Codebook.from_csv(codebook, known)
        copied["codebook.csv"] = Path(codebook)
    all_posts, post_report, post_titles = _read_all(
        "posts", read_posts, posts, options | {"account": account} | dict(post_options or {})
    )
    all_events, event_report, event_titles = _read_all(
        "events",
        read_events,
        events,
        options | {"persistence": persistence, "gazetteer": known} | dict(event_options or {}),
    )
    kinds = validate_kinds(kinds, all_events, folder)
    places = _unknown_places(all_events, known)
    quarantine = post_report.quarantine + event_report.quarantine
    tables = {"posts": all_posts, "events": all_events} | (
        {"places": places} if len(places) else {}
    )
    descriptor = {
        "profile": "data-package",
        "name": re.sub(r"[^a-z0-9._-]+", "-", folder.name.lower()).strip("-") or "study",
        "title": title or folder.name,
        "resources": [],
        "sources": [
            {"title": title} for title in (*post_titles, *event_titles, *_attributions(known))
        ],
        "foxgrape": {
            "timezone": timezone or "UTC",
            "kinds": list(kinds),
            "caution": _caution(len(places)),
            **_observation(coverage),
        },
    }
    try:
        _write_study(folder, descriptor, tables, copied, quarantine)
    except OSError as error:
        reason = f"cannot write the study: {error.strerror or error}"
        raise StudyError(reason, file=folder) from None
    return CreateStudyResult(
        str(folder),
        len(all_posts),
        len(all_events),
        post_report.repeated + event_report.repeated,
        len(quarantine),
        len(places),
        [
            *merge_notes([*post_report.notes, *event_report.notes]),
            *_assumptions(all_events, timezone, coverage),
        ],
    )


def _assumptions(events: pd.DataFrame, timezone: str | None, coverage: Coverage) -> Iterator[Note]:
    """Yield what the study assumes because it was not stated: its time zone and its last day."""
    zone = timezone or "UTC"
    if timezone is None:
        at, until = events["occurred_at"], events["occurred_until"]
        is_local = (until - at >= _SHORTEST_DAY) & (at != at.dt.normalize())
        if is_local.any():
            example = f"a day from {at[is_local].min():%Y-%m-%dT%H:%MZ}"
            what = (
                "days and months of the study are in UTC, while days of events are in another "
                "zone: state timezone= (--timezone) to have them in one"
            )
            yield Note(what, example=example)
    end = last_instant(events)
    if coverage.observed_until is None and end is not None:
        known = Observation((replace(coverage, observed_until=end, guessed=True),))
        yield Note(known.guess_in_words(zone).rstrip("."))


def _read_all(
    table: str, read: Any, sources: SourcesWithOptions, options: dict[str, Any]
) -> tuple[pd.DataFrame, ReadReport, list[str]]:
    """Return the rows of all sources of a table, their report, and a title for each source."""
    files = []
    is_pair = isinstance(sources, tuple) and isinstance(sources[-1], Mapping)
    for item in [sources] if is_pair else as_list(sources):
        source, own = item if isinstance(item, tuple) else (item, {})
        frame, report = read(source, with_report=True, **options | dict(own))
        if frame.empty:
            raise StudyError(
                f"no {table} were read", file=source_name(source), hint=_reason(report)
            )
        files.append((source_name(source), frame, report))
    rows, report = merge_files(table, files)
    return rows, report, [f"{name} ({one_report.format})" for name, _, one_report in files]


def _reason(report: ReadReport) -> str:
    """Return the most frequent reason for which records were quarantined, and an example."""
    if not report.quarantine:
        return f"the file has {counted(report.records_read, 'record')}"
    bad = most_frequent_reason(report.quarantine)
    return f"{counted(len(report.quarantine), 'bad record')}; most often: {bad}"


def _attributions(gazetteer: Gazetteer) -> list[str]:
    """Return the sources of a gazetteer that a study keeps a copy of."""
    return [source for info in gazetteer.infos for source in info.sources]


def _unknown_places(events: pd.DataFrame, gazetteer: Gazetteer) -> pd.DataFrame:
    """Return the places that are not in the gazetteer, with a gazetteer's columns."""
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


def _observation(coverage: Coverage) -> dict[str, Any]:
    """Return the options that state when events were recorded: a list only if there are gaps."""
    values = coverage.to_dict()
    return {"coverages": [values]} if "gaps" in values else values


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
    copied: dict[str, Path],
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
        for path, source in copied.items():
            (staging / path).parent.mkdir(exist_ok=True)
            shutil.copyfile(source, staging / path)
        resources += _copied_resources(list(copied))
        if quarantine:
            lines = b"".join(json_bytes(record) + b"\n" for record in quarantine)
            (staging / "quarantine.jsonl").write_bytes(lines)
        text = json_bytes(descriptor | {"resources": resources}, indent=2)
        (staging / "datapackage.json").write_bytes(text + b"\n")
        work.publish(folder.name)
    finally:
        work.close()


def _copied_resources(paths: list[str]) -> list[dict[str, Any]]:
    """Return the resource entries of a codebook and a gazetteer for ``datapackage.json``."""
    resources: list[dict[str, Any]] = []
    if own := [path for path in paths if path != "codebook.csv"]:
        path = own if own != [GAZETTEER_CSV] else GAZETTEER_CSV
        resources.append({"name": "gazetteer", "path": path})
    if "codebook.csv" in paths:
        resources.append({"name": "codebook", "path": "codebook.csv"})
    return resources


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
