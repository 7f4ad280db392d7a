"""What each data type accepts, refuses and makes of a cell."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from import_assets.mapping.parsing import WHITE_SPACE
from import_assets.mapping.types import PHYSICAL, check_format, check_static
from import_assets.spec.models import AttributeType, Column
from import_assets_tests.mapping.building import BAD, read, reason

BIG = 2**63 - 1


@pytest.mark.parametrize("type_", ["text", "long text"])
@pytest.mark.parametrize("cell", ["a", " a ", "   ", "007", "11,4", "[2,3,4]", "x\x00y", "\ufeff"])
def test_text_is_kept_exactly_as_given_b3(type_: AttributeType, cell: str) -> None:
    assert read(type_, [cell, None]) == [cell, None]


@pytest.mark.parametrize("type_", [t for t in PHYSICAL if t not in ("text", "long text")])
def test_white_space_alone_is_empty_in_every_type_but_text(type_: AttributeType) -> None:
    assert read(type_, [None, " ", "\t \u00a0\u3000\n"]) == [None, None, None]


def test_the_white_space_that_is_trimmed_is_what_polars_trims() -> None:
    chars = pl.Series([chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000])
    assert "".join(chars.filter(chars.str.strip_chars() == "")) == WHITE_SPACE


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("0", 0.0),
        ("1", 1.0),
        ("+1", 1.0),
        ("-1.50", -1.5),
        (" 0.1 ", 0.1),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("1.5E-3", 0.0015),
        ("007", 7.0),
        ("0" * 400 + "7", 7.0),
        ("0.30000000000000004", 0.30000000000000004),
        ("9007199254740992", 9007199254740992.0),
        ("100000000000000000000", 1e20),
        ("3.0000000000000000000000", 3.0),
        ("1.7976931348623157e308", 1.7976931348623157e308),
        ("5e-324", 5e-324),
        ("0e99999999999", 0.0),
        ("-0.000e-9999999999", 0.0),
    ],
)
def test_number_is_exactly_what_the_cell_says_m122(cell: str, value: float) -> None:
    assert read("number", [cell]) == [value]


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("1,5", "not_a_number"),
        ("1 234", "not_a_number"),
        ("1_000", "not_a_number"),
        ("0x10", "not_a_number"),
        ("nan", "not_a_number"),
        ("inf", "not_a_number"),
        ("-Infinity", "not_a_number"),
        ("1e", "not_a_number"),
        (".", "not_a_number"),
        ("٣", "not_a_number"),
        ("12 €", "not_a_number"),
        ("1.2.3", "not_a_number"),
        ("1e309", "out_of_range"),
        ("9007199254740993", "too_precise"),
        ("0.12345678901234567890", "too_precise"),
        ("1e-400", "too_precise"),
        ("1234567890123456e-330", "too_precise"),
    ],
)
def test_number_refuses_what_it_would_have_to_guess_or_round_d29(cell: str, why: str) -> None:
    assert reason("number", cell) == why


@pytest.mark.parametrize(
    ("format_", "good", "bad"),
    [
        ("1234.56", {"1234.5": 1234.5, "1e3": 1000.0}, ["1,5", "1 234"]),
        ("1234,56", {"1234,5": 1234.5, "1,5e2": 150.0, ",5": 0.5, "12": 12.0}, ["1.5", "1 234,5"]),
        (
            "1 234,56",
            {
                "1 234,5": 1234.5,
                "1\u00a0234\u202f567,1": 1234567.1,
                "1234,5": 1234.5,
                "-1 000": -1000,
            },
            ["12 34,5", "1  234", "1.5", " 1234 567,0", "1 2345"],
        ),
        ("1\u00a0234,50", {"1 234,5": 1234.5}, ["1.234,5"]),
        ("1.234,56", {"1.234.567,8": 1234567.8, "1.234": 1234.0, "12,5": 12.5}, ["1.5", "1,234.5"]),
        ("1,234.56", {"1,234.5": 1234.5, "1,234": 1234.0, "1.5": 1.5}, ["1,5", "1.234,5"]),
        ("1'234.56", {"1'234.5": 1234.5}, ["1,234.5", "1''234"]),
        ("1 234.56", {"1 234.5": 1234.5}, ["1 234,5"]),
        ("12 345 678,9", {"1 234,5": 1234.5}, ["1.5"]),
    ],
)
def test_number_formats_are_declared_by_example_d29(
    format_: str, good: dict[str, float], bad: list[str]
) -> None:
    assert check_format("number", format_) is None
    assert read("number", list(good), format_) == list(good.values())
    assert [reason("number", cell, format_) for cell in bad] == ["not_a_number"] * len(bad)
    assert reason("number", "9007199254740993", format_) == "too_precise"
    assert read("number", ["9007199254740992"], format_) == [9007199254740992.0]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("0", 0),
        ("+7", 7),
        ("-007", -7),
        ("0" * 30 + "7", 7),
        (" 12 ", 12),
        (str(BIG), BIG),
        (str(-BIG - 1), -BIG - 1),
    ],
)
def test_integer(cell: str, value: int) -> None:
    assert read("integer", [cell]) == [value]


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("12.5", "not_an_integer"),
        ("12.0", "not_an_integer"),
        ("1e3", "not_an_integer"),
        ("1_000", "not_an_integer"),
        ("1 000", "not_an_integer"),
        ("0x10", "not_an_integer"),
        ("true", "not_an_integer"),
        ("+-1", "not_an_integer"),
        (str(BIG + 1), "out_of_range"),
        ("-9223372036854775809", "out_of_range"),
    ],
)
def test_integer_refuses_what_is_not_plain_digits_m055(cell: str, why: str) -> None:
    assert reason("integer", cell) == why


@pytest.mark.parametrize("group", [" ", ",", ".", "'"])
def test_integer_groups_are_declared_by_example_d29(group: str) -> None:
    format_ = f"1{group}234"
    assert read("integer", [f"-1{group}234{group}567", "1234567"], format_) == [-1234567, 1234567]
    assert reason("integer", f"12{group}34", format_) == "not_an_integer"
    assert reason("integer", f"9{group}" * 6 + "999", format_) == "not_an_integer"
    assert reason("integer", group.join(["9"] + ["999"] * 6), format_) == "out_of_range"


def test_boolean_b3() -> None:
    assert read("boolean", ["true", "TRUE", " True", "1"]) == [True] * 4
    assert read("boolean", ["false", "False", "0 "]) == [False] * 3
    for cell in ("yes", "t", "y", "on", "2", "01", "1.0", "-1"):
        assert reason("boolean", cell) == "not_a_boolean"


def test_boolean_words_of_ones_own() -> None:
    assert read("boolean", ["Áno", "NIE"], "áno/nie") == [True, False]
    assert reason("boolean", "true", "áno/nie") == "not_a_boolean"
    assert reason("boolean", "1", "áno/nie") == "not_a_boolean"


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1996-09-28", dt.date(1996, 9, 28)),
        ("1996-9-8", dt.date(1996, 9, 8)),
        ("28.9.1996", dt.date(1996, 9, 28)),
        ("28.09.1996", dt.date(1996, 9, 28)),
        (" 8.9.1996 ", dt.date(1996, 9, 8)),
        ("2024-02-29", dt.date(2024, 2, 29)),
        ("0001-01-01", dt.date(1, 1, 1)),
        ("9999-12-31", dt.date(9999, 12, 31)),
    ],
)
def test_date_iso_and_dotted_need_no_format_d28(cell: str, value: dt.date) -> None:
    assert read("date", [cell]) == [value]


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("02/04/2017", "ambiguous_date"),
        ("2017/04/02", "ambiguous_date"),
        ("02-04-2017", "ambiguous_date"),
        ("28.9.96", "ambiguous_date"),
        ("31.2.2020", "impossible_date"),
        ("2023-02-29", "impossible_date"),
        ("1900-2-29", "impossible_date"),
        ("2020-13-01", "impossible_date"),
        ("2020-00-10", "impossible_date"),
        ("0000-01-01", "impossible_date"),
        ("28.9.1996 13:45", "not_a_date"),
        ("19960928", "not_a_date"),
        ("1996-9", "not_a_date"),
        ("96-09-28x", "not_a_date"),
        ("12020-01-01", "not_a_date"),
        ("-2020-01-01", "not_a_date"),
        ("2020- 1- 1", "not_a_date"),
        ("today", "not_a_date"),
        ("6.1", "not_a_date"),
    ],
)
def test_date_never_guesses_d28_m094_m096(cell: str, why: str) -> None:
    assert reason("date", cell) == why


@pytest.mark.parametrize(
    ("format_", "good", "bad"),
    [
        ("%d.%m.%Y", {"28.9.1996": (1996, 9, 28)}, ["1996-09-28", "28.9.96", "28.9.01996"]),
        ("%d/%m/%Y", {"02/04/2017": (2017, 4, 2)}, ["2/4/17", "2017-04-02"]),
        ("%m/%d/%Y", {"02/04/2017": (2017, 2, 4)}, []),
        ("%Y%m%d", {"20170402": (2017, 4, 2)}, ["2017402", "2017-04-02"]),
        ("%d%m%y", {"020417": (2017, 4, 2), "020469": (1969, 4, 2)}, ["20417", "2017-04-02"]),
        ("%d.%m.%y", {"1.1.68": (2068, 1, 1), "1.1.69": (1969, 1, 1)}, ["1.1.1969"]),
        ("%d %b %Y", {"2 Apr 2017": (2017, 4, 2), "2 APR 2017": (2017, 4, 2)}, ["2 April 2017"]),
        ("%B %d, %Y", {"April 2, 2017": (2017, 4, 2)}, ["Apr 2, 2017", "april  2, 2017"]),
        ("%Y-%j", {"2016-366": (2016, 12, 31), "2017-1": (2017, 1, 1)}, ["2017"]),
        ("%d.%m.%Y (%%)", {"2.4.2017 (%)": (2017, 4, 2)}, ["2.4.2017"]),
        ("%Y[%m]%d+", {"2017[4]2+": (2017, 4, 2)}, ["2017-4-2"]),
    ],
)
def test_date_with_a_format_takes_nothing_else_d28(
    format_: str, good: dict[str, tuple[int, int, int]], bad: list[str]
) -> None:
    assert check_format("date", format_) is None
    assert read("date", list(good), format_) == [dt.date(*parts) for parts in good.values()]
    assert read("date", [*bad, *good], format_)[: len(bad)] == [BAD] * len(bad)
    assert [reason("date", cell, format_) for cell in bad] == ["not_a_date"] * len(bad)


@pytest.mark.parametrize(("format_", "cell"), [("%Y-%j", "2017-366"), ("%d %b %Y", "31 Feb 2017")])
def test_impossible_dates_with_a_format(format_: str, cell: str) -> None:
    assert reason("date", cell, format_) == "impossible_date"


utc = dt.datetime


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("2018-8-5 12:20:25", utc(2018, 8, 5, 12, 20, 25)),
        ("2018-8-5t12:20:25Z", utc(2018, 8, 5, 12, 20, 25)),
        ("2018-8-5 12:20:25Z", utc(2018, 8, 5, 12, 20, 25)),
        ("2018-8-5 12:20:25.555Z", utc(2018, 8, 5, 12, 20, 25, 555_000)),
        ("2018-8-5t12:20:25.555Z", utc(2018, 8, 5, 12, 20, 25, 555_000)),
        ("2020-08-05T10:22:00", utc(2020, 8, 5, 10, 22)),
        ("2020-08-05 10:22", utc(2020, 8, 5, 10, 22)),
        ("2020-08-05 9:22", utc(2020, 8, 5, 9, 22)),
        ("2020-08-05T10:22:00.123456", utc(2020, 8, 5, 10, 22, 0, 123_456)),
        ("2020-08-05T10:22:00.1234560000", utc(2020, 8, 5, 10, 22, 0, 123_456)),
        ("2016-06-06T14:02:00Z", utc(2016, 6, 6, 14, 2)),
    ],
)
def test_datetime_iso_b3(cell: str, value: dt.datetime) -> None:
    assert read("datetime", [cell]) == [value]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("2018-8-5T12:20:25+1200", utc(2018, 8, 5, 0, 20, 25)),
        ("2018-8-5T12:20:25-12:00", utc(2018, 8, 6, 0, 20, 25)),
        ("2018-08-05 12:20:25+02", utc(2018, 8, 5, 10, 20, 25)),
        ("2018-08-05 12:20:25 +0530", utc(2018, 8, 5, 6, 50, 25)),
        ("2018-08-05 12:20-00:00", utc(2018, 8, 5, 12, 20)),
    ],
)
def test_datetime_offsets_are_accepted_d27(cell: str, value: dt.datetime) -> None:
    assert read("datetime", [cell], timezone="Asia/Tokyo") == [value]


def test_datetime_of_the_reference_example_m038() -> None:
    """One raw string gives a different value under each type."""
    cell = "28.9.1996 13:45"
    assert read("text", [cell]) == [cell]
    assert read("datetime", [cell]) == [utc(1996, 9, 28, 13, 45)]
    assert reason("date", cell) == "not_a_date"
    assert reason("number", cell) == "not_a_number"
    assert reason("boolean", cell) == "not_a_boolean"
    assert reason("list", cell) == "not_a_list"
    assert read("date", ["28.9.1996"]) == [dt.date(1996, 9, 28)]
    assert read("datetime", ["28.9.1996 13:45:10"]) == [utc(1996, 9, 28, 13, 45, 10)]


def test_a_date_alone_is_midnight_in_the_zone_of_the_import_m059() -> None:
    assert read("datetime", ["2020-08-05", "5.8.2020"]) == [utc(2020, 8, 5)] * 2
    assert read("datetime", ["2020-08-05"], timezone="Europe/Bratislava") == [utc(2020, 8, 4, 22)]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1596615705", utc(2020, 8, 5, 8, 21, 45)),
        ("1596615705.", utc(2020, 8, 5, 8, 21, 45)),
        ("1596615705.5", utc(2020, 8, 5, 8, 21, 45, 500_000)),
        ("1596615705.000001", utc(2020, 8, 5, 8, 21, 45, 1)),
        ("-0.000001", utc(1969, 12, 31, 23, 59, 59, 999_999)),
        ("-1.5", utc(1969, 12, 31, 23, 59, 58, 500_000)),
        ("+0", utc(1970, 1, 1)),
        ("0" * 30 + "1.5", utc(1970, 1, 1, 0, 0, 1, 500_000)),
        ("0" * 30 + "1", utc(1970, 1, 1, 0, 0, 1)),
        ("100000000000", utc(5138, 11, 16, 9, 46, 40)),
        ("-62135596800", utc(1, 1, 1)),
        ("19000100", utc(1970, 8, 8, 21, 48, 20)),
        ("20991232", utc(1970, 8, 31, 22, 53, 52)),
    ],
)
def test_datetime_unix_seconds_m058(cell: str, value: dt.datetime) -> None:
    assert read("datetime", [cell], timezone="Europe/Bratislava") == [value]
    assert read("datetime", [cell], "unix") == [value]


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("1596615705000", "looks_like_milliseconds"),
        ("1596615705000.5", "looks_like_milliseconds"),
        ("-1596615705000", "looks_like_milliseconds"),
        ("100000000001", "looks_like_milliseconds"),
        ("100000000000.000001", "looks_like_milliseconds"),
        ("9" * 40, "looks_like_milliseconds"),
        ("20200805102200", "looks_like_milliseconds"),
        ("20200805", "looks_like_a_date"),
        ("19000101", "looks_like_a_date"),
        ("20991231", "looks_like_a_date"),
        ("20200231", "looks_like_a_date"),
        ("-62135596801", "out_of_range"),
        ("1596615705.1234567", "too_precise"),
        ("2018-8-5 12:20:25.1234567", "too_precise"),
        ("1.59662E+09", "not_a_datetime"),
        ("02/04/2017 10:00", "ambiguous_date"),
        ("28.9.96 13:45", "ambiguous_date"),
        ("31.2.2020 10:00", "impossible_date"),
        ("2020-02-30T10:00:00Z", "impossible_date"),
        ("2020-01-01 24:00", "not_a_datetime"),
        ("2020-01-01 10:60", "not_a_datetime"),
        ("2020-01-01 10:00:60", "not_a_datetime"),
        ("2020-01-01 1:2:3", "not_a_datetime"),
        ("2020-01-01  10:00", "not_a_datetime"),
        ("2020-01-01T10:00:00+15:00", "not_a_datetime"),
        ("2020-01-01T10:00:00+1", "not_a_datetime"),
        ("2020-01-01Z", "not_a_datetime"),
        ("0001-01-01T00:00:00+01:00", "out_of_range"),
        ("9999-12-31T23:59:59-01:00", "out_of_range"),
        ("yesterday", "not_a_datetime"),
    ],
)
def test_datetime_refuses_with_a_reason_d26_d28_b3(cell: str, why: str) -> None:
    assert reason("datetime", cell) == why


def test_format_unix_means_seconds_only_d26() -> None:
    assert read("datetime", ["20200805"], "unix") == [utc(1970, 8, 22, 19, 20, 5)]
    assert reason("datetime", "2020-08-05", "unix") == "not_a_datetime"
    assert reason("datetime", "1596615705000", "unix") == "looks_like_milliseconds"


@pytest.mark.parametrize(
    ("format_", "cell", "value"),
    [
        ("%d.%m.%Y %H:%M", "5.8.2020 9:07", utc(2020, 8, 5, 9, 7)),
        ("%d.%m.%Y", "5.8.2020", utc(2020, 8, 5)),
        ("%Y%m%d%H%M%S", "20200805090701", utc(2020, 8, 5, 9, 7, 1)),
        ("%m/%d/%Y %I:%M %p", "8/5/2020 12:07 am", utc(2020, 8, 5, 0, 7)),
        ("%m/%d/%Y %I:%M %p", "8/5/2020 12:07 PM", utc(2020, 8, 5, 12, 7)),
        ("%m/%d/%Y %I:%M:%S%p", "08/05/2020 01:07:59pm", utc(2020, 8, 5, 13, 7, 59)),
        ("%Y-%m-%d %H:%M:%S.%f", "2020-08-05 09:07:01.5", utc(2020, 8, 5, 9, 7, 1, 500_000)),
        ("%Y-%m-%d %H:%M:%S.%f", "2020-08-05 09:07:01.000001", utc(2020, 8, 5, 9, 7, 1, 1)),
        ("%Y%m%dT%H%M%S%f", "20200805T090701000001", utc(2020, 8, 5, 9, 7, 1, 1)),
        ("%d/%b/%Y:%H:%M:%S %z", "05/Aug/2020:09:07:01 +0200", utc(2020, 8, 5, 7, 7, 1)),
        ("%Y-%m-%dT%H:%M:%S%z", "2020-08-05T09:07:01Z", utc(2020, 8, 5, 9, 7, 1)),
        ("%Y-%m-%d %H", "2020-08-05 9", utc(2020, 8, 5, 9)),
        ("%y%j %H%M", "20218 0907", utc(2020, 8, 5, 9, 7)),
    ],
)
def test_datetime_formats_in_strptime_terms(format_: str, cell: str, value: dt.datetime) -> None:
    assert check_format("datetime", format_) is None
    assert read("datetime", [cell], format_) == [value]


@pytest.mark.parametrize("format_", ["%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M %p", "%Y%m%d%H%M%S"])
@pytest.mark.parametrize("cell", ["2020-08-05 10:00:00", "1596615705", "2020-08-05T10:00:00Z"])
def test_datetime_with_a_format_takes_nothing_else_d28(format_: str, cell: str) -> None:
    assert reason("datetime", cell, format_) == "not_a_datetime"


def test_declared_fractions_beyond_microseconds_are_too_precise() -> None:
    format_ = "%Y-%m-%d %H:%M:%S.%f"
    assert reason("datetime", "2020-08-05 09:07:01.1234567", format_) == "too_precise"
    assert read("datetime", ["2020-08-05 09:07:01.1000000"], format_) == [
        utc(2020, 8, 5, 9, 7, 1, 100_000)
    ]


@pytest.mark.parametrize(
    ("cell", "items"),
    [
        ('["a", "b", "a"]', ["a", "b", "a"]),
        ('["a","b"]', ["a", "b"]),
        ('[ "a" ]', ["a"]),
        ("[]", None),
        ("[ ]", None),
        ('[""]', [""]),
        ('[" a "]', [" a "]),
        ("[1, 2.50, -1e5, 12345678901234567890]", ["1", "2.50", "-1e5", "12345678901234567890"]),
        ("[true, false]", ["true", "false"]),
        ('["a\\"b", "\\u00e1", "c, d"]', ['a"b', "á", "c, d"]),
        ('["a", "b\\n"]', ["a", "b\n"]),
        ('["", ", "]', ["", ", "]),
        ('[",", ","]', [",", ","]),
        ('["x",", ","y"]', ["x", ", ", "y"]),
        ('["x", ",", "y"]', ["x", ",", "y"]),
        ('[", ", "", ", "]', [", ", "", ", "]),
        ('["x",", ", "y"]', ["x", ", ", "y"]),
    ],
)
@pytest.mark.parametrize("separator", [None, "|"])
def test_list_as_json_comes_first_d32(
    cell: str, items: list[str] | None, separator: str | None
) -> None:
    assert read("list", [cell, f"  {cell} "], separator) == [items, items]


@pytest.mark.parametrize(
    ("separator", "cell", "items"),
    [
        ("|", "Charles Dickens | Oscar Wilde", ["Charles Dickens", "Oscar Wilde"]),
        ("|", "b|a|b||  |", ["b", "a", "b"]),
        ("|", "one, two", ["one, two"]),
        ("|", "|", None),
        ("|", " | |", None),
        ("|", "[sale]|[new]", ["[sale]", "[new]"]),
        ("|", "[sale", ["[sale"]),
        (",", "a, b", ["a", "b"]),
        (";", "a;b", ["a", "b"]),
        (" > ", "Men > Shoes", ["Men", "Shoes"]),
    ],
)
def test_list_by_a_declared_separator_d50_m125(
    separator: str, cell: str, items: list[str] | None
) -> None:
    assert read("list", [cell, f"\t{cell}\u00a0"], separator) == [items, items]


@pytest.mark.parametrize(
    ("cell", "separator"),
    [
        ("a,b", None),
        ("a|b", None),
        ("a", None),
        ('["a",]', None),
        ('["a"', None),
        ("['a', 'b']", None),
        ("['a', 'b']", "|"),
        ("[NaN]", None),
        ("[null]", "|"),
        ('[{"a": 1}]', "|"),
        ("[[1]]", None),
        ('["\\ud800"]', "|"),
        ("[" * 5000 + "]" * 5000, "|"),
    ],
)
def test_list_is_never_split_by_itself_d32_m037(cell: str, separator: str | None) -> None:
    assert reason("list", cell, separator) == "not_a_list"


@pytest.mark.parametrize(
    "cell",
    [
        "http://example.com",
        "https://example.com/a?b=c#d",
        "//cdn.example.com/x.png",
        "HTTPS://Example.com:8443/",
        "http://user:pw@example.com/",
        "https://example.com/%5B1%5D",
        "https://príklad.sk/cesta",
    ],
)
def test_url_m123_m124_d51(cell: str) -> None:
    assert read("url", [cell, f" {cell} "]) == [cell, cell]


@pytest.mark.parametrize(
    "cell",
    [
        "example.com",
        "ftp://example.com",
        "/path",
        "http:/example.com",
        "https://",
        "http:///path",
        "https://?q",
        "http://:80/",
        "http://user@/",
        "http://example.com:port/",
        "http://example.com/a b",
        "http://example.com/[1]",
        "http://exa\tmple.com",
        "javascript://x\nhttp://y",
    ],
)
def test_url_refused_m123_m124(cell: str) -> None:
    assert reason("url", cell) == "not_a_url"


@pytest.mark.parametrize(
    "cell",
    [
        '{"a": 1, "a": 2}',
        "[1e999]",
        "null",
        '"x"',
        "1",
        "-0.0",
        '"\\ud83d\\ude00"',
        "[" * 100 + "]" * 100,
    ],
)
def test_json_keeps_the_text(cell: str) -> None:
    assert read("json", [cell, f"\u00a0{cell}\n"]) == [cell, cell]


@pytest.mark.parametrize(
    "cell",
    [
        "{",
        "{'a': 1}",
        "NaN",
        "[Infinity]",
        "01",
        "[1,]",
        '"\t"',
        '"\\ud800"',
        "[" * 101 + "]" * 101,
        "a",
    ],
)
def test_json_refused(cell: str) -> None:
    assert reason("json", cell) == "not_json"


@pytest.mark.parametrize(
    ("type_", "format_"),
    [
        ("text", "x"),
        ("url", "x"),
        ("json", "x"),
        ("number", ""),
        ("number", "number"),
        ("number", "1,234"),
        ("number", "1.234"),
        ("number", "1,234,567"),
        ("number", "1,234,56"),
        ("number", "1 234"),
        ("integer", "1234.5"),
        ("integer", "12 34"),
        ("boolean", "yes"),
        ("boolean", "yes/no/maybe"),
        ("boolean", "yes/"),
        ("boolean", "yes/YES"),
        ("boolean", "no/yes"),
        ("boolean", "false/true"),
        ("date", "unix"),
        ("date", "%d.%m."),
        ("date", "%Y-%m-%d %H:%M"),
        ("date", "%Y-%m-%d %j"),
        ("date", "%Y-%Y-%m-%d"),
        ("date", "%y %Y-%m-%d"),
        ("date", "%e.%m.%Y"),
        ("date", "dd.mm.yyyy"),
        ("date", "%d.%m.%Y %"),
        ("datetime", "%H:%M"),
        ("datetime", "%s"),
        ("datetime", "%Y-%m-%d %I:%M"),
        ("datetime", "%Y-%m-%d %H:%M %p"),
        ("datetime", "%Y-%m-%d %M"),
        ("datetime", "%Y-%m-%d %H:%S"),
        ("datetime", "%Y-%m-%d %H:%M.%f"),
        ("datetime", "%Y-%m-%d %z"),
        ("list", ""),
        ("list", "abc"),
        ("list", '"'),
        ("list", "["),
        ("list", "||||||"),
    ],
)
def test_formats_that_do_not_fit_are_told_in_a_sentence(type_: AttributeType, format_: str) -> None:
    fault = check_format(type_, format_)
    assert fault is not None
    assert len(fault) > 20


def test_no_format_always_fits() -> None:
    assert {check_format(type_, None) for type_ in PHYSICAL} == {None}


def static(value: str, **rule: Any) -> Column:
    return Column.model_validate({"to": "x", "value": value, **rule})


def test_static_values_are_of_their_type_m005_m039() -> None:
    assert check_static(static("Import_11 June 2019"), "UTC") is None
    assert check_static(static("20190715", type="integer"), "UTC") is None
    assert check_static(static("", type="number"), "UTC") is None
    assert "not_an_integer" in (check_static(static("12.5", type="integer"), "UTC") or "")
    assert "nonexistent" in (
        check_static(static("2024-03-31 02:30", type="datetime"), "Europe/Bratislava") or ""
    )
    assert "separator" in (check_static(static("a", type="list", format="abc"), "UTC") or "")
