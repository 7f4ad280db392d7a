"""Helpers to write SQL."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.warehouse.sql import (
    SQL_TYPES,
    first_row,
    frame,
    literal,
    number,
    parse_table_label,
    quote,
    quoted,
    table_label,
    table_sql,
)
from import_assets_tests.builders import POLARS_TYPES, examples


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as opened:
        yield opened


@examples(50)
@given(text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_any_text_can_be_a_value_and_a_name(
    connection: duckdb.DuckDBPyConnection, text: str
) -> None:
    rows = frame(connection, f"SELECT {literal(text)} AS {quote(text)}")
    assert rows.to_dicts() == [{text: text}]


def test_names_of_tables() -> None:
    assert table_sql(("customers",)) == 'main."customers"'
    assert table_sql(("events", 'a "b"')) == '"events"."a ""b"""'
    assert quoted(["a", "b c"]) == '"a", "b c"'
    for table in (("customers",), ("events", "purchase")):
        assert parse_table_label(table_label(table)) == table


def test_one_row_and_one_number(connection: duckdb.DuckDBPyConnection) -> None:
    """And the connection is free for other work, though more rows were there."""
    assert first_row(connection, "SELECT * FROM range(10, 20) WHERE range > ?", [10]) == (11,)
    assert frame(connection, "SELECT ? AS a", ["x"]).to_dicts() == [{"a": "x"}]
    assert first_row(connection, "SELECT 1 WHERE false") is None
    assert number(connection, "SELECT count(*) FROM range(3)") == 3
    assert number(connection, "SELECT 1 WHERE false") == 0


def test_every_type_comes_back_as_polars_has_it(connection: duckdb.DuckDBPyConnection) -> None:
    """M036: from an empty result too."""
    columns = ", ".join(f"NULL::{sql} AS {quote(name)}" for name, sql in SQL_TYPES.items())
    found = frame(connection, f"SELECT {columns} WHERE false")
    assert found.schema == pl.Schema(POLARS_TYPES)  # pyright: ignore[reportArgumentType]
