"""Files of contacts: one record a contact, in columns of the account's own (M131, b.8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from import_assets.mapping.conventions.cells import (
    LIKE_DECIMAL_COMMA,
    LIKE_NO_CONTACT_DATE,
    Role,
)
from import_assets.mapping.conventions.profile import Profile
from import_assets.mapping.conventions.wholefile import DateOrder, Watch


def _watches(roles: Mapping[str, Role]) -> Sequence[Watch]:
    return [DateOrder(name) for name, role in roles.items() if role == "text"]


CONTACTS = Profile(
    name="contacts",
    delimiters=",;\t",
    roles={},
    unnamed="text",
    required=(),
    filled=(),
    untyped=(LIKE_DECIMAL_COMMA, LIKE_NO_CONTACT_DATE),
    watches=_watches,
)
