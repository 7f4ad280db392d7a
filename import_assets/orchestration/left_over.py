"""Batches that an interrupted run left staged: what becomes of them is said in the log."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import dagster as dg

from import_assets.errors import ImportAssetsError
from import_assets.orchestration import failing, metadata
from import_assets.pipeline.deliver import Delivered
from import_assets.pipeline.left_over import apply_pending
from import_assets.spec.loading import Import
from import_assets.warehouse.warehouse import Warehouse


def apply(
    context: dg.AssetExecutionContext,
    definitions: Sequence[Import],
    warehouse: Warehouse,
    *,
    besides: Collection[str] = (),
) -> tuple[Delivered, ...]:
    """Apply what is left of earlier runs of these imports; return what came in by that.

    One that cannot be applied is logged and does not stop the rest: its delivery was not imported,
    so it is asked for again. Batches of the ids `besides` are left to whoever staged them.
    """
    left_over = apply_pending(definitions, warehouse, besides=besides)
    for delivered in left_over.delivered:
        context.log.info(f"Left by an interrupted run: {metadata.summary(delivered)}")
    for error in left_over.errors:
        unexpected = None if isinstance(error, ImportAssetsError) else error
        told = failing.sentence(error, masked=definitions[0].project.spec.mask_rejects)
        context.log.error(
            f"Left by an interrupted run, and not imported: {told}", exc_info=unexpected
        )
    return left_over.delivered
