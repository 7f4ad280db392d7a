"""Where the tags of a stretch of a document begin and end, and their attributes' values.

This looks at bytes that nobody has judged yet, so that a document can be refused for its depth, or
for the length of a tag, before a parser has to bear it. On a document that is not well-formed it
finds something, or nothing, and that is never used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from import_assets.formats.views import PAD, Positions
from import_assets.formats.xml.sections import Sections, find_sections, hide

_LF, _CR, _SLASH, _LESS, _GREATER = b"\n\r/<>"
_DOUBLE, _SINGLE = b"\"'"

TAG = re.compile(rb"""</?[^<>"'/][^<>"']*+(?>"[^"]*+"[^<>"']*+|'[^']*+'[^<>"']*+)*+>""")
"""A tag of a well-formed document."""

_VALUE = re.compile(rb"""(?>"[^"]*+"|'[^']*+')""")

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Values:
    """The quoted values in tags: the places of both quotes, and the number of the tag."""

    opened: Positions
    shut: Positions
    tag: Positions


@dataclass(frozen=True)
class Marks:
    """The whole tags of a stretch, in order; positions count from the first byte of its body.

    `octets` is the body with its sections hidden. `before` is how many elements are open before a
    tag. `rest` is where the first piece of markup begins that is not whole, or the end of the
    stretch; the stretch is `capped` where it ends early because it has too many tags.
    """

    data: bytes
    octets: NDArray[np.uint8]
    sections: Sections
    start: Positions
    end: Positions
    closing: Flags
    empty: Flags
    before: Positions
    values: Values
    rest: int
    capped: bool

    @property
    def opening(self) -> Flags:
        """Which tags begin an element, whether or not they end it too."""
        return ~self.closing

    def line_breaks(self) -> Positions:
        """Return the places at which lines end."""
        octets = np.frombuffer(self.data, np.uint8, offset=PAD)
        feeds = octets[: self.rest] == _LF
        if b"\r" in self.data:
            feeds[:] |= (octets[: self.rest] == _CR) & (octets[1 : self.rest + 1] != _LF)
        return np.flatnonzero(feeds)


def mark(data: bytes, depth: int, most_tags: int) -> Marks:
    """Find the tags of a stretch, at most `most_tags`.

    Args:
        data: The stretch, with `PAD` bytes before and behind.
        depth: How many elements are open before it.
        most_tags: How many there may be.
    """
    size = len(data) - 2 * PAD
    octets = np.frombuffer(data, np.uint8, offset=PAD)
    start = np.flatnonzero(octets[:size] == _LESS)
    capped = len(start) > most_tags
    if capped:
        size, start = int(start[most_tags]), start[:most_tags]
    sections = find_sections(data, size, start)
    rest = size if sections.open_at is None else sections.open_at
    hidden = hide(data, sections)
    if hidden is not data:
        octets = np.frombuffer(hidden, np.uint8, offset=PAD)
        start = start[octets[start] == _LESS]
    start = start[: np.searchsorted(start, rest)]
    start, end, rest = _ends(octets, start, rest)
    values, start, end, rest = _values(hidden, octets, start, end, rest)
    closing = octets[start + 1] == _SLASH
    empty = (octets[end - 1] == _SLASH) & ~closing
    step = 1 - 2 * closing.astype(np.int64) - empty
    before = np.cumsum(step) - step + depth
    return Marks(data, octets, sections, start, end, closing, empty, before, values, rest, capped)


def _ends(
    octets: NDArray[np.uint8], start: Positions, rest: int
) -> tuple[Positions, Positions, int]:
    """Return the tags that end, by the first `>` behind each, and what is whole of the stretch."""
    greater = np.flatnonzero(octets[:rest] == _GREATER)
    if len(greater) == len(start) and (greater > start).all() and (greater[:-1] < start[1:]).all():
        return start, greater, rest
    at = np.searchsorted(greater, start)
    whole = int(np.searchsorted(at, len(greater)))
    if whole < len(start):
        rest = int(start[whole])
    return start[:whole], greater[at[:whole]], rest


def _values(
    data: bytes, octets: NDArray[np.uint8], start: Positions, end: Positions, rest: int
) -> tuple[Values, Positions, Positions, int]:
    """Pair the quotes in tags, and mend the ends of tags that have a `>` in a value."""
    quotes = np.flatnonzero((octets[:rest] == _DOUBLE) | (octets[:rest] == _SINGLE))
    tag = np.searchsorted(start, quotes, "right") - 1
    inside = (tag >= 0) & (quotes < np.append(end, 0)[tag])
    quotes, tag = quotes[inside], tag[inside]
    if not len(quotes):
        return Values(quotes, quotes, tag), start, end, rest
    first = np.flatnonzero(np.diff(tag, prepend=-1))
    count = np.diff(first, append=len(tag))
    kind = octets[quotes]
    mixed = np.logical_or.reduceat(kind != np.repeat(kind[first], count), first)
    doubtful = mixed | (count % 2 == 1)
    if not doubtful.any():
        return Values(quotes[::2], quotes[1::2], tag[::2]), start, end, rest
    plain = ~np.repeat(doubtful, count)
    quotes, plain_tag = quotes[plain], tag[plain]
    end = end.copy()
    found: list[tuple[int, int, int]] = []
    for one in tag[first[doubtful]].tolist():
        begin = int(start[one])
        match = TAG.match(data, begin + PAD, rest + PAD)
        if match is None:
            start, end, rest = start[:one], end[:one], begin
            break
        end[one] = match.end() - 1 - PAD
        found += [
            (value.start() - PAD, value.end() - 1 - PAD, one)
            for value in _VALUE.finditer(data, begin + PAD, match.end())
        ]
    table = np.array(found, np.int64).reshape(-1, 3)
    opened = np.concatenate([quotes[::2], table[:, 0]])
    shut = np.concatenate([quotes[1::2], table[:, 1]])
    owner = np.concatenate([plain_tag[::2], table[:, 2]])
    order = np.argsort(opened, kind="stable")
    order = order[owner[order] < len(start)]
    return Values(opened[order], shut[order], owner[order]), start, end, rest
