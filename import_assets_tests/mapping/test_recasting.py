"""Stored values under another type: as a cell with their text would be read (M036, M037)."""

from __future__ import annotations

import datetime as dt
from typing import Any, get_args

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.mapping.localtime import Zone
from import_assets.mapping.parsing import Why
from import_assets.mapping.recasting import Recast
from import_assets.mapping.types import PHYSICAL, parser
from import_assets.spec.models import AttributeType
from import_assets_tests.builders import examples

BRATISLAVA = Zone("Europe/Bratislava")
TYPES: tuple[AttributeType, ...] = get_args(AttributeType)

_USUAL = ("a|b", '["a", "b"]', "[]", " ", "5", "1 234,5", "1e3", "true", "1.2.2024", "2024-01-31")
_ODD = ("0", "2024-07-01 10:00", "1596615705", "//a.example/b", '{"a": 1}', "9007199254740993")
CELLS = st.sampled_from((*_USUAL, *_ODD)) | st.text(max_size=5)

VALUES: dict[AttributeType, st.SearchStrategy[Any]] = {
    "number": st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: value != 0),
    "integer": st.integers(-(2**63), 2**63 - 1),
    "boolean": st.booleans(),
    "date": st.dates(),
    "datetime": st.datetimes(dt.datetime(2, 1, 1), dt.datetime(9998, 1, 1)),
    "list": st.lists(st.text(max_size=4), min_size=1, max_size=4),
}


def recast(
    old: AttributeType,
    new: AttributeType,
    values: list[Any],
    format: str | None = None,  # noqa: A002 - as the key is called
    limit: int | None = None,
) -> tuple[list[Any], list[bool]]:
    way = Recast.build(old, new, format, BRATISLAVA, limit)
    typed, misfits = way.apply(pl.Series("x", values, dtype=PHYSICAL[old]))
    assert typed.dtype == PHYSICAL[new]
    return typed.to_list(), misfits.to_list()


@examples(20)
@given(st.lists(CELLS | st.none(), max_size=8), st.sampled_from(TYPES))
def test_m036_a_text_becomes_what_an_import_would_make_of_it(
    cells: list[str | None], type_: AttributeType
) -> None:
    """Cell by cell by the parser that an import has, whatever stands beside it."""
    one = parser(type_, None, BRATISLAVA)
    wanted = [None if cell is None else one.one(cell) for cell in cells]
    values, misfits = recast("text", type_, cells)
    assert misfits == [isinstance(value, Why) for value in wanted]
    assert values == [None if isinstance(value, Why) else value for value in wanted]


@pytest.mark.parametrize("type_", VALUES)
@examples(10)
@given(st.data())
def test_a_value_that_became_a_text_becomes_itself_again(
    type_: AttributeType, data: st.DataObject
) -> None:
    values = data.draw(st.lists(VALUES[type_] | st.none(), max_size=5))
    texts, misfits = recast(type_, "text", values)
    assert not any(misfits)
    assert recast("text", type_, texts) == (values, [False] * len(values))


def test_m037_a_text_becomes_a_real_list() -> None:
    values, misfits = recast("text", "list", ["red | blue", '["a|b"]', "||", None], "|")
    assert values == [["red", "blue"], ["a|b"], None, None]
    assert not any(misfits)


@pytest.mark.parametrize(
    ("old", "new", "value", "wanted"),
    [
        ("number", "text", 5.0, "5"),
        ("number", "text", -0.0, "0"),
        ("number", "text", 10.5, "10.5"),
        ("number", "integer", 5.0, 5),
        ("integer", "number", 5, 5.0),
        ("integer", "boolean", 1, True),
        ("number", "boolean", 0.0, False),
        ("integer", "datetime", 1596615705, dt.datetime(2020, 8, 5, 8, 21, 45)),
        ("datetime", "text", dt.datetime(2024, 7, 1, 10), "2024-07-01T10:00:00Z"),
        ("date", "datetime", dt.date(2024, 7, 1), dt.datetime(2024, 6, 30, 22)),
        ("list", "json", ["ž"], '["ž"]'),
        ("json", "list", '["a", 1]', ["a", "1"]),
    ],
)
def test_values_of_other_types(
    old: AttributeType, new: AttributeType, value: object, wanted: object
) -> None:
    assert recast(old, new, [value]) == ([wanted], [False])


@pytest.mark.parametrize(
    ("old", "new", "value", "reason"),
    [
        ("number", "integer", 5.5, "not_an_integer"),
        ("integer", "number", 2**53 + 1, "too_precise"),
        ("datetime", "date", dt.datetime(2024, 7, 1), "not_a_date"),
        ("boolean", "integer", True, "not_an_integer"),
        ("text", "number", "1,5", "not_a_number"),
    ],
)
def test_what_would_lose_something_does_not_fit(
    old: AttributeType, new: AttributeType, value: object, reason: str
) -> None:
    way = Recast.build(old, new, None, BRATISLAVA, None)
    stored = pl.Series("x", [value], dtype=PHYSICAL[old])
    typed, misfits = way.apply(stored)
    assert (typed.to_list(), misfits.to_list()) == ([None], [True])
    assert way.explain(way.texts(stored)[0]).reason == reason


def test_m079_d35_what_is_too_long_for_a_catalog_does_not_fit() -> None:
    """A list counts as JSON, so it can be longer than the text that it was."""
    assert recast("text", "list", ["a|b", "a|b|c"], "|", limit=9) == (
        [["a", "b"], None],
        [False, True],
    )
    way = Recast.build("text", "list", "|", BRATISLAVA, 9)
    assert way.explain("a|b|c").reason == "value_too_long"
