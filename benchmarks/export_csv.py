"""Time the export of one million events next to DuckDB's own COPY of the same table.

`python benchmarks/export_csv.py /tmp/events.csv [RUNS]` imports the file of `events_file.py` once,
then runs each way in turn, in a process of its own, and prints medians: seconds, CPU seconds, peak
memory in MB, bytes written. The rows of every file are counted; the files differ: COPY writes times
in another way.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path

from measuring import run

_LABEL = "events/purchase_item"

_DEFINITION = """\
kind: {{events: purchase_item}}
source: {{storage: {{folder: {folder}, files: {file}, settle: 0}}}}
columns:
  - {{from: customer, id: registered}}
  - {{from: ts, timestamp: true}}
  - {{from: quantity, type: integer}}
  - {{from: price, type: number}}
  - {{from: total, type: number}}
"""

_IMPORT = """
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

# In a process of its own, so that this one stays small.
_GENERATE = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from events_file import write_events
print(json.dumps(write_events(Path(sys.argv[1]))))
"""

_EXPORT = """
import sys
from import_assets.cli.main import main
main(["--project", sys.argv[1], "export", sys.argv[3], *sys.argv[4:], "--out", sys.argv[2]])
"""

_COPY = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1] + "/data/warehouse.duckdb", read_only=True)
columns = "* EXCLUDE (_batch, _import, _file, _row, _imported_at, _digest)"
connection.execute(
    f"COPY (SELECT {columns} FROM events.purchase_item) TO '{sys.argv[2]}' (HEADER, FORMAT csv)"
)
"""

_WAYS = {
    "DuckDB COPY TO": (_COPY,),
    "export": (_EXPORT, _LABEL),
    "export --for spreadsheet": (_EXPORT, _LABEL, "--for", "spreadsheet"),
    "export --for import": (_EXPORT, _LABEL, "--for", "import"),
}


def _once(root: str, way: tuple[str, ...], expected: int) -> tuple[float, float, float, float]:
    out = Path(root) / "out.csv"
    code, *words = way
    figures, _ = run(code, root, str(out), *words)
    with out.open("rb") as file:
        lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    if lines != expected + 1:
        raise SystemExit(f"{words} wrote {lines - 1:,} rows, expected {expected:,}")
    return (figures.wall, figures.cpu, figures.peak, out.stat().st_size)


def main(file: Path, runs: int) -> None:
    """Import once, measure, and print."""
    counts = json.loads(run(_GENERATE, str(file), str(Path(__file__).parent))[1])
    with tempfile.TemporaryDirectory() as root:
        imports = Path(root) / "imports"
        imports.mkdir()
        definition = _DEFINITION.format(folder=json.dumps(str(file.parent)), file=file.name)
        (imports / "events.yaml").write_text(definition, encoding="utf-8")
        run(_IMPORT, root, file.name)
        taken = {name: [] for name in _WAYS}
        for _ in range(runs):
            for name, way in _WAYS.items():
                taken[name].append(_once(root, way, counts["inserted"]))
    sys.stdout.write(f"{counts['inserted']:,} events, {runs} runs in turn\n")
    for name, figures in taken.items():
        wall, cpu, memory, size = (
            statistics.median(column) for column in zip(*figures, strict=True)
        )
        ratio = statistics.median(
            own[0] / copy[0] for own, copy in zip(figures, taken["DuckDB COPY TO"], strict=True)
        )
        sys.stdout.write(
            f"{name:<26}{wall:7.2f} s {cpu:7.2f} CPU s {memory:7.0f} MB {size:13,.0f} bytes, "
            f"{ratio:.2f} of COPY\n"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5)
