"""`rejects`: the rejected records as a file to mend and import again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from import_assets.cli.exits import DONE
from import_assets.cli.session import Session, as_utc, unknown
from import_assets.cli.writing import Write, changes, check_target, csv_of, json_of, put
from import_assets.errors import UnknownName
from import_assets.formats.csvwriter import CsvStyle
from import_assets.warehouse import ledger, refusals
from import_assets.warehouse.extracts import frames

COLUMNS = ("_file", "_record", "_line", "_column", "_reason", "_message", "_value", "_raw")

_FETCH = 5_000
_FAULTS = """
SELECT file, record, line, fault."column", fault.reason, fault.message, fault."value", raw
FROM (
    SELECT *, unnest(faults) AS fault, generate_subscripts(faults, 1) AS place
    FROM import_assets.rejects WHERE list_contains(?, sequence))
ORDER BY sequence, record, place
"""


def rejects(session: Session, name: str, batch: str | None, out: Path | None) -> int:
    """Write the rejects of what an import remembers, or of one batch.

    Raises UnknownName for an import or a batch that there is not.
    """
    check_target(session, out, "--out")
    as_json = session.output.as_json
    if not session.has_warehouse:
        session.definition(name)  # says what is wrong with the name
        chosen, refused = _chosen([], batch), {}
        write = json_of([]) if as_json else csv_of([], COLUMNS, CsvStyle())
        show, written = put(write, out)
    else:
        with session.reading() as connection:
            entries = ledger.entries(connection, name)
            refused = refusals.of_import(connection, name)
            if not entries and not refused:
                session.definition(name)
            chosen = _chosen(entries, batch)
            show, written = put(_writer(connection, chosen, as_json=as_json), out)
    show()
    rejected = sum(entry.counts.rejected for entry in chosen)
    where = f", written to {out}" if out is not None else ""
    session.output.note(f"{_records_of(rejected)} of {_deliveries(len(chosen))}{where}")
    for sentence in changes(written):
        session.output.note(sentence)
    if refused and batch is None:
        session.output.note(
            f"Beside them, {_deliveries(len(refused))} "
            f"{'was' if len(refused) == 1 else 'were'} refused as a whole: see "
            f"`import-assets files {name}`"
        )
    return DONE


def _chosen(entries: Sequence[ledger.Entry], batch: str | None) -> list[ledger.Entry]:
    """Return the batches asked for: those remembered, or the newest of one id."""
    if batch is None:
        return [entry for entry in entries if entry.forgotten_at is None]
    found = [entry for entry in entries if entry.batch_id.startswith(batch)] if batch else []
    ids = dict.fromkeys(entry.batch_id for entry in found)
    if len(ids) > 1:
        raise UnknownName(f"several batches begin with {batch!r}: {', '.join(ids)}")
    if not found:
        newest = [entry.batch_id for entry in reversed(entries)]
        raise unknown("batch", batch, list(dict.fromkeys(newest))[:20])
    return found[-1:]


def _writer(
    connection: duckdb.DuckDBPyConnection, entries: Sequence[ledger.Entry], *, as_json: bool
) -> Write:
    """Return what writes the rejected records in the order of import.

    They are picked by the sequence of their batch: one that was forgotten and imported again has
    the same id twice.
    """
    sequences = [[entry.sequence for entry in entries]]
    if as_json:
        applied = {entry.sequence: as_utc(entry.applied_at) for entry in entries}
        return json_of(_records(connection, sequences, applied))
    # One that mends the file wants its lines as they were, so line breaks stay.
    return csv_of(frames(connection, _FAULTS, sequences), COLUMNS, CsvStyle(defused=True))


def _records(
    connection: duckdb.DuckDBPyConnection,
    sequences: Sequence[Sequence[int]],
    applied: Mapping[int, dt.datetime],
) -> Iterator[dict[str, Any]]:
    """Yield the rejected records, each with its faults."""
    names = ("sequence", "batch_id", "file", "record", "line", "faults", "raw")
    connection.execute(
        f"SELECT {', '.join(names)} FROM import_assets.rejects "
        "WHERE list_contains(?, sequence) ORDER BY sequence, record",
        sequences,
    )
    while rows := connection.fetchmany(_FETCH):
        for row in rows:
            record = dict(zip(names, row, strict=True))
            moment = applied[record.pop("sequence")]
            yield {**record, "imported_at": moment}


def _records_of(number: int) -> str:
    return f"{number:,} rejected record{'' if number == 1 else 's'}"


def _deliveries(number: int) -> str:
    return f"{number:,} {'delivery' if number == 1 else 'deliveries'}"
