"""What a start of a whole import takes, by hand or by the clock."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from import_assets.errors import SourceError
from import_assets.orchestration.connected import connections
from import_assets.orchestration.selection import select
from import_assets.pipeline.deliver import deliver
from import_assets.sources.discovery import Selected, TooManyFilesError
from import_assets.sources.open import open_source
from import_assets.spec.loading import Import
from import_assets.warehouse.lock import hold
from import_assets.warehouse.warehouse import Warehouse
from import_assets_tests.orchestration.site import CUSTOMERS, Site
from import_assets_tests.orchestration.test_pastes_and_uploads import PASTE, UPLOAD


def chosen(definition: Import, limit: int | None) -> Selected:
    return select(definition, limit, connections=connections(definition.project))


Selecting = Callable[[str], list[str]]


@pytest.fixture
def selecting(site: Site) -> Selecting:
    """Selects under a rule among c, a, b, in the order of their time, of which a is imported."""
    for name in "cab":
        site.put(f"in/{name}.csv", "id\n1\n")
    site.define("crm")
    definition = site.definition()
    storage = open_source(definition)
    warehouse = Warehouse(definition.project.warehouse_path)
    deliver(definition, storage, storage.stat("a.csv"), warehouse)

    def by(rule: str) -> list[str]:
        text = CUSTOMERS.replace('files: "*.csv"', f'files: "*.csv", select: {rule}')
        site.define("crm", text.replace("run: {on_new_file: true}\n", ""))
        return [one.key for one in chosen(site.definition(), None).deliveries]

    return by


@pytest.mark.parametrize(
    ("rule", "taken"),
    [
        ("all", ["c.csv", "a.csv", "b.csv"]),
        ("not_imported_yet", ["c.csv", "b.csv"]),
        ("last_modified", ["b.csv"]),
        ("last_alphabetically", ["c.csv"]),
    ],
)
def test_the_rule_chooses(selecting: Selecting, rule: str, taken: list[str]) -> None:
    """M027-M030; only one rule asks what was imported (D03)."""
    assert selecting(rule) == taken


def test_a_start_by_hand_has_no_limit(site: Site) -> None:
    """D06: the limit is that of scheduled imports (M024)."""
    site.define("crm")
    site.configure("limits: {files: 1}\n")
    for name in "ab":
        site.put(f"in/{name}.csv", "id\n1\n")
    assert len(chosen(site.definition(), None).deliveries) == 2
    with pytest.raises(TooManyFilesError):
        chosen(site.definition(), 1)


def test_of_a_drop_folder_every_file_is_taken_once(site: Site) -> None:
    site.define("up", UPLOAD)
    site.put("uploads/up/a.csv", "id\n1\n")
    definition = site.definition("up")
    (delivery,) = chosen(definition, None).deliveries
    warehouse = Warehouse(definition.project.warehouse_path)
    deliver(definition, open_source(definition), delivery, warehouse)
    assert chosen(definition, None).deliveries == ()


def test_pasted_text_has_no_folder(site: Site) -> None:
    site.define("news", PASTE)
    with pytest.raises(SourceError, match="news has no folder to choose files from"):
        chosen(site.definition("news"), None)


@pytest.mark.parametrize("rule", ["all", "last_modified", "last_alphabetically"])
def test_rules_that_need_no_ledger_do_not_wait_for_the_warehouse(
    selecting: Selecting, site: Site, rule: str
) -> None:
    with hold(
        site.warehouse.with_name("warehouse.duckdb.lock"), exclusive=True, wait_seconds=1, log=print
    ):
        assert selecting(rule)
