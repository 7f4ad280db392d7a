"""Catalogs: items by item_id; the last value of a column wins in file order (M072, M101, D38).

What a file says of the columns and items that it does not have goes by the mode of its import: in
`partial` nothing, in `replace` they are empty, in `full` items are removed too (b.7, D52).
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from typing import Literal

import duckdb

from import_assets.errors import FileRefused
from import_assets.spec.models import CatalogKind, CatalogMode
from import_assets.staging.manifest import Manifest
from import_assets.tables import journal
from import_assets.tables.outcome import Counts
from import_assets.tables.upsert import Field, Upsert
from import_assets.warehouse import attributes as attribute_books
from import_assets.warehouse.ledger import Turn
from import_assets.warehouse.sql import (
    SQL_TYPES,
    add_columns,
    first_row,
    number,
    quote,
    table_label,
    table_sql,
)

KEY, PRODUCT = "item_id", "product_id"


@dataclass(frozen=True)
class Settings:
    """What the first import of a catalog set for good (M077, D34); `first` is its name.

    `searchable` is None where the import that set it was undone, until another one says it.
    """

    product: bool
    searchable: tuple[str, ...] | None
    first: str


@dataclass(frozen=True)
class Misfit:
    """A setting of a definition, by its key, that is not that of the catalog, and a sentence."""

    key: Literal["product", "searchable"]
    message: str


def settings(connection: duckdb.DuckDBPyConnection, catalog: str) -> Settings | None:
    """Return what was set for a catalog; None before its first import."""
    row = first_row(
        connection,
        "SELECT product, searchable, import FROM import_assets.catalogs WHERE catalog = ?",
        [catalog],
    )
    if row is None:
        return None
    product, searchable, first = row
    return Settings(product, None if searchable is None else tuple(searchable), first)


def misfits(kind: CatalogKind, stored: Settings) -> list[Misfit]:
    """Return the settings that differ from those of the catalog's first import (M077, D34)."""
    found: list[Misfit] = []
    if stored.product != kind.product:
        what = "a product catalog" if stored.product else "a general catalog"
        sentence = (
            f"catalog {kind.catalog} is {what} since import {stored.first}: say `product: "
            f"{str(stored.product).lower()}`, or import into a new catalog"
        )
        found.append(Misfit("product", sentence))
    fixed = stored.searchable
    if kind.searchable and fixed is not None and sorted(kind.searchable) != sorted(fixed):
        sentence = (
            f"the searchable attributes of catalog {kind.catalog} were set by its first import, "
            f"{stored.first}, to [{', '.join(fixed)}] and stay so: import into a new "
            "catalog to have others"
        )
        found.append(Misfit("searchable", sentence))
    return found


def create(connection: duckdb.DuckDBPyConnection, kind: CatalogKind) -> None:
    """Create the catalog's table when missing, with its identifiers only."""
    ids = {KEY: "VARCHAR", **({PRODUCT: "VARCHAR"} if kind.product else {})}
    connection.execute(f"CREATE TABLE IF NOT EXISTS {table_sql(kind.table)} ({KEY} VARCHAR)")
    add_columns(connection, kind.table, ids)


def ensure_table(
    connection: duckdb.DuckDBPyConnection,
    kind: CatalogKind,
    columns: Sequence[str],
    *,
    import_name: str,
    file: str,
) -> bool:
    """Create the catalog when missing; return True if this is its first import.

    Raises FileRefused (`catalog_settings`) where the catalog's type or its searchable attributes
    differ from those of its first import, or where the first import lacks one of the latter among
    its `columns` (M077, D34).
    """
    stored = settings(connection, kind.catalog)
    if stored is None:
        lacking = [name for name in kind.searchable if name not in columns]
        if lacking:
            raise FileRefused(
                file,
                "catalog_settings",
                f"the first import of catalog {kind.catalog} sets its columns and its searchable "
                f"attributes, and the searchable {', '.join(lacking)} is not among the columns of "
                "this file: mend `searchable:`, or first import the file that has them",
            )
        connection.execute(
            "INSERT INTO import_assets.catalogs VALUES (?, ?, ?, ?)",
            [kind.catalog, kind.product, sorted(kind.searchable), import_name],
        )
        create(connection, kind)
        return True
    for misfit in misfits(kind, stored):
        raise FileRefused(file, "catalog_settings", misfit.message)
    if stored.searchable is None and kind.searchable:
        _set_searchable(connection, kind, columns, import_name=import_name, file=file)
    return False


def _set_searchable(
    connection: duckdb.DuckDBPyConnection,
    kind: CatalogKind,
    columns: Sequence[str],
    *,
    import_name: str,
    file: str,
) -> None:
    """Set the searchable attributes of a catalog again, see `ensure_table` and `unset`."""
    there = {KEY, PRODUCT, *columns, *attribute_books.known(connection, kind.table)}
    lacking = [name for name in kind.searchable if name not in there]
    if lacking:
        raise FileRefused(
            file,
            "catalog_settings",
            f"this import sets the searchable attributes of catalog {kind.catalog}, since the one "
            f"that set them was undone, and the searchable {', '.join(lacking)} is a column "
            "neither of the catalog nor of this file: mend `searchable:`",
        )
    connection.execute(
        "UPDATE import_assets.catalogs SET searchable = ?, import = ? WHERE catalog = ?",
        [sorted(kind.searchable), import_name, kind.catalog],
    )


def unset(
    connection: duckdb.DuckDBPyConnection, table: tuple[str, ...], undone: Sequence[int]
) -> None:
    """Let the next import say what is searchable, if that goes with these batches (M077, D34).

    It goes with the last of the import that set it, or with an attribute that was searchable. Of
    the other imports the first counts as the catalog's first. Call when attributes are dropped.
    """
    standing = (
        "SELECT * FROM import_assets.batches WHERE table_name = $table AND undone_at IS NULL "
        "AND inserted + updated + unchanged > 0 AND NOT list_contains($undone, sequence)"
    )
    described = connection.execute(f"DESCRIBE {table_sql(table)}").fetchall()
    connection.execute(
        f"""
        UPDATE import_assets.catalogs SET searchable = NULL,
            import = (SELECT arg_min(import, sequence) FROM ({standing}))
        WHERE catalog = $catalog AND (
            import NOT IN (SELECT import FROM ({standing}))
            OR NOT list_has_all($columns, searchable))
        """,
        {
            "table": table_label(table),
            "undone": list(undone),
            "catalog": table[1],
            "columns": [row[0] for row in described],
        },
    )


def refuse_new_attributes(table: tuple[str, ...], names: Sequence[str], file: str) -> None:
    """Raise FileRefused (`new_column`) if a later import brings its own columns (M072, D36)."""
    if names:
        raise FileRefused(
            file,
            "new_column",
            f"the columns of {table_label(table)} were set by its first import, and "
            f"{', '.join(names)} is not among them: discard it, rename it with `to:`, import into "
            "a new catalog, or say `contract: evolve` to let the catalog grow",
        )


def apply(
    connection: duckdb.DuckDBPyConnection,
    manifest: Manifest,
    lineage: dict[str, object],
    turn: Turn,
) -> Counts:
    """Update the catalog from `staged`, and by its mode from what `staged` does not have (b.7).

    What changes is kept as it was before. Of a whole catalog, `rejected_items` has the `item_id` of
    each rejected record; null where it cannot be told.

    Raises:
        FileRefused: `too_few_items`; a whole catalog would lose more items than it may.
    """
    # A rejected record that comes again speaks of its item only.
    again = manifest.mode == "full" and manifest.replay_of is not None
    mode = "replace" if again else manifest.mode
    upsert = _incoming(connection, manifest, mode)
    counts = upsert.classify(connection)
    upsert.fold(connection)
    removed = _find_removed(connection, upsert.stored, whole=mode == "full")
    if mode == "full":
        _refuse_drop(connection, manifest, counts.inserted, removed)

    def before() -> None:
        changed = f"(SELECT {KEY} FROM written UNION ALL SELECT {KEY} FROM removed)"
        same = f"(SELECT {KEY} FROM folded WHERE {KEY} NOT IN (SELECT {KEY} FROM written))"
        whole = mode == "full"
        journal.items(connection, turn.sequence, manifest.table, changed, None if whole else same)

    upsert.write(connection, lineage, before)
    connection.execute(f"DELETE FROM {upsert.stored} WHERE {KEY} IN (SELECT {KEY} FROM removed)")
    return replace(counts, removed=removed)


def _incoming(
    connection: duckdb.DuckDBPyConnection, manifest: Manifest, mode: CatalogMode
) -> Upsert:
    """Make the temporary table `incoming` of `staged`, and return the update from it.

    Where an item becomes what the file says, columns that the file lacks come in empty.
    """
    # A file without items brings no columns either.
    attributes = [name for name, _ in manifest.attributes] if manifest.rows else []
    columns = {f"id:{name}": name for name in manifest.identifiers}
    columns |= {f"attr:{name}": name for name in attributes}
    selected = [f"{quote(staged)} AS {quote(name)}" for staged, name in columns.items()]
    fields = [
        Field(name, keep=_keeps(manifest, name, mode), present=True)
        for name in columns.values()
        if name != KEY
    ]
    if mode != "partial":
        lacking = _lacking(connection, manifest, set(columns.values()))
        selected += [f"NULL::{type_} AS {quote(name)}" for name, type_ in lacking.items()]
        fields += [Field(name, keep=False, present=True) for name in lacking]
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE incoming AS SELECT _row, {', '.join(selected)} FROM staged"
    )
    return Upsert(table_sql(manifest.table), KEY, fields)


def _keeps(manifest: Manifest, name: str, mode: CatalogMode) -> bool:
    """Tell whether an empty cell leaves the stored value as it is (D18).

    An empty identifier is an absent one, never a blank value; but an item that becomes what the
    file says loses what the file does not say.
    """
    identifier = name == PRODUCT or name in manifest.identifying
    return manifest.empty == "keep" or (identifier and mode == "partial")


def _lacking(
    connection: duckdb.DuckDBPyConnection, manifest: Manifest, brought: Set[str]
) -> dict[str, str]:
    """Return the columns of the catalog that a delivery does not bring, with their SQL types."""
    known = attribute_books.known(connection, manifest.table)
    types = {name: SQL_TYPES[type_] for name, (type_, _) in known.items()}
    if manifest.product:
        types[PRODUCT] = "VARCHAR"
    return {name: type_ for name, type_ in types.items() if name not in brought}


def _find_removed(connection: duckdb.DuckDBPyConnection, stored: str, *, whole: bool) -> int:
    """Put the `item_id`s that a whole catalog lacks into `removed`; return how many there are.

    Items of rejected records stay as they are; none goes where nobody knows which those are.
    """
    untold = "SELECT count(*) FROM rejected_items WHERE item_id IS NULL"
    if not whole or number(connection, untold):
        connection.execute(f"CREATE OR REPLACE TEMP TABLE removed AS SELECT '' AS {KEY} LIMIT 0")
        return 0
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE removed AS
        SELECT s.{KEY} FROM {stored} s
        ANTI JOIN staged i ON i.{quote(f"id:{KEY}")} = s.{KEY}
        ANTI JOIN rejected_items r ON r.item_id = s.{KEY}
        """
    )
    return number(connection, "SELECT count(*) FROM removed")


def _refuse_drop(
    connection: duckdb.DuckDBPyConnection, manifest: Manifest, inserted: int, removed: int
) -> None:
    """Raise FileRefused if a whole catalog has fewer items than `max_drop` allows (b.7)."""
    before = number(connection, f"SELECT count(*) FROM {table_sql(manifest.table)}")
    after = before - removed + inserted
    if (before - after) * 100 <= before * manifest.max_drop:
        return
    raise FileRefused(
        manifest.key,
        "too_few_items",
        f"{table_label(manifest.table)} has {before:,} items and would have {after:,}: with "
        "`mode: full` a file is the whole catalog, and the number of items may drop by "
        f"{manifest.max_drop}% at most. If the file is a part of the catalog, say `mode: replace` "
        "or `mode: partial`; if the items are really gone, say `max_drop: 100%` for this one time",
    )
