"""Processes that get in each other's way: importers, and programs that have the file open."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path

import duckdb

from import_assets.pipeline.deliver import deliver
from import_assets.sources.open import open_source
from import_assets.spec.loading import load
from import_assets.warehouse.warehouse import Warehouse
from import_assets_tests.scenarios.killing import PROCESSES, TIMEOUT

_POLL_SECONDS = 0.01
_ALREADY, _NOW = "imported before", "imported now"


@dataclass(frozen=True)
class Told:
    """What an importer said: whom it waited for, and whether its delivery was in `already`."""

    waits: tuple[str, ...]
    already: bool


class Importer:
    """A process that imports one file, begun at once."""

    def __init__(self, root: Path, name: str, key: str, number: int = 0) -> None:
        self._log = root / f"{name}-{key}-{number}.log"
        self._process = PROCESSES.Process(target=_import, args=(root, name, key, self._log))
        self._process.start()

    def said(self) -> list[str]:
        """Return what it has said so far."""
        return self._log.read_text(encoding="utf-8").splitlines() if self._log.exists() else []

    def ended(self) -> Told:
        """Wait for its end. Raises AssertionError where it failed or is stuck."""
        _await_end(self._process)
        *waits, last = self.said()
        return Told(tuple(waits), last == _ALREADY)


def import_all(root: Path, name: str, keys: Sequence[str]) -> list[Told]:
    """Import each of the files in a process of its own, all at once."""
    importers = [Importer(root, name, key, number) for number, key in enumerate(keys)]
    return [importer.ended() for importer in importers]


def _import(root: Path, name: str, key: str, path: Path) -> None:
    with path.open("w", encoding="utf-8", buffering=1) as log:
        definition = load(root).imports[name]
        warehouse = Warehouse(
            definition.project.warehouse_path, log=lambda said: print(said, file=log)
        )
        storage = open_source(definition)
        delivered = deliver(definition, storage, storage.stat(key), warehouse)
        print(_ALREADY if delivered.already else _NOW, file=log)


@contextmanager
def somebody_has_open(path: Path, *, reading: bool) -> Iterator[Callable[[], None]]:
    """Keep a warehouse open as a DuckDB shell does that knows nothing of its lock file.

    Gives a function that closes it; it is closed at the end of the block in any case.
    """
    opened, close = PROCESSES.Event(), PROCESSES.Event()
    process = PROCESSES.Process(target=_keep_open, args=(path, reading, opened, close))
    process.start()
    assert opened.wait(TIMEOUT)

    def closing() -> None:
        close.set()
        _await_end(process)

    try:
        yield closing
    finally:
        closing()


def _keep_open(path: Path, reading: bool, opened: Event, close: Event) -> None:
    with duckdb.connect(str(path), read_only=reading):
        opened.set()
        close.wait(TIMEOUT)


class Writer:
    """A process that is in the middle of writing to a warehouse, begun at once."""

    def __init__(self, path: Path) -> None:
        opened, self._close = PROCESSES.Event(), PROCESSES.Event()
        self._process = PROCESSES.Process(target=_write, args=(path, opened, self._close))
        self._process.start()
        assert opened.wait(TIMEOUT)

    def roll_back(self) -> None:
        """Let it undo what it has written, and end."""
        self._close.set()
        _await_end(self._process)

    def kill(self) -> None:
        """End it where it is."""
        self._process.kill()
        self._process.join(TIMEOUT)


def _write(path: Path, opened: Event, close: Event) -> None:
    with Warehouse(path).write() as connection:
        connection.execute("BEGIN")
        connection.execute("DELETE FROM import_assets.batches")
        opened.set()
        close.wait(TIMEOUT)
        connection.execute("ROLLBACK")


def _await_end(process: BaseProcess) -> None:
    process.join(TIMEOUT)
    if process.is_alive():
        process.kill()
        raise AssertionError("a process is stuck")
    assert process.exitcode == 0, "a process failed, see above"


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Wait until something is so. Raises AssertionError when it takes too long."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(_POLL_SECONDS)
