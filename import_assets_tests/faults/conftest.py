"""A project with Dagster around it for each test; see `site` of the tests of orchestration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from import_assets_tests.orchestration.site import Site


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DAGSTER_HOME", "IMPORT_ASSETS_PROJECT", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A folder without definitions."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield Site(tmp_path, instance)
