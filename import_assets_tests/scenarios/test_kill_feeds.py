"""A process killed while a database is read loses no row and brings none twice (D02, D43).

What the next start goes by is written in the transaction of the rows, so it is never ahead of them.
"""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from import_assets.pipeline.deliver import Delivered, deliver_feed
from import_assets.pipeline.feeds import open_feed
from import_assets.pipeline.left_over import apply_pending
from import_assets.sources.connect import Connections
from import_assets.spec.loading import load
from import_assets.warehouse.warehouse import Warehouse
from import_assets_tests.scenarios.kill_driver import FEED_STAGES, NO_BUCKETS
from import_assets_tests.scenarios.test_kill import dump, killed

DEFINITION = """\
kind: {events: order}
source:
  database: {connection: erp, query: "SELECT * FROM orders", cursor: updated, lag: 1}
columns:
  - {from: customer, id: registered}
  - {from: created, timestamp: true}
  - {from: total, type: integer}
"""


def project(root: Path) -> Path:
    (root / "imports").mkdir(parents=True)
    (root / "imports" / "orders.yaml").write_text(DEFINITION, encoding="utf-8")
    (root / "project.yaml").write_text(
        "connections: {erp: {sql: {url: 'sqlite:///erp.db'}}}\n", encoding="utf-8"
    )
    with sqlite3.connect(root / "erp.db") as connection:
        connection.execute("CREATE TABLE orders (customer, created, total, updated INTEGER)")
    connection.close()
    return root


def insert(root: Path, first: int, last: int) -> None:
    """Add orders; every seventh has a total that is none, every eleventh no cursor."""
    rows = [
        (n % 5, f"2026-01-01T00:{n // 60:02}:{n % 60:02}", "x" if n % 7 == 0 else n, n)
        for n in range(first, last)
    ]
    rows = [(*row[:3], None) if row[3] % 11 == 0 else row for row in rows]
    with sqlite3.connect(root / "erp.db") as connection:
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", rows)
    connection.close()


def start(root: Path, slot: str) -> Delivered:
    """Start as a run does: what an interrupted one left comes first."""
    definition = load(root).imports["orders"]
    warehouse = Warehouse(definition.project.warehouse_path)
    apply_pending([definition], warehouse)
    feed = open_feed(definition, Connections(definition.project, NO_BUCKETS))
    return deliver_feed(definition, feed, slot, warehouse)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which three slots came in without any trouble."""
    root = project(tmp_path_factory.mktemp("undisturbed") / "p")
    for number, slot in enumerate(("monday", "tuesday", "wednesday")):
        insert(root, number * 40, number * 40 + 40)
        start(root, slot)
    return root


@pytest.mark.slow
@pytest.mark.parametrize("stage", FEED_STAGES)
def test_a_killed_start_is_finished_by_the_next(
    undisturbed: Path, stage: str, tmp_path: Path
) -> None:
    root = project(tmp_path / "p")
    insert(root, 0, 40)
    start(root, "monday")
    before = dump(root)
    insert(root, 40, 80)
    assert killed(root, "orders", "tuesday", stage) == -9
    assert (dump(root) == before) == (stage != "after the commit")
    start(root, "tuesday")
    insert(root, 80, 120)
    start(root, "wednesday")
    assert dump(root) == dump(undisturbed)
    shutil.rmtree(root / "data" / "staging")
    assert start(root, "wednesday").already
    assert dump(root) == dump(undisturbed)
