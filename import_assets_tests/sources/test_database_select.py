"""One SELECT and nothing else, proven by a parser (D43)."""

from __future__ import annotations

import logging

import pytest

from import_assets.sources.sql.dialects import dialect_of, driver_of
from import_assets.sources.sql.select import check_select, trimmed

GRAMMARS = ("postgres", "mysql", "sqlite", "duckdb", "tsql", "oracle", "snowflake", "bigquery", "")


@pytest.mark.parametrize("grammar", GRAMMARS)
@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1 AS one",
        "select id, email from customers where updated_at > '2026-01-01';",
        "SELECT id FROM a UNION ALL SELECT id FROM b",
        "WITH big AS (SELECT * FROM orders WHERE total > 100) SELECT * FROM big",
        "(SELECT id FROM a)",
        "SELECT 'DELETE FROM a; DROP TABLE b' AS words -- ; DELETE FROM a\n;",
        "SELECT count(*) AS n FROM a GROUP BY b HAVING count(*) > 1 ORDER BY b",
    ],
)
def test_one_select_is_let_pass(query: str, grammar: str) -> None:
    """D43: in every grammar."""
    assert check_select(query, grammar) is None


@pytest.mark.parametrize(
    ("query", "grammar"),
    [
        ("SELECT a ->> 'x' AS x, b::date, c @> '{1}' FROM t LIMIT 5", "postgres"),
        ("SELECT DISTINCT ON (id) * FROM t ORDER BY id, at DESC", "postgres"),
        ("SELECT * FROM generate_series(1, 3) WITH ORDINALITY AS x (n, i)", "postgres"),
        ("TABLE customers", "postgres"),
        ("SELECT `id`, @rank := 1 FROM t LIMIT 1, 2", "mysql"),
        ("FROM t SELECT * EXCLUDE (a)", "duckdb"),
        ("SELECT TOP 5 [id] FROM [dbo].[t]", "tsql"),
        ("SELECT 1 FROM dual FETCH FIRST 5 ROWS ONLY", "oracle"),
    ],
)
def test_what_a_database_writes_its_own_way_is_let_pass(query: str, grammar: str) -> None:
    """D43: each query is read by the grammar of its database."""
    assert check_select(query, grammar) is None


@pytest.mark.parametrize(
    ("query", "grammar", "sentence"),
    [
        ("", "postgres", "the query is empty"),
        (" ;; ", "postgres", "the query is empty"),
        ("-- nothing", "postgres", "the query is empty"),
        ("DELETE FROM t", "postgres", "begins with DELETE"),
        ("insert into t values (1)", "mysql", "begins with INSERT"),
        ("CALL f()", "postgres", "begins with CALL"),
        ("COPY t TO STDOUT", "postgres", "begins with COPY"),
        ("SET a = 1", "mysql", "begins with SET"),
        ("PRAGMA writable_schema = 1", "sqlite", "begins with PRAGMA"),
        ("ATTACH 'x' AS y", "duckdb", "begins with ATTACH"),
        ("DO $$ BEGIN END $$", "postgres", "begins with DO"),
        ("EXPLAIN ANALYZE SELECT 1", "postgres", "begins with EXPLAIN"),
        ("VALUES (1)", "postgres", "begins with VALUES"),
        ("SELECT 1; SELECT 2", "postgres", "more than one statement"),
        ("SELECT 1; CALL f()", "postgres", "more than one statement"),
        ("SELECT 1; DROP TABLE t", "sqlite", "more than one statement"),
        ("WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", "postgres", "holds DELETE"),
        ("WITH x AS (INSERT INTO t VALUES (1) RETURNING 1) SELECT 1", "postgres", "holds INSERT"),
        ("WITH x AS (UPDATE t SET a = 1 RETURNING *) SELECT * FROM x", "postgres", "holds UPDATE"),
        (
            "WITH x AS (MERGE INTO t USING s ON a = b WHEN MATCHED THEN DELETE) SELECT 1",
            "postgres",
            "holds MERGE",
        ),
        ("WITH x AS (SELECT 1) DELETE FROM t", "postgres", "no SELECT"),
        ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", "postgres", "no SELECT"),
        ("SELECT * INTO copy FROM t", "postgres", "with INTO"),
        ("SELECT a INTO @x FROM t", "mysql", "with INTO"),
        ("SELECT * FROM t FOR UPDATE", "postgres", "locks rows with FOR UPDATE"),
        ("SELECT * FROM t FOR SHARE", "postgres", "locks rows with FOR SHARE"),
        ("SELECT * FROM (SELECT * FROM t FOR UPDATE) AS q", "postgres", "locks rows"),
        ("SELECT * FROM t LOCK IN SHARE MODE", "mysql", "locks rows"),
        ("SELECT /*!50000 1 INTO OUTFILE '/tmp/x' */", "mysql", "the database executes"),
        ("SELECT 1 /*M! ; DELETE FROM t */", "mysql", "the database executes"),
        ("SELECT * FROM t INTO OUTFILE '/tmp/x'", "mysql", "in line 1, column"),
        ("SELECT * FROM t WHERE id = ?", "sqlite", "placeholder"),
        ("SELECT a FROM (SELECT 1", "postgres", "in line 1, column 23"),
        ("SELECT a\nFROM t WHERE", "postgres", "cannot be read as SQL"),
        ("SELECT 'abc", "postgres", "cannot be read as SQL"),
        ("SELEC 1", "postgres", "begins with SELEC"),
    ],
)
def test_everything_else_is_refused_with_a_sentence(
    query: str, grammar: str, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    """D43: nothing that writes or locks, nothing twice, nothing that cannot be read."""
    with caplog.at_level(logging.DEBUG):
        said = check_select(query, grammar)
    assert said is not None
    assert sentence in said
    assert not caplog.records, "the parser's own remarks are not for users"


def test_a_query_without_end_is_refused() -> None:
    """D43: rather than to overflow."""
    said = check_select("SELECT " + "(" * 5_000 + "1" + ")" * 5_000, "postgres")
    assert said is not None


@pytest.mark.parametrize("query", ["SELECT 1 AS a", "SELECT 1 AS a ;; -- no more\n /* none */ ;"])
def test_ends_are_trimmed_so_that_a_query_can_be_wrapped(query: str) -> None:
    """D43: for a preview, and for what is new."""
    assert trimmed(query, "postgres") == "SELECT 1 AS a"


@pytest.mark.parametrize(
    ("url", "name", "grammar", "driver"),
    [
        ("postgresql://reader@host/db", "postgresql", "postgres", "psycopg"),
        ("postgres://reader@host/db", "postgresql", "postgres", "psycopg"),
        ("postgresql+psycopg2://reader@host/db", "postgresql", "postgres", "psycopg2"),
        ("mysql://reader@host/db", "mysql", "mysql", "pymysql"),
        ("mariadb://reader@host/db", "mariadb", "mysql", "pymysql"),
        ("sqlite:///shop.sqlite", "sqlite", "sqlite", None),
        ("duckdb:///shop.duckdb", "duckdb", "duckdb", None),
        ("mssql+pymssql://reader@host/db", "mssql", "tsql", "pymssql"),
        ("clickhouse://reader@host/db", "clickhouse", "", None),
    ],
)
def test_urls_mean_a_dialect(url: str, name: str, grammar: str, driver: str | None) -> None:
    """M008: by what stands before the first colon."""
    assert (dialect_of(url).name, dialect_of(url).grammar) == (name, grammar)
    assert driver_of(url) == driver
