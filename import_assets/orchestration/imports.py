"""An import as a partitioned asset: one partition a delivery, one outcome a delivery."""

# Dagster reads the annotations of assets at run time, so they must not be put off in this package's
# modules that define them (no `from __future__ import annotations`).
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

import dagster as dg

from import_assets.errors import FileRefused, ImportAssetsError, UnknownName, WarehouseError
from import_assets.orchestration import alive, checks, failing, left_over, metadata
from import_assets.orchestration.connected import connections
from import_assets.orchestration.keys import (
    IMPORTS_GROUP,
    REPLAY_TAG,
    SLOT_TAG,
    analysis_key,
    import_key,
    partitions_name,
    pool,
    table_key,
)
from import_assets.pipeline.deliver import Delivered, deliver_each, deliver_feed, tried
from import_assets.pipeline.feeds import open_feed
from import_assets.pipeline.replay import bring_in, keys_of
from import_assets.sources.delivery import Delivery
from import_assets.sources.open import open_source
from import_assets.sources.retry import retrying
from import_assets.sources.storage.base import Storage
from import_assets.spec.loading import Import
from import_assets.spec.sources import PasteSource
from import_assets.warehouse.warehouse import Warehouse
from import_assets.wording import counted

_Event = dg.MaterializeResult | dg.AssetMaterialization | dg.AssetCheckResult

_LOG_SECONDS, _LOG_LINES = 2.0, 10
"""The UI shows about a dozen lines of an entry."""

_PROGRESS_SECONDS = 5.0
FEED_RETRIES = 2
"""How often a feed that could not be had is asked again in the same run."""

FEED_RETRY_SECONDS = 60
_SECOND_WAIT_SECONDS = 10.0
"""How long a run still waits for a warehouse that it has waited for in vain."""

WATCH: ContextVar[Callable[[str, int, int], None] | None] = ContextVar("watch", default=None)
"""Set by who runs an import in its own process and wants to see it advance: called with the key of
a delivery, the bytes of it read so far, and the bytes in all."""


class PasteConfig(dg.Config):
    """What the launchpad asks for when text is pasted."""

    text: str = ""


def build_import(definition: Import, *, retries: int = FEED_RETRIES) -> dg.AssetsDefinition:
    """Return the asset of an import.

    A feed that cannot be had is asked again `retries` times: other than a folder, which is looked
    at again in five minutes, its next start may be a day away.
    """
    with warnings.catch_warnings():
        # A single run for many files is what makes a folder of them affordable; it is in beta.
        warnings.simplefilter("ignore", dg.BetaWarning)
        decorate = dg.asset(
            key=import_key(definition.name),
            group_name=IMPORTS_GROUP,
            partitions_def=dg.DynamicPartitionsDefinition(name=partitions_name(definition)),
            backfill_policy=dg.BackfillPolicy.single_run(),
            check_specs=checks.import_specs(definition),
            description=_description(definition),
            owners=list(definition.spec.owners),
            tags={"kind": definition.table[0], "source": definition.spec.source.word},
            kinds=_kinds(definition),
            deps=_analyses(definition),
            retry_policy=_retry_policy(retries) if definition.spec.source.feed else None,
            metadata=_definition_metadata(definition),
            pool=pool(definition.table),
        )
    if isinstance(definition.spec.source.only, PasteSource):

        def paste(context: dg.AssetExecutionContext, config: PasteConfig) -> Iterator[_Event]:
            yield from _run(context, definition, config.text or None)

        return decorate(paste)

    def files(context: dg.AssetExecutionContext) -> Iterator[_Event]:
        yield from _run(context, definition, None)

    return decorate(files)


def _kinds(definition: Import) -> set[str]:
    return {"sql" if definition.spec.source.word in ("database", "analysis") else "csv", "duckdb"}


def _analyses(definition: Import) -> list[dg.AssetKey]:
    """Return the analysis of this project that the import reads, if it does."""
    analysis = definition.spec.source.analysis
    return [analysis_key(analysis.name)] if analysis and analysis.project is None else []


def _retry_policy(retries: int) -> dg.RetryPolicy:
    return dg.RetryPolicy(
        max_retries=retries, delay=FEED_RETRY_SECONDS, backoff=dg.Backoff.EXPONENTIAL
    )


def _description(definition: Import) -> str:
    relative = definition.file.relative_to(definition.project.root)
    told = definition.spec.description or ""
    return f"{told}\n\nDefined in `{relative}`.".strip()


def _definition_metadata(definition: Import) -> dict[str, Any]:
    reference = dg.LocalFileCodeReference(file_path=str(definition.file), line_number=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        return {
            "definition": dg.MetadataValue.md(
                f"```yaml\n{definition.file.read_text(encoding='utf-8')}\n```"
            ),
            "dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[reference]),
        }


@dataclass(frozen=True)
class _Failed:
    """A delivery that was not imported; `final` where another try would not help."""

    sentence: str
    final: bool


def _run(
    context: dg.AssetExecutionContext, definition: Import, text: str | None
) -> Iterator[_Event]:
    """Import every partition of the run; raise Failure at the end if any was not imported.

    Dagster would mark all partitions of a run alike, so when one fails, the others report their
    own materialization before the step is failed. What an interrupted run left comes first, since
    the deliveries of this run may overwrite it.
    """
    alive.hold(definition.project, context.run.run_id)
    warehouse = Warehouse(definition.project.warehouse_path, log=context.log.info)
    replays = _replays(context, definition, warehouse)
    earlier = [
        one
        for one in left_over.apply(context, [definition], warehouse, besides=replays.values())
        if one.delivery.key not in context.partition_keys or one.is_replay
    ]
    delivered: list[Delivered] = []
    failed: list[_Failed] = []
    log = _Log(context.log)
    source = definition.spec.source
    # What lies elsewhere takes its time, and its server may be down; others are not to wait for it.
    elsewhere = source.feed is not None or source.connection is not None
    with nullcontext() if elsewhere else warehouse.kept_open():
        for key, one in _outcomes(context, definition, warehouse, replays, text):
            # Whatever the error is, the neighbours go on.
            if isinstance(one, WarehouseError):
                warehouse.wait_seconds = _SECOND_WAIT_SECONDS
            if isinstance(one, Exception):
                log.flush()
                failed.append(_failed(context, definition, key, one))
            else:
                log.add(metadata.summary(one))
                delivered.append(one)
    log.flush()
    told, results = _told(definition, warehouse, [*earlier, *delivered], failed)
    if failed:
        yield from _reported(context, told)
        yield from results
        raise dg.Failure(
            description=_failure(failed, len(delivered)),
            allow_retries=not all(one.final for one in failed),
        )
    yield from _reported(context, told[: len(earlier)])
    for key, values in told[len(earlier) :]:
        context.add_asset_metadata(values, partition_key=key)
    yield dg.MaterializeResult(check_results=results)


class _Log:
    """Says what became of deliveries: of small ones, of several in an entry.

    To Dagster, an entry is a row of its database, which takes a tenth of the time of an import.
    """

    def __init__(self, log: dg.DagsterLogManager) -> None:
        self._log = log
        self._waiting: list[str] = []
        self._since = time.monotonic()

    def add(self, sentence: str) -> None:
        """Say it soon."""
        self._waiting.append(sentence)
        if len(self._waiting) == _LOG_LINES or time.monotonic() - self._since > _LOG_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Say what was not said yet."""
        if self._waiting:
            self._log.info("\n".join(self._waiting))
        self._waiting.clear()
        self._since = time.monotonic()


def _told(
    definition: Import,
    warehouse: Warehouse,
    delivered: Sequence[Delivered],
    failed: Sequence[_Failed],
) -> tuple[list[tuple[str, dict[str, Any]]], list[dg.AssetCheckResult]]:
    """Return the key and the metadata of each delivery, and the checks over all of them."""
    with warehouse.read() as connection:
        told = [
            (one.delivery.key, metadata.of_delivery(connection, definition, one))
            for one in delivered
        ]
        sentences = [one.sentence for one in failed]
        return told, checks.of_import(connection, definition, delivered, sentences)


def _replays(
    context: dg.AssetExecutionContext, definition: Import, warehouse: Warehouse
) -> dict[str, str]:
    """Return the batches that a run replays by the key of their delivery; it imports none then."""
    batch_ids = context.run.tags.get(REPLAY_TAG, "").split()
    return keys_of(definition, batch_ids, warehouse) if batch_ids else {}


def _failed(
    context: dg.AssetExecutionContext, definition: Import, key: str, error: Exception
) -> _Failed:
    """Log why a delivery was not imported, in a sentence that begins with its key."""
    if isinstance(error, ImportAssetsError):
        sentence = failing.sentence(error, masked=definition.project.spec.mask_rejects)
        if not sentence.startswith(f"{key}:"):
            sentence = f"{key}: {sentence}"
        context.log.error(sentence)
    else:
        sentence = f"{key}: failed unexpectedly: {type(error).__name__}: {error}"
        context.log.error(sentence, exc_info=error)
    return _Failed(sentence, final=isinstance(error, FileRefused | UnknownName))


def _outcomes(
    context: dg.AssetExecutionContext,
    definition: Import,
    warehouse: Warehouse,
    replays: Mapping[str, str],
    text: str | None,
) -> Iterator[tuple[str, Delivered | Exception]]:
    """Yield what becomes of each partition of the run, or why nothing does."""
    shared = connections(definition.project)
    progress = partial(_progress_log, context)

    def find(key: str) -> tuple[Storage, Delivery]:
        storage = open_source(definition, text, key, connections=shared)
        return storage, retrying(partial(storage.stat, key))

    def from_feed(key: str) -> Delivered:
        feed = open_feed(definition, shared)
        return deliver_feed(definition, feed, key, warehouse, progress=progress(key))

    keys = context.partition_keys
    for key in keys:
        if key in replays:
            yield key, tried(bring_in, definition, replays[key], warehouse)
        elif definition.spec.source.feed is not None:
            yield key, tried(from_feed, key)
    if definition.spec.source.feed is None:
        yield from deliver_each(
            definition,
            [key for key in keys if key not in replays],
            find,
            warehouse,
            slot=context.run.tags.get(SLOT_TAG),
            progress=progress,
        )


def _progress_log(context: dg.AssetExecutionContext, key: str) -> Any:
    """Log progress every few seconds: a log line costs milliseconds."""
    last = time.monotonic()
    watch = WATCH.get()

    def progress(done: int, total: int) -> None:
        nonlocal last
        if watch is not None:
            watch(key, done, total)
        if total and time.monotonic() - last > _PROGRESS_SECONDS:
            last = time.monotonic()
            context.log.info(f"{key}: {done / total:.0%} of {total:,} bytes read")

    return progress


def _reported(
    context: dg.AssetExecutionContext, told: Sequence[tuple[str, dict[str, Any]]]
) -> Iterator[dg.AssetMaterialization]:
    # What is given to `context.log_event` would be lost when the step fails after it.
    for key, values in told:
        yield dg.AssetMaterialization(context.asset_key, partition=key, metadata=values)


def _failure(failed: Sequence[_Failed], imported: int) -> str:
    sentences = [one.sentence for one in failed]
    more = f"\nand {len(sentences) - 20:,} more" if len(sentences) > 20 else ""
    others = f" The other {imported:,} were imported." if imported else ""
    count = counted(len(failed), "delivery was", "deliveries were")
    return f"{count} not imported.{others}\n" + "\n".join(sentences[:20]) + more


def run_assets(definition: Import) -> list[dg.AssetKey]:
    """Return what a run of an import materializes: the import and its table."""
    return [import_key(definition.name), table_key(definition.table)]
