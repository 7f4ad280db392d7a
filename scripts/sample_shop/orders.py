"""A week of purchases and their items, as the shop's till writes them, one file a day each."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sample_shop import reasons
from sample_shop.catalog import Variant
from sample_shop.customers import CustomerBook, customer_key
from sample_shop.dice import Dice
from sample_shop.sheet import Sheet

PURCHASE_COLUMNS = (
    "id",
    "ts",
    "purchase_id",
    "total",
    "currency",
    "voucher",
    "item_count",
)
ITEM_COLUMNS = (
    "id",
    "ts",
    "purchase_id",
    "product_id",
    "title",
    "quantity",
    "unit_price",
    "total_price",
)
MONDAY = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
DAYS = 7
GHOST = "C-990001"
"""A customer whom only a refused row names."""
CZK_PER_EUR = 25

Cells = tuple[str, ...]
Spoil = Callable[[Sheet, Cells], None]


@dataclass(frozen=True)
class Item:
    """One line of a purchase; `unit` in cents."""

    product_id: str
    title: str
    quantity: int
    unit: int

    @property
    def total(self) -> int:
        """Price of the whole line in cents."""
        return self.quantity * self.unit


@dataclass(frozen=True)
class Purchase:
    """One purchase; `time` in seconds since 1970, money in cents of `currency`."""

    customer: str
    time: int
    number: str
    currency: str
    voucher: str
    items: tuple[Item, ...]

    @property
    def total(self) -> int:
        """What was paid, in cents: a tenth less with a voucher."""
        full = sum(item.total for item in self.items)
        return full - full // 10 if self.voucher else full

    @property
    def cells(self) -> Cells:
        """The row of the purchase."""
        return (
            self.customer,
            str(self.time),
            self.number,
            money(self.total),
            self.currency,
            self.voucher,
            str(len(self.items)),
        )

    def item_cells(self, item: Item) -> Cells:
        """The row of one of the items."""
        return (
            self.customer,
            str(self.time),
            self.number,
            item.product_id,
            item.title,
            str(item.quantity),
            money(item.unit),
            money(item.total),
        )


def money(cents: int) -> str:
    """Return cents as a number with two places behind the point."""
    return f"{cents // 100}.{cents % 100:02d}"


@dataclass
class EventBook:
    """The events of one type: each once, whatever the spelling of its row."""

    customers: CustomerBook
    seen: dict[tuple[object, ...], Cells] = field(default_factory=dict)

    def take(self, sheet: Sheet, cells: Cells, numbers: slice) -> None:
        """Write a valid row; a row equal in customer, time and typed values is a duplicate."""
        customer = customer_key(cells[0])
        values: list[object] = list(cells[1:])
        values[numbers] = [float(cell) for cell in cells[1:][numbers]]
        key = (customer, *values)
        if key in self.seen:
            sheet.repeat(cells)
            return
        self.seen[key] = cells
        self.customers.from_events.add(customer)
        sheet.accept(cells)

    def column(self, number: int) -> list[str]:
        """Return the cells of one column over all events."""
        return [cells[number] for cells in self.seen.values()]


PURCHASE_NUMBERS = slice(2, 3)
ITEM_NUMBERS = slice(4, 7)


# --- rows that an import has to refuse ----------------------------------------------------------


def _with(cells: Cells, number: int, text: str) -> Cells:
    return (*cells[:number], text, *cells[number + 1 :])


def _missing_id(sheet: Sheet, cells: Cells) -> None:
    sheet.reject(_with(cells, 0, ""), reasons.MISSING_ID)


def _blank_id(sheet: Sheet, cells: Cells) -> None:
    sheet.reject(_with(cells, 0, "   "), reasons.MISSING_ID)


def _id_too_long(sheet: Sheet, cells: Cells) -> None:
    sheet.reject(_with(cells, 0, "C-" + "ž" * 128), reasons.ID_TOO_LONG)


def _milliseconds(sheet: Sheet, cells: Cells) -> None:
    sheet.reject(_with(cells, 1, cells[1] + "000"), reasons.LOOKS_LIKE_MILLISECONDS)


def _no_datetime(sheet: Sheet, cells: Cells) -> None:
    sheet.reject(_with(cells, 1, "2026-11-31T10:22:00"), reasons.IMPOSSIBLE_DATE)


def _two_faults(sheet: Sheet, cells: Cells) -> None:
    sheet.reject(_with(_with(cells, 0, ""), 1, "včera"), reasons.MISSING_ID, reasons.NOT_A_DATETIME)


def _decimal_comma(sheet: Sheet, cells: Cells) -> None:
    sheet.reject(_with(cells, 3, "49,90"), reasons.NOT_A_NUMBER)


def _bare_decimal_comma(sheet: Sheet, cells: Cells) -> None:
    line = sheet.line_of(_with(cells, 3, "49.90"))
    sheet.reject_line(line.replace(",49.90,", ",49,90,"), reasons.TOO_MANY_CELLS)


def _ghost(sheet: Sheet, cells: Cells) -> None:
    sheet.reject(_with(_with(cells, 0, GHOST), 3, "zdarma"), reasons.NOT_A_NUMBER)


def _cut_off(sheet: Sheet, cells: Cells) -> None:
    sheet.reject_line(sheet.line_of(cells[:4]), reasons.TOO_FEW_CELLS)


def _quoted_badly(sheet: Sheet, cells: Cells) -> None:
    sheet.reject_line(
        sheet.line_of(_with(cells, 2, "STRAY")).replace("STRAY", '"P"1'), reasons.BAD_QUOTE
    )


def _half_a_piece(sheet: Sheet, cells: Cells) -> None:
    sheet.reject(_with(cells, 5, "1.5"), reasons.NOT_AN_INTEGER)


def _price_with_unit(sheet: Sheet, cells: Cells) -> None:
    sheet.reject(_with(cells, 6, "12.90 €"), reasons.NOT_A_NUMBER)


def _bare_comma_in_title(sheet: Sheet, cells: Cells) -> None:
    line = sheet.line_of(_with(cells, 4, "TITLE"))
    sheet.reject_line(line.replace("TITLE", "Hrnček, veľký"), reasons.TOO_MANY_CELLS)


def _stray_quote_in_title(sheet: Sheet, cells: Cells) -> None:
    line = sheet.line_of(_with(cells, 4, "TITLE"))
    sheet.reject_line(line.replace("TITLE", '"Nôž"kuchársky'), reasons.BAD_QUOTE)


def _latin_byte_in_title(sheet: Sheet, cells: Cells) -> None:
    line = sheet.line_of(_with(cells, 4, "TITLE")).encode("utf-8")
    sheet.reject_line(line.replace(b"TITLE", b"Sada Caf\xe9 Praha"), reasons.UNDECODABLE)


PURCHASE_FAULTS: tuple[tuple[Spoil, ...], ...] = (
    (_missing_id, _decimal_comma),
    (_bare_decimal_comma, _milliseconds),
    (_id_too_long,),
    (_no_datetime, _missing_id),
    (_cut_off, _ghost, _blank_id),
    (_milliseconds,) * 5,
    (_quoted_badly, _two_faults),
)
ITEM_FAULTS: tuple[tuple[Spoil, ...], ...] = (
    (_bare_comma_in_title, _missing_id),
    (_stray_quote_in_title,),
    (_latin_byte_in_title, _price_with_unit),
    (_cut_off, _no_datetime),
    (_half_a_piece, _latin_byte_in_title),
    (_milliseconds,) * 8,
    (_stray_quote_in_title, _id_too_long, _bare_comma_in_title),
)


# --- the week -----------------------------------------------------------------------------------


class Till:
    """Makes the purchases of a day and writes their two files."""

    def __init__(
        self,
        seed: int,
        book: CustomerBook,
        customers: Sequence[str],
        catalog: Sequence[Variant],
        vouchers: Sequence[str],
    ) -> None:
        self.purchases = EventBook(book)
        self.items = EventBook(book)
        self._dice = Dice(seed)
        self._customers = customers
        self._catalog = catalog
        self._vouchers = vouchers
        self._yesterday: list[Purchase] = []

    def day(self, number: int) -> tuple[Sheet, Sheet]:
        """Return the files of purchases and of items of one day of the week, counted from 0."""
        date = f"{MONDAY + dt.timedelta(days=number):%Y-%m-%d}"
        bought = self._buy(number)
        purchases = Sheet(f"shop/orders/purchase_{date}.csv", PURCHASE_COLUMNS)
        items = Sheet(f"shop/orders/purchase_item_{date}.csv", ITEM_COLUMNS)
        if number == 3:
            # The export of this day began before midnight: it repeats the end of the day before.
            self._write(purchases, items, self._yesterday[-4:], ((), ()))
        self._write(purchases, items, bought, (PURCHASE_FAULTS[number], ITEM_FAULTS[number]))
        self._repeat(purchases, items, number)
        if number == DAYS - 1:
            self._tomorrow(items)
        self._yesterday = bought
        return purchases, items

    def _buy(self, number: int) -> list[Purchase]:
        dice = self._dice
        midnight = int(MONDAY.timestamp()) + number * 86_400
        times = sorted(dice.between(5 * 3_600, 86_399) for _ in range(dice.between(150, 260)))
        date = f"{MONDAY + dt.timedelta(days=number):%Y%m%d}"
        return [
            self._purchase(midnight + second, f"P-{date}-{order:04d}")
            for order, second in enumerate(times, start=1)
        ]

    def _purchase(self, time: int, number: str) -> Purchase:
        dice = self._dice
        customer = dice.pick(self._customers)
        if dice.chance(6):
            customer = dice.pick((customer.lower(), f" {customer}", f"{customer.lower()} "))
        abroad = dice.chance(12)
        items = tuple(
            Item(
                variant.product_id,
                variant.title,
                dice.pick((1, 1, 1, 2, 3)),
                variant.price * (CZK_PER_EUR if abroad else 1),
            )
            for variant in dice.several(self._catalog, dice.pick((1, 1, 2, 2, 3, 4)))
        )
        voucher = dice.pick(self._vouchers) if dice.chance(9) else ""
        return Purchase(customer, time, number, "CZK" if abroad else "EUR", voucher, items)

    def _write(
        self,
        purchases: Sheet,
        items: Sheet,
        bought: Sequence[Purchase],
        faults: tuple[tuple[Spoil, ...], tuple[Spoil, ...]],
    ) -> None:
        rows = [purchase.cells for purchase in bought]
        self._write_rows(purchases, rows, faults[0], self.purchases, PURCHASE_NUMBERS)
        rows = [purchase.item_cells(item) for purchase in bought for item in purchase.items]
        self._write_rows(items, rows, faults[1], self.items, ITEM_NUMBERS)

    def _write_rows(
        self,
        sheet: Sheet,
        rows: Sequence[Cells],
        faults: tuple[Spoil, ...],
        book: EventBook,
        numbers: slice,
    ) -> None:
        # The last rows stay sound, so that the day after can repeat them.
        places = self._dice.several(range(len(rows) - 20), len(faults)) if faults else []
        spoiled = dict(zip(sorted(places), faults, strict=True))
        for place, cells in enumerate(rows):
            if place in spoiled:
                spoiled[place](sheet, cells)
            else:
                book.take(sheet, cells, numbers)
            if faults and place == 100:
                sheet.blank()

    def _repeat(self, purchases: Sheet, items: Sheet, number: int) -> None:
        """Say some rows again, as a till does after a lost connection."""
        if number not in (0, 4, 6):
            return
        for cells in self._dice.several(list(self.purchases.seen.values())[-120:], 2):
            self.purchases.take(purchases, cells, PURCHASE_NUMBERS)
        for cells in self._dice.several(list(self.items.seen.values())[-200:], 3):
            self.items.take(items, cells, ITEM_NUMBERS)
        if number == 6:
            # Written otherwise, the same values: still the same event.
            cells = next(c for c in self.purchases.seen.values() if c[3].endswith("0"))
            respelled = _with(_with(cells, 3, cells[3][:-1]), 0, f" {cells[0].strip().lower()} ")
            self.purchases.take(purchases, respelled, PURCHASE_NUMBERS)

    def _tomorrow(self, items: Sheet) -> None:
        """Add items whose purchase comes with tomorrow's file only."""
        after = MONDAY + dt.timedelta(days=DAYS)
        purchase = self._purchase(int(after.timestamp()) + 60, f"P-{after:%Y%m%d}-0001")
        for item in purchase.items:
            self.items.take(items, purchase.item_cells(item), ITEM_NUMBERS)

    def purchase_facts(self) -> dict[str, Any]:
        """Return the figures of the table of purchases; sums in cents."""
        cents: Counter[str] = Counter()
        for cells in self.purchases.seen.values():
            cents[cells[4]] += _cents(cells[3])
        return {
            "rows": len(self.purchases.seen),
            "distinct_purchase_ids": len(set(self.purchases.column(2))),
            "customers": len({customer_key(cell) for cell in self.purchases.column(0)}),
            "total_cents": dict(sorted(cents.items())),
            "with_voucher": sum(bool(cell) for cell in self.purchases.column(5)),
            "item_count_sum": sum(map(int, self.purchases.column(6))),
        }

    def item_facts(self) -> dict[str, Any]:
        """Return the figures of the table of items; sums in cents."""
        bought = set(self.purchases.column(2))
        titles = self.items.column(4)
        return {
            "rows": len(self.items.seen),
            "customers": len({customer_key(cell) for cell in self.items.column(0)}),
            "without_purchase": sum(cell not in bought for cell in self.items.column(2)),
            "distinct_product_ids": len(set(self.items.column(3))),
            "quantity_sum": sum(map(int, self.items.column(5))),
            "total_price_cents": sum(_cents(cell) for cell in self.items.column(7)),
            "titles_with_comma": sum("," in title for title in titles),
            "titles_with_quote": sum('"' in title for title in titles),
            "titles_with_newline": sum("\n" in title for title in titles),
        }


def _cents(cell: str) -> int:
    units, cents = cell.split(".")
    return int(units) * 100 + int(cents)
