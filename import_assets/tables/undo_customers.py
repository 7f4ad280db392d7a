"""Customers, their identifiers and merges as they were before a batch (D53, b.4).

A batch of customers made the customers that it names, and nobody may have built on them since. A
batch of events only met them: customers and identifiers that later batches know too stay, as those
batches would have made them. They are then what the first of these made, see `handing_on`.
"""

from __future__ import annotations

import duckdb

from import_assets.spec.models import Identifier
from import_assets.tables import journal
from import_assets.tables.built_on import find_users
from import_assets.tables.customers import TABLE
from import_assets.tables.handing_on import (
    hand_on_customers,
    hand_on_drops,
    hand_on_identifiers,
    take_back_uses,
)
from import_assets.tables.idcolumns import identifiers_of
from import_assets.tables.restoring import columns, hand_on_lineage, restore
from import_assets.warehouse.ledger import Entry
from import_assets.warehouse.sql import literal, number, quote, table_sql
from import_assets.warehouse.tables import exists

_VERSIONS = ("import_assets", "customer_versions")


def undo_customers(
    connection: duckdb.DuckDBPyConnection, entry: Entry, identifiers: dict[str, Identifier]
) -> tuple[int, int]:
    """Take back what a batch did to customers; return how many are removed and restored."""
    journal.ensure(connection)
    find_users(connection, entry)
    _move_events_back(connection, entry)
    _find_leaving(connection, entry)
    _restore_identifiers(connection, entry)
    take_back_uses(connection, entry)
    removed = number(
        connection,
        f"DELETE FROM {table_sql(TABLE)} WHERE customer_id IN (SELECT customer_id FROM leaving)",
    )
    hand_on_customers(connection, entry)
    restored = _restore_rows(connection, entry)
    _fill_identifiers(connection, identifiers)
    connection.execute("DELETE FROM import_assets.merges WHERE sequence = ?", [entry.sequence])
    return removed, restored


def _move_events_back(connection: duckdb.DuckDBPyConnection, entry: Entry) -> None:
    moved = connection.execute(
        "SELECT DISTINCT table_name FROM undo.moved_events WHERE sequence = ?", [entry.sequence]
    ).fetchall()
    for (label,) in moved:
        stored = ("events", label.partition("/")[2])
        for table in (stored, journal.kept_table(stored)):
            if exists(connection, table):
                connection.execute(
                    f"""
                    UPDATE {table_sql(table)} e SET customer_id = m.customer_id
                    FROM undo.moved_events m
                    WHERE m.sequence = {entry.sequence} AND m.table_name = {literal(label)}
                      AND e._batch = m._batch AND e._row = m._row
                      AND e._imported_at = m._imported_at
                    """
                )


def _find_leaving(connection: duckdb.DuckDBPyConnection, entry: Entry) -> None:
    """Put the customers that the batch made, and that nobody else knows, into `leaving`."""
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE leaving AS
        SELECT customer_id FROM undo.touched_customers
        WHERE sequence = {entry.sequence} AND made
          AND customer_id NOT IN (SELECT customer_id FROM users)
        """
    )


def _restore_identifiers(connection: duckdb.DuckDBPyConnection, entry: Entry) -> None:
    """Give identifiers back to whom they belonged to, or to nobody.

    Leaves the customers whose identifiers change in `affected`. Those that nobody had, and that
    later batches know, stay: of soft ones it is known when they were used, of hard ones only that
    their customer was met.
    """
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE taken_back AS
        SELECT j.kind, j.value, j.customer_id, j.added, j.used,
               i.customer_id AS now, i.used AS used_now,
               j.customer_id IS NULL AND i.customer_id IS NOT NULL
               AND i.customer_id NOT IN (SELECT customer_id FROM leaving)
               AND CASE WHEN i.used IS NULL
                   THEN i.customer_id IN (SELECT customer_id FROM users)
                   ELSE i.used > {entry.clock_end} END AS stays
        FROM undo.customer_ids j LEFT JOIN import_assets.customer_ids i USING (kind, value)
        WHERE j.sequence = {entry.sequence}
        """
    )
    connection.execute(
        "DELETE FROM import_assets.customer_ids "
        "WHERE (kind, value) IN (SELECT (kind, value) FROM taken_back WHERE NOT stays)"
    )
    hand_on_identifiers(connection, entry)
    hand_on_drops(connection, entry)
    connection.execute(
        "INSERT INTO import_assets.customer_ids BY NAME SELECT kind, value, customer_id, added, "
        "used FROM taken_back WHERE customer_id IS NOT NULL AND NOT stays"
    )
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE affected AS
        SELECT customer_id FROM taken_back WHERE customer_id IS NOT NULL
        UNION SELECT now FROM taken_back WHERE now IS NOT NULL
        """
    )


def _restore_rows(connection: duckdb.DuckDBPyConnection, entry: Entry) -> int:
    """Put attributes back, and since when they hold; of merged customers whole rows."""
    whole = (
        "SELECT customer_id FROM undo.touched_customers "
        f"WHERE sequence = {entry.sequence} AND whole"
    )
    for table in (TABLE, _VERSIONS):
        connection.execute(f"DELETE FROM {table_sql(table)} WHERE customer_id IN ({whole})")
    restored = restore(connection, entry, TABLE, journal.CUSTOMERS, "customer_id")
    hand_on_lineage(connection, entry, journal.CUSTOMERS, "customer_id")
    _restore_versions(connection, entry)
    return restored


def _restore_versions(connection: duckdb.DuckDBPyConnection, entry: Entry) -> None:
    written = set(journal.written_by(connection, entry.sequence) or ())
    both = set(columns(connection, journal.VERSIONS)) & set(columns(connection, _VERSIONS))
    names = sorted(both - {"customer_id"})
    values = ", ".join(f"{quote(n)} = b.{quote(n)}" for n in names if n[2:] in written)
    before = f"{table_sql(journal.VERSIONS)} b"
    if values:
        # Who had no versions before has none of these attributes again.
        connection.execute(
            f"UPDATE {table_sql(_VERSIONS)} s SET {values} FROM undo.touched_customers t "
            f"LEFT JOIN {before} ON b.customer_id = t.customer_id AND b._sequence = t.sequence "
            f"WHERE t.sequence = {entry.sequence} AND s.customer_id = t.customer_id"
        )
    listed = ", ".join(["customer_id", *map(quote, names)])
    connection.execute(
        f"INSERT INTO {table_sql(_VERSIONS)} BY NAME SELECT {listed} FROM {before} "
        f"WHERE b._sequence = {entry.sequence} "
        f"AND b.customer_id NOT IN (SELECT customer_id FROM {table_sql(_VERSIONS)})"
    )
    connection.execute(
        f"DELETE FROM {table_sql(_VERSIONS)} WHERE customer_id IN (SELECT customer_id FROM leaving)"
    )


def _fill_identifiers(
    connection: duckdb.DuckDBPyConnection, identifiers: dict[str, Identifier]
) -> None:
    """Show in the table of customers which identifiers the `affected` have now."""
    values = ", ".join(f"{quote(name)} = now.{quote(name)}" for name in identifiers)
    connection.execute(
        f"""
        UPDATE {table_sql(TABLE)} c SET {values} FROM (
{identifiers_of("affected", identifiers)}) now
        WHERE c.customer_id = now.customer_id
        """
    )
