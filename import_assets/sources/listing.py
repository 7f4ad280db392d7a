"""The matching files of a storage at one moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from import_assets.errors import SourceError
from import_assets.sources.delivery import Delivery
from import_assets.sources.storage.base import Storage
from import_assets.sources.storage.keys import true_path
from import_assets.spec.patterns import FilePattern

_CLOCK_EVERY = 1_000


@dataclass(frozen=True)
class Listing:
    """The files of a storage that match a filter (M015, M020).

    `others` is the number of files that were seen and do not match. `faults` are sentences about
    what could not be listed; it is for the user's eyes and never a reason to stop the rest.
    """

    deliveries: Sequence[Delivery]
    others: int = 0
    faults: Sequence[str] = ()


def list_matching(
    storage: Storage,
    pattern: FilePattern,
    within: timedelta | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Listing:
    """List the files of a storage that match the filter.

    Only matching files are kept in memory. A file that the storage lists twice, as it may while
    the folder changes, counts once.

    Raises:
        SourceError: the folder cannot be listed, or takes longer than `within`. An incomplete
            listing is no answer: the same files would be missing from it every time.
    """
    found: dict[str, Delivery] = {}
    faults: list[str] = []
    started, others = clock(), 0
    listed = storage.list(pattern.reaches_into_folders, faults.append)
    for seen, delivery in enumerate(listed, start=1):
        if pattern.matches(true_path(delivery.path)):
            found[delivery.key] = delivery
        else:
            others += 1
        if within is not None and seen % _CLOCK_EVERY == 0:
            _check_time(storage, seen, clock() - started, within)
    return Listing(tuple(found.values()), others, tuple(faults))


def _check_time(storage: Storage, seen: int, seconds: float, within: timedelta) -> None:
    if seconds > within.total_seconds():
        raise SourceError(
            f"listing the {storage.place} takes longer than {within.total_seconds():.0f} s, after "
            f"{seen:,} files: move imported files away, or name a smaller folder in the definition"
        )
