"""URLs (M123, M124, D51)."""

from __future__ import annotations

import re

import polars as pl

from import_assets.mapping.parsing import Parser, Why

_PLAIN = r"[^\s\x00-\x20\x7f\[\]]"
_PART = r"[^\s\x00-\x20\x7f\[\]/?#@:]"
PROTOCOL = r"^(?i:https?:)?//"
"""How a URL begins."""

UNENCODED = r"[\s\[\]\x00-\x20\x7f]"
"""What may stand in a URL only if it is encoded."""

URL = (
    rf"(?:[hH][tT][tT][pP][sS]?:)?//(?:[^\s\x00-\x20\x7f\[\]/?#@]*@)?{_PART}+(?::[0-9]*)?"
    rf"(?:[/?#]{_PLAIN}*)?"
)
"""A whole URL, for regular expressions of Python and of polars."""


def url_parser() -> Parser:
    """Return the parser of type url: http://, https:// or //, a host, and nothing unencoded."""
    return Parser(
        pl.String(),
        (lambda cell: pl.when(cell.str.contains(f"^{URL}$")).then(cell),),
        explain=_why_not_url,
    )


def _why_not_url(text: str) -> Why:
    """Tell what a URL lacks, or has too much of (M123, M124)."""
    if not re.match(PROTOCOL, text):
        return Why(
            "not_a_url",
            "A URL begins with http://, https:// or //; add the protocol or use type text.",
        )
    if re.search(UNENCODED, text):
        return Why(
            "not_a_url",
            "A URL holds no white space and no [ or ]; encode them: %20, %5B, %5D.",
        )
    return Why("not_a_url", "The URL has no host, or its host or port is not one; mend it.")
