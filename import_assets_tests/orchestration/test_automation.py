"""Tables follow their imports by themselves, also where a delivery never arrives."""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg
import pytest

from import_assets_tests.orchestration.site import CUSTOMERS, Site
from import_assets_tests.orchestration.test_table_runs import ITEMS, PURCHASES


@dataclass
class Automation:
    """The daemon that asks the conditions of assets, time after time."""

    site: Site
    cursor: dg.AssetDaemonCursor | None = None

    def tick(self) -> set[str]:
        """The assets that are to be materialized now."""
        definitions = self.site.definitions
        result = dg.evaluate_automation_conditions(
            definitions,
            self.site.instance,
            asset_selection=dg.AssetSelection.groups("tables"),
            cursor=self.cursor,
        )
        self.cursor = result.cursor
        keys = [spec.key for spec in definitions.resolve_all_asset_specs()]
        return {key.to_user_string() for key in keys if result.get_num_requested(key)}


@pytest.fixture
def crm(site: Site) -> Site:
    site.define("crm")
    site.put("in/a.csv", "id,age\n1,1\n")
    site.put("in/b.csv", "id,age\n2,1\n")
    return site


def test_a_table_follows_an_import_that_ran_alone(crm: Site) -> None:
    automation = Automation(crm)
    assert automation.tick() == set()
    crm.run("crm", "a.csv", alone=True)
    assert automation.tick() == {"customers"}
    assert automation.tick() == set(), "asked for once"
    assert crm.materialize([dg.AssetKey("customers")]).success
    assert automation.tick() == set()


def test_a_table_that_came_with_its_import_is_not_refreshed_again(crm: Site) -> None:
    automation = Automation(crm)
    automation.tick()
    crm.run("crm", "a.csv", "b.csv")
    assert automation.tick() == set()


def test_a_delivery_that_is_missing_holds_nothing_up(crm: Site) -> None:
    """One file that never succeeds must not keep its table from being refreshed."""
    automation = Automation(crm)
    crm.instance.add_dynamic_partitions("crm_files", ["never.csv"])
    automation.tick()
    for name in ("a.csv", "b.csv"):
        crm.run("crm", name, alone=True)
        assert automation.tick() == {"customers"}
        crm.materialize([dg.AssetKey("customers")])
        assert automation.tick() == set()


def test_a_table_follows_a_run_in_which_a_neighbour_failed(crm: Site) -> None:
    """What came in is materialized, though its step failed and the table's did not start."""
    automation = Automation(crm)
    crm.put("in/b.csv", "number\n2\n")
    automation.tick()
    assert not crm.run("crm", "a.csv", "b.csv").success
    assert automation.tick() == {"customers"}


def test_a_table_follows_each_of_its_imports(crm: Site) -> None:
    crm.define("other", CUSTOMERS.replace("folder: in", "folder: other"))
    crm.put("other/x.csv", "id,age\n7,1\n")
    automation = Automation(crm)
    crm.run("crm", "a.csv")
    automation.tick()
    crm.run("other", "x.csv", alone=True)
    assert automation.tick() == {"customers"}


@pytest.fixture
def till(site: Site) -> Site:
    site.define("items", ITEMS)
    site.define("purchases", PURCHASES)
    site.put("in/items.csv", "id,ts,purchase_id\n1,1700000000,p1\n")
    site.put("in/purchase.csv", "id,ts,purchase_id\n1,1700000000,p1\n")
    return site


def test_references_are_checked_anew_when_purchases_came(till: Site) -> None:
    """M069: the items were imported before the purchases that they name."""
    automation = Automation(till)
    till.run("items", "items.csv")
    automation.tick()
    till.run("purchases", "purchase.csv")
    assert automation.tick() == {"events/purchase_item"}


def test_references_are_checked_anew_when_both_came_between_two_looks(till: Site) -> None:
    """M069: as on a first start, where all files come in at once."""
    automation = Automation(till)
    automation.tick()
    till.run("items", "items.csv")
    till.run("purchases", "purchase.csv")
    assert automation.tick() == {"events/purchase_item"}
    assert till.materialize([dg.AssetKey(["events", "purchase_item"])]).success
    assert automation.tick() == set(), "asked for once"
