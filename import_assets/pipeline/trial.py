"""Looking before leaping: a dry run is the real run rolled back, a preview its beginning."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from import_assets.mapping.mapping import Mapping
from import_assets.pipeline.content import Content, Progress, no_progress, open_parts, part_name
from import_assets.pipeline.deliver import since_of
from import_assets.pipeline.stage import mapping_of, utc_now, write_batch
from import_assets.sources.delivery import Delivery
from import_assets.sources.feeds.base import Feed
from import_assets.sources.spool import fetch
from import_assets.sources.storage.base import Storage
from import_assets.spec.loading import Import
from import_assets.staging.batch import Staging
from import_assets.staging.manifest import Manifest
from import_assets.tables.apply import try_batch
from import_assets.tables.outcome import Counts
from import_assets.warehouse import ledger
from import_assets.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class DryRun:
    """What a delivery would do: its counts and its batch's facts and rejects.

    `manifest` is None where a feed has nothing new.
    """

    counts: Counts
    already: bool
    manifest: Manifest | None
    rejects: pl.DataFrame


def dry_run(
    definition: Import,
    storage: Storage,
    delivery: Delivery,
    warehouse: Warehouse,
    progress: Progress = no_progress,
) -> DryRun:
    """Do all that `deliver` does, but keep nothing: the same code, rolled back at the end."""
    limits = definition.project.spec.limits
    with fetch(storage, delivery, definition.project.spool_path, limits.file_bytes) as spooled:
        content = Content(spooled, delivery.key, storage.encoding)
        return _tried(definition, delivery, content, warehouse, progress)


def dry_run_feed(
    definition: Import,
    feed: Feed,
    key: str,
    warehouse: Warehouse,
    progress: Progress = no_progress,
) -> DryRun:
    """Do all that `deliver_feed` does, but keep nothing."""
    with warehouse.read() as connection:
        since = ledger.last(connection, definition.name)
    limits, spool = definition.project.spec.limits, definition.project.spool_path
    with feed.pull(key, since_of(since), spool, limits) as pulled:
        if pulled is None:
            return DryRun(Counts(), True, None, pl.DataFrame())
        content = Content(pulled.content, key)
        return _tried(definition, pulled.delivery, content, warehouse, progress)


def _tried(
    definition: Import,
    delivery: Delivery,
    content: Content,
    warehouse: Warehouse,
    progress: Progress,
) -> DryRun:
    with tempfile.TemporaryDirectory(prefix="dry-run-") as folder:
        staging = Staging(Path(folder))
        batch = write_batch(definition, delivery, content, staging, progress=progress)
        with warehouse.write() as connection:
            applied, rejects = try_batch(connection, batch, definition.project.spec, utc_now())
        return DryRun(applied.counts, applied.already, batch.manifest, rejects)


@dataclass(frozen=True)
class Preview:
    """The first records of a delivery as they would be imported."""

    delimiter: str
    encoding: str
    header: tuple[str, ...]
    mapping: Mapping
    warnings: tuple[str, ...]
    rows: pl.DataFrame
    rejects: pl.DataFrame


def preview(definition: Import, content: Content, records: int) -> Preview:
    """Map the first `records` records of a delivery's content; nothing is written.

    Of an archive, the first member is what is shown. Raises FileRefused like `stage`.
    """
    with closing(open_parts(definition, content)) as parts:
        part = next(parts)
        reader = part.reader
        mapping = mapping_of(definition, reader, part_name(content.file, part.member))
        mapped = mapping.apply(next(iter(reader)))
    return Preview(
        delimiter=reader.delimiter,
        encoding=reader.encoding,
        header=reader.header,
        mapping=mapping,
        warnings=reader.warnings,
        rows=mapped.rows.filter(pl.col("_row") <= records),
        rejects=mapped.rejects.filter(pl.col("record") <= records),
    )
