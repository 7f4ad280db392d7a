"""200,000 customers onto two million with twenty attributes."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb

from benchmarks import customers_file
from benchmarks.customers_file import ROWS, STORED
from benchmarks.job import Goal, Job, Sample, Side
from benchmarks.jobs import peers
from benchmarks.jobs.events import PEAK_MB
from benchmarks.measuring import run_module
from benchmarks.projects import deliver, expect, expect_counts, project, source

_MERGE = ("delete-insert", "id")
"""dlt's `upsert` took four times the CPU seconds here."""

_MERGING = "import that merges"


def job(folder: Path) -> Job:
    """Return the job."""
    files = folder / "customers"
    files.mkdir(exist_ok=True)
    stored = customers_file.write_base(files)
    warehouse = files / "base.duckdb"
    if not warehouse.exists():
        customers_file.write_warehouse(warehouse, stored)
    plain, merging = files / "plain.csv", files / "merging.csv"
    if not merging.exists():
        customers_file.write_new(plain)
        customers_file.write_new(merging, merging=True)

    def run(file: Path, customers: int) -> Sample:
        text = customers_file.COLUMNS + source(files, file.name)
        with project(folder, {"crm": text}, warehouse=warehouse) as root:
            sample, counts = deliver(root, "crm", file.name)
            expect_counts(counts, customers_file.expected_counts())
            found = customers_file.matching(root / "data" / "warehouse.duckdb", file)
            expect("rows found among customers, customers", found, (ROWS, customers))
        return sample

    alone = customers_file.expected_customers()
    merged = customers_file.expected_customers(merging=True)
    return Job(
        "customers",
        f"{ROWS:,} customers onto {STORED:,} with 20 attributes, 30 % known. Where it merges, 5 "
        "% of the "
        "rows also name an anonymous profile, which dlt has no notion of.",
        (
            Side("import", lambda: run(plain, alone)),
            peers.dlt(folder, _base(files, stored), plain, _MERGE, alone),
            Side(_MERGING, lambda: run(merging, merged)),
        ),
        (
            Goal("import", 0.5, peers.DLT),
            Goal("import", PEAK_MB, figure="peak", unit="MB"),
            Goal(_MERGING, PEAK_MB, figure="peak", unit="MB"),
        ),
    )


def _base(files: Path, stored: list[Path]) -> Path:
    """Return the folder of dlt with the stored customers, which is made where it is missing.

    dlt makes the table of the new rows. DuckDB puts the stored ones in their place: dlt would take
    all those without an `id` for one.
    """
    base = files / "dlt"
    if not base.exists():
        with tempfile.TemporaryDirectory(dir=files) as made:
            run_module("dlt_merge", made, str(files / "plain.csv"), *_MERGE)
            with duckdb.connect(str(Path(made) / "peer.duckdb")) as connection:
                connection.execute("DELETE FROM merged.loaded")
                connection.execute(
                    """
                    INSERT INTO merged.loaded BY NAME
                    SELECT * FROM read_csv(?, all_varchar = true)
                    """,
                    [[str(file) for file in stored]],
                )
            Path(made).rename(base)
            Path(made).mkdir()
    return base
