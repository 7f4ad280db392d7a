"""A warehouse that is kept open for many small deliveries, and still shared with others."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from import_assets.errors import WarehouseError
from import_assets.warehouse import warehouse as warehouses
from import_assets.warehouse.warehouse import Warehouse


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "warehouse.duckdb"


def opened(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What is opened from now on: for each connection, whether it can only read."""
    found: list[bool] = []
    connect = duckdb.connect

    def noted(path: str, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        found.append(read_only)
        return connect(path, read_only=read_only)

    monkeypatch.setattr(duckdb, "connect", noted)
    return found


def test_one_connection_serves_all(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = Warehouse(path)
    with warehouse.write():
        pass  # made by a connection of its own
    connections = opened(monkeypatch)
    with warehouse.kept_open():
        for number in range(3):
            with warehouse.read() as connection:
                connection.execute("SELECT 1")
            with warehouse.write() as connection:
                connection.execute(f"CREATE TABLE t{number} AS SELECT 1")
    assert connections == [False]
    with Warehouse(path, wait_seconds=0).read() as connection:
        tables = "SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 't_'"
        assert connection.execute(tables).fetchall() == [(3,)]
    assert connections == [False, True]


def test_others_have_their_turn_between_two_deliveries(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warehouses, "TURN_SECONDS", 0.3)
    warehouse, done = Warehouse(path), threading.Event()

    def another() -> None:
        with Warehouse(path, wait_seconds=20).write():
            done.set()

    with warehouse.kept_open():
        with warehouse.write():
            waiting = threading.Thread(target=another)
            waiting.start()
        assert not done.wait(0.1), "it is kept between two deliveries"
        while not done.is_set():
            with warehouse.write() as connection:
                connection.execute("SELECT 1")
    waiting.join()


def test_it_is_left_to_others_when_asked(path: Path) -> None:
    warehouse = Warehouse(path)
    with warehouse.kept_open():
        with warehouse.write():
            pass
        with pytest.raises(WarehouseError, match="in use"), Warehouse(path, wait_seconds=0).write():
            pass
        warehouse.let_go()
        with Warehouse(path, wait_seconds=0).write():
            pass


def test_what_failed_leaves_nothing_behind(path: Path) -> None:
    warehouse = Warehouse(path)
    with warehouse.kept_open():
        with suppress(ZeroDivisionError), warehouse.write() as connection:
            connection.execute("BEGIN")
            connection.execute("CREATE TABLE t AS SELECT 1")
            raise ZeroDivisionError
        with warehouse.write() as connection:
            found = connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 't'")
            assert found.fetchall() == []
