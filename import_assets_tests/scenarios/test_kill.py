"""A process killed at any point leaves a delivery wholly in or not at all; the next try ends it.

Exactly once: staging with rename, one transaction for rows, rejects and ledger (D02).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from import_assets.pipeline.deliver import Delivered, deliver
from import_assets.sources.open import open_source
from import_assets.spec.loading import load
from import_assets.warehouse.warehouse import Warehouse
from import_assets_tests.scenarios.kill_driver import STAGES

_REPOSITORY = Path(__file__).parents[2]
_DELIVERIES = {
    "crm_customers": "customers_2026-10.csv",
    "purchases": "purchase_2026-11-02.csv",
    "products": "products.csv",
    "summer_vouchers": "SUMMER10.csv",
}
_VOLATILE = {
    "_imported_at",
    "agreed_at",
    "applied_at",
    "created_at",
    "staged_at",
    "modified",
    "fingerprint",
    "clock",
    "clock_end",
    "used",
}
_VERSIONS = ("w:", "u:")
"""How the columns begin that say since when a customer's attribute holds."""


def killed(root: Path, name: str, key: str, stage: str) -> int:
    """Import in a process of its own that dies at `stage`; return its exit code."""
    command = [
        sys.executable,
        "-m",
        "import_assets_tests.scenarios.kill_driver",
        str(root),
        name,
        key,
        stage,
    ]
    return subprocess.run(command, cwd=_REPOSITORY, check=False, timeout=120).returncode


def _import(root: Path, name: str) -> Delivered:
    definition = load(root).imports[name]
    storage = open_source(definition)
    warehouse = Warehouse(definition.project.warehouse_path)
    return deliver(definition, storage, storage.stat(_DELIVERIES[name]), warehouse)


def _project(root: Path) -> Path:
    for folder in ("imports", "shop"):
        shutil.copytree(_REPOSITORY / folder, root / folder)
    shutil.copy2(_REPOSITORY / "project.yaml", root)
    return root


def dump(root: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, but for the clock's values."""
    path = root / "data" / "warehouse.duckdb"
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() ORDER BY ALL"
        ).fetchall()
        dump = {}
        for schema, table in tables:
            name = f'"{schema}"."{table}"'
            described = connection.execute(f"DESCRIBE {name}").fetchall()
            names = [row[0] for row in described if not row[0].startswith(_VERSIONS)]
            columns = ", ".join(f'"{column}"' for column in names if column not in _VOLATILE)
            rows = connection.execute(f"SELECT {columns} FROM {name} ORDER BY ALL").fetchall()
            dump[name] = rows
        return dump


@pytest.fixture(scope="module", params=sorted(_DELIVERIES))
def undisturbed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """A project into which one delivery was imported without any trouble."""
    root = _project(tmp_path_factory.mktemp("undisturbed"))
    assert not _import(root, request.param).already
    return request.param, root


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_killed_import_is_finished_by_the_next_try(
    undisturbed: tuple[str, Path], stage: str, tmp_path: Path
) -> None:
    name, whole = undisturbed
    root = _project(tmp_path)
    # The batch's id holds the file's fingerprint, and that its time: equal projects, equal ids.
    shutil.copytree(whole / "shop", root / "shop", dirs_exist_ok=True)

    assert killed(root, name, _DELIVERIES[name], stage) == -9
    halfway = dump(root) if (root / "data" / "warehouse.duckdb").exists() else {}
    expected = dump(whole)
    batches = '"import_assets"."batches"'
    if stage == "after the commit":
        assert halfway == expected
    else:
        assert all(not rows for rows in halfway.values()), "a part of the delivery is visible"

    assert _import(root, name).already == (stage == "after the commit")
    assert dump(root) == expected
    assert len(dump(root)[batches]) == 1

    assert _import(root, name).already
    assert dump(root) == expected, "the third try imported it again"
