"""`tick FILES TICKS bucket|folder`: looks of a sensor at many files, all imported before.

A stub of S3 that pages as fast as it can stands in for the bucket, so that the listing alone is the
client's own work; the folder is one of this machine, with empty files. Dagster's storage is a
SQLite file. Prints an object of JSON: medians of seconds of a listing and of a tick, seconds of the
first tick, which reads the ledger, bytes of the cursor, bytes by which Dagster's storage grows in
all ticks.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from pathlib import Path

import dagster as dg
from dagster._core.instance.ref import InstanceRef
from dagster._core.scheduler.instigation import InstigatorType, TickData, TickStatus

from benchmarks.list_objects import Handler
from import_assets.orchestration.build import build_definitions
from import_assets.orchestration.connected import connections
from import_assets.sources.listing import ListingCache, list_matching
from import_assets.sources.open import open_source
from import_assets.spec.loading import load
from import_assets.spec.patterns import FilePattern
from import_assets.warehouse.warehouse import Warehouse

_PROJECT = """\
connections:
  lake: {{s3: {{bucket: exports, region: us-east-1, endpoint: "{address}"}}}}
"""
_IMPORT = """\
kind: customers
source: {{storage: {{{place}, files: "customers_*.csv"}}}}
columns: [{{from: id, id: registered}}]
run: {{on_new_file: true}}
"""

_PATTERN = FilePattern("customers_*.csv")


def _remember(path: Path, objects: list[tuple[str, str]]) -> None:
    """Write all objects into the ledger, as if each had been imported."""
    with Warehouse(path).write() as connection:
        columns = [list(column) for column in zip(*objects, strict=True)]
        connection.execute(
            "CREATE TEMP TABLE known AS SELECT unnest(?) AS key, unnest(?) AS fingerprint", columns
        )
        connection.execute(
            """
            INSERT INTO import_assets.batches BY NAME
            SELECT row_number() OVER () AS sequence, key AS batch_id, 'crm' AS import,
                'customers' AS table_name, key, fingerprint, 'd' AS definition_hash, 's' AS sha256,
                1 AS bytes, '{}' AS state, ['id'] AS header, '{}' AS written, 1 AS read,
                1 AS inserted, 0 AS updated, 0 AS unchanged, 0 AS duplicate, 0 AS rejected,
                0 AS blank, 1 AS customers_created, 0 AS removed, now()::TIMESTAMP AS applied_at,
                0 AS clock, 1 AS clock_end
            FROM known
            """
        )


def main(files: int, ticks: int, place: str) -> None:
    """Measure."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    with tempfile.TemporaryDirectory() as root:
        _write_project(Path(root), files, address, place)
        _measure(Path(root), ticks)
    server.shutdown()


def _write_project(root: Path, files: int, address: str, place: str) -> None:
    where = "connection: lake, folder: in"
    if place == "folder":
        where = f"folder: {root / 'in'}"
        (root / "in").mkdir()
        for number in range(files):
            (root / "in" / f"customers_{number:08d}.csv").touch()
    (root / "imports").mkdir()
    (root / "project.yaml").write_text(_PROJECT.format(address=address), encoding="utf-8")
    (root / "imports" / "crm.yaml").write_text(_IMPORT.format(place=where), encoding="utf-8")


def _measure(root: Path, ticks: int) -> None:
    definition = load(root).imports["crm"]
    shared = connections(definition.project)
    storage = open_source(definition, connections=shared)
    listing = list_matching(storage, _PATTERN)
    known = [(one.key, one.fingerprint) for one in listing.deliveries]
    _remember(definition.project.warehouse_path, known)
    sensor = build_definitions(root).resolve_sensor_def("crm_new_file")
    home = root / "home"
    home.mkdir()
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home))) as instance:
        before = _bytes(home)
        seconds, alone, cursor = [], [], None
        for number in range(ticks):
            alone.append(_seconds(lambda: list_matching(storage, _PATTERN)))
            shared.listings = ListingCache()  # ticks are five minutes apart, so none shares
            started = time.perf_counter()
            said = sensor(dg.build_sensor_context(instance, cursor=cursor))
            if not isinstance(said, dg.SensorResult):
                raise RuntimeError(  # noqa: TRY004 - what it says is of interest, not its type
                    f"the tick came to no end: {said}"
                )
            seconds.append(time.perf_counter() - started)
            cursor = said.cursor or cursor
            _store(instance, number, cursor)
        grown = _bytes(home) - before
    sys.stdout.write(
        json.dumps(
            {
                "objects": len(listing.deliveries),
                "listing": statistics.median(alone),
                "tick": statistics.median(seconds[1:]),
                "first tick": seconds[0],
                "cursor": len(cursor or ""),
                "storage": grown,
            }
        )
    )


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _store(instance: dg.DagsterInstance, number: int, cursor: str | None) -> None:
    """Keep a tick as the daemon does."""
    instance.create_tick(
        TickData(
            instigator_origin_id="crm",
            instigator_name="crm_new_file",
            instigator_type=InstigatorType.SENSOR,
            status=TickStatus.SKIPPED,
            timestamp=datetime.now(UTC).timestamp() + number,
            selector_id="crm",
            cursor=cursor,
        )
    )


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
