"""From nodes to frames of text columns, without copying the texts that stand in the document."""

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
from import_assets.formats.xml import texts
from import_assets.formats.xml.nodes import Nodes
from import_assets.formats.xml.objects import encoded, repeated_values
from import_assets.formats.xml.repeats import NOWHERE, Repeats
from import_assets.formats.xml.survey import Columns

_FRAME_CELLS = 1 << 20
"""Cells of a frame: few tags can make many rows of all the columns there are."""


@dataclass(frozen=True)
class _Cells:
    """Cells in order of their rows: where each belongs, and where its text is."""

    row: Positions
    column: Positions
    start: Positions
    length: Positions
    buffer: Positions
    buffers: list[bytes]


def make_frames(
    nodes: Nodes, repeats: Repeats, rows: int, columns: Columns
) -> Iterator[tuple[slice, pl.DataFrame]]:
    """Give the rows of a stretch as frames, with the rows that each has, at least one frame."""
    cells = _cells(nodes, repeats, columns)
    step = max(_FRAME_CELLS // max(len(columns.names), 1), 1)
    for top in range(0, max(rows, 1), step):
        part = slice(top, min(top + step, rows))
        yield part, _frame(cells, part, columns)


def _cells(nodes: Nodes, repeats: Repeats, columns: Columns) -> _Cells:
    at = np.flatnonzero((repeats.top == NOWHERE) & (nodes.length > 0))
    row, column = nodes.row[at], columns.number[nodes.path[at]]
    start, length, buffer = nodes.start[at], nodes.length[at], nodes.buffer[at].astype(np.int64)
    buffers = list(nodes.buffers)
    if (repeats.top != NOWHERE).any():
        made = repeated_values(nodes, repeats, columns.shown)
        data, begin, size = texts.apart(texts.joined(encoded(made["value"].to_list())))
        row = np.concatenate([row, made["row"].to_numpy()])
        column = np.concatenate([column, columns.number[made["path"].to_numpy()]])
        start, length = np.concatenate([start, begin]), np.concatenate([length, size])
        buffer = np.append(buffer, np.full(made.height, len(buffers)))
        buffers.append(data)
    order = np.argsort(row, kind="stable")
    return _Cells(row[order], column[order], start[order], length[order], buffer[order], buffers)


def _frame(cells: _Cells, part: slice, columns: Columns) -> pl.DataFrame:
    rows = part.stop - part.start
    low, high = np.searchsorted(cells.row, [part.start, part.stop])
    row, column = cells.row[low:high] - part.start, cells.column[low:high]
    views = np.empty(high - low, "V16")
    for number, data in enumerate(cells.buffers):
        here = np.flatnonzero(cells.buffer[low:high] == number)
        place = here + low
        views[here] = make_views(sliding(data), cells.start[place], cells.length[place], number)
    order = np.argsort(column.astype(np.int16), kind="stable")
    bounds = np.searchsorted(column[order], np.arange(len(columns.names) + 1))
    texts_ = bodies(cells.buffers)
    series: dict[str, pl.Series] = {}
    for at, name in enumerate(columns.names):
        here = order[bounds[at] : bounds[at + 1]]
        whole = np.zeros(rows, "V16")
        whole[row[here]] = views[here]
        series[name] = text_column(whole, texts_)
    return pl.DataFrame(series)
