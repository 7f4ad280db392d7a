"""Reading CSV in tests: one call, and everything in plain Python values."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import polars as pl

from import_assets.formats.csv import BLOCK_BYTES, CsvReader, open_csv
from import_assets.records import REJECTS
from import_assets.spec.formats import CsvFormat
from import_assets.spec.models import Limits


class Trickle(io.RawIOBase):
    """A stream that hands out a few bytes at a time, whatever is asked for."""

    def __init__(self, data: bytes, step: int) -> None:
        self._data = io.BytesIO(data)
        self._step = step

    def read(self, size: int = -1) -> bytes:
        return self._data.read(self._step if size < 0 else min(size, self._step))


@dataclass(frozen=True)
class Good:
    record: int
    line: int
    cells: tuple[str | None, ...]
    raw: str


@dataclass(frozen=True)
class Bad:
    record: int
    line: int
    reasons: tuple[str, ...]
    raw: str


@dataclass(frozen=True)
class Contents:
    header: tuple[str, ...]
    good: list[Good]
    bad: list[Bad]
    blank: int
    reader: CsvReader

    @property
    def rows(self) -> list[tuple[str | None, ...]]:
        return [good.cells for good in self.good]

    @property
    def reasons(self) -> list[tuple[str, ...]]:
        return [bad.reasons for bad in self.bad]


def read_csv(
    data: bytes,
    *,
    limits: Limits | None = None,
    block_bytes: int = BLOCK_BYTES,
    step: int = 1 << 20,
    **csv: Any,
) -> Contents:
    """Read a whole file and check what must hold for every block."""
    stream: Any = Trickle(data, step)
    reader = open_csv(
        stream, CsvFormat(**csv), limits or Limits(), "file.csv", block_bytes=block_bytes
    )
    good: list[Good] = []
    bad: list[Bad] = []
    blank = 0
    for block in reader:
        assert block.frame.schema == dict.fromkeys(reader.header, pl.String)
        assert block.rejects.schema == REJECTS
        assert len(block.record) == len(block.line) == block.frame.height
        raw = block.raw.take(range(block.frame.height))
        good += [
            Good(*row)
            for row in zip(block.record, block.line, block.frame.rows(), raw, strict=True)
        ]
        bad += [
            Bad(row["record"], row["line"], tuple(f["reason"] for f in row["faults"]), row["raw"])
            for row in block.rejects.rows(named=True)
        ]
        blank += block.blank
    return Contents(reader.header, good, bad, blank, reader)


def first_fault(data: bytes, **csv: Any) -> dict[str, Any]:
    """Return the first fault of the first reject of a file."""
    reader = open_csv(io.BytesIO(data), CsvFormat(**csv), Limits(), "file.csv")
    for block in reader:
        if block.rejects.height:
            return block.rejects["faults"][0][0]
    raise AssertionError("nothing was rejected")
