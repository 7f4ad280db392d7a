"""Local times of one zone to UTC, without ever guessing (D27).

polars knows the zones up to the year 2099 and turns later summers into winters; later times, and
zones that it does not know at all, go through Python's zoneinfo, once for each distinct value.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import polars as pl

from import_assets.mapping.parsing import per_distinct

UTC_TYPE = pl.Datetime("us")
"""Naive datetimes in microseconds; once past this module they are UTC."""

EARLIEST = dt.datetime(1, 1, 1)
LATEST = dt.datetime(9999, 12, 31, 23, 59, 59, 999_999)
"""What a datetime can hold, in UTC."""

_FIRST_UNKNOWN = dt.datetime(2099, 12, 1)
_ALWAYS_UTC = frozenset({"UTC", "Etc/UTC", "Etc/UCT", "UCT", "Zulu", "Etc/Zulu", "Universal"})


def in_range(moment: pl.Expr) -> pl.Expr:
    """Return the moments of the years 1 to 9999, null for others."""
    return pl.when(moment.is_between(pl.lit(EARLIEST), pl.lit(LATEST))).then(moment)


@dataclass(frozen=True)
class Zone:
    """An IANA time zone, by name."""

    name: str

    @property
    def is_quick(self) -> bool:
        """True where polars knows the zone."""
        return self.is_utc or self._known_to_polars

    @property
    def is_utc(self) -> bool:
        """True where local time is UTC."""
        return self.name in _ALWAYS_UTC

    def quick(self, local: pl.Expr) -> pl.Expr:
        """UTC of naive local times of the years 1000 to 2098, null where there is no single one.

        Only where `is_quick`.
        """
        if self.is_utc:
            return local
        zoned = local.dt.replace_time_zone(self.name, ambiguous="null", non_existent="null")
        return zoned.dt.convert_time_zone("UTC").dt.replace_time_zone(None)

    def to_utc(self, local: pl.Series) -> pl.Series:
        """UTC of naive local times; null where ambiguous, non-existent or out of range."""
        if self.is_utc:
            return local
        if not self.is_quick:
            return per_distinct(self._exact, UTC_TYPE)(local)
        beyond = (local >= _FIRST_UNKNOWN).fill_null(value=False)
        known = local.set(beyond, None).to_frame("local")
        utc = known.select(in_range(self.quick(pl.col("local")))).to_series()
        left = beyond.arg_true()
        if left.is_empty():
            return utc
        exact = per_distinct(self._exact, UTC_TYPE)(local.gather(left))
        return utc.scatter(left, exact)

    def fault(self, local: dt.datetime) -> Literal["ambiguous", "nonexistent", "range"] | None:
        """Say why a local time has no single instant in UTC, or None where it has one."""
        first, second = self._offsets(local)
        if first < second:
            return "nonexistent"
        if first > second:
            return "ambiguous"
        zero = dt.timedelta(0)
        fits = EARLIEST + max(first, zero) <= local <= LATEST + min(first, zero)
        return None if fits else "range"

    def _exact(self, local: dt.datetime | None) -> dt.datetime | None:
        if local is None or self.fault(local):
            return None
        return local - self._offsets(local)[0]

    def _offsets(self, local: dt.datetime) -> tuple[dt.timedelta, dt.timedelta]:
        """Offsets from UTC before and after a change of clocks at this time; equal without one."""
        pair = [local.replace(tzinfo=self._info, fold=fold).utcoffset() for fold in (0, 1)]
        return pair[0] or dt.timedelta(0), pair[1] or dt.timedelta(0)

    @cached_property
    def _info(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.name)

    @cached_property
    def _known_to_polars(self) -> bool:
        probe = pl.Series([EARLIEST], dtype=UTC_TYPE)
        try:
            probe.dt.replace_time_zone(self.name, non_existent="null", ambiguous="null")
        except pl.exceptions.ComputeError:
            return False
        return True
