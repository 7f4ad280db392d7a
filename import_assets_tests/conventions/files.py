"""Files of Emarsys for tests: held against a profile, or imported, in this process."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from import_assets.formats.csv import open_csv
from import_assets.mapping.conventions.profiles import PROFILES
from import_assets.pipeline.deliver import Delivered, deliver
from import_assets.pipeline.fitting import fit
from import_assets.pipeline.validation import COLUMNS, Summary, Validation
from import_assets.spec.formats import CsvFormat
from import_assets.spec.loading import Import, load
from import_assets.spec.models import Limits
from import_assets.warehouse import rejects
from import_assets.warehouse.warehouse import Warehouse
from import_assets_tests.fakes.storage import FakeStorage

PROJECT = """\
timezone: Europe/Bratislava
identifiers: {customer: {hard: true}, email: {hard: true, trim: true, lowercase: true}}
"""
PRODUCTS = """\
kind: {catalog: products, product: true}
source: {storage: {folder: in, files: "*"}}
conventions: emarsys
columns:
  - {from: item, id: item_id}
  - {from: link, type: url}
  - {from: category, type: list}
  - {from: available, type: boolean}
  - {from: price, type: number}
"""
SALES = """\
kind: {events: purchase}
source: {storage: {folder: in, files: "*"}}
conventions: emarsys
columns:
  - {from: customer, id: customer}
  - {from: email, id: email}
  - {from: timestamp, timestamp: true}
  - {from: price, type: number}
  - {from: quantity, type: number}
"""
CONTACTS = """\
kind: customers
source: {storage: {folder: in, files: "*"}}
conventions: emarsys
columns:
  - {from: email, id: email}
  - {from: birthday, type: date}
  - {from: points, type: number}
"""
DEFINITIONS = {"products": PRODUCTS, "sales": SALES, "contacts": CONTACTS}


@dataclass(frozen=True)
class Held:
    """What came of holding a file against a profile."""

    summary: Summary
    findings: pl.DataFrame

    @property
    def codes(self) -> list[str]:
        """The codes, in the order of the findings."""
        return self.findings["code"].to_list()

    def of(self, code: str) -> list[tuple[int | None, str | None, str | None]]:
        """Line, column and value of each finding of a code."""
        found = self.findings.filter(pl.col("code") == code)
        return list(found.select("line", "column", "value").iter_rows())


def hold(
    profile: str,
    text: str | bytes,
    name: str | None = "a.csv",
    *,
    identifier: str | None = None,
    **csv: Any,
) -> Held:
    """Hold a file against a profile, `products`, `sales` or `contacts`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        wanted = Validation(
            path, name, PROFILES[f"emarsys-{profile}"], identifier, CsvFormat(**csv)
        )
        summary = Summary(profile)
        frames = list(wanted.findings(summary))
    return Held(summary, pl.concat([pl.DataFrame(schema=COLUMNS), *frames]))


@dataclass(frozen=True)
class Imported:
    """What came of importing a file, and the warehouse it went to."""

    done: Delivered
    rejects: list[dict[str, Any]]
    warehouse: Warehouse

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the manifest warns of."""
        assert self.done.manifest is not None
        return self.done.manifest.warnings

    @property
    def reasons(self) -> dict[int, list[tuple[str | None, str | None, str]]]:
        """By line: column, value and reason of each fault."""
        return {
            row["line"]: [(f["column"], f["value"], f["reason"]) for f in row["faults"]]
            for row in self.rejects
        }

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the warehouse."""
        with self.warehouse.read() as connection:
            return connection.execute(sql).fetchall()


@contextmanager
def shop(definition: str, project: str = PROJECT) -> Iterator[Shop]:
    """Give a project with this one import."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "imports").mkdir()
        (root / "imports" / "it.yaml").write_text(definition, encoding="utf-8")
        (root / "project.yaml").write_text(project, encoding="utf-8")
        yield Shop(root)


@dataclass(frozen=True)
class Shop:
    """A project with one import."""

    root: Path

    @property
    def definition(self) -> Import:
        """The import."""
        return load(self.root).imports["it"]

    def take(self, text: str | bytes, name: str = "a.csv") -> Imported:
        """Import a file."""
        definition = self.definition
        storage = FakeStorage()
        storage.put(name, text if isinstance(text, bytes) else text.encode())
        warehouse = Warehouse(definition.project.warehouse_path)
        done = deliver(definition, storage, storage.stat(name), warehouse)
        with warehouse.read() as connection:
            refused = rejects.of_batch(connection, done.batch_id).to_dicts()
        return Imported(done, refused, warehouse)


def judge(definition: Import, text: str) -> tuple[int, list[int], tuple[str, ...]]:
    """Take a file through an import up to its table, which is quick.

    Return how many records it has, the lines of those that are rejected, and the warnings.
    """
    reader = open_csv(io.BytesIO(text.encode()), definition.spec.csv, Limits(), "a.csv")
    fitted = fit(definition, reader, "a.csv")
    mapped = [(block.read, fitted.apply(block).rejects["line"].to_list()) for block in reader]
    lines = [line for _, rejected in mapped for line in rejected]
    return sum(read for read, _ in mapped), sorted(lines), fitted.warnings()
