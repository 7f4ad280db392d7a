"""What must hold for the rows of a table."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import import_assets
from import_assets.spec.models import CONSENT, Limits
from import_assets.tables import checks
from import_assets.tables.apply import apply_batch
from import_assets.tables.outcome import Counts
from import_assets.warehouse import ledger
from import_assets_tests.builders import NOW, Row, batch, manifest, project, table, warehouse

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
    assert tuple(check.name for check in done) == tuple(checks.described(name))
    for check in done:
        assert len(table(connection, check.query)) == check.failures
        assert (check.sentence.split()[0] == f"{check.failures:,}") is bool(check.failures)
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
    short = Limits(dedup_days=1)
    assert failed(connection, PURCHASE, short, now=NOW + dt.timedelta(days=2)) == {}


def test_events_that_came_long_ago_and_again(connection: duckdb.DuckDBPyConnection) -> None:
    """M066: one of the two has to have come in the last week, or it was told before."""
    again = "INSERT INTO events.purchase SELECT * REPLACE (? AS _imported_at) FROM events.purchase"
    connection.execute("UPDATE events.purchase SET timestamp = ?", [NOW - dt.timedelta(days=99)])
    connection.execute(again, [NOW - dt.timedelta(days=89)])
    assert failed(connection, PURCHASE) == {"no_duplicates": 1}
    assert failed(connection, PURCHASE, now=NOW + dt.timedelta(days=1)) == {"no_duplicates": 1}
    assert failed(connection, PURCHASE, now=NOW + dt.timedelta(days=2)) == {}
    connection.execute("UPDATE events.purchase SET _imported_at = ?", [NOW])
    assert failed(connection, PURCHASE, now=NOW + dt.timedelta(days=7)) == {"no_duplicates": 1}
    assert failed(connection, PURCHASE, now=NOW + dt.timedelta(days=8)) == {}


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


@pytest.mark.parametrize(
    ("item", "item_type", "purchase", "purchase_type", "found"),
    [
        ("9007199254740993", "BIGINT", "9007199254740992", "VARCHAR", False),
        ("9007199254740993", "BIGINT", "9007199254740993", "VARCHAR", True),
        ("9007199254740993", "BIGINT", "9007199254740992", "DOUBLE", False),
        ("123456789012345678901", "VARCHAR", "123456789012345678902", "VARCHAR", False),
        ("7", "BIGINT", "007", "VARCHAR", True),
        ("7", "DOUBLE", "7.00", "VARCHAR", True),
        ("7", "BIGINT", "7", "DOUBLE", True),
        ("7.5", "DOUBLE", "7.50", "VARCHAR", True),
        ("0", "BIGINT", "0", "VARCHAR", True),
        ("-70", "BIGINT", "-70", "VARCHAR", True),
        ("7", "BIGINT", "7a", "VARCHAR", False),
        ("007", "VARCHAR", "7", "VARCHAR", False),
        ("true", "BOOLEAN", "true", "VARCHAR", True),
        ("true", "BOOLEAN", "TRUE", "VARCHAR", True),
        ("true", "BOOLEAN", "false", "VARCHAR", False),
        ("true", "BOOLEAN", "1", "BIGINT", False),
        ("2026-01-31 10:00:00", "TIMESTAMP", "2026-01-31T10:00:00Z", "VARCHAR", True),
        ("2026-01-31 10:00:00", "TIMESTAMP", "2026-01-31T10:00:00.5Z", "VARCHAR", False),
        ("2026-01-31 10:00:00", "TIMESTAMP", "once", "VARCHAR", False),
        ("2026-01-31", "DATE", "2026-01-31", "VARCHAR", True),
        ("2026-01-31", "DATE", "2026-01-31", "TIMESTAMP", True),
        ('"a"', "JSON", "a", "VARCHAR", True),
        ('{"a":1}', "JSON", '{"a":1}', "VARCHAR", True),
    ],
)
def test_references_between_columns_of_two_types(
    connection: duckdb.DuckDBPyConnection,
    item: str,
    item_type: str,
    purchase: str,
    purchase_type: str,
    *,
    found: bool,
) -> None:
    """M069: both ways, and never by way of a float."""
    for one, other in ((ITEM, PURCHASE), (PURCHASE, ITEM)):
        for (_, name), type_, value in (
            (one, item_type, item),
            (other, purchase_type, purchase),
        ):
            connection.execute(
                f"ALTER TABLE events.{name} ALTER purchase_id SET DATA TYPE {type_} "
                f"USING $${value}$$::{type_}"
            )
        assert failed(connection, ITEM) == ({} if found else {"references_found": 1})


def test_what_is_well_is_said_in_plain_words(connection: duckdb.DuckDBPyConnection) -> None:
    told = {
        f"{name[0]} {check.name}": check.sentence
        for name in (CUSTOMERS, ITEM, PRODUCTS, POOL)
        for check in checks.run(connection, name, Limits(), NOW)
    }
    assert told["customers no_duplicates"] == "no identifier belongs to two customers"
    assert told["customers volume_usual"] == "every last delivery is about as large as usual"
    assert told["events ids_valid"] == "every event has a customer and a time"
    assert told["events references_found"] == "the purchase of every purchase_item is there"
    assert told["catalogs values_within_limit"] == "no value is over 28,672 bytes"
    assert told["vouchers no_duplicates"] == "no code stands twice in the pool"


def test_one_row_is_told_as_one(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("UPDATE events.purchase SET customer_id = 99")
    connection.execute("UPDATE events.purchase_item SET purchase_id = 'q'")
    told = {
        check.name: check.sentence
        for name in (PURCHASE, ITEM)
        for check in checks.run(connection, name, Limits(), NOW)
        if check.failures
    }
    assert told == {
        "ids_valid": "1 event without a customer or a time",
        "references_found": "1 purchase_id of purchase_item without a purchase",
    }


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


def test_lists_of_items_are_measured_as_json(connection: duckdb.DuckDBPyConnection) -> None:
    """M079, D35: `["ž"]` has six bytes."""
    connection.execute("ALTER TABLE catalogs.products ADD COLUMN colours VARCHAR[]")
    connection.execute("UPDATE catalogs.products SET colours = ['ž']")
    assert failed(connection, PRODUCTS, Limits(catalog_value_bytes=6)) == {}
    assert failed(connection, PRODUCTS, Limits(catalog_value_bytes=5)) == {"values_within_limit": 1}


def test_identifiers_of_items_and_codes(connection: duckdb.DuckDBPyConnection) -> None:
    """M043, M072, D39: bytes, not characters."""
    connection.execute("UPDATE catalogs.products SET item_id = 'žž'")
    connection.execute("UPDATE vouchers.P SET code = 'žž'")
    for name in (PRODUCTS, POOL):
        assert failed(connection, name, Limits(id_bytes=4)) == {}
        assert failed(connection, name, Limits(id_bytes=3)) == {"ids_valid": 1}
    connection.execute("UPDATE catalogs.products SET item_id = NULL")
    connection.execute("UPDATE vouchers.P SET code = ''")
    for name in (PRODUCTS, POOL):
        assert failed(connection, name) == {"ids_valid": 1}


def test_a_product_may_lack_its_product_id(connection: duckdb.DuckDBPyConnection) -> None:
    """M075: one that is there is held to the same limit."""
    connection.execute("ALTER TABLE catalogs.products ADD COLUMN product_id VARCHAR")
    assert failed(connection, PRODUCTS) == {}
    connection.execute("UPDATE catalogs.products SET product_id = 'žž'")
    assert failed(connection, PRODUCTS, Limits(id_bytes=3)) == {"ids_valid": 1}


def test_more_events_than_are_looked_at_together(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M066: each digest is in one slice, the first and the last of all too."""
    monkeypatch.setattr(checks, "_AT_ONCE", 3)
    first, last = "0" * 32, "f" * 32
    connection.execute("DELETE FROM events.purchase")
    for digest in (first, last, *(f"{n:x}" * 32 for n in range(1, 15))):
        connection.execute(
            "INSERT INTO events.purchase (customer_id, timestamp, _digest, _imported_at) "
            "SELECT 1, ?, ?::UUID, ? FROM range(2)",
            [WHEN, digest, NOW],
        )
    assert failed(connection, PURCHASE) == {"no_duplicates": 16}


def test_consents_may_stand_twice(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """b.5."""
    event: Row = {"id:registered": "1", "_timestamp": WHEN}
    apply_batch(connection, batch(tmp_path, [event, event], table=CONSENT), project(), NOW)
    assert failed(connection, CONSENT) == {}
    assert "no_duplicates" not in checks.described(CONSENT)


@pytest.mark.parametrize(
    ("email", "phone", "wrong"),
    [
        ("a@b.sk", "+421 900 123-456", 0),
        ("ž.ý+x@sub.example.com", "(0900) 123456", 0),
        (None, None, 0),
        ("", None, 1),
        ("a@b", "0900 123 456", 1),
        ("a b@c.sk", "+421", 2),
        ("a@b.sk, c@d.sk", "call me", 2),
        ("a@b..sk", "421900123456789012", 2),
    ],
)
def test_contacts(
    connection: duckdb.DuckDBPyConnection, email: str | None, phone: str | None, wrong: int
) -> None:
    """M040: a fault of the data, not of ours; nothing is no fault."""
    connection.execute("ALTER TABLE customers ADD COLUMN email VARCHAR")
    connection.execute("ALTER TABLE customers ADD COLUMN phone VARCHAR")
    connection.execute(
        "UPDATE customers SET email = ?, phone = ? WHERE registered = '1'", [email, phone]
    )
    assert failed(connection, CUSTOMERS) == ({"contacts_plausible": wrong} if wrong else {})
    (one,) = [c for c in checks.run(connection, CUSTOMERS, Limits(), NOW) if "contacts" in c.name]
    assert not one.severe


def test_contacts_that_are_no_texts(connection: duckdb.DuckDBPyConnection) -> None:
    """M040: of several, as of a soft identifier, each is looked at."""
    connection.execute("ALTER TABLE customers ADD COLUMN email VARCHAR[]")
    connection.execute("ALTER TABLE customers ADD COLUMN phone BIGINT")
    connection.execute(
        "UPDATE customers SET email = ['a@b.sk', 'x', 'y'], phone = 421900123456 "
        "WHERE registered = '1'"
    )
    assert failed(connection, CUSTOMERS) == {"contacts_plausible": 2}


def test_events_of_the_future(connection: duckdb.DuckDBPyConnection) -> None:
    """By the time of their import: a day is no fault, more is."""
    for more, wrong in ((0, {}), (1, {"times_plausible": 1})):
        connection.execute(
            'UPDATE events.purchase SET "timestamp" = ?',
            [NOW + dt.timedelta(days=1, microseconds=more)],
        )
        assert failed(connection, PURCHASE) == wrong


def deliver(
    connection: duckdb.DuckDBPyConnection, reads: list[int], now: dt.datetime = NOW, **facts: str
) -> None:
    """Write deliveries of so many records into the ledger."""
    for read in reads:
        turn = ledger.next_turn(connection, now)
        values = {"import_name": "clients", "batch_id": f"v{turn.sequence}", **facts}
        ledger.record(
            connection,
            manifest(read=read, key=f"file_{turn.sequence}.csv", **values),
            Counts(read=read, unchanged=read),
            turn,
        )


@pytest.mark.parametrize(
    ("reads", "unusual"),
    [
        ([100, 100, 100, 100, 100, 49], True),
        ([100, 100, 100, 100, 100, 50], False),
        ([100, 100, 100, 100, 100, 200], False),
        ([100, 100, 100, 100, 100, 201], True),
        ([100, 100, 100, 100, 100, 0], True),
        ([100, 100, 100, 100, 0], False),
        ([100, 10, 100, 100, 100, 100, 10], False),
        ([100, 10, 100, 100, 100, 100, 9], True),
        ([0, *[100] * 20, 0], True),
        ([], False),
    ],
)
def test_the_size_of_deliveries(
    connection: duckdb.DuckDBPyConnection, reads: list[int], unusual: bool
) -> None:
    """Against at least five and at most twenty before it, and not where it was so before."""
    deliver(connection, reads)
    assert failed(connection, CUSTOMERS) == ({"volume_usual": 1} if unusual else {})


def test_an_unusual_delivery_is_named(connection: duckdb.DuckDBPyConnection) -> None:
    """It warns for a month, of its own table only; replays and what was undone do not count."""
    deliver(connection, [1_000] * 6, import_name="others")
    deliver(connection, [1_000] * 5)
    deliver(connection, [7])
    (one,) = [c for c in checks.run(connection, CUSTOMERS, Limits(), NOW) if "volume" in c.name]
    number = connection.execute("SELECT max(sequence) FROM import_assets.batches").fetchall()[0][0]
    assert one.sentence == (
        "1 import whose last delivery is of an unusual size: clients, 7 records in "
        f"file_{number}.csv, while the median of the 5 before it is 1,000"
    )
    assert not one.severe
    assert [row["sequence"] for row in table(connection, one.query)] == [number]
    assert failed(connection, PURCHASE) == {}
    assert failed(connection, CUSTOMERS, now=NOW + dt.timedelta(days=31)) == {}
    connection.execute(
        "UPDATE import_assets.batches SET undone_at = applied_at WHERE sequence = ?", [number]
    )
    assert failed(connection, CUSTOMERS) == {}


def test_the_page_on_checks_names_them_all() -> None:
    page = (Path(import_assets.__file__).parents[1] / "docs/checks.md").read_text(encoding="utf-8")
    part = page.partition("## Checks on tables")[2].partition("## Checks on imports")[0]
    named = set(re.findall(r"(?m)^\| `([a-z_]+)`", part))
    assert named == {
        name for table in (CUSTOMERS, ITEM, PRODUCTS, POOL) for name in checks.described(table)
    }
