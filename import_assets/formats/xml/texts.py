"""The text of elements and the values of attributes, as XML means them.

References are resolved, CDATA taken in, comments left out, line ends made line feeds. White space
at the ends of an element's text is taken off.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from import_assets.formats.views import PAD, Positions
from import_assets.formats.xml.marks import TAG
from import_assets.formats.xml.sections import CDATA, CDATA_END

SPACE = b" \t\r\n"
_MOST_SPACE = 64
_SPACE_OCTET = 32
_REFERENCE = re.compile(rb"&#(?:x([0-9a-fA-F]+)|([0-9]+));")
_NAMED = ((b"&lt;", b"<"), (b"&gt;", b">"), (b"&quot;", b'"'), (b"&apos;", b"'"))
_NOT_BLANK = np.uint64(0x8080808080808080)
_SEVEN = np.uint64(0x7F7F7F7F7F7F7F7F)
_CARRY = np.uint64(0x5F5F5F5F5F5F5F5F)
_FIRST = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)
_WORD = 8


def trim(octets: NDArray[np.uint8], start: Positions, length: Positions) -> None:
    """Take white space off the ends of texts, in place; in the octets, sections are hidden."""
    at = np.flatnonzero(length)
    at = at[octets[start[at]] <= _SPACE_OCTET]
    for _ in range(_MOST_SPACE):
        if not len(at):
            break
        start[at] += 1
        length[at] -= 1
        at = at[(length[at] > 0) & (octets[start[at]] <= _SPACE_OCTET)]
    long = at.tolist()
    at = np.flatnonzero(length)
    at = at[octets[start[at] + length[at] - 1] <= _SPACE_OCTET]
    for _ in range(_MOST_SPACE):
        if not len(at):
            break
        length[at] -= 1
        at = at[(length[at] > 0) & (octets[start[at] + length[at] - 1] <= _SPACE_OCTET)]
    for one in {*long, *at.tolist()}:
        first = int(start[one])
        text = octets[first : first + int(length[one])].tobytes()
        left = text.lstrip(SPACE)
        start[one] += len(text) - len(left)
        length[one] = len(left.rstrip(SPACE))


def is_text(octets: NDArray[np.uint8], start: Positions, end: Positions) -> NDArray[np.bool_]:
    """Tell which stretches hold anything but white space."""
    words = np.ndarray((len(octets) - _WORD + 1,), np.uint64, octets, 0, (1,))
    found = np.zeros(len(start), np.bool_)
    at, place, left = np.arange(len(start)), start, end - start
    for _ in range(_MOST_SPACE):
        word = words[place]
        # A byte above 32 carries into its highest bit, or has that bit already.
        hit = (((word & _SEVEN) + _CARRY) | word) & _NOT_BLANK & _FIRST[np.minimum(left, _WORD)]
        found[at[hit != 0]] = True
        going = (hit == 0) & (left > _WORD)
        at, place, left = at[going], place[going] + _WORD, left[going] - _WORD
        if not len(at):
            return found
    for one, first, size in zip(at.tolist(), place.tolist(), left.tolist(), strict=True):
        found[one] = bool(octets[first : first + size].tobytes().strip(SPACE))
    return found


def resolve(texts: bytes) -> bytes:
    """Return text without markup with its references resolved and its line ends as line feeds."""
    if b"\r" in texts:
        texts = line_feeds(texts)
    return _references(texts)


def resolve_value(texts: bytes) -> bytes:
    """Return an attribute's value, normalised: each white space of the source is a space."""
    texts = line_feeds(texts).replace(b"\n", b" ").replace(b"\t", b" ")
    return _references(texts)


def string_value(content: bytes) -> bytes:
    """Return all text in the content of an element, in document order, without its ends' space."""
    parts: list[bytes] = []
    at = 0
    while (less := content.find(b"<", at)) >= 0:
        parts.append(resolve(content[at:less]))
        if content.startswith(CDATA, less):
            end = content.index(CDATA_END, less)
            parts.append(line_feeds(content[less + len(CDATA) : end]))
            at = end + len(CDATA_END)
        elif content.startswith(b"<!--", less):
            at = content.index(b"-->", less + 4) + 3
        elif content.startswith(b"<?", less):
            at = content.index(b"?>", less) + 2
        else:
            tag = TAG.match(content, less)
            at = tag.end() if tag else len(content)
    parts.append(resolve(content[at:]))
    return b"".join(parts).strip(SPACE)


def joined(texts: Sequence[bytes]) -> bytes:
    """Join texts to be taken apart by `apart`; no text of XML holds a NUL."""
    return b"\0".join(texts)


def apart(texts: bytes) -> tuple[bytes, Positions, Positions]:
    """Return a padded buffer of texts that were joined, where each begins and its length."""
    bounds = np.flatnonzero(np.frombuffer(texts, np.uint8) == 0)
    start = np.concatenate([[0], bounds + 1])
    length = np.append(bounds, len(texts)) - start
    return b"".join((bytes(PAD), texts, bytes(PAD))), start, length


def line_feeds(text: bytes) -> bytes:
    """Return text with its line ends as line feeds."""
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _references(text: bytes) -> bytes:
    if b"&" not in text:
        return text
    for reference, character in _NAMED:
        text = text.replace(reference, character)
    if b"&#" in text:
        text = _REFERENCE.sub(_character, text)
    # Last, so that what it gives is not taken for the beginning of a reference.
    return text.replace(b"&amp;", b"&")


def _character(reference: re.Match[bytes]) -> bytes:
    number = int(reference[1], 16) if reference[1] else int(reference[2])
    return b"&amp;" if number == ord("&") else chr(number).encode()
