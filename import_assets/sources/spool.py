"""A delivery's own copy on this machine, taken whole and unchanged before anything is parsed."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from io import RawIOBase
from pathlib import Path

from import_assets.errors import FileRefused, SourceError, UnknownName
from import_assets.sources.delivery import Delivery
from import_assets.sources.storage.base import Storage

_PREFIX = "delivery-"
_TEMPORARY = ".part"
_BLOCK_BYTES = 1 << 20
_LEFT_BEHIND = timedelta(days=1)


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

    A copy is made of local files too, since a file may be replaced while it is parsed. Copies that
    a killed process left behind are removed after a day.

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
    spooled = _copied(storage, delivery, spool_dir, max_bytes)
    try:
        yield spooled
    finally:
        spooled.path.unlink(missing_ok=True)


def _copied(storage: Storage, delivery: Delivery, spool_dir: Path, max_bytes: int) -> Spooled:
    _check_unchanged(storage, delivery, "since it was listed")
    if delivery.size > max_bytes:
        raise _too_large(delivery, max_bytes)
    try:
        spool_dir.mkdir(parents=True, exist_ok=True)
        _remove_left_behind(spool_dir)
        _check_room(spool_dir, delivery)
        descriptor, name = tempfile.mkstemp(_TEMPORARY, _PREFIX, spool_dir)
    except OSError as error:
        raise _unwritable(spool_dir, delivery, error) from error
    temporary = Path(name)
    try:
        sha256, size = _copy(storage, delivery, descriptor, spool_dir, max_bytes)
        _check_unchanged(storage, delivery, "while it was read", size)
        return Spooled(temporary.replace(temporary.with_suffix("")), sha256, size)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _copy(
    storage: Storage, delivery: Delivery, descriptor: int, spool_dir: Path, max_bytes: int
) -> tuple[str, int]:
    """Copy block by block; return the digest and the number of bytes."""
    digest, size = hashlib.sha256(), 0
    with (
        os.fdopen(descriptor, "wb", buffering=0) as copy,
        closing(_blocks(storage, delivery)) as blocks,
    ):
        for block in blocks:
            size += len(block)
            if size > max_bytes:
                raise _too_large(delivery, max_bytes)
            digest.update(block)
            try:
                _write(copy, block)
            except OSError as error:
                raise _unwritable(spool_dir, delivery, error) from error
    return digest.hexdigest(), size


def _blocks(storage: Storage, delivery: Delivery) -> Generator[bytes]:
    try:
        with closing(storage.open(delivery.key)) as original:
            while block := original.read(_BLOCK_BYTES):
                yield block
    except UnknownName as error:
        raise _changed(storage, delivery, "before it was read") from error
    except OSError as error:
        raise SourceError(
            f"{delivery.key} in {storage.place}: reading broke off: {error}; it is tried again"
        ) from error


def _write(copy: RawIOBase, block: bytes) -> None:
    # An unbuffered file may take a part of a block only, when a disk is nearly full.
    rest = memoryview(block)
    while rest:
        rest = rest[copy.write(rest) or 0 :]


def _check_unchanged(
    storage: Storage, delivery: Delivery, when: str, read: int | None = None
) -> None:
    """Raise SourceError unless the version is the one listed, and of its size `read` bytes came."""
    try:
        now = storage.stat(delivery.key)
    except UnknownName as error:
        raise SourceError(
            f"{delivery.key} in {storage.place} has vanished {when}; "
            "should it come back, the next look takes it"
        ) from error
    if now.fingerprint != delivery.fingerprint or read not in (None, delivery.size):
        raise _changed(storage, delivery, when)


def _check_room(spool_dir: Path, delivery: Delivery) -> None:
    free = shutil.disk_usage(spool_dir).free
    if free < delivery.size:
        raise SourceError(
            f"{delivery.key} has {delivery.size:,} bytes and {spool_dir} has room for {free:,} "
            "only: free some, and it is tried again"
        )


def _remove_left_behind(spool_dir: Path) -> None:
    """Remove the copies of processes that were killed; a full disk would stop everything."""
    oldest = time.time() - _LEFT_BEHIND.total_seconds()
    for path in spool_dir.glob(f"{_PREFIX}*"):
        # Another process may be removing it right now.
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()


def _changed(storage: Storage, delivery: Delivery, when: str) -> SourceError:
    return SourceError(
        f"{delivery.key} in {storage.place} has changed {when}; it is taken at the next look"
    )


def _too_large(delivery: Delivery, max_bytes: int) -> FileRefused:
    return FileRefused(
        delivery.key,
        "too_many_bytes",
        f"it has more than {max_bytes:,} bytes: split it, or raise `limits: {{file_bytes: …}}` "
        "in project.yaml (M085)",
    )


def _unwritable(spool_dir: Path, delivery: Delivery, error: OSError) -> SourceError:
    return SourceError(
        f"{delivery.key} ({delivery.size:,} bytes) cannot be copied to {spool_dir}: "
        f"{error.strerror or error}; make room there or mend its permissions, and it is tried again"
    )
