"""From cells to typed values: what every type's parser has in common.

A parser works in two speeds. Its `quick` readings are polars expressions, each for one usual way of
writing; the one that fits the block's first cell is evaluated for the whole block, together with
those of all other columns. The cells it leaves null are trimmed and then offered to every quick
reading and to each step of `slow`, in order; each sees only what the one before it left. What none
could type is a bad cell, and `explain` says why. At last `settle` nulls values that are nothing.

Every reading is sound: a value it returns denotes exactly what the cell says. So it may give up on
cells it is not made for, but never guess, and it does not matter which one comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa


class Why(NamedTuple):
    """Why a cell is refused: a stable reason code and a sentence that says what to do."""

    reason: str
    message: str


Quick = Callable[[pl.Expr], pl.Expr]
"""Types the cells of a String column; null where it does not apply, blank cells included."""

Step = Callable[[pl.Series], pl.Series]
"""Types the trimmed, non-blank cells of a String series; null where it does not apply."""

WHITE_SPACE = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
    "\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""What polars trims; Python's own strip() takes four control characters more."""

_CELL = "cell"
_SAMPLE = 1_000
"""How many cells are looked through for the first that is not empty."""


def _as_it_is(typed: pl.Series) -> pl.Series:
    return typed


def _refuses_nothing(text: str) -> Why:
    raise ValueError(f"{text!r} cannot have been refused by a type that takes every cell")


@dataclass(frozen=True)
class Parser:
    """How the cells of one column become values of one type."""

    dtype: pl.DataType
    quick: Sequence[Quick] = field(default=())
    slow: Sequence[Step] = field(default=())
    explain: Callable[[str], Why] = field(default=_refuses_nothing)
    settle: Callable[[pl.Series], pl.Series] = field(default=_as_it_is)

    def expression(self, raw: pl.Series) -> pl.Expr:
        """Return the quick reading of a column that suits its first cell."""
        if not self.quick:
            return pl.repeat(None, pl.len(), dtype=self.dtype)
        chosen = self.quick[0]
        if len(self.quick) > 1:
            sample = raw.head(_SAMPLE).drop_nulls().head(1).str.strip_chars()
            fitting = (q for q in self.quick if self._applied(q, sample).null_count() < len(sample))
            chosen = next(fitting, chosen)
        return chosen(pl.col(raw.name))

    def finish(self, raw: pl.Series, typed: pl.Series) -> tuple[pl.Series, pl.Series | None]:
        """Give the cells that the quick reading left null their second chance.

        Args:
            raw: the cells as in the file; null = empty.
            typed: `expression` of them, evaluated.

        Returns:
            The typed series, and a Boolean mask of the bad cells, or None where there are none.
        """
        filled, bad = self._filled(raw, typed)
        return self.settle(filled), bad

    def _filled(self, raw: pl.Series, typed: pl.Series) -> tuple[pl.Series, pl.Series | None]:
        if typed.null_count() == raw.null_count():
            return typed, None
        left = (typed.is_null() & raw.is_not_null()).arg_true()
        cells = raw.gather(left).str.strip_chars()
        filled = cells != ""
        left, cells = left.filter(filled), cells.filter(filled)
        again = (partial(self._applied, quick) for quick in self.quick)
        for step in (*again, *self.slow):
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
        typed, bad = self.finish(raw, evaluate(raw.to_frame(), [self.expression(raw)]).to_series())
        return typed.to_list()[0] if bad is None else self.explain(text.strip(WHITE_SPACE))

    @staticmethod
    def _applied(quick: Quick, cells: pl.Series) -> pl.Series:
        return evaluate(cells.to_frame(_CELL), [quick(pl.col(_CELL))]).to_series()


def evaluate(frame: pl.DataFrame, expressions: Sequence[pl.Expr]) -> pl.DataFrame:
    """Evaluate expressions together; unlike in an eager select, shared parts are computed once."""
    return frame.lazy().select(expressions).collect()


def per_distinct(function: Callable[[Any], Any], dtype: pl.DataType) -> Step:
    """Return a step that calls a Python function once for each distinct value."""

    def step(cells: pl.Series) -> pl.Series:
        distinct = cells.unique()
        values = [function(text) for text in distinct]
        found = _lists(values) if dtype == pl.List(pl.String) else values
        known = pl.DataFrame({_CELL: distinct, "value": pl.Series(found, dtype=dtype)})
        return cells.to_frame(_CELL).join(known, on=_CELL, how="left", maintain_order="left")[
            "value"
        ]

    return step


def _lists(values: Sequence[list[str] | None]) -> pa.Array:
    """Return lists of texts as an array; polars would make a series of its own for each list.

    Their parts come by way of polars: to make an array of a Python list, pyarrow imports pandas.
    """
    ends = accumulate((len(value or ()) for value in values), initial=0)
    texts = [text for value in values for text in value or ()]
    return pa.LargeListArray.from_arrays(
        pl.Series([*ends], dtype=pl.Int64).to_arrow(),
        pl.Series(texts, dtype=pl.String).to_arrow(),
        mask=pl.Series([value is None for value in values], dtype=pl.Boolean).to_arrow(),
    )


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
