"""The lines before a table: a title, the number of an account, empty lines (`skip_lines`)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from import_assets.errors import FileRefused
from import_assets.formats.detection.findings import Finding
from import_assets.formats.detection.header import find_header
from import_assets.formats.detection.sample import Record, Sample, take_sample
from import_assets.formats.detection.shapes import TEXT, shape
from import_assets.formats.layout import Dialect
from import_assets.spec.formats import Delimiter

_FARTHEST = 50
"""Records in which the table has to begin."""
_REGULAR = 0.7
_PROVEN = 0.7
_GLANCE_BYTES = 1 << 14
_SEPARATOR_LINE = re.compile(rb'"?sep=(?P<delimiter>[,;\t| ~:.-])"?\r?(?:\n|\r|\Z)', re.IGNORECASE)


def separator_line(head: bytes) -> str:
    """Return the delimiter that Excel's first line `sep=;` names, or nothing."""
    found = _SEPARATOR_LINE.match(head)
    return found["delimiter"].decode() if found else ""


def find_preamble(sample: Sample) -> Finding[int]:
    """Find how many lines stand before the table.

    They have fewer cells than the records that follow, or, as a spreadsheet writes a title, all but
    the first cells empty. The value is 0 where nothing stands before it, and where the first record
    may as well be a header that is too short.
    """
    width = _usual_width(sample.counts)
    records = sample.records
    first = _first_of_table(records, width)
    if width < 2 or first == 0:
        return Finding(0, 0.98, "the first line has as many cells as those that follow")
    counts = sample.counts[first or 0 :]
    regular = sum(count == width for count in counts) / len(counts)
    if first is None or len(counts) < 2 or regular < _REGULAR:
        return Finding(0, 0.5, "no line begins a table that goes on regularly")
    skipped = records[first].line - 1
    before = records[:first]
    single = all(record.filled <= 1 for record in before)
    named = _is_header(records[first])
    # A line that is blank parts two things; names over values are a header for sure.
    apart = records[first].line - before[-1].line > 1
    heads = find_header(records[first:])
    proven = heads.value is True and heads.confidence >= _PROVEN
    if not (named and (apart or proven)) and not (single and width > 2):
        return Finding(
            0,
            0.5,
            f"line {records[0].line} has fewer cells than those that follow, but may be a header",
        )
    sure = (0.75 + 0.15 * named + 0.08 * single) * (0.5 + 0.5 * regular)
    return Finding(
        skipped,
        sure,
        f"the table with {width} columns begins on line {skipped + 1}; what stands before it, such "
        f"as {_shown(before[0])}, has fewer cells",
    )


def preamble_warning(head: bytes, dialect: Dialect, file: str, *, whole: bool) -> tuple[str, ...]:
    """Return what to tell the user where a table that is read from its first line has a preamble.

    Raises:
        FileRefused: `header_broken`; the first line is `sep=;`, which only names the delimiter.
    """
    if named := separator_line(head):
        raise FileRefused(
            file,
            "header_broken",
            f"the line sep={named} names the delimiter and no column: write csv: "
            f'{{skip_lines: 1, delimiter: "{named}"}}'.replace("\t", "\\t"),
            1,
        )
    sample = take_sample(head, dialect, whole=whole, size=_GLANCE_BYTES)
    # Hardly any file has one, and to look at the cells takes longer.
    if not sample.counts or sample.counts[0] == _usual_width(sample.counts):
        return ()
    found = find_preamble(sample)
    if not found.value or found.confidence < _PROVEN:
        return ()
    return (f"{found.why}: write csv: {{skip_lines: {found.value}}} to pass over that",)


def _usual_width(counts: Sequence[int]) -> int:
    """Return the most frequent number of cells, of several the greatest; 0 without records."""
    times = Counter(counts)
    return max(times, key=lambda count: (times[count], count), default=0)


def _first_of_table(records: Sequence[Record], width: int) -> int | None:
    for at, record in enumerate(records[:_FARTHEST]):
        title = width > 2 and record.filled <= max(1, width // 3) and not all(record.cells)
        if len(record.cells) == width and not (title and _leads(record)):
            return at
        if len(record.cells) > width:
            return None
    return None


def _leads(record: Record) -> bool:
    """Tell whether only the first cells hold something."""
    return all(cell.strip() for cell in record.cells[: record.filled])


def _is_header(record: Record) -> bool:
    names = [cell.strip() for cell in record.cells]
    return len(set(names)) == len(names) and all(name and shape(name) == TEXT for name in names)


def _shown(record: Record) -> str:
    text = " ".join(cell.strip() for cell in record.cells if cell.strip())
    return f'"{text[:40]}"'


def as_delimiter(text: str) -> Delimiter:
    """Return a delimiter of `separator_line`, which matches no other text."""
    return text  # pyright: ignore[reportReturnType] - the pattern knows the nine of them
