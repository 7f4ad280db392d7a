"""The rejects of applied batches, as they are kept in the warehouse.

A reject is *outstanding* until it is replayed. What is refused again then is a reject of the
replay, with the number and line that the record had in its delivery.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import polars as pl

from import_assets.errors import FileRefused
from import_assets.staging.manifest import Manifest
from import_assets.warehouse.sql import frame, number
from import_assets.wording import counted

NONE = (
    "SELECT NULL::VARCHAR AS file, 0::BIGINT AS record, 0::BIGINT AS line, "
    'NULL::STRUCT("column" VARCHAR, "value" VARCHAR, reason VARCHAR, message VARCHAR)[] AS faults, '
    "NULL::VARCHAR AS raw, NULL::VARCHAR[] AS cells WHERE false"
)
"""SQL of no rejects."""

REPLAYED = "already_replayed"
"""The reason code of a replay of records of which some are not outstanding any more."""

# A batch that was forgotten and applied again has its rejects twice in the books.
_LAST_OF_BATCH = "sequence = (SELECT max(sequence) FROM import_assets.batches WHERE batch_id = ?)"

_REMEMBERED = (
    "SELECT sequence FROM import_assets.batches WHERE forgotten_at IS NULL AND undone_at IS NULL"
)
# The rejects of a delivery, and those that its replays had.
_OF_DELIVERY = (
    "replayed_in IS NULL AND sequence IN "
    f"({_REMEMBERED} AND (sequence = $first OR replay_of = $first))"
)


def store(
    connection: duckdb.DuckDBPyConnection, manifest: Manifest, sequence: int, rejected: str
) -> None:
    """Keep the rejects of a batch; `rejected` is SQL of them."""
    connection.execute(
        "INSERT INTO import_assets.rejects "
        "SELECT $sequence, $batch, $import, file, record, line, faults, raw, cells, NULL "
        f"FROM ({rejected})",
        {"sequence": sequence, "batch": manifest.batch_id, "import": manifest.import_name},
    )


def hand_back(
    connection: duckdb.DuckDBPyConnection, manifest: Manifest, sequence: int, rejected: str
) -> None:
    """Mark the rejects that a batch replays, if it does, before its own are stored.

    Args:
        connection: the warehouse, with the rows of the batch in the view `staged`.
        manifest: the batch.
        sequence: its number in the ledger.
        rejected: SQL of the batch's own rejects.

    Raises:
        FileRefused: `already_replayed`, where not every record is an outstanding reject.
    """
    if manifest.replay_of is None:
        return
    records = f"SELECT _row FROM staged UNION ALL SELECT record FROM ({rejected})"
    # A row that the table refused is in both.
    which = f"{_OF_DELIVERY} AND record IN (SELECT DISTINCT * FROM ({records}))"
    first = {"first": manifest.replay_of}
    found = number(connection, f"SELECT count(*) FROM import_assets.rejects WHERE {which}", first)
    if found != manifest.read:
        raise FileRefused(
            manifest.key,
            REPLAYED,
            f"of {counted(manifest.read, 'record')}, {manifest.read - found:,} cannot be replayed "
            "any more: replayed meanwhile, or of a delivery that was forgotten or undone. Get what "
            f"is outstanding anew: import-assets rejects {manifest.import_name}",
        )
    connection.execute(
        f"UPDATE import_assets.rejects SET replayed_in = $sequence WHERE {which}",
        {**first, "sequence": sequence},
    )


def of_batch(
    connection: duckdb.DuckDBPyConnection, batch_id: str, limit: int | None = None
) -> pl.DataFrame:
    """Return the rejects of a batch in file order: `file`, `record`, `line`, `faults`, `raw`."""
    return _select(connection, _LAST_OF_BATCH, [batch_id], limit)


def of_import(
    connection: duckdb.DuckDBPyConnection, import_name: str, limit: int | None = None
) -> pl.DataFrame:
    """Return what is outstanding of every delivery that an import remembers, in their order."""
    remembered = f"import = ? AND sequence IN ({_REMEMBERED}) AND replayed_in IS NULL"
    return _select(connection, remembered, [import_name], limit)


def outstanding(connection: duckdb.DuckDBPyConnection, first: int) -> pl.DataFrame:
    """Return what is outstanding of a delivery, by the ledger's sequence of it, by record.

    The columns are `sequence`, `file`, `record`, `line`, `faults`, `raw` and `cells`, the last in
    the order of the delivery's columns.
    """
    return frame(
        connection,
        "SELECT sequence, file, record, line, faults, raw, cells FROM import_assets.rejects "
        f"WHERE {_OF_DELIVERY} ORDER BY record",
        {"first": first},
    )


def counts(connection: duckdb.DuckDBPyConnection, sequences: Sequence[int]) -> dict[int, int]:
    """Return how many rejects of these batches are outstanding, of those that have any."""
    rows = connection.execute(
        "SELECT sequence, count(*) FROM import_assets.rejects "
        "WHERE list_contains(?, sequence) AND replayed_in IS NULL GROUP BY sequence",
        [list(sequences)],
    ).fetchall()
    return dict(rows)


def outstanding_counts(connection: duckdb.DuckDBPyConnection, import_name: str) -> dict[int, int]:
    """Return how many rejects are outstanding by the sequence of the delivery that they are of."""
    rows = connection.execute(
        "SELECT coalesce(b.replay_of, b.sequence) AS first, count(*) "
        "FROM import_assets.rejects r JOIN import_assets.batches b USING (sequence) "
        "WHERE r.import = ? AND r.replayed_in IS NULL AND b.forgotten_at IS NULL "
        "AND b.undone_at IS NULL GROUP BY first ORDER BY first",
        [import_name],
    ).fetchall()
    return dict(rows)


def refused_batches(connection: duckdb.DuckDBPyConnection, import_name: str) -> set[str]:
    """Return the ids of the batches that were refused for their rejects."""
    rows = connection.execute(
        "SELECT DISTINCT batch_id FROM import_assets.refused_rejects WHERE import = ?",
        [import_name],
    ).fetchall()
    return {row[0] for row in rows}


def _select(
    connection: duckdb.DuckDBPyConnection,
    where: str,
    parameters: Sequence[object],
    limit: int | None,
) -> pl.DataFrame:
    suffix = "" if limit is None else f" LIMIT {limit}"
    return frame(
        connection,
        f"SELECT file, record, line, faults, raw FROM import_assets.rejects WHERE {where} "
        f"ORDER BY sequence, record{suffix}",
        list(parameters),
    )


def by_reason(connection: duckdb.DuckDBPyConnection, batch_id: str) -> dict[str, int]:
    """Return the number of rejected records of a batch by reason; one may have several."""
    rows = connection.execute(
        f"""
        SELECT reason, count(DISTINCT record) FROM (
            SELECT record, unnest(faults).reason AS reason
            FROM import_assets.rejects WHERE {_LAST_OF_BATCH})
        GROUP BY reason ORDER BY count(DISTINCT record) DESC, reason
        """,
        [batch_id],
    ).fetchall()
    return dict(rows)
