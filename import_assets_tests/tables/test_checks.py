"""What must hold for the rows of a table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from import_assets.spec.models import Limits
from import_assets.tables import checks
from import_assets.tables.apply import apply_batch
from import_assets_tests.builders import NOW, Row, batch, project, table, warehouse

CUSTOMERS = ("customers",)
PURCHASE = ("events", "purchase")
ITEM = ("events", "purchase_item")
PRODUCTS = ("catalogs", "products")
POOL = ("vouchers", "P")
WHEN = dt.datetime(2026, 5, 1)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse with a little of everything, in which all is well."""
    event: Row = {"id:registered": "1", "_timestamp": WHEN, "attr:purchase_id": "p"}
    with warehouse() as opened:
        for staged in (
            batch(tmp_path, [{"id:registered": "1"}, {"id:registered": "2"}]),
            batch(tmp_path, [event], table=PURCHASE, attributes={"purchase_id": "text"}),
            batch(tmp_path, [event], table=ITEM, attributes={"purchase_id": "text"}),
            batch(
                tmp_path,
                [{"id:item_id": "i", "attr:title": "ž"}],
                table=PRODUCTS,
                identifiers=("item_id",),
                attributes={"title": "text"},
            ),
            batch(tmp_path, [{"id:code": "c"}], table=POOL, identifiers=("code",)),
        ):
            apply_batch(opened, staged, project(), NOW)
        yield opened


def failed(
    connection: duckdb.DuckDBPyConnection,
    name: tuple[str, ...],
    limits: Limits | None = None,
    now: dt.datetime = NOW,
) -> dict[str, int]:
    """The checks of a table that failed, and how many rows each has found."""
    done = checks.run(connection, name, limits or Limits(), now)
    assert tuple(check.name for check in done) == checks.names(name)
    for check in done:
        assert len(table(connection, check.query)) == check.failures
        assert check.sentence.startswith(f"{check.failures:,} " if check.failures else "no")
    return {check.name: check.failures for check in done if check.failures}


def test_all_is_well(connection: duckdb.DuckDBPyConnection) -> None:
    for name in (CUSTOMERS, PURCHASE, ITEM, PRODUCTS, POOL):
        assert failed(connection, name) == {}


def test_an_identifier_of_two_customers(connection: duckdb.DuckDBPyConnection) -> None:
    """b.4."""
    connection.execute(
        "UPDATE import_assets.customer_ids SET value = '1' WHERE kind = 'registered'"
    )
    assert failed(connection, CUSTOMERS) == {"no_duplicates": 1}


def test_identifiers_that_are_missing_or_too_long(connection: duckdb.DuckDBPyConnection) -> None:
    """M043: bytes, not characters."""
    connection.execute("UPDATE import_assets.customer_ids SET value = 'žž' WHERE value = '1'")
    assert failed(connection, CUSTOMERS, Limits(id_bytes=4)) == {}
    assert failed(connection, CUSTOMERS, Limits(id_bytes=3)) == {"ids_valid": 1}
    connection.execute("DELETE FROM import_assets.customer_ids WHERE value = '2'")
    assert failed(connection, CUSTOMERS, Limits(id_bytes=3)) == {"ids_valid": 2}


def test_events_that_stand_twice(connection: duckdb.DuckDBPyConnection) -> None:
    """M066: within the window alone."""
    connection.execute("INSERT INTO events.purchase SELECT * FROM events.purchase")
    assert failed(connection, PURCHASE) == {"no_duplicates": 1}
    assert failed(connection, PURCHASE, now=NOW + dt.timedelta(days=91)) == {}


def test_equal_events_of_customers_that_became_one(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """b.4, b.5, M064: they were no duplicates when they came, and events are never deleted."""
    kinds = ("registered", "cookie")
    event: Row = {"_timestamp": WHEN, "attr:purchase_id": "p"}
    rows: list[Row] = [
        {**event, "id:cookie": "a"},
        {**event, "id:registered": "1", "id:cookie": "a", "attr:purchase_id": "q"},
    ]
    for row in rows:
        staged = batch(
            tmp_path, [row], identifiers=kinds, table=PURCHASE, attributes={"purchase_id": "text"}
        )
        assert apply_batch(connection, staged, project(), NOW).counts.inserted == 1
    stored = table(connection, "SELECT customer_id, purchase_id FROM events.purchase ORDER BY 2")
    assert [(row["customer_id"], row["purchase_id"]) for row in stored] == [
        (1, "p"),
        (1, "p"),
        (1, "q"),
    ]
    assert failed(connection, PURCHASE) == {}


def test_events_without_a_customer(connection: duckdb.DuckDBPyConnection) -> None:
    """M057."""
    connection.execute("UPDATE events.purchase SET customer_id = 99")
    assert failed(connection, PURCHASE) == {"ids_valid": 1}


def test_items_of_a_purchase_that_is_not_there(connection: duckdb.DuckDBPyConnection) -> None:
    """M069: a fault of the data, not of ours."""
    connection.execute("UPDATE events.purchase_item SET purchase_id = 'q'")
    assert failed(connection, ITEM) == {"references_found": 1}
    found = checks.run(connection, ITEM, Limits(), NOW)
    assert {check.name: check.severe for check in found}["references_found"] is False


def test_items_before_any_purchase(connection: duckdb.DuckDBPyConnection) -> None:
    """M069: nothing to compare with."""
    connection.execute("DROP TABLE events.purchase")
    assert failed(connection, ITEM) == {}


def test_items_and_codes_that_stand_twice(connection: duckdb.DuckDBPyConnection) -> None:
    """M072, D39."""
    connection.execute("INSERT INTO catalogs.products SELECT * FROM catalogs.products")
    connection.execute("INSERT INTO vouchers.P SELECT * FROM vouchers.P")
    assert failed(connection, PRODUCTS) == {"no_duplicates": 1}
    assert failed(connection, POOL) == {"no_duplicates": 1}


def test_values_of_a_catalog_over_the_limit(connection: duckdb.DuckDBPyConnection) -> None:
    """M079: bytes, not characters."""
    assert failed(connection, PRODUCTS, Limits(catalog_value_bytes=2)) == {}
    assert failed(connection, PRODUCTS, Limits(catalog_value_bytes=1)) == {"values_within_limit": 1}
