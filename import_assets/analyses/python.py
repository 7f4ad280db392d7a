"""Analyses in Python: a function that is given the tables and returns a frame."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import polars as pl

from import_assets.errors import FileRefused, SourceError
from import_assets.spec.analyses import FUNCTION, Analysis
from import_assets.warehouse.sql import frame, parse_table_label, table_label, table_sql
from import_assets.warehouse.tables import exists
from import_assets.warehouse.warehouse import Warehouse

ReadTable = Callable[[str], pl.DataFrame]
"""Given a table's name, such as `events/purchase`, returns its rows."""


@dataclass(frozen=True)
class Found:
    """What an analysis returned, and which of its columns hold JSON."""

    frame: pl.DataFrame
    json: frozenset[str]


def run_python(analysis: Analysis, warehouse: Warehouse, file: str) -> Found:
    """Run an analysis in Python.

    Args:
        analysis: what to run.
        warehouse: of the project whose tables it reads.
        file: what errors call its rows.

    Raises:
        SourceError: it raised an error, or returned no frame; says where.
        FileRefused: a column is of a type that no attribute can have (`unsupported_type`).
    """
    module = ModuleType(analysis.name)
    module.__file__ = str(analysis.file)
    try:
        exec(compile(analysis.text, str(analysis.file), "exec"), module.__dict__)  # noqa: S102
        result = getattr(module, FUNCTION)(_reader(warehouse))
    except SourceError:
        raise
    except Exception as error:
        lines = [
            one.lineno
            for one in traceback.extract_tb(error.__traceback__)
            if one.filename == str(analysis.file)
        ]
        where = f":{lines[-1]}" if lines else ""
        raise SourceError(
            f"analysis {analysis.name}: {analysis.file.name}{where}: "
            f"{type(error).__name__}: {error}"
        ) from error
    found = _polars(result, analysis)
    holds_json = frozenset(values.name for values in found if _is_structure(values.dtype))
    return Found(pl.DataFrame([_plain(values, file) for values in found]), holds_json)


def _reader(warehouse: Warehouse) -> ReadTable:
    def read_table(label: str) -> pl.DataFrame:
        """Return the rows of a table; raises SourceError where there is no such table."""
        table = parse_table_label(label)
        with warehouse.read() as connection:
            if not exists(connection, table):
                raise SourceError(f"there is no table {table_label(table)} yet")
            return frame(connection, f"SELECT * FROM {table_sql(table)}")

    return read_table


def _polars(result: Any, analysis: Analysis) -> pl.DataFrame:
    if isinstance(result, pl.LazyFrame):
        return result.collect()
    if isinstance(result, pl.DataFrame):
        return result
    import pandas as pd

    if isinstance(result, pd.DataFrame):
        return pl.from_pandas(result)
    raise SourceError(
        f"analysis {analysis.name}: `{FUNCTION}` returned {type(result).__name__}, not a frame of "
        "polars or pandas"
    )


def _is_structure(dtype: pl.DataType) -> bool:
    lists = isinstance(dtype, pl.List | pl.Array)
    return isinstance(dtype, pl.Struct) or (lists and dtype.inner.is_nested())


def _plain(values: pl.Series, file: str) -> pl.Series:
    """Return values of a type that rows can have."""
    dtype = values.dtype
    if isinstance(dtype, pl.Array):
        values, dtype = values.arr.to_list(), pl.List(dtype.inner)
    if _is_structure(dtype):
        texts = [
            None if one is None else json.dumps(one, ensure_ascii=False, default=str)
            for one in values.to_list()
        ]
        return pl.Series(values.name, texts, dtype=pl.String)
    if isinstance(dtype, pl.List):
        return values.cast(pl.List(pl.String)).list.drop_nulls()
    if isinstance(dtype, pl.Datetime):
        utc = values.dt.convert_time_zone("UTC") if dtype.time_zone else values
        return utc.dt.cast_time_unit("us")
    if isinstance(dtype, pl.Categorical | pl.Enum | pl.Time):
        return values.cast(pl.String)
    if isinstance(dtype, pl.Binary | pl.Object | pl.Duration):
        raise FileRefused(
            file,
            "unsupported_type",
            f"column {values.name!r} is of type {dtype}, which no attribute can have: turn it "
            "into text",
        )
    return values
