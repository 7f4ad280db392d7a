"""CSV: the bytes of one file to blocks of text records (M081-M087, M091, M095, M118, M121, M135).

Nothing is guessed, shifted, padded, cut or replaced: a record whose cells are not plain from the
file is refused with its raw text, and the others arrive byte for byte as they are written.

=======================  ========================================================================
reason of a reject       the record
=======================  ========================================================================
`too_many_cells`         has more cells than the header
`too_few_cells`          has fewer, and `pad_short` is off
`bad_quote`              has text behind a closing quote; it ends with the line of that quote
`quote_not_closed`       opens a quote that the file never closes; it is the rest of the file
`stray_carriage_return`  holds a CR outside quotes, and lines end with LF or CR LF
`line_break`             holds a line break inside quotes, and `line_breaks` is `reject`
`undecodable`            holds bytes that the encoding does not know
=======================  ========================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np
import polars as pl
from numpy.typing import NDArray

from import_assets.formats import faults
from import_assets.formats.block import Block
from import_assets.formats.cellquotes import LayoutQuotes
from import_assets.formats.columns import make_frame
from import_assets.formats.detection.preamble import preamble_warning
from import_assets.formats.dialect import find_delimiter
from import_assets.formats.encodings import LimitedStream, Utf8Stream, open_utf8
from import_assets.formats.header import Header, find_start
from import_assets.formats.layout import Dialect, Layout, lay_out
from import_assets.formats.opening import read_beginning, read_parts
from import_assets.formats.verdicts import Refusal, judge
from import_assets.records import ColumnKind, Records, rejects_frame
from import_assets.spec.formats import CsvFormat
from import_assets.spec.models import Limits

BLOCK_BYTES = 8 << 20
"""Bytes of UTF-8 that are read for each block of records."""

_MAX_BLOCK_BYTES = 1 << 28
"""Positions in a block must fit the 31 bits that string views have for them, with room to spare."""

_EVENT_BYTES = 4
"""A block in which a delimiter, line end or quote comes more often is taken in several parts."""


def open_csv(
    stream: BinaryIO,
    csv: CsvFormat,
    limits: Limits,
    file: str,
    *,
    block_bytes: int = BLOCK_BYTES,
) -> CsvReader:
    """Open a CSV file: find out how it is written and read its header.

    Args:
        stream: The file's bytes, unpacked, read once from its present position; not closed.
        csv: What the definition says about the format.
        limits: `file_bytes`, `columns` and `rows` are kept here (M085-M087, D12).
        file: The name used in errors.
        block_bytes: Bytes of text read for each block, at most 256 MiB; memory in use is a multiple
            of it.

    Raises:
        FileRefused: The file as a whole cannot be read: `empty_file`, `too_many_bytes`,
            `too_many_columns`, `duplicate_headers`, `header_broken`, `first_record_broken`,
            `too_few_lines`, `wrong_encoding`, `encoding_unclear`, `not_text`, `delimiter_unclear`
            or `record_too_long`.
        ValueError: `block_bytes` is out of range.
    """
    if not 1 <= block_bytes <= _MAX_BLOCK_BYTES:
        raise ValueError(f"block_bytes is {block_bytes}, allowed is 1 to {_MAX_BLOCK_BYTES}")
    text = open_utf8(LimitedStream(stream, limits.file_bytes, file), csv.encoding, file)
    beginning = read_beginning(text, csv.skip_lines, file)
    head, line_end = beginning.head, beginning.line_end
    delimiter = find_delimiter(head, line_end, csv, whole=beginning.whole, file=file)
    dialect = Dialect(delimiter, line_end, csv.quote, csv.trim)
    hints: tuple[str, ...] = ()
    if csv.header and "skip_lines" not in csv.model_fields_set:
        hints = preamble_warning(head, dialect, file, whole=beginning.whole)
    start = find_start(beginning, text, dialect, csv, limits)
    line = 1 + beginning.skipped + start.line_ends
    return CsvReader(
        _Source(file, text, dialect, csv, limits.rows, block_bytes),
        replace(start.header, warnings=(*hints, *start.header.warnings)),
        _Position(head[start.size :], beginning.whole, line=line, blank=start.blank),
    )


@dataclass(frozen=True)
class _Source:
    """The file, how it is written, what its definition says, and how much of it is read."""

    file: str
    text: Utf8Stream
    dialect: Dialect
    csv: CsvFormat
    rows: int
    block_bytes: int


@dataclass(frozen=True)
class _Position:
    """How far the file has been read.

    `pending` was read and begins with a record; `ended` says that nothing else comes. It begins on
    `line`; `records` stand before it, and `blank` lines that are not reported yet. It is `stuck`
    where it is known not to hold one complete record.
    """

    pending: bytes
    ended: bool
    line: int
    records: int = 0
    blank: int = 0
    stuck: bool = False

    def wanted(self, block_bytes: int) -> int:
        """Return how many bytes to read for the next block."""
        return block_bytes if self.stuck else block_bytes - len(self.pending)


class CsvReader:
    """The records of one CSV file, in blocks, read once.

    `header`: the names of the columns, white space at their ends taken off, duplicates merged,
    unnamed columns left out.
    `delimiter`, `encoding`: as used, declared or found.
    `warnings`: what the user should know about the header.
    """

    format = "csv"
    row = ""
    kinds: Mapping[str, ColumnKind] = {}
    declared: Mapping[str, ColumnKind] = {}
    """What a CSV says about its columns: nothing, all cells are text."""

    def __init__(self, source: _Source, header: Header, position: _Position) -> None:
        self.header = header.names
        self.delimiter: str = source.dialect.delimiter
        self.encoding: str = source.text.encoding
        self.warnings = header.warnings
        self._source = source
        self._header = header
        self._position: _Position | None = position
        self._refusal = Refusal(source.text, header)

    def __iter__(self) -> Iterator[Records]:
        """Give the records in blocks, at least one block, which may be empty.

        Raises:
            FileRefused: `too_many_bytes`, `too_many_rows`, `record_too_long`, `mixed_line_ends`.
            RuntimeError: The records were asked for before.
        """
        if self._position is None:
            raise RuntimeError(f"{self._source.file}: the records can be read only once")
        position, self._position = self._position, None
        return self._blocks(position)

    def cells(self, raws: Sequence[str]) -> pl.DataFrame | None:
        """Cut records that were refused for their cells once more, from their raw texts.

        Returns their cells as far as they have a column and the record goes, or None where it
        cannot be told where the records begin and end.
        """
        layout = self._laid_out(raws)
        if len(raws) != layout.records or layout.partial or layout.badly_quoted.any():
            return None
        width = self._header.width
        longer = np.flatnonzero(layout.cells > width)
        if len(longer):
            ends = layout.bounds[layout.first_cells[longer] + width] - 1
            shortened = list(raws)
            for at, end in zip(longer.tolist(), ends.tolist(), strict=True):
                shortened[at] = layout.block.text(int(layout.starts[at]), end).decode()
            layout = self._laid_out(shortened)
        return make_frame(layout, np.full(len(raws), True), width, self._header.columns)

    def _laid_out(self, raws: Sequence[str]) -> Layout:
        dialect = self._source.dialect
        text = dialect.line_end.join(raws).encode()
        return lay_out(Block.of([text], dialect.line_end, last=True), dialect)

    def _blocks(self, position: _Position) -> Iterator[Records]:
        silent = True
        while True:
            parts, ended = [position.pending], position.ended
            if not ended:
                more, ended = read_parts(
                    self._source.text, position.wanted(self._source.block_bytes)
                )
                parts += more
            block = Block.of(parts, self._source.dialect.line_end, last=ended)
            layout = lay_out(block, self._source.dialect, self._source.block_bytes // _EVENT_BYTES)
            done = ended and not layout.partial
            records = self._records(layout, position)
            if records.read or records.blank or (done and silent):
                silent = False
                yield records
            if done:
                return
            position = _Position(
                pending=layout.rest,
                ended=ended,
                line=position.line + layout.tail_lines,
                records=position.records + records.read,
                stuck=not layout.records,
            )

    def _records(self, layout: Layout, position: _Position) -> Records:
        verdicts = judge(layout, self._header.width, self._source.csv)
        number = np.cumsum(~verdicts.blank) + position.records
        line = layout.lines + position.line
        self._check_limits(layout, number, position)
        rejects = [rejects_frame(), *self._refusal.rejects(layout, verdicts, number, line)]
        if layout.unclosed:
            last = int(number[-1]) if layout.records else position.records
            at = position.line + layout.tail_lines
            rejects.append(self._refusal.unclosed(layout, last + 1, at))
        good = verdicts.good
        return Records(
            frame=make_frame(layout, good, self._header.width, self._header.columns),
            record=pl.Series("record", number[good], dtype=pl.Int64),
            line=pl.Series("line", line[good], dtype=pl.Int64),
            raw=_BlockText(self._source.text, layout.block, layout.starts[good], layout.ends[good]),
            rejects=pl.concat(rejects),
            blank=int(np.count_nonzero(verdicts.blank)) + position.blank,
            quotes=LayoutQuotes.of(layout, good, self._header.columns),
        )

    def _check_limits(self, layout: Layout, number: NDArray[np.int64], position: _Position) -> None:
        file, limit = self._source.file, self._source.rows
        if (lines := layout.first_too_long) is not None:
            raise faults.record_too_long(file, position.line + lines, layout.dialect)
        last = int(number[-1]) if layout.records else position.records
        if last > limit:
            first = int(np.searchsorted(number, limit + 1))
            raise faults.too_many_rows(limit, file, position.line + int(layout.lines[first]))
        if layout.unclosed and last == limit:
            raise faults.too_many_rows(limit, file, position.line + layout.tail_lines)
        if (stray := layout.stray_line_feed) is not None:
            raise faults.mixed_line_ends(file, position.line + stray)


@dataclass(frozen=True)
class _BlockText:
    """The raw text of the good records of a block."""

    text: Utf8Stream
    block: Block
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def take(self, rows: Sequence[int]) -> list[str]:
        """Return the text of these records, without their line ends."""
        return [
            self.text.raw_text(self.block.text(int(self.starts[row]), int(self.ends[row])))
            for row in rows
        ]
