"""The smaller books of the warehouse: refusals, rejects and the list of tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from import_assets.errors import FileRefused, UnknownName
from import_assets.tables.apply import apply_batch
from import_assets.warehouse import ledger, refusals, rejects, tables
from import_assets.warehouse.refusals import Refusal
from import_assets_tests.builders import NOW, batch, project, reject, warehouse


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse() as opened:
        yield opened


# --- refusals -------------------------------------------------------------------------------------


def refusal(key: str, fingerprint: str = "f1") -> Refusal:
    error = FileRefused(key, "too_many_rows", "it has too many rows", line=7)
    return refusals.from_error(error, key, fingerprint, "d1", NOW)


def test_the_last_refusal_of_a_delivery_is_kept(connection: duckdb.DuckDBPyConnection) -> None:
    """Per import."""
    for one in (refusal("a.csv"), refusal("b.csv"), refusal("a.csv", "f2")):
        refusals.record(connection, "crm", one)
    refusals.record(connection, "pos", refusal("a.csv"))
    assert refusals.of_import(connection, "crm") == {
        "a.csv": refusal("a.csv", "f2"),
        "b.csv": refusal("b.csv"),
    }
    assert refusal("a.csv").message == "a.csv:7: it has too many rows (too_many_rows)"
    assert refusals.of_import(connection, "nobody") == {}


def test_refusals_are_forgotten(connection: duckdb.DuckDBPyConnection) -> None:
    """M019: those of one delivery, or all of an import."""
    for name in ("crm", "pos"):
        for key in ("a.csv", "b.csv", "c.csv"):
            refusals.record(connection, name, refusal(key))
    refusals.clear(connection, "crm", "a.csv")
    assert list(refusals.of_import(connection, "crm")) == ["b.csv", "c.csv"]
    refusals.clear(connection, "crm", None)
    assert refusals.of_import(connection, "crm") == {}
    assert len(refusals.of_import(connection, "pos")) == 3


# --- rejects --------------------------------------------------------------------------------------


def test_rejects_in_the_order_of_import(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """Those that an import remembers, in file order; M055."""
    for key in ("b.csv", "a.csv"):
        staged = batch(tmp_path, rejects=[reject(10), reject(2)], key=key)
        apply_batch(connection, staged, project(), NOW)
    found = rejects.of_import(connection, "crm").select("file", "record").rows()
    assert found == [("b.csv", 2), ("b.csv", 10), ("a.csv", 2), ("a.csv", 10)]
    assert rejects.of_import(connection, "crm", limit=3).height == 3
    assert rejects.of_import(connection, "pos").is_empty()
    ledger.forget(connection, "crm", "b.csv", NOW)
    assert rejects.of_import(connection, "crm")["file"].unique().to_list() == ["a.csv"]
    assert rejects.of_batch(connection, "b1", limit=1)["record"].to_list() == [2]


# --- tables ---------------------------------------------------------------------------------------


def test_the_tables_there_are(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    assert tables.all_tables(connection) == []
    for label, identifier in (
        (("vouchers", "P"), "code"),
        (("events", "a sale"), "registered"),
        (("catalogs", "products"), "item_id"),
    ):
        staged = batch(tmp_path, table=label, identifiers=(identifier,))
        apply_batch(connection, staged, project(), NOW)
    staged = batch(tmp_path, [{"id:registered": "1"}])
    apply_batch(connection, staged, project(), NOW)
    assert [(table.table, table.rows) for table in tables.all_tables(connection)] == [
        (("customers",), 1),
        (("catalogs", "products"), 0),
        (("events", "a sale"), 0),
        (("vouchers", "P"), 0),
    ]
    assert tables.find(connection, "events/a sale") == ("events", "a sale")
    assert tables.exists(connection, ("events", "a sale"))
    assert not tables.exists(connection, ("catalogs", "a sale"))


def test_an_unknown_table_is_told_with_those_there_are(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    with pytest.raises(UnknownName, match="there are: none yet"):
        tables.find(connection, "customers")
    apply_batch(connection, batch(tmp_path), project(), NOW)
    with pytest.raises(UnknownName, match="no table 'clients'; there are: customers"):
        tables.find(connection, "clients")
