"""Rejects that are taken again, as they were or as a person mended them (M100).

What is replayed becomes batches of its own, one for each delivery that the records first came with.
The records keep the file, number and line that they have there, and go through the import's rules
as they are now. A replay is newer than all that was imported before it.

What is refused again is a reject of the replay, and can be replayed again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import polars as pl

from import_assets.errors import FileRefused, UnknownName
from import_assets.pipeline.cells import listed
from import_assets.pipeline.content import Part
from import_assets.pipeline.deliver import Delivered, apply, delivered, not_read, terms_of
from import_assets.pipeline.mended import BATCH, LINE, NUMBER, OF_BATCH, MendedFile
from import_assets.pipeline.reread import readers_of, unlisted
from import_assets.pipeline.stage import Origin, delivery_batch_id, utc_now, write_parts
from import_assets.pipeline.trial import DryRun
from import_assets.sources.delivery import Delivery
from import_assets.spec.loading import Import
from import_assets.staging.batch import Batch, Staging
from import_assets.staging.manifest import Member
from import_assets.tables.apply import try_batch
from import_assets.warehouse import ledger, rejects
from import_assets.warehouse.ledger import Entry
from import_assets.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class Replay:
    """The records of one delivery that are taken again.

    `first` is the delivery in the ledger, `digest` tells what is replayed from anything else.
    `records` has `record`, `line`, `file`, `faults`, `raw` and `cells` as in the books, `cells`
    mended where `changed` is true. There are none where the same was `done` before.
    """

    definition: Import
    first: Entry
    digest: str
    records: pl.DataFrame
    done: Entry | None = None

    @property
    def delivery(self) -> Delivery:
        """What stands for these records as a delivery: the same ones are the same delivery."""
        return Delivery(
            self.first.key,
            f"replay:{self.first.sequence}:{self.digest}",
            int(self.records["raw"].str.len_bytes().sum()),
            (self.first.modified or self.first.applied_at).replace(tzinfo=dt.UTC),
        )

    @property
    def batch_id(self) -> str:
        """The id of the batch that they give under the definition as it is now."""
        return delivery_batch_id(self.definition, self.delivery)

    def staged(self, staging: Staging) -> Batch:
        """Return the batch, and stage it unless it is there.

        Raises:
            FileRefused: the rules do not go with the columns of the delivery.
        """
        found = staging.find(self.definition.name, self.batch_id)
        if found is not None:
            return found
        delivery = self.delivery
        origin = Origin(
            delivery,
            self.digest,
            delivery.size,
            replay_of=self.first.sequence,
            members=self._members,
            last_record=int(self.records["record"][-1]),
        )
        readers = readers_of(self.definition.spec, self.first, self.records)
        parts = (Part(None, reader) for reader in readers)
        return write_parts(self.definition, origin, parts, staging)

    @property
    def _members(self) -> tuple[Member, ...]:
        """The files of an archive that the records are of, each with the first of its records."""
        prefix = f"{self.first.key}!"
        firsts = self.records.group_by("file", maintain_order=True).agg(pl.col("record").min())
        return tuple(
            Member(name=file.removeprefix(prefix), first_record=record)
            for file, record in firsts.iter_rows()
            if file.startswith(prefix)
        )


# --- what is replayed ---------------------------------------------------------------------------


def outstanding(
    connection: duckdb.DuckDBPyConnection, definition: Import, batch: Entry | None
) -> list[Replay]:
    """Return all that is outstanding of an import, or of one of its batches, as it was."""
    found: list[Replay] = []
    for first in _deliveries(connection, definition.name).values():
        if batch is not None and first.sequence != (batch.replay_of or batch.sequence):
            continue
        records = rejects.outstanding(connection, first.sequence)
        if batch is not None:
            records = records.filter(pl.col("sequence") == batch.sequence)
        if records.height:
            whole = records.with_columns(changed=pl.lit(value=False))
            found.append(
                Replay(definition, first, _digest(whole.with_columns(of="sequence")), whole)
            )
    return found


def _deliveries(connection: duckdb.DuckDBPyConnection, name: str) -> dict[int, Entry]:
    """Return the deliveries that have outstanding rejects, by their sequence, oldest first."""
    counts = rejects.outstanding_counts(connection, name)
    return {one.sequence: one for one in ledger.entries(connection, name) if one.sequence in counts}


def _digest(records: pl.DataFrame) -> str:
    """Tell replays apart, also of the same cells: what was rejected again is a reject of another.

    `of` says which batch a record is outstanding of.
    """
    raw = pl.when(pl.col("cells").is_null()).then("raw").alias("raw")
    content = io.BytesIO()
    records.select("record", "of", "cells", raw).write_ndjson(content)
    return hashlib.sha256(content.getbuffer()).hexdigest()


def handed_back(
    connection: duckdb.DuckDBPyConnection, definition: Import, mended: MendedFile
) -> list[Replay]:
    """Return what a file of mended rejects holds, by the delivery that it is of.

    Raises:
        FileRefused: a line of the file is of no record that is outstanding, or lacks a column.
    """
    entries = ledger.entries(connection, definition.name)
    remembered = {
        one.batch_id: one for one in entries if one.forgotten_at is None and one.undone_at is None
    }
    _check_batches(connection, mended, remembered, definition.name)
    _check_columns(mended, remembered.values())
    firsts = {one.sequence: one for one in entries}
    sequences = {key: one.replay_of or one.sequence for key, one in remembered.items()}
    of_batch = pl.Series(mended.rows[OF_BATCH].replace_strict(sequences, default=None))
    return [
        _of_delivery(connection, definition, firsts[sequence], mended, of_batch == sequence)
        for sequence in sorted(of_batch.unique().to_list())
    ]


def _of_delivery(
    connection: duckdb.DuckDBPyConnection,
    definition: Import,
    first: Entry,
    mended: MendedFile,
    chosen: pl.Series,
) -> Replay:
    """Return those rows of a file that are of one delivery."""
    rows = mended.rows.filter(chosen).sort(NUMBER)
    _check_cells(mended, rows, first)
    given = pl.DataFrame(
        {
            "record": rows[NUMBER],
            "of": rows[OF_BATCH],
            "line": rows[LINE],
            "given": listed(rows, first.header),
        }
    )
    digest = _digest(given.select("record", "of", pl.col("given").alias("cells"), raw=pl.lit("")))
    nothing = rejects.outstanding(connection, -1).with_columns(changed=pl.lit(value=False))
    replay = Replay(definition, first, digest, nothing)
    done = ledger.applied(connection, replay.batch_id)
    if done is not None:
        return replace(replay, done=done)
    books = rejects.outstanding(connection, first.sequence)
    _check_records(mended, rows, books, connection)
    found = given.select("record", "given").join(books, on="record", how="left")
    return replace(replay, records=_mended(found.sort("record"), first.header))


def _mended(found: pl.DataFrame, header: Sequence[str]) -> pl.DataFrame:
    """Return records with the cells that are `given`, and those that are not changed as they were.

    Spreadsheets write line breaks inside a cell in their own way, which is no change.
    """
    were, given = unlisted(found["cells"], header), unlisted(found["given"], header)
    same = [
        _one_break(were[name]).eq_missing(_one_break(given[name])).alias(str(at))
        for at, name in enumerate(header)
    ]
    cells = [
        pl.select(pl.when(one).then(were[name]).otherwise(given[name])).to_series().alias(name)
        for one, name in zip(same, header, strict=True)
    ]
    changed = ~pl.DataFrame(same).select(pl.all_horizontal(pl.all())).to_series()
    unknown = found["cells"].is_null() & ~changed
    lists = listed(pl.DataFrame(cells), header)
    return found.with_columns(
        changed=changed, cells=pl.select(pl.when(~unknown).then(lists)).to_series()
    ).drop("given")


def _one_break(texts: pl.Series) -> pl.Series:
    return texts.str.replace_all(r"\r\n|\r", "\n")


# --- what cannot be replayed --------------------------------------------------------------------


def _check_batches(
    connection: duckdb.DuckDBPyConnection,
    mended: MendedFile,
    remembered: Mapping[str, Entry],
    name: str,
) -> None:
    wrong = mended.rows.filter(~pl.col(OF_BATCH).is_in(list(remembered)))
    if not wrong.height:
        return
    line, batch = int(wrong[LINE][0]), str(wrong[OF_BATCH][0])
    if batch in rejects.refused_batches(connection, name):
        raise FileRefused(
            mended.file,
            "unknown_record",
            f"the delivery of batch {batch!r} was refused as a whole, so nothing of it is imported "
            "yet: mend its file, and import that",
            line,
        )
    raise FileRefused(
        mended.file,
        "unknown_record",
        f"{name} remembers no batch {batch!r}: leave {BATCH} as `import-assets rejects {name}` "
        "wrote it, or take the line out; a delivery that was forgotten or undone is imported anew",
        line,
    )


def _check_columns(mended: MendedFile, entries: Iterable[Entry]) -> None:
    known = {column for entry in entries for column in entry.header}
    foreign = [name for name in mended.columns if name not in known]
    if foreign:
        raise FileRefused(
            mended.file,
            "unknown_column",
            f"no delivery has a column {foreign[0]!r}: take it out, or give it its name back",
            1,
        )


def _check_cells(mended: MendedFile, rows: pl.DataFrame, first: Entry) -> None:
    missing = [name for name in first.header if name not in mended.columns]
    if missing:
        raise FileRefused(
            mended.file,
            "missing_column",
            f"there is no column {missing[0]!r}, which {first.key} has: put it back, with the "
            "cells that `import-assets rejects` writes",
            1,
        )
    for name in mended.columns:
        filled = rows.filter(rows[name].is_not_null())
        if name not in first.header and filled.height:
            raise FileRefused(
                mended.file,
                "unknown_column",
                f"{first.key} has no column {name!r}: empty the cell",
                int(filled[LINE][0]),
            )


def _check_records(
    mended: MendedFile,
    rows: pl.DataFrame,
    books: pl.DataFrame,
    connection: duckdb.DuckDBPyConnection,
) -> None:
    doubled = rows.filter(~pl.Series(rows[NUMBER].is_first_distinct()))
    if doubled.height:
        raise FileRefused(
            mended.file,
            "unknown_record",
            f"record {doubled[NUMBER][0]:,} of batch {doubled[OF_BATCH][0]} stands in the file "
            "twice: take one of the lines out",
            int(doubled[LINE][0]),
        )
    entries = ledger.of_sequences(connection, books["sequence"].unique().to_list())
    batches = {one.sequence: one.batch_id for one in entries}
    known = books.select(
        pl.col("record").alias(NUMBER),
        pl.col("sequence")
        .replace_strict(batches, default=None, return_dtype=pl.String)
        .alias(OF_BATCH),
    )
    gone = rows.join(known, on=[NUMBER, OF_BATCH], how="anti").sort(LINE)
    if gone.height:
        raise FileRefused(
            mended.file,
            rejects.REPLAYED,
            f"record {gone[NUMBER][0]:,} of batch {gone[OF_BATCH][0]} is no outstanding reject: it "
            "was replayed before, or never rejected. Take the line out, or begin with what "
            "`import-assets rejects` writes now",
            int(gone[LINE][0]),
        )


# --- replaying ----------------------------------------------------------------------------------


def dry_run(replay: Replay, warehouse: Warehouse) -> DryRun:
    """Do all that a replay does, but keep nothing. Raises FileRefused like `bring_in`."""
    definition = replay.definition
    with TemporaryDirectory(prefix="dry-run-") as folder:
        batch = replay.staged(Staging(Path(folder)))
        with warehouse.write() as connection:
            applied, refused = try_batch(
                connection, batch, definition.project.spec, utc_now(), terms_of(definition)
            )
        return DryRun(applied.counts, applied.already, batch.manifest, refused)


def bring_in(definition: Import, batch_id: str, warehouse: Warehouse) -> Delivered:
    """Apply a replay that was staged, exactly once.

    Raises:
        UnknownName: there is no such replay.
        FileRefused: its records are not outstanding any more, or its table refuses it.
    """
    started = time.monotonic()
    staging = Staging(definition.project.staging_path)
    with warehouse.read() as connection:
        entry = ledger.applied(connection, batch_id)
    if entry is not None:
        return not_read(entry.key, entry, started)
    batch = staging.find(definition.name, batch_id)
    if batch is None:
        raise _not_staged(definition, batch_id)
    try:
        return delivered(batch, apply(definition, warehouse, batch), started)
    except FileRefused:
        # The rejects stay what they were, and outstanding: there is nothing to be remembered.
        staging.remove(batch)
        raise


def keys_of(definition: Import, batch_ids: Sequence[str], warehouse: Warehouse) -> dict[str, str]:
    """Return replays by the key of the delivery that their records came with first.

    Raises:
        UnknownName: one is neither staged nor applied.
    """
    staging = Staging(definition.project.staging_path)
    found: dict[str, str] = {}
    with warehouse.read() as connection:
        for batch_id in batch_ids:
            batch = staging.find(definition.name, batch_id)
            known = batch.manifest if batch else ledger.applied(connection, batch_id)
            if known is None:
                raise _not_staged(definition, batch_id)
            found[known.key] = batch_id
    return found


def _not_staged(definition: Import, batch_id: str) -> UnknownName:
    return UnknownName(
        f"nothing is staged to be replayed as batch {batch_id}: start it again with "
        f"`import-assets replay {definition.name}`"
    )
