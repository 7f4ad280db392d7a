"""What an undone batch did and that stays: as done by the next that would have done it (D53).

Of the batches that know a customer or an identifier which stays, the first is its heir: it counts
as the one that made it, so that it goes with that one. Who can no longer be undone inherits nothing
in the journal, and what it knows stays for good.
"""

from __future__ import annotations

import duckdb

from import_assets.spec.names import LINEAGE
from import_assets.tables import identity, journal
from import_assets.tables.restoring import own_rows
from import_assets.warehouse.ledger import Entry
from import_assets.warehouse.sql import table_sql

_UNDOABLE = "heir IN (SELECT sequence FROM undo.batches)"


def hand_on_customers(connection: duckdb.DuckDBPyConnection, entry: Entry) -> None:
    """Let the heirs in `users` have made the customers that the batch made and that stay.

    Of those and of the customers in `leaving`, nothing is kept that would bring them back.
    """
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE handed AS
        SELECT u.customer_id, u.heir, u._row, l.batch_id AS _batch, l.import AS _import,
               l.key AS _file, l.applied_at AS _imported_at
        FROM users u JOIN import_assets.batches l ON l.sequence = u.heir
        WHERE u.customer_id IN (SELECT customer_id FROM undo.touched_customers
                                WHERE sequence = {entry.sequence} AND made)
        """
    )
    lineage = ", ".join(f"{name} = h.{name}" for name in LINEAGE)
    for table in (("customers",), journal.CUSTOMERS):
        connection.execute(
            f"UPDATE {table_sql(table)} c SET {lineage} FROM handed h "
            f"WHERE c.customer_id = h.customer_id AND {own_rows(entry, 'c')}"
        )
    heirs = f"SELECT heir, customer_id FROM handed WHERE {_UNDOABLE}"
    connection.execute(
        f"DELETE FROM undo.touched_customers WHERE (sequence, customer_id) IN ({heirs})"
    )
    connection.execute(
        "INSERT INTO undo.touched_customers SELECT heir, customer_id, true AS made, "
        f"false AS whole FROM handed WHERE {_UNDOABLE}"
    )
    for table in (journal.CUSTOMERS, journal.VERSIONS):
        connection.execute(
            f"DELETE FROM {table_sql(table)} WHERE (_sequence, customer_id) IN ({heirs}) "
            "OR customer_id IN (SELECT customer_id FROM leaving)"
        )


def hand_on_identifiers(connection: duckdb.DuckDBPyConnection, entry: Entry) -> None:
    """Let the identifiers of `taken_back` that stay be given by the first who knew them since.

    A soft one is known to those who used it, a hard one to those who met its customer.
    """
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE handed_ids AS
        SELECT kind, value, heir FROM (
            SELECT t.kind, t.value, min(u.sequence) AS heir
            FROM taken_back t JOIN undo.used_ids u USING (kind, value)
            WHERE t.stays AND t.used_now IS NOT NULL AND u.sequence > {entry.sequence}
            GROUP BY t.kind, t.value
            UNION ALL SELECT t.kind, t.value, users.heir
            FROM taken_back t JOIN users ON users.customer_id = t.now
            WHERE t.stays AND t.used_now IS NULL)
        WHERE {_UNDOABLE}
        """
    )
    connection.execute(
        "DELETE FROM undo.customer_ids "
        "WHERE (sequence, kind, value) IN (SELECT (heir, kind, value) FROM handed_ids)"
    )
    connection.execute(
        "INSERT INTO undo.customer_ids BY NAME SELECT heir AS sequence, kind, value FROM handed_ids"
    )


def hand_on_drops(connection: duckdb.DuckDBPyConnection, entry: Entry) -> None:
    """Leave with nobody what there is no room for again, since identifiers of the batch stay (b.4).

    Call while nothing of `taken_back` is given back. The longest unused stay out; those who gave
    their customers identifiers since have taken them, the last the one that was used last.
    """
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE staying_out AS
        WITH coming AS (
            SELECT t.*, d.kind IS NOT NULL AS dropped FROM taken_back t
            LEFT JOIN undo.dropped_ids d ON d.sequence = {entry.sequence}
                AND d.kind = t.kind AND d.value = t.value
            WHERE t.customer_id IS NOT NULL
        ), held AS (
            SELECT kind, customer_id, count(*) AS ids FROM import_assets.customer_ids
            SEMI JOIN (SELECT kind, customer_id FROM coming WHERE dropped)
                USING (kind, customer_id)
            GROUP BY kind, customer_id
        )
        SELECT kind, value, customer_id, added, used,
               surplus + 1 - row_number() OVER oldest_first AS place
        FROM (
            SELECT c.*, coalesce(h.ids, 0) + count(*) OVER (PARTITION BY kind, customer_id)
                   - {identity.LIMIT} AS surplus
            FROM coming c LEFT JOIN held h USING (kind, customer_id))
        WHERE dropped
        WINDOW oldest_first AS (PARTITION BY kind, customer_id ORDER BY used)
        QUALIFY row_number() OVER oldest_first <= surplus
        """
    )
    connection.execute(
        "DELETE FROM taken_back WHERE (kind, value) IN (SELECT (kind, value) FROM staying_out)"
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE handed_drops AS
        SELECT s.*, g.sequence FROM staying_out s JOIN (
            SELECT j.sequence, j.kind, i.customer_id, row_number() OVER (
                PARTITION BY j.kind, i.customer_id ORDER BY j.sequence DESC) AS place
            FROM undo.customer_ids j JOIN import_assets.customer_ids i USING (kind, value)
            WHERE j.sequence > {entry.sequence}
        ) g USING (kind, customer_id, place)
        """
    )
    connection.execute(
        "INSERT INTO undo.customer_ids BY NAME "
        "SELECT sequence, kind, value, customer_id, added, used FROM handed_drops"
    )
    connection.execute(
        "INSERT INTO undo.dropped_ids BY NAME "
        "SELECT sequence, kind, value, customer_id FROM handed_drops"
    )


def take_back_uses(connection: duckdb.DuckDBPyConnection, entry: Entry) -> None:
    """Let soft identifiers be used last when they were, but for the batch (b.4)."""
    for table in ("import_assets.customer_ids", "undo.customer_ids", "undo.used_ids"):
        connection.execute(
            f"""
            UPDATE {table} i SET used = mine.used
            FROM (SELECT * FROM undo.used_ids WHERE sequence = {entry.sequence}) mine
            WHERE i.kind = mine.kind AND i.value = mine.value
              AND i.used > {entry.clock} AND i.used <= {entry.clock_end}
            """
        )
