"""`expat_only FILE`: expat reads a document and nobody listens."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.parsers import expat


def main(file: str) -> None:
    """Read it, a megabyte at a time."""
    parser = expat.ParserCreate()
    with Path(file).open("rb") as opened:
        while data := opened.read(1 << 20):
            parser.Parse(data, False)
    parser.Parse(b"", True)


if __name__ == "__main__":
    main(*sys.argv[1:])
