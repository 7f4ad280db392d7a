"""Putting rows and columns back to what they were before a batch."""

from __future__ import annotations

import duckdb

from import_assets.spec.names import LINEAGE
from import_assets.tables import journal
from import_assets.warehouse.ledger import Entry
from import_assets.warehouse.sql import (
    first_row,
    literal,
    number,
    quote,
    quoted,
    table_label,
    table_sql,
)


def own_rows(entry: Entry, alias: str = "") -> str:
    """SQL that tells the rows that a batch wrote last; its id alone may have been applied twice."""
    prefix = f"{alias}." if alias else ""
    return (
        f"{prefix}_batch = {literal(entry.batch_id)} "
        f"AND {prefix}_imported_at = TIMESTAMP {literal(str(entry.applied_at))}"
    )


def columns(connection: duckdb.DuckDBPyConnection, table: tuple[str, ...]) -> list[str]:
    """Return the names of a table's columns."""
    return [row[0] for row in connection.execute(f"DESCRIBE {table_sql(table)}").fetchall()]


def restore(
    connection: duckdb.DuckDBPyConnection,
    entry: Entry,
    table: tuple[str, ...],
    kept: tuple[str, ...],
    key: str,
) -> int:
    """Put the rows of `table` back that the batch changed or removed; return how many.

    Of rows that are there, only the attributes that the batch wrote are put back, since others may
    have been changed by later batches. `kept` is the table of before-images.
    """
    before = f"{table_sql(kept)} b"
    of_batch = f"b.sequence = {entry.sequence} AND b.existed"
    both = set(columns(connection, kept))
    names = [name for name in columns(connection, table) if name in both and name != key]
    written = journal.attributes_of(connection, entry.sequence)
    attributes = [
        name for name in names if name not in LINEAGE and (written is None or name in written)
    ]
    values = [f"{quote(name)} = b.{quote(name)}" for name in attributes]
    values += [
        f"{name} = CASE WHEN {own_rows(entry, 's')} THEN b.{name} ELSE s.{name} END"
        for name in LINEAGE
        if name in names
    ]
    changed = number(
        connection,
        f"UPDATE {table_sql(table)} s SET {', '.join(values)} FROM {before} "
        f"WHERE {of_batch} AND s.{quote(key)} = b.{quote(key)}",
    )
    again = number(
        connection,
        f"INSERT INTO {table_sql(table)} BY NAME SELECT {quoted([key, *names])} FROM {before} "
        f"WHERE {of_batch} AND b.{quote(key)} NOT IN (SELECT {quote(key)} FROM {table_sql(table)})",
    )
    return changed + again


def hand_on_lineage(
    connection: duckdb.DuckDBPyConnection, entry: Entry, kept: tuple[str, ...], key: str
) -> None:
    """Let before-images of later batches not name a batch that is undone."""
    values = ", ".join(f"{name} = b.{name}" for name in LINEAGE)
    connection.execute(
        f"""
        UPDATE {table_sql(kept)} later SET {values} FROM {table_sql(kept)} b
        WHERE b.sequence = {entry.sequence} AND later.sequence > {entry.sequence}
          AND later.{quote(key)} = b.{quote(key)} AND {own_rows(entry, "later")}
        """
    )


def undo_attributes(
    connection: duckdb.DuckDBPyConnection, entry: Entry, table: tuple[str, ...]
) -> None:
    """Drop the attributes that the batch brought first and that nobody has filled since."""
    brought = connection.execute(
        """
        SELECT attribute FROM import_assets.attributes
        WHERE table_name = ? AND import = ? AND file = ? AND created_at = ?
          AND attribute NOT IN (
            SELECT unnest(b.attributes) FROM undo.batches b
            JOIN import_assets.batches l USING (sequence)
            WHERE l.table_name = ? AND b.sequence <> ?)
        """,
        [
            table_label(table),
            entry.import_name,
            entry.key,
            entry.applied_at,
            table_label(table),
            entry.sequence,
        ],
    ).fetchall()
    for (name,) in brought:
        filled = f"SELECT 1 FROM {table_sql(table)} WHERE {quote(name)} IS NOT NULL LIMIT 1"
        if first_row(connection, filled) is None:
            _drop_attribute(connection, table, name)


def _drop_attribute(
    connection: duckdb.DuckDBPyConnection, table: tuple[str, ...], name: str
) -> None:
    places = [(table, name), (journal.kept_table(table), name)]
    if table == ("customers",):
        stored = ("import_assets", "customer_versions")
        places += [(at, f"{what}:{name}") for at in (stored, journal.VERSIONS) for what in "wu"]
    for at, column in places:
        connection.execute(
            f"ALTER TABLE IF EXISTS {table_sql(at)} DROP COLUMN IF EXISTS {quote(column)}"
        )
    connection.execute(
        "DELETE FROM import_assets.attributes WHERE table_name = ? AND attribute = ?",
        [table_label(table), name],
    )


def undo_catalog_settings(connection: duckdb.DuckDBPyConnection, table: tuple[str, ...]) -> None:
    """Drop a catalog of which no import is left, so that the next one is its first (M077)."""
    left = first_row(
        connection,
        "SELECT 1 FROM import_assets.batches WHERE table_name = ? AND undone_at IS NULL LIMIT 1",
        [table_label(table)],
    )
    if left is None:
        connection.execute(f"DROP TABLE IF EXISTS {table_sql(table)}")
        connection.execute(f"DROP TABLE IF EXISTS {table_sql(journal.kept_table(table))}")
        connection.execute("DELETE FROM import_assets.catalogs WHERE catalog = ?", [table[1]])
        connection.execute(
            "DELETE FROM import_assets.attributes WHERE table_name = ?", [table_label(table)]
        )
