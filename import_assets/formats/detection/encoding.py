"""Which of the thirteen encodings a file is in (M082, D15).

A byte order mark decides; else UTF-8, if the text is that, since hardly any other text is by
chance; else the one of the single-byte encodings in which the words read like a language. Where
two encodings give other letters for the same bytes and neither reads clearly better, nothing is
chosen: a name in the wrong letters is imported without a trace.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from import_assets.formats.detection.findings import Finding
from import_assets.formats.detection.letters import LANGUAGES, SIGNS
from import_assets.formats.detection.marks import UTF8_MARK, find_mark, unmarked_utf16
from import_assets.formats.detection.scoring import DIGIT, SINGLE_BYTE, Reading, characters, read_as
from import_assets.spec.formats import Encoding

HEAD_BYTES = 1 << 20
"""Bytes at the beginning of a file that decide its encoding."""

_WORD = re.compile(rb"[0-9]?[A-Za-z]*[\x80-\xff][A-Za-z\x80-\xff]*[0-9]?")
_DIGITS = bytes.maketrans(b"123456789", DIGIT.encode() * 9)
_MOST_WORDS = 2_000
_CLEAR = 3.0
"""How much likelier, as a logarithm, the best reading has to be than the next."""
_READABLE = -4.5
"""A mean weight of letters below this is that of bytes which are no words in any encoding."""
_FEWEST_LETTERS = 3
"""A letter or two are a word in too many languages."""
_MOST_BY_CHANCE = 3
"""Different characters of UTF-8 that can be other letters by chance; more are not."""
_TWO_BYTES = 0x7FF
"""The last character of two bytes; three in a row are not valid by chance."""
_BY_CHANCE = 0.6
_MOST_LOOKED_AT = 200
_SHOWN_WORDS = 3
_SHOWN_BYTES = 40
_SHOWN_RIVALS = 4

_RARITY: dict[Encoding, float] = {
    "cp1252": 0.0, "cp1250": -0.1, "cp1251": -0.3, "cp1254": -0.6, "cp1253": -0.6, "cp1257": -0.6,
    "cp1255": -0.6, "cp1256": -0.6, "iso-8859-2": -1.0, "latin1": -0.7, "cp1258": -1.2,
}  # fmt: skip
"""How rare files in an encoding are, as a logarithm; it decides between equals."""


def find_encoding(head: bytes, *, whole: bool) -> Finding[Encoding]:
    """Find the encoding of a file by its first `HEAD_BYTES`.

    Args:
        head: The beginning of the file, unpacked.
        whole: True when `head` is the whole file.
    """
    whole = whole and len(head) <= HEAD_BYTES
    head = head[:HEAD_BYTES]
    if mark := find_mark(head):
        marked: Encoding = "utf-8" if mark == UTF8_MARK else "utf-16"
        return Finding(marked, 1.0, f"the file begins with the byte order mark of {marked}")
    if order := unmarked_utf16(head):
        return Finding(
            None,
            0.9,
            f"the file looks like {order} without a byte order mark: save it as UTF-8, or as "
            "UTF-16 with a byte order mark",
            ("utf-16",),
        )
    if head.isascii():
        there = "the file" if whole else "the beginning of the file"
        return Finding("utf-8", 1.0, f"{there} is ASCII, which most encodings read alike")
    found = _utf8(head, whole=whole)
    if found is None or not _may_be_chance(head):
        return found or _by_letters(head, whole=whole)
    single = _by_letters(head, whole=whole)
    if single.clear:
        return single
    return replace(found, confidence=min(found.confidence, _BY_CHANCE))


def _may_be_chance(head: bytes) -> bool:
    """Tell whether what is valid UTF-8 may be two letters of another encoding that stand so.

    `ÓŁ` of SPÓŁKA, written in cp1250, is a letter of Tajik in UTF-8, in each row again. So a few
    different characters prove nothing if no usual language has them, or none in such words.
    """
    found = np.unique(_code_points(head))
    found = found[(found >= 0x80) & ~((found >= 0xDC80) & (found <= 0xDCFF))]
    if len(found) > _MOST_BY_CHANCE or found.max(initial=0) > _TWO_BYTES:
        return False
    if any(chr(point) not in _usual() for point in found.tolist()):
        return True
    words = {word.decode("utf-8", "ignore") for word in _words(head)[:_MOST_LOOKED_AT]}
    return any(len(_scripts(word)) > 1 for word in words)


@cache
def _usual() -> frozenset[str]:
    """Return the letters of all languages that are known here, and the usual signs."""
    letters = {char for one in LANGUAGES for char in (*one.shares, *one.extra)}
    return frozenset({*letters, *(char.upper() for char in letters), *SIGNS, "\xa0"})


def _scripts(word: str) -> set[str]:
    return {unicodedata.name(char, "").partition(" ")[0] for char in word if char.isalpha()}


def _utf8(head: bytes, *, whole: bool) -> Finding[Encoding] | None:
    """Take for UTF-8 what mostly is; its few wrong bytes reject their records."""
    points = _code_points(head)
    if not whole:
        # The last character may be cut.
        points = points[:-3]
    escaped = (points >= 0xDC80) & (points <= 0xDCFF)
    wrong_bytes = int(np.count_nonzero(escaped))
    right = int(np.count_nonzero(points >= 0x80)) - wrong_bytes
    wrong = int(np.count_nonzero(escaped[1:] > escaped[:-1])) + bool(escaped[:1].any())
    if not wrong:
        sure = 1 - 0.05 / max(right, 1)
        return Finding("utf-8", sure, f"all {right:,} characters beyond ASCII are valid UTF-8")
    if right < 2 * wrong or 2 * right < wrong_bytes:
        return None
    return Finding(
        "utf-8",
        right / (right + wrong),
        f"{right:,} characters beyond ASCII are valid UTF-8, at {wrong:,} places bytes are "
        "not: their records will be rejected",
    )


def _code_points(head: bytes) -> NDArray[np.uint32]:
    """Return the characters of a text in UTF-8; of a byte that belongs to none, a surrogate."""
    text = head.decode("utf-8", "surrogateescape")
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _by_letters(head: bytes, *, whole: bool) -> Finding[Encoding]:
    """Choose the encoding in which the words read best (D15)."""
    words = _words(head)
    present = sorted(set(b"".join(words)))
    best, *rest = sorted((read_as(words, one) for one in SINGLE_BYTE), key=_likely, reverse=True)
    alike = [one for one in rest if _same_text(present, one.encoding, best.encoding)]
    others = [one for one in rest if one not in alike]
    also: tuple[Encoding, ...] = tuple(one.encoding for one in alike)
    if not others:
        return Finding(best.encoding, 1.0, f"{', '.join(also)} would give the same text", also)
    lead = _likely(best) - _likely(others[0])
    readable = best.quality >= _READABLE
    enough = best.letters >= _FEWEST_LETTERS or not best.foreign
    sure = 1 / (1 + math.exp(-lead / 2))
    if lead < _CLEAR or not readable or not enough:
        rivals = _rivals([best, *others], present)
        why = _unclear(words, rivals)
        if not readable:
            why = f"the letters beyond ASCII are words in no encoding; {why}"
        return Finding(None, min(sure, 0.5), why, rivals)
    why = _reads_as(words, best, others[0].encoding)
    if also:
        would = "would" if whole else "so far would"
        why += f"; {', '.join(also)} {would} give the same text"
    return Finding(best.encoding, sure, why, also)


def _likely(reading: Reading) -> float:
    return reading.score + _RARITY[reading.encoding]


def _words(head: bytes) -> list[bytes]:
    """Return the words with letters beyond ASCII, each once: a value may stand in every row."""
    found = dict.fromkeys(_WORD.findall(head))
    return list(dict.fromkeys(word.translate(_DIGITS) for word in found))[:_MOST_WORDS]


def _same_text(present: list[int], one: Encoding, other: Encoding) -> bool:
    table, second = characters(one), characters(other)
    return all(table[byte] == second[byte] for byte in present)


def _rivals(readings: list[Reading], present: list[int]) -> tuple[Encoding, ...]:
    """Return those near the best, one of each group that gives the same text."""
    rivals: list[Encoding] = []
    for one in readings:
        near = len(rivals) < 2 or _likely(readings[0]) - _likely(one) < 2 * _CLEAR
        if near and not any(_same_text(present, one.encoding, rival) for rival in rivals):
            rivals.append(one.encoding)
    return tuple(rivals[:_SHOWN_RIVALS])


def _reads_as(words: list[bytes], best: Reading, rival: Encoding) -> str:
    told = [word for word in words if _shown(word, best.encoding) != _shown(word, rival)]
    examples = ", ".join(f'"{_shown(word, best.encoding)}"' for word in told[:_SHOWN_WORDS])
    if not best.foreign:
        return f"the signs beyond ASCII are usual ones, such as {examples}"
    plural = "words read" if len(words) > 1 else "word reads"
    return f"{len(words):,} {plural} like {best.language}, such as {examples}"


def _unclear(words: list[bytes], rivals: tuple[Encoding, ...]) -> str:
    """Say how a word reads under each rival: one in which all differ, if there is any."""
    word = max(words, key=lambda one: len({_shown(one, rival) for rival in rivals}))
    ways = ", ".join(f'{rival} reads "{_shown(word, rival)}"' for rival in rivals)
    return f"the encoding is not clear: {ways}"


def _shown(word: bytes, encoding: Encoding) -> str:
    r"""Return how the beginning of a word reads; what is no character, as `\xNN`."""
    text = word.strip(DIGIT.encode())[:_SHOWN_BYTES].decode(encoding, "backslashreplace")
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
