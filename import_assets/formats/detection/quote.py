"""What stands around cells: `"`, `'` or nothing (M084, M135)."""

from __future__ import annotations

import re

from import_assets.formats.detection.findings import Finding
from import_assets.formats.detection.sample import SAMPLE_BYTES
from import_assets.spec.formats import Quote

_FEWEST_WRAPPED = 3
_USUALLY = 0.8


def find_quote(head: bytes, delimiters: str) -> Finding[Quote]:
    """Find the quote of a text whose cells are parted by one of `delimiters`.

    A double quote counts where it closes one cell that it opens; a single one, which is an
    apostrophe too, where it closes most of those that it opens. A double quote that opens cells and
    closes none, such as the inches of `"x 4"`, is text.
    """
    sample = head[:SAMPLE_BYTES]
    opened, wrapped = _count(sample, b'"', delimiters)
    opened_single, wrapped_single = _count(sample, b"'", delimiters)
    if wrapped:
        sure = 0.5 + 0.5 * wrapped / opened
        return Finding(
            '"', sure, f'{wrapped:,} of {opened:,} cells that a " opens are closed by it'
        )
    if wrapped_single >= max(_FEWEST_WRAPPED, _USUALLY * opened_single):
        sure = 0.95 * wrapped_single / opened_single
        why = f"{wrapped_single:,} of {opened_single:,} cells that a ' opens are closed by it"
        return Finding("'", sure, why)
    if opened:
        return Finding("none", 0.8, f'{opened:,} cells begin with a " that closes none of them')
    return Finding('"', 0.9, "no cell begins with a quote, so nothing depends on it")


def _count(sample: bytes, quote: bytes, delimiters: str) -> tuple[int, int]:
    """Return how many cells a quote opens, and how many of these it closes."""
    edge = re.escape(delimiters.encode()) + rb"\r\n"
    cell = rb"(?:\A|(?<=[" + edge + rb"]))Q((?:[^Q]|QQ)*+Q(?=[" + edge + rb"]|\Z))?"
    found = [match[1] for match in re.finditer(cell.replace(b"Q", quote), sample)]
    return len(found), sum(closed is not None for closed in found)
