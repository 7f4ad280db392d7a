"""The command `recover`: what it prints, what it returns, and what it leaves alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from import_assets_tests.cli.shop import new_shop


def told(records: list[dict[str, object]]) -> dict[object, object]:
    return {one["delivery"]: one["outcome"] for one in records}


@pytest.mark.slow
def test_one_command_after_a_copy_was_put_back(tmp_path: Path) -> None:
    shop = new_shop(tmp_path / "shop")
    assert shop.call("run", "clients", "--key", "clients_1.csv").exit_code == 0
    warehouse = shop.root / "data" / "warehouse.duckdb"
    shutil.copy(warehouse, tmp_path / "copy")
    assert shop.call("run", "orders").exit_code == 0
    shutil.copy(tmp_path / "copy", warehouse)
    (shop.root / "exports" / "orders_2.csv").unlink()

    trial = shop.json("recover", "--dry-run", code=1)
    assert told(trial) == {"orders_1.csv": "would be imported", "orders_2.csv": "not recoverable"}
    assert told(shop.json("recover", "clients")) == {}
    assert shop.query("SELECT count(*) AS n FROM customers") == [{"n": 2}]
    done = shop.json("recover", code=1)
    assert told(done) == {"orders_1.csv": "imported", "orders_2.csv": "not recoverable"}
    assert [one["inserted"] for one in done] == [2, None]
    assert "is not in folder" in done[1]["message"]
    assert shop.query("SELECT count(*) AS n FROM events.purchase") == [{"n": 2}]

    again = shop.call("recover")
    assert again.exit_code == 0
    assert "Nothing is lacking: the warehouse and Dagster agree." in again.stdout
    shutil.rmtree(shop.root / ".dagster")
    assert told(shop.json("recover")) == {"clients_1.csv": "shown", "orders_1.csv": "shown"}
    assert told(shop.json("recover")) == {}


def test_without_a_warehouse_there_is_nothing_to_go_by(tmp_path: Path) -> None:
    shop = new_shop(tmp_path / "shop")
    done = shop.call("recover")
    assert done.exit_code == 2
    assert "put the newest copy of it there first" in done.output
    assert shop.call("recover", "nobody").exit_code == 2
    assert not (shop.root / "data").exists()
