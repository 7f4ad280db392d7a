"""The profiles, and which of them a definition or a word of the command means (D52)."""

from __future__ import annotations

from collections.abc import Mapping

from import_assets.mapping.conventions.contacts import CONTACTS
from import_assets.mapping.conventions.products import PRODUCTS
from import_assets.mapping.conventions.profile import Profile
from import_assets.mapping.conventions.sales import SALES
from import_assets.spec.models import CatalogKind, CustomersKind, EventsKind, ImportSpec

PROFILES: Mapping[str, Profile] = {
    "emarsys-products": PRODUCTS,
    "emarsys-sales": SALES,
    "emarsys-contacts": CONTACTS,
}
"""The profiles by the words that `validate --as` takes."""


def profile_of(spec: ImportSpec) -> Profile | None:
    """Return the profile of an import: by its kind, if it has conventions."""
    if spec.conventions is None:
        return None
    if isinstance(spec.kind, CatalogKind):
        return PRODUCTS
    if isinstance(spec.kind, EventsKind):
        return SALES
    if isinstance(spec.kind, CustomersKind):
        return CONTACTS
    return None
