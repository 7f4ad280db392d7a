"""One writer or several readers at a time, other programs included; a killed one leaves no harm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from import_assets.errors import WarehouseError
from import_assets.warehouse.sql import number
from import_assets.warehouse.warehouse import Warehouse

_OPEN = """
import sys
from pathlib import Path
from import_assets.warehouse.warehouse import Warehouse
with Warehouse(Path(sys.argv[1])).{way}() as connection:
    {then}
    print("ready", flush=True)
    sys.stdin.readline()
"""

WRITER = _OPEN.format(way="write", then="pass")
READER = _OPEN.format(way="read", then="pass")
INTERRUPTED = _OPEN.format(
    way="write",
    then="""connection.execute("CREATE TABLE kept AS SELECT 1 AS a")
    connection.execute("BEGIN")
    connection.execute("CREATE TABLE lost AS SELECT * FROM range(100000)")
    connection.execute("DELETE FROM kept")""",
)
FOREIGN = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
connection.close()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "warehouse.duckdb"


@contextmanager
def other_process(script: str, path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has the warehouse open until it is told to go on."""
    path.parent.mkdir(exist_ok=True)
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            yield child
        finally:
            child.kill()


def go_on(child: subprocess.Popen[bytes]) -> None:
    assert child.stdin is not None
    child.stdin.write(b"\n")
    child.stdin.flush()


def has_table(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    sql = "SELECT count(*) FROM duckdb_tables() WHERE table_name = ?"
    return number(connection, sql, [name]) > 0


def letting_go(child: subprocess.Popen[bytes], said: list[str]) -> Callable[[str], None]:
    """A log that tells the other process to go on as soon as somebody says that he waits."""

    def log(line: str) -> None:
        said.append(line)
        go_on(child)

    return log


# --- waiting --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_writer_waits_for_a_writer_and_says_so(path: Path) -> None:
    said: list[str] = []
    with other_process(WRITER, path) as child:
        warehouse = Warehouse(path, wait_seconds=60, log=letting_go(child, said))
        with warehouse.write() as connection:
            connection.execute("CREATE TABLE mine AS SELECT 1")
        assert said == [f"Waiting for the warehouse, in use by process {child.pid}"]


@pytest.mark.slow
def test_a_reader_waits_for_a_writer(path: Path) -> None:
    said: list[str] = []
    with other_process(WRITER, path) as child:
        with Warehouse(path, wait_seconds=60, log=letting_go(child, said)).read() as connection:
            assert number(connection, "SELECT count(*) FROM import_assets.batches") == 0
        assert said == [f"Waiting for the warehouse, in use by process {child.pid}"]


@pytest.mark.slow
def test_a_writer_waits_for_a_reader_but_readers_do_not(path: Path) -> None:
    """The writer before them is not named: it let go long ago."""
    with Warehouse(path).write():
        pass
    said: list[str] = []
    with other_process(READER, path) as child:
        with Warehouse(path, wait_seconds=0).read():
            pass
        with Warehouse(path, wait_seconds=60, log=letting_go(child, said)).write():
            pass
    assert said == ["Waiting for the warehouse, in use by another process"]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["write", "read"])
def test_a_program_that_does_not_know_the_lock_is_waited_for(path: Path, way: str) -> None:
    """Such as a DuckDB shell."""
    with Warehouse(path).write():
        pass
    said: list[str] = []
    with other_process(FOREIGN, path) as child:
        warehouse = Warehouse(path, wait_seconds=60, log=letting_go(child, said))
        with getattr(warehouse, way)() as connection:
            assert number(connection, "SELECT 1") == 1
    assert said == ["Waiting for another program that has warehouse.duckdb open"]


@pytest.mark.slow
def test_waiting_comes_to_an_end(path: Path) -> None:
    with other_process(WRITER, path) as child:
        with (
            pytest.raises(WarehouseError) as error,
            Warehouse(path, wait_seconds=0.1).write(),
        ):
            pass
        assert str(error.value) == (
            f"the warehouse is in use by process {child.pid}: waited 0 s for "
            "warehouse.duckdb.lock; try again when it is done"
        )


@pytest.mark.slow
def test_waiting_for_another_program_comes_to_an_end(path: Path) -> None:
    with (
        other_process(FOREIGN, path),
        pytest.raises(WarehouseError, match="is open in another program; close it there and try"),
        Warehouse(path, wait_seconds=0.1).read(),
    ):
        pass


# --- killed ---------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("way", ["write", "read"])
def test_a_killed_writer_leaves_the_old_state_and_the_lock_free(path: Path, way: str) -> None:
    """kill -9 inside a transaction: nobody has to clean up, not even for reading."""
    with other_process(INTERRUPTED, path) as child:
        child.kill()
        child.wait()
    with getattr(Warehouse(path, wait_seconds=0), way)() as connection:
        assert number(connection, "SELECT count(*) FROM kept") == 1
        assert (
            number(connection, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'lost'")
            == 0
        )


@pytest.mark.slow
def test_a_killed_writer_is_not_named_later(path: Path) -> None:
    with other_process(INTERRUPTED, path) as child:
        child.kill()
    with (
        other_process(READER, path),
        pytest.raises(WarehouseError, match="in use by another process"),
        Warehouse(path, wait_seconds=0).write(),
    ):
        pass


# --- one process ----------------------------------------------------------------------------------


def test_a_warehouse_is_made_when_it_is_missing(path: Path) -> None:
    for way in ("read", "write", "read"):
        with getattr(Warehouse(path), way)() as connection:
            assert number(connection, "SELECT count(*) FROM import_assets.batches") == 0


def test_a_reader_cannot_write(path: Path) -> None:
    with Warehouse(path).read() as connection, pytest.raises(duckdb.Error, match="read-only"):
        connection.execute("CREATE TABLE mine AS SELECT 1")


def test_an_error_inside_lets_go(path: Path) -> None:
    """And what was not committed is gone."""

    def fail() -> None:
        with Warehouse(path).write() as connection:
            connection.execute("BEGIN")
            connection.execute("CREATE TABLE mine AS SELECT 1")
            raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        fail()
    with Warehouse(path, wait_seconds=0).write() as connection:
        assert not has_table(connection, "mine")


# --- what is no warehouse -------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["write", "read"])
def test_a_file_that_is_no_warehouse_is_told_at_once(path: Path, way: str) -> None:
    path.parent.mkdir()
    path.write_bytes(b"customer_id,email\n" * 1000)
    with (
        pytest.raises(WarehouseError, match=r"cannot open the warehouse .*not a valid DuckDB"),
        getattr(Warehouse(path, wait_seconds=60), way)(),
    ):
        pass


def test_a_damaged_warehouse_is_told_at_once(path: Path) -> None:
    """What the database says of it speaks of a block, which is not a lock to wait for."""
    with Warehouse(path).write() as connection:
        connection.execute("CREATE TABLE mine AS SELECT * FROM range(100000)")
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096 * 3 + 100)
        file.write(os.urandom(size - 4096 * 3 - 100))
    with (
        pytest.raises(WarehouseError, match=r"cannot open the warehouse .* block"),
        Warehouse(path, wait_seconds=60).read(),
    ):
        pass


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file in the way", encoding="utf-8")
    with (
        pytest.raises(WarehouseError, match="cannot make the lock file of the warehouse"),
        Warehouse(tmp_path / "data" / "warehouse.duckdb").write(),
    ):
        pass


def test_ctrl_c_ends_a_statement(tmp_path: Path) -> None:
    """DuckDB says it by an error that is none of its own; nobody may take it for one of ours.

    DuckDB 2.0 often hears of it only when the statement is done.
    """
    rows = 10**11 if duckdb.__version__.startswith("1.") else 10**9
    script = f"""
import signal
import sys
from pathlib import Path
from import_assets.warehouse.warehouse import Warehouse
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    with Warehouse(Path(sys.argv[1])).write() as connection:
        print("ready", flush=True)
        connection.execute("SELECT sum(hash(n)) FROM range({rows}) r(n)")
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    path = tmp_path / "w.duckdb"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60)[0] == "interrupted\n"
    with Warehouse(path).read() as connection:
        assert connection.execute("SELECT count(*) FROM import_assets.batches").fetchall() == [(0,)]
