"""Telling Dagster that batches were undone: at their partitions, by checks and fresh tables."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import dagster as dg

from import_assets.orchestration import alive, checks
from import_assets.orchestration.keys import import_key, partitions_name
from import_assets.orchestration.tables import build_table
from import_assets.spec.loading import Import, Loaded
from import_assets.tables.undo import Undone
from import_assets.warehouse import ledger
from import_assets.warehouse.sql import parse_table_label, table_label
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
    labels = dict.fromkeys(one.entry.table_name for one in done)
    if any(label.startswith("events/") for label in labels):
        labels["customers"] = None
    by_table: dict[str, list[Import]] = {}
    for definition in loaded.imports.values():
        by_table.setdefault(table_label(definition.table), []).append(definition)
    for label in labels:
        if label in by_table and (failure := _refresh(instance, label, by_table[label])):
            return failure
    return None


def _events(
    instance: dg.DagsterInstance, definition: Import, one: Undone
) -> Iterator[dg.AssetMaterialization | dg.AssetCheckEvaluation]:
    """Yield what takes the place of what Dagster shows of a batch.

    The UI shows the last materialization, so an observation would leave the old counts standing.
    """
    known = instance.has_dynamic_partition(partitions_name(definition), one.entry.key)
    yield dg.AssetMaterialization(
        asset_key=import_key(definition.name),
        partition=one.entry.key if known else None,
        description=f"Batch {one.entry.batch_id} was undone.",
        metadata={
            "dagster/partition_row_count": 0,
            "undone": True,
            "batch_id": one.entry.batch_id,
            "rows_removed": one.removed,
            "rows_restored": one.restored,
            "duplicates_returned": one.returned,
        },
    )
    with Warehouse(definition.project.warehouse_path).read() as connection:
        latest = ledger.latest(connection).get(definition.name)
    if latest is not None and latest.sequence == one.entry.sequence:
        yield from checks.of_undone(definition, one.entry)


def _refresh(instance: dg.DagsterInstance, label: str, definitions: Sequence[Import]) -> str | None:
    @dg.logger
    def console(_context: dg.InitLoggerContext) -> logging.Logger:
        return logging.Logger(__name__, logging.CRITICAL + 1)

    assets = dg.Definitions(
        assets=[build_table(parse_table_label(label), definitions)],
        loggers={"console": console},
        executor=dg.in_process_executor,
    )
    result = assets.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance, raise_on_error=False, run_config={"loggers": {"console": {}}}
    )
    alive.release(definitions[0].project, result.run_id)
    if result.success:
        return None
    return f"{label} could not be refreshed in Dagster; the run {result.run_id} there says why"
