"""`bare ROOT IMPORT KEY…`: execute a run of two assets of Dagster that do nothing."""

# Dagster reads the annotations of assets at run time: no `from __future__ import annotations`.
import sys
import warnings
from pathlib import Path

import dagster as dg

from benchmarks.work.running import execute


def main(root: str, name: str, *keys: str) -> None:
    """Execute it; the first asset has partitions, the second stands below it."""
    partitions = f"{name}_files"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)

        @dg.asset(
            partitions_def=dg.DynamicPartitionsDefinition(name=partitions),
            backfill_policy=dg.BackfillPolicy.single_run(),
        )
        def files() -> None:
            return None

    @dg.asset(deps=[files])
    def table() -> None:
        return None

    definitions = dg.Definitions(assets=[files, table], executor=dg.in_process_executor)
    execute(Path(root), definitions, [files.key, table.key], partitions, keys)


if __name__ == "__main__":
    main(*sys.argv[1:])
