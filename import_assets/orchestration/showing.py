"""Showing in Dagster what the ledger holds, without reading any delivery again.

Dagster's own storage can be lost, and the warehouse be put back from a copy: what the UI shows is
then made from the ledger, which is what knows.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

import dagster as dg
import duckdb

from import_assets.errors import WarehouseError
from import_assets.orchestration import checks, metadata
from import_assets.orchestration.keys import import_key, partitions_name
from import_assets.orchestration.shown import UNDONE, difference
from import_assets.pipeline.deliver import not_read
from import_assets.spec.loading import Import, Loaded
from import_assets.warehouse import ledger
from import_assets.warehouse.ledger import Entry
from import_assets.warehouse.tables import exists
from import_assets.warehouse.warehouse import Warehouse

WITH_EXAMPLES = 20
"""Of how many of the last deliveries of an import rows and rejects are shown again: of each, a
whole table is looked through."""

_A_TICK = 300
"""How many deliveries one tick shows: each takes milliseconds, and a tick has a minute."""

_INTERVAL_SECONDS = 60
_WAREHOUSE_WAIT_SECONDS = 10.0
_ALL_SHOWN = "shown"

Event = dg.AssetMaterialization | dg.AssetCheckEvaluation


def events(
    connection: duckdb.DuckDBPyConnection, definition: Import, entries: Sequence[Entry]
) -> Iterator[Event]:
    """Yield what shows entries of the ledger at their partitions, and the checks of the last."""
    for place, entry in enumerate(entries):
        examples = len(entries) - place <= WITH_EXAMPLES
        yield _materialization(connection, definition, entry, examples=examples)
    latest = ledger.latest(connection).get(definition.name)
    if latest is None or latest.sequence not in {entry.sequence for entry in entries}:
        return
    if latest.undone_at is not None:
        yield from checks.of_undone(definition, latest)
        return
    delivered = not_read(latest.key, latest, time.monotonic())
    yield from checks.evaluations(checks.of_import(connection, definition, [delivered], []))


def _materialization(
    connection: duckdb.DuckDBPyConnection, definition: Import, entry: Entry, *, examples: bool
) -> dg.AssetMaterialization:
    if entry.undone_at is not None:
        return of_undone(definition, entry, entry.key, {})
    delivered = not_read(entry.key, entry, time.monotonic())
    examples = examples and exists(connection, definition.table)
    return dg.AssetMaterialization(
        asset_key=import_key(definition.name),
        partition=entry.key,
        description=f"Imported {entry.applied_at:%Y-%m-%d %H:%M} UTC, as the warehouse says.",
        metadata=metadata.of_delivery(connection, definition, delivered, examples=examples),
    )


def of_undone(
    definition: Import, entry: Entry, partition: str | None, more: Mapping[str, int]
) -> dg.AssetMaterialization:
    """Return what shows that a batch was undone, with more numbers.

    The UI shows the last materialization, so an observation would leave the old counts standing.
    """
    return dg.AssetMaterialization(
        asset_key=import_key(definition.name),
        partition=partition,
        description=f"Batch {entry.batch_id} was undone.",
        metadata={
            "dagster/partition_row_count": 0,
            UNDONE: True,
            "batch_id": entry.batch_id,
            **more,
        },
    )


def show(
    instance: dg.DagsterInstance,
    connection: duckdb.DuckDBPyConnection,
    definition: Import,
    entries: Sequence[Entry],
) -> None:
    """Show entries of the ledger at their partitions, which are added where they are missing."""
    if not entries:
        return
    instance.add_dynamic_partitions(partitions_name(definition), [one.key for one in entries])
    for event in events(connection, definition, entries):
        instance.report_runless_asset_event(event)


def build_ledger_sensor(loaded: Loaded) -> dg.SensorDefinition:
    """Return the sensor that shows what the ledger holds after Dagster's storage was lost.

    It does so once: its cursor is lost together with what it would have to show again.
    """

    @dg.sensor(
        name="imported_before",
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Shows what was imported before Dagster's own storage was made, by the ledger.",
    )
    def imported_before(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if context.cursor == _ALL_SHOWN:
            return dg.SkipReason("everything is shown that was imported before")
        try:
            return _tick(context.instance, loaded)
        except WarehouseError as error:
            return dg.SkipReason(f"{error}; looked at again at the next tick")

    return imported_before


def _tick(instance: dg.DagsterInstance, loaded: Loaded) -> dg.SensorResult:
    told: list[Event] = []
    partitions: list[dg.AddDynamicPartitionsRequest] = []
    left = _A_TICK
    for definition, entries in _unshown(instance, loaded):
        if not left:
            break
        some, left = entries[:left], max(0, left - len(entries))
        with _warehouse(loaded).read() as connection:
            told += events(connection, definition, some)
        own = dg.DynamicPartitionsDefinition(name=partitions_name(definition))
        partitions.append(own.build_add_request([entry.key for entry in some]))
    return dg.SensorResult(
        asset_events=told,
        dynamic_partitions_requests=partitions,
        cursor=_ALL_SHOWN if left else None,
        skip_reason=f"{_A_TICK - left:,} deliveries are shown that were imported before",
    )


def _unshown(
    instance: dg.DagsterInstance, loaded: Loaded
) -> Iterable[tuple[Import, Sequence[Entry]]]:
    """Yield the imports of which Dagster shows too little, and what it does not show."""
    if not loaded.project.warehouse_path.exists():
        return
    for definition in loaded.imports.values():
        with _warehouse(loaded).read() as connection:
            found = difference(instance, connection, definition)
        if found.unshown:
            yield definition, found.unshown


def _warehouse(loaded: Loaded) -> Warehouse:
    return Warehouse(loaded.project.warehouse_path, wait_seconds=_WAREHOUSE_WAIT_SECONDS)
