"""From cells to typed values: what every type's parser has in common.

A parser works in two speeds. `fast` is one polars expression; the fast expressions of all columns
are evaluated together, once a block. The cells it leaves null are trimmed and then offered to
`fast` again and to each step of `slow`, in order; each step sees only what the one before it left.
What no step could type is a bad cell, and `explain` says why.

Every step is sound: a value it returns denotes exactly what the cell says. So a step may give up on
cells it is not made for, but never guess.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import polars as pl


class Why(NamedTuple):
    """Why a cell is refused: a stable reason code and a sentence that says what to do."""

    reason: str
    message: str


Step = Callable[[pl.Series], pl.Series]
"""Types the trimmed, non-blank cells of a String series; null where it does not apply."""

WHITE_SPACE = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
    "\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""What polars trims; Python's own strip() takes four control characters more."""

_CELL = "cell"


@dataclass(frozen=True)
class Parser:
    """How the cells of one column become values of one type.

    `fast` must return null for a blank cell, and for text simply the cell itself; it never raises.
    """

    dtype: pl.DataType
    fast: Callable[[pl.Expr], pl.Expr]
    slow: Sequence[Step] = field(default=())
    explain: Callable[[str], Why] = field(default=lambda _: Why("bad_value", "Mend the value."))

    def finish(self, raw: pl.Series, typed: pl.Series) -> tuple[pl.Series, pl.Series | None]:
        """Give the cells that `fast` left null their second chance.

        Args:
            raw: the cells as in the file; null = empty.
            typed: `fast` of them.

        Returns:
            The typed series, and a Boolean mask of the bad cells, or None where there are none.
        """
        if typed.null_count() == raw.null_count():
            return typed, None
        left = (typed.is_null() & raw.is_not_null()).arg_true()
        cells = raw.gather(left).str.strip_chars()
        filled = cells != ""
        left, cells = left.filter(filled), cells.filter(filled)
        for step in (self._fast_step, *self.slow):
            if left.is_empty():
                return typed, None
            values = step(cells)
            done = values.is_not_null()
            if done.any():
                typed = _put(typed, left.filter(done), values.filter(done))
                left, cells = left.filter(~done), cells.filter(~done)
        if left.is_empty():
            return typed, None
        bad = pl.repeat(False, len(raw), eager=True, dtype=pl.Boolean()).scatter(left, True)
        return typed, bad

    def one(self, text: str) -> Any | Why:
        """Type a single cell, such as a static value; None = blank."""
        raw = pl.Series(_CELL, [text], dtype=pl.String)
        typed, bad = self.finish(raw, self._fast_step(raw))
        return typed.to_list()[0] if bad is None else self.explain(text.strip(WHITE_SPACE))

    def _fast_step(self, cells: pl.Series) -> pl.Series:
        return cells.to_frame(_CELL).select(self.fast(pl.col(_CELL))).to_series()


def per_distinct(function: Callable[[str], Any], dtype: pl.DataType) -> Step:
    """Return a step that calls a Python function once for each distinct cell."""

    def step(cells: pl.Series) -> pl.Series:
        distinct = cells.unique()
        values = pl.Series("value", [function(text) for text in distinct], dtype=dtype)
        known = pl.DataFrame({_CELL: distinct, "value": values})
        return cells.to_frame(_CELL).join(known, on=_CELL, how="left", maintain_order="left")[
            "value"
        ]

    return step


def never(dtype: pl.DataType) -> Callable[[pl.Expr], pl.Expr]:
    """Return a fast expression for types that have none: it leaves every cell to the slow steps."""
    return lambda _: pl.repeat(None, pl.len(), dtype=dtype)


def _put(typed: pl.Series, positions: pl.Series, values: pl.Series) -> pl.Series:
    """Return `typed` with `values` at `positions`; Series.scatter does not know lists."""
    if len(values) == len(typed):
        return values.alias(typed.name)
    if not isinstance(typed.dtype, pl.List):
        return typed.scatter(positions, values)
    index = (
        pl.int_range(len(typed), eager=True)
        .cast(pl.Int64())
        .scatter(positions, pl.int_range(len(typed), len(typed) + len(values), eager=True))
    )
    return pl.concat([typed, values.alias(typed.name)]).gather(index)
