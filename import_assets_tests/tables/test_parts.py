"""Large batches: parts by customers, and what happens when memory does not suffice."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.tables import apply, parts
from import_assets.tables.apply import apply_batch
from import_assets_tests.builders import NOW, batch, examples, project, table, warehouse


@examples(100)
@given(
    keys=st.lists(st.integers(1, 20), max_size=30),
    columns=st.integers(0, 5),
    size=st.integers(0, 5),
    cells=st.integers(1, 50),
)
def test_each_customer_is_in_one_part(keys: list[int], columns: int, size: int, cells: int) -> None:
    with (
        duckdb.connect() as connection,
        mock.patch.object(parts, "CELLS", cells),
        mock.patch.object(parts, "BYTES", 2),
    ):
        connection.execute(
            "CREATE TEMP TABLE keys AS SELECT unnest(?::BIGINT[]) customer_id", [keys]
        )
        conditions = parts.conditions(connection, "keys", columns, size)
        # Customers that are in no row of the batch may be touched by it too.
        connection.execute("CREATE TEMP TABLE everybody AS FROM range(-1, 30) r(customer_id)")
        found = [
            customer
            for condition in conditions
            for (customer,) in connection.execute(
                f"SELECT customer_id FROM everybody WHERE {condition}"
            ).fetchall()
        ]
    assert sorted(found) == (list(range(-1, 30)) if keys else [])


def test_a_part_has_no_more_than_its_share_of_rows() -> None:
    with duckdb.connect() as connection, mock.patch.object(parts, "CELLS", 100):
        connection.execute("CREATE TEMP TABLE keys AS FROM range(1000) r(customer_id)")
        conditions = parts.conditions(connection, "keys", columns=4)
        sizes = [
            row[0]
            for condition in conditions
            for row in connection.execute(f"SELECT count(*) FROM keys WHERE {condition}").fetchall()
        ]
    assert len(sizes) == 50
    assert max(sizes) <= 25


@pytest.mark.parametrize("megabytes", [1, apply.MEMORY])
def test_what_does_not_fit_into_memory_gets_in_all_the_same(tmp_path: Path, megabytes: int) -> None:
    """DuckDB that runs out of the memory it may take at first does it again with more."""
    rows = [{"id:registered": f"r{n}", "attr:a": "x" * 200 + str(n)} for n in range(4000)]
    staged = batch(tmp_path, rows, identifiers=("registered",), attributes={"a": "text"})
    with warehouse() as connection, mock.patch.object(apply, "MEMORY", megabytes):
        with mock.patch.object(apply, "_apply", wraps=apply._apply) as tried:
            counts = apply_batch(connection, staged, project(), NOW).counts
        assert tried.call_count == (2 if megabytes == 1 else 1)
        assert counts.inserted == 4000
        assert table(connection, "SELECT count(*) AS n, count(DISTINCT a) AS a FROM customers") == [
            {"n": 4000, "a": 4000}
        ]
