"""Rules of single cells: URLs, numbers, dates, several values, what stands for no value.

M122-M127, M129-M132, M136, D49-D51. A cell that is empty breaks none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import polars as pl

from import_assets.mapping.conventions.findings import Rule
from import_assets.mapping.urls import PROTOCOL, UNENCODED, URL

Role = Literal[
    "id", "url", "number", "date", "timestamp", "boolean", "category", "values", "text", "other"
]
"""What the cells of a column are.

`values`: text that may hold several values; `other`: nothing is known, a definition says how the
cells are written, and no rule applies."""

TOP_CATEGORIES = 5
"""How many categories of an item Smart Insight takes (M130)."""

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CONTACT_DAY = r"[0-9]{2}(?:\.[0-9]{2}\.|/[0-9]{2}/)[0-9]{4}"
_CONTACT_FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y")
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_NUMBER = r"^[-+]?[0-9]+(?:\.[0-9]+)?$"
_COMMA = r"^[-+]?[0-9][0-9 .'’\x{a0}\x{202f}]*,[0-9.,]*$"
_NO_LEVEL = r"(?:^|[|>])\s*>|>\s*(?:$|[|>])"


@dataclass(frozen=True)
class CellRule:
    """A rule and an expression that is true where a cell breaks it; null counts as false."""

    rule: Rule
    broken: Callable[[pl.Expr], pl.Expr]


def _matches(pattern: str) -> Callable[[pl.Expr], pl.Expr]:
    return lambda cell: cell.str.contains(pattern)


def _is_impossible(cell: pl.Expr) -> pl.Expr:
    day = cell.str.head(10).str.to_date("%Y-%m-%d", strict=False)
    return cell.str.contains(rf"^{_DAY}(?:T{_TIME}Z)?$") & (day.is_null() | (day.dt.year() < 1))


# M124, D51
URL_WITHOUT_PROTOCOL = CellRule(
    Rule(
        "url_without_protocol",
        "error",
        "The URL has no protocol.",
        "Begin it with http://, https:// or //.",
    ),
    lambda cell: ~cell.str.contains(PROTOCOL),
)
# M123, D51
URL_NOT_ENCODED = CellRule(
    Rule(
        "url_not_encoded",
        "error",
        "The URL holds white space or a bracket.",
        "Encode them: %20 for a space, %5B for [, %5D for ].",
    ),
    _matches(UNENCODED),
)
URL_WITHOUT_HOST = CellRule(
    Rule(
        "url_without_host",
        "error",
        "The URL has no host, or its host or port is not one.",
        "Write it as in https://shop.example.com/item.",
    ),
    lambda cell: (
        cell.str.contains(PROTOCOL) & ~cell.str.contains(UNENCODED) & ~cell.str.contains(f"^{URL}$")
    ),
)
# M123
URL_NOT_ASCII = CellRule(
    Rule(
        "url_not_ascii",
        "warning",
        "The URL holds letters that are not encoded.",
        "Encode them, such as %C5%BE for ž.",
    ),
    lambda cell: cell.str.len_bytes() != cell.str.len_chars(),
)
# M122
DECIMAL_COMMA = CellRule(
    Rule(
        "decimal_comma",
        "error",
        "The number has a comma.",
        "Write a full stop before the decimals and nothing between thousands, such as 1234.50.",
    ),
    _matches(_COMMA),
)
# M122
NOT_A_NUMBER = CellRule(
    Rule(
        "not_a_number",
        "error",
        "The cell is no number.",
        "Write digits and a full stop before the decimals, without a currency, such as 1234.50.",
    ),
    lambda cell: ~cell.str.contains(_NUMBER) & ~cell.str.contains(_COMMA),
)
# M122
LIKE_DECIMAL_COMMA = CellRule(
    Rule(
        "looks_like_decimal_comma",
        "warning",
        "This looks like a number with a decimal comma.",
        "If it is one, write a full stop, such as 12.50.",
    ),
    _matches(r"^[-+]?[0-9]+,[0-9]+$"),
)
# M131
BAD_DATE = CellRule(
    Rule(
        "bad_date",
        "error",
        "The cell is no date as Emarsys reads it here.",
        "Write year, month and day: 2026-01-31.",
    ),
    lambda cell: ~cell.str.contains(f"^{_DAY}$"),
)
# M132, b.8
BAD_TIMESTAMP = CellRule(
    Rule(
        "bad_timestamp",
        "error",
        "The cell is no time as Emarsys reads it.",
        "Write the time in UTC with a Z, 2026-01-31T14:02:00Z, or a day, 2026-01-31, for its "
        "first second.",
    ),
    lambda cell: ~cell.str.contains(f"^{_DAY}(?:T{_TIME}Z)?$"),
)
IMPOSSIBLE_DATE = CellRule(
    Rule(
        "impossible_date",
        "error",
        "The calendar has no such day.",
        "Mend the day or the month.",
    ),
    _is_impossible,
)
# M131
LIKE_OTHER_DATE = CellRule(
    Rule(
        "looks_like_other_date",
        "warning",
        "This looks like a date, but not as Emarsys reads it here.",
        "If it is one, write year, month and day: 2026-01-31.",
    ),
    _matches(r"^(?:[0-9]{1,2}[-./][0-9]{1,2}[-./][0-9]{4}|[0-9]{4}[./][0-9]{1,2}[./][0-9]{1,2})$"),
)
# M131
LIKE_NO_CONTACT_DATE = CellRule(
    Rule(
        "looks_like_unread_date",
        "warning",
        "This looks like a date, but is written in none of the four ways that Emarsys reads.",
        "If it is one, write 2026-01-31, 31.01.2026, 31/01/2026 or 01/31/2026, with all zeros.",
    ),
    lambda cell: (
        cell.str.contains(
            r"^(?:[0-9]{1,2}[-./][0-9]{1,2}[-./][0-9]{4}|[0-9]{4}[-./][0-9]{1,2}[-./][0-9]{1,2})$"
        )
        & ~cell.str.contains(rf"^(?:{_DAY}|{_CONTACT_DAY})$")
    ),
)
# M131
LIKE_IMPOSSIBLE_DATE = CellRule(
    Rule(
        "looks_like_impossible_date",
        "warning",
        "This is written like a date, but the calendar has no such day.",
        "If it is a date, mend the day or the month.",
    ),
    lambda cell: (
        cell.str.contains(rf"^(?:{_DAY}|{_CONTACT_DAY})$")
        & pl.all_horizontal(
            cell.str.to_date(format_, strict=False).is_null() for format_ in _CONTACT_FORMATS
        )
    ),
)
BAD_AVAILABILITY = CellRule(
    Rule(
        "bad_availability",
        "error",
        "The cell does not say whether the item is available.",
        "Write true or false.",
    ),
    lambda cell: ~cell.str.contains("^(?i:true|false|1|0)$"),
)
# M127
CATEGORY_WITHOUT_LEVEL = CellRule(
    Rule(
        "category_without_level",
        "error",
        "A category has a > with nothing before or behind it.",
        "Write the levels from coarse to fine: Fiction > Sci-Fi.",
    ),
    _matches(_NO_LEVEL),
)
# M127
CATEGORY_SPACING = CellRule(
    Rule(
        "category_spacing",
        "warning",
        "The levels of a category are not separated by > with one space on either side.",
        "Write Fiction > Sci-Fi.",
    ),
    lambda cell: cell.str.contains(r"[^ ]>|>[^ ]|\s{2}>|>\s{2}") & ~cell.str.contains(_NO_LEVEL),
)
# M130, D49
TOO_MANY_CATEGORIES = CellRule(
    Rule(
        "too_many_categories",
        "warning",
        f"The item has more than {TOP_CATEGORIES} categories; Smart Insight takes the first "
        f"{TOP_CATEGORIES} and ignores the others.",
        f"Put the {TOP_CATEGORIES} that matter to the front.",
    ),
    _matches(rf"(?:[^|\s][^|]*\|[\s|]*){{{TOP_CATEGORIES}}}[^|\s]"),
)
# M126
SEVERAL_VALUES = CellRule(
    Rule(
        "several_values",
        "warning",
        "Only a category may have several values in Smart Insight; it keeps these as one text.",
        "Write one value if Smart Insight is to know it.",
    ),
    _matches(r"[^|\s]\s*\|[\s|]*[^|\s]"),
)
# M125, D50
EMPTY_VALUE = CellRule(
    Rule(
        "empty_value",
        "warning",
        "A pipe has no value on one side; it is left out.",
        "Take the pipe away.",
    ),
    _matches(r"^\s*\||\|\s*(?:\||$)"),
)
# M136
NULL_WORD = CellRule(
    Rule(
        "null_word",
        "warning",
        "The cell holds a word for no value, which is a text like any other.",
        "Leave the cell empty, with nothing between the commas.",
    ),
    _matches(r"^(?:NULL|null|Null|\\N)$"),
)
EMPTY_REQUIRED = CellRule(
    Rule(
        "empty_required",
        "error",
        "The cell is empty, but each record needs this value.",
        "Fill it in.",
    ),
    lambda cell: cell.is_null() | ~cell.str.contains(r"\S"),
)

OF_ROLE: dict[Role, tuple[CellRule, ...]] = {
    "id": (),
    "url": (URL_WITHOUT_PROTOCOL, URL_NOT_ENCODED, URL_WITHOUT_HOST, URL_NOT_ASCII),
    "number": (DECIMAL_COMMA, NOT_A_NUMBER),
    "date": (BAD_DATE, IMPOSSIBLE_DATE),
    "timestamp": (BAD_TIMESTAMP, IMPOSSIBLE_DATE),
    "boolean": (BAD_AVAILABILITY,),
    "category": (CATEGORY_WITHOUT_LEVEL, CATEGORY_SPACING, TOO_MANY_CATEGORIES, EMPTY_VALUE),
    "values": (SEVERAL_VALUES, EMPTY_VALUE),
    "text": (),
    "other": (),
}
"""The rules of each role."""

UNTYPED: frozenset[Role] = frozenset({"values", "text"})
"""Roles whose cells may be of any type, as far as anybody knows."""
