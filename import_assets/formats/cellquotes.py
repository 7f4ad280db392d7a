"""Which cells of a block stand in quotes, for those who care how a file is written (M121, M136)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from import_assets.formats.columns import FileColumn
from import_assets.formats.layout import Layout


@dataclass(frozen=True)
class LayoutQuotes:
    """The quotes of the chosen records of a layout, by column; see `records.CellQuotes`."""

    layout: Layout
    chosen: NDArray[np.int64]
    positions: Mapping[str, int]

    @classmethod
    def of(
        cls, layout: Layout, chosen: NDArray[np.bool_], columns: Sequence[FileColumn]
    ) -> LayoutQuotes | None:
        """Return the quotes of these records; None where there is no quote in the block.

        Of several positions that are merged into one column, the first counts.
        """
        if layout.quoting is None:
            return None
        places = {column.name: column.positions[0] for column in columns}
        return cls(layout, np.flatnonzero(chosen), places)

    def quoted(self, column: str) -> pl.Series:
        """See `records.CellQuotes.quoted`."""
        starts, there = self._starts(column)
        return pl.Series(column, self.layout.are_quoted(starts) & there, dtype=pl.Boolean)

    def spaced(self, column: str) -> pl.Series:
        """See `records.CellQuotes.spaced`."""
        starts, there = self._starts(column)
        at_once = self.layout.block.octets[starts] == ord(self.layout.dialect.quote_byte)
        spaced = self.layout.are_quoted(starts) & ~at_once & there
        return pl.Series(column, spaced, dtype=pl.Boolean)

    def _starts(self, column: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return where the cells begin, and which records have one there at all."""
        layout, place = self.layout, self.positions[column]
        there = layout.cells[self.chosen] > place
        cells = np.where(there, layout.first_cells[self.chosen] + place, 0)
        return layout.bounds[cells], there
