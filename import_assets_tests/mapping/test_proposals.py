"""Types that are proposed for columns: never more than the values prove."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from import_assets.mapping.localtime import Zone
from import_assets.mapping.parsing import WHITE_SPACE
from import_assets.mapping.proposals import Proposal, propose
from import_assets.mapping.types import check_format, parser
from import_assets.records import ColumnKind
from import_assets.spec.models import AttributeType


def of(name: str, *values: str | None) -> Proposal:
    return propose(pl.Series(name, values, dtype=pl.String))


@pytest.mark.parametrize(
    ("name", "values", "type_", "format_"),
    [
        ("n", ["1", "-2", "+3"], "integer", None),
        ("n", ["1", "2.5"], "number", None),
        ("price", ["10", "20"], "number", None),
        ("x", ["1", "0"], "integer", None),
        ("is_new", ["1", "0", ""], "boolean", None),
        ("x", ["TRUE", "false"], "boolean", None),
        ("x", ["yes", "No"], "boolean", "yes/no"),
        ("x", ["Áno", "nie"], "boolean", "áno/nie"),
        ("x", ["Y", "N"], "boolean", "y/n"),
        ("x", ["no"], "text", None),
        ("newsletter", ["no"], "boolean", "yes/no"),
        ("p", ["1 234,50", "3,20"], "number", "1 234,56"),
        ("p", ["1\u00a0234,50"], "number", "1 234,56"),
        ("p", ["1.234,50", "3,20"], "number", "1.234,56"),
        ("p", ["1,234.50", "3.20"], "number", "1,234.56"),
        ("p", ["12,50"], "number", "1234,56"),
        ("p", ["1,234", "12345"], "number", "1234,56"),
        ("p", ["0,250", "1,500"], "number", "1234,56"),
        ("p", ["1,234,567"], "integer", "1,234"),
        ("p", ["0.250", "1.500"], "number", None),
        ("p", ["12 345", "1 234"], "integer", "1 234"),
        ("d", ["2024-01-31", "2024-2-1"], "date", None),
        ("d", ["31.1.2024", "01.02.2024"], "date", None),
        ("d", ["28.9.96"], "date", "%d.%m.%y"),
        ("d", ["2024/01/31"], "date", "%Y/%m/%d"),
        ("d", ["2024-01-31", "2024-01-31 10:00:00"], "datetime", None),
        ("d", ["2017-06-12 10:00:00 -0400"], "datetime", None),
        ("d", ["31-Jan-2024"], "date", "%d-%b-%Y"),
        ("d", ["May 3, 2024", "June 4, 2024"], "date", "%B %d, %Y"),
        ("d", ["12/31/2020 1:05 PM", "1/2/2020 11:00 AM"], "datetime", "%m/%d/%Y %I:%M %p"),
        ("created_at", ["1596615705"], "datetime", "unix"),
        ("n", ["1596615705"], "integer", None),
        ("date", ["20240131"], "date", "%Y%m%d"),
        ("n", ["20240131"], "integer", None),
        ("tags", ['["a"]', '["b", "c"]'], "list", None),
        ("tags", ["a|b", "c"], "list", "|"),
        ("x", ['{"a": 1}'], "json", None),
        ("x", ["https://example.com/a"], "url", None),
        ("x", ["x" * 300], "long text", None),
        ("x", ["one\ntwo"], "long text", None),
        ("x", ["", "  ", None], "text", None),
        ("x", ["Anna", "Eva"], "text", None),
    ],
)
def test_types_and_formats(
    name: str, values: Sequence[str | None], type_: AttributeType, format_: str | None
) -> None:
    """M036, D28, D29, D32"""
    proposal = of(name, *values)
    assert (proposal.type, proposal.format) == (type_, format_)
    assert proposal.question is None
    assert proposal.share == 1.0
    assert proposal.misfits == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x", "007"),
        ("x", "00421900123456"),
        ("x", "+421 900 123 456"),
        ("x", "900 123 456"),
        ("x", "4111111111111111"),
        ("ean", "8586"),
        ("customer_id", "12"),
        ("PSČ", "81101"),
        ("phone", "900123456"),
    ],
)
def test_d29_codes_stay_text(name: str, value: str) -> None:
    """D29: leading zeros, phones, cards and ids are no numbers."""
    assert of(name, value, value[:-1] + "5").type == "text"


def test_one_leading_zero_keeps_a_whole_column_text() -> None:
    """D29"""
    assert of("n", *(str(n) for n in range(1_000, 1_200)), "0123").type == "text"


def test_d28_slashed_dates_are_never_guessed() -> None:
    """D28, M094"""
    proposal = of("d", "02/04/2017", "11/12/2017")
    assert proposal.type == "text"
    assert proposal.question is not None
    assert proposal.question.about == "day_or_month"
    assert proposal.question.text == (
        "is 02/04/2017 the 2nd of April 2017 or the 4th of February 2017?"
    )
    day, month = proposal.answered("day-first"), proposal.answered("month-first")
    assert (day.type, day.format, month.format) == ("date", "%d/%m/%Y", "%m/%d/%Y")
    assert day.question is None


def test_m094_a_value_that_proves_the_order_is_named() -> None:
    """M094"""
    proposal = of("d", "02/04/2017", "13/04/2017")
    assert (proposal.type, proposal.format) == ("date", "%d/%m/%Y")
    assert proposal.why == "'13/04/2017' proves that the day comes first"
    assert of("d", "02/04/2017", "04/13/2017").format == "%m/%d/%Y"


def test_both_orders_in_one_column_are_text() -> None:
    """D28"""
    proposal = of("d", "13/04/2017", "04/13/2017")
    assert proposal.type == "text"
    assert "'13/04/2017' has the day first, '04/13/2017' the month" in proposal.why


def test_two_digit_years_between_dashes_have_the_year_at_either_end() -> None:
    """D28"""
    assert of("d", "17-04-02").type == "text"


@pytest.mark.parametrize(
    ("value", "comma", "point"),
    [
        ("1,234", ("number", "1234,56"), ("integer", "1,234")),
        ("1.234", ("integer", "1.234"), ("number", None)),
    ],
)
def test_d29_one_mark_before_three_digits_is_asked(value: str, comma: Any, point: Any) -> None:
    """D29"""
    proposal = of("n", value, value.replace("1", "2", 1))
    assert proposal.type == "text"
    assert proposal.question is not None
    assert proposal.question.about == "decimal"
    answers = [proposal.answered(word) for word in ("comma", "point")]
    assert [(one.type, one.format) for one in answers] == [comma, point]


@pytest.mark.parametrize("value", ["6-Jan", "Jan-06", "1.23E+11", "#N/A", "#######"])
def test_m096_what_a_spreadsheet_damaged_is_noticed(value: str) -> None:
    """M096"""
    proposal = of("price", "5.1", value)
    assert proposal.type == "text"
    assert "spreadsheet" in proposal.why
    assert value in proposal.why


def test_milliseconds_are_no_times() -> None:
    """M058: only seconds are."""
    proposal = of("created_at", "1596615705000")
    assert proposal.type == "integer"
    assert "divide by 1000" in proposal.why


def test_a_type_that_most_values_fit_is_said_with_those_that_do_not() -> None:
    proposal = of("n", *(f"{n},5" for n in range(96)), "x", "y", "z", "?")
    assert (proposal.type, proposal.format) == ("number", "1234,56")
    assert proposal.share == 0.96
    assert proposal.misfits == ("x", "y", "z")
    few = of("n", *(f"{n},5" for n in range(10)), "x")
    assert few.type == "text"
    assert few.why == "91% fit type number, others such as 'x' do not"


def test_the_type_that_an_attribute_has_is_kept() -> None:
    """M033"""
    ids = pl.Series("n", ["1", "2"])
    assert propose(ids, only="number").type == "number"
    assert propose(ids, only="text").type == "text"
    assert propose(pl.Series("d", ["2024-01-31"]), only="datetime").type == "datetime"
    assert propose(pl.Series("n", ["a"]), only="number").type == "text"


@pytest.mark.parametrize(
    ("values", "kind", "type_"),
    [
        (pl.Series("id", [1, 2]), "integer", "integer"),
        (pl.Series("d", [dt.date(2024, 1, 31)]), "date", "date"),
        (pl.Series("d", [dt.datetime(2024, 1, 31, 10)]), "datetime", "datetime"),
        (pl.Series("l", [["a"], None]), "list", "list"),
        (pl.Series("t", ["yes", "no"]), "text", "boolean"),
    ],
)
def test_columns_of_databases_keep_their_types(
    values: pl.Series, kind: ColumnKind, type_: AttributeType
) -> None:
    assert propose(values, kind=kind).type == type_


_CELLS = st.one_of(
    st.text(max_size=8),
    st.from_regex(r"[0-9]{1,4}[ ,./:-]?[0-9]{0,4}[ ,./:-]?[0-9]{0,4}", fullmatch=True),
    st.sampled_from(["yes", "no", "1", "0", "[1]", "a|b", "2024-01-31", "02/04/2017", "1,234"]),
    st.none(),
)


@given(name=st.text(max_size=6), values=st.lists(_CELLS, max_size=8))
@settings(max_examples=150, deadline=None)
def test_whatever_is_proposed_is_what_its_parser_says(name: str, values: list[str | None]) -> None:
    """The share is that of the values that the type's own parser takes; formats are allowed."""
    series = pl.Series(name, values, dtype=pl.String)
    for proposal in _readings(propose(series)):
        assert check_format(proposal.type, proposal.format) is None
        reading = parser(proposal.type, proposal.format, Zone("UTC"))
        filled = [value for value in values if value is not None and value.strip(WHITE_SPACE)]
        refused = [value for value in filled if hasattr(reading.one(value), "reason")]
        assert proposal.filled == len(filled)
        if filled:
            assert proposal.share == pytest.approx(1 - len(refused) / len(filled))
        assert set(proposal.misfits) <= set(refused)


def _readings(proposal: Proposal) -> list[Proposal]:
    words = [choice.word for choice in proposal.question.choices] if proposal.question else []
    # What does not fit is told of the proposal that stands, not of each answer to its question.
    return [proposal, *(proposal.answered(word) for word in words)]


@pytest.mark.parametrize(
    ("texts", "type_"),
    [
        (["a", '["b", "c"]', None], "list"),
        (["a", "b"], "text"),
        (["[a]", "b"], "text"),
        (['[{"a":"1"},{"a":"2"}]', '[{"a":"3"}]'], "json"),
        (['["1", "2"]', "3"], "list"),
    ],
)
def test_d33_an_element_that_some_rows_have_twice_is_a_list(
    texts: list[str | None], type_: str
) -> None:
    found = propose(pl.Series("tag", texts, dtype=pl.String), kind="element")
    assert (found.type, found.share) == (type_, 1.0)
    assert propose(pl.Series("tag", ["a", '["b"]'])).type == "text", "not in a CSV"


def test_d28_a_date_that_reads_alike_both_ways_is_asked_about_as_such() -> None:
    found = propose(pl.Series("d", ["1/1/2025", "2/2/2025"]))
    assert found.question is not None
    assert found.question.text == (
        "1/1/2025 is the 1st of January 2025 either way: does the day or the month come first?"
    )
