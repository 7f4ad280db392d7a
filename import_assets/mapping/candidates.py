"""Which types and formats are worth trying on a column, and which columns are text for certain.

Only looks and names are weighed here (M096, D28, D29, D32); whether values fit, parsers decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from import_assets.mapping.dateshapes import shapes
from import_assets.mapping.nameclues import names_amount, names_code, names_flag, names_time
from import_assets.spec.models import AttributeType

_LOOKED_AT = 200
"""Distinct values whose looks are weighed."""

_SOME = 0.2
"""The share of values that must look like something for it to be tried."""

_PAIRS = (
    ("yes", "no"), ("y", "n"), ("áno", "nie"), ("ano", "nie"), ("ano", "ne"), ("tak", "nie"),
    ("ja", "nein"), ("igen", "nem"), ("oui", "non"), ("da", "ne"), ("da", "nu"), ("si", "no"),
    ("sí", "no"), ("sì", "no"), ("sim", "não"), ("on", "off"), ("enabled", "disabled"),
)  # fmt: skip

_DIGITS = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"[+-]?(?:\d[\d.,' \u00a0\u202f]*|\.\d+)(?:[eE][+-]?\d+)?")
_ISO_OR_DOTTED = re.compile(
    r"\d{4}-\d{1,2}-\d{1,2}(?:[Tt ].*)?|\d{1,2}\.\d{1,2}\.\d{4}(?:[Tt ].*)?"
)
_PHONE = re.compile(r"\+\d[\d ()/.\-]{6,}")
_LEADING_ZERO = re.compile(r"[+-]?0\d+")
_SHORTENED = re.compile(r"\d(?:[.,]\d+)?E\+\d{2}")
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_TURNED = re.compile(rf"\d{{1,2}}-(?:{_MONTHS})|(?:{_MONTHS})-\d{{2}}")
_SHEET_FAULT = re.compile(r"#(?:N/A|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!)|#{4,}")
_URL = re.compile(r"(?:https?:)?//", re.IGNORECASE)
_GROUPS = {" ": " ", "\u00a0": " ", "\u202f": " ", "'": "'"}

_OLDEST, _NEWEST = 631_152_000, 2_208_988_800
"""Unix seconds of the years 1990 and 2040."""

_LONGEST_NUMBER = 12
"""Digits from which whole numbers are codes: cards, EANs, accounts."""

_LONGEST_ITEM = 60


@dataclass(frozen=True)
class Candidate:
    """A type and format to try, and what speaks for it if it fits.

    `order` says what comes first where a date is written day and month in numbers. `word` is the
    answer that it stands for where the values cannot tell a decimal mark from one of thousands.
    """

    type: AttributeType
    format: str | None
    why: str
    order: Literal["day", "month"] | None = None
    word: Literal["comma", "point"] | None = None


def codes(name: str, texts: pl.Series) -> str:
    """Return why values are codes, which stay text whatever they look like, or nothing."""
    cells = _cells(texts)
    if damage := _damage(cells):
        return damage
    stripped = texts.str.strip_chars()
    zeros = stripped.filter(stripped.str.contains(rf"^{_LEADING_ZERO.pattern}$"))
    if len(zeros):
        return f"a number would lose the zero in front of {zeros[0]!r}"
    if _share(_PHONE, cells) >= _SOME:
        return "phone numbers"
    whole = [cell for cell in cells if _DIGITS.fullmatch(cell)]
    if len(whole) < _SOME * len(cells) or names_amount(name):
        return ""
    if not names_time(name) and (long := [cell for cell in whole if len(cell) >= _LONGEST_NUMBER]):
        return f"{long[0]!r} is long for a number: cards, accounts and EANs are codes"
    return "its name says that it holds codes, which numbers would not keep" * names_code(name)


def _damage(cells: Sequence[str]) -> str:
    """Return what a spreadsheet seems to have done to values (M096), or nothing."""
    if found := _first(_TURNED, cells):
        return (
            f"{found!r} looks like a number or a code that a spreadsheet turned into a date: "
            "export it again with the column as text"
        )
    if found := _first(_SHORTENED, cells):
        return (
            f"{found!r} looks like a long number that a spreadsheet shortened: export it again "
            "with the column as text"
        )
    if found := _first(_SHEET_FAULT, cells):
        return f"{found!r} is what a spreadsheet shows for a fault: mend it there"
    return ""


def candidates(name: str, texts: pl.Series) -> Iterator[Candidate]:
    """Yield what may fit a column, the likelier before what is wider.

    Args:
        name: the column's.
        texts: its distinct values that are not empty, the first of the file first.
    """
    cells = _cells(texts)
    yield from _booleans(name, cells)
    if _share(_DIGITS, cells) >= _SOME:
        yield from _times_in_digits(name, cells)
    if _share(_NUMBER, cells) >= _SOME:
        yield from _numbers(name, texts, cells)
    yield from _dates(cells)
    if _share(_URL, cells) >= _SOME:
        yield Candidate("url", None, "addresses")
    yield from _structures(cells)


def _cells(texts: pl.Series) -> list[str]:
    return texts.head(_LOOKED_AT).str.strip_chars().to_list()


def _share(pattern: re.Pattern[str], cells: Sequence[str]) -> float:
    fitting = pattern.match if pattern is _URL else pattern.fullmatch
    return sum(1 for cell in cells if fitting(cell)) / len(cells)


def _first(pattern: re.Pattern[str], cells: Sequence[str]) -> str | None:
    return next((cell for cell in cells if pattern.fullmatch(cell)), None)


# --- true and false -------------------------------------------------------------------------------


def _booleans(name: str, cells: Sequence[str]) -> Iterator[Candidate]:
    words = {cell.lower() for cell in cells}
    if words <= {"true", "false", "1", "0"} and (words & {"true", "false"} or names_flag(name)):
        clue = "" if words & {"true", "false"} else ", and its name says so"
        yield Candidate("boolean", None, f"only {_listed(words)}{clue}")
    for true, false in _PAIRS:
        known = words & {true, false}
        if known and (known == words or len(known) == 2) and (len(known) == 2 or names_flag(name)):
            yield Candidate("boolean", f"{true}/{false}", f"only {_listed(known)}")


def _listed(words: set[str]) -> str:
    return " and ".join(sorted(words, reverse=True))


# --- numbers --------------------------------------------------------------------------------------


def _times_in_digits(name: str, cells: Sequence[str]) -> Iterator[Candidate]:
    """Digits are times only where the name says so and they are of our days."""
    digits = [cell for cell in cells if _DIGITS.fullmatch(cell)]
    numbers = [int(cell) for cell in digits]
    if all(len(cell) == 14 and cell[:2] in ("19", "20") for cell in digits):
        yield Candidate("datetime", "%Y%m%d%H%M%S", "fourteen digits, year to second")
    if not names_time(name):
        return
    if all(_OLDEST <= number <= _NEWEST for number in numbers):
        yield Candidate("datetime", "unix", "seconds since 1970, as its name says")
    if all(len(cell) == 8 and cell[:2] in ("19", "20") for cell in digits):
        yield Candidate("date", "%Y%m%d", "eight digits, year to day, as its name says")
    if all(_OLDEST * 1_000 <= number <= _NEWEST * 1_000 for number in numbers):
        yield Candidate(
            "integer",
            None,
            "it looks like milliseconds since 1970: divide by 1000 in the source to have a time",
        )


def _numbers(name: str, texts: pl.Series, cells: Sequence[str]) -> Iterator[Candidate]:
    plain = [
        Candidate("integer", None, "whole numbers"),
        Candidate("number", None, "numbers with a decimal point"),
    ]
    if names_amount(name):
        plain = [Candidate("number", None, "numbers, and its name says that there are fractions")]
        plain.append(Candidate("integer", None, "whole numbers"))
    if any(grouped := [cell for cell in cells if _looks_like_phone(cell)]) and len(
        grouped
    ) >= _SOME * len(cells):
        return
    mark = _unclear_mark(texts)
    if mark is not None:
        yield from _both_readings(mark)
        return
    yield from plain
    yield from _written_numbers(cells)


def _looks_like_phone(cell: str) -> bool:
    """Nine digits in three groups are a phone number in half of Europe."""
    return re.fullmatch(r"[1-9]\d{2}[ \u00a0]\d{3}[ \u00a0]\d{3}", cell) is not None


def _unclear_mark(texts: pl.Series) -> str | None:
    """Return the mark of which nothing tells whether it is for decimals or for thousands (D29)."""
    stripped = texts.str.strip_chars().str.strip_chars_start("+-")
    number = stripped.filter(stripped.str.contains(r"^[0-9][0-9.,' \x{a0}\x{202f}]*$"))
    marked = number.filter(number.str.contains(r"[.,]"))
    if marked.is_empty() or number.str.contains(r"^[0-9]{4,}$").any():
        return None
    for mark in (",", "."):
        if marked.str.contains(rf"^[1-9][0-9]{{0,2}}\{mark}[0-9]{{3}}$").all():
            return mark
    return None


def _both_readings(mark: str) -> Iterator[Candidate]:
    if mark == ",":
        yield Candidate("number", "1234,56", "a decimal comma", word="comma")
        yield Candidate("integer", "1,234", "a comma between thousands", word="point")
    else:
        yield Candidate("number", None, "a decimal point", word="point")
        yield Candidate("integer", "1.234", "a point between thousands", word="comma")


def _written_numbers(cells: Sequence[str]) -> Iterator[Candidate]:
    """Yield the notations that some value is written in, and that more than one mark tells."""
    group = next((_GROUPS[char] for cell in cells for char in cell if char in _GROUPS), "")
    comma = next((cell for cell in cells if "," in cell), None)
    point = next((cell for cell in cells if "." in cell), None)
    if group:
        example = next(cell for cell in cells if any(char in _GROUPS for char in cell))
        yield Candidate("integer", f"1{group}234", f"thousands apart, as in {example!r}")
        yield Candidate("number", f"1{group}234.56", f"thousands apart, as in {example!r}")
        yield Candidate("number", f"1{group}234,56", f"written as in {comma or example!r}")
    if comma is not None:
        yield Candidate("number", "1234,56", f"a decimal comma, as in {comma!r}")
        yield Candidate("integer", "1,234", f"a comma between thousands, as in {comma!r}")
        yield Candidate("number", "1,234.56", f"a comma between thousands, as in {comma!r}")
    if point is not None:
        yield Candidate("integer", "1.234", f"a point between thousands, as in {point!r}")
        yield Candidate("number", "1.234,56", f"a point between thousands, as in {point!r}")


# --- dates and times ------------------------------------------------------------------------------


def _dates(cells: Sequence[str]) -> Iterator[Candidate]:
    if _share(_ISO_OR_DOTTED, cells) >= _SOME:
        yield Candidate("date", None, "dates that need no format")
        yield Candidate("datetime", None, "times that need no format")
    found = {shape: None for cell in cells for shape in shapes(cell)}
    for shape in found:
        order = _order(shape.format)
        why = f"written as {shape.format} says"
        if "%y" in shape.format:
            why += "; years 69 to 99 are of the last century"
        if not shape.time:
            yield Candidate("date", shape.format, why, order)
        yield Candidate("datetime", shape.format, why, order)


def _order(format_: str) -> Literal["day", "month"] | None:
    if "%m" not in format_ or "." in format_[:6] or format_.startswith("%Y"):
        return None
    return "day" if format_.startswith("%d") else "month"


# --- lists, JSON ----------------------------------------------------------------------------------


def _structures(cells: Sequence[str]) -> Iterator[Candidate]:
    brackets = sum(1 for cell in cells if cell[0] == "[" and cell[-1] == "]")
    braces = sum(1 for cell in cells if cell[0] == "{" and cell[-1] == "}")
    if brackets >= _SOME * len(cells):
        yield Candidate("list", None, "JSON lists")
    if brackets + braces >= _SOME * len(cells):
        yield Candidate("json", None, "JSON")
    split = [cell for cell in cells if "|" in cell]
    items = [item.strip() for cell in cells for item in cell.split("|")]
    if len(split) * 5 >= len(cells) and all(item and len(item) <= _LONGEST_ITEM for item in items):
        yield Candidate("list", "|", f"items between |, as in {split[0]!r}")
