"""The attributes of a table: what is in it, and who first brought it (M031-M033)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from import_assets.spec.models import AttributeType
from import_assets.tables.apply import apply_batch
from import_assets.warehouse import attributes
from import_assets_tests.builders import NOW, Row, batch, project, warehouse

LATER = NOW + dt.timedelta(days=1)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse() as opened:
        yield opened


def load(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    rows: Sequence[Row],
    types: dict[str, AttributeType],
    now: dt.datetime = NOW,
    **facts: Any,
) -> None:
    apply_batch(connection, batch(folder, rows, attributes=types, **facts), project(), now)


def test_m031_each_attribute_says_who_first_brought_it_and_how_full_it_is(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    row = {"id:registered": "1", "attr:name": "Anna", "attr:tags": ["a", "b"]}
    load(connection, tmp_path, [row, {"id:registered": "2"}], {"name": "text", "tags": "list"})
    more = [{"id:registered": "3", "attr:name": "Eva", "attr:age": 30}]
    load(
        connection,
        tmp_path,
        more,
        {"name": "text", "age": "integer"},
        LATER,
        import_name="more",
        key="more.csv",
    )
    found = {one.name: one for one in attributes.describe(connection, ("customers",))}
    assert list(found) == ["registered", "cookie", "name", "tags", "age"]
    assert found["name"] == attributes.Described(
        "name", "text", False, "crm", "crm.csv", NOW, rows=3, filled=2, example="Anna"
    )
    assert (found["tags"].filled, found["tags"].example) == (1, ["a", "b"])
    assert (found["age"].import_name, found["age"].created_at) == ("more", LATER)


def test_identifiers_are_marked_as_such(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    rows: list[Row] = [{"id:registered": "1", "id:cookie": "c1"}]
    load(connection, tmp_path, rows, {}, identifiers=("registered", "cookie"))
    hard, soft = attributes.describe(connection, ("customers",))
    assert (hard.name, hard.type, hard.identifier, hard.example) == (
        "registered",
        "text",
        True,
        "1",
    )
    assert (soft.name, soft.type, soft.identifier, soft.example) == ("cookie", "list", True, ["c1"])
    assert hard.import_name is hard.file is hard.created_at is None


def test_what_a_table_has_of_its_own_is_no_attribute(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    rows: list[Row] = [{"id:registered": "1", "_timestamp": NOW, "attr:total": 5.0}]
    load(connection, tmp_path, rows, {"total": "number"}, table=("events", "purchase"))
    (total,) = attributes.describe(connection, ("events", "purchase"))
    assert (total.name, total.identifier) == ("total", False)


def test_a_table_without_rows_has_attributes_without_values(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    load(connection, tmp_path, [], {"name": "text"})
    name = attributes.describe(connection, ("customers",))[-1]
    assert (name.rows, name.filled, name.example) == (0, 0, None)


def test_tables_are_counted_by_what_people_call_them(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    load(connection, tmp_path, [], {"name": "text", "age": "integer"})
    load(connection, tmp_path, [], {"total": "number"}, table=("events", "purchase"))
    assert attributes.count(connection) == {"customers": 2, "events/purchase": 1}
