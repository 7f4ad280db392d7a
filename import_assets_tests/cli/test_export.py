"""`export`: a table as a file, for programs, for people, and for the next import."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from click.testing import Result
from hypothesis import assume, given
from hypothesis import strategies as st

from import_assets.formats.csvwriter import CsvWriter
from import_assets.spec.loading import load
from import_assets.spec.models import AttributeType
from import_assets.warehouse.warehouse import Warehouse
from import_assets_tests.builders import POLARS_TYPES, examples
from import_assets_tests.cli.shop import Shop
from import_assets_tests.formats.test_csvwriter import TEXTS, VALUES
from import_assets_tests.test_pipeline import Yard


@contextmanager
def _writing(shop: Shop) -> Iterator[duckdb.DuckDBPyConnection]:
    with Warehouse(load(shop.root).project.warehouse_path).write() as connection:
        yield connection


def _change(shop: Shop, sql: str) -> None:
    with _writing(shop) as connection:
        connection.execute(sql)


def _rows(result: Result) -> list[list[str]]:
    assert result.exit_code == 0, result.output
    return list(csv.reader(io.StringIO(result.stdout_bytes.decode("utf-8-sig"), newline="")))


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


# --- what is written -----------------------------------------------------------------------------


def test_m116_m120_a_table_by_its_key(imported: Shop):
    _change(
        imported, "CREATE OR REPLACE TABLE customers AS FROM customers ORDER BY registered DESC"
    )
    result = imported.call("export", "customers")
    assert result.stdout_bytes == (
        b"customer_id,registered,cookie,first_name,birthday\r\n"
        b"1,1,,Hana,1990-01-31\r\n"
        b"2,3,,Ivo,\r\n"
        b"3,2,,,\r\n"
    )
    assert result.stderr == "3 rows of customers\n"


def test_events_in_the_order_in_which_they_came(imported: Shop):
    assert imported.call("export", "events/purchase").stdout_bytes == (
        b"customer_id,timestamp,total\r\n"
        b"1,2023-11-14T22:13:20Z,10.5\r\n"
        b"3,2023-11-14T22:13:21Z,3.0\r\n"
        b"2,2023-11-14T22:13:22Z,7.0\r\n"
    )


def test_columns_and_lineage(imported: Shop):
    rows = _rows(imported.call("export", "events/purchase", "--columns", 'total, "timestamp"'))
    assert rows[0] == ["total", "timestamp"]
    rows = _rows(imported.call("export", "events/purchase", "--columns", "_row,total", "--lineage"))
    assert rows[0] == ["_row", "total", "_batch", "_import", "_file", "_imported_at"]
    assert [row[0] for row in rows[1:]] == ["1", "2", "1"]
    assert _rows(imported.call("export", "events/purchase", "--lineage"))[0][-5:] == [
        "_batch",
        "_import",
        "_file",
        "_row",
        "_imported_at",
    ]


@pytest.mark.parametrize(
    ("condition", "totals"),
    [
        ("total > 5", ["10.5", "7.0"]),
        ("total > 5 -- not the small one", ["10.5", "7.0"]),
        ("customer_id IN (SELECT customer_id FROM customers WHERE first_name = 'Ivo')", ["7.0"]),
        ("total = 3 OR total = 7", ["3.0", "7.0"]),
        ("false", []),
    ],
)
def test_a_condition(imported: Shop, condition: str, totals: list[str]):
    result = imported.call("export", "events/purchase", "--where", condition, "--columns", "total")
    assert [row[0] for row in _rows(result)[1:]] == totals


@pytest.mark.parametrize(
    "condition",
    [
        "",
        "totl > 5",
        "total > ",
        "true) UNION ALL (SELECT * FROM customers",
        "true) OR (true",
        "true) LIMIT (1",
        "true); COPY customers TO '{folder}/stolen.csv'; SELECT (1",
        "true /*",
        "true, false",
        "SELECT true",
        "first_name",
        "total / 'x'::INT > 1",
        "EXISTS (FROM enable_logging('QueryLog', storage = 'file', storage_path = '{folder}/x'))",
    ],
)
def test_what_is_no_condition_is_refused(imported: Shop, condition: str):
    before = _files(imported.root)
    condition = condition.format(folder=imported.root)
    result = imported.call("export", "events/purchase", "--where", condition)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.output
    assert _files(imported.root) == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["event/purchase"], "did you mean events/purchase?"),
        (["customers", "--columns", "frist_name"], "did you mean first_name?"),
        (["customers", "--columns", ""], "--columns names no column"),
        (["customers", "--columns", "registered,registered"], "names registered twice"),
        (["customers", "--out", "no/where.csv"], "cannot be written"),
        (["customers", "--json", "--bom"], "--json is not CSV"),
        (["customers", "--json", "--line-breaks", "keep"], "--json is not CSV"),
        (["customers", "--json", "--for", "spreadsheet"], "--json is not CSV"),
    ],
)
def test_what_cannot_be_exported_is_said(imported: Shop, words: list[str], sentence: str):
    result = imported.call("export", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr


def test_nothing_to_export_yet(shop: Shop):
    result = shop.call("export", "customers")
    assert result.exit_code == 2
    assert "there is no warehouse yet" in result.stderr


def test_a_file_is_replaced_as_a_whole_or_left_alone(imported: Shop, tmp_path: Path):
    out = tmp_path / "out.csv"
    out.write_text("before", encoding="utf-8")
    words = ["export", "events/purchase", "--out", str(out)]
    broken = "CASE WHEN total = 7 THEN error('no') ELSE true END"
    assert imported.call(*words, "--where", broken).exit_code == 2
    assert out.read_text(encoding="utf-8") == "before"
    result = imported.call(*words)
    assert (result.stdout, result.stderr) == ("", f"3 rows of events/purchase, written to {out}\n")
    assert out.read_bytes() == imported.call("export", "events/purchase").stdout_bytes
    assert _files(tmp_path) == ["out.csv"]


@pytest.mark.parametrize("words", [("export", "customers"), ("rejects", "clients")])
def test_the_warehouse_is_no_file_to_write_into(imported: Shop, words: tuple[str, ...]):
    warehouse = imported.root / "data" / "warehouse.duckdb"
    before = warehouse.read_bytes()
    result = imported.call(*words, "--out", str(imported.root / "data/../data/warehouse.duckdb"))
    assert result.exit_code == 2
    assert "is the warehouse: name another file with --out" in result.output
    assert warehouse.read_bytes() == before


def test_json_is_exact_and_can_be_a_file(imported: Shop, tmp_path: Path):
    _change(imported, "UPDATE customers SET first_name = '=1\n' WHERE registered = '1'")
    found = imported.json("export", "customers", "--where", "registered = '1'")
    assert [(one["registered"], one["first_name"]) for one in found] == [("1", "=1\n")]
    out = tmp_path / "out.json"
    assert imported.call("export", "customers", "--json", "--out", str(out)).stdout == ""
    assert len(json.loads(out.read_text(encoding="utf-8"))) == 3


# --- who reads it --------------------------------------------------------------------------------


@pytest.fixture
def odd(imported: Shop) -> Shop:
    """A shop with a formula and line breaks in the name of its first customer."""
    _change(imported, "UPDATE customers SET first_name = '=A\n\"B\"\r\n' WHERE registered = '1'")
    return imported


@pytest.mark.parametrize(
    ("options", "name", "notes"),
    [
        ([], '=A "B" ', 1),
        (["--line-breaks", "keep"], '=A\n"B"\r\n', 0),
        (["--for", "import"], '=A\n"B"\r\n', 0),
        (["--for", "import", "--line-breaks", "space"], '=A "B" ', 1),
        (["--for", "spreadsheet"], '\'=A "B" ', 2),
    ],
)
def test_m118_values_for_those_who_read_them(odd: Shop, options: list[str], name: str, notes: int):
    where = ["--columns", "first_name", "--where", "registered = '1'"]
    result = odd.call("export", "customers", *where, *options)
    assert _rows(result)[1] == [name]
    said = result.stderr.splitlines()
    assert said[0] == "1 row of customers"
    assert (
        said[1:]
        == [
            "1 cell had line breaks in it; each became a space",
            "1 cell would run as a formula in a spreadsheet; an apostrophe was put before it",
        ][:notes]
    )


@pytest.mark.parametrize(
    ("options", "marked"), [([], False), (["--bom"], True), (["--for", "spreadsheet"], True)]
)
def test_a_byte_order_mark(imported: Shop, options: list[str], marked: bool):
    data = imported.call("export", "customers", *options).stdout_bytes
    assert data.startswith(b"\xef\xbb\xbf") is marked
    assert data.removeprefix(b"\xef\xbb\xbf").startswith(b"customer_id,")


def test_show_prints_its_rows_for_a_spreadsheet(odd: Shop):
    result = odd.call("show", "customers", "--csv", "--rows", "2")
    assert _rows(result)[0] == ["customer_id", "registered", "cookie", "first_name", "birthday"]
    assert [row[3] for row in _rows(result)[1:]] == ["", '\'=A "B" ']
    assert "1 cell had line breaks in it" in result.stderr
    assert _rows(odd.call("show", "--csv")) == [
        ["table", "rows", "sql_name"],
        ["customers", "3", 'main."customers"'],
        ["events/purchase", "3", '"events"."purchase"'],
    ]
    assert odd.call("show", "customers", "--csv", "--json").exit_code == 2


def test_rejects_keep_their_line_breaks(imported: Shop):
    _change(imported, "UPDATE import_assets.rejects SET cells = ['=x', 'a\nb', NULL]")
    result = imported.call("rejects", "orders")
    (row,) = _rows(result)[1:]
    assert row[3:6] == ["'=x", "a\nb", ""]
    assert "apostrophe was put before it" in result.stderr


# --- for an import -------------------------------------------------------------------------------


def test_m045_a_customer_for_an_import_has_a_row_for_each_value(imported: Shop):
    _change(imported, "UPDATE customers SET cookie = ['a', 'b', 'c'] WHERE registered = '1'")
    assert _rows(imported.call("export", "customers", "--for", "import"))[1:4] == [
        ["1", "a", "Hana", "1990-01-31"],
        ["1", "b", "Hana", "1990-01-31"],
        ["1", "c", "Hana", "1990-01-31"],
    ]
    rows = _rows(imported.call("export", "customers"))
    assert rows[1] == ["1", "1", '["a","b","c"]', "Hana", "1990-01-31"]


def test_customers_that_an_import_cannot_put_together_are_counted(imported: Shop):
    _change(
        imported,
        "UPDATE customers SET registered = NULL, cookie = ['a', 'b'] WHERE registered > '1'",
    )
    result = imported.call("export", "customers", "--for", "import")
    assert "2 customers have several values of one soft identifier" in result.stderr
    assert "soft identifier" not in imported.call("export", "customers").stderr


def test_m057_an_event_for_an_import_names_its_customer(imported: Shop):
    _change(imported, "UPDATE customers SET cookie = ['a', 'b'] WHERE registered = '2'")
    _change(imported, "ALTER TABLE events.purchase ADD COLUMN Registered VARCHAR DEFAULT 'r'")
    assert _rows(imported.call("export", "events/purchase", "--for", "import"))[:3] == [
        ["registered_id", "cookie", "timestamp", "total", "Registered"],
        ["1", "", "2023-11-14T22:13:20Z", "10.5", "r"],
        ["2", "a", "2023-11-14T22:13:21Z", "3.0", "r"],
    ]


PROJECT = """\
identifiers: {registered: {hard: true}, cookie: {hard: false}, device: {hard: false}}
"""
_TYPED: dict[str, AttributeType] = {
    "n": "number",
    "i": "integer",
    "b": "boolean",
    "d": "date",
    "at": "datetime",
    "tags": "list",
    "j": "json",
}
DEFINITION = """\
kind: %s
source: {storage: {folder: in, files: "*"}}
format: {csv: {delimiter: ",", encoding: utf-8}}
columns:
%s
  - {from: n, type: number}
  - {from: i, type: integer}
  - {from: b, type: boolean}
  - {from: d, type: date}
  - {from: at, type: datetime}
  - {from: tags, type: list}
  - {from: j, type: json}
"""
_IDS = """\
  - {from: registered, id: registered}
  - {from: cookie, id: cookie}
  - {from: device, id: device}"""
KINDS = {
    "customers": DEFINITION % ("customers", _IDS),
    "events/purchase": DEFINITION
    % ("{events: purchase}", _IDS + "\n  - {from: timestamp, timestamp: true}"),
    "catalogs/goods": DEFINITION % ("{catalog: goods}", "  - {from: item_id, id: item_id}"),
}
_CONTENT = {
    "customers": "SELECT registered, cookie, device, {rest} FROM customers ORDER BY ALL",
    "events/purchase": "SELECT registered, cookie[1], device[1], timestamp, _digest, {rest} "
    "FROM events.purchase JOIN customers USING (customer_id) ORDER BY purchase.rowid",
    "catalogs/goods": "SELECT item_id, {rest} FROM catalogs.goods ORDER BY item_id",
}
_NAMES = st.none() | st.sampled_from(["1", "2", "=3", "a,b", 'c"', "ž"])
_JSON = st.recursive(st.integers() | TEXTS, lambda inner: st.lists(inner, max_size=2), max_leaves=3)


@st.composite
def deliveries(draw: st.DrawFn, label: str) -> pl.DataFrame:
    """What a file for a table may hold, typed."""
    ids = ["item_id"] if label == "catalogs/goods" else ["registered", "cookie", "device"]
    values = dict.fromkeys(ids, _NAMES) | {"note": st.none() | TEXTS}
    schema: dict[str, Any] = dict.fromkeys(values, pl.String())
    if label == "events/purchase":
        values["timestamp"], schema["timestamp"] = VALUES["datetime"], POLARS_TYPES["datetime"]
    for name, type_ in _TYPED.items():
        values[name] = st.none() | (_JSON.map(json.dumps) if type_ == "json" else VALUES[type_])
        schema[name] = POLARS_TYPES[type_]
    rows = draw(st.lists(st.fixed_dictionaries(values), min_size=1, max_size=8))
    return pl.DataFrame(rows, schema=schema)


@pytest.mark.slow
@pytest.mark.parametrize("label", KINDS)
@given(st.data())
@examples(5)
def test_what_is_exported_for_an_import_gives_the_same_table(label: str, data: st.DataObject):
    frame = data.draw(deliveries(label))
    file = io.BytesIO()
    CsvWriter(file, frame.columns).write(frame)
    with tempfile.TemporaryDirectory() as folder:
        first = Yard(Path(folder) / "first", KINDS[label], PROJECT)
        second = Yard(Path(folder) / "second", KINDS[label], PROJECT)
        first.put(file.getvalue())
        done = first.deliver()
        assert done.counts.add_up
        assume(done.counts.inserted)
        result = Shop(first.root).call("export", label, "--for", "import")
        assert result.exit_code == 0, result.output
        assume("several values" not in result.stderr)
        second.put(result.stdout_bytes)
        again = second.deliver()
        assert again.counts.rejected == 0
        table = label.rsplit("/", maxsplit=1)[-1]
        rest = ", ".join(f'{table}."{name}"' for name in ("note", *_TYPED))
        content = _CONTENT[label].format(rest=rest)
        assert repr(second.rows(content)) == repr(first.rows(content))


def test_vouchers_for_an_import(tmp_path: Path):
    text = """\
kind: {vouchers: SUMMER}
source: {storage: {folder: in, files: "*"}}
columns: [{from: code, id: code}]
"""
    first, second = Yard(tmp_path / "first", text), Yard(tmp_path / "second", text)
    first.put("code\nb\na\n")
    first.deliver()
    result = Shop(first.root).call("export", "vouchers/SUMMER", "--for", "import")
    assert result.stdout_bytes == b"code\r\na\r\nb\r\n"
    second.put(result.stdout_bytes)
    assert second.deliver().counts.inserted == 2
