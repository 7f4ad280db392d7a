"""Taking a batch back: its tables become what they would be without it (D53).

What other batches did stays. A batch that built on this one would be left hanging: then nothing is
undone, unless such batches are undone too, the latest first. `built_on` says which those are.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from import_assets.errors import ImportAssetsError
from import_assets.spec.models import Identifier
from import_assets.tables import catalogs, journal
from import_assets.tables.built_on import dependents
from import_assets.tables.restoring import drop_attributes, drop_catalog, own_rows, restore
from import_assets.tables.undo_customers import undo_customers
from import_assets.warehouse import contracts, ledger
from import_assets.warehouse.ledger import Entry
from import_assets.warehouse.sql import first_row, number, parse_table_label, table_sql
from import_assets.warehouse.tables import exists


class NotUndone(ImportAssetsError):
    """A batch cannot be undone; nothing was changed."""


@dataclass(frozen=True)
class Undone:
    """What taking one batch back did to the rows of its table.

    `removed` rows are gone, `restored` ones are as they were before, and `returned` are records of
    later batches that were left out as duplicates and are in now.
    """

    entry: Entry
    removed: int
    restored: int
    returned: int


def undo(
    connection: duckdb.DuckDBPyConnection,
    entry: Entry,
    identifiers: dict[str, Identifier],
    now: dt.datetime,
    *,
    cascade: bool = False,
    keep: bool = True,
) -> list[Undone]:
    """Undo a batch, and with `cascade` those that built on it, in one transaction.

    `now` is naive UTC. Without `keep` everything is done and rolled back. Returns what was done,
    the latest batch first.

    Raises:
        NotUndone: the batch was undone before, is no longer kept, or others built on it.
    """
    connection.execute("BEGIN")
    try:
        batches = _all_of(connection, entry, cascade=cascade)
        dropped = _drop(connection, batches)
        done = [_undo(connection, one, identifiers, now, dropped) for one in batches]
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT" if keep else "ROLLBACK")
    return done


def _all_of(connection: duckdb.DuckDBPyConnection, entry: Entry, *, cascade: bool) -> list[Entry]:
    """Return the batch and those that have to be undone with it, latest first."""
    _refuse_gone(connection, entry)
    found = {entry.sequence: entry}
    waiting = [entry]
    while waiting:
        for one in dependents(connection, waiting.pop()):
            if one.entry.sequence in found:
                continue
            if not cascade:
                raise NotUndone(_refusal(connection, entry))
            _refuse_gone(connection, one.entry)
            found[one.entry.sequence] = one.entry
            waiting.append(one.entry)
    return [found[sequence] for sequence in sorted(found, reverse=True)]


def _refuse_gone(connection: duckdb.DuckDBPyConnection, entry: Entry) -> None:
    if entry.undone_at is not None:
        raise NotUndone(
            f"batch {entry.batch_id} ({entry.key}) was undone already, "
            f"at {entry.undone_at:%Y-%m-%d %H:%M} UTC"
        )
    kept = "SELECT 1 FROM undo.batches WHERE sequence = ?"
    if first_row(connection, kept, [entry.sequence]) is None:
        raise NotUndone(
            f"batch {entry.batch_id} ({entry.key}, {entry.applied_at:%Y-%m-%d}) cannot be undone "
            "any more: what it changed is no longer kept, because it is too long ago "
            "(`retention: undo_days` of project.yaml), or because an attribute of its table was "
            "retyped since"
        )


def _refusal(connection: duckdb.DuckDBPyConnection, entry: Entry) -> str:
    lines = [
        f"  {one.entry.batch_id}  {one.entry.import_name}: {one.entry.key} "
        f"({one.entry.applied_at:%Y-%m-%d %H:%M} UTC): {one.why}"
        for one in dependents(connection, entry)
    ]
    return (
        f"batch {entry.batch_id} ({entry.key}) is not undone, since later batches built on it:\n"
        + "\n".join(lines)
        + "\nUndo those first, or all of them together with --cascade"
    )


def _drop(
    connection: duckdb.DuckDBPyConnection, batches: Sequence[Entry]
) -> dict[tuple[str, ...], int]:
    """Drop what nobody but these batches brought: attributes, and whole catalogs.

    Returns the catalogs with the number of their items. It is done before any row is touched:
    DuckDB alters no table of which the transaction has changed rows.
    """
    dropped: dict[tuple[str, ...], int] = {}
    for label in {entry.table_name for entry in batches}:
        table = parse_table_label(label)
        own = [entry for entry in batches if entry.table_name == label]
        if table[0] == "catalogs" and not _has_others(connection, label, own):
            dropped[table] = drop_catalog(connection, table)
        else:
            drop_attributes(connection, table, own)
            if table[0] == "catalogs":
                catalogs.unset(connection, table, [entry.sequence for entry in own])
    return dropped


def _has_others(
    connection: duckdb.DuckDBPyConnection, label: str, batches: Sequence[Entry]
) -> bool:
    """Tell whether other batches than these brought rows to a table, and were not undone."""
    others = (
        "SELECT 1 FROM import_assets.batches WHERE table_name = ? AND undone_at IS NULL "
        "AND inserted + updated + unchanged > 0 AND NOT list_contains(?, sequence) LIMIT 1"
    )
    return first_row(connection, others, [label, [one.sequence for one in batches]]) is not None


def _undo(
    connection: duckdb.DuckDBPyConnection,
    entry: Entry,
    identifiers: dict[str, Identifier],
    now: dt.datetime,
    dropped: dict[tuple[str, ...], int],
) -> Undone:
    table = parse_table_label(entry.table_name)
    match table[0]:
        case "events":
            undo_customers(connection, entry, identifiers)
            done = _undo_rows(connection, entry, table, ("customer_id", "_digest"))
        case "vouchers":
            done = _undo_rows(connection, entry, table, ("code",))
        case "customers":
            removed, restored = undo_customers(connection, entry, identifiers)
            done = Undone(entry, removed, restored, 0)
        case _ if table in dropped:
            done = Undone(entry, dropped.pop(table), 0, 0)
            dropped[table] = 0
        case _:
            done = _undo_catalog(connection, entry, table)
    _undo_books(connection, entry, now)
    return done


def _undo_rows(
    connection: duckdb.DuckDBPyConnection,
    entry: Entry,
    table: tuple[str, ...],
    key: Sequence[str],
) -> Undone:
    """Take rows out of a table to which rows are only added; `key` tells equal ones."""
    keys = ", ".join(key)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE gone AS SELECT {keys} FROM {table_sql(table)} "
        f"WHERE {own_rows(entry)}"
    )
    removed = number(connection, f"DELETE FROM {table_sql(table)} WHERE {own_rows(entry)}")
    return Undone(entry, removed, 0, _let_in(connection, entry, table, keys))


def _let_in(
    connection: duckdb.DuckDBPyConnection, entry: Entry, table: tuple[str, ...], keys: str
) -> int:
    """Insert the first of the later records that were duplicates of the rows in `gone`.

    Batches can be undone for no longer than duplicates are looked for. So each of those records was
    a duplicate of the row that is gone, and all but the first are duplicates of the first.
    """
    kept = journal.kept_table(table)
    if not exists(connection, kept):
        return 0
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE let_in AS
        SELECT k.* FROM {table_sql(kept)} k
        SEMI JOIN gone USING ({keys}) ANTI JOIN {table_sql(table)} t USING ({keys})
        WHERE k._sequence > {entry.sequence}
        QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY k._sequence, k._row) = 1
        """
    )
    connection.execute(
        f"INSERT INTO {table_sql(table)} BY NAME SELECT * EXCLUDE (_sequence) FROM let_in"
    )
    connection.execute(
        f"DELETE FROM {table_sql(kept)} WHERE (_sequence, _row) IN "
        "(SELECT (_sequence, _row) FROM let_in)"
    )
    connection.execute(
        """
        UPDATE import_assets.batches
        SET inserted = inserted + let.records, duplicate = duplicate - let.records
        FROM (SELECT _sequence, count(*) AS records FROM let_in GROUP BY _sequence) let
        WHERE batches.sequence = let._sequence
        """
    )
    return number(connection, "SELECT count(*) FROM let_in")


def _undo_catalog(
    connection: duckdb.DuckDBPyConnection, entry: Entry, table: tuple[str, ...]
) -> Undone:
    kept = journal.kept_table(table)
    if not exists(connection, kept):
        return Undone(entry, 0, 0, 0)
    removed = number(
        connection,
        f"DELETE FROM {table_sql(table)} WHERE item_id IN (SELECT item_id FROM undo.touched_items "
        f"WHERE sequence = {entry.sequence} AND made)",
    )
    restored = restore(connection, entry, table, kept, "item_id")
    return Undone(entry, removed, restored, 0)


def _undo_books(connection: duckdb.DuckDBPyConnection, entry: Entry, now: dt.datetime) -> None:
    connection.execute(
        "UPDATE import_assets.rejects SET replayed_in = NULL WHERE replayed_in = ?",
        [entry.sequence],
    )
    connection.execute(
        "UPDATE import_assets.batches SET undone_at = ? WHERE sequence = ?", [now, entry.sequence]
    )
    journal.forget(connection, [entry.sequence])
    if ledger.last(connection, entry.import_name) is None:
        contracts.clear(connection, entry.import_name)
