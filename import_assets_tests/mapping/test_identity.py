"""The text by which equal events are known (M066, M067, D24, D25)."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.mapping.identity import canonical_event
from import_assets.mapping.types import PHYSICAL
from import_assets.spec.models import AttributeType
from import_assets.staging.digest import digests
from import_assets_tests.builders import examples
from import_assets_tests.mapping.building import apply, block, build, faults

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
    assert texts([("x", type_)], [(T, value)]) == ["1;8:purchaset16:1596615705000000" + text]


def test_attributes_are_sorted_by_name_and_nulls_left_out_d19_d24() -> None:
    one: Attributes = [("b", "text"), ("a", "integer"), ("é", "text"), ("c", "number")]
    other: Attributes = [("é", "text"), ("a", "integer"), ("b", "text")]
    expected = "1;8:purchaset16:15966157050000001:ai1:11:bs1:x2:és1:y"
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
        "1;8:purchaset16:1596615705000000",
        "1;8:purchaset16:1596615705000001",
        "1;8:purchaset18:-62135596800000000",
    ]
    assert texts([], [(T,)], "purchase_item") == ["1;13:purchase_itemt16:1596615705000000"]


# --- digests --------------------------------------------------------------------------------------

PINNED: list[tuple[AttributeType, Any, str]] = [
    ("text", "a", "c1a5015dffe7a4a674437151dcc22b7f"),
    ("text", "", "fc605b8e068c175c8f3e1155468a005a"),
    ("text", "žluťoučký kůň", "4ac207cf1fd42989e5dcac29f26ed8de"),
    ("text", "e\u0301", "e774853506a8ef3298ebb46548cd0bdf"),
    ("text", None, "0104aba8e29273070a0a470323088f60"),
    ("long text", "a", "c1a5015dffe7a4a674437151dcc22b7f"),
    ("number", 0.1, "85f4325e759878a93ff7824b7817bb29"),
    ("number", -0.0, "a0f6f4c4204729d4fd683cc8fdc2b908"),
    ("number", 1e300, "916d3c3cb7751769f19bcf66714d03d2"),
    ("integer", -9223372036854775808, "03ae1ae61a0e349ac8eee9129101470d"),
    ("boolean", True, "d07a74acd4e1f1a74d9882252a260d69"),
    ("date", dt.date(2026, 7, 1), "45b9dbb86695d5a1627d842f6578b64b"),
    ("datetime", dt.datetime(2026, 7, 1, 12, 0, 0, 1), "456e2cf742003620b2ccdd464cd76f43"),
    ("list", ["b", "a", ""], "f138b386d0c80900bb91a3b0b7e5ca37"),
    ("url", "https://a.example/ž?b=1", "1b8b685d38f0a840e1fe7b7c2d51167c"),
    ("json", '{"b": [1, "x"]}', "911cd880f45899a7a81728079aefc2bf"),
]


def digest(attributes: Attributes, values: tuple[Any, ...], event_type: str = "purchase") -> str:
    """The digest of one event at time T."""
    return digests(pl.Series(texts(attributes, [values], event_type)))[0]


@pytest.mark.parametrize(("type_", "value", "expected"), PINNED)
def test_digests_are_pinned_m067(type_: AttributeType, value: Any, expected: str) -> None:
    """They stay the same whatever is upgraded: those of the last 90 days are compared with."""
    assert digest([("x", type_)], (T, value)) == expected


Event = tuple[str, dt.datetime, dict[str, tuple[AttributeType, Any]]]
"""Type, time, and of each attribute its type and value, None for nothing."""

small = st.text("0123:ab\u00e9e\u0301", max_size=4)
VALUES: dict[AttributeType, st.SearchStrategy[Any]] = {
    "text": small,
    "number": st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, -0.0, 1.0]),
    "integer": st.integers(-3, 3),
    "boolean": st.booleans(),
    "date": st.dates() | st.just(T.date()),
    "datetime": st.datetimes() | st.just(T),
    "list": st.lists(small, max_size=3),
    "url": small,
    "json": small,
}


@st.composite
def events(draw: st.DrawFn) -> Event:
    attributes: dict[str, tuple[AttributeType, Any]] = {}
    for name in draw(st.lists(st.sampled_from("ab1é"), unique=True, max_size=3)):
        type_ = draw(st.sampled_from(list(VALUES)))
        attributes[name] = (type_, draw(st.none() | VALUES[type_]))
    when = T + dt.timedelta(microseconds=draw(st.integers(0, 1)))
    return draw(st.sampled_from(["a", "1:a"])), when, attributes


@st.composite
def neighbours(draw: st.DrawFn) -> tuple[Event, Event]:
    """Two events that are equal, or differ in little."""
    one = draw(events())
    event_type, when, attributes = one
    other = dict[str, tuple[AttributeType, Any]](attributes)
    for name in draw(st.lists(st.sampled_from([*attributes, "z"]), max_size=2)):
        type_: AttributeType = draw(st.sampled_from(list(VALUES)))
        nothing: tuple[AttributeType, Any] = (type_, None)
        kept: tuple[AttributeType, Any] = other.get(name, nothing)
        of = kept[0]
        values = st.none() | VALUES[of]
        value = draw(values)
        other[name] = draw(st.sampled_from([kept, nothing, (of, value)]))
        if draw(st.booleans()):
            del other[name]
    names = draw(st.permutations(list(other)))
    return one, (event_type, when, {name: other[name] for name in names})


def same(one: Event, other: Event) -> bool:
    """Whether two events are equal, by the words of M067, D19 and D24."""
    if one[:2] != other[:2]:
        return False
    for name in one[2].keys() | other[2].keys():
        mine_type, mine = one[2].get(name, (None, None))
        its_type, its = other[2].get(name, (None, None))
        if (mine is None) != (its is None):
            return False
        if mine is not None and (mine_type != its_type or mine != its):
            return False
    return True


def digest_of(event: Event) -> str:
    event_type, when, attributes = event
    types: Attributes = [(name, type_) for name, (type_, _) in attributes.items()]
    return digest(types, (when, *(value for _, value in attributes.values())), event_type)


@examples(150)
@given(neighbours() | st.tuples(events(), events()))
def test_digests_are_equal_exactly_where_events_are_m067(pair: tuple[Event, Event]) -> None:
    one, other = pair
    assert (digest_of(one) == digest_of(other)) is same(one, other)


def test_the_smallest_differences_count_m067() -> None:
    """Unicode as given, the order of a list, where its items end, neighbouring floats."""
    pairs: list[tuple[AttributeType, Any, Any]] = [
        ("text", "\u00e9", "e\u0301"),
        ("text", "a", "A"),
        ("text", "a", "a "),
        ("text", "", None),
        ("list", ["a", "b"], ["b", "a"]),
        ("list", ["ab"], ["a", "b"]),
        ("list", ["a"], ["a", "a"]),
        ("number", 0.1, math.nextafter(0.1, 1)),
        ("number", 5e-324, 0.0),
        ("datetime", T, T + dt.timedelta(microseconds=1)),
    ]
    for type_, one, other in pairs:
        assert digest([("x", type_)], (T, one)) != digest([("x", type_)], (T, other))


def test_both_zeros_are_one_number_d24() -> None:
    assert digest([("x", "number")], (T, 0.0)) == digest([("x", "number")], (T, -0.0))


# --- cells ----------------------------------------------------------------------------------------

RULES = [{"from": "id", "id": "registered"}, {"from": "ts", "timestamp": True}]


def mapped_digest(
    cells: dict[str, str | None], *rules: dict[str, Any], timezone: str = "UTC"
) -> str:
    """The digest of a record of a file; it has the columns `id` and `ts`, and those given."""
    record = {"id": ["1"], "ts": ["2020-08-05 08:21:45"]}
    record |= {name: [cell] for name, cell in cells.items()}
    columns = [*RULES, *rules]
    mapping = build(list(record), columns, {"events": "purchase"}, timezone=timezone)
    mapped = mapping.apply(block(record))
    assert mapped.rows.height == 1, faults(mapped)
    attributes: Attributes = [(a.name, a.type) for a in mapping.attributes if not a.excluded]
    return digests(mapped.rows.select(canonical_event(attributes, "purchase")).to_series())[0]


def test_one_instant_is_one_time_whatever_the_zone_m067_d27() -> None:
    usual = mapped_digest({})
    for written in ("2020-08-05T10:21:45+02:00", "2020-08-05T08:21:45Z", "1596615705"):
        assert mapped_digest({"ts": written}, timezone="Asia/Tokyo") == usual
    assert mapped_digest({"ts": "2020-08-05 10:21:45"}, timezone="Europe/Bratislava") == usual
    assert mapped_digest({"ts": "2020-08-05 08:21:45.000001"}) != usual


def test_missing_is_empty_d19() -> None:
    """A column that the file lacks, an empty cell, and a list of nothing."""
    tags = {"from": "x", "type": "list"}
    assert mapped_digest({}) == mapped_digest({"x": None}) == mapped_digest({"x": "[]"}, tags)
    assert mapped_digest({}) == mapped_digest({"x": " "}, {"from": "x", "type": "number"})


def test_one_number_written_otherwise_is_the_same_number_m067() -> None:
    number = {"from": "x", "type": "number"}
    same_number = {mapped_digest({"x": cell}, number) for cell in ("1", "1.0", "1e0", "+1", " 1 ")}
    assert len(same_number) == 1
    assert mapped_digest({"x": "-0.0"}, number) == mapped_digest({"x": "0"}, number)
    assert mapped_digest({"x": "1"}) not in same_number


@pytest.mark.parametrize("cell", ["nan", "NaN", "inf", "-Infinity"])
def test_what_is_no_number_never_gets_a_digest_m067(cell: str) -> None:
    record = {"id": ["1"], "ts": ["1596615705"], "x": [cell]}
    mapped = apply(record, [*RULES, {"from": "x", "type": "number"}], {"events": "purchase"})
    assert mapped.rows.is_empty()
    assert faults(mapped) == {10: [("x", cell, "not_a_number")]}


def test_excluded_attributes_tell_no_events_apart_d25() -> None:
    counted = {"to": "import_date", "value": "2026-07-01"}
    left_out = {**counted, "exclude_from_dedup": True}
    later = {**left_out, "value": "2026-07-02"}
    assert mapped_digest({}, left_out) == mapped_digest({}, later) == mapped_digest({})
    assert mapped_digest({}, counted) != mapped_digest({})
    column = {"from": "x", "exclude_from_dedup": True}
    assert mapped_digest({"x": "a"}, column) == mapped_digest({"x": "b"}, column)


# --- reading back ---------------------------------------------------------------------------------


def parsed(text: str) -> list[tuple[str, str, str]]:
    """Read a text back into (name, tag, value): that this works proves that it is unambiguous."""
    version, _, data = text.encode().partition(b";")
    assert version == b"1"

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


@examples(60)
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
