"""Storages for tests: one in memory, and one that meddles while it is read."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO

from import_assets.errors import SourceError, UnknownName
from import_assets.sources.delivery import Delivery
from import_assets.sources.storage.base import Report, Storage
from import_assets.sources.storage.keys import (
    encode_path,
    is_delivery_name,
    is_entered,
    shorten,
)

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


class FakeStorage(Storage):
    """Files in memory, by path.

    Folders in `unreadable` cannot be listed; with `broken` set, nothing can.
    """

    def __init__(self) -> None:
        self.files: dict[bytes, tuple[bytes, datetime]] = {}
        self.unreadable: set[str] = set()
        self.broken = False

    def put(self, path: str | bytes, content: bytes, modified: datetime = LONG_AGO) -> None:
        """Write a file, or write it anew."""
        raw = path.encode() if isinstance(path, str) else path
        self.files[raw] = (content, modified)

    def remove(self, path: str | bytes) -> None:
        """Remove a file."""
        del self.files[path.encode() if isinstance(path, str) else path]

    @property
    def place(self) -> str:
        return "the fake storage"

    def list(self, recursive: bool, report: Report) -> Iterator[Delivery]:
        self._check()
        for folder in sorted(self.unreadable) if recursive else ():
            report(f"{folder} in {self.place} cannot be listed: Permission denied")
        for path in list(self.files):
            *folders, _ = encode_path(path).split("/")
            shown = _is_shown(encode_path(path)) and (recursive or not folders)
            if shown and not self._is_unreadable(folders):
                yield self._delivery(path)

    def stat(self, key: str) -> Delivery:
        return self._delivery(self._path(key))

    def open(self, key: str) -> BinaryIO:
        return io.BytesIO(self.files[self._path(key)][0])

    def _is_unreadable(self, folders: list[str]) -> bool:
        above = {"/".join(folders[: depth + 1]) for depth in range(len(folders))}
        return bool(above & self.unreadable)

    def _path(self, key: str) -> bytes:
        self._check()
        for path in self.files:
            if shorten(encode_path(path)) == key and _is_shown(encode_path(path)):
                return path
        raise UnknownName(f"there is no file {key!r} in {self.place}")

    def _check(self) -> None:
        if self.broken:
            raise SourceError(f"{self.place} cannot be reached")

    def _delivery(self, path: bytes) -> Delivery:
        content, modified = self.files[path]
        encoded = encode_path(path)
        key = shorten(encoded)
        return Delivery(
            key=key,
            fingerprint=f"{len(content)}-{modified.timestamp():.6f}",
            size=len(content),
            modified=modified,
            long_path=None if key == encoded else encoded,
        )


def _is_shown(path: str) -> bool:
    *folders, name = path.split("/")
    return is_delivery_name(name) and all(map(is_entered, folders))


class MeddlingStorage(Storage):
    """Another storage, with something happening once before a file is opened or while it is read.

    `while_read` is called after the first block was read.
    """

    def __init__(
        self,
        storage: Storage,
        before_open: Callable[[], object] | None = None,
        while_read: Callable[[], object] | None = None,
    ) -> None:
        self._storage = storage
        self._before_open = before_open
        self._while_read = while_read

    @property
    def place(self) -> str:
        return self._storage.place

    def list(self, recursive: bool, report: Report) -> Iterator[Delivery]:
        return self._storage.list(recursive, report)

    def stat(self, key: str) -> Delivery:
        return self._storage.stat(key)

    def open(self, key: str) -> BinaryIO:
        if self._before_open:
            self._before_open()
        file = self._storage.open(key)
        return _Meddled(file, self._while_read) if self._while_read else file


class _Meddled(io.BytesIO):
    """Reads from another file and calls something after the first block."""

    def __init__(self, file: BinaryIO, after_first: Callable[[], object]) -> None:
        super().__init__()
        self._file = file
        self._after_first: Callable[[], object] | None = after_first

    def read(self, size: int | None = -1, /) -> bytes:
        block = self._file.read(-1 if size is None else size)
        if self._after_first:
            self._after_first()
            self._after_first = None
        return block

    def close(self) -> None:
        self._file.close()
        super().close()

    def __exit__(self, *_: Any) -> None:
        self.close()
