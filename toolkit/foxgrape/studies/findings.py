"""State the results of an analysis in sentences."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pandas as pd

from foxgrape import schemas, times
from foxgrape._util.formatting import (
    count_or_none,
    counted,
    duration_in_words,
    happened,
    lead_in_words,
    moment,
)
from foxgrape.linking import are_leads, order_on_clock
from foxgrape.observation import Observation, parse_bound
from foxgrape.places.normalize import fold
from foxgrape.places.place import distance_km
from foxgrape.places.resolution import FAR_KM
from foxgrape.stats.survival.counted_leads import reason_left_out
from foxgrape.stats.survival.lead_times import lead_times
from foxgrape.studies.earlier_events import leads_after_an_event

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from foxgrape.studies.analysis import Analysis

__all__ = ["findings", "guessed_end"]

_OUTSIDE = "came before observation, in a gap of it or at a place that was not observed"
#: Findings name at most this many signals, and count the rest.
_MAX_NAMED = 5


def findings(analysis: Analysis) -> list[str]:
    """Return the results as a list of sentences."""
    table = analysis.table()
    leading = table[are_leads(table)]
    posts = counted(len(analysis.study.posts), "post")
    verb = "came before its event" if len(leading) == 1 else "came before their event"
    certain = f"{len(leading):,} certainly {verb} {happened(analysis.clock)}{_leads(leading)}"
    sentences = [f"{counted(len(table), 'signal')} in {posts}. {certain}"]
    if table.empty and analysis.ambiguous.empty:
        sentences.append(analysis.why_no_signals())
    if analysis.clock == "confirmed" and analysis.confirmed_by is None:
        sentences += [
            f"Measured against {side}'s own confirmations: {count_or_none(len(rows))}{_leads(rows)}"
            for side, rows in ((side, own.leading_rows()) for side, own in analysis.sides().items())
        ]
    for words, rows in _other_outcomes(analysis, table):
        if len(rows):
            sentences.append(f"{words} {len(rows):,}{_listed(rows, _name)}")
    sentences += [
        analysis.lead_times.sentence(),
        *_with_follows(analysis),
        *_maybe_beyond(analysis),
        *leads_after_an_event(analysis, leading),
        *_other_kinds(analysis),
        *_clock_limits(analysis),
        *_misplaced(analysis),
        *_undecided(analysis),
        *_namesakes(analysis),
    ]
    if n_edited := _edited(analysis):
        sentences.append(
            f"In edited posts, timed from the post to the edit: {counted(n_edited, 'signal')}."
        )
    if len(analysis.ambiguous):
        names = _first_names(analysis.ambiguous["code"].value_counts().index.tolist())
        sentences.append(
            "Not counted, because in these posts the name may mean several places: "
            f"{counted(len(analysis.ambiguous), 'signal')} ({names})."
        )
    return sentences


def _maybe_beyond(analysis: Analysis) -> list[str]:
    """Return how many signals have an event that estimates do not count as one.

    The number of signals without an event in an estimate includes them.
    """
    links = analysis.links
    before = ~order_on_clock(links).isin(["after", "no event"]) & ~links["hindsight"]
    n = int(before.sum()) - analysis.lead_times.n_observed
    if not n:
        return []
    within = duration_in_words(analysis.horizon)
    had = "been confirmed" if analysis.clock == "confirmed" else "occurred"
    subject = "1 signal has" if n == 1 else f"{n:,} signals have"
    sentence = (
        f"{subject} an event that may have {had} more than {within} after the post: estimates of "
        f"lead times count {'it' if n == 1 else 'them'} as without an event until then."
    )
    return [sentence]


def _with_follows(analysis: Analysis) -> list[str]:
    """Return what the median would be with the posts after their event right-censored.

    Whether such a post is left out depends on whether a later event came, which may be a
    selection on the outcome; so its effect is stated.
    """
    leads = lead_times(analysis.links, follows=True)
    n_more = leads.n - analysis.lead_times.n
    if not n_more:
        return []
    event, they = ("its event", "it") if n_more == 1 else ("their events", "they")
    event = f"the {moment(analysis.clock)} of {event}"
    sentence = (
        f"The lead times leave out {counted(n_more, 'post')} after {event} with no later one. If "
        f"{they} counted as without an event so far: median {leads.median_in_words()} (n = "
        f"{leads.n:,})."
    )
    return [sentence]


def _misplaced(analysis: Analysis) -> list[str]:
    """Return how many events lie far from the place of their id; readers warn of each."""
    gazetteer = analysis.study.codebook.gazetteer
    located = analysis.events[["place_id", "lat", "lon"]].dropna()
    n_far = 0
    for place_id, *point in located.itertuples(index=False):
        if place_id in gazetteer and gazetteer[place_id].lat is not None:
            n_far += distance_km(gazetteer[place_id], (point[0], point[1])) > FAR_KM
    if not n_far:
        return []
    lie, their = ("lies", "its") if n_far == 1 else ("lie", "their")
    sentence = (
        f"{n_far:,} of {counted(len(analysis.events), 'event')} {lie} more than {FAR_KM:.0f} km "
        f"from the place of {their} place_id: check whether the id is right."
    )
    return [sentence]


def _undecided(analysis: Analysis) -> list[str]:
    """Return how many signals are left out, because an event may have been at their place."""
    signals = analysis.signals["place_id"]
    own = set(signals)
    named = {place_id: places & own for place_id, places in analysis.study.undecided_places.items()}
    may_mean = {place_id: places for place_id, places in named.items() if places}
    if not may_mean:
        return []
    events = analysis.study.all_events
    names = events.loc[events["place_id"].isin(may_mean), "place"].dropna().astype("str")
    n = int(signals.isin(set().union(*may_mean.values())).sum())
    are, their = ("is", "its") if n == 1 else ("are", "their")
    sentence = (
        f"{counted(n, 'signal')} {are} left out, because an event has the name of {their} place, "
        f"and the data do not say which place is meant ({_first_names(sorted(set(names)))}): state "
        "the region or the coordinates of such events."
    )
    return [sentence]


def _namesakes(analysis: Analysis) -> list[str]:
    """Return how many events have the name of a signal's place, and are at another place."""
    gazetteer = analysis.study.codebook.gazetteer
    undecided = analysis.study.undecided_places
    events, signals = analysis.events, analysis.signals["place_id"]
    ids: dict[str, set[str]] = {}
    for place in (gazetteer[own] for own in signals.unique() if own in gazetteer):
        for name in (place.name, *place.names):
            ids.setdefault(fold(name), set()).add(place.id)
    places = events[~events["place_id"].isin(undecided)].dropna(subset=["place"])
    places = places.drop_duplicates(["place_id", "place"])
    apart = [
        (place_id, name, ids[fold(name)])
        for place_id, name in zip(places["place_id"], places["place"], strict=True)
        if place_id not in ids.get(fold(name), {place_id})
    ]
    if not apart:
        return []
    n_events = int(events["place_id"].isin([place_id for place_id, *_ in apart]).sum())
    n_signals = int(signals.isin(set().union(*(own for *_, own in apart))).sum())
    names = _first_names(sorted({str(name) for _, name, _ in apart}))
    have = "has" if n_events == 1 else "have"
    sentence = (
        f"{counted(n_events, 'event')} {have} the name of a place of {counted(n_signals, 'signal')}"
        f", but another place_id ({names}): they are not linked; check which place is meant."
    )
    return [sentence]


def _clock_limits(analysis: Analysis) -> list[str]:
    """Return sentences on the events that cannot end a lead, if there are any."""
    events = analysis.events_of_period(analysis.events)
    of_all = counted(len(events), "event")
    lines = []
    known = Observation(analysis.study.coverages)
    if known.coverages:
        end = parse_bound(analysis.study.observed_until, "observed_until")
        known = known.bounded(observed_until=end)
    parts, zone = known.coverages, analysis.study.timezone
    lines += [f"Events recorded by {part.describe(zone)}." for part in parts[:_MAX_NAMED]]
    if len(parts) > _MAX_NAMED:
        lines.append(f"Events recorded by {len(parts) - _MAX_NAMED} more sources.")
    lines += guessed_end(analysis)
    n_unconfirmed = int(events["confirmed_at"].isna().sum())
    if n_unconfirmed == len(events) > 0:
        lines.append(
            "Leads are measured to when events occurred: no event has a confirmation."
            if analysis.clock == "occurred"
            else "No event has a confirmation: no lead can be measured to one."
        )
    elif n_unconfirmed and analysis.clock == "confirmed":
        have = "has" if n_unconfirmed == 1 else "have"
        by = f" by {analysis.confirmed_by}" if analysis.confirmed_by else ""
        lines.append(
            f"{n_unconfirmed:,} of {of_all} {have} no confirmation{by}: no lead is measured to "
            f"{'it' if n_unconfirmed == 1 else 'them'}."
        )
    at, until = (times.microseconds(events[f"{analysis.clock}_{end}"]) for end in ("at", "until"))
    late = events[f"{analysis.clock}_at"] > analysis.study.observed[1]
    undecided = analysis.study.observed.is_undecided(events["place_id"])
    outside = (at != times.NAT) & ~late.to_numpy(dtype=bool) & ~undecided
    outside &= ~analysis.study.observed.overlaps(events["place_id"], at, until)
    if late.any():
        lines.append(
            f"{late.sum():,} of {of_all} came after the end of observation and do not count."
        )
    if outside.any():
        lines.append(f"{outside.sum():,} of {of_all} {_OUTSIDE} and do not count.")
    if n_undecided := int(undecided.sum()):
        have, do = ("has", "does") if n_undecided == 1 else ("have", "do")
        lines.append(
            f"{n_undecided:,} of {of_all} {have} a name of which it could not be decided, for this "
            f"or another event, which place is meant, and {do} not count."
        )
    return lines


def guessed_end(analysis: Analysis) -> list[str]:
    """Return that the end of observation is guessed, unless the signals need no later events.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> guessed_end(open_study().analyse())
    []
    """
    observed, (_, until) = analysis.study.observed, analysis.study.period
    if until is not None and until + analysis.horizon <= observed[1]:
        return []
    words = observed.guess_in_words(analysis.study.timezone)
    return [words] if words else []


def _other_kinds(analysis: Analysis) -> list[str]:
    """Return how many events do not count because of their kind."""
    study = analysis.study
    if not (n := len(study.all_events) - len(study.events)):
        return []
    are, do = ("is", "does") if n == 1 else ("are", "do")
    sentence = (
        f"{n:,} of {counted(len(study.all_events), 'event')} {are} of other kinds than those asked "
        f"for ({_first_names(study.kinds)}), and {do} not count."
    )
    return [sentence]


def _other_outcomes(analysis: Analysis, table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return the rows of signals that did not certainly come before their event, by outcome."""
    reason = reason_left_out(table, hindsight=False)
    valid = table[reason != "hindsight"]
    unfollowed = reason[valid.index] == "unfollowed"
    order = order_on_clock(valid).mask(unfollowed, "")
    is_open = order == "no event"
    end = analysis.study.observed[1]
    undecided = unfollowed & analysis.study.observed.is_undecided(valid["place_id"])
    late = unfollowed & ~undecided & ~(valid["posted_until"] < end)
    day = "" if pd.isna(end) else f", {end.tz_convert(analysis.study.timezone):%-d %b %Y}"
    came = happened(analysis.clock)
    within = duration_in_words(analysis.horizon)
    complete = is_open & (valid["lead_min"] >= analysis.horizon)
    return [
        ("Times too rough to say which came first:", valid[order == "undetermined"]),
        (f"Posted after the {moment(analysis.clock)}:", valid[order == "after"]),
        (f"No event {came} within {within} (right-censored):", valid[complete]),
        (
            f"No event {came} so far, observed for less than {within} (right-censored):",
            valid[is_open & ~complete],
        ),
        (f"Left out, posted after the end of observation{day}:", valid[late]),
        (
            "Left out, posted before observation or in a gap of it:",
            valid[unfollowed & ~late & ~undecided],
        ),
        ("Left out, at a place that an event may mean:", valid[undecided]),
        ("Hindsight, decoded only after the event:", table[reason == "hindsight"]),
    ]


def _edited(analysis: Analysis) -> int:
    """Return the number of signals whose interval is longer than that of their post."""
    keys = schemas.KEYS["posts"][0]
    posts = analysis.study.posts[[*keys, "posted_until"]]
    ends = analysis.signals.merge(posts, on=keys, suffixes=("", "_of_post"))
    return int((ends["posted_until"] > ends["posted_until_of_post"]).sum())


def _name(row: Any) -> str:
    code = row.code if row.kind == "emoji" else f"“{row.code}”"
    return f"{code} for {row.place}" if row.code != row.place else str(row.place)


def _leads(rows: pd.DataFrame) -> str:
    return _listed(rows, lambda row: f"{_name(row)}, lead {lead_in_words(row)}")


def _listed(rows: pd.DataFrame, describe: Callable[[Any], str]) -> str:
    """Return a description of each signal; of many, how often the most frequent were used."""
    if len(rows) > _MAX_NAMED:
        counts = Counter(map(_name, rows.itertuples()))
        descriptions = [
            f"{name}: {count:,}" if count > 1 else name for name, count in counts.most_common()
        ]
    else:
        counts = Counter(map(describe, rows.itertuples()))
        descriptions = [
            f"{words}: {count}" if count > 1 else words for words, count in counts.items()
        ]
    names = _first_names(descriptions)
    return f" ({names})." if names else "."


def _first_names(names: Sequence[str]) -> str:
    """Return the first five names, and the number of further ones."""
    more = f"; and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return "; ".join(names[:_MAX_NAMED]) + more
