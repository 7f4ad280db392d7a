"""The sentences with which a CSV record, or a whole file, is refused."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from import_assets.errors import FileRefused
from import_assets.formats.blanks import white_space
from import_assets.formats.dialect import delimiter_name
from import_assets.formats.layout import RECORD_BYTES, Dialect, Layout
from import_assets.records import Fault

_NAMED_BYTES = 4


def wrong_cells(layout: Layout, record: int, width: int, origin: str) -> Fault:
    """The record has more or fewer cells than `origin`, which is the header if any (M095, D17)."""
    found = int(layout.cells[record])
    counts = f"{found} cell{'s' * (found != 1)}, {origin} has {width}"
    if found < width:
        return Fault(
            "too_few_cells",
            f"{counts}: add the missing cells, or write pad_short: true "
            "if cells are missing at the end on purpose",
        )
    delimiter = layout.dialect.delimiter
    first = int(layout.first_cells[record])
    ends = layout.bounds[first + 1 : first + found + 1]
    extra = layout.block.text(int(ends[width - 1]), int(layout.ends[record]))
    if not extra.strip((delimiter + layout.dialect.white_space).encode()):
        advice = f"the record ends with a delimiter too many, take it off or give {origin} one too"
    else:
        named = delimiter_name(delimiter)
        advice = f"{_put_quotes(layout.dialect)} around values that hold the delimiter {named}"
    return Fault("too_many_cells", f"{counts}: {advice}")


def bad_quote(layout: Layout, record: int, line: int) -> Fault:
    """Text follows a closing quote; `line` is the line on which the record begins (M084)."""
    quoting = layout.quoting
    if quoting is None:
        raise AssertionError("a layout without quotes has no bad quote")
    start = int(layout.starts[record])
    position = int(quoting.bad[np.searchsorted(quoting.bad, start)])
    before = layout.block.text(start, position)
    cell = int(np.searchsorted(layout.bounds, position, "right") - layout.first_cells[record])
    behind = layout.block.text(position + 1, int(layout.ends[record]))
    below = before.count(b"\n") or before.count(b"\r")
    where = f" on line {line + below}" if below else ""
    advice = "write a quote inside a quoted cell twice"
    if not layout.dialect.trim and _is_spaced(behind, layout.dialect):
        advice = "take the white space away, or write trim: true"
    return Fault(
        "bad_quote",
        f"cell {cell}: a quote closes the cell{where}, but "
        f"{behind[:20].decode('utf-8', 'backslashreplace')!r} follows instead of the delimiter: "
        f"{advice}",
    )


def stray_carriage_return(layout: Layout, record: int) -> Fault:
    """A CR stands outside quotes and ends no line (D13)."""
    stray = layout.stray_carriages
    position = int(stray[np.searchsorted(stray, layout.starts[record])])
    cell = int(np.searchsorted(layout.bounds, position, "right") - layout.first_cells[record])
    return Fault(
        "stray_carriage_return",
        f"cell {cell}: here stands a CR that ends no line, since the lines of the file end with LF "
        f"or CR LF: end all lines alike, or {_put_quotes(layout.dialect)} around values that hold "
        "a CR",
    )


def broken_cells(layout: Layout, record: int) -> Iterator[tuple[int, int]]:
    """Give the cells of a record with a line break inside (M118).

    Each with its number in the record, from 0, and the number of line ends in the record before the
    first break of the cell.
    """
    breaks = layout.line_breaks
    start, end = int(layout.starts[record]), int(layout.ends[record])
    inside = breaks[np.searchsorted(breaks, start) : np.searchsorted(breaks, end)]
    cells = np.searchsorted(layout.bounds, inside, "right") - 1 - layout.first_cells[record]
    numbers, firsts = np.unique(cells, return_index=True)
    line_end = layout.dialect.line_end.encode()
    for number, position in zip(numbers.tolist(), inside[firsts].tolist(), strict=True):
        yield number, layout.block.text(start, position).count(line_end)


def line_break(cell: int, column: str | None, value: str, line: int) -> Fault:
    """A line break stands in a cell, the first of them on this line of the file (M118, D47)."""
    return Fault(
        "line_break",
        f"cell {cell + 1}: a line break stands inside the quotes, on line {line}: write "
        "the value on one line, or write line_breaks: keep",
        column,
        value,
    )


def quote_not_closed(raw: bytes, line_end: str) -> Fault:
    """A quote is open from within this record to the end of the file (M084)."""
    lines = raw.removesuffix(line_end.encode()).count(line_end.encode()) + 1
    return Fault(
        "quote_not_closed",
        "a quote is opened and never closed, so everything up to the end of the file "
        f"({lines:,} line{'s' * (lines != 1)}) belongs to this record: close the quote, or write a "
        "quote inside a quoted cell twice",
    )


def undecodable(found: list[int], encoding: str) -> Fault:
    """The record holds bytes that the encoding does not know (D15)."""
    return Fault("undecodable", _undecodable(found, encoding))


def record_too_long(file: str, line: int, dialect: Dialect) -> FileRefused:
    """A record exceeds the bytes that a record may have."""
    doubt = "is a quote opened in it and never closed?"
    if dialect.quote == "none":
        doubt = "does a line end where it should?"
    return FileRefused(
        file,
        "record_too_long",
        f"the record that begins here has more than {RECORD_BYTES:,} bytes: {doubt}",
        line,
    )


def too_many_rows(limit: int, file: str, line: int) -> FileRefused:
    """The file has more records than allowed (M087, D12)."""
    return FileRefused(
        file,
        "too_many_rows",
        f"the file has more than {limit:,} records, the first too many begins here: split the file",
        line,
    )


def mixed_line_ends(file: str, line: int) -> FileRefused:
    """A line feed stands outside quotes in a file whose lines end with CR (D13)."""
    return FileRefused(
        file,
        "mixed_line_ends",
        "the lines of the file end with CR, but here stands an LF outside quotes: "
        "end all lines with CR LF",
        line,
    )


def _put_quotes(dialect: Dialect) -> str:
    names = {'"': "put double quotes", "'": "put single quotes"}
    return names.get(dialect.quote, "say which quote there is, csv: {quote: …}, and put it")


def _is_spaced(behind: bytes, dialect: Dialect) -> bool:
    """Tell whether white space and then the end of the cell follow a closing quote."""
    rest = behind.strip(white_space(dialect.delimiter).encode())
    return len(rest) < len(behind) and (not rest or rest.startswith(dialect.delimiter.encode()))


def _undecodable(found: list[int], encoding: str) -> str:
    distinct = list(dict.fromkeys(found))
    names = ", ".join(f"0x{byte:02X}" for byte in distinct[:_NAMED_BYTES])
    more = ", …" if len(distinct) > _NAMED_BYTES else ""
    return (
        f"byte{'s' * (len(distinct) > 1)} {names}{more} cannot be read as {encoding}: "
        "mend the text, or name the encoding it is really written in, csv: {encoding: …}"
    )
