"""Rejected records as a reader gives them: from their cells, with the places that they had."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from import_assets.formats import faults as csv_faults
from import_assets.formats.rows import null_cursor
from import_assets.pipeline.cells import BROKEN, NOT_READ, TOO_FEW
from import_assets.pipeline.typedcells import TEXT_KINDS, retyped
from import_assets.records import (
    REJECTS,
    ColumnKind,
    Fault,
    Records,
    Reject,
    as_text,
    rejects_frame,
)
from import_assets.spec.models import ImportSpec
from import_assets.warehouse.ledger import Entry

_AT_ONCE = 50_000
_BREAK = r"[\r\n]"


def readers_of(spec: ImportSpec, first: Entry, records: pl.DataFrame) -> Iterator[OwnReader]:
    """Yield readers of the rejected records of one delivery, at least one.

    All cells of a reader's column are typed, or all are texts. So those records are with one reader
    that have the same cells which are not of their column's kind, since they were mended.

    Args:
        spec: the import as it is now.
        first: the delivery that they came with.
        records: `record`, `line`, `faults`, `raw`, `cells` in the order of the delivery's columns,
            and `changed` where these are not those that were refused.
    """
    texts = unlisted(records["cells"], first.header)
    for places, frame, typed in retyped(texts, first.written["kinds"]):
        yield OwnReader(spec, first, records[places], frame, typed)


class OwnReader:
    """Rejected records of one delivery, in blocks.

    A record whose cells could not be told, and that nobody mended, is refused once more for what it
    was refused for, unless the definition takes such records by now.
    """

    def __init__(
        self,
        spec: ImportSpec,
        first: Entry,
        records: pl.DataFrame,
        frame: pl.DataFrame,
        typed: Collection[str],
    ) -> None:
        """Take the records, as `readers_of` has them, and their cells; some columns are typed."""
        written = first.written
        self.header = first.header
        self.format: str = written["format"]
        self.row: str = written["row"]
        self.delimiter: str = written["delimiter"]
        self.encoding: str = written["encoding"]
        self.warnings: tuple[str, ...] = ()
        self.declared: Mapping[str, ColumnKind] = written["kinds"]
        self.kinds: Mapping[str, ColumnKind] = {
            name: kind
            for name, kind in self.declared.items()
            if kind in TEXT_KINDS or name in typed
        }
        self._frame = frame
        self._records = records
        self._rules = _Rules.of(spec, self.format, self.header)

    def __iter__(self) -> Iterator[Records]:
        """Give the records in blocks, at least one block."""
        for start in range(0, max(self._records.height, 1), _AT_ONCE):
            records = self._records.slice(start, _AT_ONCE)
            frame = self._frame.slice(start, _AT_ONCE)
            yield self._block(records, frame)

    def refused_cells(self, rejects: pl.DataFrame) -> pl.DataFrame:
        """See `KnowsCells.refused_cells`."""
        return self._records.select("record", "cells").join(rejects, on="record", how="semi")

    def _block(self, records: pl.DataFrame, frame: pl.DataFrame) -> Records:
        unread = self._rules.unread(records)
        again = records.filter(unread).select(*REJECTS)
        records, frame = records.filter(~unread), frame.filter(~unread)
        rejects = rejects_frame(self._rules.faulty(records, frame, self.header))
        good = ~records["record"].is_in(rejects["record"].implode())
        records, frame = records.filter(good), frame.filter(good)
        return Records(
            frame=frame,
            record=records["record"],
            line=records["line"],
            raw=_Raw(records, frame),
            rejects=pl.concat([again, rejects]).sort("record"),
        )


@dataclass(frozen=True)
class _Rules:
    """What the format of the delivery asks of a record, as far as the definition decides it."""

    takes: frozenset[str]
    line_breaks: bool
    cursor: str | None

    @classmethod
    def of(cls, spec: ImportSpec, format_: str, header: Sequence[str]) -> _Rules:
        breaks = format_ != "csv" or spec.csv.line_breaks == "keep"
        takes = {BROKEN} if breaks else set[str]()
        if format_ == "csv" and spec.csv.pad_short:
            takes.add(TOO_FEW)
        cursor = spec.source.database.cursor if spec.source.database is not None else None
        return cls(frozenset(takes), breaks, cursor if cursor in header else None)

    def unread(self, records: pl.DataFrame) -> pl.Series:
        """Tell which records are refused for what they were refused for before."""
        reasons = [one for one in NOT_READ if one not in self.takes]
        refused = pl.element().struct.field("reason").is_in(reasons)
        still = pl.col("faults").list.eval(refused).list.any() & ~pl.col("changed")
        unknown = pl.col("cells").is_null()
        return records.select(still | unknown).to_series()

    def faulty(
        self, records: pl.DataFrame, frame: pl.DataFrame, header: Sequence[str]
    ) -> Iterator[Reject]:
        """Yield rejects of records that have a line break in a cell, or nothing in the cursor."""
        wrong = pl.Series([False]).new_from_index(0, frame.height)
        if not self.line_breaks:
            for name in header:
                wrong |= frame[name].str.contains(_BREAK).fill_null(value=False)
        if self.cursor is not None:
            wrong |= frame[self.cursor].is_null()
        for at in wrong.arg_true().to_list():
            record = records.row(at, named=True)
            cells = frame.row(at, named=True)
            found = list(self._faults(cells, record["line"]))
            raw = _Raw(records, frame).take([at])[0]
            yield Reject(record["record"], record["line"], raw, found)

    def _faults(self, cells: Mapping[str, Any], line: int) -> Iterator[Fault]:
        for number, (name, value) in enumerate(cells.items()):
            if not self.line_breaks and value is not None and re.search(_BREAK, value):
                yield csv_faults.line_break(number, name, value, line)
            if name == self.cursor and value is None:
                yield null_cursor(name)


@dataclass(frozen=True)
class _Raw:
    """The raw text of records: as it was, or of those that were mended their cells as CSV."""

    records: pl.DataFrame
    frame: pl.DataFrame

    def take(self, rows: Sequence[int]) -> list[str]:
        """See `RawText.take`."""
        taken = self.records[list(rows)]
        cells = self.frame[list(rows)]
        texts = pl.DataFrame([as_text(column) for column in cells])
        return [
            _as_csv(values) if changed else raw
            for raw, changed, values in zip(
                taken["raw"], taken["changed"], texts.iter_rows(), strict=True
            )
        ]


def _as_csv(cells: Sequence[str | None]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def unlisted(cells: pl.Series, header: Sequence[str]) -> pl.DataFrame:
    """Return lists of cells as columns; of a record without any, all are null."""
    return pl.DataFrame(
        [
            cells.list.get(at, null_on_oob=True).cast(pl.String).alias(name)
            for at, name in enumerate(header)
        ]
    )
