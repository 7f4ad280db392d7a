"""The catalogs of the sample shop: products, their stock, and stores."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from sample_shop import reasons
from sample_shop.dice import Dice
from sample_shop.sheet import Dialect, Sheet
from sample_shop.words import BRANDS, CITIES, COLOURS, LABELS, PRODUCTS, SENTENCES, TITLE_TAILS

PRODUCT_COLUMNS = (
    "item_id",
    "product_id",
    "title",
    "description",
    "price",
    "brand",
    "categories",
    "labels",
    "url",
    "active",
    "stock",
    "date_added",
)
PRODUCTS_FILE = "shop/catalog/products.csv"
EXCEL = Dialect(newline="\r\n", bom=True)
STOCK_FILE = "shop/catalog/stock.csv"
STOCK_COLUMNS = ("item_id", "stock")
STORES_FILE = "shop/catalog/stores.csv"
STORE_COLUMNS = ("item_id", "name", "city", "lat", "lon", "opening_hours")


@dataclass(frozen=True)
class Variant:
    """One item of the product catalog; `price` in cents."""

    item_id: str
    product_id: str
    title: str
    description: str
    price: int
    brand: str
    categories: str
    labels: str
    url: str
    active: str
    stock: int
    date_added: str

    @property
    def cells(self) -> dict[str, str]:
        """The cells by column."""
        texts = {column: str(getattr(self, column)) for column in PRODUCT_COLUMNS}
        return texts | {"price": f"{self.price // 100}.{self.price % 100:02d}"}


@dataclass
class ProductBook:
    """What the table of products should hold: the last present value of each column."""

    items: dict[str, dict[str, str]] = field(default_factory=dict)

    def take(self, cells: dict[str, str]) -> None:
        """Apply one accepted row; an empty cell leaves what is there (`empty: keep`)."""
        present = {column: cell for column, cell in cells.items() if cell}
        self.items.setdefault(cells["item_id"], {}).update(present)

    def column(self, name: str) -> list[str]:
        """Return the present values of one column."""
        return [item[name] for item in self.items.values() if name in item]

    def facts(self) -> dict[str, Any]:
        """Return the figures of the table as they are before the daily stock."""
        categories = Counter(
            category for cell in self.column("categories") for category in _members(cell)
        )
        return {
            "rows": len(self.items),
            "distinct_product_ids": len(set(self.column("product_id"))),
            "with_price": len(self.column("price")),
            "price_cents": sum(int(price.replace(".", "")) for price in self.column("price")),
            "with_description": len(self.column("description")),
            "active": sum(active in ("true", "1") for active in self.column("active")),
            "with_labels": len(self.column("labels")),
            "by_category": dict(sorted(categories.items())),
        }

    def stock(self) -> int:
        """Return the pieces in stock over all items."""
        return sum(int(pieces) for pieces in self.column("stock"))


def _members(cell: str) -> list[str]:
    return json.loads(cell) if cell.startswith("[") else cell.split("|")


def variants(seed: int) -> list[Variant]:
    """Return the items of the shop: some products with three colours each."""
    dice = Dice(seed)
    made: list[Variant] = []
    for number, tail in enumerate(TITLE_TAILS * len(PRODUCTS)):
        name, area, shelf = PRODUCTS[number % len(PRODUCTS)]
        product_id = f"PR{1001 + number}"
        shared = {
            "description": " ".join(dice.several(SENTENCES, dice.pick((1, 1, 2)))),
            "price": dice.between(2, 180) * 100 + dice.pick((0, 50, 90, 99)),
            "brand": dice.pick(BRANDS),
            "categories": _categories(dice, area, shelf),
            "labels": json.dumps(dice.several(LABELS, 2), ensure_ascii=False)
            if dice.chance(30)
            else "",
            "date_added": f"202{dice.between(3, 5)}-{dice.between(1, 12):02d}-"
            f"{dice.between(1, 28):02d}",
        }
        for code, colour in COLOURS:
            made.append(
                Variant(
                    item_id=f"{product_id}-{code}",
                    product_id=product_id,
                    title=f"{name} {colour}{tail}",
                    url=f"https://shop.example.com/p/{product_id.lower()}?farba={code.lower()}",
                    active=dice.pick(("true", "true", "true", "1", "false", "0")),
                    stock=dice.between(0, 250),
                    **shared,
                )
            )
    return made


def _categories(dice: Dice, area: str, shelf: str) -> str:
    if dice.chance(30):
        return json.dumps([area, shelf], ensure_ascii=False)
    return f"{area}|{shelf}"


def products(seed: int, items: list[Variant], book: ProductBook) -> Sheet:
    """Return the product file; some items come twice with different columns filled."""
    dice = Dice(seed)
    sheet = Sheet(PRODUCTS_FILE, PRODUCT_COLUMNS, EXCEL)
    faults = iter(_product_faults(sheet, items[0]))
    for number, item in enumerate(items, start=1):
        cells = item.cells
        if number % 60 == 0:
            # The till knows the price, the editors the text: two rows for one item.
            _take(sheet, book, cells | {"price": "", "stock": ""})
            cells |= {"description": "", "labels": "", "url": "", "date_added": ""}
        _take(sheet, book, cells)
        if number % 33 == 0:
            next(faults)()
    for item in dice.several(items, 5):
        _take(sheet, book, replace(item, price=item.price + 100, active="false").cells)
    return sheet


def _take(sheet: Sheet, book: ProductBook, cells: dict[str, str]) -> None:
    sheet.accept(tuple(cells.values()))
    book.take(cells)


def _product_faults(sheet: Sheet, sound: Variant) -> list[Any]:
    base = sound.cells | {"item_id": "XX1-BLU", "product_id": "XX1", "title": "Chyba"}

    def value(column: str, text: str, reason: str) -> Any:
        return lambda: sheet.reject(tuple((base | {column: text}).values()), reason)

    def line(text: str, reason: str) -> Any:
        return lambda: sheet.reject_line(text, reason)

    nameless = base | {"item_id": "", "product_id": ""}
    whole = sheet.line_of(tuple(base.values()))
    twofold = tuple((base | {"price": "zadarmo", "active": "asi"}).values())
    return [
        lambda: sheet.reject(tuple(nameless.values()), reasons.MISSING_ID),
        value("price", "1 234,50", reasons.NOT_A_NUMBER),
        value("active", "predané", reasons.NOT_A_BOOLEAN),
        value("stock", "3.5", reasons.NOT_AN_INTEGER),
        value("labels", "novinka;eko", reasons.NOT_A_LIST),
        value("url", "viď katalóg, strana 12", reasons.NOT_A_URL),
        value("date_added", "31.2.1999", reasons.IMPOSSIBLE_DATE),
        value("date_added", "02/04/2017", reasons.AMBIGUOUS_DATE),
        line(whole.replace(",Chyba,", ',"Stôl"ík,'), reasons.BAD_QUOTE),
        line(whole.replace(",Chyba,", ",Stôl, biely,"), reasons.TOO_MANY_CELLS),
        line("XX1-BLU,XX1,Chyba", reasons.TOO_FEW_CELLS),
        lambda: sheet.reject(twofold, reasons.NOT_A_NUMBER, reasons.NOT_A_BOOLEAN),
        sheet.blank,
    ]


def stock(seed: int, items: list[Variant], book: ProductBook) -> Sheet:
    """Return the daily file with the stock of some items; all other columns are left alone."""
    dice = Dice(seed)
    sheet = Sheet(STOCK_FILE, STOCK_COLUMNS, Dialect(delimiter=";"))
    for number, item in enumerate(dice.several(items, 60), start=1):
        pieces = str(dice.between(0, 80))
        if number == 30:
            sheet.reject((item.item_id, "5 ks"), reasons.NOT_AN_INTEGER)
            continue
        sheet.accept((item.item_id, pieces))
        book.take({"item_id": item.item_id, "stock": pieces})
    return sheet


def stores(seed: int) -> tuple[Sheet, dict[str, Any]]:
    """Return the file of stores, and the figures of their table."""
    dice = Dice(seed)
    sheet = Sheet(STORES_FILE, STORE_COLUMNS)
    latest: dict[str, tuple[str, ...]] = {}
    hours = json.dumps({"po-pi": "9:00-19:00", "so": "9:00-13:00"})

    def row(number: int, name: str) -> tuple[str, ...]:
        latitude = f"4{dice.between(7, 9)}.{dice.between(1000, 9999)}"
        longitude = f"{dice.between(14, 21)}.{dice.between(1000, 9999)}"
        city = CITIES[number % len(CITIES)]
        return (f"store-{number:02d}", f"{name} {city}", city, latitude, longitude, hours)

    def take(cells: tuple[str, ...]) -> None:
        sheet.accept(cells)
        latest[cells[0]] = cells

    for number in range(1, 29):
        take(row(number, dice.pick(("Predajňa", "Výdajné miesto,", 'Outlet "U nás"'))))
        if number == 9:
            cells = row(91, "Predajňa")
            sheet.reject((*cells[:3], "48,1486", *cells[4:]), reasons.NOT_A_NUMBER)
        if number == 17:
            sheet.reject((*row(92, "Predajňa")[:5], "{po-pi: 9-17"), reasons.NOT_JSON)
        if number == 21:
            sheet.reject(("", *row(93, "Predajňa")[1:]), reasons.MISSING_ID)
            sheet.reject_line("store-94,Predajňa", reasons.TOO_FEW_CELLS)
    take(row(7, "Presťahovaná predajňa"))
    cities = Counter(cells[2] for cells in latest.values())
    facts = {"rows": len(latest), "by_city": dict(sorted(cities.items()))}
    return sheet, facts | {"name_of_store_07": latest["store-07"][1]}
