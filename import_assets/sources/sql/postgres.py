"""PostgreSQL, by psycopg: a cursor of the server's, in a transaction that may only read.

Values come as the database writes them, except whole and floating numbers and booleans, and are
turned into types column by column: that is faster than value by value, and loses no digit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any, Literal

import psycopg
from psycopg import adapters
from psycopg.types import TypeInfo
from psycopg.types.string import TextLoader
from sqlalchemy import URL
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from import_assets.records import ColumnKind
from import_assets.sources.sql.faults import FaultKind, Faults
from import_assets.sources.sql.session import PLACEHOLDER, Result, Session, blocks
from import_assets.sources.sql.values import SqlColumn

_KINDS: dict[str, ColumnKind] = {
    "int2": "integer",
    "int4": "integer",
    "int8": "integer",
    "oid": "integer",
    "float4": "number",
    "float8": "number",
    "bool": "boolean",
    "numeric": "decimal",
    "date": "date",
    "timestamp": "datetime",
    "timestamptz": "instant",
    "json": "json",
    "jsonb": "json",
}
_LOADED = ("int2", "int4", "int8", "oid", "float4", "float8", "bool")
"""Types whose values the driver shall turn into Python's; all others stay texts."""

_KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
"""So that a server that is gone without a word is noticed within a minute."""

_BY_STATE: dict[str, FaultKind] = {
    "25006": "writes",
    "28000": "login",
    "28P01": "login",
    "3D000": "unknown_database",
    "42501": "denied",
    "57014": "timeout",
    "57P01": "lost",
    "57P02": "lost",
    "57P03": "unreachable",
    "57P05": "lost",
    "53300": "unreachable",
}
_BY_CLASS: dict[str, FaultKind] = {
    "08": "lost",
    "0A": "query",
    "21": "query",
    "22": "query",
    "25": "query",
    "42": "query",
}
_BY_WORDS: tuple[tuple[str, FaultKind], ...] = (
    (r"password authentication failed|no password supplied|authentication failed", "login"),
    (r'role ".*" (does not exist|is not permitted)|no pg_hba.conf entry', "login"),
    (r'database ".*" does not exist', "unknown_database"),
    (r"could not translate host name|failed to resolve host|name resolution", "unknown_host"),
)


class PostgresSession(Session):
    """A connection to PostgreSQL, or to one that speaks like it."""

    def __init__(self, url: URL, connect_timeout: float, faults: Faults) -> None:
        """Connect, and begin a transaction that may only read.

        Args:
            url: with the password.
            connect_timeout: in seconds; PostgreSQL takes whole ones, two at least.
            faults: makes the errors.
        """
        super().__init__(faults)
        _, given = PGDialect_psycopg().create_connect_args(url)
        waiting = {"connect_timeout": max(2, round(connect_timeout))}
        self._cursor: psycopg.ServerCursor[Any] | None = None
        with self._translated():
            self._connection = psycopg.connect(**{**_KEEPALIVE, **waiting, **given})
        try:
            with self._translated():
                self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        connection = self._connection
        connection.read_only = True
        for info in adapters.types:
            if info.name not in _LOADED:
                connection.adapters.register_loader(info.oid, TextLoader)
        settings = {
            "statement_timeout": str(max(1, round(self.faults.timeout * 1_000))),
            "TimeZone": "UTC",
            "DateStyle": "ISO",
            "IntervalStyle": "iso_8601",
            # Older servers else cut the last digits of floating numbers.
            "extra_float_digits": "3",
            # The planner shall reckon with every row being read, not with the first few.
            "cursor_tuple_fraction": "1",
        }
        for name, value in settings.items():
            connection.execute("SELECT set_config(%s, %s, true)", (name, value))

    def quoted(self, identifier: str) -> str:
        """See `Session.quoted`."""
        return '"' + identifier.replace('"', '""') + '"'

    def select(self, statement: str, value: Any = None, most: int | None = None) -> Result:
        """See `Session.select`."""
        with self._translated():
            cursor = self._executed(statement, value)
            if self._learn_arrays(cursor):
                cursor = self._executed(statement, value)
        described = cursor.description or []
        columns = tuple(
            SqlColumn(column.name, self._kind(column.type_code), column.scale)
            for column in described
        )

        def fetch(rows: int) -> Sequence[Sequence[Any]]:
            with self._translated():
                return cursor.fetchmany(rows)

        return Result(columns, blocks(fetch, columns, self, most))

    def close(self) -> None:
        """See `Session.close`."""
        with suppress(psycopg.Error):
            self._connection.close()
        if self._cursor is not None:
            self._cursor.close()

    def _executed(self, statement: str, value: Any) -> psycopg.ServerCursor[Any]:
        if self._cursor is not None:
            self._cursor.close()
        self._cursor = cursor = self._connection.cursor("import_assets")
        if value is None:
            cursor.execute(statement.encode())
        else:
            escaped = statement.replace("%", "%%").replace(PLACEHOLDER, "%s")
            cursor.execute(escaped.encode(), (value,))
        return cursor

    def _learn_arrays(self, cursor: psycopg.ServerCursor[Any]) -> bool:
        """Register arrays of types that only this database has; tell whether there are any."""
        known = self._connection.adapters.types
        codes = {column.type_code for column in cursor.description or ()}
        unknown = [code for code in codes if known.get(code) is None]
        if not unknown:
            return False
        found = self._connection.execute(
            "SELECT oid, typelem, typdelim::text FROM pg_catalog.pg_type "
            "WHERE oid = ANY(%s) AND typcategory = 'A' AND typelem <> 0",
            (unknown,),
        ).fetchall()
        for array, item, delimiter in found:
            name = f"type {item}"
            TypeInfo(name, int(item), int(array), delimiter=delimiter).register(self._connection)
        return bool(found)

    def _kind(self, code: int) -> ColumnKind | Literal["binary"]:
        info = self._connection.adapters.types.get(code)
        if info is None:
            return "text"
        if info.name == "bytea":
            return "binary"
        return "list" if code == info.array_oid else _KINDS.get(info.name, "text")

    def _translated(self) -> AbstractContextManager[None]:
        return self.faults.translated(_classify, (psycopg.Error,))


def _classify(error: Exception) -> tuple[FaultKind, str]:
    text = str(error)
    state = getattr(error, "sqlstate", None)
    if state is not None:
        return _BY_STATE.get(state) or _BY_CLASS.get(state[:2], "other"), text
    for pattern, kind in _BY_WORDS:
        if (said := re.search(pattern, text)) is not None:
            line = next(line for line in text.splitlines() if said[0] in line)
            return kind, line
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return "unreachable", "no answer in time"
    if "connection failed" in text or "Connection refused" in text:
        return "unreachable", text
    if isinstance(error, psycopg.OperationalError):
        return "lost", text
    return "other", text
