"""Telling runs whose process has died from runs that are still at work.

A run holds a lock on a file of its own for as long as its process lives; the system lets go of it
when the process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal

from import_assets.errors import SourceError
from import_assets.spec.loading import Project
from import_assets.wording import room_in

_LEFT_BEHIND_SECONDS = 86_400
"""Runs of a day ago are over; nobody asks for them any more."""

_held: dict[Path, int] = {}


def _path(project: Project, run_id: str) -> Path:
    return project.staging_path / ".runs" / f"{run_id}.lock"


def hold(project: Project, run_id: str) -> None:
    """Hold the run's lock until this process ends or `release` is called.

    Raises SourceError where it cannot be written.
    """
    path = _path(project, run_id)
    if path in _held:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_left_behind(path.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, socket.gethostname().encode(), 0)
    except OSError as error:
        os.close(descriptor)
        path.unlink(missing_ok=True)
        raise _unwritable(path, error) from error
    _held[path] = descriptor


def _unwritable(path: Path, error: OSError) -> SourceError:
    return SourceError(
        f"the run cannot write to {path.parent}: {error.strerror or error}; "
        f"{room_in(path.parent.parent)}. Make room there or mend its permissions, and try again"
    )


def _remove_left_behind(folder: Path) -> None:
    oldest = time.time() - _LEFT_BEHIND_SECONDS
    for path in folder.glob("*.lock"):
        # Another run may be removing it right now.
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()


def release(project: Project, run_id: str) -> None:
    """Let go of the run's lock and remove its file."""
    path = _path(project, run_id)
    descriptor = _held.pop(path, None)
    path.unlink(missing_ok=True)
    if descriptor is not None:
        os.close(descriptor)


def state(project: Project, run_id: str) -> Literal["alive", "dead", "unknown"]:
    """Tell whether the run's process lives; unknown if it never held a lock on this machine."""
    path = _path(project, run_id)
    if path in _held:
        return "alive"
    if not path.exists():
        return "unknown"
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        host = os.pread(descriptor, 300, 0).decode("utf-8", "replace")
    except BlockingIOError:
        return "alive"
    finally:
        os.close(descriptor)
    return "dead" if host == socket.gethostname() else "unknown"
