"""What columns the rows of a document have, from all of them (D33)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from import_assets.errors import FileRefused
from import_assets.formats.views import Positions
from import_assets.formats.xml import faults
from import_assets.formats.xml.nodes import Nodes
from import_assets.formats.xml.objects import TEXT, prefixes
from import_assets.formats.xml.paths import INSIDE, Paths
from import_assets.formats.xml.repeats import NOWHERE, Repeats
from import_assets.formats.xml.rows import local
from import_assets.spec.names import case_clashes

_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Columns:
    """The columns: their names, and the number of each path that is one, else -1.

    `shown` are the last names of all paths in rows, as they are in names of columns and in JSON.
    `objects` are the elements with others inside that are JSON in the rows that have several, and
    columns in the others.
    """

    names: tuple[str, ...]
    number: NDArray[np.int64]
    shown: dict[int, str]
    objects: tuple[str, ...]
    warnings: tuple[str, ...]

    @cached_property
    def prefixes(self) -> pl.Series:
        """What stands before texts in JSON, see `objects`."""
        return prefixes(self.shown, len(self.number))


class Survey:
    """Gathers, stretch by stretch, what there is in rows."""

    def __init__(self, paths: Paths, limit: int, file: str) -> None:
        self._paths = paths
        self._limit = limit
        self._file = file
        self._first = np.empty(0, np.int64)
        self._line = np.empty(0, np.int64)
        self._filled = np.empty(0, np.bool_)
        self._bare = np.empty(0, np.bool_)
        self._structured = np.empty(0, np.bool_)
        self._objects: dict[int, int] = {}

    def add(self, nodes: Nodes, repeats: Repeats, offset: int, lines: Positions) -> None:
        """Take the nodes of a stretch that begins at `offset`, whose rows begin on these lines.

        Raises:
            FileRefused: `too_many_columns`.
        """
        self._grow()
        elements = nodes.elements
        seen = repeats.top == NOWHERE
        as_json = repeats.top == nodes.path
        at = np.flatnonzero(seen | as_json)
        path = nodes.path[at]
        # Of several values for one place the last counts, which is the first node's here.
        first, line = np.full(len(self._first), _NEVER), np.full(len(self._first), _NEVER)
        order = np.concatenate([at[at >= elements][::-1], at[at < elements][::-1]])
        first[nodes.path[order]] = nodes.at[order] + offset
        line[nodes.path[order]] = lines[nodes.row[order]]
        earlier = first < self._first
        self._first[earlier], self._line[earlier] = first[earlier], line[earlier]
        filled = (nodes.length[at] > 0) | (at >= elements) | (as_json[at] & repeats.says[at])
        self._filled[path[filled]] = True
        self._structured[nodes.path[nodes.structured]] = True
        self._bare[path[~nodes.structured[at]]] = True
        self._note_objects(nodes, as_json, lines)
        if np.count_nonzero(self._filled) > self._limit:
            raise self._too_many(np.flatnonzero(self._filled))

    def columns(self, wanted: Sequence[str], *, keep_prefixes: bool) -> Columns:
        """Return the columns, in order of first appearance.

        An element that never has text is a column only where it never has anything else either.

        Args:
            wanted: The columns that the definition says are JSON.
            keep_prefixes: Names stay as they are written.

        Raises:
            FileRefused: `too_many_columns` or `duplicate_headers`.
        """
        self._grow()
        found = np.flatnonzero(self._filled | (self._bare & ~self._structured))
        if len(found) > self._limit:
            raise self._too_many(found)
        found = found[np.argsort(self._first[found], kind="stable")].tolist()
        shown, warnings = _shown(self._paths, keep_prefixes=keep_prefixes)
        names = tuple(_column_name(self._paths, shown, path) for path in found)
        self._check_names(names)
        number = np.full(len(self._paths), -1, np.int64)
        number[found] = np.arange(len(found))
        named = dict(zip(found, names, strict=True))
        warnings += self._warnings(named, wanted)
        as_json = self._paths.as_json
        objects = tuple(
            name for path, name in named.items() if path in self._objects and not as_json[path]
        )
        return Columns(names, number, shown, objects, tuple(warnings))

    def _warnings(self, names: dict[int, str], wanted: Sequence[str]) -> list[str]:
        as_json = self._paths.as_json
        found = [
            f"{names[path]!r} holds JSON where it stands more than once in a row, first in the row "
            f"on line {line:,}; its columns are empty there. To have JSON in each row, write "
            f"`json: [{names[path]}]`"
            for path, line in self._objects.items()
            if not as_json[path]
        ]
        full = [self._paths.below_row(path) for path in np.flatnonzero(as_json).tolist()]
        known = {".".join(map(local, one)) for one in full} | {".".join(one) for one in full}
        found += [
            f"no row has {name!r}, which `json:` names" for name in wanted if name not in known
        ]
        found += [
            f"columns {one!r} and {other!r} differ only by case and are read as two columns"
            for one, other in case_clashes(names.values())
        ]
        return found

    def _check_names(self, names: Sequence[str]) -> None:
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise FileRefused(
                self._file,
                "duplicate_headers",
                f"two columns would be called {twice[0]!r}, one of them by an element with a dot "
                "in its name: rename it",
            )

    def _note_objects(self, nodes: Nodes, as_json: NDArray[np.bool_], lines: Positions) -> None:
        objects = as_json & nodes.structured
        if not objects.any():
            return
        path, first = np.unique(nodes.path[objects], return_index=True)
        row = nodes.row[objects][first]
        for one, line in zip(path.tolist(), lines[row].tolist(), strict=True):
            self._objects.setdefault(one, line)

    def _grow(self) -> None:
        more = len(self._paths) - len(self._first)
        self._first = np.append(self._first, np.full(more, _NEVER))
        self._line = np.append(self._line, np.full(more, _NEVER))
        self._filled = np.append(self._filled, np.zeros(more, np.bool_))
        self._bare = np.append(self._bare, np.zeros(more, np.bool_))
        self._structured = np.append(self._structured, np.zeros(more, np.bool_))

    def _too_many(self, paths: Positions) -> FileRefused:
        ranked = paths[np.argsort(self._first[paths])]
        return faults.too_many_columns(
            self._file, self._limit, int(self._line[ranked[self._limit]])
        )


def _shown(paths: Paths, *, keep_prefixes: bool) -> tuple[dict[int, str], list[str]]:
    """Return the last names of paths in rows, without prefixes where nothing else is called so."""
    inside = [path for path in range(1, len(paths)) if paths.role(path) == INSIDE]
    if keep_prefixes:
        return {path: paths.name(path) for path in inside}, []
    alike: dict[tuple[int, str], list[int]] = {}
    for path in inside:
        alike.setdefault((paths.parent(path), local(paths.name(path))), []).append(path)
    shown: dict[int, str] = {}
    warnings: list[str] = []
    for (_, name), ones in alike.items():
        if len(ones) == 1:
            shown[ones[0]] = name
            continue
        shown.update((path, paths.name(path)) for path in ones)
        listed = faults.listed(".".join(paths.below_row(path)) for path in ones)
        warnings.append(f"{listed} differ only by their prefix, which is kept in their names")
    return shown, warnings


def _column_name(paths: Paths, shown: dict[int, str], path: int) -> str:
    names: list[str] = []
    while paths.role(path) == INSIDE:
        names.append(shown[path])
        path = paths.parent(path)
    return ".".join(reversed(names)) or TEXT
