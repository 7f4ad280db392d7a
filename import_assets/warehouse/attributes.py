"""The attributes of a table: one type each, set by the import that first brought it (M031-M033)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import duckdb

from import_assets.errors import FileRefused
from import_assets.spec.models import AttributeType
from import_assets.warehouse.sql import SQL_TYPES, quote, table_label, table_sql


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
                "type_conflict",
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
