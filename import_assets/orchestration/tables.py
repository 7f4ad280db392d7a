"""A table as an asset below its imports."""

from collections.abc import Iterator, Sequence

import dagster as dg

from import_assets.orchestration import alive, checks, left_over, metadata
from import_assets.orchestration.keys import TABLES_GROUP, import_key, pool, table_key
from import_assets.pipeline.stage import utc_now
from import_assets.spec.loading import Import
from import_assets.tables import checks as table_checks
from import_assets.warehouse import ledger
from import_assets.warehouse.sql import table_label
from import_assets.warehouse.tables import exists
from import_assets.warehouse.warehouse import Warehouse


def build_table(
    table: tuple[str, ...],
    definitions: Sequence[Import],
    references: Sequence[tuple[str, ...]] = (),
) -> dg.AssetsDefinition:
    """Return the asset of a table that these imports fill and whose rows refer to other tables.

    Rows arrive in the step of their import, in one transaction each. This step applies batches
    that an interrupted run left staged, reports the table and checks it.
    """
    key = table_key(table)
    project = definitions[0].project

    @dg.multi_asset(
        name="table_" + "_".join(key.path),
        specs=[
            dg.AssetSpec(
                key,
                deps=[
                    *(import_key(definition.name) for definition in definitions),
                    *(table_key(other) for other in references),
                ],
                group_name=TABLES_GROUP,
                description=f"Table `{table_label(table)}` of the warehouse "
                f"`{project.spec.warehouse}`.",
                kinds={"table", "duckdb"},
                tags={"kind": table[0]},
                automation_condition=_follows(references),
            )
        ],
        check_specs=checks.table_specs(table),
        pool=pool(table),
    )
    def materialize(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        alive.hold(project, context.run.run_id)
        warehouse = Warehouse(project.warehouse_path, log=context.log.info)
        left_over.apply(context, definitions, warehouse)
        with warehouse.read() as connection:
            if not exists(connection, table) and ledger.knows(connection, table_label(table)):
                yield dg.MaterializeResult(
                    asset_key=key,
                    metadata={"dagster/row_count": 0, "gone": "its deliveries were undone"},
                    check_results=checks.of_gone_table(table),
                )
                return
            if not exists(connection, table):
                raise dg.Failure(
                    description=f"{table_label(table)} has no rows yet: materialize one of its "
                    "imports first",
                    allow_retries=False,
                )
            outcome = table_checks.run(connection, table, project.spec.limits, utc_now())
            values = metadata.of_table(connection, table)
        yield dg.MaterializeResult(
            asset_key=key, metadata=values, check_results=checks.of_table(table, outcome)
        )

    return materialize


def _follows(references: Sequence[tuple[str, ...]]) -> dg.AutomationCondition:
    """Return when a table is refreshed by itself: when rows came in after its last refresh.

    Other than `eager`, it is not held up by a partition that never succeeds, nor does it trust a
    run that was to refresh the table and failed before.
    """
    condition = dg.AutomationCondition
    updated = condition.any_deps_match(condition.newly_updated() | condition.will_be_requested())
    follows = (
        condition.eager()
        .without(~condition.any_deps_missing())
        .replace("any_deps_updated", updated.with_label("any_deps_updated"))
    )
    if not references:
        return follows
    # Between two looks both tables may have come in, and nobody knows which one first.
    others = dg.AssetSelection.assets(*(table_key(other) for other in references))
    changed = condition.any_deps_match(condition.newly_updated()).allow(others)
    return follows | (
        changed.since(condition.newly_requested()).with_label("references_changed")
        & ~condition.any_deps_in_progress()
        & ~condition.in_progress()
    )
