"""`dlt_merge FOLDER FILE STRATEGY KEY…`: dlt merges a file of CSV into the table `loaded`.

FOLDER keeps the DuckDB file `peer.duckdb` and dlt's own state. This is the way of dlt on which no
row is normalized by itself: Arrow reads the file, all columns texts, dlt writes its tables as
Parquet, and DuckDB reads those.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"

import dlt  # pyright: ignore[reportMissingImports] - only `make bench` installs it
import pyarrow as pa
from pyarrow import csv

_BLOCK = 32 * 2**20


def tables(file: str) -> Iterator[pa.Table]:
    """Yield the file in blocks of 32 MB, all columns texts."""
    with Path(file).open(encoding="utf-8") as opened:
        names = opened.readline().rstrip("\n").split(",")
    reading = csv.ReadOptions(block_size=_BLOCK)
    as_text = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    with csv.open_csv(file, read_options=reading, convert_options=as_text) as reader:
        for batch in reader:
            yield pa.Table.from_batches([batch])


def main(folder: str, file: str, strategy: str, *keys: str) -> None:
    """Merge it."""
    root = Path(folder)
    pipeline = dlt.pipeline(
        "peer",
        pipelines_dir=str(root / "pipelines"),
        destination=dlt.destinations.duckdb(str(root / "peer.duckdb")),
        dataset_name="merged",
    )
    disposition: Any = {"disposition": "merge", "strategy": strategy}
    hints: dict[str, Any] = {key: {"nullable": True} for key in keys}
    loaded = dlt.resource(
        tables(file),
        name="loaded",
        write_disposition=disposition,
        primary_key=list(keys),
        columns=hints,
    )
    pipeline.run(loaded, loader_file_format="parquet").raise_on_failed_jobs()


if __name__ == "__main__":
    main(*sys.argv[1:])
