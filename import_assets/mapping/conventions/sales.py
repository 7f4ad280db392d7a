"""Files of sales: one record an order line, added to those before (M122, M131, M132, b.8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from import_assets.mapping.conventions.cells import (
    LIKE_DECIMAL_COMMA,
    LIKE_OTHER_DATE,
    NULL_WORD,
    Role,
)
from import_assets.mapping.conventions.findings import Rule
from import_assets.mapping.conventions.profile import Profile, RecordRule
from import_assets.mapping.conventions.wholefile import Watch

_BUYERS = ("customer", "email")
_ROLES: Mapping[str, Role] = {
    "item": "id",
    "price": "number",
    "order": "id",
    "timestamp": "timestamp",
    "date": "date",
    "customer": "id",
    "email": "id",
    "quantity": "number",
}
_FILLED = (("item",), ("price",), ("order",), ("timestamp", "date"))

CUSTOMER_AND_EMAIL = RecordRule(
    Rule(
        "customer_and_email",
        "error",
        "The record names the buyer twice, by customer and by email.",
        "Keep one of them.",
    ),
    _BUYERS,
    lambda names: pl.lit(len(names) > 1) & pl.all_horizontal(_is_filled(name) for name in names),
)
NO_BUYER = RecordRule(
    Rule(
        "no_buyer",
        "error",
        "The record does not say who bought.",
        "Fill in customer or email.",
    ),
    _BUYERS,
    lambda names: ~pl.any_horizontal(_is_filled(name) for name in names),
)


def _is_filled(name: str) -> pl.Expr:
    cell = pl.col(name)
    return cell.is_not_null() & (cell.str.strip_chars() != "")


def _watches(_roles: Mapping[str, Role]) -> Sequence[Watch]:
    return ()


SALES = Profile(
    name="sales",
    delimiters=",",
    roles=_ROLES,
    unnamed="text",
    required=(*_FILLED, _BUYERS),
    filled=_FILLED,
    untyped=(NULL_WORD, LIKE_DECIMAL_COMMA, LIKE_OTHER_DATE),
    records=(CUSTOMER_AND_EMAIL, NO_BUYER),
    watches=_watches,
)
