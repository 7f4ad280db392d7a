"""The way of the data: delivery → records → typed rows and rejects → staged batch → table.

A preview, a dry run and a real run all go this way; they differ in how far.
"""

from __future__ import annotations

import datetime as dt
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

import polars as pl

from import_assets.errors import FileRefused
from import_assets.formats.csv import CsvReader, open_csv
from import_assets.mapping.identity import canonical_event
from import_assets.mapping.mapping import Mapped, Mapping
from import_assets.records import Records
from import_assets.sources.delivery import Delivery
from import_assets.sources.spool import fetch
from import_assets.sources.storage.base import Storage
from import_assets.spec.loading import Import
from import_assets.spec.models import AttributeType, CatalogKind, EventsKind, VouchersKind
from import_assets.staging.batch import Batch, Staging
from import_assets.staging.digest import digests
from import_assets.staging.manifest import Manifest, batch_id
from import_assets.tables.apply import Applied, apply_batch, try_batch
from import_assets.tables.outcome import Counts
from import_assets.warehouse import ledger, refusals
from import_assets.warehouse.warehouse import Warehouse

Progress = Callable[[int, int], None]
"""Called with the bytes read so far and the bytes in all."""


def _no_progress(_done: int, _total: int) -> None:
    pass


def utc_now() -> dt.datetime:
    """Return the present time as naive UTC, as the warehouse keeps it."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def delivery_batch_id(definition: Import, delivery: Delivery, slot: str | None = None) -> str:
    """Return the id of the batch that this delivery gives under this definition."""
    return batch_id(
        definition.name, delivery.key, delivery.fingerprint, definition.definition_hash, slot
    )


def stage(
    definition: Import,
    storage: Storage,
    delivery: Delivery,
    slot: str | None = None,
    progress: Progress = _no_progress,
) -> Batch:
    """Fetch a delivery and stage its batch; a batch staged before is returned as it is.

    Raises SourceError where a later try can help, FileRefused where the file is not acceptable.
    """
    staging = Staging(definition.project.staging_path)
    staged = staging.find(definition.name, delivery_batch_id(definition, delivery, slot))
    return staged or _write_batch(
        definition, storage, delivery, staging=staging, slot=slot, progress=progress
    )


def _write_batch(
    definition: Import,
    storage: Storage,
    delivery: Delivery,
    *,
    staging: Staging,
    slot: str | None,
    progress: Progress,
) -> Batch:
    identity = delivery_batch_id(definition, delivery, slot)
    limits = definition.project.spec.limits
    with (
        fetch(storage, delivery, definition.project.spool_path, limits.file_bytes) as spooled,
        staging.writing(definition.name, identity) as writer,
        spooled.path.open("rb") as stream,
    ):
        counted = _Counted(stream, spooled.size, progress)
        reader = _open(definition, counted, delivery.key, storage.encoding)
        mapping = _mapping(definition, reader, delivery.key)
        read = rows = blank = 0
        for records in reader:
            mapped = mapping.apply(records)
            writer.write(_staged_rows(definition, mapping, mapped, records), mapped.rejects)
            read += records.read
            rows += mapped.rows.height
            blank += records.blank
        manifest = Manifest(
            batch_id=identity,
            import_name=definition.name,
            table=definition.table,
            key=delivery.key,
            fingerprint=delivery.fingerprint,
            modified=_naive(delivery.modified),
            slot=slot,
            definition_hash=definition.definition_hash,
            sha256=spooled.sha256,
            bytes=spooled.size,
            delimiter=reader.delimiter,
            encoding=reader.encoding,
            header=reader.header,
            attributes=tuple((a.name, a.type) for a in mapping.attributes),
            identifiers=mapping.identifiers,
            empty=definition.spec.empty,
            product=getattr(definition.spec.kind, "product", False),
            searchable=tuple(getattr(definition.spec.kind, "searchable", ())),
            missing=mapping.missing,
            unmapped=mapping.unmapped,
            warnings=reader.warnings,
            read=read,
            rows=rows,
            rejected=read - rows,
            blank=blank,
            staged_at=utc_now(),
        )
        return staging.finish(writer, manifest)


@dataclass(frozen=True)
class Delivered:
    """What became of one delivery. `manifest` is None where the ledger had it already."""

    delivery: Delivery
    batch_id: str
    counts: Counts
    already: bool
    manifest: Manifest | None
    seconds: float


def deliver(
    definition: Import,
    storage: Storage,
    delivery: Delivery,
    warehouse: Warehouse,
    *,
    slot: str | None = None,
    progress: Progress = _no_progress,
) -> Delivered:
    """Bring one delivery into its table, exactly once.

    A delivery that the ledger has is not read again; its counts are reported. Raises SourceError
    where a later try can help, and FileRefused, which is kept in the books, where it cannot.
    """
    started = time.monotonic()
    identity = delivery_batch_id(definition, delivery, slot)
    with warehouse.read() as connection:
        entry = ledger.applied(connection, identity)
    if entry is not None:
        seconds = time.monotonic() - started
        return Delivered(delivery, identity, entry.counts, True, None, seconds)
    try:
        batch = stage(definition, storage, delivery, slot, progress)
        applied = apply(definition, warehouse, batch)
    except FileRefused as error:
        _keep_refusal(definition, delivery, slot, warehouse, error)
        raise
    seconds = time.monotonic() - started
    return Delivered(delivery, identity, applied.counts, applied.already, batch.manifest, seconds)


def _keep_refusal(
    definition: Import,
    delivery: Delivery,
    slot: str | None,
    warehouse: Warehouse,
    error: FileRefused,
) -> None:
    """Remember a refusal, and drop the batch if it was its table that refused it."""
    staging = Staging(definition.project.staging_path)
    staged = staging.find(definition.name, delivery_batch_id(definition, delivery, slot))
    if staged is not None:
        staging.remove(staged)
    refusal = refusals.from_error(
        error, delivery.key, delivery.fingerprint, definition.definition_hash, utc_now()
    )
    with warehouse.write() as connection:
        refusals.record(connection, definition.name, refusal)


def apply(definition: Import, warehouse: Warehouse, batch: Batch) -> Applied:
    """Apply a staged batch to its table, once, and remove it from the disk."""
    with warehouse.write() as connection:
        applied = apply_batch(connection, batch, definition.project.spec, utc_now())
        refusals.clear(connection, definition.name, batch.manifest.key)
    # Were it kept, a delivery that is forgotten would come back from here unasked.
    Staging(definition.project.staging_path).remove(batch)
    return applied


@dataclass(frozen=True)
class LeftOvers:
    """What became of batches that an interrupted run had left staged."""

    delivered: tuple[Delivered, ...] = ()
    errors: tuple[Exception, ...] = ()


def apply_pending(definitions: Sequence[Import], warehouse: Warehouse) -> LeftOvers:
    """Apply batches of these imports that were staged but not applied, oldest first.

    They are what an interrupted run left. One that the table refuses is kept in the books and
    removed, as its own run would have done; one that fails otherwise stays where it is, and stops
    nothing. One that was applied already, or was staged under a definition that has changed since,
    is removed: its delivery will be read again if need be.
    """
    by_name = {definition.name: definition for definition in definitions}
    staged = _staged(by_name)
    if not staged:
        return LeftOvers()
    with warehouse.read() as connection:
        applied = [ledger.applied(connection, one.manifest.batch_id) is not None for one in staged]
    delivered: list[Delivered] = []
    errors: list[Exception] = []
    for batch, is_applied in zip(staged, applied, strict=True):
        definition = by_name[batch.manifest.import_name]
        if is_applied or batch.manifest.definition_hash != definition.definition_hash:
            Staging(definition.project.staging_path).remove(batch)
            continue
        try:
            one = _apply_left_over(definition, warehouse, batch)
        except Exception as error:  # whatever it is, the table goes on without it
            errors.append(error)
        else:
            delivered += [] if one.already else [one]
    return LeftOvers(tuple(delivered), tuple(errors))


def _staged(by_name: dict[str, Import]) -> list[Batch]:
    roots = {definition.project.staging_path for definition in by_name.values()}
    batches = [batch for root in roots for batch in Staging(root).all()]
    return [batch for batch in batches if batch.manifest.import_name in by_name]


def _delivery_of(batch: Batch) -> Delivery:
    manifest = batch.manifest
    modified = (manifest.modified or manifest.staged_at).replace(tzinfo=dt.UTC)
    return Delivery(manifest.key, manifest.fingerprint, manifest.bytes, modified)


def _apply_left_over(definition: Import, warehouse: Warehouse, batch: Batch) -> Delivered:
    started = time.monotonic()
    manifest, delivery = batch.manifest, _delivery_of(batch)
    try:
        applied = apply(definition, warehouse, batch)
    except FileRefused as error:
        _keep_refusal(definition, delivery, manifest.slot, warehouse, error)
        raise
    seconds = time.monotonic() - started
    return Delivered(
        delivery, manifest.batch_id, applied.counts, applied.already, manifest, seconds
    )


@dataclass(frozen=True)
class DryRun:
    """What a delivery would do: its counts and its batch's facts and rejects."""

    counts: Counts
    already: bool
    manifest: Manifest
    rejects: pl.DataFrame


def dry_run(
    definition: Import,
    storage: Storage,
    delivery: Delivery,
    warehouse: Warehouse,
    progress: Progress = _no_progress,
) -> DryRun:
    """Do all that `deliver` does, but keep nothing: the same code, rolled back at the end."""
    with tempfile.TemporaryDirectory(prefix="dry-run-") as folder:
        batch = _write_batch(
            definition,
            storage,
            delivery,
            staging=Staging(Path(folder)),
            slot=None,
            progress=progress,
        )
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


def preview(
    definition: Import,
    stream: BinaryIO,
    file: str,
    records: int,
    encoding: str | None = None,
) -> Preview:
    """Map the first `records` records of an open file; nothing is written.

    `encoding` is that of the stream where its storage knows it. Raises FileRefused like `stage`.
    """
    reader = _open(definition, stream, file, encoding)
    mapping = _mapping(definition, reader, file)
    block = next(iter(reader), None)
    if block is None:
        block = Records(
            pl.DataFrame(schema=dict.fromkeys(reader.header, pl.String)),
            pl.Series("record", [], pl.Int64),
            pl.Series("line", [], pl.Int64),
            _NoText(),
        )
    mapped = mapping.apply(block)
    return Preview(
        delimiter=reader.delimiter,
        encoding=reader.encoding,
        header=reader.header,
        mapping=mapping,
        warnings=reader.warnings,
        rows=mapped.rows.filter(pl.col("_row") <= records),
        rejects=mapped.rejects.filter(pl.col("record") <= records),
    )


def _open(definition: Import, stream: BinaryIO, file: str, encoding: str | None) -> CsvReader:
    csv = definition.spec.format.csv
    if encoding is not None:
        csv = csv.model_copy(update={"encoding": encoding})
    return open_csv(stream, csv, definition.project.spec.limits, file)


def _mapping(definition: Import, reader: CsvReader, file: str) -> Mapping:
    return Mapping.build(
        definition.spec, definition.project.spec, definition.timezone, reader.header, file
    )


def _staged_rows(
    definition: Import, mapping: Mapping, mapped: Mapped, records: Records
) -> pl.DataFrame:
    """Add to the typed rows what applying them needs beside the values."""
    rows = mapped.rows
    kind = definition.spec.kind
    if isinstance(kind, EventsKind):
        attributes: list[tuple[str, AttributeType]] = [
            (attribute.name, attribute.type) for attribute in mapping.attributes
        ]
        canonical = rows.select(canonical_event(attributes, kind.events).alias("text"))["text"]
        rows = rows.with_columns(digests(canonical).alias("_digest"))
    if _table_can_refuse_rows(definition, mapping):
        # Rows that only the table can refuse need their line and raw text for the reject.
        positions = records.record.search_sorted(rows["_row"])
        rows = rows.with_columns(
            records.line.gather(positions).alias("_line"),
            pl.Series("_raw", records.raw.take(positions.to_list()), pl.String),
        )
    return rows


def _table_can_refuse_rows(definition: Import, mapping: Mapping) -> bool:
    kind = definition.spec.kind
    if isinstance(kind, VouchersKind):
        return True
    return not isinstance(kind, CatalogKind) and len(mapping.identifiers) > 1


def _naive(moment: dt.datetime | None) -> dt.datetime | None:
    return moment.astimezone(dt.UTC).replace(tzinfo=None) if moment else None


class _NoText:
    def take(self, rows: object) -> list[str]:
        """Return nothing: there are no records."""
        del rows
        return []


class _Counted(BufferedReader):
    """A stream that tells how much of it was read."""

    def __init__(self, stream: BinaryIO, total: int, progress: Progress) -> None:
        super().__init__(stream)  # pyright: ignore[reportArgumentType]  # any binary stream does
        self._total = total
        self._progress = progress
        self._done = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read and report."""
        data = super().read(size)
        self._done += len(data)
        self._progress(self._done, self._total)
        return data
