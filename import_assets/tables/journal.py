"""What a batch changed, as it was before, so that the batch can be undone (D53).

The schema `undo` holds it, written in the transaction of the batch: `undo.batches` has the batches
that can be undone. Each other table has the ledger's `sequence` of the batch that the row is of.
`existed` is false where the batch made the row; its other columns are null then.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import duckdb

from import_assets.spec.names import LINEAGE
from import_assets.warehouse.sql import first_row, literal, quote, table_label, table_sql
from import_assets.warehouse.tables import exists

CUSTOMERS = ("undo", "customers")
"""Before-images of customers. With `whole`, all attributes are restored, else the batch's own."""

VERSIONS = ("undo", "customer_versions")
_VERSIONS_STORED = ("import_assets", "customer_versions")


def kept_table(table: tuple[str, ...]) -> tuple[str, ...]:
    """Return the table that keeps what batches did to a table of events, a catalog or a pool.

    Of catalogs it has items as they were before, and of the others the records that were left out
    as duplicates.
    """
    return ("undo", table_label(table))


def open_batch(
    connection: duckdb.DuckDBPyConnection,
    sequence: int,
    brought: Sequence[str],
    written: Sequence[str] | None,
    *,
    replaces: bool = False,
) -> None:
    """Note that a batch can be undone.

    It has brought attributes to its table. Those of customers or items that it may have `written`
    are None where it writes whole items; `replaces` tells that it is a whole catalog.
    """
    connection.execute(
        "INSERT INTO undo.batches VALUES (?, ?, ?, ?)", [sequence, brought, written, replaces]
    )


def written_by(connection: duckdb.DuckDBPyConnection, sequence: int) -> list[str] | None:
    """Return the attributes that a batch may have written, see `open_batch`."""
    row = first_row(connection, "SELECT written FROM undo.batches WHERE sequence = ?", [sequence])
    return row[0] if row is not None else None


def ensure(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables that are made with the first customers, for those who read them."""
    if exists(connection, ("customers",)):
        mirror(connection, ("customers",), CUSTOMERS, ("existed", "whole"))
        mirror(connection, _VERSIONS_STORED, VERSIONS, ("existed",))


def mirror(
    connection: duckdb.DuckDBPyConnection,
    stored: tuple[str, ...],
    kept: tuple[str, ...],
    flags: Sequence[str] = (),
) -> None:
    """Give `kept` the columns of `stored`, and `sequence` and the boolean `flags` before them."""
    columns = "".join(f", {quote(flag)} BOOLEAN" for flag in flags)
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {table_sql(kept)} (sequence BIGINT NOT NULL{columns})"
    )
    there = {row[0] for row in connection.execute(f"DESCRIBE {table_sql(kept)}").fetchall()}
    for row in connection.execute(f"DESCRIBE {table_sql(stored)}").fetchall():
        if row[0] not in there:
            connection.execute(f"ALTER TABLE {table_sql(kept)} ADD COLUMN {quote(row[0])} {row[1]}")


def customers(
    connection: duckdb.DuckDBPyConnection,
    sequence: int,
    keys: str,
    attributes: Iterable[str],
    *,
    whole: bool = False,
) -> None:
    """Keep the customers whose `customer_id` stands in the temporary table `keys`.

    One that the batch has changed before is left out: what it was then is what counts.
    """
    mirror(connection, ("customers",), CUSTOMERS, ("existed", "whole"))
    values = "".join(f", s.{quote(name)}" for name in (*attributes, *LINEAGE))
    connection.execute(
        f"""
        INSERT INTO {table_sql(CUSTOMERS)} BY NAME
        SELECT {sequence} AS sequence, s.customer_id IS NOT NULL AS existed, {whole} AS whole,
               k.customer_id{values}
        FROM (SELECT DISTINCT customer_id FROM {keys}) k
        LEFT JOIN main.customers s USING (customer_id)
        WHERE k.customer_id NOT IN (
            SELECT customer_id FROM {table_sql(CUSTOMERS)} WHERE sequence = {sequence})
        """
    )


def versions(connection: duckdb.DuckDBPyConnection, sequence: int, keys: str) -> None:
    """Keep the versions of the customers in the temporary table `keys`, see `customers`."""
    mirror(connection, _VERSIONS_STORED, VERSIONS, ("existed",))
    connection.execute(
        f"""
        INSERT INTO {table_sql(VERSIONS)} BY NAME
        SELECT {sequence} AS sequence, v.customer_id IS NOT NULL AS existed, k.customer_id,
               v.* EXCLUDE (customer_id)
        FROM (SELECT DISTINCT customer_id FROM {keys}) k
        LEFT JOIN {table_sql(_VERSIONS_STORED)} v USING (customer_id)
        WHERE k.customer_id NOT IN (
            SELECT customer_id FROM {table_sql(VERSIONS)} WHERE sequence = {sequence})
        """
    )


def identifiers(connection: duckdb.DuckDBPyConnection, sequence: int, keys: str) -> None:
    """Keep whom the identifiers (`kind`, `value`) in the temporary table `keys` belong to."""
    connection.execute(
        f"""
        INSERT INTO undo.customer_ids BY NAME
        SELECT {sequence} AS sequence, k.kind, k.value, i.customer_id, i.added, i.used
        FROM {keys} k LEFT JOIN import_assets.customer_ids i USING (kind, value)
        """
    )


def moving_events(
    connection: duckdb.DuckDBPyConnection,
    sequence: int,
    stored: tuple[str, ...],
    table: tuple[str, ...],
) -> None:
    """Keep which events belong to customers that are about to be `merged`.

    `table` is the table of events `stored`, or that of the duplicates that were left out of it.
    """
    connection.execute(
        f"""
        INSERT INTO undo.moved_events
        SELECT {sequence}, {literal(table_label(stored))}, e._batch, e._row, e._imported_at,
               e.customer_id
        FROM {table_sql(table)} e SEMI JOIN merged ON e.customer_id = merged.merged_id
        """
    )


def duplicates(
    connection: duckdb.DuckDBPyConnection,
    sequence: int,
    table: tuple[str, ...],
    select: str,
    parameters: dict[str, object] | None = None,
) -> None:
    """Keep records that are left out because an equal one is stored.

    `select` is SQL that gives them as rows of the table.
    """
    kept = kept_table(table)
    mirror(connection, table, kept)
    connection.execute(
        f"INSERT INTO {table_sql(kept)} BY NAME SELECT {sequence} AS sequence, * FROM ({select})",
        parameters,
    )


def items(
    connection: duckdb.DuckDBPyConnection, sequence: int, table: tuple[str, ...], keys: str
) -> None:
    """Keep the items of a catalog whose `item_id` stands in the temporary table `keys`.

    Call before they are written; see `same_items` for those that stay as they are.
    """
    kept = kept_table(table)
    mirror(connection, table, kept, ("existed",))
    connection.execute(
        f"""
        INSERT INTO {table_sql(kept)} BY NAME
        SELECT {sequence} AS sequence, s.item_id IS NOT NULL AS existed, k.item_id,
               s.* EXCLUDE (item_id)
        FROM (SELECT DISTINCT item_id FROM {keys}) k
        LEFT JOIN {table_sql(table)} s USING (item_id)
        """
    )


def same_items(
    connection: duckdb.DuckDBPyConnection, sequence: int, table: tuple[str, ...], keys: str
) -> None:
    """Keep which items of the temporary table `keys` came as they are stored.

    They say what they say by this batch too. Call after `items` has kept those that changed.
    """
    connection.execute(
        f"""
        INSERT INTO undo.same_items
        SELECT {sequence}, {literal(table_label(table))}, k.item_id FROM {keys} k
        WHERE k.item_id NOT IN (
            SELECT item_id FROM {table_sql(kept_table(table))} WHERE sequence = {sequence})
        """
    )


def forget_older(connection: duckdb.DuckDBPyConnection, before: dt.datetime) -> int:
    """Drop what is kept of batches applied before then, naive UTC; return how many these are."""
    old = connection.execute(
        "SELECT sequence FROM undo.batches JOIN import_assets.batches USING (sequence) "
        "WHERE applied_at < ?",
        [before],
    ).fetchall()
    if old:
        connection.execute("BEGIN")
        forget(connection, [sequence for (sequence,) in old])
        connection.execute("COMMIT")
    return len(old)


def seal(connection: duckdb.DuckDBPyConnection, table: tuple[str, ...], attribute: str) -> None:
    """Let no batch be undone that knows an attribute under the type that it had before."""
    # DuckDB alters no table of which the transaction has changed rows, so this goes first.
    connection.execute(
        f"ALTER TABLE IF EXISTS {table_sql(kept_table(table))} "
        f"DROP COLUMN IF EXISTS {quote(attribute)}"
    )
    select = (
        "SELECT sequence FROM undo.batches JOIN import_assets.batches USING (sequence) "
        "WHERE table_name = ?"
    )
    if kept_table(table) == CUSTOMERS and exists(connection, CUSTOMERS):
        # Events merge customers too.
        select += f" UNION SELECT sequence FROM {table_sql(CUSTOMERS)} WHERE whole"
    rows = connection.execute(select, [table_label(table)]).fetchall()
    forget(connection, [sequence for (sequence,) in rows])


def forget(connection: duckdb.DuckDBPyConnection, sequences: Sequence[int]) -> None:
    """Drop what is kept of batches, which then cannot be undone any more."""
    tables = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'undo'"
    ).fetchall()
    for (name,) in tables:
        connection.execute(
            f"DELETE FROM {table_sql(('undo', name))} WHERE list_contains(?, sequence)",
            [list(sequences)],
        )
