"""Options and output that several commands share."""

from __future__ import annotations

import json
import re
import signal
import sys
from contextlib import contextmanager
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foxgrape.errors import CONTROLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

__all__ = [
    "AsJson",
    "Pairs",
    "handle_sigterm",
    "parse_pairs",
    "print_error",
    "print_json",
    "print_line",
    "print_result",
    "print_sentence",
    "print_text",
    "shell_message",
    "show_warning",
    "status_spinner",
]

#: As `CONTROLS`, for texts of several lines: names of files must not control the terminal.
_CONTROLS_IN_TEXT = {code: sign for code, sign in CONTROLS.items() if code != ord("\n")}
#: In JSON, the same characters occur only within strings, where they can be escaped.
_ESCAPES_IN_JSON = {code: f"\\u{code:04x}" for code in _CONTROLS_IN_TEXT}
#: How options of Python functions are written in the shell.
_SHELL_WORDS = (
    (re.compile(r"""columns=\{'(\w+)': '([^']*)'\}"""), r"--column \1=\2"),
    (
        re.compile(r"""on_error="quarantine" keeps the good records and collects the bad"""),
        "without --strict, the good records are kept and the bad are collected",
    ),
    (
        re.compile(
            r"""\b(account|timezone|format|encoding|sheet|dates|midnight|persistence)="""
            r"""["']([^"']*)["']"""
        ),
        r"--\1 \2",
    ),
    (
        re.compile(r"\b(account|timezone|format|encoding|sheet|dates|midnight|persistence)=(?!\w)"),
        r"--\1",
    ),
    (re.compile(r"pass it as (posts|events)="), r"pass it with --\1"),
)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
#: Values of template parameters.
Pairs = Annotated[
    list[str] | None, typer.Option("--parameter", "-p", help="NAME=VALUE; repeat for several.")
]


def print_text(text: object, *, error: bool = False, end: str = "\n") -> None:
    r"""Print text of one or more lines, without characters that control the terminal.

    All output goes through this function and `print_json`, except progress bars.

    Examples
    --------
    >>> print_text("a\x1b[2Jb\nc")
    a [2Jb
    c
    """
    stream = sys.stderr if error else sys.stdout
    print(str(text).translate(_CONTROLS_IN_TEXT), file=stream, end=end, flush=True)


def print_line(text: object, *, error: bool = False) -> None:
    """Print text as one line."""
    print_text(str(text).translate(CONTROLS), error=error)


def print_json(data: object, *, indent: int | None = None) -> None:
    """Print JSON in which characters that control the terminal are escaped, and none is changed."""
    text = json.dumps(data, default=str, ensure_ascii=False, indent=indent)
    print(text.translate(_ESCAPES_IN_JSON), flush=True)


def show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    """Print a warning; in place of `warnings.showwarning`."""
    print_line(f"{filename}:{lineno}: {category.__name__}: {message}", error=True)


def print_result(
    rows: list[dict[str, Any]], data: list[Any] | dict[str, Any], *, as_json: bool
) -> None:
    """Print rows as a table, or data as JSON."""
    if as_json:
        print_json(data, indent=2)
    elif rows:
        # Control characters in data must not reach the terminal.
        cells = [
            ["" if value is None else str(value).translate(CONTROLS) for value in row.values()]
            for row in rows
        ]
        _print_table([list(rows[0]), *cells])


def print_sentence(sentence: str, data: list[Any] | dict[str, Any], *, as_json: bool) -> None:
    """Print a sentence, or data as JSON."""
    if as_json:
        print_result([], data, as_json=True)
    else:
        print_text(sentence)


def print_error(message: object) -> None:
    """Print one line on stderr."""
    print_line(f"foxgrape: {message}", error=True)


def shell_message(message: str) -> str:
    """Return a message in which options of Python functions are those of the shell.

    Examples
    --------
    >>> shell_message('Hint: pass dates="dmy" or dates="mdy"')
    'Hint: pass --dates dmy or --dates mdy'
    >>> shell_message("Hint: pass columns={'text': '…'}")
    'Hint: pass --column text=…'
    """
    for pattern, replacement in _SHELL_WORDS:
        message = pattern.sub(replacement, message)
    return message


def parse_pairs(
    texts: list[str] | None, form: str = "NAME=VALUE", *, allow_empty: bool = True
) -> dict[str, str]:
    """Parse NAME=VALUE options; `form` is the expected form in error messages."""
    pairs = [text.partition("=") for text in texts or ()]
    for name, equals, value in pairs:
        if not (name and equals and (value or allow_empty)):
            raise typer.BadParameter(f"expected {form}; got {name + equals + value!r}")
    return {name: value for name, _, value in pairs}


@contextmanager
def status_spinner(text: str) -> Iterator[Callable[[str], None]]:
    """Show a spinner on stderr if it is a terminal; yield a function that updates its text."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status(text) as status:
        yield status.update


def _print_table(lines: list[list[str]]) -> None:
    """Print aligned columns; on a narrow terminal, wrap text within its cell."""
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    if sys.stdout.isatty() and sum(widths) + 2 * len(widths) > get_terminal_size().columns:
        # Imported here because these take 0.1 s to load.
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
        print_text("  ".join(padded).rstrip())


@contextmanager
def handle_sigterm() -> Iterator[None]:
    """Let Ctrl-C or SIGTERM end the block with one line on stderr instead of a traceback.

    Examples
    --------
    >>> with handle_sigterm():
    ...     print("running")
    running
    """
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        print_error("stopped")
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
