"""Hiding the values of rejected records where many can see them: in the UI and its logs.

Of each word the first character is left, of an e-mail address that of its first part, and all that
stands between words: enough to see how a value is written, too little to tell whose it is. What
columns are called, and why a record was rejected, is no secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

HIDDEN = "***"

_EMAIL = r"(?P<email>[^\s@,;|<>\"']+@[^\s@,;|<>\"']+)"
_WORD = r"(?P<word>\w+)"
_PIECES = re.compile(f"{_EMAIL}|{_WORD}")
_QUOTED = re.compile(r"(?<!\w)(?P<quote>['\"])(?P<text>.*?)(?P=quote)(?!\w)", re.DOTALL)
_TELLING = re.compile(rf"{_EMAIL}|(?P<word>\d{{6,}})")
_EXAMPLE = re.compile(r"((?:line [\d,]+: |such as ))(?P<quote>['\"])(.*?)(?P=quote)", re.DOTALL)


def value(text: str) -> str:
    """Return a value, or the raw text of a record, with its words hidden."""
    return _PIECES.sub(_hidden, text)


def sentence(text: str, values: Iterable[str | None] = ()) -> str:
    """Return a sentence about values with these hidden, and all that is quoted in it."""
    for one in sorted({one for one in values if one}, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(one)}(?!\w)", lambda found: value(found[0]), text)
    quoted = _QUOTED.sub(lambda found: found["quote"] + value(found["text"]) + found["quote"], text)
    return _TELLING.sub(_hidden, quoted)


def warning(text: str) -> str:
    """Return what is said about a whole file, with the values hidden that it gives as examples."""
    return _EXAMPLE.sub(lambda found: f"{found[1]}{found[2]}{value(found[3])}{found[2]}", text)


def _hidden(found: re.Match[str]) -> str:
    if found["email"]:
        return f"{found['email'][0]}{HIDDEN}@{HIDDEN}"
    word = found["word"]
    return (word[0] if len(word) > 1 else "") + HIDDEN
