"""Executing a run over partitions in this process."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import dagster as dg
from dagster._core.instance.ref import InstanceRef

from import_assets.orchestration.requests import partition_tags


def execute(
    root: Path,
    definitions: dg.Definitions,
    assets: Sequence[dg.AssetKey],
    partitions: str,
    keys: Sequence[str],
) -> None:
    """Execute assets for partitions that follow each other; print the seconds of the run.

    Raises RuntimeError where the run fails.
    """
    home = root / "dagster"
    home.mkdir()
    job = definitions.resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home))) as instance:
        instance.add_dynamic_partitions(partitions, list(keys))
        started = time.perf_counter()
        result = job.execute_in_process(
            instance=instance,
            asset_selection=list(assets),
            tags=partition_tags(keys),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        seconds = time.perf_counter() - started
    if not result.success:
        raise RuntimeError("the run failed")
    sys.stdout.write(json.dumps({"seconds": seconds}))
