"""Stopping long-running commands by Ctrl-C or SIGTERM."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["handle_sigterm"]


@contextmanager
def handle_sigterm() -> Iterator[None]:
    """Let Ctrl-C or SIGTERM end the block and print one line to stderr.

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
        print("foxgrape: stopped", file=sys.stderr)  # noqa: T201
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
