"""foxgrape: did public posts hint at events before they were confirmed, and by how long?

Public names are loaded on first use, so that ``import foxgrape.places`` stays free of pandas.
"""

from __future__ import annotations

import sys
from importlib import import_module

# typing costs 8 ms, half of what importing foxgrape.places may; checkers know the name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    __version__: str

    from foxgrape.alarm import Alarm, alarm
    from foxgrape.analysis import Analysis
    from foxgrape.brief import Brief, brief
    from foxgrape.coincidence import Coincidence, coincidence
    from foxgrape.competing import CumulativeIncidence, cumulative_incidence
    from foxgrape.detect import detect
    from foxgrape.detect_all import Detected, detect_all
    from foxgrape.emoji_scan import EmojiSpans, scan_emoji
    from foxgrape.errors import FoxgrapeError
    from foxgrape.events import read_events
    from foxgrape.hazard import Hazard, hazard
    from foxgrape.ingest import Ingested, ingest
    from foxgrape.leadtime import LeadTimes, lead_times
    from foxgrape.link import link
    from foxgrape.place_brief import PlaceBrief, place_brief
    from foxgrape.places import (
        Code,
        Codebook,
        CodeMatch,
        Gazetteer,
        Place,
        PlaceMatch,
        Suggestion,
        codes_for,
        find,
        lookup,
        suggest,
    )
    from foxgrape.posts import iter_posts, read_posts
    from foxgrape.profile import AccountProfile, account_profile
    from foxgrape.reports import (
        Rebuilt,
        ReportRequest,
        ReportRun,
        rebuild_report,
        run_report,
        run_reports,
    )
    from foxgrape.reports.backfill import backfill
    from foxgrape.reports.due import run_due
    from foxgrape.reports.outcomes import Backfill, Due
    from foxgrape.reports.schedule import Schedule, read_schedule
    from foxgrape.showing import Shown, show
    from foxgrape.store import Store
    from foxgrape.stored_study import as_of, stored_study
    from foxgrape.study import Study, open_study
    from foxgrape.study_making import NewStudy, new_study

_HOMES = {
    "foxgrape.alarm": ["Alarm", "alarm"],
    "foxgrape.analysis": ["Analysis"],
    "foxgrape.brief": ["Brief", "brief"],
    "foxgrape.competing": ["CumulativeIncidence", "cumulative_incidence"],
    "foxgrape.coincidence": ["Coincidence", "coincidence"],
    "foxgrape.detect": ["detect"],
    "foxgrape.detect_all": ["Detected", "detect_all"],
    "foxgrape.emoji_scan": ["EmojiSpans", "scan_emoji"],
    "foxgrape.errors": ["FoxgrapeError"],
    "foxgrape.events": ["read_events"],
    "foxgrape.ingest": ["Ingested", "ingest"],
    "foxgrape.hazard": ["Hazard", "hazard"],
    "foxgrape.leadtime": ["LeadTimes", "lead_times"],
    "foxgrape.link": ["link"],
    "foxgrape.place_brief": ["PlaceBrief", "place_brief"],
    "foxgrape.places": [
        "Code",
        "CodeMatch",
        "Codebook",
        "Gazetteer",
        "Place",
        "PlaceMatch",
        "Suggestion",
        "codes_for",
        "find",
        "lookup",
        "suggest",
    ],
    "foxgrape.posts": ["iter_posts", "read_posts"],
    "foxgrape.profile": ["AccountProfile", "account_profile"],
    "foxgrape.reports.backfill": ["backfill"],
    "foxgrape.reports.due": ["run_due"],
    "foxgrape.reports.outcomes": ["Backfill", "Due"],
    "foxgrape.reports.schedule": ["Schedule", "read_schedule"],
    "foxgrape.reports": [
        "Rebuilt",
        "ReportRequest",
        "ReportRun",
        "rebuild_report",
        "run_report",
        "run_reports",
    ],
    "foxgrape.showing": ["Shown", "show"],
    "foxgrape.store": ["Store"],
    "foxgrape.stored_study": ["as_of", "stored_study"],
    "foxgrape.study": ["Study", "open_study"],
    "foxgrape.study_making": ["NewStudy", "new_study"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AccountProfile",
    "Alarm",
    "Analysis",
    "Backfill",
    "Brief",
    "Code",
    "CodeMatch",
    "Codebook",
    "Coincidence",
    "CumulativeIncidence",
    "Detected",
    "Due",
    "EmojiSpans",
    "FoxgrapeError",
    "Gazetteer",
    "Hazard",
    "Ingested",
    "LeadTimes",
    "NewStudy",
    "Place",
    "PlaceBrief",
    "PlaceMatch",
    "Rebuilt",
    "ReportRequest",
    "ReportRun",
    "Schedule",
    "Shown",
    "Store",
    "Study",
    "Suggestion",
    "__version__",
    "account_profile",
    "alarm",
    "as_of",
    "backfill",
    "brief",
    "codes_for",
    "coincidence",
    "cumulative_incidence",
    "detect",
    "detect_all",
    "find",
    "hazard",
    "ingest",
    "iter_posts",
    "lead_times",
    "link",
    "lookup",
    "new_study",
    "open_study",
    "place_brief",
    "read_events",
    "read_posts",
    "read_schedule",
    "rebuild_report",
    "run_due",
    "run_report",
    "run_reports",
    "scan_emoji",
    "show",
    "stored_study",
    "suggest",
]


def __getattr__(name: str) -> Any:
    """Load a public name from the module that holds it."""
    if name == "__version__":
        return _version()
    if name not in _HOME_OF:
        raise AttributeError(f"module 'foxgrape' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def _version() -> str:
    """Return the version that is installed; what is only copied somewhere has none."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - 20 ms

    try:
        return version("foxgrape")
    except PackageNotFoundError:
        return "0+unknown"


def __dir__() -> list[str]:
    return sorted(__all__)


_Module = type(sys)


class _Package(_Module):  # type: ignore[misc,valid-type]
    """The package, in which ``foxgrape.link`` is always the verb and never its module.

    Importing a submodule binds its name in the package; for ``detect`` or ``link`` that would
    hide the public function of the same name, or not, depending on what was imported first.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (isinstance(value, _Module) and name in _HOME_OF):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
