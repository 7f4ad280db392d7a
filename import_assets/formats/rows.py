"""The rows of a query as records: typed, and so without anything to be read.

=====================  =====================================================================
reason of a reject     the record
=====================  =====================================================================
`null_cursor`          has nothing in the column by which the import knows what is new
=====================  =====================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict

import polars as pl

from import_assets.records import REJECTS, ColumnKind, Fault, Records, RowText

NULL_CURSOR = "null_cursor"
"""The reason of a reject that the import could not know as one that it has read before."""


class RowsReader:
    """The rows of one query, in blocks, read once.

    A record's line is its number: a query has no lines.
    """

    format = "rows"
    row = ""
    delimiter = ""
    encoding = ""
    warnings: tuple[str, ...] = ()

    def __init__(
        self,
        blocks: Iterable[pl.DataFrame],
        kinds: Mapping[str, ColumnKind],
        schema: pl.Schema,
        *,
        declared: Mapping[str, ColumnKind] | None = None,
        cursor: str | None = None,
    ) -> None:
        """Take the rows.

        Args:
            blocks: the rows, in frames of `schema`.
            kinds: what the cells of each column are.
            schema: names and polars types of the columns.
            declared: what the database says that columns are, where it does.
            cursor: the column that every row has to have, if there is one.
        """
        self.header = tuple(schema)
        self.kinds = kinds
        self.declared = declared or {}
        self._blocks = blocks
        self._schema = schema
        self._cursor = cursor

    def __iter__(self) -> Iterator[Records]:
        """Give the rows in blocks, at least one block, which may be empty."""
        read, silent = 0, True
        for block in self._blocks:
            yield self._records(block, read)
            read, silent = read + block.height, False
        if silent:
            yield self._records(self._schema.to_frame(), 0)

    def _records(self, block: pl.DataFrame, before: int) -> Records:
        number = pl.int_range(before + 1, before + block.height + 1, dtype=pl.Int64, eager=True)
        frame = block.with_columns(number.alias(_NUMBER))
        rejects = frame.clear()
        if self._cursor is not None:
            lacking = pl.col(self._cursor).is_null()
            frame, rejects = frame.filter(~lacking), frame.filter(lacking)
        record, rows = frame[_NUMBER], frame.drop(_NUMBER)
        return Records(
            frame=rows,
            record=record.alias("record"),
            line=record.alias("line"),
            raw=RowText(rows),
            rejects=self._rejects(rejects),
        )

    def _rejects(self, refused: pl.DataFrame) -> pl.DataFrame:
        raw = RowText(refused.drop(_NUMBER)).take(range(refused.height))
        fault = asdict(null_cursor(self._cursor or ""))
        return pl.DataFrame(
            {
                "record": refused[_NUMBER],
                "line": refused[_NUMBER],
                "faults": [[fault]] * refused.height,
                "raw": raw,
            },
            schema=REJECTS,
        )


def null_cursor(column: str) -> Fault:
    """A row has nothing in the column by which the import knows what is new."""
    return Fault(
        NULL_CURSOR,
        f"There is nothing in {column}, by which this import knows what is new; fill it in: the "
        "row is reported at each start until then.",
        column,
    )


_NUMBER = "\0number"
"""No column of a query is called so."""
