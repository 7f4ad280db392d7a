"""Rows of a query on their way: kept on this machine whole, typed, before anything is mapped.

The rows are written block by block, as they come, and read block by block, so that memory stays
bounded however many there are. Databases that know the type of a value but not of a column may give
each block of a column another type; which type the column has is settled once all have come.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl

from import_assets.errors import FileRefused, SourceError
from import_assets.records import ColumnKind, as_text
from import_assets.sources.cleaning import LEFT_BEHIND, ROWS_PREFIX, clean_spool


@dataclass(frozen=True)
class RowColumn:
    """A column of a query: its name, what its cells are, and the polars type that holds them.

    `declared` is what the database says the column is, where it does. Values that this cannot hold,
    such as a date that is none, make the cells texts, but not the column.
    """

    name: str
    kind: ColumnKind
    dtype: pl.DataType
    declared: ColumnKind | None = None


@dataclass(frozen=True)
class SpooledRows:
    """The rows of a query: the folder they lie in, their columns, number, bytes and SHA-256.

    `cursor` is the column that an incremental query goes by: a row without a value there can be
    read, but never be known as one that was read before.
    """

    folder: Path
    columns: tuple[RowColumn, ...]
    rows: int
    size: int
    sha256: str
    cursor: str | None = None

    def blocks(self) -> Iterator[pl.DataFrame]:
        """Yield the rows in their order, in blocks whose columns have the types of `columns`.

        Empty texts are null, as an empty cell of a file is.
        """
        for path in self._paths():
            block = pl.read_ipc(path)
            yield block.select(_cast(block[column.name], column) for column in self.columns)

    def newest(self) -> Iterator[pl.DataFrame]:
        """Yield the blocks exactly as they came, the last one first."""
        for path in reversed(self._paths()):
            yield pl.read_ipc(path)

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("*.arrow"))


@contextmanager
def spool_rows(
    blocks: Iterable[pl.DataFrame],
    spool_dir: Path,
    *,
    file: str,
    max_rows: int,
    max_bytes: int | None = None,
    json: Set[str] = frozenset(),
    cursor: str | None = None,
    declared: Mapping[str, ColumnKind] | None = None,
) -> Iterator[SpooledRows]:
    """Write the rows of a query into the spool folder; remove them when the block is left.

    Rows that a killed process left behind are removed after a day.

    Args:
        blocks: the rows, in blocks of the same columns; at least one block, which may be empty.
            Types of columns may differ from block to block. Times that are known in UTC have the
            time zone UTC, local ones none.
        spool_dir: a folder of this machine, made when missing.
        file: what errors call it.
        max_rows: the largest number of rows that is taken (M087).
        max_bytes: the largest number of bytes that they may take up in memory (M085), None for any.
        json: the columns whose texts are JSON.
        cursor: the column that an incremental query goes by.
        declared: what the database says that columns are.

    Raises:
        FileRefused: there are more rows than `max_rows` (`too_many_rows`), or more bytes than
            `max_bytes` (`too_many_bytes`), or a column is of a type that no attribute can have
            (`unsupported_type`).
        SourceError: there is no room for the rows.
    """
    try:
        spool_dir.mkdir(parents=True, exist_ok=True)
        clean_spool(spool_dir, LEFT_BEHIND, datetime.now(UTC).replace(tzinfo=None))
        folder = Path(tempfile.mkdtemp(prefix=ROWS_PREFIX, dir=spool_dir))
    except OSError as error:
        raise _unwritable(spool_dir, error) from error
    try:
        spooled = _Spool(folder, file, max_rows, max_bytes).written(blocks, json, cursor)
        said = declared or {}
        columns = (replace(one, declared=said.get(one.name)) for one in spooled.columns)
        yield replace(spooled, columns=tuple(columns))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class _Seen:
    """What the blocks so far said about one column."""

    dtypes: list[pl.DataType] = field(default_factory=list)
    digits: int = 0
    """The most digits before the point of any decimal or whole number."""


@dataclass
class _Spool:
    """The rows written so far."""

    folder: Path
    file: str
    max_rows: int
    max_bytes: int | None
    rows: int = 0
    memory: int = 0
    seen: dict[str, _Seen] = field(default_factory=dict)

    def written(
        self, blocks: Iterable[pl.DataFrame], json: Set[str], cursor: str | None
    ) -> SpooledRows:
        digest, size = hashlib.sha256(), 0
        for number, given in enumerate(blocks):
            block = given.select(_narrowed(values) for values in given)
            self._check(block)
            self._look(block)
            content = io.BytesIO()
            block.write_ipc(content, compression="lz4")
            digest.update(content.getbuffer())
            size += content.getbuffer().nbytes
            try:
                (self.folder / f"{number:08d}.arrow").write_bytes(content.getbuffer())
            except OSError as error:
                raise _unwritable(self.folder.parent, error) from error
        columns = tuple(_column(name, seen, self.file, json) for name, seen in self.seen.items())
        return SpooledRows(self.folder, columns, self.rows, size, digest.hexdigest(), cursor)

    def _check(self, block: pl.DataFrame) -> None:
        self.rows += block.height
        self.memory += int(block.estimated_size())
        if self.rows > self.max_rows:
            raise FileRefused(
                self.file,
                "too_many_rows",
                f"the query gives more than {self.max_rows:,} rows: narrow it, or raise "
                "`limits: {rows: …}` in project.yaml",
            )
        if self.max_bytes is not None and self.memory > self.max_bytes:
            raise FileRefused(
                self.file,
                "too_many_bytes",
                f"the rows of the query have more than {self.max_bytes:,} bytes: narrow it, or "
                "raise `limits: {file_bytes: …}` in project.yaml",
            )

    def _look(self, block: pl.DataFrame) -> None:
        for values in block:
            seen = self.seen.setdefault(values.name, _Seen())
            if values.dtype not in seen.dtypes:
                seen.dtypes.append(values.dtype)
            if values.dtype.is_integer() or isinstance(values.dtype, pl.Decimal):
                seen.digits = max(seen.digits, _digits(values))


_DTYPES: dict[ColumnKind, pl.DataType] = {
    "text": pl.String(),
    "json": pl.String(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "datetime": pl.Datetime("us"),
    "instant": pl.Datetime("us", "UTC"),
    "list": pl.List(pl.String()),
}
_SIMPLE: dict[type[pl.DataType], ColumnKind] = {
    pl.String: "text",
    pl.Null: "text",
    pl.Boolean: "boolean",
    pl.Date: "date",
    pl.Float32: "number",
    pl.Float64: "number",
}
_WIDE = (pl.UInt64, pl.Int128, pl.UInt128)
_WORDS = (pl.Categorical, pl.Enum, pl.Time)
_ITEMS = (pl.Boolean, pl.Date, pl.Float32, pl.Float64, pl.Decimal, pl.Categorical, pl.Enum)
_MOST_DIGITS = 38


def _narrowed(values: pl.Series) -> pl.Series:
    """Return values in the narrowest type that the rest of the way knows: none is changed by it."""
    dtype = values.dtype
    if isinstance(dtype, _WIDE):
        return _narrowed_integers(values)
    if isinstance(dtype, _WORDS):
        return values.cast(pl.String)
    if isinstance(dtype, pl.List):
        if dtype.inner.is_integer() or isinstance(dtype.inner, _ITEMS):
            values = values.cast(pl.List(pl.String))
        # An item that is null says nothing.
        return values.list.drop_nulls()
    return values


def _narrowed_integers(values: pl.Series) -> pl.Series:
    for dtype in (pl.Int64(), pl.Decimal(_MOST_DIGITS, 0)):
        cast = values.cast(dtype, strict=False)
        if cast.null_count() == values.null_count():
            return cast
    return values.cast(pl.String)


def _digits(values: pl.Series) -> int:
    ends = (values.min(), values.max())
    return (
        max(len(str(abs(int(end)))) for end in ends if isinstance(end, int | Decimal))
        if any(end is not None for end in ends)
        else 0
    )


def _column(name: str, seen: _Seen, file: str, json: Set[str]) -> RowColumn:
    """Settle what a column is, from the types of its blocks.

    Where they do not agree it is text: a whole number of many digits is no other number.
    """
    if name in json:
        return RowColumn(name, "json", pl.String())
    dtypes = [dtype for dtype in seen.dtypes if dtype != pl.Null] or [pl.Null()]
    kinds: set[ColumnKind] = {_kind(name, dtype, file) for dtype in dtypes}
    if kinds <= {"integer", "decimal"} and "decimal" in kinds:
        scale = max(dtype.scale for dtype in dtypes if isinstance(dtype, pl.Decimal))
        if seen.digits + scale <= _MOST_DIGITS:
            return RowColumn(name, "decimal", pl.Decimal(_MOST_DIGITS, scale))
    kind: ColumnKind = "text"
    if len(kinds) == 1 and kinds != {"decimal"}:
        (kind,) = kinds
    return RowColumn(name, kind, _DTYPES[kind])


def _kind(name: str, dtype: pl.DataType, file: str) -> ColumnKind:
    if type(dtype) in _SIMPLE:
        return _SIMPLE[type(dtype)]
    if dtype.is_integer():
        return "integer"
    if isinstance(dtype, pl.Decimal):
        return "decimal"
    if isinstance(dtype, pl.Datetime):
        return "instant" if dtype.time_zone else "datetime"
    if isinstance(dtype, pl.List) and dtype.inner in (pl.String, pl.Null):
        return "list"
    raise unsupported_type(name, str(dtype), file)


def unsupported_type(column: str, type_name: str, file: str) -> FileRefused:
    """Return the error for a column of a type that no attribute can have."""
    return FileRefused(
        file,
        "unsupported_type",
        f"column {column!r} is of type {type_name}, which no attribute can have: convert it to "
        "text in the query, or leave it out",
    )


def _cast(values: pl.Series, column: RowColumn) -> pl.Series:
    if column.dtype != pl.String:
        return values.cast(column.dtype)
    values = as_text(values)
    return values.set(values == "", None)


def _unwritable(spool_dir: Path, error: OSError) -> SourceError:
    return SourceError(
        f"the rows cannot be written to {spool_dir}: {error.strerror or error}; make room there or "
        "mend its permissions, and it is tried again"
    )
