"""Disks that are full, for real: a small file system in memory, and a file that fills it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from import_assets_tests.servers.required import missing

_BLOCK = 4096


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a disk of this size at a folder; skips the test where that is not allowed.

    `IMPORT_ASSETS_REQUIRE=mount` makes the skip a failure.
    """
    folder.mkdir(parents=True, exist_ok=True)
    words = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        missing("mount", f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def room(folder: Path, kilobytes: int) -> Iterator[None]:
    """Leave no more room than this on the disk of a folder, as long as the block runs."""
    filler = folder / "filler"
    spare = max(0, shutil.disk_usage(folder).free - kilobytes * 1024)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, spare // _BLOCK * _BLOCK)
    try:
        yield
    finally:
        filler.unlink()
