"""Dates and datetimes (M038, M058, M059, M094, D26-D28, b.3).

Nothing is guessed: slashes need a declared format, a year has four digits unless the format says
%y, a local time that the clocks skip or repeat is refused, and so is what looks like milliseconds.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import polars as pl

from import_assets.mapping.datepatterns import (
    DATES,
    DATETIMES,
    NATIVE_DATES,
    NATIVE_DATETIMES,
    DatePattern,
    NativeFormat,
    compile_format,
    native_format,
)
from import_assets.mapping.localtime import UTC_TYPE, Zone, in_range
from import_assets.mapping.parsing import Parser, Quick, Step, Why

UNIX = "unix"
"""The `format` of a datetime column that holds seconds since 1970 and nothing else."""

_US = 1_000_000
_LARGEST_SECONDS = 100_000_000_000
"""Seconds beyond this are after the year 5138, so they are taken for milliseconds (D26)."""
_EARLIEST_SECONDS = -62_135_596_800
_DAY_LIKE = (19_000_101, 20_991_231)
"""Eight bare digits in this range may be YYYYMMDD as well as seconds of 1970."""

_UNIX = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?")
_UNIX_FRACTION = r"^(?P<sign>[+-]?)0*(?P<seconds>[0-9]{1,18})\.(?P<fraction>[0-9]{0,6})0*$"
_TAIL = "(?:[Tt ].*)?"
_AMBIGUOUS = re.compile(
    "(?:[0-9]{1,4}/[0-9]{1,2}/[0-9]{1,4}|[0-9]{1,2}-[0-9]{1,2}-[0-9]{2,4})" + _TAIL, re.DOTALL
)
_SHORT_YEAR = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{2}" + _TAIL, re.DOTALL)


@dataclass(frozen=True)
class DateFormat:
    """How a column of dates or datetimes is written.

    `patterns` are tried in order, after the `natives`, which only save time. `unix` tells whether
    numbers are seconds since 1970. `declared` is the format as the user wrote it, or None.
    """

    patterns: Sequence[DatePattern] = ()
    natives: Sequence[NativeFormat] = ()
    declared: str | None = None
    unix: bool = False


def date_format(text: str | None, *, time: bool) -> DateFormat | str:
    """Read the `format` of a date (or, with `time`, of a datetime); a sentence where it is none."""
    if text is None:
        return (
            DateFormat(DATETIMES, NATIVE_DATETIMES, unix=True)
            if time
            else DateFormat(DATES, NATIVE_DATES)
        )
    if text.strip().lower() == UNIX:
        if not time:
            return "format: unix is a moment, not a day: take type datetime"
        return DateFormat(declared=UNIX, unix=True)
    pattern = compile_format(text, time=time)
    if isinstance(pattern, str):
        return pattern
    native = native_format(text)
    return DateFormat((pattern,), (native,) if native else (), declared=text)


def date_parser(form: DateFormat) -> Parser:
    """Return the parser of type date."""
    return Parser(
        pl.Date(),
        quick=[partial(native.read, dtype=pl.Date()) for native in form.natives],
        slow=[_days(pattern) for pattern in form.patterns],
        explain=lambda text: _why_not_date(form, text),
    )


def datetime_parser(form: DateFormat, zone: Zone) -> Parser:
    """Return the parser of type datetime, and of the timestamps of events (M057, M058).

    Times without an offset are local times of `zone`; the values are naive UTC, in microseconds.
    """
    quick = [_native(native, zone) for native in form.natives if native.utc or zone.is_quick]
    slow: list[Step] = [_moments(pattern, zone) for pattern in form.patterns]
    if form.unix:
        quick.append(partial(_seconds, day_like=form.declared == UNIX))
        slow.insert(0, _split_seconds)
    return Parser(UTC_TYPE, quick, slow, explain=lambda text: _why_not_datetime(form, zone, text))


# --- many cells at once -------------------------------------------------------------------------


def _native(native: NativeFormat, zone: Zone) -> Quick:
    def quick(cell: pl.Expr) -> pl.Expr:
        read = native.read(cell, UTC_TYPE)
        return read if native.utc else zone.quick(read)

    return quick


def _days(pattern: DatePattern) -> Step:
    return lambda cells: pattern.read(cells)["date"]


def _moments(pattern: DatePattern, zone: Zone) -> Step:
    def step(cells: pl.Series) -> pl.Series:
        read = pattern.read(cells)
        local = pl.col("date").cast(UTC_TYPE) + pl.col("time").cast(pl.Duration("us"))
        found = read.select(
            "offset",
            local=local,
            given=in_range(local - pl.col("offset").cast(pl.Duration("us"))),
        )
        naive = found["local"].set(found["offset"].is_not_null(), None)
        if naive.null_count() == len(naive):
            return found["given"]
        return found["given"].zip_with(found["offset"].is_not_null(), zone.to_utc(naive))

    return step


def _seconds(cell: pl.Expr, *, day_like: bool) -> pl.Expr:
    value = cell.cast(pl.Int64, strict=False)
    usable = value.is_between(_EARLIEST_SECONDS, _LARGEST_SECONDS)
    if not day_like:
        usable &= ~((cell.str.len_bytes() == 8) & value.is_between(*_DAY_LIKE))
    return pl.when(usable).then(value * _US).cast(UTC_TYPE)


def _split_seconds(cells: pl.Series) -> pl.Series:
    """Seconds with a fraction, in whole numbers throughout: a float would round microseconds."""
    parts = cells.str.extract_groups(_UNIX_FRACTION).struct.unnest()
    size = pl.col("seconds").cast(pl.Int64)
    fraction = pl.col("fraction").str.pad_end(6, "0").cast(pl.Int64)
    total = pl.when(size <= _LARGEST_SECONDS).then(size * _US + fraction)
    signed = pl.when(pl.col("sign") == "-").then(-total).otherwise(total)
    usable = signed.is_between(_EARLIEST_SECONDS * _US, _LARGEST_SECONDS * _US)
    return parts.select(pl.when(usable).then(signed).cast(UTC_TYPE)).to_series()


# --- one bad cell -------------------------------------------------------------------------------


def _why_not_date(form: DateFormat, text: str) -> Why:
    for pattern in form.patterns:
        if pattern.fits(text):
            return _IMPOSSIBLE
    if form.declared is not None:
        return _unlike_format("not_a_date", form.declared)
    if why := _why_unclear(text, "%d/%m/%Y"):
        return why
    if any(pattern.fits(text) for pattern in DATETIMES):
        return Why(
            "not_a_date",
            "The cell has a time of day; take type datetime, or leave the time out in the file.",
        )
    return Why(
        "not_a_date",
        "The cell is not a date such as 2024-01-31 or 31.1.2024; mend it, or declare how dates are "
        'written, such as `format: "%d/%m/%Y"`.',
    )


def _why_not_datetime(form: DateFormat, zone: Zone, text: str) -> Why:
    if form.unix and _UNIX.fullmatch(text):
        return _why_not_seconds(text)
    for pattern in form.patterns:
        if pattern.fits(text):
            return _why_no_moment(pattern, zone, text)
        if pattern.fits_but_for_precision(text):
            return _TOO_FINE
    if form.declared == UNIX:
        return Why(
            "not_a_datetime",
            "The cell is not a number of seconds since 1970 such as 1596615705; mend it, or change "
            "the column's `format:`.",
        )
    if form.declared is not None:
        return _unlike_format("not_a_datetime", form.declared)
    return _why_unclear(text, "%d/%m/%Y %H:%M") or Why(
        "not_a_datetime",
        "The cell is not a datetime such as 2024-01-31T13:45:00, 31.1.2024 13:45 or 1706708700 "
        "(seconds since 1970); mend it, or declare how it is written, such as "
        '`format: "%Y%m%d%H%M%S"`.',
    )


_IMPOSSIBLE = Why("impossible_date", "There is no such day in the calendar; mend the date.")
_TOO_FINE = Why(
    "too_precise", "Times are kept to the microsecond; write at most six digits after the seconds."
)


def _unlike_format(reason: str, declared: str) -> Why:
    return Why(
        reason,
        f"The cell is not written as {declared} says; mend it, or change the column's `format:`.",
    )


def _why_unclear(text: str, example: str) -> Why | None:
    if _AMBIGUOUS.fullmatch(text):
        return Why(
            "ambiguous_date",
            "Day and month cannot be told apart for certain; declare how dates are written, such "
            f'as `format: "{example}"`.',
        )
    if _SHORT_YEAR.fullmatch(text):
        return Why(
            "ambiguous_date",
            "The year has two digits; write it with four, or declare it, such as "
            '`format: "%d.%m.%y"`.',
        )
    return None


def _why_not_seconds(text: str) -> Why:
    whole, _, fraction = text.partition(".")
    digits = whole.lstrip("+-")
    seconds = int(whole) if len(digits.lstrip("0")) <= 18 else 10**18
    if abs(seconds) > _LARGEST_SECONDS or (
        abs(seconds) == _LARGEST_SECONDS and fraction.strip("0")
    ):
        return Why(
            "looks_like_milliseconds",
            "The number is too large for seconds since 1970; divide milliseconds by 1000, or "
            'declare digits such as 20240131134500 with `format: "%Y%m%d%H%M%S"`.',
        )
    if len(text) == 8 and _DAY_LIKE[0] <= seconds <= _DAY_LIKE[1]:
        return Why(
            "looks_like_a_date",
            'Eight digits may be a date or seconds since 1970; declare `format: "%Y%m%d"` or '
            "`format: unix`.",
        )
    if len(fraction.rstrip("0")) > 6:
        return _TOO_FINE
    return _OUT_OF_RANGE


_OUT_OF_RANGE = Why(
    "out_of_range",
    "The moment is not within the years 1 to 9999 in UTC; mend it or leave it empty.",
)


def _why_no_moment(pattern: DatePattern, zone: Zone, text: str) -> Why:
    moment = pattern.moment(text)
    if moment.date is None:
        return _IMPOSSIBLE
    if moment.offset is not None:
        return _OUT_OF_RANGE
    local = dt.datetime.combine(moment.date, moment.time)
    fault = zone.fault(local)
    if fault == "range":
        return _OUT_OF_RANGE
    if fault == "nonexistent":
        return Why(
            "nonexistent_local_time",
            f"The clocks of {zone.name} skipped this time; mend it, or write it with an offset "
            "(2024-03-31T02:30:00+01:00) or as unix seconds.",
        )
    return Why(
        "ambiguous_local_time",
        f"The clocks of {zone.name} showed this time twice; write it with an offset "
        "(2024-10-27T02:30:00+01:00) or as unix seconds.",
    )
