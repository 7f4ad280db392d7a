"""Definitions that the tests of this folder start from, and ways to load them."""

from __future__ import annotations

from pathlib import Path

from import_assets.errors import DefinitionError, Problem
from import_assets.spec import examples
from import_assets.spec.loading import Import, load_import, load_project

GOOD = """\
kind: customers
source:
  upload:
columns:
  - {from: id, id: registered}
"""

STORED = """\
kind: customers
source:
  storage: {folder: exports, files: customers.csv}
columns:
  - {from: id, id: registered}
"""

EVENTS = """\
kind: {events: purchase}
source: {upload: {}}
columns:
  - {from: id, id: registered}
  - {from: ts, timestamp: true}
"""

CATALOG = """\
kind: {catalog: products}
source: {upload: {}}
columns:
  - {from: sku, id: item_id}
"""

VOUCHERS = """\
kind: {vouchers: SUMMER10}
source: {upload: {}}
columns:
  - {from: voucher, id: code}
"""


def write_example_project(root: Path) -> None:
    """Write the project that the examples of the reference belong to."""
    (root / "project.yaml").write_text(examples.PROJECT, encoding="utf-8")
    (root / "analyses").mkdir(exist_ok=True)
    (root / "analyses" / "top_buyers.sql").write_text("SELECT 1", encoding="utf-8")


def write_import(root: Path, text: str | bytes, name: str = "one.yaml") -> Path:
    """Write a definition into the project at `root`."""
    file = root / "imports" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def load_text(root: Path, text: str | bytes) -> Import:
    """Load one definition by itself."""
    return load_import(load_project(root), write_import(root, text))


def problems_of(root: Path, text: str | bytes) -> list[Problem]:
    """Return what is wrong with one definition."""
    try:
        load_text(root, text)
    except DefinitionError as error:
        return error.problems
    return []
