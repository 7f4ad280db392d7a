"""Another type for an attribute of a table, with all its values (M036, M037, M064, M067)."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import duckdb
import polars as pl
import pytest

from import_assets.errors import FileRefused, UnknownName
from import_assets.mapping.identity import canonical_event
from import_assets.mapping.mapping import ATTRIBUTE_PREFIX, TIMESTAMP
from import_assets.mapping.types import PHYSICAL
from import_assets.pipeline.retyping import SHOWN, Change, MisfitsError, retype, survey
from import_assets.spec.models import AttributeType
from import_assets.staging.digest import digests
from import_assets.tables import checks
from import_assets.tables.apply import apply_batch
from import_assets.tables.outcome import Counts
from import_assets.warehouse import attributes, refusals
from import_assets.warehouse.schema import create_schema
from import_assets_tests.builders import NOW, Row, batch, dump, project, warehouse

CUSTOMERS = ("customers",)
PURCHASE = ("events", "purchase")
PRODUCTS = ("catalogs", "products")
Types = Mapping[str, AttributeType]


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse() as opened:
        yield opened


def load(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    values: Sequence[Row],
    types: Types,
    **facts: Any,
) -> Counts:
    """Import customers 1, 2, … with these values of attributes."""
    rows = [
        {"id:registered": str(number), **{f"attr:{name}": row[name] for name in row}}
        for number, row in enumerate(values, 1)
    ]
    return apply_batch(
        connection, batch(folder, rows, attributes=types, **facts), project(), NOW
    ).counts


def load_events(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    values: Sequence[Row],
    types: Types,
    excluded: Sequence[str] = (),
    **facts: Any,
) -> Counts:
    """Import events of customer 1, one a second, with digests as staging makes them.

    `_at` of a row says its second, where it is not its place in the list.
    """
    start = dt.datetime(2026, 5, 1)
    rows = [
        {
            "id:registered": "1",
            TIMESTAMP: start + dt.timedelta(seconds=row.get("_at", place)),
            **{f"{ATTRIBUTE_PREFIX}{name}": row.get(name) for name in types},
        }
        for place, row in enumerate(values)
    ]
    schema = {f"{ATTRIBUTE_PREFIX}{name}": PHYSICAL[type_] for name, type_ in types.items()}
    staged = pl.DataFrame(
        rows, {"id:registered": pl.String, TIMESTAMP: pl.Datetime("us"), **schema}
    )
    counted: Types = {name: types[name] for name in types.keys() - excluded}
    texts = staged.select(canonical_event(counted.items(), PURCHASE[1]).alias("text"))["text"]
    with_digests = [
        {**row, "_digest": digest} for row, digest in zip(rows, digests(texts), strict=True)
    ]
    whole = batch(folder, with_digests, attributes=types, table=PURCHASE, **facts)
    return apply_batch(connection, whole, project(), NOW).counts


def column(connection: duckdb.DuckDBPyConnection, table: str, name: str) -> list[Any]:
    rows = connection.execute(f'SELECT "{name}" FROM {table} ORDER BY rowid').fetchall()
    return [row[0] for row in rows]


# --- all kinds of tables --------------------------------------------------------------------------


def test_m037_texts_become_real_lists_and_the_books_say_so(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    values = [{"tags": "a| b", "age": 1}, {"tags": None, "age": 2}, {"tags": " ", "age": 3}]
    load(connection, tmp_path, values, {"tags": "text", "age": "integer"})
    names = [row[0] for row in connection.execute("DESCRIBE customers").fetchall()]
    lineage = connection.execute("SELECT _batch, _row FROM customers").fetchall()
    report = retype(connection, Change(CUSTOMERS, "tags", "list", "|"))
    assert (report.old, report.rows, report.values) == ("text", 3, 2)
    assert (report.fit, report.emptied, report.misfits, report.twins) == (1, 1, 0, 0)
    assert column(connection, "customers", "tags") == [["a", "b"], None, None]
    assert column(connection, "customers", "age") == [1, 2, 3]
    assert attributes.known(connection, CUSTOMERS)["tags"] == ("list", "crm")
    described = connection.execute("DESCRIBE customers").fetchall()
    assert [row[0] for row in described] == names
    assert dict(row[:2] for row in described)["tags"] == "VARCHAR[]"
    assert connection.execute("SELECT _batch, _row FROM customers").fetchall() == lineage
    more = load(connection, tmp_path, [{"tags": ["c"]}], {"tags": "list"})
    assert more.updated == 1
    with pytest.raises(FileRefused, match="type_conflict"):
        load(connection, tmp_path, [{"tags": "c"}], {"tags": "text"})


@pytest.mark.parametrize("type_", ["number", "integer", "date", "datetime", "json", "url", "text"])
def test_every_type_can_be_taken_and_be_imported_after(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, type_: AttributeType
) -> None:
    cells = {"date": "2024-01-31", "url": "https://a.example", "json": '{"a": 1}'}
    wanted: dict[str, Any] = {
        "number": 5.0,
        "integer": 5,
        "date": dt.date(2024, 1, 31),
        "datetime": dt.datetime(1970, 1, 1, 0, 0, 5),
    }
    cell = cells.get(type_, "5")
    load(connection, tmp_path, [{"x": cell}], {"x": "long text"})
    retype(connection, Change(CUSTOMERS, "x", type_))
    assert column(connection, "customers", "x") == [wanted.get(type_, cell)]
    again = load(connection, tmp_path, [{"x": wanted.get(type_, cell)}], {"x": type_})
    assert again.unchanged == 1


def test_an_item_of_a_catalog(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """M079: its limit of bytes holds for the new value too."""
    rows: list[Row] = [
        {"id:item_id": "p1", "attr:colours": "red|blue"},
        {"id:item_id": "p2", "attr:colours": "a|b|c|d|e"},
    ]
    staged = batch(
        tmp_path,
        rows,
        identifiers=("item_id",),
        attributes={"colours": "text"},
        table=PRODUCTS,
    )
    apply_batch(connection, staged, project(), NOW)
    report = retype(
        connection, Change(PRODUCTS, "colours", "list", "|", limit=15), null_misfits=True
    )
    assert [(one.value, one.reason) for one in report.worst] == [("a|b|c|d|e", "value_too_long")]
    assert column(connection, "catalogs.products", "colours") == [["red", "blue"], None]


def test_times_are_those_of_the_zone(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    load(connection, tmp_path, [{"at": "2024-07-01 10:00"}], {"at": "text"})
    retype(connection, Change(CUSTOMERS, "at", "datetime", timezone="Europe/Bratislava"))
    assert column(connection, "customers", "at") == [dt.datetime(2024, 7, 1, 8)]


# --- what does not fit ----------------------------------------------------------------------------


def test_nothing_changes_where_a_value_does_not_fit(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    load(connection, tmp_path, [{"x": "1"}, {"x": "many"}, {"x": "1,5"}], {"x": "text"})
    before = dump(connection)
    with pytest.raises(MisfitsError, match="2 values of x in customers do not fit type number"):
        retype(connection, Change(CUSTOMERS, "x", "number"))
    assert dump(connection) == before
    retype(connection, Change(CUSTOMERS, "x", "number"), null_misfits=True)
    assert column(connection, "customers", "x") == [1.0, None, None]


def test_a_survey_changes_nothing_and_names_the_most_frequent_misfits(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    cells = ["1", *["many"] * 3, *["few"] * 2, *(f"v{number:02}" for number in range(30))]
    load(connection, tmp_path, [{"x": cell} for cell in cells], {"x": "text"})
    before = dump(connection)
    report = survey(connection, Change(CUSTOMERS, "x", "number"))
    assert dump(connection) == before
    assert (report.fit, report.misfits, report.distinct) == (1, 35, 32)
    worst = [(one.value, one.rows) for one in report.worst]
    assert len(worst) == SHOWN
    assert worst[:3] == [("many", 3), ("few", 2), ("v00", 1)]
    assert {one.reason for one in report.worst} == {"not_a_number"}
    shown = connection.execute(f"SELECT x FROM ({report.query})").fetchall()
    assert len(shown) == sum(rows for _, rows in worst)
    assert {row[0] for row in shown} == {value for value, _ in worst}


def test_where_all_fit_there_is_nothing_to_show(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    load(connection, tmp_path, [{"x": "1"}], {"x": "text"})
    report = survey(connection, Change(CUSTOMERS, "x", "number"))
    assert (report.worst, report.query) == ((), None)


def test_what_is_no_attribute_is_named(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    load(connection, tmp_path, [{"x": "1"}], {"x": "text"})
    with pytest.raises(UnknownName, match="no attribute 'registered'; there are: x"):
        survey(connection, Change(CUSTOMERS, "registered", "number"))


def test_files_that_were_refused_for_their_type_count_as_new(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    load(connection, tmp_path, [{"x": "1"}], {"x": "text"})
    for key, reason in (("a.csv", "type_conflict"), ("b.csv", "too_many_rows")):
        refusal = refusals.Refusal(key, "f", "d", reason, "no", NOW)
        refusals.record(connection, "more", refusal)
    retype(connection, Change(CUSTOMERS, "x", "number", imports=["more"]))
    assert refusals.of_import(connection, "more").keys() == {"b.csv"}


# --- events ---------------------------------------------------------------------------------------


def test_m067_the_same_event_under_the_new_type_is_still_a_duplicate(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    given: list[Row] = [{"total": "5", "note": "a"}, {"total": None}, {"total": "1 234,5"}]
    load_events(connection, tmp_path, given, {"total": "text", "note": "text"})
    report = retype(connection, Change(PURCHASE, "total", "number", "1 234,50"))
    assert (report.fit, report.twins) == (2, 0)
    typed: list[Row] = [{"total": 5.0, "note": "a"}, {"total": None}, {"total": 1234.5}]
    new_types = cast("Types", {"total": "number", "note": "text"})
    counts = load_events(connection, tmp_path, typed, new_types)
    assert (counts.duplicate, counts.inserted) == (3, 0)
    other = load_events(connection, tmp_path, [{"total": 6.0, "note": "a"}], new_types)
    assert other.inserted == 1


def test_an_event_whose_misfit_became_empty_is_one_without_it(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    load_events(connection, tmp_path, [{"total": "many"}], {"total": "text"})
    retype(connection, Change(PURCHASE, "total", "number"), null_misfits=True)
    counts = load_events(connection, tmp_path, [{"total": None}], {"total": "number"})
    assert counts.duplicate == 1


def test_m064_events_that_become_equal_stay_and_are_counted(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    given: list[Row] = [
        {"total": "5", "_at": 0},
        {"total": "5.0", "_at": 0},
        {"total": "+5", "_at": 0},
        {"total": "5", "_at": 1},
    ]
    load_events(connection, tmp_path, given, {"total": "text"})
    change = Change(PURCHASE, "total", "number")
    assert survey(connection, change).twins == 2
    assert retype(connection, change).twins == 2
    assert column(connection, "events.purchase", "total") == [5.0] * 4
    assert survey(connection, Change(PURCHASE, "total", "text")).twins == 0


def unique(connection: duckdb.DuckDBPyConnection, now: dt.datetime = NOW) -> bool:
    """What the check on duplicates of purchases says."""
    found = {one.name: one for one in checks.run(connection, PURCHASE, project().limits, now)}
    return not found["no_duplicates"].failures


def test_events_that_become_equal_are_no_duplicates_for_the_check(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """M064: one that comes again is a duplicate still, however often the type changes."""
    given: list[Row] = [{"total": text, "_at": 0} for text in ("5", "5.0", "6")]
    load_events(connection, tmp_path, given, {"total": "text"})
    assert unique(connection)
    typed: list[tuple[AttributeType, Any, Any]] = [
        ("number", 5.0, 6.0),
        ("integer", 5, 6),
        ("text", "5", "6"),
    ]
    for type_, five, six in typed:
        retype(connection, Change(PURCHASE, "total", type_))
        assert unique(connection)
        again: list[Row] = [{"total": five, "_at": 0}, {"total": six, "_at": 0}]
        counts = load_events(connection, tmp_path, again, {"total": type_})
        assert (counts.duplicate, counts.inserted) == (2, 0)
    digests_ = column(connection, "events.purchase", "_digest")
    assert [digest is None for digest in digests_] == [True, False, False]


def test_m066_what_became_equal_is_known_until_the_last_of_it_leaves_the_window(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    window = dt.timedelta(days=project().limits.dedup_days)
    first: list[Row] = [{"total": "5", "_at": 0}]
    load_events(connection, tmp_path, first, {"total": "text"})
    connection.execute("UPDATE events.purchase SET _imported_at = ?", [NOW - window])
    load_events(connection, tmp_path, [{"total": "5.0", "_at": 0}], {"total": "text"})
    retype(connection, Change(PURCHASE, "total", "number"))
    connection.execute("UPDATE events.purchase SET _imported_at = _imported_at - INTERVAL 1 DAY")
    counts = load_events(connection, tmp_path, [{"total": 5.0, "_at": 0}], {"total": "number"})
    assert counts.duplicate == 1


def test_m064_events_that_were_equal_before_keep_their_digests(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """One that stands twice by a fault of ours is still found after a change."""
    given: list[Row] = [{"total": "5"}, {"total": "5.0", "_at": 0}]
    load_events(connection, tmp_path, given, {"total": "text"})
    connection.execute("INSERT INTO events.purchase FROM events.purchase WHERE total = '5.0'")
    retype(connection, Change(PURCHASE, "total", "number"))
    assert not unique(connection)
    digests_ = column(connection, "events.purchase", "_digest")
    assert [digest is None for digest in digests_] == [True, False, False]


def test_d25_what_an_import_leaves_out_of_its_digests_stays_out(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    types: Types = {"total": "text", "day": "text"}
    first: list[Row] = [{"total": "5", "day": "mon"}]
    load_events(connection, tmp_path, first, types, ["day"], import_name="tills")
    second: list[Row] = [{"total": "7", "day": "mon"}]
    load_events(connection, tmp_path, second, types, import_name="web")
    excluded = {"tills": frozenset({"day"}), "web": frozenset[str]()}
    retype(connection, Change(PURCHASE, "total", "integer", excluded=excluded))
    new = cast("Types", {"total": "integer", "day": "text"})
    again: list[Row] = [{"total": 5, "day": "tue"}]
    counts = load_events(connection, tmp_path, again, new, ["day"], import_name="tills")
    assert counts.duplicate == 1
    both: list[Row] = [{"total": 7, "day": "mon"}, {"total": 7, "day": "tue", "_at": 0}]
    counts = load_events(connection, tmp_path, both, new, import_name="web")
    assert (counts.duplicate, counts.inserted) == (1, 1)


def test_events_keep_their_places_however_many_there_are(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values are looked at in blocks, and rows that were deleted leave gaps between places."""
    monkeypatch.setattr("import_assets.pipeline.retyping._CELLS", 20)
    given: list[Row] = [{"total": str(number)} for number in range(50)]
    load_events(connection, tmp_path, given, {"total": "text"})
    connection.execute("DELETE FROM events.purchase WHERE total::INT % 7 = 3 OR total::INT < 12")
    left = [int(text) for text in column(connection, "events.purchase", "total")]
    report = retype(connection, Change(PURCHASE, "total", "integer"))
    assert (report.rows, report.fit) == (len(left), len(left))
    assert column(connection, "events.purchase", "total") == left
    typed: list[Row] = [{"total": number, "_at": number} for number in range(50)]
    counts = load_events(connection, tmp_path, typed, {"total": "integer"})
    assert (counts.duplicate, counts.inserted) == (len(left), 50 - len(left))


@pytest.mark.parametrize("table", [CUSTOMERS, PURCHASE])
def test_what_a_process_killed_after_the_commit_leaves_can_be_opened(
    tmp_path: Path, table: tuple[str, ...]
) -> None:
    """What DuckDB has in its log, and not yet in the file, is read again at the next opening."""
    path, copy = tmp_path / "warehouse.duckdb", tmp_path / "copy.duckdb"
    values: list[Row] = [{"a": "1"}, {"a": "x"}, {"a": None}]
    with duckdb.connect(str(path)) as connection:
        create_schema(connection)
        if table == PURCHASE:
            load_events(connection, tmp_path, values, {"a": "text"})
        else:
            load(connection, tmp_path, values, {"a": "text"})
        connection.execute("CHECKPOINT")
        retype(connection, Change(table, "a", "integer"), null_misfits=True)
        for suffix in ("", ".wal"):
            shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
        name = ".".join(("main", *table)[-2:])
        select = f"SELECT * FROM {name} ORDER BY _row"
        expected = connection.execute(select).fetchall()
    with duckdb.connect(str(copy)) as connection:
        assert connection.execute(select).fetchall() == expected
        assert connection.execute(f"SELECT a FROM {name} ORDER BY _row").fetchall() == [
            (1,),
            (None,),
            (None,),
        ]
