"""Strict JSON (RFC 8259) for the types list and json (D32).

Stricter than Python's own reader where the warehouse is stricter too: no NaN, no half surrogates,
no endless nesting. Numbers are never turned into floats, so no digit of them is lost.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

MAX_DEPTH = 100
"""How deep arrays and objects may nest."""

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS = re.compile(r"[\[\]{}]")
_OPENING = frozenset("[{")


class NotJsonError(ValueError):
    """The text is not JSON that can be stored; the message says why."""


class Number(str):
    """The exact text of a JSON number."""

    __slots__ = ()


def read_json(text: str) -> Any:
    """Return the value of a JSON text, numbers as `Number`.

    Raises:
        NotJsonError: the text is not strict JSON, or nests deeper than `MAX_DEPTH`.
    """
    if _depth(text) > MAX_DEPTH:
        raise NotJsonError(f"it nests deeper than {MAX_DEPTH} levels")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise NotJsonError(f"{error.msg} at character {error.pos + 1}") from None
    if "\\u" in text and _has_half_surrogate(value):
        raise NotJsonError("it escapes half of a surrogate pair, which is no character")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise NotJsonError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    parse_float=Number, parse_int=Number, parse_constant=_refuse_constant, strict=True
)


def _depth(text: str) -> int:
    """Return how deep brackets nest, without recursion; 0 where nothing could nest too deep."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    for bracket in _BRACKETS.findall(_STRING.sub("", text)):
        depth += 1 if bracket in _OPENING else -1
        deepest = max(deepest, depth)
    return deepest


def _has_half_surrogate(value: Any) -> bool:
    text = json.dumps(value, ensure_ascii=False)
    return re.search("[\ud800-\udfff]", text) is not None
