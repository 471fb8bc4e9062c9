"""Series of runs: the runs of one report, which differ in their dates only."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["date_parameters", "series_key"]


def date_parameters(rules: Mapping[str, Any]) -> set[str]:
    """Return the names of the parameters that are dates or times.

    Examples
    --------
    >>> date_parameters({"until": {"format": "date"}, "days": {"type": "integer"}})
    {'until'}
    """
    return {name for name, rule in rules.items() if rule.get("format") in {"date", "date-time"}}


def series_key(manifest: Mapping[str, Any], dates: Collection[str] | None = None) -> str:
    """Return what the runs of a series have in common: template, data and parameters.

    A run is compared with the one before it in its series, and the catalogue groups runs by it. It
    is kept in the manifest as ``series``; manifests of earlier versions have none.

    Parameters
    ----------
    manifest
        Manifest of the run.
    dates
        Names of the parameters that are dates or times, in which the runs differ; by default, those
        whose values are.

    Examples
    --------
    >>> one, two = ({"template": "a", "parameters": {"until": day, "days": 7}}
    ...     for day in ("2022-09-05", "2022-09-12"))
    >>> series_key(one, {"until"}) == series_key(two) == series_key({"series": series_key(one)})
    True
    """
    if isinstance(manifest.get("series"), str):
        return str(manifest["series"])
    study, store = manifest.get("study"), manifest.get("store")
    source = study.get("folder") if isinstance(study, dict) else None
    source = store.get("path") if isinstance(store, dict) else source
    parameters = manifest.get("parameters")
    others = {
        name: value
        for name, value in (parameters if isinstance(parameters, dict) else {}).items()
        if value is not None and not (_is_date(value) if dates is None else name in dates)
    }
    return json.dumps([manifest.get("template"), source, others], sort_keys=True, default=str)


def _is_date(value: object) -> bool:
    try:
        return "-" in str(value) and bool(datetime.fromisoformat(str(value)))
    except ValueError:
        return False
