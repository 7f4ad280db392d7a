"""Writing files that are there as a whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def replacing(target: Path) -> Iterator[IO[bytes]]:
    """Give a file to write to, which takes the place of `target` when the block is left in peace.

    Meanwhile it has a hidden name, under which no import takes it for a delivery. Raises OSError.
    """
    temporary = target.with_name(f".{target.name[:100]}-{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
