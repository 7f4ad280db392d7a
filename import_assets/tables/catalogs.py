"""Catalogs: items by item_id; the last value of a column wins in file order (M072, M101, D38)."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from import_assets.errors import FileRefused
from import_assets.spec.models import CatalogKind
from import_assets.tables.outcome import Counts
from import_assets.tables.upsert import Field, Upsert
from import_assets.warehouse.sql import add_columns, first_row, quote, table_label, table_sql

KEY, PRODUCT = "item_id", "product_id"


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
    stored = first_row(
        connection,
        "SELECT product, searchable, import FROM import_assets.catalogs WHERE catalog = ?",
        [kind.catalog],
    )
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
    product, searchable, first = stored
    if product != kind.product:
        what = "a product catalog" if product else "a general catalog"
        raise FileRefused(
            file,
            "catalog_settings",
            f"catalog {kind.catalog} is {what} since import {first}: say `product: "
            f"{str(product).lower()}`, or import into a new catalog",
        )
    if kind.searchable and sorted(kind.searchable) != searchable:
        raise FileRefused(
            file,
            "catalog_settings",
            f"the searchable attributes of catalog {kind.catalog} were set by its first import, "
            f"{first}, to [{', '.join(searchable)}] and stay so: import into a new catalog to "
            "have others",
        )
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
    keep: bool,
) -> Counts:
    """Update the catalog from `staged`."""
    ids = ", ".join(f"{quote(f'id:{name}')} AS {quote(name)}" for name in identifiers)
    values = "".join(f", {quote(f'attr:{name}')} AS {quote(name)}" for name in attributes)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE incoming AS SELECT {ids}, _row{values} FROM staged"
    )
    fields = [Field(name, keep=keep, present=True) for name in attributes]
    if PRODUCT in identifiers:
        # An empty identifier is an absent one, never a blank value (D18).
        fields.append(Field(PRODUCT, keep=True))
    upsert = Upsert(table_sql(table), KEY, fields)
    counts = upsert.classify(connection)
    upsert.fold(connection)
    upsert.write(connection, lineage)
    return counts
