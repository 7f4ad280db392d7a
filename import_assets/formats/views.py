"""Polars columns of text whose cells lie in a buffer already, without copying them.

A polars string column is a row of 16-byte *views*: the length, then either the text itself (up to
12 bytes) or its first four bytes, the number of a buffer and a position in it. The views are made
straight from the positions of the texts, in buffers with `PAD` bytes before and behind.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

PAD = 16
"""Bytes on each side of a buffer's body, so that 16 bytes can be read around any position."""

_INLINE = 12
"""Bytes of text that a view holds itself."""

if sys.byteorder != "little":  # pragma: no cover - no such machine at hand
    raise ImportError("string views are made for little-endian machines only")

Positions = NDArray[np.int64]


def sliding(data: bytes) -> NDArray[np.void]:
    """Return 16 bytes for each position of a padded buffer's body, beginning 4 bytes before it.

    So the first twelve bytes of a text lie where its view has them.
    """
    return np.ndarray((len(data) - 2 * PAD + 1,), "V16", data, PAD - 4, (1,))


def make_views(
    windows: NDArray[np.void], start: Positions, length: Positions, buffer: int
) -> NDArray[np.void]:
    """Return the views of texts in the buffer of this number, whose `sliding` windows are given."""
    views = windows[start]
    halves = views.view(np.uint64).reshape(-1, 2)
    halves &= _KEEP.take(length, axis=0, mode="clip")
    place = start << 32
    place |= buffer
    np.copyto(halves[:, 1], place.view(np.uint64), where=length > _INLINE)
    halves.view(np.uint32)[:, 0] = length
    return views


def _keep() -> NDArray[np.uint64]:
    """Masks that keep the prefix and the rest of a view of 0, 1, … 12 bytes of text."""
    at, length = np.arange(16), np.arange(_INLINE + 1)[:, None]
    return np.where(at < 4 + length, 255, 0).astype(np.uint8).view(np.uint64)


_KEEP = _keep()


def bodies(buffers: Sequence[bytes]) -> list[pa.Buffer]:
    """Return the bodies of padded buffers, as views count in them."""
    return [pa.py_buffer(data).slice(PAD) for data in buffers]


def text_column(views: NDArray[np.void], texts: Sequence[pa.Buffer]) -> pl.Series:
    """Return a column of texts in these buffers; empty ones are null."""
    filled: pa.Buffer | None = None
    lengths = views.view(np.uint32)[::4]
    if not lengths.all():
        filled = pa.py_buffer(np.packbits(lengths > 0, bitorder="little"))
    buffers = [filled, pa.py_buffer(views), *texts]
    return pl.Series(pa.Array.from_buffers(pa.string_view(), len(views), buffers))
