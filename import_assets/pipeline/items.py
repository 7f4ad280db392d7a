"""What the user should know about the items of a catalog's file, and which items were rejected."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from import_assets.mapping.identifiers import PREFIX
from import_assets.mapping.mapping import ROW, Mapped
from import_assets.spec.models import CATALOG_IDS, CatalogKind, ImportSpec

_ITEM = PREFIX + CATALOG_IDS[0]


def with_items(spec: ImportSpec, mapped: Mapped) -> Mapped:
    """Add to the rejects of a whole catalog the `item_id` of each, null where it cannot be told.

    A catalog that is replaced keeps those items: a bad price is no reason to remove a product.
    """
    if spec.catalog_mode != "full":
        return mapped
    items = mapped.refused.select(pl.col(ROW).alias("record"), pl.col(_ITEM).alias("item_id"))
    rejects = mapped.rejects.join(items, on="record", how="left", maintain_order="left")
    return replace(mapped, rejects=rejects)


class ItemNotes:
    """Watches the items of a delivery, block by block, for what deserves a warning (b.7)."""

    def __init__(self, spec: ImportSpec) -> None:
        self._is_catalog = isinstance(spec.kind, CatalogKind)
        self._is_whole = spec.catalog_mode == "full"
        self._slashed = 0
        self._example = ""
        self._untold = 0

    def see(self, mapped: Mapped) -> None:
        """Look at the next block; its rejects have gone through `with_items`."""
        if self._is_whole:
            self._untold += mapped.rejects["item_id"].null_count()
        if self._is_catalog:
            items = mapped.rows[_ITEM]
            slashed = items.filter(items.str.contains("/", literal=True))
            self._slashed += len(slashed)
            if self._slashed and not self._example:
                self._example = str(slashed[0])

    def warnings(self) -> list[str]:
        """Return a sentence for each thing that the user should know."""
        told = []
        if self._slashed:
            told.append(
                f"{_items(self._slashed, 'item_id has', 'item_ids have')} a / inside, such as "
                f"{self._example!r}: other systems cannot edit such an item in place; they are "
                "imported as they are"
            )
        if self._untold:
            told.append(
                f"no items are removed: {_items(self._untold, 'record was', 'records were')} "
                "rejected without anybody knowing of which item, and it may be still for sale"
            )
        return told


def _items(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
