"""Columns of a file that are nearly called as a definition expects (M041, M042).

A file may lack columns, and may have more than the definition knows. Where it seems to do both, a
column was misnamed: taken as they stand, its values would go to a text attribute for good, or would
be imported although the rule discards them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from import_assets.spec.models import Column


def misnamed(name: str, missing: Iterable[Column]) -> str | None:
    """Return why a column without a rule may not become a text attribute, or None.

    Args:
        name: the column's name in the file.
        missing: the rules whose columns the file lacks.
    """
    key = _key(name)
    rules = [rule for rule in missing if rule.from_ is not None]
    for rule in rules:
        if _key(rule.from_ or "") == key:
            return (
                f"the definition expects column {_expected(rule)}, the file has {name!r}: "
                f"{_difference(rule.from_ or '', name)}; "
                "write `from:` in the definition as in the file"
            )
    for rule in rules:
        if rule.attribute is not None and _key(rule.attribute) == key:
            return (
                f"the definition expects column {_expected(rule)}, the file has {name!r} and no "
                f"{rule.from_!r}; mend `from:` in the definition, or give column {name!r} a rule "
                "with `to:` or `discard: true`"
            )
    return None


def near_misses(expected: Iterable[str], names: Iterable[str]) -> list[str]:
    """Say which of a file's columns without a rule are nearly called as expected ones.

    Args:
        expected: names that the definition gives and the file lacks.
        names: names of the file's columns without a rule.
    """
    by_key = {_key(name): name for name in expected}
    pairs = ((by_key.get(_key(name)), name) for name in names)
    return [
        f"{wanted!r} and {name!r}: {_difference(wanted, name)}"
        for wanted, name in pairs
        if wanted is not None
    ]


def _expected(rule: Column) -> str:
    purpose = f"for attribute {rule.attribute!r}" if rule.attribute is not None else None
    if rule.discard:
        purpose = "to discard it"
    elif rule.timestamp or rule.update_timestamp:
        purpose = "for the timestamp"
    elif purpose is None:
        purpose = f"for identifier {rule.id!r}"
    return f"{rule.from_!r} ({purpose})"


def _key(name: str) -> str:
    """Return what names have in common that differ only by case or by composed accents."""
    folded = unicodedata.normalize("NFD", name.strip()).casefold()
    return unicodedata.normalize("NFC", folded)


def _difference(expected: str, found: str) -> str:
    expected, found = expected.strip(), found.strip()
    alike = unicodedata.normalize("NFC", expected) == unicodedata.normalize("NFC", found)
    if alike:
        return "they look alike, but are written with different characters"
    if expected.casefold() == found.casefold():
        return "they differ by case only"
    return "they differ by case, and are written with different characters"
