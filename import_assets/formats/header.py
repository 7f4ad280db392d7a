"""The columns of a CSV file: the names in its first record, or none (M081, M086, M091, D16)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from import_assets.errors import FileRefused
from import_assets.formats import faults
from import_assets.formats.block import Block
from import_assets.formats.columns import FileColumn
from import_assets.formats.encodings import Utf8Stream
from import_assets.formats.layout import RECORD_BYTES, Dialect, Flags, Layout, lay_out
from import_assets.formats.opening import Beginning
from import_assets.spec.formats import CsvFormat
from import_assets.spec.models import Limits
from import_assets.spec.names import case_clashes

_SAMPLE_BYTES = 1 << 16


@dataclass(frozen=True)
class Header:
    """The columns to read, the number of cells of a record and what the user should know.

    `origin` is what says how many cells a record has, as messages call it.
    """

    columns: tuple[FileColumn, ...]
    width: int
    warnings: tuple[str, ...]
    origin: str = "the header"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order of first appearance."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def by_position(self) -> Mapping[int, str]:
        """The names by their positions in the file, from 0; unnamed columns are left out."""
        return {at: column.name for column in self.columns for at in column.positions}


@dataclass(frozen=True)
class Start:
    """The columns and where the records begin.

    `size` bytes lie before that, with `line_ends` in them; `blank` of the lines are blank.
    """

    header: Header
    size: int
    line_ends: int
    blank: int


def find_start(
    beginning: Beginning,
    text: Utf8Stream,
    dialect: Dialect,
    csv: CsvFormat,
    limits: Limits,
) -> Start:
    """Find the columns of a file and its first record behind the header, if it has one.

    Without a header, the first record that can be cut into cells says how many columns there are.

    Args:
        beginning: The beginning of the file.
        text: The stream that it comes from.
        dialect: How the file is written.
        csv: What the definition says about the format.
        limits: `columns` is kept here (M086).

    Raises:
        FileRefused: `empty_file`, `header_broken`, `first_record_broken`, `record_too_long`,
            `too_many_columns` or `duplicate_headers`.
    """
    file = beginning.file
    layout, at = _first_record(beginning, dialect, sound=not csv.header)
    line = beginning.skipped + 1 + (int(layout.lines[at]) if at is not None else layout.tail_lines)
    if at is None or layout.ends[at] - layout.starts[at] > RECORD_BYTES:
        raise _no_record(layout, csv, file, line, skipped=beginning.skipped)
    if not csv.header:
        return Start(_numbered(int(layout.cells[at]), limits, file, line), 0, 0, 0)
    if message := _fault(layout, at, csv, text, line):
        raise FileRefused(file, "header_broken", f"header: {message}", line)
    size, line_ends = layout.next_start(at)
    return Start(read_header(_cells(layout, at), csv, limits, file, line), size, line_ends, at)


def _first_record(
    beginning: Beginning, dialect: Dialect, *, sound: bool
) -> tuple[Layout, int | None]:
    """Lay out as much of the beginning as it takes to see the first record, or all of it."""
    head = beginning.head
    size = min(_SAMPLE_BYTES, len(head))
    while True:
        last = beginning.whole and size == len(head)
        layout = lay_out(Block.of([head[:size]], dialect.line_end, last=last), dialect)
        filled = np.flatnonzero(_sound(layout) if sound else ~layout.blank)
        if len(filled):
            return layout, int(filled[0])
        if size == len(head):
            return layout, None
        size = len(head)


def _sound(layout: Layout) -> Flags:
    return ~(layout.blank | layout.badly_quoted | layout.with_stray_carriage)


def _no_record(
    layout: Layout, csv: CsvFormat, file: str, line: int, *, skipped: int
) -> FileRefused:
    """Say why there is no first record that could be the header, or say how many columns there are.

    `line` is the line of the record that was found, else the one behind all complete records.
    """
    filled = np.flatnonzero(~layout.blank)
    if len(filled) and (csv.header or _sound(layout)[filled[0]]):
        return faults.record_too_long(file, line, layout.dialect)
    message = ""
    if len(filled):
        line = skipped + 1 + int(layout.lines[filled[0]])
        message = _torn(layout, int(filled[0]), line) or ""
    elif layout.unclosed:
        message = faults.quote_not_closed(layout.unclosed, layout.dialect.line_end).message
    elif layout.rest.strip(b"\r\n" + layout.dialect.white_space.encode()):
        return faults.record_too_long(file, line, layout.dialect)
    if not message:
        return _empty_file(csv, file, skipped)
    if csv.header:
        return FileRefused(file, "header_broken", f"header: {message}", line)
    return FileRefused(
        file,
        "first_record_broken",
        "no record tells how many columns there are, since none can be cut into cells; in the "
        f"first, {message}",
        line,
    )


def _empty_file(csv: CsvFormat, file: str, skipped: int) -> FileRefused:
    behind = f" behind the {skipped:,} lines that skip_lines passes over" if skipped else ""
    if csv.header:
        message = f"no header{behind}: the first record must name the columns"
    else:
        message = f"no record{behind}: the first one says how many columns there are"
    return FileRefused(file, "empty_file", message)


def _fault(layout: Layout, at: int, csv: CsvFormat, text: Utf8Stream, line: int) -> str | None:
    """Say what is wrong with a record that is to be the header."""
    if message := _torn(layout, at, line):
        return message
    raw = layout.block.text(int(layout.starts[at]), int(layout.ends[at]))
    if found := text.undecodable_bytes(raw):
        return faults.undecodable(found, text.encoding).message
    if csv.line_breaks == "reject" and layout.with_line_break[at]:
        return (
            "a line break stands inside quotes: write each name on one line, or write "
            "line_breaks: keep"
        )
    return None


def _torn(layout: Layout, at: int, line: int) -> str | None:
    """Say why a record cannot be cut into cells."""
    if layout.badly_quoted[at]:
        return faults.bad_quote(layout, at, line).message
    if layout.with_stray_carriage[at]:
        return "a CR stands inside the line, which ends with LF: end all lines with CR LF"
    return None


def _cells(layout: Layout, record: int) -> list[str]:
    first = int(layout.first_cells[record])
    numbers = range(first, first + int(layout.cells[record]))
    return [layout.cell(number).decode("utf-8") for number in numbers]


def _numbered(width: int, limits: Limits, file: str, line: int) -> Header:
    origin = "the first record"
    _check_width(width, limits, origin, file, line)
    columns = tuple(FileColumn(f"column_{at + 1}", (at,)) for at in range(width))
    return Header(columns, width, (), origin)


def _check_width(width: int, limits: Limits, origin: str, file: str, line: int) -> None:
    if width > limits.columns:
        raise FileRefused(
            file,
            "too_many_columns",
            f"{origin} has {width:,} columns, at most {limits.columns:,} are allowed: "
            "leave out columns, or split the file",
            line,
        )


def read_header(
    cells: Sequence[str], csv: CsvFormat, limits: Limits, file: str, line: int
) -> Header:
    """Make a header of the cells of the first record, which stands on `line`.

    Raises:
        FileRefused: `too_many_columns`, `duplicate_headers` or `header_broken`.
    """
    _check_width(len(cells), limits, "the header", file, line)
    places: dict[str, list[int]] = {}
    for position, cell in enumerate(cells):
        places.setdefault(cell.strip(), []).append(position)
    unnamed = places.pop("", [])
    if not places:
        raise FileRefused(
            file, "header_broken", "the first record must name the columns, but all are empty", line
        )
    doubled = {name: at for name, at in places.items() if len(at) > 1}
    if doubled and csv.duplicate_headers == "refuse":
        raise FileRefused(
            file,
            "duplicate_headers",
            "; ".join(f"{_twice(name, at)}" for name, at in doubled.items())
            + ": rename or remove all but one, or write duplicate_headers: merge",
            line,
        )
    warnings = [
        f"{_twice(name, at)}: merged, the last value that is not empty wins"
        for name, at in doubled.items()
    ]
    warnings += [
        f"columns {one!r} and {other!r} differ only by case and are read as two columns"
        for one, other in case_clashes(places)
    ]
    if unnamed:
        warnings.append(f"{_numbers(unnamed)} without a name: not imported")
    columns = tuple(FileColumn(name, tuple(at)) for name, at in places.items())
    return Header(columns, len(cells), tuple(warnings))


def _twice(name: str, positions: list[int]) -> str:
    return f"column {name!r} stands {len(positions)} times in the header ({_numbers(positions)})"


def _numbers(positions: list[int]) -> str:
    numbers = ", ".join(str(position + 1) for position in positions)
    return f"column{'s' * (len(positions) > 1)} {numbers}"
