"""`undo`: a delivery is taken back, shown in Dagster, and can be imported again (D53)."""

from __future__ import annotations

import dagster as dg
import pytest
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from import_assets.orchestration.keys import import_key, table_key
from import_assets.orchestration.launch import open_instance
from import_assets_tests.cli.shop import Shop


def batch_of(shop: Shop, name: str, key: str) -> str:
    return next(
        one["batch_id"]
        for one in shop.json("files", name)
        if one["delivery"] == key and one["state"] == "imported"
    )


@pytest.mark.slow
def test_a_file_is_undone_and_imported_again(imported: Shop):
    before = imported.query("SELECT * FROM customers ORDER BY customer_id")
    batch = batch_of(imported, "clients", "clients_2.csv")
    told = imported.call("undo", batch[:10], "--dry-run")
    assert told.exit_code == 0, told.output
    assert "Would undo: clients, clients_2.csv" in told.stdout
    assert "0 rows removed, 1 restored" in told.stdout
    assert imported.query("SELECT * FROM customers ORDER BY customer_id") == before
    assert imported.call("undo", batch, typed="n\n").exit_code == 2
    assert imported.query("SELECT * FROM customers ORDER BY customer_id") == before
    (done,) = imported.json("undo", batch, "--yes")
    assert done == {
        "batch_id": batch,
        "import": "clients",
        "delivery": "clients_2.csv",
        "table": "customers",
        "removed": 0,
        "restored": 1,
        "returned": 0,
        "undone": True,
    }
    names = "SELECT first_name FROM customers WHERE registered = '1'"
    assert imported.query(names) == [{"first_name": "Anna"}]
    states = {one["delivery"]: one["state"] for one in imported.json("files", "clients")}
    assert states["clients_2.csv"] == "undone"
    # No trigger takes it again by itself; a person does.
    told = imported.call("run", "clients")
    assert "1 delivery that was undone counts as imported" in told.stderr
    assert "--key clients_2.csv" in told.stderr
    (again,) = imported.json("run", "clients", "--key", "clients_2.csv")
    assert again["updated"] == 1
    assert imported.query(names) == [{"first_name": "Hana"}]


@pytest.mark.slow
def test_dagster_shows_what_was_undone(imported: Shop):
    batch = batch_of(imported, "orders", "orders_2.csv")
    rows = imported.query("SELECT count(*) AS n FROM events.purchase")[0]["n"]
    assert imported.call("undo", batch, "--yes").exit_code == 0
    with open_instance(imported.root, print) as instance:
        found = instance.fetch_materializations(import_key("orders"), limit=1).records
        shown = found[0].asset_materialization
        assert shown is not None
        assert shown.partition == "orders_2.csv"
        assert shown.metadata["rows_removed"].value == 1
        table = instance.get_latest_materialization_event(table_key(("events", "purchase")))
        assert table is not None
        materialization = table.asset_materialization
        assert materialization is not None
        count = materialization.metadata["dagster/row_count"]
        assert isinstance(count, dg.IntMetadataValue)
        assert count.value == rows - 1


@pytest.mark.slow
def test_a_table_whose_deliveries_were_all_undone_is_shown_as_gone(imported: Shop):
    (run,) = imported.json("run", "prices")
    batch = run["batch_id"]
    assert imported.call("undo", batch, "--yes").exit_code == 0
    (listed,) = [one for one in imported.json("list") if one["import"] == "prices"]
    assert (listed["status"], listed["read"]) == ("undone", None)
    with open_instance(imported.root, print) as instance:
        event = instance.get_latest_materialization_event(table_key(("catalogs", "prices")))
        assert event is not None
        assert event.asset_materialization is not None
        assert event.asset_materialization.metadata["dagster/row_count"].value == 0
        keys = [
            dg.AssetCheckKey(table_key(("catalogs", "prices")), "ids_valid"),
            dg.AssetCheckKey(import_key("prices"), "rejects_below_threshold"),
        ]
        for key in keys:
            (record,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
            assert record.status is AssetCheckExecutionRecordStatus.SUCCEEDED
            assert record.event is not None
            assert record.event.dagster_event is not None
            evaluation = record.event.dagster_event.asset_check_evaluation_data
            assert "undone" in str(evaluation.description)


def test_too_little_of_an_id_is_not_taken(imported: Shop):
    batch = batch_of(imported, "orders", "orders_2.csv")
    result = imported.call("undo", batch[:3], "--yes")
    assert result.exit_code == 2
    assert "too short" in result.stderr


@pytest.mark.slow
def test_a_cascade_is_imported_again_in_the_order_of_before(imported: Shop):
    batch = batch_of(imported, "clients", "clients_1.csv")
    told = imported.call("undo", batch, "--yes", "--cascade").stdout
    assert told.index("--key clients_1.csv") < told.index("--key clients_2.csv")


@pytest.mark.slow
def test_what_built_on_it_is_listed(imported: Shop):
    batch = batch_of(imported, "clients", "clients_1.csv")
    result = imported.call("undo", batch, "--yes")
    assert result.exit_code == 2
    assert "clients: clients_2.csv" in result.stderr
    assert "--cascade" in result.stderr
    assert imported.call("undo", batch, "--yes", "--cascade").exit_code == 0
    assert imported.query("SELECT count(*) AS n FROM customers") == [{"n": 0}]


def test_an_unknown_batch(imported: Shop):
    result = imported.call("undo", "nonsense", "--yes")
    assert result.exit_code == 2
    assert "there is no batch nonsense" in result.stderr
