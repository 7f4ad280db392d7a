"""A process that does one thing, notes each moment of it, and dies at the one it is told.

Moments are calls of functions that the way of a delivery goes by, and the statements of whoever
writes to the warehouse. They are noted in a file, which outlives the process, with the time.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from import_assets.mapping.mapping import Mapping
from import_assets.sources import rows, spool
from import_assets.staging import batch as batches
from import_assets.tables import apply, undo
from import_assets.warehouse import ledger, refusals, rejects, warehouse
from import_assets_tests.scenarios.kill_actions import stop_time
from import_assets_tests.scenarios.kill_cases import CASES, import_history

BEGUN, ENDED = "at the start", "ended"
STATEMENT = "a statement"
COMMITTING, COMMITTED = "at the commit", "after the commit"
CLOSING, CLOSED = "closing the warehouse", "after closing the warehouse"
HISTORY = "history"
"""What is done to import the first files, beside the names of `CASES`."""

_HALF_REMOVED = "while the batch is removed"

_BEFORE: tuple[tuple[object, str, str], ...] = (
    (spool, "_copy", "fetching"),
    (rows, "_column", "fetching"),
    (Mapping, "apply", "reading"),
    (batches.BatchWriter, "write", "staging"),
    (batches.Staging, "finish", "before the rename"),
    (warehouse, "create_schema", "opening the warehouse"),
    (refusals, "clear", "before the refusal is cleared"),
    (refusals, "record", "refusing"),
    (batches.Staging, "remove", "before the batch is removed"),
)
"""Owner and name of functions, and the moment before each of them."""

_AFTER: tuple[tuple[object, str, str], ...] = (
    (spool, "_copy", "after fetching"),
    (batches.BatchWriter, "write", "a block is staged"),
    (batches.Staging, "finish", "after the rename"),
    (ledger, "next_turn", "after the turn is taken"),
    (apply, "_open_journal", "after the journal is opened"),
    (apply, "_apply_rows", "after the rows"),
    (ledger, "record", "after the ledger's row"),
    (rejects, "store", "after the rejects"),
    (undo, "_undo", "after a batch is taken back"),
    (batches.Staging, "remove", "after the batch is removed"),
)
"""The same for the moments after them."""


@dataclass(frozen=True)
class Death:
    """When a process is to die: so many seconds after it comes to a moment for the n-th time."""

    moment: str
    times: int = 1
    seconds: float = 0.0


@dataclass(frozen=True)
class Noted:
    """A moment, and when it was, in seconds of the monotonic clock."""

    moment: str
    at: float


class _Moments:
    """Notes moments, and dies."""

    def __init__(self, path: Path, death: Death | None) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._death = death
        self._seen: Counter[str] = Counter()
        self.in_schema = False

    def come(self, moment: str) -> None:
        os.write(self._file, f"{time.monotonic()} {moment}\n".encode())
        self._seen[moment] += 1
        death = self._death
        if death is None or (moment, self._seen[moment]) != (death.moment, death.times):
            return
        if not death.seconds:
            os.kill(os.getpid(), signal.SIGKILL)
        # Ends the process wherever it is, also deep in a library: nobody handles it.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, death.seconds)


class _Watched:
    """A connection that writes, and notes each of its statements."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, moments: _Moments) -> None:
        self._connection = connection
        self._moments = moments

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, query: str, *parameters: Any) -> Any:
        if self._moments.in_schema:
            return self._connection.execute(query, *parameters)
        self._moments.come(COMMITTING if query == "COMMIT" else STATEMENT)
        done = self._connection.execute(query, *parameters)
        if query == "COMMIT":
            self._moments.come(COMMITTED)
        return done

    def close(self) -> None:
        self._moments.come(CLOSING)
        self._connection.close()
        self._moments.come(CLOSED)


def run(name: str, root: Path, path: Path, death: Death | None) -> None:
    """Do what a case or the history does, noting moments in the file `path`.

    Ends this process: killed at its death, with 0 when all was done, with 1 when something failed.
    """
    try:
        stop_time()
        moments = _Moments(path, death)
        _watch(moments)
        moments.come(BEGUN)
        act = import_history if name == HISTORY else CASES[name].act
        found = act(root)
        moments.come(f"{ENDED}, {found} found to do")
    except Exception:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def noted(path: Path) -> list[Noted]:
    """Return the moments that a process has noted, in their order."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    parts = (line.partition(" ") for line in lines)
    return [Noted(moment, float(at)) for at, _, moment in parts]


def _watch(moments: _Moments) -> None:
    for owner, name, moment in _BEFORE:
        _wrap(owner, name, before=_coming(moments, moment))
    for owner, name, moment in _AFTER:
        _wrap(owner, name, after=_coming(moments, moment))

    def in_schema(inside: bool) -> Callable[..., None]:
        return lambda *_, **__: setattr(moments, "in_schema", inside)

    _wrap(warehouse, "create_schema", before=in_schema(True), after=in_schema(False))

    def half_removed(folder: Path) -> None:
        (folder / "manifest.json").unlink(missing_ok=True)
        moments.come(_HALF_REMOVED)

    _wrap(batches, "remove_folder", before=half_removed)
    opened = warehouse.Warehouse._open

    def open_watched(self: Any, *, read_only: bool) -> Any:
        connection = opened(self, read_only=read_only)
        return connection if read_only else _Watched(connection, moments)

    setattr(warehouse.Warehouse, "_open", open_watched)  # noqa: B010  # it is not ours to assign


def _coming(moments: _Moments, moment: str) -> Callable[..., None]:
    return lambda *_, **__: moments.come(moment)


def _wrap(
    owner: object,
    name: str,
    *,
    before: Callable[..., None] = lambda *_, **__: None,
    after: Callable[..., None] = lambda *_, **__: None,
) -> None:
    """Call `before` and `after` with what a function is called with, around it."""
    function = getattr(owner, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        before(*args, **kwargs)
        result = function(*args, **kwargs)
        after(*args, **kwargs)
        return result

    setattr(owner, name, call)
