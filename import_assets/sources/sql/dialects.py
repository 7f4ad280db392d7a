"""Which database a URL means, and how its SQL is written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """A kind of database.

    `name` is SQLAlchemy's word for it, `grammar` the parser's, empty for standard SQL; `driver` is
    the one that is taken where a URL names none, None for SQLAlchemy's own choice.
    """

    name: str
    grammar: str
    driver: str | None = None


# The tests read from the first five, MySQL excepted; the rest is as SQLAlchemy has it.
_KNOWN = (
    Dialect("postgresql", "postgres", "psycopg"),
    Dialect("mysql", "mysql", "pymysql"),
    Dialect("mariadb", "mysql", "pymysql"),
    Dialect("sqlite", "sqlite"),
    Dialect("duckdb", "duckdb"),
    Dialect("mssql", "tsql"),
    Dialect("oracle", "oracle"),
    Dialect("bigquery", "bigquery"),
    Dialect("snowflake", "snowflake"),
    Dialect("redshift", "redshift"),
)
_BY_NAME = {dialect.name: dialect for dialect in _KNOWN}
_ALIASES = {"postgres": "postgresql"}


def dialect_of(url: str) -> Dialect:
    """Return the dialect that a URL of SQLAlchemy means, by what stands before its first colon."""
    name = url.partition(":")[0].partition("+")[0].lower()
    name = _ALIASES.get(name, name)
    return _BY_NAME.get(name, Dialect(name, ""))


def driver_of(url: str) -> str | None:
    """Return the driver that a URL names, or the one that is taken where it names none."""
    return url.partition(":")[0].partition("+")[2] or dialect_of(url).driver
