"""The elements of a stretch of a well-formed document: their paths, and which are rows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from import_assets.formats.views import Positions, bodies, make_views, sliding, text_column
from import_assets.formats.xml.marks import Flags, Marks
from import_assets.formats.xml.paths import ROW, Paths

_SPACE = 32
"""White space, in a well-formed document, is every byte up to this one."""


@dataclass(frozen=True)
class Elements:
    """The elements that begin in a stretch, in document order.

    `tag` is the number of an element's start tag, `path` its path, `parent` the number of the
    element it is in, or -1 where that began before the stretch. `name_end` is where its name ends.
    """

    marks: Marks
    tag: Positions
    path: Positions
    parent: Positions
    depth: Positions
    name_end: Positions

    def closing_tags(self, elements: Positions) -> Positions:
        """Return the tags that end these elements, the number of tags where there is none."""
        marks = self.marks
        found = self.tag[elements].copy()
        depths = self.depth[elements]
        opened = ~marks.empty[found]
        for depth in np.unique(depths[opened]).tolist():
            ends = np.flatnonzero(marks.closing & (marks.before == depth))
            ends = np.append(ends, len(marks.start))
            at = np.flatnonzero(opened & (depths == depth))
            found[at] = ends[np.searchsorted(ends, found[at])]
        return found


@dataclass(frozen=True)
class Rows:
    """The whole rows of a stretch: their elements and the tags that begin and end them.

    `tags` is how many tags lie before the first row that is not whole, or all; `rest` is the place
    up to which the stretch is done.
    """

    element: Positions
    first: Positions
    last: Positions
    tags: int
    rest: int


def find_elements(marks: Marks, stack: list[int], paths: Paths) -> Elements:
    """Find the elements of a stretch; `stack` are the paths of those open before it.

    Raises:
        FileRefused: `too_many_columns`.
    """
    tag = np.flatnonzero(marks.opening)
    depth = marks.before[tag] + 1
    name_end = _name_ends(marks, tag)
    start = marks.start[tag] + 1
    codes = paths.codes(names(marks, start, name_end))
    path, parent = np.empty(len(tag), np.int64), np.full(len(tag), -1, np.int64)
    above = np.empty(0, np.int64)
    order = np.argsort(depth.astype(np.int8), kind="stable")
    bounds = np.searchsorted(depth[order], np.arange(1, int(depth.max(initial=0)) + 2))
    for level, (low, high) in enumerate(pairwise(bounds.tolist())):
        here = order[low:high]
        up = np.searchsorted(above, here) - 1
        outer = stack[level - 1] if 0 < level <= len(stack) else 0
        above_paths = np.append(path[above], outer)
        path[here] = paths.numbers(above_paths[up], codes[here])
        parent[here] = np.append(above, -1)[up]
        above = here
    return Elements(marks, tag, path, parent, depth, name_end)


def names(marks: Marks, start: Positions, end: Positions) -> pl.Series:
    """Return names by their places."""
    views = make_views(sliding(marks.data), start, end - start, 0)
    return text_column(views, bodies([marks.data]))


def find_rows(elements: Elements, paths: Paths) -> Rows:
    """Find the rows; the last one counts as not whole while its end is not in sight."""
    marks = elements.marks
    element = np.flatnonzero(paths.roles[elements.path] == ROW)
    first, last = elements.tag[element], elements.closing_tags(element)
    whole = last < len(marks.start)
    if whole.all():
        return Rows(element, first, last, len(marks.start), marks.rest)
    tags = int(first[~whole][0])
    return Rows(element[whole], first[whole], last[whole], tags, int(marks.start[tags]))


def open_after(elements: Elements, rows: Rows, stack: list[int]) -> list[int]:
    """Return the paths of the elements that are open behind the whole rows."""
    marks, tags = elements.marks, rows.tags
    if tags < len(marks.start):
        depth = int(marks.before[tags])
    else:
        depth = len(stack) + len(elements.tag) - int(np.count_nonzero(marks.closing))
        depth -= int(np.count_nonzero(marks.empty))
    found = stack[:depth]
    before = int(np.searchsorted(elements.tag, tags))
    for level in range(1, depth + 1):
        here = np.flatnonzero(elements.depth[:before] == level)
        if len(here):
            found[level - 1 :] = [int(elements.path[here[-1]])]
    return found


def _name_ends(marks: Marks, tag: Positions) -> Positions:
    end = marks.end[tag] - marks.empty[tag]
    octets = marks.octets
    spaced: Flags = octets[end - 1] <= _SPACE
    if len(marks.values.tag):
        with_values = np.zeros(len(marks.start), np.bool_)
        with_values[marks.values.tag] = True
        spaced |= with_values[tag]
    at = np.flatnonzero(spaced)
    place = marks.start[tag[at]] + 1
    while len(at):
        end[at] = place
        going = octets[place] > _SPACE
        at, place = at[going], place[going] + 1
    return end
