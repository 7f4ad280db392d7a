"""Files of one gigabyte: memory does not grow with the file."""

from __future__ import annotations

from pathlib import Path

from benchmarks import catalog_file, history
from benchmarks.history import FAULTY, GIGABYTE, Events
from benchmarks.job import Goal, Job, Sample, Side
from benchmarks.jobs import events, xml

_ITEMS = 1_100_000
_SMALL, _LARGE, _XML = "160 MB of CSV", "1 GB of CSV", "1 GB of XML"
_FLAT = 1.25


def job(folder: Path) -> Job:
    """Return the job."""
    files = folder / "history"
    files.mkdir(exist_ok=True)
    history.files(files, FAULTY, GIGABYTE)
    warehouse = history.histories(files, events.MILLIONS)[events.MILLIONS]
    feed = folder / "xml" / "gigabyte.xml"
    feed.parent.mkdir(exist_ok=True)
    content = catalog_file.catalog(feed, _ITEMS)

    def run(file: Events, *, known: bool) -> Sample:
        return events.bring_in(folder, warehouse, file, known=known)

    return Job(
        "memory",
        "Events onto 10,000,000, and products: files of "
        f"{(files / GIGABYTE.file).stat().st_size / 1e6:,.0f} and "
        f"{feed.stat().st_size / 1e6:,.0f} MB.",
        (
            Side(_SMALL, lambda: run(FAULTY, known=True), rounds=1),
            Side(_LARGE, lambda: run(GIGABYTE, known=False), rounds=1),
            Side(_XML, lambda: xml.bring_in(folder, feed, content), rounds=1),
        ),
        (
            Goal(_LARGE, events.PEAK_MB, figure="peak", unit="MB"),
            Goal(_XML, events.PEAK_MB, figure="peak", unit="MB"),
            Goal(_LARGE, _FLAT, _SMALL, figure="peak"),
        ),
    )
