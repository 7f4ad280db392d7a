"""The voucher codes of the sample shop."""

from __future__ import annotations

from typing import Any

from sample_shop import reasons
from sample_shop.dice import Dice
from sample_shop.sheet import Sheet

FILE = "shop/vouchers/SUMMER10.csv"
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def codes(seed: int, count: int) -> list[str]:
    """Return that many different codes."""
    dice = Dice(seed)
    made: dict[str, None] = {}
    while len(made) < count:
        made[f"SUM10-{dice.letters(ALPHABET, 4)}-{dice.letters(ALPHABET, 4)}"] = None
    return list(made)


def vouchers(seed: int, pool: list[str]) -> tuple[Sheet, dict[str, Any]]:
    """Return the file of the pool, and the figures of its table."""
    dice = Dice(seed)
    sheet = Sheet(FILE, ("code",))
    for number, code in enumerate(pool, start=1):
        sheet.accept((code,))
        if number % 120 == 0:
            sheet.repeat((dice.pick(pool[:number]),))
            sheet.blank()
        if number == 300:
            sheet.reject_line(f"SUM10-XXXX-XXXX,{code}", reasons.TOO_MANY_CELLS)
    sheet.repeat((f"  {pool[0]} ",))
    return sheet, {"rows": len(pool)}
