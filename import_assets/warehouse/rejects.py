"""The rejects of applied batches, as they are kept in the warehouse."""

from __future__ import annotations

import duckdb
import polars as pl

from import_assets.warehouse.sql import frame

# A batch that was forgotten and applied again has its rejects twice in the books.
_LAST_OF_BATCH = "sequence = (SELECT max(sequence) FROM import_assets.batches WHERE batch_id = ?)"


def of_batch(
    connection: duckdb.DuckDBPyConnection, batch_id: str, limit: int | None = None
) -> pl.DataFrame:
    """Return the rejects of a batch in file order: `file`, `record`, `line`, `faults`, `raw`."""
    return _select(connection, _LAST_OF_BATCH, batch_id, limit)


def of_import(
    connection: duckdb.DuckDBPyConnection, import_name: str, limit: int | None = None
) -> pl.DataFrame:
    """Return the rejects of every delivery that an import remembers, in the order of import."""
    remembered = (
        "import = ? AND sequence IN "
        "(SELECT sequence FROM import_assets.batches "
        "WHERE forgotten_at IS NULL AND undone_at IS NULL) AND replayed_in IS NULL"
    )
    return _select(connection, remembered, import_name, limit)


def _select(
    connection: duckdb.DuckDBPyConnection, where: str, parameter: str, limit: int | None
) -> pl.DataFrame:
    suffix = "" if limit is None else f" LIMIT {limit}"
    return frame(
        connection,
        f"SELECT file, record, line, faults, raw FROM import_assets.rejects WHERE {where} "
        f"ORDER BY sequence, record{suffix}",
        [parameter],
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
