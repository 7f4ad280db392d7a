"""What a profile is: the columns that a kind of file of Emarsys has, and the rules for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from import_assets.mapping.conventions.cells import CellRule, Role
from import_assets.mapping.conventions.findings import Rule
from import_assets.mapping.conventions.wholefile import Watch

_LOCALE = r"_[A-Za-z]{2,3}(?:[-_][A-Za-z]{2,4})?"


@dataclass(frozen=True)
class RecordRule:
    """A rule of several cells: `columns` are those it needs, and shows, if the file has them."""

    rule: Rule
    columns: tuple[str, ...]
    broken: Callable[[Sequence[str]], pl.Expr]


@dataclass(frozen=True)
class Profile:
    """The conventions of one kind of file.

    Attributes:
        name: `products`, `sales` or `contacts`.
        delimiters: the characters that may stand between cells.
        roles: the columns known by name, and what their cells are.
        unnamed: what the cells of other columns are.
        required: columns that a file needs; of several names in one place, one.
        filled: columns whose cells may not be empty; of several names in one place, the first that
            the file has.
        custom: how the names of columns of one's own begin; None where any name is allowed.
        localised: whether a known column may have others beside it, `title_de`.
        untyped: rules for cells of which nobody knows what they are.
        records: rules of several cells.
        watches: rules of the whole file, for columns with these roles by name.
    """

    name: str
    delimiters: str
    roles: Mapping[str, Role]
    unnamed: Role
    required: tuple[tuple[str, ...], ...]
    filled: tuple[tuple[str, ...], ...]
    untyped: tuple[CellRule, ...]
    watches: Callable[[Mapping[str, Role]], Sequence[Watch]]
    custom: str | None = None
    localised: bool = False
    records: tuple[RecordRule, ...] = field(default=())

    def role(self, name: str) -> Role:
        """Return what the cells of a column are by its name in the file."""
        return self.roles.get(self._base(name) or name, self.unnamed)

    def knows(self, name: str) -> bool:
        """Tell whether a column of this name has a place in such a file."""
        if self.custom is None or name in self.roles:
            return True
        return name.startswith(self.custom) or self._base(name) is not None

    def same_but_for_case(self, name: str) -> str | None:
        """Return the known name that one differs from by its capitals only."""
        if name in self.roles:
            return None
        return next((known for known in self.roles if known.lower() == name.lower()), None)

    def _base(self, name: str) -> str | None:
        """Return the known column of which this is the one of a language or country."""
        if not self.localised or name in self.roles:
            return None
        return next(
            (known for known in self.roles if re.fullmatch(re.escape(known) + _LOCALE, name)), None
        )
