"""Everything killed in the middle of a run: after a restart the file gets in without anybody."""

from __future__ import annotations

from benchmarks.events_file import write_events
from import_assets_tests.system.dagster_server import wait_until
from import_assets_tests.system.fixtures import MARKS
from import_assets_tests.system.shop import Shop

pytestmark = MARKS

_ROWS = 300_000
_DEFINITION = """\
description: A file that takes its time.
kind: {events: visit}
source:
  storage: {folder: FOLDER, files: "*.csv", settle: 0}
columns:
  - {from: customer, id: registered}
  - {from: ts, timestamp: true}
  - {from: quantity, type: integer}
  - {from: price, type: number}
  - {from: total, type: number}
run:
  on_new_file: true
"""


def test_a_killed_run_is_done_again_after_the_restart(shop: Shop) -> None:
    """D02: exactly once, though make, web server, daemon, code server and run die together."""
    folder = shop.write_import("visits", _DEFINITION, {})
    expected = write_events(folder / "visits.csv", _ROWS)
    staging = shop.root / "data" / "staging" / ".tmp"
    wait_until(shop.idle, "all imports have ended")
    shop.server.reload()

    wait_until(lambda: any(staging.glob("*/")), "the file is being staged", every=0.02)
    shop.server.kill()

    assert shop.entries("visits") == []
    shop.server.start()
    interrupted = shop.server.runs_of("visits")[-1]  # it may have been retried by now
    wait_until(lambda: shop.entries("visits"), "the file is imported")
    wait_until(shop.idle, "all imports have ended")

    counts = shop.counts("visits")["visits.csv"]
    assert {name: getattr(counts, name) for name in expected} == expected
    assert shop.rows("SELECT count(*) FROM events.visit") == [(expected["inserted"],)]
    statuses = {run.id: run for run in shop.server.runs_of("visits")}
    assert statuses.pop(interrupted.id).status == "FAILURE"
    (again,) = statuses.values()
    assert again.status == "SUCCESS"
    assert again.tags["dagster/parent_run_id"] == interrupted.id
    assert shop.server.partitions("visits").materialized == ("visits.csv",)
    sensor = shop.server.sensors()["visits_new_file"]
    for cursor in (sensor.cursor, None):
        assert shop.server.look(sensor.name, cursor).run_keys == ()
