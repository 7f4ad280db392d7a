"""The whole sample shop: its files, and the manifest of what an import should make of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sample_shop import catalog, customers, orders, vouchers
from sample_shop.sheet import Sheet

SEED = 20261102
MANIFEST = "shop/manifest.json"
ABOUT = (
    "What the imports should make of these files, worked out by the script that wrote them and "
    "not by the imports. Of every file: records read = accepted + duplicates + rejected; header "
    "and blank lines are no records; a record with two faults is rejected once and counts under "
    "both reasons. Events and vouchers can be duplicates; a customer or an item that comes again "
    "is accepted as an update. Counts of duplicates by file, and figures of customers and "
    "products, hold when the files of a folder are imported in the order of their names. Only "
    "`daily_stock` does not start by itself at once."
)


def make() -> dict[str, bytes]:
    """Return every file of the shop by its path, the manifest included."""
    book = customers.CustomerBook()
    crm = customers.Crm(SEED)
    october, known = customers.october(crm, book)
    november, newcomers = customers.november(crm, book, known)

    items = catalog.variants(SEED + 1)
    product_book = catalog.ProductBook()
    products = catalog.products(SEED + 2, items, product_book)
    product_facts = product_book.facts() | {"stock_sum": product_book.stock()}
    stock = catalog.stock(SEED + 3, items, product_book)
    product_facts["stock_sum_after_daily_stock"] = product_book.stock()
    stores, store_facts = catalog.stores(SEED + 4)

    pool = vouchers.codes(SEED + 5, 520)
    codes, voucher_facts = vouchers.vouchers(SEED + 6, pool)

    strangers = [f"C-{number}" for number in range(900_001, 900_121)]
    buyers = [person.id for person in known + newcomers] + strangers
    till = orders.Till(SEED + 7, book, buyers, items, pool[:200])
    days = [till.day(number) for number in range(orders.DAYS)]

    imports: dict[str, tuple[str, list[Sheet]]] = {
        "crm_customers": ("customers", [october, november]),
        "daily_stock": ("catalogs/products", [stock]),
        "products": ("catalogs/products", [products]),
        "purchase_items": ("events/purchase_item", [items for _, items in days]),
        "purchases": ("events/purchase", [purchases for purchases, _ in days]),
        "stores": ("catalogs/stores", [stores]),
        "summer_vouchers": ("vouchers/SUMMER10", [codes]),
    }
    tables = {
        "customers": book.facts(),
        "events/purchase": till.purchase_facts(),
        "events/purchase_item": till.item_facts(),
        "catalogs/products": product_facts,
        "catalogs/stores": store_facts,
        "vouchers/SUMMER10": voucher_facts,
    }
    manifest = {
        "about": ABOUT,
        "files": dict(sorted(_file_facts(imports))),
        "tables": tables,
        "never_created": [customers.customer_key(orders.GHOST)],
    }
    files = {sheet.path: sheet.content for _, sheets in imports.values() for sheet in sheets}
    files[MANIFEST] = (_dump(manifest) + "\n").encode("utf-8")
    return dict(sorted(files.items()))


def _file_facts(
    imports: dict[str, tuple[str, list[Sheet]]],
) -> Iterable[tuple[str, dict[str, Any]]]:
    for name, (table, sheets) in imports.items():
        starts = "daily" if name == "daily_stock" else "on_new_file"
        for sheet in sheets:
            yield sheet.path, {"import": name, "starts": starts, "table": table} | sheet.facts()


def _dump(value: Any, depth: int = 0) -> str:
    """Return JSON with one line for each innermost object, so that differences read well."""
    members: list[str]
    if isinstance(value, dict) and any(isinstance(each, dict | list) for each in value.values()):
        members = [f"{json.dumps(key)}: {_dump(each, depth + 1)}" for key, each in value.items()]
        opening, closing = "{", "}"
    elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
        members = [json.dumps(each, ensure_ascii=False) for each in value]
        opening, closing = "[", "]"
    else:
        return json.dumps(value, ensure_ascii=False)
    inner, outer = "\n" + "  " * (depth + 1), "\n" + "  " * depth
    return opening + inner + f",{inner}".join(members) + outer + closing
