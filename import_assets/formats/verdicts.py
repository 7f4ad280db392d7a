"""Telling the good records of a block from those to refuse (M084, M095, M118, D13, D15, D17)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from import_assets.formats import faults
from import_assets.formats.encodings import Utf8Stream
from import_assets.formats.header import Header
from import_assets.formats.layout import Layout
from import_assets.formats.utf8 import invalid_records
from import_assets.formats.views import PAD
from import_assets.records import Fault, Reject, rejects_frame
from import_assets.spec.formats import CsvFormat

_REJECTS_AT_ONCE = 20_000

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Verdicts:
    """For each complete record of a block: is it a blank line, and what is wrong with it?"""

    blank: Flags
    badly_quoted: Flags
    stray_carriage: Flags
    wrong_cells: Flags
    line_break: Flags
    undecodable: Flags

    @property
    def rejected(self) -> Flags:
        """Which records are refused."""
        return ~self.blank & self._faulty

    @property
    def good(self) -> Flags:
        """Which records are handed on."""
        return ~(self.blank | self._faulty)

    @property
    def _faulty(self) -> Flags:
        torn = self.badly_quoted | self.stray_carriage | self.wrong_cells
        return torn | self.line_break | self.undecodable


def judge(layout: Layout, width: int, csv: CsvFormat) -> Verdicts:
    """Judge the complete records of a block by a header of `width` cells."""
    wrong = layout.cells > width if csv.pad_short else layout.cells != width
    kept = csv.line_breaks == "keep"
    blank = layout.blank
    bounds = np.append(layout.starts, layout.tail)
    return Verdicts(
        blank=blank,
        badly_quoted=layout.badly_quoted,
        stray_carriage=layout.with_stray_carriage,
        wrong_cells=wrong & ~blank,
        line_break=np.zeros(layout.records, np.bool_) if kept else layout.with_line_break,
        undecodable=invalid_records(layout.block.data, PAD, bounds),
    )


@dataclass(frozen=True)
class Refusal:
    """Writes the rejects of a file's blocks."""

    text: Utf8Stream
    header: Header

    def rejects(
        self,
        layout: Layout,
        verdicts: Verdicts,
        number: NDArray[np.int64],
        line: NDArray[np.int64],
    ) -> Iterator[pl.DataFrame]:
        """Give frames of the rejects among the complete records, of these numbers and lines."""
        rejected = np.flatnonzero(verdicts.rejected)
        # As objects, rejects take ten times the memory that they take in a frame.
        for first in range(0, len(rejected), _REJECTS_AT_ONCE):
            yield rejects_frame(
                self._reject(layout, verdicts, at, int(number[at]), int(line[at]))
                for at in rejected[first : first + _REJECTS_AT_ONCE].tolist()
            )

    def _reject(
        self, layout: Layout, verdicts: Verdicts, at: int, number: int, line: int
    ) -> Reject:
        raw = layout.block.text(int(layout.starts[at]), int(layout.ends[at]))
        found: list[Fault] = []
        if verdicts.badly_quoted[at]:
            # What is a cell and what is not is anybody's guess in such a record.
            found.append(faults.bad_quote(layout, at, line))
        elif verdicts.stray_carriage[at]:
            # Where its lines end is as doubtful, and so is the number of cells.
            found.append(faults.stray_carriage_return(layout, at))
        else:
            if verdicts.wrong_cells[at]:
                found.append(faults.wrong_cells(layout, at, self.header.width, self.header.origin))
            if verdicts.line_break[at]:
                found += self._line_breaks(layout, at, line)
        if verdicts.undecodable[at]:
            found.append(self._undecodable(raw))
        return Reject(number, line, self.text.raw_text(raw), found)

    def unclosed(self, layout: Layout, number: int, line: int) -> pl.DataFrame:
        """Return the reject that a quote makes of the end of the file by never being closed."""
        raw = layout.unclosed
        found = [faults.quote_not_closed(raw, layout.dialect.line_end)]
        if self.text.undecodable_bytes(raw):
            found.append(self._undecodable(raw))
        return rejects_frame([Reject(number, line, self.text.raw_text(raw), found)])

    def _line_breaks(self, layout: Layout, at: int, line: int) -> Iterator[Fault]:
        for cell, below in faults.broken_cells(layout, at):
            text = self.text.raw_text(layout.cell(int(layout.first_cells[at]) + cell))
            column = self.header.by_position.get(cell)
            yield faults.line_break(cell, column, text, line + below)

    def _undecodable(self, raw: bytes) -> Fault:
        return faults.undecodable(self.text.undecodable_bytes(raw), self.text.encoding)
