"""The warehouse: a DuckDB file in which the tables, the ledger and the rejects live."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import duckdb

from import_assets.errors import WarehouseError
from import_assets.warehouse.lock import hold
from import_assets.warehouse.schema import create_schema
from import_assets.warehouse.sql import interruptible
from import_assets.warehouse.trouble import trouble

WAIT_SECONDS = 3600.0
"""How long a run waits for its turn to write."""

TURN_SECONDS = 2.0
"""How long a run keeps the warehouse to itself from one small delivery to the next."""

_PAUSE_SECONDS = 0.1
"""How long it then leaves it to others, who look twice in this time."""

_RETRY_SECONDS = 0.2

# What DuckDB says when another process has the file open. It has no class of its own for that, and
# other errors speak of locks and blocks too.
_LOCKED = "Could not set lock on file"


def _silent(_: str) -> None:
    pass


class Warehouse:
    """Opens connections to the warehouse file, one writer or several readers at a time.

    Waiting is said through `log`. Programs that do not know of the lock file (a DuckDB shell) are
    waited for too.
    """

    def __init__(
        self,
        path: Path,
        *,
        wait_seconds: float = WAIT_SECONDS,
        log: Callable[[str], None] = _silent,
    ) -> None:
        self.path = path
        self.wait_seconds = wait_seconds
        self._log = log
        self._turn: _Turn | None = None

    @contextmanager
    def write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open for writing, alone; the schema is made when missing.

        Raises WarehouseError when somebody else keeps the file for longer than the wait, and when
        what is done with it fails because the disk is full, or the file is damaged or cannot be
        written: nothing was written then. Raises KeyboardInterrupt where Ctrl-C ends a statement.
        """
        with self._told(), self._turn.use() if self._turn else self._alone() as connection:
            yield connection

    @contextmanager
    def _alone(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._locked(exclusive=True):
            if not self._is_made():
                self._make()
            with self._connect(read_only=False) as connection:
                create_schema(connection)
                yield connection

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Let what is inside read and write by one connection, for many small deliveries.

        Opening and closing take longer than writing a few rows. Others get their turn every
        `TURN_SECONDS`, and whenever `let_go` is called.
        """
        self._turn = _Turn(self._alone)
        try:
            yield
        finally:
            self.let_go()
            self._turn = None

    def let_go(self) -> None:
        """Leave the warehouse to others until it is wanted again, where it is kept open."""
        if self._turn is not None:
            self._turn.end()

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open for reading; raises WarehouseError like `write`."""
        if self._turn is not None:
            with self._told(), self._turn.use() as connection:
                yield connection
            return
        if not self._is_made():
            with self.write():
                pass
        with (
            self._told(),
            self._locked(exclusive=False),
            self._connect(read_only=True) as connection,
        ):
            yield connection

    @contextmanager
    def _locked(self, *, exclusive: bool) -> Iterator[None]:
        lock = self.path.with_name(self.path.name + ".lock")
        with hold(lock, exclusive=exclusive, wait_seconds=self.wait_seconds, log=self._log):
            yield

    def _is_made(self) -> bool:
        """Tell whether there is a file with anything in it."""
        return self.path.exists() and self.path.stat().st_size > 0

    def _make(self) -> None:
        """Make the file beside its place first: what a full disk leaves of one, nothing can open.

        Raises duckdb.Error or WarehouseError where it cannot be made.
        """
        new = self.path.with_name(f"{self.path.name}.new")
        log = new.with_name(f"{new.name}.wal")
        for file in (new, log):
            file.unlink(missing_ok=True)
        try:
            with duckdb.connect(str(new), read_only=False) as connection:
                create_schema(connection)
                connection.execute("CHECKPOINT")
            new.replace(self.path)
        finally:
            for file in (new, log):
                file.unlink(missing_ok=True)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            told = trouble(self.path, error)
            if told is None:
                raise
            raise told from error

    @contextmanager
    def _connect(self, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = self._open(read_only=read_only)
        try:
            # DuckDB would draw a bar of its own into logs and over ours.
            connection.execute("SET enable_progress_bar = false")
            with interruptible(connection):
                yield connection
        finally:
            connection.close()

    def _open(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        deadline = time.monotonic() + self.wait_seconds
        said = False
        while True:
            try:
                return duckdb.connect(str(self.path), read_only=read_only)
            except duckdb.Error as error:
                if _LOCKED not in str(error):
                    raise trouble(self.path, error) or WarehouseError(
                        f"cannot open the warehouse {self.path}: {error}"
                    ) from error
                if time.monotonic() >= deadline:
                    raise WarehouseError(
                        f"the warehouse {self.path} is open in another program; close it there "
                        f"and try again ({error})"
                    ) from error
                if not said:
                    self._log(f"Waiting for another program that has {self.path.name} open")
                    said = True
                time.sleep(_RETRY_SECONDS)


class _Turn:
    """One connection that is used time and again; `opening` gives it, and others wait for it."""

    def __init__(
        self, opening: Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]
    ) -> None:
        self._opening = opening
        self._stack = ExitStack()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._ends = 0.0

    @contextmanager
    def use(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give the connection. It is closed where what is inside fails, and when the turn is up."""
        if self._connection is None:
            self._connection = self._stack.enter_context(self._opening())
            self._ends = time.monotonic() + TURN_SECONDS
        try:
            with interruptible(self._connection):
                yield self._connection
        except BaseException:
            self.end()
            raise
        if time.monotonic() >= self._ends:
            self.end()
            time.sleep(_PAUSE_SECONDS)

    def end(self) -> None:
        """Close the connection, if there is one."""
        self._connection = None
        self._stack.close()
