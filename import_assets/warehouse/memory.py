"""Bounds on memory while something large is read or written."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import duckdb
import pyarrow as pa

from import_assets.warehouse.sql import first_row, literal


@contextmanager
def bounded(connection: duckdb.DuckDBPyConnection, limit: str) -> Iterator[None]:
    """Bound the memory of a database, to a `limit` such as `400MB`, as long as the block runs.

    Afterwards it is what DuckDB takes by itself, most of the machine's.

    DuckDB would keep all that it reads for as long as there is room: gigabytes, read once. What
    does not fit is put aside on the disk. Some things cannot be put aside, such as lists that are
    being put together and the last block of each column: raises duckdb.OutOfMemoryException then.
    A commit and its checkpoint keep to it too, where what a transaction has put aside would be read
    back at once. Where that was measured, a commit did with 90 MB of the 250 that came before.

    Where a statement fails inside a transaction, nothing can be set until that is rolled back: who
    goes on with the connection has to call `unbound` then.
    """
    _set(connection, limit)
    try:
        yield
    finally:
        with suppress(duckdb.Error):
            unbound(connection)


def unbound(connection: duckdb.DuckDBPyConnection) -> None:
    """Let a database take what DuckDB takes by itself, or a hundredth less."""
    connection.execute("RESET memory_limit")
    row = first_row(connection, "SELECT current_setting('memory_limit')")
    if row is not None:
        # After RESET, DuckDB 1.5.5 shows the limit that it should keep to, but does not.
        _set(connection, row[0])


def _set(connection: duckdb.DuckDBPyConnection, limit: str) -> None:
    connection.execute(f"SET memory_limit = {literal(limit)}")


def give_back() -> None:
    """Give memory back to the system that is free and kept for later use by this process."""
    pa.default_memory_pool().release_unused()
    # Only glibc has it; others give back by themselves.
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
