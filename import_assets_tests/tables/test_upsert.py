"""Rows that update a record by its key, against a model that takes row by row (M042, M044, D18)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.tables.outcome import Counts
from import_assets.tables.upsert import Field, Upsert
from import_assets_tests.builders import NOW, examples

Row = dict[str, Any]
ATTRIBUTES: tuple[str, ...] = ("a", "b", "c")
TYPES = {"a": "VARCHAR", "b": "BIGINT", "c": "VARCHAR[]"}


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as opened:
        yield opened


# --- the model ------------------------------------------------------------------------------------


@dataclass
class Model:
    """Records by key, changed row by row; `lineage` is the row and file of the last change."""

    records: dict[str, Row] = field(default_factory=dict)
    lineage: dict[str, tuple[str, int]] = field(default_factory=dict)

    def apply(self, file: str, fields: Sequence[Field], rows: Sequence[Row]) -> Counts:
        before = {key: dict(record) for key, record in self.records.items()}
        outcomes = {"inserted": 0, "updated": 0, "unchanged": 0}
        filled: set[tuple[str, str]] = set()
        last: dict[str, int] = {}
        for number, row in enumerate(rows, 1):
            key = row["key"]
            known = key in self.records
            record = self.records.setdefault(key, dict.fromkeys(ATTRIBUTES))
            old = dict(record)
            for one in fields:
                cell = row[one.name]
                if cell is None and (one.keep or (one.present and (key, one.name) in filled)):
                    continue
                record[one.name] = cell
                if cell is not None:
                    filled.add((key, one.name))
            changed = record != old
            outcomes["updated" if known and changed else "unchanged" if known else "inserted"] += 1
            last[key] = number
        for key, number in last.items():
            if before.get(key) != self.records[key]:
                self.lineage[key] = (file, number)
        return Counts(**outcomes)


# --- the database ---------------------------------------------------------------------------------


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    columns = ", ".join(f"{name} {TYPES[name]}" for name in ATTRIBUTES)
    connection.execute(
        f"""
        CREATE OR REPLACE TABLE stored (key VARCHAR, {columns}, _batch VARCHAR, _import VARCHAR,
            _file VARCHAR, _row BIGINT, _imported_at TIMESTAMP)
        """
    )


def apply(
    connection: duckdb.DuckDBPyConnection, file: str, fields: Sequence[Field], rows: Sequence[Row]
) -> Counts:
    columns = "".join(f", {one.name} {TYPES[one.name]}" for one in fields)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE incoming (key VARCHAR, _row BIGINT{columns})")
    if rows:
        marks = ", ".join("?" for _ in range(2 + len(fields)))
        connection.executemany(
            f"INSERT INTO incoming VALUES ({marks})",
            # Rows may come in any order; their numbers say which is which.
            [
                [row["key"], number, *(row[one.name] for one in fields)]
                for number, row in reversed(list(enumerate(rows, 1)))
            ],
        )
    upsert = Upsert("stored", "key", fields)
    counts = upsert.classify(connection)
    upsert.fold(connection)
    upsert.write(connection, lineage(file))
    return counts


def lineage(file: str, now: dt.datetime = NOW) -> dict[str, object]:
    return {"_batch": f"batch of {file}", "_import": "crm", "_file": file, "_imported_at": now}


def stored(connection: duckdb.DuckDBPyConnection) -> tuple[dict[str, Row], dict[str, Any]]:
    rows = connection.execute("SELECT key, a, b, c, _file, _row FROM stored").fetchall()
    records = {row[0]: dict(zip(ATTRIBUTES, row[1:4], strict=True)) for row in rows}
    assert len(records) == len(rows)
    return records, {row[0]: (row[4], row[5]) for row in rows}


# --- property -------------------------------------------------------------------------------------

CELLS = {
    "a": st.sampled_from([None, "", "x", "y"]),
    "b": st.sampled_from([None, 0, 1]),
    "c": st.sampled_from([None, [], ["x"], ["x", "y"]]),
}


@st.composite
def files(draw: st.DrawFn) -> list[tuple[list[Field], list[Row]]]:
    """Several files, each with some of the columns and one way with empty cells."""
    delivered = []
    for _ in range(draw(st.integers(1, 3))):
        keep, present = draw(
            st.sampled_from([(False, False), (True, False), (False, True), (True, True)])
        )
        fields = [
            Field(name, keep=keep, present=present)
            for name in draw(st.lists(st.sampled_from(ATTRIBUTES), unique=True))
        ]
        row = st.fixed_dictionaries(
            {"key": st.sampled_from("kl"), **{one.name: CELLS[one.name] for one in fields}}
        )
        delivered.append((fields, draw(st.lists(row, max_size=6))))
    return delivered


@examples(60)
@given(delivered=files())
def test_contents_counts_and_lineage_are_those_of_row_by_row(
    connection: duckdb.DuckDBPyConnection, delivered: list[tuple[list[Field], list[Row]]]
) -> None:
    """M042, M044, M100, M101, D18, D22, D38."""
    prepare(connection)
    model = Model()
    for number, (fields, rows) in enumerate(delivered):
        file = f"{number}.csv"
        counts = apply(connection, file, fields, rows)
        assert counts == model.apply(file, fields, rows)
        assert counts.accounted == len(rows)
        assert stored(connection) == (model.records, model.lineage)


# --- examples -------------------------------------------------------------------------------------


def rows(*cells: str | None, key: str = "k") -> list[Row]:
    return [{"key": key, "a": cell} for cell in cells]


def final(connection: duckdb.DuckDBPyConnection) -> Any:
    return stored(connection)[0]["k"]["a"]


def test_an_empty_cell_blanks(connection: duckdb.DuckDBPyConnection) -> None:
    """M044."""
    prepare(connection)
    fields = [Field("a", keep=False)]
    apply(connection, "1", fields, rows("x"))
    assert apply(connection, "2", fields, rows(None)) == Counts(updated=1)
    assert final(connection) is None


def test_an_empty_cell_is_left_with_keep(connection: duckdb.DuckDBPyConnection) -> None:
    """D18."""
    prepare(connection)
    fields = [Field("a", keep=True)]
    apply(connection, "1", fields, rows("x"))
    assert apply(connection, "2", fields, rows(None)) == Counts(unchanged=1)
    assert stored(connection)[1]["k"] == ("1", 1)
    assert final(connection) == "x"


def test_a_missing_column_is_not_touched(connection: duckdb.DuckDBPyConnection) -> None:
    """M042."""
    prepare(connection)
    apply(connection, "1", [Field("a", keep=False)], rows("x"))
    only_b = [{"key": "k", "b": 1}]
    assert apply(connection, "2", [Field("b", keep=False)], only_b) == Counts(updated=1)
    assert stored(connection)[0]["k"] == {"a": "x", "b": 1, "c": None}


def test_the_last_row_of_a_key_wins(connection: duckdb.DuckDBPyConnection) -> None:
    """M100, D22."""
    prepare(connection)
    counts = apply(connection, "1", [Field("a", keep=False)], rows("x", "y", "y", None, "x"))
    assert counts == Counts(inserted=1, updated=3, unchanged=1)
    assert stored(connection)[1]["k"] == ("1", 5)
    assert final(connection) == "x"


def test_the_last_present_value_wins_in_a_catalog(connection: duckdb.DuckDBPyConnection) -> None:
    """M101, D38: and where the file has none at all, the empty cell blanks what is stored."""
    prepare(connection)
    fields = [Field("a", keep=False, present=True)]
    assert apply(connection, "1", fields, rows("x", None)) == Counts(inserted=1, unchanged=1)
    assert final(connection) == "x"
    # The first row blanks it, the second brings it back: two updates, and the lineage stays.
    assert apply(connection, "2", fields, rows(None, "x")) == Counts(updated=2)
    assert stored(connection)[1]["k"] == ("1", 2)
    assert apply(connection, "3", fields, rows(None, None)) == Counts(updated=1, unchanged=1)
    assert final(connection) is None


def test_changed_rows_count_as_updates(connection: duckdb.DuckDBPyConnection) -> None:
    """Rows that change something beside the fields, such as identifiers of customers."""
    prepare(connection)
    fields = [Field("a", keep=False)]
    apply(connection, "1", fields, rows("x"))
    connection.execute("CREATE OR REPLACE TEMP TABLE changed AS SELECT 2 AS _row")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE incoming AS "
        "SELECT 'k' AS key, unnest([1, 2, 3]) AS _row, 'x' AS a"
    )
    counts = Upsert("stored", "key", fields, changed_rows="changed").classify(connection)
    assert counts == Counts(updated=1, unchanged=2)


def test_a_flag_decides_which_keys_a_field_touches(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    prepare(connection)
    fields = [Field("a", keep=False)]
    apply(connection, "1", fields, rows("x") + rows("x", key="l"))
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE folded AS "
        "SELECT unnest(['k', 'l']) AS key, 9 AS _row, 'z' AS a, unnest([true, false]) AS _flag"
    )
    Upsert("stored", "key", [Field("a", keep=False, when="_flag")]).write(connection, lineage("2"))
    records, changes = stored(connection)
    assert (records["k"]["a"], records["l"]["a"]) == ("z", "x")
    assert changes == {"k": ("2", 9), "l": ("1", 2)}
