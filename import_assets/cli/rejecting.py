"""`rejects`: the rejected records as a file to mend and import again."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import duckdb

from import_assets.cli.exactjson import encode_list
from import_assets.cli.exits import DONE
from import_assets.cli.output import spooled
from import_assets.cli.replacing import replacing
from import_assets.cli.session import Session, as_utc, unknown
from import_assets.errors import ImportAssetsError, UnknownName
from import_assets.warehouse import ledger, refusals

COLUMNS = ("_file", "_record", "_line", "_column", "_reason", "_message", "_value", "_raw")

_Write = Callable[[IO[bytes], Iterable[dict[str, Any]]], None]

_FETCH = 5_000
_PLAIN_NUMBER = re.compile(r"[-+]?[0-9]+([.,][0-9]+)?")


def rejects(session: Session, name: str, batch: str | None, out: Path | None) -> int:
    """Write the rejects of what an import remembers, or of one batch.

    Raises UnknownName for an import or a batch that there is not.
    """
    if not session.has_warehouse:
        session.definition(name)  # says what is wrong with the name
        chosen, refused = _chosen([], batch), {}
        show = _prepared(session, (), out)
    else:
        with session.reading() as connection:
            entries = ledger.entries(connection, name)
            refused = refusals.of_import(connection, name)
            if not entries and not refused:
                session.definition(name)
            chosen = _chosen(entries, batch)
            show = _prepared(session, _records(connection, chosen), out)
    show()
    rejected = sum(entry.counts.rejected for entry in chosen)
    where = f", written to {out}" if out is not None else ""
    session.output.note(f"{_records_of(rejected)} of {_deliveries(len(chosen))}{where}")
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


def _records(
    connection: duckdb.DuckDBPyConnection, entries: Sequence[ledger.Entry]
) -> Iterator[dict[str, Any]]:
    """Yield the rejected records with their faults, in the order of import.

    They are picked by the sequence of their batch: one that was forgotten and imported again has
    the same id twice.
    """
    applied = {entry.sequence: as_utc(entry.applied_at) for entry in entries}
    names = ("sequence", "batch_id", "file", "record", "line", "faults", "raw")
    connection.execute(
        f"SELECT {', '.join(names)} FROM import_assets.rejects "
        "WHERE list_contains(?, sequence) ORDER BY sequence, record",
        [list(applied)],
    )
    while rows := connection.fetchmany(_FETCH):
        for row in rows:
            record = dict(zip(names, row, strict=True))
            moment = applied[record.pop("sequence")]
            yield {**record, "imported_at": moment}


def _prepared(
    session: Session, records: Iterable[dict[str, Any]], out: Path | None
) -> Callable[[], None]:
    """Take all records in and return the function that prints them, if they are to be printed."""
    write = _write_json if session.output.as_json else _write_csv
    if out is not None:
        _replace(out, records, write)
        return lambda: None
    return spooled(lambda target: write(target, records))


def _replace(out: Path, records: Iterable[dict[str, Any]], write: _Write) -> None:
    try:
        with replacing(out) as file:
            write(file, records)
    except OSError as error:
        raise ImportAssetsError(f"{out} cannot be written: {error.strerror or error}") from error


def _write_json(target: IO[bytes], records: Iterable[dict[str, Any]]) -> None:
    for piece in encode_list(records):
        target.write(piece.encode())


def _write_csv(target: IO[bytes], records: Iterable[dict[str, Any]]) -> None:
    """Write CSV by RFC 4180, in UTF-8, one line a fault."""
    text = io.TextIOWrapper(target, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for record in records:
        for fault in record["faults"]:
            cells = (
                record["file"],
                record["record"],
                record["line"],
                fault["column"],
                fault["reason"],
                fault["message"],
                fault["value"],
                record["raw"],
            )
            writer.writerow([defused(one) if isinstance(one, str) else one for one in cells])
    text.flush()
    text.detach()


def defused(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula.

    What comes from a file may be written by anybody, and `=HYPERLINK(…)` in it would run on the
    machine of whoever opens the list. Numbers, `-5` or `+3.2`, are no formulas and stay.
    """
    risky = text[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{text}" if risky and not _PLAIN_NUMBER.fullmatch(text) else text


def _records_of(number: int) -> str:
    return f"{number:,} rejected record{'' if number == 1 else 's'}"


def _deliveries(number: int) -> str:
    return f"{number:,} {'delivery' if number == 1 else 'deliveries'}"
