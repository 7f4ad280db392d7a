"""Materializing tables anew outside of any import, when their rows were changed or put back."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

import dagster as dg

from import_assets.orchestration import alive
from import_assets.orchestration.tables import build_table
from import_assets.spec.loading import Import, Loaded
from import_assets.warehouse.sql import parse_table_label, table_label


def refresh(instance: dg.DagsterInstance, loaded: Loaded, labels: Iterable[str]) -> str | None:
    """Materialize tables with their checks, and customers with tables of events.

    Returns a sentence if one could not be; those that no import fills are left out.
    """
    wanted = dict.fromkeys(labels)
    if any(label.startswith("events/") for label in wanted):
        wanted["customers"] = None
    by_table: dict[str, list[Import]] = {}
    for definition in loaded.imports.values():
        by_table.setdefault(table_label(definition.table), []).append(definition)
    for label in wanted:
        if label in by_table and (failure := _refresh(instance, label, by_table[label])):
            return failure
    return None


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
