"""Blocks of records and imports for the tests of the mapping."""

from __future__ import annotations

from collections.abc import Mapping as Columns
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from import_assets.mapping.localtime import Zone
from import_assets.mapping.mapping import Mapped, Mapping
from import_assets.mapping.parsing import Parser, evaluate
from import_assets.mapping.types import parser
from import_assets.records import Records, rejects_frame
from import_assets.spec.models import AttributeType, ImportSpec, ProjectSpec

SOURCE = {"storage": {"folder": "in", "files": "a.csv"}}


@dataclass(frozen=True)
class FakeRaw:
    """Raw text that can be told apart: the row's position."""

    height: int

    def take(self, rows: Sequence[int]) -> list[str]:
        assert all(0 <= row < self.height for row in rows)
        return [f"raw {row}" for row in rows]


def block(
    columns: Columns[str, Sequence[str | None]], rejects: pl.DataFrame | None = None
) -> Records:
    """Records 10, 20, ... on lines 100, 200, ..., which nothing can mistake for positions."""
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    numbers = range(1, frame.height + 1)
    return Records(
        frame,
        pl.Series("record", [number * 10 for number in numbers], dtype=pl.Int64),
        pl.Series("line", [number * 100 for number in numbers], dtype=pl.Int64),
        FakeRaw(frame.height),
        rejects_frame() if rejects is None else rejects,
    )


def spec(columns: list[dict[str, Any]], kind: Any = "customers") -> ImportSpec:
    return ImportSpec.model_validate({"kind": kind, "source": SOURCE, "columns": columns})


def project(**settings: Any) -> ProjectSpec:
    return ProjectSpec.model_validate(settings)


def build(
    header: Sequence[str],
    columns: list[dict[str, Any]],
    kind: Any = "customers",
    *,
    timezone: str = "UTC",
    **settings: Any,
) -> Mapping:
    return Mapping.build(spec(columns, kind), project(**settings), timezone, header, "a.csv")


def apply(
    cells: Columns[str, Sequence[str | None]],
    columns: list[dict[str, Any]],
    kind: Any = "customers",
    *,
    timezone: str = "UTC",
    **settings: Any,
) -> Mapped:
    """Map one block whose columns are the header."""
    mapping = build(list(cells), columns, kind, timezone=timezone, **settings)
    return mapping.apply(block(cells))


def faults(mapped: Mapped) -> dict[int, list[tuple[str | None, str | None, str]]]:
    """By record number: column, value and reason of each fault, in order."""
    return {
        row["record"]: [(f["column"], f["value"], f["reason"]) for f in row["faults"]]
        for row in mapped.rejects.to_dicts()
    }


BAD = object()


def read(
    type_: AttributeType,
    cells: Sequence[str | None],
    format_: str | None = None,
    timezone: str = "UTC",
) -> list[Any]:
    """Type the cells of one column; `BAD` where a cell is refused."""
    typed, bad = _run(parser(type_, format_, Zone(timezone)), cells)
    return [BAD if wrong else value for value, wrong in zip(typed, bad, strict=True)]


def reason(
    type_: AttributeType, cell: str, format_: str | None = None, timezone: str = "UTC"
) -> str | None:
    """Return the reason code for which a cell is refused; None where it is not."""
    reader = parser(type_, format_, Zone(timezone))
    _, bad = _run(reader, [cell])
    return reader.explain(cell.strip()).reason if bad[0] else None


def _run(reader: Parser, cells: Sequence[str | None]) -> tuple[list[Any], list[bool]]:
    raw = pl.Series("cell", cells, dtype=pl.String)
    typed, bad = reader.finish(raw, evaluate(raw.to_frame(), [reader.expression(raw)]).to_series())
    assert typed.dtype == reader.dtype
    assert len(typed) == len(raw)
    return typed.to_list(), [False] * len(raw) if bad is None else bad.to_list()
