"""From a layout to a frame of text columns, without copying the text.

A polars string column is a row of 16-byte *views*: the length, then either the text itself (up to
12 bytes) or its first four bytes, the number of a buffer and a position in it. The views are made
straight from the positions of the cells and point into the block, so that the frame holds exactly
the bytes of the file. Only cells with doubled quotes point into a second buffer, from which the
second quote of each pair is left out.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from import_assets.formats.layout import PAD, Layout

_QUOTE = 34
_INLINE = 12
"""Bytes of text that a view holds itself."""

_TILE_CELLS = 1 << 16

if sys.byteorder != "little":  # pragma: no cover - no such machine at hand
    raise ImportError("string views are made for little-endian machines only")

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class FileColumn:
    """A column of the frame and the positions in the file, from 0, that are merged into it."""

    name: str
    positions: tuple[int, ...]


@dataclass(frozen=True)
class _Cells:
    """Cells in record order: `start` and `length` of the text inside the quotes."""

    start: Positions
    length: Positions


@dataclass(frozen=True)
class _Unescaped:
    """Cells whose doubled quotes were made single: which ones, and where they are in `data`."""

    cell: Positions
    cells: _Cells
    data: bytes


def make_frame(
    layout: Layout, chosen: NDArray[np.bool_], width: int, columns: Sequence[FileColumn]
) -> pl.DataFrame:
    """Return the cells of the chosen records, which have at most `width` cells, as a frame.

    Empty cells are null, missing ones at the end of a record too. Where several positions are
    merged into a column, the last one that is not empty wins (M091, D16).
    """
    if not chosen.any():
        return pl.DataFrame(schema={column.name: pl.String for column in columns})
    cells = _choose(layout, chosen, width)
    views = _split(_sliding(layout.block.data), cells, width, columns)
    buffers = [layout.block.data]
    if (unescaped := _unescape(layout, cells)) is not None:
        buffers.append(unescaped.data)
        _patch(views, unescaped, width)
    texts = [pa.py_buffer(data).slice(PAD) for data in buffers]
    series: dict[str, pl.Series] = {}
    for column in columns:
        parts = [_series(views[position], texts) for position in column.positions]
        series[column.name] = parts[0] if len(parts) == 1 else _merge(parts)
    return pl.DataFrame(series)


def _choose(layout: Layout, chosen: NDArray[np.bool_], width: int) -> _Cells:
    start = layout.bounds[:-1]
    length = np.diff(layout.bounds)
    length -= 1
    if layout.carriages is not None:
        length[np.cumsum(layout.cells) - 1] -= layout.carriages
    counts, ends = layout.cells, layout.ends
    if not chosen.all():
        kept = np.repeat(chosen, counts)
        start, length, counts, ends = start[kept], length[kept], counts[chosen], ends[chosen]
    if layout.quoting is not None:
        quoted = layout.block.octets[start] == _QUOTE
        start = start + quoted
        length -= quoted
        length -= quoted
    missing = width - counts
    if missing.any():
        at = np.repeat(np.cumsum(counts), missing)
        # An empty cell at the record's end keeps the starts in order.
        start = np.insert(start, at, np.repeat(ends, missing))
        length = np.insert(length, at, 0)
    return _Cells(start, length)


def _unescape(layout: Layout, cells: _Cells) -> _Unescaped | None:
    if layout.quoting is None or not len(layout.quoting.surplus):
        return None
    surplus = layout.quoting.surplus
    owner = np.searchsorted(cells.start, surplus, "right") - 1
    owned = (owner >= 0) & (surplus < cells.start[owner] + cells.length[owner])
    cell, count = np.unique(owner[owned], return_counts=True)
    if not len(cell):
        return None
    octets = np.frombuffer(layout.block.data, np.uint8)
    start = cells.start[cell] - np.searchsorted(surplus, cells.start[cell])
    moved = _Cells(start, cells.length[cell] - count)
    return _Unescaped(cell, moved, np.delete(octets, surplus + PAD).tobytes())


def _sliding(data: bytes) -> NDArray[np.void]:
    """Return 16 bytes for each position of a padded buffer's body, beginning 4 bytes before it.

    So the first twelve bytes of a text lie where its view has them.
    """
    return np.ndarray((len(data) - 2 * PAD + 1,), "V16", data, PAD - 4, (1,))


def _split(
    sliding: NDArray[np.void], cells: _Cells, width: int, columns: Sequence[FileColumn]
) -> dict[int, NDArray[np.void]]:
    """Return the views of the wanted columns, by their positions in the file."""
    wanted = [position for column in columns for position in column.positions]
    rows = len(cells.start) // width
    views = {position: np.empty(rows, "V16") for position in wanted}
    # Few enough rows at a time that a tile of all columns stays in the processor's cache.
    step = max(_TILE_CELLS // width, 1)
    for top in range(0, rows, step):
        part = slice(top * width, (top + step) * width)
        tile = _views(sliding, cells.start[part], cells.length[part], 0).reshape(-1, width)
        for position in wanted:
            views[position][top : top + step] = tile[:, position]
    return views


def _patch(views: dict[int, NDArray[np.void]], unescaped: _Unescaped, width: int) -> None:
    """Let the cells with doubled quotes point to their text with single ones."""
    moved = _views(_sliding(unescaped.data), unescaped.cells.start, unescaped.cells.length, 1)
    row, position = np.divmod(unescaped.cell, width)
    order = np.argsort(position, kind="stable")
    found, first = np.unique(position[order], return_index=True)
    for at, places in zip(found.tolist(), np.split(order, first[1:]), strict=True):
        if at in views:
            views[at][row[places]] = moved[places]


def _views(
    sliding: NDArray[np.void], start: Positions, length: Positions, buffer: int
) -> NDArray[np.void]:
    """Return the views of texts in a buffer."""
    views = sliding[start]
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


def _series(views: NDArray[np.void], texts: list[pa.Buffer]) -> pl.Series:
    filled: pa.Buffer | None = None
    lengths = views.view(np.uint32)[::4]
    if not lengths.all():
        filled = pa.py_buffer(np.packbits(lengths > 0, bitorder="little"))
    buffers = [filled, pa.py_buffer(views), *texts]
    return pl.Series(pa.Array.from_buffers(pa.string_view(), len(views), buffers))


def _merge(parts: list[pl.Series]) -> pl.Series:
    frame = pl.DataFrame([part.alias(str(at)) for at, part in enumerate(parts)])
    return frame.select(pl.coalesce(reversed(frame.columns))).to_series()
