"""Applying a batch: once, in one transaction, with counts that add up (design: exactly once)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from import_assets.errors import FileRefused, WarehouseError
from import_assets.records import Fault
from import_assets.staging.batch import Batch
from import_assets.tables.apply import Applied, apply_batch, try_batch
from import_assets.tables.outcome import Counts
from import_assets.warehouse import ledger
from import_assets.warehouse import rejects as reject_books
from import_assets_tests.builders import (
    NOW,
    batch,
    dump,
    project,
    reject,
    table,
    warehouse,
)

WHEN = dt.datetime(2026, 5, 1)
LATER = NOW + dt.timedelta(days=1)

Build = Callable[[Path], Batch]


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse() as opened:
        yield opened


def customers(folder: Path, **facts: Any) -> Batch:
    return batch(
        folder,
        [
            {"id:registered": "1", "id:cookie": "a", "attr:name": "x"},
            {"id:cookie": "b"},
            {"id:registered": "1", "id:cookie": "b", "attr:name": "y"},
        ],
        **{
            "identifiers": ("registered", "cookie"),
            "attributes": {"name": "text"},
            "rejects": [reject(4)],
            "blank": 2,
            **facts,
        },
    )


def events(folder: Path) -> Batch:
    row = {"id:registered": "1", "_timestamp": WHEN, "attr:total": 1.0}
    return batch(
        folder,
        [row, row, {**row, "id:registered": "2"}],
        table=("events", "purchase"),
        attributes={"total": "number"},
    )


def catalog(folder: Path) -> Batch:
    return batch(
        folder,
        [{"id:item_id": "1", "attr:title": "x"}, {"id:item_id": "1", "attr:title": "y"}],
        table=("catalogs", "products"),
        identifiers=("item_id",),
        attributes={"title": "text"},
        searchable=("title",),
    )


def vouchers(folder: Path) -> Batch:
    return batch(
        folder, [{"id:code": "a"}, {"id:code": "a"}], table=("vouchers", "P"), identifiers=("code",)
    )


every_kind = pytest.mark.parametrize("build", [customers, events, catalog, vouchers])


def run(connection: duckdb.DuckDBPyConnection, staged: Batch, now: dt.datetime = NOW) -> Applied:
    return apply_batch(connection, staged, project(), now)


# --- once -----------------------------------------------------------------------------------------


@every_kind
def test_the_second_time_is_a_no_op_with_equal_counts(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, build: Build
) -> None:
    staged = build(tmp_path)
    first = run(connection, staged)
    stored = dump(connection)
    assert not first.already
    assert first.counts.add_up
    assert run(connection, staged, LATER) == Applied(first.counts, already=True)
    assert dump(connection) == stored


def test_what_is_counted(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """read = inserted + updated + unchanged + duplicate + rejected; blank lines stand apart."""
    assert run(connection, customers(tmp_path)).counts == Counts(
        read=4, inserted=1, updated=2, rejected=1, blank=2, customers_created=1
    )
    assert run(connection, events(tmp_path)).counts == Counts(
        read=3, inserted=2, duplicate=1, customers_created=1
    )
    assert run(connection, catalog(tmp_path)).counts == Counts(read=2, inserted=1, updated=1)
    assert run(connection, vouchers(tmp_path)).counts == Counts(read=2, inserted=1, duplicate=1)


def test_a_forgotten_batch_applies_again(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """M019: and its rejects are told once."""
    staged = customers(tmp_path)
    run(connection, staged)
    ledger.forget(connection, "crm", None, NOW)
    again = run(connection, staged, LATER)
    assert not again.already
    assert again.counts == Counts(read=4, updated=3, rejected=1, blank=2)
    assert [entry.sequence for entry in ledger.entries(connection, "crm")] == [1, 2]
    assert reject_books.of_batch(connection, "b1")["record"].to_list() == [4]
    assert reject_books.by_reason(connection, "b1") == {"bad": 1}


@every_kind
def test_a_file_with_nothing_but_a_header(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, build: Build
) -> None:
    """It is applied, makes its table, and counts nothing."""
    full = build(tmp_path)
    nothing = full.manifest.model_copy(update={"read": 0, "rows": 0, "rejected": 0, "blank": 0})
    (tmp_path / "empty").mkdir()
    assert run(connection, Batch(tmp_path / "empty", nothing)) == Applied(Counts(), already=False)
    nothing = full.manifest.model_copy(update={"batch_id": "later"})
    assert run(connection, Batch(full.folder, nothing)).counts.inserted > 0


def test_batches_of_all_kinds_on_one_connection(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """What one batch leaves in the session does not get into the next."""
    conflict = {"registered": True, "email": True}
    kinds = ("registered", "email")
    rows = [{"id:registered": "1"}, {"id:email": "x"}, {"id:registered": "1", "id:email": "x"}]
    for _ in range(2):
        staged = batch(tmp_path, rows, identifiers=kinds)
        assert apply_batch(connection, staged, project(**conflict), NOW).counts.rejected == 1
        assert run(connection, vouchers(tmp_path)).counts.rejected == 0
        assert run(connection, events(tmp_path)).counts.rejected == 0
        assert run(connection, catalog(tmp_path)).counts.rejected == 0


# --- all or nothing -------------------------------------------------------------------------------


@every_kind
def test_a_try_leaves_no_trace_and_counts_the_same(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, build: Build
) -> None:
    """Neither rows nor tables nor columns, on an empty warehouse and on one with rows."""
    for days in (0, 1):
        before = dump(connection)
        tried, _ = try_batch(connection, build(tmp_path), project(), NOW)
        assert dump(connection) == before
        assert run(connection, build(tmp_path), NOW + dt.timedelta(days=days)) == tried


def test_a_try_shows_the_rejects(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Also of a batch that was applied before and forgotten."""
    staged = customers(tmp_path)
    for _ in range(2):
        _, rejects = try_batch(connection, staged, project(), NOW)
        assert rejects["record"].to_list() == [4]
        run(connection, staged)
        ledger.forget(connection, "crm", None, NOW)


@every_kind
def test_an_error_in_the_middle_rolls_everything_back(
    connection: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    build: Build,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = dump(connection)

    def fail(*_: object) -> int:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "record", fail)
        with pytest.raises(OSError, match="no space"):
            run(connection, build(tmp_path))
    assert dump(connection) == before
    assert not run(connection, build(tmp_path)).already


def test_counts_that_do_not_add_up_are_not_written(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    staged = customers(tmp_path, read=9)
    before = dump(connection)
    with pytest.raises(WarehouseError, match=r"crm\.csv: 9 records were read but 4 accounted for"):
        run(connection, staged)
    assert dump(connection) == before


def test_a_lost_part_of_a_batch_is_not_written(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    staged = customers(tmp_path)
    staged.row_files[0].unlink()
    before = dump(connection)
    with pytest.raises(WarehouseError, match="4 records were read but 1 accounted for"):
        run(connection, staged)
    assert dump(connection) == before


# --- refusals -------------------------------------------------------------------------------------


def refused(connection: duckdb.DuckDBPyConnection, staged: Batch) -> FileRefused:
    """Apply a batch that is refused, and prove that nothing of it is left."""
    before = dump(connection)
    with pytest.raises(FileRefused) as error:
        run(connection, staged)
    assert dump(connection) == before
    return error.value


def test_an_attribute_of_another_type_is_refused(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """M033, D30: with both places named."""
    run(connection, customers(tmp_path))
    other = batch(
        tmp_path,
        [{"id:registered": "1", "attr:name": 1, "attr:new": "x"}],
        attributes={"new": "text", "name": "integer"},
        import_name="pos",
        key="pos.csv",
    )
    error = refused(connection, other)
    assert (error.reason, error.file) == ("type_conflict", "pos.csv")
    assert "'name' comes as integer, but customers has it as text since import crm" in str(error)


def test_an_attribute_that_differs_by_case_is_refused(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """D30: SQL does not tell them apart."""
    run(connection, customers(tmp_path))
    other = batch(tmp_path, [{"id:registered": "1", "attr:Name": "x"}], attributes={"Name": "text"})
    error = refused(connection, other)
    assert error.reason == "name_conflict"
    assert "rename it with `to: name`" in str(error)


def test_names_that_only_look_alike_are_fine(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """As in definitions: lower case decides, not case folding."""
    for name in ("straße", "strasse"):
        run(connection, batch(tmp_path, [{"id:registered": "1"}], attributes={name: "text"}))


def test_an_attribute_with_the_name_of_an_identifier_is_refused(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """The identifier may be one that the project no longer has."""
    kinds = {"registered": True, "phone": True}
    apply_batch(connection, batch(tmp_path, [{"id:registered": "1"}]), project(**kinds), NOW)
    other = batch(tmp_path, [{"id:registered": "1"}], attributes={"Phone": "text"})
    error = refused(connection, other)
    assert error.reason == "name_conflict"
    assert "'Phone' is a column of customers itself" in str(error)


@pytest.mark.parametrize(
    ("kind", "identifier"),
    [("events", "registered"), ("catalogs", "item_id"), ("vouchers", "code")],
)
def test_a_table_that_differs_by_case_is_refused(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, kind: str, identifier: str
) -> None:
    run(connection, batch(tmp_path, table=(kind, "Sale"), identifiers=(identifier,)))
    twin = batch(tmp_path, table=(kind, "SALE"), identifiers=(identifier,))
    error = refused(connection, twin)
    assert error.reason == "name_conflict"
    assert f"{kind}/SALE differs only by case from {kind}/Sale" in str(error)


# --- rejects and ledger ---------------------------------------------------------------------------


def test_a_reject_is_stored_with_all_its_faults(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """M055, D31."""
    faults = (
        Fault("bad_number", "'x' is not a number.", "total", "x"),
        Fault("missing_id", "No valid customer ID.", None, None),
    )
    staged = batch(tmp_path, rejects=[reject(3), reject(1, *faults)], key="a.csv")
    run(connection, staged)
    stored = table(connection, "SELECT * FROM import_assets.rejects ORDER BY record")
    assert stored[0] == {
        "sequence": 1,
        "batch_id": "b1",
        "import": "crm",
        "file": "a.csv",
        "record": 1,
        "line": 2,
        "faults": [
            {
                "column": "total",
                "value": "x",
                "reason": "bad_number",
                "message": "'x' is not a number.",
            },
            {
                "column": None,
                "value": None,
                "reason": "missing_id",
                "message": "No valid customer ID.",
            },
        ],
        "raw": "raw 1",
        "cells": None,
        "replayed_in": None,
    }
    assert reject_books.by_reason(connection, "b1") == {"bad": 1, "bad_number": 1, "missing_id": 1}


def test_rejects_of_the_file_and_of_the_table_stand_together(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """D21, M055."""
    rows = [{"id:registered": "1"}, {"id:email": "x"}, {"id:registered": "1", "id:email": "x"}]
    staged = batch(tmp_path, rows, identifiers=("registered", "email"), rejects=[reject(4)])
    applied = apply_batch(connection, staged, project(registered=True, email=True), NOW)
    assert applied.counts == Counts(read=4, inserted=2, rejected=2, customers_created=2)
    assert reject_books.of_batch(connection, "b1")["record"].to_list() == [3, 4]


def test_the_ledger_keeps_the_facts_of_the_batch(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    clock = 1_782_907_200_000_000  # NOW in microseconds since 1970
    staged = customers(tmp_path, slot="2026-07-01T06:00", header=("id", "c", "name"))
    counts = run(connection, staged).counts
    entry = ledger.applied(connection, "b1")
    assert entry == ledger.Entry(
        sequence=1,
        batch_id="b1",
        import_name="crm",
        table_name="customers",
        key="crm.csv",
        fingerprint="f1",
        modified=staged.manifest.modified,
        slot="2026-07-01T06:00",
        sha256=staged.manifest.sha256,
        bytes=staged.manifest.bytes,
        state={},
        header=("id", "c", "name"),
        written={"format": "csv", "row": "", "delimiter": ",", "encoding": "utf-8", "kinds": {}},
        applied_at=NOW,
        forgotten_at=None,
        undone_at=None,
        replay_of=None,
        clock=clock,
        clock_end=clock + 4,
        counts=counts,
    )


def test_the_rows_of_several_parts_are_one_file(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """A large file is staged in blocks; their order is that of their numbers."""
    first = customers(tmp_path)
    part = batch(
        tmp_path / "second",
        [{"_row": 5 + n, "id:registered": "1", "attr:name": name} for n, name in enumerate("zwv")],
        identifiers=("registered", "cookie"),
        attributes={"name": "text"},
    )
    part.row_files[0].rename(first.folder / "rows-000001.parquet")
    facts = first.manifest.model_copy(update={"rows": 6, "read": 7})
    run(connection, Batch(first.folder, facts))
    assert connection.execute("SELECT name, _row FROM customers").fetchall() == [("v", 7)]


def test_names_with_quotes_and_blanks(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """M056: event types and attributes are named freely."""
    staged = batch(
        tmp_path,
        [{"id:registered": "1", "_timestamp": WHEN, "attr:it's; --": "x"}],
        table=("events", "it's a 100% sale; --"),
        attributes={"it's; --": "text"},
        key="o'hara.csv",
        import_name="crm",
    )
    assert run(connection, staged).counts.inserted == 1
    assert table(connection, """SELECT "it's; --" FROM events."it's a 100% sale; --" """) == [
        {"it's; --": "x"}
    ]
    assert try_batch(connection, staged, project(), NOW)[0].already
