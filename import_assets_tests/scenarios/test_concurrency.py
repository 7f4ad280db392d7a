"""Processes that import at the same time: each delivery is in once, all waits are told (D02)."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from import_assets.warehouse.warehouse import Warehouse
from import_assets_tests.cli.shop import Shop
from import_assets_tests.scenarios.crowd import (
    Importer,
    Writer,
    import_all,
    somebody_has_open,
    wait_until,
)
from import_assets_tests.scenarios.kill_actions import catch_up
from import_assets_tests.scenarios.kill_shop import write_file, write_project
from import_assets_tests.scenarios.snapshots import WAREHOUSE, left_behind, wrong_entries

pytestmark = pytest.mark.slow

_PROCESSES = 8
_ROWS = 300
_OTHERS = "Waiting for another program that has warehouse.duckdb open"
_IMPORTER = "Waiting for the warehouse, in use by process "


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with as many files of visits as processes, none of them imported."""
    root = write_project(tmp_path / "project")
    for number in range(1, _PROCESSES + 1):
        write_file(root, "visits", number, _ROWS)
    return root


def _key(number: int) -> str:
    return f"visits_{number}.csv"


def _visits(root: Path) -> list[tuple[object, ...]]:
    """All that is known of visits but who is first: which file a repeated one came with."""
    with Warehouse(root / WAREHOUSE).read() as connection:
        return connection.execute(
            "SELECT registered, cookie, v.* EXCLUDE (customer_id, _digest, _batch, _file, _row, "
            "_imported_at) FROM events.visit v JOIN customers USING (customer_id) ORDER BY ALL"
        ).fetchall()


def _ledger(root: Path) -> list[str]:
    with Warehouse(root / WAREHOUSE).read() as connection:
        rows = connection.execute("SELECT key FROM import_assets.batches ORDER BY key").fetchall()
    return [key for (key,) in rows]


def test_different_files_into_one_table(project: Path, tmp_path: Path) -> None:
    alone = Path(shutil.copytree(project, tmp_path / "alone"))
    keys = [_key(number) for number in range(1, _PROCESSES + 1)]
    told = import_all(project, "visits", keys)
    assert [one.already for one in told] == [False] * _PROCESSES
    assert any(wait.startswith(_IMPORTER) for one in told for wait in one.waits)
    catch_up(alone, "visits")
    assert _ledger(project) == keys
    assert _visits(project) == _visits(alone)
    assert wrong_entries(project) + left_behind(project) == []


def test_one_file_by_all(project: Path, tmp_path: Path) -> None:
    """Exactly one of them brings it in, and none fails, whoever staged, applied or removed it."""
    alone = Path(shutil.copytree(project, tmp_path / "alone"))
    told = import_all(project, "visits", [_key(1)] * _PROCESSES)
    assert sorted(one.already for one in told) == [False] + [True] * (_PROCESSES - 1)
    assert _ledger(project) == [_key(1)]
    for number in range(2, _PROCESSES + 1):
        (alone / "files" / _key(number)).unlink()
    catch_up(alone, "visits")
    assert _visits(project) == _visits(alone)
    assert wrong_entries(project) + left_behind(project) == []


@pytest.mark.parametrize("reading", [True, False])
def test_an_import_waits_for_who_has_the_file_open(project: Path, *, reading: bool) -> None:
    import_all(project, "visits", [_key(1)])
    with somebody_has_open(project / WAREHOUSE, reading=reading) as close:
        importer = Importer(project, "visits", _key(2))
        wait_until(lambda: _OTHERS in importer.said(), "the import says for whom it waits")
        close()
        told = importer.ended()
    assert told.waits.count(_OTHERS) >= 1
    assert not told.already
    assert _ledger(project) == [_key(1), _key(2)]


@pytest.mark.parametrize("command", [["list"], ["query", "SELECT count(*) FROM events.visit"]])
def test_a_question_waits_for_an_import(project: Path, command: list[str]) -> None:
    """What it answers is what was there before, or after, and never a part of an import."""
    import_all(project, "visits", [_key(1)])
    shop = Shop(project)
    expected = shop.call(*command)
    writer = Writer(project / WAREHOUSE)
    threading.Timer(0.5, writer.roll_back).start()
    answer = shop.call(*command)
    assert (answer.exit_code, answer.stdout) == (0, expected.stdout)
    assert _IMPORTER in answer.stderr


def test_who_dies_while_writing_is_not_waited_for(project: Path) -> None:
    import_all(project, "visits", [_key(1)])
    writer = Writer(project / WAREHOUSE)
    importer = Importer(project, "visits", _key(2))
    wait_until(importer.said, "the import says for whom it waits")
    writer.kill()
    told = importer.ended()
    assert told.waits[0].startswith(_IMPORTER)
    assert _ledger(project) == [_key(1), _key(2)]
