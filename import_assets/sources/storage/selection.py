"""Which of several matching files are taken (M027-M030)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from import_assets.sources.delivery import Delivery
from import_assets.spec.sources import Selection

Order = Callable[[Delivery], tuple[datetime, str] | tuple[str, str]]
"""Places deliveries in a row, the one that a rule takes at the end."""


def by_age(delivery: Delivery) -> tuple[datetime, str]:
    """Order from the earliest modified to the latest; of equal ones the larger path is later."""
    return delivery.modified, delivery.path


def by_name(delivery: Delivery) -> tuple[str, str]:
    """Order by the whole path in code point order, upper before lower case (D05)."""
    return delivery.path, delivery.key


def order_of(select: Selection) -> Order | None:
    """Return the order by which a rule takes one file only, or None if it takes several."""
    match select:
        case "last_modified":
            return by_age
        case "last_alphabetically":
            return by_name
        case "all" | "not_imported_yet":
            return None


def choose(deliveries: Iterable[Delivery], select: Selection) -> tuple[Delivery, ...]:
    """Return the deliveries that a rule takes, ordered by time of modification, then path.

    `not_imported_yet` takes all that are given: who calls it leaves out the imported ones first,
    and so does a trigger under every rule (D04).
    """
    order = order_of(select)
    if order is None:
        return tuple(sorted(deliveries, key=by_age))
    last = max(deliveries, key=order, default=None)
    return () if last is None else (last,)
