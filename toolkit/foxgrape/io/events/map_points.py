"""Base class for files of map points: each is a row of a table, with its point's coordinates."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from foxgrape.errors import TableError
from foxgrape.io.events.table import USUAL, EventTableReader
from foxgrape.io.stream import BadRecordError, CorruptFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.io.base import ReadContext
    from foxgrape.io.stream import InputFile, Record

__all__ = ["MapReader"]

#: Number of points whose properties are known before columns are mapped.
_SAMPLE = 1_000
_TITLES = ("name", "title")
_TIMES = ("timestamp", "time", "datetime", "event_time", "begin")


class MapReader(EventTableReader):
    """Reader for points of a map; their properties are the columns of a table of events.

    The property ``name`` or ``title`` may be the title of the event, not the name of its place: it
    is used as the place only if the gazetteer has such a place near the point.
    """

    maps_columns = True
    titles = _TITLES
    usual = USUAL | {
        "place": tuple(name for name in USUAL["place"] if name not in _TITLES),
        "occurred_at": (*USUAL["occurred_at"], *_TIMES),
    }

    @abstractmethod
    def features(self, file: InputFile, context: ReadContext) -> Iterator[Record]:
        """Split the file into points."""

    @abstractmethod
    def properties(self, feature: Any, context: ReadContext) -> dict[str, Any]:
        """Return a point's properties as one flat dictionary, with ``lat`` and ``lon``."""

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:
        """Yield each point's properties, and map the columns before the first point with new ones.

        The columns are those of the first points together, since a point may omit a property.
        """
        rows = (self._flat(record, context) for record in self.features(file, context))
        first: list[Record] = []
        names: dict[str, None] = {}
        damage: CorruptFileError | None = None
        try:
            for record in islice(rows, _SAMPLE):
                first.append(record)
                names.update(dict.fromkeys(record.value or ()))
        except CorruptFileError as error:
            damage = error
        if not first and damage is None:
            raise TableError("the map has no features", file=context.path)
        if first:
            self.map_columns(list(names), context)
        for record in chain(first, rows):
            if not names.keys() >= (record.value or {}).keys():
                names.update(dict.fromkeys(record.value))
                self.map_columns(list(names), context)
            yield record
        if damage is not None:
            raise damage

    def _flat(self, record: Record, context: ReadContext) -> Record:
        if record.error is not None:
            return replace(record, value=None)
        context.record = record.number
        try:
            return replace(record, value=self.properties(record.value, context))
        except BadRecordError as error:
            return replace(record, value=None, error=error)
