"""A site whose warehouse is put back from a copy, and what Dagster shows of it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value

from import_assets.orchestration.connected import connections
from import_assets.orchestration.keys import import_key, partitions_name
from import_assets.orchestration.recovery import Plan, Recovered, carry_out, plan
from import_assets.spec.loading import load
from import_assets.warehouse.warehouse import Warehouse
from import_assets_tests.orchestration.site import Site

_LINEAGE = {"_imported_at", "_batch", "_file", "_row"}


def copy(site: Site) -> None:
    """Make a copy of the warehouse, as at night."""
    shutil.copy(site.warehouse, site.root / "copy.duckdb")


def put_back(site: Site) -> None:
    """Replace the warehouse by the copy."""
    shutil.copy(site.root / "copy.duckdb", site.warehouse)


def planned(site: Site) -> list[Plan]:
    """Return what `recover` would do."""
    loaded = load(site.root)
    warehouse = Warehouse(loaded.project.warehouse_path)
    shared = connections(loaded.project)
    return plan(site.instance, list(loaded.imports.values()), warehouse, shared)


def ways(site: Site) -> dict[tuple[str, str], str]:
    """Return how each delivery that is lacking can be had, by import and key."""
    return {
        (one.definition.name, lost.key): lost.way for one in planned(site) for lost in one.losses
    }


def recover(site: Site) -> Recovered:
    """Do what `recover` does."""
    return carry_out(site.instance, load(site.root), planned(site), watch=None, say=lambda _: None)


def agree(site: Site) -> bool:
    """Tell whether nothing is left to be recovered or shown."""
    return all(not one.losses and not one.differing.unshown for one in planned(site))


def rows(site: Site, table: str, *, lineage: bool = True) -> list[tuple[Any, ...]]:
    """Return the rows of a table, but for when they came in; in one order, whatever theirs is."""
    names = [name for (name,) in site.rows(f"SELECT column_name FROM (DESCRIBE {table})")]
    left_out = _LINEAGE if not lineage else {"_imported_at"}
    shown = ", ".join(f'"{name}"' for name in names if name not in left_out)
    return site.rows(f"SELECT {shown} FROM {table} ORDER BY ALL")


def ledger(site: Site) -> list[tuple[Any, ...]]:
    """Return which deliveries stand in the ledger, in their order."""
    return site.rows(
        "SELECT import, key FROM import_assets.batches "
        "WHERE undone_at IS NULL AND forgotten_at IS NULL ORDER BY sequence"
    )


def shown_as(site: Site, name: str) -> dict[str, str]:
    """Return how the UI shows each partition of an import: materialized, failed or missing."""
    definition = site.definition(name)
    partitions = dg.DynamicPartitionsDefinition(name=partitions_name(definition))
    status = get_and_update_asset_status_cache_value(
        site.instance, import_key(name), partitions, site.instance
    )
    keys = site.instance.get_dynamic_partitions(partitions_name(definition))
    if status is None:
        return dict.fromkeys(keys, "missing")
    failed = set(status.deserialize_failed_partition_subsets(partitions).get_partition_keys())
    there = set(status.deserialize_materialized_partition_subsets(partitions).get_partition_keys())
    return {
        key: "failed" if key in failed else "materialized" if key in there else "missing"
        for key in keys
    }


def metadata(site: Site, name: str, key: str) -> Mapping[str, Any]:
    """Return what the UI shows of the last materialization of a partition."""
    found = site.instance.fetch_materializations(
        dg.AssetRecordsFilter(import_key(name), asset_partitions=[key]), limit=1
    ).records[0]
    assert found.asset_materialization is not None
    return {key: value.value for key, value in found.asset_materialization.metadata.items()}
