"""The warehouse is put back from yesterday's copy: one command brings what came in since."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    SensorInstigatorData,
)

from import_assets.orchestration.keys import SLOT_TAG
from import_assets.orchestration.undone import report
from import_assets.pipeline.stage import utc_now
from import_assets.spec.loading import load
from import_assets.tables.undo import undo
from import_assets.warehouse import ledger as books
from import_assets.warehouse.warehouse import Warehouse
from import_assets_tests.faults import copies
from import_assets_tests.orchestration.site import Site

PROJECT = "connections: {erp: {sql: {url: 'sqlite:///erp.db'}}}\n"
STOCK = """\
kind: {catalog: stock}
source: {storage: {folder: stock, files: "*.csv", select: all, settle: 0}}
format: {csv: {delimiter: ","}}
columns: [{from: item, id: item_id}, {from: pieces, type: integer}]
run: {daily: ["06:00"]}
"""
ORDERS = """\
kind: {events: order}
source:
  database: {connection: erp, query: "SELECT id, customer, at FROM orders", cursor: id}
columns: [{from: customer, id: registered}, {from: at, timestamp: true}]
"""
NOTES = """\
kind: customers
source: {paste: {}}
format: {csv: {delimiter: ","}}
columns: [{from: id, id: registered}, {from: note}]
"""
BUYERS = """\
kind: {catalog: buyers}
source: {analysis: top}
columns: [{from: registered, id: item_id}]
"""


def order(site: Site, *ids: int) -> None:
    with sqlite3.connect(site.root / "erp.db") as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS orders (id INTEGER, customer, at TEXT)")
        values = [(number, f"c{number}", f"2026-01-01T00:00:{number:02}") for number in ids]
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?)", values)
    connection.close()


def test_what_came_in_since_the_copy_is_imported_again_in_its_order(site: Site) -> None:
    """From files, twice the same file, a database from where it stood, pasted text, an analysis."""
    site.configure(PROJECT)
    for name, text in {"stock": STOCK, "orders": ORDERS, "notes": NOTES, "buyers": BUYERS}.items():
        site.define(name, text)
    site.define("crm")
    (site.root / "analyses").mkdir()
    (site.root / "analyses" / "top.sql").write_text(
        "SELECT DISTINCT registered FROM events.order JOIN customers USING (customer_id)"
    )
    site.put("in/a.csv", "id,age\n1,20\n2,30\n")
    site.put("stock/s.csv", "item,pieces\np,5\n")
    order(site, 1)
    assert [run.success for run in site.look().runs] == [True]
    assert site.run("orders", "s1", alone=True).success
    assert site.run("stock", "s.csv", tags={SLOT_TAG: "monday"}, alone=True).success
    copies.copy(site)

    assert site.run("notes", "note", text="id,note\n1,from the note\n2,x\n", alone=True).success
    order(site, 2)
    assert site.run("orders", "s2", alone=True).success
    order(site, 3)
    assert site.run("orders", "s3", alone=True).success
    assert site.run("orders", "s4", alone=True).success  # nothing new
    assert site.run("buyers", "b1", alone=True).success
    assert site.run("stock", "s.csv", tags={SLOT_TAG: "tuesday"}, alone=True).success
    # Several in one run: Dagster does not tell of them in the order in which it took them.
    for number in range(5):
        site.put(f"in/b{number}.csv", f"id,age\n1,{21 + number}\nx,y\n")
    assert [run.success for run in site.look().runs] == [True]
    tables = ("customers", "events.order", "catalogs.stock", "catalogs.buyers")
    before = {table: copies.rows(site, table, lineage=False) for table in tables}
    stock = copies.rows(site, "catalogs.stock")
    deliveries = copies.ledger(site)

    copies.put_back(site)
    assert copies.ways(site) == {
        ("notes", "note"): "again",
        ("orders", "s2"): "with",
        ("orders", "s3"): "again",
        ("buyers", "b1"): "again",
        ("stock", "s.csv"): "again",
        **{("crm", f"b{number}.csv"): "again" for number in range(5)},
    }
    done = copies.recover(site)
    assert done.failure is None
    assert {one.failure for one in done.arrivals.values()} == {None}
    assert {table: copies.rows(site, table, lineage=False) for table in tables} == before
    assert copies.rows(site, "catalogs.stock") == stock
    assert copies.ledger(site) == [one for one in deliveries if one != ("orders", "s2")]
    assert copies.metadata(site, "orders", "s2")["came_with"] == "s3"
    assert set(copies.shown_as(site, "crm").values()) == {"materialized"}
    assert copies.agree(site)
    # The trigger still has its memory, and nothing to ask for.
    assert site.look().requests == []
    assert copies.ledger(site) == [one for one in deliveries if one != ("orders", "s2")]


def test_what_its_source_does_not_have_any_more_is_told_and_not_shown(site: Site) -> None:
    site.define("crm")
    site.define("notes", NOTES)
    for name in ("gone", "older", "newer"):
        site.put(f"in/{name}.csv", "id,age\n1,20\n")
    assert site.run("crm", "older.csv", alone=True).success
    copies.copy(site)
    old = (site.root / "in" / "older.csv").stat()
    site.put("in/older.csv", "id,age\n1,25\n")
    assert site.run("crm", "older.csv", alone=True).success
    assert site.run("crm", "gone.csv", "newer.csv", alone=True).success
    assert site.run("notes", "note", text="id,note\n1,a\n", alone=True).success

    copies.put_back(site)
    (site.root / "in" / "gone.csv").unlink()
    site.put("in/newer.csv", "id,age\n1,30\n9,9\n")
    # The older version was put back with its time, as restoring a folder does.
    file = site.put("in/older.csv", "id,age\n1,20\n")
    os.utime(file, ns=(old.st_atime_ns, old.st_mtime_ns))
    assert copies.ways(site) == {
        ("crm", "gone.csv"): "gone",
        ("crm", "older.csv"): "there",
        ("crm", "newer.csv"): "again",
        ("notes", "note"): "again",
    }
    notes = {lost.key: lost.note for one in copies.planned(site) for lost in one.losses}
    assert "is not in folder" in (notes["gone.csv"] or "")
    assert "imported as it is now" in (notes["newer.csv"] or "")
    done = copies.recover(site)
    assert done.failure is None
    assert copies.shown_as(site, "crm") == {
        "older.csv": "materialized",
        "newer.csv": "materialized",
    }
    assert (
        copies.metadata(site, "crm", "older.csv")["batch_id"]
        == site.rows("SELECT batch_id FROM import_assets.batches WHERE key = 'older.csv'")[0][0]
    )
    assert site.rows("SELECT age FROM customers WHERE registered = '9'") == [(9,)]
    assert copies.agree(site)


def test_a_source_that_cannot_be_asked_is_asked_again_by_the_next_start(site: Site) -> None:
    """Until then the file is shown as failed, not as imported."""
    site.define("crm")
    site.put("in/a.csv", "id,age\n1,20\n")
    site.put("in/b.csv", "id,age\n2,30\n")
    assert site.run("crm", "a.csv", alone=True).success
    copies.copy(site)
    assert site.run("crm", "b.csv", alone=True).success
    copies.put_back(site)
    shutil.move(site.root / "in", site.root / "away")
    (plan,) = copies.planned(site)
    assert [(one.key, one.way) for one in plan.losses] == [("b.csv", "unknown")]
    assert not plan.late
    done = copies.recover(site)
    told = done.arrivals["crm", "b.csv"].failure
    assert told is not None
    assert str(site.root / "in") in told
    assert copies.shown_as(site, "crm") == {"a.csv": "materialized", "b.csv": "failed"}
    shutil.move(site.root / "away", site.root / "in")
    site.put("in/c.csv", "id,age\n2,40\n")
    assert site.run("crm", "c.csv", alone=True).success
    # What is lacking is older than what has come in since, and that is said.
    assert [one.late for one in copies.planned(site)] == [True]
    assert copies.recover(site).arrivals["crm", "b.csv"].counts is not None
    assert set(copies.shown_as(site, "crm").values()) == {"materialized"}
    assert copies.agree(site)


def test_undone_and_forgotten_is_what_the_copy_says(site: Site) -> None:
    """What was undone after the copy is in again, and said; undone before it, it stays so."""
    site.define("crm")
    for number, name in enumerate(("a", "b", "c")):
        site.put(f"in/{name}.csv", f"id,age\n{number},20\n")
    assert site.run("crm", "a.csv", "b.csv", "c.csv", alone=True).success
    with Warehouse(site.warehouse).write() as connection:
        ids = site.definition().project.spec.identifiers
        by_key = {one.key: one for one in books.entries(connection, "crm")}
        undo(connection, by_key["a.csv"], ids, utc_now())
        books.forget(connection, "crm", "c.csv", utc_now())
    copies.copy(site)
    with Warehouse(site.warehouse).write() as connection:
        (done,) = undo(connection, by_key["b.csv"], ids, utc_now())
    report(site.instance, load(site.root), [done])
    assert copies.metadata(site, "crm", "b.csv")["undone"]
    copies.put_back(site)
    (plan,) = copies.planned(site)
    assert [one.key for one in plan.differing.undone_since] == ["b.csv"]
    assert not plan.losses
    copies.recover(site)
    assert copies.metadata(site, "crm", "a.csv")["undone"]
    assert "undone" not in copies.metadata(site, "crm", "b.csv")
    assert site.rows("SELECT registered FROM customers ORDER BY 1") == [("1",), ("2",)]
    assert copies.agree(site)


def test_of_a_query_without_a_cursor_only_the_present_can_be_had(site: Site) -> None:
    site.configure(PROJECT)
    site.define("orders", ORDERS.replace(", cursor: id", ""))
    order(site, 1)
    assert site.run("orders", "s1", alone=True).success
    copies.copy(site)
    order(site, 2)
    assert site.run("orders", "s2", alone=True).success
    order(site, 3)
    assert site.run("orders", "s3", alone=True).success
    before = copies.rows(site, "events.order", lineage=False)
    copies.put_back(site)
    assert copies.ways(site) == {("orders", "s2"): "gone", ("orders", "s3"): "again"}
    copies.recover(site)
    assert copies.rows(site, "events.order", lineage=False) == before
    assert copies.shown_as(site, "orders") == {"s1": "materialized", "s3": "materialized"}
    assert copies.agree(site)


def test_what_only_the_trigger_remembers_is_imported_again_too(site: Site, tmp_path: Path) -> None:
    """The events of old runs can be deleted in the UI; its memory stays."""
    site.define("crm")
    for name in "abc":
        site.put(f"in/{name}.csv", f"id,age\n{name},20\n")
    with Warehouse(site.warehouse).write():
        copies.copy(site)
    site.look()
    assert site.look().note == "3 files match: 3 imported already"
    before = copies.rows(site, "customers")
    site.put("in/d.csv", "id,age\nd,20\n")
    origin = RemoteInstigatorOrigin(
        RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "all"), "crm_new_file"
    )
    data = SensorInstigatorData(cursor=site.cursors["crm_new_file"])
    state = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING, data)
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(
        str(tmp_path / "dagster"), overrides={"telemetry": {"enabled": False}}
    ) as instance:
        instance.add_instigator_state(state)
        cleared = Site(site.root, instance)
        copies.put_back(site)
        assert copies.ways(cleared) == {("crm", f"{name}.csv"): "again" for name in "abc"}
        assert copies.recover(cleared).failure is None
        assert copies.rows(site, "customers") == before
        assert copies.agree(cleared)
