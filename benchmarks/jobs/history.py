"""The same file onto ten and onto a hundred million events."""

from __future__ import annotations

from pathlib import Path

from benchmarks import history
from benchmarks.history import DAYS, LAST_DAY, NOW, ROWS, SPREAD, Events
from benchmarks.job import Goal, Job, Sample, Side
from benchmarks.projects import LIMITS, deliver, expect, expect_counts, project, source

_FEW, _LOTS, _WINDOW = 10, 100, 9
_ROUNDS = 3
_GROWTH = 1.3


def job(folder: Path) -> Job:
    """Return the job."""
    files = folder / "history"
    files.mkdir(exist_ok=True)
    history.files(files, LAST_DAY, SPREAD)
    warehouses = history.histories(files, _FEW, _LOTS)

    def side(events: Events, millions: int, days: int) -> Side:
        duplicate = ROWS // 10 + history.known_in(files, events, days)
        counts = {"read": ROWS, "inserted": ROWS - duplicate, "duplicate": duplicate, "rejected": 0}
        # What a window of a few days lets in twice, no generator tells.
        content = history.expected_content(events, known=True) if days == DAYS else None

        def run() -> Sample:
            text = history.COLUMNS + source(files, events.file)
            settings = f"{LIMITS[:-2]}, dedup_days: {days}}}\nretention: {{undo_days: {days}}}\n"
            own = {"events": text}
            with project(folder, own, warehouse=warehouses[millions], settings=settings) as root:
                sample, found = deliver(root, "events", events.file, now=NOW)
                expect_counts(found, counts)
                if content is not None:
                    brought = history.found_content(root / "data" / "warehouse.duckdb", events.file)
                    expect("content", brought, content)
            return sample

        return Side(_name(events, millions, days), run, rounds=_ROUNDS)

    cases = ((_FEW, DAYS), (_LOTS, DAYS), (_LOTS, _WINDOW))
    return Job(
        "history",
        f"{ROWS:,} events of the last day, and the same number spread over {DAYS} days, onto "
        f"histories of {DAYS} days. "
        f"With a window of {_WINDOW} days, only so much of the history is compared. Each run has "
        "a fresh copy.",
        tuple(side(events, *case) for events in (LAST_DAY, SPREAD) for case in cases),
        tuple(
            Goal(_name(events, _LOTS, days), _GROWTH, _name(events, _FEW, DAYS))
            for events in (LAST_DAY, SPREAD)
            for days in (DAYS, _WINDOW)
        ),
    )


def _name(events: Events, millions: int, days: int) -> str:
    window = "" if days == DAYS else f", window {days} days"
    return f"{events.name} onto {millions} million{window}"
