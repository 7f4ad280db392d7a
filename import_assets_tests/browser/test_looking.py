"""What the pages of the sample shop tell after its first start."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from import_assets_tests.browser.pages import Visitor
from import_assets_tests.system.fixtures import MARKS
from import_assets_tests.system.shop import FILES, MANIFEST, Shop

pytestmark = [*MARKS, pytest.mark.browser]

_GROUPS = ("imports", "tables")
_FILE = "purchase_2026-11-06.csv"
_COUNTS = FILES[f"shop/orders/{_FILE}"]


def test_graph_shows_the_imports_and_the_tables_they_fill(shop: Shop, visitor: Visitor) -> None:
    imports = [path.stem for path in (shop.root / "imports").glob("*.yaml")]
    tables = [table.rpartition("/")[2] for table in MANIFEST["tables"]]
    visitor.open("/asset-groups")
    visitor.sees(*_GROUPS, exact=True)
    expect(visitor.page.get_by_text("fetching statuses")).to_have_count(0)
    visitor.picture("groups")

    expanded = "%2C".join(f"global%40global%3A{group}" for group in _GROUPS)
    visitor.open(f"/asset-groups?expanded={expanded}")
    visitor.zooms_out_until_it_sees(*imports, *tables)
    visitor.picture("graph")


def test_lineage_of_a_table_shows_where_its_rows_come_from(visitor: Visitor) -> None:
    visitor.open_asset("customers", "lineage")
    visitor.sees("crm_customers", "newsletter_signups", "partner_contacts", exact=True)
    visitor.sees("100% filled", "2 partitions", "Materialized")
    visitor.picture("lineage")


def test_import_tells_what_it_is_and_how_it_is_started(visitor: Visitor) -> None:
    visitor.open_asset("imports/purchases")
    visitor.sees("What the till sold, one file a day.", "imports/purchases.yaml")
    visitor.sees("purchases_new_file", "Latest check results", "kind: events", "source: storage")
    visitor.picture("import")


def test_partition_of_a_file_tells_what_became_of_it(visitor: Visitor) -> None:
    """Counts, and the rejected records with line, column, value, reason and what to do."""
    visitor.open_asset("imports/purchases", "partitions", _FILE)
    visitor.sees("purchase_2026-11-02.csv", "Materialized (7)", "Failed (0)", "Missing (0)")
    for name, count in {
        "read": _COUNTS["records"],
        "inserted": _COUNTS["accepted"],
        "duplicate": _COUNTS["duplicates"],
        "rejected": _COUNTS["rejected"],
        "blank": _COUNTS["blank_lines"],
        "source_file": _FILE,
    }.items():
        row = visitor.page.get_by_role("row").filter(has=visitor.text(name, exact=True)).first
        expect(row).to_contain_text(f"{count}")
    rejects = visitor.page.get_by_role("row").filter(has=visitor.text("rejects", exact=True)).first
    rejects.evaluate("row => row.scrollIntoView({block: 'start'})")
    for reject in _COUNTS["rejects"]:
        record = rejects.get_by_role("row").filter(has_text=reject["reasons"][0])
        expect(record).to_contain_text(f"{reject['record']}{reject['line']}")
    expect(rejects).to_contain_text("z***")
    visitor.picture("rejects")


def test_checks_of_an_import_tell_what_they_mean(visitor: Visitor) -> None:
    visitor.open_asset("imports/purchases", "checks")
    visitor.sees("counts_add_up", "rejects_below_threshold", "columns_unchanged", "files_imported")
    read = sum(f["records"] for f in FILES.values() if f["import"] == "purchases")
    rejected = sum(f["rejected"] for f in FILES.values() if f["import"] == "purchases")
    visitor.text("rejects_below_threshold", exact=True).click()
    visitor.sees(f"{rejected} of {read:,} records rejected", "Passed")
    visitor.picture("checks")


def test_table_tells_its_rows_and_columns(visitor: Visitor) -> None:
    visitor.open_asset("catalogs/products")
    rows = MANIFEST["tables"]["catalogs/products"]["rows"]
    visitor.sees("Row count", f"{rows:,}", "Columns", "item_id", "price", "DOUBLE", exact=True)
    visitor.sees("number, first brought by import products")
    visitor.picture("table")


def test_runs_and_automation_are_shown(shop: Shop, visitor: Visitor) -> None:
    visitor.open("/runs")
    visitor.sees("import: purchases", "purchases_new_file", "Success")
    visitor.picture("runs")
    visitor.open("/automation")
    visitor.sees("daily_stock_repeat", "purchases_new_file", "interrupted_runs", exact=True)
    visitor.picture("automation")
