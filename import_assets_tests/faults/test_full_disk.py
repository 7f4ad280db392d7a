"""A disk is full: which folder it is and how much is free is said, and nothing is half written.

Once there is room again the next try gets everything in, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import pytest

from import_assets.errors import ImportAssetsError, SourceError, WarehouseError
from import_assets.pipeline.deliver import deliver
from import_assets.sources.ask import MAX_ATTEMPTS
from import_assets.sources.open import open_source
from import_assets.spec.loading import Import, load
from import_assets.tables import apply
from import_assets.warehouse.warehouse import Warehouse
from import_assets_tests.cli.shop import Shop
from import_assets_tests.faults.disks import room, small_disk
from import_assets_tests.orchestration.site import Site

ROWS = 20_000
BUYS = """\
kind: {events: buy}
source: {storage: {folder: in, files: "*.csv", settle: 0}}
format: {csv: {delimiter: ","}}
columns: [{from: id, id: registered}, {from: at, timestamp: true}, {from: what}]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a file of 2 MB, and its warehouse and batches on disks of their own."""
    (tmp_path / "imports").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "project.yaml").write_text("staging: staging\n", encoding="utf-8")
    (tmp_path / "imports" / "buys.yaml").write_text(BUYS, encoding="utf-8")
    lines = (
        f"c{n % 7000},{1_700_000_000 + n},{n * 0x9E3779B97F4A7C15:x}{n:080}" for n in range(ROWS)
    )
    (tmp_path / "in" / "a.csv").write_text("id,at,what\n" + "\n".join(lines), encoding="utf-8")
    return tmp_path


def bring(definition: Import) -> int:
    """Import the file and return how many rows came in now."""
    storage = open_source(definition)
    warehouse = Warehouse(definition.project.warehouse_path)
    done = deliver(definition, storage, storage.stat("a.csv"), warehouse)
    assert done.counts.inserted == ROWS
    return 0 if done.already else ROWS


def stored(definition: Import) -> tuple[int, int]:
    """Return how many batches and rows there are."""
    with Warehouse(definition.project.warehouse_path).read() as connection:
        (batches,) = connection.execute("SELECT count(*) FROM import_assets.batches").fetchall()[0]
        if not batches:
            tables = "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'events'"
            assert connection.execute(tables).fetchall() == [(0,)]
            return 0, 0
        return batches, connection.execute("SELECT count(*) FROM events.buy").fetchall()[0][0]


def refused(
    disk: Path, rooms: Iterable[int], definition: Import, error: type[ImportAssetsError]
) -> Iterator[str]:
    """Import with more and more room (in kB) until it fits; yield what each refusal says."""
    for kilobytes in rooms:
        try:
            with room(disk, kilobytes):
                bring(definition)
        except error as refusal:
            yield str(refusal)
        else:
            return
    pytest.fail("it never fitted")


def test_no_room_for_the_copy_or_the_batch(project: Path) -> None:
    """From none at all to so much that the last of the batch does not fit."""
    definition = load(project).imports["buys"]
    rooms = (0, 500, 1200, 1600, 2000, 2400, 2800, 3200, 4000, 5000, 6000)
    said: list[str] = []
    with small_disk(project / "staging", 20) as disk:
        for sentence in refused(disk, rooms, definition, SourceError):
            said.append(sentence)
            left = [path for path in disk.rglob("*") if path.is_file()]
            assert [path for path in left if path.suffix != ".lock"] == []
            assert stored(definition) == (0, 0)
        assert bring(definition) == 0
    for sentence in said:
        assert str(disk) in sentence
        assert "make room" in sentence.lower() or "free some" in sentence
        assert "it is tried again" in sentence
    assert {one.partition(" ")[0] for one in said} == {"a.csv", "the"}
    assert stored(definition) == (1, ROWS)


def test_no_room_for_the_warehouse(project: Path) -> None:
    """In its making, in the log of the transaction, and where the log is written into the file."""
    definition = load(project).imports["buys"]
    rooms = (0, 8, 100, 600, 1500, 2500, 3500, 5000, 7000, 9000, 12_000)
    said: list[str] = []
    with small_disk(project / "data", 40) as disk:
        for sentence in refused(disk, rooms, definition, WarehouseError):
            said.append(sentence)
            assert stored(definition) == (0, 0)
        assert len(said) > 3
        for sentence in said:
            assert f"too little room on the disk of the warehouse {disk}" in sentence
            assert "bytes are free there now. Nothing was written. Make room" in sentence
        assert stored(definition) == (1, ROWS)
        assert bring(definition) == 0
        # Whatever is left in the log comes into the file with the next commit.
        with duckdb.connect(str(definition.project.warehouse_path)) as connection:
            connection.execute("CHECKPOINT")
        assert not list(disk.glob("*.wal"))
        assert stored(definition) == (1, ROWS)


def test_no_room_for_what_memory_does_not_hold(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What DuckDB puts aside on the disk of the warehouse while a large batch is applied."""
    text = BUYS.replace("{events: buy}", "customers").replace("timestamp: true", "type: integer")
    (project / "imports" / "crm.yaml").write_text(text, encoding="utf-8")
    lines = (f"c{n},{n},{n * 0x9E3779B97F4A7C15:x}{n:0400}" for n in range(ROWS))
    (project / "in" / "a.csv").write_text("id,at,what\n" + "\n".join(lines), encoding="utf-8")
    definition = load(project).imports["crm"]
    monkeypatch.setattr(apply, "MEMORY", 40)
    count = "SELECT count(*) FROM import_assets.batches"
    rooms = (300, 1000, 3000, 10_000, 30_000, 60_000, 120_000)
    said: list[str] = []
    with small_disk(project / "data", 200) as disk:
        for sentence in refused(disk, rooms, definition, WarehouseError):
            said.append(sentence)
            with Warehouse(definition.project.warehouse_path).read() as connection:
                assert connection.execute(count).fetchall() == [(0,)]
            assert not list(disk.glob("*.tmp/*"))
        assert said
        assert all(f"too little room on the disk of the warehouse {disk}" in one for one in said)
        with Warehouse(definition.project.warehouse_path).read() as connection:
            assert connection.execute("SELECT count(*) FROM customers").fetchall() == [(ROWS,)]


def test_no_room_for_an_export(project: Path) -> None:
    """A file of that name that was there before stays as it was."""
    definition = load(project).imports["buys"]
    assert bring(definition) == ROWS
    shop = Shop(project)
    with small_disk(project / "out", 8) as disk:
        target = disk / "buys.csv"
        target.write_text("yesterday's", encoding="utf-8")
        with room(disk, 100):
            done = shop.call("export", "events/buy", "--out", str(target))
            assert done.exit_code == 2
            assert f"{target} cannot be written: No space left on device" in done.output
            assert "bytes are free there" in done.output
        assert [path.name for path in disk.iterdir()] == ["buys.csv"]
        assert target.read_text(encoding="utf-8") == "yesterday's"
        assert shop.call("export", "events/buy", "--out", str(target)).exit_code == 0
        assert target.read_text(encoding="utf-8").count("\n") == ROWS + 1


@pytest.mark.slow
def test_no_room_for_what_dagster_remembers(project: Path) -> None:
    """The run is not started, or breaks off; what it had imported is in, and is shown later."""
    definition = load(project).imports["buys"]
    shop = Shop(project)
    with small_disk(project / ".dagster", 20) as disk:
        # The storage is made at first; then the run in it breaks off.
        for kilobytes in (0, 64, 60):
            with room(disk, kilobytes):
                done = shop.call("run", "buys")
                assert done.exit_code == 2, done.output
                assert isinstance(done.exception, SystemExit), done.exception
                assert str(disk) in done.output
                assert "bytes are free there" in done.output
            if kilobytes == 64:
                assert shop.call("recover").exit_code == 0  # makes the storage, no more
        assert shop.call("run", "buys").exit_code == 0
        assert shop.call("recover").exit_code == 0
    assert stored(definition) == (1, ROWS)


def test_a_trigger_waits_for_room_and_uses_no_attempt_up(site: Site) -> None:
    """However long the disk is full; a run that fails for it is tried again like any other."""
    site.define("crm")
    with small_disk(site.root / "data", 40) as disk:
        site.put("in/a.csv", "id,age\n1,20\n")
        with room(disk, 12_000):
            for _ in range(MAX_ATTEMPTS + 1):
                tick = site.look()
                assert tick.requests == []
                assert tick.note is not None
                assert tick.note.startswith(f"1 file waits for room on the disk of {disk}")
                assert "16,000,024 are needed" in tick.note
        assert [run.success for run in site.look().runs] == [True]
        assert site.look().note == "1 file matches: 1 imported already"
