"""For every type: a cell is refused, or its value says exactly what the cell says.

Each reference here is slow, plain Python that shares nothing with the package, and each is exact
in both directions: what it takes must be taken, what it does not must be refused. Hypothesis feeds
both with cells that look right, nearly right and not at all right.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import zoneinfo
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from import_assets.mapping.localtime import Zone
from import_assets.mapping.types import PHYSICAL, parser
from import_assets.spec.models import AttributeType
from import_assets_tests.mapping.building import BAD, block, build, read

TYPES: tuple[AttributeType, ...] = get_args(AttributeType)
WHITE = "".join(chr(c) for c in range(0x3001) if chr(c).isspace() and not 0x1C <= c <= 0x1F)

junk = st.text(st.sampled_from("0123456789+-.,:/ eETtZz'_[]\"{}|\\nab\u00a0\t٣ſ\x00"), max_size=24)
spaces = st.sampled_from(["", "", "", " ", "\t", "\u00a0"])


def cells(usual: st.SearchStrategy[str]) -> st.SearchStrategy[list[str | None]]:
    """Columns of cells: usual ones, some with white space around or a character changed."""
    padded = st.tuples(spaces, usual, spaces).map("".join)
    spoilt = st.tuples(usual, st.integers(0, 30), st.sampled_from("0-+.: eT/1xZ")).map(
        lambda t: t[0][: t[1]] + t[2] + t[0][t[1] + 1 :]
    )
    one = st.one_of(usual, usual, padded, spoilt, junk, st.text(max_size=8), st.none())
    return st.lists(one, min_size=1, max_size=25)


Reference = Callable[[str], Any]


def agrees(
    type_: AttributeType,
    column: Sequence[str | None],
    reference: Reference,
    format_: str | None = None,
    zone: str = "UTC",
) -> None:
    """Assert that each cell is null if blank, and otherwise just what the reference says."""
    found = read(type_, column, format_, zone)
    for cell, value in zip(column, found, strict=True):
        text = None if cell is None else cell.strip(WHITE)
        if not text:
            assert value is None, cell
            continue
        expected = reference(text)
        assert (value is BAD) == (expected is BAD), (cell, value, expected)
        if expected is not BAD:
            assert value == expected, (cell, value, expected)


# --- numbers ------------------------------------------------------------------------------------


def number(text: str) -> Any:
    if not re.fullmatch(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        return BAD
    value = float(text)
    if math.isinf(value):
        return BAD
    return value if Decimal(text) == Decimal(repr(value)) else BAD


floats = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.one_of(
    floats.map(repr),
    floats.map(lambda value: f"{value:.17g}"),
    floats.map(lambda value: f"{value:.3f}"),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20).map(
        str
    ),
    st.integers(-(2**70), 2**70).map(str),
    st.integers(2**53 - 9, 2**53 + 9).map(str),
    st.tuples(st.integers(1, 10**16), st.integers(-340, 320)).map(lambda t: f"{t[0]}e{t[1]}"),
)


few = settings(max_examples=40, deadline=None)
"""Each example is a column of up to 25 cells."""


@few
@given(cells(numbers))
@example(["inf", "nan", "-infinity", "9007199254740993", "1e-400", "2.5e-323", "123456e-325"])
def test_number_d29_m122(column: list[str | None]) -> None:
    agrees("number", column, number)


def european(text: str) -> Any:
    if not re.fullmatch(
        r"[+-]?(([0-9]{1,3}([ \u00a0\u202f][0-9]{3})+|[0-9]+)(,[0-9]*)?|,[0-9]+)([eE][+-]?[0-9]+)?",
        text,
    ):
        return BAD
    return number(re.sub(r"[ \u00a0\u202f]", "", text).replace(",", "."))


grouped = st.tuples(st.integers(-(10**17), 10**17), st.sampled_from(["", ",5", ",25", ","])).map(
    lambda t: f"{t[0]:,}".replace(",", " ") + t[1]
)


@few
@given(cells(grouped | grouped.map(lambda text: text.replace(" ", "\u202f")) | numbers))
def test_number_with_a_declared_format_d29(column: list[str | None]) -> None:
    agrees("number", column, european, "1 234,56")


def integer(text: str) -> Any:
    if not re.fullmatch("[+-]?[0-9]+", text):
        return BAD
    return int(text) if -(2**63) <= int(text) < 2**63 else BAD


@few
@given(cells(st.integers(-(2**64), 2**64).map(str) | st.integers().map(str) | numbers))
def test_integer(column: list[str | None]) -> None:
    agrees("integer", column, integer)


# --- dates --------------------------------------------------------------------------------------


def date(text: str) -> Any:
    if match := re.fullmatch("([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})", text):
        year, month, day = (int(part) for part in match.groups())
    elif match := re.fullmatch(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})", text):
        day, month, year = (int(part) for part in match.groups())
    else:
        return BAD
    try:
        return dt.date(year, month, day)
    except ValueError:
        return BAD


parts = st.tuples(st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32))
dates = st.one_of(
    st.dates().map(str),
    st.dates().map(lambda day: f"{day.day}.{day.month}.{day.year:04}"),
    parts.map(lambda p: f"{p[0]:04}-{p[1]}-{p[2]}"),
    parts.map(lambda p: f"{p[2]:02}.{p[1]:02}.{p[0]}"),
    parts.map(lambda p: f"{p[2]:02}/{p[1]:02}/{p[0]:04}"),
)


@few
@given(cells(dates))
@example(["0000-01-01", "2020- 1- 1", "2020-02-30", "30.2.2020", "+2020-01-01", "1900-02-29"])
def test_date_b3_d28(column: list[str | None]) -> None:
    agrees("date", column, date)


def slashed(text: str) -> Any:
    match = re.fullmatch("([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})", text)
    return date(f"{match[3]}-{match[2]}-{match[1]}") if match else BAD


@few
@given(cells(dates))
def test_date_with_a_declared_format_d28(column: list[str | None]) -> None:
    agrees("date", column, slashed, "%d/%m/%Y")


US = dt.timedelta(microseconds=1)
EPOCH = dt.datetime(1970, 1, 1)
TIME = (
    r"(?:[Tt ]([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:\.([0-9]+))?)?"
    r"( ?(?:[Zz]|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?))?)?"
)


@lru_cache(maxsize=100_000)
def shown_once(local: dt.datetime, zone: str) -> Any:
    """The one instant whose clock in the zone shows `local`, found by asking the clock."""
    info = zoneinfo.ZoneInfo(zone)
    instants = set()
    for hours in range(-16, 17):
        # Every offset in use lies near one of these; ask for it there.
        try:
            near = (local + dt.timedelta(hours=hours)).replace(tzinfo=dt.UTC)
            instant = local - (near.astimezone(info).utcoffset() or dt.timedelta())
            if instant.replace(tzinfo=dt.UTC).astimezone(info).replace(tzinfo=None) == local:
                instants.add(instant)
        except OverflowError:
            continue
    return instants.pop() if len(instants) == 1 else BAD


def moment(text: str, zone: str) -> Any:
    if match := re.fullmatch(r"([+-]?)([0-9]+)(?:\.([0-9]*))?", text):
        return seconds(match[1], match[2], match[3])
    match = re.fullmatch(r"(\S*?[0-9])" + TIME, text)
    if not match:
        return BAD
    day = date(match[1])
    fraction = (match[5] or "").rstrip("0")
    if day is BAD or len(fraction) > 6:
        return BAD
    clock = dt.time(
        int(match[2] or 0), int(match[3] or 0), int(match[4] or 0), int(fraction.ljust(6, "0"))
    )
    local = dt.datetime.combine(day, clock)
    if not match[6]:
        return shown_once(local, zone)
    offset = match[6].strip()
    if offset in ("Z", "z"):
        return local
    digits = offset[1:].replace(":", "").ljust(4, "0")
    east = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:])) * (
        -1 if offset[0] == "-" else 1
    )
    try:
        return local - east
    except OverflowError:
        return BAD


def seconds(sign: str, whole: str, fraction: str | None) -> Any:
    bare = not sign and fraction is None and len(whole) == 8
    fraction = fraction or ""
    value = Decimal(f"{whole}.{fraction or 0}") * (-1 if sign == "-" else 1)
    day_like = bare and 19000101 <= value <= 20991231
    if abs(value) > 10**11 or value < -62135596800 or day_like:
        return BAD
    if len(fraction.rstrip("0")) > 6:
        return BAD
    return EPOCH + US * int(value * 10**6)


near_changes = st.tuples(
    st.sampled_from(
        [(2024, 3, 31, 2), (2024, 10, 27, 2), (2018, 11, 4, 0), (2019, 2, 16, 23), (2101, 3, 27, 2)]
    ),
    st.integers(-2 * 10**6 * 3600, 2 * 10**6 * 3600),
).map(lambda t: dt.datetime(*t[0]) + t[1] * US)
moments = (
    st.datetimes() | st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2040, 1, 1)) | near_changes
)
offsets = st.sampled_from(
    ["", "", "Z", "z", "+02:00", "-1130", "+14", " +0545", "+15:00", "-00:00"]
)
datetimes = st.one_of(
    moments.map(lambda m: f"{m:%H:%M:%S}").flatmap(
        lambda time: moments.map(lambda m: f"{m.date()} {time}")
    ),
    moments.map(lambda m: str(m)[:19]),
    st.tuples(moments, offsets).map(lambda t: t[0].isoformat() + t[1]),
    st.tuples(moments, offsets).map(lambda t: t[0].isoformat(" ", "minutes") + t[1]),
    moments.map(lambda m: f"{m.day}.{m.month}.{m.year:04} {m.hour}:{m.minute:02}"),
    moments.map(lambda m: f"{m.isoformat()}.1234567"),
    dates,
)
unix = st.one_of(
    st.integers(-63 * 10**9, 11 * 10**10).map(str),
    st.integers(19 * 10**6, 21 * 10**6).map(str),
    st.tuples(st.integers(-(10**12), 10**12), st.integers(0, 10**7)).map(
        lambda t: f"{t[0]}.{t[1]}"
    ),
)


@few
@given(cells(datetimes | unix), st.sampled_from(["UTC", "Europe/Bratislava", "America/Sao_Paulo"]))
@example(["0001-01-01 00:00:00", "9999-12-31 23:59:59", "0000-01-01 00:00:00"], "Europe/Bratislava")
@example(["0001-01-01 00:00:00", "9999-12-31 23:59:59"], "America/Sao_Paulo")
@example(["2020- 1- 2  3:04:05", "2020-01-02 03:04:60", "20200101."], "UTC")
def test_datetime_b3_m058_m059_d26_d27(column: list[str | None], zone: str) -> None:
    agrees("datetime", column, lambda text: moment(text, zone), zone=zone)


# --- the rest -----------------------------------------------------------------------------------


def boolean(text: str) -> Any:
    return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), BAD)


@few
@given(cells(st.sampled_from(["true", "false", "TRUE", "False", "1", "0", "yes", "t", "01"])))
def test_boolean_b3(column: list[str | None]) -> None:
    agrees("boolean", column, boolean)


class Exact(str):
    """A number in JSON, as written."""


def array(text: str) -> Any:
    def refuse(name: str) -> Any:
        raise ValueError(name)

    try:
        found = json.loads(text, parse_int=Exact, parse_float=Exact, parse_constant=refuse)
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return BAD
    if not isinstance(found, list) or not all(isinstance(item, str | bool) for item in found):
        return BAD
    items = [str(item).lower() if isinstance(item, bool) else str(item) for item in found]
    return items or None


scalars = st.text(max_size=6) | st.booleans() | st.integers() | floats
values = st.recursive(
    scalars | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
)
punctuation = st.text(st.sampled_from('a ,|"[]'), max_size=4) | st.sampled_from([", ", ",", '","'])


@st.composite
def written(draw: st.DrawFn) -> str:
    """Arrays of texts that look like separators, separated in one way or in several."""
    items = [json.dumps(item) for item in draw(st.lists(punctuation, min_size=1, max_size=5))]
    ways = draw(st.sampled_from([[","], [", "], [",", ", "], [",", ", ", " ,"]]))
    return f"[{items[0]}{''.join(draw(st.sampled_from(ways)) + item for item in items[1:])}]"


arrays = st.one_of(
    written(),
    st.lists(scalars, max_size=5).map(json.dumps),
    st.lists(st.text(max_size=6), max_size=5).map(lambda v: json.dumps(v, ensure_ascii=False)),
    st.lists(st.text(max_size=4), max_size=5).map(lambda v: json.dumps(v, separators=(",", ":"))),
    values.map(json.dumps),
)


@few
@given(cells(arrays))
@example(['["x",", ","y"]', '["x", ",", "y"]', '["x",", ", "y"]', '[", ",",",""]', "[]"])
@example(
    ['["a", ", "]', '["\\""]', '["a"  ,"b"]', '["a","b", "c"]', "['a']", '["\x1f"]', '["\\ud800"]']
)
def test_list_d32(column: list[str | None]) -> None:
    agrees("list", column, array)


def pieces(text: str) -> Any:
    if text.startswith("["):
        found = array(text)
        if found is not BAD:
            return found
        try:
            json.loads(text, parse_constant=json.loads)
        except (ValueError, RecursionError):
            if "|" not in text and text.endswith("]"):
                return BAD
        else:
            return BAD
    return [part.strip(WHITE) for part in text.split("|") if part.strip(WHITE)] or None


@few
@given(cells(st.lists(st.text("ab |,[]", max_size=4), max_size=5).map("|".join) | arrays))
def test_list_with_a_declared_separator_d32_d50(column: list[str | None]) -> None:
    # A half surrogate is JSON to Python's reader, and no text to anybody.
    plain = [cell for cell in column if cell is None or "\\ud" not in cell]
    agrees("list", plain, pieces, "|")


def json_text(text: str) -> Any:
    def refuse(name: str) -> Any:
        raise ValueError(name)

    try:
        found = json.loads(text, parse_constant=refuse)
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return BAD
    return text


@few
@given(cells(values.map(json.dumps) | arrays))
def test_json(column: list[str | None]) -> None:
    agrees("json", column, json_text)


def url(text: str) -> Any:
    match = re.fullmatch(r"(?:https?:)?//([^/?#]*)(.*)", text, re.IGNORECASE | re.DOTALL)
    if not match or re.search(r"[\s\x00-\x20\x7f\[\]]", text):
        return BAD
    host = match[1].rpartition("@")[2] if match[1].count("@") < 2 else ""
    name, colon, port = host.partition(":")
    return text if name and (not colon or re.fullmatch("[0-9]*", port)) else BAD


urls = st.tuples(
    st.sampled_from(["http://", "https://", "//", "HTTP://", "ftp://", ""]),
    st.sampled_from(["", "user@", "a:b@"]),
    st.sampled_from(["example.com", "", "x", "príklad.sk", "127.0.0.1"]),
    st.sampled_from(["", ":80", ":", ":x"]),
    st.sampled_from(["", "/", "/a?b=c#d", "?q", "/a b", "/[1]", "/@:"]),
).map("".join)


@few
@given(cells(urls))
def test_url_m123_m124(column: list[str | None]) -> None:
    agrees("url", column, url)


@few
@given(st.lists(st.none() | st.text(), min_size=1))
def test_text_b3(column: list[str | None]) -> None:
    assert read("text", column) == column


# --- all of them --------------------------------------------------------------------------------

anything = cells(st.one_of(numbers, dates, datetimes, unix, arrays, urls))


@pytest.mark.parametrize("type_", TYPES)
@given(column=anything)
@settings(max_examples=10, deadline=None)
def test_the_order_of_a_block_changes_nothing(
    type_: AttributeType, column: list[str | None]
) -> None:
    """Which reading comes first depends on a block's first cell; the values must not."""
    assert read(type_, column[::-1])[::-1] == read(type_, column)


@pytest.mark.parametrize("type_", TYPES)
@given(column=anything)
@settings(max_examples=10, deadline=None)
def test_every_refused_cell_gets_a_reason_and_advice_d31(
    type_: AttributeType, column: list[str | None]
) -> None:
    reader = parser(type_, None, Zone("Europe/Bratislava"))
    for cell, value in zip(column, read(type_, column, timezone="Europe/Bratislava"), strict=True):
        if value is BAD and cell is not None:
            why = reader.explain(cell.strip(WHITE))
            assert re.fullmatch("[a-z_]+", why.reason)
            assert why.message.endswith(".")


@few
@given(
    st.lists(
        st.lists(
            st.none() | st.sampled_from(["1", "x", " ", "1.5", "2020-01-01", "[1]"]),
            min_size=len(TYPES) + 2,
            max_size=len(TYPES) + 2,
        ),
        max_size=12,
    )
)
def test_no_record_is_ever_lost(rows: list[list[str | None]]) -> None:
    """Records read = rows + rejects, each exactly once, whatever the cells hold."""
    columns = [f"c{index}" for index in range(len(TYPES) + 2)]
    rules: list[dict[str, Any]] = [
        {"from": "c0", "id": "registered"},
        {"from": "c1", "timestamp": True},
    ]
    rules += [{"from": name, "type": type_} for name, type_ in zip(columns[2:], TYPES, strict=True)]
    records = block({name: [row[i] for row in rows] for i, name in enumerate(columns)})
    mapped = build(columns, rules, {"events": "e"}).apply(records)
    assert sorted([*mapped.rows["_row"], *mapped.rejects["record"]]) == records.record.to_list()
    assert mapped.rows["id:registered"].null_count() == 0
    assert mapped.rows["_timestamp"].null_count() == 0
    for name, type_ in zip(columns[2:], TYPES, strict=True):
        assert mapped.rows[f"attr:{name}"].dtype == PHYSICAL[type_]
