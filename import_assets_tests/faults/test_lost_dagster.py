"""Dagster's own storage is lost: what it showed comes from the ledger; nothing is read again."""

from __future__ import annotations

import dagster as dg
import pytest

from import_assets.orchestration import showing
from import_assets.orchestration.keys import import_key, partitions_name
from import_assets.pipeline.stage import utc_now
from import_assets.tables.undo import undo
from import_assets.warehouse import ledger
from import_assets.warehouse.warehouse import Warehouse
from import_assets_tests.faults import copies
from import_assets_tests.orchestration.site import Site


def tick(site: Site, cursor: str | None = None) -> dg.SensorResult | dg.SkipReason:
    """Let the sensor tick as the daemon does."""
    sensor = site.definitions.resolve_sensor_def("imported_before")
    said = sensor(dg.build_sensor_context(site.instance, cursor=cursor))
    assert isinstance(said, dg.SensorResult | dg.SkipReason)
    if isinstance(said, dg.SensorResult):
        for request in said.dynamic_partitions_requests or []:
            site.instance.add_dynamic_partitions(
                request.partitions_def_name, list(request.partition_keys)
            )
        for event in said.asset_events:
            assert isinstance(event, dg.AssetMaterialization | dg.AssetCheckEvaluation)
            site.instance.report_runless_asset_event(event)
    return said


def test_everything_is_shown_again_without_reading_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In ticks of a few; what was undone is shown as undone, and the trigger asks for nothing."""
    monkeypatch.setattr(showing, "_A_TICK", 2)
    site.define("crm")
    for number, name in enumerate("abc"):
        site.put(f"in/{name}.csv", f"id,age\n{number},20\nx,y\n")
    assert [run.success for run in site.look().runs] == [True]
    with Warehouse(site.warehouse).write() as connection:
        entry = ledger.entries(connection, "crm")[1]
        undo(connection, entry, site.definition().project.spec.identifiers, utc_now())
    shown = copies.metadata(site, "crm", "c.csv")
    before = (copies.ledger(site), copies.rows(site, "customers"))

    with dg.DagsterInstance.ephemeral() as instance:
        lost = Site(site.root, instance)
        first = tick(lost)
        assert isinstance(first, dg.SensorResult)
        assert first.cursor is None
        assert copies.shown_as(lost, "crm") == {"a.csv": "materialized", "b.csv": "materialized"}
        second = tick(lost, first.cursor)
        assert isinstance(second, dg.SensorResult)
        assert second.cursor is not None
        assert isinstance(tick(lost, second.cursor), dg.SkipReason)
        assert instance.get_dynamic_partitions(partitions_name(lost.definition())) == [
            "a.csv",
            "b.csv",
            "c.csv",
        ]
        assert copies.metadata(lost, "crm", "b.csv")["undone"]
        again = copies.metadata(lost, "crm", "c.csv")
        for name in (
            "read",
            "inserted",
            "rejected",
            "batch_id",
            "source_file",
            "rejects_by_reason",
        ):
            assert again[name] == shown[name], name
        assert again["imported_before"]
        check = instance.get_latest_asset_check_evaluation_record(
            dg.AssetCheckKey(import_key("crm"), "counts_add_up")
        )
        assert check is not None
        assert check.status.value == "SUCCEEDED"
        assert lost.look().requests == []
        assert copies.agree(lost)
        assert instance.get_runs() == []
    assert (copies.ledger(site), copies.rows(site, "customers")) == before


def test_nothing_is_shown_and_made_where_nothing_was_imported(site: Site) -> None:
    site.define("crm")
    said = tick(site)
    assert isinstance(said, dg.SensorResult)
    assert not said.asset_events
    assert not site.warehouse.exists()
