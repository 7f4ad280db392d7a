"""The first records of a file, cut by a delimiter, for those who look at what the cells hold."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from import_assets.formats.block import Block
from import_assets.formats.layout import Dialect, Layout, Positions, lay_out

SAMPLE_BYTES = 1 << 18
_MOST_CELLS = 10_000
_MOST_RECORDS = 400


@dataclass(frozen=True)
class Record:
    """A record that is not blank, the line it begins on, from 1, and its cells."""

    line: int
    cells: tuple[str, ...]

    @property
    def filled(self) -> int:
        """How many cells are not empty."""
        return sum(bool(cell.strip()) for cell in self.cells)


@dataclass(frozen=True)
class Sample:
    """The first records under a dialect, but for those with a quote where none belongs."""

    dialect: Dialect
    layout: Layout
    good: Positions

    @cached_property
    def counts(self) -> list[int]:
        """The number of cells of each complete record."""
        return self.layout.cells[self.good].tolist()

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """The first of the records, with what their cells hold."""
        cells = np.cumsum(self.layout.cells[self.good])
        shown = self.good[: max(2, int(np.searchsorted(cells, _MOST_CELLS)))][:_MOST_RECORDS]
        return tuple(self._record(int(at)) for at in shown)

    def _record(self, at: int) -> Record:
        first, width = int(self.layout.first_cells[at]), int(self.layout.cells[at])
        cells = (self.layout.cell(first + cell) for cell in range(width))
        texts = tuple(cell.decode("utf-8", "replace") for cell in cells)
        return Record(int(self.layout.lines[at]) + 1, texts)


def take_sample(head: bytes, dialect: Dialect, *, whole: bool, size: int = SAMPLE_BYTES) -> Sample:
    """Cut the first `size` bytes of a text in UTF-8 into records and cells."""
    last = whole and len(head) <= size
    layout = lay_out(Block.of([head[:size]], dialect.line_end, last=last), dialect)
    return Sample(dialect, layout, np.flatnonzero(~layout.blank & ~layout.badly_quoted))
