"""What holds for all tests."""

from __future__ import annotations

import pytest

from import_assets.sources import retry


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two attempts nothing is waited for: the servers here are mended at once."""
    monkeypatch.setattr(retry, "PAUSES", (0.0, 0.0))
