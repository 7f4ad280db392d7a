"""Running a command in a process of its own, and what it takes: time and memory.

This is the one way of measuring here. It imports the standard library only, so that the scripts
beside this package can use it too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parent.parent
_SAMPLE_SECONDS = 0.05


class Figures(NamedTuple):
    """Seconds by the clock, CPU seconds of all processes, and peak memory in MB of 2**20 bytes.

    The peak is that of the whole tree of processes: for a single process what the kernel kept as
    its highest resident size; while there are more, the sum of their proportional sizes, in which
    shared pages count once, as sampled twenty times a second.
    """

    wall: float
    cpu: float
    peak: float


class MeasuredFailed(Exception):
    """A process that was measured ended with an error; says what it wrote there."""


def run(code: str, *arguments: str) -> tuple[Figures, str]:
    """Run Python code in a process; return what it took and what it printed."""
    return run_command([sys.executable, "-c", code, *arguments])


def run_module(
    module: str, *arguments: str, environment: Mapping[str, str] | None = None
) -> tuple[Figures, str]:
    """Run `benchmarks.work.<module>` in a process; return what it took and what it printed."""
    command = [sys.executable, "-m", f"benchmarks.work.{module}", *arguments]
    return run_command(command, environment=environment)


def run_command(
    command: Sequence[str], *, environment: Mapping[str, str] | None = None
) -> tuple[Figures, str]:
    """Run a command from the repository's folder; return what it took and what it printed.

    Raises MeasuredFailed where it ends with another status than 0. What it writes to the standard
    error is shown then only.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    memory = _Memory(process.pid)
    complaints: list[str] = []
    assert process.stdout is not None
    assert process.stderr is not None
    # Both pipes are emptied at once: a process that fills one of them would wait for ever.
    errors = threading.Thread(
        target=lambda pipe: complaints.append(pipe.read()), args=[process.stderr]
    )
    errors.start()
    printed = process.stdout.read()
    errors.join()
    # Not by `process`, which does not tell what this one process and its children used.
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    process.stderr.close()
    peak = memory.stop()
    if process.returncode:
        raise MeasuredFailed(f"{' '.join(command)}\n{''.join(complaints)[-4_000:]}")
    return Figures(wall, usage.ru_utime + usage.ru_stime, peak), printed


class _Memory:
    """Samples the memory of a process and all its descendants in a thread."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """Return the peak in MB."""
        self._ended.set()
        self._thread.join()
        return self._peak / 1024

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLE_SECONDS):
            self._peak = max(self._peak, tree_kilobytes(self._pid))


def tree_kilobytes(pid: int) -> int:
    """Return what a process and its descendants hold, in kB, see Figures; 0 where it has ended.

    The kernel's highest size of one process is that of its own program: unlike `ru_maxrss` it does
    not include what the process that started it held at the time.
    """
    tree = _descendants(pid)
    if len(tree) == 1:
        return _field(f"/proc/{pid}/status", "VmHWM:")
    return sum(_field(f"/proc/{one}/smaps_rollup", "Pss:") for one in tree)


def _descendants(pid: int) -> list[int]:
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        try:
            threads = [path.name for path in Path(f"/proc/{one}/task").iterdir()]
        except OSError:
            continue
        for thread in threads:
            children = _text(f"/proc/{one}/task/{thread}/children")
            waiting += [int(child) for child in children.split()]
    return found


def _field(path: str, name: str) -> int:
    for line in _text(path).splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    return 0


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
