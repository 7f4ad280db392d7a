"""A start of a database's import that is killed, and never retried, loses no row (D02, D43).

What the next start goes by is written in the transaction of the rows, so it is never ahead of them.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from import_assets.warehouse.warehouse import Warehouse
from import_assets_tests.scenarios.kill_actions import take_slot
from import_assets_tests.scenarios.kill_cases import make_history
from import_assets_tests.scenarios.kill_driver import Death
from import_assets_tests.scenarios.kill_shop import write_orders
from import_assets_tests.scenarios.killing import in_process
from import_assets_tests.scenarios.snapshots import WAREHOUSE

_ROWS = 80


def _orders(root: Path) -> list[tuple[object, ...]]:
    with Warehouse(root / WAREHOUSE).read() as connection:
        return connection.execute(
            "SELECT registered, o.timestamp, o.total FROM events.order o "
            "JOIN customers USING (customer_id) ORDER BY ALL"
        ).fetchall()


@pytest.fixture(scope="module")
def monday(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project into which the first orders came."""
    root = make_history(tmp_path_factory.mktemp("feeds") / "monday", _ROWS)
    take_slot(root, "orders", "monday")
    return root


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["fetching", "after the rename", "at the commit"])
def test_the_next_start_brings_what_a_killed_one_did_not(
    monday: Path, moment: str, tmp_path: Path
) -> None:
    killed, whole = (Path(shutil.copytree(monday, tmp_path / name)) for name in ("killed", "whole"))
    for root in (killed, whole):
        write_orders(root, _ROWS // 2, _ROWS)
    assert in_process("events of a database", killed, Death(moment))[-1].moment == moment
    assert _orders(killed) == _orders(monday)
    take_slot(whole, "orders", "second")
    for root in (killed, whole):
        write_orders(root, _ROWS, _ROWS + 20)
        take_slot(root, "orders", "third")
    assert len(_orders(killed)) > len(_orders(monday))
    assert _orders(killed) == _orders(whole)
