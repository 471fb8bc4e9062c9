"""Compilation by numba for kernels; a module that imports this needs numba, and half a second."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numba
from numba.extending import register_jitable

F = TypeVar("F", bound="Callable[..., Any]")

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["njit", "njit_callable", "njit_without_refcounts"]

_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
_BARE: dict[str, Any] = {**_OPTIONS, "_nrt": False}


def njit(function: F) -> F:
    """Compile a function for speed; to a reader and to a type checker it stays what it is."""
    return cast("F", numba.njit(**_OPTIONS)(function))


def njit_without_refcounts(function: F) -> F:
    """Compile a function that makes no arrays, as `compiled` does.

    Arrays are lent to such a function, and nobody counts who holds them: counting takes several
    times as long as looking at a byte.
    """
    return cast("F", numba.njit(**_BARE)(function))


def njit_callable(*things: Any) -> None:
    """Let compiled functions call these functions, or all those of a module.

    For everybody else they stay plain Python, which needs no numba.
    """
    for thing in things:
        if inspect.ismodule(thing):
            own = [each for each in vars(thing).values() if inspect.isfunction(each)]
            njit_callable(*(each for each in own if each.__module__ == thing.__name__))
        else:
            register_jitable(_nrt=False, error_model="numpy")(thing)
