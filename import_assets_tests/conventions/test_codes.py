"""Each rule of Emarsys has a code, and shows the line, the column and the value that break it."""

from __future__ import annotations

import gzip
import io
import zipfile
from typing import Any

import polars as pl
import pytest

from import_assets.errors import FileRefused
from import_assets.mapping.conventions import cells, contacts, header, quoting, sales, wholefile
from import_assets.mapping.conventions.cells import CellRule
from import_assets.mapping.conventions.findings import Rule
from import_assets.mapping.conventions.profile import RecordRule
from import_assets.pipeline import validation
from import_assets_tests.conventions.files import hold

ITEM = "item,title,link,category,available,price,c_x\n"
SALE = "item,price,order,timestamp,customer,email,note\n"
CONTACT = "email,born,points\n"
FIRST = "0,t,//h/0,Z > Y,true,1,\n"


def product(**cells: str) -> str:
    """A file whose second record has these cells; the first is clean."""
    usual = {"item": "1", "title": "t", "link": "//h/x", "category": "A > B", "available": "true"}
    record = {**usual, "price": "1.5", "c_x": "", **cells}
    return ITEM + FIRST + ",".join(record.values()) + "\n"


def sale(**cells: str) -> str:
    usual = {"item": "1", "price": "1.5", "order": "9", "timestamp": "2026-06-06", "customer": "7"}
    record = {**usual, "email": "", "note": "", **cells}
    return SALE + "0,1,8,2026-06-06T14:02:00Z,7,,\n" + ",".join(record.values()) + "\n"


def contact(**cells: str) -> str:
    record = {"email": "a@x.sk", "born": "1990-01-31", "points": "1", **cells}
    return CONTACT + "b@x.sk,1990-01-31,1\n" + ",".join(record.values()) + "\n"


FILES = {"products": product, "sales": sale, "contacts": contact}

CASES: list[tuple[str, dict[str, str], str, str | None]] = [
    # profile, the cell, the code, the value that is shown if it is not the cell's
    ("products", {"link": "shop.sk/a"}, "url_without_protocol", None),  # M124
    ("products", {"link": "//h/a b"}, "url_not_encoded", None),  # M123, D51
    ("products", {"link": "//h/a[1]"}, "url_not_encoded", None),  # M123
    ("products", {"link": "https:///x"}, "url_without_host", None),
    ("products", {"link": "//h/ž"}, "url_not_ascii", None),  # M123
    ("products", {"price": '"1,5"'}, "decimal_comma", "1,5"),  # M122
    ("products", {"price": '"1.234,50"'}, "decimal_comma", "1.234,50"),  # M122
    ("products", {"price": "9.90 EUR"}, "not_a_number", None),  # M122
    ("products", {"available": "yes"}, "bad_availability", None),
    ("products", {"category": "A > > B"}, "category_without_level", None),  # M127
    ("products", {"category": "A > B >"}, "category_without_level", None),  # M127
    ("products", {"category": "A>B"}, "category_spacing", None),  # M127
    ("products", {"category": "a|b|c | d|e|f"}, "too_many_categories", None),  # M130, D49
    ("products", {"category": "A > B ||C"}, "empty_value", None),  # M129, D50
    ("products", {"c_x": "red|"}, "empty_value", None),  # M125, D50
    ("products", {"c_x": "red | blue"}, "several_values", None),  # M126
    ("products", {"c_x": "NULL"}, "null_word", None),  # M136
    ("products", {"c_x": '"1,5"'}, "looks_like_decimal_comma", "1,5"),  # M122
    ("products", {"c_x": "31.01.2026"}, "looks_like_other_date", None),  # M131
    ("products", {"item": "", "link": "//h/y"}, "empty_required", ""),
    ("products", {"title": '" "'}, "empty_required", " "),
    ("products", {"item": "0"}, "item_twice", None),
    ("products", {"title": ' "t"'}, "space_before_quote", "t"),  # M121, D46
    ("products", {"c_x": '""'}, "quoted_empty", ""),  # M136
    ("products", {"title": '21" tv'}, "quote_not_doubled", None),  # M119, M134
    ("sales", {"timestamp": "2026-06-06 14:02:00"}, "bad_timestamp", None),  # M132
    ("sales", {"timestamp": "2026-06-06T14:02:00+02:00"}, "bad_timestamp", None),  # M132
    ("sales", {"timestamp": "2026-06-06T24:00:00Z"}, "bad_timestamp", None),  # M132
    ("sales", {"timestamp": "06.06.2026"}, "bad_timestamp", None),  # M131
    ("sales", {"timestamp": "2026-02-30"}, "impossible_date", None),  # M131
    ("sales", {"price": '"9,90"'}, "decimal_comma", "9,90"),  # M122
    ("sales", {"order": ""}, "empty_required", ""),
    ("sales", {"email": "a@x.sk"}, "customer_and_email", None),
    ("sales", {"customer": ""}, "no_buyer", ""),
    ("contacts", {"born": "1.2.1990"}, "looks_like_unread_date", None),  # M131
    ("contacts", {"born": "1990/02/01"}, "looks_like_unread_date", None),  # M131
    ("contacts", {"born": "31.02.1985"}, "looks_like_impossible_date", None),  # M131
    ("contacts", {"born": "2020-13-40"}, "looks_like_impossible_date", None),  # M131
    ("contacts", {"born": "32/13/1990"}, "looks_like_impossible_date", None),  # M131
    ("contacts", {"points": '"1,5"'}, "looks_like_decimal_comma", "1,5"),  # M122
    ("contacts", {"email": "", "points": "5"}, "empty_required", ""),
]


@pytest.mark.parametrize(("profile", "cell", "code", "value"), CASES)
def test_m113_each_code_with_line_column_and_value(
    profile: str, cell: dict[str, str], code: str, value: str | None
):
    column, written = next(iter(cell.items()))
    if code == "no_buyer":
        column = "email"  # the last of the two
    shown = (written if value is None else value) or None
    held = hold(profile, FILES[profile](**cell))
    assert held.of(code) == [(3, column, shown)]
    others = [other for other in held.codes if other != code]
    assert others == []
    (row,) = held.findings.to_dicts()
    assert row["message"].endswith(".")
    assert row["advice"].endswith((".", '"21"" monitors".'))
    assert held.summary.codes == {code: (row["severity"], 1)}
    assert held.summary.bad == (row["severity"] == "error")


@pytest.mark.parametrize("profile", FILES)
def test_a_clean_file_has_nothing_to_find(profile: str):
    held = hold(profile, FILES[profile]())
    assert held.codes == []
    assert (held.summary.records, held.summary.bad, held.summary.codes) == (2, 0, {})


def rules_of(module: Any) -> set[str]:
    found = {one for one in vars(module).values() if isinstance(one, Rule | CellRule | RecordRule)}
    return {one.code if isinstance(one, Rule) else one.rule.code for one in found}


FILE_LEVEL = {
    "not_csv_name": "test_m114_the_name_ends_with_csv",
    "wrong_delimiter": "test_m116_other_delimiters_than_commas",
    "missing_column": "test_m120_columns_that_each_file_needs",
    "column_case": "test_capitals_of_columns_count",
    "unknown_column": "test_m138_columns_of_ones_own_are_told",
    "root_category": "test_m128_d48_the_root_category",
    "mixed_date_order": "test_m131_d28_the_order_of_days_and_months",
    "ambiguous_dates": "test_m131_d28_the_order_of_days_and_months",
    "no_identifier_column": "test_contacts_need_something_that_says_who_they_are",
    "header": "test_m120_what_the_reader_says_of_the_header",
    "bad_date": "test_m131_the_date_of_a_sale",
}
"""Codes of the file as a whole, or of rarer columns, and the test that shows each."""


def test_every_code_is_shown():
    modules = (cells, contacts, header, quoting, sales, wholefile, validation)
    codes = set().union(*(rules_of(module) for module in modules))
    assert codes == {code for _, _, code, _ in CASES} | set(FILE_LEVEL)
    assert all(test in globals() for test in FILE_LEVEL.values())


# --- files and headers --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("a.csv", True),
        ("A.CSV", True),
        ("a.csv.gz", True),
        ("a.zip", True),
        ("a.csv.zip", True),
        (None, True),
        ("a.txt", False),
        ("a.txt.gz", False),
        ("csv", False),
    ],
)
def test_m114_the_name_ends_with_csv(name: str | None, good: bool):
    held = hold("sales", sale(), name)
    assert held.of("not_csv_name") == ([] if good else [(None, None, name)])


@pytest.mark.parametrize("content", ["é".encode("cp1252"), b"\xff"])
def test_m114_bytes_that_are_not_utf_8(content: bytes):
    text = product(title="X").encode().replace(b"X", content)
    ((line, column, value),) = hold("products", text).of("undecodable")
    assert (line, column) == (3, None)
    assert "//h/x" in str(value)
    held = hold("products", product().encode("utf-16"))
    assert [found in ("wrong_encoding", "not_text") for found in held.codes] == [True]
    assert held.summary.broken_off is not None


@pytest.mark.parametrize(
    ("delimiter", "word"), [(";", "semicolons"), ("\t", "tabs"), ("|", "pipes")]
)
def test_m116_other_delimiters_than_commas(delimiter: str, word: str):
    text = sale().replace(",", delimiter)
    held = hold("sales", text)
    assert held.of("wrong_delimiter") == [(1, None, None)]
    assert word in held.findings["message"][0]
    assert held.summary.broken_off is not None
    assert hold("sales", text, delimiter=delimiter).codes == []  # M135
    good = word != "pipes"
    held = hold("contacts", contact().replace(",", delimiter))
    assert held.codes == ([] if good else ["wrong_delimiter"])


def test_m117_m133_a_comma_that_is_not_in_quotes():
    held = hold("products", product(title="a, b"))
    assert held.of("too_many_cells") == [(3, None, "1,a, b,//h/x,A > B,true,1.5,")]
    assert hold("products", product(title='"a, b"')).codes == []


def test_m118_a_new_line_in_a_value():
    held = hold("products", product(title='"a\nb"'))
    assert held.of("line_break") == [(3, "title", "a\nb")]
    assert held.summary.bad == 1


def test_m119_m134_quotes_inside_values():
    assert hold("products", product(title='"21"" tv"')).codes == []
    held = hold("products", product(title='"21" tv"'))
    assert held.codes == ["bad_quote"]
    assert held.of("bad_quote")[0][0] == 3
    assert hold("products", product(title='"never')).of("quote_not_closed")[0][0] == 3


def test_m120_columns_that_each_file_needs():
    held = hold("products", "item,price\n1,2\n")
    assert held.of("missing_column") == [(1, None, "title"), (1, None, "link")]
    held = hold("sales", "item,note\n1,x\n")
    assert [value for _, _, value in held.of("missing_column")] == [
        "price",
        "order",
        "timestamp or date",
        "customer or email",
    ]
    assert hold("sales", "item,price,order,date,email\n1,1,1,2026-01-31,a\n").codes == []


def test_m120_the_header_is_there_once():
    assert hold("products", "").codes == ["empty_file"]
    held = hold("products", "item,title,link,title\n1,a,//h/x,b\n")
    assert held.codes == ["duplicate_headers"]
    assert held.of("duplicate_headers")[0][0] == 1
    assert hold("products", "1,a,//h/x\n2,b,//h/y\n").codes.count("missing_column") == 3


def test_m120_rows_follow_the_header():
    text = product()
    assert hold("products", text + "2,t,//h/z\n").of("too_few_cells") == [(4, None, "2,t,//h/z")]


def test_m120_what_the_reader_says_of_the_header():
    held = hold("contacts", "email,\na,b\n")
    assert [line for line, _, _ in held.of("header")] == [1]
    assert held.findings["message"][0] != ""


def test_capitals_of_columns_count():
    """b.8: `Price` is a column of one's own, and `price` is missing then."""
    held = hold("sales", sale().replace("price", "Price"))
    assert held.codes == ["column_case"]
    assert held.of("column_case") == [(1, "Price", "Price")]


def test_m121_white_space_around_values_is_no_fault():
    held = hold("sales", sale(price=" 1.5 ", timestamp="\t2026-06-06 "))
    assert held.codes == []


def test_m138_columns_of_ones_own_are_told():
    text = "item,title,link,title_de,price_sk,c_size,size\n1,t,//h/x,t,5,L,L\n"
    held = hold("products", text)
    assert held.of("unknown_column") == [(1, "size", "size")]
    assert held.summary.own_columns == ("c_size",)
    held = hold("products", text.replace(",5,", ",fünf,"))
    assert held.of("not_a_number") == [(2, "price_sk", "fünf")]


def test_contacts_need_something_that_says_who_they_are():
    text = "Name,number\nAnna,1\nEva,\n"
    assert hold("contacts", text).of("no_identifier_column") == [(1, None, None)]
    held = hold("contacts", text, identifier="number")
    assert held.of("empty_required") == [(3, "number", None)]
    assert held.codes == ["empty_required"]
    assert hold("contacts", text, identifier="id").of("missing_column") == [(1, None, "id")]
    assert hold("contacts", "E-Mail\n \n").summary.bad == 0  # a blank line is no record
    assert hold("contacts", "E-Mail,x\n,1\n").of("empty_required") == [(2, "E-Mail", None)]


def test_m131_the_date_of_a_sale():
    head = "item,price,order,date,email\n"
    held = hold("sales", head + "1,1,1,2026-01-31,a\n1,1,1,31.01.2026,a\n1,1,1,2026-13-01,a\n")
    assert held.of("bad_date") == [(3, "date", "31.01.2026")]
    assert held.of("impossible_date") == [(4, "date", "2026-13-01")]


# --- the whole file -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("categories", "root"),
    [
        (["Books > A", "Books > B"], "Books"),
        (["Books > A|Books>B"], "Books"),
        (["Books > A", "Books", ""], "Books"),
        (["Books > A", "Books > A"], None),  # one category: nothing to tell
        (["Books > A", "Toys > B"], None),
        (["Books > A | Toys > B", "Books > C"], None),
        (["Books > A", "Bookshelf > A"], None),
        (["", ""], None),
    ],
)
def test_m128_d48_the_root_category(categories: list[str], root: str | None):
    records = [f"{at},t,//h/{at},{path},true,1,\n" for at, path in enumerate(categories)]
    held = hold("products", ITEM + "".join(records))
    assert held.of("root_category") == ([(2, "category", root)] if root else [])
    assert held.summary.bad == 0


@pytest.mark.parametrize(
    ("dates", "code", "line", "value"),
    [
        (["25/12/2026", "12/25/2026"], "mixed_date_order", 3, "12/25/2026"),
        (["02/04/2026", "03/04/2026"], "ambiguous_dates", 2, "02/04/2026"),
        (["02/04/2026", "25/12/2026"], None, 0, ""),
        (["05/05/2026", "1990-01-31"], None, 0, ""),
        (["31.01.2026", "2026-01-31"], None, 0, ""),
    ],
)
def test_m131_d28_the_order_of_days_and_months(
    dates: list[str], code: str | None, line: int, value: str
):
    records = [f"{at}@x.sk,{date},1\n" for at, date in enumerate(dates)]
    held = hold("contacts", CONTACT + "".join(records))
    assert held.findings.select("code", "line", "column", "value").rows() == (
        [(code, line, "born", value)] if code else []
    )


def test_an_item_may_stand_again_in_a_later_block():
    """The reader gives some 8 MiB at a time."""
    long = "x" * 1_000
    records = [f"{at},{long},//h/x,,,,\n" for at in range(10_000)]
    again = f"5,{long},//h/x,,,,\n"
    held = hold("products", ITEM + "".join(records) + again + again)
    assert held.of("item_twice") == [(10_002, "item", "5"), (10_003, "item", "5")]
    assert held.findings["message"].to_list() == ["The item stands on line 7 already."] * 2


def test_an_item_that_stands_three_times_in_one_block():
    records = [f"{item},t,//h/x,,,,\n" for item in ("a", "b", "a", "", "", "a")]
    held = hold("products", ITEM + "".join(records))
    assert [line for line, _, _ in held.of("item_twice")] == [4, 7]


# --- packed files, and such as cannot be read -----------------------------------------------------


def test_packed_files_are_unpacked():
    text = product(available="yes")
    assert hold("products", gzip.compress(text.encode()), "a.csv.gz").codes == ["bad_availability"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("one.csv", text)
        file.writestr("two.csv", product())
    held = hold("products", archive.getvalue(), "a.zip")
    assert held.findings.select("line", "file").rows() == [(3, "a.zip!one.csv")]
    assert held.summary.records == 4


def test_what_cannot_be_read_is_no_finding():
    with pytest.raises(FileRefused, match="damaged_archive"):
        hold("products", gzip.compress(product().encode())[:-12], "a.csv.gz")


def test_all_that_is_wrong_with_a_record_is_told_in_its_order():
    held = hold("products", product(link="x y", available="no", price="a"))
    assert held.findings.select("line", "column", "code").rows() == [
        (3, "link", "url_without_protocol"),
        (3, "link", "url_not_encoded"),
        (3, "available", "bad_availability"),
        (3, "price", "not_a_number"),
    ]
    assert (held.summary.bad, held.summary.number_of("error")) == (1, 4)


def test_names_that_look_like_patterns_are_names():
    text = "item,title,link,^.*$\n1,t,//h/x,1\n2,t,//h/y,NULL\n"
    assert hold("products", text).of("null_word") == [(3, "^.*$", "NULL")]


def test_findings_are_frames_of_the_same_columns():
    held = hold("products", product(link="x"))
    assert dict(held.findings.schema) == validation.COLUMNS
    assert held.findings.filter(pl.col("message").is_null()).is_empty()
