"""Time a daily full feed of a catalog next to DuckDB making the table anew from the same file.

`python benchmarks/replace_catalog.py [ITEMS] [RUNS]` (300,000 and 3 unless said otherwise) imports
a first file, then one in which 1 % of the items have another price, 0.1 % are gone and as many are
new, each in a process of its own; it prints medians for the second file: seconds, CPU seconds, peak
memory in MB. Once more with `mode: partial`, and next to `CREATE OR REPLACE TABLE AS`. The counts
of every import are compared with those of the generator.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from measuring import run

DEFINITION = """\
kind: {{catalog: products, product: true, mode: {mode}}}
source: {{storage: {{folder: {folder}, files: "*.csv", settle: 0}}}}
columns:
  - {{from: item_id, id: item_id}}
  - {{from: product_id, id: product_id}}
  - {{from: price, type: number}}
  - {{from: stock, type: integer}}
  - {{from: categories, type: list, format: "|"}}
"""
HEADER = "item_id,product_id,title,description,brand,price,stock,categories\n"

IMPORT = """
import json, sys, time
from pathlib import Path
from import_assets.pipeline.deliver import deliver
from import_assets.sources.open import open_source
from import_assets.spec.loading import load
from import_assets.warehouse.warehouse import Warehouse
definition = load(Path(sys.argv[1])).imports["products"]
storage = open_source(definition)
warehouse = Warehouse(definition.project.warehouse_path)
done = deliver(definition, storage, storage.stat(sys.argv[2]), warehouse)
print(json.dumps(done.counts.as_dict()))
"""

_PLAIN = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
plain = "CREATE OR REPLACE TABLE products AS SELECT * FROM read_csv(?, all_varchar = true)"
connection.execute(plain, [sys.argv[2]])
connection.close()
"""


def write_feed(file: Path, first: int, items: int, *, dearer: bool) -> None:
    """Write items from number `first` on; with `dearer`, every hundredth has another price."""
    with file.open("w", encoding="utf-8") as feed:
        feed.write(HEADER)
        for number in range(first, first + items):
            price = number % 1000 + (0.5 if dearer and number % 100 == 0 else 0)
            feed.write(
                f"i{number},p{number // 4},Product number {number},A thing of the shop that is "
                f"described in a few words like those of {number},Brand {number % 300},{price},"
                f"{number % 50},shop|shelf {number % 40}|shelf {number % 40} - {number % 7}\n"
            )


def _median(figures: Sequence[tuple[float, float, float]]) -> str:
    wall, cpu, memory = (statistics.median(column) for column in zip(*figures, strict=True))
    return f"{wall:7.2f} s {cpu:7.2f} CPU s {memory:7.0f} MB\n"


def _imported(root: Path, mode: str, expected: dict[str, int]) -> tuple[float, float, float]:
    """Import the second file over a copy of the warehouse that holds the first."""
    text = DEFINITION.format(mode=mode, folder=json.dumps(str(root / "feed")))
    (root / "imports" / "products.yaml").write_text(text, encoding="utf-8")
    warehouse = root / "data" / "warehouse.duckdb"
    shutil.copy(root / "first.duckdb", warehouse)
    figures, printed = run(IMPORT, str(root), "second.csv")
    counts = json.loads(printed)
    wrong = {name: counts[name] for name, number in expected.items() if counts[name] != number}
    if wrong:
        raise SystemExit(f"wrong counts: {wrong}, expected {expected}")
    return figures


def main(items: int, runs: int) -> None:
    """Measure and print."""
    moved = items // 1000
    changed = sum(number % 100 == 0 for number in range(moved, items))
    expected = {
        "read": items,
        "inserted": moved,
        "updated": changed,
        "unchanged": items - moved - changed,
    }
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("feed", "imports", "data"):
            (root / name).mkdir()
        write_feed(root / "feed" / "first.csv", 0, items, dearer=False)
        write_feed(root / "feed" / "second.csv", moved, items, dearer=True)
        text = DEFINITION.format(mode="full", folder=json.dumps(str(root / "feed")))
        (root / "imports" / "products.yaml").write_text(text, encoding="utf-8")
        first, _ = run(IMPORT, str(root), "first.csv")
        shutil.copy(root / "data" / "warehouse.duckdb", root / "first.duckdb")
        run(_PLAIN, str(root / "plain.duckdb"), str(root / "feed" / "first.csv"))
        full, partial, plain = [], [], []
        for _ in range(runs):
            full.append(_imported(root, "full", {**expected, "removed": moved}))
            partial.append(_imported(root, "partial", {**expected, "removed": 0}))
            second = str(root / "feed" / "second.csv")
            plain.append(run(_PLAIN, str(root / "plain.duckdb"), second)[0])
        size = (root / "feed" / "second.csv").stat().st_size
    sys.stdout.write(f"{items:,} items, {size:,} bytes, {changed:,} changed, {moved:,} gone\n")
    rows = {
        "first file": [first],
        "second file, mode: full": full,
        "second file, mode: partial": partial,
        "DuckDB CREATE OR REPLACE TABLE AS": plain,
    }
    for name, figures in rows.items():
        sys.stdout.write(f"{name:<35}{_median(figures)}")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(*(numbers + [300_000, 3][len(numbers) :]))
