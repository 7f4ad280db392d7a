"""From a connection of `project.yaml` to an open database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from import_assets.errors import SourceError
from import_assets.sources.secrets import secret
from import_assets.sources.sql.dialects import dialect_of, driver_of
from import_assets.sources.sql.faults import Faults
from import_assets.sources.sql.session import Session
from import_assets.spec.connections import SqlConnection

if TYPE_CHECKING:
    from sqlalchemy import URL


@contextmanager
def open_session(name: str, connection: SqlConnection, root: Path, file: str) -> Iterator[Session]:
    """Open a database; it is closed when the block is left.

    Args:
        name: the connection's, for errors.
        connection: what is written about it.
        root: the project's folder, to which files are relative.
        file: what refusals call the delivery.

    Raises:
        SourceError: it cannot be reached or entered; a `Disconnected` where trying again at once
            can help.
    """
    variable = connection.password_env
    password = secret(name, variable) if variable else None
    faults = Faults(name, file, connection.timeout, variable, password)
    session = _opened(connection, root, faults)
    try:
        yield session
    finally:
        session.close()


def _opened(connection: SqlConnection, root: Path, faults: Faults) -> Session:
    dialect, driver = dialect_of(connection.url).name, driver_of(connection.url)
    url, waiting = _url(connection, faults), connection.connect_timeout
    if dialect == "postgresql" and driver == "psycopg":
        from import_assets.sources.sql.postgres import PostgresSession

        return PostgresSession(url, waiting, faults)
    if dialect in ("mysql", "mariadb") and driver == "pymysql":
        from import_assets.sources.sql.mysql import MysqlSession

        return MysqlSession(url, waiting, faults)
    if dialect == "sqlite":
        from import_assets.sources.sql.sqlite import SqliteSession

        return SqliteSession(_file(url, root, faults), waiting, faults)
    if dialect == "duckdb":
        from import_assets.sources.sql.duckdb import DuckdbSession

        return DuckdbSession(_file(url, root, faults), faults)
    from import_assets.sources.sql.other import OtherSession

    return OtherSession(url, faults)


def _url(connection: SqlConnection, faults: Faults) -> URL:
    """Return the URL with the driver and the password in it."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(connection.url)
    except (ArgumentError, ValueError) as error:
        raise SourceError(
            f"connection {faults.name}: `url` is not one: write DIALECT://USER@HOST:PORT/DATABASE"
        ) from error
    dialect, driver = dialect_of(connection.url).name, driver_of(connection.url)
    url = url.set(drivername=f"{dialect}+{driver}" if driver else dialect)
    return url if faults.password is None else url.set(password=faults.password)


def _file(url: URL, root: Path, faults: Faults) -> Path:
    if not url.database or url.database == ":memory:":
        raise faults.error("unknown_database", "`url` names no file")
    return root / url.database
