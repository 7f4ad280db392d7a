"""Finding out how a file is written: its line ends and its delimiter (M083, D13, D14)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from import_assets.errors import FileRefused
from import_assets.formats.block import Block, LineEnd
from import_assets.formats.detection.findings import Finding
from import_assets.formats.layout import Dialect, Layout, lay_out
from import_assets.spec.formats import CsvFormat, Delimiter

DETECTED: tuple[Delimiter, ...] = (",", ";", "\t", "|")
"""The delimiters that are taken unasked."""

_CHOSEN_ONLY: tuple[Delimiter, ...] = ("~", ":", " ", "-", ".")
_SAMPLE_BYTES = 1 << 18
_EVEN_ENOUGH = 0.5
_BLANK_LINES = re.compile(rb"\A(?:[ \t]*[\r\n]+)*+")
_DECIMAL = re.compile(rb"""["']?[-+]?\d+(?:[ .]\d{3})*,\d+["']?""")


def delimiter_name(delimiter: str) -> str:
    """Return how a message names a delimiter."""
    return {" ": "space", "\t": "tab"}.get(delimiter, f'"{delimiter}"')


def find_line_end(head: bytes) -> LineEnd:
    """Return what ends the lines of a file that begins with `head`: CR only where no LF is."""
    return "\r" if b"\r" in head and b"\n" not in head else "\n"


def find_delimiter(
    head: bytes, line_end: LineEnd, csv: CsvFormat, *, whole: bool, file: str
) -> Delimiter:
    """Return the delimiter that the definition names, or else the one that is found (D14).

    Args:
        head: The beginning of the file, behind the lines that are skipped.
        line_end: What ends its lines.
        csv: What the definition says.
        whole: True when `head` is the whole file.
        file: The name used in errors.

    Raises:
        FileRefused: `delimiter_unclear`.
    """
    if csv.delimiter is not None:
        return csv.delimiter
    finding = judge_delimiter(head, Dialect(",", line_end, csv.quote, csv.trim), whole=whole)
    if finding.value is None:
        raise FileRefused(
            file,
            "delimiter_unclear",
            f"{finding.why}; name the right one, csv: {{delimiter: …}}",
        )
    return finding.value


def judge_delimiter(head: bytes, like: Dialect, *, whole: bool) -> Finding[Delimiter]:
    """Find the delimiter among comma, semicolon, tab and pipe (D14).

    It must cut the header into two cells or more; where several do, it must be the only one that
    cuts the first records into as many. Commas that only stand in decimal numbers of another
    delimiter's cells do not count. A header that none of them cuts has one column, and the comma
    serves.

    Args:
        head: The beginning of the file.
        like: How else it is written; its delimiter does not matter.
        whole: True when `head` is the whole file.
    """
    if like.trim:
        # Else a line of tabs, which is blank to any other delimiter, would be a header of two.
        head = _BLANK_LINES.sub(b"", head, count=1)
    cuts = [_try(head, replace(like, delimiter=one), whole=whole) for one in DETECTED]
    cutting = [cut for cut in cuts if cut.columns > 1]
    if not cutting:
        return _one_column(head, like, whole=whole)
    fitting = [cut for cut in cutting if cut.even >= _EVEN_ENOUGH]
    if len(fitting) > 1:
        sample = head[:_SAMPLE_BYTES]
        fitting = [
            cut for cut in fitting if not _only_decimal(sample, cut.delimiter, fitting)
        ] or fitting
    even = [cut for cut in fitting if cut.even == 1.0]
    # One torn record makes the right one uneven: it cuts into more cells than what else is even.
    if even and max(cut.columns for cut in even) >= max(cut.columns for cut in fitting):
        fitting = even
    if len(cutting) > 1 and len(fitting) != 1:
        rivals: tuple[Delimiter, ...] = tuple(cut.delimiter for cut in cutting)
        return Finding(None, 1 / len(rivals), _unclear(cutting), rivals)
    best = (cutting if len(cutting) == 1 else fitting)[0]
    sure = (0.4 + 0.6 * best.even) * (1.0 if best.records else 0.75) * (0.99 ** (len(cutting) - 1))
    why = f"{_way(best)}{_beside(cutting, best)}"
    return Finding[Delimiter](best.delimiter, sure, why)


def _only_decimal(sample: bytes, delimiter: Delimiter, fitting: list[_Cut]) -> bool:
    """Tell whether a comma only stands in numbers such as `1 234,50` under another delimiter."""
    if delimiter != ",":
        return False
    others = b"".join(cut.delimiter.encode() for cut in fitting if cut.delimiter != ",")
    cells = re.split(rb"[\r\n" + re.escape(others) + rb"]", sample)
    # The last one may be cut.
    with_comma = [cell for cell in cells[:-1] if b"," in cell]
    return all(_DECIMAL.fullmatch(cell) for cell in with_comma)


@dataclass(frozen=True)
class _Cut:
    """What a delimiter makes of a file's beginning.

    `columns` is the number of cells of the header, 0 without a header; `even` the share of the
    records that have as many.
    """

    delimiter: Delimiter
    columns: int
    even: float
    records: int


def _try(head: bytes, dialect: Dialect, *, whole: bool) -> _Cut:
    cut = _cut(head[:_SAMPLE_BYTES], dialect, whole and len(head) <= _SAMPLE_BYTES)
    if cut.records == 0 and len(head) > _SAMPLE_BYTES:
        return _cut(head, dialect, whole)
    return cut


def _cut(sample: bytes, dialect: Dialect, whole: bool) -> _Cut:
    delimiter = cast("Delimiter", dialect.delimiter)
    layout = lay_out(Block.of([sample], dialect.line_end, last=whole), dialect)
    filled = ~layout.blank
    cells = np.where(layout.badly_quoted, 0, layout.cells)[filled]
    if not len(cells):
        return _Cut(delimiter, 0, 0.0, 0)
    columns, records = int(cells[0]), len(cells) - 1
    unclosed = _unclosed(layout, whole)
    fitting = int(np.count_nonzero(cells[1:] == columns))
    counted = records + unclosed
    return _Cut(delimiter, columns, fitting / counted if counted else 1.0, records)


def _unclosed(layout: Layout, whole: bool) -> int:
    """A quoted cell that reaches over the end speaks against a delimiter; a cut line does not."""
    return int(layout.tail < layout.block.size and (whole or layout.records < 2))


def _one_column(head: bytes, like: Dialect, *, whole: bool) -> Finding[Delimiter]:
    """Refuse to take for one column what another delimiter of M083 cuts evenly."""
    cuts = [_try(head, replace(like, delimiter=one), whole=whole) for one in _CHOSEN_ONLY]
    others = [cut for cut in cuts if cut.columns > 1 and cut.records and cut.even == 1.0]
    if others:
        ways = [_Cut(",", 1, 1.0, others[0].records), *others]
        return Finding(None, 1 / len(ways), _unclear(ways), tuple(cut.delimiter for cut in ways))
    return Finding(
        ",",
        0.9,
        "none of comma, semicolon, tab and pipe is in the first record, so there is one column",
    )


def _unclear(cuts: list[_Cut]) -> str:
    return f"the delimiter is not clear: {', '.join(map(_way, cuts))}"


def _way(cut: _Cut) -> str:
    return (
        f"{delimiter_name(cut.delimiter)} ({cut.columns} column{'s' * (cut.columns != 1)}, "
        f"{cut.even:.0%} of the first records fit)"
    )


def _beside(cutting: list[_Cut], best: _Cut) -> str:
    others = ", ".join(_way(cut) for cut in cutting if cut is not best)
    return f", rather than {others}" if others else ""
