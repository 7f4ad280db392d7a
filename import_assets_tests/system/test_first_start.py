"""The first start on a clean folder: what the sample shop promises comes in without a click.

`shop/manifest.json` says what the imports have to make of the sample files; everything in it is
compared here with what a running Dagster made of them.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest

from import_assets_tests.system.dagster_server import CheckOutcome, wait_until
from import_assets_tests.system.fixtures import MARKS
from import_assets_tests.system.shop import FILES, MANIFEST, NEW_FILES, FirstStart, Shop

pytestmark = MARKS

# A first start has no older runs to retry, which Dagster finds worth a warning of its own.
_OF_DAGSTER = re.compile(r"No cursor for event type DagsterEventType\.RUN_\w+, ignoring older")
_WARNING = re.compile(r" - (WARNING|ERROR|CRITICAL) - |Warning\b|Traceback")

_TABLES: dict[str, dict[str, str]] = {
    "customers": {
        "rows": "SELECT count(*) FROM customers",
        "from_customer_files": "SELECT count(*) FROM customers WHERE source = 'crm'",
        "only_from_events": "SELECT count(*) FROM customers WHERE source IS NULL",
        "without_registered": "SELECT count(*) FROM customers WHERE registered IS NULL",
        "cookies": "SELECT sum(len(cookie))::BIGINT FROM customers",
        "with_several_cookies": "SELECT count(*) FROM customers WHERE len(cookie) > 1",
        "without_city": "SELECT count(*) FROM customers WHERE city IS NULL",
        "without_birthday": "SELECT count(*) FROM customers WHERE birthday IS NULL",
        "newsletter_true": "SELECT count(*) FROM customers WHERE newsletter",
        "phones_with_leading_zero": "SELECT count(*) FROM customers WHERE phone LIKE '0%'",
        "by_city": "SELECT city, count(*) FROM customers WHERE city IS NOT NULL GROUP BY city",
    },
    "events/purchase": {
        "rows": "SELECT count(*) FROM events.purchase",
        "distinct_purchase_ids": "SELECT count(DISTINCT purchase_id) FROM events.purchase",
        "customers": "SELECT count(DISTINCT customer_id) FROM events.purchase",
        "total_cents": "SELECT currency, sum(round(total * 100)::BIGINT)::BIGINT "
        "FROM events.purchase GROUP BY currency",
        "with_voucher": "SELECT count(voucher) FROM events.purchase",
        "item_count_sum": "SELECT sum(item_count)::BIGINT FROM events.purchase",
    },
    "events/purchase_item": {
        "rows": "SELECT count(*) FROM events.purchase_item",
        "customers": "SELECT count(DISTINCT customer_id) FROM events.purchase_item",
        "without_purchase": "SELECT count(*) FROM events.purchase_item "
        "WHERE purchase_id NOT IN (SELECT purchase_id FROM events.purchase)",
        "distinct_product_ids": "SELECT count(DISTINCT product_id) FROM events.purchase_item",
        "quantity_sum": "SELECT sum(quantity)::BIGINT FROM events.purchase_item",
        "total_price_cents": "SELECT sum(round(total_price * 100)::BIGINT)::BIGINT "
        "FROM events.purchase_item",
        "titles_with_comma": "SELECT count(*) FROM events.purchase_item WHERE title LIKE '%,%'",
        "titles_with_quote": "SELECT count(*) FROM events.purchase_item WHERE title LIKE '%\"%'",
        "titles_with_newline": "SELECT count(*) FROM events.purchase_item "
        "WHERE contains(title, chr(10))",
    },
    "catalogs/products": {
        "rows": "SELECT count(*) FROM catalogs.products",
        "distinct_product_ids": "SELECT count(DISTINCT product_id) FROM catalogs.products",
        "with_price": "SELECT count(price) FROM catalogs.products",
        "price_cents": "SELECT sum(round(price * 100)::BIGINT)::BIGINT FROM catalogs.products",
        "with_description": "SELECT count(description) FROM catalogs.products",
        "active": "SELECT count(*) FROM catalogs.products WHERE active",
        "with_labels": "SELECT count(labels) FROM catalogs.products",
        "by_category": "SELECT category, count(*) FROM "
        "(SELECT unnest(categories) AS category FROM catalogs.products) GROUP BY category",
        "stock_sum": "SELECT sum(stock)::BIGINT FROM catalogs.products",
    },
    "catalogs/stores": {
        "rows": "SELECT count(*) FROM catalogs.stores",
        "by_city": "SELECT city, count(*) FROM catalogs.stores GROUP BY city",
        "name_of_store_07": "SELECT name FROM catalogs.stores WHERE item_id = 'store-07'",
    },
    "vouchers/SUMMER10": {"rows": 'SELECT count(*) FROM vouchers."SUMMER10"'},
}


def _file_name(path: str) -> str:
    return path.rpartition("/")[2]


@pytest.mark.parametrize("path", NEW_FILES)
def test_every_file_is_imported_once_with_the_counts_of_the_manifest(
    started: FirstStart, path: str
) -> None:
    """M016, M017: exactly one batch a file, and every record accounted for."""
    expected = NEW_FILES[path]
    with started.tables() as connection:
        applied = connection.execute(
            "SELECT read, inserted + updated + unchanged, duplicate, rejected, blank, table_name "
            "FROM import_assets.batches WHERE import = ? AND key = ?",
            [expected["import"], _file_name(path)],
        ).fetchall()
    words = ("records", "accepted", "duplicates", "rejected", "blank_lines", "table")
    assert applied == [tuple(expected[word] for word in words)]


@pytest.mark.parametrize("path", NEW_FILES)
def test_every_reject_is_that_of_the_manifest(started: FirstStart, path: str) -> None:
    """Each refused record with its number, its line in the file, and all that is wrong with it."""
    expected = NEW_FILES[path]
    with started.tables() as connection:
        rejects = connection.execute(
            "SELECT record, line, list_sort(list_transform(faults, lambda fault: fault.reason)) "
            "FROM import_assets.rejects WHERE import = ? AND file = ? ORDER BY record",
            [expected["import"], _file_name(path)],
        ).fetchall()
    assert rejects == [
        (reject["record"], reject["line"], sorted(reject["reasons"]))
        for reject in expected["rejects"]
    ]


def _figures(started: FirstStart, table: str) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    with started.tables() as connection:
        for name, sql in _TABLES[table].items():
            rows = connection.execute(sql).fetchall()
            figures[name] = dict(rows) if len(rows[0]) == 2 else rows[0][0]
    return figures


@pytest.mark.parametrize("table", MANIFEST["tables"])
def test_every_figure_of_a_table_is_that_of_the_manifest(started: FirstStart, table: str) -> None:
    expected = dict(MANIFEST["tables"][table])
    after_daily_stock = expected.pop("stock_sum_after_daily_stock", None)
    with started.tables() as connection:
        clock_struck = connection.execute(
            "SELECT 1 FROM import_assets.batches WHERE import = 'daily_stock'"
        ).fetchone()
    if after_daily_stock is not None and clock_struck:
        expected["stock_sum"] = after_daily_stock  # the tests began at 06:00 or at 18:30
    assert _figures(started, table) == expected


def test_an_event_without_acceptable_rows_creates_no_customer(started: FirstStart) -> None:
    with started.tables() as connection:
        known = connection.execute(
            "SELECT value FROM import_assets.customer_ids WHERE list_contains(?, value)",
            [MANIFEST["never_created"]],
        ).fetchall()
    assert known == []


def test_every_sensor_is_on_and_no_tick_failed(started: FirstStart, shop: Shop) -> None:
    """M016, M022: the sensors are on from the start and look by themselves."""
    sensors = shop.server.sensors()
    off = [sensor.name for sensor in sensors.values() if sensor.status != "RUNNING"]
    assert off == []
    failed = {
        sensor.name: tick.error
        for sensor in sensors.values()
        for tick in sensor.ticks
        if tick.status == "FAILURE"
    }
    assert failed == {}
    silent = [f"{file['import']}_new_file" for file in NEW_FILES.values()]
    assert [name for name in silent if not sensors[name].ticks] == []


def test_files_of_an_import_are_partitions_and_one_run(started: FirstStart, shop: Shop) -> None:
    """One run brings all new files of an import together with its table, and each is shown."""
    runs = shop.server.runs()
    for name in {file["import"] for file in NEW_FILES.values()}:
        files = sorted(
            _file_name(path) for path, file in NEW_FILES.items() if file["import"] == name
        )
        partitions = shop.server.partitions(name)
        assert partitions.materialized == tuple(files), name
        assert (partitions.failed, partitions.missing) == ((), ()), name
        (run,) = (run for run in runs if f"imports/{name}" in run.assets)
        table = next(file["table"] for file in NEW_FILES.values() if file["import"] == name)
        assert (run.status, set(run.assets)) == ("SUCCESS", {f"imports/{name}", table})


def test_a_repeated_import_shows_its_file_and_waits_for_the_clock(
    started: FirstStart, shop: Shop
) -> None:
    partitions = shop.server.partitions("daily_stock")
    (stock,) = (_file_name(path) for path, file in FILES.items() if file["starts"] == "daily")
    assert stock in partitions.materialized + partitions.missing


def test_checks_of_imports_and_tables_are_evaluated(started: FirstStart, shop: Shop) -> None:
    """Rejected rows are a warning, never a failed run; what must hold for tables holds."""
    of_data = {"rejects_below_threshold", "references_found"}
    assets = [f"imports/{file['import']}" for file in NEW_FILES.values()]
    for asset in {*assets, *MANIFEST["tables"]}:
        checks = wait_until(partial(_evaluated, shop, asset), f"the checks of {asset} have run")
        failed = {name for name, outcome in checks.items() if not outcome.passed}
        assert failed <= of_data, asset


def _evaluated(shop: Shop, asset: str) -> dict[str, CheckOutcome] | None:
    """Return the outcome of all checks of an asset, or None while it is being refreshed."""
    checks = shop.server.checks(asset)
    found = {name: outcome for name, outcome in checks.items() if outcome is not None}
    return found if len(found) == len(checks) else None


def test_references_are_checked_when_both_tables_are_there(started: FirstStart, shop: Shop) -> None:
    """M069: some items of the sample have no purchase; whichever table came first, that is told."""

    def told() -> CheckOutcome | None:
        outcome = shop.server.checks("events/purchase_item")["references_found"]
        return outcome if outcome and not outcome.passed else None

    outcome = wait_until(told, "purchase_items without a purchase are found")
    with started.tables() as connection:
        row = connection.execute(
            "SELECT count(DISTINCT purchase_id) FROM events.purchase_item "
            "WHERE purchase_id NOT IN (SELECT purchase_id FROM events.purchase)"
        ).fetchone()
    assert row is not None
    assert (outcome.severity, outcome.sentence.split()[0]) == ("WARN", str(row[0]))


def test_definitions_load_without_a_warning(started: FirstStart) -> None:
    warnings = [
        line
        for line in started.log.splitlines()
        if _WARNING.search(line) and not _OF_DAGSTER.search(line)
    ]
    assert warnings == []


def test_start_tells_where_the_pages_are(started: FirstStart) -> None:
    assert re.search(r"Dagster is starting at http://127\.0\.0\.1:\d+", started.log)
