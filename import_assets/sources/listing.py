"""The matching files of a storage at one moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from import_assets.errors import SourceError
from import_assets.sources.delivery import Delivery
from import_assets.sources.storage.base import Storage
from import_assets.sources.storage.keys import true_path
from import_assets.spec.patterns import FilePattern

_CLOCK_EVERY = 100
_ABANDONED_SECONDS = 1_800.0


class ListingUnfinishedError(SourceError):
    """Listing a storage takes longer than it may at once; the next call goes on with it."""


@dataclass(frozen=True)
class Listing:
    """The files of a storage that match a filter (M015, M020).

    `others` is the number of files that were seen and do not match. `faults` are sentences about
    what could not be listed; it is for the user's eyes and never a reason to stop the rest. `at` is
    when listing began, in UTC: the files were as they are said to be then or later.
    """

    deliveries: Sequence[Delivery]
    others: int = 0
    faults: Sequence[str] = ()
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


def list_matching(
    storage: Storage,
    pattern: FilePattern,
    within: timedelta | None = None,
    cache: ListingCache | None = None,
) -> Listing:
    """List the files of a storage that match the filter.

    A file that the storage lists twice, as it may while the folder changes, counts once.

    Args:
        storage: the folder.
        pattern: the filter.
        within: how long it may take.
        cache: where listings that several imports share, or that take several looks, are kept.

    Raises:
        ListingUnfinishedError: it takes longer than `within`. An incomplete listing is no answer:
            the same files would be missing from it every time. With a cache, the next call goes on
            where this one stopped.
        SourceError: the folder cannot be listed.
    """
    whole = (cache or ListingCache()).whole(storage, pattern.reaches_into_folders, within)
    matches = pattern.matcher()
    found = {one.key: one for one in whole.deliveries if matches(true_path(one.path))}
    others = len(whole.deliveries) - len(found)
    return Listing(tuple(found.values()), others, whole.faults, whole.at)


@dataclass
class _Progress:
    """A listing on its way."""

    rest: Iterator[Delivery]
    faults: list[str]
    at: datetime
    found: dict[str, Delivery] = field(default_factory=dict)


@dataclass
class _Shelf:
    """What is known of one folder. `lock` is held by who lists it, for all others too."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    progress: _Progress | None = None
    done: Listing | None = None
    done_at: float = 0.0
    touched: float = 0.0


class ListingCache:
    """Listings of storages, kept a while for the imports that look at the same folder."""

    def __init__(
        self, keep_seconds: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Keep finished listings of remote storages for `keep_seconds`."""
        self._keep = keep_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._shelves: dict[tuple[str, bool], _Shelf] = {}

    def whole(self, storage: Storage, recursive: bool, within: timedelta | None) -> Listing:
        """Return all files of a storage; raises like `list_matching`."""
        deadline = None if within is None else self._clock() + within.total_seconds()
        with self._lock:
            shelf = self._shelves.setdefault((storage.place, recursive), _Shelf())
        if not shelf.lock.acquire(timeout=-1 if within is None else within.total_seconds()):
            raise _unfinished(storage, shelf.progress, within)
        try:
            now = self._clock()
            # From when it was made, not from when it was last asked for, or it would live for ever.
            if shelf.done is not None and now - shelf.done_at < self._keep:
                return shelf.done
            if shelf.progress is not None and now - shelf.touched >= _ABANDONED_SECONDS:
                shelf.progress = None
            return self._driven(shelf, storage, recursive, deadline, within)
        finally:
            shelf.touched = self._clock()
            shelf.lock.release()

    def _driven(
        self,
        shelf: _Shelf,
        storage: Storage,
        recursive: bool,
        deadline: float | None,
        within: timedelta | None,
    ) -> Listing:
        shelf.done = None
        if shelf.progress is None:
            faults: list[str] = []
            rest = iter(storage.list(recursive, faults.append))
            shelf.progress = _Progress(rest, faults, datetime.now(UTC))
        progress = shelf.progress
        try:
            ended = self._read(progress, deadline)
        except BaseException:
            shelf.progress = None
            raise
        if not ended:
            raise _unfinished(storage, progress, within)
        shelf.progress = None
        whole = Listing(tuple(progress.found.values()), 0, tuple(progress.faults), progress.at)
        if storage.is_remote:
            shelf.done, shelf.done_at = whole, self._clock()
        return whole

    def _read(self, progress: _Progress, deadline: float | None) -> bool:
        """Read on until the end or the deadline; tell whether the end was met."""
        for seen, delivery in enumerate(progress.rest, start=1):
            progress.found[delivery.key] = delivery
            if deadline is not None and seen % _CLOCK_EVERY == 0 and self._clock() > deadline:
                return False
        return True


def _unfinished(
    storage: Storage, progress: _Progress | None, within: timedelta | None
) -> ListingUnfinishedError:
    seconds = within.total_seconds() if within else 0
    count = len(progress.found) if progress else 0
    return ListingUnfinishedError(
        f"listing the {storage.place} takes longer than {seconds:.0f} s: {count:,} files so far, "
        "the next look goes on from there; should it never end, move imported files away, or name "
        "a smaller folder in the definition"
    )
