"""`undo`: a delivery is taken back, shown in Dagster, and can be imported again (D53)."""

from __future__ import annotations

import dagster as dg
import pytest

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
    assert "0 rows removed, 1 rows restored" in told.stdout
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
    assert imported.json("run", "clients") == []
    (again,) = imported.json("run", "clients", "--key", "clients_2.csv")
    assert again["updated"] == 1
    assert imported.query(names) == [{"first_name": "Hana"}]


@pytest.mark.slow
def test_dagster_shows_what_was_undone(imported: Shop):
    batch = batch_of(imported, "orders", "orders_2.csv")
    rows = imported.query("SELECT count(*) AS n FROM events.purchase")[0]["n"]
    assert imported.call("undo", batch, "--yes").exit_code == 0
    with open_instance(imported.root, print) as instance:
        found = instance.fetch_observations(import_key("orders"), limit=1).records
        observation = found[0].asset_observation
        assert observation is not None
        assert observation.partition == "orders_2.csv"
        assert observation.metadata["rows_removed"].value == 1
        table = instance.get_latest_materialization_event(table_key(("events", "purchase")))
        assert table is not None
        materialization = table.asset_materialization
        assert materialization is not None
        count = materialization.metadata["dagster/row_count"]
        assert isinstance(count, dg.IntMetadataValue)
        assert count.value == rows - 1


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
