"""The elements and attributes of a document by their paths, as small numbers."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import polars as pl
from numpy.typing import NDArray

from import_assets.formats.xml import faults
from import_assets.formats.xml.rows import Path, RowRule, local

ROOT = 0
"""The number of the path of the document itself, parent of the root element's."""

OUTSIDE, ROW, INSIDE = 0, 1, 2
"""Where the elements of a path lie: outside of rows, they are rows, or inside of one."""

_NO_CODE = -1

Codes = NDArray[np.int32]


class Paths:
    """Numbers names and paths as they appear, the same way whatever the stretches are.

    A path is one of an element, or of an attribute, whose name begins with `@`. A parent has a
    lower number than its children.
    """

    def __init__(self, rule: RowRule | None, json: Collection[str], file: str) -> None:
        """Take the rule for rows, if it is known yet, and the columns that become JSON as such."""
        self.rule = rule
        self._file = file
        self._json = frozenset(json)
        self._names: list[str] = []
        self._codes: dict[str, int] = {}
        self._parents = [ROOT]
        self._path_names = [""]
        self._roles = [OUTSIDE]
        self._as_json = [False]
        self._rows: list[int] = []
        self._table = np.full((64, 64), _NO_CODE, np.int16)

    def __len__(self) -> int:
        return len(self._parents)

    @property
    def parents(self) -> NDArray[np.int64]:
        """The parent of each path."""
        return np.array(self._parents, np.int64)

    @property
    def roles(self) -> NDArray[np.int8]:
        """Where the elements of each path lie."""
        return np.array(self._roles, np.int8)

    @property
    def as_json(self) -> NDArray[np.bool_]:
        """Which paths the definition wants as JSON."""
        return np.array(self._as_json, np.bool_)

    def name(self, path: int) -> str:
        """Return the name of a path's last element, or attribute with its `@`."""
        return self._path_names[path]

    def parent(self, path: int) -> int:
        """Return the parent of a path."""
        return self._parents[path]

    def role(self, path: int) -> int:
        """Return where the elements of a path lie."""
        return self._roles[path]

    def full(self, path: int) -> Path:
        """Return the names from the root."""
        names: list[str] = []
        while path != ROOT:
            names.append(self._path_names[path])
            path = self._parents[path]
        return tuple(reversed(names))

    def below_row(self, path: int) -> Path:
        """Return the names below the row; none for the row itself."""
        names: list[str] = []
        while self._roles[path] == INSIDE:
            names.append(self._path_names[path])
            path = self._parents[path]
        return tuple(reversed(names))

    def settle(self, rule: RowRule) -> bool:
        """Say which elements are rows, once it is found.

        Returns whether rows of several paths were numbered before as if they were no rows.
        """
        self.rule = rule
        for path in range(1, len(self)):
            self._place(path)
        return len(self._rows) > 1

    def codes(self, names: pl.Series, *, attributes: bool = False) -> Codes:
        """Return the numbers of names; `xmlns` and `xmlns:…` as attributes have -1.

        Raises:
            FileRefused: `too_many_columns`.
        """
        known = names.cast(pl.Enum(self._names), strict=False)
        if known.null_count():
            new = names.filter(known.is_null()).unique(maintain_order=True)
            self._check(len(self._names) + new.len())
            self._names += new.to_list()
            known = names.cast(pl.Enum(self._names), strict=False)
        codes = known.to_physical().cast(pl.Int32).to_numpy()
        if not attributes:
            return codes * 2
        hidden = [name == "xmlns" or name.startswith("xmlns:") for name in self._names]
        return np.where(np.array(hidden)[codes], _NO_CODE, codes * 2 + 1)

    def numbers(self, parents: NDArray[np.int64], codes: Codes) -> NDArray[np.int64]:
        """Return the paths of elements, or attributes, by the paths they are in and their names.

        Rows may lie at several places, by a name that fits anywhere or with and without a prefix.
        They all have the path of the first, so that what is in them is the same columns.

        Raises:
            FileRefused: `too_many_columns`.
        """
        self._make_room()
        found = self._table[parents, codes]
        if len(found) and found.min() == _NO_CODE:
            new = np.flatnonzero(found == _NO_CODE)
            pairs = np.stack([parents[new], codes[new]])
            _, first = np.unique(pairs, axis=1, return_index=True)
            for at in np.sort(first).tolist():
                self._add(int(pairs[0, at]), int(pairs[1, at]))
            self._make_room()
            found = self._table[parents, codes]
        if len(self._rows) > 1:
            found = np.where(np.isin(found, self._rows), self._rows[0], found)
        return found.astype(np.int64)

    def _add(self, parent: int, code: int) -> None:
        self._check(len(self) + 1)
        name, attribute = self._names[code // 2], code % 2
        self._make_room()
        self._table[parent, code] = len(self)
        self._parents.append(parent)
        self._path_names.append("@" + name if attribute else name)
        self._roles.append(OUTSIDE)
        self._as_json.append(False)
        self._place(len(self) - 1)

    def _place(self, path: int) -> None:
        if self._roles[self._parents[path]] != OUTSIDE:
            self._roles[path] = INSIDE
        elif self.rule is not None and self.rule.fits(self.full(path)):
            self._roles[path] = ROW
            self._rows.append(path)
        names = self.below_row(path)
        if names and self._json:
            written = {".".join(names), ".".join(local(name) for name in names)}
            self._as_json[path] = bool(written & self._json)

    def _make_room(self) -> None:
        rows, columns = self._table.shape
        more = (rows if len(self) >= rows else 0, columns if 2 * len(self._names) > columns else 0)
        if any(more):
            self._table = np.pad(
                self._table, ((0, more[0]), (0, more[1])), constant_values=_NO_CODE
            )
            self._make_room()

    def _check(self, number: int) -> None:
        if number > faults.MOST_PATHS:
            raise faults.too_many_paths(self._file)
