"""Compile functions with numba; importing this module takes half a second."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numba
from llvmlite import ir
from numba.extending import intrinsic, register_jitable

F = TypeVar("F", bound="Callable[..., Any]")

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["load_uint64", "njit", "njit_callable", "njit_inline", "njit_without_refcounts"]

_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
_WITHOUT_REFCOUNTS: dict[str, Any] = {**_OPTIONS, "_nrt": False}


def njit(function: F) -> F:
    """Compile a function like `numba.njit`, but keep the function's signature for type checkers."""
    return cast("F", numba.njit(**_OPTIONS)(function))


def njit_without_refcounts(function: F) -> F:
    """Compile a function that allocates no arrays, without reference counting.

    Counting a reference to an array takes several times as long as reading a byte of the array.
    """
    return cast("F", numba.njit(**_WITHOUT_REFCOUNTS)(function))


def njit_inline(function: F) -> F:
    """Compile a function in the same way, and into each compiled function that calls it.

    Passing several arrays to a small function takes longer than the function itself.
    """
    return cast("F", numba.njit(**_WITHOUT_REFCOUNTS, forceinline=True)(function))


def njit_callable(*things: Any) -> None:
    """Let compiled functions call the given functions, or all functions of the given modules.

    Called from Python, the functions still run uncompiled.
    """
    for thing in things:
        if inspect.ismodule(thing):
            functions = filter(inspect.isfunction, vars(thing).values())
            njit_callable(*(f for f in functions if f.__module__ == thing.__name__))
        else:
            register_jitable(_nrt=False, error_model="numpy")(thing)


def _load_uint64(_typing_context: Any, array: Any, index: Any) -> Any:
    """Return the eight bytes from an index on as a number; an array view would take longer."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        address = builder.gep(data, [arguments[1]])
        number = ir.IntType(64)
        return builder.load(builder.bitcast(address, number.as_pointer()), align=1, typ=number)

    return numba.types.uint64(array, index), generate


#: In a compiled function, `load_uint64(array, index)` returns eight bytes of an array of bytes as a
#: number. All of them must be in the array.
load_uint64: Any = intrinsic(_load_uint64)
