"""Sensors: new files, interrupted runs, tables that follow their imports."""

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import dagster as dg
import numpy as np
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import SensorInstigatorData
from pydantic import BaseModel, ConfigDict

from import_assets.errors import WarehouseError
from import_assets.orchestration import alive, checks
from import_assets.orchestration.connected import connections
from import_assets.orchestration.cron import has_ended
from import_assets.orchestration.imports import run_assets
from import_assets.orchestration.keys import IMPORT_TAG, TABLES_GROUP, partitions_name
from import_assets.orchestration.requests import renewed, run_requests
from import_assets.sources.ask import Ask, Imported, Outcome
from import_assets.sources.discovery import look
from import_assets.sources.listing import Listing, ListingUnfinishedError, list_matching
from import_assets.sources.memory import Memory, read_memory, write_memory
from import_assets.sources.open import open_source
from import_assets.sources.rules import Rules, rules_of
from import_assets.sources.storage.selection import by_age
from import_assets.spec.loading import Import, Project
from import_assets.warehouse import ledger, refusals
from import_assets.warehouse.warehouse import Warehouse
from import_assets.wording import counted

INTERVAL_SECONDS = 300
"""How often a folder is looked at (M022)."""

LISTING_SECONDS = timedelta(seconds=25)
"""Dagster stops a sensor after 60 s. A listing stops itself before, with time left for a request
that was just sent, which is waited for 30 s by default."""

SPARE_BYTES = 16_000_000
"""What has to be free on a disk before files are asked for, beside what they need."""

_TIMES = 2
"""How often a file lies on a disk while it is imported: as it came, and as rows."""

_ANEW = "what was remembered could not be read and was made anew from the ledger"
_WAREHOUSE_WAIT_SECONDS = 10.0
_RECOVERY_SECONDS = 30
_TABLES_SECONDS = 30


def build_new_file_sensor(definition: Import) -> dg.SensorDefinition:
    """Return the sensor that imports new files five minutes after they appear (M022)."""

    @dg.sensor(
        name=f"{definition.name}_new_file",
        asset_selection=dg.AssetSelection.assets(*run_assets(definition)),
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks for new files every five minutes and imports them.",
    )
    def new_file(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        now = datetime.now(UTC)
        if has_ended(definition, now):
            return dg.SkipReason(f"ended {definition.spec.run.until}")
        return _look(context, definition)

    return new_file


def build_files_sensor(definition: Import) -> dg.SensorDefinition:
    """Return the sensor that only shows the files of a folder, for launching by hand."""

    @dg.sensor(
        name=f"{definition.name}_files",
        asset_selection=dg.AssetSelection.assets(*run_assets(definition)),
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Shows new files as partitions every five minutes; starts nothing.",
    )
    def files(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        try:
            listing = _listing(definition, _rules(definition))
        except ListingUnfinishedError as error:
            return dg.SkipReason(str(error))
        known = set(context.instance.get_dynamic_partitions(partitions_name(definition)))
        # In the order in which runs take them, so that a schedule can take many in one run.
        new = [one.key for one in sorted(listing.deliveries, key=by_age) if one.key not in known]
        if not new:
            return dg.SkipReason(f"{len(listing.deliveries):,} files, none of them new")
        partitions = dg.DynamicPartitionsDefinition(name=partitions_name(definition))
        return dg.SensorResult(
            skip_reason=f"{len(new):,} new files to be launched by hand or by the schedule",
            dynamic_partitions_requests=[partitions.build_add_request(new)],
        )

    return files


def _rules(definition: Import) -> Rules:
    return rules_of(definition.spec, definition.project.spec.limits)


def _listing(definition: Import, rules: Rules) -> Listing:
    """List the folder for one look; one that takes longer goes on at the next."""
    shared = connections(definition.project)
    storage = open_source(definition, connections=shared)
    return list_matching(storage, rules.pattern, LISTING_SECONDS, shared.listings)


def _look(
    context: dg.SensorEvaluationContext, definition: Import
) -> dg.SensorResult | dg.SkipReason:
    if not definition.file.is_file():
        return dg.SkipReason(f"{definition.file.name} is gone: reload definitions")
    warehouse = Warehouse(definition.project.warehouse_path, wait_seconds=_WAREHOUSE_WAIT_SECONDS)
    rules = _rules(definition)
    before = _Cursor.read(context.cursor)
    books = _Books(context.instance, definition, warehouse)
    try:
        listing = _listing(definition, rules)
        tick = look(
            listing,
            rules,
            _memory(before, definition, rules),
            now=listing.at,
            imported=books.imported,
            outcome=books.outcome,
        )
    except ListingUnfinishedError as error:
        return dg.SkipReason(str(error))
    except WarehouseError as error:
        return dg.SkipReason(f"{error}; looked at again at the next tick")
    anew = _ANEW if context.cursor and tick.unreadable else ""
    if anew:
        context.log.warning(anew)
    if tick.asks and (shortage := _shortage(definition, tick.asks)):
        # Nothing is remembered of this look: a disk that is full all night uses no attempt up.
        return dg.SkipReason(shortage)
    requests, partitions = run_requests(context.instance, definition, tick.asks)
    given_up = sorted(delivery.key for delivery in tick.given_up)
    after = _Cursor(
        definition=definition.definition_hash,
        memory=tick.cursor,
        told=_fingerprint(given_up) if given_up else "",
    )
    return dg.SensorResult(
        run_requests=[renewed(context.instance, request) for request in requests],
        skip_reason=None if requests else f"{tick.note}{anew and f'; {anew}'}",
        cursor=after.model_dump_json(),
        dynamic_partitions_requests=partitions,
        asset_events=_news(context.instance, definition, given_up, before.told, after.told),
    )


def _shortage(definition: Import, asks: Sequence[Ask]) -> str | None:
    """Return which folder has too little room for the largest of the files, if one has."""
    project = definition.project
    needed = SPARE_BYTES + _TIMES * max(ask.delivery.size for ask in asks)
    for folder in (project.staging_path, project.warehouse_path.parent):
        there = next(one for one in (folder, *folder.parents) if one.exists())
        free = shutil.disk_usage(there).free
        if free < needed:
            return (
                f"{counted(len(asks), 'file waits', 'files wait')} for room on the disk of "
                f"{folder}: {free:,} bytes are free there, and {needed:,} are needed; looked at "
                "again at the next tick"
            )
    return None


def _news(
    instance: dg.DagsterInstance,
    definition: Import,
    given_up: Sequence[str],
    told_before: str,
    told: str,
) -> list[dg.AssetCheckEvaluation]:
    """Return what there is to say about files that were given up.

    Not at every look: each event stays in Dagster's log for good. But a run that went well says
    that the check passed, which it did not for the files that still lie there.
    """
    if not told and not told_before:
        return []
    record = instance.get_latest_asset_check_evaluation_record(checks.files_key(definition))
    status = record.status.value if record else None
    if given_up:
        news = told != told_before or status == "SUCCEEDED"
    else:
        news = record is not None and status == "FAILED" and not record.run_id
    return [checks.files_given_up(definition, given_up)] if news else []


class _Cursor(BaseModel):
    """What a sensor keeps between ticks.

    `memory` is what `look` returned, under the definition with the hash `definition`; `told` is the
    fingerprint of the files whose giving up was said.
    """

    model_config = ConfigDict(strict=True, extra="forbid")

    v: Literal[1] = 1
    definition: str = ""
    memory: str | None = None
    told: str = ""

    @classmethod
    def read(cls, text: str | None) -> "_Cursor":
        """Return the cursor of the last tick; an empty one if it is missing, damaged or foreign."""
        try:
            return cls.model_validate_json(text or "{}")
        except ValueError:
            return cls()


def _fingerprint(keys: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(keys).encode()).hexdigest()[:16]


def cursors(instance: dg.DagsterInstance) -> dict[str, str | None]:
    """Return the cursors of all sensors, by name."""
    if instance.schedule_storage is None:
        return {}  # kept in memory alone, where no sensor ticks
    return {
        state.instigator_name: state.instigator_data.cursor
        for state in instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
        if isinstance(state.instigator_data, SensorInstigatorData)
    }


def remembered(known: Mapping[str, str | None], definition: Import) -> Memory | None:
    """Return what the trigger of an import remembers of its folder, or None where it does not.

    `known` are the cursors, see there.
    """
    cursor = _Cursor.read(known.get(f"{definition.name}_new_file"))
    memory = read_memory(cursor.memory, _rules(definition))
    return None if memory.lost else memory


def _memory(cursor: _Cursor, definition: Import, rules: Rules) -> str | None:
    """Return what a look remembers; files given up under another definition get a new try."""
    if cursor.memory is None or cursor.definition == definition.definition_hash:
        return cursor.memory
    known = read_memory(cursor.memory, rules)
    if known.lost:
        return cursor.memory
    return write_memory(replace(known, given_up=np.empty(0, dtype=np.uint64)), rules)


class _Books:
    """What a look asks: the ledger, and what became of runs."""

    def __init__(
        self, instance: dg.DagsterInstance, definition: Import, warehouse: Warehouse
    ) -> None:
        self._instance = instance
        self._definition = definition
        self._warehouse = warehouse

    def imported(self) -> Imported:
        """Return what the ledger remembers of the import."""
        with self._warehouse.read() as connection:
            return ledger.imported(connection, self._definition.name)

    def outcome(self, asks: Sequence[Ask]) -> Mapping[str, Outcome]:
        """Return where each ask is, by the key of its delivery."""
        running = self._running_keys()
        ended = [ask for ask in asks if ask.delivery.key not in running]
        outcomes: dict[str, Outcome] = dict.fromkeys(running, "running")
        if ended:
            with self._warehouse.read() as connection:
                refused = refusals.of_import(connection, self._definition.name)
            for ask in ended:
                refusal = refused.get(ask.delivery.key)
                is_refused = (
                    refusal is not None
                    and refusal.fingerprint == ask.delivery.fingerprint
                    and refusal.definition_hash == self._definition.definition_hash
                )
                outcomes[ask.delivery.key] = "refused" if is_refused else "failed"
        return outcomes

    def _running_keys(self) -> set[str]:
        """Return the keys that queued or running runs of the import will deal with."""
        unfinished = [
            dg.DagsterRunStatus.QUEUED,
            dg.DagsterRunStatus.NOT_STARTED,
            dg.DagsterRunStatus.STARTING,
            dg.DagsterRunStatus.STARTED,
            dg.DagsterRunStatus.CANCELING,
        ]
        runs = self._instance.get_runs(
            dg.RunsFilter(statuses=unfinished, tags={IMPORT_TAG: self._definition.name})
        )
        keys: set[str] = set()
        everything: Sequence[str] | None = None
        for run in runs:
            if "dagster/partition" in run.tags:
                keys.add(run.tags["dagster/partition"])
                continue
            first = run.tags.get("dagster/asset_partition_range_start")
            last = run.tags.get("dagster/asset_partition_range_end")
            if everything is None:
                everything = self._instance.get_dynamic_partitions(
                    partitions_name(self._definition)
                )
            if first in everything and last in everything:
                keys.update(everything[everything.index(first) : everything.index(last) + 1])
        return keys


def build_interrupted_runs_sensor(project: Project) -> dg.SensorDefinition:
    """Return the sensor that fails runs whose process has died, so that they are retried.

    Without it, a run that was killed together with Dagster itself would count as started until
    `run_monitoring.max_runtime_seconds` is over.
    """

    @dg.sensor(
        name="interrupted_runs",
        minimum_interval_seconds=_RECOVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Marks runs as failed whose process was killed; Dagster then retries them.",
    )
    def interrupted_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        started = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
        runs = context.instance.get_runs(dg.RunsFilter(statuses=started))
        dead = [run for run in runs if alive.state(project, run.run_id) == "dead"]
        for run in dead:
            if _has_ended_itself(context.instance, run):
                continue
            context.instance.report_run_failed(
                run, "The process of this run was killed; what it had not applied is done again."
            )
            alive.release(project, run.run_id)
        return dg.SkipReason(f"{len(dead):,} of {len(runs):,} started runs were interrupted")

    return interrupted_runs


def _has_ended_itself(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Tell whether a run came to its end between being listed and its process being looked for."""
    now = instance.get_run_by_id(run.run_id)
    return now is None or now.is_finished


def build_tables_sensor() -> dg.AutomationConditionSensorDefinition:
    """Return the sensor that refreshes a table when one of its imports ran alone."""
    return dg.AutomationConditionSensorDefinition(
        name="tables_follow_imports",
        target=dg.AssetSelection.groups(TABLES_GROUP),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=_TABLES_SECONDS,
    )
