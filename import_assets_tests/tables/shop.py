"""Who is who, row by row: the rules of identity written a second time, in the slowest way."""

from __future__ import annotations

from dataclasses import dataclass, field

from import_assets.tables.identity import IdKind

Ids = dict[str, str]
"""The identifiers of one row, by kind."""
Key = tuple[str, str]
"""Kind and value of an identifier."""


@dataclass(eq=False)
class Customer:
    """A customer of the model; `created` and `merged_at` are rows."""

    created: int
    ids: set[Key] = field(default_factory=set)
    merged_into: Customer | None = None
    merged_at: int = 0

    @property
    def remaining(self) -> Customer:
        return self if self.merged_into is None else self.merged_into.remaining


class Shop:
    """Customers and their identifiers, one row after the other, as the rules say.

    `used` is the last row that had a soft identifier, `dropped` the last at which the limit took it
    away. `since` says which row gave an identifier to its customer, and can be emptied between
    files; `added` says which row bound it to one, whatever was merged since.
    """

    def __init__(self, kinds: tuple[IdKind, ...], limit: int = 64) -> None:
        self.kinds = kinds
        self.limit = limit
        self.customers: list[Customer] = []
        self.customer_of_row: dict[int, Customer] = {}
        self.conflicts: dict[int, Key] = {}
        self.rows = 0
        self.used: dict[Key, int] = {}
        self.since: dict[Key, int] = {}
        self.added: dict[Key, int] = {}
        self.dropped: dict[Key, int] = {}

    def take(self, ids: Ids) -> None:
        self.rows += 1
        hard = [(k.name, ids[k.name]) for k in self.kinds if k.hard and k.name in ids]
        soft = [(k.name, ids[k.name]) for k in self.kinds if not k.hard and k.name in ids]
        at_fault = self.at_fault(hard)
        if at_fault is not None:
            self.conflicts[self.rows] = at_fault
            return
        customer = self.by_hard(hard) or self.by_soft(soft, hard)
        if customer is None:
            customer = Customer(self.rows)
            self.customers.append(customer)
        for key in soft:
            self.used[key] = self.rows
        for key in hard + soft:
            customer = self.bind(key, customer)
        for kind in self.kinds:
            self.drop(customer, kind)
        self.customer_of_row[self.rows] = customer

    def at_fault(self, hard: list[Key]) -> Key | None:
        meant = self.by_hard(hard)
        if meant is None:
            return None
        for key in hard:
            if self.owner(key) not in (None, meant):
                return key
        for key in hard:
            if not self.fits(meant, [key]):
                return key
        return None

    def by_hard(self, hard: list[Key]) -> Customer | None:
        return next((owner for key in hard if (owner := self.owner(key))), None)

    def by_soft(self, soft: list[Key], hard: list[Key]) -> Customer | None:
        owners = [owner for key in soft if (owner := self.owner(key))]
        fitting = [owner for owner in owners if self.fits(owner, hard)]
        for owner in fitting:
            if not self.anonymous(owner):
                return owner
        return min(fitting, key=lambda owner: owner.created, default=None)

    def bind(self, key: Key, customer: Customer) -> Customer:
        owner = self.owner(key)
        if owner is customer:
            return customer
        if owner is None or not self.anonymous(owner):
            if owner is not None:
                owner.ids.remove(key)
            customer.ids.add(key)
            self.since[key] = self.added[key] = self.rows
            return customer
        first, second = sorted((owner, customer), key=lambda one: one.created)
        for moving in second.ids:
            self.since.setdefault(moving, self.rows)
        first.ids |= second.ids
        second.ids = set()
        second.merged_into = first
        second.merged_at = self.rows
        self.customers.remove(second)
        return first

    def drop(self, customer: Customer, kind: IdKind) -> None:
        of_kind = [key for key in customer.ids if key[0] == kind.name]
        while not kind.hard and len(of_kind) > self.limit:
            longest_unused = min(of_kind, key=lambda key: self.used[key])
            of_kind.remove(longest_unused)
            customer.ids.remove(longest_unused)
            self.since.pop(longest_unused, None)
            self.dropped[longest_unused] = self.rows

    def listed(self) -> dict[tuple[Customer, str], list[str]]:
        """The identifiers of each customer and kind, those first that were added first."""
        lists: dict[tuple[Customer, str], list[str]] = {}
        keys = [(self.added[key], key, one) for one in self.customers for key in one.ids]
        for _, (kind, value), customer in sorted(keys, key=lambda found: found[:2]):
            lists.setdefault((customer, kind), []).append(value)
        return lists

    def owner(self, key: Key) -> Customer | None:
        return next((customer for customer in self.customers if key in customer.ids), None)

    def anonymous(self, customer: Customer) -> bool:
        hard = {kind.name for kind in self.kinds if kind.hard}
        return not any(kind in hard for kind, _ in customer.ids)

    def fits(self, customer: Customer, hard: list[Key]) -> bool:
        held = dict(sorted(customer.ids))
        return all(held.get(kind, value) == value for kind, value in hard)
