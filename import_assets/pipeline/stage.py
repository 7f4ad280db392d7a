"""From the content of a delivery to its staged batch: records → typed rows and rejects."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import polars as pl

from import_assets.ahead import ahead
from import_assets.errors import FileRefused
from import_assets.mapping.identity import canonical_event
from import_assets.mapping.mapping import Mapped, Mapping
from import_assets.pipeline.cells import packed, with_cells
from import_assets.pipeline.content import (
    Content,
    Numbering,
    Part,
    Progress,
    Reader,
    no_progress,
    open_parts,
    part_name,
)
from import_assets.pipeline.fitting import Fitted, fit
from import_assets.pipeline.items import ItemNotes
from import_assets.records import ColumnKind, Records
from import_assets.sources.delivery import Delivery
from import_assets.sources.feeds.base import State
from import_assets.sources.rows import SpooledRows
from import_assets.sources.spool import fetch
from import_assets.sources.storage.base import Storage
from import_assets.spec.loading import Import
from import_assets.spec.models import AttributeType, CatalogKind, EventsKind, VouchersKind
from import_assets.staging.batch import Batch, Staging
from import_assets.staging.digest import digests
from import_assets.staging.manifest import Manifest, Member, batch_id


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
    progress: Progress = no_progress,
) -> Batch:
    """Fetch a delivery and stage its batch; a batch staged before is returned as it is.

    Raises SourceError where a later try can help, FileRefused where the file is not acceptable.
    """
    staging = Staging(definition.project.staging_path)
    staged = staging.find(definition.name, delivery_batch_id(definition, delivery, slot))
    if staged is not None:
        return staged
    limits = definition.project.spec.limits
    with fetch(storage, delivery, definition.project.spool_path, limits.file_bytes) as spooled:
        content = Content(spooled, delivery.key, storage.encoding)
        return write_batch(definition, delivery, content, staging, slot=slot, progress=progress)


@dataclass
class _Counts:
    """What was counted while a batch was written."""

    rows: int = 0
    blank: int = 0


def write_batch(
    definition: Import,
    delivery: Delivery,
    content: Content,
    staging: Staging,
    *,
    slot: str | None = None,
    state: State | None = None,
    progress: Progress = no_progress,
) -> Batch:
    """Write the batch of a delivery whose content lies on this machine.

    `state` is what the feed that it came from wants to know when it is asked again.
    """
    origin = Origin(
        delivery, content.spooled.sha256, content.spooled.size, slot=slot, state=dict(state or {})
    )
    parts = open_parts(definition, content, progress)
    return write_parts(
        definition, origin, parts, staging, whole=isinstance(content.spooled, SpooledRows)
    )


@dataclass(frozen=True)
class Origin:
    """What a batch is made of: a delivery, and what is known of its content.

    Of records that are replayed, `replay_of` is the ledger's sequence of the delivery that they
    came with first, `members` are the files of it that they are of, and `last_record` is the
    highest number among them.
    """

    delivery: Delivery
    sha256: str
    size: int
    slot: str | None = None
    state: State = field(default_factory=dict)
    replay_of: int | None = None
    members: tuple[Member, ...] = ()
    last_record: int = 0


def write_parts(
    definition: Import,
    origin: Origin,
    parts: Iterable[Part],
    staging: Staging,
    *,
    whole: bool = False,
) -> Batch:
    """Write the batch of the records that the parts of a delivery give, at least one part.

    With `whole`, columns that the rules name must not be missing. Raises FileRefused.
    """
    delivery = origin.delivery
    identity = delivery_batch_id(definition, delivery, origin.slot)
    counts = _Counts()
    numbering = Numbering(delivery.key, definition.project.spec.limits.rows)
    members = list(origin.members)
    first: tuple[Reader, Mapping] | None = None
    warnings: list[str] = []
    items = ItemNotes(definition.spec, definition.project.spec.limits.id_bytes)
    with staging.writing(definition.name, identity) as writer:
        for part in parts:
            fitted = fit(definition, part.reader, part_name(delivery.key, part.member))
            mapping = fitted.mapping
            if whole:
                _check_whole(delivery.key, part.reader, mapping)
            first = first or (part.reader, mapping)
            header = first[0].header
            _check_alike(first[0], part, delivery.key)
            if part.member is not None:
                members.append(Member(name=part.member, first_record=numbering.read + 1))
            for mapped, records in ahead(_mapped(part, fitted, numbering)):
                rows = _staged_rows(definition, mapping, mapped, records, header)
                # Members may have their columns in another order; the files of a batch may not.
                rejects = with_cells(mapped.rejects, records, part.reader, header)
                rejects = items.see(mapped, rejects, header)
                writer.write(rows.select(sorted(rows.columns)), rejects)
                counts.rows += mapped.rows.height
                counts.blank += records.blank
            warnings += [*part.reader.warnings, *fitted.warnings()]
        if first is None:
            raise RuntimeError(f"{delivery.key} has no part, which a delivery always has")
        reader, mapping = first
        warnings += items.warnings()
        if not numbering.read and reader.format != "rows":
            warnings.append("there is no record, only names of columns")
        manifest = Manifest(
            batch_id=identity,
            import_name=definition.name,
            table=definition.table,
            key=delivery.key,
            fingerprint=delivery.fingerprint,
            modified=_naive(delivery.modified),
            slot=origin.slot,
            definition_hash=definition.definition_hash,
            sha256=origin.sha256,
            bytes=origin.size,
            format=reader.format,
            row=reader.row,
            delimiter=reader.delimiter,
            encoding=reader.encoding,
            header=reader.header,
            kinds=_kinds(reader),
            members=tuple(members),
            attributes=tuple((a.name, a.type) for a in mapping.attributes),
            identifying=tuple(a.name for a in mapping.attributes if a.identifying),
            identifiers=mapping.identifiers,
            empty=definition.spec.empty_cells,
            product=getattr(definition.spec.kind, "product", False),
            searchable=tuple(getattr(definition.spec.kind, "searchable", ())),
            mode=definition.spec.catalog_mode,
            max_drop=definition.spec.max_drop,
            new_columns=definition.spec.contract == "evolve",
            missing=mapping.missing,
            unmapped=mapping.unmapped,
            warnings=tuple(dict.fromkeys(warnings)),
            state=dict(origin.state),
            read=numbering.read,
            rows=counts.rows,
            rejected=numbering.read - counts.rows,
            blank=counts.blank,
            replay_of=origin.replay_of,
            last_record=origin.last_record,
            staged_at=utc_now(),
        )
        return staging.finish(writer, manifest)


def _kinds(reader: Reader) -> dict[str, ColumnKind]:
    """Return what the columns are that hold no texts, by name."""
    kinds: dict[str, ColumnKind] = {**reader.kinds, **reader.declared}
    return {name: kind for name, kind in kinds.items() if kind != "text"}


def _check_whole(file: str, reader: Reader, mapping: Mapping) -> None:
    """Refuse a query that gives no column of a name that the rules speak of.

    Files may lack columns (M042); what a query gives stands beside the rules and is a mistake.
    """
    if mapping.missing:
        raise FileRefused(
            file,
            "missing_column",
            f"the query gives no column {', '.join(mapping.missing)}, of which the rules speak; it "
            f"gives {', '.join(reader.header[:20])}: mend the query, or `from:` in the definition",
        )


def _check_alike(first: Reader, part: Part, file: str) -> None:
    """Refuse an archive whose members have other columns than the first of them."""
    other = set(first.header) ^ set(part.reader.header)
    if other:
        names = ", ".join(repr(name) for name in sorted(other)[:10])
        raise FileRefused(
            part_name(file, part.member),
            "members_differ",
            "the files of one archive are one delivery and need the same columns; this one and the "
            f"first differ in {names}: choose the files with `members:` in `format`",
        )


def _mapped(part: Part, fitted: Fitted, numbering: Numbering) -> Iterator[tuple[Mapped, Records]]:
    """Yield each block of a part after mapping, and before."""
    # Members are numbered through; parts that are none have the delivery's numbers already.
    before = numbering.read if part.member is not None else 0
    for block in ahead(part.reader):
        records = numbering.numbered(block, before)
        yield fitted.apply(records), records


def _staged_rows(
    definition: Import,
    mapping: Mapping,
    mapped: Mapped,
    records: Records,
    header: Sequence[str],
) -> pl.DataFrame:
    """Add to the typed rows what applying them needs beside the values."""
    rows = mapped.rows
    kind = definition.spec.kind
    if isinstance(kind, EventsKind):
        attributes: list[tuple[str, AttributeType]] = [
            (attribute.name, attribute.type)
            for attribute in mapping.attributes
            if not attribute.excluded
        ]
        canonical = rows.select(canonical_event(attributes, kind.events).alias("text"))["text"]
        rows = rows.with_columns(digests(canonical).alias("_digest"))
    if _table_can_refuse_rows(definition, mapping):
        # Rows that only the table can refuse need their line, raw text and cells for the reject.
        positions = records.record.search_sorted(rows["_row"])
        frame = records.frame
        good = frame if rows.height == frame.height else frame[positions]
        rows = rows.with_columns(
            records.line.gather(positions).alias("_line"),
            pl.Series("_raw", records.raw.take(positions.to_list()), pl.String),
            packed(good, header).alias("_cells"),
        )
    return rows


def _table_can_refuse_rows(definition: Import, mapping: Mapping) -> bool:
    kind = definition.spec.kind
    if isinstance(kind, VouchersKind):
        return True
    return not isinstance(kind, CatalogKind) and len(mapping.identifiers) > 1


def _naive(moment: dt.datetime | None) -> dt.datetime | None:
    return moment.astimezone(dt.UTC).replace(tzinfo=None) if moment else None
