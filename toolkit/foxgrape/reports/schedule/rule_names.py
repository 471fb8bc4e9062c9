"""Resolve the place that a rule names, and find names of rules that match nothing so far."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from foxgrape.errors import FoxgrapeError, ScheduleError, did_you_mean
from foxgrape.io.gazetteers import kept_gazetteer
from foxgrape.io.store import Store
from foxgrape.places.gazetteer import Gazetteer
from foxgrape.places.resolution import place_id_of
from foxgrape.studies.from_store import open_study_or_store

if TYPE_CHECKING:
    from foxgrape.reports.schedule.config import Job
    from foxgrape.reports.schedule.rules import Rule

__all__ = ["resolve_place", "unmatched_names"]


def resolve_place(rule: Rule, job: Job | None) -> Rule:
    """Return a rule with the id of its place, and the name of the place in place of an id.

    Parameters
    ----------
    rule
        A rule; returned unchanged if it is for all places.
    job
        The report that the rule watches; its data state the gazetteer.

    Raises
    ------
    ScheduleError
        If no place has the name, or several do.
    """
    if rule.place is None or job is None:
        return rule
    known = _gazetteer(job)
    try:
        place_id = place_id_of(rule.place, known)
    except ValueError as error:
        hint = f"{error}; search with: foxgrape find NAME, and write the id"
        what = "place must be an id, or a name that only one place has"
        raise ScheduleError(what, got=rule.place, hint=hint) from None
    name = known[place_id].name if place_id in known else rule.place
    return replace(rule, place=name, place_id=place_id)


def unmatched_names(rule: Rule, job: Job | None) -> list[str]:
    """Return a sentence for the account of a rule without posts, and for an unlisted place id.

    Either may come later, so it is no error.
    """
    if job is None:
        return []
    notes = []
    place_id = resolve_place(rule, job).place_id
    if place_id is not None and place_id not in _gazetteer(job):
        notes.append(f"alert {rule.name}: the gazetteer has no place {place_id}; check the id")
    if rule.account is not None:
        accounts = _accounts(job)
        if rule.account not in accounts:
            hint = f": {did_you_mean(rule.account, accounts)}" if accounts else ""
            notes.append(f"alert {rule.name}: no post so far is by {rule.account!r}{hint}")
    return notes


def _gazetteer(job: Job) -> Gazetteer:
    try:
        if job.store is not None:
            return kept_gazetteer(Store(job.store)) or Gazetteer.default()
        return open_study_or_store(job.study, None).codebook.gazetteer
    except FoxgrapeError as error:
        raise ScheduleError(str(error)) from None


def _accounts(job: Job) -> set[str]:
    try:
        if job.store is None:
            posts = open_study_or_store(job.study, None).posts
        else:
            store = Store(job.store)
            if "posts" not in store.latest_versions():
                return set()
            posts = store.read("posts")
    except FoxgrapeError as error:
        raise ScheduleError(str(error)) from None
    return set(posts["account"].dropna().astype("str"))
