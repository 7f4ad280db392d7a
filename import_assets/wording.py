"""Words that depend on numbers."""

from __future__ import annotations


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its word, e.g. `1 row` or `2,000 rows`; `many` is `one` with an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
