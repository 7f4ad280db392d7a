"""How well the words of a file read in each of the single-byte encodings (M082).

A word is scored byte by byte from tables, for each language that is written in an encoding: what
each letter beyond ASCII weighs in the language, and how well it stands beside its neighbour. All
of it is in natural logarithms, so that differences are what one reading is likelier than another.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from import_assets.formats.detection.letters import LANGUAGES, SIGNS, Language
from import_assets.spec.formats import Encoding

SINGLE_BYTE: tuple[Encoding, ...] = tuple(
    name for name in get_args(Encoding) if not name.startswith("utf")
)
"""The encodings that statistics decide between."""

Weights = NDArray[np.float32]
Flags = NDArray[np.bool_]

_UNKNOWN = "\uffff"
DIGIT = "0"
"""Stands for all digits in the words that are read."""

_FOREIGN = math.log(0.0006)
"""A letter that is none of the language's: a name from abroad."""
_ODD_SIGN = math.log(0.00005)
_IMPOSSIBLE = -14.0
"""A control character, or a byte that the encoding does not know."""
_OTHER_LANGUAGE = -4.0
"""A word of another language than the file's, in the same encoding."""
_USUAL_PAIR, _OTHER_PAIR = 0.9, -0.5
_SCRIPTS_MIXED = -5.0
_CAPITAL_INSIDE = -4.0
_SIGN_INSIDE = -4.0
_LONELY = -3.0
"""A word of one letter: rather a sign."""
_BY_DIGIT = -4.0
"""A letter beyond ASCII beside a digit: rather the sign of a currency or a measure."""
_APOSTROPHE = 0x92
"""The byte of `’` in all encodings that have it."""
_TWO_ACCENTS = -1.0
_TWO_VOWELS, _TWO_CONSONANTS = -0.6, -0.3
_TONE_ASTRAY = -5.0
_SHAPE = -4.0
"""A letter in the shape that it has only at the end of words, elsewhere; or the other way."""
_VOWELS = set("aeiouyæøœıαεηιουωаеёиоуыэюяіїєъ")
_ONLY_LAST, _NEVER_LAST = set("ςםןףךץةى"), set("σכמנפצ")
_SOFT_SIGN = set("ьЬ")
"""It follows a consonant."""
_BREAK = ord("\n")
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "HEBREW", "ARABIC")
_TONE, _SIGN, _NONE = len(_SCRIPTS), len(_SCRIPTS) + 1, len(_SCRIPTS) + 2


@dataclass(frozen=True)
class Reading:
    """How the words of a file read in an encoding.

    `score` is comparable between encodings; `letters` is the number of letters, ASCII included;
    `foreign` says that some are beyond ASCII.
    `quality` is the mean score of a byte beyond ASCII, but for usual signs; without any, 0.
    """

    encoding: Encoding
    language: str
    score: float
    letters: int
    foreign: bool
    quality: float


def read_as(words: list[bytes], encoding: Encoding) -> Reading:
    """Score words of letters, signs and `DIGIT`, each with a byte that is not ASCII."""
    text = b"\n".join(words) + b"\n"
    octets = np.frombuffer(text, np.uint8)
    starts = np.concatenate(([0], np.flatnonzero(octets == _BREAK)[:-1] + 1))
    of_language = [one for one in LANGUAGES if encoding in one.encodings]
    scores = np.stack([_score(octets, starts, encoding, one.name) for one in of_language])
    kept = np.maximum(scores, scores.max(axis=0) + _OTHER_LANGUAGE)
    totals = kept.sum(axis=1, dtype=np.float64)
    best = int(totals.argmax())
    total, name = float(totals[best]), of_language[best].name
    signs = np.array([char in SIGNS for char in characters(encoding)])[octets]
    telling = int(np.count_nonzero(octets >= 0x80) - np.count_nonzero(signs))
    of_signs = float(_alone(encoding, name)[octets[signs]].sum())
    letters = _traits(encoding).kind[octets] < _TONE
    foreign = bool((letters & (octets >= 0x80)).any())
    quality = (total - of_signs) / telling if telling else 0.0
    return Reading(encoding, name, total, int(np.count_nonzero(letters)), foreign, quality)


@cache
def characters(encoding: Encoding) -> str:
    """Return what each byte stands for; one that stands for nothing, U+FFFF."""
    return "".join(bytes([byte]).decode(encoding, "ignore") or _UNKNOWN for byte in range(256))


def _score(
    octets: NDArray[np.uint8], starts: NDArray[np.intp], encoding: Encoding, language: str
) -> Weights:
    """Return the score of each word, the words being parted by line feeds."""
    points = _alone(encoding, language)[octets]
    points[1:] += _beside(encoding, language)[octets[:-1], octets[1:]]
    kinds = _traits(encoding).kind[octets]
    letters = kinds < _TONE
    apostrophe = octets == _APOSTROPHE
    inside = (kinds[1:-1] == _SIGN) & ~apostrophe[1:-1] & letters[:-2] & letters[2:]
    points[1:-1] += _SIGN_INSIDE * inside
    lonely = np.add.reduceat(letters, starts, dtype=np.int64) == 1
    return np.add.reduceat(points, starts) + _LONELY * lonely


@cache
def _alone(encoding: Encoding, name: str) -> Weights:
    """Return what each byte weighs by itself."""
    language = _language(name)
    return np.array([_weight(char, language) for char in characters(encoding)], np.float32)


def _language(name: str) -> Language:
    return next(one for one in LANGUAGES if one.name == name)


def _weight(char: str, language: Language) -> float:
    if char.isascii():
        return 0.0
    share = language.shares.get(char) or language.shares.get(char.lower())
    if share:
        return math.log(0.97 * share)
    if char in SIGNS or char in language.extra:
        return math.log(max(SIGNS.get(char, 0), 5 * (char in language.extra)) / 1000)
    if char == _UNKNOWN or unicodedata.category(char) == "Cc":
        return _IMPOSSIBLE
    return _FOREIGN if char.isalpha() else _ODD_SIGN


@dataclass(frozen=True)
class _Traits:
    """What matters about each byte of an encoding: `kind` is the place of its script, or a sign."""

    kind: NDArray[np.int8]
    ascii: Flags
    upper: Flags
    lower: Flags
    vowel: Flags
    only_last: Flags
    never_last: Flags
    soft_sign: Flags


@cache
def _traits(encoding: Encoding) -> _Traits:
    table = characters(encoding)

    def flags(test: Callable[[str], bool]) -> Flags:
        return np.array([test(char) for char in table])

    return _Traits(
        kind=np.array([_kind(char) for char in table], np.int8),
        ascii=flags(str.isascii),
        upper=flags(str.isupper),
        lower=flags(str.islower),
        vowel=flags(lambda char: unicodedata.normalize("NFD", char.lower())[0] in _VOWELS),
        only_last=flags(_ONLY_LAST.__contains__),
        never_last=flags(_NEVER_LAST.__contains__),
        soft_sign=flags(_SOFT_SIGN.__contains__),
    )


def _kind(char: str) -> int:
    if unicodedata.combining(char):
        return _TONE
    script = unicodedata.name(char, "").partition(" ")[0]
    if char.isalpha() and script in _SCRIPTS:
        return _SCRIPTS.index(script)
    return _NONE if char.isascii() else _SIGN


@cache
def _beside(encoding: Encoding, name: str) -> Weights:
    """Return what each byte, the second, weighs beside the one before it, the first."""
    usual, other = _neighbours(encoding)
    beside = other.copy()
    places = _places(encoding)
    for word in _language(name).pairs.split():
        for before, char in pairwise(word):
            at = np.ix_(places.get(before, []), places.get(char, []))
            beside[at] = usual[at] + _USUAL_PAIR
    return beside


@cache
def _places(encoding: Encoding) -> dict[str, list[int]]:
    """Return the bytes of each letter, small and capital."""
    places: dict[str, list[int]] = {}
    for byte, char in enumerate(characters(encoding)):
        places.setdefault(char.lower(), []).append(byte)
    return places


@cache
def _neighbours(encoding: Encoding) -> tuple[Weights, Weights]:
    """Return what two bytes in a row weigh: if they often stand so in the language, and if not."""
    one = _traits(encoding)
    first, second = np.expand_dims(one.kind, 1), np.expand_dims(one.kind, 0)
    letters = (first < _TONE) & (second < _TONE)
    usual = _SCRIPTS_MIXED * (letters & (first != second))
    usual += _CAPITAL_INSIDE * np.outer(one.lower, one.upper)
    usual += _SHAPE * (letters & np.expand_dims(one.only_last, 1))
    usual[:, _BREAK] += _SHAPE * one.never_last
    usual += _SHAPE * np.outer(one.vowel | (one.kind == _NONE), one.soft_sign)
    digit = np.array([char == DIGIT for char in characters(encoding)])
    beyond = (one.kind < _TONE) & ~one.ascii
    usual += _BY_DIGIT * (np.outer(digit, beyond) | np.outer(beyond, digit))
    usual += _tones(one)
    same = letters & (first == second)
    other = usual + _OTHER_PAIR * same
    other += _TWO_ACCENTS * (same & (first == 0) & np.outer(~one.ascii, ~one.ascii))
    cased = same & (first < _SCRIPTS.index("HEBREW"))
    other += _TWO_VOWELS * (cased & np.outer(one.vowel, one.vowel))
    other += _TWO_CONSONANTS * (cased & np.outer(~one.vowel, ~one.vowel))
    # Only what encodings disagree about is weighed.
    between = np.outer(one.ascii, one.ascii)
    usual[between] = other[between] = 0
    return usual.astype(np.float32), other.astype(np.float32)


def _tones(one: _Traits) -> NDArray[np.float64]:
    """A tone of Vietnamese stands on a vowel, a point of Hebrew on a letter or another point."""
    hebrew = _SCRIPTS.index("HEBREW")
    if (one.kind == hebrew).any():
        carries = (one.kind == hebrew) | (one.kind == _TONE)
    else:
        carries = one.vowel & (one.kind == 0)
    return _TONE_ASTRAY * np.outer(~carries, one.kind == _TONE)
