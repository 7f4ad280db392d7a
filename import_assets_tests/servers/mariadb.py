"""A real MariaDB, where one is installed, and the accounts that the tests use."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import pymysql
import pytest

from import_assets_tests.servers.required import require

PASSWORD = "s3cret/w@rd:%+"
VARIABLE = "MARIADB_TEST_PASSWORD"
_START_SECONDS = 60


@dataclass(frozen=True)
class MariaDb:
    """A running server: `root` may do all; `reader` may read, and needs `PASSWORD`."""

    socket: str

    @property
    def url(self) -> str:
        """The URL of the reader, without its password."""
        return f"mysql://reader@localhost/shop?unix_socket={quote(self.socket)}"

    @contextmanager
    def owner(self) -> Iterator[pymysql.Connection[Any]]:
        """A connection of root's; what it does is committed at the end."""
        connection = pymysql.connect(unix_socket=self.socket, user="root", charset="utf8mb4")
        try:
            yield connection
            connection.commit()
        finally:
            connection.close()

    def run(self, *statements: str) -> None:
        """Run statements as root, in the database `shop`."""
        with self.owner() as connection, connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE IF NOT EXISTS shop CHARACTER SET utf8mb4")
            cursor.execute("USE shop")
            for statement in statements:
                cursor.execute(statement)


@contextmanager
def running() -> Iterator[MariaDb]:
    """Start a server in a folder of its own; it is killed and all of it removed at the end."""
    install, daemon = require("mariadbd", "mariadb-install-db"), require("mariadbd", "mariadbd")
    with TemporaryDirectory(prefix="maria-") as name:
        folder = Path(name)
        user = ["--user=root"] if os.geteuid() == 0 else []
        data = f"--datadir={folder / 'data'}"
        subprocess.run(
            [install, "--no-defaults", data, *user, "--auth-root-authentication-method=normal"],
            check=True,
            capture_output=True,
            timeout=_START_SECONDS,
        )
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [
                    *(daemon, "--no-defaults", data, *user, f"--socket={folder / 's'}"),
                    *(f"--pid-file={folder / 'pid'}", "--skip-networking", "--skip-log-bin"),
                    *("--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0"),
                ],
                stdout=log,
                stderr=log,
            )
        try:
            yield _ready(MariaDb(str(folder / "s")), folder / "log")
        finally:
            server.kill()
            server.wait()


def _ready(server: MariaDb, log: Path) -> MariaDb:
    until = time.monotonic() + _START_SECONDS
    while not _answers(server.socket):
        if time.monotonic() > until:
            pytest.fail(f"mariadbd does not answer:\n{log.read_text(errors='replace')}")
        time.sleep(0.1)
    server.run(
        f"CREATE USER reader@localhost IDENTIFIED BY '{PASSWORD}'",
        "GRANT SELECT, EXECUTE ON shop.* TO reader@localhost",
    )
    return server


def _answers(path: str) -> bool:
    """Tell whether somebody listens; the driver itself would leave its socket open if not."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDb]:
    """The server that the tests share, each in tables of its own."""
    with running() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, PASSWORD)
        yield server
