"""Bringing a delivery into its table, exactly once: from a storage, or from a feed."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import ParamSpec, TypeVar

from import_assets.errors import FileRefused
from import_assets.pipeline.content import Content, Progress, no_progress
from import_assets.pipeline.stage import delivery_batch_id, stage, utc_now, write_batch
from import_assets.sources.delivery import Delivery
from import_assets.sources.feeds.base import Feed, Since
from import_assets.sources.storage.base import Storage
from import_assets.spec.loading import Import
from import_assets.staging.batch import Batch, Staging
from import_assets.staging.manifest import Manifest
from import_assets.tables import threshold
from import_assets.tables.apply import Applied, apply_batch
from import_assets.tables.outcome import Counts
from import_assets.tables.threshold import TooManyRejects
from import_assets.warehouse import contracts, ledger, refusals
from import_assets.warehouse.contracts import Terms
from import_assets.warehouse.sql import transaction
from import_assets.warehouse.warehouse import Warehouse

SMALL_BYTES = 4 * 2**20
"""Up to this size, a delivery is read while the warehouse is kept, where many are imported, and
staged while the one before it is applied."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Delivered:
    """What became of one delivery. `manifest` is None where it was not read.

    It was not read where the ledger had it `already`, or where a feed has not changed; then
    `unchanged_since` is the key of the delivery that was the same, and the batch is that one's.
    """

    delivery: Delivery
    batch_id: str
    counts: Counts
    already: bool
    manifest: Manifest | None
    seconds: float
    unchanged_since: str | None = None

    @property
    def is_replay(self) -> bool:
        """True where records came in that were rejected before, and were read for it now."""
        return self.manifest is not None and self.manifest.replay_of is not None


def deliver(
    definition: Import,
    storage: Storage,
    delivery: Delivery,
    warehouse: Warehouse,
    *,
    slot: str | None = None,
    progress: Progress = no_progress,
) -> Delivered:
    """Bring one delivery into its table, exactly once.

    A delivery that the ledger has is not read again; its counts are reported. Raises SourceError
    where a later try can help, and FileRefused, which is kept in the books, where it cannot.
    """
    asked = _ask(definition, storage, delivery, warehouse, slot)
    return _bring_in(definition, asked, warehouse, lambda: _staged(definition, asked, progress))


def deliver_each(
    definition: Import,
    keys: Sequence[str],
    find: Callable[[str], tuple[Storage, Delivery]],
    warehouse: Warehouse,
    *,
    slot: str | None = None,
    progress: Callable[[str], Progress] = lambda _: no_progress,
) -> Iterator[tuple[str, Delivered | Exception]]:
    """Bring deliveries into their table one after the other, each exactly once.

    While the rows of one are written, the next is fetched and staged, unless it is large. Yields
    each key with what became of it, or with what `find` and `deliver` would raise.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="stage") as stager:

        def begin(key: str) -> Callable[[], Delivered]:
            asked = _ask(definition, *find(key), warehouse, slot)
            work = partial(_staged, definition, asked, progress(key))
            if asked.entry is None and asked.delivery.size <= SMALL_BYTES:
                work = stager.submit(work).result
            return lambda: _bring_in(definition, asked, warehouse, work)

        begun = [tried(begin, key) for key in keys[:1]]
        for at, key in enumerate(keys):
            work = begun.pop()
            begun += [tried(begin, following) for following in keys[at + 1 : at + 2]]
            yield key, work if isinstance(work, Exception) else tried(work)


def tried(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | Exception:
    """Return what some work returns, or the error that it raises."""
    try:
        return work(*args, **kwargs)
    except Exception as error:
        return error


@dataclass(frozen=True)
class _Asked:
    """A delivery that is to be brought in; `entry` is the ledger's, where it has it already."""

    storage: Storage
    delivery: Delivery
    slot: str | None
    identity: str
    entry: ledger.Entry | None
    started: float


def _ask(
    definition: Import,
    storage: Storage,
    delivery: Delivery,
    warehouse: Warehouse,
    slot: str | None,
) -> _Asked:
    started = time.monotonic()
    identity = delivery_batch_id(definition, delivery, slot)
    with warehouse.read() as connection:
        entry = ledger.applied(connection, identity)
    return _Asked(storage, delivery, slot, identity, entry, started)


def _staged(definition: Import, asked: _Asked, progress: Progress) -> Batch:
    return stage(definition, asked.storage, asked.delivery, asked.slot, progress)


def _bring_in(
    definition: Import, asked: _Asked, warehouse: Warehouse, staged: Callable[[], Batch]
) -> Delivered:
    delivery, entry = asked.delivery, asked.entry
    if entry is not None:
        seconds = time.monotonic() - asked.started
        return Delivered(delivery, asked.identity, entry.counts, True, None, seconds)
    if delivery.size > SMALL_BYTES:
        # It takes long to read, and the warehouse is not needed for that.
        warehouse.let_go()
    try:
        batch = staged()
        applied = apply(definition, warehouse, batch)
    except FileRefused as error:
        keep_refusal(
            definition,
            warehouse,
            error,
            key=delivery.key,
            fingerprint=delivery.fingerprint,
            identity=asked.identity,
        )
        raise
    return delivered(batch, applied, asked.started)


def deliver_feed(
    definition: Import,
    feed: Feed,
    key: str,
    warehouse: Warehouse,
    *,
    progress: Progress = no_progress,
) -> Delivered:
    """Bring into the table what a feed hands over for one slot, exactly once.

    A slot that the ledger has is not asked for again. The feed is told what came in last, so that
    it can say that nothing has changed, or go on from there; what it wants to remember is written
    in the transaction of its rows. Raises like `deliver`.
    """
    started = time.monotonic()
    with warehouse.read() as connection:
        entry = ledger.applied_under(connection, definition.name, key, definition.definition_hash)
        last = ledger.last(connection, definition.name)
    if entry is not None:
        return not_read(key, entry, started)
    fingerprint = identity = ""
    try:
        with feed.pull(
            key, since_of(last), definition.project.spool_path, definition.project.spec.limits
        ) as pulled:
            if pulled is None:
                return _unchanged(key, last, started)
            fingerprint = pulled.delivery.fingerprint
            identity = delivery_batch_id(definition, pulled.delivery)
            staging = Staging(definition.project.staging_path)
            batch = staging.find(definition.name, identity) or write_batch(
                definition,
                pulled.delivery,
                Content(pulled.content, key),
                staging,
                state=pulled.state,
                progress=progress,
            )
        applied = apply(definition, warehouse, batch)
    except FileRefused as error:
        keep_refusal(
            definition, warehouse, error, key=key, fingerprint=fingerprint, identity=identity
        )
        raise
    return delivered(batch, applied, started)


def since_of(entry: ledger.Entry | None) -> Since | None:
    """Return what a feed is told about the last batch that was applied."""
    return entry and Since(entry.key, entry.fingerprint, entry.sha256, entry.state)


def not_read(key: str, entry: ledger.Entry, started: float) -> Delivered:
    """Return what became of a batch that the ledger has; `started` is by the monotonic clock."""
    modified = (entry.modified or entry.applied_at).replace(tzinfo=dt.UTC)
    delivery = Delivery(key, entry.fingerprint, entry.bytes, modified)
    seconds = time.monotonic() - started
    return Delivered(delivery, entry.batch_id, entry.counts, True, None, seconds)


def _unchanged(key: str, last: ledger.Entry | None, started: float) -> Delivered:
    if last is None:
        raise RuntimeError(f"{key}: a feed cannot be unchanged before anything came in")
    same = not_read(key, last, started)
    return replace(same, counts=Counts(), already=False, unchanged_since=last.key)


def delivered(batch: Batch, applied: Applied, started: float) -> Delivered:
    """Return what became of a batch that was applied; `started` is by the monotonic clock."""
    manifest = batch.manifest
    modified = (manifest.modified or manifest.staged_at).replace(tzinfo=dt.UTC)
    delivery = Delivery(manifest.key, manifest.fingerprint, manifest.bytes, modified)
    seconds = time.monotonic() - started
    return Delivered(
        delivery, manifest.batch_id, applied.counts, applied.already, manifest, seconds
    )


def apply(definition: Import, warehouse: Warehouse, batch: Batch) -> Applied:
    """Apply a staged batch to its table, once, and remove it from the disk."""
    with warehouse.write() as connection:
        applied = apply_batch(
            connection, batch, definition.project.spec, utc_now(), terms_of(definition)
        )
    # Were it kept, a delivery that is forgotten would come back from here unasked.
    Staging(definition.project.staging_path).remove(batch)
    return applied


def terms_of(definition: Import) -> Terms:
    """Return what a delivery is held to; by Emarsys' conventions columns have an order (b.8)."""
    return Terms(
        definition.spec.contract,
        ordered=definition.spec.conventions is not None,
        fail_above=definition.spec.fail_above,
    )


def keep_refusal(
    definition: Import,
    warehouse: Warehouse,
    error: FileRefused,
    *,
    key: str,
    fingerprint: str,
    identity: str,
) -> None:
    """Remember a refusal, and drop the batch `identity` if it was its table that refused it."""
    staging = Staging(definition.project.staging_path)
    staged = staging.find(definition.name, identity) if identity else None
    refusal = refusals.from_error(error, key, fingerprint, definition.definition_hash, utc_now())
    with warehouse.write() as connection, transaction(connection):
        refusals.record(connection, definition.name, refusal)
        if staged is not None and error.reason == contracts.CHANGED:
            contracts.see(connection, definition.name, staged.manifest.header, key)
        if staged is not None and isinstance(error, TooManyRejects):
            threshold.keep(connection, staged)
    if staged is not None:
        staging.remove(staged)
