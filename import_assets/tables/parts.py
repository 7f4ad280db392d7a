"""Parts of a large batch, each applied by itself, so that memory does not grow with the batch.

A part has the rows of some customers, and all of theirs: what is folded by customer is not torn.
"""

from __future__ import annotations

import math

import duckdb

from import_assets.warehouse.sql import first_row, number

CELLS = 5_000_000
"""How many cells a part has at most, about."""

BYTES = 64 * 2**20
"""Of how many bytes of a delivery a part is at most, about: some cells are long."""


def conditions(
    connection: duckdb.DuckDBPyConnection, keys: str, columns: int, size: int = 0
) -> list[str]:
    """Return SQL conditions on `customer_id`, of which each customer fulfils exactly one.

    Without rows there are none. The temporary table `keys` has a `customer_id` for each row, which
    has so many columns; the rows are of a delivery of `size` bytes. Parts have about equally many
    rows.
    """
    rows = number(connection, f"SELECT count(*) FROM {keys}")
    if not rows:
        return []
    parts = max(1, math.ceil(rows * (columns + 1) / CELLS), math.ceil(size / BYTES))
    if parts == 1:
        return ["true"]
    shares = [n / parts for n in range(1, parts)]
    row = first_row(connection, f"SELECT quantile_disc(customer_id, {shares}) FROM {keys}")
    bounds: list[int] = sorted(set(row[0])) if row else []
    above = ["true", *(f"customer_id > {bound}" for bound in bounds)]
    below = [*(f"customer_id <= {bound}" for bound in bounds), "true"]
    return [f"{low} AND {high}" for low, high in zip(above, below, strict=True)]
