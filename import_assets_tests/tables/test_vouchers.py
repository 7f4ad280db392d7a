"""Vouchers: codes unique in their pool and across pools (b.6, D39)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.tables.apply import apply_batch
from import_assets.tables.outcome import Counts
from import_assets_tests.builders import NOW, batch, examples, project, table, warehouse


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse() as opened:
        yield opened


def load(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    pool: str,
    codes: Sequence[str],
    import_name: str = "codes",
) -> Counts:
    staged = batch(
        folder,
        [{"id:code": code} for code in codes],
        identifiers=("code",),
        table=("vouchers", pool),
        key=f"{pool}.csv",
        import_name=import_name,
    )
    return apply_batch(connection, staged, project(), NOW).counts


def pool(connection: duckdb.DuckDBPyConnection, name: str) -> list[tuple[Any, ...]]:
    return connection.execute(f'SELECT code, _row FROM vouchers."{name}" ORDER BY rowid').fetchall()


@examples(20)
@given(
    files=st.lists(
        st.tuples(st.sampled_from("PQR"), st.lists(st.sampled_from("abcde"), max_size=8)),
        min_size=1,
        max_size=4,
    )
)
def test_a_code_is_in_one_pool_and_once(files: list[tuple[str, list[str]]]) -> None:
    """D39: duplicates in the pool are counted, codes of another pool are rejected."""
    owner: dict[str, str] = {}
    with warehouse() as connection, TemporaryDirectory() as folder:
        for name, codes in files:
            inserted = duplicate = rejected = 0
            for code in codes:
                if code not in owner:
                    owner[code] = name
                    inserted += 1
                elif owner[code] == name:
                    duplicate += 1
                else:
                    rejected += 1
            assert load(connection, Path(folder), name, codes) == Counts(
                read=len(codes), inserted=inserted, duplicate=duplicate, rejected=rejected
            )
        for name in {name for name, _ in files}:
            codes = {code for code, of in owner.items() if of == name}
            assert sorted(code for code, _ in pool(connection, name)) == sorted(codes)


def test_codes_keep_the_order_of_the_file(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    load(connection, tmp_path, "SUMMER10", ["b", "a", "b", "c"])
    load(connection, tmp_path, "SUMMER10", ["a", "d"])
    assert pool(connection, "SUMMER10") == [("b", 1), ("a", 2), ("c", 4), ("d", 2)]


def test_two_imports_fill_one_pool(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """b.6: a code stays that of the import which brought it first."""
    load(connection, tmp_path, "P", ["a", "b"])
    counts = load(connection, tmp_path, "P", ["b", "c"], "more")
    assert counts == Counts(read=2, inserted=1, duplicate=1)
    owners = table(connection, "SELECT code, _import FROM vouchers.P ORDER BY code")
    assert [tuple(row.values()) for row in owners] == [
        ("a", "codes"),
        ("b", "codes"),
        ("c", "more"),
    ]


def test_codes_differ_by_case(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    assert load(connection, tmp_path, "P", ["a", "A"]).inserted == 2


def test_a_code_of_another_pool_is_rejected_with_its_reason(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """D39: every row of it, with line and raw text."""
    load(connection, tmp_path, "10%Discount", ["a"])
    counts = load(connection, tmp_path, "it's", ["b", "a", "a"])
    assert counts == Counts(read=3, inserted=1, rejected=2)
    rejects = table(
        connection, "SELECT record, line, faults, raw FROM import_assets.rejects ORDER BY record"
    )
    fault = {
        "column": "code",
        "value": "a",
        "reason": "code_in_other_pool",
        "message": "the code is already in pool 10%Discount; a code belongs to one pool only",
    }
    assert rejects == [
        {"record": 2, "line": 3, "faults": [fault], "raw": "raw 2"},
        {"record": 3, "line": 4, "faults": [fault], "raw": "raw 3"},
    ]
    load(connection, tmp_path, "it's", [])
