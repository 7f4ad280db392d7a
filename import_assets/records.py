"""Records on their way from a format to a mapping, and the rejects that drop out of it.

A *record* is one row of a delivery. Its number counts from 1 and leaves out the header and blank
lines; its line is the physical line of the file, counted from 1, on which it begins.
A *reject* is a record refused, with all its faults and its raw text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Literal, Protocol

import polars as pl
import pyarrow as pa

ColumnKind = Literal[
    "text",
    "integer",
    "number",
    "decimal",
    "boolean",
    "date",
    "datetime",
    "instant",
    "list",
    "json",
    "element",
]
"""What the cells of a column are: `text`, or what a database said they are.

`datetime` is a local time without an offset, `instant` one that is known in UTC; `list` is one of
texts; `json` is JSON as text; `element` is text, or a JSON list where it occurs several times.
"""

FAULT = pl.Struct(
    {"column": pl.String, "value": pl.String, "reason": pl.String, "message": pl.String}
)
"""One fault of a record. `column` and `value` are null where the record as a whole is at fault."""

_FIELDS = ["column", "value", "reason", "message"]

REJECTS: dict[str, pl.DataType] = {
    "record": pl.Int64(),
    "line": pl.Int64(),
    "faults": pl.List(FAULT),
    "raw": pl.String(),
}
"""The columns of a frame of rejects."""


@dataclass(frozen=True)
class Fault:
    """One fault of a record: a stable `reason` code and a sentence that says what to do."""

    reason: str
    message: str
    column: str | None = None
    value: str | None = None


@dataclass(frozen=True)
class Reject:
    """A refused record, for the few places that build rejects one by one."""

    record: int
    line: int
    raw: str
    faults: Sequence[Fault]


def rejects_frame(rejects: Iterable[Reject] = ()) -> pl.DataFrame:
    """Return the rejects as a frame with the columns `REJECTS`."""
    rows = list(rejects)
    if not rows:
        # Most blocks have none, and this is a small fraction of the way below.
        return pl.DataFrame(schema=REJECTS)
    faults = [fault for row in rows for fault in row.faults]
    # Column by column: from a list of dicts it takes ten times as long.
    # By way of polars: to make an array of a Python list, pyarrow imports all of pandas.
    fields = [
        pl.Series([getattr(fault, name) for fault in faults], dtype=pl.String).to_arrow()
        for name in _FIELDS
    ]
    ends = list(accumulate((len(row.faults) for row in rows), initial=0))
    lists = pa.LargeListArray.from_arrays(
        pl.Series(ends, dtype=pl.Int64).to_arrow(),
        pa.StructArray.from_arrays(fields, names=_FIELDS),
    )
    columns = {
        "record": [row.record for row in rows],
        "line": [row.line for row in rows],
        "faults": pl.Series(lists),
        "raw": [row.raw for row in rows],
    }
    return pl.DataFrame(columns, schema=REJECTS)


def as_text(values: pl.Series) -> pl.Series:
    """Return typed cells as the texts that a file would hold for them.

    Whole numbers in digits, others in as many as tell them apart, without zeros at their end; days
    and times as ISO 8601 has them, those known in UTC with a `Z`; booleans as `true` and `false`;
    lists as JSON.
    """
    dtype = values.dtype
    if dtype == pl.String:
        return values
    if isinstance(dtype, pl.Datetime):
        utc = values.dt.convert_time_zone("UTC") if dtype.time_zone else values
        whole = utc.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f").str.strip_suffix(".000000")
        return whole + "Z" if dtype.time_zone else whole
    if dtype == pl.Date:
        return values.dt.strftime("%Y-%m-%d")
    if isinstance(dtype, pl.List):
        texts = [None if row is None else _json(row) for row in values.to_list()]
        return pl.Series(values.name, texts, dtype=pl.String)
    texts = values.cast(pl.String)
    if isinstance(dtype, pl.Decimal):
        # All values of a block are kept with the digits that one of them needs.
        return texts.str.replace(r"(\.[0-9]*?)0+$", "$1").str.strip_suffix(".")
    return texts


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


class RawText(Protocol):
    """Gives back the raw text of records; kept lazy because few records are rejected."""

    def take(self, rows: Sequence[int]) -> list[str]:
        """Return the raw text of the rows at these positions of the block's frame."""
        ...


class CellQuotes(Protocol):
    """Which cells of the good records of a CSV stand in quotes; both run parallel to the frame."""

    def quoted(self, column: str) -> pl.Series:
        """Return a Boolean series, true where the cell has quotes around it."""
        ...

    def spaced(self, column: str) -> pl.Series:
        """Return a Boolean series, true where white space stands before the opening quote."""
        ...


@dataclass(frozen=True)
class Records:
    """A block of records as a format hands them over.

    `frame` has one column per column of the file, named as in the header; an empty cell is null.
    Columns are String where the source knows text only, and typed where it is a database (see
    `ColumnKind`). `record` and `line` (Int64) run parallel to it. `rejects` holds the records of
    the same stretch of the file that the format itself refused (ragged, badly quoted, undecodable).
    `quotes` is None where nothing is in quotes, or nothing is known of them.
    """

    frame: pl.DataFrame
    record: pl.Series
    line: pl.Series
    raw: RawText
    rejects: pl.DataFrame = field(default_factory=rejects_frame)
    blank: int = 0
    quotes: CellQuotes | None = None

    @property
    def read(self) -> int:
        """Number of records in this block, refused ones included, blank lines not."""
        return self.frame.height + self.rejects.height


@dataclass(frozen=True)
class RowText:
    """The raw text of typed records: the row as JSON, cells without a value left out."""

    frame: pl.DataFrame

    def take(self, rows: Sequence[int]) -> list[str]:
        """See `RawText.take`."""
        taken = self.frame[list(rows)]
        texts = taken.with_columns(as_text(column) for column in taken)
        return [
            _json({name: value for name, value in row.items() if value is not None})
            for row in texts.iter_rows(named=True)
        ]
