"""A stop and a second start on the same folder: what is in stays in, once."""

from __future__ import annotations

from typing import Any

from import_assets_tests.system.dagster_server import wait_until
from import_assets_tests.system.fixtures import MARKS
from import_assets_tests.system.shop import NEW_FILES, Shop

pytestmark = MARKS


def _ledger(shop: Shop) -> list[tuple[Any, ...]]:
    return shop.rows("SELECT * FROM import_assets.batches ORDER BY sequence")


def test_second_start_imports_nothing_twice(shop: Shop) -> None:
    """M017, M018: Ctrl-C ends everything, and afterwards nothing that is in is asked for.

    The ledger knows it, and not Dagster's memory alone.
    """
    wait_until(shop.idle, "all imports have ended")
    before, runs_before = _ledger(shop), {run.id for run in shop.server.runs()}

    shop.server.stop()
    assert "Dagster services shut down" in shop.server.log
    assert "Traceback" not in shop.server.log
    shop.server.start()

    sensors = shop.server.sensors()
    names = sorted({file["import"] for file in NEW_FILES.values()})
    for name in names:
        sensor = sensors[f"{name}_new_file"]
        assert sensor.cursor, f"{sensor.name} remembers nothing"
        look = shop.server.look(sensor.name, sensor.cursor)
        assert (look.run_keys, look.error) == ((), None), sensor.name
        lost = shop.server.look(sensor.name, None)
        assert (lost.run_keys, lost.error) == ((), None), f"{sensor.name} without its memory"
    assert _ledger(shop) == before
    runs = shop.server.runs()
    started = [run for run in runs if run.id not in runs_before]
    assert not [run for run in started for name in names if f"imports/{name}" in run.assets]
