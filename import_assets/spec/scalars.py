"""Plain YAML scalars, read by the core rules of YAML 1.2, narrowed to what cannot surprise.

YAML 1.1, which PyYAML follows by default, reads `on` and `no` as booleans, `07:30` as the number
450 and `007` as 7. Here only `true` and `false` are booleans, and only what everybody takes for a
number is one; all the rest is text.
"""

from __future__ import annotations

import re
from typing import Any

_NULL = frozenset({"", "~", "null"})
_BOOLEANS = {"true": True, "false": False}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*(?:_[0-9]+)*)")
_DECIMAL = re.compile(
    r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)",
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LONGEST_NUMBER = 40
"""Characters. Longer runs of digits are codes, not numbers, and stay text."""


class WrittenInteger(int):
    """A whole number that remembers how it was written: `1_000`, `+5`."""

    written: str


class WrittenDecimal(float):
    """A number with a fraction that remembers how it was written: `1.50`."""

    written: str


def resolve(text: str) -> Any:
    """Return what the plain scalar `text` means: None, a bool, a number, or the text itself."""
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    # Most scalars are words; a look at one character spares them the regular expressions.
    if text[0] not in "+-0123456789" or len(text) > _LONGEST_NUMBER:
        return text
    number: WrittenInteger | WrittenDecimal
    if _INTEGER.fullmatch(text):
        number = WrittenInteger(text.replace("_", ""))
    elif _DECIMAL.fullmatch(text):
        number = WrittenDecimal(text)
    else:
        return text
    number.written = text
    return number


def shown(text: str, longest: int = 60) -> str:
    """Return a text as a message repeats it: in quotes, on one line, cut where it is long."""
    return repr(text if len(text) <= longest else text[:longest] + "…")


def on_one_line(text: str) -> str:
    """Return a text with its control characters as escapes, so that a terminal shows what it is."""
    return _CONTROL.sub(lambda one: repr(one[0])[1:-1], text)


def written(value: str | bool | float) -> str:
    """Return a scalar as the user wrote it; numbers that never stood in a file as Python does."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, WrittenInteger | WrittenDecimal):
        return value.written
    return str(value)
