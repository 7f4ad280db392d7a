"""Bringing the warehouse, its sources and Dagster together again after one of them was lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from itertools import groupby

import dagster as dg

from import_assets.orchestration.keys import import_key, partitions_name
from import_assets.orchestration.launch import Arrival, Say, Watch, launch
from import_assets.orchestration.losses import Lost, find_losses
from import_assets.orchestration.refreshing import refresh
from import_assets.orchestration.sensors import cursors
from import_assets.orchestration.showing import show
from import_assets.orchestration.shown import CAME_WITH, Difference, difference, last_of_each
from import_assets.sources.connect import Connections
from import_assets.spec.loading import Import, Loaded
from import_assets.warehouse import ledger
from import_assets.warehouse.sql import table_label
from import_assets.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class Plan:
    """What is to be done about one import.

    `late` is true where other deliveries came into its table after those that it lacks.
    """

    definition: Import
    differing: Difference
    losses: Sequence[Lost]
    late: bool = False

    @property
    def again(self) -> list[Lost]:
        """What is imported again; where its source cannot be asked, that fails and says why."""
        return [one for one in self.losses if one.way in ("again", "unknown")]


@dataclass
class Recovered:
    """What was done.

    Attributes:
        arrivals: what became of the deliveries that were imported again, by import and key.
        warnings: sentences of checks that did not pass.
        failure: why runs broke off or a table could not be refreshed, if so.
    """

    arrivals: dict[tuple[str, str], Arrival] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    failure: str | None = None


def plan(
    instance: dg.DagsterInstance,
    definitions: Iterable[Import],
    warehouse: Warehouse,
    connections: Connections,
) -> list[Plan]:
    """Compare what Dagster and the triggers remember with the ledger; changes nothing."""
    plans: list[Plan] = []
    known = cursors(instance)
    for definition in definitions:
        with warehouse.read() as connection:
            differing = difference(instance, connection, definition)
            imported = ledger.imported(connection, definition.name)
            last = ledger.last_applied(connection, table_label(definition.table))
        losses = find_losses(
            instance,
            definition,
            differing.lost,
            imported=imported,
            cursors=known,
            connections=connections,
        )
        times = [one.shown.at.replace(tzinfo=None) for one in losses if one.shown is not None]
        late = last is not None and any(at < last for at in times)
        plans.append(Plan(definition, differing, losses, late))
    return plans


def carry_out(
    instance: dg.DagsterInstance,
    loaded: Loaded,
    plans: Sequence[Plan],
    *,
    watch: Watch | None,
    say: Say,
) -> Recovered:
    """Show what the ledger holds, and import again what it lacks, in the order of import.

    Raises:
        KeyboardInterrupt: Ctrl-C; what is left is done by another start.
    """
    done = Recovered()
    warehouse = Warehouse(loaded.project.warehouse_path, log=say)
    for one in plans:
        with warehouse.read() as connection:
            show(instance, connection, one.definition, one.differing.unshown)
    for definition, some in _in_order(plans):
        launched = launch(
            instance,
            loaded,
            definition,
            [one.key for one in some],
            text=some[0].text,
            slot=some[0].slot,
            watch=watch,
            say=say,
        )
        done.arrivals |= {(definition.name, one.key): one for one in launched.arrivals}
        done.warnings += launched.warnings
        done.failure = done.failure or launched.failure
    for one in plans:
        name = one.definition.name
        arrived = {key for (of, key), how in done.arrivals.items() if of == name and how.counts}
        _settle(instance, warehouse, one, arrived)
    failure = refresh(instance, loaded, _stale(plans))
    done.failure = done.failure or failure
    return done


def _in_order(plans: Sequence[Plan]) -> Iterator[tuple[Import, list[Lost]]]:
    """Yield what is imported again, in the order in which it came in, as few runs as that takes."""
    everything = [(one.definition, lost) for one in plans for lost in one.again]
    everything.sort(key=lambda each: each[1].place)
    for _, some in groupby(everything, key=lambda each: (each[0].name, each[1].slot, each[1].text)):
        each = list(some)
        yield each[0][0], [lost for _, lost in each]


def _settle(
    instance: dg.DagsterInstance,
    warehouse: Warehouse,
    one: Plan,
    arrived: Set[str],
) -> None:
    """Show of deliveries that are not imported again what the ledger has, or that it has none."""
    definition = one.definition
    for lost in one.losses:
        if lost.way == "with" and lost.delivery_with in arrived:
            instance.report_runless_asset_event(
                dg.AssetMaterialization(
                    asset_key=import_key(definition.name),
                    partition=lost.key,
                    description=f"Its rows came in again with {lost.delivery_with}.",
                    metadata={"dagster/partition_row_count": 0, CAME_WITH: lost.delivery_with},
                )
            )
    rest = {lost.key for lost in one.losses if lost.way in ("gone", "there")}
    if not rest:
        return
    with warehouse.read() as connection:
        last = last_of_each(ledger.entries(connection, definition.name))
        show(instance, connection, definition, [last[key] for key in last if key in rest])
    for key in rest - last.keys():
        # A partition cannot be unmaterialized, and one that nobody can import is none.
        instance.delete_dynamic_partition(partitions_name(definition), key)


def _stale(plans: Sequence[Plan]) -> list[str]:
    """Return the tables of which Dagster showed something else, and which no run refreshed."""
    refreshed = {one.definition.table for one in plans if one.again}
    changed = [
        one.definition.table
        for one in plans
        if one.differing.unshown or any(lost.way in ("gone", "there") for lost in one.losses)
    ]
    return [table_label(table) for table in changed if table not in refreshed]
