"""What holds for all tests."""

from __future__ import annotations

import pytest
from hypothesis import settings

from import_assets.sources import retry

# How long an example takes depends on what else the machine does, and is measured in `benchmarks/`.
settings.register_profile("without_deadline", deadline=None)
settings.load_profile("without_deadline")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two attempts nothing is waited for: the servers here are mended at once."""
    monkeypatch.setattr(retry, "PAUSES", (0.0, 0.0))
