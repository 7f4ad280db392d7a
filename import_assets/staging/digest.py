"""The 128-bit digest by which equal events are known (M067, D24)."""

from __future__ import annotations

from functools import cache

import duckdb
import polars as pl

from import_assets.warehouse.sql import frame, interruptible


def digests(canonical: pl.Series) -> pl.Series:
    """Return the MD5 of each text as 32 hexadecimal digits.

    MD5 is a fixed algorithm, so digests stay the same whichever library or version computes them;
    equality, not secrecy, is what they are for.
    """
    texts = pl.DataFrame({"text": canonical}).to_arrow(compat_level=pl.CompatLevel.newest())
    with _database().cursor() as connection, interruptible(connection):
        connection.register("texts", texts)
        return frame(connection, "SELECT md5(text) AS digest FROM texts")["digest"]


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """Return a database in memory for all digests: one per block would cost more than its texts."""
    return duckdb.connect(":memory:")
