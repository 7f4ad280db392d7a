"""Conditions that people paste: they find exactly the rows with the values."""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.mapping.localtime import Zone
from import_assets.mapping.recasting import Recast
from import_assets.mapping.types import PHYSICAL
from import_assets.spec.models import AttributeType
from import_assets.warehouse.conditions import has_one_of, text_literal
from import_assets.warehouse.sql import SQL_TYPES, quote
from import_assets_tests.builders import examples

COLUMN = 'a "b'


def _found(connection: duckdb.DuckDBPyConnection, condition: str) -> list[tuple[Any, ...]]:
    return connection.execute(f"SELECT n FROM t WHERE {condition}").fetchall()


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        ("text", ["it's", "a\tb\x00", "", "x"]),
        ("number", [1.5, 1e300, -7.0, 0.1]),
        ("integer", [2**62, -1, 0]),
        ("boolean", [True, False]),
        ("date", [dt.date(1, 1, 1), dt.date(2024, 2, 29)]),
        ("datetime", [dt.datetime(2024, 1, 1, 10, 0, 0, 1), dt.datetime(2024, 1, 1)]),
        ("list", [["a", 'b"\\\x1f'], ["a"], [""]]),
        ("json", ['{"a": 1}', '{"a":1}']),
    ],
)
def test_each_value_is_found_and_no_other(type_: AttributeType, values: list[Any]) -> None:
    texts = Recast.build(type_, "text", None, Zone("UTC"), None).texts(
        pl.Series("x", values, dtype=PHYSICAL[type_])
    )
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t (n INT, {quote(COLUMN)} {SQL_TYPES[type_]})")
        for number, value in enumerate(values):
            connection.execute("INSERT INTO t VALUES (?, ?)", [number, value])
        for number, text in enumerate(texts):
            assert _found(connection, has_one_of(COLUMN, type_, [text])) == [(number,)]
        assert len(_found(connection, has_one_of(COLUMN, type_, texts.to_list()))) == len(values)


def test_a_long_value_is_sought_by_how_it_begins() -> None:
    long = "x" * 10_000
    condition = has_one_of("a", "text", ["short", long])
    assert len(condition) < 300
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t (a VARCHAR)")
        connection.execute("INSERT INTO t VALUES (?), ('short'), ('xx')", [long])
        sql = f"SELECT a FROM t WHERE {condition} ORDER BY a"
        assert connection.execute(sql).fetchall() == [("short",), (long,)]


@examples(30)
@given(st.text())
def test_a_text_is_itself_and_can_be_shown(text: str) -> None:
    written = text_literal(text)
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in written)
    with duckdb.connect() as connection:
        assert connection.execute(f"SELECT {written}").fetchall() == [(text,)]
