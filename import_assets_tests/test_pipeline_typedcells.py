"""Cells of databases in rejects: what they were, whatever is mended beside them (M100)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.pipeline.deliver import deliver_feed
from import_assets.pipeline.typedcells import retyped
from import_assets.records import ColumnKind, as_text
from import_assets.sources.feeds.database import DatabaseFeed
from import_assets.spec.connections import SqlConnection
from import_assets_tests.builders import examples
from import_assets_tests.test_pipeline import Yard
from import_assets_tests.test_pipeline_replay import mended, replay

PROJECT = "connections: {erp: {sql: {url: 'duckdb:///erp.db'}}}\ntimezone: Europe/Vienna\n"


def delivered(tmp_path: Path, select: str, columns: str) -> Yard:
    """A yard with the rows of a query, which has `id` and an `age` that is at fault."""
    yard = Yard(
        tmp_path,
        "kind: customers\n"
        "source: {database: {connection: erp, query: SELECT * FROM t}}\n"
        f"columns: [{{from: id, id: registered}}, {{from: age, type: integer}}, {columns}]\n"
        "run: {daily: ['06:00']}\n",
        PROJECT,
    )
    with duckdb.connect(str(tmp_path / "erp.db")) as connection:
        connection.execute(f"CREATE TABLE t AS {select}")
    source = yard.definition.spec.source.database
    assert source is not None
    url = SqlConnection.model_validate({"url": "duckdb:///erp.db"})
    feed = DatabaseFeed("erp", url, source, tmp_path)
    done = deliver_feed(yard.definition, feed, "monday", yard.warehouse)
    assert done.counts.rejected == done.counts.read
    return yard


@pytest.mark.parametrize(
    ("type_", "rule", "cells", "written", "wanted"),
    [
        ("DECIMAL(10,3)", "number, format: '1.234,56'", ("1.234", "2"), "2,5", (1.234, 2.5)),
        ("DECIMAL(10,3)", "number, format: '1.234,56'", ("1.234", "2"), "2.500", (1.234, 2.5)),
        ("DOUBLE", "number, format: '1.234,56'", ("1.234", "2"), "1.002,5", (1.234, 1002.5)),
        ("DOUBLE", "number, format: '1.234,56'", ("1.234", "2"), "2.000", (1.234, 2.0)),
        ("INTEGER", "number, format: '1.234,56'", ("1234", "2"), "1.002", (1234, 1002)),
        (
            "DATE",
            "date, format: '%Y-%d-%m'",
            ("2024-01-02", "2024-01-03"),
            "2024-31-01",
            (dt.date(2024, 1, 2), dt.date(2024, 1, 31)),
        ),
        (
            "TIMESTAMP",
            "datetime, format: '%Y-%d-%m'",
            ("2024-01-02 01:00:00", "2024-01-03"),
            "2024-31-01",
            (dt.datetime(2024, 1, 2), dt.datetime(2024, 1, 30, 23)),
        ),
        (
            "TIMESTAMPTZ",
            "datetime, format: '%Y-%d-%m'",
            ("2024-01-02 01:00:00+00", "2024-01-03 00:00:00+00"),
            "2024-31-01",
            (dt.datetime(2024, 1, 2, 1), dt.datetime(2024, 1, 30, 23)),
        ),
        ("BOOLEAN", "boolean", ("true", "false"), "TRUE", (True, True)),
        ("VARCHAR[]", "list, format: '|'", ("['a|b']", "[]"), "c|d", (["a|b"], ["c", "d"])),
        ("VARCHAR[]", "list, format: '|'", ("['a|b']", "[]"), '["c", "d"]', (["a|b"], ["c", "d"])),
    ],
)
def test_a_mended_cell_leaves_the_cells_of_other_records_what_they_are(
    tmp_path: Path, type_: str, rule: str, cells: tuple[str, str], written: str, wanted: Any
) -> None:
    """Its own is read as the database has it where it is written so, or else by the rule."""
    rows = " UNION ALL ".join(
        f"SELECT '{number}' AS id, 'x' AS age, $${cell}$$::{type_} AS value"
        for number, cell in enumerate(cells, 1)
    )
    yard = delivered(tmp_path, rows, f"{{from: value, type: {rule}}}")

    def mend(found: list[dict[str, str]]) -> None:
        found[0]["age"] = "5"
        found[1] |= {"age": "6", "value": written}

    (counts,) = replay(yard, mended(yard, mend))
    assert (counts.read, counts.inserted) == (2, 2)
    found = yard.rows("SELECT value FROM customers ORDER BY registered")
    assert tuple(value for (value,) in found) == wanted


def test_records_with_other_cells_mended_stay_in_order(tmp_path: Path) -> None:
    """D32: of rows of one customer the later ones win, however the cells of each are read."""
    rows = "SELECT '1' AS id, 'x' AS age, n::DECIMAL(10, 3) AS a, n::DOUBLE AS b FROM range(4) t(n)"
    columns = "{from: a, type: number, format: '1,5'}, {from: b, type: number, format: '1,5'}"
    yard = delivered(tmp_path, rows, columns)

    def mend(found: list[dict[str, str]]) -> None:
        for at, row in enumerate(found):
            row["age"] = str(at)
        found[0] |= {"a": "0,5", "b": "0,5"}
        found[2]["a"] = "2,5"

    (counts,) = replay(yard, mended(yard, mend))
    assert counts.read == 4
    assert yard.rows("SELECT age, a, b FROM customers") == [(3, 3.0, 3.0)]
    assert replay(yard) == []


_TYPED: dict[ColumnKind, tuple[pl.DataType, st.SearchStrategy[Any]]] = {
    "boolean": (pl.Boolean(), st.booleans()),
    "integer": (pl.Int64(), st.integers(-(2**63), 2**63 - 1)),
    "number": (pl.Float64(), st.floats(allow_nan=False, allow_infinity=False)),
    "decimal": (
        pl.Decimal(38, 6),
        st.decimals(-(10**30), 10**30, places=6, allow_nan=False, allow_infinity=False),
    ),
    "date": (pl.Date(), st.dates(dt.date(1000, 1, 1))),
    "datetime": (pl.Datetime("us"), st.datetimes(dt.datetime(1000, 1, 1))),
    "instant": (
        pl.Datetime("us", "UTC"),
        st.datetimes(dt.datetime(1000, 1, 1), timezones=st.just(dt.UTC)),
    ),
    "list": (pl.List(pl.String), st.lists(st.text(st.characters(exclude_categories=["Cs"])))),
}


@pytest.mark.parametrize("kind", _TYPED)
@examples(30)
@given(data=st.data())
def test_every_cell_comes_back_from_its_text(kind: ColumnKind, data: st.DataObject) -> None:
    """Whatever stands in other rows, which come apart from it."""
    dtype, values = _TYPED[kind]
    cells = pl.Series("x", data.draw(st.lists(st.none() | values, max_size=5)), dtype=dtype)
    foreign = pl.Series("x", ["?", "1,5", "0." + "1" * 40])
    texts = pl.concat([as_text(cells), foreign]).to_frame()
    groups = list(retyped(texts, {"x": kind}))
    assert sorted(place for places, _, _ in groups for place in places) == list(range(len(texts)))
    back = {
        place: value
        for places, rows, typed in groups
        for place, value in zip(places, rows["x"].to_list(), strict=True)
        if typed == {"x"}
    }
    wanted = cells.to_list()
    found = [back.get(place) for place in range(len(cells))]
    assert found == wanted
    for places, rows, typed in groups:
        if not typed:
            kept = set(rows["x"].to_list())
            assert kept <= {*foreign}, places


@pytest.mark.parametrize(
    ("kind", "text", "wanted"),
    [
        ("decimal", "1.500", Decimal("1.5")),
        ("decimal", "007", Decimal(7)),
        ("decimal", "1e3", None),
        ("decimal", " 1", None),
        ("number", "2.000", 2.0),
        ("number", "1" * 18 + ".1", None),
        ("number", "1,5", None),
        ("integer", "1.234", None),
        ("integer", "+1", None),
        ("date", "24-01-05", None),
        ("date", "2024-1-5", None),
        ("datetime", "2024-01-05T10:00:00Z", None),
        ("instant", "2024-01-05T10:00:00", None),
        ("boolean", "TRUE", None),
        ("list", '["a", "b"]', ["a", "b"]),
        ("list", "[1]", None),
    ],
)
def test_what_is_not_written_as_the_column_is_shown_is_a_text(
    kind: ColumnKind, text: str, wanted: object
) -> None:
    ((_, rows, typed),) = retyped(pl.DataFrame({"x": [text]}), {"x": kind})
    assert rows["x"].to_list() == [text if wanted is None else wanted]
    assert bool(typed) is (wanted is not None)


def test_columns_of_text_and_rows_without_anything_stay_together() -> None:
    frame = pl.DataFrame({"a": ["1", "x", None], "b": ["1", "x", None]})
    kinds: dict[str, ColumnKind] = {"a": "integer", "b": "json", "gone": "integer"}
    groups: list[tuple[list[int], list[object]]] = [
        (places.to_list(), rows["a"].to_list()) for places, rows, _ in retyped(frame, kinds)
    ]
    assert groups == [([0, 2], [1, None]), ([1], ["x"])]
    empty: Callable[[], int] = lambda: len(list(retyped(frame.clear(), kinds)))  # noqa: E731
    assert empty() == 1
