"""A product feed of XML, into its catalog."""

from __future__ import annotations

from pathlib import Path

from benchmarks import catalog_file
from benchmarks.catalog_file import Content
from benchmarks.job import Goal, Job, Sample, Side
from benchmarks.jobs.events import PEAK_MB
from benchmarks.measuring import run_module
from benchmarks.projects import deliver, expect, expect_counts, project, source

_EXPAT = "expat without handlers"


def job(folder: Path) -> Job:
    """Return the job."""
    file = folder / "xml" / "catalog.xml"
    file.parent.mkdir(exist_ok=True)
    content = catalog_file.catalog(file)
    return Job(
        "xml",
        f"{content.items:,} products with nested elements, lists and CDATA "
        f"({file.stat().st_size / 1e6:,.0f} MB) into an empty catalog.",
        (
            Side("import", lambda: bring_in(folder, file, content)),
            Side(_EXPAT, lambda: Sample(run_module("expat_only", str(file))[0])),
        ),
        (Goal("import", 5.0, _EXPAT), Goal("import", PEAK_MB, figure="peak", unit="MB")),
    )


def bring_in(folder: Path, file: Path, content: Content) -> Sample:
    """Import a feed into an empty catalog."""
    text = catalog_file.COLUMNS + source(file.parent, file.name)
    with project(folder, {"products": text}) as root:
        sample, counts = deliver(root, "products", file.name)
        expect_counts(counts, {"read": content.items, "inserted": content.items})
        found = catalog_file.found_content(root / "data" / "warehouse.duckdb")
        expect("content", found, content)
    return sample
