"""Repeated elements as JSON.

An element with nothing but text is that text; another one an object of its attributes (`@name`),
its text (`#text`) and its elements, those of one name as a list. Elements that are bare and empty
are left out. The JSON is what `json.dumps` writes without spaces.

All JSON of a stretch is written at once: each element, attribute and text is an *entry*, and an
object has another one at its end. Each entry is put in its place, and is written as one of few
prefixes, its text, and one of few suffixes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from import_assets.formats.views import (
    PAD,
    Positions,
    bodies,
    make_views,
    sliding,
    text_column,
)
from import_assets.formats.xml.contents import Table
from import_assets.formats.xml.marks import Flags
from import_assets.formats.xml.paths import ROOT

TEXT = "#text"
"""The name of the text that an element has beside attributes or elements."""

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_COMMA, _KEY, _LIST, _OBJECT = 1, 2, 4, 8
_PREFIXES = 16
_SUFFIXES = pl.Series(['"', '"]', "", "}", "}]"])
_QUOTE, _NOTHING, _BRACE = 0, 2, 3
_PLACE_BITS = 32


@dataclass(frozen=True)
class Lists:
    """JSON lists: the row and path of each, and where it stands in the padded `data`."""

    row: Positions
    path: Positions
    start: Positions
    length: Positions
    data: bytes


def prefixes(shown: Mapping[int, str], paths: int) -> pl.Series:
    """Return what can stand before a text, by path and kind, and at the end an empty one.

    Args:
        shown: The last names of paths, as they are shown.
        paths: How many paths there are.
    """
    found: list[str] = []
    for path in range(paths):
        key = json.dumps(TEXT if path == ROOT else shown.get(path, ""), ensure_ascii=False) + ":"
        for kind in range(_PREFIXES):
            parts = "," * bool(kind & _COMMA), key * bool(kind & _KEY), "[" * bool(kind & _LIST)
            found.append("".join(parts) + ("{" if kind & _OBJECT else '"'))
    return pl.Series([*found, ""])


def write_lists(nested: Table, buffers: Sequence[bytes], before: pl.Series) -> Lists:
    """Write the elements that become JSON.

    Args:
        nested: Those elements and their attributes, at least one.
        buffers: Their texts.
        before: The `prefixes`.
    """
    entries = _entries(nested)
    order = _in_order(entries)
    place, size = _places(entries, order)
    total = int(size[entries.parent < 0].sum())
    comma = ~order.eldest
    comma[entries.outer] = ~order.first[entries.outer]
    kind = comma * _COMMA
    kind += (order.first & ~entries.outer) * _KEY
    kind += (order.first & order.several) * _LIST
    kind += entries.structured * _OBJECT
    prefix = np.full(total, before.len() - 1, np.int64)
    prefix[place] = entries.path * _PREFIXES + kind
    suffix = np.full(total, _NOTHING, np.int64)
    ends = order.last & order.several
    suffix[place] = np.where(entries.structured, _NOTHING, _QUOTE + ends)
    closing = np.flatnonzero(entries.structured)
    suffix[place[closing] + size[closing] - 1] = _BRACE + ends[closing]
    written = pl.select(
        pl.concat_str(
            before.gather(prefix),
            _escaped(entries, place, buffers, total),
            _SUFFIXES.gather(suffix),
            ignore_nulls=True,
        )
    ).to_series()
    # One list behind the other: this column is the only one that holds the buffer as a whole.
    _, offsets, data = written.to_arrow(compat_level=pl.CompatLevel.oldest()).buffers()
    begin = np.frombuffer(offsets, np.int64)[: total + 1]
    one = np.flatnonzero(entries.outer & order.first)
    one = one[np.argsort(place[one])]
    bounds = begin[np.append(place[one], total)]
    text = b"".join((bytes(PAD), memoryview(data)[: bounds[-1]], bytes(PAD)))
    return Lists(entries.row[one], entries.path[one], bounds[:-1], np.diff(bounds), text)


@dataclass(frozen=True)
class _Entries:
    """Elements and attributes, then the texts of the structured among them.

    `outer` ones stand in no other; all others in their `parent`. `node` is where a text comes from.
    """

    row: Positions
    path: Positions
    at: Positions
    parent: Positions
    depth: Positions
    structured: Flags
    outer: Flags
    node: Positions
    nodes: Table


@dataclass(frozen=True)
class _Order:
    """The order of the entries: parent by parent, those of one name together.

    `eldest` is the first one in its parent, `first` and `last` those of one name; `several` tells
    whether it is in a list.
    """

    entries: Positions
    eldest: Flags
    first: Flags
    last: Flags
    several: Flags


def _entries(nested: Table) -> _Entries:
    row, path, at, parent, depth = (
        nested[name].astype(np.int64) for name in ("row", "path", "at", "parent", "depth")
    )
    structured = nested["structured"].copy()
    outer = parent < 0
    own = np.flatnonzero(structured & (nested["length"] > 0))
    # A text comes behind the attributes, of which the last one's place stays here.
    behind = at.copy()
    attributes = np.flatnonzero(nested["attribute"])
    behind[parent[attributes]] = at[attributes]
    count, more = len(nested), len(own)
    return _Entries(
        row=np.concatenate([row, row[own]]),
        path=np.concatenate([path, np.full(more, ROOT)]),
        at=np.concatenate([at, behind[own] + 1]),
        parent=np.concatenate([parent, own]),
        depth=np.concatenate([depth, depth[own] + 1]),
        structured=np.concatenate([structured, np.zeros(more, np.bool_)]),
        outer=np.concatenate([outer, np.zeros(more, np.bool_)]),
        node=np.concatenate([np.arange(count), own]),
        nodes=nested,
    )


def _in_order(entries: _Entries) -> _Order:
    count = int(entries.path.max()) + 1
    family = np.where(entries.outer, -1 - entries.row, entries.parent) * count + entries.path
    order = np.argsort(family, kind="stable")
    begins = np.flatnonzero(np.diff(family[order], prepend=family[order[0]] - 1))
    sizes = np.diff(begins, append=len(order))
    # A name has the place of the first one that has it.
    lead = np.repeat(entries.at[order[begins]], sizes)
    first, last, several = (np.zeros(len(order), np.bool_) for _ in range(3))
    first[order[begins]] = True
    last[order[begins + sizes - 1]] = True
    several[order] = np.repeat(sizes, sizes) > 1
    parent = entries.parent[order] + 1
    order = order[np.argsort((parent << _PLACE_BITS) | lead, kind="stable")]
    eldest = np.zeros(len(order), np.bool_)
    eldest[order] = np.diff(entries.parent[order], prepend=-2) != 0
    return _Order(order, eldest, first, last, several | entries.outer)


def _places(entries: _Entries, order: _Order) -> tuple[Positions, Positions]:
    """Return the place of each entry, and how many those inside it and its end take with it."""
    levels = [np.flatnonzero(entries.depth == one) for one in np.unique(entries.depth)]
    levels = [level[~entries.outer[level]] for level in levels]
    size = 1 + entries.structured.astype(np.int64)
    for level in reversed(levels):
        np.add.at(size, entries.parent[level], size[level])
    before = np.cumsum(size[order.entries]) - size[order.entries]
    eldest = np.flatnonzero(order.eldest[order.entries])
    before -= np.repeat(before[eldest], np.diff(eldest, append=len(before)))
    place = np.empty(len(size), np.int64)
    place[order.entries] = before
    for level in levels:
        place[level] += place[entries.parent[level]] + 1
    return place, size


def _escaped(
    entries: _Entries, place: Positions, buffers: Sequence[bytes], total: int
) -> pl.Series:
    """Return the texts in their places, as they are written in JSON; null where there is none."""
    views = np.zeros(total, "V16")
    start, length, buffer = (
        entries.nodes[name][entries.node] for name in ("start", "length", "buffer")
    )
    written = ~entries.structured
    for number, data in enumerate(buffers):
        here = np.flatnonzero(written & (buffer == number))
        at = start[here].astype(np.int64), length[here].astype(np.int64)
        views[place[here]] = make_views(sliding(data), *at, number)
    texts = text_column(views, bodies(buffers))
    return texts.str.replace_many(list(_ESCAPES), list(_ESCAPES.values()))
