"""The digest of an event stays the same for months and across versions (M067, D24)."""

from __future__ import annotations

import hashlib

import polars as pl

from import_assets.staging.digest import digests


def test_pinned_values() -> None:
    """A change of these would let every event of the last 90 days in once more."""
    texts = pl.Series(["", "abc", "žluťoučký kůň 🐎", "a\nb\r\n\t\x01", "9" * 100_000])
    assert digests(texts).to_list() == [
        "d41d8cd98f00b204e9800998ecf8427e",
        "900150983cd24fb0d6963f7d28e17f72",
        *(hashlib.md5(text.encode()).hexdigest() for text in texts[2:]),
    ]


def test_the_order_is_kept() -> None:
    """Over more rows than one block of the database holds."""
    texts = pl.Series([str(n) for n in range(5_000)])
    assert digests(texts).to_list() == [hashlib.md5(t.encode()).hexdigest() for t in texts]


def test_no_texts() -> None:
    assert digests(pl.Series([], dtype=pl.String)).to_list() == []
