"""The sentences with which a CSV record, or a whole file, is refused."""

from __future__ import annotations

import numpy as np

from import_assets.errors import FileRefused
from import_assets.formats.dialect import delimiter_name
from import_assets.formats.layout import RECORD_BYTES, Layout
from import_assets.records import Fault

_NAMED_BYTES = 4


def wrong_cells(layout: Layout, record: int, width: int, delimiter: str) -> Fault:
    """The record has more or fewer cells than the header (M095, D17)."""
    found = int(layout.cells[record])
    counts = f"{found} cell{'s' * (found != 1)}, the header has {width}"
    if found < width:
        return Fault(
            "too_few_cells",
            f"{counts}: add the missing cells, or write pad_short: true "
            "if cells are missing at the end on purpose",
        )
    first = int(layout.first_cells[record])
    ends = layout.bounds[first + 1 : first + found + 1]
    extra = layout.block.text(int(ends[width - 1]), int(layout.ends[record]))
    if not extra.strip(delimiter.encode()):
        advice = "the record ends with a delimiter too many, take it off or give the header one too"
    else:
        advice = (
            f"put double quotes around values that hold the delimiter {delimiter_name(delimiter)}"
        )
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
    behind = layout.block.text(position + 1, int(layout.ends[record]))[:20]
    below = before.count(b"\n") or before.count(b"\r")
    where = f" on line {line + below}" if below else ""
    return Fault(
        "bad_quote",
        f"cell {cell}: a quote closes the cell{where}, but "
        f"{behind.decode('utf-8', 'backslashreplace')!r} follows instead of the delimiter: "
        "write a quote inside a quoted cell twice",
    )


def stray_carriage_return(layout: Layout, record: int) -> Fault:
    """A CR stands outside quotes and ends no line (D13)."""
    stray = layout.stray_carriages
    position = int(stray[np.searchsorted(stray, layout.starts[record])])
    cell = int(np.searchsorted(layout.bounds, position, "right") - layout.first_cells[record])
    return Fault(
        "stray_carriage_return",
        f"cell {cell}: here stands a CR that ends no line, since the lines of the file end with LF "
        "or CR LF: end all lines alike, or put double quotes around values that hold a CR",
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


def record_too_long(file: str, line: int) -> FileRefused:
    """A record exceeds the bytes that a record may have."""
    return FileRefused(
        file,
        "record_too_long",
        f"the record that begins here has more than {RECORD_BYTES:,} bytes: "
        "is a quote opened in it and never closed?",
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


def _undecodable(found: list[int], encoding: str) -> str:
    distinct = list(dict.fromkeys(found))
    names = ", ".join(f"0x{byte:02X}" for byte in distinct[:_NAMED_BYTES])
    more = ", …" if len(distinct) > _NAMED_BYTES else ""
    return (
        f"byte{'s' * (len(distinct) > 1)} {names}{more} cannot be read as {encoding}: "
        "mend the text, or name the encoding it is really written in, csv: {encoding: …}"
    )
