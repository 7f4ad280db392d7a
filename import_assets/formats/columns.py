"""From a layout to a frame of text columns, without copying the text.

The frame's cells are views (see `views`) that point into the block, so that it holds exactly the
bytes of the file. Only cells with doubled quotes point into a second buffer, from which the second
quote of each pair is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from import_assets.formats.layout import Layout
from import_assets.formats.views import (
    PAD,
    Positions,
    bodies,
    make_views,
    sliding,
    text_column,
)

_TILE_CELLS = 1 << 16


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
    views = _split(sliding(layout.block.data), cells, width, columns)
    buffers = [layout.block.data]
    if (unescaped := _unescape(layout, cells)) is not None:
        buffers.append(unescaped.data)
        _patch(views, unescaped, width)
    texts = bodies(buffers)
    series: dict[str, pl.Series] = {}
    for column in columns:
        parts = [text_column(views[position], texts) for position in column.positions]
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
    start, length = layout.trimmed(start, length)
    if layout.quoting is not None:
        quoted = layout.are_quoted(start)
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


def _split(
    windows: NDArray[np.void], cells: _Cells, width: int, columns: Sequence[FileColumn]
) -> dict[int, NDArray[np.void]]:
    """Return the views of the wanted columns, by their positions in the file."""
    wanted = [position for column in columns for position in column.positions]
    rows = len(cells.start) // width
    views = {position: np.empty(rows, "V16") for position in wanted}
    # Few enough rows at a time that a tile of all columns stays in the processor's cache.
    step = max(_TILE_CELLS // width, 1)
    for top in range(0, rows, step):
        part = slice(top * width, (top + step) * width)
        tile = make_views(windows, cells.start[part], cells.length[part], 0).reshape(-1, width)
        for position in wanted:
            views[position][top : top + step] = tile[:, position]
    return views


def _patch(views: dict[int, NDArray[np.void]], unescaped: _Unescaped, width: int) -> None:
    """Let the cells with doubled quotes point to their text with single ones."""
    moved = make_views(sliding(unescaped.data), unescaped.cells.start, unescaped.cells.length, 1)
    row, position = np.divmod(unescaped.cell, width)
    order = np.argsort(position, kind="stable")
    found, first = np.unique(position[order], return_index=True)
    for at, places in zip(found.tolist(), np.split(order, first[1:]), strict=True):
        if at in views:
            views[at][row[places]] = moved[places]


def _merge(parts: list[pl.Series]) -> pl.Series:
    frame = pl.DataFrame([part.alias(str(at)) for at, part in enumerate(parts)])
    return frame.select(pl.coalesce(reversed(frame.columns))).to_series()
