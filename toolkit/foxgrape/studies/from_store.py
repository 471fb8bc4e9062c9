"""Read a store as a study, and restrict a study to what was known at an instant."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from foxgrape import schemas, times
from foxgrape.errors import FoxgrapeError, StudyError
from foxgrape.io.events.place_resolver import unify_place_ids
from foxgrape.io.gazetteers import kept_gazetteer
from foxgrape.io.store import Store
from foxgrape.io.store_observation import TABLE, read_coverages
from foxgrape.observation import parse_bound
from foxgrape.places import Codebook, Gazetteer
from foxgrape.studies.study import Study, open_study, split_by_kind, validate_kinds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime


#: The title of a store names at most this many accounts.
_MAX_ACCOUNTS = 2

__all__ = ["as_of", "open_study_or_store", "study_from_store"]


def study_from_store(
    store: str | Path | Store,
    *,
    versions: Mapping[str, int] | None = None,
    codebook: str | Path | None = None,
    gazetteer: str | Path | None = None,
    kinds: Iterable[str] = (),
    timezone: str = "UTC",
    observed_until: str | None = None,
    observed_from: str | None = None,
) -> Study:
    """Read a store's posts, events and confirmations as a study.

    Earlier versions of edited posts are read too: they show that a signal was there before the
    last edit.

    Parameters
    ----------
    store
        A store, or its folder or URL.
    versions
        Version to read, by table name; by default the newest of every table. Tables without a
        version in a given mapping are read as empty.
    codebook
        CSV file of codes; by default the packaged codebook.
    gazetteer
        Gazetteer folder or CSV file of places; by default the one that the store keeps, or else
        the packaged one.
    kinds
        Kinds of event that signals can refer to; by default all kinds.
    timezone
        IANA time zone of the study's days.
    observed_until, observed_from
        End and start of observation, instants with an offset: until when, and from when on, events
        were recorded. By default, what the store remembers of its sources; where the end was not
        stated on ingest, that is the last instant of the events.

    Returns
    -------
    Study

    Raises
    ------
    StoreError
        If a version does not exist or the store cannot be read.
    StudyError
        If the store holds neither posts nor events, a kind occurs in no event, the time zone is
        unknown, or the end of observation is no instant with an offset.
    CodebookError
        If the codebook is invalid.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from foxgrape import open_study
    >>> store = Store(mkdtemp())
    >>> for name in ("posts", "events"):
    ...     _ = store.upsert(name, getattr(open_study(), name))
    >>> len(study_from_store(store).analyse().signals) > 0
    True
    """
    store = store if isinstance(store, Store) else Store(store)
    try:
        times.get_zone(timezone)
    except ValueError:
        raise StudyError.unknown_timezone(timezone, file=store.path) from None
    bounds = {"observed_from": observed_from, "observed_until": observed_until}
    for bound, value in bounds.items():
        try:
            instant = parse_bound(value, bound)
        except FoxgrapeError:
            raise StudyError(
                f"{bound} must be an instant with an offset",
                file=store.path,
                expected="such as 2024-08-17T00:00:00Z",
                got=value,
                argument=True,
            ) from None
        bounds[bound] = None if instant is None else instant.isoformat()
    name = store.path.rstrip("/\\").replace("\\", "/").rpartition("/")[2]
    versions = store.latest_versions() if versions is None else versions
    if not {"posts", "events"} & set(versions):
        raise StudyError.not_a_study(Path(store.path), "the store holds no posts and no events")
    posts, events, confirmations = (
        store.read(table, version=versions[table])
        if table in versions
        else schemas.validate(pd.DataFrame(columns=schemas.columns(table)), table)
        for table in ("posts", "events", "confirmations")
    )
    known = Gazetteer.open(gazetteer) if gazetteer else kept_gazetteer(store)
    known = known or Gazetteer.default()
    events = unify_place_ids(events, known)
    codes = (
        Codebook.for_gazetteer(known) if codebook is None else Codebook.from_csv(codebook, known)
    )
    kinds = validate_kinds(kinds, events, Path(store.path))
    events, other_events = split_by_kind(events, kinds)
    return Study(
        name=name,
        title=_accounts(posts) or name,
        folder=Path(store.path),
        posts=posts,
        events=events,
        confirmations=confirmations,
        codebook=codes,
        kinds=kinds,
        observed_until=bounds["observed_until"],
        observed_from=bounds["observed_from"],
        coverages=read_coverages(store, versions[TABLE]) if TABLE in versions else (),
        caution="",
        timezone=timezone,
        hashes={},
        other_events=other_events,
        earlier_posts=store.read("earlier_posts", version=versions["earlier_posts"])
        if "earlier_posts" in versions
        else None,
    )


def _accounts(posts: pd.DataFrame) -> str:
    """Return the accounts of posts: their names if they are few, else how many they are."""
    accounts = sorted(posts["account"].dropna().astype("str").unique())
    if len(accounts) > _MAX_ACCOUNTS:
        return f"{len(accounts):,} accounts"
    return " and ".join(accounts)


def open_study_or_store(
    study: str | Path | None,
    store: str | Path | Store | None,
    *,
    repeated_until: str | None = None,
    **options: Any,
) -> Study:
    """Open the data for a report: the store if given, else the study.

    Parameters
    ----------
    study
        Folder of a study; if neither a study nor a store is given, the embedded study is opened.
    store
        A store; takes precedence over the study.
    repeated_until
        Planned end of repeated analyses; see `Study`.
    options
        Options for `study_from_store`. For a study, `observed_from` and `observed_until` replace
        its own; its data package states the others.

    Returns
    -------
    Study

    Examples
    --------
    >>> open_study_or_store(None, None).name
    'izium-2022'
    """
    if store is not None:
        data = study_from_store(store, **options)
    else:
        bounds = {name: options.get(name) for name in ("observed_from", "observed_until")}
        data = open_study(study).with_observation(**bounds)
    return replace(data, repeated_until=repeated_until)


def as_of(study: Study, instant: str | datetime) -> Study:
    """Return a study as known at an instant, with only the posts and events certain by then.

    A post is included if it was certainly posted before the instant. An event is included if a side
    had certainly confirmed it before the instant; an event without a confirmation, if it had
    certainly occurred. The codebook is not restricted, because the links mark signals whose code
    was decoded later as hindsight.

    Parameters
    ----------
    study
        A study. It is not changed.
    instant
        Time with a UTC offset. Observation ends at this time, or at the study's end of
        observation if that is earlier; see `Study.observed`.

    Returns
    -------
    Study

    Raises
    ------
    FoxgrapeError
        If the instant is invalid or has no UTC offset.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> then = as_of(open_study(), "2022-09-11T00:00:00Z")
    >>> bool((then.posts["posted_until"] < "2022-09-11T00:00:00Z").all())
    True
    """
    text = instant if isinstance(instant, str) else instant.isoformat()
    try:
        end = pd.Timestamp(times.parse_instant(text))
    except ValueError:
        raise FoxgrapeError(
            "instant must have a UTC offset", expected="such as 2022-09-10T00:00:00Z", got=text
        ) from None
    confirmations = study.confirmations[study.confirmations["confirmed_until"] < end]
    events, other_events = (
        events[events["confirmed_until"].fillna(events["occurred_until"]) < end].reset_index(
            drop=True
        )
        for events in (study.events, study.all_events.iloc[len(study.events) :])
    )
    known = [*events["event_id"], *other_events["event_id"]]
    # Without a stated end, observation ends with the last event in the whole study: it need not
    # have been known at the instant. Posts after the end are kept, to be counted as left out.
    last = study.observed[1]
    return replace(
        study,
        posts=study.posts[study.posts["posted_until"] < end].reset_index(drop=True),
        other_posts=None
        if study.other_posts is None
        else study.other_posts[study.other_posts["posted_until"] < end].reset_index(drop=True),
        events=events,
        other_events=other_events,
        confirmations=confirmations[confirmations["event_id"].isin(known)].reset_index(drop=True),
        observed_until=(end if pd.isna(last) else min(end, last)).isoformat(),
    )
