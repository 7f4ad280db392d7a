"""Target `layouts`: the heart of reading CSV, where records and cells begin and end (M084, D13).

Making frames of a file takes most of the time that a short file takes. Where only the layout of a
block is asked for, several times as many files are judged in the same time; target `csv` reads
them whole. Two bytes choose the delimiter, and quote, trim and how much is looked at at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from fuzzing.csvfiles import WORDS, WRITTEN
from fuzzing.target import Finding, Target, agree, split
from import_assets.formats.block import Block
from import_assets.formats.dialect import find_line_end
from import_assets.formats.layout import Dialect, Layout, lay_out
from import_assets.formats.utf8 import invalid_records
from import_assets.formats.views import PAD
from import_assets.spec.formats import Delimiter, Quote
from import_assets_tests.formats.reference import Parsed, Parser, Way

_OPTIONS = 2
_DELIMITERS: tuple[Delimiter, ...] = (",", *get_args(Delimiter))
_QUOTES: tuple[Quote, ...] = get_args(Quote)
_EVENTS = (None, None, 1, 2, 5, 20)


@dataclass(frozen=True)
class Shape:
    """A record: its line, its text, and its cells where they are plain, else the fault."""

    line: int
    raw: bytes
    cells: tuple[bytes, ...]
    fault: str | None
    blank: bool
    broken: bool
    undecodable: bool


def check(data: bytes) -> int:
    """Judge the layout of one file of UTF-8; see `Target.check`."""
    (delimiter, bits), body = split(data, _OPTIONS)
    dialect = Dialect(
        _DELIMITERS[delimiter % len(_DELIMITERS)],
        find_line_end(body),
        _QUOTES[bits % 4 % len(_QUOTES)],
        trim=bool(bits & 4),
    )
    events = _EVENTS[bits // 8 % len(_EVENTS)]
    way = Way(dialect.delimiter, dialect.quote, dialect.trim)
    text = body.decode("utf-8", "surrogateescape")
    agree(
        f"layout of {body!r} by {dialect}, {events} events at once",
        list(_found(body, dialect, events)),
        [_shape(one) for one in Parser(text, way).parse()],
    )
    return 1


def _found(body: bytes, dialect: Dialect, events: int | None) -> Iterator[Shape]:
    line, rest = 1, body
    while True:
        layout = lay_out(Block.of([rest], dialect.line_end, last=True), dialect, events)
        yield from _records(layout, line)
        line += layout.tail_lines
        if not layout.partial:
            break
        if not layout.records:
            raise Finding("a part of a block without any record")
        rest = layout.rest
    if unclosed := layout.unclosed:
        wrong = _is_undecodable(unclosed)
        blank = not unclosed.strip(dialect.white_space.encode())
        yield Shape(line, unclosed, (), "quote_not_closed", blank, False, wrong)


def _records(layout: Layout, line: int) -> Iterator[Shape]:
    wrong = invalid_records(layout.block.data, PAD, np.append(layout.starts, layout.tail))
    faults = zip(layout.badly_quoted.tolist(), layout.with_stray_carriage.tolist(), strict=True)
    with_break = layout.with_line_break.tolist()
    blank = layout.blank.tolist()
    for at, (bad, stray) in enumerate(faults):
        raw = layout.block.text(int(layout.starts[at]), int(layout.ends[at]))
        fault = "bad_quote" if bad else "stray_carriage_return" if stray else None
        yield Shape(
            line + int(layout.lines[at]),
            raw,
            () if fault else _cells(layout, at),
            fault,
            blank[at],
            not fault and with_break[at],
            bool(wrong[at]),
        )


def _cells(layout: Layout, at: int) -> tuple[bytes, ...]:
    first = int(layout.first_cells[at])
    return tuple(layout.cell(first + nth) for nth in range(int(layout.cells[at])))


def _shape(record: Parsed) -> Shape:
    cells: Sequence[str] = () if record.fault else record.cells
    raw = _bytes(record.raw)
    return Shape(
        record.line,
        raw,
        tuple(map(_bytes, cells)),
        record.fault,
        record.blank,
        not record.fault and record.broken > 0,
        _is_undecodable(raw),
    )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _is_undecodable(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def seeds() -> Iterator[bytes]:
    """Give files in which quotes and line ends may mean anything."""
    for text in WRITTEN:
        for bits in (0, 1, 2, 4, 16, 20, 32):
            yield bytes([0, bits]) + text.encode()


LAYOUTS = Target(
    name="layouts",
    units="files",
    check=check,
    seeds=seeds,
    words=WORDS,
    longest=160,
)
"""See the module."""
