"""Texts of a database's cells, given their types back: the way back from `records.as_text`.

A cell that a person mended is one of its column again if it is written as the column's cells are
shown. If it is written in another way, it is a text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping

import polars as pl

from import_assets.records import ColumnKind, as_text

TEXT_KINDS: tuple[ColumnKind, ...] = ("text", "json", "element")
"""Kinds whose cells are texts."""

_MOST_DIGITS = 38
_EXACT_DIGITS = 15
"""So many decimal digits each 64-bit float gives back."""
_TIME = "%Y-%m-%dT%H:%M:%S%.f"
_PLAIN = r"^-?[0-9]+(\.[0-9]+)?$"


def retyped(
    frame: pl.DataFrame, kinds: Mapping[str, ColumnKind]
) -> Iterator[tuple[pl.Series, pl.DataFrame, frozenset[str]]]:
    """Yield rows of texts, with those together that have the same columns typed.

    A row whose cell is none of its column's kind keeps that one as text, and is no reason to take
    the cells of other rows for anything but what they were.

    Args:
        frame: texts.
        kinds: what the cells of the columns were, text where left out.

    Yields:
        The places of the rows in `frame`, ascending; the rows; and which columns are typed.
    """
    typed = {
        name: _WAYS[kind](frame[name])
        for name, kind in kinds.items()
        if name in frame.columns and kind not in TEXT_KINDS
    }
    others = [
        (cells.is_null() & frame[name].is_not_null()).alias(str(at))
        for at, (name, cells) in enumerate(typed.items())
    ]
    places = pl.DataFrame([pl.int_range(frame.height, eager=True).alias("place"), *others])
    alike = [one.name for one in others if one.any()]
    groups = places.partition_by(alike, maintain_order=True) if alike else [places]
    for group in groups:
        texts = frozenset(
            name for name, one in zip(typed, others, strict=True) if group[one.name].any()
        )
        rows = group["place"]
        columns = frame.with_columns(cells for name, cells in typed.items() if name not in texts)
        yield rows, columns[rows], frozenset(typed.keys() - texts)


def _where(right: pl.Series, cells: pl.Series) -> pl.Series:
    return pl.select(
        pl.when(right.fill_null(value=False)).then(cells).alias(cells.name)
    ).to_series()


def _same(texts: pl.Series, cells: pl.Series) -> pl.Series:
    return as_text(cells) == texts


def _boolean(texts: pl.Series) -> pl.Series:
    return texts.replace_strict(
        {"true": True, "false": False}, default=None, return_dtype=pl.Boolean
    )


def _integer(texts: pl.Series) -> pl.Series:
    cells = texts.cast(pl.Int64, strict=False)
    return _where(_same(texts, cells), cells)


def _number(texts: pl.Series) -> pl.Series:
    """Read numbers; what is shown as 2.5 may be written 2.50 too, as long as no digit gets lost."""
    cells = texts.cast(pl.Float64, strict=False)
    digits = texts.str.count_matches("[0-9]")
    plain = texts.str.contains(_PLAIN) & (digits <= _EXACT_DIGITS)
    return _where(plain | _same(texts, cells), cells)


def _decimal(texts: pl.Series) -> pl.Series:
    plain = _where(texts.str.contains(_PLAIN), texts)
    whole = _longest(plain, r"^-?0*([0-9]*)")
    scale = min(_longest(plain, r"\.([0-9]+)$"), max(_MOST_DIGITS - whole, 0))
    fits = plain.str.extract(r"\.([0-9]+)$").str.len_chars().fill_null(0) <= scale
    return _where(fits, plain).cast(pl.Decimal(_MOST_DIGITS, scale), strict=False)


def _longest(texts: pl.Series, pattern: str) -> int:
    longest = texts.str.extract(pattern).str.len_chars().max()
    return longest if isinstance(longest, int) else 0


def _date(texts: pl.Series) -> pl.Series:
    cells = texts.str.to_date("%Y-%m-%d", strict=False)
    return _where(_same(texts, cells), cells)


def _datetime(texts: pl.Series) -> pl.Series:
    cells = texts.str.to_datetime(_TIME, strict=False, time_unit="us")
    return _where(_same(texts, cells), cells)


def _instant(texts: pl.Series) -> pl.Series:
    utc = texts.str.ends_with("Z")
    return _datetime(_where(utc, texts.str.strip_suffix("Z"))).dt.replace_time_zone("UTC")


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
"""Of texts the cells of a kind, null where one is none."""
