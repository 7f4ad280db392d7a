"""Putting rows and columns back to what they were before a batch."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from import_assets.spec.names import LINEAGE
from import_assets.tables import journal
from import_assets.warehouse.ledger import Entry
from import_assets.warehouse.sql import (
    literal,
    number,
    quote,
    quoted,
    table_label,
    table_sql,
)
from import_assets.warehouse.tables import exists


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
    of_batch = f"b._sequence = {entry.sequence}"
    both = set(columns(connection, kept))
    names = [name for name in columns(connection, table) if name in both and name != key]
    written = journal.written_by(connection, entry.sequence)
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
        WHERE b._sequence = {entry.sequence} AND later._sequence > {entry.sequence}
          AND later.{quote(key)} = b.{quote(key)} AND {own_rows(entry, "later")}
        """
    )


def drop_attributes(
    connection: duckdb.DuckDBPyConnection, table: tuple[str, ...], batches: Sequence[Entry]
) -> None:
    """Drop the attributes that one of these batches brought first, and no other one since."""
    sequences = [entry.sequence for entry in batches]
    for entry in batches:
        brought = connection.execute(
            """
            SELECT attribute FROM import_assets.attributes
            WHERE table_name = ? AND import = ? AND created_at = ? AND attribute NOT IN (
                SELECT unnest(brought) FROM undo.batches u
                JOIN import_assets.batches l ON l.sequence = u.sequence
                WHERE l.table_name = ? AND NOT list_contains(?, u.sequence))
            """,
            [
                table_label(table),
                entry.import_name,
                entry.applied_at,
                table_label(table),
                sequences,
            ],
        ).fetchall()
        for (name,) in brought:
            _drop_attribute(connection, table, name)
        _hand_on_attributes(connection, table, entry, sequences)


def _hand_on_attributes(
    connection: duckdb.DuckDBPyConnection,
    table: tuple[str, ...],
    entry: Entry,
    sequences: Sequence[int],
) -> None:
    """Let what a batch brought first be what the first of the others brought that remain."""
    connection.execute(
        """
        UPDATE import_assets.attributes a
        SET "import" = heir.import, file = heir.key, created_at = heir.applied_at
        FROM (
            SELECT name, arg_min(l, l.sequence) AS l FROM (
                SELECT unnest(u.brought) AS name, b AS l FROM undo.batches u
                JOIN import_assets.batches b ON b.sequence = u.sequence
                WHERE b.table_name = $table AND NOT list_contains($gone, u.sequence))
            GROUP BY name) found, LATERAL (
                SELECT found.l.import AS import, found.l.key AS key,
                       found.l.applied_at AS applied_at) heir
        WHERE a.table_name = $table AND a.attribute = found.name
          AND a.import = $import AND a.created_at = $created_at
        """,
        {
            "table": table_label(table),
            "gone": list(sequences),
            "import": entry.import_name,
            "created_at": entry.applied_at,
        },
    )


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


def drop_catalog(connection: duckdb.DuckDBPyConnection, table: tuple[str, ...]) -> int:
    """Drop a catalog, so that its next import is its first (M077); return how many items it had."""
    items = 0
    if exists(connection, table):
        items = number(connection, f"SELECT count(*) FROM {table_sql(table)}")
    for one in (table, journal.kept_table(table)):
        connection.execute(f"DROP TABLE IF EXISTS {table_sql(one)}")
    connection.execute("DELETE FROM import_assets.catalogs WHERE catalog = ?", [table[1]])
    connection.execute(
        "DELETE FROM import_assets.attributes WHERE table_name = ?", [table_label(table)]
    )
    return items
