from __future__ import annotations

from pathlib import Path

import pytest

from import_assets_tests.cli.shop import Shop, new_shop


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DAGSTER_HOME", "IMPORT_ASSETS_PROJECT", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A project in which nothing was imported yet."""
    return new_shop(tmp_path / "shop")


@pytest.fixture(scope="session")
def _imported_once(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Runs through Dagster take seconds, so most tests share what two of them left."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        shop = new_shop(tmp_path_factory.mktemp("imported") / "shop")
        for name in ("clients", "orders"):
            result = shop.call("run", name)
            assert result.exit_code == 0, result.output
    return shop


@pytest.fixture
def imported(_imported_once: Shop, tmp_path: Path) -> Shop:
    """A project in which clients and orders were imported through Dagster."""
    return _imported_once.copy_to(tmp_path / "shop")
