"""A delivery's own copy on this machine, taken whole and unchanged before anything is parsed."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from io import RawIOBase
from pathlib import Path

from import_assets.errors import Disconnected, FileRefused, SourceError, UnknownName
from import_assets.sources.cleaning import COPY_PREFIX, LEFT_BEHIND, clean_spool
from import_assets.sources.delivery import Delivery
from import_assets.sources.retry import retrying
from import_assets.sources.storage.base import Storage

_TEMPORARY = ".part"
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Spooled:
    """The copy of a delivery: where it lies, its SHA-256 in hexadecimal, and its bytes."""

    path: Path
    sha256: str
    size: int


@contextmanager
def fetch(
    storage: Storage, delivery: Delivery, spool_dir: Path, max_bytes: int
) -> Iterator[Spooled]:
    """Copy a delivery into the spool folder and remove the copy when the block is left.

    A copy is made of local files too, since a file may be replaced while it is parsed. What
    killed processes left behind is removed after a day.

    Args:
        storage: where the delivery lies.
        delivery: the version that was listed.
        spool_dir: a folder of this machine, made when missing.
        max_bytes: the largest size that is taken; a file of exactly this size is (M085, D12).

    Raises:
        FileRefused: the delivery has more bytes than are taken (`too_many_bytes`).
        SourceError: it vanished or changed since it was listed or while it was read, reading broke
            off, or there is no room for the copy.
    """
    _check_unchanged(storage, delivery, "since it was listed")
    with new_copy(delivery.key, spool_dir, max_bytes) as copy:
        copy.expect(delivery.size)
        retrying(partial(_copy, storage, delivery, copy))
        _check_unchanged(storage, delivery, "while it was read", copy.size)
        yield copy.finish()


class Copy:
    """A copy while it is written: it counts and hashes what it is given. See `new_copy`."""

    def __init__(self, path: Path, file: RawIOBase, key: str, max_bytes: int) -> None:
        self._path = path
        self._file = file
        self._key = key
        self._max_bytes = max_bytes
        self._announced: int | None = None
        self._digest = hashlib.sha256()
        self.size = 0

    def expect(self, size: int) -> None:
        """Say how many bytes the whole will have, before they come.

        Raises:
            FileRefused: they are more than are taken (`too_many_bytes`).
            SourceError: there is no room for them.
        """
        self._announced = size
        if size > self._max_bytes:
            raise _too_large(self._key, self._max_bytes)
        folder = self._path.parent
        try:
            free = shutil.disk_usage(folder).free
        except OSError as error:
            raise self._unwritable(error) from error
        if free < size:
            raise SourceError(
                f"{self._key} has {size:,} bytes and {folder} has room for {free:,} "
                "only: free some, and it is tried again"
            )

    def write(self, block: bytes) -> None:
        """Add bytes.

        Raises:
            FileRefused: they become more than are taken (`too_many_bytes`).
            SourceError: there is no room for them.
        """
        self.size += len(block)
        if self.size > self._max_bytes:
            raise _too_large(self._key, self._max_bytes)
        self._digest.update(block)
        # An unbuffered file may take a part of a block only, when a disk is nearly full.
        rest = memoryview(block)
        try:
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        except OSError as error:
            raise self._unwritable(error) from error

    def restart(self) -> None:
        """Forget what was written: the whole comes again from its beginning."""
        try:
            self._file.seek(0)
            self._file.truncate()
        except OSError as error:
            raise self._unwritable(error) from error
        self._digest = hashlib.sha256()
        self.size = 0

    def finish(self) -> Spooled:
        """Return the copy, whole; it cannot be written any more.

        Raises:
            SourceError: there is no room for it.
        """
        try:
            self._file.close()
            # By its name, a copy that a killed process left behind is known not to be whole.
            self._path = self._path.replace(self._path.with_suffix(""))
        except OSError as error:
            raise self._unwritable(error) from error
        return Spooled(self._path, self._digest.hexdigest(), self.size)

    def remove(self) -> None:
        """Remove what was written, and the whole copy too."""
        with suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)

    def _unwritable(self, error: OSError) -> SourceError:
        return _unwritable(self._path.parent, self._key, self._announced, error)


@contextmanager
def new_copy(key: str, spool_dir: Path, max_bytes: int) -> Iterator[Copy]:
    """Begin an empty copy in the spool folder and remove it when the block is left.

    Copies that a killed process left behind are removed after a day.

    Args:
        key: what errors call the delivery.
        spool_dir: a folder of this machine, made when missing.
        max_bytes: the largest size that is taken (M085, D12).

    Raises:
        SourceError: nothing can be written to the folder.
    """
    try:
        spool_dir.mkdir(parents=True, exist_ok=True)
        clean_spool(spool_dir, LEFT_BEHIND, dt.datetime.now(dt.UTC).replace(tzinfo=None))
        descriptor, name = tempfile.mkstemp(_TEMPORARY, COPY_PREFIX, spool_dir)
    except OSError as error:
        raise _unwritable(spool_dir, key, None, error) from error
    copy = Copy(Path(name), os.fdopen(descriptor, "wb", buffering=0), key, max_bytes)
    try:
        yield copy
    finally:
        copy.remove()


def _copy(storage: Storage, delivery: Delivery, copy: Copy) -> None:
    """Copy block by block, from the beginning."""
    if copy.size:
        copy.restart()
    with closing(_blocks(storage, delivery)) as blocks:
        for block in blocks:
            copy.write(block)


def _blocks(storage: Storage, delivery: Delivery) -> Generator[bytes]:
    try:
        with closing(storage.open(delivery.key)) as original:
            while block := original.read(_BLOCK_BYTES):
                yield block
    except UnknownName as error:
        raise _changed(storage, delivery, "before it was read") from error
    except OSError as error:
        raise Disconnected(
            f"{delivery.key} in {storage.place}: reading broke off: {error}; it is tried again"
        ) from error


def _check_unchanged(
    storage: Storage, delivery: Delivery, when: str, read: int | None = None
) -> None:
    """Raise SourceError unless the version is the one listed, and of its size `read` bytes came."""
    try:
        now = retrying(partial(storage.stat, delivery.key))
    except UnknownName as error:
        raise SourceError(
            f"{delivery.key} in {storage.place} has vanished {when}; "
            "should it come back, the next look takes it"
        ) from error
    if now.fingerprint != delivery.fingerprint or read not in (None, delivery.size):
        raise _changed(storage, delivery, when)


def _changed(storage: Storage, delivery: Delivery, when: str) -> SourceError:
    return SourceError(
        f"{delivery.key} in {storage.place} has changed {when}; it is taken at the next look"
    )


def _too_large(key: str, max_bytes: int) -> FileRefused:
    return FileRefused(
        key,
        "too_many_bytes",
        f"it has more than {max_bytes:,} bytes: split it, or raise `limits: {{file_bytes: …}}` "
        "in project.yaml",
    )


def _unwritable(spool_dir: Path, key: str, size: int | None, error: OSError) -> SourceError:
    what = key if size is None else f"{key} ({size:,} bytes)"
    return SourceError(
        f"{what} cannot be copied to {spool_dir}: "
        f"{error.strerror or error}; make room there or mend its permissions, and it is tried again"
    )
