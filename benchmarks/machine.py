"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("duckdb", "polars", "pyarrow", "numpy", "dagster", "dlt")


def described() -> dict[str, str]:
    """Return processor, cores, memory, system, Python and the versions of libraries."""
    cores = len(os.sched_getaffinity(0))
    told = {
        "processor": f"{_line('/proc/cpuinfo', 'model name')}, {cores} cores",
        "memory": f"{int(_line('/proc/meminfo', 'MemTotal').split()[0]) / 2**20:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "Python": platform.python_version(),
    }
    return told | {name: _version(name) for name in LIBRARIES}


def load() -> float:
    """Return how many processes wanted to run in the last minute, on the average."""
    return os.getloadavg()[0]


def _line(path: str, name: str) -> str:
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return "unknown"


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"
