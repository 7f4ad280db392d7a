"""The first record of a CSV file: the names of its columns (M081, M086, M091, D16)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from import_assets.errors import FileRefused
from import_assets.formats import faults
from import_assets.formats.columns import FileColumn
from import_assets.formats.encodings import Utf8Stream
from import_assets.formats.layout import RECORD_BYTES, Block, Dialect, Layout, lay_out
from import_assets.spec.formats import CsvFormat
from import_assets.spec.models import Limits
from import_assets.spec.names import case_clashes

_SAMPLE_BYTES = 1 << 16


@dataclass(frozen=True)
class Header:
    """The columns to read, the number of cells in the header and what the user should know."""

    columns: tuple[FileColumn, ...]
    width: int
    warnings: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order of first appearance."""
        return tuple(column.name for column in self.columns)


@dataclass(frozen=True)
class HeaderRecord:
    """The first record: its cells, the line on which it begins, and what lies around it.

    `blank` lines stand before it; `size` bytes and `line_ends` lead up to the next record.
    """

    cells: tuple[str, ...]
    line: int
    blank: int
    size: int
    line_ends: int


def find_header_record(
    head: bytes, text: Utf8Stream, dialect: Dialect, file: str, *, whole: bool
) -> HeaderRecord:
    """Find the first record that is not a blank line.

    Args:
        head: The beginning of the file, `whole` when nothing follows.
        text: The stream that it comes from.
        dialect: How the file is written.
        file: The name used in errors.
        whole: True when `head` is the whole file.

    Raises:
        FileRefused: `header_broken` or `record_too_long`.
    """
    layout, at = _first_record(head, dialect, whole)
    lines = int(layout.lines[at]) if at is not None else layout.tail_lines
    line = lines + 1
    if at is None and not layout.unclosed:
        raise faults.record_too_long(file, line)
    if at is None:
        message = faults.quote_not_closed(layout.unclosed, dialect.line_end).message
        raise FileRefused(file, "header_broken", f"header: {message}", line)
    if layout.ends[at] - layout.starts[at] > RECORD_BYTES:
        raise faults.record_too_long(file, line)
    if layout.badly_quoted[at]:
        message = faults.bad_quote(layout, at, line).message
        raise FileRefused(file, "header_broken", f"header: {message}", line)
    found = text.undecodable_bytes(layout.block.text(int(layout.starts[at]), int(layout.ends[at])))
    if found:
        message = faults.undecodable(found, text.encoding).message
        raise FileRefused(file, "header_broken", f"header: {message}", line)
    size, line_ends = layout.next_start(at)
    return HeaderRecord(_cells(layout, at, file, line), line, at, size, line_ends)


def _first_record(head: bytes, dialect: Dialect, whole: bool) -> tuple[Layout, int | None]:
    """Lay out as much of the head as it takes to see the first record, or all of it."""
    size = min(_SAMPLE_BYTES, len(head))
    while True:
        last = whole and size == len(head)
        layout = lay_out(Block.of([head[:size]], dialect.line_end, last=last), dialect)
        filled = (~layout.blank).nonzero()[0]
        if len(filled):
            return layout, int(filled[0])
        if size == len(head):
            return layout, None
        size = len(head)


def _cells(layout: Layout, record: int, file: str, line: int) -> tuple[str, ...]:
    first = int(layout.first_cells[record])
    bounds = layout.bounds[first : first + int(layout.cells[record]) + 1]
    ends = [int(end) - 1 for end in bounds[1:-1]] + [int(layout.ends[record])]
    cells: list[str] = []
    for start, end in zip(bounds[:-1], ends, strict=True):
        cell = layout.block.text(int(start), end)
        if cell.startswith(b'"'):
            cell = cell[1:-1].replace(b'""', b'"')
        elif b"\r" in cell:
            raise FileRefused(
                file,
                "header_broken",
                "header: a CR stands inside the line, which ends with LF: end all lines with CR LF",
                line,
            )
        cells.append(cell.decode("utf-8"))
    return tuple(cells)


def read_header(
    cells: Sequence[str], csv: CsvFormat, limits: Limits, file: str, line: int
) -> Header:
    """Make a header of the cells of the first record, which stands on `line`.

    Raises:
        FileRefused: `too_many_columns`, `duplicate_headers` or `header_broken`.
    """
    if len(cells) > limits.columns:
        raise FileRefused(
            file,
            "too_many_columns",
            f"the header has {len(cells):,} columns, at most {limits.columns:,} are allowed: "
            "leave out columns, or split the file",
            line,
        )
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
