"""What a cell looks like: a number, a date, an address; without saying what it is."""

from __future__ import annotations

import re

_SHAPES = {
    "number": r"[-+]?(?:[$€£] ?)?\d{1,3}(?:[ .,'\u00a0]?\d{3})*(?:[.,]\d+)?"
    r"(?: ?(?:%|[$€£]|[A-Z]{3}))?"
    r"|[-+]?\d*[.,]?\d+(?:[eE][-+]?\d+)?",
    "date": r"\d{1,4}[-./ ]{1,2}\d{1,2}[-./ ]{1,2}\d{1,4}\.?(?:[T ]\d{1,2}:\d{2}\S*)?",
    "time": r"\d{1,2}:\d{2}(?::\d{2})?",
    "e-mail address": r"[^\s@]+@[^\s@]+\.[^\s@]+",
    "link": r"(?:https?|ftp)://\S+",
    "phone number": r"\+?[\d ()/.-]{7,}",
    "code": r"(?=[^a-z]*\d)[A-Za-z0-9][A-Z0-9/._-]*\d[A-Z0-9/._-]*",
}
_PATTERNS = {name: re.compile(pattern) for name, pattern in _SHAPES.items()}

TEXT = "text"


def shape(cell: str) -> str:
    """Return the shape of a cell that is not empty: a key of the patterns, or `text`."""
    stripped = cell.strip()
    for name, pattern in _PATTERNS.items():
        if pattern.fullmatch(stripped):
            return name
    return TEXT
