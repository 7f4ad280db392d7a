"""What the user should know about the items of a catalog's file, and which items were rejected."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from import_assets.mapping.identifiers import PREFIX
from import_assets.mapping.mapping import ROW, Mapped
from import_assets.pipeline.cells import BROKEN
from import_assets.spec.models import CATALOG_IDS, CatalogKind, ImportSpec
from import_assets.wording import counted

_ITEM = PREFIX + CATALOG_IDS[0]


class ItemNotes:
    """Watches the items of a delivery, block by block, for what deserves a warning (b.7)."""

    def __init__(self, spec: ImportSpec, id_bytes: int) -> None:
        self._is_catalog = isinstance(spec.kind, CatalogKind)
        self._is_whole = spec.catalog_mode == "full"
        self._column = _item_column(spec)
        self._id_bytes = id_bytes
        self._slashed = 0
        self._example = ""
        self._untold = 0

    def see(self, mapped: Mapped, rejects: pl.DataFrame, header: Sequence[str]) -> pl.DataFrame:
        """Look at the next block; return its rejects, as they are to be staged.

        To those of a whole catalog the `item_id` of each is added, null where it cannot be told.
        Such items stay in the catalog: a bad price is no reason to remove a product.

        Args:
            mapped: the block after mapping.
            rejects: its rejects with their `cells`.
            header: the columns, in the order of the cells.
        """
        if self._is_catalog:
            items = mapped.rows[_ITEM]
            slashed = items.filter(items.str.contains("/", literal=True))
            self._slashed += len(slashed)
            if len(slashed) and not self._example:
                self._example = str(slashed[0])
        if not self._is_whole:
            return rejects
        told = mapped.refused.select(pl.col(ROW).alias("record"), pl.col(_ITEM).alias("item_id"))
        told = told.filter(told["item_id"].str.len_bytes() <= self._id_bytes)
        rejects = rejects.join(told, on="record", how="left", maintain_order="left").with_columns(
            pl.coalesce("item_id", self._item_of_cells(header))
        )
        self._untold += rejects["item_id"].null_count()
        return rejects

    def _item_of_cells(self, header: Sequence[str]) -> pl.Expr:
        """The `item_id` of records that the format refused for a line break in a value only.

        Of records with too few or too many cells nobody knows which cell is whose.
        """
        place = next(at for at, name in enumerate(header) if name.strip() == self._column)
        reasons = pl.col("faults").list.eval(pl.element().struct.field("reason") == BROKEN)
        item = pl.col("cells").list.get(place, null_on_oob=True)
        # One with a line break is not what the item is called: the break is what is wrong with it.
        known = (item.str.strip_chars() != "") & ~item.str.contains(r"[\r\n]")
        return pl.when(reasons.list.all() & known).then(item)

    def warnings(self) -> list[str]:
        """Return a sentence for each thing that the user should know."""
        told = []
        if self._slashed:
            told.append(
                f"{counted(self._slashed, 'item_id has', 'item_ids have')} a / inside, such as "
                f"{self._example!r}: other systems cannot edit such an item in place; they are "
                "imported as they are"
            )
        if self._untold:
            told.append(
                f"no items are removed: {counted(self._untold, 'record was', 'records were')} "
                "rejected without anybody knowing of which item, and it may be still for sale"
            )
        return told


def _item_column(spec: ImportSpec) -> str:
    """Return the column that is a catalog's `item_id`, or else its `product_id` (D37)."""
    columns = {rule.id: (rule.from_ or "").strip() for rule in spec.columns if rule.id}
    return next((columns[name] for name in CATALOG_IDS if name in columns), "")
