"""One million events onto a history of ten million."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks import history
from benchmarks.history import FAULTY, LAST_DAY, NOW, Events
from benchmarks.job import Goal, Job, Sample, Side
from benchmarks.jobs import peers
from benchmarks.measuring import run_module
from benchmarks.projects import deliver, expect, expect_counts, project, source

MILLIONS = 10
PEAK_MB = 700
_MERGE = ("delete-insert", *history.KEY)
"""dlt's other strategies take records that are in the file twice for two."""


def job(folder: Path) -> Job:
    """Return the job."""
    files = folder / "history"
    files.mkdir(exist_ok=True)
    history.files(files, FAULTY)
    warehouse = history.histories(files, MILLIONS)[MILLIONS]
    counts = expected_counts(FAULTY, known=True)
    rows = MILLIONS * 1_000_000 + counts["inserted"] + counts["rejected"]
    return Job(
        "events",
        "1,000,000 events (160 MB) onto 10,000,000: 10 % are in the file twice, 30 % in the "
        "table already, "
        "1 % have a fault. dlt takes all columns as texts and refuses none.",
        (
            Side("import", lambda: bring_in(folder, warehouse, FAULTY, known=True)),
            peers.plain(folder, files / FAULTY.file, FAULTY.rows),
            peers.dlt(folder, _base(files), files / FAULTY.file, _MERGE, rows),
        ),
        (
            Goal("import", 3.0, peers.DUCKDB),
            Goal("import", 0.6, peers.DLT),
            Goal("import", PEAK_MB, figure="peak", unit="MB"),
        ),
    )


def bring_in(folder: Path, warehouse: Path, events: Events, *, known: bool) -> Sample:
    """Import a file onto a copy of a warehouse; with `known`, three of ten rows are in it."""
    text = history.COLUMNS + source(folder / "history", events.file)
    with project(folder, {"events": text}, warehouse=warehouse) as root:
        sample, counts = deliver(root, "events", events.file, now=NOW)
        expect_counts(counts, expected_counts(events, known=known))
        content = history.found_content(root / "data" / "warehouse.duckdb", events.file)
        expect("content", content, history.expected_content(events, known=known))
    return sample


def expected_counts(events: Events, *, known: bool) -> dict[str, int]:
    """Return the counts of the import."""
    rejected = events.rows // 100 if events.faulty else 0
    duplicate = events.rows * (4 if known else 1) // 10
    inserted = events.rows - rejected - duplicate
    return {
        "read": events.rows,
        "inserted": inserted,
        "duplicate": duplicate,
        "rejected": rejected,
    }


def _base(files: Path) -> Path:
    """Return the folder of dlt with the history, which is made where it is missing."""
    base = files / f"dlt-{MILLIONS}m"
    if not base.exists():
        history.known_in(files, LAST_DAY, history.DAYS)
        with tempfile.TemporaryDirectory(dir=files) as made:
            known = files / f"known_{LAST_DAY.file}"
            run_module("dlt_merge", made, str(known), *_MERGE)
            history.build_peer(Path(made) / "peer.duckdb", files, MILLIONS)
            Path(made).rename(base)
            Path(made).mkdir()
    return base
