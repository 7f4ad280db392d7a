"""Time how customers are resolved where their identifiers hang together in the worst of ways.

`python benchmarks/identity_storm.py [ROWS]` runs each case in a process of its own, compiled and as
plain Python, and prints seconds and CPU seconds of `resolve` alone, with the loading of numba, and
the peak of the process's memory in MB. `compiling` is the first case with nothing kept from before.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
import polars as pl

from import_assets.tables import identity
from import_assets.tables.identity import STORED, IdKind, resolve

ROWS = 1_000_000
KINDS = (IdKind("registered", True), IdKind("cookie", False))
Case = tuple[pl.DataFrame, pl.DataFrame]
"""Rows, and the identifiers that are stored."""


def simple(count: int) -> Case:
    """Two rows for each customer, with a cookie each that nobody else has."""
    return _rows(np.arange(count) // 2, np.arange(count)), _nothing()


def shared(count: int) -> Case:
    """Cookies shared at random among identified customers: one giant component."""
    random = np.random.default_rng(0)
    registered = random.integers(0, 3 * count // 10, count)
    return _rows(registered, random.integers(0, count // 2, count)), _nothing()


def hot(count: int) -> Case:
    """The cookie `null` on all rows."""
    rows = _rows(np.arange(count), np.zeros(count, np.int64))
    return rows.with_columns(cookie=pl.lit("null")), _nothing()


def crowded(count: int) -> Case:
    """All cookies on one customer, who keeps 64 of them."""
    return _rows(np.zeros(count, np.int64), np.arange(count)), _nothing()


def anonymous(count: int) -> Case:
    """Each row merges a stored anonymous customer into an older one; half as many rows."""
    random, half = np.random.default_rng(0), count // 2
    known = half // 2
    number = np.arange(known + half)
    is_known = pl.Series(number < known)
    stored = pl.DataFrame({"customer_id": number + 1, "number": number}).select(
        pl.when(is_known).then(pl.lit("registered")).otherwise(pl.lit("cookie")).alias("kind"),
        pl.when(is_known).then("number").otherwise(pl.col("number") - known).alias("value"),
        "customer_id",
        pl.when(is_known).then(None).otherwise("number").alias("used"),
    )
    rows = _rows(random.permutation(half) // 2, random.permutation(half))
    return rows, stored.cast({"value": pl.String})


CASES: dict[str, Callable[[int], Case]] = {
    case.__name__: case for case in (simple, shared, hot, crowded, anonymous)
}


def _rows(registered: np.ndarray, cookie: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "_row": np.arange(registered.size) + 1,
            "registered": pl.Series(registered).cast(pl.String),
            "cookie": pl.Series(cookie).cast(pl.String),
        }
    )


def _nothing() -> pl.DataFrame:
    return pl.DataFrame(schema=STORED)


def measure(case: str, count: int, *, compiled: bool) -> None:
    """Resolve one case in this process and print what it took."""
    identity.COMPILED_FROM = 0 if compiled else sys.maxsize
    rows, stored = CASES[case](count)
    started, cpu = time.perf_counter(), time.process_time()
    found = resolve(rows, KINDS, stored, stored.height, clock=stored.height + 1)
    took = f"{time.perf_counter() - started:7.2f} s {time.process_time() - cpu:7.2f} s CPU"
    counts = f"{found.created:>9,} created {found.merged.height:>9,} merged"
    sys.stdout.write(f"{took}, {counts}")


def run(title: str, case: str, how: str, count: int, **environment: str) -> None:
    """Measure one case in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, __file__, case, how, str(count)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the measured process failed with status {status}")
    memory = f"peak {usage.ru_maxrss / 1024:6.0f} MB"
    sys.stdout.write(f"{title:>10} {how:>9} {printed}, {memory}\n")
    sys.stdout.flush()


def main() -> None:
    """Run all cases."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory() as folder:
        run("compiling", "simple", "compiled", count, NUMBA_CACHE_DIR=folder)
    for case in CASES:
        for how in ("compiled", "python"):
            run(case, case, how, count)


if __name__ == "__main__":
    if len(sys.argv) == 4:
        measure(sys.argv[1], int(sys.argv[3]), compiled=sys.argv[2] == "compiled")
    else:
        main()
