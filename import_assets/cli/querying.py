"""`query`: SQL over the tables, reading only."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb

from import_assets.cli.exits import DONE
from import_assets.cli.output import Column
from import_assets.cli.readers import QueryError, check_reads, shut
from import_assets.cli.session import Session

TERMINAL_ROWS = 200
"""Rows that are drawn on a terminal."""

_FETCH = 10_000


def query(session: Session, sql: str) -> int:
    """Print what a statement gives. Raises QueryError, WarehouseError."""
    text = sys.stdin.read() if sql == "-" else sql
    output = session.output
    with session.reading() as connection:
        shut(connection)
        try:
            check_reads(connection, text)
            connection.execute(text)
            description = connection.description or []
        except duckdb.Error as error:
            raise _refusal(error) from error
        names = unique([str(one[0]) for one in description])
        records = _records(connection, names)
        shown = itertools.islice(records, TERMINAL_ROWS) if output.terminal else records
        try:
            show = output.prepared(shown, of=[Column(name, name) for name in names])
            more = output.terminal and next(records, None) is not None
        except duckdb.Error as error:
            raise _refusal(error) from error
    show()
    if more:
        output.note(
            f"These are the first {TERMINAL_ROWS}; say LIMIT, or send the output to a file or a "
            "pager to have all."
        )
    return DONE


def _refusal(error: duckdb.Error) -> QueryError:
    message = str(error).strip()
    if "read-only" in message:
        return QueryError(
            "this would write, and a query only reads: change tables by importing, or open the "
            f"file with DuckDB itself ({message.splitlines()[0]})"
        )
    return QueryError(message)


def _records(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str]
) -> Iterator[dict[str, Any]]:
    while rows := connection.fetchmany(_FETCH):
        for row in rows:
            yield dict(zip(names, row, strict=True))


def unique(names: Sequence[str]) -> list[str]:
    """Return the names with a number added to those that stood before; JSON has each key once."""
    taken: set[str] = set()
    found: list[str] = []
    for name in names:
        numbered = (name, *(f"{name}_{number}" for number in range(1, len(names) + 1)))
        free = next(
            one for one in numbered if one not in taken and (one == name or one not in names)
        )
        taken.add(free)
        found.append(free)
    return found
