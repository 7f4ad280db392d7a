"""A document from its beginning to its end, in stretches of whole rows."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np

from import_assets.ahead import ahead
from import_assets.formats.layout import RECORD_BYTES
from import_assets.formats.utf8 import is_valid
from import_assets.formats.views import PAD, Positions
from import_assets.formats.xml import faults
from import_assets.formats.xml.contents import Contents, cell_table, nested_table, row_table
from import_assets.formats.xml.judge import Judge
from import_assets.formats.xml.marks import Marks, mark
from import_assets.formats.xml.nodes import Nodes, Within, find_nodes, find_within
from import_assets.formats.xml.paths import Paths
from import_assets.formats.xml.pending import Pending, padded
from import_assets.formats.xml.repeats import Repeats, find_repeats
from import_assets.formats.xml.rows import Path, find_row
from import_assets.formats.xml.tree import Elements, Rows, find_elements, find_rows, open_after

_CR = 13
_TAGS = 120_000
"""Tags of a stretch, beyond which it ends early, unless that is in its first row."""


@dataclass(frozen=True)
class Stretch:
    """A part of a document with its whole rows, whose raw text is from `start` to `end`.

    Rows begin on `line`. `offset` is the place of the stretch in the document; the next stretch is
    `done` bytes behind it.
    """

    offset: int
    done: int
    nodes: Nodes
    repeats: Repeats
    start: Positions
    end: Positions
    line: Positions

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self.start)

    def contents(self) -> Contents:
        """Return what becomes cells."""
        return Contents(
            done=self.done,
            rows=row_table(self.start, self.end, self.line),
            cells=cell_table(self.nodes, self.repeats),
            nested=nested_table(self.nodes, self.repeats),
            buffers=self.nodes.buffers,
        )


@dataclass(frozen=True)
class Scan:
    """Reads a document once.

    Args:
        pending: The document.
        paths: The paths found so far, and to be found.
        file: The name used in errors.
        judge: Who says whether the document is well-formed.
    """

    pending: Pending
    paths: Paths
    file: str
    judge: Judge

    def __iter__(self) -> Generator[Stretch]:
        """Give the stretches, at least one.

        A thread finds the rows of the next one while the texts in one are looked at.

        Raises:
            FileRefused: The document cannot be read, see `reader`.
        """
        with closing(ahead(self._found())) as coming:
            for found in coming:
                nodes = find_nodes(found.within)
                yield Stretch(
                    offset=found.offset,
                    done=found.done,
                    nodes=nodes,
                    repeats=find_repeats(nodes, self.paths),
                    start=found.start,
                    end=found.end,
                    line=found.line,
                )

    def _found(self) -> Iterator[_Found]:
        """Give what is found of the stretches, at least one; numbers all paths in their order."""
        pending, place = self.pending, _Place()
        most = _TAGS
        hungry = True
        while True:
            more = pending.more() if hungry else None
            marks = mark(padded(pending.data), len(place.stack), most)
            breaks = marks.line_breaks()
            self._check_markup(marks, breaks, place)
            if more is not None:
                self._judge(more)
            self._check_roots(marks, place)
            self._check_names(marks)
            elements = find_elements(marks, place.stack, self.paths)
            if self.paths.rule is None and len(elements.tag):
                rule = find_row(_counts(elements, self.paths), self.file)
                if self.paths.settle(rule):
                    elements = find_elements(marks, place.stack, self.paths)
            rows = find_rows(elements, self.paths)
            found = _Found.of(find_within(elements, rows, self.paths), breaks, place)
            done = found.done
            self._check_rows(found, 0 if marks.capped else len(pending.data) - done, breaks, place)
            yield found
            if pending.ended and not marks.capped:
                return
            hungry = not marks.capped
            if marks.capped and not done:
                most *= 2
            pending.drop(done)
            place.rooted |= bool(self.judge.roots and rows.tags)
            place.move(done, breaks, open_after(elements, rows, place.stack))

    def _judge(self, more: bytes) -> None:
        self.judge.take(more)
        if self.pending.ended and not self.pending.cut:
            self.judge.end()

    def _check_roots(self, marks: Marks, place: _Place) -> None:
        """Refuse what looks like a tag outside of the root, where nobody has judged it yet.

        Outside of the root, expat takes a quote for the beginning of a literal as in a DTD, and
        says nothing until it ends.
        """
        if np.count_nonzero(marks.before <= 0) + place.rooted > self.judge.roots:
            self.judge.end()

    def _check_names(self, marks: Marks) -> None:
        """Refuse bytes that are no UTF-8, where nobody has judged them yet: names become texts.

        Expat waits for the rest of a character that a block seems to cut off.
        """
        behind = int(marks.end[-1]) + 1 if len(marks.end) else 0
        if not is_valid(marks.data, PAD, np.array([0, behind])):
            self.judge.end()
            raise RuntimeError(f"{self.file}: expat takes for a document what is no UTF-8")

    def _check_markup(self, marks: Marks, breaks: Positions, place: _Place) -> None:
        """Refuse what a parser would have to hold in memory as a whole."""
        deep = np.flatnonzero(marks.opening & (marks.before >= faults.MOST_DEPTH))
        if len(deep):
            raise faults.too_deep(self.file, place.line_of(int(marks.start[deep[0]]), breaks))
        open_from = len(self.pending.data) if marks.capped else marks.rest
        for starts, ends in (
            (marks.start, marks.end),
            (marks.sections.start, marks.sections.end),
            (np.array([open_from]), np.array([len(self.pending.data)])),
        ):
            long = np.flatnonzero(ends - starts > RECORD_BYTES)
            if len(long):
                line = place.line_of(int(starts[long[0]]), breaks)
                raise faults.too_long(self.file, "tag, comment or section", line)

    def _check_rows(self, found: _Found, waiting: int, breaks: Positions, place: _Place) -> None:
        long = np.flatnonzero(found.end - found.start > RECORD_BYTES)
        if len(long):
            raise faults.too_long(self.file, "row", int(found.line[long[0]]))
        if waiting > RECORD_BYTES:
            raise faults.too_long(self.file, "row", place.line_of(found.done, breaks))


@dataclass
class _Place:
    """How far a document is done: what is pending begins at `offset`, on `line`.

    `stack` are the paths of the elements that are open there; the root is `rooted` if its first tag
    stands before.
    """

    offset: int = 0
    line: int = 1
    rooted: bool = False
    stack: list[int] = field(default_factory=list)

    def line_of(self, at: int, breaks: Positions) -> int:
        """Return the line of a place in what is pending."""
        return self.line + int(np.searchsorted(breaks, at))

    def move(self, done: int, breaks: Positions, stack: list[int]) -> None:
        """Go on behind what is done."""
        self.line = self.line_of(done, breaks)
        self.offset += done
        self.stack = stack


def _counts(elements: Elements, paths: Paths) -> dict[Path, int]:
    """Count the elements by their paths, in order of first appearance."""
    found, first, counts = np.unique(elements.path, return_index=True, return_counts=True)
    order = np.argsort(first)
    return {
        paths.full(path): count
        for path, count in zip(found[order].tolist(), counts[order].tolist(), strict=True)
    }


def _done(marks: Marks, rows: Rows) -> int:
    """Return how much of a stretch is done; a CR at its end may be half of a line's end."""
    if rows.rest == marks.rest and rows.rest and marks.data[PAD + rows.rest - 1] == _CR:
        return rows.rest - 1
    return rows.rest


@dataclass(frozen=True)
class _Found:
    """A stretch whose rows are found, and whose texts are not; see `Stretch`."""

    within: Within
    offset: int
    done: int
    start: Positions
    end: Positions
    line: Positions

    @classmethod
    def of(cls, within: Within, breaks: Positions, place: _Place) -> _Found:
        marks, rows = within.elements.marks, within.rows
        start = marks.start[rows.first]
        line = np.searchsorted(breaks, start) + place.line
        return cls(within, place.offset, _done(marks, rows), start, marks.end[rows.last] + 1, line)
