"""Queries to real databases: types, what is new, and every way in which they fail (M008, D43)."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import make_url

from import_assets.errors import Disconnected, FileRefused, ImportAssetsError, SourceError
from import_assets.sources.sql.faults import Faults
from import_assets.sources.sql.open import open_session
from import_assets.sources.sql.other import OtherSession
from import_assets.sources.sql.session import BLOCK_BYTES, FIRST_ROWS, Session
from import_assets.spec.connections import SqlConnection
from import_assets.spec.models import Limits
from import_assets_tests.servers import mariadb as maria
from import_assets_tests.servers import postgres as pg
from import_assets_tests.servers.mariadb import MariaDb, mariadb
from import_assets_tests.servers.postgres import Postgres, postgres
from import_assets_tests.servers.sftp import free_port
from import_assets_tests.sources.databases import (
    KEY,
    Database,
    Import,
    duckdb_database,
    sqlite_database,
)

__all__ = ["mariadb", "postgres"]

NAMES = ("postgres", "mariadb", "sqlite", "duckdb")
_NUMBERS = itertools.count()


@pytest.fixture
def on_postgres(postgres: Postgres, tmp_path: Path) -> Database:
    return Database(postgres.url, tmp_path, postgres.run, "TIMESTAMPTZ", pg.VARIABLE)


@pytest.fixture
def on_mariadb(mariadb: MariaDb, tmp_path: Path) -> Database:
    return Database(mariadb.url, tmp_path, mariadb.run, "TIMESTAMP(6) NULL", maria.VARIABLE)


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Database:
    return sqlite_database(tmp_path)


@pytest.fixture
def on_duckdb(tmp_path: Path) -> Database:
    return duckdb_database(tmp_path)


@pytest.fixture(params=NAMES)
def database(request: pytest.FixtureRequest) -> Database:
    return request.getfixturevalue(f"on_{request.param}")


@pytest.fixture
def table(database: Database) -> Iterator[str]:
    """A table of id, name and a time, of which each test has its own."""
    name = f"orders_{next(_NUMBERS)}"
    database.run(f"CREATE TABLE {name} (id INTEGER, name VARCHAR(20), moved {database.time})")
    yield name
    database.run(f"DROP TABLE {name}")


def insert(database: Database, table: str, *rows: tuple[int, str, str | None]) -> None:
    """Insert rows; a time is the part after `2026-01-01 `, None for null."""
    times = [None if at is None else f"'2026-01-01 {at}'" for _, _, at in rows]
    values = [
        f"({id_}, '{name}', {at or 'NULL'})" for (id_, name, _), at in zip(rows, times, strict=True)
    ]
    database.run(f"INSERT INTO {table} VALUES {', '.join(values)}")


def drain(session: Session, query: str) -> None:
    """Read a query to its end."""
    for _ in session.select(query).blocks:
        pass


def ids(rows: list[tuple[object, ...]]) -> list[object]:
    return [row[0] for row in rows]


# --- what is new --------------------------------------------------------------------------------


def test_incremental_takes_each_row_once(database: Database, table: str) -> None:
    """D43: each start reads from the highest value on, and what came in with it not again."""
    orders = Import(database.feed(f"SELECT * FROM {table};", "moved"))
    insert(database, table, (2, "b", "10:00:01"), (1, "a", "10:00:00"))
    assert ids(orders.pull()) == [1, 2], "in the order of the cursor"
    assert orders.read() is None
    insert(database, table, (3, "c", "10:00:01"), (4, "d", "11:00:00"))
    assert ids(orders.pull()) == [3, 4], "a row at the boundary is not lost"
    assert orders.read() is None
    assert json.loads(json.dumps(orders.state)) == orders.state


def test_incremental_finds_rows_committed_late(database: Database, table: str) -> None:
    """D43: a value that had been passed already is found as long as it lies within `lag`."""
    orders = Import(database.feed(f"SELECT * FROM {table}", "moved", lag=600))
    insert(database, table, (1, "a", "10:00:00"), (2, "b", "10:20:00"))
    assert ids(orders.pull()) == [1, 2]
    insert(database, table, (3, "too late", "10:09:59"), (4, "just", "10:10:00"))
    assert ids(orders.pull()) == [4]
    insert(database, table, (5, "e", "10:11:00"))
    assert ids(orders.pull()) == [5]
    assert orders.read() is None


def test_a_longer_lag_takes_nothing_twice(database: Database, table: str) -> None:
    """D43: what lies before the rows that are remembered stays out."""
    insert(database, table, (1, "a", "10:00:00"), (2, "b", "10:20:00"))
    short = Import(database.feed(f"SELECT * FROM {table}", "moved"))
    short.pull()
    longer = Import(database.feed(f"SELECT * FROM {table}", "moved", lag=3_600), short.since)
    assert longer.read() is None


def test_equal_rows_are_as_many_as_there_are(database: Database, table: str) -> None:
    """D43: two rows that are the same in everything are two."""
    orders = Import(database.feed(f"SELECT * FROM {table}", "moved"))
    insert(database, table, (1, "a", "10:00:00"), (1, "a", "10:00:00"))
    assert len(orders.pull()) == 2
    insert(database, table, (1, "a", "10:00:00"))
    assert len(orders.pull()) == 1
    assert orders.read() is None


def test_rows_without_a_cursor_are_handed_over(database: Database, table: str) -> None:
    """D43: they do not vanish; each start has them, to be reported."""
    orders = Import(database.feed(f"SELECT * FROM {table}", "moved"))
    insert(database, table, (1, "a", None))
    assert ids(orders.pull()) == [1]
    insert(database, table, (2, "b", "10:00:00"))
    found = orders.read()
    assert found is not None
    assert sorted(found.values("id")) == [1, 2]
    assert found.cursor == "moved"
    assert ids(orders.pull()) == [1]


def test_so_many_rows_without_a_cursor_that_they_fill_a_block(
    database: Database, table: str
) -> None:
    """D43: SQLite gives a block of them a column without a type."""
    orders = Import(database.feed(f"SELECT * FROM {table}", "moved"))
    without = FIRST_ROWS + 1
    insert(database, table, *((n, "a", None) for n in range(without)), (without, "b", "10:00:00"))
    assert len(orders.pull()) == without + 1
    assert len(orders.pull()) == without


def test_start_is_where_the_first_start_begins(database: Database, table: str) -> None:
    """D43: a history need not come in whole."""
    orders = Import(database.feed(f"SELECT * FROM {table}", "moved", start="2026-01-01T10:00:00"))
    insert(database, table, (1, "a", "09:59:59"), (2, "b", "10:00:00"))
    assert ids(orders.pull()) == [2]
    insert(database, table, (3, "c", "09:00:00"), (4, "d", "12:00:00"))
    assert ids(orders.pull()) == [4]


def test_what_is_not_applied_comes_again(database: Database, table: str) -> None:
    """D43: the state counts once the batch is applied, not before."""
    orders = Import(database.feed(f"SELECT * FROM {table}", "moved"))
    insert(database, table, (1, "a", "10:00:00"))
    assert ids(orders.pull(apply=False)) == [1]
    assert ids(orders.pull()) == [1]
    assert orders.read() is None


def test_an_empty_first_start_gives_no_rows(database: Database, table: str) -> None:
    """D43: nothing is known then, and nothing lost later."""
    orders = Import(database.feed(f"SELECT * FROM {table}", "moved", start="2026-01-01"))
    found = orders.read()
    assert found is not None
    assert found.rows == []
    insert(database, table, (1, "a", "10:00:00"))
    assert ids(orders.pull()) == [1]


def test_a_number_can_be_the_cursor(database: Database, table: str) -> None:
    """D43: `lag` counts in its units then; a value of zero is a value."""
    orders = Import(database.feed(f"SELECT * FROM {table}", "id", lag=2, start=0))
    insert(database, table, (-1, "before", "10:00:00"), (0, "zero", "10:00:00"))
    assert ids(orders.pull()) == [0]
    insert(database, table, (7, "g", "10:00:00"))
    assert ids(orders.pull()) == [7]
    insert(database, table, (4, "late", "10:00:00"), (5, "in time", "10:00:00"))
    assert ids(orders.pull()) == [5]


def test_a_changed_row_within_the_window_is_new(database: Database, table: str) -> None:
    """D43: rows are known by all of their values."""
    orders = Import(database.feed(f"SELECT * FROM {table}", "moved"))
    insert(database, table, (1, "a", "10:00:00"))
    orders.pull()
    database.run(f"UPDATE {table} SET name = 'changed'")
    assert orders.pull()[0][1] == "changed"
    assert orders.read() is None


def test_another_cursor_starts_anew(database: Database, table: str) -> None:
    """D43: what one column had come to says nothing about another."""
    insert(database, table, (1, "a", "10:00:00"))
    by_time = Import(database.feed(f"SELECT * FROM {table}", "moved"))
    by_time.pull()
    by_id = Import(database.feed(f"SELECT * FROM {table}", "id"), by_time.since)
    assert ids(by_id.pull()) == [1]


@pytest.mark.parametrize("cursor", ["name", "missing"])
def test_a_column_without_order_cannot_be_the_cursor(
    database: Database, table: str, cursor: str
) -> None:
    """D43: said before anything is read."""
    insert(database, table, (1, "a", "10:00:00"))
    with pytest.raises(FileRefused) as refused:
        Import(database.feed(f"SELECT * FROM {table}", cursor)).pull()
    assert refused.value.reason == "cursor_unusable"
    if cursor == "missing":
        assert "it gives: id, name, moved" in refused.value.message


def test_the_cap_counts_new_rows(database: Database, table: str) -> None:
    """M087: rows that came in before are not counted against the limit."""
    orders = Import(database.feed(f"SELECT * FROM {table}", "moved"), limits=Limits(rows=2))
    insert(database, table, (1, "a", "10:00:00"), (2, "b", "10:00:00"))
    assert len(orders.pull()) == 2
    insert(database, table, (3, "c", "10:00:00"), (4, "d", "10:00:00"))
    assert ids(orders.pull()) == [3, 4]
    insert(database, table, *[(number, "x", "10:00:00") for number in range(5, 8)])
    with pytest.raises(FileRefused) as refused:
        orders.pull()
    assert refused.value.reason == "too_many_rows"


def test_times_of_two_shapes_cannot_be_a_cursor(on_sqlite: Database) -> None:
    """D43: as texts they would not be in the order of time."""
    on_sqlite.run(
        "CREATE TABLE t (moved)",
        "INSERT INTO t VALUES ('2026-01-01T10:00'), ('2026-01-01 10:00:00')",
    )
    with pytest.raises(FileRefused, match="one shape"):
        Import(on_sqlite.feed("SELECT * FROM t", "moved")).pull()


def test_infinity_cannot_be_a_cursor(on_postgres: Database) -> None:
    """D43: after it nothing would be new any more."""
    query = "SELECT timestamptz 'infinity' AS moved, float8 'infinity' AS score"
    for cursor in ("moved", "score"):
        with pytest.raises(FileRefused) as refused:
            Import(on_postgres.feed(query, cursor)).pull()
        assert refused.value.reason == "cursor_unusable"


def test_a_decimal_is_known_again_whatever_its_neighbours(on_postgres: Database) -> None:
    """D43: the scale that a block of a numeric column needs is no part of a row."""
    on_postgres.run(
        "CREATE TABLE scales (n numeric, moved int)", "INSERT INTO scales VALUES (1.50, 1)"
    )
    scales = Import(on_postgres.feed("SELECT * FROM scales", "moved"))
    assert len(scales.pull()) == 1
    on_postgres.run("INSERT INTO scales VALUES (1.2345, 1)")
    assert [row[0] for row in scales.pull()] == [Decimal("1.2345")]
    on_postgres.run("INSERT INTO scales VALUES ('NaN', 1)")
    assert [row[0] for row in scales.pull()] == ["NaN"]


# --- types --------------------------------------------------------------------------------------


def test_types_of_postgres(on_postgres: Database) -> None:
    """M008: values come typed, and no digit of them is lost."""
    on_postgres.run(
        "CREATE TYPE mood AS ENUM ('sad', 'glad')",
        """CREATE TABLE types AS SELECT
        1::smallint AS small, 2::int AS whole, 9007199254740993::bigint AS big,
        0.1::real AS single, 0.1::float8 AS double, 12.50::numeric(10, 2) AS price,
        123456789012345678901234567890.12345678::numeric AS exact, true AS yes,
        date '2026-02-28' AS day, timestamp '2026-01-01 10:00:00.123456' AS local,
        timestamptz '2026-01-01 10:00:00+02' AS moment, 'žluť' AS words, ''::text AS blank,
        'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS uid, '{"b":1.00,"a":  2}'::json AS js,
        '{"b": 1.00}'::jsonb AS jsb, '{1,NULL,3}'::int[] AS numbers,
        '{1.50,2}'::numeric[] AS exacts,
        ARRAY['a,b', 'c"d', ''] AS texts, '{sad,glad}'::mood[] AS moods, '{t,f}'::bool[] AS flags,
        'glad'::mood AS mood, time '10:30' AS clock, interval '1 day 2 hours' AS span,
        '10.0.0.1'::inet AS address, null::timestamptz AS never, null::numeric AS nothing""",
    )
    found = on_postgres.read("SELECT * FROM types")
    values = dict(zip(found.columns, found.rows[0], strict=True))
    assert values == {
        "small": 1,
        "whole": 2,
        "big": 9_007_199_254_740_993,
        "single": 0.1,
        "double": 0.1,
        "price": Decimal("12.50"),
        "exact": Decimal("123456789012345678901234567890.12345678"),
        "yes": True,
        "day": dt.date(2026, 2, 28),
        "local": dt.datetime(2026, 1, 1, 10, 0, 0, 123_456),
        "moment": dt.datetime(2026, 1, 1, 8, tzinfo=dt.UTC),
        "words": "žluť",
        "blank": None,
        "uid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "js": '{"b":1.00,"a":  2}',
        "jsb": '{"b": 1.00}',
        "numbers": ["1", "3"],
        "exacts": ["1.50", "2"],
        "texts": ["a,b", 'c"d', ""],
        "moods": ["sad", "glad"],
        "flags": ["true", "false"],
        "mood": "glad",
        "clock": "10:30:00",
        "span": "P1DT2H",
        "address": "10.0.0.1",
        "never": None,
        "nothing": None,
    }
    assert [found.kinds[name] for name in ("never", "nothing", "js", "jsb", "price", "moment")] == [
        "instant", "decimal", "json", "json", "decimal", "instant",
    ]  # fmt: skip


def test_what_no_type_holds_stays_text(on_postgres: Database) -> None:
    """M008: nothing becomes null or another value."""
    found = on_postgres.read(
        "SELECT * FROM (VALUES "
        "(1, 'NaN'::numeric, date 'infinity', timestamp '12000-01-01', '1'::numeric), "
        "(2, 1.50, date '2026-01-01', timestamp '2026-01-01 10:00', 1e50)"
        ") AS v (id, number, day, moved, large)"
    )
    assert found.values("number") == ["NaN", "1.50"]
    assert found.values("day") == ["infinity", "2026-01-01"]
    assert found.values("moved")[1] == "2026-01-01T10:00:00"
    assert found.values("moved")[0].lstrip("+").startswith("12000-01-01")
    assert found.values("large") == ["1", f"1{50 * '0'}"]


def test_types_of_mariadb(on_mariadb: Database) -> None:
    """M008: values come typed, and no digit of them is lost."""
    on_mariadb.run(
        "SET sql_mode = ''",
        """CREATE TABLE types (huge BIGINT UNSIGNED, yes TINYINT(1), bits BIT(9),
        price DECIMAL(20, 4), single FLOAT, `double` DOUBLE, day DATE, local DATETIME(3),
        moment TIMESTAMP(6) NULL, y YEAR, clock TIME, words TEXT,
        mood ENUM('sad', 'glad'), js JSON, zero DATETIME)""",
        """INSERT INTO types VALUES (18446744073709551615, 1, b'101', 1.5, 0.1, 0.1, '2026-02-28',
        '2026-01-01 10:00:00.5', NULL, 2026, '26:00:01', 'žluť 🎁', 'glad', '{"a": 1.00}',
        '0000-00-00')""",
        "SET time_zone = '+02:00'",
        "UPDATE types SET moment = '2026-01-01 10:00:00'",
    )
    found = on_mariadb.read("SELECT * FROM types")
    values = dict(zip(found.columns, found.rows[0], strict=True))
    assert values == {
        "huge": Decimal(18_446_744_073_709_551_615),
        "yes": 1,
        "bits": 5,
        "price": Decimal("1.5000"),
        "single": 0.1,
        "double": 0.1,
        "day": dt.date(2026, 2, 28),
        "local": dt.datetime(2026, 1, 1, 10, 0, 0, 500_000),
        "moment": dt.datetime(2026, 1, 1, 8, tzinfo=dt.UTC),
        "y": 2026,
        "clock": "26:00:01",
        "words": "žluť 🎁",
        "mood": "glad",
        "js": '{"a": 1.00}',
        "zero": "0000-00-00 00:00:00",
    }


def test_types_of_sqlite(on_sqlite: Database) -> None:
    """M008: a column is what its values are, and text where they are of several types."""
    on_sqlite.run(
        "CREATE TABLE types (whole, part, mixed, words, empty)",
        "INSERT INTO types VALUES (9007199254740993, 0.1, 1, 'žluť', NULL)",
        "INSERT INTO types VALUES (2, 1.0, 2.5, '', NULL)",
    )
    found = on_sqlite.read("SELECT * FROM types")
    assert found.rows == [
        (9_007_199_254_740_993, 0.1, "1", "žluť", None),
        (2, 1.0, "2.5", None, None),
    ]
    assert list(found.kinds.values()) == ["integer", "number", "text", "text", "text"]


def test_types_of_duckdb(on_duckdb: Database) -> None:
    """M008: values come typed, and no digit of them is lost."""
    on_duckdb.run(
        """CREATE TABLE types AS SELECT 1::TINYINT AS tiny, 18446744073709551615::UBIGINT AS huge,
        170141183460469231731687303715::HUGEINT AS larger, 0.1::FLOAT AS single,
        12.50::DECIMAL(10, 2) AS price, true AS yes, DATE '2026-02-28' AS day,
        TIMESTAMP '2026-01-01 10:00:00.5' AS local,
        TIMESTAMPTZ '2026-01-01 10:00:00+02' AS moment, TIMESTAMP_NS '2026-01-01 10:00:00' AS nanos,
        TIME '10:30' AS clock, INTERVAL 1 DAY AS span, 'a'::ENUM('a', 'b') AS mood,
        [1, NULL, 3] AS numbers, {'a': 1} AS struct, [{'a': 1}] AS structs,
        '{"b":  1.00}'::JSON AS js,
        'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::UUID AS uid, 'infinity'::TIMESTAMP AS never,
        NULL::DATE AS nothing"""
    )
    found = on_duckdb.read("SELECT * FROM types")
    values = dict(zip(found.columns, found.rows[0], strict=True))
    assert values.pop("single") == pytest.approx(0.1)
    never = values.pop("never")
    assert isinstance(never, str)
    assert never[:4] != "2026"
    assert values == {
        "tiny": 1,
        "huge": Decimal(18_446_744_073_709_551_615),
        "larger": Decimal(170_141_183_460_469_231_731_687_303_715),
        "price": Decimal("12.50"),
        "yes": True,
        "day": dt.date(2026, 2, 28),
        "local": dt.datetime(2026, 1, 1, 10, 0, 0, 500_000),
        "moment": dt.datetime(2026, 1, 1, 8, tzinfo=dt.UTC),
        "nanos": dt.datetime(2026, 1, 1, 10),
        "clock": "10:30:00",
        "span": "1 day",
        "mood": "a",
        "numbers": ["1", "3"],
        "struct": '{"a":1}',
        "structs": '[{"a":1}]',
        "js": '{"b":  1.00}',
        "uid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "nothing": None,
    }
    assert [found.kinds[name] for name in ("struct", "structs", "js", "nothing", "numbers")] == [
        "json", "json", "json", "date", "list",
    ]  # fmt: skip


_BYTES = {
    "postgres": "'\\x00'::bytea",
    "mariadb": "UNHEX('00ff')",
    "sqlite": "x'00ff'",
    "duckdb": "'\\x00'::BLOB",
}


@pytest.mark.parametrize("name", NAMES)
def test_bytes_are_refused(name: str, request: pytest.FixtureRequest) -> None:
    """M008: no attribute holds them; the sentence names the column."""
    database: Database = request.getfixturevalue(f"on_{name}")
    with pytest.raises(FileRefused, match="column 'photo'") as refused:
        database.read(f"SELECT 1 AS id, {_BYTES[name]} AS photo")
    assert refused.value.reason == "unsupported_type"
    assert "convert it to text in the query" in refused.value.message


# --- how much -----------------------------------------------------------------------------------


def test_exactly_as_many_rows_as_are_allowed(database: Database, table: str) -> None:
    """M087: the limit itself is allowed, one more is refused as a whole."""
    insert(database, table, *[(number, "x", "10:00:00") for number in range(11)])
    query = f"SELECT * FROM {table}"
    assert len(database.read(query, Limits(rows=11)).rows) == 11
    with pytest.raises(FileRefused, match="more than 10 rows") as refused:
        database.read(query, Limits(rows=10))
    assert refused.value.reason == "too_many_rows"
    with pytest.raises(FileRefused) as refused:
        database.read(query, Limits(file_bytes=10))
    assert refused.value.reason == "too_many_bytes"


def test_preview_asks_for_no_more_than_it_shows(database: Database, table: str) -> None:
    """D43: the query is wrapped for it."""
    insert(database, table, *[(number, "x", "10:00:00") for number in range(11)])
    feed = database.feed(f"SELECT id, name FROM {table} -- all of them\n;", None)
    with feed.preview(3, database.root / "spool", Limits()) as pulled:
        assert sum(block.height for block in pulled.content.blocks()) == 3  # type: ignore[union-attr]
    assert not list((database.root / "spool").iterdir())


def test_rows_come_whole_and_equal_in_many_blocks(on_postgres: Database) -> None:
    """D43: however rows are divided, none is lost, and equal results have equal fingerprints."""
    feed = on_postgres.feed("SELECT n AS id, n % 7 AS rest FROM generate_series(1, 120000) AS n")
    prints = set()
    for _ in range(2):
        with feed.pull(KEY, None, on_postgres.root / "spool", Limits()) as pulled:
            assert pulled is not None
            content = pl.concat(pulled.content.blocks())  # type: ignore[union-attr]
            assert content["id"].to_list() == list(range(1, 120_001))
            assert len(list(pulled.content.blocks())) > 1  # type: ignore[union-attr]
            prints.add(pulled.delivery.fingerprint)
    assert len(prints) == 1


def test_large_rows_make_small_blocks(on_postgres: Database) -> None:
    """D43: memory is bounded by bytes and not by rows alone."""
    with on_postgres.session() as session:
        rows = session.select("SELECT repeat('x', 100000) AS x FROM generate_series(1, 1500)")
        sizes = [block.estimated_size() for block in rows.blocks]
    assert sum(sizes) >= 150_000_000
    assert max(sizes) <= 2 * BLOCK_BYTES


def test_two_columns_of_one_name_are_refused(database: Database, table: str) -> None:
    """M035: one of them would be lost."""
    with pytest.raises(FileRefused, match="AS") as refused:
        database.read(f"SELECT id, name AS id FROM {table}")
    assert refused.value.reason == "duplicate_headers"
    with pytest.raises(FileRefused) as refused:
        database.read(f"SELECT * FROM {table}", Limits(columns=2))
    assert refused.value.reason == "too_many_columns"


# --- reading only -------------------------------------------------------------------------------


def test_a_function_that_writes_is_stopped_by_the_transaction(
    on_postgres: Database, on_mariadb: Database
) -> None:
    """D43: the parser cannot see into functions; the transaction can."""
    on_postgres.run(
        "CREATE TABLE log (id int)",
        "CREATE FUNCTION sneaky() RETURNS int LANGUAGE sql SECURITY DEFINER "
        "AS 'INSERT INTO log VALUES (1) RETURNING 1'",
    )
    on_mariadb.run(
        "CREATE TABLE log (id int)",
        "CREATE FUNCTION sneaky() RETURNS int BEGIN INSERT INTO log VALUES (1); RETURN 1; END",
    )
    for database in (on_postgres, on_mariadb):
        with pytest.raises(FileRefused, match="connection erp: the query writes") as refused:
            database.read("SELECT sneaky()")
        assert refused.value.reason == "query_writes"
        assert database.read("SELECT count(*) AS n FROM log").rows == [(0,)]


def test_the_transaction_cannot_be_made_to_write(on_postgres: Database) -> None:
    """D43: not from within the query."""
    with pytest.raises(FileRefused, match="read-write"):
        on_postgres.read("SELECT set_config('transaction_read_only', 'off', true)")


@pytest.mark.parametrize("name", ["sqlite", "duckdb"])
def test_files_are_opened_for_reading(name: str, request: pytest.FixtureRequest) -> None:
    """D43: whatever the parser might let pass."""
    database: Database = request.getfixturevalue(f"on_{name}")
    with database.session() as session, pytest.raises(FileRefused):
        drain(session, "DELETE FROM at_least_one")
    assert database.read("SELECT count(*) AS n FROM at_least_one").rows == [(1,)]


def test_what_is_no_select_never_reaches_the_database(database: Database) -> None:
    """D43: see `test_database_select` for what is refused."""
    with pytest.raises(FileRefused, match="one SELECT") as refused:
        database.read("DELETE FROM at_least_one")
    assert refused.value.reason == "query_refused"


# --- faults -------------------------------------------------------------------------------------

_ENDLESS = {
    "postgres": "SELECT pg_sleep(60)",
    "mariadb": "SELECT SLEEP(60)",
    "sqlite": "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
    "SELECT count(*) FROM n",
    "duckdb": "SELECT count(*) FROM range(100000000) a, range(100000000) b "
    "WHERE (a.range * b.range) % 7 = 3",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_query_that_takes_too_long_is_ended(name: str, request: pytest.FixtureRequest) -> None:
    """D43: by the database itself, and with a sentence."""
    database: Database = request.getfixturevalue(f"on_{name}")
    with database.session(timeout=1) as session, pytest.raises(SourceError) as raised:
        drain(session, _ENDLESS[name])
    assert "connection erp: the query took longer than 1 second" in str(raised.value)
    assert not isinstance(raised.value, Disconnected)


def test_reading_slowly_counts_as_well(on_sqlite: Database) -> None:
    """D43: the clock runs over all blocks, not over each of them."""
    query = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    with on_sqlite.session(timeout=1) as session, pytest.raises(SourceError, match="took longer"):
        drain(session, query)


_KILL = {
    "postgres": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'",
    "mariadb": "KILL USER reader@localhost",
}
_MANY = {
    "postgres": "SELECT n, repeat('x', 100) AS x FROM generate_series(1, 400000) AS n",
    "mariadb": "SELECT seq, repeat('x', 100) AS x FROM seq_1_to_400000",
}


@pytest.mark.parametrize("name", ["postgres", "mariadb"])
def test_a_connection_that_breaks_can_be_tried_again(
    name: str, request: pytest.FixtureRequest
) -> None:
    """D43: what was read so far is not taken for all."""
    database: Database = request.getfixturevalue(f"on_{name}")
    with database.session() as session:
        blocks = iter(session.select(_MANY[name]).blocks)
        next(blocks)
        database.run(_KILL[name])
        with pytest.raises(Disconnected, match="connection erp: the database broke the connection"):
            list(blocks)


@pytest.mark.parametrize("name", ["postgres", "mariadb"])
def test_nobody_waits_for_rows_that_are_not_read(name: str, request: pytest.FixtureRequest) -> None:
    """D43: closing in the middle lets go of the rest at once, without a warning."""
    database: Database = request.getfixturevalue(f"on_{name}")
    with pytest.raises(FileRefused, match="more than 5 rows"):
        database.read(_MANY[name], Limits(rows=5))
    with database.session() as session:
        next(iter(session.select(_MANY[name]).blocks))


@pytest.mark.parametrize("name", ["postgres", "mariadb"])
def test_a_wrong_password_is_said_and_not_shown(
    name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D42: neither in the sentence nor anywhere in the trace."""
    database: Database = request.getfixturevalue(f"on_{name}")
    wrong = "Wr0ng/pass@word%"
    assert database.variable is not None
    monkeypatch.setenv(database.variable, wrong)
    with pytest.raises(SourceError) as raised:
        database.read("SELECT 1 AS one")
    assert "connection erp: the database refuses the user or the password" in str(raised.value)
    assert database.variable in str(raised.value)
    assert not isinstance(raised.value, Disconnected)
    shown = "".join(traceback.format_exception(raised.value)) + repr(raised.value)
    assert wrong not in shown
    monkeypatch.delenv(database.variable)
    with pytest.raises(SourceError, match=f"{database.variable} is not set"):
        database.read("SELECT 1 AS one")


def test_a_password_is_kept_out_of_what_drivers_say() -> None:
    """D42: however they write it."""
    faults = Faults("erp", KEY, 1, "SECRET", "p@ss/w")
    error = faults.error("other", "\n no p@ss/w or p%40ss%2Fw or p%40ss/w here\nmore p@ss/w")
    assert str(error) == "connection erp: the database reports: no *** or *** or *** here"
    assert "p@ss" not in repr(faults)


def test_unknown_tables_and_columns_are_said(database: Database, table: str) -> None:
    """D43: only another query helps, so it is not tried again."""
    for query in ("SELECT * FROM missing", f"SELECT missing FROM {table}"):
        with pytest.raises(FileRefused, match=r"connection erp: .*missing") as refused:
            database.read(query)
        assert refused.value.reason == "query_refused"


def test_an_unknown_database_is_said(database: Database) -> None:
    """D43: the sentence names the connection and what is missing."""
    url = re.sub(r"/(postgres|shop)(?=[?.])", "/missing", database.url)
    with pytest.raises(SourceError, match=r"connection erp: .*missing") as raised:
        _read(database, database.connection(url=url))
    assert not isinstance(raised.value, Disconnected)


def test_what_the_user_may_not_read_is_said(on_postgres: Database, on_mariadb: Database) -> None:
    """D43: with what to do."""
    on_postgres.run("CREATE TABLE salaries (id int)", "REVOKE SELECT ON salaries FROM reader")
    on_mariadb.run("CREATE DATABASE hidden", "CREATE TABLE hidden.salaries (id int)")
    for database, name in ((on_postgres, "salaries"), (on_mariadb, "hidden.salaries")):
        with pytest.raises(SourceError, match="connection erp: the user may not read this"):
            database.read(f"SELECT * FROM {name}")


@pytest.mark.parametrize("dialect", ["postgres", "mariadb"])
def test_a_server_that_is_not_there_can_be_tried_again(dialect: str, tmp_path: Path) -> None:
    """D43: refused, unknown, or silent."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        hosts = {
            f"127.0.0.1:{free_port()}": "cannot be reached",
            "no-such-host.invalid": "is not known",
            f"127.0.0.1:{silent.getsockname()[1]}": "",
        }
        for host, words in hosts.items():
            connection = SqlConnection(url=f"{dialect}://reader@{host}/shop", connect_timeout=2)
            with pytest.raises(Disconnected, match=rf"connection erp: .*{words}"):
                _read(Database("", tmp_path, print, ""), connection)


def test_a_file_that_somebody_writes_to_is_tried_later(on_duckdb: Database) -> None:
    """D43: DuckDB lets one process write, and nobody else in meanwhile."""
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(on_duckdb.root / "shop.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as writer:
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"open\n"
            with pytest.raises(SourceError, match=r"connection erp: .*lock"):
                on_duckdb.read("SELECT 1 AS one")
        finally:
            writer.kill()


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    """D43: the sentence names the connection."""
    (tmp_path / "notes.txt").write_text("nothing of the sort\n" * 1_000)
    for dialect in ("sqlite", "duckdb"):
        connection = SqlConnection(url=f"{dialect}:///notes.txt")
        with pytest.raises(SourceError, match="connection erp: "):
            _read(Database("", tmp_path, print, ""), connection)
        with pytest.raises(SourceError, match="names no file"):
            _read(Database("", tmp_path, print, ""), SqlConnection(url=f"{dialect}://"))


def test_a_driver_that_is_not_installed_is_said(tmp_path: Path) -> None:
    """M008: databases beyond those that are tested need their own driver."""
    for url in ("mssql+pymssql://sa@127.0.0.1/shop", "nonsense://host/shop"):
        with pytest.raises(SourceError, match="the driver for `url` cannot be loaded"):
            _read(Database("", tmp_path, print, ""), SqlConnection(url=url))


def _read(database: Database, connection: SqlConnection) -> None:
    with open_session("erp", connection, database.root, KEY) as session:
        drain(session, "SELECT 1 AS one")


# --- any other database -------------------------------------------------------------------------


def test_any_other_database_is_read_by_sqlalchemy(
    on_postgres: Database, on_sqlite: Database
) -> None:
    """M008: shown with drivers that are at hand; values alone tell the types."""
    on_sqlite.run(
        "CREATE TABLE t (id INT, moved TEXT)", "INSERT INTO t VALUES (1, 'a'), (2, '100%')"
    )
    file = on_sqlite.root / "shop.sqlite"
    server = make_url(on_postgres.url).set(
        drivername="postgresql+psycopg", username="postgres", password=None
    )
    for url, query in (
        (make_url(f"sqlite:///{file}"), "SELECT id, moved FROM t WHERE moved <> 'x%' ORDER BY id"),
        (server, "SELECT id, moved FROM (VALUES (1, 'a'), (2, '100%')) AS t (id, moved)"),
    ):
        session = OtherSession(url, Faults("erp", KEY, 60))
        try:
            (block,) = session.select(query).blocks
            assert block.rows() == [(1, "a"), (2, "100%")]
            assert [column.name for column in session.columns(query)] == ["id", "moved"]
            asked = f"SELECT * FROM ({query}) q WHERE moved <> '%' AND id >= \x00"
            (later,) = session.select(asked, 2).blocks
            assert later.rows() == [(2, "100%")]
            with pytest.raises(ImportAssetsError, match=re.compile("connection erp: .*missing")):
                session.select("SELECT * FROM missing")
        finally:
            session.close()
