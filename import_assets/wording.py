"""Words that depend on numbers."""

from __future__ import annotations

import shutil
from pathlib import Path


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its word, e.g. `1 row` or `2,000 rows`; `many` is `one` with an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def room_in(folder: Path) -> str:
    """Return how many bytes are free on the disk of a folder, as a sentence, if that is known."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return "how much is free there is not known"
    return f"{free:,} bytes are free there"
