"""What the buckets of all systems have in common: objects whose names only look like paths."""

from __future__ import annotations

import io
from abc import abstractmethod
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import BinaryIO, NamedTuple

from import_assets.errors import Disconnected, SourceError, UnknownName
from import_assets.sources.delivery import Delivery
from import_assets.sources.storage.base import Report, Storage
from import_assets.sources.storage.keys import (
    decode_path,
    encode_path,
    is_delivery_name,
    is_entered,
    is_plain,
    may_be_shortened,
    shorten,
)

MAX_NAME_BYTES = 1_024
"""Bytes of the longest name in UTF-8, in the buckets of all systems."""


class StoredObject(NamedTuple):
    """An object of a bucket as it is now.

    `name` is the whole one, `size` is in bytes, `modified` in UTC, and `version` becomes the
    fingerprint of the delivery.
    """

    name: str
    size: int
    modified: datetime
    version: str


class BucketStorage(Storage):
    """The objects of a bucket whose names begin with a prefix.

    A bucket has no folders: `..`, `//` and a slash at the beginning are letters of a name like any
    others. An empty listing is therefore no error as long as the bucket itself can be listed.
    Objects whose names end with a slash only stand for folders and are left out.
    """

    def __init__(self, name: str, bucket: str, prefix: str) -> None:
        """Take the name of the connection, the bucket, and a prefix: empty, or with `/` behind."""
        self.name = name
        self.bucket = bucket
        self.prefix = prefix

    @property
    def place(self) -> str:
        """The folder, the bucket and the connection."""
        bucket = f"bucket {self.bucket} (connection {self.name})"
        folder = encode_path(self.prefix.encode())
        return f"folder {folder} of {bucket}" if folder else bucket

    @property
    def is_remote(self) -> bool:
        """See `Storage.is_remote`."""
        return True

    def list(self, recursive: bool, report: Report) -> Iterator[Delivery]:
        """See `Storage.list`. The answer is taken page by page."""
        for found in self._listed(self.prefix, recursive, report):
            name = found.name.removeprefix(self.prefix)
            plain = is_plain(name)
            path = name if plain else encode_path(name.encode())
            if not _is_taken(path):
                continue
            if plain or decode_path(path) is not None:
                yield _delivery(path, found)
            else:
                self._report_name(path, report)

    def stat(self, key: str) -> Delivery:
        """See `Storage.stat`."""
        path, name = self._locate(key)
        found = self._found(name, key)
        if found is None:
            raise self._unknown(key)
        return _delivery(path, found)

    def open(self, key: str) -> BinaryIO:
        """See `Storage.open`. The version is the one that is there when it is opened."""
        _, name = self._locate(key)
        opened = self._opened(name, key)
        if opened is None:
            raise self._unknown(key)
        return opened

    @abstractmethod
    def _listed(self, prefix: str, recursive: bool, report: Report) -> Iterator[StoredObject]:
        """Yield the objects whose names begin so; unless `recursive`, without a slash behind."""

    @abstractmethod
    def _found(self, name: str, key: str) -> StoredObject | None:
        """Return an object as it is now, or None if it is gone."""

    @abstractmethod
    def _opened(self, name: str, key: str) -> BinaryIO | None:
        """Open an object, or return None if it is gone."""

    def _locate(self, key: str) -> tuple[str, str]:
        """Return the encoded path of a delivery and the whole name of its object."""
        encoded = self._encoded(key)
        path = decode_path(encoded) if _is_taken(encoded) else None
        if path is None or len(self.prefix.encode() + path) > MAX_NAME_BYTES:
            raise self._unknown(key)
        try:
            return encoded, self.prefix + path.decode()
        except UnicodeDecodeError:
            raise self._unknown(key) from None

    def _encoded(self, key: str) -> str:
        """Return the encoded path that a key stands for; a shortened one has to be looked up."""
        if not may_be_shortened(key):
            return key
        # Up to the first sign of encoding or shortening, key and path are the same.
        begin = key.partition("%")[0].partition("~")[0]
        for found in self._listed(self.prefix + begin, recursive=True, report=lambda _: None):
            path = encode_path(found.name.removeprefix(self.prefix).encode())
            if shorten(path) == key:
                return path
        return key

    def _report_name(self, shown: str, report: Report) -> None:
        report(f"{shown} in {self.place} is left out: rename it, its name holds unusable bytes")

    def _unknown(self, key: str) -> UnknownName:
        return UnknownName(f"there is no file {key!r} in {self.place}")

    def _error(self, fault: str) -> SourceError:
        """Return the error for what only the user can mend."""
        return SourceError(f"connection {self.name}: {fault}")

    def _broken(self, doing: str, why: str) -> Disconnected:
        """Return the error for what may have passed by the next attempt."""
        return Disconnected(f"connection {self.name}: {doing} broke off: {why}; it is tried again")

    def _reader(
        self, key: str, size: int, read: Callable[[int], bytes], close: Callable[[], object]
    ) -> _Reader:
        return _Reader(lambda said: self._broken(f"reading {key}", said), size, read, close)


class _Reader(io.RawIOBase):
    """Reads an object by a function that returns at most so many bytes, and none at its end.

    A connection that ends early looks like the end of the object; the size tells them apart.
    """

    def __init__(
        self,
        broken: Callable[[str], Disconnected],
        size: int,
        read: Callable[[int], bytes],
        close: Callable[[], object],
    ) -> None:
        self._broken = broken
        self._size = size
        self._read = read
        self._close = close
        self._taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        block = self._read(len(buffer))
        self._taken += len(block)
        if self._taken > self._size or (not block and self._taken < self._size):
            raise self._broken(f"{self._taken:,} of {self._size:,} bytes came")
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        if not self.closed:
            self._close()
        super().close()


def _is_taken(path: str) -> bool:
    """Tell whether an encoded path can be that of a delivery."""
    *folders, name = path.split("/")
    return bool(name) and is_delivery_name(name) and all(map(is_entered, folders))


def _delivery(path: str, found: StoredObject) -> Delivery:
    key = shorten(path)
    return Delivery(
        key=key,
        fingerprint=found.version,
        size=found.size,
        modified=found.modified,
        long_path=None if key == path else path,
    )
