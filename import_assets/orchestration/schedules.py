"""Schedules of repeated imports (M048, M049)."""

from datetime import UTC, datetime

import dagster as dg

from import_assets.orchestration.connected import connections
from import_assets.orchestration.cron import cron_strings, has_ended
from import_assets.orchestration.imports import run_assets
from import_assets.orchestration.keys import ASSET_JOB, SLOT_TAG, partitions_name
from import_assets.orchestration.requests import run_requests, slot_request
from import_assets.orchestration.selection import select
from import_assets.orchestration.sensors import LISTING_SECONDS
from import_assets.sources.ask import Ask
from import_assets.sources.listing import ListingUnfinishedError
from import_assets.spec.loading import Import


def build_schedule(definition: Import) -> dg.ScheduleDefinition:
    """Return the schedule of an import that repeats."""

    @dg.schedule(
        name=f"{definition.name}_repeat",
        cron_schedule=cron_strings(definition.spec.run),
        job_name=ASSET_JOB,
        execution_timezone=definition.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=_description(definition),
    )
    def repeat(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        return evaluate(context.instance, definition, context.scheduled_execution_time)

    return repeat


def _description(definition: Import) -> str:
    until = definition.spec.run.until
    end = f", until {until.isoformat()}" if until else ""
    return f"Starts the import by the clock of {definition.timezone}{end}."


def evaluate(
    instance: dg.DagsterInstance, definition: Import, moment: datetime
) -> list[dg.RunRequest] | dg.SkipReason:
    """Return what a repeated import runs at a scheduled moment.

    Raises TooManyFilesError, which fails the tick visibly, above the limit of files (M024, D06).
    """
    if not definition.file.is_file():
        return dg.SkipReason(f"{definition.file.name} is gone: reload definitions")
    if has_ended(definition, moment):
        return dg.SkipReason(f"ended {definition.spec.run.until}")
    slot = moment.astimezone(UTC).isoformat()
    if definition.spec.source.feed is not None:
        instance.add_dynamic_partitions(partitions_name(definition), [slot])
        return [slot_request(definition, slot)]
    limit = definition.project.spec.limits.files
    try:
        selected = select(
            definition, limit, connections=connections(definition.project), within=LISTING_SECONDS
        )
    except ListingUnfinishedError as error:
        return dg.SkipReason(str(error))
    if not selected.deliveries:
        return dg.SkipReason(selected.note)
    asks = [Ask(delivery, attempt=1) for delivery in selected.deliveries]
    requests, partitions = run_requests(instance, definition, asks)
    for request in partitions:
        instance.add_dynamic_partitions(partitions_name(definition), list(request.partition_keys))
    return [_in_slot(definition, request, slot) for request in requests]


def _in_slot(definition: Import, request: dg.RunRequest, slot: str) -> dg.RunRequest:
    """Tie a request to its occasion: asked twice for the same, Dagster starts it once."""
    tags = dict(request.tags)
    if definition.spec.source.storage and definition.spec.source.storage.select != (
        "not_imported_yet"
    ):
        tags[SLOT_TAG] = slot
    return dg.RunRequest(
        run_key=f"{definition.name}:{slot}:{request.run_key}",
        asset_selection=run_assets(definition),
        tags=tags,
    )
