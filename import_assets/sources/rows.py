"""Rows of a query on their way: kept on this machine whole, typed, before anything is mapped.

The rows are written block by block, as they come, and read block by block, so that memory stays
bounded however many there are. Databases that know the type of a value but not of a column may give
each block of a column another type; which type the column has is settled once all have come.
"""

from __future__ import annotations

import hashlib
import json as jsontext
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from import_assets.errors import FileRefused, SourceError
from import_assets.records import ColumnKind

_PREFIX = "rows-"


@dataclass(frozen=True)
class RowColumn:
    """A column of a query: its name, what its cells are, and the polars type that holds them."""

    name: str
    kind: ColumnKind
    dtype: pl.DataType


@dataclass(frozen=True)
class SpooledRows:
    """The rows of a query: the folder they lie in, their columns, number, bytes and SHA-256."""

    folder: Path
    columns: tuple[RowColumn, ...]
    rows: int
    size: int
    sha256: str

    def blocks(self) -> Iterator[pl.DataFrame]:
        """Yield the rows in their order, in blocks whose columns have the types of `columns`.

        Empty texts are null, as an empty cell of a file is.
        """
        for path in sorted(self.folder.glob("*.arrow")):
            block = pl.read_ipc(path, memory_map=False)
            yield block.select(_cast(block[column.name], column) for column in self.columns)


@contextmanager
def spool_rows(
    blocks: Iterable[pl.DataFrame],
    spool_dir: Path,
    *,
    file: str,
    max_rows: int,
    json: Set[str] = frozenset(),
) -> Iterator[SpooledRows]:
    """Write the rows of a query into the spool folder; remove them when the block is left.

    Args:
        blocks: the rows, in blocks of the same columns; at least one block, which may be empty.
            Types of columns may differ from block to block. Times that are known in UTC have the
            time zone UTC, local ones none.
        spool_dir: a folder of this machine, made when missing.
        file: what errors call it.
        max_rows: the largest number of rows that is taken (M087).
        json: the columns whose texts are JSON.

    Raises:
        FileRefused: there are more rows than `max_rows` (`too_many_rows`), or a column is of a type
            that no attribute can have (`unsupported_type`).
        SourceError: there is no room for the rows.
    """
    try:
        spool_dir.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=spool_dir))
    except OSError as error:
        raise _unwritable(spool_dir, error) from error
    try:
        yield _written(blocks, folder, file, max_rows, json)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _written(
    blocks: Iterable[pl.DataFrame], folder: Path, file: str, max_rows: int, json: Set[str]
) -> SpooledRows:
    digest, rows, size = hashlib.sha256(), 0, 0
    types: dict[str, list[pl.DataType]] = {}
    for number, block in enumerate(blocks):
        rows += block.height
        if rows > max_rows:
            raise FileRefused(
                file,
                "too_many_rows",
                f"the query gives more than {max_rows:,} rows: narrow it, or raise "
                "`limits: {rows: …}` in project.yaml (M087)",
            )
        for name, dtype in block.schema.items():
            known = types.setdefault(name, [])
            if dtype not in known:
                known.append(dtype)
        path = folder / f"{number:08d}.arrow"
        try:
            block.write_ipc(path, compression="lz4")
            content = path.read_bytes()
        except OSError as error:
            raise _unwritable(folder.parent, error) from error
        digest.update(content)
        size += len(content)
    columns = tuple(_column(name, known, file, json) for name, known in types.items())
    return SpooledRows(folder, columns, rows, size, digest.hexdigest())


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
_MOST_DIGITS = 38


def _column(name: str, types: list[pl.DataType], file: str, json: Set[str]) -> RowColumn:
    """Settle what a column is, from the types of its blocks.

    Where they do not agree it is text: a whole number of many digits is no other number.
    """
    if name in json:
        return RowColumn(name, "json", pl.String())
    seen = [dtype for dtype in types if dtype != pl.Null] or [pl.Null()]
    kinds = {_kind(name, dtype, file) for dtype in seen}
    if kinds <= {"integer", "decimal"} and "decimal" in kinds:
        scale = max((dtype.scale or 0) for dtype in seen if isinstance(dtype, pl.Decimal))
        return RowColumn(name, "decimal", pl.Decimal(_MOST_DIGITS, scale))
    if len(kinds) > 1:
        return RowColumn(name, "text", pl.String())
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
    if isinstance(dtype, pl.List) and dtype.inner == pl.String:
        return "list"
    raise FileRefused(
        file,
        "unsupported_type",
        f"column {name!r} is of type {dtype}, which no attribute can have: convert it to text in "
        "the query",
    )


def _cast(values: pl.Series, column: RowColumn) -> pl.Series:
    if column.dtype != pl.String:
        return values.cast(column.dtype)
    if values.dtype != pl.String:
        values = as_text(values)
    return values.set(values == "", None)


def as_text(values: pl.Series) -> pl.Series:
    """Return typed values as the texts that a file would hold for them.

    Whole numbers in digits, others in as many as tell them apart; days and times as ISO 8601 has
    them, those known in UTC with a `Z`; booleans as `true` and `false`; lists as JSON.
    """
    dtype = values.dtype
    if dtype == pl.String:
        return values
    if isinstance(dtype, pl.Datetime):
        zone = "Z" if dtype.time_zone else ""
        return values.dt.strftime(f"%Y-%m-%dT%H:%M:%S%.6f{zone}")
    if dtype == pl.Date:
        return values.dt.strftime("%Y-%m-%d")
    if isinstance(dtype, pl.List):
        return pl.Series(
            values.name,
            [
                None if row is None else jsontext.dumps(row, ensure_ascii=False)
                for row in values.to_list()
            ],
            dtype=pl.String,
        )
    return values.cast(pl.String)


def _unwritable(spool_dir: Path, error: OSError) -> SourceError:
    return SourceError(
        f"the rows cannot be written to {spool_dir}: {error.strerror or error}; make room there or "
        "mend its permissions, and it is tried again"
    )
