"""`imported ROOT IMPORT KEY…`: execute the run that a sensor asks for, in this process.

It does what the process of a run does: it loads the definitions of the project and executes import
and table for these partitions, all of them in a row, with Dagster's storage of SQLite in ROOT.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.work.running import execute
from import_assets.orchestration.build import build_definitions
from import_assets.orchestration.imports import run_assets
from import_assets.orchestration.keys import partitions_name
from import_assets.spec.loading import load


def main(root: str, name: str, *keys: str) -> None:
    """Execute it."""
    definition = load(Path(root)).imports[name]
    execute(
        Path(root),
        build_definitions(Path(root)),
        run_assets(definition),
        partitions_name(definition),
        keys,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
