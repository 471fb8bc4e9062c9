"""Studies: posts, events and codes in a folder that is a Frictionless data package."""

from __future__ import annotations

import hashlib
import html
import json
from contextlib import suppress
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, get_args

import pandas as pd

from foxgrape import schemas, times
from foxgrape._util.files import file_sha256, study_folder
from foxgrape._util.formatting import counted
from foxgrape._util.regular_files import read_regular
from foxgrape._util.unicode import replace_surrogates
from foxgrape.detection.detect import Edits, detect
from foxgrape.errors import FoxgrapeError, StudyError, TableError, did_you_mean
from foxgrape.io.events import read_events
from foxgrape.io.posts import read_posts
from foxgrape.observation import Coverage, Observation, last_instant, parse_bound
from foxgrape.places import Codebook, Gazetteer
from foxgrape.places.gazetteer_info import DIVISIONS_FILE, INFO_FILE, OUTLINES_FILE, TABLES
from foxgrape.studies.analysis import Analysis, SignalSource, link_study

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

__all__ = ["Study", "open_study", "split_by_kind", "validate_kinds"]

_RESOURCES = ("posts", "events", "confirmations", "codebook", "places", "gazetteer")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Study:
    """Posts, events, confirmations and a codebook that belong together.

    Attributes
    ----------
    name, title
        Name and title from the data package.
    folder
        Folder that the study was read from.
    posts, events, confirmations
        The validated tables. Events are those that signals can refer to: those of the study's
        kinds.
    codebook
        The study's own codebook or the packaged one. Its gazetteer, the study's own or the packaged
        one, holds all known places, whether or not they have an event: a place that is named and
        has no event is right-censored.
    kinds
        Kinds of event that signals can refer to. If empty, all kinds.
    observed_until, observed_from
        End and start of observation; None if it is not stated.
    caution
        Caveats by the study's authors.
    timezone
        IANA time zone of the study's days.
    hashes
        SHA-256 of ``datapackage.json`` and of the files that it lists, by path in the study.
    earlier_posts
        Earlier versions of edited posts, as in `foxgrape.detect`; None if none are known.
    other_events
        Events of other kinds, which are not linked.
    coverages
        What each source of events recorded, as far as it is known; see `observed`.
    """

    name: str
    title: str
    folder: Path
    posts: pd.DataFrame
    events: pd.DataFrame
    confirmations: pd.DataFrame
    codebook: Codebook
    kinds: tuple[str, ...]
    observed_until: str | None
    caution: str
    timezone: str
    hashes: Mapping[str, str]
    earlier_posts: pd.DataFrame | None = None
    other_events: pd.DataFrame | None = None
    observed_from: str | None = None
    coverages: tuple[Coverage, ...] = ()

    @property
    def all_events(self) -> pd.DataFrame:
        """Events of every kind."""
        others = self.other_events
        if others is None or others.empty:
            return self.events
        return pd.concat([self.events, others], ignore_index=True)

    @property
    def observed(self) -> Observation:
        """When events of the study's kinds were recorded; ``start, end = study.observed``.

        It consists of what the sources recorded (`coverages`), or without them of one period. It
        begins with `observed_from` and ends with `observed_until`. A start that is not stated is
        the first instant in the tables. An end that is not stated is the last instant of the
        events of every kind, because nothing shows that events were still recorded after it.
        Without any such instant, both are NaT.
        """
        events = self.all_events
        last = last_instant(events)
        parts = list(self.coverages) or [Coverage()]
        recorded = {kind for part in parts for kind in part.kinds or self.kinds}
        if unrecorded := tuple(kind for kind in self.kinds if kind not in recorded):
            parts.append(Coverage(kinds=unrecorded))
        parts = [
            replace(part, observed_until=last, guessed=True)
            if part.observed_until is None
            else part
            for part in parts
        ]
        known = Observation(tuple(parts), self.kinds).bounded(
            parse_bound(self.observed_from, "observed_from"),
            parse_bound(self.observed_until, "observed_until"),
        )
        instants = [self.posts["posted_at"], *(events[f"{clock}_at"] for clock in times.CLOCKS)]
        first = parse_bound(pd.concat(instants).min(), "observed_from")
        return replace(
            known,
            coverages=tuple(
                part if part.observed_from is not None else replace(part, observed_from=first)
                for part in known.coverages
            ),
        )

    def __repr__(self) -> str:
        return f"<Study {self.name}: {self._contents()}>"

    def _repr_html_(self) -> str:
        caution = f"<p>{html.escape(self.caution)}</p>" if self.caution else ""
        return f"<h4>{html.escape(self.title)}</h4><p>{self._contents()}</p>{caution}"

    def _contents(self) -> str:
        """Return the table sizes and the observation period in words."""
        sizes = (
            (self.posts, "post"),
            (self.events, "event"),
            (self.confirmations, "confirmation"),
            (self.codebook, "code"),
        )
        words = [counted(len(table), unit) for table, unit in sizes]
        if n_other := len(self.all_events) - len(self.events):
            words[1] += f" of the kinds asked for ({n_other} of other kinds)"
        start, end = self.observed
        if pd.isna(start) or pd.isna(end):
            return ", ".join(words)
        first, last = (instant.tz_convert(self.timezone) for instant in (start, end))
        guess = ", the last event" if self.observed.guessed else ""
        gaps = ", with gaps" if self.observed.has_gaps else ""
        return f"{', '.join(words)}; observed {first:%-d %b %Y} to {last:%-d %b %Y}{guess}{gaps}"

    def with_observation(
        self,
        observed_from: str | datetime | None = None,
        observed_until: str | datetime | None = None,
    ) -> Study:
        """Return the study with another start or end of observation; None leaves it as it is.

        Raises
        ------
        FoxgrapeError
            If a bound is no instant with an offset, or observation would end before it starts.

        Examples
        --------
        >>> study = open_study().with_observation(observed_until="2022-12-31T00:00Z")
        >>> str(study.observed[1])
        '2022-12-31 00:00:00+00:00'
        """
        bounds = {"observed_from": observed_from, "observed_until": observed_until}
        instants = {name: parse_bound(value, name) for name, value in bounds.items()}
        stated = {name: at.isoformat() for name, at in instants.items() if at is not None}
        changed = replace(self, **stated)  # type: ignore[arg-type]
        if stated and not changed.observed.spans() and not changed.observed.has_places:
            raise FoxgrapeError(
                "observation must end after it starts", got=", ".join(stated.values())
            )
        return changed

    def analyse(
        self,
        *,
        horizon: str = "30D",
        clock: times.Clock | None = None,
        confirmed_by: str | None = None,
        signals: SignalSource = "codes",
        edits: Edits = "interval",
        observed_from: str | datetime | None = None,
        observed_until: str | datetime | None = None,
    ) -> Analysis:
        """Detect the signals, link them to events and estimate the lead times.

        Parameters
        ----------
        horizon, clock, confirmed_by
            As in `foxgrape.link`.
        signals
            ``codes``: codes in the codebook. ``mentions``: places mentioned by name, as a baseline
            for the codes. ``both``: codes and mentions.
        edits
            As in `foxgrape.detect`.
        observed_from, observed_until
            Start and end of observation, instants with an offset, instead of the study's. Gaps in
            between remain.

        Returns
        -------
        Analysis

        Raises
        ------
        FoxgrapeError
            If an option is invalid.

        Examples
        --------
        >>> analysis = open_study().analyse(confirmed_by="UA")
        >>> analysis.table().set_index("code").loc["🍇", ["place", "relation"]].tolist()
        ['Izium', 'precedes']
        """
        if signals not in get_args(SignalSource):
            choices = get_args(SignalSource)
            raise FoxgrapeError(
                "signals must be codes, mentions or both",
                got=signals,
                hint=did_you_mean(str(signals), choices),
            )
        detected = detect(
            self.posts,
            codebook=self.codebook,
            mentions=signals != "codes",
            edits=edits,
            earlier=self.earlier_posts,
        )
        if signals == "mentions":
            detected = detected[detected["kind"] == "mention"]
        has_place = detected["place_id"].notna()
        study = self.with_observation(observed_from, observed_until)
        analysis = link_study(
            study, detected[has_place].reset_index(drop=True), signals, horizon, clock, confirmed_by
        )
        return replace(analysis, ambiguous=detected[~has_place].reset_index(drop=True))


def open_study(path: str | Path | None = None) -> Study:
    """Read a study and validate every table, place and reference in it.

    Parameters
    ----------
    path
        Folder with a ``datapackage.json``; by default the embedded study ``izium-2022``.

    Returns
    -------
    Study

    Raises
    ------
    StudyError
        If the folder is not a valid study, or a file changes while the study is read.
    TableError, CodebookError
        If a cell is invalid. The error names the file, row and column of the first invalid cell.

    Examples
    --------
    >>> study = open_study()
    >>> study.name
    'izium-2022'
    """
    if not (path is None or isinstance(path, (str, PathLike))):
        raise StudyError("the folder of a study must be a path", got=type(path).__name__)
    folder = study_folder("izium-2022") if path is None else Path(path)
    package, files, hashes = _package(folder)
    gazetteer = Gazetteer.open(files["gazetteer"]) if "gazetteer" in files else Gazetteer.default()
    # The study's places.csv adds places that the gazetteer lacks.
    if "places" in files:
        gazetteer = gazetteer.extended(Gazetteer.from_csv(files["places"]))
    events = read_events(files["events"], gazetteer=gazetteer)
    confirmations = (
        schemas.read_csv(files["confirmations"], "confirmations")
        if "confirmations" in files
        else schemas.validate(
            pd.DataFrame(columns=schemas.columns("confirmations")), "confirmations"
        )
    )
    codebook = (
        Codebook.from_csv(files["codebook"], gazetteer)
        if "codebook" in files
        else Codebook.for_gazetteer(gazetteer)
    )
    _check_places(events, gazetteer, files["events"])
    _check_references(confirmations, events, files.get("confirmations"))
    options = _options(package, folder)
    kinds = validate_kinds(options.get("kinds", ()), events, folder / "datapackage.json")
    events, other_events = split_by_kind(events, kinds)
    study = Study(
        name=str(package.get("name") or folder.name),
        title=str(package.get("title") or folder.name),
        folder=folder,
        posts=read_posts(files["posts"]),
        events=events,
        confirmations=confirmations,
        codebook=codebook,
        kinds=kinds,
        observed_until=options.get("observed_until"),
        observed_from=options.get("observed_from"),
        coverages=_coverages(options, folder),
        caution=str(options.get("caution") or ""),
        timezone=str(options.get("timezone", "UTC")),
        hashes=hashes,
        other_events=other_events,
    )
    _check_unchanged(folder, hashes)
    return study


def _package(folder: Path) -> tuple[dict[str, Any], dict[str, Path], dict[str, str]]:
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


def _check_unchanged(folder: Path, hashes: Mapping[str, str]) -> None:
    """Check that no file changed between the computation of its hash and the end of reading."""
    for path, sha256 in hashes.items():
        try:
            same = file_sha256(folder / path) == sha256
        except OSError:
            same = False
        if not same:
            what = f"the study changed while it was read: {path}"
            raise StudyError(what, file=folder, hint="read it again")


def _options(package: dict[str, Any], folder: Path) -> dict[str, Any]:
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


def _coverages(options: dict[str, Any], folder: Path) -> tuple[Coverage, ...]:
    """Return what the study's sources recorded, from the list ``coverages`` of its options."""
    parts = options.get("coverages") or ()
    try:
        return tuple(Coverage.parse(part) for part in parts)
    except (FoxgrapeError, TypeError) as error:
        raise StudyError(
            f"bad value under 'foxgrape.coverages': {error}", file=folder / "datapackage.json"
        ) from None


def validate_kinds(kinds: Iterable[str], events: pd.DataFrame, file: Path) -> tuple[str, ...]:
    """Return the kinds as a tuple; raise `StudyError` if a kind occurs in no event."""
    kinds = tuple(kinds)
    known = {str(kind) for kind in events["kind"].dropna()}
    for kind in kinds:
        if kind not in known:
            raise StudyError(
                "no event has this kind", file=file, got=kind, hint=did_you_mean(kind, known)
            )
    return kinds


def split_by_kind(
    events: pd.DataFrame, kinds: tuple[str, ...]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the events of these kinds, or of all kinds if none is given, and the other events.

    Examples
    --------
    >>> events = pd.DataFrame({"event_id": ["e", "f"], "kind": ["liberated", None]})
    >>> [part["event_id"].tolist() for part in split_by_kind(events, ("liberated",))]
    [['e'], ['f']]
    """
    wanted = events["kind"].isin(kinds) if kinds else events["event_id"].notna()
    return events[wanted].reset_index(drop=True), events[~wanted].reset_index(drop=True)


def _check_places(events: pd.DataFrame, gazetteer: Gazetteer, file: Path) -> None:
    for position, (place_id, name) in enumerate(
        zip(events["place_id"], events["place"], strict=True)
    ):
        if place_id not in gazetteer:
            near = gazetteer.find(str(name))
            hint = f"{near[0].place} is {near[0].place.id}" if near else "foxgrape find NAME"
            raise TableError.bad_value(
                place_id,
                expected="a place of the gazetteer",
                file=file,
                row=position + 2,
                column="place_id",
                hint=hint,
            )


def _check_references(confirmations: pd.DataFrame, events: pd.DataFrame, file: Path | None) -> None:
    unknown = ~confirmations["event_id"].isin(events["event_id"])
    if unknown.any():
        position = int(unknown.to_numpy().nonzero()[0][0])
        got = confirmations["event_id"].iloc[position]
        raise TableError.bad_value(
            got,
            expected="an event of this study",
            file=file,
            row=position + 2,
            column="event_id",
            hint=did_you_mean(got, events["event_id"]),
        )
