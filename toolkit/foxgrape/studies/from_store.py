"""Read a store as a study, and restrict a study to what was known at an instant."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from foxgrape import schemas, times
from foxgrape.errors import FoxgrapeError, StudyError
from foxgrape.io.events.place_resolver import unify_place_ids
from foxgrape.io.store import Store
from foxgrape.places import Codebook, Gazetteer
from foxgrape.studies.study import Study, open_study, restrict_gazetteer, validate_kinds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

__all__ = ["as_of", "open_study_or_store", "study_from_store"]


def study_from_store(
    store: str | Path | Store,
    *,
    versions: Mapping[str, int] | None = None,
    codebook: str | Path | None = None,
    kinds: Iterable[str] = (),
    timezone: str = "UTC",
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
    kinds
        Kinds of event that signals can refer to; by default all kinds.
    timezone
        IANA time zone of the study's days.

    Returns
    -------
    Study
        A study whose observation ends at the last instant in its tables.

    Raises
    ------
    StoreError
        If a version does not exist or the store cannot be read.
    StudyError
        If the store holds neither posts nor events, a kind occurs in no event, or the time
        zone is unknown.
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
    gazetteer = Gazetteer.default()
    events = unify_place_ids(events, gazetteer)
    codes = Codebook.default() if codebook is None else Codebook.from_csv(codebook, gazetteer)
    return Study(
        name=name,
        title=name,
        folder=Path(store.path),
        posts=posts,
        events=events,
        confirmations=confirmations,
        codebook=restrict_gazetteer(codes, gazetteer, events),
        kinds=validate_kinds(kinds, events, Path(store.path)),
        observed_until=None,
        caution="",
        timezone=timezone,
        hashes={},
        earlier_posts=store.read("earlier_posts", version=versions["earlier_posts"])
        if "earlier_posts" in versions
        else None,
    )


def open_study_or_store(
    study: str | Path | None, store: str | Path | Store | None, **options: Any
) -> Study:
    """Open the data for a report: the store if given, else the study.

    Parameters
    ----------
    study
        Folder of a study; if neither a study nor a store is given, the embedded study is opened.
    store
        A store; takes precedence over the study.
    options
        Options for `study_from_store`; ignored for a study, whose data package states them.

    Returns
    -------
    Study

    Examples
    --------
    >>> open_study_or_store(None, None).name
    'izium-2022'
    """
    return open_study(study) if store is None else study_from_store(store, **options)


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
        observation if that is earlier.

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
    if study.observed_until is not None and end > pd.Timestamp(study.observed_until):
        end = pd.Timestamp(study.observed_until)
    confirmations = study.confirmations[study.confirmations["confirmed_until"] < end]
    known = study.events["confirmed_until"].fillna(study.events["occurred_until"])
    events = study.events[known < end].reset_index(drop=True)
    return replace(
        study,
        posts=study.posts[study.posts["posted_until"] < end].reset_index(drop=True),
        events=events,
        confirmations=confirmations[confirmations["event_id"].isin(events["event_id"])].reset_index(
            drop=True
        ),
        observed_until=end.isoformat(),
    )
