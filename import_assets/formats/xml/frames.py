"""From contents to frames of text columns, without copying the texts that stand in the document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from import_assets.formats.views import (
    Positions,
    bodies,
    make_views,
    sliding,
    text_column,
)
from import_assets.formats.xml.contents import Contents
from import_assets.formats.xml.objects import write_lists
from import_assets.formats.xml.survey import Columns

_FRAME_CELLS = 1 << 20
"""Cells of a frame: few tags can make many rows of all the columns there are."""


@dataclass(frozen=True)
class _Cells:
    """Cells: where each belongs, and where its text is."""

    row: Positions
    column: Positions
    start: Positions
    length: Positions
    buffer: Positions
    buffers: list[bytes]

    def in_order(self) -> _Cells:
        """Return them in order of their rows."""
        order = np.argsort(self.row, kind="stable")
        return _Cells(
            self.row[order],
            self.column[order],
            self.start[order],
            self.length[order],
            self.buffer[order],
            self.buffers,
        )


def make_frames(contents: Contents, columns: Columns) -> Iterator[tuple[slice, pl.DataFrame]]:
    """Give the rows of a stretch as frames, with the rows that each has, at least one frame."""
    cells, rows = _cells(contents, columns), len(contents.rows)
    step = max(_FRAME_CELLS // max(len(columns.names), 1), 1)
    if rows > step:
        cells = cells.in_order()
    for top in range(0, max(rows, 1), step):
        part = slice(top, min(top + step, rows))
        low, high = 0, len(cells.row)
        if rows > step:
            low, high = np.searchsorted(cells.row, [part.start, part.stop])
        yield part, _frame(cells, slice(low, high), part, columns)


def _cells(contents: Contents, columns: Columns) -> _Cells:
    row, path, start, length, buffer = (
        contents.cells[name].astype(np.int64)
        for name in ("row", "path", "start", "length", "buffer")
    )
    column = columns.number[path]
    buffers = list(contents.buffers)
    if len(contents.nested):
        made = write_lists(contents.nested, buffers, columns.prefixes)
        row = np.concatenate([row, made.row])
        column = np.concatenate([column, columns.number[made.path]])
        start, length = np.concatenate([start, made.start]), np.concatenate([length, made.length])
        buffer = np.append(buffer, np.full(len(made.row), len(buffers)))
        buffers.append(made.data)
    return _Cells(row, column, start, length, buffer, buffers)


def _frame(cells: _Cells, taken: slice, part: slice, columns: Columns) -> pl.DataFrame:
    rows = part.stop - part.start
    row, column = cells.row[taken] - part.start, cells.column[taken]
    start, length, buffer = cells.start[taken], cells.length[taken], cells.buffer[taken]
    views = np.empty(len(row), "V16")
    for number, data in enumerate(cells.buffers):
        here = np.flatnonzero(buffer == number)
        views[here] = make_views(sliding(data), start[here], length[here], number)
    order = np.argsort(column.astype(np.int16), kind="stable")
    bounds = np.searchsorted(column[order], np.arange(len(columns.names) + 1))
    texts = bodies(cells.buffers)
    series: dict[str, pl.Series] = {}
    for at, name in enumerate(columns.names):
        here = order[bounds[at] : bounds[at + 1]]
        whole = np.zeros(rows, "V16")
        whole[row[here]] = views[here]
        series[name] = text_column(whole, texts)
    return pl.DataFrame(series)
