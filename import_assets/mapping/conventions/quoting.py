"""Rules of quotes: what stands in them, and what should (M119, M121, M134, M136, D46).

They are about how cells are written, which their values do not tell any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import polars as pl

from import_assets.mapping.conventions.findings import Rule, found
from import_assets.records import CellQuotes, Records

QUOTE_NOT_DOUBLED = Rule(
    "quote_not_doubled",
    "error",
    "A quote stands inside a value that is not in quotes.",
    'Double the quote and put the whole value in quotes: "21"" monitors".',
)
SPACE_BEFORE_QUOTE = Rule(
    "space_before_quote",
    "warning",
    "White space stands between the delimiter and a quote; Emarsys may take the quote for text.",
    "Take the white space away.",
)
QUOTED_EMPTY = Rule(
    "quoted_empty",
    "warning",
    "A cell without a value is written as two quotes.",
    "Write nothing between the commas.",
)


def quote_findings(records: Records, quote: str) -> Iterator[pl.DataFrame]:
    """Yield what is found of how cells are quoted; `quote` is the character for it."""
    if (quotes := records.quotes) is None:
        return
    for place, name in enumerate(records.frame.columns):
        cells = records.frame[name]
        for rule, broken in _rules(quotes, name, cells, quote):
            mask = broken()
            if mask.any():
                rows = mask.arg_true()
                yield found(rule, rows, cells.gather(rows), place=place, column=name)


def _rules(
    quotes: CellQuotes, name: str, cells: pl.Series, quote: str
) -> Iterator[tuple[Rule, Callable[[], pl.Series]]]:
    quoted = quotes.quoted(name)
    yield QUOTED_EMPTY, lambda: cells.is_null() & quoted
    yield SPACE_BEFORE_QUOTE, lambda: quotes.spaced(name)
    yield (
        QUOTE_NOT_DOUBLED,
        lambda: cells.str.contains(quote, literal=True).fill_null(value=False) & ~quoted,
    )
