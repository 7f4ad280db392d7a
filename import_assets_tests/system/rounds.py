"""Kills all of Dagster while files come in: `python -m import_assets_tests.system.rounds`.

Each round adds an import of each kind, which sensors start by themselves, and kills make, web
server, daemon, code server and runs at a random moment. After the restart nobody helps. Then the
tables have to be those of a project that nobody killed, and what Dagster says has to be what the
ledger says. Prints a line a round, and ends with 1 if something was wrong in any of them.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from import_assets.pipeline.deliver import deliver
from import_assets.sources.open import open_source
from import_assets.spec.loading import load
from import_assets.warehouse.warehouse import Warehouse
from import_assets_tests.system.dagster_server import ServerError, wait_until
from import_assets_tests.system.shop import Shop

_KINDS = ("crm", "visits", "items", "codes")
_FILES = 2
_MODIFIED = 1_764_000_000
_ROWS = 20_000
_WAIT_SECONDS = 900.0
"""A sensor that was killed in the middle of a look looks again after five minutes."""

_DEFINITIONS = {
    "crm": """\
kind: customers
source: {storage: {folder: FOLDER, files: "*.csv", settle: 0}}
columns: [{from: id, id: registered}, {from: points, type: integer}]
run: {on_new_file: true}
""",
    "visits": """\
kind: {events: NAME}
source: {storage: {folder: FOLDER, files: "*.csv", settle: 0}}
columns:
  - {from: id, id: registered}
  - {from: ts, timestamp: true}
  - {from: points, type: integer}
run: {on_new_file: true}
""",
    "items": """\
kind: {catalog: NAME}
source: {storage: {folder: FOLDER, files: "*.csv", settle: 0}}
columns: [{from: id, id: item_id}, {from: points, type: integer}]
run: {on_new_file: true}
""",
    "codes": """\
kind: {vouchers: NAME}
source: {storage: {folder: FOLDER, files: "*.csv", settle: 0}}
format: {csv: {delimiter: ","}}
columns: [{from: id, id: code}]
run: {on_new_file: true}
""",
}


@dataclass(frozen=True)
class Told:
    """What became of a round: what was wrong, and the seconds from the restart to the end."""

    faults: tuple[str, ...]
    seconds: float


class Round:
    """Imports of all kinds that come in together."""

    def __init__(self, shop: Shop, number: int, rows: int) -> None:
        """Write the definitions and their files into a shop."""
        self._shop = shop
        self._number = number
        self.names = [f"{kind}_{number}" for kind in _KINDS]
        for kind, name in zip(_KINDS, self.names, strict=True):
            files = {
                f"{name}_{file}.csv": _text(kind, number, file, rows) for file in range(_FILES)
            }
            definition = _DEFINITIONS[kind].replace("NAME", name)
            shop.write_import(name, definition, files, modified=_MODIFIED)

    @property
    def keys(self) -> set[tuple[str, str]]:
        """Import and key of each delivery."""
        return {(name, f"{name}_{file}.csv") for name in self.names for file in range(_FILES)}

    def applied(self) -> list[tuple[str, str]]:
        """Return import and key of each of them that the ledger has."""
        return [(name, entry.key) for name in self.names for entry in self._shop.entries(name)]

    def is_over(self) -> bool:
        """Tell whether everything is in, and no run is on its way."""
        if set(self.applied()) != self.keys:
            return False
        return all(run.finished for run in self._shop.server.runs())

    def faults(self, undisturbed: Path) -> list[str]:
        """Return what differs from a project in which the same was imported without Dagster."""
        with self._shop.tables() as connection:
            found = self._figures(connection)
        with duckdb.connect(str(undisturbed), read_only=True) as connection:
            expected = self._figures(connection)
        return [
            f"{name}: {len(set(found[name]) ^ set(expected[name]))} rows differ"
            for name in expected
            if found[name] != expected[name]
        ] + self._disagreements()

    def _figures(self, connection: duckdb.DuckDBPyConnection) -> dict[str, list[Any]]:
        """Return all rows, without the numbers of customers, which depend on who comes first."""
        crm, visits, items, codes = self.names
        lineage = "EXCLUDE (_imported_at)"
        sql = {
            "ledger": "SELECT import, key, batch_id, sha256, read, inserted, updated, unchanged, "
            "duplicate, rejected, customers_created FROM import_assets.batches "
            f"WHERE import IN {tuple(self.names)}",
            "rejects": "SELECT * EXCLUDE (sequence) FROM import_assets.rejects "
            f"WHERE import IN {tuple(self.names)}",
            "customers": "SELECT registered, points, _batch, _file, _row FROM customers "
            f"WHERE _import IN ('{crm}', '{visits}')",
            "events": f"SELECT registered, e.* EXCLUDE (customer_id, _imported_at) "
            f"FROM events.{visits} e JOIN customers USING (customer_id)",
            "items": f"SELECT * {lineage} FROM catalogs.{items}",
            "codes": f"SELECT * {lineage} FROM vouchers.{codes}",
        }
        return {
            name: [repr(row) for row in connection.execute(f"{one} ORDER BY ALL").fetchall()]
            for name, one in sql.items()
        }

    def _disagreements(self) -> list[str]:
        """Return where Dagster says something else than the ledger."""
        server, told = self._shop.server, []
        sensors = server.sensors()
        for name in self.names:
            keys = tuple(sorted(entry.key for entry in self._shop.entries(name)))
            partitions = server.partitions(name)
            if (partitions.materialized, partitions.missing) != (keys, ()):
                told.append(f"{name}: the ledger has {keys}, Dagster {partitions}")
            sensor = sensors[f"{name}_new_file"]
            for cursor in (sensor.cursor, None):
                look = server.look(sensor.name, cursor)
                if look.run_keys or look.error:
                    told.append(f"{sensor.name} asks again: {look}")
        stuck = [run.id for run in server.runs() if not run.finished]
        return told + [f"run {run} has no end" for run in stuck]


def _text(kind: str, number: int, file: int, rows: int) -> str:
    """Return a file; a half of each second one is in the first, and some points are no number."""
    first = file * rows // 2
    header = {"visits": "id,ts,points", "codes": "id"}.get(kind, "id,points")
    lines = [header]
    for n in range(first, first + rows):
        points = "many" if n % 97 == 0 else n % 1000
        stamp = f"2025-11-{n // 3600 % 28 + 1:02}T{n % 24:02}:{n // 60 % 60:02}:{n % 60:02}"
        one = f"{kind}-{number}-{n}"
        lines.append(
            {"visits": f"{one},{stamp},{points}", "codes": one}.get(kind, f"{one},{points}")
        )
    return "\n".join(lines) + "\n"


def import_undisturbed(shop: Shop, one: Round, root: Path) -> Path:
    """Import the same definitions and files in a folder of their own; return the warehouse."""
    for folder in ("imports", "shop"):
        shutil.copytree(shop.root / folder, root / folder)
    shutil.copy2(shop.root / "project.yaml", root)
    loaded = load(root)
    for name, key in sorted(one.keys):
        definition = loaded.imports[name]
        storage = open_source(definition)
        deliver(
            definition, storage, storage.stat(key), Warehouse(definition.project.warehouse_path)
        )
    return root / "data" / "warehouse.duckdb"


def play(shop: Shop, number: int, rows: int, after: float, folder: Path) -> Told:
    """Play a round in which everything is killed so many seconds after its sensors were loaded."""
    one = Round(shop, number, rows)
    undisturbed = import_undisturbed(shop, one, folder)
    shop.server.reload()
    time.sleep(after)
    shop.server.kill()
    started = time.monotonic()
    shop.server.start()
    try:
        wait_until(one.is_over, "everything is in and over", seconds=_WAIT_SECONDS, every=1)
    except ServerError as error:
        return Told((f"{error}; {one.keys - set(one.applied())} are not in",), 0)
    return Told(tuple(one.faults(undisturbed)), time.monotonic() - started)


def _undisturbed_seconds(shop: Shop, rows: int) -> float:
    """Return how long a round takes that is not killed."""
    one = Round(shop, 0, rows)
    shop.server.reload()
    started = time.monotonic()
    wait_until(one.is_over, "everything is in and over", seconds=_WAIT_SECONDS)
    return time.monotonic() - started


def main() -> int:
    """Play as many rounds as the arguments say; return 1 where something was wrong, else 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1, help="of the random moments")
    parser.add_argument("--rows", type=int, default=_ROWS, help="of each file")
    said = parser.parse_args()
    drawn = random.Random(said.seed)
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="rounds-") as folder:
        shop = Shop(Path(folder, "project"))
        for path in (*shop.root.glob("imports/*.yaml"), *shop.root.glob("analyses/*")):
            path.unlink() if path.is_file() else shutil.rmtree(path)
        shop.server.start()
        try:
            usual = _undisturbed_seconds(shop, said.rows)
            sys.stdout.write(f"without a kill: {usual:.0f} s\n")
            for number in range(1, said.rounds + 1):
                after = drawn.uniform(0, usual)
                told = play(shop, number, said.rows, after, Path(folder, f"undisturbed-{number}"))
                wrong += bool(told.faults)
                words = "; ".join(told.faults) or f"as it should be after {told.seconds:.0f} s"
                sys.stdout.write(f"round {number}, killed after {after:.1f} s: {words}\n")
                sys.stdout.flush()
        finally:
            shop.server.kill()
    sys.stdout.write(
        f"{said.rounds - wrong} of {said.rounds} rounds as if nothing had been killed\n"
    )
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
