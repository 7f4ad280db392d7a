"""A project with Dagster around it: runs, ticks and cursors, all in this process."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from import_assets.orchestration import alive
from import_assets.orchestration.build import build_definitions
from import_assets.orchestration.imports import run_assets
from import_assets.orchestration.keys import import_key, partitions_name
from import_assets.orchestration.requests import partition_tags
from import_assets.spec.loading import Import, load

CUSTOMERS = """\
kind: customers
source: {storage: {folder: in, files: "*.csv"}}
format: {csv: {delimiter: ","}}
columns:
  - {from: id, id: registered}
  - {from: age, type: integer}
run: {on_new_file: true}
"""
"""An import of customers with a whole number; called `crm` in these tests."""

RUN_KEY, SENSOR = "dagster/run_key", "dagster/sensor_name"

START = datetime(2026, 1, 1, tzinfo=UTC)
"""When the first file of a site was modified; each later one a minute after."""


def _plain(metadata: Mapping[str, dg.MetadataValue]) -> dict[str, Any]:
    """Return metadata as values; a table as a list of its rows."""
    return {
        name: [record.data for record in value.records]
        if isinstance(value, dg.TableMetadataValue)
        else value.value
        for name, value in metadata.items()
    }


@dataclass(frozen=True)
class Run:
    """A run that has ended."""

    result: dg.ExecuteInProcessResult
    tags: Mapping[str, str]

    @property
    def success(self) -> bool:
        return self.result.success

    @property
    def partitions(self) -> dict[str, dict[str, Any]]:
        """The metadata of each materialized partition, in order."""
        found = [
            event.step_materialization_data.materialization
            for event in self.result.all_events
            if event.is_step_materialization
        ]
        return {one.partition: _plain(one.metadata) for one in found if one.partition is not None}

    @property
    def tables(self) -> dict[str, dict[str, Any]]:
        """The metadata of each materialized asset without partitions, by its key."""
        found = [
            event.step_materialization_data.materialization
            for event in self.result.all_events
            if event.is_step_materialization
        ]
        return {
            "/".join(one.asset_key.path): _plain(one.metadata)
            for one in found
            if one.partition is None
        }

    @property
    def checks(self) -> dict[str, dg.AssetCheckEvaluation]:
        """The evaluations by name of the check; a table's as `customers:ids_valid`."""
        evaluations = [
            event.asset_check_evaluation_data
            for event in self.result.all_events
            if event.event_type_value == "ASSET_CHECK_EVALUATION"
        ]
        return {
            one.check_name
            if one.asset_key.path[0] == "imports"
            else f"{'/'.join(one.asset_key.path)}:{one.check_name}": one
            for one in evaluations
        }

    @property
    def failure(self) -> dg.Failure | None:
        """What the step that failed says about it on purpose, or None."""
        for event in self.result.all_events:
            if event.is_step_failure and event.step_failure_data.user_failure_data:
                told = event.step_failure_data.user_failure_data
                return dg.Failure(told.description, dict(told.metadata))
        return None

    @property
    def unexpected(self) -> str | None:
        """The text of an error that nobody raised on purpose, or None."""
        for event in self.result.all_events:
            told = event.step_failure_data if event.is_step_failure else None
            if told is not None and told.user_failure_data is None:
                return str(told.error_display_string)
        return None


@dataclass(frozen=True)
class Tick:
    """What a sensor said, and the runs that were started by it."""

    note: str | None
    requests: Sequence[dg.RunRequest] = field(default_factory=list)
    added: Sequence[str] = field(default_factory=list)
    evaluations: Sequence[dg.AssetCheckEvaluation] = field(default_factory=list)
    runs: Sequence[Run] = field(default_factory=list)

    @property
    def asked(self) -> list[tuple[str, ...]]:
        """The first and last partition of each request, or the only one."""
        return [partitions_of(request) for request in self.requests]


def partitions_of(request: dg.RunRequest) -> tuple[str, ...]:
    """Return the only partition, or the first and the last one, that a request names."""
    if "dagster/partition" in request.tags:
        return (request.tags["dagster/partition"],)
    start, end = (f"dagster/asset_partition_range_{which}" for which in ("start", "end"))
    return request.tags[start], request.tags[end]


@dataclass
class Site:
    """A project in a folder, and the Dagster that runs it."""

    root: Path
    instance: dg.DagsterInstance
    cursors: dict[str, str | None] = field(default_factory=dict)
    written: int = 0

    # --- the project

    def define(self, name: str, text: str = CUSTOMERS) -> None:
        """Write a definition."""
        self._write(self.root / "imports" / f"{name}.yaml", text.encode())

    def configure(self, text: str) -> None:
        """Write project.yaml."""
        self._write(self.root / "project.yaml", text.encode())

    def put(self, path: str, content: str | bytes, modified: datetime | None = None) -> Path:
        """Write a file; each seems to have been modified after the one before, and long ago."""
        file = self.root / path
        self._write(file, content.encode() if isinstance(content, str) else content)
        self.written += 1
        moment = modified or START + timedelta(minutes=self.written)
        os.utime(file, (moment.timestamp(), moment.timestamp()))
        return file

    @staticmethod
    def _write(file: Path, content: bytes) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def definition(self, name: str = "crm") -> Import:
        """The definition as it is now."""
        return load(self.root).imports[name]

    @property
    def definitions(self) -> dg.Definitions:
        """The code location as it is now."""
        return build_definitions(self.root)

    # --- the warehouse

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a SELECT gives."""
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def change(self, sql: str) -> None:
        """Do to the warehouse what nobody should."""
        with duckdb.connect(str(self.warehouse)) as connection:
            connection.execute(sql)

    @property
    def warehouse(self) -> Path:
        return self.root / "data" / "warehouse.duckdb"

    # --- runs

    def run(
        self,
        name: str,
        *keys: str,
        tags: Mapping[str, str] | None = None,
        text: str | None = None,
        alone: bool = False,
    ) -> Run:
        """Materialize partitions of an import and, unless `alone`, its table, as the UI does."""
        definition = self.definition(name)
        partitions = partitions_name(definition)
        self.instance.add_dynamic_partitions(partitions, list(keys))
        config: dict[str, Any] = {}
        if text is not None:
            step = import_key(name).to_python_identifier()
            config = {"ops": {step: {"config": {"text": text}}}}
        assets = run_assets(definition)[:1] if alone else run_assets(definition)
        return self.materialize(assets, {**partition_tags(keys), **(tags or {})}, config)

    def materialize(
        self,
        assets: Sequence[dg.AssetKey],
        tags: Mapping[str, str] | None = None,
        config: Mapping[str, Any] | None = None,
        *,
        raising: bool = False,
    ) -> Run:
        """Materialize assets in a run of their own."""
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        result = self.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=self.instance,
            asset_selection=list(assets),
            tags=dict(tags or {}),
            run_config={**quiet, **(config or {})},
            raise_on_error=raising,
        )
        alive.release(next(iter(load(self.root).imports.values())).project, result.run_id)
        return Run(result, tags or {})

    def logged(self, run: Run) -> str:
        """All that was written into the log of a run."""
        entries = self.instance.all_logs(run.result.run_id)
        return "\n".join(entry.user_message for entry in entries)

    # --- sensors

    def look(self, sensor: str = "crm_new_file", *, start: bool = True) -> Tick:
        """Let a sensor tick as the daemon does: partitions, cursor, events, then the runs."""
        definition = self.definitions.resolve_sensor_def(sensor)
        context = dg.build_sensor_context(self.instance, cursor=self.cursors.get(sensor))
        said = definition(context)
        if isinstance(said, dg.SkipReason):
            return Tick(said.skip_message)
        assert isinstance(said, dg.SensorResult)
        added: list[str] = []
        for request in said.dynamic_partitions_requests or []:
            added += request.partition_keys
            self.instance.add_dynamic_partitions(
                request.partitions_def_name, list(request.partition_keys)
            )
        self.cursors[sensor] = said.cursor
        evaluations = []
        for event in said.asset_events:
            assert isinstance(event, dg.AssetCheckEvaluation)
            self.instance.report_runless_asset_event(event)
            evaluations.append(event)
        requests = list(said.run_requests or [])
        runs = [self.start(request, sensor) for request in requests] if start else []
        return Tick(
            said.skip_reason.skip_message if said.skip_reason else None,
            requests,
            added,
            evaluations,
            [run for run in runs if run is not None],
        )

    def start(self, request: dg.RunRequest, sensor: str) -> Run | None:
        """Start what a sensor asked for, unless its run key has started a run before."""
        assert request.run_key is not None
        tags = {**request.tags, RUN_KEY: request.run_key, SENSOR: sensor}
        if self.instance.get_runs(dg.RunsFilter(tags={RUN_KEY: request.run_key})):
            return None
        return self.materialize(request.asset_selection or [], tags)

    def pretend(
        self, request: dg.RunRequest, status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED
    ) -> dg.DagsterRun:
        """Have a run in the books that does nothing."""
        assert request.run_key is not None
        return self.instance.create_run_for_job(
            self.definitions.resolve_implicit_global_asset_job_def(),
            tags={**request.tags, RUN_KEY: request.run_key},
            status=status,
        )
