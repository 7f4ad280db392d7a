"""SQLite, opened so that nothing can be written."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from import_assets.sources.sql.faults import FaultKind, Faults
from import_assets.sources.sql.session import PLACEHOLDER, Result, Session, blocks
from import_assets.sources.sql.values import SqlColumn

_VIEW = "import_assets_columns"
_FRACTIONS = re.compile("REAL|FLOA|DOUB|DEC|NUM", re.IGNORECASE)
"""What is in the types that SQLite takes for numbers which need not be whole."""

_BY_WORDS: tuple[tuple[str, FaultKind], ...] = (
    ("interrupted", "timeout"),
    ("attempt to write a readonly database", "writes"),
    ("unable to open database file", "unknown_database"),
    ("file is not a database", "unknown_database"),
    ("not authorized", "denied"),
    ("database is locked", "other"),
    ("disk I/O error", "other"),
    ("malformed", "other"),
)


class SqliteSession(Session):
    """A file of SQLite. What a column is, its values tell, but for numbers with a fraction.

    Of these SQLite keeps the whole ones as such, so that 7.00 would be of another type than 7.25.
    """

    def __init__(self, path: Path, connect_timeout: float, faults: Faults) -> None:
        """Open the file, and begin a transaction that may only read.

        Args:
            path: the file, which is not made when missing.
            connect_timeout: for how many seconds to wait for somebody who is writing.
            faults: makes the errors.
        """
        super().__init__(faults)
        if not path.is_file():
            raise faults.error("unknown_database", f"there is no file {path}")
        with faults.translated(_classify, (sqlite3.Error,)):
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro",
                uri=True,
                timeout=connect_timeout,
                isolation_level=None,
                check_same_thread=False,
            )
        try:
            with self._translated():
                self._connection.execute("PRAGMA query_only = ON")
                self._connection.execute("BEGIN")
                # Until something is read, any file would pass for a database.
                self._connection.execute("SELECT count(*) FROM sqlite_schema")
        except BaseException:
            self.close()
            raise

    def quoted(self, identifier: str) -> str:
        """See `Session.quoted`."""
        return '"' + identifier.replace('"', '""') + '"'

    def select(self, statement: str, value: Any = None, most: int | None = None) -> Result:
        """See `Session.select`."""
        bound = () if value is None else (value,)
        with self._translated():
            cursor = self._connection.execute(statement.replace(PLACEHOLDER, "?"), bound)
        fractions = self._declared_for_fractions(statement)
        columns = tuple(
            SqlColumn(name, fractions=name in fractions) for name, *_ in cursor.description or ()
        )

        def fetch(rows: int) -> Sequence[Sequence[Any]]:
            with self._translated():
                return cursor.fetchmany(rows)

        return Result(columns, blocks(fetch, columns, self, most))

    def close(self) -> None:
        """See `Session.close`."""
        self._connection.close()

    def _declared_for_fractions(self, statement: str) -> set[str]:
        """Return the columns of a query that stand for columns of tables declared so.

        Only of a view does SQLite tell it; one for this connection alone changes no file.
        """
        asked = statement.replace(PLACEHOLDER, "NULL")
        try:
            self._connection.execute("PRAGMA query_only = OFF")
            self._connection.execute(f"CREATE TEMP VIEW {_VIEW} AS {asked}")
            declared = self._connection.execute(f"PRAGMA temp.table_info({_VIEW})").fetchall()
            self._connection.execute(f"DROP VIEW temp.{_VIEW}")
        except sqlite3.Error:
            return set()  # a query that cannot be a view, such as one of two columns of one name
        finally:
            self._connection.execute("PRAGMA query_only = ON")
        return {name for _, name, type_, *_ in declared if _FRACTIONS.search(type_ or "")}

    @contextmanager
    def _translated(self) -> Iterator[None]:
        with (
            self.faults.translated(_classify, (sqlite3.Error,)),
            self.deadline.interrupting(self._connection.interrupt),
        ):
            yield


def _classify(error: Exception) -> tuple[FaultKind, str]:
    text = str(error)
    for words, kind in _BY_WORDS:
        if words in text:
            return kind, text
    return "query", text
