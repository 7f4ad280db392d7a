"""Target `dates`: cells under a type, a format and a zone to values or faults (M038, M058, M059).

Many cells come in one input, parted by 0xff, since the parser reads a column at once. Each cell
that no other of the column equals counts as one judged, and so do three that small faults make of
it. What a cell says is told by the slow readers of the tests where no format is
declared, and by `dateforms` where one is (b.3, D26-D28). A format may be the first cell: then it is
refused in words or read by. What is proposed for a column is a format that is allowed (M094).

Three bytes choose: type and whether a proposal is asked for; the format; the zone.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Literal

import polars as pl

from fuzzing import dateforms
from fuzzing.target import Finding, Target, agree, split, words
from import_assets.mapping.candidates import candidates
from import_assets.mapping.dateshapes import shapes
from import_assets.mapping.localtime import Zone
from import_assets.mapping.proposals import propose
from import_assets.mapping.types import check_format, parser
from import_assets_tests.mapping.building import BAD, read
from import_assets_tests.mapping.test_soundness import WHITE, date, moment, seconds, shown_once

_OPTIONS = 3
_CELLS = 100
_SPICE = "0123456789 .:-/TZ+%"
_FORMATS = (
    None, "%d/%m/%Y", "%m/%d/%Y %H:%M", "%d.%m.%y", "%Y%m%d", "%Y%m%d%H%M%S", "unix",
    "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f %z",
    "%d %b %Y", "%B %d, %Y", "%d-%b-%y %I:%M %p", "%I:%M:%S%p %d.%m.%Y", "%Y-%j", "%j%y",
    "%d.%m.%Y %H:%M", "%Y/%m/%d %H", "%H%M%S%f%Y%m%d", "%d%b%Y%%%H%z", "1%m2%d3%Y",
)  # fmt: skip
_ZONES = (
    "UTC", "Europe/Bratislava", "America/Sao_Paulo", "Australia/Lord_Howe", "Africa/Casablanca",
    "Pacific/Apia", "Asia/Kathmandu", "Etc/GMT+12",
)  # fmt: skip
_DATED: tuple[Literal["date", "datetime"], ...] = ("datetime", "date")
_UNIX = re.compile(r"([+-]?)([0-9]+)(?:\.([0-9]*))?")


_parser = lru_cache(maxsize=1_000)(parser)


def check(data: bytes) -> int:
    """Judge some cells; see `Target.check`."""
    (bits, format_at, zone_at), body = split(data, _OPTIONS)
    cells = [cell.decode("utf-8", "replace") for cell in body.split(b"\xff")][:_CELLS]
    type_, zone = _DATED[bits & 1], _ZONES[zone_at % len(_ZONES)]
    format_ = cells.pop(0) if format_at >= 128 else _FORMATS[format_at % len(_FORMATS)]
    if bits & 62 == 62:
        _check_proposals(cells[:20])
    refused = check_format(type_, format_)
    if refused is not None:
        if not refused.strip() or "\n" in refused:
            raise Finding(f"no words: {refused!r}")
        return 1
    if not cells:
        return 0
    cells = list(dict.fromkeys(_varied(cells, bits)))
    values = read(type_, cells, format_, zone)
    for cell, found in zip(cells, values, strict=True):
        text = cell.strip(WHITE)
        what = f"{cell!r} as {type_} by {format_!r} in {zone}"
        if not text:
            agree(what, found, None)
            continue
        allowed = _allowed(text, type_, format_, zone)
        if (found is BAD and allowed) or (found is not BAD and found not in allowed):
            raise Finding(f"{what}: {found!r}, expected {allowed or BAD!r}")
        if found is BAD:
            _check_reason(text, type_, format_, zone)
    return len(cells)


def _varied(cells: Sequence[str], chance: int) -> Iterator[str]:
    """Give cells and what they become by small faults, since a column costs as much as a cell."""
    for at, cell in enumerate(cells):
        place = (chance + 3 * at) % (len(cell) + 1)
        yield cell
        yield cell[:-1]
        yield cell[:place] + _SPICE[(chance + at) % len(_SPICE)] + cell[place + 1 :]
        yield cell[:place] + cells[at - 1][place:]


def _allowed(text: str, type_: str, format_: str | None, zone: str) -> list[Any]:
    """Return what a cell may say, nothing where it is bad."""
    if format_ is not None and format_.strip().lower() == "unix":
        match = _UNIX.fullmatch(text)
        # A sign tells that bare digits are no day.
        found = [seconds(match[1] or "+", match[2], match[3])] if match else []
    elif format_ is None:
        found = [date(text) if type_ == "date" else moment(text, zone)]
    elif type_ == "date":
        found = [way.date or BAD for way in dateforms.read(text, format_)]
    else:
        found = [_instant(way, zone) for way in dateforms.read(text, format_)]
    return [one for one in found if one is not BAD]


def _instant(way: dateforms.Read, zone: str) -> Any:
    if way.date is None:
        return BAD
    local = dt.datetime.combine(way.date, way.time)
    if way.offset is None:
        return shown_once(local, zone)
    try:
        return local - way.offset
    except OverflowError:
        return BAD


def _check_reason(
    text: str, type_: Literal["date", "datetime"], format_: str | None, zone: str
) -> None:
    """A bad cell has a reason and advice; that there is no such day is said where that is so."""
    why = _parser(type_, format_, Zone(zone)).explain(text)
    if not why.reason or not why.message.strip():
        raise Finding(f"no reason for {text!r}: {why!r}")
    if format_ is None or format_.strip().lower() == "unix":
        return
    ways = dateforms.read(text, format_)
    days = [way.date for way in ways if way.date]
    agree(
        f"impossible date {text!r} by {format_!r}",
        why.reason == "impossible_date",
        bool(ways) and not days,
    )
    of_clocks = why.reason in ("nonexistent_local_time", "ambiguous_local_time", "out_of_range")
    agree(f"impossible time {text!r} by {format_!r}", of_clocks, bool(days))


def _check_proposals(cells: Sequence[str]) -> None:
    """Whatever is proposed for a column can be declared."""
    texts = pl.Series("created_at", [cell for cell in cells if cell.strip(WHITE)], dtype=pl.String)
    for cell in texts:
        for shape in shapes(cell):
            agree(f"format for {cell!r}", check_format("datetime", shape.format), None)
    if len(texts):
        for one in candidates("created_at", texts.unique(maintain_order=True)):
            agree(f"candidate {one}", check_format(one.type, one.format), None)
    proposal = propose(texts)
    agree(f"{proposal} for {cells!r}", check_format(proposal.type, proposal.format), None)
    if not 0 <= proposal.share <= 1 or proposal.filled != len(texts):
        raise Finding(f"counts that cannot be: {proposal} for {cells!r}")


_WRITTEN = (
    "2024-02-29", "2023-02-29", "31.12.1999", "0001-01-01", "9999-12-31T23:59:59.999999Z",
    "2024-03-31 02:30", "2024-10-27T02:30:00", "2024-10-27 02:30:00+01:00", "2018-11-04 00:00:00",
    "1596615705", "20240131", "-62135596800", "1e9", "1706708700.1234567", "99999999999.9",
    "31/01/2024", "1/2/24", "01/31/2024 13:45", "20240131134500", "2024-366", "36624",
    "29 Feb 2023", "February 29, 2024", "31-Dec-68 12:00 AM", "12:59:59pm 1.1.1970", " 2024-1-1 ",
    "2101-07-01 10:00", "2011-12-30 12:00:00", "2024-1-1t1:00:00.1230000000 -1459", "٣.1.2024",
    "123456000001202412 31",
)  # fmt: skip


def seeds() -> Iterator[bytes]:
    """Give columns of dates written in many ways, under each format."""
    cells = [text.encode() for text in _WRITTEN]
    for at in range(len(_FORMATS)):
        for type_ in (0, 1):
            yield bytes([type_ + 62 * (at % 8 == 0), at, at]) + b"\xff".join(
                cells[at % 5 :] + cells
            )
    for at, form in enumerate(_FORMATS):
        first = (form or "%Q").encode()
        yield bytes([at % 2, 200, at]) + b"\xff".join([first, *cells, *cells[at % 7 :]])


DATES = Target(
    name="dates",
    units="cells",
    check=check,
    seeds=seeds,
    words=words(
        b"\xff \xff2024- \xff31. -02-29 /12/ 2024 00 24:00 :59 :60 T Z +14:00 -0000 .000000 "
        b".1234567 am PM Feb may December 1970 2098 0000 9999 \xc2\xa0 "
        b"%Y %m %d %j %H %I %p %M %S %f %z %b %B %y %%"
    ),
    longest=3000,
)
"""See the module."""
