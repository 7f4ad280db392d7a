"""Removing what killed processes left behind in the spool folder; a full disk stops everything."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import stat as modes
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

COPY_PREFIX = "delivery-"
"""How the name of a delivery's copy begins."""

ROWS_PREFIX = "rows-"
"""How the name of a folder begins that holds the rows of a query."""

LEFT_BEHIND = dt.timedelta(days=1)
"""How old something is that no process can be using any more, unless the user knows better."""


@dataclass(frozen=True)
class Removed:
    """How many files were removed, and how many bytes they had."""

    files: int = 0
    bytes: int = 0

    def __add__(self, other: Removed) -> Removed:
        return Removed(self.files + other.files, self.bytes + other.bytes)


def clean_spool(spool_dir: Path, older_than: dt.timedelta, now: dt.datetime) -> Removed:
    """Remove copies of deliveries and rows of queries that nobody has written to for so long.

    What is younger may be in use by a process that is at work. Whatever else lies in the folder
    stays, and so does what cannot be removed: it is tried again the next time.

    Args:
        spool_dir: a folder of this machine, which may be missing.
        older_than: how long something must have lain unchanged.
        now: the present time, naive UTC.
    """
    oldest = now.replace(tzinfo=dt.UTC) - older_than
    removed = Removed()
    for path in _entries(spool_dir):
        # Another process may be removing it right now, or it is not ours to remove.
        with suppress(OSError):
            found = path.lstat()
            if found.st_mtime < oldest.timestamp():
                removed += _remove(path, found)
    return removed


def _entries(folder: Path) -> list[Path]:
    with suppress(OSError):
        return list(folder.iterdir())
    return []


def _remove(path: Path, found: os.stat_result) -> Removed:
    if modes.S_ISDIR(found.st_mode):
        return _remove_rows(path) if path.name.startswith(ROWS_PREFIX) else Removed()
    if not path.name.startswith(COPY_PREFIX):
        return Removed()
    path.unlink()
    return Removed(1, found.st_size)


def _remove_rows(folder: Path) -> Removed:
    sizes = [file.lstat().st_size for file in _entries(folder)]
    shutil.rmtree(folder)
    return Removed(len(sizes), sum(sizes))
