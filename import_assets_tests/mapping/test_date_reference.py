"""The users' table of date and time formats is what the parsers do (M038, M058, M059, D28, b.3)."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import import_assets
from import_assets.mapping.localtime import Zone
from import_assets.mapping.parsing import Why
from import_assets.mapping.types import check_format, parser
from import_assets.spec.models import AttributeType

_DOCS = Path(import_assets.__file__).parents[1] / "docs/reference-types.md"
_ROW = re.compile(r"\| `([^`]+)` \| (?:`([^`]+)`)? ?\| ([^|]+) \| ([^|]+) \|")
_HEAD = "| cell | `format` | as `date` | as `datetime`, `timestamp` |"


def _table() -> list[tuple[str, str | None, str, str]]:
    lines = _DOCS.read_text(encoding="utf-8").splitlines()
    start = lines.index(_HEAD) + 2
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            return rows
        match = _ROW.fullmatch(line)
        assert match, line
        rows.append((match[1], match[2] or None, match[3], match[4]))
    return rows


def _read(type_: AttributeType, format_: str | None, cell: str) -> str:
    if check_format(type_, format_) is not None:
        return "no such format"
    value = parser(type_, format_, Zone("UTC")).one(cell)
    if isinstance(value, Why):
        return f"`{value.reason}`"
    return value.isoformat(sep=" ") if isinstance(value, dt.datetime) else value.isoformat()


@pytest.mark.parametrize(("cell", "format_", "date", "datetime"), _table())
def test_the_table_of_the_reference(
    cell: str, format_: str | None, date: str, datetime: str
) -> None:
    """M038, M058, M059, b.3"""
    assert _read("date", format_, cell) == date
    assert _read("datetime", format_, cell) == datetime


def test_the_table_has_every_known_example() -> None:
    """M038, M058, b.3: what the reference accepts and refuses."""
    cells = {cell for cell, *_ in _table()}
    assert cells >= {
        "2018-8-5 12:20:25",
        "2018-8-5t12:20:25Z",
        "2018-8-5 12:20:25Z",
        "2018-8-5 12:20:25.555Z",
        "2018-8-5t12:20:25.555Z",
        "2018-8-5T12:20:25+1200",
        "2018-8-5T12:20:25-12:00",
        "28.9.1996",
        "28.9.1996 13:45",
        "2020-08-05T10:22:00",
        "1596615705",
        "02/04/2017",
    }


_DATES = st.sampled_from(
    ["%Y{0}%m{0}%d", "%d{0}%m{0}%Y", "%m{0}%d{0}%Y", "%d{0}%b{0}%Y", "%B %d, %Y", "%Y{0}%j",
     "%y{0}%m{0}%d", "%d{0}%m{0}%y", "%j{0}%Y", "%d %B %y"]
)  # fmt: skip
_TIMES = st.sampled_from(
    ["", "{0}%H", "{0}%H:%M", "{0}%H:%M:%S", "{0}%H.%M.%S.%f", "{0}%I:%M %p", "{0}%I:%M:%S%p",
     "{0}%H%M", "{0}%H:%M:%S%z", "{0}%H:%M%%"]
)  # fmt: skip
_BETWEEN = st.sampled_from([".", "/", "-", " ", "", "_", "T", " of "])


@given(
    date=_DATES,
    time=_TIMES,
    between=st.tuples(_BETWEEN, _BETWEEN),
    moment=st.datetimes(dt.datetime(1000, 1, 1), dt.datetime(9998, 12, 31)),
    offset=st.integers(-14 * 60, 14 * 60),
)
@settings(max_examples=400, deadline=None)
def test_what_a_declared_format_writes_it_reads_back(
    date: str, time: str, between: tuple[str, str], moment: dt.datetime, offset: int
) -> None:
    """D28: any moment, under any format made of the terms that are allowed."""
    format_ = date.format(between[0]) + time.format(between[1])
    assume(check_format("datetime", format_) is None)
    if "%y" in format_:
        moment = moment.replace(year=1969 + moment.year % 100, day=min(moment.day, 28))
    written = moment.replace(tzinfo=dt.timezone(dt.timedelta(minutes=offset))).strftime(format_)
    value = parser("datetime", format_, Zone("UTC")).one(written)
    assert value == _kept(moment, format_, offset), (format_, written)
    if not time:
        assert parser("date", format_, Zone("UTC")).one(written) == moment.date()


def _kept(moment: dt.datetime, format_: str, offset: int) -> dt.datetime:
    """Return as much of a moment as a format writes, in UTC."""
    kept = moment.replace(
        hour=moment.hour if "%H" in format_ or "%I" in format_ else 0,
        minute=moment.minute if "%M" in format_ else 0,
        second=moment.second if "%S" in format_ else 0,
        microsecond=moment.microsecond if "%f" in format_ else 0,
    )
    return kept - dt.timedelta(minutes=offset) if "%z" in format_ else kept
