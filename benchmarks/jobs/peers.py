"""What imports are measured next to."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb

from benchmarks.job import Sample, Side
from benchmarks.measuring import run_module
from benchmarks.projects import expect

DUCKDB = "DuckDB read_csv"
DLT = "dlt"


def plain(folder: Path, file: Path, rows: int) -> Side:
    """Return DuckDB that makes a table of a file, all of it texts."""

    def run() -> Sample:
        with tempfile.TemporaryDirectory(dir=folder) as root:
            database = Path(root) / "plain.duckdb"
            figures, _ = run_module("plain", str(database), str(file))
            expect("rows", _count(database, "loaded"), rows)
        return Sample(figures)

    return Side(DUCKDB, run)


def dlt(folder: Path, base: Path, file: Path, merge: Sequence[str], rows: int) -> Side:
    """Return dlt that merges a file into a copy of `base`; then there have to be so many rows.

    `merge` is the strategy and the columns of the key.
    """

    def run() -> Sample:
        with tempfile.TemporaryDirectory(dir=folder) as root:
            shutil.copytree(base, root, dirs_exist_ok=True)
            os.sync()
            figures, _ = run_module("dlt_merge", root, str(file), *merge)
            expect("rows", _count(Path(root) / "peer.duckdb", "merged.loaded"), rows)
        return Sample(figures)

    return Side(DLT, run)


def _count(database: Path, table: str) -> int:
    with duckdb.connect(str(database), read_only=True) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])
