#!/usr/bin/env python3
"""Write the sample shop into `shop/`, or check that what lies there is what it would write.

The shop is made from a fixed seed: the same bytes on every platform and every Python from 3.11 on.
`shop/manifest.json` says what the imports should make of the files.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sample_shop.shop import make

PROJECT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Write or check; return 0 when done, 1 when the check finds a difference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing, compare only")
    parser.add_argument("--out", type=Path, default=PROJECT, help="the folder that holds shop/")
    arguments = parser.parse_args()
    return check(arguments.out) if arguments.check else write(arguments.out)


def write(out: Path) -> int:
    """Write the files that are missing or differ; leave the others, and their times, alone."""
    stale = _stale(out)
    for path, content in stale.items():
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_bytes(content)
        sys.stdout.write(f"wrote {path}\n")
    if not stale:
        sys.stdout.write("the sample shop is as it should be\n")
    return 0


def check(out: Path) -> int:
    """Say which files are missing or differ."""
    stale = _stale(out)
    for path in stale:
        sys.stderr.write(f"{path} is missing or changed: run `make samples`\n")
    return 1 if stale else 0


def _stale(out: Path) -> dict[str, bytes]:
    return {path: content for path, content in make().items() if _read(out / path) != content}


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main())
