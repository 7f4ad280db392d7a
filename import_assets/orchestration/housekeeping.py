"""The job that removes what interrupted runs left behind."""

from datetime import timedelta

import dagster as dg

from import_assets.pipeline.stage import utc_now
from import_assets.sources.cleaning import clean_spool
from import_assets.spec.loading import Project
from import_assets.staging.cleaning import clean_staging
from import_assets.tables import journal
from import_assets.warehouse import ledger
from import_assets.warehouse.warehouse import Warehouse

_AT = "40 3 * * *"


def build_housekeeping(project: Project) -> dg.ScheduleDefinition:
    """Return the schedule, with its job, that cleans the folders of a project each night.

    A staged batch is removed only once the ledger holds it, whatever its age.
    """

    @dg.op(name="remove_left_behind")
    def remove(context: dg.OpExecutionContext) -> None:
        age, now = timedelta(days=project.spec.retention.days), utc_now()
        warehouse = Warehouse(project.warehouse_path, log=context.log.info)
        copies = clean_spool(project.spool_path, age, now)
        with warehouse.read() as connection:
            batches = clean_staging(
                project.staging_path,
                age,
                lambda batch_id: ledger.applied(connection, batch_id) is not None,
                now,
            )
        undo_days = min(project.spec.retention.undo_days, project.spec.limits.dedup_days)
        with warehouse.write() as connection:
            forgotten = journal.forget_older(connection, now - timedelta(days=undo_days))
        context.log.info(f"{forgotten:,} batches older than {undo_days} days cannot be undone now")
        context.log.info(
            f"Removed {copies.files:,} copies ({copies.bytes:,} bytes) and {batches.folders:,} "
            f"staged batches ({batches.bytes:,} bytes) older than {age.days} days"
        )
        for batch in batches.kept:
            context.log.warning(
                f"Kept, because it is not in its table yet: {batch.manifest.key} of import "
                f"{batch.manifest.import_name}, staged {batch.manifest.staged_at:%Y-%m-%d}; "
                "materialize the table, or the import"
            )

    @dg.job(
        name="housekeeping",
        description="Removes copies of files and staged batches that interrupted runs left behind.",
        executor_def=dg.in_process_executor,
    )
    def housekeeping() -> None:
        remove()

    return dg.ScheduleDefinition(
        name="housekeeping_nightly",
        job=housekeeping,
        cron_schedule=_AT,
        execution_timezone=project.spec.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
