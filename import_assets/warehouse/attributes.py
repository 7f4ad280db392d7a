"""The attributes of a table: one type each, set by the import that first brought it (M031-M033)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from import_assets.errors import FileRefused
from import_assets.spec.models import AttributeType
from import_assets.warehouse.sql import SQL_TYPES, first_row, quote, table_label, table_sql

TYPE_CONFLICT = "type_conflict"
"""The reason of a file refused because its table has an attribute with another type."""

_TABLES_OWN = ("customer_id", "timestamp")
"""Columns that are neither attributes nor identifiers; others of that sort begin with `_`."""


@dataclass(frozen=True)
class Described:
    """An attribute of a table, or an identifier that has a column there.

    `import_name`, `file` and `created_at` (naive UTC) say who first brought an attribute; nobody
    keeps that of identifiers. `filled` of the table's `rows` hold a value, `example` is one of
    these values.
    """

    name: str
    type: AttributeType
    identifier: bool
    import_name: str | None
    file: str | None
    created_at: dt.datetime | None
    rows: int
    filled: int
    example: Any


def describe(connection: duckdb.DuckDBPyConnection, table: tuple[str, ...]) -> list[Described]:
    """Return the identifiers and attributes of a table, in the order of its columns.

    Reads the table once, however many columns it has. A table without any gives none.
    """
    book = _book(connection, table)
    columns = _columns(connection, table, {name: type_ for name, (type_, _) in book.items()})
    if not columns:
        return []
    aggregates = (f"count({quote(name)}), any_value({quote(name)})" for name in columns)
    row = first_row(connection, f"SELECT count(*), {', '.join(aggregates)} FROM {table_sql(table)}")
    rows, *found = row or (0, *[0, None] * len(columns))
    return [
        Described(name, columns[name], name not in book, *_first(book, name), rows, filled, example)
        for name, filled, example in zip(columns, found[::2], found[1::2], strict=True)
    ]


def count(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Return how many attributes each table has, by what people call the table."""
    return dict(
        connection.execute(
            "SELECT table_name, count(*) FROM import_assets.attributes GROUP BY table_name"
        ).fetchall()
    )


_First = tuple[str | None, str | None, dt.datetime | None]
"""Import, file and time of who first brought an attribute."""


def _book(
    connection: duckdb.DuckDBPyConnection, table: tuple[str, ...]
) -> dict[str, tuple[AttributeType, _First]]:
    """Return the type of each attribute and who first brought it, by name."""
    rows = connection.execute(
        "SELECT attribute, type, import, file, created_at FROM import_assets.attributes "
        "WHERE table_name = ?",
        [table_label(table)],
    ).fetchall()
    return {name: (type_, (by, file, at)) for name, type_, by, file, at in rows}


def _first(book: dict[str, tuple[AttributeType, _First]], name: str) -> _First:
    return book[name][1] if name in book else (None, None, None)


def _columns(
    connection: duckdb.DuckDBPyConnection,
    table: tuple[str, ...],
    attributes: dict[str, AttributeType],
) -> dict[str, AttributeType]:
    """Return the types of identifiers and attributes; of the former a soft one is a list."""
    described = connection.execute(f"DESCRIBE {table_sql(table)}").fetchall()
    columns: dict[str, AttributeType] = {}
    for name, sql_type, *_ in described:
        if name in attributes:
            columns[name] = attributes[name]
        elif not name.startswith("_") and name not in _TABLES_OWN:
            columns[name] = "list" if sql_type == SQL_TYPES["list"] else "text"
    return columns


def set_type(
    connection: duckdb.DuckDBPyConnection, table: tuple[str, ...], name: str, type_: AttributeType
) -> None:
    """Write another type of an attribute into the books."""
    connection.execute(
        "UPDATE import_assets.attributes SET type = ? WHERE table_name = ? AND attribute = ?",
        [type_, table_label(table), name],
    )


def known(
    connection: duckdb.DuckDBPyConnection, table: tuple[str, ...]
) -> dict[str, tuple[AttributeType, str]]:
    """Return type and first import of each attribute of a table, by name, oldest first."""
    rows = connection.execute(
        "SELECT attribute, type, import FROM import_assets.attributes "
        "WHERE table_name = ? ORDER BY created_at, rowid",
        [table_label(table)],
    ).fetchall()
    return {attribute: (type_, import_name) for attribute, type_, import_name in rows}


def check(
    stored: dict[str, tuple[AttributeType, str]],
    attributes: Sequence[tuple[str, AttributeType]],
    table: tuple[str, ...],
    file: str,
) -> list[tuple[str, AttributeType]]:
    """Return the attributes that the table does not have yet.

    Raises FileRefused (`type_conflict`, `name_conflict`) where an attribute has another type or
    a name that differs from a stored one only by case (D30).
    """
    by_lower = {name.lower(): name for name in stored}
    new: list[tuple[str, AttributeType]] = []
    for name, type_ in attributes:
        other = by_lower.get(name.lower())
        if other is None:
            new.append((name, type_))
            continue
        stored_type, import_name = stored[other]
        if other != name:
            raise FileRefused(
                file,
                "name_conflict",
                f"attribute {name!r} differs only by case from {other!r}, which import "
                f"{import_name} brought to {table_label(table)}: rename it with `to: {other}`",
            )
        if stored_type != type_:
            raise FileRefused(
                file,
                TYPE_CONFLICT,
                f"attribute {name!r} comes as {type_}, but {table_label(table)} has it as "
                f"{stored_type} since import {import_name}: say `type: {stored_type}`, or give it "
                "another name with `to:`",
            )
    return new


def refuse_own_columns(
    connection: duckdb.DuckDBPyConnection,
    table: tuple[str, ...],
    attributes: Sequence[tuple[str, AttributeType]],
    file: str,
) -> None:
    """Raise FileRefused (`name_conflict`) where a new attribute has the name of a column.

    An example is the column of an identifier that the project no longer has.
    """
    own = {row[0].lower() for row in connection.execute(f"DESCRIBE {table_sql(table)}").fetchall()}
    for name, _ in attributes:
        if name.lower() in own:
            raise FileRefused(
                file,
                "name_conflict",
                f"{name!r} is a column of {table_label(table)} itself: give the attribute another "
                "name with `to:`, or discard the column",
            )


def add(
    connection: duckdb.DuckDBPyConnection,
    table: tuple[str, ...],
    attributes: Sequence[tuple[str, AttributeType]],
    *,
    import_name: str,
    file: str,
    now: dt.datetime,
) -> None:
    """Add new attributes to a table, columns and bookkeeping."""
    for name, type_ in attributes:
        connection.execute(
            f"ALTER TABLE {table_sql(table)} ADD COLUMN {quote(name)} {SQL_TYPES[type_]}"
        )
        connection.execute(
            "INSERT INTO import_assets.attributes VALUES (?, ?, ?, ?, ?, ?)",
            [table_label(table), name, type_, import_name, file, now],
        )
