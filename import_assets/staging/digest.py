"""The 128-bit digest by which equal events are known (M067, D24)."""

from __future__ import annotations

import duckdb
import polars as pl

from import_assets.warehouse.sql import frame


def digests(canonical: pl.Series) -> pl.Series:
    """Return the MD5 of each text as 32 hexadecimal digits.

    MD5 is a fixed algorithm, so digests stay the same whichever library or version computes them;
    equality, not secrecy, is what they are for.
    """
    connection = duckdb.connect(":memory:")
    try:
        connection.register("texts", pl.DataFrame({"text": canonical}).to_arrow())
        result = frame(connection, "SELECT md5(text) AS digest FROM texts")
    finally:
        connection.close()
    return result["digest"]
