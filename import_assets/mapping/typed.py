"""Cells that are typed already, because they come from a database.

A value that is of its attribute's type, or can become it without losing anything, is taken as it
is. Whatever cannot goes on as text, and so is accepted or refused, with the same reason, as if a
file had held it.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from import_assets.mapping.localtime import UTC_TYPE, Zone
from import_assets.records import ColumnKind
from import_assets.spec.models import AttributeType

NATURAL: dict[ColumnKind, AttributeType] = {
    "text": "text",
    "integer": "integer",
    "number": "number",
    "decimal": "number",
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
    "instant": "datetime",
    "list": "list",
    "json": "json",
    "element": "text",
}
"""The type of the attribute that a column without a rule becomes."""

_EXACT = 2**53
"""Whole numbers up to this one have a 64-bit float of their own."""

Direct = Callable[[pl.Series], pl.Series]
"""Takes cells over; null where that is not possible, or there is nothing."""


def direct(kind: ColumnKind, type_: AttributeType, zone: Zone) -> Direct | None:
    """Return how cells of a kind become values of a type, or None where they have to go as text.

    Args:
        kind: what the database says the cells are.
        type_: the attribute's type.
        zone: the zone of local times.
    """
    if kind == "datetime" and type_ == "datetime":
        return lambda cells: zone.to_utc(cells.cast(UTC_TYPE))
    return _DIRECT.get((kind, type_))


def _finite(cells: pl.Series) -> pl.Series:
    return cells.set(~cells.is_finite(), None)


def _integer_to_number(cells: pl.Series) -> pl.Series:
    exact = cells.is_between(-_EXACT, _EXACT)
    return cells.set(~exact, None).cast(pl.Float64)


def _decimal_to_number(cells: pl.Series) -> pl.Series:
    """Take decimals that the nearest float gives back; others would lose digits."""
    values = cells.cast(pl.Float64)
    back = values.cast(cells.dtype, strict=False)
    return values.set((back != cells).fill_null(value=True), None)


def _whole(cells: pl.Series) -> pl.Series:
    values = cells.cast(pl.Float64)
    whole = (values.round(0) == values) & values.is_between(-_EXACT, _EXACT)
    whole &= (values.cast(cells.dtype, strict=False) == cells).fill_null(value=False)
    return values.set(~whole, None).cast(pl.Int64, strict=False)


def _as_it_is(cells: pl.Series) -> pl.Series:
    return cells


def _instant(cells: pl.Series) -> pl.Series:
    return cells.dt.convert_time_zone("UTC").dt.replace_time_zone(None).cast(UTC_TYPE)


_DIRECT: dict[tuple[ColumnKind, AttributeType], Direct] = {
    ("integer", "integer"): _as_it_is,
    ("integer", "number"): _integer_to_number,
    ("number", "number"): _finite,
    ("number", "integer"): _whole,
    ("decimal", "number"): _decimal_to_number,
    ("decimal", "integer"): _whole,
    ("boolean", "boolean"): _as_it_is,
    ("date", "date"): _as_it_is,
    ("instant", "datetime"): _instant,
    ("list", "list"): _as_it_is,
}
