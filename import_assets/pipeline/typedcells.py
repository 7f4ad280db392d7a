"""Texts of a database's cells, given their types back: the way back from `records.as_text`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import polars as pl

from import_assets.records import ColumnKind, as_text

TEXT_KINDS: tuple[ColumnKind, ...] = ("text", "json", "element")
"""Kinds whose cells are texts."""

_MOST_DIGITS = 38
_TIME = "%Y-%m-%dT%H:%M:%S%.f"


def typed_where_whole(frame: pl.DataFrame, kinds: Mapping[str, ColumnKind]) -> pl.DataFrame:
    """Return texts with those columns typed in which every cell is of the column's kind.

    In the others a cell was mended to be something else. They stay texts, as columns of a database
    do that cannot hold all of their values.
    """
    typed = (
        _WAYS[kind](frame[name])
        for name, kind in kinds.items()
        if name in frame.columns and kind not in TEXT_KINDS
    )
    return frame.with_columns(
        one for one in typed if as_text(one).eq_missing(frame[one.name]).all()
    )


def _boolean(texts: pl.Series) -> pl.Series:
    return texts.replace_strict(
        {"true": True, "false": False}, default=None, return_dtype=pl.Boolean
    )


def _integer(texts: pl.Series) -> pl.Series:
    return texts.cast(pl.Int64, strict=False)


def _number(texts: pl.Series) -> pl.Series:
    return texts.cast(pl.Float64, strict=False)


def _decimal(texts: pl.Series) -> pl.Series:
    digits = texts.str.extract(r"\.([0-9]+)$").drop_nulls().to_list()
    scale = max(map(len, digits), default=0)
    return texts.cast(pl.Decimal(_MOST_DIGITS, min(scale, _MOST_DIGITS)), strict=False)


def _date(texts: pl.Series) -> pl.Series:
    return texts.str.to_date("%Y-%m-%d", strict=False)


def _datetime(texts: pl.Series) -> pl.Series:
    return texts.str.to_datetime(_TIME, strict=False, time_unit="us")


def _instant(texts: pl.Series) -> pl.Series:
    return _datetime(texts.str.strip_suffix("Z")).dt.replace_time_zone("UTC")


def _list(texts: pl.Series) -> pl.Series:
    return pl.Series(texts.name, [_items(text) for text in texts], pl.List(pl.String))


def _items(text: str | None) -> list[str] | None:
    try:
        found = None if text is None else json.loads(text)
    except ValueError:
        return None
    is_list = isinstance(found, list) and all(isinstance(one, str) for one in found)
    return found if is_list else None


_WAYS: dict[ColumnKind, Callable[[pl.Series], pl.Series]] = {
    "boolean": _boolean,
    "integer": _integer,
    "number": _number,
    "decimal": _decimal,
    "date": _date,
    "datetime": _datetime,
    "instant": _instant,
    "list": _list,
}
