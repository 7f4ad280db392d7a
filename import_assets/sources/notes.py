"""What looks and starts say to the user: one sentence, in which every file is accounted for."""

from __future__ import annotations

from collections.abc import Sequence

from import_assets.sources.delivery import Delivery
from import_assets.sources.listing import Listing
from import_assets.sources.rules import Rules
from import_assets.sources.storage.selection import by_name
from import_assets.wording import counted

_NAMES = 3


def names_of(deliveries: Sequence[Delivery]) -> str:
    """Return the first few keys, and how many more there are."""
    shown = [file.key for file in sorted(deliveries, key=by_name)[:_NAMES]]
    more = len(deliveries) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")


def count_of(number: int, words: str) -> str:
    """Return a number with its words, or nothing for zero."""
    return f"{number:,} {words}" if number else ""


def said_of(listing: Listing, rules: Rules, parts: Sequence[str]) -> str:
    """Return the sentence about a listing; parts that are empty are left out."""
    number = len(listing.deliveries)
    if number:
        said = ", ".join(part for part in parts if part)
        text = f"{counted(number, 'file matches', 'files match')}: {said}"
    else:
        text = f"no file matches {rules.pattern.text}"
        text += f", {listing.others:,} others lie there" if listing.others else ""
    if listing.faults:
        more = len(listing.faults) - 1
        text += f"; {listing.faults[0]}" + (f" (and {more:,} more like it)" if more else "")
    return text


def too_many(count: int, limit: int, rules: Rules) -> str:
    """Return why so many files are not imported at once, and what to do (M024)."""
    return (
        f"{count:,} files that match {rules.pattern.text} would be imported at once, more than the "
        f"limit of {limit:,}, so none is: import them by hand, move those you do not need out of "
        "the folder, narrow `files:`, or raise `limits: {files: …}` in project.yaml"
    )
