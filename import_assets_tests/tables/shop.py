"""Who is who, row by row: the rules of identity written a second time, in the slowest way."""

from __future__ import annotations

from dataclasses import dataclass, field

from import_assets.tables.identity import IdKind

Ids = dict[str, str]
"""The identifiers of one row, by kind."""


@dataclass(eq=False)
class Customer:
    """A customer of the model; `created` orders them."""

    created: int
    ids: set[tuple[str, str]] = field(default_factory=set)
    merged_into: Customer | None = None


class Shop:
    """Customers and their identifiers, one row after the other, as the rules say.

    `since` says which row gave an identifier to its customer, and can be emptied between files.
    """

    def __init__(self, kinds: tuple[IdKind, ...]) -> None:
        self.kinds = kinds
        self.customers: list[Customer] = []
        self.customer_of_row: dict[int, Customer] = {}
        self.conflicts: list[int] = []
        self.rows = 0
        self.since: dict[tuple[str, str], int] = {}

    def take(self, ids: Ids) -> None:
        self.rows += 1
        hard = [(k.name, ids[k.name]) for k in self.kinds if k.hard and k.name in ids]
        soft = [(k.name, ids[k.name]) for k in self.kinds if not k.hard and k.name in ids]
        if self.in_conflict(hard):
            self.conflicts.append(self.rows)
            return
        customer = self.by_hard(hard) or self.by_soft(soft, hard)
        if customer is None:
            customer = Customer(self.rows)
            self.customers.append(customer)
        for key in hard + soft:
            customer = self.bind(key, customer)
        self.customer_of_row[self.rows] = customer

    def in_conflict(self, hard: list[tuple[str, str]]) -> bool:
        owners = {owner for key in hard if (owner := self.owner(key)) is not None}
        if len(owners) > 1:
            return True
        return any(not self.fits(owner, hard) for owner in owners)

    def by_hard(self, hard: list[tuple[str, str]]) -> Customer | None:
        return next((owner for key in hard if (owner := self.owner(key))), None)

    def by_soft(self, soft: list[tuple[str, str]], hard: list[tuple[str, str]]) -> Customer | None:
        owners = [owner for key in soft if (owner := self.owner(key))]
        fitting = [owner for owner in owners if self.fits(owner, hard)]
        for owner in fitting:
            if not self.anonymous(owner):
                return owner
        return min(fitting, key=lambda owner: owner.created, default=None)

    def bind(self, key: tuple[str, str], customer: Customer) -> Customer:
        owner = self.owner(key)
        if owner is customer:
            return customer
        if owner is None or not self.anonymous(owner):
            if owner is not None:
                owner.ids.remove(key)
            customer.ids.add(key)
            self.since[key] = self.rows
            return customer
        first, second = sorted((owner, customer), key=lambda one: one.created)
        for moving in second.ids:
            self.since.setdefault(moving, self.rows)
        first.ids |= second.ids
        second.merged_into = first
        self.customers.remove(second)
        for row, of_row in self.customer_of_row.items():
            if of_row is second:
                self.customer_of_row[row] = first
        return first

    def owner(self, key: tuple[str, str]) -> Customer | None:
        return next((customer for customer in self.customers if key in customer.ids), None)

    def anonymous(self, customer: Customer) -> bool:
        hard = {kind.name for kind in self.kinds if kind.hard}
        return not any(kind in hard for kind, _ in customer.ids)

    def fits(self, customer: Customer, hard: list[tuple[str, str]]) -> bool:
        held = dict(sorted(customer.ids))
        hard_kinds = {kind.name for kind in self.kinds if kind.hard}
        return all(held.get(k, v) == v for k, v in hard if k in hard_kinds)
