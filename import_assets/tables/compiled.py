"""Python functions over arrays of numbers, turned into machine code when it pays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


@cache
def compiled(entry: Callable[P, R], parts: Sequence[Callable[..., Any]]) -> Callable[P, R]:
    """Return `entry` compiled, with the functions of its module that it calls, `parts`.

    The first call compiles, which takes seconds; the code is kept beside the module, or else in
    the user's cache. All of the functions belong into one module: the code that is kept counts as
    old when the file of `entry` changes.
    """
    # Loading it takes a second, which only large files are worth.
    import numba
    from numba.extending import register_jitable

    for part in parts:
        register_jitable(part)
    try:
        return numba.njit(cache=True)(entry)
    except RuntimeError:
        # Neither folder can be written to: compile anew in each process.
        return numba.njit(entry)
