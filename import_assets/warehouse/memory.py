"""Bounds on DuckDB's memory while something large is read once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from import_assets.warehouse.sql import literal


@contextmanager
def bounded(connection: duckdb.DuckDBPyConnection, limit: str) -> Iterator[None]:
    """Bound the memory of a database, to a `limit` such as `400MB`, as long as the block runs.

    Afterwards it is what DuckDB takes by itself, most of the machine's.

    DuckDB would keep all that it reads for as long as there is room: gigabytes, read once. What
    does not fit is put aside on the disk. Writing is no use for it: rows with hundreds of columns
    cannot be put aside, and fail.
    """
    connection.execute(f"SET memory_limit = {literal(limit)}")
    try:
        yield
    finally:
        # What it was is told in rounded units: set again and again, it would shrink.
        connection.execute("RESET memory_limit")
