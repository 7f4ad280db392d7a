"""`show`: the tables of the warehouse, and what is in one of them."""

from __future__ import annotations

from typing import Any

import duckdb

from import_assets.cli.exits import DONE
from import_assets.cli.output import Column, columns
from import_assets.cli.session import Session, unknown
from import_assets.spec.names import LINEAGE
from import_assets.warehouse import attributes, tables
from import_assets.warehouse.sql import number, quoted, table_label, table_sql

_HIDDEN = ("_digest",)


def show_all(session: Session) -> int:
    """Print the tables with their sizes."""
    found: list[tables.Table] = []
    if session.has_warehouse:
        with session.reading() as connection:
            found = tables.all_tables(connection)
    records = [
        {"table": table_label(one.table), "rows": one.rows, "sql_name": table_sql(one.table)}
        for one in found
    ]
    if not records:
        session.output.note("There are no tables yet: import something first.")
    if records or session.output.as_json:
        session.output.records(records, of=columns("table", "rows", "sql_name"))
    return DONE


def show(session: Session, label: str, rows: int) -> int:
    """Print a table's columns, its size and its newest rows. Raises UnknownName."""
    output = session.output
    with session.reading() as connection:
        found = [one for one in tables.all_tables(connection) if table_label(one.table) == label]
        if not found:
            known = [table_label(one.table) for one in tables.all_tables(connection)]
            raise unknown("table", label, known)
        table = found[0].table
        described = _columns(connection, table)
        names = [one["column"] for one in described]
        visible = [name for name in names if name not in (*LINEAGE, *_HIDDEN)]
        newest = _newest(connection, table, visible, rows)
    output.json([{"table": label, "rows": found[0].rows, "columns": described, "newest": newest}])
    output.table(
        described,
        of=columns("column", "type", "sql_type", "first_import"),
        title=f"{label}: {found[0].rows:,} rows",
    )
    if newest:
        title = f"The newest {len(newest):,} rows"
        output.table(newest, of=[Column(name, name) for name in visible], title=title)
    return DONE


def _columns(connection: duckdb.DuckDBPyConnection, table: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return name, attribute type, SQL type and first import of each column."""
    known = attributes.known(connection, table)
    described = connection.execute(f"DESCRIBE {table_sql(table)}").fetchall()
    nothing = (None, None)
    return [
        {
            "column": name,
            "type": known.get(name, nothing)[0],
            "sql_type": sql_type,
            "first_import": known.get(name, nothing)[1],
        }
        for name, sql_type, *_ in described
    ]


def _newest(
    connection: duckdb.DuckDBPyConnection, table: tuple[str, ...], names: list[str], rows: int
) -> list[dict[str, Any]]:
    count = min(rows, number(connection, f"SELECT count(*) FROM {table_sql(table)}"))
    found = connection.execute(
        f"SELECT {quoted(names)} FROM {table_sql(table)} "
        f"ORDER BY _imported_at DESC, _row DESC LIMIT {count}"
    ).fetchall()
    return [dict(zip(names, row, strict=True)) for row in found]
