"""`delete`: the definition goes, and its memory with it (M019)."""

from __future__ import annotations

import pytest

from import_assets_tests.cli.shop import Shop


@pytest.mark.slow
def test_m019_the_memory_goes_with_the_import_and_the_rows_stay(imported: Shop):
    definition = imported.root / "imports/clients.yaml"
    text = definition.read_text(encoding="utf-8")
    (told,) = imported.json("delete", "clients", "--yes")
    assert told["deliveries_forgotten"] == told["partitions_deleted"] == 2
    assert told["rows_left"] == {"customers": 2}
    assert not definition.exists()
    assert not (imported.root / "data/staging/clients").exists()
    assert imported.query("SELECT count(*) AS n FROM customers WHERE registered = '1'") == [
        {"n": 1}
    ]
    assert "clients" not in {one["import"] for one in imported.json("list")}
    assert imported.call("files", "clients").exit_code == 0  # the history is kept
    imported.define("clients", text)
    again = imported.json("run", "clients")
    assert [one["outcome"] for one in again] == ["imported", "imported"]


@pytest.mark.slow
def test_an_import_whose_definition_is_gone(imported: Shop):
    imported.root.joinpath("imports/orders.yaml").unlink()
    result = imported.call("delete", "orders", "--yes")
    assert result.exit_code == 0
    assert "orders is forgotten, with its memory of 2 deliveries" in result.stdout
    result = imported.call("delete", "orders", "--yes")
    assert result.exit_code == 2
    assert "no import 'orders'" in result.stderr


@pytest.mark.slow
def test_a_wrong_definition_can_be_deleted(shop: Shop):
    shop.define("broken", "kind: [\n")
    shop.define("Bad Name", "kind: customers\n")
    assert shop.call("delete", "broken", "--yes").exit_code == 0
    assert shop.call("delete", "Bad Name.yaml", "--yes").exit_code == 0
    assert shop.json("check") == []


def test_it_is_asked_for_first(shop: Shop):
    result = shop.call("delete", "clients", typed="n\n")
    assert result.exit_code == 2
    assert "Nothing was deleted" in result.stderr
    result = shop.call("delete", "clients", typed="")
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert (shop.root / "imports/clients.yaml").exists()


@pytest.mark.slow
def test_what_is_in_the_drop_folder_stays(shop: Shop):
    shop.write("uploads/partners/a.csv", "number\n1\n")
    result = shop.call("delete", "partners", typed="y\n")
    assert result.exit_code == 0
    assert "uploads/partners stay, too" in result.stdout
    assert (shop.root / "uploads/partners/a.csv").exists()


@pytest.mark.slow
def test_m019_what_sensors_remember_goes_too(imported: Shop):
    from dagster._core.definitions.run_request import InstigatorType
    from dagster._core.remote_origin import (
        InProcessCodeLocationOrigin,
        RemoteInstigatorOrigin,
        RemoteRepositoryOrigin,
    )
    from dagster._core.scheduler.instigation import (
        InstigatorState,
        InstigatorStatus,
        SensorInstigatorData,
    )
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

    from import_assets.orchestration.launch import open_instance

    location = InProcessCodeLocationOrigin(
        LoadableTargetOrigin(module_name="import_assets.definitions")
    )
    repository = RemoteRepositoryOrigin(location, "__repository__")
    names = ("clients_new_file", "orders_files", "clients_new_file_new_file")
    with open_instance(imported.root, print) as instance:
        for name in names:
            state = InstigatorState(
                RemoteInstigatorOrigin(repository, name),
                InstigatorType.SENSOR,
                InstigatorStatus.RUNNING,
                SensorInstigatorData(cursor="remembered"),
            )
            instance.add_instigator_state(state)
    (told,) = imported.json("delete", "clients", "--yes")
    assert told["sensor_states_deleted"] == 1
    with open_instance(imported.root, print) as instance:
        left = {one.instigator_name for one in instance.all_instigator_state()}
        assert left == {"orders_files", "clients_new_file_new_file"}
        assert list(instance.get_dynamic_partitions("clients_files")) == []
        assert len(instance.get_dynamic_partitions("orders_files")) == 2
