"""Work that goes on until somebody stops it: by Ctrl-C, or by the signal that services get."""

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
    """Let Ctrl-C and SIGTERM end the work within, and say so in one line.

    Examples
    --------
    >>> with until_stopped():
    ...     print("at work")
    at work
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
