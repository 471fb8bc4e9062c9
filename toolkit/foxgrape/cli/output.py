"""What the verbs of the shell share: how results are shown, and how pairs and options are read."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foxgrape.errors import CONTROLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["AsJson", "Pairs", "pairs", "print_result", "print_sentence", "status_spinner"]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
#: Parameters of a template.
Pairs = Annotated[
    list[str] | None, typer.Option("--parameter", "-p", help="NAME=VALUE, as often as needed.")
]


def print_result(
    rows: list[dict[str, Any]], data: list[Any] | dict[str, Any], *, as_json: bool
) -> None:
    """Print rows as a table, or data as JSON."""
    if as_json:
        print(json.dumps(data, default=str, ensure_ascii=False, indent=2))  # noqa: T201
    elif rows:
        # What a cell says is no word to the terminal.
        cells = [
            ["" if value is None else str(value).translate(CONTROLS) for value in row.values()]
            for row in rows
        ]
        _draw([list(rows[0]), *cells])


def print_sentence(sentence: str, data: list[Any] | dict[str, Any], *, as_json: bool) -> None:
    """Print a sentence, or data as JSON."""
    if as_json:
        print_result([], data, as_json=True)
    else:
        print(sentence)  # noqa: T201


def pairs(
    given: list[str] | None, form: str = "NAME=VALUE", *, empty: bool = True
) -> dict[str, str]:
    """Read pairs of a name and a value, which may be empty or not."""
    told = [text.partition("=") for text in given or ()]
    for name, equals, value in told:
        if not (name and equals and (value or empty)):
            raise typer.BadParameter(f"expected {form}, got {name + equals + value!r}")
    return {name: value for name, _, value in told}


@contextmanager
def status_spinner(what: str) -> Iterator[Callable[[str], None]]:
    """Show on stderr what is going on, where somebody looks; call it to say how far it is."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status(what) as status:
        yield status.update


def _draw(lines: list[list[str]]) -> None:
    """Print columns, below each other; what is wider than a terminal is folded within its cell."""
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    if sys.stdout.isatty() and sum(widths) + 2 * len(widths) > get_terminal_size().columns:
        # To fold takes a tenth of a second to load.
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(*lines[0], box=None, pad_edge=False)
        for line in lines[1:]:
            table.add_row(*map(Text, line))
        Console().print(table)
        return
    for line in lines:
        padded = (
            cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)
        )
        print("  ".join(padded).rstrip())  # noqa: T201
