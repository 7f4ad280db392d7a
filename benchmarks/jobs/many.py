"""Two hundred small files next to one of as many rows, through Dagster and without it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks import history
from benchmarks.history import NOW, Events
from benchmarks.job import Goal, Job, Sample, Side
from benchmarks.measuring import run_module
from benchmarks.projects import deliver, expect, expect_counts, project, source

_FILES, _ROWS = 200, 1_000
_SMALL = Events("many", 4_000_000_000, history.LAST_DAY.start, 86_400, rows=_FILES * _ROWS)
_MANY, _ONE = f"{_FILES} files in a run", "one file in a run"
_CORE_MANY, _CORE_ONE = f"{_FILES} files without Dagster", "one file without Dagster"


def job(folder: Path) -> Job:
    """Return the job."""
    files = folder / "many"
    files.mkdir(exist_ok=True)
    history.files(files, _SMALL)
    parts = [f"part_{number:03d}.csv" for number in range(_FILES)]
    if not (files / parts[-1]).exists():
        _cut(files / _SMALL.file, parts)
    content = history.expected_content(_SMALL, known=False)
    inserted = _SMALL.rows * 9 // 10

    def checked(root: Path) -> None:
        found = history.found_content(root / "data" / "warehouse.duckdb")
        expect("content", found, content)

    def in_run(keys: Sequence[str]) -> Sample:
        with project(folder, {"events": _text(files)}) as root:
            sample = dagster_run(root, "imported", "events", keys)
            checked(root)
        return sample

    def alone(keys: Sequence[str]) -> Sample:
        with project(folder, {"events": _text(files)}) as root:
            sample, counts = deliver(root, "events", *keys, now=NOW)
            expect_counts(counts, {"read": _SMALL.rows, "inserted": inserted})
            checked(root)
        return sample

    return Job(
        "many",
        f"{_FILES} files of {_ROWS:,} events in the one run that a sensor asks for, next to one "
        "file of "
        f"{_SMALL.rows:,}. The process that runs it, with loading the project; Dagster's own "
        "memory is SQLite.",
        (
            Side(_MANY, lambda: in_run(parts)),
            Side(_ONE, lambda: in_run([_SMALL.file])),
            Side(_CORE_MANY, lambda: alone(parts)),
            Side(_CORE_ONE, lambda: alone([_SMALL.file])),
        ),
        (Goal(_MANY, 3.0, _ONE), Goal(_CORE_MANY, 3.0, _CORE_ONE)),
    )


def dagster_run(root: Path, module: str, name: str, keys: Sequence[str]) -> Sample:
    """Run `benchmarks.work.<module>`, which executes a run and tells the seconds of that alone."""
    figures, printed = run_module(module, str(root), name, *keys)
    return Sample(figures, {"seconds of the run": json.loads(printed)["seconds"]})


def _text(files: Path) -> str:
    return history.COLUMNS + source(files, "*.csv")


def _cut(file: Path, parts: Sequence[str]) -> None:
    """Cut a file into parts, each with the header; no record goes over more than one line."""
    header, *lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    each = len(lines) // len(parts)
    for number, name in enumerate(parts):
        own = lines[number * each : (number + 1) * each]
        (file.parent / name).write_text(header + "".join(own), encoding="utf-8")
