"""What the quotes of a block of CSV mean: opening, closing, doubled, plain text or wrong.

A quote opens a cell only at the cell's very beginning; anywhere else in an unquoted cell it is
text. Inside a quoted cell two quotes are one quote of text and a single one closes the cell, after
which only a delimiter or a line end may follow.

Quotes that touch form a *run*. What a run does depends on its length, on the byte before it and on
whether it lies inside a quoted cell:

======  =====================  ======================  =========================================
length  byte before            outside a quoted cell   inside a quoted cell
======  =====================  ======================  =========================================
odd     delimiter, line end    opens a cell            closes the cell
odd     other                  text                    closes the cell
even    delimiter, line end    a whole quoted cell     text
even    other                  text                    text
======  =====================  ======================  =========================================

So an odd run after a delimiter or a line end swaps inside and outside, an odd run after anything
else leads outside, and an even run changes nothing. The state at any run is therefore the number
of swaps since the last run that leads outside, and comes out of one running sum and one running
maximum. The one thing that does not fit is a bad quote: its record ends with its line, whatever
quotes follow in that line. Where these leave a cell open across the line's end, the state is
mended there and the search goes on behind it, in steps that begin small and double.

Where cells are trimmed, the byte before a run and the one behind it are the nearest that are not
white space; all else stays as it is. A run that white space parts from another one comes behind a
quote, not behind a delimiter: if the other closed a cell, that was a bad quote, and if it was text
inside a cell, this one is inside too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from import_assets.formats.blanks import skip_backward, skip_forward

_LF, _CR = 10, 13
_FIRST_STEP = 64

Positions = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Quoting:
    """The quotes of a block, explained.

    `bounds`: positions behind every delimiter and line end that stand outside quoted cells,
    counted in the body; the first is 0.
    `lines`: for each line end among `bounds`, the number of line ends in the body up to it,
    quoted ones included; the first is 0.
    `bad`: positions of the closing quotes that something other than an end of the cell follows.
    `surplus`: positions of the second quote of each doubled one.
    """

    bounds: Positions
    lines: Positions
    bad: Positions
    surplus: Positions


@dataclass(frozen=True)
class _Runs:
    """The runs of quotes, in order; positions count in the window."""

    event: Positions
    first: Positions
    length: Positions
    begins_cell: Flags
    ends_cell: Flags

    @property
    def last(self) -> Positions:
        return self.first + self.length - 1


@dataclass(frozen=True)
class _States:
    """For each run, whether it is met and left inside a quoted cell; where states were mended."""

    before: Flags
    after: Flags
    bad: Positions
    mended: Positions


@dataclass(frozen=True)
class Marks:
    """The bytes that mean something: the delimiter, the line end (LF or CR) and the quote."""

    delimiter: int
    line_end: int
    quote: int


def resolve_quotes(
    window: NDArray[np.uint8], events: Positions, marks: Marks, blanks: Flags | None
) -> Quoting:
    """Explain the quotes of a block.

    Args:
        window: The line end before the body, the body and the pad behind it.
        events: Positions in `window` of every delimiter, line end and quote; the first is 0, the
            line end before the body.
        marks: The bytes that these are.
        blanks: Which bytes of `window` are white space to look through; None for none.
    """
    kinds = window[events]
    is_quote = kinds == marks.quote
    is_line_end = kinds == marks.line_end
    runs = _find_runs(window, events, is_quote, marks, blanks)
    line_ends = events[is_line_end]
    states = _find_states(runs, line_ends)
    outside = ~(_inside(runs, states, events) | is_quote)
    return Quoting(
        bounds=events[outside],
        lines=np.flatnonzero(outside[is_line_end]),
        bad=runs.last[states.bad] - 1,
        surplus=_surplus(runs, states),
    )


def _find_runs(
    window: NDArray[np.uint8],
    events: Positions,
    is_quote: Flags,
    marks: Marks,
    blanks: Flags | None,
) -> _Runs:
    event = np.flatnonzero(is_quote)
    first = events[event]
    begins = np.ones(len(first) + 1, np.bool_)
    np.not_equal(np.diff(first), 1, out=begins[1:-1])
    at = np.flatnonzero(begins)
    length = np.diff(at)
    event, first = event[at[:-1]], first[at[:-1]]
    before, behind = first - 1, first + length
    if blanks is not None:
        before, behind = skip_backward(blanks, before), skip_forward(blanks, behind)
    begins_cell = _is_end(window[before], marks)
    ends_cell = _is_end(window[behind], marks)
    if marks.line_end == _LF:
        crs = np.flatnonzero(window[behind] == _CR)
        ends_cell[crs] = window[behind[crs] + 1] == _LF
    return _Runs(event, first, length, begins_cell, ends_cell)


def _is_end(bytes_: NDArray[np.uint8], marks: Marks) -> Flags:
    return (bytes_ == marks.delimiter) | (bytes_ == marks.line_end)


def _find_states(runs: _Runs, line_ends: Positions) -> _States:
    count = len(runs.first)
    odd = (runs.length & 1).astype(np.bool_)
    swaps, leads_outside = odd & runs.begins_cell, odd & ~runs.begins_cell
    before, after = np.empty(count, np.bool_), np.empty(count, np.bool_)
    bad = [np.empty(0, np.int64)]
    mended: list[int] = []
    start, step, inside = 0, count, False
    while start < count:
        stop = _whole_lines(runs, line_ends, start + step)
        swapped = np.cumsum(swaps[start:stop])
        swapped += inside
        base = np.maximum.accumulate(np.where(leads_outside[start:stop], swapped, 0))
        after[start:stop] = (swapped - base) & 1
        before[start] = inside
        before[start + 1 : stop] = after[start : stop - 1]
        part = slice(start, stop)
        closes = np.where(odd[part], before[part], ~before[part] & runs.begins_cell[part])
        wrong = np.flatnonzero(closes & ~runs.ends_cell[part]) + start
        end = _first_stuck(runs, after, line_ends, wrong)
        if end is None:
            start, step, inside = stop, 2 * step, bool(after[stop - 1])
        else:
            mended.append(end)
            wrong = wrong[runs.first[wrong] < end]
            start, step, inside = int(np.searchsorted(runs.first, end)), _FIRST_STEP, False
        bad.append(wrong)
    return _States(before, after, np.concatenate(bad), np.array(mended, np.int64))


def _whole_lines(runs: _Runs, line_ends: Positions, stop: int) -> int:
    """Return where a step may stop: no line may go on behind it, for bad quotes end with it."""
    if stop >= len(runs.first):
        return len(runs.first)
    at = np.searchsorted(line_ends, runs.first[stop - 1])
    if at == len(line_ends):
        return len(runs.first)
    return int(np.searchsorted(runs.first, line_ends[at]))


def _first_stuck(runs: _Runs, after: Flags, line_ends: Positions, wrong: Positions) -> int | None:
    """Return the first line end that closes a badly quoted record but seems to be quoted."""
    if not len(wrong):
        return None
    at = np.searchsorted(line_ends, runs.first[wrong])
    ends = line_ends[at[at < len(line_ends)]]
    stuck = ends[after[np.searchsorted(runs.first, ends) - 1]]
    return int(stuck[0]) if len(stuck) else None


def _inside(runs: _Runs, states: _States, events: Positions) -> Flags:
    """Tell for each event whether the run of quotes before it left a quoted cell open."""
    changes, values = runs.event, states.after
    if len(states.mended):
        mended = np.searchsorted(events, states.mended)
        at = np.searchsorted(changes, mended)
        changes, values = np.insert(changes, at, mended), np.insert(values, at, False)
    spans = np.diff(changes, prepend=0, append=len(events))
    return np.repeat(np.concatenate(([False], values)), spans)


def _surplus(runs: _Runs, states: _States) -> Positions:
    long = np.flatnonzero((runs.length > 1) & (states.before | runs.begins_cell))
    inside = states.before[long]
    # Outside, the first quote of the run opens the cell and the pairs begin behind it.
    pairs = (runs.length[long] - ~inside) // 2
    second = runs.first[long] + np.where(inside, 1, 2)
    behind = np.cumsum(pairs)
    nth = np.arange(behind[-1] if len(behind) else 0) - np.repeat(behind - pairs, pairs)
    return np.repeat(second, pairs) + 2 * nth - 1
