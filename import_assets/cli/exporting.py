"""`export`: a table as a CSV file, or as JSON."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from import_assets.cli.exits import DONE
from import_assets.cli.readers import QueryError, check_reads, shut
from import_assets.cli.session import Session, unknown
from import_assets.cli.showing import find_table
from import_assets.cli.writing import Write, changes, check_target, csv_of, json_of, put
from import_assets.errors import ImportAssetsError
from import_assets.formats.csvwriter import CsvStyle, LineBreaks
from import_assets.spec.models import Identifier
from import_assets.spec.names import LINEAGE
from import_assets.warehouse.extracts import Extract, as_it_is, for_import, frames, torn_apart
from import_assets.wording import counted

Reader = Literal["programs", "spreadsheet", "import"]
"""Who reads an export, on which depends how it is written where nothing else is said."""

_FETCH = 10_000
_SORTING_MEMORY = "512MB"
"""What DuckDB takes of its own accord is most of the machine; beyond this it sorts on disk."""


@dataclass(frozen=True)
class Wanted:
    """What of a table is wanted, and how it is written."""

    columns: str | None = None
    where: str | None = None
    lineage: bool = False
    reader: Reader = "programs"
    line_breaks: LineBreaks | None = None
    byte_order_mark: bool = False

    @property
    def style(self) -> CsvStyle:
        """How values are written: an import takes them all, a spreadsheet would run some."""
        person = self.reader == "spreadsheet"
        return CsvStyle(
            line_breaks=self.line_breaks or ("keep" if self.reader == "import" else "space"),
            defused=person,
            byte_order_mark=self.byte_order_mark or person,
        )


def export(session: Session, label: str, out: Path | None, wanted: Wanted) -> int:
    """Write a table.

    Raises:
        UnknownName: there is no such table or column.
        QueryError: the condition is none, or cannot be asked of the table.
        ImportAssetsError: the file cannot be written.
        WarehouseError: there is no warehouse, or it is not one of ours.
    """
    check_target(session, out, "--out")
    identifiers = session.project.spec.identifiers
    with session.reading() as connection:
        table = find_table(connection, label).table
        connection.execute(f"SET memory_limit = '{_SORTING_MEMORY}'")
        shut(connection)
        try:
            extract = _extract(connection, table, identifiers, wanted)
            names = _names(extract, wanted, label)
            write = _writer(connection, extract, names, wanted, as_json=session.output.as_json)
            show, written = put(write, out)
            torn = _torn(connection, table, identifiers, wanted)
        except duckdb.Error as error:
            if wanted.where is None:
                raise
            raise _no_condition(wanted.where, error) from error
    show()
    rows = counted(written.rows, "row")
    where = "" if out is None else f", written to {out}"
    for sentence in (f"{rows} of {label}{where}", *changes(written), *_about_torn(torn)):
        session.output.note(sentence)
    return DONE


def _extract(
    connection: duckdb.DuckDBPyConnection,
    table: tuple[str, ...],
    identifiers: Mapping[str, Identifier],
    wanted: Wanted,
) -> Extract:
    if wanted.where is not None:
        _check_condition(connection, wanted.where)
    if wanted.reader == "import":
        return for_import(connection, table, identifiers, wanted.where)
    return as_it_is(connection, table, wanted.where)


def _check_condition(connection: duckdb.DuckDBPyConnection, text: str) -> None:
    """Raise QueryError or duckdb.Error unless a text is one expression of SQL that only reads.

    What closes the bracket that it stands in, to go on with something else, does not close another
    kind of bracket.
    """
    for opening, closing in ("()", "[]"):
        check_reads(connection, f"SELECT {opening}{text}\n{closing}")


def _no_condition(text: str, error: duckdb.Error) -> QueryError:
    return QueryError(
        f"--where {text!r} cannot be asked: write a condition over the columns of the table, such "
        f"as `total > 10 AND currency = 'EUR'` ({str(error).strip()})"
    )


def _names(extract: Extract, wanted: Wanted, label: str) -> list[str]:
    """Return the columns that are wanted; raises UnknownName for one that there is not."""
    lineage = [name for name in extract.columns if name in LINEAGE]
    names = [name for name in extract.columns if name not in LINEAGE]
    if wanted.columns is not None:
        names = _listed(wanted.columns)
        for name in names:
            if name not in extract.columns:
                raise unknown(f"column of {label}", name, extract.columns)
    return [*names, *(name for name in lineage if wanted.lineage and name not in names)]


def _listed(text: str) -> list[str]:
    """Return names from between commas; one that holds a comma stands in quotes."""
    names = [name.strip() for name in next(csv.reader([text], skipinitialspace=True), [])]
    if not names:
        raise ImportAssetsError("--columns names no column: leave it out to have all of them")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ImportAssetsError(f"--columns names {twice} twice: name each column once")
    return names


def _writer(
    connection: duckdb.DuckDBPyConnection,
    extract: Extract,
    names: Sequence[str],
    wanted: Wanted,
    *,
    as_json: bool,
) -> Write:
    sql = extract.sql(names)
    if as_json:
        return json_of(_records(connection, sql, names))
    return csv_of(frames(connection, sql), names, wanted.style)


def _records(
    connection: duckdb.DuckDBPyConnection, sql: str, names: Sequence[str]
) -> Iterator[dict[str, Any]]:
    connection.execute(sql)
    while rows := connection.fetchmany(_FETCH):
        for row in rows:
            yield dict(zip(names, row, strict=True))


def _torn(
    connection: duckdb.DuckDBPyConnection,
    table: tuple[str, ...],
    identifiers: Mapping[str, Identifier],
    wanted: Wanted,
) -> int:
    if wanted.reader != "import" or table != ("customers",):
        return 0
    return torn_apart(connection, identifiers, wanted.where)


def _about_torn(number: int) -> Iterator[str]:
    if number:
        yield (
            f"{counted(number, 'customer has', 'customers have')} several values of "
            "one soft identifier and nothing else to be known by: an import makes a customer of "
            "each value"
        )
