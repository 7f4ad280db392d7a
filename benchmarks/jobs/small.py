"""One small file through Dagster, next to a run of two assets that do nothing."""

from __future__ import annotations

from pathlib import Path

from benchmarks import history
from benchmarks.history import Events
from benchmarks.job import Goal, Job, Sample, Side
from benchmarks.jobs.many import dagster_run
from benchmarks.projects import expect, project, source

_SMALL = Events("small", 5_000_000_000, history.LAST_DAY.start, 86_400, rows=1_000)
_IMPORT, _BARE = "import", "two assets that do nothing"


def job(folder: Path) -> Job:
    """Return the job."""
    files = folder / "small"
    files.mkdir(exist_ok=True)
    history.files(files, _SMALL)
    text = history.COLUMNS + source(files, _SMALL.file)
    content = history.expected_content(_SMALL, known=False)

    def run() -> Sample:
        with project(folder, {"events": text}) as root:
            sample = dagster_run(root, "imported", "events", [_SMALL.file])
            found = history.found_content(root / "data" / "warehouse.duckdb")
            expect("content", found, content)
        return sample

    def bare() -> Sample:
        with project(folder, {}) as root:
            return dagster_run(root, "bare", "events", [_SMALL.file])

    return Job(
        "small",
        "1,000 events in a run of their own: a fresh process, as the daemon starts one for each "
        "run, that loads "
        "the project and executes import and table in process; Dagster's storage is SQLite. "
        "The peer has two assets, one of them with the same partitions, and no import_assets.",
        (Side(_IMPORT, run), Side(_BARE, bare)),
        (Goal(_IMPORT, 1.2, _BARE),),
    )
