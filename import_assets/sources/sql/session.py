"""An open connection to a database, that reads one SELECT block by block."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import polars as pl

from import_assets.records import ColumnKind
from import_assets.sources.rows import unsupported_type
from import_assets.sources.sql.faults import Faults
from import_assets.sources.sql.values import Binary, SqlColumn, to_series
from import_assets.sources.uncollected import uncollected

FIRST_ROWS = 100
FETCH_ROWS = 10_000
"""How many rows are asked for at once: more is slower, since they no longer fit the cache."""

_FETCH_BYTES = 8_000_000
BLOCK_ROWS = 50_000
BLOCK_BYTES = 32_000_000
"""How much memory the rows of one block shall take up, about."""


@dataclass(frozen=True)
class Result:
    """What a SELECT gives: its columns, known before the first row, and its rows in blocks."""

    columns: tuple[SqlColumn, ...]
    blocks: Iterable[pl.DataFrame]

    @property
    def declared(self) -> dict[str, ColumnKind]:
        """What the database says that columns are, where it does."""
        return {one.name: kind for one in self.columns if (kind := one.declared) is not None}

    @property
    def json(self) -> frozenset[str]:
        """The columns that hold JSON."""
        return frozenset(column.name for column in self.columns if column.kind == "json")


class Session(ABC):
    """A connection to one database, in one transaction that may only read.

    All errors of the driver come out as those of `Faults`. It is closed with its block, whatever is
    left to read.
    """

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.deadline = Deadline(faults)

    @abstractmethod
    def quoted(self, identifier: str) -> str:
        """Return an identifier as the database wants it quoted."""

    @abstractmethod
    def select(self, statement: str, value: Any = None, most: int | None = None) -> Result:
        """Run a SELECT, of which at most `most` rows are read; one such session runs one at a time.

        Args:
            statement: the SQL, with `PLACEHOLDER` where `value` belongs.
            value: None for none.
            most: None for all.
        """

    @abstractmethod
    def close(self) -> None:
        """Drop the connection."""

    def columns(self, query: str) -> tuple[SqlColumn, ...]:
        """Return the columns of a query without reading a row."""
        result = self.select(f"SELECT * FROM ({query}\n) q WHERE 1 = 0")
        for _ in result.blocks:
            pass
        return result.columns

    def limited(self, query: str, rows: int) -> str:
        """Return a query that gives the first so many rows of another."""
        return f"SELECT * FROM ({query}\n) q LIMIT {rows}"


PLACEHOLDER = "\x00"
"""Stands in a statement where its one value belongs; no SQL can hold this character."""


class Deadline:
    """The moment at which a query has taken too long (D43)."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._at = time.monotonic() + faults.timeout

    def check(self) -> None:
        """Raise SourceError once it has passed."""
        if time.monotonic() >= self._at:
            raise self._faults.error("timeout", "")

    @contextmanager
    def interrupting(self, interrupt: Callable[[], object]) -> Iterator[None]:
        """Call `interrupt` from another thread should it pass while the block runs."""
        timer = threading.Timer(max(0.0, self._at - time.monotonic()), interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            # One that has begun must not interrupt what comes next.
            timer.join()


def blocks(
    fetch: Callable[[int], Sequence[Sequence[Any]]],
    columns: Sequence[SqlColumn],
    session: Session,
    most: int | None,
) -> Iterator[pl.DataFrame]:
    """Yield what `fetch` gives, which is asked for a number of rows until it has none.

    There is one block at least. How rows are divided into blocks depends on nothing but the rows,
    so that equal results are equal blocks.
    """
    waiting: list[pl.DataFrame] = []
    rows = size = 0
    for frame in _fetched(fetch, columns, session, most):
        full = rows >= BLOCK_ROWS or size >= BLOCK_BYTES
        if waiting and (full or frame.schema != waiting[0].schema):
            yield pl.concat(waiting)
            waiting, rows, size = [], 0, 0
        waiting.append(frame)
        rows, size = rows + frame.height, size + int(frame.estimated_size())
    yield pl.concat(waiting)


def _fetched(
    fetch: Callable[[int], Sequence[Sequence[Any]]],
    columns: Sequence[SqlColumn],
    session: Session,
    most: int | None,
) -> Iterator[pl.DataFrame]:
    """Yield frames of at most `FETCH_ROWS` rows, fewer where rows are large; one at least."""
    ask, left, some = FIRST_ROWS, most, False
    while left is None or left > 0:
        session.deadline.check()
        with uncollected():
            rows = fetch(ask if left is None else min(ask, left))
            frame = frame_of(rows, columns, session.faults.file)
        if rows or not some:
            yield frame
        if not rows:
            return
        some = True
        left = None if left is None else left - len(rows)
        bytes_a_row = max(1.0, frame.estimated_size() / len(rows))
        ask = max(1, min(FETCH_ROWS, ask * 10, int(_FETCH_BYTES / bytes_a_row)))


def frame_of(
    rows: Sequence[Sequence[Any]], columns: Sequence[SqlColumn], file: str
) -> pl.DataFrame:
    """Return rows as a frame, converted column by column.

    Raises:
        FileRefused: a column holds bytes (`unsupported_type`).
    """
    cells = zip(*rows, strict=True) if rows else ((),) * len(columns)
    series = []
    for column, values in zip(columns, cells, strict=True):
        try:
            series.append(to_series(column, values))
        except Binary as error:
            raise unsupported_type(column.name, "bytes", file) from error
    return pl.DataFrame(series)
