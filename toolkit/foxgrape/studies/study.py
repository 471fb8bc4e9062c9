"""A study: a folder that is a Frictionless data package, read whole and analysed in one call."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from foxgrape import schemas, times
from foxgrape._util.resources import study_folder
from foxgrape.detection.detect import detect
from foxgrape.errors import StudyError, TableError, did_you_mean
from foxgrape.io.events import read_events
from foxgrape.io.posts import read_posts
from foxgrape.places import Codebook, Gazetteer
from foxgrape.studies.analysis import Analysis, Read, link_study

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "Study",
    "open_study",
    "restrict_gazetteer",
    "validate_kinds",
]

_RESOURCES = ("posts", "events", "confirmations", "codebook", "places")


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """Posts, events, confirmations and a codebook that belong together.

    Attributes
    ----------
    name, title
        From the data package.
    folder
        Where it was read from.
    posts, events, confirmations
        The tables, checked.
    codebook
        The study's own, or the packaged one; its gazetteer holds only the study's places, those
        of its own ``places`` among them.
    kinds
        The kinds of event that the hints are about; events of other kinds are not linked.
    observed_until
        End of observation, None where the package does not say.
    caution
        What its makers say that it cannot show.
    timezone
        Where the days of the study were lived.
    hashes
        SHA-256 of each file that was read.
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

    @property
    def observed(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """When observation began and ended: by default, the first and last instant in the tables.

        NaT where there is nothing.
        """
        known = [self.posts["posted_at"], self.posts["posted_until"]]
        known += [
            self.events[f"{clock}_{end}"] for clock in times.CLOCKS for end in ("at", "until")
        ]
        instants = pd.concat(known, ignore_index=True)
        end = self.observed_until
        return instants.min(), instants.max() if end is None else pd.Timestamp(end)

    def analyse(
        self,
        *,
        horizon: str = "30D",
        clock: times.Clock = "confirmed",
        confirmed_by: str | None = None,
        signals: Read = "codes",
    ) -> Analysis:
        """Detect the signals, link them to events and estimate the lead times.

        Parameters
        ----------
        horizon, clock, confirmed_by
            As in `foxgrape.link`.
        signals
            ``codes``: what the codebook reads. ``mentions``: places called by name, the baseline
            that any code must beat. ``both``.

        Returns
        -------
        Analysis

        Examples
        --------
        >>> analysis = open_study().analyse(confirmed_by="UA")
        >>> analysis.table().set_index("code").loc["🍇", ["place", "relation"]].tolist()
        ['Izium', 'precedes']
        """
        found = detect(self.posts, codebook=self.codebook, mentions=signals != "codes")
        if signals == "mentions":
            found = found[found["kind"] == "mention"].reset_index(drop=True)
        return link_study(self, found, signals, horizon, clock, confirmed_by)


def open_study(path: str | Path | None = None) -> Study:
    """Read a study and check every table, place and reference in it.

    Parameters
    ----------
    path
        A folder with a ``datapackage.json``; by default the embedded study of the grapes of Izium.

    Returns
    -------
    Study

    Raises
    ------
    StudyError
        If the folder is no study.
    TableError, CodebookError
        Names file, row and column of the first bad cell.

    Examples
    --------
    >>> study = open_study()
    >>> study.name
    'izium-2022'
    """
    folder = study_folder("izium-2022") if path is None else Path(path)
    package, files = _package(folder)
    events = read_events(files["events"])
    confirmations = (
        schemas.read_csv(files["confirmations"], "confirmations")
        if "confirmations" in files
        else schemas.validate(
            pd.DataFrame(columns=schemas.columns("confirmations")), "confirmations"
        )
    )
    # Places that no gazetteer has are in one of the study's own.
    gazetteer = Gazetteer.default()
    if "places" in files:
        gazetteer = gazetteer.extended(Gazetteer.from_csv(files["places"]))
    codebook = Codebook.default()
    if "codebook" in files:
        codebook = Codebook.from_csv(files["codebook"], gazetteer)
    _check_places(events, gazetteer, files["events"])
    _check_references(confirmations, events, files.get("confirmations"))
    options = _options(package, folder)
    return Study(
        name=str(package.get("name") or folder.name),
        title=str(package.get("title") or folder.name),
        folder=folder,
        posts=read_posts(files["posts"]),
        events=events,
        confirmations=confirmations,
        codebook=restrict_gazetteer(codebook, gazetteer, events),
        kinds=validate_kinds(options.get("kinds", ()), events, folder / "datapackage.json"),
        observed_until=options.get("observed_until"),
        caution=str(options.get("caution") or ""),
        timezone=str(options.get("timezone", "UTC")),
        hashes={
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for file in (folder / "datapackage.json", *files.values())
        },
    )


def _package(folder: Path) -> tuple[dict[str, Any], dict[str, Path]]:
    """Read the descriptor; return it and the file of each resource."""
    descriptor = folder / "datapackage.json"
    try:
        package = json.loads(descriptor.read_text(encoding="utf-8"))
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
        file = folder / str(path)
        # A study from elsewhere must not read files outside its own folder.
        if "\0" in str(path) or not file.resolve().is_relative_to(folder.resolve()):
            raise StudyError("the resource lies outside the study", file=descriptor, got=path)
        files[name] = file
    return package, files


def _options(package: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return what the package tells foxgrape, after a look at what would fail only later."""
    options = package.get("foxgrape", {})
    try:
        if options.get("observed_until") is not None:
            times.parse_instant(options["observed_until"])
        times.get_zone(options.get("timezone", "UTC"))
        "".join(options.get("kinds", []))  # fails unless each is a name
    except (AttributeError, TypeError, ValueError) as error:
        raise StudyError(
            f"bad value under 'foxgrape': {error}",
            file=folder / "datapackage.json",
            expected="observed_until as an instant with its offset, timezone as an IANA name, "
            "kinds as a list of names",
        ) from None
    return dict(options)


def restrict_gazetteer(codebook: Codebook, gazetteer: Gazetteer, events: pd.DataFrame) -> Codebook:
    """Return a codebook whose gazetteer holds only the places of its codes and of the events."""
    own = dict.fromkeys([*events["place_id"], *(code.place_id for code in codebook)])
    return Codebook(codebook, Gazetteer(gazetteer[place] for place in own if place in gazetteer))


def validate_kinds(kinds: Iterable[str], events: pd.DataFrame, file: Path) -> tuple[str, ...]:
    """Return the kinds of event that hints are about, each of which some event is of."""
    kinds = tuple(kinds)
    known = {str(kind) for kind in events["kind"].dropna()}
    for kind in kinds:
        if kind not in known:
            raise StudyError(
                "no event is of this kind", file=file, got=kind, hint=did_you_mean(kind, known)
            )
    return kinds


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
    strange = ~confirmations["event_id"].isin(events["event_id"])
    if strange.any():
        position = int(strange.to_numpy().nonzero()[0][0])
        got = confirmations["event_id"].iloc[position]
        raise TableError.bad_value(
            got,
            expected="an event of this study",
            file=file,
            row=position + 2,
            column="event_id",
            hint=did_you_mean(got, events["event_id"]),
        )
