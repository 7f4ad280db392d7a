"""Comments, CDATA sections and processing instructions: found, and put out of sight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from import_assets.formats.views import PAD, Positions

CDATA, CDATA_END = b"<![CDATA[", b"]]>"
_DASH, _BRACKET, _CLOSED, _QUESTION, _GREATER = b"-[]?>"
_OTHER = 0
_MARK = ord("!")


@dataclass(frozen=True)
class Sections:
    """Where sections begin and end, and which are CDATA; `open_at` is one that does not end."""

    start: Positions
    end: Positions
    cdata: NDArray[np.bool_]
    open_at: int | None


def find_sections(data: bytes, size: int, tags: Positions) -> Sections:
    """Find the sections in the first `size` bytes of a body; `tags` are the places of all `<`."""
    octets = np.frombuffer(data, np.uint8, offset=PAD)
    behind = octets[tags + 1]
    start = tags[(behind == _MARK) | (behind == _QUESTION)]
    if not len(start):
        return Sections(start, start, np.empty(0, np.bool_), None)
    end, kind = _ends(octets, size, start)
    if (start[1:] < end[:-1]).any():
        real = _apart(start, end)
        start, end, kind = start[real], end[real], kind[real]
    open_at: int | None = None
    if end[-1] > size:
        open_at = int(start[-1])
        start, end, kind = start[:-1], end[:-1], kind[:-1]
    return Sections(start, end, kind == _BRACKET, open_at)


def _ends(octets: NDArray[np.uint8], size: int, start: Positions) -> tuple[Positions, Positions]:
    """Return for each beginning where it would end, beyond `size` if nowhere, and of what kind."""
    greater = np.flatnonzero(octets[:size] == _GREATER)
    before = octets[greater - 1]
    doubled = before == octets[greater - 2]
    kind = np.where(octets[start + 1] == _QUESTION, _QUESTION, octets[start + 2])
    kind[~np.isin(kind, (_DASH, _BRACKET, _QUESTION))] = _OTHER
    end = np.empty(len(start), np.int64)
    for one, found, least in (
        (_DASH, greater[(before == _DASH) & doubled], len(b"<!---->")),
        (_BRACKET, greater[(before == _CLOSED) & doubled], len(CDATA + CDATA_END)),
        (_QUESTION, greater[before == _QUESTION], len(b"<??>")),
        (_OTHER, greater, len(b"<!>")),
    ):
        here = np.flatnonzero(kind == one)
        places = np.append(found, size)
        # Not before its own beginning is over: `<!-->` is no comment.
        end[here] = places[np.searchsorted(places, np.minimum(start[here] + least - 1, size))] + 1
    return end, kind


def _apart(start: Positions, end: Positions) -> Positions:
    """Return which are sections: what looks like one inside of another is text of that one."""
    found: list[int] = []
    behind = 0
    for at, (first, last) in enumerate(zip(start.tolist(), end.tolist(), strict=True)):
        if first >= behind:
            found.append(at)
            behind = last
    return np.array(found, np.int64)


def hide(data: bytes, sections: Sections) -> bytes:
    """Return the data with CDATA as letters and the other sections as spaces."""
    if not len(sections.start):
        return data
    most = int((sections.end - sections.start).max())
    spaces, letters = b" " * most, b"x" * most
    parts: list[bytes] = []
    behind = 0
    for start, end, cdata in zip(
        (sections.start + PAD).tolist(),
        (sections.end + PAD).tolist(),
        sections.cdata.tolist(),
        strict=True,
    ):
        parts += data[behind:start], (letters if cdata else spaces)[: end - start]
        behind = end
    parts.append(data[behind:])
    return b"".join(parts)
