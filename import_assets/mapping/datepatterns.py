"""How dates and times are written: strptime formats as strict patterns (b.3, M059, D28).

A pattern is one regular expression with named groups, in the part of the syntax that polars and
Python share, so the vectorised reading and the sentence about a bad cell can never disagree on
what fits. The arithmetic is done here, since the libraries' own strptime pads, skips white space
and reads years of two digits as years of the first century.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import polars as pl

_MONTHS = tuple(name.lower() for name in calendar.month_name[1:])
_ABBREVIATED = tuple(name[:3] for name in _MONTHS)
_MONTH_NUMBERS = {
    name: number for names in (_MONTHS, _ABBREVIATED) for number, name in enumerate(names, 1)
}

_MINUTE = "[0-5][0-9]"
OFFSET = r"[zZ]|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?"
"""Z or an offset from UTC; the largest in use is +14:00."""

_US = 1_000_000
_ORDINARY_YEAR = "(?:1[0-9]{3}|20[0-8][0-9]|209[0-8])"
_TWO_DIGIT_PIVOT = 68
"""Years 00 to 68 are 2000 to 2068, years 69 to 99 are 1969 to 1999, as strptime has it."""


def _any_case(words: Iterable[str]) -> str:
    """Match the words in any case, spelled out: (?i) also takes letters that only look alike."""
    spelled = ("".join(f"[{char.upper()}{char}]" for char in word) for word in words)
    return f"(?:{'|'.join(spelled)})"


@dataclass(frozen=True)
class _Directive:
    """What a strptime directive matches: `fixed` where it touches other digits, else `loose`."""

    group: str
    fixed: str
    loose: str
    is_digits: bool = True


_DIRECTIVES = {
    "Y": _Directive("year", "[0-9]{4}", "[0-9]{4}"),
    "y": _Directive("year2", "[0-9]{2}", "[0-9]{2}"),
    "m": _Directive("month", "[0-9]{2}", "[0-9]{1,2}"),
    "d": _Directive("day", "[0-9]{2}", "[0-9]{1,2}"),
    "j": _Directive("yearday", "[0-9]{3}", "[0-9]{1,3}"),
    "H": _Directive("hour", "(?:[01][0-9]|2[0-3])", "(?:[01]?[0-9]|2[0-3])"),
    "I": _Directive("hour12", "(?:0[1-9]|1[0-2])", "(?:0?[1-9]|1[0-2])"),
    "M": _Directive("minute", _MINUTE, _MINUTE),
    "S": _Directive("second", _MINUTE, _MINUTE),
    "f": _Directive("fraction", "[0-9]{6}", "[0-9]{1,6}"),
    "b": _Directive("month_name", *[_any_case(_ABBREVIATED)] * 2, is_digits=False),
    "B": _Directive("month_name", *[_any_case(_MONTHS)] * 2, is_digits=False),
    "p": _Directive("meridiem", *[_any_case(("am", "pm"))] * 2, is_digits=False),
    "z": _Directive("offset", *[f"(?:{OFFSET})"] * 2, is_digits=False),
}
_TIME = frozenset({"hour", "hour12", "minute", "second", "fraction", "meridiem", "offset"})
_DATES = (
    {"year", "month", "day"},
    {"year2", "month", "day"},
    {"year", "month_name", "day"},
    {"year2", "month_name", "day"},
    {"year", "yearday"},
    {"year2", "yearday"},
)
_SPECIAL = re.compile(r"[.+*?()|{}^$#&~\[\]\\-]")


@dataclass(frozen=True)
class Moment:
    """One cell read slowly. `date` is None where there is no such day in the calendar."""

    date: dt.date | None
    time: dt.time
    offset: dt.timedelta | None


@dataclass(frozen=True)
class DatePattern:
    """A way of writing dates and times.

    `regex` matches whole cells, `longer` the same with any number of digits in the fraction of a
    second.
    """

    regex: str
    longer: str

    def read(self, cells: pl.Series) -> pl.DataFrame:
        """Read the cells that fit the pattern and exist in the calendar.

        Returns:
            `date` (Date, null where the cell does not fit), `time` (microseconds since midnight)
            and `offset` (microseconds east of UTC, null where the cell names none).
        """
        whole = f"^(?:{self.regex})$"
        if not cells.str.contains(whole).any():
            nulls = pl.repeat(None, len(cells), dtype=pl.Int64(), eager=True)
            return pl.DataFrame({"date": nulls.cast(pl.Date), "time": nulls, "offset": nulls})
        fields = cells.str.extract_groups(whole).struct.unnest()
        return fields.select(
            date=_date(fields.columns), time=_time(fields.columns), offset=_offset(fields.columns)
        )

    def fits(self, text: str) -> bool:
        """Tell whether a cell is written so, be the date in the calendar or not."""
        return re.fullmatch(self.regex, text) is not None

    def fits_but_for_precision(self, text: str) -> bool:
        """Tell whether a cell is written so, but with a fraction finer than microseconds."""
        return not self.fits(text) and re.fullmatch(self.longer, text) is not None

    def moment(self, text: str) -> Moment:
        """Read one cell that `fits`; raises ValueError for another."""
        match = re.fullmatch(self.regex, text)
        if match is None:
            raise ValueError(f"{text!r} is not written as the pattern says: ask fits() first")
        parts = {name: part for name, part in match.groupdict().items() if part is not None}
        return Moment(_one_date(parts), _one_time(parts), _one_offset(parts))


@dataclass(frozen=True)
class NativeFormat:
    """A strptime format that polars reads well, once a regular expression has kept out the rest.

    It reads the years 1000 to 2098 only, where no time zone leads out of what a datetime can hold
    and polars knows all changes of clocks; a `DatePattern` reads the others. `utc` tells that the
    format ends in Z.
    """

    text: str
    utc: bool = False

    @cached_property
    def regex(self) -> str:
        """Pattern of a whole cell."""
        return _regex(_pieces(self.text), year=_ORDINARY_YEAR)

    def read(self, cell: pl.Expr, dtype: pl.Date | pl.Datetime) -> pl.Expr:
        """Return the date or naive datetime of a cell, null where it is not written so."""
        guarded = pl.when(cell.str.contains(f"^(?:{self.regex})$")).then(cell)
        return guarded.str.strptime(dtype, self.text, strict=False, cache=False)


NATIVE_DATES = (NativeFormat("%Y-%m-%d"), NativeFormat("%d.%m.%Y"))
NATIVE_DATETIMES = (
    NativeFormat("%Y-%m-%d %H:%M:%S"),
    NativeFormat("%Y-%m-%dT%H:%M:%S"),
    NativeFormat("%Y-%m-%dT%H:%M:%SZ", utc=True),
    NativeFormat("%d.%m.%Y %H:%M"),
)
"""The most usual of what types date and datetime accept without a format."""

_LATER = "(?:[Tt ]{hour}:{minute}(?::{second}(?:\\.{fraction})?)?(?: ?{offset})?)?"


def _built_in(date: str, *, time: bool) -> DatePattern:
    parts = {d.group: f"(?P<{d.group}>{d.loose})" for d in _DIRECTIVES.values()}
    text = date.format_map(parts)
    if not time:
        return DatePattern(text, text)
    zeros = parts | {"fraction": parts["fraction"] + "0*"}
    longer = parts | {"fraction": "(?P<fraction>[0-9]+)"}
    return DatePattern(text + _LATER.format_map(zeros), text + _LATER.format_map(longer))


_ISO = "{year}-{month}-{day}"
_DOTTED = "{day}\\.{month}\\.{year}"
DATES = (_built_in(_ISO, time=False), _built_in(_DOTTED, time=False))
"""What type date accepts without a format (b.3, D28)."""
DATETIMES = (_built_in(_ISO, time=True), _built_in(_DOTTED, time=True))
"""What type datetime accepts without a format, unix seconds aside (b.3, M058, M059, D27)."""


def compile_format(text: str, *, time: bool) -> DatePattern | str:
    """Compile a strptime format.

    Args:
        text: such as "%d.%m.%Y %H:%M".
        time: whether the format may speak of the time of day.

    Returns:
        The pattern, or a sentence that says why the format cannot be used.
    """
    pieces = _pieces(text)
    letters = _letters(pieces)
    if fault := _letters_fault(text, letters) or _groups_fault(text, letters, time=time):
        return fault
    return DatePattern(_regex(pieces), _regex(pieces, longer=True))


def native_format(text: str) -> NativeFormat | None:
    """Return a strptime format, compiled before, as one that polars can read itself, if it can."""
    letters = _letters(_pieces(text))
    minutes = ("H" in letters) == ("M" in letters)
    readable = "Y" in letters and set(letters) <= set("YmdHMS")
    return NativeFormat(text) if readable and minutes and "%%" not in text else None


def _pieces(text: str) -> list[str]:
    return re.findall(r"%.|%$|[^%]", text, re.DOTALL)


def _letters(pieces: list[str]) -> list[str]:
    return [piece[1:] for piece in pieces if piece[0] == "%" and piece != "%%"]


def _letters_fault(text: str, letters: list[str]) -> str | None:
    for letter in letters:
        if letter not in _DIRECTIVES:
            hint = "; seconds since 1970 are `format: unix`" if letter == "s" else ""
            known = " ".join(f"%{name}" for name in _DIRECTIVES)
            return f"format {text!r}: %{letter} is not known here, only {known} and %%{hint}"
    if not letters:
        return f"format {text!r} has no strptime terms such as %Y-%m-%d"
    groups = [_DIRECTIVES[letter].group for letter in letters]
    if double := sorted({group for group in groups if groups.count(group) > 1}):
        return f"format {text!r} says the {double[0].rstrip('2').replace('_', ' ')} twice"
    return None


def _groups_fault(text: str, letters: list[str], *, time: bool) -> str | None:
    groups = {_DIRECTIVES[letter].group for letter in letters}
    if groups - _TIME not in _DATES:
        return (
            f"format {text!r} does not say exactly one date: take %Y (or %y) with %m (or %b, %B) "
            "and %d, or with %j"
        )
    if not time and groups & _TIME:
        return f"format {text!r} has a time of day: a date has none, take type datetime"
    if ("hour12" in groups) != ("meridiem" in groups) or {"hour", "hour12"} <= groups:
        return f"format {text!r}: %I and %p go together, and not with %H"
    present = {group.rstrip("12") for group in groups}
    chain = [("minute", "hour"), ("second", "minute"), ("fraction", "second"), ("offset", "hour")]
    for group, needed in chain:
        if group in present and needed not in present:
            return f"format {text!r} has the {group} of a time without its {needed}"
    return None


def _regex(pieces: list[str], *, longer: bool = False, year: str | None = None) -> str:
    parts: list[str] = []
    for index, piece in enumerate(pieces):
        if piece[0] != "%" or piece == "%%":
            parts.append(_SPECIAL.sub(r"\\\g<0>", piece[-1]))
            continue
        directive = _DIRECTIVES[piece[1]]
        before = index > 0 and _ends_in_digits(pieces[index - 1])
        after = index + 1 < len(pieces) and _ends_in_digits(pieces[index + 1])
        pattern = directive.fixed if directive.is_digits and (before or after) else directive.loose
        if year is not None and directive.group == "year":
            pattern = year
        part = f"(?P<{directive.group}>{pattern})"
        if directive.group == "fraction" and not after:
            part = "(?P<fraction>[0-9]+)" if longer else f"{part}0*"
        parts.append(part)
    return "".join(parts)


def _ends_in_digits(piece: str) -> bool:
    """Tell whether a piece is digits, so that a number beside it must have its full width."""
    if piece[0] == "%" and piece != "%%":
        return _DIRECTIVES[piece[1]].is_digits
    return piece.isdigit()


# --- many cells at once -------------------------------------------------------------------------


def _number(group: str) -> pl.Expr:
    return pl.col(group).cast(pl.Int32)


def _date(groups: list[str]) -> pl.Expr:
    """Day of the calendar; null where the cell does not fit or there is no such day."""
    if "year" in groups:
        year = _number("year")
    else:
        short = _number("year2")
        year = short + pl.when(short <= _TWO_DIGIT_PIVOT).then(2000).otherwise(1900)
    if "yearday" in groups:
        month, day = pl.lit(1), _number("yearday")
    else:
        day = _number("day")
        month = _number("month") if "month" in groups else _month_of_name()
    usable = month.is_between(1, 12) & (year >= 1) & (day >= 1)
    start = pl.date(pl.when(usable).then(year), month, 1)
    found = (start.cast(pl.Int32) + day - 1).cast(pl.Date)
    same = found.dt.year() == year if "yearday" in groups else found.dt.month() == month
    return pl.when(same).then(found)


def _month_of_name() -> pl.Expr:
    return (
        pl.col("month_name")
        .str.to_lowercase()
        .replace_strict(_MONTH_NUMBERS, default=None, return_dtype=pl.Int32)
    )


def _time(groups: list[str]) -> pl.Expr:
    """Microseconds since midnight; what is not written counts as zero (M059)."""

    def part(group: str) -> pl.Expr:
        return pl.col(group).cast(pl.Int64).fill_null(0) if group in groups else pl.lit(0)

    hour = part("hour")
    if "hour12" in groups:
        noon = pl.when(pl.col("meridiem").str.to_lowercase() == "pm").then(12).otherwise(0)
        hour = part("hour12") % 12 + noon
    micros = pl.lit(0)
    if "fraction" in groups:
        micros = pl.col("fraction").str.pad_end(6, "0").cast(pl.Int64).fill_null(0)
    return (hour * 3600 + part("minute") * 60 + part("second")).cast(pl.Int64) * _US + micros


def _offset(groups: list[str]) -> pl.Expr:
    """Microseconds east of UTC; null where none is written."""
    if "offset" not in groups:
        return pl.lit(None, dtype=pl.Int64)
    text = pl.col("offset").str.replace(":", "", literal=True)
    sign = pl.when(text.str.starts_with("-")).then(-1).otherwise(1)
    hours = text.str.slice(1, 2).cast(pl.Int64, strict=False)
    minutes = text.str.slice(3, 2).cast(pl.Int64, strict=False).fill_null(0)
    written = sign * (hours * 60 + minutes) * 60 * _US
    return (
        pl.when(text.str.to_lowercase() == "z").then(pl.lit(0, dtype=pl.Int64)).otherwise(written)
    )


# --- one cell -----------------------------------------------------------------------------------


def _one_date(parts: Mapping[str, str]) -> dt.date | None:
    if "year" in parts:
        year = int(parts["year"])
    else:
        short = int(parts["year2"])
        year = short + (2000 if short <= _TWO_DIGIT_PIVOT else 1900)
    if year < 1:
        return None
    if "yearday" in parts:
        yearday = int(parts["yearday"])
        if not 1 <= yearday <= 365 + calendar.isleap(year):
            return None
        return dt.date(year, 1, 1) + dt.timedelta(days=yearday - 1)
    name = parts.get("month_name")
    month = _MONTH_NUMBERS[name.lower()] if name else int(parts["month"])
    day = int(parts["day"])
    if not 1 <= month <= 12 or not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    return dt.date(year, month, day)


def _one_time(parts: Mapping[str, str]) -> dt.time:
    hour = int(parts.get("hour", "0"))
    if "hour12" in parts:
        hour = int(parts["hour12"]) % 12 + (12 if parts["meridiem"].lower() == "pm" else 0)
    return dt.time(
        hour,
        int(parts.get("minute", "0")),
        int(parts.get("second", "0")),
        int(parts.get("fraction", "0").ljust(6, "0")),
    )


def _one_offset(parts: Mapping[str, str]) -> dt.timedelta | None:
    text = parts.get("offset")
    if text is None:
        return None
    if text in ("Z", "z"):
        return dt.timedelta(0)
    digits = text[1:].replace(":", "")
    size = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return -size if text.startswith("-") else size
