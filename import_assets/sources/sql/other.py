"""Any other database that SQLAlchemy has a driver for. The tests of this project read none of them.

What it can do for them is less: the query is ended by this program, not by the database; the
transaction is rolled back rather than proven to read only; and what a column is, its values tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any

from sqlalchemy import URL, create_engine
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from import_assets.sources.sql.faults import FaultKind, Faults
from import_assets.sources.sql.session import FETCH_ROWS, PLACEHOLDER, Result, Session, blocks
from import_assets.sources.sql.values import SqlColumn

_PLACEHOLDERS = {"qmark": "?", "format": "%s", "pyformat": "%(value)s", "numeric": ":1"}
_NAMED = {"pyformat", "named"}


class OtherSession(Session):
    """A connection by SQLAlchemy alone."""

    def __init__(self, url: URL, faults: Faults) -> None:
        """Connect; how long that may take is the driver's own affair."""
        super().__init__(faults)
        with self._translated():
            self._engine = create_engine(url, poolclass=NullPool)
            self._connection = self._engine.connect().execution_options(
                stream_results=True, max_row_buffer=FETCH_ROWS
            )

    def quoted(self, identifier: str) -> str:
        """See `Session.quoted`."""
        return self._engine.dialect.identifier_preparer.quote(identifier)

    def limited(self, query: str, rows: int) -> str:
        """See `Session.limited`; no two of these databases say it alike, so no more is read."""
        del rows
        return query

    def select(self, statement: str, value: Any = None, most: int | None = None) -> Result:
        """See `Session.select`."""
        with self._translated():
            if value is None:
                whole = self._connection.execution_options(no_parameters=True)
                result = whole.exec_driver_sql(statement)
            else:
                result = self._connection.exec_driver_sql(*self._bound(statement, value))
        columns = tuple(SqlColumn(name) for name in result.keys())  # noqa: SIM118

        def fetch(rows: int) -> Sequence[Sequence[Any]]:
            with self._translated():
                return result.fetchmany(rows)

        return Result(columns, blocks(fetch, columns, self, most))

    def close(self) -> None:
        """See `Session.close`."""
        with suppress(SQLAlchemyError):
            self._connection.close()
        self._engine.dispose()

    def _bound(self, statement: str, value: Any) -> tuple[str, Any]:
        style = self._engine.dialect.paramstyle
        if "format" in style:
            statement = statement.replace("%", "%%")
        text = statement.replace(PLACEHOLDER, _PLACEHOLDERS.get(style, ":value"))
        return text, {"value": value} if style in _NAMED else (value,)

    def _translated(self) -> AbstractContextManager[None]:
        return self.faults.translated(_classify, (SQLAlchemyError, ImportError))


def _classify(error: Exception) -> tuple[FaultKind, str]:
    if isinstance(error, ImportError | NoSuchModuleError | ArgumentError):
        return "driver", str(error)
    if isinstance(error, DBAPIError):
        text = str(error.orig)
        if error.connection_invalidated:
            return "lost", text
        return ("query" if error.statement else "unreachable"), text
    return "other", str(error)
