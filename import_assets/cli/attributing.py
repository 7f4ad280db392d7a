"""`attributes`: what the tables have, attribute by attribute (M031-M033, M036)."""

from __future__ import annotations

from typing import Any

from import_assets.cli.exits import DONE
from import_assets.cli.output import column, columns
from import_assets.cli.session import Session, as_utc
from import_assets.cli.showing import find_table
from import_assets.warehouse import attributes, tables
from import_assets.warehouse.attributes import Described
from import_assets.warehouse.sql import table_label

_TABLES = columns("table", "attributes", "rows")
_ATTRIBUTES = [
    *columns("name", "type", "role", "first_import", "first_file"),
    column("first_seen", "first seen (UTC)"),
    column("filled_percent", "filled %"),
    column("example"),
]


def list_tables(session: Session) -> int:
    """Print the tables with their numbers of attributes and rows."""
    records: list[dict[str, Any]] = []
    if session.has_warehouse:
        with session.reading() as connection:
            counts = attributes.count(connection)
            records = [
                {
                    "table": table_label(one.table),
                    "attributes": counts.get(table_label(one.table), 0),
                    "rows": one.rows,
                }
                for one in tables.all_tables(connection)
            ]
    if not records:
        session.output.note("There are no tables yet: import something first.")
    if records or session.output.as_json:
        session.output.records(records, of=_TABLES)
    return DONE


def describe(session: Session, label: str) -> int:
    """Print the identifiers and attributes of a table.

    Raises:
        UnknownName: there is no such table.
        WarehouseError: there is no warehouse, or it is not one of ours.
    """
    with session.reading() as connection:
        found = attributes.describe(connection, find_table(connection, label).table)
    if not found:
        session.output.note(f"{label} has no attributes.")
    if found or session.output.as_json:
        session.output.records(map(_record, found), of=_ATTRIBUTES)
    return DONE


def _record(one: Described) -> dict[str, Any]:
    return {
        "name": one.name,
        "type": one.type,
        "role": "identifier" if one.identifier else "attribute",
        "first_import": one.import_name,
        "first_file": one.file,
        "first_seen": as_utc(one.created_at) if one.created_at else None,
        "rows": one.rows,
        "filled": one.filled,
        "filled_percent": _percent(one.filled, one.rows),
        "example": one.example,
    }


def _percent(part: int, whole: int) -> float | None:
    """Return a share with one decimal, 0 and 100 only where it is that exactly."""
    if not whole:
        return None
    if part in (0, whole):
        return 100.0 if part else 0.0
    return min(max(round(100 * part / whole, 1), 0.1), 99.9)
