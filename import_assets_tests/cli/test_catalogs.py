"""Catalogs and pools on the command line: what will go is told before, and names stay whole."""

from __future__ import annotations

import pytest

from import_assets.pipeline.deliver import deliver
from import_assets.sources.open import open_source
from import_assets.spec.loading import load
from import_assets.warehouse.warehouse import Warehouse
from import_assets_tests.cli.shop import Shop

WHOLE = """\
kind: {catalog: prices, mode: full}
source:
  storage: {folder: exports, files: "whole_*.csv", settle: 0}
columns:
  - {from: item, id: item_id}
  - {from: price, type: number}
"""
POOL = """\
kind: {vouchers: "10%Discount"}
source:
  storage: {folder: exports, files: "codes_*.csv", settle: 0}
columns:
  - {from: voucher, id: code}
"""


@pytest.fixture
def stocked(shop: Shop) -> Shop:
    """A project in which the catalog of prices was imported."""
    definition = load(shop.root).imports["prices"]
    storage = open_source(definition)
    warehouse = Warehouse(definition.project.warehouse_path)
    deliver(definition, storage, storage.stat("prices.csv"), warehouse)
    return shop


def test_b7_a_dry_run_tells_what_would_be_removed_and_what_is_refused(stocked: Shop):
    stocked.define("whole", WHOLE.replace("full}", "full, max_drop: 50%}"))
    stocked.write("exports/whole_1.csv", "item,price\np1,1.5\n")
    stocked.write("exports/whole_2.csv", "item,price\n")
    told = stocked.call("run", "whole", "--dry-run")
    assert "1 read = 1 unchanged, 1 items removed" in told.stdout
    assert "catalogs/prices has 2 items and would have 0" in told.output
    first, second = stocked.json("run", "whole", "--dry-run", code=1)
    assert (first["removed"], second["outcome"]) == (1, "refused")
    assert stocked.query("SELECT count(*) AS n FROM catalogs.prices") == [{"n": 2}]


def test_d36_a_preview_tells_that_a_catalog_takes_no_new_column(stocked: Shop):
    stocked.define("whole", WHOLE)
    stocked.write("exports/whole_1.csv", "item,price,size\np1,1.5,L\n")
    (seen,) = stocked.json("preview", "whole")
    found = {line["column"]: line["in_table"] for line in seen["columns"]}
    assert found == {"item": None, "price": "there", "size": "new: will be refused"}
    stocked.define("whole", WHOLE + "contract: evolve\n")
    (seen,) = stocked.json("preview", "whole")
    assert seen["columns"][2]["in_table"] == "new"


def test_d36_a_catalog_takes_no_column_of_a_later_definition(stocked: Shop):
    """A warning, since the file may lack it; under `contract: evolve` there is none."""
    text = stocked.root.joinpath("imports/prices.yaml").read_text(encoding="utf-8")
    wider = text.replace("type: number}\n", "type: number}\n  - {from: size, to: Grösse}\n")
    stocked.define("prices", wider)
    (found,) = stocked.json("check")
    assert (found["severity"], found["path"]) == ("warning", "columns[2].to")
    assert "'Grösse' is no column of catalogs/prices" in found["message"]
    assert "first import, prices" in found["message"]
    assert "`contract: evolve`" in found["message"]
    stocked.define("prices", wider + "contract: evolve\n")
    assert stocked.json("check") == []


def test_b7_check_warns_of_two_imports_of_the_whole_of_a_catalog(shop: Shop):
    shop.define("whole", WHOLE)
    shop.define("part", WHOLE.replace("full", "replace"))
    assert shop.json("check") == []
    shop.define("rival", WHOLE)
    found = shop.json("check")
    assert [(one["import"], one["severity"]) for one in found] == [
        ("rival", "warning"),
        ("whole", "warning"),
    ]
    assert "import rival brings the whole of catalogs/prices too" in found[1]["message"]


@pytest.mark.slow
def test_d39_a_pool_keeps_its_name_on_the_whole_way(imported: Shop):
    """b.6: definition, run, asset, table, show and export."""
    imported.define("codes", POOL)
    imported.write("exports/codes_1.csv", "voucher\n A1 \nä2\nA1\na1\n\n")
    (told,) = imported.json("run", "codes")
    assert (told["read"], told["inserted"], told["duplicate"], told["rejected"]) == (4, 3, 1, 0)
    query = 'SELECT code FROM vouchers."10%Discount" ORDER BY _row'
    assert imported.query(query) == [{"code": "A1"}, {"code": "ä2"}, {"code": "a1"}]
    tables = {one["table"]: one["rows"] for one in imported.json("show")}
    assert tables["vouchers/10%Discount"] == 3
    assert "ä2" in imported.call("show", "vouchers/10%Discount").stdout
    exported = imported.call("export", "vouchers/10%Discount")
    assert exported.exit_code == 0, exported.output
    assert exported.stdout.splitlines()[:4] == ["code", "A1", "a1", "ä2"]
