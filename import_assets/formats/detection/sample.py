"""The first records of a file, cut by a delimiter, for those who look at what the cells hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from import_assets.formats.block import Block
from import_assets.formats.layout import Dialect, lay_out

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
    """The first records under a dialect.

    `counts` is the number of cells of each complete record of the sample, `records` the first of
    them with their cells; those with a quote where none belongs are left out of both.
    """

    dialect: Dialect
    counts: tuple[int, ...]
    records: tuple[Record, ...]


def take_sample(head: bytes, dialect: Dialect, *, whole: bool) -> Sample:
    """Cut the beginning of a text in UTF-8 into records and cells."""
    last = whole and len(head) <= SAMPLE_BYTES
    layout = lay_out(Block.of([head[:SAMPLE_BYTES]], dialect.line_end, last=last), dialect)
    good = np.flatnonzero(~layout.blank & ~layout.badly_quoted)
    counts = layout.cells[good]
    shown = good[: max(2, int(np.searchsorted(np.cumsum(counts), _MOST_CELLS)))][:_MOST_RECORDS]
    records = [
        Record(
            int(layout.lines[at]) + 1,
            tuple(
                layout.cell(int(layout.first_cells[at]) + cell).decode("utf-8", "replace")
                for cell in range(int(layout.cells[at]))
            ),
        )
        for at in shown
    ]
    return Sample(dialect, tuple(counts.tolist()), tuple(records))
