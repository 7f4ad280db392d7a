"""DuckDB, opened so that nothing can be written, read by Arrow without a value in between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from import_assets.records import ColumnKind
from import_assets.sources.rows import unsupported_type
from import_assets.sources.sql.faults import FaultKind, Faults
from import_assets.sources.sql.session import (
    BLOCK_BYTES,
    BLOCK_ROWS,
    PLACEHOLDER,
    Result,
    Session,
)
from import_assets.sources.sql.values import SqlColumn, within_years

_VECTOR_ROWS = 2_048
"""What DuckDB hands over at once at least."""

_KINDS: dict[str, ColumnKind] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint"), "integer"),
    **dict.fromkeys(("utinyint", "usmallint", "uinteger", "ubigint", "hugeint"), "integer"),
    **dict.fromkeys(("float", "double"), "number"),
    **dict.fromkeys(("timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns"), "datetime"),
    "timestamp with time zone": "instant",
    "decimal": "decimal",
    "boolean": "boolean",
    "date": "date",
    "list": "list",
    "array": "list",
}
_NESTED = ("struct", "map", "union", "variant")
_BYTES = ("blob", "geometry")
_AS_THEY_ARE = (
    *("tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint"),
    *("hugeint", "float", "double", "decimal", "boolean", "date", "timestamp", "varchar"),
    *("timestamp with time zone", "uuid"),
)
_TIMES = ("timestamp_s", "timestamp_ms", "timestamp_ns")


class DuckdbSession(Session):
    """A file of DuckDB."""

    def __init__(self, path: Path, faults: Faults) -> None:
        """Open the file, which is not made when missing."""
        super().__init__(faults)
        if not path.is_file():
            raise faults.error("unknown_database", f"there is no file {path}")
        with self.faults.translated(_classify, (duckdb.Error,)):
            self._connection = duckdb.connect(str(path), read_only=True)
        try:
            with self._translated():
                self._connection.execute("SET TimeZone = 'UTC'")
                self._connection.execute("BEGIN TRANSACTION READ ONLY")
        except BaseException:
            self.close()
            raise

    def quoted(self, identifier: str) -> str:
        """See `Session.quoted`."""
        return quoted(identifier)

    def select(self, statement: str, value: Any = None, most: int | None = None) -> Result:
        """See `Session.select`."""
        bound = [] if value is None else [value]
        asked = statement.replace(PLACEHOLDER, "?")
        with self._translated():
            # In a subquery the second of two columns of one name would silently get another.
            names = self._connection.execute(f"DESCRIBE {asked}", bound).fetchall()
            described = self._connection.execute(f"SELECT * FROM ({asked}\n) LIMIT 0", bound)
            types = [type_ for _, type_, *_ in described.description or ()]
        found = [(str(row[0]), type_) for row, type_ in zip(names, types, strict=True)]
        columns = tuple(SqlColumn(name, _kind(type_)) for name, type_ in found)
        return Result(columns, self._blocks(asked, found, bound, most))

    def close(self) -> None:
        """See `Session.close`."""
        self._connection.close()

    def _blocks(
        self, query: str, types: Sequence[tuple[str, Any]], bound: list[Any], most: int | None
    ) -> Iterator[pl.DataFrame]:
        statement = readable(query, types, self.faults.file)
        with ExitStack() as stack:
            with self._translated():
                reader = self._connection.execute(statement, bound).to_arrow_reader(_VECTOR_ROWS)
                stack.callback(reader.close)
            yield from self._gathered(reader, most)

    def _gathered(self, reader: pa.RecordBatchReader, most: int | None) -> Iterator[pl.DataFrame]:
        """Yield blocks of `BLOCK_ROWS` rows or `BLOCK_BYTES` bytes, at least one."""
        left, any_yet = most, False
        while left is None or left > 0:
            self.deadline.check()
            batches, rows = self._next(
                reader, BLOCK_ROWS if left is None else min(BLOCK_ROWS, left)
            )
            if not rows and any_yet:
                return
            frame = pl.DataFrame(pa.Table.from_batches(batches, reader.schema))[:left]
            yield frame.select(within_years(values) for values in frame)
            if not rows:
                return
            left, any_yet = None if left is None else left - frame.height, True

    def _next(self, reader: pa.RecordBatchReader, most: int) -> tuple[list[pa.RecordBatch], int]:
        batches: list[pa.RecordBatch] = []
        rows = size = 0
        with self._translated():
            while rows < most and size < BLOCK_BYTES:
                try:
                    batch = reader.read_next_batch()
                except StopIteration:
                    break
                batches.append(batch)
                rows, size = rows + batch.num_rows, size + batch.nbytes
        return batches, rows

    @contextmanager
    def _translated(self) -> Iterator[None]:
        with (
            self.faults.translated(_classify, (duckdb.Error, pa.ArrowException, OSError)),
            self.deadline.interrupting(self._connection.interrupt),
        ):
            yield


def quoted(identifier: str) -> str:
    """Return an identifier in DuckDB's quotes."""
    return '"' + identifier.replace('"', '""') + '"'


def readable(query: str, types: Sequence[tuple[str, Any]], file: str) -> str:
    """Return a query with what polars has no type for converted by DuckDB itself.

    Structures and lists of them become JSON; lists become lists of texts without their nulls; times
    of day, durations and all else texts as DuckDB writes them.

    Args:
        query: one SELECT.
        types: name and DuckDB type of its columns.
        file: what errors call it.

    Raises:
        FileRefused: a column holds bytes (`unsupported_type`).
    """
    selected = [_readable(name, type_, file) for name, type_ in types]
    if all(text == quoted(name) for text, (name, _) in zip(selected, types, strict=True)):
        return query
    return f"SELECT {', '.join(selected)} FROM ({query}\n) AS q"


def _readable(name: str, type_: Any, file: str) -> str:
    column, id_ = quoted(name), type_.id
    if id_ in _BYTES:
        raise unsupported_type(name, str(type_), file)
    if id_ in _AS_THEY_ARE:
        return column
    if id_ in _TIMES:
        return f"CAST({column} AS TIMESTAMP) AS {column}"
    if _kind(type_) == "json":
        return f"CAST(to_json({column}) AS VARCHAR) AS {column}"
    if id_ in ("list", "array"):
        texts = f"CAST({column} AS VARCHAR[])"
        return f"list_filter({texts}, lambda item: item IS NOT NULL) AS {column}"
    return f"CAST({column} AS VARCHAR) AS {column}"


def _kind(type_: Any) -> ColumnKind:
    if str(type_) == "JSON" or type_.id in _NESTED:
        return "json"
    if type_.id in ("list", "array"):
        item = type_.children[0][1]
        return "json" if item.id in (*_NESTED, "list", "array") or str(item) == "JSON" else "list"
    return _KINDS.get(type_.id, "text")


def _classify(error: Exception) -> tuple[FaultKind, str]:
    text = str(error)
    if isinstance(error, duckdb.InterruptException) or "INTERRUPT" in text.upper():
        return "timeout", text
    if isinstance(error, duckdb.ConnectionException | duckdb.IOException | OSError):
        return "other", text
    if "read-only" in text.lower():
        return "writes", text
    return "query", text
