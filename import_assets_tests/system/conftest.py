"""The running server, and its log where a test fails."""

from __future__ import annotations

from import_assets_tests.system.fixtures import pytest_runtest_makereport, shop, started

__all__ = ["pytest_runtest_makereport", "shop", "started"]
