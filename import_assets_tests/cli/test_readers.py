"""`query` only reads, whatever DuckDB can do on a connection that is for reading only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from import_assets.cli.readers import QueryError, check_reads, shut
from import_assets.spec.models import Limits
from import_assets.tables import checks
from import_assets.warehouse.warehouse import Warehouse
from import_assets_tests.cli.shop import Shop


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    path = tmp_path / "some.duckdb"
    with duckdb.connect(str(path)) as made:
        made.execute("CREATE TABLE x AS SELECT 1 AS a, 2 AS b")
    with duckdb.connect(str(path), read_only=True) as opened:
        shut(opened)
        yield opened


@pytest.mark.parametrize(
    "sql",
    [
        "FROM x",
        "SELECT 1; FROM x;",
        "(SELECT 1) UNION SELECT 2",
        "WITH q AS (FROM x) FROM q",
        "VALUES (1)",
        "TABLE x",
        "DESCRIBE x",
        "SHOW TABLES",
        "SHOW ALL TABLES",
        "SUMMARIZE x",
        "PIVOT x ON a USING sum(b)",
        "-- which?\n(FROM (PIVOT x ON a USING sum(b)))",
        "UNPIVOT x ON a, b",
        "PRAGMA table_info('x')",
        "/* how large? */ PRAGMA database_size",
        "EXPLAIN FROM x",
        "EXPLAIN (SELECT 1)",
        "EXPLAIN /* really */ ANALYZE SELECT 1",
        "EXPLAIN (FORMAT json) SELECT 1",
    ],
)
def test_what_reads_is_asked(connection: duckdb.DuckDBPyConnection, sql: str):
    check_reads(connection, sql)
    assert connection.execute(sql).fetchall()


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("COPY x TO '{}/out.csv'", "COPY"),
        ("COPY (PIVOT x ON a USING sum(b)) TO '{}/out.csv'", "(COPY|this)"),
        ("EXPORT DATABASE '{}/out'", "EXPORT"),
        ("EXPLAIN ANALYZE COPY x TO '{}/out.csv'", "COPY"),
        ("explain -- look\n (analyze) COPY x TO '{}/out.csv'", "COPY"),
        ("SELECT 1; COPY x TO '{}/out.csv'", "COPY"),
        ("ATTACH '{}/out.duckdb'", "ATTACH"),
        ("INSTALL httpfs", "INSTALL"),
        ("LOAD httpfs", "LOAD"),
        ("SET threads = 1", "SET"),
        ("RESET threads", "RESET"),
        ("PRAGMA memory_limit = '1GB'", "PRAGMA"),
        ("PRAGMA enable_profiling", "PRAGMA enable_profiling"),
        ("USE memory", "USE"),
        ("CALL enable_logging(storage = 'file', storage_path = '{}/out')", "CALL"),
        ("FROM enable_logging('QueryLog', storage = 'file', storage_path = '{}/out')", "enable_"),
        ("CHECKPOINT", "CHECKPOINT"),
        ("CREATE TEMP TABLE y AS FROM x", "CREATE"),
        ("CREATE SECRET (TYPE s3)", "CREATE"),
        ("PREPARE y AS FROM x", "PREPARE"),
    ],
)
def test_what_does_more_is_refused(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, sql: str, word: str
):
    with pytest.raises(QueryError, match=f"^{word}.* a query only reads"):
        check_reads(connection, sql.format(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["some.duckdb"]


def test_nothing_can_be_set_and_no_extension_comes_by_itself(
    connection: duckdb.DuckDBPyConnection,
):
    with pytest.raises(duckdb.Error, match="locked"):
        connection.execute("SET autoinstall_known_extensions = true")
    with pytest.raises(duckdb.Error, match="httpfs"):
        connection.execute("FROM 'https://localhost:1/a.csv'")


def test_a_query_writes_no_file_and_reads_those_there_are(imported: Shop, tmp_path: Path):
    out = tmp_path / "out.csv"
    result = imported.call("query", f"COPY customers TO '{out}'")
    assert result.exit_code == 2
    assert "COPY is refused, for a query only reads" in result.stderr
    assert not out.exists()
    file = imported.root / "exports/prices.csv"
    assert imported.query(f"SELECT count(*) AS n FROM '{file}'") == [{"n": 2}]


def test_the_queries_of_checks_can_be_asked(imported: Shop):
    """As they are shown: each gives the rows at fault, and none where all is well."""
    asked = 0
    with Warehouse(imported.root / "data/warehouse.duckdb").write() as connection:
        connection.execute("INSERT INTO customers (customer_id) VALUES (77)")
        connection.execute("UPDATE events.purchase SET \"timestamp\" = '2100-01-01'")
    with Warehouse(imported.root / "data/warehouse.duckdb").read() as connection:
        found = [
            check
            for table in (("customers",), ("events", "purchase"))
            for check in checks.run(connection, table, Limits(), dt.datetime(2026, 1, 1))
        ]
    for check in found:
        assert len(imported.query(check.query)) == check.failures
        asked += check.failures
    assert {check.name for check in found if check.failures} == {"ids_valid", "times_plausible"}
    assert asked > 1
