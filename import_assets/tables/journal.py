"""What a batch changed, as it was before, so that the batch can be undone (D53).

The schema `undo` holds it, written in the transaction of the batch: `undo.batches` has the batches
that can be undone. Each other table has the ledger's `sequence` of the batch that the row is of.
`touched_customers` and `touched_items` have whom and what a batch spoke of, and whether it `made`
them; `used_ids` and `dropped_ids` which soft identifiers it used, and took from whom; what was
there before stands, as it was, in tables with the columns of the stored ones. The sequence is
called `_sequence` there, since an attribute may have the other name.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import duckdb

from import_assets.spec.names import LINEAGE
from import_assets.warehouse.sql import first_row, literal, quote, table_label, table_sql
from import_assets.warehouse.tables import exists

CUSTOMERS = ("undo", "customers")
VERSIONS = ("undo", "customer_versions")
_VERSIONS_STORED = ("import_assets", "customer_versions")
_OF_SEALED = ("used_ids", "dropped_ids")
"""What is kept of batches that can no longer be undone, since others may have built on them."""


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
        mirror(connection, ("customers",), CUSTOMERS)
        mirror(connection, _VERSIONS_STORED, VERSIONS)


def mirror(
    connection: duckdb.DuckDBPyConnection, stored: tuple[str, ...], kept: tuple[str, ...]
) -> None:
    """Give `kept` the columns of `stored`, and `_sequence` before them."""
    connection.execute(f"CREATE TABLE IF NOT EXISTS {table_sql(kept)} (_sequence BIGINT NOT NULL)")
    there = {row[0] for row in connection.execute(f"DESCRIBE {table_sql(kept)}").fetchall()}
    for row in connection.execute(f"DESCRIBE {table_sql(stored)}").fetchall():
        if row[0] not in there:
            connection.execute(f"ALTER TABLE {table_sql(kept)} ADD COLUMN {quote(row[0])} {row[1]}")


def customers(
    connection: duckdb.DuckDBPyConnection,
    sequence: int,
    changed: str,
    attributes: Iterable[str],
    *,
    met: str,
    seen: str = "main.customers",
    whole: bool = False,
) -> None:
    """Keep the customers whose `customer_id` stands in the temporary table `changed`.

    One that the batch has changed before is left out: what it was then is what counts. With
    `whole`, all that they are is put back, and else the batch's own attributes. The customers of
    the temporary table `met` are those that the batch spoke of, whether they changed or not; who
    only lost an identifier is not among them. `seen` has what is stored of them all.
    """
    mirror(connection, ("customers",), CUSTOMERS)
    earlier = f"SELECT customer_id FROM undo.touched_customers WHERE sequence = {sequence}"
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE touched_now AS
        SELECT DISTINCT k.customer_id, s.customer_id IS NULL AS made FROM {met} k
        LEFT JOIN {seen} s USING (customer_id) WHERE k.customer_id NOT IN ({earlier})
        """
    )
    values = ", ".join(f"s.{quote(name)}" for name in ("customer_id", *attributes, *LINEAGE))
    connection.execute(
        f"""
        INSERT INTO {table_sql(CUSTOMERS)} BY NAME SELECT {sequence} AS _sequence, {values}
        FROM {seen} s SEMI JOIN {changed} c USING (customer_id)
        WHERE customer_id NOT IN ({earlier})
        """
    )
    connection.execute(
        f"INSERT INTO undo.touched_customers SELECT {sequence}, customer_id, made, {whole} "
        "FROM touched_now"
    )


def versions(
    connection: duckdb.DuckDBPyConnection,
    sequence: int,
    keys: str,
    *,
    seen: str = "import_assets.customer_versions",
) -> None:
    """Keep the versions of the customers in the temporary table `keys`, see `customers`."""
    mirror(connection, _VERSIONS_STORED, VERSIONS)
    connection.execute(
        f"""
        INSERT INTO {table_sql(VERSIONS)} BY NAME
        SELECT {sequence} AS _sequence, v.* FROM {seen} v
        SEMI JOIN {keys} k USING (customer_id)
        WHERE customer_id NOT IN (
            SELECT customer_id FROM {table_sql(VERSIONS)} WHERE _sequence = {sequence})
        """
    )


def identifiers(connection: duckdb.DuckDBPyConnection, sequence: int, keys: str) -> None:
    """Keep whom the identifiers (`kind`, `value`) in the temporary table `keys` belong to.

    The temporary table `seen_ids` has what is stored of them.
    """
    connection.execute(
        f"""
        INSERT INTO undo.customer_ids BY NAME
        SELECT {sequence} AS sequence, k.kind, k.value, i.customer_id, i.added, i.used
        FROM {keys} k LEFT JOIN seen_ids i USING (kind, value)
        """
    )


def uses(connection: duckdb.DuckDBPyConnection, sequence: int) -> None:
    """Keep when the soft identifiers of the temporary table `used_ids` were used before."""
    connection.execute(
        f"""
        INSERT INTO undo.used_ids BY NAME
        SELECT {sequence} AS sequence, u.kind, u.value, i.used
        FROM used_ids u LEFT JOIN seen_ids i USING (kind, value)
        """
    )


def drops(connection: duckdb.DuckDBPyConnection, sequence: int) -> None:
    """Keep from which customers the identifiers of the temporary table `dropped_ids` are taken."""
    identifiers(connection, sequence, "dropped_ids")
    connection.execute(
        f"""
        INSERT INTO undo.dropped_ids BY NAME
        SELECT {sequence} AS sequence, kind, value, remaining_id AS customer_id FROM dropped_ids
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
        f"INSERT INTO {table_sql(kept)} BY NAME SELECT {sequence} AS _sequence, * FROM ({select})",
        parameters,
    )


def items(
    connection: duckdb.DuckDBPyConnection,
    sequence: int,
    table: tuple[str, ...],
    keys: str,
    same: str | None,
) -> None:
    """Keep the items of a catalog whose `item_id` stands in `keys`, a temporary table or SELECT.

    The items of `same`, which came as they are stored, say by this batch too what they say. Call
    before anything is written.
    """
    kept, catalog = kept_table(table), literal(table_label(table))
    mirror(connection, table, kept)
    connection.execute(
        f"INSERT INTO {table_sql(kept)} BY NAME SELECT {sequence} AS _sequence, s.* "
        f"FROM {table_sql(table)} s SEMI JOIN {keys} k USING (item_id)"
    )
    there = f"SELECT item_id FROM {table_sql(table)}"
    for select, made in ((keys, f"item_id NOT IN ({there})"), (same, "false")):
        if select is not None:
            connection.execute(
                f"INSERT INTO undo.touched_items "
                f"SELECT {sequence}, {catalog}, item_id, {made} FROM {select} k"
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
        for name in _OF_SEALED:
            connection.execute(
                f"DELETE FROM undo.{name} WHERE sequence <= "
                "(SELECT max(sequence) FROM import_assets.batches WHERE applied_at < ?)",
                [before],
            )
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
    if kept_table(table) == CUSTOMERS:
        # Events merge customers too, and nobody could tell any more that these built on them.
        select += (
            " UNION SELECT sequence FROM undo.touched_customers WHERE whole"
            " UNION SELECT mine.sequence FROM undo.touched_customers mine"
            " JOIN undo.touched_customers theirs USING (customer_id)"
            " JOIN import_assets.batches l ON l.sequence = theirs.sequence"
            " WHERE mine.sequence < theirs.sequence"
            " AND (l.table_name = 'customers' OR theirs.whole)"
            " UNION SELECT mine.sequence FROM undo.customer_ids mine"
            " JOIN undo.customer_ids theirs USING (kind, value)"
            " JOIN import_assets.batches l ON l.sequence = theirs.sequence"
            " WHERE mine.sequence < theirs.sequence AND l.table_name = 'customers'"
        )
    rows = connection.execute(select, [table_label(table)]).fetchall()
    forget(connection, [sequence for (sequence,) in rows], but=_OF_SEALED)


def forget(
    connection: duckdb.DuckDBPyConnection, sequences: Sequence[int], *, but: Sequence[str] = ()
) -> None:
    """Drop what is kept of batches, which then cannot be undone any more; `but` names tables."""
    tables = connection.execute(
        "SELECT table_name, bool_or(column_name = '_sequence') FROM duckdb_columns() "
        "WHERE schema_name = 'undo' GROUP BY table_name"
    ).fetchall()
    for name, mirrors in tables:
        if name in but:
            continue
        column = "_sequence" if mirrors else "sequence"
        connection.execute(
            f"DELETE FROM {table_sql(('undo', name))} WHERE list_contains(?, {column})",
            [list(sequences)],
        )
