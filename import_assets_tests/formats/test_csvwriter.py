"""Writing CSV: what is written is read back, by our reader and by any other (M116-M122, M133)."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.formats.csvwriter import CsvStyle, CsvWriter, Written
from import_assets.mapping.localtime import Zone
from import_assets.mapping.types import parser
from import_assets.spec.models import AttributeType
from import_assets_tests.builders import POLARS_TYPES, examples
from import_assets_tests.formats.reading import read_csv

_ODD = st.sampled_from(
    ["", " ", ",", '"', "\r", "\n", "\r\n", "'", "=", "-", "+1", "\t", "\ufeff", "\u3000", "ž"]
)
_ANY = st.characters(exclude_characters="\x00", exclude_categories=["Cs"])
TEXTS = st.lists(_ODD | st.text(_ANY, max_size=3), max_size=4).map("".join)
CELLS = st.none() | TEXTS


def written(
    frame: pl.DataFrame, style: CsvStyle | None = None, *, slices: int = 1_000
) -> tuple[bytes, Written]:
    """The file of a frame, written so many rows at a time."""
    target = io.BytesIO()
    writer = CsvWriter(target, frame.columns, style)
    for part in frame.iter_slices(slices):
        writer.write(part)
    return target.getvalue(), writer.written


def lines(style: CsvStyle | None = None, **columns: Any) -> list[str]:
    """The lines of a file after its header."""
    data, _ = written(pl.DataFrame(columns, strict=False), style)
    text = data.decode()
    assert text.endswith("\r\n")
    return text.split("\r\n")[1:-1]


@st.composite
def tables(draw: st.DrawFn) -> pl.DataFrame:
    names = draw(
        st.lists(TEXTS.filter(lambda text: text.strip() != ""), min_size=1, max_size=4).filter(
            lambda names: len({name.strip("\ufeff \t") for name in names}) == len(names)
        )
    )
    rows = draw(st.lists(st.tuples(*[CELLS] * len(names)), max_size=6))
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


@given(tables(), st.integers(1, 4))
@examples(150)
def test_m117_m119_other_readers_find_the_same_cells(table: pl.DataFrame, slices: int):
    data, told = written(table, slices=slices)
    rows = list(csv.reader(io.StringIO(data.decode(), newline="")))
    assert rows[0] == table.columns
    assert rows[1:] == [["" if cell is None else cell for cell in row] for row in table.rows()]
    assert told == Written(rows=table.height)


@given(st.integers(1, 4).flatmap(lambda width: st.lists(st.tuples(*[CELLS] * width), max_size=6)))
@examples(150)
def test_m117_m119_m120_our_reader_finds_the_same_cells(rows: list[tuple[str | None, ...]]):
    """Each record is one, at any width; nothing and an empty text are both an empty cell."""
    width = len(rows[0]) if rows else 1
    names = [f"c{at}" for at in range(width)]
    table = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    data, _ = written(table)
    found = read_csv(data, delimiter=",", encoding="utf-8")
    assert found.header == tuple(names)
    assert found.rows == [tuple(cell or None for cell in row) for row in rows]
    assert (found.bad, found.blank) == ([], 0)


@given(st.lists(CELLS, min_size=1, max_size=6))
@examples(150)
def test_a_file_for_people_has_no_formula_and_loses_nothing(cells: list[str | None]):
    """Without the apostrophe that was put before it, each cell is what it was."""
    table = pl.DataFrame({"n": range(len(cells)), "cell": pl.Series(cells, dtype=pl.String)})
    data, told = written(table, CsvStyle(defused=True))
    found = [row[1] for row in csv.reader(io.StringIO(data.decode(), newline=""))][1:]
    risky = [text for text in found if text.startswith(tuple("=+-@\t\r\n"))]
    assert all(re.fullmatch(r"[-+]?[0-9]+([.,][0-9]+)?", text) for text in risky)
    taken_off = [re.sub(r"^'(?='*[=+\-@\t\r\n＝＋－＠])", "", text) for text in found]
    assert taken_off == [cell or "" for cell in cells]
    assert told.defused == sum(a != b for a, b in zip(found, taken_off, strict=True))


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("＝1", "'＝1"),
        ("\t=1", "'\t=1"),
        ("\r=1", '"\'\r=1"'),
        ("'=1", "''=1"),
        ("-5", "-5"),
        ("+3,2", '"+3,2"'),
        ("-5.2.1", "'-5.2.1"),
        ("it's", "it's"),
        ("'tis", "'tis"),
        ("plain", "plain"),
    ],
)
def test_no_cell_is_a_formula(text: str, safe: str):
    assert lines(CsvStyle(defused=True), n=[1], cell=[text]) == [f"1,{safe}"]


def test_numbers_are_no_formulas_and_programs_get_texts_as_they_are():
    assert lines(CsvStyle(defused=True), n=[-5], x=[-0.5], l=[["=1"]]) == ['-5,-0.5,"[""=1""]"']
    assert lines(n=[1], cell=["=1+1"]) == ["1,=1+1"]


def test_names_of_columns_are_written_like_values():
    style = CsvStyle(line_breaks="space", defused=True)
    data, told = written(pl.DataFrame({"=a": ["1"], "b,c": ["2"], "^x.*$": ["3"]}), style)
    assert data == b'\'=a,"b,c",^x.*$\r\n1,2,3\r\n'
    assert told == Written(rows=1)


def test_no_value_and_an_empty_text_look_different():
    assert lines(a=[None, ""], b=["x", None]) == [",x", '"",']


def test_a_record_of_one_empty_cell_is_no_blank_line():
    assert lines(a=["x", None, ""]) == ["x", '""', '""']


def test_m121_white_space_at_an_end_is_in_quotes():
    assert lines(a=[" x", "x ", "x y", "\u3000x"], b=[1, 2, 3, 4]) == [
        '" x",1',
        '"x ",2',
        "x y,3",
        '"\u3000x",4',
    ]


def test_m118_a_line_break_can_become_a_space_and_is_counted():
    table = pl.DataFrame({"a": ["x\r\ny\nz\r", "plain", None], "b": ["\n", "=1", "2"]})
    data, told = written(table, CsvStyle(line_breaks="space"))
    assert data == b'a,b\r\n"x y z "," "\r\nplain,=1\r\n,2\r\n'
    assert told == Written(rows=3, line_breaks=2)
    data, told = written(table)
    assert data == b'a,b\r\n"x\r\ny\nz\r","\n"\r\nplain,=1\r\n,2\r\n'
    assert told.line_breaks == 0


def test_m122_numbers_have_full_stops_and_no_exponents():
    numbers = [1e16, -1.2345678901234568e16, 1e-7, -1.5e-5, 0.1, 7.0, 5e-324, None]
    assert lines(x=numbers, n=range(8))[:6] == [
        "10000000000000000.0,0",
        "-12345678901234568.0,1",
        "0.0000001,2",
        "-0.000015,3",
        "0.1,4",
        "7.0,5",
    ]
    exact = pl.Series([Decimal("1.50"), Decimal("-3.00")], dtype=pl.Decimal(20, 2))
    assert lines(x=exact, n=[1, 2]) == ["1.5,1", "-3,2"]


def test_days_times_and_truth():
    moment = dt.datetime(2024, 2, 29, 10, 0, 0, 1)
    zoned = pl.Series([moment]).dt.replace_time_zone("Europe/Bratislava")
    assert lines(a=[moment], b=zoned, c=[dt.date(2024, 2, 29)], d=[True]) == [
        "2024-02-29T10:00:00.000001Z,2024-02-29T09:00:00.000001Z,2024-02-29,true"
    ]


@given(st.lists(st.none() | st.lists(st.none() | TEXTS, max_size=3), min_size=1, max_size=5))
@examples(50)
def test_lists_are_json(lists: list[list[str | None] | None]):
    table = pl.DataFrame(
        {"n": range(len(lists)), "l": pl.Series(lists, dtype=POLARS_TYPES["list"])}
    )
    data, _ = written(table)
    found = [row[1] for row in csv.reader(io.StringIO(data.decode(), newline=""))][1:]
    assert [json.loads(text) if text else None for text in found] == lists


VALUES: dict[AttributeType, st.SearchStrategy[Any]] = {
    "number": st.floats(allow_nan=False, allow_infinity=False),
    "integer": st.integers(-(2**63), 2**63 - 1),
    "boolean": st.booleans(),
    "date": st.dates(),
    "datetime": st.datetimes(),
    "list": st.lists(TEXTS, min_size=1, max_size=3),
}


@pytest.mark.parametrize("type_", VALUES)
@given(st.data())
@examples(60)
def test_every_type_reads_back_what_was_written(type_: AttributeType, data: st.DataObject):
    values = data.draw(st.lists(VALUES[type_], min_size=1, max_size=5))
    table = pl.DataFrame({"v": pl.Series(values, dtype=POLARS_TYPES[type_])})
    cells = [row[0] for row in read_csv(written(table)[0], delimiter=",", encoding="utf-8").rows]
    reader = parser(type_, None, Zone("Europe/Bratislava"))
    assert [reader.one(cell or "") for cell in cells] == values


def test_a_byte_order_mark_is_written_where_it_is_wanted():
    data, _ = written(pl.DataFrame({"a": ["ž"]}), CsvStyle(byte_order_mark=True))
    assert data == b"\xef\xbb\xbfa\r\n\xc5\xbe\r\n"
    assert read_csv(data).rows == [("ž",)]


def test_large_values_are_written_in_parts_all_the_same():
    table = pl.DataFrame({"a": ["x" * (6 << 20)] * 5, "n": range(5)})
    data, told = written(table)
    assert data == b"a,n\r\n" + b"".join(b"%b,%d\r\n" % (b"x" * (6 << 20), n) for n in range(5))
    assert told.rows == 5
