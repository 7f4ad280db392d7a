"""Batches that an interrupted run left staged, brought to their end."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from import_assets.errors import FileRefused
from import_assets.pipeline.deliver import Delivered, apply, delivered, keep_refusal
from import_assets.spec.loading import Import
from import_assets.staging.batch import Batch, Staging
from import_assets.warehouse import ledger
from import_assets.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class LeftOvers:
    """What became of batches that an interrupted run had left staged."""

    delivered: tuple[Delivered, ...] = ()
    errors: tuple[Exception, ...] = ()


def apply_pending(
    definitions: Sequence[Import], warehouse: Warehouse, *, besides: Collection[str] = ()
) -> LeftOvers:
    """Apply batches of these imports that were staged but not applied, oldest first.

    They are what an interrupted run left. One that the table refuses is kept in the books and
    removed, as its own run would have done; one that fails otherwise stays where it is, and stops
    nothing. One that was applied already, or was staged under a definition that has changed since,
    is removed: its delivery will be read again if need be, and rejects that were to be replayed
    are still outstanding. Batches of the ids `besides` are left alone.
    """
    by_name = {definition.name: definition for definition in definitions}
    staged = [one for one in _staged(by_name) if one.manifest.batch_id not in besides]
    if not staged:
        return LeftOvers()
    with warehouse.read() as connection:
        applied = [ledger.applied(connection, one.manifest.batch_id) is not None for one in staged]
    done: list[Delivered] = []
    errors: list[Exception] = []
    for batch, is_applied in zip(staged, applied, strict=True):
        definition = by_name[batch.manifest.import_name]
        if is_applied or batch.manifest.definition_hash != definition.definition_hash:
            Staging(definition.project.staging_path).remove(batch)
            continue
        try:
            one = _apply(definition, warehouse, batch)
        except Exception as error:  # whatever it is, the table goes on without it
            errors.append(error)
        else:
            done += [] if one.already else [one]
    return LeftOvers(tuple(done), tuple(errors))


def _staged(by_name: dict[str, Import]) -> list[Batch]:
    roots = {definition.project.staging_path for definition in by_name.values()}
    batches = [batch for root in roots for batch in Staging(root).all()]
    return [batch for batch in batches if batch.manifest.import_name in by_name]


def _apply(definition: Import, warehouse: Warehouse, batch: Batch) -> Delivered:
    started, manifest = time.monotonic(), batch.manifest
    try:
        applied = apply(definition, warehouse, batch)
    except FileRefused as error:
        if manifest.replay_of is not None:
            # The rejects stay what they were, and outstanding: there is nothing to be remembered.
            Staging(definition.project.staging_path).remove(batch)
            raise
        keep_refusal(
            definition,
            warehouse,
            error,
            key=manifest.key,
            fingerprint=manifest.fingerprint,
            identity=manifest.batch_id,
        )
        raise
    return delivered(batch, applied, started)
