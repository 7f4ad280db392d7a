"""Where the records and cells of a block of CSV begin and end (M084, RFC 4180).

Everything is found with a fixed number of passes over whole arrays. No byte is changed or moved:
a layout only holds positions, counted from the first byte of the block's body.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from import_assets.formats.blanks import find_blanks, skip_backward, skip_forward, white_space
from import_assets.formats.block import Block, LineEnd
from import_assets.formats.quotes import Marks, Quoting, resolve_quotes
from import_assets.formats.views import PAD
from import_assets.spec.formats import Quote

RECORD_BYTES = 4 << 20
"""Bytes of UTF-8 that a record may have, its line end aside."""

_LF, _CR = 10, 13

Positions = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Dialect:
    """How the file is written.

    `delimiter` parts cells, `line_end` ends lines, `quote` may stand around a cell (M084, M135).
    With `trim`, white space around cells means nothing (M121, D46).
    """

    delimiter: str
    line_end: LineEnd
    quote: Quote = '"'
    trim: bool = False

    @property
    def quote_byte(self) -> bytes:
        """The quote, empty where nothing is one."""
        return b"" if self.quote == "none" else self.quote.encode()

    @property
    def white_space(self) -> str:
        """The characters that are taken off at the ends of cells."""
        return white_space(self.delimiter) if self.trim else ""


@dataclass(frozen=True)
class Layout:
    """The complete records of a block; blank lines are records of one empty cell.

    `starts`, `ends`: the text of each record, without its line end.
    `cells`: the number of cells of each record; `first_cells`: the number, from 0, of its first.
    `lines`: the number of line ends in the block before each record.
    `bounds`: cell `i` of the block begins at `bounds[i]` and its delimiter or line feed stands at
    `bounds[i + 1] - 1`; the cells of a record follow each other.
    `carriages`: 1 for each record that ends with CR LF, None when none does.
    `quoting`: what the quotes mean, None when there are none.
    `blanks`: which bytes of the block's window are white space, None where cells are not trimmed.
    `tail`: where the first incomplete record begins; `tail_lines` line ends stand before it.
    `partial`: the block was too crowded to be laid out at once, the records behind `tail` are not
    looked at yet.
    """

    block: Block
    dialect: Dialect
    starts: Positions
    ends: Positions
    cells: Positions
    first_cells: Positions
    lines: Positions
    bounds: Positions
    carriages: Positions | None
    quoting: Quoting | None
    blanks: Flags | None
    tail: int
    tail_lines: int
    partial: bool

    @property
    def records(self) -> int:
        """Number of complete records, blank lines included."""
        return len(self.starts)

    @cached_property
    def blank(self) -> Flags:
        """Which records are blank lines; where cells are trimmed, lines of white space too."""
        return self._trimmed_starts(self.starts) == self.ends

    def trimmed(self, start: Positions, length: Positions) -> tuple[Positions, Positions]:
        """Return where cells start and how long they are without the white space around them."""
        if self.blanks is None:
            return start, length
        # In the window all positions are one more; there, no cell begins before the first byte.
        first = skip_forward(self.blanks, start + 1)
        last = skip_backward(self.blanks, start + length)
        return first - 1, np.maximum(last - first + 1, 0)

    def are_quoted(self, start: Positions) -> Flags:
        """Tell which of the cells that start at these positions have quotes around them."""
        if self.quoting is None:
            return np.zeros(len(start), np.bool_)
        return self.block.octets[self._trimmed_starts(start)] == ord(self.dialect.quote_byte)

    def cell(self, number: int) -> bytes:
        """Return the text of a cell, by its number in the block, of a record that is good."""
        owner = int(np.searchsorted(self.first_cells, number, "right")) - 1
        last = number + 1 == self.first_cells[owner] + self.cells[owner]
        end = self.ends[owner] if last else self.bounds[number + 1] - 1
        text = self.block.text(int(self.bounds[number]), int(end))
        text = text.strip(self.dialect.white_space.encode())
        quote = self.dialect.quote_byte
        if quote and text.startswith(quote):
            return text[1:-1].replace(2 * quote, quote)
        return text

    def _trimmed_starts(self, start: Positions) -> Positions:
        return start if self.blanks is None else skip_forward(self.blanks, start + 1) - 1

    @property
    def rest(self) -> bytes:
        """What follows the complete records, without a line end that was supplied."""
        return self.block.text(self.tail, self.block.size - self.block.supplied)

    @property
    def unclosed(self) -> bytes:
        """What a quote that is never closed makes of the end of the file: its last record."""
        return self.rest if self.block.last and not self.partial else b""

    @property
    def first_too_long(self) -> int | None:
        """The line, from 0 in the block, of the first record over `RECORD_BYTES`, or None."""
        long = np.flatnonzero(self.ends - self.starts > RECORD_BYTES)
        if len(long):
            return int(self.lines[long[0]])
        tail = self.block.size - self.block.supplied - self.tail
        if self.partial or tail <= RECORD_BYTES:
            return None
        # A line end may be cut in two: the CR is here, the LF comes with the next block.
        cut = not self.block.last and self.rest.endswith(b"\r")
        return self.tail_lines if tail - cut > RECORD_BYTES else None

    def next_start(self, record: int) -> tuple[int, int]:
        """Return where the text behind a record begins and the line ends in the block before it."""
        if record + 1 < self.records:
            return int(self.starts[record + 1]), int(self.lines[record + 1])
        return self.tail, self.tail_lines

    @property
    def badly_quoted(self) -> Flags:
        """Which records have something behind a closing quote that does not belong there."""
        bad = np.zeros(self.records, np.bool_)
        if self.quoting is not None and len(self.quoting.bad):
            owners = np.searchsorted(self.starts, self.quoting.bad, "right") - 1
            bad[owners[self.quoting.bad < self.tail]] = True
        return bad

    @property
    def with_stray_carriage(self) -> Flags:
        """Which records hold a CR that neither ends a line nor is quoted."""
        stray = np.zeros(self.records, np.bool_)
        stray[np.searchsorted(self.starts, self.stray_carriages, "right") - 1] = True
        return stray

    @property
    def with_line_break(self) -> Flags:
        """Which records hold a line break inside quotes."""
        broken = np.zeros(self.records, np.bool_)
        broken[np.searchsorted(self.starts, self.line_breaks, "right") - 1] = True
        return broken

    @cached_property
    def stray_carriages(self) -> Positions:
        """Where a CR stands outside quotes and ends no line, though lines end with LF (D13)."""
        ending = 0 if self.carriages is None else int(self.carriages.sum())
        body = self.block.octets[: self.tail]
        if self.block.line_end == "\r" or np.count_nonzero(body == _CR) == ending:
            return np.empty(0, np.int64)
        at = np.flatnonzero(body == _CR)
        return self._outside_quotes(at[self.block.octets[at + 1] != _LF])

    @property
    def stray_line_feed(self) -> int | None:
        """The line, from 0, of the first LF outside quotes in a file with CR as line end (D13)."""
        if self.block.line_end != "\r" or b"\n" not in self.block.data or not self.records:
            return None
        body = self.block.octets[: self.tail]
        stray = self._outside_quotes(np.flatnonzero(body == _LF))
        return int(np.count_nonzero(body[: stray[0]] == _CR)) if len(stray) else None

    @cached_property
    def line_breaks(self) -> Positions:
        """Where a CR or LF stands inside a cell, of two that belong together the LF (M118)."""
        if self.quoting is None:
            return np.empty(0, np.int64)
        body = self.block.octets[: self.tail]
        at = np.flatnonzero(
            (body == _LF) | ((body == _CR) & (self.block.octets[1 : self.tail + 1] != _LF))
        )
        if not len(at):
            return at
        return at[at < self.ends[np.searchsorted(self.starts, at, "right") - 1]]

    def _outside_quotes(self, at: Positions) -> Positions:
        cells = np.searchsorted(self.bounds, at, "right") - 1
        return at[~self.are_quoted(self.bounds[cells])]


def lay_out(block: Block, dialect: Dialect, events_at_once: int | None = None) -> Layout:
    """Find the records and cells of a block.

    Where every byte is a delimiter, a line end or a quote, positions take a hundred times the
    memory of the bytes; so at most `events_at_once` of these are looked at, unless the first record
    alone has more.
    """
    body = block.window[: block.size + 1]
    mask = body == ord(dialect.delimiter)
    mask |= body == ord(dialect.line_end)
    quote = dialect.quote_byte
    if has_quotes := bool(quote) and block.data.find(quote, PAD) >= 0:
        mask |= body == ord(quote)
    events = np.flatnonzero(mask)
    # The first event is the line end before the body.
    if events_at_once is not None and len(events) > events_at_once + 1:
        first = events[: events_at_once + 1].copy()
        layout = _lay_out(block, dialect, first, has_quotes, partial=True)
        if layout.records:
            return layout
    return _lay_out(block, dialect, events, has_quotes, partial=False)


def _lay_out(
    block: Block, dialect: Dialect, events: Positions, has_quotes: bool, *, partial: bool
) -> Layout:
    window, line_end = block.window, ord(dialect.line_end)
    blanks = find_blanks(window, dialect.delimiter) if dialect.trim else None
    quoting: Quoting | None = None
    bounds = events
    if has_quotes:
        marks = Marks(ord(dialect.delimiter), line_end, ord(dialect.quote_byte))
        quoting = resolve_quotes(window, events, marks, blanks)
        bounds = quoting.bounds
    ends_record = np.flatnonzero(window[bounds] == line_end)
    after = bounds[ends_record]
    starts, ends = after[:-1], after[1:] - 1
    carriages: Positions | None = None
    if line_end != _CR and block.data.find(b"\r", PAD) >= 0:
        has_carriage = (window[ends] == _CR).astype(np.int64)
        ends, carriages = ends - has_carriage, has_carriage
    lines = np.arange(len(after)) if quoting is None else quoting.lines
    return Layout(
        block=block,
        dialect=dialect,
        starts=starts,
        ends=ends,
        cells=np.diff(ends_record),
        first_cells=ends_record[:-1],
        lines=lines[:-1],
        bounds=bounds[: ends_record[-1] + 1],
        carriages=carriages,
        quoting=quoting,
        blanks=blanks,
        tail=int(after[-1]),
        tail_lines=int(lines[-1]),
        partial=partial,
    )
