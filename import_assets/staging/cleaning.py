"""Removing from the staging folder what nobody needs any more."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Set
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from import_assets.staging.batch import Batch, Staging, load, remove_folder

_WRITTEN = ("manifest.json", "sums.json", "rows-*.parquet", "rejects-*.parquet")


@dataclass(frozen=True)
class Removed:
    """How many folders were removed, and how many bytes their files had.

    `kept` are the whole batches that were old enough, but are not applied.
    """

    folders: int
    bytes: int
    kept: tuple[Batch, ...]


def clean_staging(
    root: Path,
    older_than: dt.timedelta,
    applied: Callable[[str], bool] | Set[str],
    now: dt.datetime,
) -> Removed:
    """Remove what has lain unchanged for so long and is of no use.

    That is what killed writers left behind, batches that are in their tables, and damaged ones,
    whose deliveries are read again. A whole batch that is not applied is never removed: its
    delivery may be gone. A folder stays that holds anything but the files of a batch, and so does
    what cannot be read or removed.

    Args:
        root: the staging folder, which may be missing.
        older_than: how long a folder must have lain unchanged.
        applied: the ids of the batches that are in the ledger, or what tells whether one is.
        now: the present time, naive UTC.
    """
    staging = Staging(root)
    before = (now.replace(tzinfo=dt.UTC) - older_than).timestamp()
    is_applied = applied if callable(applied) else applied.__contains__
    sizes = [_remove(folder) for folder in staging.left_behind(before)]
    kept: list[Batch] = []
    for folder in staging.settled(before):
        try:
            batch = load(folder)
        except OSError:
            continue
        if batch is not None and not is_applied(batch.manifest.batch_id):
            kept.append(batch)
        elif batch is not None or _holds_a_batch(folder):
            sizes.append(_remove(folder))
    gone = [size for size in sizes if size is not None]
    return Removed(len(gone), sum(gone), tuple(kept))


def _holds_a_batch(folder: Path) -> bool:
    """Tell whether this was a batch once: in a folder of another use, other files stand too."""
    names = [path.name for path in _files(folder)]
    return bool(names) and all(
        any(fnmatchcase(name, written) for written in _WRITTEN) for name in names
    )


def _remove(folder: Path) -> int | None:
    """Remove a folder and return the bytes of its files; None if it could not be removed."""
    size = 0
    # Another process may be removing it right now.
    with suppress(OSError):
        size = sum(path.lstat().st_size for path in _files(folder))
        remove_folder(folder)
    return None if folder.exists() else size


def _files(folder: Path) -> list[Path]:
    with suppress(OSError):
        return list(folder.iterdir())
    return []
