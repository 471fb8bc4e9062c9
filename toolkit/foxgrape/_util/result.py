"""How results are shown: as a sentence in a terminal, with warnings and a table in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foxgrape._util.formatting import sentence_with_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Described", "Result"]


class Described:
    """A value whose `repr` is its sentence: its tables would fill the screen."""

    __slots__ = ()

    if TYPE_CHECKING:

        def sentence(self) -> str: ...

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.sentence()}>"


class Result(Described):
    """The result of a question, with a sentence, warnings and a table."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def warnings(self) -> tuple[str, ...]: ...

        def to_frame(self) -> pd.DataFrame: ...

    def shown(self) -> pd.DataFrame:
        """Return the table to show to readers: without estimates from few signals."""
        return self.to_frame()

    def caveats(self) -> tuple[str, ...]:
        """Return the warnings that the sentence does not begin with."""
        sentence = self.sentence()
        return tuple(line for line in self.warnings if not sentence.startswith(line))

    def _repr_html_(self) -> str:
        return sentence_with_table(self.sentence(), self.shown(), self.caveats())
