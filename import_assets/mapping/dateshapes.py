"""Which declared formats a value that looks like a date or a time may be written in (M094, D28)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NUMBERS = re.compile(r"(\d{1,4})([/.\-])(\d{1,2})\2(\d{1,4})(?=[T ,]|$)")
_DAY_NAME = re.compile(
    r"(\d{1,2})([ \-/.]{1,2})([A-Za-z]{3,9})(,? ?[ \-/.]?)(\d{4}|\d{2})(?=[T ,]|$)"
)
_NAME_DAY = re.compile(r"([A-Za-z]{3,9})( )(\d{1,2})(,? )(\d{4}|\d{2})(?=[T ,]|$)")
_TIME = re.compile(
    r"(?P<gap>(?:[T ]|, ?)?)(?P<hour>\d{1,2}):\d{2}(?P<second>:\d{2}(?P<fraction>\.\d{1,6}0*)?)?"
    r"(?P<noon> ?[AaPp][Mm])?(?P<offset> ?(?:[zZ]|[+-]\d{2}:?\d{2}))?"
)
_MONTHS = "january february march april may june july august september october november december"
_WHOLE = frozenset(_MONTHS.split())
_SHORT = frozenset(name[:3] for name in _WHOLE)


@dataclass(frozen=True)
class Shape:
    """One way in which a value may be written: the `format`, and whether it has a time of day."""

    format: str
    time: bool


def shapes(text: str) -> Iterator[Shape]:
    """Yield the declared formats that may have written a value; its type's parser decides.

    What needs no format (ISO dates, dotted dates with a year of four digits) gives none.
    """
    for date, rest in (*_by_numbers(text), *_by_names(text)):
        time = _time(rest)
        if time is not None:
            yield Shape(date + time, bool(time))


def _by_numbers(text: str) -> Iterator[tuple[str, str]]:
    match = _NUMBERS.match(text)
    if match is None:
        return
    first, mark, last = match[1], match[2], match[4]
    rest = text[match.end() :]
    if len(first) == 4:
        if mark != "-" and len(last) <= 2:
            yield f"%Y{mark}%m{mark}%d", rest
        return
    year = {4: "%Y", 2: "%y"}.get(len(last))
    if year is None or len(first) > 2 or (mark == "." and year == "%Y"):
        return
    if mark == "-" and year == "%y":
        # 17-04-02 has the year at either end.
        return
    yield f"%d{mark}%m{mark}{year}", rest
    if mark != ".":
        # Dots are written between days, months and years in this order alone.
        yield f"%m{mark}%d{mark}{year}", rest


def _by_names(text: str) -> Iterator[tuple[str, str]]:
    match = _DAY_NAME.match(text)
    if match is not None:
        year = "%Y" if len(match[5]) == 4 else "%y"
        for month in _month(match[3]):
            yield f"%d{match[2]}{month}{match[4]}{year}", text[match.end() :]
    match = _NAME_DAY.match(text)
    if match is not None:
        year = "%Y" if len(match[5]) == 4 else "%y"
        for month in _month(match[1]):
            yield f"{month}{match[2]}%d{match[4]}{year}", text[match.end() :]


def _month(word: str) -> tuple[str, ...]:
    """Return the terms that a word may stand for: `May` is short and whole."""
    name = word.lower()
    return ("%b",) * (name in _SHORT) + ("%B",) * (name in _WHOLE)


def _time(text: str) -> str | None:
    """Return how a time of day is written, nothing for none, None for what is no time."""
    if not text:
        return ""
    match = _TIME.fullmatch(text)
    if match is None or not match["gap"]:
        return None
    hour = "%I:%M" if match["noon"] else "%H:%M"
    second = "%S" if match["second"] else ""
    fraction = ".%f" if match["fraction"] else ""
    noon = " %p" if match["noon"] and match["noon"][0] == " " else "%p" if match["noon"] else ""
    offset = match["offset"] or ""
    zone = " %z" if offset.startswith(" ") else "%z" if offset else ""
    return f"{match['gap']}{hour}{':' if second else ''}{second}{fraction}{noon}{zone}"
