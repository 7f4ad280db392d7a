"""Vouchers: codes of a pool, unique in it and across pools (b.6, D39)."""

from __future__ import annotations

import duckdb
import polars as pl

from import_assets.tables import journal
from import_assets.tables.outcome import Counts
from import_assets.warehouse.ledger import Turn
from import_assets.warehouse.sql import frame, literal, number, quote, table_sql

_CODE = quote("id:code")


def ensure_table(connection: duckdb.DuckDBPyConnection, table: tuple[str, ...]) -> None:
    """Create the table of a pool when missing."""
    connection.execute(f"CREATE TABLE IF NOT EXISTS {table_sql(table)} (code VARCHAR)")


def apply(
    connection: duckdb.DuckDBPyConnection,
    table: tuple[str, ...],
    lineage: dict[str, object],
    turn: Turn,
) -> tuple[Counts, pl.DataFrame]:
    """Add the codes of `staged` that are new; return the counts and the conflicts.

    A code already in the pool, or earlier in the file, is a duplicate. One that another pool has
    is a conflict: `_row`, `kind`, `value`, `message`. The duplicates of what the pool has are kept,
    in case that is undone.
    """
    conflicts = _in_other_pools(connection, table)
    connection.register("conflicts", conflicts.select("_row").to_arrow())
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE codes AS
        SELECT {_CODE} AS code, $_batch AS _batch, $_import AS _import, $_file AS _file, _row,
               $_imported_at::TIMESTAMP AS _imported_at
        FROM staged WHERE _row NOT IN (SELECT _row FROM conflicts)
        QUALIFY row_number() OVER (PARTITION BY {_CODE} ORDER BY _row) = 1
        """,
        lineage,
    )
    connection.unregister("conflicts")
    there = f"FROM codes {{}} JOIN {table_sql(table)} pool USING (code)"
    journal.duplicates(connection, turn.sequence, table, f"SELECT codes.* {there.format('SEMI')}")
    inserted = number(
        connection,
        f"INSERT INTO {table_sql(table)} BY NAME "
        f"SELECT codes.* {there.format('ANTI')} ORDER BY codes._row",
    )
    staged = number(connection, "SELECT count(*) FROM staged")
    duplicate = staged - inserted - conflicts.height
    return Counts(inserted=inserted, duplicate=duplicate), conflicts


def _in_other_pools(connection: duckdb.DuckDBPyConnection, table: tuple[str, ...]) -> pl.DataFrame:
    pools = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'vouchers' "
        "AND table_name <> ? ORDER BY table_name",
        [table[1]],
    ).fetchall()
    selects = [
        f"SELECT code, {literal(name)} AS pool FROM {table_sql(('vouchers', name))}"
        for (name,) in pools
    ]
    others = " UNION ALL ".join(selects) or "SELECT NULL AS code, NULL AS pool WHERE false"
    return frame(
        connection,
        f"""
        SELECT _row, 'code' AS kind, code AS value, 'the code is already in pool ' || pool
            || '; a code belongs to one pool only' AS message
        FROM staged JOIN ({others}) ON code = {_CODE} ORDER BY _row
        """,
    )
