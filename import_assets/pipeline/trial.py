"""Looking before leaping: a dry run is the real run rolled back, a preview its beginning."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from import_assets.errors import FileRefused
from import_assets.mapping.mapping import Mapping
from import_assets.pipeline.content import (
    Content,
    Progress,
    Reader,
    no_progress,
    open_parts,
    part_name,
)
from import_assets.pipeline.deliver import since_of, terms_of
from import_assets.pipeline.fitting import fit
from import_assets.pipeline.stage import utc_now, write_batch
from import_assets.records import ColumnKind, Records
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
    *,
    slot: str | None = None,
    progress: Progress = no_progress,
) -> DryRun:
    """Do all that `deliver` does, but keep nothing: the same code, rolled back at the end."""
    limits = definition.project.spec.limits
    with fetch(storage, delivery, definition.project.spool_path, limits.file_bytes) as spooled:
        content = Content(spooled, delivery.key, storage.encoding)
        return _tried(definition, delivery, content, warehouse, slot=slot, progress=progress)


def dry_run_feed(
    definition: Import,
    feed: Feed,
    key: str,
    warehouse: Warehouse,
    *,
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
        return _tried(definition, pulled.delivery, content, warehouse, progress=progress)


def _tried(
    definition: Import,
    delivery: Delivery,
    content: Content,
    warehouse: Warehouse,
    *,
    slot: str | None = None,
    progress: Progress,
) -> DryRun:
    with tempfile.TemporaryDirectory(prefix="dry-run-") as folder:
        staging = Staging(Path(folder))
        batch = write_batch(definition, delivery, content, staging, slot=slot, progress=progress)
        with warehouse.write() as connection:
            applied, rejects = try_batch(
                connection, batch, definition.project.spec, utc_now(), terms_of(definition)
            )
        return DryRun(applied.counts, applied.already, batch.manifest, rejects)


@dataclass(frozen=True)
class Beginning:
    """The blocks that hold the first records; no more than `looked_at` of them are of account."""

    blocks: Sequence[Records]
    looked_at: int

    @property
    def frame(self) -> pl.DataFrame:
        """The cells of the good records, as they are written."""
        return pl.concat(
            block.frame.filter(block.record <= self.looked_at) for block in self.blocks
        )

    @property
    def rejects(self) -> pl.DataFrame:
        """The records that the format refused."""
        return pl.concat(block.rejects for block in self.blocks).filter(
            pl.col("record") <= self.looked_at
        )


def beginning(reader: Reader, records: int, *, cut: bool = False) -> Beginning:
    """Read the first `records` records, or as many as there are.

    Where the content is `cut` and breaks off somewhere, the last record is not of account: it may
    be half of one. Raises FileRefused like `stage`.
    """
    blocks: list[Records] = []
    whole = -1 if cut else 0
    try:
        for block in reader:
            blocks.append(block)
            whole += block.read
            if whole >= records:
                break
    except FileRefused as error:
        # To a packed file it is damage that it breaks off.
        if not (cut and blocks and error.reason == "damaged_archive"):
            raise
    return Beginning(blocks, min(max(whole, 0), records))


@dataclass(frozen=True)
class Preview:
    """The first records of a delivery as they would be imported, `looked_at` of them.

    `file` is what they are of: the delivery, or in an archive the first file of it. `kinds` are
    those of the columns of `cells`, the records as they are written.
    """

    file: str
    format: str
    row: str
    delimiter: str
    encoding: str
    header: tuple[str, ...]
    mapping: Mapping
    warnings: tuple[str, ...]
    kinds: dict[str, ColumnKind]
    cells: pl.DataFrame
    rows: pl.DataFrame
    rejects: pl.DataFrame
    looked_at: int


def preview(definition: Import, content: Content, records: int, *, cut: bool = False) -> Preview:
    """Map the first `records` records of a delivery's content; nothing is written.

    Of an archive, the first member is what is shown. `cut` says that the content is the beginning
    of the delivery only. Raises FileRefused like `stage`.
    """
    with closing(open_parts(definition, content, cut=cut)) as parts:
        part = next(parts)
        reader = part.reader
        fitted = fit(definition, reader, part_name(content.file, part.member))
        first = beginning(reader, records, cut=cut)
    mapped = [fitted.apply(block) for block in first.blocks]
    return Preview(
        file=part_name(content.file, part.member),
        format=reader.format,
        row=reader.row,
        delimiter=reader.delimiter,
        encoding=reader.encoding,
        header=reader.header,
        mapping=fitted.mapping,
        warnings=(*reader.warnings, *fitted.warnings(whole=False)),
        kinds={**reader.kinds, **reader.declared},
        cells=first.frame,
        rows=pl.concat(one.rows for one in mapped).filter(pl.col("_row") <= first.looked_at),
        rejects=pl.concat(one.rejects for one in mapped).filter(
            pl.col("record") <= first.looked_at
        ),
        looked_at=first.looked_at,
    )
