"""A study: a folder that is a Frictionless data package, read whole and analysed in one call."""

from __future__ import annotations

import hashlib
import html
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd

from foxgrape import tables, times
from foxgrape.detect import detect
from foxgrape.errors import StudyError, TableError, did_you_mean
from foxgrape.events import read_events
from foxgrape.leadtime import LeadTimes, duration_in_words, lead_in_words, lead_times
from foxgrape.link import confirmed_by_side, link
from foxgrape.places import Codebook, Gazetteer
from foxgrape.posts import read_posts
from foxgrape.shipped import study_folder

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

__all__ = ["Analysis", "Study", "open_study"]

Kind = Literal["codes", "mentions", "both"]

_RESOURCES = ("posts", "events", "confirmations", "codebook")


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
        The tables, checked. `events` carries the confirmations along, for `link`.
    codebook
        The study's own, or the packaged one; its gazetteer holds only the study's places.
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

    def analyse(
        self,
        *,
        horizon: str = "30D",
        clock: times.Clock = "confirmed",
        confirmed_by: str | None = None,
        signals: Kind = "codes",
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
        return self._linked(found, signals, horizon, clock, confirmed_by)

    def _linked(
        self,
        found: pd.DataFrame,
        read: Kind,
        horizon: str,
        clock: times.Clock,
        confirmed_by: str | None,
    ) -> Analysis:
        hinted = self.events[self.events["kind"].isin(self.kinds)] if self.kinds else self.events
        links = link(
            found,
            hinted,
            horizon=horizon,
            clock=clock,
            confirmed_by=confirmed_by,
            confirmations=self.confirmations,
            observed_until=self.observed_until,
        )
        joined = links.merge(found[["signal_id", "kind", "code", "account"]], on="signal_id")
        return Analysis(
            study=self,
            signals=found,
            links=links,
            lead_times=lead_times(joined, by="kind"),
            read=read,
            horizon=pd.Timedelta(horizon),
            clock=clock,
            confirmed_by=confirmed_by,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """What a study shows: its signals, their links and their lead times.

    Attributes
    ----------
    study
        What was analysed.
    signals, links
        The tables.
    lead_times
        The estimate over all signals, with one group a kind of signal.
    read
        What was read as signals: ``codes``, ``mentions`` or ``both``.
    horizon, clock, confirmed_by
        How it was linked.
    """

    study: Study
    signals: pd.DataFrame
    links: pd.DataFrame
    lead_times: LeadTimes
    read: Kind
    horizon: pd.Timedelta
    clock: times.Clock
    confirmed_by: str | None

    def table(self) -> pd.DataFrame:
        """Return one row a signal: the signal, its link, its event, and the post's text and source.

        Columns of the event are those of the events table, with the confirmation that counted and
        its source; columns of the post's source are prefixed with ``post_``.
        """
        study = self.study
        events = study.events
        if self.confirmed_by is not None:
            events = confirmed_by_side(events, study.confirmations, self.confirmed_by)
        of_event = ["event_id", "occurred_at", "occurred_until", "confirmed_at", "confirmed_until"]
        of_event += ["confirmed_by", "source", "url"]
        said = study.confirmations[["event_id", "confirmed_by", "source", "url"]]
        said = said.drop_duplicates(["event_id", "confirmed_by"])
        events = events[of_event].merge(
            said, on=["event_id", "confirmed_by"], how="left", suffixes=("_of_event", "")
        )
        for name in ("source", "url"):
            events[name] = events[name].fillna(events.pop(f"{name}_of_event"))
        # A study's posts may come from an export, which knows no source but itself.
        source = ["source_title", "source_publisher", "source_url"]
        of_post = study.posts.reindex(columns=["post_id", "text", *source])
        of_post["source_title"] = of_post["source_title"].fillna(of_post["source_publisher"])
        of_post = of_post.rename(columns={name: f"post_{name}" for name in source})
        return (
            self.links.merge(self.signals.drop(columns="place_id"), on="signal_id")
            .merge(events, on="event_id", how="left")
            .merge(of_post, on="post_id")
            .sort_values(["posted_at", "signal_id"], ignore_index=True)
        )

    def sides(self) -> dict[str, Analysis]:
        """Return the same analysis against each side's own confirmations."""
        return {
            side: self.study._linked(  # noqa: SLF001 - one idea in two classes
                self.signals, self.read, str(self.horizon), "confirmed", side
            )
            for side in sorted(self.study.confirmations["confirmed_by"].unique())
        }

    def before(self) -> pd.DataFrame:
        """Return the rows of `table` whose post certainly came before the confirmation.

        Hindsight does not count.
        """
        table = self.table()
        return table[~table["hindsight"] & table["relation"].isin(times.BEFORE)]

    def findings(self) -> list[str]:
        """Say in words what was found; plain text, one finding an item."""
        table, before = self.table(), self.before()
        first = (
            f"{len(table)} signals in {len(self.study.posts)} posts. "
            f"{len(before)} certainly came before their event was confirmed{_leads(before)}"
        )
        told = [first]
        if self.clock == "confirmed" and self.confirmed_by is None:
            told += [
                f"Counted to what {side} itself confirmed, {len(rows)} did{_leads(rows)}"
                for side, rows in ((side, part.before()) for side, part in self.sides().items())
            ]
        counted = table[~table["hindsight"]]
        for words, rows in (
            ("The order cannot be told for", counted[counted["relation"] == "undetermined"]),
            ("Came after the confirmation:", counted[counted["relation"] == "follows"]),
            (
                f"Right-censored, no event within {duration_in_words(self.horizon)}:",
                counted[counted["relation"] == "unconfirmed"],
            ),
            ("Decoded only afterwards, hindsight:", table[table["hindsight"]]),
        ):
            if len(rows):
                told.append(f"{words} {len(rows)}{_listed(rows, _name)}")
        return [*told, self.lead_times.sentence()]

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{html.escape(line)}</li>" for line in self.findings())
        return f"<h4>{html.escape(self.study.title)}</h4><ul>{items}</ul>"


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
        tables.read_csv(files["confirmations"], "confirmations")
        if "confirmations" in files
        else tables.check(pd.DataFrame(columns=tables.columns("confirmations")), "confirmations")
    )
    codebook = Codebook.from_csv(files["codebook"]) if "codebook" in files else Codebook.default()
    _check_places(events, codebook.gazetteer, files["events"])
    _check_references(confirmations, events, files.get("confirmations"))
    events.attrs["confirmations"] = _plain(confirmations)
    options = _options(package, folder)
    own = dict.fromkeys([*events["place_id"], *(code.place_id for code in codebook)])
    places = Gazetteer(codebook.gazetteer[place_id] for place_id in own)
    return Study(
        name=str(package.get("name", folder.name)),
        title=str(package.get("title", folder.name)),
        folder=folder,
        posts=read_posts(files["posts"]),
        events=events,
        confirmations=confirmations,
        codebook=Codebook(codebook, places),
        kinds=_kinds(options.get("kinds", ()), events, folder),
        observed_until=options.get("observed_until"),
        caution=str(options.get("caution", "")),
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
    except (ValueError, KeyError, TypeError) as error:
        raise StudyError.not_a_study(folder, f"datapackage.json cannot be read: {error}") from None
    for name in ("posts", "events"):
        if name not in paths:
            raise StudyError.not_a_study(folder, f"datapackage.json lists no resource {name!r}")
    files = {}
    for name, path in ((name, paths[name]) for name in _RESOURCES if name in paths):
        file = folder / str(path)
        # A study from elsewhere must not read files outside its own folder.
        if not file.resolve().is_relative_to(folder.resolve()):
            raise StudyError("the resource lies outside the study", file=descriptor, got=path)
        files[name] = file
    return package, files


def _options(package: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return what the package tells foxgrape, after a look at what would fail only later."""
    options = package.get("foxgrape", {})
    try:
        if options.get("observed_until") is not None:
            times.exact(options["observed_until"])
        ZoneInfo(options.get("timezone", "UTC"))
    except (AttributeError, TypeError, ValueError, ZoneInfoNotFoundError) as error:
        raise StudyError(
            f"bad value under 'foxgrape': {error}",
            file=folder / "datapackage.json",
            expected="observed_until as an instant with its offset, timezone as an IANA name",
        ) from None
    return dict(options)


def _kinds(kinds: Iterable[str], events: pd.DataFrame, folder: Path) -> tuple[str, ...]:
    known = {str(kind) for kind in events["kind"].dropna()}
    for kind in kinds:
        if kind not in known:
            raise StudyError(
                "no event is of this kind",
                file=folder / "datapackage.json",
                got=kind,
                hint=did_you_mean(kind, known),
            )
    return tuple(kinds)


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


def _plain(confirmations: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """Return the confirmations as plain data: pandas copies, compares and saves attrs as such."""
    ends = ["confirmed_at", "confirmed_until"]
    plain = confirmations[["event_id", "confirmed_by", *ends]].copy()
    plain[ends] = plain[ends].map(pd.Timestamp.isoformat)
    return plain.to_dict("records")


def _name(row: Any) -> str:
    sign = row.code if row.kind == "emoji" else f"“{row.code}”"
    return f"{sign} for {row.place}" if row.code != row.place else str(row.place)


def _leads(rows: pd.DataFrame) -> str:
    return _listed(rows, lambda row: f"{_name(row)}, lead {lead_in_words(row)}")


def _listed(rows: pd.DataFrame, word: Any) -> str:
    names = "; ".join(word(row) for row in rows.itertuples())
    return f" ({names})." if names else "."
