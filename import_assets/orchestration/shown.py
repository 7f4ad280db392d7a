"""What Dagster shows of the deliveries of an import, held against the ledger.

The two part when the warehouse is put back from an older copy, when Dagster's own storage is lost,
or when a process dies between the commit and the report of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import duckdb
from dagster._core.instance.utils import RUNLESS_RUN_ID

from import_assets.orchestration.keys import import_key, partitions_name
from import_assets.spec.loading import Import
from import_assets.warehouse import ledger
from import_assets.warehouse.ledger import Entry

UNDONE = "undone"
"""Metadata of a materialization that says that its batch was undone."""

CAME_WITH = "came_with"
"""Metadata of a materialization that has no rows of its own: the delivery that brought them."""

_AT_ONCE = 500


@dataclass(frozen=True)
class Shown:
    """The last materialization of a partition. `at` is in UTC.

    `place` is that of its run among all events; of one run, the partitions stand in the order in
    which it took them, which is not the one in which Dagster tells of them. `batch_id` and
    `fingerprint` are those of the delivery, where it says so.
    """

    key: str
    run_id: str
    at: datetime
    place: int
    batch_id: str | None
    fingerprint: str | None
    replay: bool
    undone: bool
    has_rows: bool


@dataclass(frozen=True)
class Difference:
    """How Dagster and the ledger differ about one import.

    Attributes:
        unshown: the last entry of each delivery that Dagster shows otherwise, or not at all.
        lost: what Dagster shows as imported and the ledger lacks, in the order of import.
        undone_since: entries that stand in the ledger, and that Dagster shows as undone.
    """

    unshown: tuple[Entry, ...] = ()
    lost: tuple[Shown, ...] = ()
    undone_since: tuple[Entry, ...] = ()


def difference(
    instance: dg.DagsterInstance, connection: duckdb.DuckDBPyConnection, definition: Import
) -> Difference:
    """Hold what Dagster shows of an import against the ledger."""
    entries = ledger.entries(connection, definition.name)
    last = last_of_each(entries)
    known = {entry.batch_id for entry in entries}
    shown = {one.key: one for one in _shown(instance, definition)}
    lost = [
        one
        for one in shown.values()
        if one.has_rows and not one.undone and one.batch_id not in known
    ]
    lost_keys = {one.key for one in lost}
    unshown = [
        entry
        for key, entry in last.items()
        if key not in lost_keys and not _is_shown(entry, shown.get(key))
    ]
    since = [entry for entry in unshown if _undone_since(entry, shown.get(entry.key))]
    return Difference(
        tuple(sorted(unshown, key=lambda entry: entry.sequence)),
        tuple(sorted(lost, key=lambda one: one.place)),  # stable: of a run, as they stand
        tuple(since),
    )


def last_of_each(entries: Sequence[Entry]) -> dict[str, Entry]:
    """Return what the partition of each delivery is to show: its last batch that stands, if any.

    A batch that was forgotten has its rows in the table still.
    """
    last: dict[str, Entry] = {}
    for entry in entries:
        before = last.get(entry.key)
        if before is None or entry.undone_at is None or before.undone_at is not None:
            last[entry.key] = entry
    return last


def _is_shown(entry: Entry, shown: Shown | None) -> bool:
    return (
        shown is not None
        and shown.batch_id == entry.batch_id
        and shown.undone == (entry.undone_at is not None)
    )


def _undone_since(entry: Entry, shown: Shown | None) -> bool:
    return (
        shown is not None
        and shown.undone
        and shown.batch_id == entry.batch_id
        and entry.undone_at is None
    )


def _shown(instance: dg.DagsterInstance, definition: Import) -> list[Shown]:
    """Return the last materialization of each partition, in the order of the partitions."""
    key = import_key(definition.name)
    there = instance.get_dynamic_partitions(partitions_name(definition))
    latest = instance.get_latest_storage_id_by_partition(
        key, dg.DagsterEventType.ASSET_MATERIALIZATION
    )
    ids = [latest[partition] for partition in there if partition in latest]
    found: dict[str, Shown] = {}
    for first in range(0, len(ids), _AT_ONCE):
        some = dg.AssetRecordsFilter(key, storage_ids=ids[first : first + _AT_ONCE])
        for record in instance.fetch_materializations(some, limit=_AT_ONCE).records:
            one = _of_record(record)
            if one is not None:
                found[one.key] = one
    begins: dict[str, int] = {}
    for one in found.values():
        begins[one.run_id] = min(one.place, begins.get(one.run_id, one.place))
    begins.pop(RUNLESS_RUN_ID, None)
    ordered = (found[partition] for partition in there if partition in found)
    return [replace(one, place=begins.get(one.run_id, one.place)) for one in ordered]


def _of_record(record: dg.EventLogRecord) -> Shown | None:
    materialization, partition = record.asset_materialization, record.partition_key
    if materialization is None or partition is None:
        return None
    values: dict[str, Any] = {name: value.value for name, value in materialization.metadata.items()}
    return Shown(
        key=partition,
        run_id=record.event_log_entry.run_id,
        at=datetime.fromtimestamp(record.timestamp, UTC),
        place=record.storage_id,
        batch_id=values.get("batch_id"),
        fingerprint=values.get("fingerprint"),
        replay="replay_of" in values,
        undone=bool(values.get(UNDONE)),
        has_rows="unchanged_since" not in values and CAME_WITH not in values,
    )
