"""What a project's warehouse and folders hold, to be compared to the byte."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from import_assets.sources.cleaning import clean_spool
from import_assets.spec.loading import load_project
from import_assets.staging.batch import Staging
from import_assets.staging.cleaning import clean_staging
from import_assets.warehouse.sql import literal, quote

WAREHOUSE = Path("data", "warehouse.duckdb")

VOLATILE = {("import_assets", "batches"): ("modified",)}
"""Columns that say when a database was asked, which it is anew after a kill, by table."""

_LATER = dt.timedelta(days=1000)
_SHOWN = 5


@dataclass(frozen=True)
class Content:
    """What a table holds: columns with their types, how many rows, and a digest of all rows.

    The digest is the sum of a 64-bit digest of each row, None of a table without rows.
    """

    columns: tuple[tuple[str, str], ...]
    rows: int
    digest: int | None


Snapshot = Mapping[tuple[str, str], Content]
"""Schema and name of each table → its content."""


def snapshot(root: Path, *, volatile: bool = False) -> Snapshot:
    """Return what every table holds; without `VOLATILE` columns, if `volatile` says there are any.

    A project without a warehouse holds nothing.
    """
    path = root / WAREHOUSE
    if not path.exists():
        return {}
    with duckdb.connect(str(path), read_only=True) as connection:
        return {table: _content(connection, table, volatile) for table in _tables(connection)}


def _tables(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    return connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() ORDER BY ALL"
    ).fetchall()


def _content(
    connection: duckdb.DuckDBPyConnection, table: tuple[str, str], volatile: bool
) -> Content:
    described = connection.execute(f"DESCRIBE {_sql(table)}").fetchall()
    lines = _lines(table, volatile)
    # A sum does not ask for an order, which would take most of the time of a kill.
    ((number, digest),) = connection.execute(
        f"SELECT count(*), sum(hash(line)::HUGEINT) FROM ({lines})"
    ).fetchall()
    return Content(tuple((row[0], row[1]) for row in described), number, digest)


def _lines(table: tuple[str, str], volatile: bool, of: str = "") -> str:
    """SQL of the rows of a table as JSON, in which an empty text is not a missing one."""
    left_out = VOLATILE.get(table, ()) if volatile else ()
    columns = f"* EXCLUDE ({', '.join(map(quote, left_out))})" if left_out else "*"
    return f"SELECT to_json(t)::VARCHAR AS line FROM (SELECT {columns} FROM {of}{_sql(table)}) t"


def _sql(table: tuple[str, str]) -> str:
    return ".".join(map(quote, table))


def differences(found: Snapshot, expected: Snapshot, root: Path, other: Path) -> list[str]:
    """Return what differs between the warehouses of two projects, a sentence for each table."""
    told = [f"{'.'.join(table)} is in one only" for table in sorted(found.keys() ^ expected.keys())]
    for table in sorted(found.keys() & expected.keys()):
        name = ".".join(table)
        if found[table].columns != expected[table].columns:
            told.append(f"{name} has {found[table].columns}, and not {expected[table].columns}")
        elif found[table] != expected[table]:
            more, less = _rows_only_in(root, other, table), _rows_only_in(other, root, table)
            told.append(
                f"{name} has {len(more)} rows too many, as {more[:_SHOWN]}, "
                f"and lacks {len(less)}, as {less[:_SHOWN]}"
            )
    return told


def _rows_only_in(root: Path, other: Path, table: tuple[str, str]) -> list[str]:
    with duckdb.connect() as connection:
        for name, one in (("here", root), ("there", other)):
            path = literal(str(one / WAREHOUSE))
            connection.execute(f"ATTACH {path} AS {name} (READ_ONLY)")
        rows = connection.execute(
            f"{_lines(table, False, 'here.')} EXCEPT ALL {_lines(table, False, 'there.')} "
            "ORDER BY ALL"
        ).fetchall()
    return [line for (line,) in rows]


def wrong_entries(root: Path) -> list[str]:
    """Return what is wrong with a ledger: batches that stand in it twice, or do not add up."""
    with duckdb.connect(str(root / WAREHOUSE), read_only=True) as connection:
        twice = connection.execute(
            "SELECT key FROM import_assets.batches WHERE forgotten_at IS NULL "
            "AND undone_at IS NULL GROUP BY batch_id, key HAVING count(*) > 1 ORDER BY key"
        ).fetchall()
        wrong = connection.execute(
            "SELECT key FROM import_assets.batches WHERE read <> "
            "inserted + updated + unchanged + duplicate + rejected ORDER BY key"
        ).fetchall()
    return [f"{key} was applied twice" for (key,) in twice] + [
        f"the counts of {key} do not add up" for (key,) in wrong
    ]


def left_behind(root: Path) -> list[str]:
    """Return what lies in the folders of a project that no start needs and no cleaning removes."""
    project = load_project(root)
    told = [f"{batch.folder} is still staged" for batch in Staging(project.staging_path).all()]
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None) + _LATER
    clean_spool(project.spool_path, dt.timedelta(), now)
    clean_staging(project.staging_path, dt.timedelta(), set(), now)
    for folder in (project.spool_path, project.staging_path):
        told += [f"{path} is left" for path in sorted(folder.rglob("*")) if path.is_file()]
    return told
