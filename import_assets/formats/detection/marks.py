"""The bytes by which a file says how it is encoded (D15)."""

from __future__ import annotations

import codecs

UTF8_MARK = codecs.BOM_UTF8
UTF16_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
UTF32_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


def find_mark(first: bytes) -> bytes:
    """Return the byte order mark that a file begins with, or nothing."""
    for mark in (UTF8_MARK, *UTF16_MARKS):
        if first.startswith(mark):
            return mark
    return b""


def unmarked_utf16(first: bytes) -> str:
    """Return `utf-16-le` or `utf-16-be` for Latin text in UTF-16 without a mark, else nothing.

    There, most of every other byte are NUL, but for letters beyond Latin 1, and none of the rest.
    NUL alone is text.
    """
    sample = first[:64]
    even, odd = sample[::2], sample[1::2]
    if len(odd) < 2:
        return ""
    if _mostly_nul(odd) and all(even):
        return "utf-16-le"
    return "utf-16-be" if _mostly_nul(even) and all(odd) else ""


def _mostly_nul(half: bytes) -> bool:
    return half.count(0) * 2 > len(half)
