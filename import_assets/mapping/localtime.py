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

    def fast(self, local: pl.Expr) -> pl.Expr:
        """UTC of naive local times; null where `slow` has to look, or there is no single answer."""
        if self.name in _ALWAYS_UTC:
            return in_range(local)
        if not self._known_to_polars:
            return pl.when(local.is_null()).then(local)
        known = pl.when(local < _FIRST_UNKNOWN).then(local)
        return in_range(
            known.dt.replace_time_zone(self.name, ambiguous="null", non_existent="null")
            .dt.convert_time_zone("UTC")
            .dt.replace_time_zone(None)
        )

    def to_utc(self, local: pl.Series) -> pl.Series:
        """UTC of naive local times; null where ambiguous, non-existent or out of range."""
        utc = local.to_frame("local").select(self.fast(pl.col("local"))).to_series()
        late = local >= _FIRST_UNKNOWN if self._known_to_polars else local.is_not_null()
        left = (late & utc.is_null()).arg_true()
        if left.is_empty() or self.name in _ALWAYS_UTC:
            return utc
        distinct = local.gather(left).unique()
        known = pl.DataFrame(
            {
                "local": distinct,
                "utc": pl.Series([self._exact(moment) for moment in distinct], dtype=UTC_TYPE),
            }
        )
        found = (
            local.gather(left)
            .to_frame("local")
            .join(known, on="local", how="left", maintain_order="left")
        )
        return utc.scatter(left, found["utc"])

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

    def _exact(self, local: dt.datetime) -> dt.datetime | None:
        return None if self.fault(local) else local - self._offsets(local)[0]

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
