"""Catalogs: items by item_id; the last value of a column wins in file order (M072, M101, D38)."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Literal

import duckdb

from import_assets.errors import FileRefused
from import_assets.spec.models import CatalogKind
from import_assets.tables.outcome import Counts
from import_assets.tables.upsert import Field, Upsert
from import_assets.warehouse.sql import add_columns, first_row, quote, table_label, table_sql

KEY, PRODUCT = "item_id", "product_id"


@dataclass(frozen=True)
class Settings:
    """What the first import of a catalog set for good (M077, D34); `first` is its name."""

    product: bool
    searchable: tuple[str, ...]
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
    return Settings(row[0], tuple(row[1]), row[2]) if row is not None else None


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
    if kind.searchable and sorted(kind.searchable) != sorted(stored.searchable):
        sentence = (
            f"the searchable attributes of catalog {kind.catalog} were set by its first import, "
            f"{stored.first}, to [{', '.join(stored.searchable)}] and stay so: import into a new "
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
    return False


def refuse_new_attributes(table: tuple[str, ...], names: Sequence[str], file: str) -> None:
    """Raise FileRefused (`new_column`) if a later import brings its own columns (M072, D36)."""
    if names:
        raise FileRefused(
            file,
            "new_column",
            f"the columns of {table_label(table)} were set by its first import, and "
            f"{', '.join(names)} is not among them: discard it, rename it with `to:`, or "
            "import into a new catalog",
        )


def apply(
    connection: duckdb.DuckDBPyConnection,
    table: tuple[str, ...],
    attributes: Sequence[str],
    identifiers: Sequence[str],
    lineage: dict[str, object],
    *,
    keep: Set[str],
) -> Counts:
    """Update the catalog from `staged`.

    Of the attributes in `keep`, an empty cell leaves the stored value as it is.
    """
    ids = ", ".join(f"{quote(f'id:{name}')} AS {quote(name)}" for name in identifiers)
    values = "".join(f", {quote(f'attr:{name}')} AS {quote(name)}" for name in attributes)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE incoming AS SELECT {ids}, _row{values} FROM staged"
    )
    fields = [Field(name, keep=name in keep, present=True) for name in attributes]
    if PRODUCT in identifiers:
        # An empty identifier is an absent one, never a blank value (D18).
        fields.append(Field(PRODUCT, keep=True))
    upsert = Upsert(table_sql(table), KEY, fields)
    counts = upsert.classify(connection)
    upsert.fold(connection)
    upsert.write(connection, lineage)
    return counts
