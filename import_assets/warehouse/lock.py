"""Waiting for each other: a lock file, beside the warehouse above all, for writers and readers."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from import_assets.errors import WarehouseError
from import_assets.wording import room_in

_POLL_SECONDS = 0.05


@contextmanager
def hold(
    path: Path,
    *,
    exclusive: bool,
    wait_seconds: float,
    log: Callable[[str], None],
    what: str = "the warehouse",
) -> Iterator[None]:
    """Hold the lock file at `path`; the system lets go of it when the process dies.

    Says through `log` for `what` it waits, and for whom. Raises WarehouseError after
    `wait_seconds`, or when the file cannot be made.
    """
    descriptor = _open(path, what)
    try:
        _acquire(descriptor, path, what, exclusive=exclusive, wait_seconds=wait_seconds, log=log)
        # The name of whoever was killed while it held the lock would mislead those who wait.
        os.ftruncate(descriptor, 0)
        if exclusive:
            # On a full disk the lock holds all the same, without the name of who holds it.
            with suppress(OSError):
                os.pwrite(descriptor, f"process {os.getpid()}".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _open(path: Path, what: str) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise WarehouseError(
            f"cannot make the lock file of {what} {path}: {error.strerror}; "
            f"{room_in(path.parent)}. Make room there or mend its permissions, and try again"
        ) from error


def _acquire(
    descriptor: int,
    path: Path,
    what: str,
    *,
    exclusive: bool,
    wait_seconds: float,
    log: Callable[[str], None],
) -> None:
    mode = (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB
    deadline = time.monotonic() + wait_seconds
    said = False
    while True:
        try:
            fcntl.flock(descriptor, mode)
        except BlockingIOError:
            holder = os.pread(descriptor, 100, 0).decode("ascii", "replace") or "another process"
            if time.monotonic() >= deadline:
                raise WarehouseError(
                    f"{what} is in use by {holder}: waited {wait_seconds:.0f} s for "
                    f"{path.name}; try again when it is done"
                ) from None
            if not said:
                log(f"Waiting for {what}, in use by {holder}")
                said = True
            time.sleep(_POLL_SECONDS)
        else:
            return
