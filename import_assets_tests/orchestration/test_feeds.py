"""Databases and analyses through Dagster: slots, state, retries, lineage (M008, M013, D43, D44)."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from import_assets.orchestration.keys import REPLAY_TAG, analysis_key, import_key, table_key
from import_assets.orchestration.schedules import evaluate
from import_assets.pipeline.replay import outstanding
from import_assets.staging.batch import Staging
from import_assets.warehouse.warehouse import Warehouse
from import_assets_tests.orchestration.site import CUSTOMERS, Site

PROJECT = "connections: {erp: {sql: {url: 'sqlite:///erp.db'}}}\n"
ORDERS = """\
kind: {events: order}
source:
  database:
    connection: erp
    query: SELECT id, customer, total, created, updated FROM orders
    cursor: updated
columns:
  - {from: customer, id: registered}
  - {from: created, timestamp: true}
  - {from: total, type: number}
run: {daily: ["06:00"]}
"""
TOP = """\
kind: {catalog: buyers}
source: {analysis: top}
columns: [{from: registered, id: item_id}]
"""
SIX = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)


def insert(site: Site, *rows: tuple[Any, ...]) -> None:
    with sqlite3.connect(site.root / "erp.db") as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS orders "
            "(id INTEGER, customer INTEGER, total REAL, created TEXT, updated INTEGER)"
        )
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", rows)
    connection.close()


def order(number: int, updated: int | None = None) -> tuple[Any, ...]:
    at = f"2026-01-01T00:00:{number:02}"
    return number, number % 2, number / 2, at, number if updated is None else updated


@pytest.fixture
def erp(site: Site) -> Site:
    """A database with three orders, and the import of what is new there."""
    site.configure(PROJECT)
    site.define("orders", ORDERS)
    insert(site, order(1), order(2), order(3))
    return site


def counts(run_: Any, slot: str) -> tuple[int, int, int]:
    told = run_.partitions[slot]
    return told["read"], told["inserted"], told["rejected"]


def test_each_slot_brings_what_is_new(erp: Site) -> None:
    """D43: the state moves on only with what was applied."""
    first = erp.run("orders", "monday")
    assert first.success
    assert counts(first, "monday") == (3, 3, 0)
    insert(erp, order(3, 3), order(4), order(5))
    second = erp.run("orders", "tuesday")
    # The equal order was there before as a row of its own; as an event it is the same one.
    assert counts(second, "tuesday") == (3, 2, 0)
    assert second.partitions["tuesday"]["duplicate"] == 1
    assert erp.rows("SELECT count(*), sum(total) FROM events.order") == [(5, 7.5)]
    assert erp.rows("SELECT typeof(id), typeof(updated) FROM events.order LIMIT 1") == [
        ("BIGINT", "BIGINT")
    ]


def test_a_slot_comes_in_once(erp: Site) -> None:
    assert erp.run("orders", "monday").success
    insert(erp, order(4))
    again = erp.run("orders", "monday")
    assert again.success
    assert again.partitions["monday"]["imported_before"] is True
    assert erp.rows("SELECT count(*) FROM events.order") == [(3,)]


def test_nothing_new_is_said(erp: Site) -> None:
    assert erp.run("orders", "monday").success
    second = erp.run("orders", "tuesday")
    assert second.success
    told = second.partitions["tuesday"]
    assert told["unchanged_since"] == "monday"
    assert told["read"] == 0
    assert "tuesday: nothing new since monday" in erp.logged(second)


def test_rows_without_a_cursor_are_reported_each_time(erp: Site) -> None:
    """D43, c.2."""
    insert(erp, (9, 1, 1.0, "2026-01-01T00:00:09", None))
    first = erp.run("orders", "monday")
    assert counts(first, "monday") == (4, 3, 1)
    (reject,) = first.partitions["monday"]["rejects"]
    assert reject["reason"] == "null_cursor"
    assert reject["column"] == "updated"
    assert counts(erp.run("orders", "tuesday"), "tuesday") == (1, 0, 1)


def test_the_clock_makes_a_slot(erp: Site) -> None:
    """M048."""
    said = evaluate(erp.instance, erp.definition("orders"), SIX)
    assert not isinstance(said, dg.SkipReason)
    (request,) = said
    slot = "2026-03-01T06:00:00+00:00"
    assert request.tags["dagster/partition"] == slot
    assert request.run_key == f"orders:{slot}"
    assert erp.instance.get_dynamic_partitions("orders_slots") == [slot]
    done = erp.materialize(request.asset_selection or [], request.tags)
    assert counts(done, slot) == (3, 3, 0)


def test_a_database_that_is_gone_is_asked_again_and_named(
    erp: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("import_assets.orchestration.imports.FEED_RETRY_SECONDS", 0)
    (erp.root / "erp.db").unlink()
    run_ = erp.run("orders", "monday")
    assert not run_.success
    assert run_.failure is not None
    assert "connection erp: the database does not exist" in str(run_.failure.description)
    retried = [e for e in run_.result.all_events if e.event_type_value == "STEP_RESTARTED"]
    assert len(retried) == 2
    insert(erp, order(1))
    assert counts(erp.run("orders", "monday"), "monday") == (1, 1, 0)


def test_a_changed_query_reads_the_slot_anew(erp: Site) -> None:
    assert erp.run("orders", "monday").success
    erp.define("orders", ORDERS.replace("FROM orders", "FROM orders WHERE id < 99"))
    insert(erp, order(4))
    again = erp.run("orders", "monday")
    assert again.partitions["monday"]["imported_before"] is False
    assert counts(again, "monday") == (1, 1, 0)


PRICES = """\
kind: {catalog: prices}
source: {database: {connection: erp, query: SELECT * FROM prices}}
columns: [{from: id, id: item_id}]
"""


def prices(site: Site, *rows: tuple[Any, ...]) -> None:
    with sqlite3.connect(site.root / "erp.db") as connection:
        connection.execute("DROP TABLE IF EXISTS prices")
        connection.execute("CREATE TABLE prices (id INTEGER, price DECIMAL(10,2), tax REAL)")
        connection.executemany("INSERT INTO prices VALUES (?, ?, ?)", rows)
    connection.close()


def test_a_column_is_what_it_was_declared_whatever_its_values(erp: Site) -> None:
    """Whole prices among others, and none at all, are prices; a bad one is a bad row (M055)."""
    erp.define("prices", PRICES)
    prices(erp, (1, 5, None), (2, 7.5, None))
    assert counts(erp.run("prices", "one"), "one") == (2, 2, 0)
    prices(erp, (3, 7, 0.5))
    assert counts(erp.run("prices", "two"), "two") == (1, 1, 0)
    prices(erp, (4, "none", 1), (5, 9, 1))
    assert counts(erp.run("prices", "three"), "three") == (2, 1, 1)
    assert erp.rows("SELECT item_id, price, tax FROM catalogs.prices ORDER BY 1") == [
        ("1", 5.0, None),
        ("2", 7.5, None),
        ("3", 7.0, 0.5),
        ("5", 9.0, 1.0),
    ]


def test_a_rule_that_only_renames_leaves_the_type(erp: Site) -> None:
    erp.define("orders", ORDERS.replace("columns:", "columns:\n  - {from: id, to: number}"))
    assert erp.run("orders", "monday").success
    assert erp.rows("SELECT typeof(number) FROM events.order LIMIT 1") == [("BIGINT",)]


def test_a_column_that_the_query_does_not_give_is_refused(erp: Site) -> None:
    erp.define("orders", ORDERS.replace("{from: total,", "{from: totl,"))
    run_ = erp.run("orders", "monday")
    assert run_.failure is not None
    assert "the query gives no column totl" in str(run_.failure.description)


# --- analyses -------------------------------------------------------------------------------------


@pytest.fixture
def bought(erp: Site) -> Site:
    """Orders in their table, and two analyses of them, the first of which fills a catalog."""
    assert erp.run("orders", "monday").success
    erp.put(
        "analyses/top.sql",
        "SELECT registered, count(*) AS orders, max(timestamp) AS last, list(o.id) AS numbers\n"
        "FROM events.order AS o JOIN customers USING (customer_id) GROUP BY registered\n"
        "ORDER BY registered;\n",
    )
    erp.put(
        "analyses/totals.py",
        'TABLES = ["events/order"]\n\n\n'
        "def analysis(read_table):\n"
        '    return read_table("events/order").group_by("customer_id").len()\n',
    )
    erp.define("buyers", TOP)
    return erp


def deps(site: Site, key: dg.AssetKey) -> set[dg.AssetKey]:
    return set(site.definitions.resolve_asset_graph().get(key).parent_keys)


def test_an_analysis_stands_between_tables_and_imports(bought: Site) -> None:
    """M013, D44."""
    dg.Definitions.validate_loadable(bought.definitions)
    orders, customers = table_key(("events", "order")), table_key(("customers",))
    assert deps(bought, analysis_key("top")) == {orders}  # no import fills customers by itself
    assert deps(bought, analysis_key("totals")) == {orders}
    assert deps(bought, import_key("buyers")) == {analysis_key("top")}
    assert customers not in bought.definitions.resolve_asset_graph().get_all_asset_keys()


def test_an_import_takes_the_rows_of_an_analysis(bought: Site) -> None:
    done = bought.run("buyers", "now")
    assert done.success, done.unexpected
    assert counts(done, "now") == (2, 2, 0)
    assert bought.rows(
        'SELECT item_id, orders, "last", numbers FROM catalogs.buyers ORDER BY 1'
    ) == [
        ("0", 1, datetime(2026, 1, 1, 0, 0, 2), ["2"]),
        ("1", 2, datetime(2026, 1, 1, 0, 0, 3), ["1", "3"]),
    ]


def test_the_times_of_an_analysis_are_utc_in_every_zone(bought: Site) -> None:
    """b.1: the warehouse has them in UTC."""
    bought.define("buyers", TOP + "timezone: Europe/Bratislava\n")
    assert bought.run("buyers", "now").success
    assert bought.rows('SELECT max("last") FROM catalogs.buyers') == [
        (datetime(2026, 1, 1, 0, 0, 3),)
    ]


@pytest.mark.parametrize("name", ["top", "totals"])
def test_an_analysis_shows_what_it_gives(bought: Site, name: str) -> None:
    done = bought.materialize([analysis_key(name)])
    assert done.success, done.unexpected
    told = done.tables[f"analyses/{name}"]
    assert told["dagster/row_count"] == 2
    assert len(told["rows"]) == 2


def test_an_analysis_of_another_project(bought: Site, tmp_path: Path) -> None:
    """M013: of the current or another project."""
    other = tmp_path / "other"
    (other / "imports").mkdir(parents=True)
    text = TOP.replace("{analysis: top}", f"{{analysis: {{name: top, project: {bought.root}}}}}")
    (other / "imports" / "buyers.yaml").write_text(text, encoding="utf-8")
    elsewhere = Site(other, bought.instance)
    assert deps(elsewhere, import_key("buyers")) == set()
    done = elsewhere.run("buyers", "now")
    assert counts(done, "now") == (2, 2, 0)


def test_an_analysis_that_fills_what_it_reads_closes_no_circle(bought: Site) -> None:
    bought.define("crm", CUSTOMERS)
    bought.define(
        "back", TOP.replace("{catalog: buyers}", "customers").replace("item_id", "cookie")
    )
    definitions = bought.definitions
    dg.Definitions.validate_loadable(definitions)
    assert deps(bought, analysis_key("top")) == {table_key(("events", "order"))}
    spec = next(s for s in definitions.resolve_all_asset_specs() if s.key == analysis_key("top"))
    assert "It reads `customers` too, which an import fills from it" in str(spec.description)


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("bad.sql", "DELETE FROM customers", "begins with DELETE"),
        ("bad.sql", "SELECT 1; SELECT 2", "more than one statement"),
        ("bad.py", "def other(): pass", "no function `analysis(read_table)`"),
        ("bad.py", "def analysis(", "it is no Python"),
        ("Bad.sql", "SELECT 1", "lower-case letters"),
    ],
)
def test_a_wrong_analysis_is_shown_and_hurts_no_other(
    bought: Site, file: str, text: str, said: str
) -> None:
    bought.put(f"analyses/{file}", text)
    specs = {spec.key: spec for spec in bought.definitions.resolve_all_asset_specs()}
    (wrong,) = [spec for spec in specs.values() if spec.group_name == "invalid"]
    assert said in str(wrong.description)
    assert analysis_key("top") in specs


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "def analysis(read_table):\n    return read_table('events/none')\n",
            "no table events/none",
        ),
        ("def analysis(read_table):\n    return 5\n", "returned int, not a frame"),
        ("def analysis(read_table):\n    return 1 / 0\n", "totals.py:2: ZeroDivisionError"),
    ],
)
def test_what_goes_wrong_in_python_is_said(bought: Site, text: str, said: str) -> None:
    bought.put("analyses/totals.py", text)
    done = bought.materialize([analysis_key("totals")])
    assert done.failure is not None
    assert said in str(done.failure.description)


def test_python_may_return_pandas_and_what_it_holds(bought: Site) -> None:
    bought.put(
        "analyses/frames.py",
        "import pandas as pd\n\n\n"
        "def analysis(read_table):\n"
        "    at = pd.Timestamp('2026-01-01', tz='UTC')\n"
        "    kind = pd.Categorical(['k'])\n"
        "    return pd.DataFrame("
        "{'registered': ['a'], 'at': [at], 'tags': [['x', 'y']], 'kind': kind})\n",
    )
    bought.define("frames", TOP.replace("top", "frames").replace("buyers", "frames"))
    done = bought.run("frames", "now")
    assert done.success, done.unexpected
    assert bought.rows('SELECT item_id, "at", tags, kind FROM catalogs.frames') == [
        ("a", datetime(2026, 1, 1), ["x", "y"], "k")
    ]


def test_a_rejected_row_of_a_database_is_replayed_with_its_types(erp: Site) -> None:
    """Its cells are no texts; what a feed goes on from is what came from the database."""
    insert(erp, (4, None, 2.5, "2026-01-01T00:00:04", 4))
    assert counts(erp.run("orders", "monday"), "monday") == (4, 3, 1)
    definition = erp.definition("orders")
    warehouse = Warehouse(definition.project.warehouse_path)
    with warehouse.read() as connection:
        (one,) = outstanding(connection, definition, None)
    (cells,) = one.records["cells"].to_list()
    assert cells == ["4", None, "2.5", "2026-01-01T00:00:04", "4"]
    mended = pl.Series("cells", [["4", "7", "2.5", "2026-01-01T00:00:04", "4"]])
    one = replace(one, records=one.records.with_columns(mended, changed=pl.lit(value=True)))
    batch = one.staged(Staging(definition.project.staging_path))
    run = erp.run("orders", "monday", tags={REPLAY_TAG: batch.manifest.batch_id})
    assert run.success
    assert counts(run, "monday") == (1, 1, 0)
    assert run.partitions["monday"]["rejects_outstanding"] == 0
    assert erp.rows("SELECT id, total, _file, _row FROM events.order WHERE id = 4") == [
        (4, 2.5, "monday", 4)
    ]
    insert(erp, order(5))
    assert counts(erp.run("orders", "tuesday"), "tuesday") == (1, 1, 0)
