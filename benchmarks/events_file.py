"""Write a seeded CSV file of one million events, about 160 MB.

`python benchmarks/events_file.py /tmp/events.csv` prints the counts that importing the file into
an empty table must give: every tenth row repeats the one before it, and every hundredth has one
fault (no customer, a bad number, a bad time, a bad integer).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl

ROWS = 1_000_000
_SEED = 20_261_101
_START = 1_767_225_600
_CUSTOMERS, _ITEMS, _CAMPAIGNS = 200_000, 50_000, 900

_FAULTS = {"customer": None, "price": "12,5x", "ts": "yesterday", "quantity": "3.5"}
"""A faulty cell for each of these columns, in turn."""


def write_events(path: Path, rows: int = ROWS) -> dict[str, int]:
    """Write `rows` events to `path`, a multiple of 400; return the counts they must give."""
    frame = _with_faults(_with_repeats(_clean(rows)))
    frame.drop("n").write_csv(path)
    rejected, duplicate = rows // 100, rows // 10
    inserted = rows - rejected - duplicate
    return {"read": rows, "inserted": inserted, "duplicate": duplicate, "rejected": rejected}


def _clean(rows: int) -> pl.DataFrame:
    random = np.random.default_rng(_SEED)
    number = np.arange(rows)
    cents = random.integers(100, 100_000, rows)
    quantity = random.integers(1, 10, rows)

    def numbered(prefix: str, count: int, suffix: str = "") -> pl.Series:
        return prefix + pl.Series(random.integers(0, count, rows)).cast(pl.String) + suffix

    def one_of(*words: str) -> pl.Series:
        return pl.Series(np.array(words)[random.integers(0, len(words), rows)])

    columns = {
        "customer": numbered("", _CUSTOMERS, "@example.com"),
        "ts": pl.Series(_START + number * 7),
        "purchase_id": pl.Series(number // 3),
        "item_id": numbered("SKU-", _ITEMS),
        "title": numbered("The title of product number ", _ITEMS, " of the shop"),
        "quantity": pl.Series(quantity),
        "price": pl.Series(cents / 100),
        "total": pl.Series(cents * quantity / 100),
        "currency": one_of("EUR", "CZK", "USD"),
        "channel": one_of("web", "app", "store"),
        "campaign": numbered("campaign-", _CAMPAIGNS, "-autumn-winter-collection-2026"),
    }
    return pl.DataFrame(columns).select(pl.all().cast(pl.String)).with_row_index("n")


def _with_repeats(frame: pl.DataFrame) -> pl.DataFrame:
    repeats = pl.col("n") % 10 == 9
    return frame.with_columns(
        pl.when(repeats).then(pl.col(name).shift(1)).otherwise(pl.col(name)).alias(name)
        for name in frame.columns
        if name != "n"
    )


def _with_faults(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        pl.when(pl.col("n") % 400 == 50 + 100 * turn)
        .then(pl.lit(cell))
        .otherwise(pl.col(name))
        .alias(name)
        for turn, (name, cell) in enumerate(_FAULTS.items())
    )


if __name__ == "__main__":
    target = Path(sys.argv[1])
    counts = write_events(target)
    sys.stdout.write(f"{target}: {target.stat().st_size:,} bytes, {counts}\n")
