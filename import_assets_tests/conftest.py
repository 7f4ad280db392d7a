"""What holds for all tests."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from import_assets.sources import retry

# How long an example takes depends on what else the machine does, and is measured in `benchmarks/`.
settings.register_profile("without_deadline", deadline=None)
settings.load_profile("without_deadline")


def pytest_xdist_auto_num_workers() -> int:
    """Return three workers for two cores: tests wait a third of the time, for servers and disks."""
    return (os.cpu_count() or 1) * 3 // 2


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two attempts nothing is waited for: the servers here are mended at once."""
    monkeypatch.setattr(retry, "PAUSES", (0.0, 0.0))
