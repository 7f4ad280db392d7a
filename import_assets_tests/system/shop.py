"""A copy of the sample shop with a server of its own, and questions to its warehouse."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from import_assets.tables.outcome import Counts
from import_assets.warehouse import ledger
from import_assets.warehouse.ledger import Entry
from import_assets.warehouse.warehouse import Warehouse
from import_assets_tests.system.dagster_server import DagsterServer, wait_until

PROJECT = Path(__file__).resolve().parents[2]
MANIFEST: dict[str, Any] = json.loads((PROJECT / "shop/manifest.json").read_text(encoding="utf-8"))
FILES: dict[str, dict[str, Any]] = MANIFEST["files"]
NEW_FILES = {path: file for path, file in FILES.items() if file["starts"] == "on_new_file"}
"""What comes in without anybody's help."""

_FOLDERS = ("imports", "analyses", "shop", "uploads")
_SETTINGS = ("project.yaml", "dagster.yaml", "workspace.yaml", "Makefile")
_AN_HOUR = 3600.0


class Shop:
    """A project's folder with its server."""

    def __init__(self, root: Path) -> None:
        """Copy the sample shop into `root`, which must not exist."""
        root.mkdir(parents=True)
        for name in _FOLDERS:
            shutil.copytree(PROJECT / name, root / name)
        for uploaded in (root / "uploads").glob("*/*"):
            uploaded.unlink()  # what a developer put there is not part of the sample
        for name in _SETTINGS:
            shutil.copy(PROJECT / name, root / name)
        _of_one_age(root / "shop")
        self.root = root
        self.server = DagsterServer(root)
        self.warehouse = Warehouse(root / "data" / "warehouse.duckdb", wait_seconds=60)

    @contextmanager
    def tables(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the warehouse for reading, in turn with the runs."""
        with self.warehouse.read() as connection:
            yield connection

    def entries(self, name: str) -> list[Entry]:
        """Return what the ledger says of an import, oldest first."""
        with self.tables() as connection:
            return ledger.entries(connection, name)

    def counts(self, name: str) -> dict[str, Counts]:
        """Return the counts of each delivery of an import, all of them applied once."""
        entries = self.entries(name)
        found = {entry.key: entry.counts for entry in entries}
        assert len(found) == len(entries), f"applied twice: {[entry.key for entry in entries]}"
        return found

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return what a SELECT gives."""
        with self.tables() as connection:
            return connection.execute(sql).fetchall()

    def write_import(
        self,
        name: str,
        definition: str,
        files: Mapping[str, str],
        *,
        modified: float | None = None,
    ) -> Path:
        """Write a definition and the files of the folder `shop/<name>`; return that folder.

        The definition says `FOLDER` where it means the folder. `modified` is when the files were
        last changed, in seconds since 1970, else now.
        """
        folder = self.root / "shop" / name
        folder.mkdir()
        for file, text in files.items():
            (folder / file).write_text(text, encoding="utf-8")
            if modified is not None:
                os.utime(folder / file, (modified, modified))
        path = self.root / "imports" / f"{name}.yaml"
        path.write_text(definition.replace("FOLDER", f"shop/{name}"), encoding="utf-8")
        return folder

    def idle(self) -> bool:
        """Tell whether no run of an import is queued or at work.

        Runs that only refresh a table come and go by themselves.
        """
        runs = self.server.runs()
        return all(run.finished for run in runs if run.of_import)

    def copy_warehouse(self, target: Path) -> Path:
        """Copy the warehouse's file as it is between two writers."""
        with self.tables():
            return Path(shutil.copy(self.warehouse.path, target))


def _of_one_age(folder: Path) -> None:
    """Make all files equally old, so that those of an import are taken in the order of names."""
    moment = time.time() - _AN_HOUR
    for path in folder.rglob("*"):
        os.utime(path, (moment, moment))


@dataclass(frozen=True)
class FirstStart:
    """The sample shop after its first start: the server, and the warehouse as it was then."""

    shop: Shop
    warehouse: Path
    log: str

    @contextmanager
    def tables(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the warehouse of that moment."""
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            yield connection


def first_start(root: Path) -> FirstStart:
    """Copy the shop, start it, and wait until its files are in; nobody clicks anything."""
    shop = Shop(root)
    try:
        shop.server.start()
        wait_until(_all_in(shop), "the files of the sample shop are imported")
        wait_until(shop.idle, "all imports have ended")
        warehouse = shop.copy_warehouse(root.parent / "after-first-start.duckdb")
    except BaseException as error:
        error.add_note(f"Dagster's log:\n{shop.server.log}")
        shop.server.kill()
        raise
    return FirstStart(shop, warehouse, shop.server.log)


def _all_in(shop: Shop) -> Callable[[], bool]:
    def all_in() -> bool:
        if not shop.warehouse.path.exists():
            return False
        ((batches,),) = shop.rows("SELECT count(*) FROM import_assets.batches")
        return batches >= len(NEW_FILES)

    return all_in
