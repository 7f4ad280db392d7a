"""Time the import of customers onto a large table of customers.

`python benchmarks/load_customers.py [STORED] [ROWS]` makes a warehouse of 2,000,000 customers with
20 attributes and a cookie each, by imports of its own, and imports 200,000 rows of which 30 % are
known: once without merges, and once where 5 % of the rows name an anonymous profile that is stored
too, which is merged. Prints seconds, CPU seconds and peak memory in MB of each import in a process
of its own, undo of the last, and next to them DuckDB that only reads the file into a table.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

import duckdb
from load_events import PLAIN, run

STORED, ROWS = 2_000_000, 200_000
ATTRIBUTES = 20
PART = 1_000_000

DEFINITION = """\
kind: customers
source: {storage: {folder: files, files: "*.csv", settle: 0}}
columns:
  - {from: id, id: registered}
  - {from: cookie, id: cookie}
  - {from: a0, type: integer}
  - {from: a1, type: number}
  - {from: a2, type: date}
"""

DELIVER = """
import json, sys
from pathlib import Path
from import_assets.pipeline.deliver import deliver
from import_assets.sources.open import open_source
from import_assets.spec.loading import load
from import_assets.warehouse.warehouse import Warehouse
definition = load(Path(sys.argv[1])).imports["crm"]
storage = open_source(definition)
warehouse = Warehouse(definition.project.warehouse_path)
done = deliver(definition, storage, storage.stat(sys.argv[2]), warehouse)
print(json.dumps(done.counts.as_dict() | {"batch": done.batch_id}))
"""

UNDO = """
import sys
from pathlib import Path
from import_assets.pipeline.stage import utc_now
from import_assets.spec.loading import load
from import_assets.tables.undo import undo
from import_assets.warehouse import ledger
from import_assets.warehouse.warehouse import Warehouse
project = load(Path(sys.argv[1])).project
with Warehouse(project.warehouse_path).write() as connection:
    entry = ledger.find(connection, sys.argv[2])[-1]
    (done,) = undo(connection, entry, project.spec.identifiers, utc_now())
    print(done.removed, done.restored)
"""


def write_customers(file: Path, first: int, last: int, known: str, cookie: str) -> None:
    """Write rows `first` to `last`; `known` and `cookie` are SQL of a row's identifiers by `i`."""
    cells = ["i % 1000 AS a0", "i / 7.0 AS a1", "DATE '1950-01-01' + (i % 20000)::INTEGER AS a2"]
    cells += [f"'value ' || hash(i * {n}) % 100000 AS a{n}" for n in range(3, ATTRIBUTES)]
    with duckdb.connect(":memory:") as connection:
        connection.execute(
            f"COPY (SELECT {known} AS id, {cookie} AS cookie, {', '.join(cells)} "
            f"FROM range({first}, {last}) r(i)) TO '{file}' (HEADER)"
        )


def main(stored: int, rows: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "imports").mkdir()
        (root / "files").mkdir()
        (root / "imports" / "crm.yaml").write_text(DEFINITION, encoding="utf-8")
        for start in range(0, stored, PART):
            end = min(start + PART, stored)
            name = f"base{start}.csv"
            # A tenth of the profiles are anonymous.
            known = "CASE WHEN i % 10 > 0 THEN 'r' || i END"
            write_customers(root / "files" / name, start, end, known, "'c' || i")
            _show(f"{end - start:,} new customers", *run(DELIVER, folder, name))
        fresh, old = f"'r' || ({stored} + i)", f"'r' || (i * 10 + 1) % {stored}"
        known = f"CASE WHEN i % 10 < 3 THEN {old} ELSE {fresh} END"
        own = "'n' || i"
        merging = f"CASE WHEN i % 20 = 0 THEN 'c' || (i * 10) % {stored} ELSE 'm' || i END"
        for name, cookie in (("plain.csv", own), ("merging.csv", merging)):
            write_customers(root / "files" / name, 0, rows, known, cookie)
            shutil.copy(root / "data" / "warehouse.duckdb", root / "copy.duckdb")
            figures, printed = run(DELIVER, folder, name)
            _show(f"{rows:,} onto {stored:,}, {name}", figures, printed)
            batch = json.loads(printed)["batch"]
            _show("  undone", *run(UNDO, folder, batch))
            shutil.move(root / "copy.duckdb", root / "data" / "warehouse.duckdb")
        plain = run(PLAIN, str(root / "plain.duckdb"), str(root / "files" / "plain.csv"))
        _show("DuckDB CREATE TABLE AS read_csv", *plain)


def _show(what: str, figures: tuple[float, float, float], printed: str) -> None:
    wall, cpu, memory = figures
    sys.stdout.write(
        f"{what:<44}{wall:7.2f} s {cpu:7.2f} CPU s {memory:7.0f} MB  {printed.strip()}\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]) if sys.argv[1:] else (STORED, ROWS))
