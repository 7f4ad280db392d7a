"""The beginning of a delivery, for a look at it: no more is fetched than that takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from import_assets.sources.delivery import Delivery
from import_assets.sources.spool import Spooled, new_copy
from import_assets.sources.storage.base import Storage

HEAD_BYTES = 16 << 20
"""More than a reader asks for at once: its end is met only where single records are very large."""

_BLOCK_BYTES = 1 << 20
_ZIP = b"PK\x03\x04"


@contextmanager
def fetch_head(
    storage: Storage, delivery: Delivery, spool_dir: Path, max_bytes: int
) -> Iterator[Spooled]:
    """Copy the first 16 MiB of a delivery; remove the copy when the block is left.

    A zip archive comes whole, since its directory stands at its end.

    Raises:
        FileRefused: an archive has more than `max_bytes`.
        SourceError: reading broke off, or there is no room for the copy.
        UnknownName: there is no such delivery.
    """
    with new_copy(delivery.key, spool_dir, max(max_bytes, HEAD_BYTES)) as copy:
        with closing(storage.open(delivery.key)) as original:
            block = original.read(_BLOCK_BYTES)
            whole = block.startswith(_ZIP)
            while block and (whole or copy.size < HEAD_BYTES):
                copy.write(block)
                block = original.read(_BLOCK_BYTES)
        yield copy.finish()
