"""Imports under the conventions of Emarsys: what they refuse, warn of, and make of values."""

from __future__ import annotations

import datetime as dt

import pytest

from import_assets.errors import FileRefused
from import_assets_tests.conventions.files import CONTACTS, PRODUCTS, PROJECT, SALES, shop

ITEM = "item,title,link,category,available,price,author\n"
SALE = "item,price,order,timestamp,customer,email,quantity\n"


def test_m123_m124_m122_records_that_break_a_rule_are_rejected_with_all_of_them():
    text = ITEM + '1,t,//h/1,A,true,1,\n2,,x y,A > > B,no,"1,5",\n'
    with shop(PRODUCTS) as it:
        imported = it.take(text)
        assert imported.done.counts.rejected == 1
        assert imported.reasons == {
            3: [
                ("title", None, "empty_required"),
                ("link", "x y", "url_without_protocol"),
                ("link", "x y", "url_not_encoded"),
                ("link", "x y", "not_a_url"),
                ("category", "A > > B", "category_without_level"),
                ("available", "no", "bad_availability"),
                ("available", "no", "not_a_boolean"),
                ("price", "1,5", "decimal_comma"),
                ("price", "1,5", "not_a_number"),
            ]
        }
        said = {fault["reason"]: fault["message"] for fault in imported.rejects[0]["faults"]}
        assert said["url_without_protocol"] == (
            "The URL has no protocol. Begin it with http://, https:// or //."
        )
        assert imported.rejects[0]["raw"] == '2,,x y,A > > B,no,"1,5",'


def test_m125_m126_m127_m129_d50_values_as_emarsys_keeps_them():
    """Lists by pipes unasked; texts without the white space around pipes; links as they are."""
    text = (
        ITEM
        + "1,t,//h/a|b,A>B | | C > D | C > D,1,1, Charles Dickens | Oscar Wilde |\n"
        + '2,a > b,//h/2,,0,2,"["\n'
    )
    with shop(PRODUCTS) as it:
        imported = it.take(text)
        assert imported.rows("SELECT link, title, category, author FROM catalogs.products") == [
            ("//h/a|b", "t", ["A > B", "C > D", "C > D"], "Charles Dickens|Oscar Wilde"),
            ("//h/2", "a > b", None, "["),
        ]


def test_m125_lists_of_a_definition_that_says_its_separator_keep_it():
    text = ITEM.replace("author", "c_tags") + "1,t,//h/1,A|B,1,1,x;y|z\n"
    said = PRODUCTS + '  - {from: c_tags, type: list, format: ";"}\n'
    with shop(said) as it:
        imported = it.take(text)
        assert imported.rows("SELECT category, c_tags FROM catalogs.products") == [
            (["A", "B"], ["x", "y|z"])
        ]


def test_m127_a_category_that_is_text_is_kept_as_one():
    with shop(PRODUCTS.replace(", type: list", "")) as it:
        imported = it.take(ITEM + "1,t,//h/1,A>B | C,1,1,\n")
        assert imported.rows("SELECT category FROM catalogs.products") == [("A > B|C",)]


def test_m128_m130_what_is_no_error_is_a_warning_of_the_file():
    text = (
        ITEM
        + "1,t,//h/1,Books > A|Books > B,1,1,x | y\n"
        + "2,t,//h/2,Books|Books > C|Books > D|Books > E|Books > F|Books > G,1,1,x | y\n"
    )
    with shop(PRODUCTS) as it:
        imported = it.take(text)
        assert imported.done.counts.rejected == 0
        several, many, root = imported.warnings
        assert several.startswith("column 'author': ")
        assert "2 records, first on line 2: 'x | y'" in several
        assert several.endswith("[several_values]")
        assert "takes the first 5 and ignores the others (line 3" in many
        assert root.endswith("[root_category]")
        assert "'Books'" in root
        # Predict takes all of them.
        rows = imported.rows("SELECT len(category) FROM catalogs.products ORDER BY item_id")
        assert rows == [(2,), (6,)]


def test_d37_an_item_that_stands_twice_is_rejected_the_second_time():
    with shop(PRODUCTS) as it:
        imported = it.take(ITEM + "1,a,//h/1,A,1,1,\n1,b,//h/1,A,1,1,\n")
        assert imported.reasons == {3: [("item", "1", "item_twice")]}
        assert imported.rows("SELECT title FROM catalogs.products") == [("a",)]


@pytest.mark.parametrize(
    ("text", "reason", "told"),
    [
        ("item,title,price\n1,t,1\n", "missing_column", "lacks the column link"),
        (ITEM.replace("title", "Title") + "1,t,//h,A,1,1,\n", "column_case", "knows it as title"),
        (ITEM.replace(",", ";") + "1;t;//h;A;1;1;\n", "wrong_delimiter", "separated by semicolons"),
        (ITEM.replace("author", "title") + "1,t,//h,A,1,1,\n", "duplicate_headers", "title"),
    ],
)
def test_m114_m116_m120_a_file_whose_header_is_wrong_is_refused(text: str, reason: str, told: str):
    with shop(PRODUCTS) as it, pytest.raises(FileRefused, match=told) as refused:
        it.take(text)
    assert refused.value.reason == reason
    assert refused.value.line == 1


def test_m135_a_delimiter_that_the_definition_says_is_right():
    said = PRODUCTS + 'format: {csv: {delimiter: ";", quote: "\'"}}\n'
    with shop(said) as it:
        imported = it.take(ITEM.replace(",", ";") + "1;'21\"; flat';//h;A;1;1;it's\n")
        assert imported.reasons == {2: [("author", "it's", "quote_not_doubled")]}


def test_m118_m121_m136_d46_how_cells_are_written():
    text = ITEM + ' 1 , "a ", //h/1 ,A,1, 1.5 ,""\n2,"a\nb",//h/2,A,1,1,\n'
    with shop(PRODUCTS) as it:
        imported = it.take(text)
        assert imported.rows("SELECT item_id, title, price, author FROM catalogs.products") == [
            ("1", "a ", 1.5, None)
        ]
        assert imported.reasons == {3: [("title", "a\nb", "line_break")]}
        codes = [warning.rsplit(" ", 1)[1] for warning in imported.warnings]
        assert codes == ["[space_before_quote]", "[quoted_empty]"]


def test_m131_columns_with_a_type_of_products_and_sales_are_held_to_it():
    said = PRODUCTS + "  - {from: c_from, type: date}\n  - {from: c_at, type: datetime}\n"
    head = "item,title,link,c_from,c_at\n"
    with shop(said) as it:
        imported = it.take(
            head
            + "1,t,//h,2026-01-31,2026-01-31T10:00:00Z\n"
            + "2,t,//h,31.01.2026,2026-01-31 10:00\n"
        )
        assert imported.reasons == {
            3: [
                ("c_from", "31.01.2026", "bad_date"),
                ("c_at", "2026-01-31 10:00", "bad_timestamp"),
            ]
        }
    with shop(said.replace("type: date}", 'type: date, format: "%d.%m.%Y"}')) as it:
        assert it.take(head + "2,t,//h,31.01.2026,\n").reasons == {}


# --- sales ----------------------------------------------------------------------------------------


def test_m132_times_are_utc_and_a_day_begins_there_too():
    """The project is in Bratislava; an import that says its own zone is believed."""
    text = SALE + "1,9.90,7,2026-06-06T14:02:00Z,c,,1\n1,9.90,7,2026-06-06,,e@x.sk,-1\n"
    with shop(SALES) as it:
        imported = it.take(text)
        assert imported.rows('SELECT "timestamp" FROM events.purchase ORDER BY 1') == [
            (dt.datetime(2026, 6, 6),),
            (dt.datetime(2026, 6, 6, 14, 2),),
        ]
    with shop(SALES + "timezone: Europe/Bratislava\n") as it:
        assert it.take(text).rows('SELECT min("timestamp") FROM events.purchase') == [
            (dt.datetime(2026, 6, 5, 22),)
        ]


def test_sales_name_one_buyer():
    text = SALE + "1,1,7,2026-06-06,c,e@x.sk,1\n1,1,7,2026-06-06,,,1\n1,1,7,2026-06-06,c,,1\n"
    with shop(SALES) as it:
        imported = it.take(text)
        reasons = {line: [one[2] for one in faults] for line, faults in imported.reasons.items()}
        assert reasons == {2: ["customer_and_email"], 3: ["missing_id", "no_buyer"]}


# --- contacts -------------------------------------------------------------------------------------


def test_m131_d28_the_four_dates_of_contacts():
    """A date that can mean one day only is read; one that can mean two is refused."""
    dates = ["2026-01-31", "31.01.2026", "31/01/2026", "01/31/2026", "05/05/2026"]
    wrong = ["02/04/2026", "31/02/2026"]
    lines = [f"{at}@x.sk,{date},1\n" for at, date in enumerate(dates + wrong)]
    with shop(CONTACTS) as it:
        imported = it.take("email,birthday,points\n" + "".join(lines))
        assert imported.rows("SELECT birthday FROM customers ORDER BY email") == (
            [(dt.date(2026, 1, 31),)] * 4 + [(dt.date(2026, 5, 5),)]
        )
        assert {line: faults[0][:2] for line, faults in imported.reasons.items()} == {
            7: ("birthday", "02/04/2026"),
            8: ("birthday", "31/02/2026"),
        }
    said = CONTACTS.replace("type: date}", 'type: date, format: "%d/%m/%Y"}')
    with shop(said) as it:
        imported = it.take("email,birthday,points\na@x.sk,02/04/2026,1\n")
        assert imported.rows("SELECT birthday FROM customers") == [(dt.date(2026, 4, 2),)]


def test_m136_an_empty_cell_of_a_contact_keeps_what_is_stored():
    with shop(CONTACTS) as it:
        it.take("email,birthday,points\na@x.sk,1990-01-31,5\n")
        imported = it.take("email,birthday,points\na@x.sk,,6\n", "b.csv")
        assert imported.rows("SELECT birthday, points FROM customers") == [
            (dt.date(1990, 1, 31), 6.0)
        ]


def test_m116_contacts_by_semicolons():
    with shop(CONTACTS) as it:
        assert it.take("email;points\na@x.sk;1.5\n").done.counts.inserted == 1


# --- the contract ---------------------------------------------------------------------------------


def test_m115_m138_columns_that_were_agreed_on():
    """Also their order (b.8)."""
    with shop(SALES + "contract: freeze\n", PROJECT) as it:
        it.take(SALE + "1,1,7,2026-06-06,c,,1\n")
        other = "price,item,order,timestamp,customer,email,quantity\n2,1,8,2026-06-06,c,,1\n"
        with pytest.raises(FileRefused):
            it.take(other, "b.csv")


def test_without_conventions_no_rule_applies():
    with shop(PRODUCTS.replace("conventions: emarsys\n", "")) as it:
        imported = it.take("item,link\n1,//h\n1,//h\n")
        assert imported.done.counts.rejected == 0
        assert imported.warnings == ()
