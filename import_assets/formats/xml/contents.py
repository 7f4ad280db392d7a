"""What of the rows of a stretch becomes cells: where it stands, in as few bytes as it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from import_assets.formats.views import Positions
from import_assets.formats.xml.nodes import Nodes
from import_assets.formats.xml.repeats import NOWHERE, Repeats

_TEXT = [("row", np.int32), ("path", np.int16), ("buffer", np.uint8), ("start", np.int32)]
_LENGTH = ("length", np.int32)

ROW = np.dtype([("start", np.int32), ("end", np.int32), ("line", np.int64)])
"""A row: its place in the stretch, and the line on which it begins."""

CELL = np.dtype([*_TEXT, _LENGTH])
"""A text that is a cell: the row and path it has, and where it stands in the buffer of its number.
"""

NESTED = np.dtype(
    [
        *_TEXT,
        _LENGTH,
        ("at", np.int32),
        ("parent", np.int32),
        ("depth", np.int8),
        ("structured", np.bool_),
        ("attribute", np.bool_),
    ]
)
"""An element or attribute that becomes JSON, as in `Nodes`; `parent` is that among these, or -1 of
an element that stands in no other of them."""

Table = NDArray[np.void]


@dataclass(frozen=True)
class Contents:
    """The rows of a stretch, which has `done` bytes: where they are, their cells, and JSON of them.

    `buffers` are padded; the first one is the stretch itself, the others have texts that do not
    stand there as such.
    """

    done: int
    rows: Table
    cells: Table
    nested: Table
    buffers: Sequence[bytes]


def row_table(start: Positions, end: Positions, line: Positions) -> Table:
    """Return rows by their places and lines."""
    rows = np.empty(len(start), ROW)
    rows["start"], rows["end"], rows["line"] = start, end, line
    return rows


def cell_table(nodes: Nodes, repeats: Repeats) -> Table:
    """Return the texts that are cells."""
    at = np.flatnonzero((repeats.top == NOWHERE) & (nodes.length > 0))
    return _texts(nodes, at, CELL)


def nested_table(nodes: Nodes, repeats: Repeats) -> Table:
    """Return what becomes JSON, elements before attributes, each in document order."""
    at = np.flatnonzero((repeats.top != NOWHERE) & repeats.says)
    table = _texts(nodes, at, NESTED)
    if not len(at):
        return table
    number = np.full(len(nodes.row), -1, np.int64)
    number[at] = np.arange(len(at))
    outermost = (repeats.top[at] == nodes.path[at]) & (at < nodes.elements)
    table["parent"] = np.where(outermost, -1, number[nodes.parent[at]])
    table["at"], table["depth"] = nodes.at[at], nodes.depth[at]
    table["structured"] = nodes.structured[at]
    table["attribute"] = at >= nodes.elements
    return table


def _texts(nodes: Nodes, at: Positions, dtype: np.dtype[np.void]) -> Table:
    table = np.empty(len(at), dtype)
    for name in CELL.names or ():
        table[name] = getattr(nodes, name)[at]
    return table
