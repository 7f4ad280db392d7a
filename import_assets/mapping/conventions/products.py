"""Files of products: a whole catalog, one item a record (M122-M131, b.8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from import_assets.mapping.conventions.cells import (
    LIKE_DECIMAL_COMMA,
    LIKE_OTHER_DATE,
    NULL_WORD,
    Role,
)
from import_assets.mapping.conventions.profile import Profile
from import_assets.mapping.conventions.wholefile import RootCategory, UniqueItems, Watch

_ROLES: Mapping[str, Role] = {
    "item": "id",
    "title": "values",
    "link": "url",
    "image": "url",
    "zoom_image": "url",
    "category": "category",
    "available": "boolean",
    "price": "number",
    "msrp": "number",
    "brand": "values",
    "author": "values",
    "description": "values",
}

_NEEDED = (("item",), ("title",), ("link",))


def _watches(roles: Mapping[str, Role]) -> Sequence[Watch]:
    places = {name: place for place, name in enumerate(roles)}
    items = [UniqueItems(name, places[name]) for name in roles if name == "item"]
    return [*items, *(RootCategory(name) for name, role in roles.items() if role == "category")]


PRODUCTS = Profile(
    name="products",
    delimiters=",",
    roles=_ROLES,
    unnamed="values",
    required=_NEEDED,
    filled=_NEEDED,
    custom="c_",
    localised=True,
    untyped=(NULL_WORD, LIKE_DECIMAL_COMMA, LIKE_OTHER_DATE),
    watches=_watches,
)
