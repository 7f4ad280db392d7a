"""Applying a staged batch: its rows, rejects and ledger entry in one transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import duckdb
import polars as pl

from import_assets.errors import FileRefused, WarehouseError
from import_assets.spec.models import CatalogKind, ProjectSpec
from import_assets.staging.batch import Batch
from import_assets.staging.manifest import Manifest
from import_assets.tables import catalogs, customers, events, journal, threshold, vouchers
from import_assets.tables.outcome import Counts
from import_assets.warehouse import attributes as attribute_books
from import_assets.warehouse import contracts, ledger, refusals, rejects
from import_assets.warehouse.contracts import USUAL, Terms
from import_assets.warehouse.ledger import Turn
from import_assets.warehouse.memory import bounded, give_back, unbound
from import_assets.warehouse.sql import (
    LINEAGE_TYPES,
    SQL_TYPES,
    add_columns,
    first_row,
    literal,
    quote,
    table_label,
    transaction,
)

MEMORY = 200
"""What DuckDB may take at first to apply a batch, in megabytes."""

USUAL_COLUMNS = 30
COLUMN_MEMORY = 5
"""What each column above the usual ones adds, in megabytes: of each, blocks stay in memory."""

T = TypeVar("T")


@dataclass(frozen=True)
class Applied:
    """The outcome of applying a batch; `already` where an earlier run had applied it."""

    counts: Counts
    already: bool


def apply_batch(
    connection: duckdb.DuckDBPyConnection,
    batch: Batch,
    project: ProjectSpec,
    now: dt.datetime,
    terms: Terms = USUAL,
) -> Applied:
    """Apply a batch once; a batch in the ledger already is left alone and its counts returned.

    `now` is naive UTC and becomes the time of import. Raises FileRefused where the batch does not
    fit its table or breaks its contract; nothing is written then.
    """

    def attempt(limit: str | None) -> Applied:
        with _within(connection, limit), transaction(connection):
            return _apply(connection, batch, project, now, terms)

    return _with_enough_memory(connection, attempt, batch.manifest)


def try_batch(
    connection: duckdb.DuckDBPyConnection,
    batch: Batch,
    project: ProjectSpec,
    now: dt.datetime,
    terms: Terms = USUAL,
) -> tuple[Applied, pl.DataFrame]:
    """Do what `apply_batch` does and roll it back; return the outcome and the batch's rejects."""

    def attempt(limit: str | None) -> tuple[Applied, pl.DataFrame]:
        with _within(connection, limit), transaction(connection, keep=False):
            applied = _apply(connection, batch, project, now, terms)
            return applied, rejects.of_batch(connection, batch.manifest.batch_id)

    return _with_enough_memory(connection, attempt, batch.manifest)


def _with_enough_memory(
    connection: duckdb.DuckDBPyConnection,
    attempt: Callable[[str | None], T],
    manifest: Manifest,
) -> T:
    """Return what an attempt gives within a bound, or else without one.

    However small a batch is, the history that it is compared with may be large.
    """
    columns = len(manifest.attributes) + len(manifest.identifiers)
    megabytes = MEMORY + COLUMN_MEMORY * max(0, columns - USUAL_COLUMNS)
    try:
        return attempt(f"{megabytes}MB")
    except duckdb.OutOfMemoryException:
        # The transaction was rolled back, so it can be done again as if it had never begun.
        unbound(connection)
        return attempt(None)


def _apply(
    connection: duckdb.DuckDBPyConnection,
    batch: Batch,
    project: ProjectSpec,
    now: dt.datetime,
    terms: Terms,
) -> Applied:
    entry = ledger.applied(connection, batch.manifest.batch_id)
    if entry is not None:
        return Applied(entry.counts, already=True)
    if batch.manifest.replay_of is None:
        # The columns of what is replayed are those of a delivery that was held to them already.
        contracts.keep(connection, batch.manifest, terms, now)
    turn = ledger.next_turn(connection, now)
    _drop_temporary(connection)
    _stage_view(connection, batch)
    _open_journal(connection, batch.manifest, turn)
    counts = _apply_rows(connection, batch.manifest, project, turn)
    counts = _complete(batch.manifest, counts)
    rejected = _rejected(connection, batch)
    threshold.hold(connection, batch, counts, terms, rejected)
    rejects.hand_back(connection, batch.manifest, turn.sequence, rejected)
    ledger.record(connection, batch.manifest, counts, turn)
    rejects.store(connection, batch.manifest, turn.sequence, rejected)
    if batch.manifest.replay_of is None:
        refusals.clear(connection, batch.manifest.import_name, batch.manifest.key)
    return Applied(counts, already=False)


def _within(
    connection: duckdb.DuckDBPyConnection, memory_limit: str | None
) -> AbstractContextManager[None]:
    if memory_limit is None:
        return nullcontext()
    give_back()
    return bounded(connection, memory_limit)


def _open_journal(connection: duckdb.DuckDBPyConnection, manifest: Manifest, turn: Turn) -> None:
    # A catalog takes nothing of a file without items.
    empty = manifest.table[0] == "catalogs" and not manifest.rows
    names = [] if empty else [name for name, _ in manifest.attributes]
    match manifest.table[0]:
        case "customers":
            journal.open_batch(connection, turn.sequence, names, names)
        case "catalogs" if manifest.mode == "partial":
            journal.open_batch(connection, turn.sequence, names, [*names, catalogs.PRODUCT])
        case "catalogs":
            whole = manifest.mode == "full" and manifest.replay_of is None
            journal.open_batch(connection, turn.sequence, names, None, replaces=whole)
        case _:
            journal.open_batch(connection, turn.sequence, names, [])


def _drop_temporary(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop what an earlier batch on this connection left behind."""
    for kind, listing in (("VIEW", "duckdb_views()"), ("TABLE", "duckdb_tables()")):
        name_column = f"{kind.lower()}_name"
        internal = "AND NOT internal" if kind == "VIEW" else ""
        rows = connection.execute(
            f"SELECT {name_column} FROM {listing} WHERE temporary {internal}"
        ).fetchall()
        for (name,) in rows:
            connection.execute(f"DROP {kind} temp.{name}")


def _stage_view(connection: duckdb.DuckDBPyConnection, batch: Batch) -> None:
    files = batch.row_files
    rows = f"SELECT * FROM {_parquet(files)}" if files else _no_rows(batch.manifest)
    connection.execute(f"CREATE TEMP VIEW staged AS {rows}")
    if batch.manifest.mode == "full":
        refused = batch.reject_files
        items = f"{_parquet(refused)}" if refused else "(SELECT NULL AS item_id WHERE false)"
        connection.execute(f"CREATE TEMP VIEW rejected_items AS SELECT item_id FROM {items}")


def _no_rows(manifest: Manifest) -> str:
    """SQL of the rows of a file that has a header and nothing else."""
    columns = {
        "_row": "BIGINT",
        "_line": "BIGINT",
        "_raw": "VARCHAR",
        "_cells": 'STRUCT("0" VARCHAR)',
    }
    columns |= {f"id:{kind}": "VARCHAR" for kind in manifest.identifiers}
    columns |= {f"attr:{name}": SQL_TYPES[type_] for name, type_ in manifest.attributes}
    columns |= {"_timestamp": "TIMESTAMP", "_digest": "VARCHAR"}
    empty = ", ".join(f"NULL::{type_} AS {quote(name)}" for name, type_ in columns.items())
    return f"SELECT {empty} WHERE false"


def _parquet(files: Sequence[Path]) -> str:
    """SQL that reads the files; a folder called `_row=7` above them is not a column of theirs."""
    paths = ", ".join(literal(str(file)) for file in files)
    return f"read_parquet([{paths}], hive_partitioning = false)"


def _apply_rows(
    connection: duckdb.DuckDBPyConnection,
    manifest: Manifest,
    project: ProjectSpec,
    turn: Turn,
) -> Counts:
    now = turn.now
    lineage: dict[str, object] = {
        "_batch": manifest.batch_id,
        "_import": manifest.import_name,
        "_file": manifest.key,
        "_imported_at": now,
    }
    _refuse_twin(connection, manifest)
    kind = manifest.table[0]
    if kind == "customers":
        customers.ensure_table(connection, project.identifiers)
        _ensure_attributes(connection, manifest, now)
        add_columns(connection, manifest.table, LINEAGE_TYPES)
        return _apply_customers(connection, manifest, project, lineage, turn)
    if kind == "events":
        customers.ensure_table(connection, project.identifiers)
        add_columns(connection, customers.TABLE, LINEAGE_TYPES)
        events.ensure_table(connection, manifest.table)
        _ensure_attributes(connection, manifest, now)
        add_columns(connection, manifest.table, {events.DIGEST: "UUID", **LINEAGE_TYPES})
        return _apply_events(connection, manifest, project, lineage, turn)
    if kind == "catalogs":
        return _apply_catalog(connection, manifest, lineage, turn)
    vouchers.ensure_table(connection, manifest.table)
    add_columns(connection, manifest.table, LINEAGE_TYPES)
    counts, conflicts = vouchers.apply(connection, manifest.table, lineage, turn)
    return _reject(connection, counts, conflicts, "code_in_other_pool")


def _refuse_twin(connection: duckdb.DuckDBPyConnection, manifest: Manifest) -> None:
    """Refuse a table whose name differs from another's only by case: SQL takes them for one."""
    if len(manifest.table) == 1:
        return
    schema, name = manifest.table
    twin = first_row(
        connection,
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = ? "
        "AND lower(table_name) = lower(?) AND table_name <> ?",
        [schema, name, name],
    )
    if twin is not None:
        raise FileRefused(
            manifest.key,
            "name_conflict",
            f"{table_label(manifest.table)} differs only by case from {schema}/{twin[0]}, which is "
            "there already: write the name as it is there, or take another",
        )


def _apply_customers(
    connection: duckdb.DuckDBPyConnection,
    manifest: Manifest,
    project: ProjectSpec,
    lineage: dict[str, object],
    turn: Turn,
) -> Counts:
    found = customers.resolve_customers(
        connection, project.identifiers, manifest.identifiers, lineage, turn
    )
    counts = customers.apply(
        connection,
        project.identifiers,
        [name for name, _ in manifest.attributes],
        lineage,
        turn,
        keep=_kept(manifest),
        size=manifest.bytes,
    )
    counts = replace(counts, customers_created=found.created)
    return _reject(connection, counts, found.conflicts, "id_conflict")


def _apply_events(
    connection: duckdb.DuckDBPyConnection,
    manifest: Manifest,
    project: ProjectSpec,
    lineage: dict[str, object],
    turn: Turn,
) -> Counts:
    found = customers.resolve_customers(
        connection, project.identifiers, manifest.identifiers, lineage, turn
    )
    customers.create_unknown(connection, project.identifiers, lineage, turn)
    counts = events.apply(
        connection,
        manifest.table,
        manifest.attributes,
        lineage,
        turn,
        window=dt.timedelta(days=project.limits.dedup_days),
    )
    counts = replace(counts, customers_created=found.created)
    return _reject(connection, counts, found.conflicts, "id_conflict")


def _apply_catalog(
    connection: duckdb.DuckDBPyConnection,
    manifest: Manifest,
    lineage: dict[str, object],
    turn: Turn,
) -> Counts:
    kind = CatalogKind(
        catalog=manifest.table[1], product=manifest.product, searchable=list(manifest.searchable)
    )
    if manifest.rows == 0:
        # A file without items must not fix the columns of a catalog for good.
        catalogs.create(connection, kind)
        add_columns(connection, manifest.table, LINEAGE_TYPES)
        return catalogs.apply(connection, manifest, lineage, turn)
    columns = [*manifest.identifiers, *(name for name, _ in manifest.attributes)]
    first = catalogs.ensure_table(
        connection, kind, columns, import_name=manifest.import_name, file=manifest.key
    )
    new = _ensure_attributes(connection, manifest, turn.now)
    if not first and not manifest.new_columns:
        catalogs.refuse_new_attributes(manifest.table, new, manifest.key)
    add_columns(connection, manifest.table, LINEAGE_TYPES)
    return catalogs.apply(connection, manifest, lineage, turn)


def _kept(manifest: Manifest) -> frozenset[str]:
    """Return the attributes whose stored values an empty cell leaves alone (D18)."""
    if manifest.empty == "keep":
        return frozenset(name for name, _ in manifest.attributes)
    return frozenset(manifest.identifying)


def _ensure_attributes(
    connection: duckdb.DuckDBPyConnection, manifest: Manifest, now: dt.datetime
) -> list[str]:
    """Add the attributes that the table lacks and return their names."""
    stored = attribute_books.known(connection, manifest.table)
    new = attribute_books.check(stored, manifest.attributes, manifest.table, manifest.key)
    attribute_books.refuse_own_columns(connection, manifest.table, new, manifest.key)
    attribute_books.add(
        connection,
        manifest.table,
        new,
        import_name=manifest.import_name,
        file=manifest.key,
        now=now,
    )
    return [name for name, _ in new]


def _reject(
    connection: duckdb.DuckDBPyConnection, counts: Counts, conflicts: pl.DataFrame, reason: str
) -> Counts:
    """Put rows that the table refused into the temporary table `refused`."""
    if conflicts.is_empty():
        return counts
    connection.register("conflicts", conflicts.to_arrow())
    connection.execute(
        f"""
        CREATE TEMP TABLE refused AS
        SELECT s._row AS record, s._line AS line,
               [{{'column': c.kind, 'value': c.value, 'reason': {literal(reason)},
                  'message': c.message}}] AS faults, s._raw AS raw,
               to_json(s._cells) ->> '$.*' AS cells
        FROM staged s JOIN conflicts c USING (_row)
        """
    )
    connection.unregister("conflicts")
    return replace(counts, rejected=counts.rejected + conflicts.height)


def _complete(manifest: Manifest, counts: Counts) -> Counts:
    """Add what was counted while staging, and prove that every record has one outcome."""
    whole = replace(
        counts,
        read=manifest.read,
        rejected=counts.rejected + manifest.rejected,
        blank=manifest.blank,
    )
    if not whole.add_up:
        raise WarehouseError(
            f"{manifest.import_name}, {manifest.key}: {whole.read} records were read but "
            f"{whole.accounted} accounted for ({whole}); nothing was written"
        )
    return whole


def _rejected(connection: duckdb.DuckDBPyConnection, batch: Batch) -> str:
    """SQL of the batch's rejects: those that were staged, and those that the table refused."""
    columns = f"{_file(batch.manifest)} AS file, record, line, faults, raw, cells"
    sources = []
    if batch.reject_files:
        sources.append(f"SELECT {columns} FROM {_parquet(batch.reject_files)}")
    refused = first_row(
        connection, "SELECT 1 FROM duckdb_tables() WHERE temporary AND table_name = 'refused'"
    )
    if refused:
        sources.append(f"SELECT {columns} FROM refused")
    return " UNION ALL ".join(sources) or rejects.NONE


def _file(manifest: Manifest) -> str:
    """SQL of the file that a record is of: the delivery, or a member of it: `a.zip!june.csv`."""
    if not manifest.members:
        return literal(manifest.key)
    latest_first = reversed(manifest.members)
    cases = [
        f"WHEN record >= {member.first_record} THEN {literal(f'{manifest.key}!{member.name}')}"
        for member in latest_first
    ]
    return f"CASE {' '.join(cases)} END"
