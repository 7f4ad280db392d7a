"""A delivery: one version of one file, as a source lists it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS_MIN = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_MICROSECONDS_MAX = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


class Delivery(NamedTuple):
    """One version of one file (D01).

    `key` is the path below the source's folder with `/` between its parts, usable as a partition
    key (see `import_assets.sources.storage.keys`). `fingerprint` changes whenever the content
    may have changed. `size` is in bytes, `modified` in UTC. `long_path` is the whole path where
    the key had to be shortened.
    """

    key: str
    fingerprint: str
    size: int
    modified: datetime
    long_path: str | None = None

    @property
    def path(self) -> str:
        """The whole path below the folder, however long: the order of names goes by it."""
        return self.key if self.long_path is None else self.long_path


def utc_from_microseconds(microseconds: int) -> datetime:
    """Return the instant so many microseconds after 1970 in UTC.

    Instants outside the years 1 to 9999, which file systems can hold, become the nearest one.
    """
    within = min(max(microseconds, _MICROSECONDS_MIN), _MICROSECONDS_MAX)
    return _EPOCH + timedelta(microseconds=within)


def microseconds_from_utc(instant: datetime) -> int:
    """Return the microseconds from 1970 to an instant."""
    return (instant - _EPOCH) // timedelta(microseconds=1)
