"""The file filter of a storage: a regular expression, an exact name or a glob (M020, D07, D08)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

LONGEST_FILTER = 1_000
"""Characters."""

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False

# How Python shows bytes of a file name that are not UTF-8.
_UNDECODED = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class FilePattern:
    r"""Decides which files of a folder an import takes.

    `/customers_[0-9]+\.csv/` is a regular expression (RE2, linear time) that must match the whole
    name; anything else is an exact name, in which `*` and `?` stand for any characters but `/`.
    A pattern with a `/` inside is matched against the path below the folder instead of the name,
    and so reaches into sub-folders. Upper and lower case differ. Letters with accents match however
    they are composed, since file systems do not agree on that.

    Raises:
        ValueError: `text` is no such pattern; says why.
    """

    text: str

    def __post_init__(self) -> None:
        _compile(self.text)

    def matches(self, path: str) -> bool:
        """Tell whether the file at `path`, relative to the folder with `/` between parts, is taken.

        Bytes of a name that are not UTF-8 count as the character U+FFFD, which `*` and `?` match.
        """
        return self.matcher()(path)

    def matcher(self) -> Callable[[str], bool]:
        """Return `matches` for many files."""
        reaches = self.reaches_into_folders
        if not reaches and not _is_regex(self.text) and "?" not in self.text:
            return _by_fixed_parts(_normal(self.text).split("*"))
        fullmatch = _compile(self.text).fullmatch

        def matches(path: str) -> bool:
            subject = path if reaches else path.rsplit("/", 1)[-1]
            # As bytes: of a text, the library also counts the characters.
            return fullmatch(_normal(subject).encode()) is not None

        return matches

    @property
    def is_exact(self) -> bool:
        """True where the pattern is the name of one file."""
        return not _is_regex(self.text) and not {"*", "?"} & set(self.text)

    @property
    def reaches_into_folders(self) -> bool:
        """True where the pattern speaks of paths below the folder, not of bare file names."""
        return "/" in (self.text[1:-1] if _is_regex(self.text) else self.text)


def _is_regex(text: str) -> bool:
    return len(text) > 2 and text.startswith("/") and text.endswith("/")


@lru_cache(maxsize=1_024)
def _compile(text: str) -> Any:
    if not text.strip():
        raise ValueError("the file filter is empty")
    if len(text) > LONGEST_FILTER:
        raise ValueError(f"a file filter has at most {LONGEST_FILTER} characters")
    if _is_regex(text):
        return _compile_regex(_normal(text[1:-1]))
    if text == "//":
        raise ValueError("no regular expression between the slashes")
    if text.startswith("/") or text.endswith("/"):
        raise ValueError(
            "a slash at one end only: write /…/ for a regular expression (with (?i) at its "
            "beginning if case does not matter), or no slash at the ends for an exact name or a "
            "glob; the folder belongs into `folder`"
        )
    if not {".", "..", ""}.isdisjoint(text.split("/")):
        raise ValueError("a path in a file filter may not have a part that is empty, `.` or `..`")
    if "**" in text:
        raise ValueError(
            r"** is not known: write a regular expression for files in sub-folders, such as "
            r"/(.*\/)?customers\.csv/"
        )
    return re2.compile(_glob(_normal(text)), _OPTIONS)


def _compile_regex(regex: str) -> Any:
    try:
        return re2.compile(regex, _OPTIONS)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        if isinstance(reason, bytes):
            reason = reason.decode("utf-8", "replace")
        raise ValueError(f"not a regular expression (RE2 syntax): {reason}") from None


def _normal(text: str) -> str:
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _UNDECODED.sub("\ufffd", text))


def _by_fixed_parts(parts: list[str]) -> Callable[[str], bool]:
    """Return what tells whether a name is these parts, with anything between them.

    Of a hundred thousand names, RE2 takes a quarter of a second longer.
    """
    first, *others = parts
    between, last = others[:-1], others[-1] if others else ""
    least = len(first) + len(last)

    def matches(path: str) -> bool:
        name = _normal(path.rsplit("/", 1)[-1])
        if not others:
            return name == first
        if len(name) < least or not (name.startswith(first) and name.endswith(last)):
            return False
        at, end = len(first), len(name) - len(last)
        for part in between:
            at = name.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
        return True

    return matches


def _glob(text: str) -> str:
    parts = {"*": "[^/]*", "?": "[^/]"}
    return "(?s)" + "".join(parts.get(char) or re2.escape(char) for char in text)
