"""Files of contacts: one record a contact, in columns of the account's own (M131, b.8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from import_assets.mapping.conventions.cells import (
    LIKE_DECIMAL_COMMA,
    LIKE_IMPOSSIBLE_DATE,
    LIKE_NO_CONTACT_DATE,
    Role,
)
from import_assets.mapping.conventions.profile import Profile
from import_assets.mapping.conventions.wholefile import DateOrder, Watch

_EMAILS = ("email", "e-mail", "e_mail")


def _watches(roles: Mapping[str, Role]) -> Sequence[Watch]:
    return [DateOrder(name) for name, role in roles.items() if role == "text"]


CONTACTS = Profile(
    name="contacts",
    delimiters=",;\t",
    roles={},
    unnamed="text",
    required=(),
    filled=(),
    untyped=(LIKE_DECIMAL_COMMA, LIKE_NO_CONTACT_DATE, LIKE_IMPOSSIBLE_DATE),
    watches=_watches,
)


def identified(profile: Profile, column: str) -> Profile:
    """Return a profile whose files need this column, filled in each record."""
    needed = (column,)
    return replace(
        profile,
        required=(*profile.required, needed),
        filled=(*profile.filled, needed),
        roles={**profile.roles, column: "id"},
    )


def email_column(header: Sequence[str]) -> str | None:
    """Return the column that holds addresses, by its name; most contacts are known by them."""
    return next((name for name in header if name.lower() in _EMAILS), None)
