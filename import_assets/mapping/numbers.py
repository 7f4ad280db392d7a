"""Numbers and whole numbers (M063, M122, D29).

A number keeps exactly what the cell says or is refused: nothing is rounded, and nothing that a
spreadsheet or another program might have meant is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from import_assets.mapping.parsing import Parser, Why, evaluate, per_distinct

_SPACES = " \u00a0\u202f"
"""Space, no-break space, narrow no-break space: all three group thousands in real files."""

_EXPONENT = r"(?:[eE][+-]?[0-9]+)?"
_EXAMPLE = re.compile(
    rf"(?:[0-9]{{1,3}}(?P<group>[{_SPACES}.,'])[0-9]{{3}}(?:(?P=group)[0-9]{{3}})*|(?P<plain>[0-9]+))"
    r"(?P<decimal>[.,])(?P<places>[0-9]+)"
)
_INTEGER_EXAMPLE = re.compile(
    rf"[0-9]{{1,3}}(?P<group>[{_SPACES}.,'])[0-9]{{3}}(?:(?P=group)[0-9]{{3}})*|[0-9]+"
)
_NUMBER = re.compile(rf"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+){_EXPONENT}")

_CERTAIN_BYTES = 15
"""Text this short has at most 15 significant digits, and 15 digits always survive a Float64 ..."""
_CERTAIN_SIZE = 1e-300
"""... unless an exponent makes the number so small that Float64 has fewer digits left for it."""


@dataclass(frozen=True)
class Notation:
    """How numbers of a column are written: which characters group thousands and mark decimals.

    `group` is empty where thousands are not grouped; `decimal` is empty for whole numbers.
    """

    example: str
    group: str
    decimal: str

    @property
    def is_default(self) -> bool:
        """True where the notation is the one that needs no format."""
        return not self.group and self.decimal in ("", ".")

    @property
    def regex(self) -> str:
        """Pattern of a whole cell, grouped strictly in threes or not at all."""
        whole = "[0-9]+"
        if self.group:
            whole = f"(?:[0-9]{{1,3}}(?:[{self.group}][0-9]{{3}})+|[0-9]+)"
        if not self.decimal:
            return f"[+-]?{whole}"
        mark = re.escape(self.decimal)
        return f"[+-]?(?:{whole}(?:{mark}[0-9]*)?|{mark}[0-9]+){_EXPONENT}"

    def normal(self, cell: pl.Expr) -> pl.Expr:
        """Rewrite a cell into the default notation; null where it is not in this one."""
        text = pl.when(cell.str.contains(f"^{self.regex}$")).then(cell)
        for char in self.group:
            text = text.str.replace_all(char, "", literal=True)
        return text.str.replace(self.decimal, ".", literal=True) if self.decimal == "," else text


def number_notation(example: str | None) -> Notation | str:
    """Read a number's `format`, an example such as "1 234,50"; a sentence where it is none."""
    if example is None:
        return Notation("1234.56", "", ".")
    match = _EXAMPLE.fullmatch(example.strip())
    if match is None or match["group"] == match["decimal"]:
        return (
            f"number format {example!r} is not an example such as 1234.56, 1234,56, 1 234,56, "
            "1.234,56, 1,234.56, 1'234.56 or 1 234.56"
        )
    if match["plain"] and len(match["plain"]) <= 3 and len(match["places"]) == 3:
        return (
            f"number format {example!r} can be read two ways: write 1234{match['decimal']}56 for a "
            "decimal mark, or show both marks, as in 1,234.56 or 1.234,56"
        )
    return Notation(example, _same_group(match["group"]), match["decimal"])


def integer_notation(example: str | None) -> Notation | str:
    """Read an integer's `format`, an example such as "1 234"; a sentence where it is none."""
    if example is None:
        return Notation("1234", "", "")
    match = _INTEGER_EXAMPLE.fullmatch(example.strip())
    if match is None:
        return f"integer format {example!r} is not an example such as 1 234, 1,234, 1.234 or 1'234"
    return Notation(example, _same_group(match["group"]), "")


def number_parser(notation: Notation) -> Parser:
    """Return the parser of type number, a Float64 that is exactly what the cell says (D29)."""
    rewrite = _rewriter(notation)

    def quick(cell: pl.Expr) -> pl.Expr:
        text = rewrite(cell)
        value = text.cast(pl.Float64, strict=False)
        plain = ~text.str.contains_any(["e", "E"])
        certain = (text.str.len_bytes() <= _CERTAIN_BYTES) & (plain | (value.abs() > _CERTAIN_SIZE))
        return pl.when(value.is_finite() & certain).then(value)

    def shortest(cells: pl.Series) -> pl.Series:
        text = evaluate(cells.to_frame("cell"), [rewrite(pl.col("cell"))]).to_series()
        value = text.cast(pl.Float64, strict=False)
        certain = value.is_finite() & (value.cast(pl.String) == text)
        return value.set(~certain.fill_null(value=False), None)

    def exact(text: str) -> float | None:
        normal = _normal_text(notation, text)
        return None if normal is None else _exact_float(normal)

    return Parser(
        pl.Float64(),
        (quick,),
        slow=(shortest, per_distinct(exact, pl.Float64())),
        explain=lambda text: _why_not_number(notation, text),
    )


def integer_parser(notation: Notation) -> Parser:
    """Return the parser of type integer, an Int64; `12.0` and `1e3` are not integers."""
    rewrite = _rewriter(notation)
    return Parser(
        pl.Int64(),
        (lambda cell: rewrite(cell).cast(pl.Int64, strict=False),),
        explain=lambda text: _why_not_integer(notation, text),
    )


def _same_group(char: str | None) -> str:
    """One kind of space in the example stands for all of them: they look alike."""
    if not char:
        return ""
    return _SPACES if char in _SPACES else char


def _rewriter(notation: Notation) -> Callable[[pl.Expr], pl.Expr]:
    # The casts of polars refuse what the default notation refuses, inf and nan aside (b.3, tests).
    return (lambda cell: cell) if notation.is_default else notation.normal


def _normal_text(notation: Notation, text: str) -> str | None:
    """Python's twin of `Notation.normal`."""
    if not re.fullmatch(notation.regex, text):
        return None
    for char in notation.group:
        text = text.replace(char, "")
    return text.replace(notation.decimal, ".") if notation.decimal else text


def _exact_float(text: str) -> float | None:
    """Return the number if a Float64 carries it as written, shortest digits both ways."""
    value = float(text)
    if value == 0:
        # Decimal cannot hold the exponents of which float makes zero.
        return None if re.search("[1-9]", re.split("[eE]", text)[0]) else value
    if value in (float("inf"), float("-inf")):
        return None
    return value if Decimal(text) == Decimal(repr(value)) else None


def _why_not_number(notation: Notation, text: str) -> Why:
    normal = _normal_text(notation, text)
    if normal is not None:
        if float(normal) in (float("inf"), float("-inf")):
            return Why(
                "out_of_range",
                "The number is larger than a number can be (about 1.8e308); use type text.",
            )
        return Why(
            "too_precise",
            "The number has more digits than a number can carry exactly (15 to 17); "
            "round it in the file, or use type integer or text.",
        )
    if not notation.is_default:
        return Why(
            "not_a_number",
            f"The cell is not a number written like {notation.example}; "
            "mend it, or change the column's `format:`.",
        )
    if "," in text or any(space in text for space in _SPACES) or "'" in text:
        return Why(
            "not_a_number",
            "The cell is not a number with a decimal point and nothing between thousands; if the "
            "file writes them otherwise, declare an example: `format: 1 234,56`.",
        )
    return Why(
        "not_a_number", "The cell is not a number such as 1234.56; mend it or use type text."
    )


def _why_not_integer(notation: Notation, text: str) -> Why:
    if _normal_text(notation, text) is not None:
        return Why(
            "out_of_range",
            "The whole number does not fit into 64 bits "
            "(-9223372036854775808 to 9223372036854775807); use type text.",
        )
    if notation.group:
        return Why(
            "not_an_integer",
            f"The cell is not a whole number written like {notation.example}; "
            "mend it, or change the column's `format:`.",
        )
    if _NUMBER.fullmatch(text):
        return Why(
            "not_an_integer",
            "The cell is not a whole number in plain digits; write it without decimals and "
            "exponent, or use type number.",
        )
    return Why(
        "not_an_integer",
        "The cell is not a whole number such as 1234; mend it, or use type number or text. "
        "Grouped thousands need an example: `format: 1 234`.",
    )
