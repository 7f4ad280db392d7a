"""Small helpers to write SQL: quoting, names and column types of tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import duckdb
import polars as pl

from import_assets.spec.models import AttributeType

SQL_TYPES: dict[AttributeType, str] = {
    "text": "VARCHAR",
    "long text": "VARCHAR",
    "number": "DOUBLE",
    "integer": "BIGINT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "datetime": "TIMESTAMP",
    "list": "VARCHAR[]",
    "url": "VARCHAR",
    "json": "JSON",
}
"""The column type of each attribute type. Times are UTC."""


LINEAGE_TYPES = {
    "_batch": "VARCHAR",
    "_import": "VARCHAR",
    "_file": "VARCHAR",
    "_row": "BIGINT",
    "_imported_at": "TIMESTAMP",
}
"""Names and SQL types of the columns that say where a row came from."""


def quote(name: str) -> str:
    """Return `name` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quoted(names: Iterable[str]) -> str:
    """Return the names as a comma-separated list of quoted identifiers."""
    return ", ".join(quote(name) for name in names)


def literal(text: str) -> str:
    """Return `text` as a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def table_sql(table: tuple[str, ...]) -> str:
    """Return the SQL name of a table such as ("events", "purchase")."""
    return f"main.{quote(table[0])}" if len(table) == 1 else ".".join(quote(part) for part in table)


def table_label(table: tuple[str, ...]) -> str:
    """Return the name that people use, such as events/purchase."""
    return "/".join(table)


def first_row(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Any = None
) -> tuple[Any, ...] | None:
    """Return the first row that a statement gives, or None.

    Reads the result to its end: DuckDB 2 refuses other work on a connection whose result is not.
    """
    rows = connection.execute(sql, parameters).fetchall()
    return rows[0] if rows else None


@contextmanager
def interruptible(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Raise KeyboardInterrupt where Ctrl-C ends a statement: DuckDB raises another error then.

    The statement itself would go on in DuckDB's threads, and whatever comes next wait for it.
    """
    try:
        yield
    except RuntimeError as error:
        if "Query interrupted" not in str(error):
            raise
        connection.interrupt()
        raise KeyboardInterrupt from error


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection, *, keep: bool = True) -> Iterator[None]:
    """Do what is inside as a whole or, where it fails or nothing is to be kept, not at all."""
    connection.execute("BEGIN")
    try:
        with interruptible(connection):
            yield
    except BaseException:
        # A full disk can have ended the transaction already; what is raised says so.
        with suppress(duckdb.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT" if keep else "ROLLBACK")


def add_columns(
    connection: duckdb.DuckDBPyConnection, table: tuple[str, ...], types: Mapping[str, str]
) -> None:
    """Add the columns that a table lacks, at its end."""
    for name, type_ in types.items():
        connection.execute(
            f"ALTER TABLE {table_sql(table)} ADD COLUMN IF NOT EXISTS {quote(name)} {type_}"
        )


def number(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Any = None) -> int:
    """Return the single integer that a statement gives, such as a count."""
    row = first_row(connection, sql, parameters)
    return int(row[0]) if row else 0


def frame(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Any = None) -> pl.DataFrame:
    """Return the rows of a SELECT; the one way to polars that DuckDB 1 and 2 have in common."""
    return pl.DataFrame(connection.sql(sql, params=parameters).to_arrow_table())


def parse_table_label(label: str) -> tuple[str, ...]:
    """Return the parts of a table's name as people write it."""
    head, _, rest = label.partition("/")
    return (head, rest) if rest else (head,)
