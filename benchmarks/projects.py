"""Projects to measure in, and checks of what an import told."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.job import Sample, WrongResult
from benchmarks.measuring import run_module

LIMITS = "limits: {rows: 100000000, file_bytes: 10000000000}\n"
"""So that files of 1 GB are taken: a project's usual limits are what services have."""


@contextmanager
def project(
    beside: Path,
    definitions: Mapping[str, str],
    *,
    warehouse: Path | None = None,
    settings: str = LIMITS,
) -> Iterator[Path]:
    """Make a project of these definitions in a folder below `beside`, which is removed after.

    `warehouse` is copied into it, and so lies in the system's cache.
    """
    with tempfile.TemporaryDirectory(dir=beside, prefix="project-") as folder:
        root = Path(folder)
        (root / "imports").mkdir()
        (root / "project.yaml").write_text(settings, encoding="utf-8")
        for name, text in definitions.items():
            (root / "imports" / f"{name}.yaml").write_text(text, encoding="utf-8")
        if warehouse is not None:
            (root / "data").mkdir()
            shutil.copyfile(warehouse, root / "data" / "warehouse.duckdb")
            # Else the first commit would wait until all of the copy is on the disk.
            os.sync()
        yield root


def source(files: Path, pattern: str) -> str:
    """Return the source of a definition: files of a folder."""
    where = json.dumps({"folder": str(files), "files": pattern, "settle": 0})
    return f"source: {{storage: {where}}}\n"


def deliver(root: Path, name: str, *keys: str, now: str = "") -> tuple[Sample, dict[str, int]]:
    """Import files, one after the other in one process; return what it took, and counts in all.

    `now` is the time of the import in ISO format and UTC, the real one if it is empty.
    """
    figures, printed = run_module("deliver", str(root), name, now, *keys)
    told = json.loads(printed)
    return Sample(figures, {"seconds": told["seconds"]}), told["counts"]


def expect(what: str, found: object, expected: object) -> None:
    """Raise WrongResult where something was found that is not what was expected."""
    if found != expected:
        raise WrongResult(f"{what}: {found}, expected {expected}")


def expect_counts(found: Mapping[str, int], expected: Mapping[str, int]) -> None:
    """Raise WrongResult where counts are not those expected, of those named there."""
    expect("counts", {name: found[name] for name in expected}, dict(expected))
