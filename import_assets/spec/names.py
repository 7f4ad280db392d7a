"""Names that users choose: what is allowed, and why."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator

from import_assets.spec.base import CONTROL

LINEAGE = ("_batch", "_import", "_file", "_row", "_imported_at")
"""Columns that every table carries beside the user's own."""

_IMPORT_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")


def check_import_name(name: str) -> str:
    """Return `name` if a definition file may be called so; raise ValueError otherwise."""
    if fault := import_name_fault(name):
        raise ValueError(fault)
    return name


def import_name_fault(name: str) -> str | None:
    """Return what is wrong with the name of an import, or None."""
    if _IMPORT_NAME.fullmatch(name):
        return None
    return (
        f"an import is named after its file, and {name!r} is not a usable name: "
        "take lower-case letters, digits and _ only, beginning with a letter, at most 100"
    )


def _check_table_name(name: str) -> str:
    """Event types and catalogs are named freely (M056), within what a table name can hold."""
    if not name.strip() or name != name.strip():
        raise ValueError("a name may not be empty or begin or end with white space")
    if CONTROL.search(name) or "/" in name or '"' in name:
        raise ValueError('a name may not hold control characters, "/" or double quotes')
    if name.startswith("_") or len(name.encode()) > 200:
        raise ValueError("a name may not begin with _ and has at most 200 bytes")
    return name


def _check_pool_name(name: str) -> str:
    """Voucher pools are named without white space (D39)."""
    if re.search(r"\s", name):
        raise ValueError("the name of a voucher pool may not hold white space")
    return _check_table_name(name)


def _check_attribute_name(name: str) -> str:
    if not name.strip() or name != name.strip():
        raise ValueError("an attribute name may not be empty or begin or end with white space")
    if CONTROL.search(name) or '"' in name:
        raise ValueError("an attribute name may not hold control characters or double quotes")
    if name.startswith("_") or len(name.encode()) > 200:
        raise ValueError("an attribute name may not begin with _ and has at most 200 bytes")
    return name


def attribute_name_fault(name: str) -> str | None:
    """Return what is wrong with an attribute name, or None. For names that come from a file."""
    try:
        _check_attribute_name(name)
    except ValueError as error:
        return str(error)
    return None


def case_clashes(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs of names that differ only by case; SQL names do not tell these apart.

    Lower case, not `str.casefold`, which would also take `straße` for `strasse`.
    """
    seen: dict[str, str] = {}
    clashes: list[tuple[str, str]] = []
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            clashes.append((other, name))
    return clashes


TableName = Annotated[str, AfterValidator(_check_table_name)]
PoolName = Annotated[str, AfterValidator(_check_pool_name)]
AttributeName = Annotated[str, AfterValidator(_check_attribute_name)]
