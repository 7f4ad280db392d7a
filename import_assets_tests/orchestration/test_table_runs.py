"""The step of a table: what was left staged, what is shown, and the checks of its rows."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from import_assets.orchestration.keys import table_key
from import_assets.pipeline import deliver as delivering
from import_assets.pipeline.stage import stage
from import_assets.sources.open import open_source
from import_assets.staging.batch import Batch, Staging
from import_assets.tables.apply import Applied, apply_batch
from import_assets.warehouse import refusals
from import_assets.warehouse.warehouse import Warehouse
from import_assets_tests.orchestration.site import CUSTOMERS, Run, Site

CUSTOMERS_KEY = dg.AssetKey("customers")
PURCHASES = """\
kind: {events: purchase}
source: {storage: {folder: in, files: purchase.csv}}
columns: [{from: id, id: registered}, {from: ts, timestamp: true}, {from: purchase_id}]
"""
ITEMS = PURCHASES.replace("purchase}", "purchase_item}").replace("purchase.csv", "items.csv")
CATALOG = """\
kind: {catalog: products}
source: {storage: {folder: in, files: products.csv}}
columns: [{from: item_id, id: item_id}, {from: title}]
"""
VOUCHERS = """\
kind: {vouchers: SUMMER}
source: {storage: {folder: in, files: codes.csv}}
format: {csv: {delimiter: ","}}
columns: [{from: code, id: code}]
"""


def staged(site: Site, key: str, name: str = "crm") -> Batch:
    """Stage a delivery as a run that is killed before it is applied."""
    definition = site.definition(name)
    storage = open_source(definition)
    return stage(definition, storage, storage.stat(key))


def batches(site: Site) -> list[Batch]:
    """What lies staged."""
    return list(Staging(site.definition().project.staging_path).all())


def failed(run: Run, table: str) -> dict[str, str | None]:
    """The checks of a table that failed, with their sentences."""
    assert run.unexpected is None
    assert run.success
    return {
        name.removeprefix(f"{table}:"): check.description
        for name, check in run.checks.items()
        if not check.passed
    }


def test_a_table_without_rows_is_refused_kindly(site: Site) -> None:
    site.define("crm")
    run = site.materialize([CUSTOMERS_KEY])
    assert not run.success
    assert run.failure is not None
    assert run.failure.description == (
        "customers has no rows yet: materialize one of its imports first"
    )


def test_a_batch_that_was_left_staged_is_applied(site: Site) -> None:
    """A process killed between staging and its table: nothing is lost, nobody has to help."""
    site.define("crm")
    site.put("in/a.csv", "id,age\n1,30\n2,x\n")
    batch = staged(site, "a.csv")
    assert batch.folder.is_dir()
    run = site.materialize([CUSTOMERS_KEY])
    assert run.success
    assert site.rows("SELECT registered, age FROM customers") == [("1", 30)]
    assert site.rows("SELECT read, inserted, rejected FROM import_assets.batches") == [(2, 1, 1)]
    assert "Left by an interrupted run: a.csv: 2 read = 1 inserted + 1 rejected" in site.logged(run)
    assert not batch.folder.exists()

    again = site.run("crm", "a.csv")
    assert again.partitions["a.csv"]["imported_before"] is True


def test_batches_that_were_left_staged_are_applied_in_their_order(site: Site) -> None:
    site.define("crm")
    for age, name in enumerate("cab"):
        site.put(f"in/{name}.csv", f"id,age\n1,{age}\n")
        staged(site, f"{name}.csv")
    assert site.materialize([CUSTOMERS_KEY]).success
    assert site.rows("SELECT age FROM customers") == [(2,)]


def test_a_batch_of_another_definition_is_removed(site: Site) -> None:
    """Its delivery is read again, by the definition as it is now."""
    site.define("crm")
    site.put("in/a.csv", "id,age\n1,30\n")
    site.put("in/b.csv", "id,age\n2,30\n")
    batch = staged(site, "a.csv")
    site.define("crm", CUSTOMERS.replace("type: integer", "type: text"))
    site.run("crm", "b.csv")
    assert not batch.folder.exists()
    assert site.rows("SELECT registered, age FROM customers") == [("2", "30")]


def test_a_batch_that_is_in_the_ledger_is_removed(site: Site) -> None:
    """A process killed right after its commit. Forgotten later, the file does not come back."""
    site.define("crm")
    site.put("in/a.csv", "id,age\n1,30\n")
    batch = staged(site, "a.csv")
    copy = site.root / "copy"
    batch.folder.rename(copy)
    site.run("crm", "a.csv")
    copy.rename(batch.folder)
    assert len(batches(site)) == 1
    run = site.materialize([CUSTOMERS_KEY])
    assert batches(site) == []
    assert "Left by" not in site.logged(run)
    assert site.rows("SELECT count(*) FROM import_assets.batches") == [(1,)]


def test_nothing_is_kept_of_a_batch_that_was_applied(site: Site) -> None:
    """What is forgotten is read again from its source, not from what lies on the disk (M019)."""
    site.define("crm")
    site.put("in/a.csv", "id,age\n1,30\n")
    site.run("crm", "a.csv")
    assert batches(site) == []


def test_a_left_over_that_the_table_refuses_blocks_nothing(site: Site) -> None:
    """It is logged, kept in the books like any refusal, and removed."""
    site.define("crm")
    site.put("in/a.csv", "id,age\n1,30\n")
    batch = staged(site, "a.csv")
    site.define("other", CUSTOMERS.replace("type: integer", "type: text"))
    site.put("in/b.csv", "id,age\n2,x\n")
    (site.root / "imports" / "crm.yaml").rename(site.root / "crm.yaml")
    site.run("other", "b.csv")
    (site.root / "imports" / "other.yaml").unlink()
    (site.root / "crm.yaml").rename(site.root / "imports" / "crm.yaml")

    run = site.materialize([CUSTOMERS_KEY])
    assert run.success
    assert "Left by an interrupted run, and not imported: a.csv: attribute 'age'" in site.logged(
        run
    )
    assert not batch.folder.exists()
    with Warehouse(site.warehouse).read() as connection:
        (refusal,) = refusals.of_import(connection, "crm").values()
    assert refusal.key == "a.csv"
    assert refusal.reason == "type_conflict"
    assert refusal.definition_hash == site.definition().definition_hash


def test_a_left_over_that_fails_blocks_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named in the log at each run, for nothing may be lost silently."""
    site.define("crm")
    site.put("in/a.csv", "id,age\n1,30\n")
    site.put("in/b.csv", "id,age\n2,30\n")
    batch = staged(site, "a.csv")

    def failing(connection: Any, one: Batch, *args: Any) -> Applied:
        if one.manifest.key == "a.csv":
            raise ZeroDivisionError("a fault of ours")
        return apply_batch(connection, one, *args)

    monkeypatch.setattr(delivering, "apply_batch", failing)
    run = site.run("crm", "b.csv")
    assert run.success
    assert set(run.partitions) == {"b.csv"}
    assert "Left by an interrupted run, and not imported: a fault of ours" in site.logged(run)
    assert batch.folder.exists()


# --- checks -------------------------------------------------------------------------------------


def test_customers_are_checked(site: Site) -> None:
    """One owner an identifier; no customer without one or with one over 256 bytes (M043)."""
    site.define("crm")
    site.put("in/a.csv", "id,age\n1,30\n2,31\n")
    assert failed(site.run("crm", "a.csv"), "customers") == {}

    site.change("INSERT INTO import_assets.customer_ids VALUES ('registered', '1', 2, 9, 9)")
    assert failed(site.materialize([CUSTOMERS_KEY]), "customers") == {
        "no_duplicates": "1 identifier that belongs to two customers"
    }
    site.change("DELETE FROM import_assets.customer_ids")
    site.change(
        "INSERT INTO import_assets.customer_ids VALUES ('registered', repeat('ž', 129), 2, 1, 1)"
    )
    run = site.materialize([CUSTOMERS_KEY])
    assert set(failed(run, "customers")) == {"ids_valid"}
    check = run.checks["customers:ids_valid"]
    assert check.severity == dg.AssetCheckSeverity.ERROR
    assert check.metadata["failures"].value == 2
    query = str(check.metadata["query"].value).removeprefix("```sql\n").removesuffix("\n```")
    assert len(site.rows(query)) == 2


def test_events_are_checked(site: Site) -> None:
    """Each once within the window, and owned, with a time (M057, M066)."""
    site.define("crm", PURCHASES)
    key = table_key(("events", "purchase"))
    site.put("in/purchase.csv", "id,ts,purchase_id\n1,1700000000,p1\n")
    assert failed(site.run("crm", "purchase.csv"), "events/purchase") == {}
    insert = "INSERT INTO events.purchase SELECT * REPLACE ({}) FROM events.purchase LIMIT 1"
    site.change(insert.format("_imported_at - INTERVAL 91 DAY AS _imported_at"))
    assert failed(site.materialize([key]), "events/purchase") == {}
    site.change(insert.format("now()::TIMESTAMP AS _imported_at"))
    assert set(failed(site.materialize([key]), "events/purchase")) == {"no_duplicates"}
    site.change("DELETE FROM events.purchase")
    assert failed(site.materialize([key]), "events/purchase") == {}
    site.change("INSERT INTO events.purchase (customer_id, timestamp) VALUES (77, '2026-01-01')")
    site.change("INSERT INTO events.purchase (customer_id, timestamp) VALUES (1, NULL)")
    assert failed(site.materialize([key]), "events/purchase") == {
        "ids_valid": "2 events without a customer or a time"
    }


def test_items_refer_to_purchases(site: Site) -> None:
    """M069: of the data, so it warns; not checked while one of the two is not there."""
    site.define("items", ITEMS)
    site.define("purchases", PURCHASES)
    site.put("in/items.csv", "id,ts,purchase_id\n1,1700000000,p1\n1,1700000001,p2\n")
    run = site.run("items", "items.csv")
    assert failed(run, "events/purchase_item") == {}
    told = run.checks["events/purchase_item:references_found"].description
    assert str(told).startswith("not checked: ")

    site.put("in/purchase.csv", "id,ts,purchase_id\n1,1700000000,p1\n")
    site.run("purchases", "purchase.csv")
    run = site.materialize([table_key(("events", "purchase_item"))])
    assert failed(run, "events/purchase_item") == {
        "references_found": "1 purchase_id of purchase_item without a purchase"
    }
    check = run.checks["events/purchase_item:references_found"]
    assert check.severity == dg.AssetCheckSeverity.WARN


@pytest.mark.parametrize(
    ("definition", "file", "content", "bad", "check"),
    [
        pytest.param(
            CATALOG,
            "products.csv",
            "item_id,title\n1,a\n",
            "INSERT INTO catalogs.products (item_id) VALUES ('1')",
            {"no_duplicates": "1 item that stands twice"},
            id="item twice",
        ),
        pytest.param(
            CATALOG,
            "products.csv",
            "item_id,title\n1,a\n",
            "UPDATE catalogs.products SET title = repeat('ž', 14337)",
            {"values_within_limit": "1 item with a value over 28,672 bytes"},
            id="long value",
        ),
        pytest.param(
            VOUCHERS,
            "codes.csv",
            "code\na\n",
            "INSERT INTO vouchers.SUMMER (code) VALUES ('a')",
            {"no_duplicates": "1 code that stands twice in the pool"},
            id="code twice",
        ),
    ],
)
def test_items_and_codes_are_checked(
    site: Site, definition: str, file: str, content: str, bad: str, check: dict[str, str]
) -> None:
    site.define("crm", definition)
    site.put(f"in/{file}", content)
    table = site.definition().table
    assert failed(site.run("crm", file), "/".join(table)) == {}
    site.change(bad)
    assert failed(site.materialize([table_key(table)]), "/".join(table)) == check


def test_what_a_table_shows(site: Site) -> None:
    site.define("crm")
    site.put("in/a.csv", "id,age\n" + "".join(f"{i},30\n" for i in range(12)))
    values = site.run("crm", "a.csv").tables["customers"]
    assert values["dagster/row_count"] == 12
    assert values["dagster/relation_identifier"] == "main.customers"
    assert len(values["rows"]) == 10
    assert set(values["rows"][0]) >= {"customer_id", "registered", "age", "_file", "_row"}
    assert "import-assets query 'SELECT * FROM main.\"customers\" LIMIT 10'" in values["query"]
