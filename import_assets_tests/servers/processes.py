"""Servers as child processes: started, waited for, and killed hard at the end."""

from __future__ import annotations

import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_SECONDS_TO_START = 60


@contextmanager
def serving(command: Sequence[str], ready: str, log: Path) -> Iterator[None]:
    """Run a server until the block is left.

    Args:
        command: the program and its arguments.
        ready: an address that is answered with 200 as soon as the server can be used.
        log: where its output goes.
    """
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=log.parent)
    try:
        _wait_for(ready, process, log)
        yield
    finally:
        process.kill()
        process.wait()


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
    raise AssertionError(f"{address} did not come up: {log.read_text(errors='replace')[-2_000:]}")
