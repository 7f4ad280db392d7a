"""MySQL and MariaDB, by PyMySQL: unbuffered, in a transaction that may only read.

Numbers with a point, days and times come as texts and are turned into types column by column.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any

import pymysql
from pymysql.constants import FIELD_TYPE
from pymysql.cursors import SSCursor
from sqlalchemy import URL
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql

from import_assets.records import ColumnKind
from import_assets.sources.sql.faults import FaultKind, Faults
from import_assets.sources.sql.session import PLACEHOLDER, Result, Session, blocks
from import_assets.sources.sql.values import SqlColumn

_KINDS: dict[int, ColumnKind] = {
    FIELD_TYPE.TINY: "integer",
    FIELD_TYPE.SHORT: "integer",
    FIELD_TYPE.INT24: "integer",
    FIELD_TYPE.LONG: "integer",
    FIELD_TYPE.LONGLONG: "integer",
    FIELD_TYPE.YEAR: "integer",
    FIELD_TYPE.BIT: "integer",
    FIELD_TYPE.FLOAT: "number",
    FIELD_TYPE.DOUBLE: "number",
    FIELD_TYPE.DECIMAL: "decimal",
    FIELD_TYPE.NEWDECIMAL: "decimal",
    FIELD_TYPE.DATE: "date",
    FIELD_TYPE.NEWDATE: "date",
    FIELD_TYPE.DATETIME: "datetime",
    # A moment, kept in UTC and shown in the session's zone, which is UTC.
    FIELD_TYPE.TIMESTAMP: "instant",
    FIELD_TYPE.JSON: "json",
}
_GRACE_SECONDS = 30
"""How much longer than the database the driver waits, so that the database ends a query first."""

_BY_CODE: dict[int, FaultKind] = {
    1040: "unreachable",
    1044: "denied",
    1045: "login",
    1049: "unknown_database",
    1053: "lost",
    1142: "denied",
    1143: "denied",
    1227: "denied",
    1317: "lost",
    1370: "denied",
    1698: "login",
    1792: "writes",
    1927: "lost",
    1969: "timeout",
    2002: "unreachable",
    2003: "unreachable",
    2005: "unknown_host",
    2006: "lost",
    2013: "lost",
    2014: "lost",
    2055: "lost",
    3024: "timeout",
    4031: "lost",
}


def _bits(value: bytes) -> int:
    return int.from_bytes(value, "big")


_CONVERSIONS: dict[Any, Any] = {
    **{code: int for code, kind in _KINDS.items() if kind == "integer" and code != FIELD_TYPE.BIT},
    FIELD_TYPE.FLOAT: float,
    FIELD_TYPE.DOUBLE: float,
    FIELD_TYPE.BIT: _bits,
    **pymysql.converters.encoders,
}


class MysqlSession(Session):
    """A connection to MySQL or MariaDB."""

    def __init__(self, url: URL, connect_timeout: float, faults: Faults) -> None:
        """Connect, and begin a transaction that may only read.

        Args:
            url: with the password.
            connect_timeout: in seconds.
            faults: makes the errors.
        """
        super().__init__(faults)
        arguments, given = MySQLDialect_pymysql().create_connect_args(url)
        # Any, since what its published types leave out is needed too.
        self._cursor: Any = None
        self._connection: Any
        with self._translated():
            self._connection = pymysql.connect(
                *arguments,
                **{
                    "charset": "utf8mb4",
                    "connect_timeout": max(1, round(connect_timeout)),
                    # Its greeting has to come as soon as the connection itself.
                    "read_timeout": max(1.0, connect_timeout),
                    "conv": _CONVERSIONS,
                    "cursorclass": SSCursor,
                    **given,
                },
            )
        try:
            with self._translated():
                self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        seconds = self.faults.timeout
        # There is no other way to wait longer for rows than for the greeting.
        self._connection._read_timeout = seconds + _GRACE_SECONDS
        self._run("SET SESSION time_zone = '+00:00'")
        if "mariadb" in (self._connection.get_server_info() or "").lower():
            self._run(f"SET SESSION max_statement_time = {max(0.001, seconds):f}")
        else:
            self._run(f"SET SESSION max_execution_time = {max(1, round(seconds * 1_000))}")
        self._run("START TRANSACTION READ ONLY")

    def _run(self, statement: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    def quoted(self, identifier: str) -> str:
        """See `Session.quoted`."""
        return "`" + identifier.replace("`", "``") + "`"

    def select(self, statement: str, value: Any = None, most: int | None = None) -> Result:
        """See `Session.select`."""
        with self._translated():
            if self._cursor is not None:
                self._cursor.close()
            self._cursor = cursor = self._connection.cursor()
            if value is None:
                cursor.execute(statement)
            else:
                escaped = statement.replace("%", "%%").replace(PLACEHOLDER, "%s")
                cursor.execute(escaped, (value,))
        columns = tuple(
            SqlColumn(name, _KINDS.get(code, "text"), scale)
            for name, code, _, _, _, scale, _ in cursor.description or ()
        )

        def fetch(rows: int) -> Sequence[Sequence[Any]]:
            with self._translated():
                return cursor.fetchmany(rows)

        return Result(columns, blocks(fetch, columns, self, most))

    def close(self) -> None:
        """See `Session.close`."""
        result = self._connection._result
        if result is not None:
            # Else the driver would read all rows that are left before it lets the cursor go.
            result.unbuffered_active = False
        with suppress(pymysql.MySQLError, OSError):
            self._connection.close()
        if self._cursor is not None:
            self._cursor.connection = None

    def _translated(self) -> AbstractContextManager[None]:
        return self.faults.translated(_classify, (pymysql.MySQLError, OSError))


def _classify(error: Exception) -> tuple[FaultKind, str]:
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    text = str(error.args[1]) if len(error.args) > 1 else str(error)
    if code in (2003, 2013, 2005) and ("Name or service" in text or "name resolution" in text):
        return "unknown_host", text
    if code in _BY_CODE:
        return _BY_CODE[code], text
    if isinstance(error, pymysql.InterfaceError | OSError):
        return "lost", text
    # Whatever else the server says by a number of its own is about the query.
    return ("query" if 1000 <= code < 2000 or code >= 3000 else "other"), text
