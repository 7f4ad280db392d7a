"""Where the table begins and which delimiter cuts it: each tells about the other (D14)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from import_assets.formats.detection.findings import Finding, said
from import_assets.formats.detection.preamble import as_delimiter, find_preamble, separator_line
from import_assets.formats.detection.sample import Sample, take_sample
from import_assets.formats.dialect import DETECTED, delimiter_name, judge_delimiter
from import_assets.formats.layout import Dialect
from import_assets.spec.formats import CsvFormat, Delimiter

_CLEARLY = 0.3


@dataclass(frozen=True)
class Table:
    """A delimiter and the number of lines before the table, as they go with each other."""

    delimiter: Finding[Delimiter]
    skip_lines: Finding[int]


def find_table(head: bytes, like: Dialect, csv: CsvFormat, *, whole: bool) -> Table:
    """Find the delimiter and the preamble of a text in UTF-8, but for what `csv` says.

    Args:
        head: The beginning of the text.
        like: How else it is written; its delimiter does not matter.
        csv: What the definition says.
        whole: True when `head` is the whole text.
    """
    if "skip_lines" in csv.model_fields_set:
        rest = behind(head, like, csv.skip_lines)
        return Table(_delimiter(rest, like, csv, whole=whole), said(csv.skip_lines))
    if csv.delimiter is not None:
        skip = _preamble(head, replace(like, delimiter=csv.delimiter), whole=whole)
        return Table(said(csv.delimiter), skip)
    if named := separator_line(head):
        skip = _preamble(head, replace(like, delimiter=named), whole=whole)
        why = f"the first line says so: sep={named}"
        return Table(Finding(as_delimiter(named), 1.0, why), skip)
    return _both(head, like, whole=whole)


def behind(head: bytes, like: Dialect, lines: int) -> bytes:
    """Return what follows after so many lines."""
    parts = head.split(like.line_end.encode(), lines)
    return parts[lines] if len(parts) > lines else b""


def _delimiter(rest: bytes, like: Dialect, csv: CsvFormat, *, whole: bool) -> Finding[Delimiter]:
    if csv.delimiter is not None:
        return said(csv.delimiter)
    return judge_delimiter(rest, like, whole=whole)


def _preamble(head: bytes, dialect: Dialect, *, whole: bool) -> Finding[int]:
    """Find the preamble under a delimiter; the line `sep=;` is part of it."""
    own = int(bool(separator_line(head)))
    found = find_preamble(take_sample(behind(head, dialect, own), dialect, whole=whole))
    if not own:
        return found
    lines = found.value or 0
    more = f"; {found.why}" if lines else ""
    return Finding(lines + 1, 0.99, f"the first line only names the delimiter{more}")


@dataclass(frozen=True)
class _Way:
    """A table as one delimiter makes it, and how much of the file fits in how many columns."""

    table: Table
    weight: float


def _both(head: bytes, like: Dialect, *, whole: bool) -> Table:
    plain = judge_delimiter(head, like, whole=whole)
    samples = [take_sample(head, replace(like, delimiter=one), whole=whole) for one in DETECTED]
    skips = {sample.dialect.delimiter: find_preamble(sample) for sample in samples}
    if not any(skip.value for skip in skips.values()):
        return Table(plain, skips[plain.value or ","])
    ways: list[_Way] = []
    refused: list[Table] = []
    for sample in samples:
        skip = skips[sample.dialect.delimiter]
        found = judge_delimiter(behind(head, like, skip.value or 0), like, whole=whole)
        if found.value == sample.dialect.delimiter:
            ways.append(_Way(Table(found, skip), _weight(sample, skip.value or 0)))
        elif sample.dialect.delimiter in found.rivals:
            refused.append(Table(found, skip))
    ways.sort(key=lambda way: -way.weight)
    if not ways and refused:
        return refused[0]
    if not ways:
        return Table(plain, Finding(0, 0.5, "no line begins a table that goes on regularly"))
    if len(ways) > 1 and ways[0].weight - ways[1].weight < _CLEARLY:
        return _unclear(ways)
    return ways[0].table


def _weight(sample: Sample, skipped: int) -> float:
    """How regular the table is, in more columns rather than in fewer."""
    records = [record for record in sample.records if record.line > skipped]
    counts = [len(record.cells) for record in records]
    if not counts:
        return 0.0
    return math.log2(counts[0]) * sum(count == counts[0] for count in counts) / len(counts)


def _unclear(ways: list[_Way]) -> Table:
    rivals: tuple[Delimiter, ...] = tuple(
        way.table.delimiter.value for way in ways if way.table.delimiter.value
    )
    shown = ", ".join(
        f"{delimiter_name(way.table.delimiter.value or '')} from line "
        f"{(way.table.skip_lines.value or 0) + 1} on"
        for way in ways
    )
    why = f"the delimiter is not clear: a table could be parted by {shown}"
    return Table(Finding[Delimiter](None, 1 / len(ways), why, rivals), ways[0].table.skip_lines)
