"""A slow reader of dates under a declared format: it tries, and goes back where it was wrong (D28).

It shares nothing with the package: no regular expressions, no strptime, calendars by `datetime`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_DIGITS = "0123456789"
_SIZES = {"Y": (4, 4), "y": (2, 2), "m": (1, 2), "d": (1, 2), "j": (1, 3), "H": (1, 2),
          "I": (1, 2), "M": (2, 2), "S": (2, 2), "f": (1, 6)}  # fmt: skip
"""The fewest and most digits of each term that is a number."""
_BOUNDS = {"H": (0, 23), "I": (1, 12), "M": (0, 59), "S": (0, 59)}
"""What terms may say; days and months are asked of the calendar."""
_FARTHEST = 14
"""Hours of the largest offset."""


@dataclass(frozen=True)
class Read:
    """What a cell says: the day, or None if there is none such; the clock; the offset, if any."""

    date: dt.date | None
    time: dt.time
    offset: dt.timedelta | None


Said = dict[str, int]


def read(text: str, format_: str) -> list[Read]:
    """Return every way in which a trimmed cell can be read under a format that is allowed."""
    found = [_meaning(said) for said in _ways(text, _terms(format_))]
    return [one for at, one in enumerate(found) if one not in found[:at]]


@dataclass(frozen=True)
class _Term:
    """A letter behind a percent sign, or a character that stands for itself.

    `firm` terms touch other digits, so they have all of theirs; `last` is the fraction of a second
    behind which no digits may follow, so that zeros may.
    """

    letter: str = ""
    char: str = ""
    firm: bool = False
    last: bool = False

    @property
    def is_number(self) -> bool:
        return self.letter in _SIZES or self.char.isdigit()


@lru_cache(maxsize=1_000)
def _terms(format_: str) -> list[_Term]:
    plain: list[_Term] = []
    at = 0
    while at < len(format_):
        if format_[at] == "%":
            letter = format_[at + 1]
            plain.append(_Term(char="%") if letter == "%" else _Term(letter=letter))
            at += 2
        else:
            plain.append(_Term(char=format_[at]))
            at += 1
    numbers = [False, *(term.is_number for term in plain), False]
    return [
        replace(term, firm=before or behind, last=term.letter == "f" and not behind)
        for term, before, behind in zip(plain, numbers, numbers[2:], strict=False)
    ]


def _ways(text: str, terms: Sequence[_Term]) -> Iterator[Said]:
    if not terms:
        if not text:
            yield {}
        return
    for said, size in _first(text, terms[0]):
        for rest in _ways(text[size:], terms[1:]):
            yield said | rest


def _first(text: str, term: _Term) -> Iterator[tuple[Said, int]]:
    """Give what the beginning of a text may say under a term, and how long that is."""
    if term.char:
        if text[:1] == term.char:
            yield {}, 1
    elif term.letter in _SIZES:
        yield from _numbers(text, term)
    elif term.letter in ("b", "B"):
        for number, name in enumerate(_MONTHS, 1):
            word = name if term.letter == "B" else name[:3]
            if _alike(text[: len(word)], word):
                yield {"m": number}, len(word)
    elif term.letter == "p":
        for number, word in enumerate(("AM", "PM")):
            if _alike(text[:2], word):
                yield {"p": number}, 2
    else:
        yield from _offsets(text)


def _alike(text: str, word: str) -> bool:
    return text.isascii() and text.lower() == word.lower()


def _numbers(text: str, term: _Term) -> Iterator[tuple[Said, int]]:
    fewest, most = _SIZES[term.letter]
    for size in range(most if term.firm else fewest, most + 1):
        digits = text[:size]
        if len(digits) < size or not all(char in _DIGITS for char in digits):
            return
        if term.letter == "f":
            zeros = 0
            while term.last and text[size + zeros : size + zeros + 1] == "0":
                zeros += 1
                yield {"f": int(digits.ljust(6, "0"))}, size + zeros
            yield {"f": int(digits.ljust(6, "0"))}, size
            continue
        low, high = _BOUNDS.get(term.letter, (0, 9999))
        if low <= int(digits) <= high:
            yield {term.letter: int(digits)}, size


def _offsets(text: str) -> Iterator[tuple[Said, int]]:
    if text[:1] in ("z", "Z"):
        yield {"z": 0}, 1
    if text[:1] not in ("+", "-"):
        return
    sign = -1 if text[0] == "-" else 1
    hours = _two(text[1:3], _FARTHEST)
    if hours is None:
        return
    yield {"z": sign * hours * 60}, 3
    for colon in (0, text[3:4] == ":"):
        minutes = _two(text[3 + colon : 5 + colon], 59)
        if minutes is not None:
            yield {"z": sign * (hours * 60 + minutes)}, 5 + colon


def _two(text: str, most: int) -> int | None:
    if len(text) != 2 or not all(char in _DIGITS for char in text) or int(text) > most:
        return None
    return int(text)


def _meaning(said: Said) -> Read:
    hour = said.get("H", 0)
    if "I" in said:
        hour = said["I"] % 12 + 12 * said["p"]
    clock = dt.time(hour, said.get("M", 0), said.get("S", 0), said.get("f", 0))
    offset = dt.timedelta(minutes=said["z"]) if "z" in said else None
    return Read(_day(said), clock, offset)


def _day(said: Said) -> dt.date | None:
    # As strptime has it: years 69 to 99 are of the last century.
    year = said["Y"] if "Y" in said else said["y"] + (1900 if said["y"] > 68 else 2000)
    try:
        if "j" not in said:
            return dt.date(year, said["m"], said["d"])
        day = dt.date(year, 1, 1) + dt.timedelta(days=said["j"] - 1)
    except (ValueError, OverflowError):
        return None
    return day if day.year == year else None
