"""From a project's files to what Dagster shows; every warning is an error in these tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import pytest

from import_assets.orchestration.build import build_definitions
from import_assets_tests.orchestration.site import CUSTOMERS, Site

SAMPLE = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sample() -> dg.Definitions:
    """The definitions of the sample shop."""
    return build_definitions(SAMPLE)


def specs(definitions: dg.Definitions) -> Mapping[str, dg.AssetSpec]:
    """The assets by their keys."""
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def groups(definitions: dg.Definitions) -> dict[str, set[str | None]]:
    """The keys of the assets of each group."""
    found: dict[str, set[str | None]] = {}
    for key, spec in specs(definitions).items():
        found.setdefault(str(spec.group_name), set()).add(key)
    return found


def test_sample_loads(sample: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(sample)
    assert groups(sample) == {
        "imports": {
            "imports/crm_customers",
            "imports/daily_stock",
            "imports/newsletter_signups",
            "imports/partner_contacts",
            "imports/products",
            "imports/purchase_items",
            "imports/purchases",
            "imports/stores",
            "imports/summer_vouchers",
        },
        "analyses": {"analyses/top_buyers"},
        "tables": {
            "customers",
            "events/purchase",
            "events/purchase_item",
            "catalogs/products",
            "catalogs/stores",
            "vouchers/SUMMER10",
        },
    }


def test_tables_are_below_their_imports(sample: dg.Definitions) -> None:
    def above(key: str) -> set[str]:
        return {dep.asset_key.to_user_string() for dep in specs(sample)[key].deps}

    assert above("customers") == {
        "imports/crm_customers",
        "imports/newsletter_signups",
        "imports/partner_contacts",
    }
    assert above("catalogs/products") == {"imports/products", "imports/daily_stock"}
    assert above("events/purchase_item") == {"imports/purchase_items", "events/purchase"}
    assert above("imports/crm_customers") == set()


def test_partitions_are_files_or_pastes(sample: dg.Definitions) -> None:
    def partitions(key: str) -> str | None:
        definition = specs(sample)[key].partitions_def
        assert definition is None or isinstance(definition, dg.DynamicPartitionsDefinition)
        return definition.name if definition else None

    assert partitions("imports/purchases") == "purchases_files"
    assert partitions("imports/partner_contacts") == "partner_contacts_files"
    assert partitions("imports/newsletter_signups") == "newsletter_signups_pastes"
    assert partitions("customers") is None


def test_checks(sample: dg.Definitions) -> None:
    keys = sample.resolve_asset_graph().asset_check_keys
    checks: dict[str, set[str]] = {}
    for key in keys:
        checks.setdefault(key.asset_key.to_user_string(), set()).add(key.name)
    imports = {name: found for name, found in checks.items() if name.startswith("imports/")}
    assert len(imports) == 9
    assert set(map(frozenset, imports.values())) == {
        frozenset(
            {"counts_add_up", "rejects_below_threshold", "columns_unchanged", "files_imported"}
        )
    }
    usual = {"no_duplicates", "ids_valid", "volume_usual"}
    assert {name: found for name, found in checks.items() if name not in imports} == {
        "customers": {*usual, "contacts_plausible"},
        "events/purchase": {*usual, "times_plausible"},
        "events/purchase_item": {*usual, "times_plausible", "references_found"},
        "catalogs/products": {*usual, "values_within_limit"},
        "catalogs/stores": {*usual, "values_within_limit"},
        "vouchers/SUMMER10": usual,
    }


def test_a_table_and_its_imports_share_a_pool(sample: dg.Definitions) -> None:
    """One writer a table: Dagster lets one run at a time into a pool."""

    def pool(*key: str) -> str | None:
        return sample.resolve_assets_def(dg.AssetKey(key)).op.pool

    assert pool("customers") == "table_customers"
    assert pool("imports", "crm_customers") == "table_customers"
    assert pool("imports", "newsletter_signups") == "table_customers"
    assert pool("imports", "daily_stock") == pool("catalogs", "products")
    assert pool("catalogs", "stores") != pool("catalogs", "products")


def test_what_an_import_shows(sample: dg.Definitions) -> None:
    spec = specs(sample)["imports/stores"]
    assert spec.description == (
        "The stores, a general catalog.\n\nDefined in `imports/stores.yaml`."
    )
    text = (SAMPLE / "imports" / "stores.yaml").read_text(encoding="utf-8")
    assert text in spec.metadata["definition"].value
    (reference,) = spec.metadata["dagster/code_references"].code_references
    assert reference.file_path == str(SAMPLE / "imports" / "stores.yaml")
    assert spec.tags["kind"] == "catalogs"
    assert spec.tags["source"] == "storage"


def test_sensors_look_every_five_minutes_from_the_start(sample: dg.Definitions) -> None:
    """M022; an import that says nothing only shows its files."""
    sensors = {sensor.name: sensor for sensor in sample.sensors or []}
    looking = {name for name in sensors if name.endswith(("_new_file", "_files"))}
    assert looking == {
        "crm_customers_new_file",
        "daily_stock_files",
        "partner_contacts_new_file",
        "products_new_file",
        "purchase_items_new_file",
        "purchases_new_file",
        "stores_new_file",
        "summer_vouchers_new_file",
    }
    assert {sensors[name].minimum_interval_seconds for name in looking} == {300}
    assert set(sensors) - looking == {
        "imported_before",
        "interrupted_runs",
        "tables_follow_imports",
    }
    assert {sensor.default_status for sensor in sensors.values()} == {
        dg.DefaultSensorStatus.RUNNING
    }


def test_schedules_run_by_the_clock_of_the_import(sample: dg.Definitions) -> None:
    """M048, D10."""
    schedules = {schedule.name: schedule for schedule in sample.schedules or []}
    assert set(schedules) == {"daily_stock_repeat", "housekeeping_nightly"}
    schedule = schedules["daily_stock_repeat"]
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert schedule.cron_schedule == ["0 6 * * *", "30 18 * * *"]
    assert schedule.execution_timezone == "Europe/Bratislava"
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert schedule.description == "Starts the import by the clock of Europe/Bratislava."


def test_a_wrong_definition_is_shown_and_hurts_no_other(site: Site) -> None:
    site.define("bad", CUSTOMERS.replace("type: integer", "type: intger"))
    site.define("crm")
    definitions = site.definitions
    dg.Definitions.validate_loadable(definitions)
    assert groups(definitions) == {
        "imports": {"imports/crm"},
        "tables": {"customers"},
        "invalid": {"imports/bad"},
    }
    spec = specs(definitions)["imports/bad"]
    assert spec.description is not None
    assert f"{site.root}/imports/bad.yaml:6:" in spec.description
    assert "did you mean integer?" in spec.description
    site.put("in/a.csv", "id,age\n1,1\n")
    assert site.run("crm", "a.csv").success


def test_wrong_names_are_told_apart(site: Site) -> None:
    """What cannot be the name of an import is still the name of a file, unlike any other."""
    for name in ("my_import", "my-import", "my import", "Čo"):
        site.define(name)
    (site.root / "imports" / "other.yml").write_text(CUSTOMERS, encoding="utf-8")
    definitions = site.definitions
    dg.Definitions.validate_loadable(definitions)
    assert groups(definitions)["imports"] == {"imports/my_import"}
    assert len(groups(definitions)["invalid"]) == 4


def test_a_wrong_project_file_is_shown(site: Site) -> None:
    site.define("crm")
    site.configure("timezone: Mars\n")
    definitions = site.definitions
    dg.Definitions.validate_loadable(definitions)
    (spec,) = specs(definitions).values()
    assert spec.group_name == "invalid"
    assert f"{site.root}/project.yaml:1:1: timezone: unknown time zone" in str(spec.description)


def test_an_empty_project_loads(site: Site) -> None:
    definitions = site.definitions
    dg.Definitions.validate_loadable(definitions)
    assert specs(definitions) == {}
    assert [one.name for one in definitions.schedules or []] == ["housekeeping_nightly"]


ODD = {
    "views": (
        "kind: {events: page-view}\n"
        "source: {storage: {folder: in, files: views.csv}}\n"
        "columns: [{from: id, id: registered}, {from: at, timestamp: true}, {from: 'a b&c'}]\n",
        "views.csv",
        "id,at,a b&c\n1,1700000000,x\n",
        'SELECT "a b&c" FROM events."page-view"',
    ),
    "discounts": (
        "kind: {vouchers: 10%Discount}\n"
        "source: {storage: {folder: in, files: '*,*.csv'}}\n"
        "format: {csv: {delimiter: ','}}\n"
        "columns: [{from: code, id: code}]\n",
        "kódy, júl #1.csv",
        "code\nx\n",
        'SELECT code FROM vouchers."10%Discount"',
    ),
    "wares": (
        "kind: {catalog: Čo máme}\n"
        "source: {storage: {folder: in, files: 'wa?es.csv'}}\n"
        "columns: [{from: id, id: item_id}, {from: názov}]\n",
        "wares.csv",
        "id,názov\nx,y\n",
        'SELECT item_id FROM catalogs."Čo máme"',
    ),
}


def test_odd_names_load_and_run(site: Site) -> None:
    """Event types and catalogs are named freely (M056), pools and files nearly so."""
    for name, (definition, file, content, _) in ODD.items():
        site.define(name, definition)
        site.put(f"in/{file}", content)
    dg.Definitions.validate_loadable(site.definitions)
    tables = groups(site.definitions)["tables"]
    assert len(tables) == 3
    assert all(str(table).replace("/", "").replace("_", "").isalnum() for table in tables)
    assert all(str(table).isascii() for table in tables)
    for name, (_, file, _, query) in ODD.items():
        run = site.run(name, file)
        assert run.unexpected is None
        assert run.success
        assert len(site.rows(query)) == 1


def test_many_definitions_load(site: Site) -> None:
    for number in range(300):
        kind = f"kind: {{catalog: c{number % 100}}}"
        text = CUSTOMERS.replace("kind: customers", kind).replace("registered", "item_id")
        site.define(f"import_{number}", text)
    definitions = site.definitions
    dg.Definitions.validate_loadable(definitions)
    assert {name: len(found) for name, found in groups(definitions).items()} == {
        "imports": 300,
        "tables": 100,
    }
