"""Telling Dagster that batches were undone: at their partitions, by checks and fresh tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import dagster as dg

from import_assets.orchestration import checks, showing
from import_assets.orchestration.keys import partitions_name
from import_assets.orchestration.refreshing import refresh
from import_assets.spec.loading import Import, Loaded
from import_assets.tables.undo import Undone
from import_assets.warehouse import ledger
from import_assets.warehouse.warehouse import Warehouse


def report(instance: dg.DagsterInstance, loaded: Loaded, done: Sequence[Undone]) -> str | None:
    """Show what was undone in Dagster.

    The partition of each batch is materialized without its rows, the checks of an import whose last
    delivery is gone pass, and the tables are materialized anew, with their checks. Returns a
    sentence if a table could not be.
    """
    for one in done:
        definition = loaded.imports.get(one.entry.import_name)
        if definition is not None:
            for event in _events(instance, definition, one):
                instance.report_runless_asset_event(event)
    return refresh(instance, loaded, [one.entry.table_name for one in done])


def _events(
    instance: dg.DagsterInstance, definition: Import, one: Undone
) -> Iterator[dg.AssetMaterialization | dg.AssetCheckEvaluation]:
    """Yield what takes the place of what Dagster shows of a batch."""
    known = instance.has_dynamic_partition(partitions_name(definition), one.entry.key)
    yield showing.of_undone(
        definition,
        one.entry,
        one.entry.key if known else None,
        {
            "rows_removed": one.removed,
            "rows_restored": one.restored,
            "duplicates_returned": one.returned,
        },
    )
    with Warehouse(definition.project.warehouse_path).read() as connection:
        latest = ledger.latest(connection).get(definition.name)
    if latest is not None and latest.sequence == one.entry.sequence:
        yield from checks.of_undone(definition, one.entry)
