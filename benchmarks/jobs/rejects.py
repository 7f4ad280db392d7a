"""One million rows with 22,500 faults of ten kinds, each told exactly."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from benchmarks import rejects_file
from benchmarks.job import Goal, Job, Sample, Side
from benchmarks.jobs.events import PEAK_MB
from benchmarks.measuring import run_module
from benchmarks.projects import deliver, expect, expect_counts, project, source

_PEER = "DuckDB store_rejects"


def job(folder: Path) -> Job:
    """Return the job."""
    file = folder / "rejects" / "visits.csv"
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        rejects_file.write_rejects_file(file)
    text = rejects_file.COLUMNS + source(file.parent, file.name)
    expected = rejects_file.expected_rejects()
    rejected = sum(int(str(row[1])) for row in expected)
    rows = rejects_file.ROWS
    counts = {"read": rows, "inserted": rows - rejected, "rejected": rejected}

    def run() -> Sample:
        with project(folder, {"visits": text}) as root:
            sample, found = deliver(root, "visits", file.name)
            expect_counts(found, counts)
            told = rejects_file.found_rejects(root / "data" / "warehouse.duckdb")
            expect("rejects by reason", told, expected)
        return sample

    return Job(
        "rejects",
        f"{rows:,} rows ({file.stat().st_size / 1e6:,.0f} MB), {rejected:,} of them with faults "
        "of ten kinds, "
        "each told with line, column, value and reason. DuckDB reads with types and store_rejects; "
        "it does not look at missing or too long identifiers.",
        (Side("import", run), Side(_PEER, lambda: _typed(folder, file, rows))),
        (Goal("import", 1.3, _PEER), Goal("import", PEAK_MB, figure="peak", unit="MB")),
    )


def _typed(folder: Path, file: Path, rows: int) -> Sample:
    with tempfile.TemporaryDirectory(dir=folder) as root:
        database = str(Path(root) / "typed.duckdb")
        figures, printed = run_module("typed", database, str(file), json.dumps(rejects_file.TYPES))
    taken, refused = json.loads(printed)
    expect("rows taken and refused", taken + refused, rows)
    if refused < rows // 100:
        expect("rows refused", refused, "one of a hundred at least")
    return Sample(figures)
