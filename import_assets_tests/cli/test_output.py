"""What is printed: JSON that is exact, text that a terminal cannot be tricked by."""

from __future__ import annotations

import datetime as dt
import json
import unicodedata
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.cli.exactjson import encode, encode_list
from import_assets.cli.output import _fitted, cell, harmless
from import_assets.cli.querying import unique
from import_assets_tests.builders import examples

_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(_VALUES)
@examples(60)
def test_json_is_what_the_standard_reads_back(value: Any):
    assert json.loads(encode(value)) == value
    assert "\n" not in encode(value)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9, max_value=10**20))
@examples(40)
def test_decimals_keep_every_digit(value: Decimal):
    assert json.loads(encode(value), parse_float=Decimal) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (dt.date(2024, 2, 29), '"2024-02-29"'),
        (dt.datetime(2024, 2, 29, 1, 2, 3, tzinfo=dt.UTC), '"2024-02-29T01:02:03+00:00"'),
        (float("nan"), '"NaN"'),
        (float("-inf"), '"-Infinity"'),
        (b"\x01\xff", '"01ff"'),
        ((1, "ž"), '[1, "ž"]'),
    ],
)
def test_json_of_other_values(value: Any, text: str):
    assert encode(value) == text


def test_a_json_list_of_records():
    assert "".join(encode_list([])) == "[]\n"
    assert "".join(encode_list([{"a": 1}, {"a": 2}])) == '[\n{"a": 1},\n{"a": 2}\n]\n'


@given(st.text())
@examples(60)
def test_no_text_reaches_the_terminal_as_a_command(text: str):
    shown = harmless(text)
    assert not {"Cc", "Zl", "Zp"} & {unicodedata.category(one) for one in shown}
    assert not set("\x1b\n\r\t\x9b\u202e") & set(shown)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (["a", 1], '["a", 1]'),
        (1.5, "1.5"),
        ("a\tb\x1b[1m", "a\\tb\\x1b[1m"),
    ],
)
def test_cells(value: Any, text: str):
    assert cell(value) == text


def test_names_of_columns_are_made_different():
    assert unique(["a", "b", "a", "a", "a_1"]) == ["a", "b", "a_2", "a_3", "a_1"]


@given(st.lists(st.integers(0, 60), max_size=12), st.integers(20, 200))
@examples(60)
def test_tables_fit_the_terminal_or_are_not_drawn(widths: list[int], room: int):
    fitted = _fitted(widths, room)
    if fitted is None:
        assert sum(min(width, 10) + 3 for width in widths) > room
    else:
        assert sum(fitted) + 3 * len(fitted) <= room or not widths
        assert all(
            had >= has and (has == had or has >= 10)
            for had, has in zip(widths, fitted, strict=True)
        )
