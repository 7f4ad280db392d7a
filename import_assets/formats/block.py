"""A stretch of a file's text in memory, with room around it to look beyond its ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from import_assets.formats.views import PAD

LineEnd = Literal["\n", "\r"]
"""LF stands for CR LF too; CR alone ends lines only in files that have no LF."""


@dataclass(frozen=True)
class Block:
    """A stretch of UTF-8 text that begins with a record, with `PAD` bytes before and behind.

    The byte before the body is a line end, so that the first record begins like any other. When
    `last` is set and the text does not end with a line end, one is supplied (`supplied` is 1).
    """

    data: bytes
    size: int
    last: bool
    supplied: int
    line_end: LineEnd

    @classmethod
    def of(cls, parts: list[bytes], line_end: LineEnd, *, last: bool) -> Block:
        """Join the parts of the text; `last` says that the file ends with them."""
        end = line_end.encode()
        size = sum(map(len, parts))
        final = next((part for part in reversed(parts) if part), b"")
        supplied = end if last and final and not final.endswith(end) else b""
        lead = end.rjust(PAD, b"\0")
        data = b"".join((lead, *parts, supplied, bytes(PAD)))
        return cls(data, size + len(supplied), last, len(supplied), line_end)

    @property
    def octets(self) -> NDArray[np.uint8]:
        """The body and the pad behind it."""
        return np.frombuffer(self.data, np.uint8, offset=PAD)

    @property
    def window(self) -> NDArray[np.uint8]:
        """The line end before the body, the body and the pad behind it.

        What ends at position `p` of the window is followed by position `p` of the body, so that
        the ends of records and cells, counted here, are the starts of the next ones there.
        """
        return np.frombuffer(self.data, np.uint8, offset=PAD - 1)

    def text(self, start: int, end: int) -> bytes:
        """The bytes of the body from `start` up to `end`."""
        return self.data[PAD + start : PAD + end]
