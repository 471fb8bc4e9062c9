"""Compare a report with that of the previous period: revised figures, and missing reports."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Report", "end_of", "missing_reports", "record_of", "revised_figures"]

#: Number of columns of key figures with a column for the previous period.
_WITH_PREVIOUS = 3


class Report(Protocol):
    """The main points of a run, of which the manifest and the key figures are used."""

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The run's manifest."""

    @property
    def figures(self) -> dict[str, list[Any]]:
        """Key figures as ``heads`` and ``rows``."""


def record_of(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a table of a manifest, or an empty one if the manifest lacks it.

    Examples
    --------
    >>> record_of({"store": {"path": "store"}}, "store"), record_of({}, "store")
    ({'path': 'store'}, {})
    """
    value = values.get(name)
    return value if isinstance(value, dict) else {}


def end_of(points: Report) -> date | None:
    """Return the first day after the period of a report, its parameter ``until``, if any.

    Examples
    --------
    >>> from foxgrape.reports.key_points import KeyPoints
    >>> str(end_of(KeyPoints({"parameters": {"until": "2022-09-12"}}, "", (), {})))
    '2022-09-12'
    """
    return _date(record_of(points.manifest, "parameters").get("until"))


def missing_reports(before: Report, after: Report) -> list[str]:
    """Return a sentence if the run before is not that of the previous period.

    Examples
    --------
    >>> from foxgrape.reports.key_points import KeyPoints
    >>> weeks = ({"parameters": {"until": f"2022-09-{day}", "days": 7}} for day in ("12", "26"))
    >>> missing_reports(*(KeyPoints(week, "", (), {}) for week in weeks))
    ['The report before ended 14 days earlier, on 12 Sep 2022: the report between is missing.']
    """
    end, gap, days = end_of(before), _gap(before, after), _length(after)
    if end is None or gap is None or not days or gap <= days:
        return []
    missing = -(-gap // days) - 1
    what = "the report between is" if missing == 1 else f"the {missing} reports between are"
    when = f"{end.day} {end:%b %Y}"
    return [f"The report before ended {gap} days earlier, on {when}: {what} missing."]


def revised_figures(before: Report, after: Report) -> list[str] | None:
    """Return a sentence with the figures of the previous period that its report had otherwise.

    None if the later run has no figures of the period of the run before.

    Examples
    --------
    >>> from foxgrape.reports.key_points import KeyPoints
    >>> weeks = ({"parameters": {"until": f"2022-09-{day}", "days": 7}} for day in ("12", "19"))
    >>> rows = [["open", "22"]], [["open", "13", "17"]]
    >>> runs = [KeyPoints(week, "", (), {"rows": row}) for week, row in zip(weeks, rows)]
    >>> revised_figures(*runs)
    ['Values of the previous period were revised, because data changed since: open 17 (then 22)']
    """
    rows = after.figures.get("rows", ())
    if not any(len(row) >= _WITH_PREVIOUS for row in rows) or _gap(before, after) != _length(after):
        return None
    if _length(before) != _length(after) or end_of(after) is None:
        return None
    then = {row[0]: row[1] for row in before.figures.get("rows", ()) if len(row) > 1}
    revised = [
        f"{row[0]} {row[2]} (then {then[row[0]]})"
        for row in rows
        if len(row) >= _WITH_PREVIOUS and row[2] and then.get(row[0], row[2]) != row[2]
    ]
    if not revised:
        return []
    listed = ", ".join(revised)
    return [f"Values of the previous period were revised, because data changed since: {listed}"]


def _date(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def _length(points: Report) -> int | None:
    """Return the length of a report's period in days; None if it has none."""
    parameters = record_of(points.manifest, "parameters")
    if isinstance(days := parameters.get("days"), int):
        return days
    since, until = _date(parameters.get("since")), end_of(points)
    return None if since is None or until is None else (until - since).days


def _gap(before: Report, after: Report) -> int | None:
    """Return the number of days from the end of the run before to that of the later one."""
    ends = end_of(before), end_of(after)
    return None if ends[0] is None or ends[1] is None else (ends[1] - ends[0]).days
