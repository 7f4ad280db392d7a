"""Finding out how a file is written: its line ends and its delimiter (M083, D13, D14)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from import_assets.errors import FileRefused
from import_assets.formats.layout import Block, Dialect, Layout, LineEnd, lay_out
from import_assets.spec.formats import Delimiter

_DETECTED: tuple[Delimiter, ...] = (",", ";", "\t", "|")
_CHOSEN_ONLY: tuple[Delimiter, ...] = ("~", ":", " ", "-", ".")
_SAMPLE_BYTES = 1 << 18
_EVEN_ENOUGH = 0.5


def delimiter_name(delimiter: str) -> str:
    """Return how a message names a delimiter."""
    return {" ": "space", "\t": "tab"}.get(delimiter, f'"{delimiter}"')


def find_line_end(head: bytes) -> LineEnd:
    """Return what ends the lines of a file that begins with `head`: CR only where no LF is."""
    return "\r" if b"\r" in head and b"\n" not in head else "\n"


def find_delimiter(head: bytes, line_end: LineEnd, *, whole: bool, file: str) -> Delimiter:
    """Find the delimiter among comma, semicolon, tab and pipe (D14).

    It must cut the header into two cells or more; where several do, it must be the only one that
    cuts the first records into as many. A header that none of them cuts has one column, and the
    comma serves.

    Args:
        head: The beginning of the file.
        line_end: What ends its lines.
        whole: True when `head` is the whole file.
        file: The name used in errors.

    Raises:
        FileRefused: `delimiter_unclear`.
    """
    cuts = [_try(head, delimiter, line_end, whole=whole) for delimiter in _DETECTED]
    cutting = [cut for cut in cuts if cut.columns > 1]
    if not cutting:
        _check_others(head, line_end, whole=whole, file=file)
        return ","
    if len(cutting) == 1:
        return cutting[0].delimiter
    even = [cut for cut in cutting if cut.even == 1.0]
    fitting = even or [cut for cut in cutting if cut.even >= _EVEN_ENOUGH]
    if len(fitting) == 1:
        return fitting[0].delimiter
    raise FileRefused(file, "delimiter_unclear", _unclear(cutting))


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


def _try(head: bytes, delimiter: Delimiter, line_end: LineEnd, *, whole: bool) -> _Cut:
    cut = _cut(head[:_SAMPLE_BYTES], delimiter, line_end, whole and len(head) <= _SAMPLE_BYTES)
    if cut.records == 0 and len(head) > _SAMPLE_BYTES:
        return _cut(head, delimiter, line_end, whole)
    return cut


def _cut(sample: bytes, delimiter: Delimiter, line_end: LineEnd, whole: bool) -> _Cut:
    layout = lay_out(Block.of([sample], line_end, last=whole), Dialect(delimiter, line_end))
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


def _check_others(head: bytes, line_end: LineEnd, *, whole: bool, file: str) -> None:
    """Refuse to take for one column what another delimiter of M083 cuts evenly."""
    cuts = [_try(head, delimiter, line_end, whole=whole) for delimiter in _CHOSEN_ONLY]
    others = [cut for cut in cuts if cut.columns > 1 and cut.records and cut.even == 1.0]
    if others:
        one = _Cut(",", 1, 1.0, others[0].records)
        raise FileRefused(file, "delimiter_unclear", _unclear([one, *others]))


def _unclear(cuts: list[_Cut]) -> str:
    ways = ", ".join(
        f"{delimiter_name(cut.delimiter)} ({cut.columns} column{'s' * (cut.columns != 1)}, "
        f"{cut.even:.0%} of the first records fit)"
        for cut in cuts
    )
    return f"the delimiter is not clear: {ways}; name the right one, csv: {{delimiter: …}}"
