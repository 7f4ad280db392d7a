"""`show` and `query`: what is in the warehouse, read only, exact."""

from __future__ import annotations

import fcntl
import threading

import pytest

from import_assets_tests.cli.shop import Shop


def test_all_tables(imported: Shop):
    tables = {one["table"]: (one["rows"], one["sql_name"]) for one in imported.json("show")}
    assert tables == {
        "customers": (3, 'main."customers"'),
        "events/purchase": (3, '"events"."purchase"'),
    }


def test_nothing_to_show_yet(shop: Shop):
    assert shop.json("show") == []
    result = shop.call("show")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "import something first" in result.stderr
    assert shop.call("show", "customers").exit_code == 2
    assert shop.call("query", "SELECT 1").exit_code == 2
    assert not (shop.root / "data").exists()


def test_a_table_with_types_size_and_newest_rows(imported: Shop):
    (table,) = imported.json("show", "events/purchase", "--rows", "1")
    assert table["rows"] == 3
    columns = {one["column"]: (one["type"], one["first_import"]) for one in table["columns"]}
    assert columns["total"] == ("number", "orders")
    assert columns["timestamp"] == (None, None)
    assert len(table["newest"]) == 1
    assert table["newest"][0]["total"] == 7
    assert not {"_digest", "_batch"} & set(table["newest"][0])
    text = imported.call("show", "events/purchase").stdout
    assert text.startswith("events/purchase: 3 rows\ncolumn\ttype\tsql type\tfirst import\n")


def test_names_that_are_nearly_right(imported: Shop):
    result = imported.call("show", "event/purchase")
    assert result.exit_code == 2
    assert "did you mean events/purchase?" in result.stderr


def test_a_query_gives_whole_values_between_tabs(imported: Shop):
    long = "x" * 500
    result = imported.call(
        "query", f"SELECT '{long}' AS long, 'a' || chr(9) || chr(27) AS odd, NULL"
    )
    assert result.stdout == f"long\todd\tNULL\n{long}\ta\\t\\x1b\t\n"


def test_json_is_exact(imported: Shop):
    result = imported.call(
        "query",
        "SELECT 0.1::DECIMAL(20, 10) AS d, 170141183460469231731687303715884105727 AS h, "
        "1e300 AS f, DATE '2024-02-29' AS day, TIMESTAMP '2024-02-29 10:00:00.000001' AS at, "
        "[1, NULL] AS l, {'a': 'ž'} AS s, 'nan'::DOUBLE AS n, 1 AS x, 2 AS x",
        "--json",
    )
    assert result.stdout == (
        '[\n{"d": 0.1000000000, "h": 170141183460469231731687303715884105727, "f": 1e+300, '
        '"day": "2024-02-29", "at": "2024-02-29T10:00:00.000001", "l": [1, null], '
        '"s": {"a": "ž"}, "n": "NaN", "x": 1, "x_1": 2}\n]\n'
    )


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("DELETE FROM customers", "a query only reads"),
        ("CREATE TABLE t AS SELECT 1", "a query only reads"),
        ("SELECT * FROM custommers", "custommers does not exist"),
        ("SELEC", "syntax error"),
        ("  ", "there is no statement"),
        ("SELECT 1/'a'::INT", "Could not convert"),
    ],
)
def test_what_cannot_be_asked(imported: Shop, sql: str, sentence: str):
    result = imported.call("query", sql)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_sql_from_standard_input(imported: Shop):
    assert imported.json("query", "-", typed="SELECT 1 AS a") == [{"a": 1}]


def test_waiting_for_the_warehouse_is_said(imported: Shop):
    with (imported.root / "data/warehouse.duckdb.lock").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        threading.Timer(0.3, lambda: fcntl.flock(lock, fcntl.LOCK_UN)).start()
        result = imported.call("show")
    assert result.exit_code == 0
    assert "Waiting for the warehouse" in result.stderr


def test_a_file_that_is_no_warehouse_is_said(shop: Shop):
    shop.write("data/warehouse.duckdb", "not a database" * 100)
    result = shop.call("show")
    assert result.exit_code == 2
    assert "warehouse" in result.stderr
    assert "Traceback" not in result.output
