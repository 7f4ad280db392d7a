"""Folders and files that may only be read, as another user than root meets them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from import_assets.errors import SourceError, WarehouseError
from import_assets.orchestration import alive
from import_assets.pipeline.deliver import deliver
from import_assets.sources.open import open_source
from import_assets.spec.loading import load
from import_assets.warehouse.warehouse import Warehouse

NOBODY = 65534
CRM = """\
kind: customers
source: {upload: {settle: 0}}
format: {csv: {delimiter: ","}}
columns: [{from: id, id: registered}]
"""


@contextmanager
def as_nobody() -> Iterator[None]:
    """Do what is inside as the user nobody, where that is possible: permissions bind no root."""
    if os.geteuid() != 0:
        yield
        return
    group = os.getegid()
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)


def project(root: Path) -> Path:
    """Make a project that belongs to nobody, below folders that everybody may enter."""
    for folder in (root.parent, *root.parents):
        if folder.stat().st_uid == os.geteuid() and len(folder.parts) > 2:
            folder.chmod(folder.stat().st_mode | 0o055)
    for folder in ("imports", "uploads/crm", "data/staging/spool", "data/staging/.runs"):
        (root / folder).mkdir(parents=True)
    (root / "imports" / "crm.yaml").write_text(CRM, encoding="utf-8")
    (root / "uploads" / "crm" / "a.csv").write_text("id\n1\n2\n", encoding="utf-8")
    (root / "uploads" / "crm" / "b.csv").write_text("id\n8\n", encoding="utf-8")
    if os.geteuid() == 0:
        for path in (root, *root.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
    return root


def bring(root: Path, name: str) -> int:
    """Import a file as a run does; return how many rows came in."""
    definition = load(root).imports["crm"]
    run = f"of {name}"
    alive.hold(definition.project, run)
    try:
        storage = open_source(definition)
        warehouse = Warehouse(definition.project.warehouse_path, wait_seconds=0)
        return deliver(definition, storage, storage.stat(name), warehouse).counts.inserted
    finally:
        alive.release(definition.project, run)


@pytest.fixture(scope="module", autouse=True)
def _loaded(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whoever may not read what is installed has to find it loaded: import a file before."""
    root = project(tmp_path_factory.mktemp("before") / "project")
    assert bring(root, "a.csv") == 2


@pytest.mark.parametrize(
    ("path", "mode", "error", "told"),
    [
        ("data/staging/.runs", 0o555, SourceError, "the run cannot write to {}: Permission denied"),
        ("data/staging/spool", 0o555, SourceError, "a.csv cannot be copied to {}: Permission"),
        ("data/staging", 0o555, SourceError, "the rows cannot be written to {}/.tmp: Permission"),
        ("data", 0o555, WarehouseError, "cannot make the lock file of the warehouse {}/warehouse"),
        ("data/warehouse.duckdb.lock", 0o444, WarehouseError, "cannot make the lock file of the"),
        ("data/warehouse.duckdb", 0o444, WarehouseError, "the warehouse {} cannot be written: "),
    ],
)
def test_what_cannot_be_written_is_named_and_works_once_it_can(
    tmp_path: Path, path: str, mode: int, error: type[Exception], told: str
) -> None:
    root = project(tmp_path / "project")
    target = root / path
    with as_nobody():
        if target.name.startswith("warehouse"):
            assert bring(root, "b.csv") == 1
        before = target.stat().st_mode
        target.chmod(mode)
        with pytest.raises(error) as caught:
            bring(root, "a.csv")
        target.chmod(before)
        assert bring(root, "a.csv") == 2
    assert told.format(target) in str(caught.value)
