"""What stands in the whole rows of a stretch: elements, attributes, and the texts of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from import_assets.formats.views import PAD, Positions
from import_assets.formats.xml import texts
from import_assets.formats.xml.marks import Flags, Marks
from import_assets.formats.xml.paths import OUTSIDE, ROW, Paths
from import_assets.formats.xml.sections import CDATA, CDATA_END
from import_assets.formats.xml.tree import Elements, Rows, names

_AMPERSAND, _TAB, _LF, _CR, _EQUALS, _SPACE = b"&\t\n\r= "


@dataclass(frozen=True)
class Nodes:
    """Elements, then attributes, each in document order.

    `row` is the number of the row within the stretch, `at` the place in it. `parent` is the node
    that an element or attribute is in, -1 for a row. `structured` elements have attributes or
    elements inside. A text begins at `start` in the buffer of its number; empty ones have no
    `length`.
    """

    elements: int
    row: Positions
    path: Positions
    at: Positions
    parent: Positions
    depth: Positions
    structured: Flags
    start: Positions
    length: Positions
    buffer: NDArray[np.uint8]
    buffers: Sequence[bytes]


@dataclass(frozen=True)
class Within:
    """What lies in the whole rows of a stretch: its `chosen` elements and their attributes.

    `row` is the number of the row of each element within the stretch.
    """

    elements: Elements
    rows: Rows
    chosen: Positions
    row: Positions
    attributes: _Attributes


def find_within(elements: Elements, rows: Rows, paths: Paths) -> Within:
    """Find the elements in whole rows and their attributes, and give these numbers of paths.

    Raises:
        FileRefused: `too_many_columns`.
    """
    roles = paths.roles[elements.path]
    chosen = np.flatnonzero((roles != OUTSIDE) & (elements.tag < rows.tags))
    row = np.cumsum(roles[chosen] == ROW) - 1
    return Within(elements, rows, chosen, row, _Attributes.of(elements, chosen, paths))


def find_nodes(within: Within) -> Nodes:
    """Find the nodes of the whole rows: read the texts of what was found in them."""
    elements, chosen, row = within.elements, within.chosen, within.row
    marks = elements.marks
    tag = elements.tag[chosen]
    opened = ~marks.empty[tag]
    leaf = opened.copy()
    leaf[opened] = marks.closing[tag[opened] + 1]
    node_of_element = np.full(len(elements.tag) + 1, -1, np.int64)
    node_of_element[chosen] = np.arange(len(chosen))
    leaves = np.flatnonzero(leaf)
    begin = marks.end[tag[leaves]] + 1
    content = _Texts(marks, begin, marks.start[tag[leaves] + 1] - begin)
    content.read_elements()
    attributes = within.attributes
    attributes.texts.read_values()
    structured = opened & ~leaf
    structured[attributes.owner] = True
    mixed, values = _mixed(elements, within.rows, chosen, tag[leaves])
    count = len(chosen)
    parent = node_of_element[elements.parent[chosen]]
    depth = elements.depth[chosen]
    nodes = Nodes(
        elements=count,
        row=np.concatenate([row, row[attributes.owner]]),
        path=np.concatenate([elements.path[chosen], attributes.path]),
        at=np.concatenate([marks.start[tag], attributes.at]),
        parent=np.concatenate([parent, attributes.owner]),
        depth=np.concatenate([depth, depth[attributes.owner] + 1]),
        structured=np.concatenate([structured, np.zeros(len(attributes.owner), np.bool_)]),
        start=np.zeros(count + len(attributes.owner), np.int64),
        length=np.zeros(count + len(attributes.owner), np.int64),
        buffer=np.zeros(count + len(attributes.owner), np.uint8),
        buffers=buffers_of(marks.data),
    )
    content.write(nodes, leaves)
    attributes.texts.write(nodes, np.arange(count, len(nodes.row)))
    if len(mixed):
        write_texts(nodes, mixed, values)
    return nodes


def buffers_of(data: bytes) -> list[bytes]:
    """Return the list to which buffers of texts are added that do not stand in the data so."""
    return [data]


def write_texts(nodes: Nodes, at: Positions, values: Sequence[bytes]) -> None:
    """Give nodes texts that do not stand in the document as such."""
    data, start, length = texts.apart(texts.joined(values))
    _point(nodes, at, data, start, length)


def _point(nodes: Nodes, at: Positions, data: bytes, start: Positions, length: Positions) -> None:
    nodes.start[at], nodes.length[at] = start, length
    nodes.buffer[at] = len(nodes.buffers)
    if isinstance(nodes.buffers, list):
        nodes.buffers.append(data)


@dataclass
class _Texts:
    """Texts by their places in a stretch; some are `odd`: they do not stand there as they are."""

    marks: Marks
    start: Positions
    length: Positions
    odd: Positions = field(default_factory=lambda: np.empty(0, np.int64))
    values: bytes = b""
    cut: bool = False

    def read_elements(self) -> None:
        """Read texts as the content of elements without elements inside."""
        data, octets = self.marks.data, self.marks.octets
        texts.trim(octets, self.start, self.length)
        broken, complex_ = self._open_cdata()
        plain = np.zeros(len(self.start), np.bool_)
        if b"&" in data:
            self._mark(plain, np.flatnonzero(octets[: self.marks.rest] == _AMPERSAND))
        if b"\r" in data:
            raw = np.frombuffer(data, np.uint8, offset=PAD)
            self._mark(plain, np.flatnonzero(raw[: self.marks.rest] == _CR))
        plain[broken] = plain[complex_] = False
        simple = np.flatnonzero(plain)
        parts: list[bytes] = []
        if len(simple):
            parts.append(texts.resolve(texts.joined(self._slices(simple))))
        if len(broken):
            parts.append(texts.line_feeds(texts.joined(self._slices(broken))))
        if len(complex_):
            parts.append(texts.joined([texts.string_value(one) for one in self._slices(complex_)]))
        self.odd, self.values, self.cut = (
            np.concatenate([simple, broken, complex_]),
            b"\0".join(parts),
            True,
        )

    def read_values(self) -> None:
        """Read texts as the values of attributes."""
        data, octets = self.marks.data, self.marks.octets
        odd = np.zeros(len(self.start), np.bool_)
        if len(odd):
            for mark, octet in ((b"&", _AMPERSAND), (b"\t", _TAB), (b"\n", _LF), (b"\r", _CR)):
                if mark in data:
                    self._mark(odd, np.flatnonzero(octets[: self.marks.rest] == octet))
        self.odd = np.flatnonzero(odd)
        if len(self.odd):
            self.values = texts.resolve_value(texts.joined(self._slices(self.odd)))

    def write(self, nodes: Nodes, at: Positions) -> None:
        """Give the texts to these nodes."""
        nodes.start[at], nodes.length[at] = self.start, self.length
        if not len(self.odd):
            return
        data, start, length = texts.apart(self.values)
        if self.cut:
            texts.trim(np.frombuffer(data, np.uint8, offset=PAD), start, length)
        _point(nodes, at[self.odd], data, start, length)

    def _open_cdata(self) -> tuple[Positions, Positions]:
        """Take what a text is that is one CDATA section.

        Return those of them that hold a CR, and the texts with other sections.
        """
        sections = self.marks.sections
        if not len(sections.start) or not len(self.start):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        owner = self._owners(sections.start)
        section = np.flatnonzero(owner >= 0)
        owner = owner[section]
        whole = sections.cdata[section]
        whole = whole & (sections.start[section] == self.start[owner])
        whole &= sections.end[section] == self.start[owner] + self.length[owner]
        opened = owner[whole]
        self.start[opened] += len(CDATA)
        self.length[opened] -= len(CDATA) + len(CDATA_END)
        start, length = self.start[opened], self.length[opened]
        raw = np.frombuffer(self.marks.data, np.uint8, offset=PAD)
        texts.trim(raw, start, length)
        self.start[opened], self.length[opened] = start, length
        broken = opened[:0]
        if b"\r" in self.marks.data:
            returns = np.flatnonzero(raw[: self.marks.rest] == _CR)
            before, behind = np.searchsorted(returns, [start, start + length])
            broken = opened[before < behind]
        return broken, np.unique(owner[~whole])

    def _mark(self, flags: Flags, places: Positions) -> None:
        if len(self.start):
            owner = self._owners(places)
            flags[owner[owner >= 0]] = True

    def _owners(self, places: Positions) -> Positions:
        """Return the texts that hold these places, -1 for none."""
        owner = np.searchsorted(self.start, places, "right") - 1
        outside = places >= self.start[owner] + self.length[owner]
        owner[outside] = -1
        return owner

    def _slices(self, at: Positions) -> list[bytes]:
        data, first = self.marks.data, self.start[at] + PAD
        ends = first + self.length[at]
        return [data[one:end] for one, end in zip(first.tolist(), ends.tolist(), strict=True)]


@dataclass(frozen=True)
class _Attributes:
    """The attributes of elements, their owners by their numbers; no declarations of prefixes."""

    owner: Positions
    path: Positions
    at: Positions
    texts: _Texts

    @classmethod
    def of(cls, elements: Elements, chosen: Positions, paths: Paths) -> _Attributes:
        marks, values = elements.marks, elements.marks.values
        node_of_tag = np.full(len(marks.start), -1, np.int64)
        node_of_tag[elements.tag[chosen]] = np.arange(len(chosen))
        owner = node_of_tag[values.tag]
        kept = np.flatnonzero(owner >= 0)
        owner, tag = owner[kept], values.tag[kept]
        before = np.append(-1, values.tag)[kept] != tag
        name = np.append(0, values.shut)[kept] + 1
        name[before] = elements.name_end[chosen][owner[before]]
        _step(marks.octets, name, 1)
        end = values.opened[kept] - 1
        _step(marks.octets, end, -1)
        end -= marks.octets[end] == _EQUALS
        _step(marks.octets, end, -1)
        codes = paths.codes(names(marks, name, end + 1), attributes=True)
        real = codes >= 0
        owner, kept = owner[real], kept[real]
        path = paths.numbers(elements.path[chosen][owner], codes[real])
        start = values.opened[kept] + 1
        return cls(owner, path, name[real], _Texts(marks, start, values.shut[kept] - start))


def _step(octets: NDArray[np.uint8], places: Positions, step: int) -> None:
    """Step over white space, in place."""
    at = np.flatnonzero(octets[places] <= _SPACE)
    while len(at):
        places[at] += step
        at = at[octets[places[at]] <= _SPACE]


def _mixed(
    elements: Elements, rows: Rows, chosen: Positions, leaves: Positions
) -> tuple[Positions, list[bytes]]:
    """Find the elements with elements and text of their own, and all text in each of them."""
    marks = elements.marks
    inside = np.zeros(len(marks.start) + 1, np.int8)
    inside[rows.first] += 1
    inside[rows.last] -= 1
    inside = np.cumsum(inside[:-1], dtype=np.int8) > 0
    inside[leaves] = False
    tag = np.flatnonzero(inside)
    tag = tag[marks.start[tag + 1] > marks.end[tag] + 1]
    tag = tag[texts.is_text(marks.octets, marks.end[tag] + 1, marks.start[tag + 1])]
    # What looks like text can be a reference to a space, or CDATA without anything in it.
    first, end = marks.end[tag] + 1 + PAD, marks.start[tag + 1] + PAD
    gaps = zip(first.tolist(), end.tolist(), strict=True)
    tag = tag[[bool(texts.string_value(marks.data[one:other])) for one, other in gaps]]
    if not len(tag):
        return tag, []
    depth = marks.before[tag] + np.where(marks.closing[tag], -1, 1) - marks.empty[tag]
    owners = np.empty(len(tag), np.int64)
    depths = elements.depth[chosen]
    for level in np.unique(depth).tolist():
        here = np.flatnonzero(depth == level)
        ones = np.flatnonzero(depths == level)
        owners[here] = ones[np.searchsorted(elements.tag[chosen[ones]], tag[here], "right") - 1]
    owners = np.unique(owners)
    last = elements.closing_tags(chosen[owners])
    first = marks.end[elements.tag[chosen[owners]]] + 1 + PAD
    values = [
        texts.string_value(marks.data[one:end])
        for one, end in zip(first.tolist(), (marks.start[last] + PAD).tolist(), strict=True)
    ]
    return owners, values
