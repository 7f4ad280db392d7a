"""From the values of a database driver to a column of a frame, as a whole and not one by one.

Where a driver says what a column is, the column is that, whatever its values are: an empty first
block says as much as a full one. Where it does not, the values of each block decide.

What a type of polars cannot hold makes the block's column text: numbers of more than 38 digits,
`NaN` and `infinity` among decimals, `infinity`, years outside 1 to 9999 and MySQL's zero dates
among times. Nothing becomes null or another value.
"""

from __future__ import annotations

import datetime as dt
import json as jsontext
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from import_assets.records import ColumnKind

_MOST_DIGITS = 38
_UTC_TYPE = pl.Datetime("us", "UTC")
_TIME_FORMAT = "%Y-%m-%d %H:%M:%S%.f"
_MICROSECONDS_A_DAY = 86_400_000_000
_FIRST_DAY, _LAST_DAY = ((day - dt.date(1970, 1, 1)).days for day in (dt.date.min, dt.date.max))
_DAYS_WRITTEN = 73_000_000
"""Days since 1970 up to which polars can write one, 200,000 years; `infinity` lies beyond."""


class Binary(Exception):
    """A column holds bytes, which no attribute can."""


@dataclass(frozen=True)
class SqlColumn:
    """A column as the driver describes it.

    `kind` is None where only its values tell; numbers, times and dates of a known kind come as
    texts, except whole and floating ones. `scale` is the number of digits after the point of a
    decimal, None where each value has its own.
    """

    name: str
    kind: ColumnKind | Literal["binary"] | None = None
    scale: int | None = None
    fractions: bool = False
    """Whether it was declared for numbers with a fraction, of which some may come as whole ones."""

    @property
    def declared(self) -> ColumnKind | None:
        """What the database says that it is, or None where only its values tell."""
        if self.fractions:
            return "number"
        return None if self.kind == "binary" else self.kind


_EXACT = 2**53
"""Whole numbers up to this one have a 64-bit float of their own."""


def to_series(column: SqlColumn, values: Sequence[Any]) -> pl.Series:
    """Return the values of one block of a column.

    Raises:
        Binary: they are bytes.
    """
    if column.fractions:
        values = [float(v) if type(v) is int and -_EXACT <= v <= _EXACT else v for v in values]
    convert = _guessed if column.kind is None else _BY_KIND.get(column.kind)
    if column.kind == "decimal":
        return decimals(column.name, values, column.scale)
    if convert is None:
        raise Binary(column.name)
    return convert(column.name, values)


def integers(name: str, values: Sequence[int | None]) -> pl.Series:
    """Return whole numbers, as decimals where they do not fit 64 bits."""
    try:
        return pl.Series(name, values, dtype=pl.Int64)
    except (OverflowError, TypeError):
        texts = [None if value is None else str(value) for value in values]
        return decimals(name, texts, 0)


def decimals(name: str, texts: Sequence[str | None], scale: int | None) -> pl.Series:
    """Return decimals, with so many digits after the point as are there if none are said."""
    read = pl.Series(name, texts, dtype=pl.String)
    if scale is None:
        fraction = read.str.extract(r"\.(\d+)$").str.len_chars()
        longest = fraction.max()
        scale = longest if isinstance(longest, int) else 0
    if scale > _MOST_DIGITS:
        return read
    cast = read.cast(pl.Decimal(_MOST_DIGITS, scale), strict=False)
    return cast if cast.null_count() == read.null_count() else read


def within_years(values: pl.Series) -> pl.Series:
    """Return times or dates, as texts where one lies outside the years 1 to 9999.

    Databases that keep `infinity` as a far-off time would have it taken for a day.
    """
    if not isinstance(values.dtype, pl.Datetime | pl.Date) or values.null_count() == len(values):
        return values
    days = values.to_physical() // (1 if values.dtype == pl.Date else _MICROSECONDS_A_DAY)
    low, high = days.min(), days.max()
    if isinstance(low, int) and isinstance(high, int) and low >= _FIRST_DAY and high <= _LAST_DAY:
        return values
    past, future = days < -_DAYS_WRITTEN, days > _DAYS_WRITTEN
    texts = _texts(values.set(past | future, None))
    return texts.set(past, "-infinity").set(future, "infinity")


def _texts(values: pl.Series) -> pl.Series:
    from import_assets.records import as_text

    return as_text(values)


def _dates(name: str, texts: Sequence[str | None]) -> pl.Series:
    read = pl.Series(name, texts, dtype=pl.String)
    # Arrow's own reader is ten times as fast, and gives up at the first odd value.
    try:
        return within_years(pl.Series(name, pc.cast(read.to_arrow(), pa.date32())))
    except pa.ArrowInvalid:
        return _odd(read, read.str.to_date("%Y-%m-%d", strict=False))


def _times(name: str, texts: Sequence[str | None], dtype: pl.Datetime) -> pl.Series:
    """Read times such as `2026-01-01 10:00:00.5`; those known in UTC may have `+00` behind."""
    read = pl.Series(name, texts, dtype=pl.String)
    plain = read.str.strip_suffix("+00") if dtype.time_zone else read
    try:
        times = pl.Series(name, pc.cast(plain.to_arrow(), pa.timestamp("us")))
    except pa.ArrowInvalid:
        times = plain.str.to_datetime(_TIME_FORMAT, time_unit="us", strict=False)
    if dtype.time_zone:
        times = times.dt.replace_time_zone(dtype.time_zone)
    return _odd(read, times)


def _odd(read: pl.Series, times: pl.Series) -> pl.Series:
    """Return times, or where some could not be read, texts: those as the database wrote them."""
    if times.null_count() == read.null_count():
        return within_years(times)
    return pl.select(pl.coalesce(_texts(times), read).alias(read.name)).to_series()


def _lists(name: str, values: Sequence[Sequence[Any] | None]) -> pl.Series:
    """Return lists of texts. An element that is null says nothing and is left out."""
    rows = [
        None if row is None else [_item(item) for item in row if item is not None] for row in values
    ]
    return pl.Series(name, rows, dtype=pl.List(pl.String))


def _item(item: Any) -> str:
    if isinstance(item, str):
        return item
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, bytes | bytearray | memoryview):
        raise Binary
    if isinstance(item, list | tuple | dict):
        return _json(item)
    return str(item)


def _json(value: Any) -> str:
    return jsontext.dumps(value, ensure_ascii=False, default=str)


def _duration(value: dt.timedelta) -> str:
    """Return a duration as ISO 8601 writes it: `PT26H3M4.5S`."""
    sign = "-" if value < dt.timedelta() else ""
    microseconds = abs(value) // dt.timedelta(microseconds=1)
    minutes, rest = divmod(microseconds, 60_000_000)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{Decimal(rest).scaleb(-6).normalize():f}"
    return f"{sign}PT{hours}H{minutes}M{seconds}S"


def _each(as_text: Callable[[Any], str]) -> Callable[[str, Sequence[Any]], pl.Series]:
    def convert(name: str, values: Sequence[Any]) -> pl.Series:
        texts = [None if value is None else as_text(value) for value in values]
        return pl.Series(name, texts, dtype=pl.String)

    return convert


def _guessed_decimals(name: str, values: Sequence[Decimal | None]) -> pl.Series:
    return decimals(name, [None if value is None else f"{value:f}" for value in values], None)


def _guessed_times(name: str, values: Sequence[dt.datetime | None]) -> pl.Series:
    zoned = {value.tzinfo is not None for value in values if value is not None}
    if zoned == {False}:
        return pl.Series(name, values, dtype=pl.Datetime("us"))
    if zoned == {True}:
        times = [None if value is None else value.astimezone(dt.UTC) for value in values]
        return pl.Series(name, times, dtype=_UTC_TYPE)
    return _each(dt.datetime.isoformat)(name, values)


def _words(name: str, values: Sequence[str | bytes | None]) -> pl.Series:
    try:
        return pl.Series(name, values, dtype=pl.String)
    except TypeError as error:
        raise Binary(name) from error


def _typed(dtype: pl.DataType) -> Callable[[str, Sequence[Any]], pl.Series]:
    return lambda name, values: pl.Series(name, values, dtype=dtype)


_BY_KIND: dict[str, Callable[[str, Sequence[Any]], pl.Series]] = {
    "integer": integers,
    "number": _typed(pl.Float64()),
    "boolean": _typed(pl.Boolean()),
    "date": _dates,
    "datetime": lambda name, values: _times(name, values, pl.Datetime("us")),
    "instant": lambda name, values: _times(name, values, _UTC_TYPE),
    "list": _lists,
    "text": _words,
    "json": _words,
}
_BY_TYPE: dict[type, Callable[[str, Sequence[Any]], pl.Series]] = {
    str: _typed(pl.String()),
    int: integers,
    float: _typed(pl.Float64()),
    bool: _typed(pl.Boolean()),
    Decimal: _guessed_decimals,
    dt.datetime: _guessed_times,
    dt.date: _typed(pl.Date()),
    dt.time: _each(dt.time.isoformat),
    dt.timedelta: _each(_duration),
    UUID: _each(str),
    list: _lists,
    tuple: _lists,
    dict: _each(_json),
}
_BYTES = {bytes, bytearray, memoryview}


def _guessed(name: str, values: Sequence[Any]) -> pl.Series:
    types = set(map(type, values)) - {type(None)}
    if types & _BYTES:
        raise Binary(name)
    if not types:
        return pl.Series(name, values, dtype=pl.Null)
    convert = _BY_TYPE.get(next(iter(types))) if len(types) == 1 else None
    return (convert or _each(_plain))(name, values)


def _plain(value: Any) -> str:
    """Return the text of one value among others of other types."""
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    return repr(value) if isinstance(value, float) else _item(value)
