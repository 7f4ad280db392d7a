"""The SELECTs of exports: their order, and that rows come a part at a time."""

from __future__ import annotations

import duckdb
import polars as pl
import pytest

from import_assets.spec.models import Identifier
from import_assets.warehouse.extracts import Extract, as_it_is, for_import, frames
from import_assets_tests.builders import warehouse

IDENTIFIERS = {
    "registered": Identifier(hard=True),
    "cookie": Identifier(hard=False),
    "device": Identifier(hard=False),
    "later": Identifier(hard=False),
}


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    made = warehouse()
    made.execute(
        "CREATE TABLE customers AS FROM (VALUES "
        "(2, NULL, ['c1', 'c2'], ['d1', 'd2'], 'Eva'), (1, 'r', NULL, NULL, 'Ivo'), "
        "(3, 's', ['c3'], NULL, NULL)) AS t(customer_id, registered, cookie, device, name)"
    )
    return made


def _rows(connection: duckdb.DuckDBPyConnection, extract: Extract) -> list[tuple[object, ...]]:
    return connection.execute(extract.sql(extract.columns)).fetchall()


def test_m045_each_value_of_a_soft_identifier_comes_with_the_first_of_the_others(
    connection: duckdb.DuckDBPyConnection,
):
    """So that all rows of a customer lead to the same one; kinds without a column are left out."""
    extract = for_import(connection, ("customers",), IDENTIFIERS)
    assert list(extract.columns) == ["registered", "cookie", "device", "name"]
    assert _rows(connection, extract) == [
        ("r", None, None, "Ivo"),
        (None, "c1", "d1", "Eva"),
        (None, "c2", "d1", "Eva"),
        (None, "c1", "d2", "Eva"),
        ("s", "c3", None, None),
    ]


def test_m057_events_have_the_first_value_of_each_identifier(
    connection: duckdb.DuckDBPyConnection,
):
    connection.execute(
        "CREATE TABLE events.e AS FROM (VALUES (3, 1), (2, 2), (1, 3)) AS t(customer_id, n)"
    )
    extract = for_import(connection, ("events", "e"), IDENTIFIERS, "n <> 3")
    assert list(extract.columns) == ["registered", "cookie", "device", "n"]
    assert _rows(connection, extract) == [("s", "c3", None, 1), (None, "c1", "d1", 2)]


def test_an_identifier_gives_way_to_an_attribute_of_its_name(
    connection: duckdb.DuckDBPyConnection,
):
    connection.execute(
        "CREATE TABLE events.e AS SELECT 1 AS customer_id, 'a' AS Registered, 'b' AS registered_id"
    )
    extract = for_import(connection, ("events", "e"), {"registered": Identifier(hard=True)})
    assert _rows(connection, extract) == [("r", "a", "b")]
    assert list(extract.columns) == ["registered_id1", "Registered", "registered_id"]


@pytest.mark.parametrize("condition", [None, "n >= 0 AND n IN (SELECT unnest(range(300000)))"])
def test_events_keep_their_order_over_many_parts(
    connection: duckdb.DuckDBPyConnection, condition: str | None
):
    connection.execute(
        "CREATE TABLE events.e AS SELECT 299999 - range AS n, 'x' AS _digest FROM range(300000)"
    )
    extract = as_it_is(connection, ("events", "e"), condition)
    assert list(extract.columns) == ["n"]
    parts = list(frames(connection, extract.sql(["n"])))
    assert max(part.height for part in parts) <= 50_000
    assert pl.concat(parts)["n"].to_list() == list(range(299_999, -1, -1))


def test_what_goes_wrong_on_the_way_is_an_error_of_duckdb(connection: duckdb.DuckDBPyConnection):
    late = "SELECT CASE WHEN range = 299999 THEN error('late') ELSE 'x' END FROM range(300000)"
    with pytest.raises(duckdb.Error, match="late"):
        list(frames(connection, late))
