"""An instance of Dagster and an empty project for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from import_assets_tests.orchestration.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A folder without definitions."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield Site(tmp_path, instance)
