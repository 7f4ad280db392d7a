"""Time the reading of a product feed next to bare parsers that make nothing of it.

`python benchmarks/read_xml.py /tmp/catalog.xml [RUNS]` runs five things in turn, each in a process
of its own, and prints medians: expat without handlers, lxml's iterparse that frees each item and
the same with each item made a row of texts (if it is installed), the reader of this project, and
the whole way to a staged batch. Seconds, CPU seconds
and peak memory in MB. The number of rows is compared with the generator's, which also makes the
file when it is missing.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from catalog_file import ITEMS, write_catalog
from load_events import run

_EXPAT = """
import sys
from xml.parsers import expat
parser = expat.ParserCreate()
with open(sys.argv[1], "rb") as file:
    while data := file.read(1 << 20):
        parser.Parse(data, False)
parser.Parse(b"", True)
"""

_LXML = """
import sys
from lxml import etree
count = 0
for _, item in etree.iterparse(sys.argv[1], tag="item", resolve_entities=False):
    count += 1
    item.clear()
    while item.getprevious() is not None:
        del item.getparent()[0]
print(count)
"""

_FLATTENED = """
import sys
from lxml import etree
def flatten(element, prefix, row):
    for child in element:
        if not isinstance(child.tag, str):
            continue
        name = prefix + child.tag.rpartition("}")[2]
        for key, value in child.attrib.items():
            row[name + ".@" + key] = value
        if len(child):
            flatten(child, name + ".", row)
        elif child.text:
            text = child.text.strip()
            if name in row:
                row[name] = [*(row[name] if isinstance(row[name], list) else [row[name]]), text]
            else:
                row[name] = text
count, columns = 0, {}
for _, item in etree.iterparse(sys.argv[1], tag="item", resolve_entities=False):
    row = {}
    flatten(item, "", row)
    for name in row:
        columns.setdefault(name, None)
    count += 1
    item.clear()
    while item.getprevious() is not None:
        del item.getparent()[0]
print(count)
"""

_READER = """
import sys
from functools import partial
from import_assets.formats.xml.reader import open_xml
from import_assets.spec.formats import XmlFormat
from import_assets.spec.models import Limits
opened = partial(open, sys.argv[1], "rb")
print(sum(block.read for block in open_xml(opened, XmlFormat(), Limits(), "catalog.xml")))
"""

_STAGE = """
import sys
from pathlib import Path
from import_assets.pipeline.stage import stage
from import_assets.sources.open import open_source
from import_assets.spec.loading import load
definition = load(Path(sys.argv[2])).imports["products"]
storage = open_source(definition)
print(stage(definition, storage, storage.stat(Path(sys.argv[1]).name)).manifest.rows)
"""

_DEFINITION = """\
kind: {{catalog: products}}
source: {{storage: {{folder: {folder}, files: {file}, settle: 0}}}}
columns:
  - {{from: id, id: item_id}}
  - {{from: price, type: number}}
  - {{from: link, type: url}}
  - {{from: tag, to: tags, type: list}}
"""


def _definition(root: Path, file: Path) -> None:
    (root / "imports").mkdir()
    text = _DEFINITION.format(folder=json.dumps(str(file.parent)), file=file.name)
    (root / "imports" / "products.yaml").write_text(text, encoding="utf-8")


def main(file: Path, runs: int) -> None:
    """Measure and print."""
    write_catalog(file)
    codes = {"expat, no handlers": _EXPAT}
    if find_spec("lxml") is None:
        sys.stdout.write("lxml is not installed, and so not measured\n")
    else:
        codes |= {"lxml iterparse": _LXML, "lxml, flattened": _FLATTENED}
    codes |= {"reader": _READER, "staged batch": _STAGE}
    figures: dict[str, list[tuple[float, float, float]]] = {name: [] for name in codes}
    for _ in range(runs):
        for name, code in codes.items():
            with tempfile.TemporaryDirectory() as root:
                _definition(Path(root), file)
                measured, printed = run(code, str(file), root)
            if printed and int(printed) != ITEMS:
                raise SystemExit(f"{name}: {printed} rows, expected {ITEMS}")
            figures[name].append(measured)
    sys.stdout.write(f"{ITEMS:,} items, {file.stat().st_size:,} bytes, {runs} runs in turn\n")
    for name, found in figures.items():
        wall, cpu, memory = (statistics.median(column) for column in zip(*found, strict=True))
        sys.stdout.write(f"{name:<20}{wall:7.2f} s {cpu:7.2f} CPU s {memory:7.0f} MB\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3)
