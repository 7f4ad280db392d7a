"""Databases that tests read from, each under the same words."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from import_assets.sources.feeds.base import Since, State
from import_assets.sources.feeds.database import DatabaseFeed
from import_assets.sources.rows import RowColumn, SpooledRows
from import_assets.sources.sql.open import open_session
from import_assets.sources.sql.session import Session
from import_assets.spec.connections import SqlConnection
from import_assets.spec.models import Limits
from import_assets.spec.sources import DatabaseSource

KEY = "2027-01-31T06:00"
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Database:
    """One database: how to read it and how to write to it. `time` is its type for times."""

    url: str
    root: Path
    run: Callable[..., None]
    time: str
    variable: str | None = None

    def connection(self, **more: Any) -> SqlConnection:
        """The connection, as a project would say it."""
        return SqlConnection(**{"url": self.url, "password_env": self.variable, **more})

    def feed(self, query: str, cursor: str | None = None, **more: Any) -> DatabaseFeed:
        """A feed of a query; `more` are keys of the source."""
        source = DatabaseSource(connection="erp", query=query, cursor=cursor, **more)
        return DatabaseFeed("erp", self.connection(), source, self.root)

    @contextmanager
    def session(self, **more: Any) -> Iterator[Session]:
        """An open session; `more` are keys of the connection."""
        with open_session("erp", self.connection(**more), self.root, KEY) as session:
            yield session

    def read(self, query: str, limits: Limits | None = None) -> Read:
        """What a query gives."""
        with self.feed(query).pull(KEY, None, self.root / "spool", limits or Limits()) as pulled:
            assert pulled is not None
            return Read.of(pulled.content)


@dataclass(frozen=True)
class Read:
    """Rows that were read, after the spool was removed."""

    columns: dict[str, RowColumn]
    rows: list[Row]
    cursor: str | None

    @classmethod
    def of(cls, content: Any) -> Read:
        assert isinstance(content, SpooledRows)
        rows = [row for block in content.blocks() for row in block.iter_rows()]
        assert len(rows) == content.rows
        return cls({column.name: column for column in content.columns}, rows, content.cursor)

    @property
    def kinds(self) -> dict[str, str]:
        return {name: column.kind for name, column in self.columns.items()}

    def values(self, name: str) -> list[Any]:
        return [row[list(self.columns).index(name)] for row in self.rows]


@dataclass
class Import:
    """Pulls again and again, and remembers what was applied, as a ledger does."""

    feed: DatabaseFeed
    since: Since | None = None
    limits: Limits = field(default_factory=Limits)

    def pull(self, *, apply: bool = True) -> list[Row]:
        """Return the rows that came in; they count as delivered once they are applied."""
        found = self.read(apply=apply)
        return [] if found is None else found.rows

    def read(self, *, apply: bool = True) -> Read | None:
        """Return what came in, or None where nothing is new."""
        with self.feed.pull(KEY, self.since, self.feed.root / "spool", self.limits) as pulled:
            if pulled is None:
                return None
            if apply:
                self.since = Since(KEY, pulled.delivery.fingerprint, "", pulled.state)
            return Read.of(pulled.content)

    @property
    def state(self) -> State:
        assert self.since is not None
        return self.since.state


def sqlite_database(folder: Path) -> Database:
    """A file of SQLite."""

    def run(*statements: str) -> None:
        connection = sqlite3.connect(folder / "shop.sqlite")
        try:
            for statement in statements:
                connection.execute(statement)
            connection.commit()
        finally:
            connection.close()

    run("CREATE TABLE at_least_one (id)", "INSERT INTO at_least_one VALUES (1)")
    return Database("sqlite:///shop.sqlite", folder, run, "TEXT")


def duckdb_database(folder: Path) -> Database:
    """A file of DuckDB."""

    def run(*statements: str) -> None:
        with duckdb.connect(str(folder / "shop.duckdb")) as connection:
            for statement in statements:
                connection.execute(statement)

    run("CREATE TABLE at_least_one (id INT)", "INSERT INTO at_least_one VALUES (1)")
    return Database("duckdb:///shop.duckdb", folder, run, "TIMESTAMP")
