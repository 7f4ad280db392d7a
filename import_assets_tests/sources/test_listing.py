"""Listings that several imports share, and those that take several looks (M015, M018)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from import_assets.errors import SourceError
from import_assets.sources.delivery import Delivery
from import_assets.sources.listing import ListingCache, ListingUnfinishedError, list_matching
from import_assets.sources.storage.base import Report
from import_assets.spec.patterns import FilePattern
from import_assets_tests.fakes.storage import FakeStorage

SECOND = timedelta(seconds=1)


class Slow(FakeStorage):
    """Counts how often it is listed, and lets time pass with each file."""

    def __init__(self, files: int, seconds_a_file: float = 0.0, *, remote: bool = True) -> None:
        super().__init__()
        for number in range(files):
            self.put(f"{number:04}.csv", b"x")
        self.now = 0.0
        self.listed = 0
        self.break_at: int | None = None
        self._seconds = seconds_a_file
        self._remote = remote

    @property
    def is_remote(self) -> bool:
        return self._remote

    def clock(self) -> float:
        return self.now

    def list(self, recursive: bool, report: Report) -> Iterator[Delivery]:
        self.listed += 1
        for number, delivery in enumerate(super().list(recursive, report)):
            if number == self.break_at:
                self.break_at = None
                raise SourceError("the connection broke")
            self.now += self._seconds
            yield delivery


def names(storage: Slow, cache: ListingCache, pattern: str, within: timedelta | None = None) -> int:
    return len(list_matching(storage, FilePattern(pattern), within, cache).deliveries)


def test_imports_of_one_folder_share_a_listing() -> None:
    storage = Slow(20)
    cache = ListingCache(60, storage.clock)
    assert names(storage, cache, "*.csv") == 20
    assert names(storage, cache, "000?.csv") == 10
    assert storage.listed == 1
    storage.now += 61
    storage.put("new.csv", b"x")
    assert names(storage, cache, "*.csv") == 21
    assert storage.listed == 2


def test_a_listing_is_not_kept_alive_by_being_asked_for() -> None:
    storage = Slow(3)
    cache = ListingCache(60, storage.clock)
    assert names(storage, cache, "*.csv") == 3
    storage.put("new.csv", b"x")
    found = []
    for _ in range(4):
        storage.now += 25
        found.append(names(storage, cache, "*.csv"))
    assert found == [3, 3, 4, 4]


def test_a_folder_of_this_machine_is_always_looked_at_anew() -> None:
    storage = Slow(3, remote=False)
    cache = ListingCache(60, storage.clock)
    assert names(storage, cache, "*.csv") == 3
    storage.put("new.csv", b"x")
    assert names(storage, cache, "*.csv") == 4


def test_folders_inside_are_another_listing() -> None:
    storage = Slow(2)
    storage.put("sub/a.csv", b"x")
    cache = ListingCache(60, storage.clock)
    assert names(storage, cache, "*.csv") == 2
    assert names(storage, cache, "/.*/.*/") == 1


def test_a_long_listing_goes_on_where_it_was() -> None:
    """A sensor stops itself before its time is over, and nothing is listed twice."""
    storage = Slow(1_000, seconds_a_file=0.01)
    cache = ListingCache(60, storage.clock)
    looks = 0
    while True:
        looks += 1
        before = storage.now
        try:
            found = names(storage, cache, "*.csv", 3 * SECOND)
        except ListingUnfinishedError as error:
            assert f"{looks * 400:,} files so far" in str(error)  # noqa: PT017
            assert storage.now - before < 5
        else:
            break
    assert (found, looks, storage.listed) == (1_000, 3, 1)


def test_a_listing_that_broke_begins_again() -> None:
    storage = Slow(1_000, seconds_a_file=0.01)
    storage.break_at = 500
    cache = ListingCache(60, storage.clock)
    with pytest.raises(ListingUnfinishedError):
        names(storage, cache, "*.csv", 3 * SECOND)
    with pytest.raises(SourceError, match="the connection broke"):
        names(storage, cache, "*.csv", 3 * SECOND)
    assert storage.listed == 1
    assert names(storage, cache, "*.csv") == 1_000
    assert storage.listed == 2


def test_a_listing_that_was_given_up_begins_again() -> None:
    storage = Slow(1_000, seconds_a_file=0.01)
    cache = ListingCache(60, storage.clock)
    with pytest.raises(ListingUnfinishedError):
        names(storage, cache, "*.csv", SECOND)
    storage.now += 3_600
    assert names(storage, cache, "*.csv") == 1_000
    assert storage.listed == 2


def test_two_threads_list_a_folder_once() -> None:
    storage = Slow(2_000)
    cache = ListingCache(60, storage.clock)
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(names(storage, cache, "*.csv")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [2_000] * 8
    assert storage.listed == 1
