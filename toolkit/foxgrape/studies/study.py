"""Studies: posts, events and codes in a folder that is a Frictionless data package."""

from __future__ import annotations

import html
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pandas as pd

from foxgrape import schemas, times
from foxgrape._util.files import study_folder
from foxgrape._util.formatting import counted
from foxgrape.detection.detect import Edits, detect
from foxgrape.errors import FoxgrapeError, StudyError, TableError, did_you_mean
from foxgrape.io.events import read_events
from foxgrape.io.events.undecided_places import undecided_places
from foxgrape.io.posts import read_posts
from foxgrape.observation import Coverage, Observation, last_instant, parse_bound
from foxgrape.places import Codebook, Gazetteer
from foxgrape.studies.analysis import Analysis, SignalSource, link_study
from foxgrape.studies.package import (
    check_unchanged,
    read_coverages,
    read_options,
    read_package,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime

__all__ = ["Study", "open_study", "split_by_kind", "validate_kinds"]


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
    period
        Start (inclusive) and end (exclusive) of the period of the posts; None where it is open.
    other_posts
        Posts outside the period, by which surprisal is measured; see `between`.
    repeated_until
        Planned end of a time in which the study is analysed repeatedly while data come in; None if
        it is analysed once. See `foxgrape.coincidence`.
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
    period: tuple[pd.Timestamp | None, pd.Timestamp | None] = (None, None)
    other_posts: pd.DataFrame | None = None
    repeated_until: str | None = None

    @property
    def all_posts(self) -> pd.DataFrame:
        """Posts inside and outside the period."""
        others = self.other_posts
        if others is None or others.empty:
            return self.posts
        return pd.concat([self.posts, others], ignore_index=True)

    @property
    def all_events(self) -> pd.DataFrame:
        """Events of every kind."""
        others = self.other_events
        if others is None or others.empty:
            return self.events
        return pd.concat([self.events, others], ignore_index=True)

    @property
    def undecided_places(self) -> dict[str, frozenset[str]]:
        """Ids of the places that may be meant by each place id that readers could not decide.

        Events of every kind count: whether a name can be decided does not depend on what happened.
        The ids of a codebook are decided. Names that the gazetteer lacks are left out.
        """
        undecided = undecided_places(self.all_events, self.codebook.gazetteer)
        if not undecided:
            return {}
        codes = {code.place_id for code in self.codebook.codes}
        return {place_id: ids for place_id, ids in undecided.items() if place_id not in codes}

    @property
    def observed(self) -> Observation:
        """When events of the study's kinds were recorded; ``start, end = study.observed``.

        It consists of what the sources recorded (`coverages`), or without them of one period. It
        begins with `observed_from` and ends with `observed_until`. A start that is not stated is
        the first instant in the tables. An end that is not stated is the last instant of the
        events of every kind, because nothing shows that events were still recorded after it.
        Without any such instant, both are NaT. Places that have the name of an event whose place
        could not be decided are not observed.
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
        undecided = self.undecided_places
        unobserved = frozenset(undecided).union(*undecided.values())
        known = Observation(tuple(parts), self.kinds, unobserved).bounded(
            parse_bound(self.observed_from, "observed_from"),
            parse_bound(self.observed_until, "observed_until"),
        )
        instants = [self.all_posts["posted_at"], *(events[f"{clock}_at"] for clock in times.CLOCKS)]
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

    def between(self, since: str | date | None = None, until: str | date | None = None) -> Study:
        """Return the study with only the posts of a period; None leaves a side open.

        A post belongs to the period that contains the latest time at which it may have been
        posted. Events are kept, because the event of a post may come after the period. The tests
        of an analysis use the events from the start of the period until the longest window after
        its end.

        Parameters
        ----------
        since, until
            First day of the period, and first day after it, in the study's time zone.

        Raises
        ------
        FoxgrapeError
            If a bound is not a date, or the period ends before it starts.

        Examples
        --------
        >>> september = open_study().between("2022-09-01", "2022-10-01")
        >>> september.analyse().signals["code"].tolist()
        ['🦊', '🍇']
        """
        start, end = (
            _start_of_day(day, self.timezone, name)
            for name, day in (("since", since), ("until", until))
        )
        if start is not None and end is not None and start >= end:
            raise FoxgrapeError("until must be after since", got=f"{since} to {until}")
        inside = pd.Series(data=True, index=self.posts.index)
        if start is not None:
            inside &= self.posts["posted_until"] >= start
        if end is not None:
            inside &= self.posts["posted_until"] < end
        others = [self.posts[~inside], *([] if self.other_posts is None else [self.other_posts])]
        return replace(
            self,
            posts=self.posts[inside].reset_index(drop=True),
            other_posts=pd.concat(others, ignore_index=True),
            period=(start or self.period[0], end or self.period[1]),
        )

    def analyse(
        self,
        *,
        horizon: str = "30D",
        clock: times.Clock | None = None,
        confirmed_by: str | None = None,
        signals: SignalSource | None = "codes",
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
            for the codes. ``both``: codes and mentions. None: codes or, if no post has one,
            mentions.
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
        choices = get_args(SignalSource)
        if signals is not None and signals not in choices:
            raise FoxgrapeError(
                "signals must be codes, mentions or both",
                got=signals,
                hint=did_you_mean(str(signals), choices),
            )
        read: SignalSource = "codes" if signals is None else signals
        detected = self._detect(read, edits)
        if signals is None and detected.empty:
            read = "mentions"
            detected = self._detect(read, edits)
        has_place = detected["place_id"].notna()
        study = self.with_observation(observed_from, observed_until)
        analysis = link_study(
            study, detected[has_place].reset_index(drop=True), read, horizon, clock, confirmed_by
        )
        return replace(analysis, ambiguous=detected[~has_place].reset_index(drop=True))

    def _detect(self, signals: SignalSource, edits: Edits) -> pd.DataFrame:
        """Return the signals in the posts of the period, places or not."""
        posts = self.all_posts
        detected = detect(
            posts,
            codebook=self.codebook,
            mentions=signals != "codes",
            edits=edits,
            earlier=self.earlier_posts,
        )
        if signals == "mentions":
            detected = detected[detected["kind"] == "mention"]
        if len(posts) > len(self.posts):
            keys = schemas.KEYS["posts"][0]
            inside = schemas.key_index(detected, keys).isin(schemas.key_index(self.posts, keys))
            detected = detected[inside]
        return detected


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
    package, files, hashes = read_package(folder)
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
    options = read_options(package, folder)
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
        coverages=read_coverages(options, folder),
        caution=str(options.get("caution") or ""),
        timezone=str(options.get("timezone", "UTC")),
        hashes=hashes,
        other_events=other_events,
    )
    check_unchanged(folder, hashes)
    return study


def _start_of_day(day: str | date | None, zone: str, name: str) -> pd.Timestamp | None:
    try:
        return None if day is None else pd.Timestamp(times.start_of_day(day, zone))
    except (ValueError, OverflowError):
        raise FoxgrapeError(
            f"{name} must be a date", expected="such as 2022-09-10", got=day
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
