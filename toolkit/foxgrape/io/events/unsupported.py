"""Files of conflict data that hold no single events: recognized, and named in an error."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from foxgrape.errors import TableError
from foxgrape.io.events.base import lower_names
from foxgrape.io.json_records import key_paths

if TYPE_CHECKING:
    from foxgrape.io.stream import InputFile

__all__ = ["reject_unsupported"]

_GDELT = "GDELT codes articles of the press, not confirmed events"
_GDELT_HINT = "use a data set of events, such as ACLED, UCDP GED or VIINA"
_COUNTS_HINT = "download single events: each row needs a day and a place"


class _Signature(NamedTuple):
    """Columns that identify a file, what it is, and what to do."""

    columns: frozenset[str]
    what: str
    hint: str


_SIGNATURES = (
    _Signature(
        frozenset({"event_id_cnty", "deleted_timestamp"}),
        "this is ACLED's list of deleted events: it has only their ids",
        "remove these ids from your ACLED export, or download the export again",
    ),
    _Signature(
        frozenset({"week", "events", "event_type"}),
        "these are ACLED's weekly counts by region, not single events",
        "download the events with ACLED's data export tool: the file has the column event_id_cnty",
    ),
    _Signature(
        frozenset({"month", "year", "events"}),
        "these are monthly counts of events, not single events",
        _COUNTS_HINT,
    ),
    _Signature(
        frozenset({"country", "year", "events"}),
        "these are yearly counts of events, not single events",
        _COUNTS_HINT,
    ),
    _Signature(
        frozenset({"country_cy", "year_cy"}),
        "these are UCDP's counts by country and year, not single events",
        "download UCDP GED, the georeferenced events, from ucdp.uu.se/downloads",
    ),
    *(
        _Signature(
            frozenset({"conflict_id", "year", column}),
            "these are UCDP's records by conflict and year, not single events",
            "download UCDP GED, the georeferenced events, from ucdp.uu.se/downloads",
        )
        for column in ("bd_best", "best_fatality_estimate", "intensity_level")
    ),
    _Signature(frozenset({"globaleventid"}), _GDELT, _GDELT_HINT),
)
#: GDELT's files have no header: 57 columns until 2013, 58 since, and 61 in version 2.
_GDELT_COLUMNS = {57, 58, 61}
_GDELT_START = re.compile(rb"\d+\t(?:19|20)\d{6}\t(?:19|20)\d{4}\t")


def reject_unsupported(file: InputFile) -> None:
    """Raise `TableError` if the file is known and holds no single events.

    Raises
    ------
    TableError
        With what the file is, and what to use instead.
    """
    first_line = file.head.split(b"\n", 1)[0]
    if first_line.count(b"\t") + 1 in _GDELT_COLUMNS and _GDELT_START.match(first_line):
        raise TableError(_GDELT, file=file.path, hint=_GDELT_HINT)
    is_json = file.head.lstrip()[:1] in {b"{", b"["}
    names = lower_names(file, key_paths(file.head) if is_json else frozenset(), "data")
    for signature in _SIGNATURES:
        if signature.columns <= names:
            raise TableError(signature.what, file=file.path, hint=signature.hint)
