"""Which tables the warehouse has."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from import_assets.errors import UnknownName
from import_assets.warehouse.sql import first_row, number, parse_table_label, table_label, table_sql

_KINDS = {"main": (), "events": ("events",), "catalogs": ("catalogs",), "vouchers": ("vouchers",)}


@dataclass(frozen=True)
class Table:
    """A table with its number of rows."""

    table: tuple[str, ...]
    rows: int


def all_tables(connection: duckdb.DuckDBPyConnection) -> list[Table]:
    """Return every table of the user's data, by name."""
    rows = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() "
        "WHERE schema_name IN ('main', 'events', 'catalogs', 'vouchers') AND NOT temporary "
        "ORDER BY schema_name = 'main' DESC, schema_name, table_name"
    ).fetchall()
    tables = [(*_KINDS[schema], name) for schema, name in rows]
    return [
        Table(table, number(connection, f"SELECT count(*) FROM {table_sql(table)}"))
        for table in tables
    ]


def exists(connection: duckdb.DuckDBPyConnection, table: tuple[str, ...]) -> bool:
    """Tell whether a table was made yet."""
    schema = "main" if len(table) == 1 else table[0]
    found = first_row(
        connection,
        "SELECT 1 FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?",
        [schema, table[-1]],
    )
    return found is not None


def find(connection: duckdb.DuckDBPyConnection, label: str) -> tuple[str, ...]:
    """Return the table that people call `label`, such as customers or events/purchase.

    Raises UnknownName, naming the tables there are.
    """
    table = parse_table_label(label)
    names = [table_label(one.table) for one in all_tables(connection)]
    if label not in names:
        known = ", ".join(names) or "none yet: import something first"
        raise UnknownName(f"no table {label!r}; there are: {known}")
    return table
