"""The 128-bit digest by which equal events are known (M067, D24)."""

from __future__ import annotations

import hashlib
from functools import cache

import duckdb
import polars as pl

from import_assets.warehouse.sql import frame, interruptible

_FEW = 10_000
"""Up to so many texts are not handed to DuckDB: handing over is slower, and imports pandas."""


def digests(canonical: pl.Series) -> pl.Series:
    """Return the MD5 of each text as 32 hexadecimal digits.

    MD5 is a fixed algorithm, so digests stay the same whichever library or version computes them;
    equality, not secrecy, is what they are for.
    """
    if len(canonical) <= _FEW:
        return pl.Series("digest", [_md5(text) for text in canonical], dtype=pl.String)
    texts = pl.DataFrame({"text": canonical}).to_arrow(compat_level=pl.CompatLevel.newest())
    with _database().cursor() as connection, interruptible(connection):
        connection.register("texts", texts)
        return frame(connection, "SELECT md5(text) AS digest FROM texts")["digest"]


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """Return a database in memory for all digests: to open one takes as long as 25,000 of them."""
    return duckdb.connect(":memory:")
