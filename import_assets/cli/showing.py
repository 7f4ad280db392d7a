"""`show`: the tables of the warehouse, and what is in one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import polars as pl

from import_assets.cli.exits import DONE
from import_assets.cli.output import Column, columns
from import_assets.cli.session import Session, unknown
from import_assets.cli.writing import changes, csv_of, put
from import_assets.formats.csvwriter import CsvStyle
from import_assets.spec.names import LINEAGE
from import_assets.warehouse import attributes, tables
from import_assets.warehouse.sql import frame, quoted, table_label, table_sql

_HIDDEN = ("_digest",)


def show_all(session: Session, *, as_csv: bool = False) -> int:
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
    if as_csv:
        schema = {"table": pl.String, "rows": pl.Int64, "sql_name": pl.String}
        _print_csv(session, pl.DataFrame(records, schema=schema))
    elif records or session.output.as_json:
        session.output.records(records, of=columns("table", "rows", "sql_name"))
    return DONE


def show(session: Session, label: str, rows: int, *, as_csv: bool = False) -> int:
    """Print a table's columns, its size and its newest rows; as CSV the rows only.

    Raises UnknownName.
    """
    output = session.output
    with session.reading() as connection:
        found = find_table(connection, label)
        described = _columns(connection, found.table)
        names = [one["column"] for one in described]
        visible = [name for name in names if name not in (*LINEAGE, *_HIDDEN)]
        sql = _newest(found, visible, rows)
        # The rows are typed for a file, and plain values for the eye.
        typed = frame(connection, sql) if as_csv else pl.DataFrame()
        newest = [] if as_csv else connection.execute(sql).fetchall()
    if as_csv:
        _print_csv(session, typed)
        return DONE
    records = [dict(zip(visible, row, strict=True)) for row in newest]
    output.json([{"table": label, "rows": found.rows, "columns": described, "newest": records}])
    output.table(
        described,
        of=columns("column", "type", "sql_type", "first_import"),
        title=f"{label}: {found.rows:,} rows",
    )
    if records:
        title = f"The newest {len(records):,} rows"
        output.table(records, of=[Column(name, name) for name in visible], title=title)
    return DONE


def find_table(connection: duckdb.DuckDBPyConnection, label: str) -> tables.Table:
    """Return the table that people call so; raises UnknownName with what it may mean."""
    known = {table_label(one.table): one for one in tables.all_tables(connection)}
    if label not in known:
        raise unknown("table", label, known)
    return known[label]


def _print_csv(session: Session, rows: pl.DataFrame) -> None:
    style = CsvStyle(line_breaks="space", defused=True)
    print_rows, written = put(csv_of([rows], rows.columns, style), None)
    print_rows()
    for sentence in changes(written):
        session.output.note(sentence)


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


def _newest(found: tables.Table, names: Sequence[str], rows: int) -> str:
    """Return the SELECT of the rows that were imported last."""
    return (
        f"SELECT {quoted(names)} FROM {table_sql(found.table)} "
        f"ORDER BY _imported_at DESC, _row DESC LIMIT {min(rows, found.rows)}"
    )
