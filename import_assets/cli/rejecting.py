"""`rejects`: the rejected records as a file to mend and hand back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from import_assets.cli.exits import DONE
from import_assets.cli.session import Session, as_utc, unknown
from import_assets.cli.writing import Write, changes, check_target, csv_of, json_of, put
from import_assets.errors import UnknownName
from import_assets.formats.csvwriter import CsvStyle
from import_assets.pipeline.mended import shown, shown_names
from import_assets.warehouse import ledger, refusals
from import_assets.warehouse import rejects as books
from import_assets.warehouse.extracts import frames
from import_assets.wording import counted

_FIELDS = ("file", "record", "line", "faults", "raw", "cells")


@dataclass(frozen=True)
class _Part:
    """Rejects of one batch: SQL of them, its parameters, and what all of them have in common."""

    sql: str
    parameters: Sequence[Any]
    batch_id: str
    header: tuple[str, ...]
    common: Mapping[str, Any]


def rejects(
    session: Session, name: str, batch: str | None, refused: str | None, out: Path | None
) -> int:
    """Write what is outstanding of an import, or of one batch, or why a delivery was refused.

    Raises UnknownName for an import, a batch or a refused delivery that there is not.
    """
    check_target(session, out, "--out")
    output = session.output
    if not session.has_warehouse:
        session.definition(name)  # says what is wrong with the name
        _choose([], batch)
        show, written = put(_writer(None, [], as_json=output.as_json), out)
        deliveries, turned_down = 0, 0
    else:
        with session.reading() as connection:
            entries = ledger.entries(connection, name)
            turned_down = len(refusals.of_import(connection, name))
            if not entries and not turned_down:
                session.definition(name)
            parts = (
                _of_entries(connection, _choose(entries, batch))
                if refused is None
                else _of_refused(connection, name, refused)
            )
            deliveries = len(parts)
            show, written = put(_writer(connection, parts, as_json=output.as_json), out)
    show()
    where = f", written to {out}" if out is not None else ""
    records = counted(written.rows, "rejected record")
    output.note(f"{records} of {counted(deliveries, 'delivery', 'deliveries')}{where}")
    for sentence in changes(written):
        output.note(sentence)
    if written.rows and refused is None:
        output.note(f"Mended, they go back with: import-assets replay {name} FILE")
    if turned_down and batch is None and refused is None:
        output.note(
            f"Beside them, {counted(turned_down, 'delivery', 'deliveries')} "
            f"{'was' if turned_down == 1 else 'were'} refused as a whole: see "
            f"`import-assets files {name}`"
        )
    return DONE


def _choose(entries: Sequence[ledger.Entry], batch: str | None) -> list[ledger.Entry]:
    """Return the batches asked for: those remembered, or the newest of one id and its replays."""
    if batch is None:
        return [one for one in entries if one.forgotten_at is None and one.undone_at is None]
    named = named_batch(entries, batch)
    # What is left of a delivery's rejects may have come again with its replays.
    return [named, *(one for one in entries if one.replay_of == named.sequence)]


def named_batch(entries: Sequence[ledger.Entry], batch: str) -> ledger.Entry:
    """Return the newest batch of an id, or of one that begins so.

    Raises UnknownName where there is none, or ids of several batches begin so.
    """
    found = [entry for entry in entries if entry.batch_id.startswith(batch)] if batch else []
    ids = dict.fromkeys(entry.batch_id for entry in found)
    if len(ids) > 1:
        raise UnknownName(f"several batches begin with {batch!r}: {', '.join(ids)}")
    if not found:
        newest = [entry.batch_id for entry in reversed(entries)]
        raise unknown("batch", batch, list(dict.fromkeys(newest))[:20])
    return found[-1]


def _of_entries(
    connection: duckdb.DuckDBPyConnection, entries: Sequence[ledger.Entry]
) -> list[_Part]:
    """Return the outstanding rejects of batches that have any, in the order of import.

    They are picked by the sequence of their batch: one that was forgotten and imported again has
    the same id twice.
    """
    counts = books.counts(connection, [entry.sequence for entry in entries])
    sql = (
        f"SELECT {', '.join(_FIELDS)} FROM import_assets.rejects WHERE sequence = ? "
        "AND replayed_in IS NULL ORDER BY record"
    )
    return [
        _Part(
            sql,
            [entry.sequence],
            entry.batch_id,
            entry.header,
            {"batch_id": entry.batch_id, "imported_at": as_utc(entry.applied_at)},
        )
        for entry in entries
        if entry.sequence in counts
    ]


def _of_refused(connection: duckdb.DuckDBPyConnection, name: str, key: str) -> list[_Part]:
    """Return the rejects for which a delivery was refused. Raises UnknownName."""
    rows = connection.execute(
        "SELECT key, batch_id, header FROM import_assets.refused_rejects WHERE import = ? "
        "GROUP BY ALL ORDER BY key",
        [name],
    ).fetchall()
    found = {row[0]: row for row in rows}
    if key not in found:
        raise unknown("delivery that was refused for its rejects", key, found)
    _, batch_id, header = found[key]
    sql = (
        f"SELECT {', '.join(_FIELDS)} FROM import_assets.refused_rejects WHERE import = ? "
        "AND key = ? ORDER BY record"
    )
    return [_Part(sql, [name, key], batch_id, tuple(header), {"batch_id": batch_id})]


def _writer(
    connection: duckdb.DuckDBPyConnection | None, parts: Sequence[_Part], *, as_json: bool
) -> Write:
    """Return what writes the rejected records, as CSV with the columns of all deliveries."""
    if as_json:
        return json_of(record for part in parts for record in _records(connection, part))
    columns = list(dict.fromkeys(name for part in parts for name in part.header))
    rows = (
        shown(frame, part.batch_id, part.header, columns)
        for part in parts
        for frame in _frames(connection, part)
    )
    # One that mends the file wants its lines as they were, so line breaks stay.
    return csv_of(rows, shown_names(columns), CsvStyle(defused=True))


def _records(
    connection: duckdb.DuckDBPyConnection | None, part: _Part
) -> Iterator[Mapping[str, Any]]:
    """Yield the rejected records of a batch, each with its faults and cells."""
    for frame in _frames(connection, part):
        for record in frame.iter_rows(named=True):
            cells = record["cells"]
            named = None if cells is None else dict(zip(part.header, cells, strict=False))
            yield {**record, "cells": named, **part.common}


def _frames(connection: duckdb.DuckDBPyConnection | None, part: _Part) -> Iterator[pl.DataFrame]:
    return iter(()) if connection is None else frames(connection, part.sql, part.parameters)
