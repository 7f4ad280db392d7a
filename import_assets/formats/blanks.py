"""White space around cells: looking through it, whatever its length (M121, D46).

White space is space and tab, unless it is the delimiter. A mask says for each byte whether it is
one; positions count in it. The first and the last byte of what is searched must be something else.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]
Flags = NDArray[np.bool_]

WHITE = " \t"
"""What may be white space."""

_STEPS = 4
"""White space of so many bytes is passed byte by byte, longer one at once."""


def white_space(delimiter: str) -> str:
    """Return the characters that are white space beside this delimiter."""
    return WHITE.replace(delimiter, "")


def find_blanks(octets: NDArray[np.uint8], delimiter: str) -> Flags:
    """Tell which bytes are white space."""
    first, *others = white_space(delimiter).encode()
    blanks = octets == first
    for other in others:
        blanks |= octets == other
    return blanks


def skip_forward(blanks: Flags, at: Positions) -> Positions:
    """Return for each position the nearest one, itself or behind it, that is not white space."""
    found, left = _step(blanks, at, 1)
    if len(left):
        ends = np.flatnonzero(blanks[:-1] > blanks[1:]) + 1
        found[left] = ends[np.searchsorted(ends, found[left])]
    return found


def skip_backward(blanks: Flags, at: Positions) -> Positions:
    """Return for each position the nearest one, itself or before it, that is not white space."""
    found, left = _step(blanks, at, -1)
    if len(left):
        befores = np.flatnonzero(blanks[:-1] < blanks[1:])
        found[left] = befores[np.searchsorted(befores, found[left]) - 1]
    return found


def _step(blanks: Flags, at: Positions, step: int) -> tuple[Positions, Positions]:
    """Go a few bytes; return where that leads, and which of these are still in white space."""
    found = at.copy()
    left = np.flatnonzero(blanks[found])
    for _ in range(_STEPS):
        if not len(left):
            break
        found[left] += step
        left = left[blanks[found[left]]]
    return found, left
