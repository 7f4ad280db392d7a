"""How many records of a delivery may be rejected before it is refused as a whole (`fail_above`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from import_assets.errors import FileRefused
from import_assets.staging.batch import Batch
from import_assets.staging.manifest import Manifest
from import_assets.tables.outcome import Counts
from import_assets.warehouse.contracts import Terms
from import_assets.warehouse.sql import literal

TOO_MANY = "too_many_rejects"
"""The reason code of a delivery that is refused for its rejects."""

REFUSED_FILE = "refused.parquet"
"""Where the rejects of such a delivery are left, in the folder of its batch."""

_REASONS = 3
_SHOWN = 60


class TooManyRejects(FileRefused):
    """More records of a delivery are rejected than its import allows.

    `values` are the cells that the message repeats.
    """

    def __init__(self, file: str, message: str, values: tuple[str, ...]) -> None:
        self.values = values
        super().__init__(file, TOO_MANY, message)


def hold(
    connection: duckdb.DuckDBPyConnection,
    batch: Batch,
    counts: Counts,
    terms: Terms,
    rejects: str,
) -> None:
    """Refuse a delivery of which more records are rejected than is allowed.

    What was rejected before and is replayed is not held to it: it is nothing but rejects.

    Args:
        connection: the warehouse.
        batch: the batch; its rejects are left in its folder, as `REFUSED_FILE`, if too many.
        counts: what became of its records.
        terms: what its import allows.
        rejects: SQL of its rejects, those of the table among them.

    Raises:
        TooManyRejects: with the share, the most frequent reasons and an example.
    """
    limit = terms.fail_share
    if limit is None or batch.manifest.replay_of is not None or not counts.rejected:
        return
    if counts.rejected / counts.read <= limit:
        return
    connection.execute(f"COPY ({rejects}) TO {literal(str(batch.folder / REFUSED_FILE))}")
    raise _refusal(connection, batch.manifest, counts, terms, rejects)


def _refusal(
    connection: duckdb.DuckDBPyConnection,
    manifest: Manifest,
    counts: Counts,
    terms: Terms,
    rejects: str,
) -> TooManyRejects:
    faults = f"SELECT record, line, unnest(faults) AS fault FROM ({rejects})"
    reasons = connection.execute(
        f"SELECT fault.reason, count(DISTINCT record) AS records FROM ({faults}) "
        f"GROUP BY ALL ORDER BY records DESC, 1 LIMIT {_REASONS}"
    ).fetchall()
    ((line, fault),) = connection.execute(
        f"SELECT line, fault FROM ({faults}) WHERE fault.reason = ? ORDER BY record LIMIT 1",
        [reasons[0][0]],
    ).fetchall()
    told, values = _example(line, fault)
    listed = ", ".join(f"{reason} ({records:,})" for reason, records in reasons)
    share = counts.rejected / counts.read
    message = (
        f"{counts.rejected:,} of {counts.read:,} records were rejected, {share:.1%}, and the "
        f"import allows {terms.fail_above}: nothing of it was imported. Most frequent: {listed}. "
        f"Such as {told} Mend the file or the definition, or raise `fail_above`; the records: "
        f"import-assets rejects {manifest.import_name} --refused {manifest.key}"
    )
    return TooManyRejects(manifest.key, message, values)


def _example(line: int, fault: Mapping[str, str | None]) -> tuple[str, tuple[str, ...]]:
    """Return a sentence about one fault, and the values in it."""
    column, value, message = fault["column"], fault["value"], fault["message"]
    where = f"line {line:,}" + (f", column {column!r}" if column is not None else "")
    if value is None:
        return f"{where}: {message}", ()
    shown = value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…"
    return f"{where}, value {shown!r}: {message}", (value, shown)


def keep(connection: duckdb.DuckDBPyConnection, batch: Batch) -> None:
    """Keep the rejects that `hold` left in the folder of a batch."""
    manifest = batch.manifest
    values: dict[str, Any] = {
        "import": manifest.import_name,
        "key": manifest.key,
        "batch": manifest.batch_id,
        "header": list(manifest.header),
    }
    connection.execute(
        "INSERT INTO import_assets.refused_rejects SELECT $import, $key, $batch, $header, file, "
        "record, line, faults, raw, cells FROM "
        f"read_parquet({literal(str(batch.folder / REFUSED_FILE))}, hive_partitioning = false)",
        values,
    )
