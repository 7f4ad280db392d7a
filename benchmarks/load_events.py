"""Time the import of one event file next to DuckDB reading the same file into a table.

`python benchmarks/load_events.py /tmp/events.csv [RUNS]` runs both in turn, each in a process of
its own and into a fresh warehouse, and prints medians: seconds, CPU seconds, peak memory in MB.
The counts of every import are compared with those of the generator, which also makes the file when
it is missing.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from events_file import ROWS, write_events

DEFINITION = """\
kind: {{events: purchase_item}}
source: {{storage: {{folder: {folder}, files: {file}, settle: 0}}}}
columns:
  - {{from: customer, id: registered}}
  - {{from: ts, timestamp: true}}
  - {{from: quantity, type: integer}}
  - {{from: price, type: number}}
  - {{from: total, type: number}}
"""

IMPORT = """
import json, sys
from pathlib import Path
from import_assets.pipeline.deliver import deliver
from import_assets.sources.open import open_source
from import_assets.spec.loading import load
from import_assets.warehouse.warehouse import Warehouse
definition = load(Path(sys.argv[1])).imports["events"]
storage = open_source(definition)
warehouse = Warehouse(definition.project.warehouse_path)
done = deliver(definition, storage, storage.stat(sys.argv[2]), warehouse)
print(json.dumps(done.counts.as_dict()))
"""

PLAIN = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
plain = "CREATE TABLE events AS SELECT * FROM read_csv(?, all_varchar = true)"
connection.execute(plain, [sys.argv[2]])
connection.close()
"""


def run(code: str, *arguments: str) -> tuple[tuple[float, float, float], str]:
    """Run code in a process; return wall seconds, CPU seconds and peak MB, and what it printed."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the measured process failed with status {status}")
    wall = time.perf_counter() - started
    return (wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024), printed


def _import_once(file: Path, expected: dict[str, int]) -> tuple[float, float, float]:
    with tempfile.TemporaryDirectory() as root:
        imports = Path(root) / "imports"
        imports.mkdir()
        definition = DEFINITION.format(folder=json.dumps(str(file.parent)), file=file.name)
        (imports / "events.yaml").write_text(definition, encoding="utf-8")
        figures, printed = run(IMPORT, root, file.name)
    counts = json.loads(printed)
    wrong = {name: counts[name] for name, number in expected.items() if counts[name] != number}
    if wrong:
        raise SystemExit(f"wrong counts: {wrong}, expected {expected}")
    return figures


def _plain_once(file: Path) -> tuple[float, float, float]:
    with tempfile.TemporaryDirectory() as root:
        return run(PLAIN, str(Path(root) / "plain.duckdb"), str(file))[0]


def main(file: Path, runs: int) -> None:
    """Measure and print."""
    expected = write_events(file)
    ours, plain = [], []
    for _ in range(runs):
        plain.append(_plain_once(file))
        ours.append(_import_once(file, expected))
    sys.stdout.write(f"{ROWS:,} events, {file.stat().st_size:,} bytes, {runs} runs in turn\n")
    for name, figures in (("import", ours), ("DuckDB CREATE TABLE AS read_csv", plain)):
        wall, cpu, memory = (statistics.median(column) for column in zip(*figures, strict=True))
        sys.stdout.write(f"{name:<34}{wall:7.2f} s {cpu:7.2f} CPU s {memory:7.0f} MB\n")
    ratio = statistics.median(a[0] / b[0] for a, b in zip(ours, plain, strict=True))
    sys.stdout.write(f"import / DuckDB, pair by pair: {ratio:.2f}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5)
