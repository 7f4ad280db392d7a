"""What must hold for the rows of a table; each check explains itself and can show the rows."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import duckdb

from import_assets.spec.models import Limits
from import_assets.warehouse.sql import SQL_TYPES, first_row, number, quote, table_sql

PURCHASE_ITEM, PURCHASE = ("events", "purchase_item"), ("events", "purchase")


@dataclass(frozen=True)
class Check:
    """The outcome of a check. `query` shows the rows at fault; `failures` is their number.

    `severe` tells a fault of ours (rows that must never be there) from one of the data.
    """

    name: str
    failures: int
    sentence: str
    query: str
    severe: bool


def names(table: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the checks that a table has."""
    if table == PURCHASE_ITEM:
        return ("no_duplicates", "ids_valid", "references_found")
    return {
        "customers": ("no_duplicates", "ids_valid"),
        "events": ("no_duplicates", "ids_valid"),
        "catalogs": ("no_duplicates", "values_within_limit"),
        "vouchers": ("no_duplicates",),
    }[table[0]]


def references(table: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Return the tables in which rows of a table have to find something (M069)."""
    return (PURCHASE,) if table == PURCHASE_ITEM else ()


def run(
    connection: duckdb.DuckDBPyConnection,
    table: tuple[str, ...],
    limits: Limits,
    now: dt.datetime,
) -> list[Check]:
    """Check a table; `now` is naive UTC."""
    kind = table[0]
    if kind == "customers":
        return [_customers_unique(connection), _customer_ids_valid(connection, limits)]
    if kind == "events":
        since = now - dt.timedelta(days=limits.dedup_days)
        checks = [_events_unique(connection, table, since), _events_owned(connection, table)]
        if table == PURCHASE_ITEM:
            checks.append(_purchases_found(connection))
        return checks
    if kind == "catalogs":
        return [
            _unique(connection, table, "item_id", "items that stand twice"),
            _values_within_limit(connection, table, limits.catalog_value_bytes),
        ]
    return [_unique(connection, table, "code", "codes that stand twice in the pool")]


def _check(
    connection: duckdb.DuckDBPyConnection, name: str, query: str, what: str, *, severe: bool
) -> Check:
    failures = number(connection, f"SELECT count(*) FROM ({query})")
    sentence = f"{failures:,} {what}" if failures else f"no {what}"
    return Check(name, failures, sentence, query, severe)


def _unique(
    connection: duckdb.DuckDBPyConnection, table: tuple[str, ...], key: str, what: str
) -> Check:
    query = (
        f"SELECT {quote(key)}, count(*) AS times FROM {table_sql(table)} "
        f"GROUP BY {quote(key)} HAVING count(*) > 1"
    )
    return _check(connection, "no_duplicates", query, what, severe=True)


def _customers_unique(connection: duckdb.DuckDBPyConnection) -> Check:
    query = (
        "SELECT kind, value, count(*) AS times FROM import_assets.customer_ids "
        "GROUP BY kind, value HAVING count(*) > 1"
    )
    return _check(
        connection,
        "no_duplicates",
        query,
        "identifiers that belong to two customers",
        severe=True,
    )


def _customer_ids_valid(connection: duckdb.DuckDBPyConnection, limits: Limits) -> Check:
    query = (
        "SELECT c.customer_id, i.kind, i.value FROM main.customers c "
        "LEFT JOIN import_assets.customer_ids i ON i.customer_id = c.customer_id "
        f"WHERE i.value IS NULL OR i.value = '' OR strlen(i.value) > {limits.id_bytes}"
    )
    what = f"customers without an identifier or with one over {limits.id_bytes} bytes"
    return _check(connection, "ids_valid", query, what, severe=True)


def _events_unique(
    connection: duckdb.DuckDBPyConnection, table: tuple[str, ...], since: dt.datetime
) -> Check:
    # Two customers can have equal events, and stay so when they turn out to be one (b.4, M064).
    query = (
        f"SELECT customer_id, _digest, count(*) AS times FROM {table_sql(table)} "
        f"WHERE _imported_at >= TIMESTAMP '{since.isoformat(sep=' ')}' "
        "AND customer_id NOT IN (SELECT customer_id FROM import_assets.merges) "
        "GROUP BY customer_id, _digest HAVING count(*) > 1"
    )
    what = "events that stand twice within the window of deduplication"
    return _check(connection, "no_duplicates", query, what, severe=True)


def _events_owned(connection: duckdb.DuckDBPyConnection, table: tuple[str, ...]) -> Check:
    query = (
        f'SELECT * FROM {table_sql(table)} WHERE "timestamp" IS NULL OR customer_id IS NULL '
        "OR customer_id NOT IN (SELECT customer_id FROM main.customers)"
    )
    return _check(
        connection, "ids_valid", query, "events without a customer or a time", severe=True
    )


def _purchases_found(connection: duckdb.DuckDBPyConnection) -> Check:
    described = [_column_type(connection, table) for table in (PURCHASE_ITEM, PURCHASE)]
    if None in described:
        return Check(
            "references_found",
            0,
            "not checked: purchase and purchase_item do not both have a purchase_id",
            "SELECT 1 WHERE false",
            severe=False,
        )
    # Where the two have different types, 1, 1.0 and '1' are to be the same number.
    as_is = described[0] == described[1]
    found = (
        "purchase_id"
        if as_is
        else "coalesce(try_cast(purchase_id AS DOUBLE)::VARCHAR, purchase_id::VARCHAR)"
    )
    query = (
        f"SELECT DISTINCT purchase_id FROM {table_sql(PURCHASE_ITEM)} "
        f"WHERE {found} NOT IN (SELECT {found} FROM {table_sql(PURCHASE)} "
        "WHERE purchase_id IS NOT NULL)"
    )
    what = "purchase_ids of purchase_item without a purchase"
    return _check(connection, "references_found", query, what, severe=False)


def _column_type(connection: duckdb.DuckDBPyConnection, table: tuple[str, ...]) -> str | None:
    row = first_row(
        connection,
        "SELECT data_type FROM duckdb_columns() WHERE schema_name = ? AND table_name = ? "
        "AND column_name = 'purchase_id'",
        list(table),
    )
    return row[0] if row else None


def _values_within_limit(
    connection: duckdb.DuckDBPyConnection, table: tuple[str, ...], limit: int
) -> Check:
    described = connection.execute(f"DESCRIBE {table_sql(table)}").fetchall()
    texts = [
        row[0]
        for row in described
        if row[1] in (SQL_TYPES["text"], SQL_TYPES["json"]) and not row[0].startswith("_")
    ]
    long = " OR ".join(f"strlen({quote(name)}::VARCHAR) > {limit}" for name in texts)
    query = f"SELECT * FROM {table_sql(table)} WHERE {long or 'false'}"
    what = f"items with a value over {limit:,} bytes"
    return _check(connection, "values_within_limit", query, what, severe=True)
