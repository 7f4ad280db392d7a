"""Which later batches built on a batch, so that it cannot be undone without them (D53).

A later batch built on it when it

- brought rejects of it again;
- changed an attribute of a customer or an item that this batch had changed too, or replaced the
  whole catalog;
- changed anything of a customer or an item that this batch had made, or brought an event of such a
  customer. Where this batch brought events itself, it made customers only by the way: they stay;
- changed, or brought an event of, customers that this batch had merged;
- knew a customer by an identifier that this batch had moved, or, as a batch of customers, given;
- took a soft identifier from a customer who had too many of that kind, of which this batch had
  used, given or taken some: without this batch, it would be another identifier.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from import_assets.tables import journal
from import_assets.warehouse import ledger
from import_assets.warehouse.ledger import Entry
from import_assets.warehouse.sql import parse_table_label, table_sql
from import_assets.warehouse.tables import exists
from import_assets.wording import counted


@dataclass(frozen=True)
class Dependent:
    """A batch that built on another, and how."""

    entry: Entry
    why: str


def dependents(connection: duckdb.DuckDBPyConnection, entry: Entry) -> list[Dependent]:
    """Return the batches that directly built on this one and were not undone, in their order."""
    whys: defaultdict[int, list[str]] = defaultdict(list)
    for select, what in _queries(connection, entry):
        rows = connection.execute(
            f"SELECT sequence, sum(records)::BIGINT FROM ({select}) "
            f"WHERE sequence > {entry.sequence} AND sequence IN "
            "(SELECT sequence FROM import_assets.batches WHERE undone_at IS NULL) GROUP BY sequence"
        ).fetchall()
        for sequence, records in rows:
            word, _, rest = what.partition(" ")
            whys[sequence].append(f"{counted(records, word.removesuffix('s'), word)} {rest}")
    entries = {one.sequence: one for one in ledger.of_sequences(connection, list(whys))}
    return [Dependent(entries[sequence], ", ".join(whys[sequence])) for sequence in sorted(whys)]


def _queries(connection: duckdb.DuckDBPyConnection, entry: Entry) -> Iterator[tuple[str, str]]:
    """Yield SELECTs of `sequence` and `records`, and what those records are."""
    yield (
        "SELECT replayed_in AS sequence, 1 AS records FROM import_assets.rejects "
        f"WHERE sequence = {entry.sequence} AND replayed_in IS NOT NULL",
        "of its rejects brought again",
    )
    table = parse_table_label(entry.table_name)
    if table[0] == "catalogs":
        yield from _item_queries(entry)
    elif table[0] != "vouchers":
        yield from _customer_queries(connection, entry)


_SHARED = "(mine.written IS NULL OR other.written IS NULL OR " + (
    "list_has_any(mine.written, other.written))"
)


def _item_queries(entry: Entry) -> Iterator[tuple[str, str]]:
    yield (
        "SELECT u.sequence, l.removed + l.inserted + l.updated + l.unchanged AS records "
        "FROM undo.batches u JOIN import_assets.batches l USING (sequence) "
        f"WHERE u.replaces AND l.table_name = (SELECT table_name FROM import_assets.batches "
        f"WHERE sequence = {entry.sequence})",
        "items of the whole catalog that it replaced",
    )
    yield (
        f"""
        SELECT theirs.sequence, count(*) AS records
        FROM undo.touched_items t JOIN undo.touched_items theirs USING (catalog, item_id)
        JOIN undo.batches mine ON mine.sequence = t.sequence
        JOIN undo.batches other ON other.sequence = theirs.sequence
        WHERE t.sequence = {entry.sequence} AND NOT other.replaces AND (t.made OR {_SHARED})
        GROUP BY theirs.sequence
        """,
        "of the same items",
    )


def _customer_queries(
    connection: duckdb.DuckDBPyConnection, entry: Entry
) -> Iterator[tuple[str, str]]:
    events = parse_table_label(entry.table_name)[0] == "events"
    mine = f"sequence = {entry.sequence}"
    _find_bound(connection, entry, events=events)
    yield (
        f"""
        SELECT theirs.sequence, count(*) AS records
        FROM undo.touched_customers mine JOIN undo.touched_customers theirs USING (customer_id)
        JOIN undo.batches m ON m.sequence = mine.sequence
        JOIN undo.batches o ON o.sequence = theirs.sequence
        WHERE mine.{mine} AND (theirs.whole OR customer_id IN (SELECT customer_id FROM bound)
            OR list_has_any(m.written, o.written))
        GROUP BY theirs.sequence
        """,
        "of the same customers",
    )
    given = "j.customer_id IS NOT NULL" if events else "true"
    yield (
        f"""
        SELECT theirs.sequence, count(*) AS records
        FROM undo.customer_ids j JOIN (
            SELECT sequence, kind, value FROM undo.customer_ids
            UNION SELECT sequence, kind, value FROM undo.used_ids) theirs USING (kind, value)
        WHERE j.{mine} AND {given} GROUP BY theirs.sequence
        """,
        "of the same identifiers",
    )
    yield _drops_by_others(entry), "identifiers too many of the same customers"
    for select in _events_of_bound(connection):
        yield select, "events of its customers"


def _drops_by_others(entry: Entry) -> str:
    """SELECT of who took identifiers from customers of whose kind this batch knew others."""
    mine = f"sequence = {entry.sequence}"
    known = (
        f"SELECT kind, value FROM undo.used_ids WHERE {mine} "
        f"UNION SELECT kind, value FROM undo.customer_ids WHERE {mine}"
    )
    return f"""
        SELECT d.sequence, count(*) AS records FROM undo.dropped_ids d SEMI JOIN (
            SELECT kind, i.customer_id
            FROM import_assets.customer_ids i SEMI JOIN ({known}) USING (kind, value)
            UNION SELECT kind, customer_id FROM undo.customer_ids WHERE {mine}
            UNION SELECT kind, customer_id
            FROM undo.dropped_ids SEMI JOIN ({known}) USING (kind, value)
        ) USING (kind, customer_id)
        GROUP BY d.sequence
    """


def _find_bound(connection: duckdb.DuckDBPyConnection, entry: Entry, *, events: bool) -> None:
    """Put the customers that nobody may have known since into `bound`.

    Those are the merged ones, and of a batch of customers also those that it made, or gave another
    hard identifier: of such, nobody keeps when they were used last.
    """
    mine = f"sequence = {entry.sequence}"
    strict = (
        ""
        if events
        else f"""
        UNION SELECT customer_id FROM undo.touched_customers WHERE {mine} AND made
        UNION SELECT i.customer_id
        FROM undo.customer_ids j JOIN import_assets.customer_ids i USING (kind, value)
        WHERE j.{mine} AND i.used IS NULL
        """
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE bound AS "
        f"SELECT customer_id FROM undo.touched_customers WHERE {mine} AND whole {strict}"
    )


def _events_of_bound(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Yield SELECTs of who brought events of the customers in `bound`."""
    for name in _event_types(connection):
        stored = ("events", name)
        yield f"""
            SELECT l.sequence, e.records FROM (
                SELECT _batch, _imported_at, count(*) AS records FROM {table_sql(stored)}
                WHERE customer_id IN (SELECT customer_id FROM bound)
                GROUP BY _batch, _imported_at) e
            JOIN import_assets.batches l ON l.batch_id = e._batch AND l.applied_at = e._imported_at
        """
        kept = journal.kept_table(stored)
        if exists(connection, kept):
            yield f"""
                SELECT _sequence AS sequence, count(*) AS records FROM {table_sql(kept)}
                WHERE customer_id IN (SELECT customer_id FROM bound) GROUP BY _sequence
            """


def _event_types(connection: duckdb.DuckDBPyConnection) -> list[str]:
    rows = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'events'"
    ).fetchall()
    return [name for (name,) in rows]


def find_users(connection: duckdb.DuckDBPyConnection, entry: Entry) -> None:
    """Put the customers that this batch changed and later batches know into `users`.

    Others know them by events, or by having spoken of them. `heir` is the first of those batches,
    and `_row` its first event of the customer, if there are any.
    """
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE touched_customers AS
        SELECT customer_id FROM undo.touched_customers WHERE sequence = {entry.sequence}
        UNION SELECT i.customer_id
        FROM undo.customer_ids j JOIN import_assets.customer_ids i USING (kind, value)
        WHERE j.sequence = {entry.sequence}
        """
    )
    selects = ["SELECT customer_id, sequence, NULL AS _row FROM undo.touched_customers"]
    for name in _event_types(connection):
        stored = ("events", name)
        selects.append(
            f"""
            SELECT e.customer_id, l.sequence, e._row FROM {table_sql(stored)} e
            SEMI JOIN touched_customers USING (customer_id)
            JOIN import_assets.batches l ON l.batch_id = e._batch AND l.applied_at = e._imported_at
            WHERE l.undone_at IS NULL
            """
        )
        kept = journal.kept_table(stored)
        if exists(connection, kept):
            selects.append(f"SELECT customer_id, _sequence, _row FROM {table_sql(kept)}")
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE users AS
        SELECT customer_id, sequence AS heir, min(_row) AS _row
        FROM ({" UNION ALL ".join(selects)}) SEMI JOIN touched_customers USING (customer_id)
        WHERE sequence > {entry.sequence} GROUP BY customer_id, sequence
        QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY sequence) = 1
        """
    )
