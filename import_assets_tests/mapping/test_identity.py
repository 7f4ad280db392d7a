"""The text by which equal events are known (M066, M067, D24, D25)."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from import_assets.mapping.identity import canonical_event
from import_assets.mapping.types import PHYSICAL
from import_assets.spec.models import AttributeType

T = dt.datetime(2020, 8, 5, 8, 21, 45)
Attributes = list[tuple[str, AttributeType]]


def texts(
    attributes: Attributes, rows: list[tuple[Any, ...]], event_type: str = "purchase"
) -> list[str]:
    """The canonical texts of rows of a timestamp and values."""
    schema = {"_timestamp": pl.Datetime("us")} | {f"attr:{n}": PHYSICAL[t] for n, t in attributes}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    found = frame.select(canonical_event(attributes, event_type)).to_series()
    assert found.null_count() == 0
    return found.to_list()


@pytest.mark.parametrize(
    ("type_", "value", "text"),
    [
        ("text", "a", "1:xs1:a"),
        ("long text", "a", "1:xs1:a"),
        ("text", "", "1:xs0:"),
        ("text", "é", "1:xs2:é"),
        ("number", 1.0, "1:xn19:4607182418800017408"),
        ("number", -1.5, "1:xn20:-4613937818241073152"),
        ("number", 0.1, "1:xn19:4591870180066957722"),
        ("number", 0.0, "1:xn1:0"),
        ("number", -0.0, "1:xn1:0"),
        ("integer", -12, "1:xi3:-12"),
        ("boolean", True, "1:xb1:1"),
        ("boolean", False, "1:xb1:0"),
        ("date", dt.date(1970, 1, 2), "1:xd1:1"),
        ("date", dt.date(1969, 12, 31), "1:xd2:-1"),
        ("datetime", dt.datetime(1970, 1, 1, 0, 0, 1, 5), "1:xt7:1000005"),
        ("list", ["a", "", "bc"], "1:xl9:1:a0:2:bc"),
        ("list", [], "1:xl0:"),
        ("url", "//a", "1:xu3://a"),
        ("json", "[]", "1:xj2:[]"),
        ("text", None, ""),
        ("list", None, ""),
    ],
)
def test_the_text_is_pinned_because_digests_of_it_are_kept_m067(
    type_: AttributeType, value: Any, text: str
) -> None:
    assert texts([("x", type_)], [(T, value)]) == ["8:purchaset16:1596615705000000" + text]


def test_attributes_are_sorted_by_name_and_nulls_left_out_d19_d24() -> None:
    one: Attributes = [("b", "text"), ("a", "integer"), ("é", "text"), ("c", "number")]
    other: Attributes = [("é", "text"), ("a", "integer"), ("b", "text")]
    expected = "8:purchaset16:15966157050000001:ai1:11:bs1:x2:és1:y"
    assert texts(one, [(T, "x", 1, "y", None)]) == [expected]
    assert texts(other, [(T, "y", 1, "x")]) == [expected]


def test_text_and_number_are_not_the_same_m067() -> None:
    given_types: list[AttributeType] = ["text", "number", "integer", "boolean", "url", "json"]
    values: list[Any] = ["1", 1.0, 1, True, "1", "1"]
    found = {
        texts([("x", type_)], [(T, value)])[0]
        for type_, value in zip(given_types, values, strict=True)
    }
    assert len(found) == len(given_types)


def test_time_counts_to_the_microsecond_and_the_event_type_too_m067() -> None:
    rows = [(T,), (T + dt.timedelta(microseconds=1),), (dt.datetime(1, 1, 1),)]
    assert texts([], rows) == [
        "8:purchaset16:1596615705000000",
        "8:purchaset16:1596615705000001",
        "8:purchaset18:-62135596800000000",
    ]
    assert texts([], [(T,)], "purchase_item") == ["13:purchase_itemt16:1596615705000000"]


ATTRIBUTES: Attributes = [
    ("s1", "text"), ("s2", "text"), ("n", "number"), ("i", "integer"), ("b", "boolean"),
    ("d", "date"), ("t", "datetime"), ("l", "list"), ("u", "url"), ("j", "json"),
]  # fmt: skip
small = st.text("0123:ab", max_size=4)
rows_of_values = st.tuples(
    st.sampled_from([T, dt.datetime(1999, 1, 1), dt.datetime(2020, 8, 5, 8, 21, 45, 1)]),
    st.none() | small,
    st.none() | small,
    st.none()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0.0, -0.0, 1.0]),
    st.none() | st.integers(-3, 3),
    st.none() | st.booleans(),
    st.none() | st.dates(),
    st.none() | st.datetimes(),
    st.none() | st.lists(small, max_size=3),
    st.none() | small,
    st.none() | small,
)


def plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a row means; repr tells neighbouring floats and types apart, and joins both zeros."""
    return tuple(
        repr(abs(v) if isinstance(v, float) and math.isclose(v, 0, abs_tol=0) else v) for v in row
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(rows_of_values, min_size=2, max_size=12))
def test_equal_events_have_equal_texts_and_others_never_m067(rows: list[tuple[Any, ...]]) -> None:
    rows = [*rows, rows[0]]
    found = texts(ATTRIBUTES, rows)
    for index, (row, text) in enumerate(zip(rows, found, strict=True)):
        for other, other_text in zip(rows[:index], found[:index], strict=True):
            assert (plain(row) == plain(other)) == (text == other_text)


def parsed(text: str) -> list[tuple[str, str, str]]:
    """Read a text back into (name, tag, value): that this works proves that it is unambiguous."""
    data = text.encode()

    def take() -> bytes:
        nonlocal data
        size, _, rest = data.partition(b":")
        data = rest[int(size) :]
        return rest[: int(size)]

    event_type, tag, data = take(), data[:1], data[1:]
    parts = [(event_type.decode(), tag.decode(), take().decode())]
    while data:
        name = take()
        tag, data = data[:1], data[1:]
        parts.append((name.decode(), tag.decode(), take().decode()))
    return parts


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.text("ab:1é", min_size=1, max_size=4), st.none() | st.text(max_size=6), max_size=5
    ),
    st.text("e:1", min_size=1, max_size=4),
)
def test_the_text_can_be_read_back(values: dict[str, str | None], event_type: str) -> None:
    (text,) = texts([(name, "text") for name in values], [(T, *values.values())], event_type)
    expected = [(n, "s", v) for n, v in sorted(values.items()) if v is not None]
    assert parsed(text) == [(event_type, "t", "1596615705000000"), *expected]
