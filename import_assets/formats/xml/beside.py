"""What a process of its own does for `judge`: it parses what is written to it, and says the fault.

Expat keeps Python's lock while it parses, so that nothing else could run beside it in one process.
This file is run as a script, and imports next to nothing.

It reads pieces, each behind its size in eight bytes, and nothing follows a piece of no bytes. At
the end, or at the first fault, it writes an object of JSON: empty where there is no fault, else its
`code`, `line` and `offset` in that line, and the next bytes as `here`.
"""

from __future__ import annotations

import json
import sys
from typing import BinaryIO
from xml.parsers import expat


def parser() -> expat.XMLParserType:
    """Return a parser of UTF-8 that says what is wrong as soon as it can."""
    made = expat.ParserCreate(encoding="utf-8")
    if hasattr(made, "SetReparseDeferralEnabled"):
        # Newer versions of expat may wait for more bytes before they say what they could say.
        made.SetReparseDeferralEnabled(False)
    return made


def framed(piece: bytes) -> bytes:
    """Return a piece behind its size."""
    return len(piece).to_bytes(8, "big") + piece


def judge(pieces: BinaryIO) -> dict[str, int | str]:
    """Parse the pieces, and return the first fault."""
    taker, taken = parser(), 0
    while head := pieces.read(8):
        piece = pieces.read(int.from_bytes(head, "big"))
        try:
            taker.Parse(piece, not piece)
        except expat.ExpatError as error:
            at = taker.ErrorByteIndex - taken
            here = piece[at : at + 4] if 0 <= at < len(piece) else b""
            return {
                "code": error.code,
                "line": error.lineno,
                "offset": error.offset,
                "here": here.hex(),
            }
        taken += len(piece)
    return {}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(judge(sys.stdin.buffer)))
